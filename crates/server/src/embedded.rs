//! The files that are built into the program: the console, the book below `docs/`, and the notices of its libraries.
//!
//! Holds them; [`crate::http`] serves them.

/// A file of the program.
pub struct File {
    name: &'static str,
    /// The content.
    pub plain: &'static [u8],
    /// The content, compressed by gzip.
    pub compressed: &'static [u8],
}

/// Empty when nothing of them was built before the server.
const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The name of the notices.
pub const NOTICES: &str = "licenses.txt";

/// The file of this name.
#[must_use]
pub fn file(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}
