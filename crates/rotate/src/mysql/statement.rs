//! The statements that give an account of the MySQL family another password, and those that ask about it. Pure.

use core::time::Duration;

use csms_core::rotation::{Message, message::mysql};
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

/// Asks as whom the session is logged in, by what number the server knows it, and after how many failed logins the server locks
/// any account; 0 for MySQL, which has no such limit and takes what MariaDB reads for a comment.
pub(super) const LOGGED_IN: &str =
    "SELECT CURRENT_USER(), CONNECTION_ID(), 0 /*M!100402 + @@GLOBAL.max_password_errors */";

/// The same with the client as the server names it.
pub(super) const CLIENT: &str = "SELECT USER(), CONNECTION_ID(), 0 /*M!100402 + @@GLOBAL.max_password_errors */";

/// Whether `SHOW GRANTS` shows one of these privileges for all databases.
pub(super) fn has_any(grants: &[String], sufficient: &[&str]) -> bool {
    let global = grants.iter().filter_map(|grant| grant.strip_prefix("GRANT ")?.split_once(" ON *.* TO "));
    let mut privileges = global.flat_map(|(privileges, _)| privileges.split(','));
    privileges.any(|privilege| sufficient.contains(&privilege.trim()))
}

/// A line of `SHOW GRANTS` without the account that it is about, whose hash MariaDB shows there.
pub(super) fn granted(grant: &str) -> String {
    if let Some((revoked, _)) = grant.strip_prefix("REVOKE ").and_then(|revoke| revoke.rsplit_once(" FROM ")) {
        return format!("a partial revoke of {revoked}");
    }
    let (granted, account) = grant.rsplit_once(" TO ").unwrap_or((grant, ""));
    let option = if account.ends_with(" WITH GRANT OPTION") { " with grant option" } else { "" };
    format!("{}{option}", granted.trim_start_matches("GRANT "))
}

/// What lets an account change others.
const OVER_OTHERS: [&str; 2] = ["CREATE USER", "ALL PRIVILEGES"];

/// What an account needs to change one that has it (MySQL).
pub(super) const OVER_SYSTEM_USERS: [&str; 1] = ["SYSTEM_USER"];

/// Whether an account with these privileges may change others.
pub(super) fn may_change_others(grants: &[String]) -> bool {
    has_any(grants, &OVER_OTHERS) || may_write_accounts(grants)
}

/// Whether an account with these privileges may write into the system database.
pub(super) fn may_write_accounts(grants: &[String]) -> bool {
    const SUFFICIENT: [&str; 2] = ["UPDATE", "ALL PRIVILEGES"];
    let of_the_system = |grant: &String| {
        let (privileges, _) = grant.strip_prefix("GRANT ")?.split_once(" ON `mysql`.* TO ")?;
        Some(privileges.split(',').any(|privilege| SUFFICIENT.contains(&privilege.trim())))
    };
    has_any(grants, &SUFFICIENT) || grants.iter().filter_map(of_the_system).any(|sufficient| sufficient)
}

/// What lets an account write to a server that is read-only. On MariaDB, `SUPER` does so before version 10.11.
pub(super) fn despite_read_only(method: Method, version: &str) -> &'static [&'static str] {
    match method {
        Method::Alter => &["ALL PRIVILEGES", "SUPER", "CONNECTION_ADMIN"],
        Method::NativeHash if numbers(version) < (10, 11, 0) => {
            &["ALL PRIVILEGES", "READ_ONLY ADMIN", "READ ONLY ADMIN", "SUPER"]
        }
        Method::NativeHash => &["ALL PRIVILEGES", "READ_ONLY ADMIN", "READ ONLY ADMIN"],
    }
}

