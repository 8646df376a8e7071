//! Files of the schema are frozen: databases have applied them, so what is wrong in one is mended by a later one.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// The digest and the name of each file. A run with `CSMS_WRITE_GENERATED=1` adds new files and changes no line.
const SUMS: &str = "SHA256SUMS";

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")
}

/// The files of both stores by name, with their digests.
fn present() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for place in ["", "postgres/"] {
        for entry in fs::read_dir(directory().join(place)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                let name = format!("{place}{}", path.file_name().unwrap().to_str().unwrap());
                found.insert(name, hex::encode(Sha256::digest(fs::read(path).unwrap())));
            }
        }
    }
    found
}

fn frozen() -> BTreeMap<String, String> {
    let text = fs::read_to_string(directory().join(SUMS)).unwrap_or_default();
    let lines = text.lines().map(|line| line.split_once("  ").unwrap());
    lines.map(|(digest, name)| (name.to_owned(), digest.to_owned())).collect()
}

#[test]
fn no_file_of_the_schema_changes_once_it_is_there() {
    let (present, mut frozen) = (present(), frozen());
    for (name, digest) in &frozen {
        assert_eq!(
            present.get(name),
            Some(digest),
            "{name} was changed or removed: add a file that changes the schema"
        );
    }
    let fresh: BTreeMap<_, _> = present.into_iter().filter(|(name, _)| !frozen.contains_key(name)).collect();
    if fresh.is_empty() {
        return;
    }
    assert!(std::env::var_os("CSMS_WRITE_GENERATED").is_some(), "without a digest in {SUMS}: {:?}", fresh.keys());
    frozen.extend(fresh);
    let lines: String = frozen.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
    fs::write(directory().join(SUMS), lines).unwrap();
}

#[test]
fn files_are_numbered_without_gaps() {
    for place in ["", "postgres/"] {
        let is_there =
            |name: &&String| name.starts_with(place) && name.matches('/').count() == place.matches('/').count();
        let names: Vec<_> = present().into_keys().collect();
        let numbers: Vec<usize> =
            names.iter().filter(is_there).map(|name| name[place.len()..][..4].parse().unwrap()).collect();
        assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>(), "{place}");
    }
}
