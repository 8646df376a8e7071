//! base64url without padding (RFC 7515 section 2), strictly: one text for each sequence of bytes.
//!
//! Twice: by table for tokens, which are public and may be long, and in constant time (`base64ct`) for keys.

use alloc::{string::String, vec, vec::Vec};

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The bit that marks a byte that is no letter of the alphabet.
const FOREIGN: u8 = 0x80;

/// The six bits for which each byte stands, or [`FOREIGN`].
#[allow(clippy::indexing_slicing, reason = "computed by the compiler, which refuses an index out of bounds")]
const VALUES: [u8; 256] = {
    let mut values = [FOREIGN; 256];
    let mut value = 0;
    while value < 64 {
        values[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// Length of the text for `bytes` bytes.
pub(super) const fn encoded_len(bytes: usize) -> usize {
    bytes.saturating_mul(4).div_ceil(3)
}

/// Appends the text of `bytes` to `out`.
pub(super) fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start.saturating_add(encoded_len(bytes.len())), 0);
    let (groups, rest) = bytes.as_chunks();
    let (texts, tail) = out.get_mut(start..).unwrap_or_default().as_chunks_mut();
    for (text, group) in texts.iter_mut().zip(groups) {
        *text = encode_group(*group);
    }
    let byte = |index| rest.get(index).copied().unwrap_or_default();
    // As many letters as the tail has room for: none, two or three.
    for (letter, last) in tail.iter_mut().zip(encode_group([byte(0), byte(1), 0])) {
        *letter = last;
    }
}

fn encode_group([a, b, c]: [u8; 3]) -> [u8; 4] {
    let letter = |value: u8| ALPHABET.get(usize::from(value & 63)).copied().unwrap_or_default();
    [letter(a >> 2), letter(a << 4 | b >> 4), letter(b << 2 | c >> 6), letter(c)]
}

/// The base64url text of `bytes`, without padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    push(&mut out, bytes);
    into_text(out)
}

/// What was written with [`push`], as text. Letters are ASCII.
pub(super) fn into_text(written: Vec<u8>) -> String {
    String::from_utf8(written).unwrap_or_default()
}

/// The bytes of a base64url text; `None` for padding, other characters, a cut group or bits that belong to no byte.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let (groups, rest) = text.as_bytes().as_chunks();
    let mut bytes = vec![0; groups.len().saturating_mul(3).saturating_add(rest.len().saturating_sub(1))];
    let (slots, tail) = bytes.as_chunks_mut();
    let mut seen = 0;
    for (slot, letters) in slots.iter_mut().zip(groups) {
        let (decoded, values) = decode_group(*letters);
        *slot = decoded;
        seen |= values;
    }
    let (last, stray) = match *rest {
        [] => ([0; 3], 0),
        [a, b] => (decode_group([a, b, b'A', b'A']).0, value(b) & 15),
        [a, b, c] => (decode_group([a, b, c, b'A']).0, value(c) & 3),
        _ => return None,
    };
    for (byte, last) in tail.iter_mut().zip(last) {
        *byte = last;
    }
    let foreign = rest.iter().fold(seen, |seen, letter| seen | value(*letter)) & FOREIGN;
    (stray == 0 && foreign == 0).then_some(bytes)
}

/// The bytes of a group, and its values joined, which show whether all were letters.
fn decode_group(letters: [u8; 4]) -> ([u8; 3], u8) {
    let [a, b, c, d] = letters.map(value);
    ([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d], a | b | c | d)
}

fn value(letter: u8) -> u8 {
    VALUES.get(usize::from(letter)).copied().unwrap_or(FOREIGN)
}

/// The text of a key, in constant time. Wiped when dropped.
pub(super) fn encode_key<const N: usize>(bytes: &[u8; N]) -> Zeroizing<String> {
    Zeroizing::new(Base64UrlUnpadded::encode_string(bytes))
}

/// The bytes of a key's text, in constant time for its length; `None` as for [`decode`], and for another length.
pub(super) fn decode_key<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    let decoded = Base64UrlUnpadded::decode(text, bytes.as_mut_slice()).ok()?.len();
    (decoded == N).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, format, vec};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_with_padding_foreign_characters_or_cut_groups_is_refused() {
        for text in ["AA==", "AA=", "+A", "/A", "A A", "AA\n", "A", "AAAAA", "é", "éé", "AA.AA", "AAAé", "=AAA", "AA=="]
        {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }

    #[test]
    fn of_all_texts_for_one_byte_only_the_canonical_one_is_accepted() {
        let second: BTreeSet<u8> =
            (0..128).filter(|second| decode(&format!("A{}", char::from(*second))).is_some()).collect();
        assert_eq!(second, BTreeSet::from(*b"AQgw"));
        assert_eq!(decode("AAB"), None);
        assert_eq!(decode("AAE"), Some(vec![0, 1]));
    }

    #[test]
    fn keys_of_another_length_are_refused() {
        assert_eq!(decode_key("AAAB").as_deref(), Some(&[0, 0, 1]));
        for text in ["", "AAA", "AAAA=", "AAAAAA", "AA+A", "AAAé"] {
            assert_eq!(decode_key::<3>(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let text = encode(&bytes);
            prop_assert_eq!(text.len(), encoded_len(bytes.len()));
            prop_assert_eq!(&text, &Base64UrlUnpadded::encode_string(&bytes));
            prop_assert_eq!(decode(&text), Some(bytes));
        }

        #[test]
        fn what_is_accepted_is_what_base64ct_accepts(text in "[A-Za-z0-9_-]{0,9}[A-Za-z0-9_+/= .-]{0,2}") {
            prop_assert_eq!(decode(&text), Base64UrlUnpadded::decode_vec(&text).ok());
        }

        #[test]
        fn keys_are_written_and_read_as_other_bytes(key: [u8; 32]) {
            let text = encode_key(&key);
            prop_assert_eq!(text.as_str(), encode(&key));
            prop_assert_eq!(*decode_key(&text).unwrap(), key);
        }
    }
}
