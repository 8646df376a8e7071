//! The targets as a program of libFuzzer. `CSMS_FUZZ_TARGET` names the one that is run.
#![no_main]

use std::sync::LazyLock;

use csms_fuzz::{Target, find};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("CSMS_FUZZ_TARGET").unwrap_or_default();
    find(&name).unwrap_or_else(|| panic!("CSMS_FUZZ_TARGET is {name:?}, which is no target"))
});

fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));