/// The first three numbers of `SELECT VERSION()`.
fn numbers(version: &str) -> (u32, u32, u32) {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

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
    /// Whether MySQL of this version (`SELECT VERSION()`) knows second passwords.
    pub(super) fn is_known(version: &str) -> bool {
        numbers(version) >= (8, 0, 14)
    }

    /// From `SELECT VERSION()` and `SHOW GRANTS` of MySQL. The clause is known from 8.0.14 on, and of one's own account
    /// needs `APPLICATION_PASSWORD_ADMIN` or, as for any account, `CREATE USER`.
    pub(super) fn of(version: &str, grants: &[String]) -> Self {
        if !Self::is_known(version) {
            return Self::NotKnown;
        }
        let granted = has_any(grants, &["APPLICATION_PASSWORD_ADMIN"]) || has_any(grants, &OVER_OTHERS);
        if granted { Self::Kept } else { Self::NotGranted }
    }

    /// What would have to be otherwise for the old password to be kept.
    pub(super) fn missing(self) -> Option<Message> {
        match self {
            Self::Kept | Self::NotWanted => None,
            Self::NotKnown => Some(mysql::no_second_passwords()),
            Self::NotGranted => Some(mysql::second_not_granted()),
        }
    }
}

/// What every session begins with, whatever the server sets for new ones: names and passwords are UTF-8, [`literal`] is
/// right, names are shown in quotes, no result is cut, and no read ends early, except one that waits for a lock of another
/// session. Comments with a number are statements to a server of that version or a later one, those with `M` to MariaDB alone;
/// MariaDB would take hashes for those of before 4.1.
pub(super) const SESSION: &str = "SET NAMES utf8mb4, sql_mode = 'NO_BACKSLASH_ESCAPES', autocommit = 1, \
    sql_select_limit = 18446744073709551615, max_join_size = 18446744073709551615, sql_big_selects = 1, \
    sql_safe_updates = 0, sql_quote_show_create = 1, lc_messages = 'en_US', lock_wait_timeout = 5 \
    /*M! , old_passwords = 0, max_statement_time = 0 */ /*M!100502 , sql_if_exists = 0 */ \
    /*!50708 , max_execution_time = 0, innodb_lock_wait_timeout = 5 */";

/// Asks for the host parts of all accounts of a name, without a role of MariaDB, which has none; needs the right to read
/// `mysql.user`.
pub(super) fn hosts_of(user: &str) -> String {
    let user = literal(user);
    format!("SELECT Host FROM mysql.user WHERE User = {} /*M!100005 AND is_role = 'N' */ ORDER BY Host", *user)
}

/// Asks how many sessions a user has now, as far as the login may see those of others.
pub(super) fn connections_of(user: &str) -> String {
    format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = {}", *literal(user))
}

/// Asks for the hash of the second password that MySQL keeps for an account; needs what [`hosts_of`] needs.
pub(super) fn second_password_of(user: &str, host: &str) -> String {
    format!(
        "SELECT User_attributes->>'$.additional_password' FROM mysql.user WHERE User = {} AND Host = {}",
        *literal(user),
        *literal(host)
    )
}

/// Asks what another account may do.
pub(super) fn grants_of(user: &str, host: &str) -> String {
    format!("SHOW GRANTS FOR {}@{}", *literal(user), *literal(host))
}

/// Takes a lock that ends with the session, so that a change of an earlier session has come to its end before this one
/// looks at the account.
pub(super) fn lock(user: &str, host: &str, limit: Duration) -> String {
    use sha2::{Digest, Sha256};
    let name = hex::encode(Sha256::new().chain_update(user).chain_update([0]).chain_update(host).finalize());
    format!("SELECT GET_LOCK('csms-{}', {})", &name[..40], limit.as_secs().max(1))
}

/// Asks what kinds of logins the server admits for new passwords; servers without the setting (MySQL before 8.0.27) have no row.
pub(super) const AUTHENTICATION_POLICY: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name = 'authentication_policy'";

/// The plugin that a policy wants for the first factor, when it leaves no choice: `auth_socket` of `auth_socket,,`.
/// `*` leaves it, and `*:plugin` names no more than the default.
pub(super) fn wanted_plugin(policy: &str) -> Option<&str> {
    let first = policy.split(',').next().map(str::trim)?;
    Some(first).filter(|first| !first.is_empty() && !first.starts_with('*'))
}

/// Asks what makes the server read-only.
pub(super) const READ_ONLY: &str = "SHOW GLOBAL VARIABLES \
    WHERE Variable_name IN ('read_only', 'super_read_only', 'innodb_read_only')";

