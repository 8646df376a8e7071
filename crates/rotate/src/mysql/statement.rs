//! How an account of the MySQL family is given another password, by what the server says of the account. Pure.
//!
//! `SHOW CREATE USER CURRENT_USER()` needs no privilege and shows which family the server is of and how the account logs
//! in. Of the version string nothing is read but whether MySQL knows second passwords.

use core::time::Duration;

use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

/// How the account that is logged in can be given another password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// MariaDB with `mysql_native_password`: the server takes the hash, so it and its logs never see the password.
    NativeHash,
    /// MySQL: the server takes the password alone and keeps it out of its logs.
    Alter,
}

/// What `SHOW CREATE USER` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Name of the account, without its host.
    pub(super) username: String,
    /// How to change its password; `None` when it logs in by something else than a password known here.
    pub(super) method: Option<Method>,
    /// Whether it may log in in several ways (MariaDB).
    pub(super) has_several: bool,
}

/// Plugins of MySQL whose passwords `ALTER USER … IDENTIFIED BY` sets.
const MYSQL_PLUGINS: [&str; 3] = ["caching_sha2_password", "mysql_native_password", "sha256_password"];

impl Shown {
    /// Reads ``CREATE USER `name`@`host` IDENTIFIED …``. `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (username, rest) = quoted(text.strip_prefix("CREATE USER ")?)?;
        let (_, rest) = quoted(rest.strip_prefix('@')?)?;
        let clause = rest.trim_start();
        Some(Self { username, method: method(clause), has_several: clause.contains(" OR ") })
    }
}

fn method(clause: &str) -> Option<Method> {
    let clause = clause.strip_prefix("IDENTIFIED ")?;
    if clause.starts_with("BY PASSWORD '") {
        return Some(Method::NativeHash);
    }
    if let Some(plugins) = clause.strip_prefix("VIA ") {
        // Several ways of logging in may be joined by OR; SET PASSWORD changes the first that has a password.
        let first = plugins.split(" OR ").map(|plugin| plugin.split(' ').next().unwrap_or_default());
        return (first.into_iter().find(|name| !matches!(*name, "unix_socket" | "gssapi" | "pam"))
            == Some("mysql_native_password"))
        .then_some(Method::NativeHash);
    }
    let (plugin, _) = quoted(clause.strip_prefix("WITH ")?)?;
    MYSQL_PLUGINS.contains(&plugin.as_str()).then_some(Method::Alter)
}

/// Takes a name in backticks or apostrophes off the front; a doubled quote stands for one.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '`' | '\''))?;
    let mut name = String::new();
    let mut rest = text.strip_prefix(quote)?;
    loop {
        let (part, after) = rest.split_once(quote)?;
        name.push_str(part);
        match after.strip_prefix(quote) {
            Some(after) => {
                name.push(quote);
                rest = after;
            }
            None => return Some((name, after)),
        }
    }
}

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

/// What lets an account change others.
pub(super) const OVER_OTHERS: [&str; 2] = ["CREATE USER", "ALL PRIVILEGES"];

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
pub(super) fn hosts_of(user: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("SELECT host FROM mysql.user WHERE user = {}", *literal(user)))
}

/// Asks how an account logs in. Of another account than one's own it needs [`LITERALS`].
pub(super) fn show(name: &Name) -> Zeroizing<String> {
    Zeroizing::new(format!("SHOW CREATE USER {}", *name.or("CURRENT_USER()")))
}

