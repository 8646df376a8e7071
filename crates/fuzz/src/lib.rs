//! What reads bytes that a stranger wrote, as functions of bytes: none may panic, and what is read twice is read the same.
//!
//! `cargo xtask fuzz` gives them to libFuzzer; the tests give them the inputs in `corpus`. Parsers that belong to a socket (heads of
//! requests, greetings of databases) are tried through their sockets in `tests/hostile` and `tests/rotation`.

mod formats;
mod requests;
mod sealed;

/// A function that takes any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also that of its directory in `corpus`.
    pub name: &'static str,
    /// Reads the bytes; panics where a rule of the reader is broken.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "accounts", run: formats::accounts },
    Target { name: "bodies", run: requests::bodies },
    Target { name: "json", run: formats::json },
    Target { name: "messages", run: formats::messages },
    Target { name: "policies", run: formats::policies },
    Target { name: "queries", run: requests::queries },
    Target { name: "sealed", run: sealed::sealed },
    Target { name: "signatures", run: formats::signatures },
    Target { name: "tokens", run: sealed::tokens },
    Target { name: "words", run: formats::words },
];

/// The target with a name.
#[must_use]
pub fn find(name: &str) -> Option<Target> {
    TARGETS.iter().find(|target| target.name == name).copied()
}

/// The bytes as text, as the parsers of texts get them.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
