//! Password hashes as PostgreSQL keeps them in `pg_authid`: made here, and compared with passwords. Pure.
//!
//! With a hash made here, the server and its logs never see the password.

use base64ct::{Base64, Encoding};
use md5::{Digest as _, Md5};

use super::scram;

/// How the server is to keep a password (`password_encryption`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// SCRAM-SHA-256 with this number of iterations.
    Scram(u32),
    /// MD5, salted with the name of the role.
    Md5,
}

impl Kind {
    /// From `password_encryption` and, where the server has it, `scram_iterations`. Old servers say `on` for MD5.
    pub(super) fn of(password_encryption: &str, scram_iterations: Option<&str>) -> Self {
        match password_encryption {
            "md5" | "on" | "true" | "yes" | "1" => Self::Md5,
            _ => {
                let iterations = scram_iterations.and_then(|number| number.parse().ok());
                Self::Scram(iterations.unwrap_or(scram::ITERATIONS))
            }
        }
    }

    /// The hash of a password. Holds no character that SQL would have to quote.
    pub(super) fn hash(self, role: &str, password: &str, salt: &[u8; scram::SALT_BYTES]) -> String {
        match self {
            Self::Scram(iterations) => scram::verifier(password, salt, iterations),
            Self::Md5 => md5(role, password),
        }
    }
}

fn md5(role: &str, password: &str) -> String {
    format!("md5{}", hex::encode(Md5::new().chain_update(password).chain_update(role).finalize()))
}

/// Whether a hash is the password's; `None` for a hash of another form.
pub(super) fn is_of(hash: &str, role: &str, password: &str) -> Option<bool> {
    if hash.starts_with("md5") {
        return Some(hash == md5(role, password));
    }
    let (iterations, rest) = hash.strip_prefix("SCRAM-SHA-256$")?.split_once(':')?;
    let (salt, _) = rest.split_once('$')?;
    let salt = Base64::decode_vec(salt).ok()?;
    Some(scram::verifier(password, &salt, iterations.parse().ok()?) == hash)
}

/// A word for the kind of a hash, for people.
pub(super) fn kind_of(hash: &str) -> &'static str {
    if hash.starts_with("md5") { "MD5" } else { "SCRAM-SHA-256" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_recognised_as_its_password_s() {
        for kind in [Kind::Md5, Kind::Scram(4096), Kind::Scram(10_000)] {
            let hash = kind.hash("app", "pencil", &[7; scram::SALT_BYTES]);
            assert_eq!(is_of(&hash, "app", "pencil"), Some(true));
            assert_eq!(is_of(&hash, "app", "pen"), Some(false));
        }
        assert_eq!(is_of("plain", "app", "plain"), None);
    }

    #[test]
    fn the_md5_hash_is_the_one_the_server_would_make() {
        // CREATE ROLE app PASSWORD 'pencil' under password_encryption = md5.
        assert_eq!(md5("app", "pencil"), format!("md5{}", hex::encode(Md5::digest("pencilapp"))));
    }

    #[test]
    fn the_server_s_settings_choose_the_kind() {
        assert_eq!(Kind::of("md5", None), Kind::Md5);
        assert_eq!(Kind::of("scram-sha-256", None), Kind::Scram(4096));
        assert_eq!(Kind::of("scram-sha-256", Some("100000")), Kind::Scram(100_000));
    }
}
