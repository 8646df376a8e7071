//! The value of a rotated secret: one JSON object that says which database account it opens, and how to reach it.
//!
//! Fields: `engine`, `host`, `port`, `dbname`, `username` (also read as `user`, `account` or `name`), `password`,
//! `tls` (`verify` or `disable`) and `tls_ca`. Fields of other names are the owner's and are kept. Their documented
//! names are unknown (rotation fact sheet, section 5); these are ours, and this file is the only place that knows them.

use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};
use core::{
    fmt,
    hash::{Hash, Hasher},
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{
    problem::{Problem, Rule, Violation},
    value::SecretValue,
};

/// The kind of database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Engine {
    /// PostgreSQL and servers that speak its protocol.
    PostgreSql,
    /// MySQL and servers that behave like it (TaurusDB).
    MySql,
    /// MariaDB.
    MariaDb,
}

impl Engine {
    /// Reads the word in any case, with the usual short forms.
    ///
    /// # Errors
    /// [`Rule::Choice`] for any other word.
    pub fn parse(word: &str) -> Result<Self, Violation> {
        match word.to_ascii_lowercase().as_str() {
            "postgresql" | "postgres" | "pgsql" | "pg" | "gaussdb-for-postgresql" => Ok(Self::PostgreSql),
            "mysql" | "taurusdb" | "gaussdb-for-mysql" => Ok(Self::MySql),
            "mariadb" => Ok(Self::MariaDb),
            "sqlserver" | "mssql" => {
                Err(Violation::new(Rule::Choice, "postgresql, mysql, mariadb; SQL Server is not supported"))
            }
            _ => Err(Violation::new(Rule::Choice, "postgresql, mysql, mariadb")),
        }
    }

    /// The canonical word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
        }
    }

    /// The port servers of this kind listen on unless told otherwise.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::PostgreSql => 5432,
            Self::MySql | Self::MariaDb => 3306,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the connection is encrypted and the server proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// TLS with a certificate that chains to a public root or to `ca`, and that names the host.
    Verify {
        /// Further trusted certificates, PEM.
        ca: Option<String>,
    },
    /// No TLS. Only by name: leaving `tls` out means [`Tls::Verify`].
    Disable,
}

/// Which account a value opens and where: what must not change when only its password does.
///
/// Two logins are equal when engine, host (in any case), port, database and user name are.
#[derive(Clone, Debug)]
pub struct Login {
    /// Kind of server.
    pub engine: Engine,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The database to connect to, where the engine needs one.
    pub dbname: Option<String>,
    /// Name of the account.
    pub username: String,
}

impl Login {
    /// Whether both are accounts, the same one or not, of the same server.
    #[must_use]
    pub fn is_on_the_server_of(&self, other: &Self) -> bool {
        self.engine == other.engine && self.port == other.port && self.host.eq_ignore_ascii_case(&other.host)
    }

    /// Whether both are the same account of the same server, whichever database they connect to: they share a password.
    #[must_use]
    pub fn is_the_account_of(&self, other: &Self) -> bool {
        self.is_on_the_server_of(other) && self.username == other.username
    }

    /// The first field in which the two differ, by its name in a value.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            ("engine", self.engine == other.engine),
            ("host", self.host.eq_ignore_ascii_case(&other.host)),
            ("port", self.port == other.port),
            ("dbname", self.dbname == other.dbname),
            ("username", self.username == other.username),
        ]
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field))
    }
}

impl PartialEq for Login {
    fn eq(&self, other: &Self) -> bool {
        self.difference(other).is_none()
    }
}

impl Eq for Login {}

impl Hash for Login {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The host is left out, because its case does not count.
        (self.engine, self.port, &self.dbname, &self.username).hash(state);
    }
}

/// A database account with its password and the way to its server, read from the value of a secret version.
///
/// The password and the text it came from are wiped when dropped; `Debug` hides both.
#[derive(Clone)]
pub struct Account {
    login: Login,
    password: Zeroizing<String>,
    tls: Tls,
    text: Zeroizing<String>,
}

impl Account {
    /// Reads a value.
    ///
    /// # Errors
    /// Every problem at once, with the paths of the fields, never with a value.
    pub fn parse(value: &SecretValue) -> Result<Self, Vec<Problem>> {
        let Some(text) = value.as_text() else {
            return Err(Vec::from([Violation::new(Rule::Type, "text, not binary").at("")]));
        };
        Self::parse_text(text)
    }

