//! The statements that give an account of the MySQL family another password, and those that ask about it. Pure.

use core::time::Duration;

use zeroize::Zeroizing;

use super::{account::Method, hash};

/// Which account a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// The one that is logged in.
    LoggedIn,
    /// Another one, named in full.
    Other {
        /// Name.
        user: String,
        /// The host part.
        host: String,
    },
}

impl Name {
    /// `'user'@'host'`, or for the account that is logged in the words that the statement has for it.
    fn or(&self, logged_in: &str) -> Zeroizing<String> {
        match self {
            Self::LoggedIn => Zeroizing::new(logged_in.to_owned()),
            Self::Other { user, host } => Zeroizing::new(format!("{}@{}", *literal(user), *literal(host))),
        }
    }
}

/// Whether `SHOW GRANTS` shows one of these privileges for all databases.
pub(super) fn has_any(grants: &[String], sufficient: &[&str]) -> bool {
    let global = grants.iter().filter_map(|grant| grant.strip_prefix("GRANT ")?.split_once(" ON *.* TO "));
    let mut privileges = global.flat_map(|(privileges, _)| privileges.split(','));
    privileges.any(|privilege| sufficient.contains(&privilege.trim()))
}

/// A line of `SHOW GRANTS` without the account that it is about, whose hash MariaDB shows there.
pub(super) fn granted(grant: &str) -> String {
    let (granted, account) = grant.rsplit_once(" TO ").unwrap_or((grant, ""));
    let option = if account.ends_with(" WITH GRANT OPTION") { " with grant option" } else { "" };
    format!("{}{option}", granted.trim_start_matches("GRANT "))
}

/// What lets an account change others.
pub(super) const OVER_OTHERS: [&str; 2] = ["CREATE USER", "ALL PRIVILEGES"];

/// What lets an account write to a server that is read-only.
pub(super) const DESPITE_READ_ONLY: [&str; 5] =
    ["ALL PRIVILEGES", "SUPER", "CONNECTION_ADMIN", "READ_ONLY ADMIN", "READ ONLY ADMIN"];

/// Whether the server keeps the old password beside the new one (`RETAIN CURRENT PASSWORD`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecondPassword {
    /// It does if it is told to.
    Kept,
    /// Nobody wants it to.
    NotWanted,
    /// The server has no second passwords.
    NotKnown,
    /// It does not do so for this account.
    NotGranted,
}

impl SecondPassword {
    /// From `SELECT VERSION()` and `SHOW GRANTS` of MySQL. The clause is known from 8.0.14 on, and of one's own account
    /// needs `APPLICATION_PASSWORD_ADMIN` or, as for any account, `CREATE USER`.
    pub(super) fn of(version: &str, grants: &[String]) -> Self {
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse::<u32>().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        if (next(), next(), next()) < (8, 0, 14) {
            return Self::NotKnown;
        }
        let granted = has_any(grants, &["APPLICATION_PASSWORD_ADMIN"]) || has_any(grants, &OVER_OTHERS);
        if granted { Self::Kept } else { Self::NotGranted }
    }

    /// What would have to be otherwise for the old password to be kept, in words.
    pub(super) const fn missing(self) -> Option<&'static str> {
        match self {
            Self::Kept | Self::NotWanted => None,
            Self::NotKnown => Some("MySQL 8.0.14 or later, which can keep the old password until the next rotation"),
            Self::NotGranted => {
                Some("the privilege APPLICATION_PASSWORD_ADMIN, to keep the old password until the next rotation")
            }
        }
    }
}

/// The setting under which [`literal`] is right.
pub(super) const LITERALS: &str = "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'";

/// Asks for the host parts of all accounts of a name; needs [`LITERALS`] and the right to read `mysql.user`.
pub(super) fn hosts_of(user: &str) -> String {
    format!("SELECT Host FROM mysql.user WHERE User = {} ORDER BY Host", *literal(user))
}

/// Asks for the hash of the second password that MySQL keeps for an account; needs what [`hosts_of`] needs.
pub(super) fn second_password_of(user: &str, host: &str) -> String {
    format!(
        "SELECT User_attributes->>'$.additional_password' FROM mysql.user WHERE User = {} AND Host = {}",
        *literal(user),
        *literal(host)
    )
}

/// Takes a lock that ends with the session, so that a change of an earlier session has come to its end before this one
/// looks at the account.
pub(super) fn lock(user: &str, host: &str, limit: Duration) -> String {
    use sha2::{Digest, Sha256};
    let name = hex::encode(Sha256::new().chain_update(user).chain_update([0]).chain_update(host).finalize());
    format!("SELECT GET_LOCK('csms-{}', {})", &name[..40], limit.as_secs().max(1))
}

/// Asks how an account logs in. Of another account than one's own it needs [`LITERALS`].
pub(super) fn show(name: &Name) -> String {
    format!("SHOW CREATE USER {}", *name.or("CURRENT_USER()"))
}

/// Sets the password by its hash (MariaDB). Of another account, `SET PASSWORD` would need the right to write into the
/// system database, and `ALTER USER` does not.
pub(super) fn set_by_hash(name: &Name, password: &str) -> Zeroizing<String> {
    let hash = hash::native(password);
    Zeroizing::new(match name {
        Name::LoggedIn => format!("SET PASSWORD = '{hash}'"),
        Name::Other { .. } => format!("ALTER USER {} IDENTIFIED BY PASSWORD '{hash}'", *name.or("")),
    })
}

