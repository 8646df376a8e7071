//! `csms licenses`: the licence of the program, and the notices of the libraries that it is built from.

use std::io::{ErrorKind, Write};

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
    match std::io::stdout().write_all(notices.plain) {
        // A pager was closed before the end.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
