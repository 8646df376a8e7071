//! `csms serve`: resolves the settings and runs the server until it stops.

use super::{Failed, block_on};
use crate::{boot::serve::serve, boot::settings::Flags};

/// Runs the server.
///
/// # Errors
/// Settings that cannot be used, and what ends the server before it is asked to end.
pub fn run(flags: Flags) -> Result<(), Failed> {
    block_on(serve(flags.settle()?))
}
