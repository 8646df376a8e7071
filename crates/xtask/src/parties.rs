//! The libraries of others that are part of what is shipped: their licences, and the notices that go with them.
//!
//! `.deny.toml` is the one list of licences; a library with another one fails the tests. The SBOM is made in `dist/sbom.rs`.

mod crates;
mod licences;
mod npm;
mod toolchain;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use anyhow::{Context, Result, bail, ensure};
use licences::Licences;

use crate::{
    architecture::{AARCH64, X86_64},
    cargo,
    progress::Steps,
    wasm, www,
};

/// How the names of files begin that a licence wants to be passed on.
const NOTICES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "UNLICENSE"];

/// The name of the notices in the npm package and in the function's zip.
pub(crate) const FILE: &str = "THIRD-PARTY-NOTICES.txt";

/// The name of the notices among the files that the server embeds.
const EMBEDDED: &str = "licenses.txt";

/// Something that is shipped by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Artefact {
    /// The server with the console and the book in it, and the rotation function beside it.
    Server,
    /// The rotation function for FunctionGraph.
    Function,
    /// The package for npm.
    NpmPackage,
}

/// Where a library comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ecosystem {
    Cargo,
    Npm,
    /// Part of a toolchain, or of what another library brings along.
    Other,
}

/// The texts that a library's licence wants to be passed on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Texts {
    /// Files of this directory with one of the names of [`NOTICES`].
    In(PathBuf),
    These(String),
}

/// One library, or one of our own programs.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    pub(crate) ecosystem: Ecosystem,
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression.
    pub(crate) licence: Option<String>,
    pub(crate) is_ours: bool,
    texts: Texts,
}

/// What an artefact is made of, ordered by name and version.
#[derive(Debug)]
pub(crate) struct Parties {
    libraries: Vec<Library>,
}

/// The targets of programs: their libraries are listed together.
const TARGETS: [&str; 2] = [X86_64.target, AARCH64.target];

/// Finds what an artefact is made of.
pub(crate) async fn find(artefact: Artefact) -> Result<Parties> {
    let mut libraries = match artefact {
        Artefact::Server => {
            let mut all = crates::linked(&["csms-server", "rotate-database"], &TARGETS).await?;
            // The console holds the npm package.
            all.extend(crates::linked(&["csms-wasm"], &[wasm::TARGET]).await?);
            all.extend(npm::bundled()?);
            all.extend(toolchain::of_programs());
            all.extend(toolchain::of_book());
            all
        }
        Artefact::Function => {
            let mut all = crates::linked(&["rotate-database"], &TARGETS).await?;
            all.extend(toolchain::of_programs());
            all
        }
        Artefact::NpmPackage => {
            let mut all = crates::linked(&["csms-wasm"], &[wasm::TARGET]).await?;
            all.extend(toolchain::of_modules());
            all
        }
    };
    let key = |library: &Library| (library.name.clone(), library.version.clone(), library.ecosystem);
    libraries.sort_by_key(key);
    libraries.dedup_by_key(|library| key(library));
    Ok(Parties { libraries })
}

/// The licence of this repository and the notices of an artefact, which are refused if a licence is not on the list.
pub(crate) async fn notices(artefact: Artefact) -> Result<String> {
    let parties = find(artefact).await?;
    parties.require_licences()?;
    parties.notices()
}

/// Puts the notices of the server, as one step, where the next build of the server embeds them.
pub(crate) async fn embed(steps: &mut Steps) -> Result<()> {
    steps
        .run("Notices of libraries", async |step| {
            wasm::node::install(step, &www::source()).await?;
            let notices = notices(Artefact::Server).await?;
            www::place(&www::built().join(EMBEDDED), notices.as_bytes())?;
            Ok(((), format!("{} kB", notices.len() / 1000)))
        })
        .await
}

impl Parties {
    /// All of them, our own among them.
    pub(crate) fn all(&self) -> &[Library] {
        &self.libraries
    }

