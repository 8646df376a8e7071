//! Which build this is: version, commit, date and target, as `build.rs` found them.
//!
//! A source archive has no repository, so its commit and date are `unknown` unless the variables `CSMS_COMMIT` and
//! `CSMS_COMMIT_DATE` name them during the build. So are those of a development build.

use serde_json::{Map, Value};

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that was built, with `-dirty` after it if files differed.
pub const COMMIT: &str = env!("CSMS_BUILD_COMMIT");

/// The date of the commit, `YYYY-MM-DD`.
pub const DATE: &str = env!("CSMS_BUILD_DATE");

/// The platform that it was built for.
pub const TARGET: &str = env!("CSMS_BUILD_TARGET");

/// All of them with their names.
pub const PARTS: [(&str, &str); 4] = [("version", VERSION), ("commit", COMMIT), ("date", DATE), ("target", TARGET)];

/// All of them as members of an object.
#[must_use]
pub fn members() -> Map<String, Value> {
    PARTS.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// What `--version` prints: a line, and with `verbose` one for each part.
#[must_use]
pub fn text(verbose: bool) -> String {
    let mut text = format!("csms {VERSION}\n");
    if verbose {
        text.extend(PARTS.into_iter().skip(1).map(|(name, value)| format!("{name}: {value}\n")));
    }
    text
}