    /// Reads the JSON text of a value.
    ///
    /// # Errors
    /// As [`Account::parse`].
    pub fn parse_text(text: &str) -> Result<Self, Vec<Problem>> {
        let members = Members::parse(text).map_err(|violation| Vec::from([violation.at("")]))?;
        let mut problems = members.repeated();
        let mut keep = |result: Result<Option<String>, Problem>| {
            result.unwrap_or_else(|problem| {
                problems.push(problem);
                None
            })
        };

        let engine = keep(members.required("engine", check_nothing));
        let host = keep(members.required("host", check_host));
        let port = keep(members.port());
        let dbname = keep(members.text("dbname", check_name));
        let username = keep(members.required(members.name_of_username(), check_name));
        let password = keep(members.required("password", check_password)).map(Zeroizing::new);
        let tls = keep(members.text("tls", check_tls));
        let tls_ca = keep(members.text("tls_ca", check_pem));

        let engine = engine.and_then(|word| match Engine::parse(&word) {
            Ok(engine) => Some(engine),
            Err(violation) => {
                problems.push(violation.at("engine"));
                None
            }
        });
        match (engine, host, username, password) {
            (Some(engine), Some(host), Some(username), Some(password)) if problems.is_empty() => {
                let host = host.trim_start_matches('[').trim_end_matches(']').to_string();
                let port = port.and_then(|digits| digits.parse().ok()).unwrap_or(engine.default_port());
                let tls = match tls.as_deref() {
                    Some("disable") => Tls::Disable,
                    _ => Tls::Verify { ca: tls_ca },
                };
                let login = Login { engine, host, port, dbname, username };
                Ok(Self { login, password, tls, text: Zeroizing::new(text.to_string()) })
            }
            _ => Err(problems),
        }
    }

    /// Which account this is.
    #[must_use]
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// The database to connect to, where the engine needs one.
    #[must_use]
    pub fn dbname(&self) -> Option<&str> {
        self.login.dbname.as_deref()
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// How the connection is protected.
    #[must_use]
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// The same account with another password, for use now; its text is not made anew.
    #[must_use]
    pub fn trying(&self, password: &str) -> Self {
        Self { password: Zeroizing::new(password.to_string()), ..self.clone() }
    }

    /// The value of the next version: this one with only the password replaced. Members keep their order and the way
    /// their values were written; white space between members is lost.
    ///
    /// # Errors
    /// [`Rule::TooLong`] when the value would no longer fit into a version.
    pub fn with_password(&self, password: &str) -> Result<SecretValue, Violation> {
        let members = Members::parse(&self.text)?;
        let text = serde_json::to_string(&Replaced { members, password }).map_err(|_| not_an_object())?;
        SecretValue::text(text)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("login", &self.login).field("password", &"hidden").finish_non_exhaustive()
    }
}

const PASSWORD: &str = "password";

/// Names under which the user name is read, the first one found wins.
const USERNAME: [&str; 4] = ["username", "user", "account", "name"];

const fn not_an_object() -> Violation {
    Violation::new(Rule::Json, r#"{"engine":"…","host":"…","username":"…","password":"…"}"#)
}

/// The members of the object in the order they were written, values as they were written.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    fn parse(text: &'a str) -> Result<Self, Violation> {
        serde_json::from_str(text).map_err(|_| not_an_object())
    }

    /// A problem for each field of ours that stands twice: readers would differ on which one counts.
    fn repeated(&self) -> Vec<Problem> {
        let ours = ["engine", "host", "port", "dbname", PASSWORD, "tls", "tls_ca"];
        ours.into_iter()
            .chain(USERNAME)
            .filter(|name| self.0.iter().filter(|(key, _)| key == name).count() > 1)
            .map(|name| Violation::new(Rule::Duplicate, "").at(name))
            .collect()
    }

