//! `csms completions`: scripts that complete commands, flags, their choices and the names of secrets in a shell.
//!
//! A script asks `csms` itself for candidates, which it names by the variables of the official SDKs and `CSMS_CREDENTIALS`.

use clap::Args;
use clap_complete::{Shell, env::Shells};
use csms_cli::{COMPLETION_VARIABLE, print};

use super::Failed;

const EXAMPLES: &str = "\
Examples:
  source <(csms completions bash)       in ~/.bashrc
  source <(csms completions zsh)        in ~/.zshrc
  csms completions fish | source        in ~/.config/fish/config.fish

Names of secrets are read from the server, with CSMS_CREDENTIALS or the variables of the official SDKs.";

/// Arguments of `csms completions`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// Standard output that cannot be written.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    let shells = Shells::builtins();
    let name = arguments.shell.to_string();
    let shell = shells.completer(&name).ok_or_else(|| format!("there are no completions for {name}"))?;
    let mut script = Vec::new();
    shell.write_registration(COMPLETION_VARIABLE, "csms", "csms", "csms", &mut script)?;
    Ok(print(&script)?)
}
