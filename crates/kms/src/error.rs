//! What can go wrong with keys and sealed bytes. No error carries key material or a plaintext.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why sealing failed.
#[derive(Debug, Error)]
pub enum SealError {
    /// The generator gave no random bytes; the text is its own message.
    #[error("no random bytes: {0}")]
    Randomness(String),
    /// The plaintext is longer than the cipher allows (64 GiB).
    #[error("the plaintext is too long to seal")]
    TooLong,
}

/// Why sealed bytes did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The bytes were changed, belong to another place, or were sealed under another key. Which of these it was
    /// cannot be told apart.
    #[error("the sealed bytes are damaged, belong to another place or were sealed under another key")]
    Damaged,
    /// The first byte names a format that this release does not know.
    #[error("the sealed bytes have format {0}, which this release does not know")]
    UnknownFormat(u8),
    /// They name a root key that is not in the ring, or was retired.
    #[error("the sealed bytes name root key number {0}, which is not in use")]
    OtherRootKey(u32),
}

/// Why there is no root key.
#[derive(Debug, Error)]
pub enum RootKeyError {
    /// The file cannot be read or made.
    #[error("root key file {}: cannot {action}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, as in “cannot read”.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The path names something other than a regular file.
    #[error("root key file {}: not a regular file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner may read or write the file.
    #[error("root key file {}: mode {mode:04o} lets others in; run chmod 600 on it", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The contents are not a key.
    #[error("root key file {}: must hold 64 hexadecimal digits and nothing else", path.display())]
    MalformedFile {
        /// The file.
        path: PathBuf,
    },
    /// The given text is not a key.
    #[error("a root key is 64 hexadecimal digits and nothing else")]
    MalformedText,
    /// The generator gave no random bytes; the text is its own message.
    #[error("no random bytes: {0}")]
    Randomness(String),
}
