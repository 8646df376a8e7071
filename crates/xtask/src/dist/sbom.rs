//! The list of everything that the server is made of (SBOM), in SPDX 2.3.

use anyhow::Result;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::parties::{Ecosystem, Library, Parties};

/// The document as JSON. Its name holds a digest of what it lists.
pub(super) fn document(parties: &Parties, version: &str, created: &str) -> Result<String> {
    let mut hash = Sha256::new();
    parties.all().iter().for_each(|library| hash.update(format!("{} {}\n", library.name, library.version)));
    let digest = hex::encode(hash.finalize());
    let libraries = parties.all().iter().map(library);
    // What is shipped by itself describes the document; our other crates are parts like those of others.
    let programs = || parties.all().iter().filter(|library| PROGRAMS.contains(&library.name.as_str()));
    let relations = programs().flat_map(|program| {
        let contains =
            parties.others().map(|library| relation(&identifier(program), "DEPENDS_ON", &identifier(library)));
        let described = relation("SPDXRef-DOCUMENT", "DESCRIBES", &identifier(program));
        std::iter::once(described).chain(contains).collect::<Vec<_>>()
    });
    let document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("csms-{version}"),
        "documentNamespace": format!("https://spdx.org/spdxdocs/csms-{version}-{digest}"),
        "creationInfo": { "created": created, "creators": ["Tool: cargo-xtask-dist"] },
        "packages": libraries.collect::<Vec<_>>(),
        "relationships": relations.collect::<Vec<_>>(),
    });
    Ok(format!("{document:#}\n"))
}

/// The programs that are shipped, by their packages.
const PROGRAMS: [&str; 2] = ["csms-server", "rotate-database"];

fn identifier(library: &Library) -> String {
    let kind = if library.ecosystem == Ecosystem::Npm { "npm-" } else { "" };
    let part = format!("{kind}{}-{}", library.name, library.version);
    format!("SPDXRef-{}", part.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-', "-"))
}

fn library(library: &Library) -> Value {
    let name = library.name.replace('@', "%40");
    let locator = match library.ecosystem {
        Ecosystem::Cargo => format!("pkg:cargo/{name}@{}", library.version),
        Ecosystem::Npm => format!("pkg:npm/{name}@{}", library.version),
        Ecosystem::Other => format!("pkg:generic/{name}@{}", library.version),
    };
    json!({
        "SPDXID": identifier(library),
        "name": library.name,
        "versionInfo": library.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": library.licence.as_deref().unwrap_or("NOASSERTION").replace('/', " OR "),
        "copyrightText": "NOASSERTION",
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": locator,
        }],
    })
}

fn relation(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::parties::{self, Artefact};

    #[tokio::test]
    async fn it_lists_everything_once_and_every_relation_is_between_what_it_lists() {
        let parties = parties::find(Artefact::Server).await.unwrap();
        let document = document(&parties, "1.2.3", "2026-01-01T00:00:00Z").unwrap();
        let document: Value = serde_json::from_str(&document).unwrap();
        let listed = document["packages"].as_array().unwrap();
        let mut identifiers: BTreeSet<_> = listed.iter().map(|package| package["SPDXID"].as_str().unwrap()).collect();
        assert_eq!(identifiers.len(), parties.all().len());
        identifiers.insert("SPDXRef-DOCUMENT");
        for relation in document["relationships"].as_array().unwrap() {
            for end in ["spdxElementId", "relatedSpdxElement"] {
                assert!(identifiers.contains(relation[end].as_str().unwrap()), "{relation}");
            }
        }
    }
}
