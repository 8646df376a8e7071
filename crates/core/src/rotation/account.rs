//! The value of a rotated secret: one JSON object that says which database account it opens, and how to reach it.
//!
//! Fields: `engine`, `host`, `port`, `dbname` (also read as `database`), `username` (also read as `user`, `account` or
//! `name`), `password`; `tls` (`verify`, `verify-ca` or `disable`), `tls_ca`, `tls_server_name`, `tls_cert`, `tls_key`;
//! `rotation_host` and `rotation_port`, the address for rotations where `host` is a pooler or a reader; and
//! `allow_cleartext_password`. `ssl`, `sslmode`, `sslrootcert`, `sslcert` and `sslkey` are read where the fields of ours are
//! missing. Fields of other names are the owner's and are kept. The cloud's names are not documented
//! (`compatibility/rotation.md#value-format-of-a-rotated-secret`); these are ours, and only this file knows them.

use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};
use core::{
    fmt,
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv4Addr},
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
    value::{SecretValue, ValueLimit},
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
            "postgresql" | "postgres" | "pgsql" | "pg" | "aurora-postgresql" => Ok(Self::PostgreSql),
            "mysql" | "aurora-mysql" | "taurusdb" | "gaussdb-for-mysql" => Ok(Self::MySql),
            "mariadb" => Ok(Self::MariaDb),
            "gaussdb" | "opengauss" | "gaussdb-for-postgresql" | "gaussdb-for-opengauss" => Err(Violation::new(
                Rule::Choice,
                "postgresql, mysql, mariadb, taurusdb; GaussDB (openGauss) is not supported, and a secret of type \
                 GaussDB-FG holds an account of TaurusDB, which was GaussDB for MySQL",
            )),
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

    /// Whether a login that is accepted proves its password by itself. PostgreSQL may be told to trust everybody.
    #[must_use]
    pub const fn login_proves_the_password(self) -> bool {
        matches!(self, Self::MySql | Self::MariaDb)
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the connection is encrypted and the server proven.
#[derive(Clone, Debug)]
pub enum Tls {
    /// TLS with a certificate that chains to a root that is trusted.
    Verify(Trust),
    /// No TLS. Only by name: leaving `tls` out means [`Tls::Verify`].
    Disable,
}

/// Which server is trusted, and how it knows the client.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Certificates to trust beside the public roots, PEM.
    pub ca: Option<String>,
    /// Whether the certificate need not carry the server's name (`verify-ca`): MySQL's generated one carries none.
    pub any_name: bool,
    /// The name that the certificate carries, where it is not the host. Not looked at with `any_name`.
    pub server_name: Option<String>,
    /// What the client shows.
    pub identity: Option<ClientIdentity>,
}

/// A client's certificate and its key. `Debug` hides both.
#[derive(Clone)]
pub struct ClientIdentity {
    /// The certificate and those between it and the root, PEM.
    pub certificate: String,
    /// The private key, PEM.
    pub key: Zeroizing<String>,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity")
    }
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
    /// Host for rotations, where `host` is a pooler or a reader. Not part of the account's identity.
    pub rotation_host: Option<String>,
    /// Port for rotations.
    pub rotation_port: Option<u16>,
}

impl Login {
    /// Host and port of the server itself, for rotations.
    #[must_use]
    pub fn rotation_address(&self) -> (&str, u16) {
        let port = match (&self.rotation_host, self.rotation_port) {
            (_, Some(port)) => port,
            // Another host has the engine's own port rather than the pooler's.
            (Some(_), None) => self.engine.default_port(),
            (None, None) => self.port,
        };
        (self.rotation_host.as_deref().unwrap_or(&self.host), port)
    }

    /// The name by which the server knows the account: PostgreSQL cuts longer names.
    #[must_use]
    pub fn account_name(&self) -> &str {
        let most = match self.engine {
            Engine::PostgreSql => POSTGRESQL_NAME_BYTES,
            Engine::MySql | Engine::MariaDb => self.username.len(),
        };
        let mut end = most.min(self.username.len());
        while !self.username.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        self.username.get(..end).unwrap_or_default()
    }

