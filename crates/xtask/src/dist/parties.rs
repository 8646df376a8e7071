//! The libraries of others that the shipped programs are built from: their licences, the notices that go with them, and the SBOM.
//!
//! `cargo metadata` says what is linked; what is only built or tested with is left out. [`ALLOWED`] is the one list of licences.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cargo;

/// The programs that are shipped, by their packages.
const SHIPPED: [&str; 2] = ["csms-server", "rotate-database"];

/// Licences, by their SPDX identifiers, under which a library may be part of what is shipped.
const ALLOWED: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

/// How the names of files begin that a licence wants to be passed on.
const NOTICES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Clone, Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// What is linked into the shipped programs, ordered by name and version.
#[derive(Debug)]
pub(super) struct Parties {
    packages: Vec<Package>,
    /// Digest of what was resolved, which names the SBOM.
    digest: String,
}

/// Finds what is linked for a target.
pub(super) async fn find(target: &str) -> Result<Parties> {
    let mut command = cargo::command();
    command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", target]);
    let output = command.stderr(Stdio::inherit()).output().await.context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed ({})", output.status);
    }
    linked(&serde_json::from_slice(&output.stdout).context("cargo metadata is not as expected")?)
}

fn linked(metadata: &Metadata) -> Result<Parties> {
    let packages: BTreeMap<_, _> = metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<_, _> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let shipped = metadata.packages.iter().filter(|package| SHIPPED.contains(&package.name.as_str()));
    let mut open: Vec<_> = shipped.map(|package| package.id.as_str()).collect();
    if open.len() != SHIPPED.len() {
        bail!("the workspace lacks one of the packages {}", SHIPPED.join(", "));
    }
    let mut found = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !found.insert(id) {
            continue;
        }
        let node = nodes.get(id).with_context(|| format!("{id} is not resolved"))?;
        let linked = node.deps.iter().filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        open.extend(linked.map(|dependency| dependency.pkg.as_str()));
    }
    let mut linked: Vec<_> = found.iter().filter_map(|id| packages.get(id)).map(|package| (*package).clone()).collect();
    linked.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    let mut hash = Sha256::new();
    linked.iter().for_each(|package| hash.update(format!("{} {}\n", package.name, package.version)));
    Ok(Parties { packages: linked, digest: hex::encode(hash.finalize()) })
}

/// Whether an expression allows a use under one of [`ALLOWED`].
fn is_allowed(expression: &str) -> bool {
    // Older manifests write a choice with a slash. No expression nests further than a choice within a sum.
    let all = expression.replace('/', " OR ");
    all.split(" AND ").all(|sum| {
        sum.split(" OR ")
            .any(|licence| ALLOWED.contains(&licence.trim_matches(|c: char| c.is_whitespace() || "()".contains(c))))
    })
}

