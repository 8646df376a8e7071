//! Every input that is kept goes through its target once.

use std::{
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use csms_fuzz::{TARGETS, find};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

#[test]
fn every_target_takes_the_inputs_that_are_kept_for_it() {
    for target in TARGETS {
        let directory = corpus().join(target.name);
        let mut inputs: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "nothing is kept for {}", target.name);
        for input in inputs {
            let bytes = fs::read(&input).unwrap();
            assert!(catch_unwind(|| (target.run)(&bytes)).is_ok(), "{}", input.display());
            // What is cut off is an input, too.
            for end in 0..bytes.len().min(256) {
                assert!(catch_unwind(|| (target.run)(&bytes[..end])).is_ok(), "{} up to {end}", input.display());
            }
        }
    }
}

#[test]
fn every_directory_of_inputs_has_its_target() {
    for entry in fs::read_dir(corpus()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(find(&name).is_some(), "{name}");
    }
}

#[test]
fn a_name_without_a_target_is_none() {
    assert!(find("nothing").is_none());
}