/// Sets the password by its hash (MariaDB). Of another account, `SET PASSWORD` would need the right to write into the
/// system database, and `ALTER USER` does not.
pub(super) fn set_by_hash(name: &Name, password: &str) -> Zeroizing<String> {
    let hash = Sha1::digest(Sha1::digest(password.as_bytes()));
    let hash = hex::encode_upper(hash);
    Zeroizing::new(match name {
        Name::LoggedIn => format!("SET PASSWORD = '*{hash}'"),
        Name::Other { .. } => format!("ALTER USER {} IDENTIFIED BY PASSWORD '*{hash}'", *name.or("")),
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

/// Settings under which [`literal`] is right, and which end a statement that waits for longer than its attempt lives.
/// MariaDB has a limit for whole statements; MySQL has one for waiting for locks, in whole seconds.
pub(super) fn settings(method: Method, limit: Duration) -> String {
    let limit = match method {
        Method::NativeHash => format!("max_statement_time = {}", limit.as_secs_f64()),
        Method::Alter => format!("lock_wait_timeout = {}", limit.as_secs().max(1)),
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

    fn shown(text: &str) -> (String, Option<Method>) {
        let shown = Shown::parse(text).unwrap();
        (shown.username, shown.method)
    }

    #[test]
    fn accounts_of_mariadb_are_recognised() {
        let native =
            "CREATE USER `app`@`%` IDENTIFIED BY PASSWORD '*E1C2E82D442C7906BF1CDAD2903ADF8424DFEEC6' REQUIRE SSL";
        assert_eq!(shown(native), ("app".into(), Some(Method::NativeHash)));
        let chain = "CREATE USER `app`@`%` IDENTIFIED VIA mysql_native_password USING '*E1' OR unix_socket";
        assert_eq!(shown(chain).1, Some(Method::NativeHash));
        let other_first = "CREATE USER `app`@`%` IDENTIFIED VIA unix_socket OR mysql_native_password USING '*E1'";
        assert_eq!(shown(other_first).1, Some(Method::NativeHash));
        let ed25519 = "CREATE USER `app`@`%` IDENTIFIED VIA ed25519 USING 'WMUT' OR mysql_native_password USING '*E1'";
        assert_eq!(shown(ed25519).1, None);
    }

    #[test]
    fn several_ways_of_logging_in_are_noticed() {
        let has_several = |clause: &str| Shown::parse(&format!("CREATE USER `app`@`%` {clause}")).unwrap().has_several;
        assert!(has_several("IDENTIFIED VIA mysql_native_password USING '*E1' OR unix_socket"));
        assert!(!has_several("IDENTIFIED BY PASSWORD '*E1'"));
    }

    #[test]
    fn accounts_of_mysql_are_recognised() {
        let sha2 = "CREATE USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$x' REQUIRE NONE";
        assert_eq!(shown(sha2).1, Some(Method::Alter));
        let ldap = "CREATE USER 'app'@'%' IDENTIFIED WITH 'authentication_ldap_sasl' REQUIRE NONE";
        assert_eq!(shown(ldap).1, None);
    }

    #[test]
    fn a_name_cannot_pass_for_a_clause() {
        let text = "CREATE USER `a``@``b`` IDENTIFIED BY PASSWORD '`@`%`";
        assert_eq!(shown(text), ("a`@`b` IDENTIFIED BY PASSWORD '".into(), None));
        assert_eq!(Shown::parse("CREATE USER `app"), None);
        assert_eq!(Shown::parse("GRANT"), None);
    }

    #[test]
    fn the_hash_is_the_one_the_server_would_make() {
        // SELECT PASSWORD('one1') on MariaDB 10.11.
        assert_eq!(
            set_by_hash(&Name::LoggedIn, "one1").as_str(),
            "SET PASSWORD = '*E1C2E82D442C7906BF1CDAD2903ADF8424DFEEC6'"
        );
    }

    #[test]
    fn the_limit_is_told_in_the_server_s_own_way() {
        let limit = Duration::from_millis(1500);
        assert!(settings(Method::NativeHash, limit).ends_with(", max_statement_time = 1.5"));
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
        assert_eq!(*show(&other), "SHOW CREATE USER 'it''s'@'%'");
        assert_eq!(*hosts_of("it's"), "SELECT host FROM mysql.user WHERE user = 'it''s'");
    }

    #[test]
    fn clauses_of_a_change_stand_in_the_order_of_the_grammar() {
        assert_eq!(
            *alter(&Name::LoggedIn, "new", Some("old"), true),
            "ALTER USER USER() IDENTIFIED BY 'new' REPLACE 'old' RETAIN CURRENT PASSWORD"
        );
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
