//! How an account of the MySQL family is told to change its own password, by what the server says of the account. Pure.
//!
//! `SHOW CREATE USER CURRENT_USER()` needs no privilege and shows which family the server is of and how the account logs
//! in, so nothing is read from version strings.

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
}

/// Plugins of MySQL whose passwords `ALTER USER … IDENTIFIED BY` sets.
const MYSQL_PLUGINS: [&str; 3] = ["caching_sha2_password", "mysql_native_password", "sha256_password"];

impl Shown {
    /// Reads ``CREATE USER `name`@`host` IDENTIFIED …``. `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (username, rest) = quoted(text.strip_prefix("CREATE USER ")?)?;
        let (_, rest) = quoted(rest.strip_prefix('@')?)?;
        Some(Self { username, method: method(rest.trim_start()) })
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

/// Sets the password by its hash (MariaDB). Holds no character that SQL would have to quote.
pub(super) fn set_by_hash(password: &str) -> String {
    let hash = Sha1::digest(Sha1::digest(password.as_bytes()));
    format!("SET PASSWORD = '*{}'", hex::encode_upper(hash))
}

/// Sets the password by the password itself (MariaDB that checks passwords and therefore takes no hash).
pub(super) fn set_by_text(password: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("SET PASSWORD = PASSWORD({})", *literal(password)))
}

/// Sets the password of the account that is logged in (MySQL).
pub(super) fn alter(password: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("ALTER USER USER() IDENTIFIED BY {}", *literal(password)))
}

/// Settings under which [`literal`] is right, and which end a statement that waits for longer than its attempt lives.
/// MariaDB has a limit for whole statements; MySQL has one for waiting for locks, in whole seconds.
pub(super) fn settings(method: Method, limit: Duration) -> String {
    let limit = match method {
        Method::NativeHash => format!("max_statement_time = {}", limit.as_secs_f64()),
        Method::Alter => format!("lock_wait_timeout = {}", limit.as_secs().max(1)),
    };
    format!("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES', {limit}")
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
        assert_eq!(set_by_hash("one1"), "SET PASSWORD = '*E1C2E82D442C7906BF1CDAD2903ADF8424DFEEC6'");
    }

    #[test]
    fn the_limit_is_told_in_the_server_s_own_way() {
        let limit = Duration::from_millis(1500);
        assert!(settings(Method::NativeHash, limit).ends_with(", max_statement_time = 1.5"));
        assert!(settings(Method::Alter, limit).ends_with(", lock_wait_timeout = 1"));
    }

    #[test]
    fn a_password_cannot_end_its_literal() {
        assert_eq!(*alter(r"a'b\'; DROP"), r"ALTER USER USER() IDENTIFIED BY 'a''b\''; DROP'");
        assert_eq!(*set_by_text("a'b"), "SET PASSWORD = PASSWORD('a''b')");
    }
}
