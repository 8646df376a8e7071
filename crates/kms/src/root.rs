//! The root key: derives sub-keys and seals small things, each for a named purpose.
//!
//! Sub-keys are HMAC-SHA-256 of the purpose under the root key. The root key is uniformly random, so that is a key
//! derivation function without further steps (NIST SP 800-108, one block), and a sub-key reveals nothing about another.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand_core::TryCryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    aead::{Cipher, KEY_BYTES, Key, NONCE_BYTES, TAG_BYTES, push_part, random},
    error::{OpenError, RootKeyError, SealError},
};

/// First byte of small things that older releases sealed: nonce (12 bytes), ciphertext, tag (16 bytes). Only opened.
const UNNUMBERED: u8 = 1;

/// First byte of sealed small things: number of the root key (4 bytes, big-endian), nonce (12 bytes), ciphertext, tag
/// (16 bytes).
const NUMBERED: u8 = 2;

/// Number of the root key that an installation begins with, and of everything that names no number.
pub const FIRST_ROOT_KEY: u32 = 1;

/// The key that every other key depends on: 256 bits, wiped when dropped, never printed.
///
/// It has a number, which is stored beside whatever a key derived from it made. So a later root key can be told from this one.
#[derive(Clone)]
pub struct RootKey {
    key: Zeroizing<Key>,
    number: u32,
}

/// A key derived from a root key for one purpose, with the number of the root key.
#[derive(Clone)]
pub struct DerivedKey {
    /// Number of the root key, to be stored beside what the key makes.
    pub number: u32,
    /// The key; wiped when dropped.
    pub key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DerivedKey").field("number", &self.number).finish_non_exhaustive()
    }
}

impl RootKey {
    /// A new random key.
    ///
    /// # Errors
    /// [`SealError::Randomness`].
    pub fn make<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, SealError> {
        random(rng).map(|bytes| Self::from_bytes(Zeroizing::new(bytes)))
    }