/// Sets the password by the password itself (MariaDB that checks passwords and therefore takes no hash).
pub(super) fn set_by_text(name: &Name, password: &str) -> Zeroizing<String> {
    let literal = literal(password);
    Zeroizing::new(match name {
        Name::LoggedIn => format!("SET PASSWORD = PASSWORD({})", *literal),
        Name::Other { .. } => format!("ALTER USER {} IDENTIFIED BY {}", *name.or(""), *literal),
    })
}

/// Sets the password (MySQL). `replaced` is the current one, for servers that ask for it; `keep_old` makes that one the
/// account's second password.
pub(super) fn alter(name: &Name, password: &str, replaced: Option<&str>, keep_old: bool) -> Zeroizing<String> {
    let replaced = replaced.map(|current| Zeroizing::new(format!(" REPLACE {}", *literal(current))));
    Zeroizing::new(format!(
        "ALTER USER {} IDENTIFIED BY {}{}{}",
        *name.or("USER()"),
        *literal(password),
        replaced.as_ref().map_or("", |clause| clause.as_str()),
        if keep_old { " RETAIN CURRENT PASSWORD" } else { "" },
    ))
}

/// Settings under which [`literal`] is right, which let the session write whatever the server's default is, and which end a
/// statement that waits for longer than its attempt lives. MariaDB has a limit for whole statements; MySQL has one for
/// waiting for locks, in whole seconds.
pub(super) fn settings(method: Method, limit: Duration) -> String {
    let limit = match method {
        // The slow log shows statements as they are, and a password that is checked goes as text.
        Method::NativeHash => {
            format!("tx_read_only = 0, max_statement_time = {}, slow_query_log = 0", limit.as_secs_f64())
        }
        Method::Alter => format!("transaction_read_only = 0, lock_wait_timeout = {}", limit.as_secs().max(1)),
    };
    format!("{LITERALS}, {limit}")
}

/// A string literal under `NO_BACKSLASH_ESCAPES`: a backslash is a backslash, and an apostrophe is doubled.
fn literal(text: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("'{}'", *Zeroizing::new(text.replace('\'', "''"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_given_in_the_server_s_own_way() {
        let limit = Duration::from_millis(1500);
        assert!(settings(Method::NativeHash, limit).contains(", max_statement_time = 1.5,"));
        assert!(settings(Method::Alter, limit).ends_with(", lock_wait_timeout = 1"));
    }

    #[test]
    fn a_password_cannot_end_its_literal() {
        let itself = Name::LoggedIn;
        assert_eq!(*alter(&itself, r"a'b\'; DROP", None, false), r"ALTER USER USER() IDENTIFIED BY 'a''b\''; DROP'");
        assert_eq!(*set_by_text(&itself, "a'b"), "SET PASSWORD = PASSWORD('a''b')");
    }

    #[test]
    fn another_account_is_named_in_full() {
        let other = Name::Other { user: "it's".into(), host: "%".into() };
        assert_eq!(*alter(&other, "p", None, false), "ALTER USER 'it''s'@'%' IDENTIFIED BY 'p'");
        assert!(set_by_hash(&other, "p").starts_with("ALTER USER 'it''s'@'%' IDENTIFIED BY PASSWORD '*"));
        assert_eq!(*set_by_text(&other, "p"), "ALTER USER 'it''s'@'%' IDENTIFIED BY 'p'");
        assert_eq!(show(&other), "SHOW CREATE USER 'it''s'@'%'");
        assert_eq!(hosts_of("it's"), "SELECT Host FROM mysql.user WHERE User = 'it''s' ORDER BY Host");
        assert!(lock("it's", "%", Duration::from_secs(3)).ends_with("', 3)"));
    }

    #[test]
    fn clauses_of_a_change_stand_in_the_order_of_the_grammar() {
        assert_eq!(
            *alter(&Name::LoggedIn, "new", Some("old"), true),
            "ALTER USER USER() IDENTIFIED BY 'new' REPLACE 'old' RETAIN CURRENT PASSWORD"
        );
    }

    #[test]
    fn a_grant_is_compared_without_its_account() {
        let shown = "GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*E1' WITH GRANT OPTION";
        assert_eq!(granted(shown), "USAGE ON *.* with grant option");
        assert_eq!(granted("GRANT SELECT ON `app`.* TO `a`@`%`"), "SELECT ON `app`.*");
        assert_eq!(granted("GRANT `role`@`%` TO `a`@`%`"), "`role`@`%`");
    }

    #[test]
    fn second_passwords_need_a_version_and_a_privilege() {
        let grants = |text: &str| vec!["GRANT SELECT ON `app`.* TO `app`@`%`".to_owned(), text.to_owned()];
        let granted = grants("GRANT APPLICATION_PASSWORD_ADMIN,CONNECTION_ADMIN ON *.* TO `app`@`%`");
        let plain = grants("GRANT USAGE ON *.* TO `app`@`%`");
        assert_eq!(SecondPassword::of("8.0.14", &granted), SecondPassword::Kept);
        assert_eq!(SecondPassword::of("9.4.0-cloud", &granted), SecondPassword::Kept);
        assert_eq!(SecondPassword::of("8.0.13", &granted), SecondPassword::NotKnown);
        assert_eq!(SecondPassword::of("5.7.44-log", &granted), SecondPassword::NotKnown);
        assert_eq!(SecondPassword::of("8.4.2", &plain), SecondPassword::NotGranted);
        let elsewhere = grants("GRANT CREATE USER ON `app`.* TO `app`@`%`");
        assert_eq!(SecondPassword::of("8.4.2", &elsewhere), SecondPassword::NotGranted);
        let administrator = grants("GRANT SELECT, CREATE USER ON *.* TO `app`@`%` WITH GRANT OPTION");
        assert_eq!(SecondPassword::of("8.4.2", &administrator), SecondPassword::Kept);
    }
}