    /// Whether both are accounts, the same one or not, of the same server: of one address, be it for applications or for
    /// rotations.
    #[must_use]
    pub fn is_on_the_server_of(&self, other: &Self) -> bool {
        let plain = is_same_address((&self.host, self.port), (&other.host, other.port));
        self.engine == other.engine && (plain || is_same_address(self.rotation_address(), other.rotation_address()))
    }

    /// Whether the value of this login names the address of another one for rotations, as its own for applications or for
    /// rotations: its password goes nowhere else.
    #[must_use]
    pub fn names_the_rotation_address_of(&self, other: &Self) -> bool {
        let own = [(self.host.as_str(), self.port), self.rotation_address()];
        self.engine == other.engine && own.into_iter().any(|own| is_same_address(own, other.rotation_address()))
    }

    /// Whether both are the same account of the same server, whichever database they connect to: they share a password.
    #[must_use]
    pub fn is_the_account_of(&self, other: &Self) -> bool {
        self.is_on_the_server_of(other) && self.account_name() == other.account_name()
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

/// The bytes of a name that PostgreSQL keeps.
const POSTGRESQL_NAME_BYTES: usize = 63;

/// One text for all names of a host that are known to lead to one machine: of the machine itself, and of one address written in
/// several ways. Names that only a resolver knows to be the same stay different.
#[must_use]
pub fn same_host(host: &str) -> String {
    const LOCAL: &str = "localhost";
    let name = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let address = name.parse::<IpAddr>().ok().or_else(|| numbers(&name).map(IpAddr::V4));
    match address.map(|address| address.to_canonical()) {
        // Nobody connects to the unspecified address but means this machine.
        Some(address) if address.is_loopback() || address.is_unspecified() => LOCAL.to_string(),
        Some(address) => address.to_string(),
        None if name.ends_with(".localhost") => LOCAL.to_string(),
        None if matches!(name.as_str(), "localhost.localdomain" | "ip6-localhost" | "ip6-loopback") => {
            LOCAL.to_string()
        }
        None => name,
    }
}

/// An address as resolvers read it besides: up to four numbers, the last of which fills the bytes that are left, each of them
/// decimal, octal or hexadecimal (`127.1`, `0x7f000001`).
fn numbers(text: &str) -> Option<Ipv4Addr> {
    let mut parts = text.split('.').map(|part| match part.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if part.starts_with('0') => u32::from_str_radix(part, 8).ok(),
        None => part.parse().ok(),
    });
    let mut bytes = [0_u8; 4];
    let mut taken = 0;
    let mut next = parts.next()??;
    for part in parts {
        *bytes.get_mut(taken)? = u8::try_from(next).ok()?;
        taken = taken.checked_add(1)?;
        next = part?;
    }
    let rest = next.to_be_bytes();
    let (filled, free) = rest.split_at(taken.min(4));
    if taken > 3 || filled.iter().any(|byte| *byte != 0) {
        return None;
    }
    bytes.get_mut(taken..)?.copy_from_slice(free);
    Some(Ipv4Addr::from(bytes))
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
    allows_cleartext: bool,
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
        let mut problems = members.repeated_fields();
        let mut keep = |result: Result<Option<String>, Problem>| {
            result.unwrap_or_else(|problem| {
                problems.push(problem);
                None
            })
        };

        let engine = keep(members.required("engine", check_nothing));
        let host = keep(members.required("host", check_host));
        let port = keep(members.port("port"));
        let rotation_host = keep(members.text("rotation_host", check_host));
        let rotation_port = keep(members.port("rotation_port"));
        let dbname = keep(members.text(members.first_of(["dbname", "database"]), check_name));
        let username = keep(members.required(members.name_of_username(), check_name));
        let password = keep(members.required("password", check_password)).map(Zeroizing::new);
        let tls = keep(members.tls());
        let tls_ca = keep(members.text(members.first_of(["tls_ca", "sslrootcert"]), check_certificate));
        let server_name = keep(members.text("tls_server_name", check_server_name));
        let [cert, key] = [["tls_cert", "sslcert"], ["tls_key", "sslkey"]].map(|names| members.first_of(names));
        let tls_cert = keep(members.text(cert, check_certificate));
        let tls_key = keep(members.text(key, check_key)).map(|key| Zeroizing::new(lines(&key)));
        let cleartext = members.raw("allow_cleartext_password").map(RawValue::get);
        let allows_cleartext = matches!(cleartext, Some("true" | "\"true\""));

        if !matches!(cleartext, None | Some("true" | "false" | "\"true\"" | "\"false\"")) {
            problems.push(Violation::new(Rule::Type, "true or false").at("allow_cleartext_password"));
        }
        for (present, missing) in [(tls_cert.is_some(), key), (tls_key.is_some(), cert)] {
            if present && members.raw(missing).is_none() {
                problems.push(Violation::new(Rule::Required, "").at(missing));
            }
        }
        let engine = engine.and_then(|word| match Engine::parse(&word) {
            Ok(engine) => Some(engine),
            Err(violation) => {
                problems.push(violation.at("engine"));
                None
            }
        });
        match (engine, host, username, password) {
            (Some(engine), Some(host), Some(username), Some(password)) if problems.is_empty() => {
                let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_string();
                let number = |digits: Option<String>| digits.and_then(|digits| digits.parse().ok());
                let (host, rotation_host) = (bare(&host), rotation_host.as_deref().map(bare));
                let (port, rotation_port) = (number(port).unwrap_or(engine.default_port()), number(rotation_port));
                let identity = tls_cert.zip(tls_key);
                let identity =
                    identity.map(|(certificate, key)| ClientIdentity { certificate: lines(&certificate), key });
                let tls = match tls.as_deref() {
                    Some("disable") => Tls::Disable,
                    word => Tls::Verify(Trust {
                        ca: tls_ca.as_deref().map(lines),
                        any_name: word == Some("verify-ca"),
                        server_name,
                        identity,
                    }),
                };
                let login = Login { engine, host, port, dbname, username, rotation_host, rotation_port };
                Ok(Self { login, password, tls, allows_cleartext, text: Zeroizing::new(text.to_string()) })
            }
            _ => Err(problems),
        }
    }

