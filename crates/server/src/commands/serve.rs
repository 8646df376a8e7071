//! `csms serve`: resolves the settings and runs the server until it stops.

use super::{Failed, block_on};
use crate::{boot::serve::serve, boot::settings::origin::Given};

/// Runs the server.
///
/// # Errors
/// Settings that cannot be used, and what ends the server before it is asked to end.
pub fn run(given: Given) -> Result<(), Failed> {
    let settings = given.settle()?;
    block_on(serve(given, settings))
}
