//! Password hashes as MySQL and MariaDB keep them, compared with passwords. Pure.
//!
//! The hash proves that a password is right even though the server refuses the login.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A hash that the server keeps, with the plugin it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hash<'a> {
    /// `mysql_native_password` or `caching_sha2_password`; other plugins cannot be compared.
    pub(super) plugin: &'a str,
    /// The bytes of `authentication_string`.
    pub(super) bytes: &'a [u8],
}

impl Hash<'_> {
    /// Whether the hash is the password's; `None` when that cannot be told, also because a client may have sent the
    /// characters of the password in another encoding than UTF-8: a hash is one of bytes.
    pub(super) fn is_of(&self, password: &str) -> Option<bool> {
        let is_of = match self.plugin {
            "mysql_native_password" if is_native(self.bytes) => {
                self.bytes.eq_ignore_ascii_case(native(password).as_bytes())
            }
            "caching_sha2_password" => caching_sha2(password, self.bytes)?,
            _ => return None,
        };
        (is_of || password.is_ascii()).then_some(is_of)
    }
}

/// Whether it has the form of a hash: a server writes `<secret>` instead of one that the login may not see.
fn is_native(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"*").is_some_and(|digits| digits.len() == 40 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// `*` and the hexadecimal SHA-1 of the SHA-1.
pub(super) fn native(password: &str) -> String {
    native_of(password.as_bytes())
}

fn native_of(password: &[u8]) -> String {
    format!("*{}", hex::encode_upper(Sha1::digest(Sha1::digest(password))))
}

/// Compares with `$A$005$`, 20 bytes of salt and 43 characters of digest. The number counts thousands of rounds.
fn caching_sha2(password: &str, hash: &[u8]) -> Option<bool> {
    let (number, rest) = hash.strip_prefix(b"$A$")?.split_at_checked(3)?;
    let (salt, digest) = rest.strip_prefix(b"$")?.split_at_checked(20)?;
    let thousands = u32::from_str_radix(core::str::from_utf8(number).ok()?, 16).ok()?;
    Some(digest == sha256_crypt(password.as_bytes(), salt, thousands.checked_mul(1000)?).as_bytes())
}

/// SHA256-crypt (Drepper, "Unix crypt using SHA-256 and SHA-512"), with the longer salt that MySQL uses: the original cuts
/// salts after 16 bytes, and so do the crates that implement it.
fn sha256_crypt(password: &[u8], salt: &[u8], rounds: u32) -> String {
    let alternate = Sha256::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut context = Sha256::new().chain_update(password).chain_update(salt);
    context.update(repeated(&alternate, password.len()));
    let mut length = password.len();
    while length > 0 {
        context.update(if length & 1 == 1 { &alternate[..] } else { password });
        length >>= 1;
    }
    let mut digest = context.finalize();

    let mut context = Sha256::new();
    for _ in 0..password.len() {
        context.update(password);
    }
    let p = repeated(&context.finalize(), password.len());
    let mut context = Sha256::new();
    for _ in 0..16 + usize::from(digest[0]) {
        context.update(salt);
    }
    let s = repeated(&context.finalize(), salt.len());

    for round in 0..rounds {
        let mut context = Sha256::new();
        context.update(if round & 1 == 1 { &p[..] } else { &digest[..] });
        if round % 3 != 0 {
            context.update(&s);
        }
        if round % 7 != 0 {
            context.update(&p);
        }
        context.update(if round & 1 == 1 { &digest[..] } else { &p[..] });
        digest = context.finalize();
    }
    encode(&digest.into())
}

/// The first `length` bytes of a digest that is repeated without end.
fn repeated(digest: &[u8], length: usize) -> Vec<u8> {
    digest.iter().copied().cycle().take(length).collect()
}

/// The base64 of crypt(3), which takes bytes in an order of its own.
fn encode(digest: &[u8; 32]) -> String {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const ORDER: [[usize; 3]; 10] = [
        [0, 10, 20],
        [21, 1, 11],
        [12, 22, 2],
        [3, 13, 23],
        [24, 4, 14],
        [15, 25, 5],
        [6, 16, 26],
        [27, 7, 17],
        [18, 28, 8],
        [9, 19, 29],
    ];
    let mut text = String::with_capacity(43);
    let mut push = |mut bits: usize, characters: usize| {
        for _ in 0..characters {
            text.push(char::from(ALPHABET[bits & 0x3f]));
            bits >>= 6;
        }
    };
    for [a, b, c] in ORDER {
        push(usize::from(digest[a]) << 16 | usize::from(digest[b]) << 8 | usize::from(digest[c]), 4);
    }
    push(usize::from(digest[31]) << 8 | usize::from(digest[30]), 3);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_native_hash_is_the_one_the_server_would_make() {
        // SELECT PASSWORD('one1') on MariaDB 10.11.
        assert_eq!(native("one1"), "*E1C2E82D442C7906BF1CDAD2903ADF8424DFEEC6");
    }

    #[test]
    fn sha256_crypt_agrees_with_the_vectors_of_its_specification() {
        assert_eq!(sha256_crypt(b"Hello world!", b"saltstring", 5000), "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5");
        assert_eq!(
            sha256_crypt(b"Hello world!", b"saltstringsaltst", 10000),
            "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"
        );
    }

    #[test]
    fn other_forms_are_not_compared() {
        for bytes in [&b""[..], b"$A$005$short", b"$A$xyz$01234567890123456789", b"$B$005$"] {
            assert_eq!(Hash { plugin: "caching_sha2_password", bytes }.is_of("p"), None);
        }
        assert_eq!(Hash { plugin: "ed25519", bytes: b"x" }.is_of("p"), None);
        assert_eq!(Hash { plugin: "mysql_native_password", bytes: b"<secret>" }.is_of("p"), None);
        assert_eq!(Hash { plugin: "mysql_native_password", bytes: native("p").as_bytes() }.is_of("p"), Some(true));
    }
    #[test]
    fn a_password_that_is_not_ascii_may_have_been_sent_in_another_encoding() {
        let in_latin1 = native_of(b"p\xe4ssword");
        let hash = Hash { plugin: "mysql_native_password", bytes: in_latin1.as_bytes() };
        assert_eq!((hash.is_of("p\u{e4}ssword"), hash.is_of("password")), (None, Some(false)));
        let in_utf8 = native("p\u{e4}ssword");
        let hash = Hash { plugin: "mysql_native_password", bytes: in_utf8.as_bytes() };
        assert_eq!(hash.is_of("p\u{e4}ssword"), Some(true));
    }
}