    /// Members that a value repeats: readers would differ on which one counts. Those of other objects within it are its owner's.
    /// Only fields of ours are named, since whoever reads the message may not be allowed to read the value. Empty for a value
    /// that is no JSON object.
    #[must_use]
    pub fn repeated_members(value: &SecretValue) -> Vec<Problem> {
        let members = value.as_text().map(Members::parse).and_then(Result::ok);
        members.map(|members| members.repeated()).unwrap_or_default()
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

    /// Whether the owner accepts that a new password may cross the network, or enter a log of the server, in clear.
    #[must_use]
    pub fn allows_cleartext(&self) -> bool {
        self.allows_cleartext
    }

    /// The same account with another password, for use now; its text is not made again.
    #[must_use]
    pub fn trying(&self, password: &str) -> Self {
        Self { password: Zeroizing::new(password.to_string()), ..self.clone() }
    }

    /// The same account as it logs in where another one is rotated; `None` where its own value does not name that address.
    #[must_use]
    pub fn at_the_rotation_address_of(&self, other: &Login) -> Option<Self> {
        let (host, port) = other.rotation_address();
        let at = || Login { rotation_host: Some(host.to_string()), rotation_port: Some(port), ..self.login.clone() };
        self.login.names_the_rotation_address_of(other).then(|| Self { login: at(), ..self.clone() })
    }

    /// How many members of the owner's hold the password as well, as a URL does: as it is, or with characters of it as `%` and two
    /// digits. A rotation leaves them as they are. Of a short password, which may be part of any text by chance, only those count
    /// that are the password.
    #[must_use]
    pub fn members_with_the_password(&self) -> usize {
        let Ok(members) = Members::parse(&self.text) else { return 0 };
        let written = serde_json::to_string(self.password()).map(Zeroizing::new).unwrap_or_default();
        let inner = written.trim_start_matches('"').trim_end_matches('"');
        let holds = |text: &str| match self.password.len() {
            ..TELLING_PASSWORD_BYTES => text == *written,
            _ => holds_encoded(text, inner) || holds_encoded(text, &self.password),
        };
        members.0.iter().filter(|(key, raw)| !is_ours(key) && holds(raw.get())).count()
    }

    /// Whether the two values hold the same members, written in the same way and order, but for the password.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (Members::parse(&self.text), Members::parse(&other.text)) {
            (Ok(members), Ok(others)) => members.written().eq(others.written()),
            _ => false,
        }
    }

    /// The value of the next version: this one with only the password replaced. Members keep their order and the way
    /// their values were written; white space between members is lost.
    ///
    /// # Errors
    /// [`Rule::TooLong`] when the value would no longer fit into a version.
    pub fn with_password(&self, password: &str) -> Result<SecretValue, Violation> {
        let members = Members::parse(&self.text)?;
        let text = serde_json::to_string(&Replaced { members, password }).map_err(|_| not_an_object())?;
        SecretValue::text_within(text, ValueLimit::Guide)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("login", &self.login).field("password", &"hidden").finish_non_exhaustive()
    }
}

