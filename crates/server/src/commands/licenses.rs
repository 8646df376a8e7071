//! `csms licenses`: the licence of the program, and the notices of the libraries that it is built from.

use csms_cli::print;

use super::Failed;
use crate::embedded;

/// Prints them.
///
/// # Errors
/// A build without notices, and standard output that cannot be written.
pub fn run() -> Result<(), Failed> {
    let Some(notices) = embedded::file(embedded::NOTICES) else {
        return Err(
            "this build has no notices of its libraries; `cargo xtask package` makes them for the next build".into()
        );
    };
    Ok(print(notices.plain)?)
}
