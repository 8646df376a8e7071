//! Where a value on the command line comes from: the argument itself, a file, standard input or the terminal.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{
    failure::CliError,
    input::{ask, read_source},
};

/// Most bytes of a value: more than the service takes in a request.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The sources of one command. Standard input can be read once.
#[derive(Default)]
pub(super) struct Sources {
    is_stdin_read: bool,
}

impl Sources {
    /// The text that the argument of a flag stands for.
    ///
    /// # Errors
    /// A file that cannot be read, or is no text; a second use of standard input.
    pub(super) fn text(&mut self, flag: &str, given: &str) -> Result<Zeroizing<String>, CliError> {
        match given.strip_prefix('@') {
            Some(rest) if rest.starts_with('@') => Ok(Zeroizing::new(rest.to_owned())),
            Some(file) => self.file(flag, file),
            None => Ok(Zeroizing::new(given.to_owned())),
        }
    }

    /// The same for a value that must not be among the arguments; `-` asks for it on a terminal.
    ///
    /// # Errors
    /// A value that is among the arguments, too.
    pub(super) fn secret(&mut self, flag: &str, given: &str) -> Result<Zeroizing<String>, CliError> {
        match given {
            "-" | "@-" if io::stdin().is_terminal() => ask(flag.trim_start_matches('-')),
            "-" => self.file(flag, "-"),
            _ => match given.strip_prefix('@').filter(|file| !file.starts_with('@')) {
                Some(file) => self.file(flag, file),
                None => Err(visible(flag)),
            },
        }
    }

    fn file(&mut self, flag: &str, file: &str) -> Result<Zeroizing<String>, CliError> {
        if file == "-" {
            if self.is_stdin_read {
                return Err(CliError::usage(format!("{flag}: standard input is read already, and only once")));
            }
            self.is_stdin_read = true;
        }
        let bytes = read_source(Path::new(file), MAX_BYTES)?;
        let text = core::str::from_utf8(&bytes).map_err(|_| CliError::usage(format!("{flag}: {file} is not text")))?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        Ok(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
    }
}

/// Why a value that nobody else may see is not taken from the arguments.
pub(super) fn visible(flag: &str) -> CliError {
    CliError::usage(format!(
        "{flag} is secret, and other users of the machine can read arguments: give it as {flag} @FILE, or as {flag} - to \
         type or to pipe it"
    ))
}
