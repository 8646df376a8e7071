//! Password hashes as PostgreSQL keeps them in `pg_authid`: made here, and compared with passwords. Pure.
//!
//! With a hash made here, the server and its logs never see the password. An MD5 hash logs in as the password does, so that a dry
//! run says where a log would show it.

use base64ct::{Base64, Encoding};
use csms_core::rotation::{Message, message::postgresql as say};
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

/// The most iterations that the driver logs in with: a server chooses the number, and would have a client compute for ever.
pub(super) const MOST_ITERATIONS: u32 = 100_000;

/// How the server keeps a role's password so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// As a SCRAM verifier, with this number of iterations where it is known.
    Scram(Option<u32>),
    /// As an MD5 hash.
    Md5,
    /// Nobody knows.
    Unknown,
}

/// How a hash is kept.
pub(super) fn kept(hash: &str) -> Kept {
    if hash.starts_with("md5") {
        return Kept::Md5;
    }
    let rest = hash.strip_prefix("SCRAM-SHA-256$").and_then(|rest| rest.split_once(':'));
    rest.map_or(Kept::Unknown, |(iterations, _)| Kept::Scram(iterations.parse().ok()))
}

/// How a new password will be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) kind: Kind,
    /// What people have to know of it.
    pub(super) remarks: Vec<Message>,
}

/// Chooses from what the settings ask for and from how the password is kept so far. An MD5 hash stays one, for drivers that know
/// nothing else. `pg_hba.conf` lets SCRAM in where it asks for MD5, and not the other way round, so that an MD5 hash is made only
/// in the place of one.
pub(super) fn choose(asked: Kind, kept: Kept) -> Chosen {
    let mut remarks = Vec::new();
    let iterations = match (asked, kept) {
        (Kind::Md5, Kept::Md5) => return Chosen { kind: Kind::Md5, remarks },
        (Kind::Scram(_), Kept::Md5) => {
            remarks.push(say::kept_as_md5());
            return Chosen { kind: Kind::Md5, remarks };
        }
        (Kind::Md5, Kept::Scram(iterations)) => {
            remarks.push(say::kept_as_before());
            iterations.unwrap_or(scram::ITERATIONS)
        }
        (Kind::Md5, Kept::Unknown) => {
            remarks.push(say::kept_as_scram());
            scram::ITERATIONS
        }
        (Kind::Scram(iterations), Kept::Unknown) => {
            remarks.push(say::perhaps_no_md5());
            iterations
        }
        (Kind::Scram(iterations), Kept::Scram(_)) => iterations,
    };
    if iterations > MOST_ITERATIONS {
        remarks.push(say::fewer_iterations(iterations, MOST_ITERATIONS));
    }
    Chosen { kind: Kind::Scram(iterations.min(MOST_ITERATIONS)), remarks }
}

fn md5(role: &str, password: &str) -> String {
    format!("md5{}", hex::encode(Md5::new().chain_update(password).chain_update(role).finalize()))
}