    /// The key in these bytes, which have to be random: those of a data key, for instance.
    #[must_use]
    pub const fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self { key: bytes, number: FIRST_ROOT_KEY }
    }

    /// The same key as the root key of this number.
    #[must_use]
    pub fn with_number(self, number: u32) -> Self {
        Self { number, ..self }
    }

    /// The key's number among the root keys of its installation.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The bytes of the key, to be sealed under another one.
    #[must_use]
    pub fn reveal(&self) -> &[u8; 32] {
        &self.key
    }

    /// The key written as 64 hexadecimal digits; one line end behind them is allowed.
    ///
    /// # Errors
    /// [`RootKeyError::MalformedText`], which repeats nothing of the text.
    pub fn from_hex(text: &str) -> Result<Self, RootKeyError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let digits = text.strip_suffix('\n').unwrap_or(text);
        hex::decode_to_slice(digits, key.as_mut_slice()).map_err(|_| RootKeyError::MalformedText)?;
        Ok(Self::from_bytes(key))
    }

    /// The line that [`RootKey::from_hex`] reads.
    pub(crate) fn to_hex_line(&self) -> Zeroizing<String> {
        let mut line = Zeroizing::new(String::with_capacity(2 * KEY_BYTES + 1));
        let mut digits = Zeroizing::new([0; 2 * KEY_BYTES]);
        // The buffer has exactly the size that the encoding needs.
        if hex::encode_to_slice(self.key.as_slice(), digits.as_mut_slice()).is_ok() {
            line.extend(digits.iter().copied().map(char::from));
        }
        line.push('\n');
        line
    }

    /// The sub-key for a purpose: the same for the same root key and purpose, and unrelated to all others.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        self.sub_key("derive", purpose)
    }

    /// As [`RootKey::derive`], with the number that is stored beside what the key makes.
    #[must_use]
    pub fn derive_numbered(&self, purpose: &str) -> DerivedKey {
        DerivedKey { number: self.number, key: self.derive(purpose) }
    }

    /// Seals a small thing, such as a secret access key, for a purpose. The purpose should name the place too
    /// (`access-key AK…`), so that the sealed bytes open nowhere else.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal<R: TryCryptoRng + ?Sized>(
        &self,
        purpose: &str,
        plaintext: &[u8],
        rng: &mut R,
    ) -> Result<Vec<u8>, SealError> {
        let nonce = random::<NONCE_BYTES, R>(rng)?;
        let number = self.number.to_be_bytes();
        let mut out = Vec::with_capacity(1 + number.len() + NONCE_BYTES + plaintext.len() + TAG_BYTES);
        out.push(NUMBERED);
        out.extend_from_slice(&number);
        out.extend_from_slice(&nonce);
        let associated = associated(purpose, Some(self.number));
        Cipher::new(&self.sub_key("seal", "")).seal_onto(&mut out, &nonce, &associated, plaintext)?;
        Ok(out)
    }

    /// Number of the root key that sealed these bytes.
    ///
    /// # Errors
    /// [`OpenError`]: no bytes that [`RootKey::seal`] makes.
    pub fn number_of(sealed: &[u8]) -> Result<u32, OpenError> {
        match sealed.split_first().ok_or(OpenError::Damaged)? {
            (&UNNUMBERED, _) => Ok(FIRST_ROOT_KEY),
            (&NUMBERED, rest) => rest.first_chunk().map(|number| u32::from_be_bytes(*number)).ok_or(OpenError::Damaged),
            (&other, _) => Err(OpenError::UnknownFormat(other)),
        }
    }

    /// Opens what [`RootKey::seal`] made for the same purpose.
    ///
    /// # Errors
    /// [`OpenError`]: the bytes were changed, sealed for another purpose, or sealed under another root key.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (format, rest) = sealed.split_first().ok_or(OpenError::Damaged)?;
        let (number, rest) = match *format {
            UNNUMBERED => (None, rest),
            NUMBERED => {
                let (number, rest) = rest.split_first_chunk().ok_or(OpenError::Damaged)?;
                (Some(u32::from_be_bytes(*number)), rest)
            }
            other => return Err(OpenError::UnknownFormat(other)),
        };
        if number.unwrap_or(FIRST_ROOT_KEY) != self.number {
            return Err(OpenError::Damaged);
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Damaged)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(OpenError::Damaged)?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        Cipher::new(&self.sub_key("seal", "")).open_in_place(nonce, &associated(purpose, number), &mut buffer, tag)?;
        Ok(buffer)
    }

    fn sub_key(&self, kind: &str, purpose: &str) -> Zeroizing<Key> {
        let mut message = b"csms root key v1".to_vec();
        push_part(&mut message, kind.as_bytes());
        push_part(&mut message, purpose.as_bytes());
        // HMAC fills a short key up with zeros to the block of its hash; doing it here gives a length that is known
        // when compiling.
        let mut block = Zeroizing::new([0_u8; 64]);
        block.iter_mut().zip(self.key.iter()).for_each(|(to, from)| *to = *from);
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
        mac.update(&message);
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

/// The associated data of a small thing; without a number of one that an older release sealed.
fn associated(purpose: &str, number: Option<u32>) -> Vec<u8> {
    let mut out = if number.is_some() { b"csms small v2".to_vec() } else { b"csms small v1".to_vec() };
    push_part(&mut out, purpose.as_bytes());
    if let Some(number) = number {
        push_part(&mut out, &number.to_be_bytes());
    }
    out
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;
    use proptest::prelude::*;

    use super::*;

    fn key() -> RootKey {
        RootKey::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap()
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", key()), "RootKey(hidden)");
    }

    #[test]
    fn a_text_that_is_no_key_is_refused_without_being_repeated() {
        let long = "0".repeat(65);
        for text in ["", "0f", "zz02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00", &long, &long[..63]] {
            let error = RootKey::from_hex(text).unwrap_err();
            assert_eq!(error.to_string(), "a root key is 64 hexadecimal digits and nothing else");
        }
    }

    #[test]
    fn the_written_line_is_read_as_the_same_key() {
        let made = RootKey::make(&mut SysRng).unwrap();
        assert_eq!(RootKey::from_hex(&made.to_hex_line()).unwrap().derive("x"), made.derive("x"));
    }

    #[test]
    fn derived_keys_never_change_between_releases() {
        // HMAC-SHA-256 of the framed purpose, computed with Python's hmac module.
        let expected = "56ce9772e4c25a9f63a4a1d9dbce1a6bbfc221022abe7ada040aec32d23990e8";
        assert_eq!(hex::encode(key().derive("tokens")), expected);
    }

    #[test]
    fn sub_keys_differ_by_purpose_and_root() {
        let other = RootKey::make(&mut SysRng).unwrap();
        assert_ne!(key().derive("a"), key().derive("b"));
        assert_ne!(key().derive("a"), other.derive("a"));
        assert_ne!(key().derive(""), key().sub_key("seal", ""));
    }

    #[test]
    fn what_an_older_release_sealed_opens() {
        let nonce = [7; NONCE_BYTES];
        let mut sealed = vec![UNNUMBERED];
        sealed.extend_from_slice(&nonce);
        let cipher = Cipher::new(&key().sub_key("seal", ""));
        cipher.seal_onto(&mut sealed, &nonce, &associated("check", None), b"csms").unwrap();
        assert_eq!(key().open("check", &sealed).unwrap().as_slice(), b"csms");
        assert_eq!(key().open("other", &sealed), Err(OpenError::Damaged));
    }

    #[test]
    fn what_another_number_names_does_not_open() {
        let mut sealed = key().seal("check", b"csms", &mut SysRng).unwrap();
        assert_eq!(sealed[..5], [NUMBERED, 0, 0, 0, 1]);
        sealed[4] = 2;
        assert_eq!(key().open("check", &sealed), Err(OpenError::Damaged));
    }

    #[test]
    fn another_root_key_or_purpose_does_not_open() {
        let sealed = key().seal("check", b"csms", &mut SysRng).unwrap();
        assert_eq!(key().open("check", &sealed).unwrap().as_slice(), b"csms");
        assert_eq!(key().open("access-key", &sealed), Err(OpenError::Damaged));
        assert_eq!(RootKey::make(&mut SysRng).unwrap().open("check", &sealed), Err(OpenError::Damaged));
    }

    proptest! {
        #[test]
        fn a_changed_byte_does_not_open(plaintext in proptest::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let mut sealed = key().seal("p", &plaintext, &mut SysRng).unwrap();
            let opened = key().open("p", &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
            let at = at.index(sealed.len());
            sealed[at] ^= flip;
            prop_assert!(key().open("p", &sealed).is_err());
        }

        #[test]
        fn arbitrary_bytes_do_not_open(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(key().open("p", &bytes).is_err());
        }
    }
}