    /// Those that are not of this repository.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Library> {
        self.libraries.iter().filter(|library| !library.is_ours)
    }

    /// Requires that every library may be shipped, and returns how many there are. An error names those that may not.
    pub(crate) fn require_licences(&self) -> Result<usize> {
        let licences = Licences::read(cargo::root())?;
        let is_unknown = |library: &&Library| {
            !library.licence.as_deref().is_some_and(|expression| licences.allow(&library.name, expression))
        };
        let unknown: Vec<_> = self.others().filter(is_unknown).map(Library::line).collect();
        if unknown.is_empty() {
            return Ok(self.others().count());
        }
        bail!("licences that are not on the list of {}:\n  {}", licences::FILE, unknown.join("\n  "));
    }

    /// The licence of this repository and what the others' licences want to be passed on: each text once, below the libraries that
    /// it comes with.
    pub(crate) fn notices(&self) -> Result<String> {
        let licence = fs::read_to_string(cargo::root().join("LICENSE")).context("cannot read LICENSE")?;
        let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut out = format!(
            "{licence}\n{}\nIt is built from these libraries. The texts of their licences follow the list.\n\n",
            "-".repeat(78)
        );
        for library in self.others() {
            writeln!(out, "{}", library.line())?;
            for text in library.texts.read()? {
                texts.entry(text).or_default().insert(format!("{} {}", library.name, library.version));
            }
        }
        let mut texts: Vec<_> = texts.into_iter().collect();
        texts.sort_by(|(_, one), (_, other)| one.cmp(other));
        for (text, libraries) in texts {
            let libraries: Vec<_> = libraries.into_iter().collect();
            writeln!(out, "\n{}\n{}:\n\n{}", "-".repeat(78), libraries.join(", "), text.trim_end())?;
        }
        Ok(out)
    }
}

impl Library {
    /// Its line in the list.
    fn line(&self) -> String {
        format!("{} {}: {}", self.name, self.version, self.licence.as_deref().unwrap_or("none"))
    }
}

impl Texts {
    fn read(&self) -> Result<Vec<String>> {
        let directory = match self {
            Self::These(text) => return Ok(vec![text.clone()]),
            Self::In(directory) => directory,
        };
        ensure!(directory.is_dir(), "{} is not there; install the packages of the console first", directory.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
            if path.is_file() && NOTICES.iter().any(|begin| name.starts_with(begin)) {
                files.push(path);
            }
        }
        files.sort();
        // One text with other ends of lines is one text.
        let text =
            |file: &PathBuf| Ok(String::from_utf8_lossy(&fs::read(file)?).replace("\r\n", "\n").trim_end().to_owned());
        files.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_library_of_what_is_shipped_has_a_licence_of_the_list() {
        for (artefact, at_least) in [(Artefact::Server, 200), (Artefact::Function, 50), (Artefact::NpmPackage, 20)] {
            let libraries = find(artefact).await.unwrap().require_licences().unwrap();
            assert!(libraries > at_least, "{artefact:?}: {libraries}");
        }
    }

    #[test]
    fn a_library_with_an_unknown_licence_is_refused_by_its_name() {
        for licence in [Some("SSPL-1.0".to_owned()), None] {
            let library = Library {
                ecosystem: Ecosystem::Npm,
                name: "left-over".to_owned(),
                version: "1.2.3".to_owned(),
                licence: licence.clone(),
                is_ours: false,
                texts: Texts::These(String::new()),
            };
            let refused = Parties { libraries: vec![library] }.require_licences().unwrap_err().to_string();
            assert!(
                refused.contains(&format!("left-over 1.2.3: {}", licence.as_deref().unwrap_or("none"))),
                "{refused}"
            );
        }
    }

    #[tokio::test]
    async fn the_notices_of_the_function_name_every_library_and_nothing_that_only_tests_use() {
        let parties = find(Artefact::Function).await.unwrap();
        let notices = parties.notices().unwrap();
        for library in parties.others() {
            assert!(notices.contains(&format!("\n{}\n", library.line())), "{library:?}");
        }
        assert!(!notices.contains("\nproptest ") && !notices.contains("\nreact "));
        assert!(notices.contains("\nmusl 1.2: MIT\n") && notices.contains("Permission is hereby granted"));
    }

    #[tokio::test]
    async fn the_notices_of_the_server_have_those_of_the_console_and_the_book() {
        if !www::source().join("node_modules/react").is_dir() {
            eprintln!("left out: build the console first (cargo xtask package)");
            return;
        }
        let notices = find(Artefact::Server).await.unwrap().notices().unwrap();
        for part in ["\nrusqlite ", "\nreact ", "\nwasm-bindgen ", "\nmdbook-html ", "Meta Platforms", "Fonticons"] {
            assert!(notices.contains(part), "{part}");
        }
    }
}