    fn name_of_username(&self) -> &'static str {
        let present = |name: &&str| self.raw(name).is_some();
        USERNAME.into_iter().find(present).unwrap_or("username")
    }

    /// The value of a member; `null` counts as absent.
    fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, raw)| *raw).filter(|raw| raw.get() != "null")
    }

    fn read<T: DeserializeOwned>(&self, name: &'static str, expected: &'static str) -> Result<Option<T>, Problem> {
        self.raw(name)
            .map(|raw| serde_json::from_str(raw.get()).map_err(|_| Violation::new(Rule::Type, expected).at(name)))
            .transpose()
    }

    fn text(&self, name: &'static str, check: fn(&str) -> Result<(), Violation>) -> Result<Option<String>, Problem> {
        let text: Option<String> = self.read(name, "a text")?;
        if let Some(text) = &text {
            check(text).map_err(|violation| violation.at(name))?;
        }
        Ok(text)
    }

    fn required(
        &self,
        name: &'static str,
        check: fn(&str) -> Result<(), Violation>,
    ) -> Result<Option<String>, Problem> {
        match self.text(name, check)? {
            None => Err(Violation::new(Rule::Required, "").at(name)),
            some => Ok(some),
        }
    }

    /// The digits of `port`, written as a number or as a text.
    fn port(&self) -> Result<Option<String>, Problem> {
        let port = match self.read::<u16>("port", "") {
            Ok(number) => number,
            Err(_) => match self.text("port", check_nothing)?.map(|text| text.parse()) {
                Some(Ok(number)) => Some(number),
                _ => Some(0),
            },
        };
        match port {
            Some(0) => Err(Violation::new(Rule::Type, "a whole number from 1 to 65535").at("port")),
            port => Ok(port.map(|number| number.to_string())),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Key<'k>(#[serde(borrow)] Cow<'k, str>);

        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), raw)) = map.next_entry()? {
                    members.push((key, raw));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// The members with another password in the place of the old one.
struct Replaced<'a> {
    members: Members<'a>,
    password: &'a str,
}

impl Serialize for Replaced<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.0.len()))?;
        for (key, raw) in &self.members.0 {
            if key == PASSWORD {
                map.serialize_entry(key, self.password)?;
            } else {
                map.serialize_entry(key, raw)?;
            }
        }
        map.end()
    }
}

fn check_nothing(_: &str) -> Result<(), Violation> {
    Ok(())
}

/// Host names and addresses; above all no path, which a driver might take for a local socket.
fn check_host(host: &str) -> Result<(), Violation> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if (1..=255).contains(&host.len()) && host.chars().all(plain) {
        Ok(())
    } else {
        Err(Violation::new(Rule::Pattern, "a host name or an IP address"))
    }
}

/// Names of accounts and databases: engines take 63 to 128 bytes and any character but control characters.
fn check_name(name: &str) -> Result<(), Violation> {
    if (1..=128).contains(&name.len()) && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Violation::new(Rule::Pattern, "1 to 128 bytes without control characters"))
    }
}

/// Any text a database protocol can carry: passwords end at a zero byte there.
fn check_password(password: &str) -> Result<(), Violation> {
    if (1..=1024).contains(&password.len()) && !password.contains('\0') {
        Ok(())
    } else {
        Err(Violation::new(Rule::Pattern, "1 to 1024 bytes without a zero byte"))
    }
}

fn check_tls(word: &str) -> Result<(), Violation> {
    if matches!(word, "verify" | "disable") { Ok(()) } else { Err(Violation::new(Rule::Choice, "verify, disable")) }
}

