//! SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677), as PostgreSQL keeps them. Pure; knows no connection.
//!
//! With a verifier made here, the server and its logs never see the password.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The number of iterations of servers that cannot be told another one, and the least that RFC 7677 allows.
pub(crate) const ITERATIONS: u32 = 4096;

/// Bytes of salt, as many as PostgreSQL draws.
pub(crate) const SALT_BYTES: usize = 16;

/// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`. Holds no character that SQL would have to quote.
pub(crate) fn verifier(password: &str, salt: &[u8], iterations: u32) -> String {
    verifier_of(prepared(password).as_bytes(), salt, iterations)
}

fn verifier_of(prepared: &[u8], salt: &[u8], iterations: u32) -> String {
    let salted = salted_password(prepared, salt, iterations);
    let stored_key = Sha256::digest(keyed(&salted, b"Client Key"));
    let server_key = keyed(&salted, b"Server Key");
    let (salt, stored, server) =
        (Base64::encode_string(salt), Base64::encode_string(&stored_key), Base64::encode_string(&server_key));
    format!("SCRAM-SHA-256${iterations}:{salt}${stored}:{server}")
}

/// The verifiers that servers may keep for a password, the last one made of the password as it is: PostgreSQL looks for
/// prohibited characters before it takes the normal form of a password, and leaves one alone that would become nothing.
pub(crate) fn verifiers(password: &str, salt: &[u8], iterations: u32) -> Vec<String> {
    let mut all = vec![verifier(password, salt, iterations)];
    if !password.is_ascii() {
        all.push(verifier_of(password.as_bytes(), salt, iterations));
    }
    all
}

/// A password prepared with SASLprep; one that SASLprep prohibits is used as it is, which is what PostgreSQL and its clients do.
fn prepared(password: &str) -> Zeroizing<String> {
    Zeroizing::new(stringprep::saslprep(password).map_or_else(|_| password.to_owned(), Into::into))
}

/// SaltedPassword of RFC 5802, of a prepared password.
fn salted_password(prepared: &[u8], salt: &[u8], iterations: u32) -> Zeroizing<[u8; 32]> {
    let mut salted = Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2_hmac::<Sha256>(prepared, salt, iterations, &mut *salted);
    salted
}

fn keyed(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // HMAC fills keys up to a block with zeros; doing it here leaves nothing that could fail.
    let mut block = Zeroizing::new([0; 64]);
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The exchange of RFC 7677 section 3: user "user", password "pencil".
    const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
    const AUTH_MESSAGE: &str = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
        r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
        c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const CLIENT_PROOF: &str = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SERVER_SIGNATURE: &str = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn of(password: &str, salt: &[u8]) -> String {
        verifier(password, salt, ITERATIONS)
    }

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        Base64::decode_vec(text).unwrap().try_into().unwrap()
    }

    fn keys(verifier: &str) -> ([u8; 32], [u8; 32]) {
        let (stored, server) = verifier.rsplit_once('$').unwrap().1.split_once(':').unwrap();
        (bytes(stored), bytes(server))
    }

    #[test]
    fn the_verifier_accepts_the_proof_of_rfc_7677_and_signs_its_exchange() {
        let (stored_key, server_key) = keys(&of("pencil", &bytes::<16>(SALT)));
        let signature = keyed(&stored_key, AUTH_MESSAGE.as_bytes());
        let proof: [u8; 32] = bytes(CLIENT_PROOF);
        let client_key: Vec<u8> = proof.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        assert_eq!(Sha256::digest(client_key)[..], stored_key);
        assert_eq!(Base64::encode_string(&keyed(&server_key, AUTH_MESSAGE.as_bytes())), SERVER_SIGNATURE);
    }

    #[test]
    fn the_verifier_has_the_form_that_postgresql_keeps() {
        let verifier = of("pencil", &bytes::<16>(SALT));
        assert!(verifier.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
        assert!(verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-$:+/=".contains(&byte)));
    }

    #[test]
    fn passwords_that_saslprep_makes_equal_have_equal_verifiers() {
        // U+2168 is the Roman numeral nine, which RFC 4013 maps to "IX".
        assert_eq!(of("\u{2168}", &[7; 16]), of("IX", &[7; 16]));
        assert_ne!(of("a", &[7; 16]), of("b", &[7; 16]));
    }

    #[test]
    fn a_password_that_saslprep_prohibits_is_used_as_it_is() {
        assert_ne!(of("a\u{7}", &[7; 16]), of("a", &[7; 16]));
    }
}