const PASSWORD: &str = "password";

/// Fields that are read under one name each.
const FIELDS: [&str; 19] = [
    "engine",
    "host",
    "port",
    "dbname",
    "database",
    PASSWORD,
    "tls",
    "tls_ca",
    "tls_server_name",
    "tls_cert",
    "tls_key",
    "rotation_host",
    "rotation_port",
    "allow_cleartext_password",
    "ssl",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
];

/// Names under which the user name is read, the first one found wins.
const USERNAME: [&str; 4] = ["username", "user", "account", "name"];

/// Whether a member is read, rather than its owner's.
fn is_ours(name: &str) -> bool {
    FIELDS.into_iter().chain(USERNAME).any(|field| field == name)
}

/// A password of so many bytes is not part of another text by chance.
const TELLING_PASSWORD_BYTES: usize = 8;

/// Whether a text holds another one, some bytes of which may be written as URLs write them (`%5E`).
fn holds_encoded(text: &str, sought: &str) -> bool {
    let text = text.as_bytes();
    (0..text.len()).any(|start| {
        let mut rest = text.get(start..).unwrap_or_default();
        sought.bytes().all(|byte| {
            let (first, after) = match rest {
                [b'%', high, low, after @ ..] if encoded(*high, *low) == Some(byte) => (byte, after),
                [first, after @ ..] => (*first, after),
                [] => return false,
            };
            rest = after;
            first == byte
        })
    })
}

/// The byte that two hexadecimal digits stand for.
fn encoded(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)?.checked_mul(16)?.checked_add(digit(low)?)?).ok()
}

/// Whether two hosts with ports are one address. Names of hosts have no case.
const fn is_same_address((host, port): (&str, u16), (other, other_port): (&str, u16)) -> bool {
    port == other_port && host.eq_ignore_ascii_case(other)
}