fn check_pem(text: &str) -> Result<(), Violation> {
    if text.contains("-----BEGIN CERTIFICATE-----") {
        Ok(())
    } else {
        Err(Violation::new(Rule::Pattern, "PEM text with at least one CERTIFICATE"))
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use proptest::prelude::*;

    use super::*;

    const FULL: &str = r#"{"engine":"Postgres","host":"db.example","port":"6432","dbname":"app","username":"app","password":"hunter2","tls":"disable","team":{"b":1.50,"a":[]}}"#;

    fn rules(text: &str) -> Vec<(String, Rule)> {
        Account::parse_text(text)
            .unwrap_err()
            .into_iter()
            .map(|problem| (problem.path, problem.violation.rule))
            .collect()
    }

    #[test]
    fn a_full_value_is_taken_apart() {
        let account = Account::parse_text(FULL).unwrap();
        let Login { engine, host, port, username, .. } = account.login().clone();
        assert_eq!((engine, host.as_str(), port, username.as_str()), (Engine::PostgreSql, "db.example", 6432, "app"));
        assert_eq!((account.dbname(), account.password(), account.tls()), (Some("app"), "hunter2", &Tls::Disable));
    }

    #[test]
    fn a_short_value_has_the_engine_s_port_and_verified_tls() {
        for (word, port) in [("mysql", 3306), ("MariaDB", 3306), ("postgresql", 5432)] {
            let text = format!(r#"{{"engine":"{word}","host":"::1","account":"a","password":"p","port":null}}"#);
            let account = Account::parse_text(&text).unwrap();
            assert_eq!(account.login().port, port);
            assert_eq!(account.tls(), &Tls::Verify { ca: None });
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let text =
            r#"{"engine":"oracle","host":"/run/postgresql","port":70000,"username":7,"tls":"maybe","tls_ca":"x"}"#;
        let told = [
            ("host", Rule::Pattern),
            ("port", Rule::Type),
            ("username", Rule::Type),
            ("password", Rule::Required),
            ("tls", Rule::Choice),
            ("tls_ca", Rule::Pattern),
            ("engine", Rule::Choice),
        ];
        assert_eq!(rules(text), told.map(|(path, rule)| (path.into(), rule)));
    }

    #[test]
    fn sql_server_is_said_to_be_unsupported() {
        for word in ["sqlserver", "SQLServer", "mssql"] {
            let violation = Engine::parse(word).unwrap_err();
            assert!(violation.message().ends_with("SQL Server is not supported"), "{}", violation.message());
        }
    }

    #[test]
    fn a_value_that_is_no_object_is_refused() {
        for text in ["", "x", "[]", "\"p\"", "{", r#"{"engine":"mysql"} x"#] {
            assert_eq!(rules(text), [(String::new(), Rule::Json)], "{text}");
        }
        let binary = SecretValue::from_base64("AAEC").unwrap();
        assert_eq!(Account::parse(&binary).unwrap_err()[0].violation.rule, Rule::Type);
    }

    #[test]
    fn a_password_that_stands_twice_is_refused() {
        let text = r#"{"engine":"mysql","host":"h","username":"u","password":"a","password":"b"}"#;
        assert_eq!(rules(text), [("password".into(), Rule::Duplicate)]);
    }

    #[test]
    fn only_the_password_is_replaced_and_the_rest_kept_as_written() {
        let next = Account::parse_text(FULL).unwrap().with_password("n\"w").unwrap();
        assert_eq!(next.as_text().unwrap(), FULL.replace("hunter2", r#"n\"w"#));
    }

    #[test]
    fn debug_shows_no_password() {
        assert!(!format!("{:?}", Account::parse_text(FULL).unwrap()).contains("hunter2"));
    }

    #[test]
    fn logins_differ_by_user_but_not_by_the_case_of_the_host() {
        let parse = |host: &str, user: &str| {
            let text = format!(r#"{{"engine":"mysql","host":"{host}","username":"{user}","password":"p"}}"#);
            Account::parse_text(&text).unwrap().login().clone()
        };
        assert_eq!(parse("DB.example", "a"), parse("db.EXAMPLE", "a"));
        assert_ne!(parse("db.example", "a"), parse("db.example", "A"));
        assert!(parse("db.example", "a").is_on_the_server_of(&parse("db.example", "b")));
        assert!(!parse("db1.example", "a").is_on_the_server_of(&parse("db2.example", "a")));
    }

    #[test]
    fn the_field_in_which_logins_differ_is_named() {
        let login = Account::parse_text(FULL).unwrap().login().clone();
        let changed =
            |from: &str, to: &str| login.difference(Account::parse_text(&FULL.replacen(from, to, 1)).unwrap().login());
        assert_eq!(changed("hunter2", "other"), None);
        assert_eq!(changed("Postgres", "mysql"), Some("engine"));
        assert_eq!(changed("db.example", "db.other"), Some("host"));
        assert_eq!(changed("6432", "6433"), Some("port"));
        assert_eq!(changed(r#""dbname":"app""#, r#""dbname":"other""#), Some("dbname"));
        assert_eq!(changed(r#""username":"app""#, r#""username":"other""#), Some("username"));
    }

    proptest! {
        #[test]
        fn any_password_survives_being_put_into_the_value(password in "[^\0]{1,40}", note in ".{0,20}") {
            let note = serde_json::to_string(&note).unwrap();
            let text = format!(r#"{{"note":{note},"engine":"mysql","host":"h","user":"u","password":"old"}}"#);
            let account = Account::parse_text(&text).unwrap();
            let next = Account::parse(&account.with_password(&password).unwrap()).unwrap();
            prop_assert_eq!(next.password(), password.as_str());
            prop_assert_eq!(next.login(), account.login());
            prop_assert!(next.text.contains(&note));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}") {
            let _ = Account::parse_text(&text);
        }
    }
}