impl Parties {
    /// Those that are not of this repository.
    fn others(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.source.is_some())
    }

    /// Requires that every library may be shipped. An error names those that may not.
    pub(super) fn require_licences(&self) -> Result<usize> {
        let unknown: Vec<_> = self
            .others()
            .filter(|package| !package.license.as_deref().is_some_and(is_allowed))
            .map(|package| {
                format!("{} {}: {}", package.name, package.version, package.license.as_deref().unwrap_or("none"))
            })
            .collect();
        if unknown.is_empty() {
            return Ok(self.others().count());
        }
        bail!("licences that are not on the list of crates/xtask/src/dist/parties.rs:\n  {}", unknown.join("\n  "));
    }

    /// What the licences want to be passed on: each text once, below the libraries that it comes with.
    pub(super) fn notices(&self) -> Result<String> {
        let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut out = "csms is built from these libraries. The texts of their licences follow the list.\n\n".to_owned();
        for package in self.others() {
            let licence = package.license.as_deref().unwrap_or_default();
            writeln!(out, "{} {}: {licence}", package.name, package.version)?;
            for text in texts_beside(&package.manifest_path)? {
                texts.entry(text).or_default().push(format!("{} {}", package.name, package.version));
            }
        }
        let mut texts: Vec<_> = texts.into_iter().collect();
        texts.sort_by(|(_, one), (_, other)| one.cmp(other));
        for (text, packages) in texts {
            writeln!(out, "\n{}\n{}:\n\n{}", "-".repeat(78), packages.join(", "), text.trim_end())?;
        }
        Ok(out)
    }

    /// The SBOM in SPDX 2.3, as JSON.
    pub(super) fn sbom(&self, version: &str, created: &str) -> Result<String> {
        let identifier = |package: &Package| {
            let part = format!("{}-{}", package.name, package.version);
            format!("SPDXRef-{}", part.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-', "-"))
        };
        let packages = self.packages.iter().map(|package| {
            json!({
                "SPDXID": identifier(package),
                "name": package.name,
                "versionInfo": package.version,
                "downloadLocation": "NOASSERTION",
                "filesAnalyzed": false,
                "licenseConcluded": "NOASSERTION",
                "licenseDeclared": package.license.as_deref().unwrap_or("NOASSERTION").replace('/', " OR "),
                "copyrightText": "NOASSERTION",
                "externalRefs": [{
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": format!("pkg:cargo/{}@{}", package.name, package.version),
                }],
            })
        });
        let shipped = self.packages.iter().filter(|package| SHIPPED.contains(&package.name.as_str()));
        let describes = shipped.flat_map(|program| {
            let contains =
                self.others().map(|library| relation(&identifier(program), "DEPENDS_ON", &identifier(library)));
            let described = relation("SPDXRef-DOCUMENT", "DESCRIBES", &identifier(program));
            std::iter::once(described).chain(contains).collect::<Vec<_>>()
        });
        let document = json!({
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": format!("csms-{version}"),
            "documentNamespace": format!("https://spdx.org/spdxdocs/csms-{version}-{}", self.digest),
            "creationInfo": { "created": created, "creators": ["Tool: cargo-xtask-dist"] },
            "packages": packages.collect::<Vec<_>>(),
            "relationships": describes.collect::<Vec<_>>(),
        });
        Ok(format!("{document:#}\n"))
    }
}

fn relation(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

/// The texts of the files beside a manifest that have one of the names of [`NOTICES`].
fn texts_beside(manifest: &Path) -> Result<Vec<String>> {
    let directory = manifest.parent().context("a manifest is in no directory")?;
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && NOTICES.iter().any(|begin| name.starts_with(begin)) {
            files.push(path);
        }
    }
    files.sort();
    files.iter().map(|file| Ok(String::from_utf8_lossy(&fs::read(file)?).into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_allowed_if_one_choice_of_each_part_is() {
        for allowed in [
            "MIT",
            "MIT OR GPL-3.0",
            "Apache-2.0/MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(is_allowed(allowed), "{allowed}");
        }
        for refused in
            ["GPL-3.0-only", "MIT AND GPL-3.0-only", "(GPL-2.0 OR AGPL-3.0) AND MIT", "", "SSPL-1.0 OR BUSL-1.1"]
        {
            assert!(!is_allowed(refused), "{refused}");
        }
    }

    #[tokio::test]
    async fn every_library_of_the_shipped_programs_may_be_shipped_and_is_in_notices_and_sbom() {
        let parties = find("x86_64-unknown-linux-musl").await.unwrap();
        let libraries = parties.require_licences().unwrap();
        assert!(libraries > 100, "{libraries}");
        let (notices, sbom) = (parties.notices().unwrap(), parties.sbom("1.2.3", "2026-01-01T00:00:00Z").unwrap());
        let sbom: Value = serde_json::from_str(&sbom).unwrap();
        for package in parties.others() {
            assert!(notices.contains(&format!("{} {}: ", package.name, package.version)), "{package:?}");
        }
        assert_eq!(sbom["packages"].as_array().unwrap().len(), parties.packages.len());
        // Only the tests use it.
        assert!(!notices.contains("\nproptest "), "what only tests use is not shipped");
        assert!(notices.contains("\nrusqlite ") && notices.contains("Permission is hereby granted"));
    }
}
