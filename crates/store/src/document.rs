//! Rows that hold a whole value as JSON, with a checksum so that a damaged one is noticed.

use serde::{Serialize, de::DeserializeOwned};

use crate::error::{Cause, StoreError};

/// A value ready to be stored.
pub(crate) struct Document {
    /// JSON.
    pub(crate) text: String,
    /// CRC-32 of the text.
    pub(crate) checksum: u32,
}

impl Document {
    pub(crate) fn of<T: Serialize>(value: &T) -> Result<Self, StoreError> {
        let text = serde_json::to_string(value)
            .map_err(|error| StoreError::Conflict(Cause::with("writing a value as JSON", error)))?;
        let checksum = crc32fast::hash(text.as_bytes());
        Ok(Self { text, checksum })
    }
}

/// Whether the text is the one that the checksum was made of.
pub(crate) fn is_intact(text: &[u8], checksum: i64) -> bool {
    checksum == i64::from(crc32fast::hash(text))
}

/// Reads a stored value back.
pub(crate) fn decode<T: DeserializeOwned>(text: &[u8], checksum: i64, what: &'static str) -> Result<T, StoreError> {
    if !is_intact(text, checksum) {
        return Err(StoreError::Corrupt(Cause::new(format!("the checksum of {what} is wrong"))));
    }
    // Checking the text once is quicker than having each string in it checked.
    let text = std::str::from_utf8(text)
        .map_err(|error| StoreError::Corrupt(Cause::with(format!("reading {what}"), error)))?;
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(Cause::with(format!("reading {what}"), error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_bit_is_noticed() {
        let document = Document::of(&["SYSCURRENT", "v1"]).unwrap();
        for at in 0..document.text.len() {
            for bit in 0..8 {
                let mut text = document.text.clone().into_bytes();
                text[at] ^= 1 << bit;
                let read = decode::<Vec<String>>(&text, i64::from(document.checksum), "a list");
                assert!(matches!(read, Err(StoreError::Corrupt(_))));
            }
        }
    }

    #[test]
    fn an_undamaged_value_comes_back() {
        let document = Document::of(&["SYSCURRENT"]).unwrap();
        let read: Vec<String> = decode(document.text.as_bytes(), i64::from(document.checksum), "a list").unwrap();
        assert_eq!(read, ["SYSCURRENT"]);
    }
}