/// Asks how an account logs in.
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

/// Sets the password by the password itself (MariaDB that checks passwords and therefore takes no hash). The binary log shows
/// the hash alone, unlike that of `ALTER USER`; of another account it needs the right to write into the system database.
pub(super) fn set_by_text(name: &Name, password: &str) -> Zeroizing<String> {
    let literal = literal(password);
    Zeroizing::new(match name {
        Name::LoggedIn => format!("SET PASSWORD = PASSWORD({})", *literal),
        Name::Other { .. } => format!("SET PASSWORD FOR {} = PASSWORD({})", *name.or(""), *literal),
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

/// Settings that let the session write whatever the server's default is, and that end a statement that waits for longer than
/// its attempt lives. MariaDB has a limit for whole statements; MySQL has two for waiting for locks, in whole seconds.
pub(super) fn settings(method: Method, limit: Duration) -> String {
    match method {
        // The slow log shows statements as they are, and a password that is checked goes as text. The hash is one of the
        // format of today.
        Method::NativeHash => format!(
            "SET SESSION tx_read_only = 0, old_passwords = 0, max_statement_time = {}, lock_wait_timeout = {}, \
             slow_query_log = 0",
            limit.as_secs_f64(),
            limit.as_secs().max(1),
        ),
        Method::Alter => {
            let seconds = limit.as_secs().max(1);
            format!(
                "SET SESSION transaction_read_only = 0, lock_wait_timeout = {seconds}, \
                 innodb_lock_wait_timeout = {seconds}"
            )
        }
    }
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
        assert!(settings(Method::NativeHash, limit).contains(", old_passwords = 0, max_statement_time = 1.5,"));
        let of_mysql = settings(Method::Alter, limit);
        assert!(of_mysql.ends_with(", lock_wait_timeout = 1, innodb_lock_wait_timeout = 1"));
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
        assert_eq!(*set_by_text(&other, "p"), "SET PASSWORD FOR 'it''s'@'%' = PASSWORD('p')");
        assert_eq!(show(&other), "SHOW CREATE USER 'it''s'@'%'");
        assert!(hosts_of("it's").starts_with("SELECT Host FROM mysql.user WHERE User = 'it''s' /*M!"));
        assert!(lock("it's", "%", Duration::from_secs(3)).ends_with("', 3)"));
    }

    #[test]
    fn a_policy_may_want_another_plugin() {
        for policy in ["*,,", "*", "*:caching_sha2_password,", "", " * , auth_socket"] {
            assert_eq!(wanted_plugin(policy), None, "{policy}");
        }
        assert_eq!(wanted_plugin("auth_socket,,"), Some("auth_socket"));
        assert_eq!(wanted_plugin("caching_sha2_password"), Some("caching_sha2_password"));
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
        assert_eq!(granted("REVOKE SELECT ON `shop`.* FROM `a`@`%`"), "a partial revoke of SELECT ON `shop`.*");
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

    #[test]
    fn the_privileges_of_an_administrator_are_global_or_of_the_system_database() {
        let grants = |text: &str| vec![text.to_owned()];
        assert!(may_change_others(&grants("GRANT CREATE USER ON *.* TO `a`@`%`")));
        let writes = grants("GRANT SELECT, UPDATE ON `mysql`.* TO `a`@`%`");
        assert!(may_change_others(&writes) && may_write_accounts(&writes));
        assert!(!may_change_others(&grants("GRANT UPDATE ON `app`.* TO `a`@`%`")));
        assert!(!may_write_accounts(&grants("GRANT CREATE USER ON *.* TO `a`@`%`")));
    }

    #[test]
    fn super_writes_to_a_read_only_mariadb_of_old_alone() {
        let exempt = |method, version| despite_read_only(method, version).contains(&"SUPER");
        assert!(exempt(Method::Alter, "9.7.4-2") && exempt(Method::NativeHash, "10.6.20-MariaDB"));
        assert!(!exempt(Method::NativeHash, "10.11.19-MariaDB-0+deb12u1"));
    }
}
