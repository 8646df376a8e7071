//! `csms completions`: scripts that complete commands, flags and their choices in a shell.

use std::io::Write;

use clap::{Args, Command};
use clap_complete::Shell;

use super::Failed;

const EXAMPLES: &str = "\
Examples:
  csms completions bash > /etc/bash_completion.d/csms
  csms completions zsh > \"${fpath[1]}/_csms\"
  csms completions fish > ~/.config/fish/completions/csms.fish";

/// Arguments of `csms completions`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script for a command and all below it.
///
/// # Errors
/// Standard output that cannot be written.
pub fn run(arguments: &Arguments, mut command: Command) -> Result<(), Failed> {
    // Made in memory first: the generator panics when its writer fails, as a closed pipe does.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "csms", &mut script);
    Ok(std::io::stdout().write_all(&script)?)
}
