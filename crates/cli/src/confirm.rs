//! Asks before something is destroyed, when somebody is there to be asked.

use std::io::{self, IsTerminal as _, Write as _};

/// Asks on the terminal whether to go on. Without a terminal, or with `yes`, nobody is asked.
///
/// # Errors
/// A sentence, when the answer is not yes.
pub fn confirm(question: &str, yes: bool) -> Result<(), String> {
    if yes || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(());
    }
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    let _ = io::stdin().read_line(&mut answer);
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err("nothing is changed (--yes goes on without asking)".to_owned()),
    }
}
