//! Reading values from a file or standard input.

use std::{
    fmt::Display,
    fs::File,
    io::{self, IsTerminal, Read},
    path::Path,
};

use base64ct::{Base64, Encoding};
use clap::Args;
use zeroize::Zeroizing;

use crate::failure::CliError;

/// Most bytes to read: more than the service takes as a value, so that it is the service that names its limit.
const MAX_BYTES: u64 = 1024 * 1024;

/// How a value is to be understood.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Form {
    /// The value is binary: it is stored byte for byte
    #[arg(long)]
    binary: bool,

    /// Keep the line end at the end of a text value, which is dropped otherwise
    #[arg(long, conflicts_with = "binary")]
    exact: bool,

    /// Store an empty value, which is refused otherwise: it is mostly a file or a pipe that went wrong
    #[arg(long)]
    allow_empty: bool,
}

/// A value as the API takes it: one of both is there.
pub(crate) struct Value {
    pub(crate) text: Option<Zeroizing<String>>,
    pub(crate) base64: Option<Zeroizing<String>>,
}

impl Value {
    /// A text.
    pub(crate) fn text(text: Zeroizing<String>) -> Self {
        Self { text: Some(text), base64: None }
    }
}

/// The password of an account, from a file or standard input; a terminal asks for it.
pub(crate) fn password(source: &Path, account: &str) -> Result<Zeroizing<String>, CliError> {
    if source == Path::new("-") && io::stdin().is_terminal() {
        return ask(&format!("Password of {account}"));
    }
    let text = Form::default().interpret(read_source(source, MAX_BYTES)?)?.text;
    text.ok_or_else(|| CliError::impossible("there is no password"))
}

/// Asks for something secret on the terminal, without showing it.
pub(crate) fn ask(what: &str) -> Result<Zeroizing<String>, CliError> {
    let asked = rpassword::prompt_password(format!("{what}: ")).map(Zeroizing::new);
    asked.map_err(|error| CliError::io("read from the terminal", error))
}

impl Form {
    /// Reads a value from `source`; `-` is standard input.
    pub(crate) fn read(self, source: &Path) -> Result<Value, CliError> {
        if source == Path::new("-") && io::stdin().is_terminal() {
            return self.interpret(Zeroizing::new(ask("Value")?.as_bytes().to_vec()));
        }
        self.interpret(read_source(source, MAX_BYTES)?)
    }

    fn require_value(self, bytes: &[u8]) -> Result<(), CliError> {
        if bytes.is_empty() && !self.allow_empty {
            let hint = "the value is empty, so nothing is stored; give --allow-empty if that is meant";
            return Err(CliError::usage(hint));
        }
        Ok(())
    }

    fn interpret(self, mut bytes: Zeroizing<Vec<u8>>) -> Result<Value, CliError> {
        if self.binary {
            self.require_value(&bytes)?;
            let base64 = Zeroizing::new(Base64::encode_string(&bytes));
            return Ok(Value { text: None, base64: Some(base64) });
        }
        if !self.exact && bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        self.require_value(&bytes)?;
        let text = core::str::from_utf8(&bytes);
        let text = text.map_err(|_| CliError::usage("the value is not UTF-8 text; give --binary to store bytes"))?;
        let text = Zeroizing::new(text.to_owned());
        Ok(Value { text: Some(text), base64: None })
    }
}

/// Reads at most `limit` bytes of a file or, for `-`, of standard input.
pub(crate) fn read_source(source: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, CliError> {
    if source == Path::new("-") { read_stdin(limit) } else { read_file(source, limit) }
}

fn read_stdin(limit: u64) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let hint = "it is read from standard input or from a file; it would be seen on this terminal";
        return Err(CliError::usage(hint));
    }
    read(stdin.lock(), limit, "standard input")
}

fn read_file(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let file = File::open(path).map_err(|error| CliError::unreadable(path.display(), &error))?;
    read(file, limit, path.display())
}

fn read(from: impl Read, limit: u64, source: impl Display) -> Result<Zeroizing<Vec<u8>>, CliError> {
    // All the room at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or_default() + 1));
    from.take(limit + 1).read_to_end(&mut bytes).map_err(|error| CliError::unreadable(&source, &error))?;
    if bytes.len() as u64 > limit {
        return Err(CliError::usage(format!("cannot read {source}: it has more than {limit} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn text(form: Form, bytes: &[u8]) -> Option<String> {
        form.interpret(Zeroizing::new(bytes.to_vec())).ok()?.text.map(|text| text.to_string())
    }

    #[test]
    fn one_line_end_at_the_end_of_a_text_is_not_part_of_it() {
        for (bytes, expected) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a\nb", "a\nb")] {
            assert_eq!(text(Form::default(), bytes.as_bytes()).as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_exact_text_keeps_its_line_end() {
        let exact = Form { exact: true, ..Form::default() };
        assert_eq!(text(exact, b"a\n").as_deref(), Some("a\n"));
    }

    #[test]
    fn bytes_are_kept_as_they_are() {
        let value = Form { binary: true, ..Form::default() }.interpret(Zeroizing::new(vec![0xff, b'\n'])).unwrap();
        assert_eq!(value.base64.unwrap().as_str(), "/wo=");
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_as_text() {
        assert_eq!(text(Form::default(), &[0xff]), None);
    }

    #[test]
    fn an_empty_value_is_refused_unless_it_is_meant() {
        for bytes in [&b""[..], b"\n"] {
            let refusal = Form::default().interpret(Zeroizing::new(bytes.to_vec())).err().unwrap().to_string();
            assert!(refusal.contains("--allow-empty"), "{refusal}");
            let meant = Form { allow_empty: true, ..Form::default() };
            assert_eq!(text(meant, bytes).as_deref(), Some(""));
        }
        let binary = Form { binary: true, ..Form::default() };
        assert!(binary.interpret(Zeroizing::new(Vec::new())).is_err());
    }
}
