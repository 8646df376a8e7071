//! base64url without padding (RFC 7515 section 2), strictly: one text for each sequence of bytes.

use alloc::{string::String, vec::Vec};

use base64ct::{Base64UrlUnpadded, Encoding};

/// Bytes encoded at a time: a multiple of three, so that no group is cut.
const CHUNK: usize = 768;

/// Length of the text for `bytes` bytes.
pub(super) const fn encoded_len(bytes: usize) -> usize {
    bytes.saturating_mul(4).div_ceil(3)
}

/// Appends the text of `bytes` to `out`.
pub(super) fn push(out: &mut String, bytes: &[u8]) {
    let mut text = [0; encoded_len(CHUNK)];
    for chunk in bytes.chunks(CHUNK) {
        // The buffer holds a whole chunk, the only reason for which this could fail.
        out.push_str(Base64UrlUnpadded::encode(chunk, &mut text).unwrap_or_default());
    }
}

/// The text of `bytes`.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(encoded_len(bytes.len()));
    push(&mut out, bytes);
    out
}

/// The bytes of `text`; `None` for padding, other characters, a cut group or bits that belong to no byte.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, format, vec};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_with_padding_foreign_characters_or_cut_groups_is_refused() {
        for text in ["AA==", "AA=", "+A", "/A", "A A", "AA\n", "A", "AAAAA", "é", "AA.AA"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }

    #[test]
    fn of_all_texts_for_one_byte_only_the_canonical_one_is_accepted() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let second: BTreeSet<char> =
            alphabet.chars().filter(|second| decode(&format!("A{second}")).is_some()).collect();
        assert_eq!(second, BTreeSet::from(['A', 'Q', 'g', 'w']));
        assert_eq!(decode("AAB"), None);
        assert_eq!(decode("AAE"), Some(vec![0, 1]));
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let text = encode(&bytes);
            prop_assert_eq!(text.len(), encoded_len(bytes.len()));
            prop_assert_eq!(decode(&text), Some(bytes));
        }

        #[test]
        fn text_that_is_accepted_is_the_text_of_its_bytes(text in "[A-Za-z0-9_-]{0,9}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