/// Whether a hash is the password's; `None` when that cannot be told: for a hash of another form, and for a password beyond
/// ASCII that is not the hash's as it is written here, since the client that set it may have written it in another way.
pub(super) fn is_of(hash: &str, role: &str, password: &str) -> Option<bool> {
    let is_of = match kept(hash) {
        Kept::Md5 => hash == md5(role, password),
        Kept::Scram(Some(iterations)) if iterations <= MOST_ITERATIONS => {
            let (_, salt) = hash.split_once(':')?;
            let salt = Base64::decode_vec(salt.split_once('$')?.0).ok()?;
            scram::verifiers(password, &salt, iterations).iter().any(|verifier| verifier == hash)
        }
        Kept::Scram(_) | Kept::Unknown => return None,
    };
    (is_of || password.is_ascii()).then_some(is_of)
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
    fn a_password_that_clients_write_in_several_ways_is_right_or_unknown() {
        for kind in [Kind::Md5, Kind::Scram(4096)] {
            let hash = kind.hash("app", "pässwörd", &[7; scram::SALT_BYTES]);
            assert_eq!(is_of(&hash, "app", "pässwörd"), Some(true));
            assert_eq!(is_of(&hash, "app", "p\u{e4}sswôrd"), None);
            assert_eq!(is_of(&hash, "app", "password"), Some(false));
        }
        // PostgreSQL uses these as they are: one is prohibited before its normal form is taken, the other becomes nothing.
        for password in ["\u{340}abc12345", "\u{ad}"] {
            let raw = scram::verifiers(password, &[7; scram::SALT_BYTES], 4096).pop().unwrap();
            assert_eq!(is_of(&raw, "app", password), Some(true));
        }
    }

    #[test]
    fn a_hash_that_would_take_for_ever_is_not_compared() {
        let hash = Kind::Scram(4096).hash("app", "pencil", &[7; scram::SALT_BYTES]).replace("$4096:", "$4000000000:");
        assert_eq!(is_of(&hash, "app", "pencil"), None);
    }

    #[test]
    fn the_md5_hash_is_the_one_the_server_would_make() {
        // CREATE ROLE app PASSWORD 'pencil' under password_encryption = md5.
        assert_eq!(md5("app", "pencil"), format!("md5{}", hex::encode(Md5::digest("pencilapp"))));
    }

    #[test]
    fn an_md5_hash_takes_the_place_of_none_but_an_md5_hash() {
        let kind = |kept| choose(Kind::Md5, kept).kind;
        assert_eq!(kind(Kept::Md5), Kind::Md5);
        assert_eq!(kind(Kept::Scram(Some(20_000))), Kind::Scram(20_000));
        assert_eq!((kind(Kept::Scram(None)), kind(Kept::Unknown)), (Kind::Scram(4096), Kind::Scram(4096)));
        assert!(choose(Kind::Md5, Kept::Unknown).remarks[0].code() == "postgresql.kept-as-scram");
    }

    #[test]
    fn drivers_that_know_md5_alone_go_on_or_are_warned_of() {
        let kept = choose(Kind::Scram(4096), Kept::Md5);
        assert_eq!((kept.kind, kept.remarks[0].code()), (Kind::Md5, "postgresql.kept-as-md5"));
        let unknown = choose(Kind::Scram(4096), Kept::Unknown);
        assert_eq!((unknown.kind, unknown.remarks[0].code()), (Kind::Scram(4096), "postgresql.perhaps-no-md5"));
        assert_eq!(choose(Kind::Scram(4096), Kept::Scram(None)).remarks, []);
    }

    #[test]
    fn no_verifier_is_made_that_the_driver_does_not_log_in_with() {
        assert_eq!(choose(Kind::Scram(100_000), Kept::Scram(None)).remarks, []);
        for (asked, kept) in [(Kind::Scram(150_000), Kept::Unknown), (Kind::Md5, Kept::Scram(Some(150_000)))] {
            let chosen = choose(asked, kept);
            assert_eq!(chosen.kind, Kind::Scram(MOST_ITERATIONS));
            assert!(chosen.remarks.iter().any(|remark| remark.english().starts_with("scram_iterations is 150000")));
        }
    }

    #[test]
    fn the_form_of_a_hash_says_how_it_is_kept() {
        assert_eq!(kept(&Kind::Md5.hash("app", "pencil", &[7; scram::SALT_BYTES])), Kept::Md5);
        let scram = Kind::Scram(20_000).hash("app", "pencil", &[7; scram::SALT_BYTES]);
        assert_eq!(kept(&scram), Kept::Scram(Some(20_000)));
        assert_eq!(kept("plain"), Kept::Unknown);
    }

    #[test]
    fn the_server_s_settings_choose_the_kind() {
        assert_eq!(Kind::of("md5", None), Kind::Md5);
        assert_eq!(Kind::of("scram-sha-256", None), Kind::Scram(4096));
        assert_eq!(Kind::of("scram-sha-256", Some("100000")), Kind::Scram(100_000));
    }
}
