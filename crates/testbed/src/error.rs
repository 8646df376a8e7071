//! What can go wrong while an instance is set up, used or stopped.
//!
//! Messages carry the log of the program concerned, because a test that fails on a build machine
//! has nothing else to show. Passwords never reach them: none is passed as an argument or logged.

use std::io;
use std::path::Path;
use std::time::Duration;

/// A failure of the testbed, never of the thing under test: a refused login is an answer, not an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is not installed.
    #[error("{program} was not found: {hint}")]
    Missing {
        /// The program or package that is needed.
        program: String,
        /// What the reader can do about it, as a command where possible.
        hint: String,
    },
    /// A file, directory or process operation failed.
    #[error("{what}: {source}")]
    Io {
        /// The operation and its object.
        what: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A helper program (`initdb`, `pip`, …) ended with a failure.
    #[error("{command} failed ({status})\n{output}")]
    Command {
        /// The program and what it was asked to do.
        command: String,
        /// How it ended.
        status: String,
        /// What it printed.
        output: String,
    },
    /// An instance ended, or was not ready in time.
    #[error("{name} did not start: {detail}\n{log}")]
    NotStarted {
        /// The program.
        name: String,
        /// What was seen instead of readiness.
        detail: String,
        /// The last lines of its log.
        log: String,
    },
    /// An instance did not end in the time it was given.
    #[error("{name} was still running after {waited:?}")]
    StillRunning {
        /// The program.
        name: String,
        /// How long was waited.
        waited: Duration,
    },
    /// A database could not be asked: no connection, no answer in time, or no trusted certificate.
    /// This says nothing about the password.
    #[error("{name} cannot be reached: {detail}")]
    Unreachable {
        /// The database.
        name: String,
        /// The driver's reason.
        detail: String,
    },
    /// A database was reached and refused a statement.
    #[error("{name} refused a statement: {detail}")]
    Statement {
        /// The database.
        name: String,
        /// The database's reason.
        detail: String,
    },
    /// Something that a program wrote could not be understood.
    #[error("{what} is not as agreed: {detail}")]
    Malformed {
        /// The file or line.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
}

/// The result of a testbed operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An operating system error on `path`, with the verb that failed ("create", "read", …).
    pub(crate) fn at(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = format!("cannot {verb} {}", path.display());
        move |source| Self::Io { what, source }
    }
}

/// An error with all its causes on one line; drivers hide the useful part in the source chain.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_names_every_cause_once() {
        let cause = io::Error::other("certificate unknown");
        let error = Error::Io { what: "cannot connect".into(), source: cause };
        assert_eq!(chain(&error), "cannot connect: certificate unknown");
    }
}