const fn not_an_object() -> Violation {
    Violation::new(Rule::Json, r#"{"engine":"…","host":"…","username":"…","password":"…"}"#)
}

/// The members of the object in the order they were written, values as they were written.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    fn parse(text: &'a str) -> Result<Self, Violation> {
        serde_json::from_str(text).map_err(|_| not_an_object())
    }

    /// A problem for each field of ours that is repeated.
    fn repeated_fields(&self) -> Vec<Problem> {
        let is_repeated = |name: &&str| self.0.iter().filter(|(key, _)| key == name).count() > 1;
        FIELDS
            .into_iter()
            .chain(USERNAME)
            .filter(is_repeated)
            .map(|name| Violation::new(Rule::Duplicate, name).at(""))
            .collect()
    }

    /// The problems of [`Members::repeated_fields`], and one if other members are.
    fn repeated(&self) -> Vec<Problem> {
        let mut others: Vec<&str> = self.0.iter().map(|(key, _)| key.as_ref()).filter(|name| !is_ours(name)).collect();
        others.sort_unstable();
        let mut problems = self.repeated_fields();
        if others.windows(2).any(|pair| matches!(pair, [one, next] if one == next)) {
            problems.push(Violation::new(Rule::Duplicate, "a member").at(""));
        }
        problems
    }

    /// The members as they were written, without the text of the password.
    fn written(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(key, raw)| (key.as_ref(), (key != PASSWORD).then(|| raw.get())))
    }

    fn name_of_username(&self) -> &'static str {
        let present = |name: &&str| self.raw(name).is_some();
        USERNAME.into_iter().find(present).unwrap_or("username")
    }

    /// The first of two names that is there, or the first one.
    fn first_of(&self, [ours, other]: [&'static str; 2]) -> &'static str {
        if self.raw(ours).is_none() && self.raw(other).is_some() { other } else { ours }
    }

    /// The word of `tls`, or what `sslmode` and `ssl`, which other programs write, say in its place.
    fn tls(&self) -> Result<Option<String>, Problem> {
        if self.raw("tls").is_some() {
            return self.text("tls", check_tls);
        }
        let wanted = "\"tls\" with verify, verify-ca or disable";
        match self.raw("sslmode").map(RawValue::get) {
            None => {}
            Some("\"verify-full\"") => return Ok(Some("verify".to_string())),
            Some("\"verify-ca\"") => return Ok(Some("verify-ca".to_string())),
            Some(_) => return Err(Violation::new(Rule::Choice, wanted).at("sslmode")),
        }
        match self.raw("ssl").map(RawValue::get) {
            Some("false" | "\"false\"") => Err(Violation::new(Rule::Choice, wanted).at("ssl")),
            _ => Ok(None),
        }
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

    /// The digits of a port, written as a number or as a text.
    fn port(&self, name: &'static str) -> Result<Option<String>, Problem> {
        let problem = || Violation::new(Rule::Type, "a whole number from 1 to 65535").at(name);
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let digits = raw.get().trim_matches('"');
        match digits.parse::<u16>() {
            Ok(number) if number > 0 => Ok(Some(number.to_string())),
            _ => Err(problem()),
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
    if !((1..=255).contains(&host.len()) && host.chars().all(plain)) {
        return Err(Violation::new(Rule::Pattern, "a host name or an IP address"));
    }
    // One colon, or one after a bracket, is a port's; IPv6 addresses have more.
    let has_port = host.contains("]:") || host.bytes().filter(|byte| *byte == b':').count() == 1;
    if has_port {
        return Err(Violation::new(Rule::Pattern, "a host name or an IP address; the port has a member of its own"));
    }
    Ok(())
}

fn check_server_name(name: &str) -> Result<(), Violation> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if (1..=253).contains(&name.len()) && name.chars().all(plain) {
        Ok(())
    } else {
        Err(Violation::new(Rule::Pattern, "the name in the server's certificate"))
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
    if matches!(word, "verify" | "verify-ca" | "disable") {
        Ok(())
    } else {
        Err(Violation::new(Rule::Choice, "verify, verify-ca, disable"))
    }
}

/// PEM whose line ends may be written as `\n` in two characters, as environment variables have them.
fn lines(pem: &str) -> String {
    pem.replace("\\n", "\n")
}

fn check_certificate(text: &str) -> Result<(), Violation> {
    check_pem(text, "-----BEGIN CERTIFICATE-----", "PEM text with at least one CERTIFICATE, not the path of a file")
}

fn check_key(text: &str) -> Result<(), Violation> {
    check_pem(text, "PRIVATE KEY-----", "PEM text with a PRIVATE KEY, not the path of a file")
}

/// Lines of base64 between marks. Whether they hold a certificate or a key is seen when they are used.
fn check_pem(text: &str, mark: &str, expected: &'static str) -> Result<(), Violation> {
    let text = lines(text);
    let is_whole = text.split_once(mark).is_some_and(|(_, rest)| {
        let body = rest.split("-----END").next().unwrap_or_default();
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=') || c.is_whitespace();
        rest.contains("-----END") && body.starts_with(['\n', '\r']) && body.chars().all(is_base64)
    });
    if is_whole { Ok(()) } else { Err(Violation::new(Rule::Pattern, expected)) }
}

#[cfg(test)]
mod tests {
    use std::format;

    use proptest::prelude::*;

    use super::*;

    const FULL: &str = r#"{"engine":"Postgres","host":"db.example","port":"6432","dbname":"app","username":"app","password":"hunter2","tls":"disable","team":{"b":1.50,"a":[]}}"#;

    #[test]
    fn values_are_alike_that_differ_in_their_passwords_alone() {
        let account = Account::parse_text(FULL).unwrap();
        let next = Account::parse(&account.with_password("another-one").unwrap()).unwrap();
        assert!(account.is_like(&next) && next.is_like(&account));
        let mended = Account::parse_text(&FULL.replace("disable", "verify")).unwrap();
        let longer = Account::parse_text(&FULL.replace("{\"engine\"", "{\"owner\":\"me\",\"engine\"")).unwrap();
        assert!(!account.is_like(&mended) && !account.is_like(&longer));
    }

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
        assert_eq!((account.dbname(), account.password()), (Some("app"), "hunter2"));
        assert!(matches!(account.tls(), Tls::Disable));
    }

    #[test]
    fn a_short_value_has_the_engine_s_port_and_verified_tls() {
        for (word, port) in [("mysql", 3306), ("MariaDB", 3306), ("postgresql", 5432)] {
            let text = format!(r#"{{"engine":"{word}","host":"::1","account":"a","password":"p","port":null}}"#);
            let account = Account::parse_text(&text).unwrap();
            assert_eq!(account.login().port, port);
            assert!(matches!(account.tls(), Tls::Verify(Trust { ca: None, any_name: false, .. })));
        }
    }

    #[test]
    fn all_problems_are_reported_at_once() {
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

    fn with(members: &str) -> String {
        format!(r#"{{"engine":"mysql","host":"h","username":"u","password":"p",{members}}}"#)
    }

    const PEM: &str = "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n";

    #[test]
    fn the_ways_of_other_programs_to_say_it_are_read_or_the_member_is_named() {
        let text = with(&format!(r#""database":"app","sslmode":"verify-ca","sslrootcert":"{PEM}""#));
        let account = Account::parse_text(&text).unwrap();
        assert_eq!(account.dbname(), Some("app"));
        assert!(matches!(account.tls(), Tls::Verify(Trust { ca: Some(_), any_name: true, .. })));
        assert!(Account::parse_text(&with(r#""ssl":true"#)).is_ok());
        for (members, path) in [
            (r#""ssl":false"#, "ssl"),
            (r#""sslmode":"require""#, "sslmode"),
            (r#""sslrootcert":"/ca.pem""#, "sslrootcert"),
            (r#""sslcert":"/client.pem""#, "sslcert"),
            (r#""sslkey":"/client.key""#, "sslkey"),
        ] {
            assert_eq!(rules(&with(members))[0].0, path, "{members}");
        }
        assert_eq!(Engine::parse("aurora-mysql"), Ok(Engine::MySql));
        assert_eq!(Engine::parse("aurora-postgresql"), Ok(Engine::PostgreSql));
        for word in ["gaussdb", "openGauss"] {
            assert!(Engine::parse(word).unwrap_err().message().contains("TaurusDB"));
        }
    }

    #[test]
    fn a_client_certificate_needs_its_key() {
        let certificate = format!(r#""tls_cert":"{PEM}""#);
        assert_eq!(rules(&with(&certificate)), [("tls_key".into(), Rule::Required)]);
        for (certificate, key) in [("tls_cert", "tls_key"), ("sslcert", "sslkey"), ("sslcert", "tls_key")] {
            let key = format!(r#""{key}":"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----""#);
            let account = Account::parse_text(&with(&format!(r#""{certificate}":"{PEM}",{key}"#))).unwrap();
            let Tls::Verify(Trust { identity: Some(identity), .. }) = account.tls() else { panic!("no identity") };
            assert!(identity.certificate.contains("\nMIIB\n"));
            assert!(!format!("{account:?}{identity:?}").contains("MIIB"));
        }
    }

    #[test]
    fn a_certificate_is_checked_for_its_form() {
        let one_line = r#""tls_ca":"-----BEGIN CERTIFICATE----- MIIB -----END CERTIFICATE-----""#;
        for text in [one_line, r#""tls_ca":"-----BEGIN CERTIFICATE-----""#, r#""tls_ca":"/etc/ssl/ca.pem""#] {
            assert_eq!(rules(&with(text)), [("tls_ca".into(), Rule::Pattern)], "{text}");
        }
        let two_characters = format!(r#""tls_ca":"{}""#, PEM.replace("\\n", "\\\\n"));
        assert!(Account::parse_text(&with(&two_characters)).is_ok());
    }

    #[test]
    fn a_port_has_a_member_of_its_own() {
        for host in ["127.0.0.1:5432", "db.example:5432", "[::1]:5432"] {
            let text = format!(r#"{{"engine":"mysql","host":"{host}","username":"u","password":"p"}}"#);
            assert_eq!(rules(&text), [("host".into(), Rule::Pattern)], "{host}");
        }
        assert_eq!(rules(&with(r#""port":5432.0"#)), [("port".into(), Rule::Type)]);
    }

    #[test]
    fn rotations_may_have_an_address_of_their_own() {
        let login = |members: &str| Account::parse_text(&with(members)).unwrap().login().clone();
        let pooled = login(r#""port":6432,"rotation_host":"db","rotation_port":3307"#);
        assert_eq!(pooled.rotation_address(), ("db", 3307));
        assert_eq!(login(r#""port":6432,"rotation_host":"db""#).rotation_address(), ("db", 3306));
        assert_eq!(login(r#""port":6432"#).rotation_address(), ("h", 6432));
        assert_eq!(pooled, login(r#""port":6432"#), "the address is not part of the account");
        let direct = Login { host: "db".into(), port: 3307, ..login(r#""port":1"#) };
        assert!(pooled.is_on_the_server_of(&direct));
    }

    #[test]
    fn an_administrator_logs_in_only_where_its_value_says() {
        let account = |members: &str| Account::parse_text(&with(members)).unwrap();
        let at = |admin: &str, other: &str| {
            let found = account(admin).at_the_rotation_address_of(account(other).login());
            found.map(|admin| (admin.login().rotation_address().0.to_string(), admin.login().rotation_address().1))
        };
        let server = Some(("db".to_string(), 3307));
        let pooled = r#""port":6432,"rotation_host":"db","rotation_port":3307"#;
        assert_eq!(at(pooled, pooled), server);
        assert_eq!(at(r#""port":6432"#, pooled), None, "both name the pooler, and one alone the server");
        assert_eq!(at(r#""port":6432,"rotation_host":"other""#, pooled), None);
        assert_eq!(at(pooled, r#""port":6432"#), Some(("h".to_string(), 6432)));
        let direct = Account::parse_text(&with(r#""port":3307"#).replace(r#""h""#, r#""DB""#)).unwrap();
        let found = direct.at_the_rotation_address_of(account(pooled).login()).unwrap();
        assert_eq!(found.login().rotation_address(), ("db", 3307));
    }

    #[test]
    fn clear_text_is_allowed_by_name_alone() {
        assert!(!Account::parse_text(&with(r#""tls":"disable""#)).unwrap().allows_cleartext());
        assert!(Account::parse_text(&with(r#""allow_cleartext_password":true"#)).unwrap().allows_cleartext());
        assert_eq!(rules(&with(r#""allow_cleartext_password":1"#))[0].0, "allow_cleartext_password");
    }

    #[test]
    fn sql_server_is_said_to_be_unsupported() {
        for word in ["sqlserver", "SQLServer", "mssql"] {
            let violation = Engine::parse(word).unwrap_err();
            assert!(violation.message().ends_with("SQL Server is not supported"), "{}", violation.message());
        }
    }

    #[test]
    fn members_of_the_owner_that_hold_the_password_are_counted() {
        let with_the_password = |password: &str, members: &str| {
            let text = format!(
                r#"{{"engine":"mysql","host":"h","username":"u","dbname":"{password}","password":"{password}",{members}}}"#
            );
            Account::parse_text(&text).unwrap().members_with_the_password()
        };
        let own = |members: &str| with_the_password("ab^cd~ef*12", members);
        assert_eq!(own(r#""team":{"a":1},"note":"ab^cd~ef*1""#), 0);
        assert_eq!(own(r#""url":"mysql://u:ab%5Ecd~ef*12@h/app""#), 1);
        assert_eq!(own(r#""url":"mysql://u:%61b%5ecd%7Eef%2A12@h","jdbc":{"all":["x=ab^cd~ef*12"]}"#), 2);
        assert_eq!(with_the_password(r#"it's \"odd\" \\ 1"#, r#""copy":"it's \"odd\" \\ 1","x":"it's""#), 1);
        // A short password is part of other words.
        assert_eq!(with_the_password("app", r#""owner":"application","copy":"app""#), 1);
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
        let problems = Account::parse_text(text).unwrap_err();
        assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), ["must not repeat password"]);
    }

    #[test]
    fn every_field_that_is_read_may_stand_once() {
        for name in FIELDS.into_iter().chain(USERNAME) {
            let found = Account::parse_text(&with(&format!(r#""{name}":"x","{name}":"x""#))).unwrap_err();
            let told = format!("must not repeat {name}");
            assert!(found.iter().any(|problem| problem.to_string() == told), "{name}: {found:?}");
        }
    }

    #[test]
    fn members_that_a_new_value_repeats_are_found_and_those_of_others_not_named() {
        let repeated = |text: &str| -> Vec<String> {
            let value = SecretValue::text_within(text.to_string(), ValueLimit::Guide).unwrap();
            Account::repeated_members(&value).iter().map(ToString::to_string).collect()
        };
        assert_eq!(repeated(&with(r#""\u0075sername":"v""#)), ["must not repeat username"]);
        let others = with(r#""hunter2":1,"sslmode":"x","hunter2":2,"sslmode":"x""#);
        assert_eq!(repeated(&others), ["must not repeat sslmode", "must not repeat a member"]);
        for text in [FULL, "{}", "hunter2", r#"["a","a"]"#, r#"{"team":{"a":1,"a":2}}"#, r#"{"a":1,"a":"#] {
            assert!(repeated(text).is_empty(), "{text}");
        }
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
    fn postgresql_knows_an_account_by_63_bytes_of_its_name() {
        let login = |engine: &str, user: &str| {
            let text = format!(r#"{{"engine":"{engine}","host":"h","username":"{user}","password":"p"}}"#);
            Account::parse_text(&text).unwrap().login().clone()
        };
        let (short, long) = ("n".repeat(63), "n".repeat(64));
        assert!(login("postgresql", &short).is_the_account_of(&login("postgresql", &long)));
        assert!(!login("mysql", &short).is_the_account_of(&login("mysql", &long)));
        assert_eq!(login("postgresql", &"ü".repeat(40)).account_name(), "ü".repeat(31));
        assert_ne!(login("postgresql", &short), login("postgresql", &long), "their values differ");
    }

    #[test]
    fn the_names_of_one_host_have_one_text() {
        let local = [
            "localhost",
            "LOCALHOST.",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "127.0.0.5",
            "::1",
            "[::1]",
            "0:0:0:0:0:0:0:1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "::",
            "db.localhost",
            "localhost.localdomain",
        ];
        for host in local {
            assert_eq!(same_host(host), "localhost", "{host}");
        }
        for (host, text) in [
            ("::ffff:10.0.0.7", "10.0.0.7"),
            ("10.7", "10.0.0.7"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("DB.example.", "db.example"),
            ("1.2.3.4.5", "1.2.3.4.5"),
            ("256.1.1.1", "256.1.1.1"),
            ("4294967296", "4294967296"),
            ("7.example", "7.example"),
            ("0x", "0x"),
            ("", ""),
        ] {
            assert_eq!(same_host(host), text, "{host}");
        }
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
