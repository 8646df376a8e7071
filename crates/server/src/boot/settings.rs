//! Settings of `csms serve`: flags, then `CSMS_*` variables, then the TOML file, then defaults.
//!
//! One rule names them: the flag `--some-name` is the variable `CSMS_SOME_NAME` and the key `some_name` of the file. What is
//! given first in that order replaces the rest, lists included. Secrets come from files or variables, never from flags, which
//! other users of the machine can read.

pub mod file;
pub mod origin;
mod port;
mod remote_kms;
pub mod schema;
pub mod variables;

use std::{
    borrow::Cow,
    net::{SocketAddr, ToSocketAddrs as _},
    path::PathBuf,
};

use clap::{Args, ValueEnum, builder::BoolishValueParser};
use csms_api::request::Rules;
use csms_core::{
    FunctionUrn, RegionName, RotationPeriod, ValueLimit, Violation,
    event::TargetId,
    target::{ALLOW_VARIABLE, DENY_VARIABLE, TargetPattern, TargetRules, join},
};
use csms_store::PostgresSettings;
use thiserror::Error;
use zeroize::Zeroizing;

use file::SettingsFile;
pub use port::PortSettings;
pub use remote_kms::KmsFlags;

use crate::{
    app::Limits,
    audit::ReadRecords,
    auth::new_password::PasswordRule,
    channels::sink::SinkAddress,
    deputy::{Deputies, UrnPattern},
    failure::Chain,
    functions::Variables,
    http::peers::ProxyNetwork,
    keys::root::{KmsSettings, RootKeySource},
    request::hosts::{CorsOrigin, HostName},
    telemetry::access_log::AccessLogTarget,
};

/// Form of the log on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line of text per record.
    #[default]
    Text,
    /// One JSON object per record.
    Json,
}

/// Address of a database, which may hold a password.
#[derive(Clone)]
pub struct StoreAddress(Zeroizing<String>);

impl From<String> for StoreAddress {
    fn from(address: String) -> Self {
        Self(Zeroizing::new(address))
    }
}

impl std::fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreAddress(…)")
    }
}

/// Flags of `csms serve`; every one may also be given as a variable or in the file.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings")]
pub struct Flags {
    /// Address or name, and port to listen on; port 0 picks a free one [default: 127.0.0.1:7070]
    #[arg(long, env = "CSMS_LISTEN", value_name = "ADDRESS:PORT", value_parser = parse_listen)]
    pub listen: Option<ListenAddress>,

    /// Directory for database, root key and credentials; created if missing [default: csms-data]
    #[arg(long, env = "CSMS_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Begin a new installation, or go over to that of the store, although the data directory remembers another one
    #[arg(long)]
    pub new: bool,

    /// TOML file with these settings, `-` in their names written as `_`
    #[arg(long, env = "CSMS_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// File with the root key, 64 hexadecimal digits, mode 0600; created on the first start. The variable CSMS_ROOT_KEY may
    /// hold the digits instead [default: DIR/root.key]
    #[arg(long, env = "CSMS_ROOT_KEY_FILE", value_name = "FILE")]
    pub root_key_file: Option<PathBuf>,

    /// A Key Management Service elsewhere, instead of keys of this server's own
    #[command(flatten)]
    pub kms: KmsFlags,

    /// TOML file with users and policies to apply at every start; `csms access` has an example
    #[arg(long, env = "CSMS_ACCESS_FILE", value_name = "FILE")]
    pub access_file: Option<PathBuf>,

    /// Rotation function to run in this server: its URN, and a zip or directory with `bootstrap` in it. May be repeated
    #[arg(long = "function", env = "CSMS_FUNCTION", value_name = "URN=PATH", value_delimiter = ',', value_parser = parse_function)]
    pub functions: Vec<(FunctionUrn, PathBuf)>,

    /// User variable for every rotation function in this server, such as `ROTATE_THROUGH=rds`. May be repeated; a comma and
    /// `NAME=` begin the next one. Other users of the machine can read the command line; put secrets into the file
    #[arg(
        long = "function-variable",
        env = "CSMS_FUNCTION_VARIABLE",
        hide_env_values = true,
        value_name = "NAME=VALUE",
        value_parser = parse_variables
    )]
    pub function_variables: Vec<GivenVariables>,

    /// FunctionGraph endpoint for functions that do not run in this server; its keys come from CSMS_FUNCTIONGRAPH_ACCESS_KEY
    /// and CSMS_FUNCTIONGRAPH_SECRET_KEY
    #[arg(long, env = "CSMS_FUNCTIONGRAPH_ENDPOINT", value_name = "URL")]
    pub functiongraph_endpoint: Option<String>,

    /// Function on FunctionGraph that secrets of any project may name; `*` stands for any characters. Without it, it must be
    /// of the secret's own project. May be repeated
    #[arg(long = "function-allow", env = "CSMS_FUNCTION_ALLOW", value_name = "URN", value_delimiter = ',')]
    pub function_allow: Vec<UrnPattern>,

    /// SMN topic that events of any project may name; `*` stands for any characters. Without it, topics without a webhook must
    /// be of the event's own project. May be repeated
    #[arg(long = "topic-allow", env = "CSMS_TOPIC_ALLOW", value_name = "URN", value_delimiter = ',')]
    pub topic_allow: Vec<UrnPattern>,

    /// Address, network (10.0.0.0/8), host or domain (*.example.com) that rotations and webhooks may connect to; all others are
    /// refused. Link-local addresses and metadata services need an entry of their own. May be repeated
    #[arg(long = "target-allow", env = "CSMS_TARGET_ALLOW", value_name = "TARGET", value_delimiter = ',', value_parser = parse_target)]
    pub target_allow: Vec<TargetPattern>,

    /// Address, network, host or domain that rotations and webhooks must not connect to. May be repeated
    #[arg(long = "target-deny", env = "CSMS_TARGET_DENY", value_name = "TARGET", value_delimiter = ',', value_parser = parse_target)]
    pub target_deny: Vec<TargetPattern>,

    /// Webhook for a topic: the topic's URN, and an https:// address, or an http:// one on this machine. May be repeated
    #[arg(long = "webhook", env = "CSMS_WEBHOOK", hide_env_values = true, value_name = "URN=URL", value_delimiter = ',', value_parser = parse_webhook)]
    pub webhooks: Vec<(TargetId, String)>,

    /// File with the key that signs webhook requests, in the header X-Csms-Signature
    #[arg(long, env = "CSMS_WEBHOOK_SECRET_FILE", value_name = "FILE")]
    pub webhook_secret_file: Option<PathBuf>,

    /// PEM file with certificate authorities to trust for webhooks, in addition to the public ones
    #[arg(long, env = "CSMS_WEBHOOK_CA", value_name = "FILE")]
    pub webhook_ca: Option<PathBuf>,

    /// SMN endpoint for topics without a webhook; its keys come from CSMS_SMN_ACCESS_KEY and CSMS_SMN_SECRET_KEY
    #[arg(long, env = "CSMS_SMN_ENDPOINT", value_name = "URL")]
    pub smn_endpoint: Option<String>,

    /// PEM file with certificate authorities to trust besides the system's, for every connection that this server or a rotation
    /// function that runs here opens. Its own public address may have a certificate of one of them
    #[arg(long, env = "CSMS_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Address at which rotation functions reach this server [default: the address it listens on]
    #[arg(long, env = "CSMS_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// Origin whose pages may call the server from a browser (CORS), such as `https://console.example.com`. May be repeated
    #[arg(long = "allow-origin", env = "CSMS_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origins: Vec<CorsOrigin>,

    /// Directory to serve the console from, read at every request, instead of the files in this program
    #[arg(long, env = "CSMS_CONSOLE", value_name = "DIR")]
    pub console: Option<PathBuf>,

    /// Host name under which browsers use the console and log in to a server on a loopback address, in addition to the
    /// machine's own and that of --public-url: the name that a proxy passes in Host. May be repeated
    #[arg(long = "allow-host", env = "CSMS_ALLOW_HOST", value_name = "HOST", value_delimiter = ',')]
    pub allow_hosts: Vec<HostName>,

    /// Address or network of proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted, so that limits and the audit
    /// trail see their clients. May be repeated
    #[arg(long = "trusted-proxy", env = "CSMS_TRUSTED_PROXY", value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxies: Vec<ProxyNetwork>,

    /// Expect the PROXY protocol, version 1 or 2, on connections of trusted proxies
    #[arg(
        long,
        env = "CSMS_PROXY_PROTOCOL",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub proxy_protocol: Option<bool>,

    /// Maximum number of connections; at the limit, the oldest idle ones are closed for new ones [default: three quarters of
    /// the file descriptors that the process may have, at most 4096]
    #[arg(long, env = "CSMS_MAX_CONNECTIONS", value_name = "NUMBER")]
    pub max_connections: Option<usize>,

    /// Maximum number of unauthenticated connections of one address, or of one IPv6 /64 network [default: an eighth of
    /// --max-connections]
    #[arg(long, env = "CSMS_MAX_CONNECTIONS_PER_PEER", value_name = "NUMBER")]
    pub max_connections_per_peer: Option<usize>,

    /// PEM file with the certificate for TLS and its intermediates; reloaded when it changes
    #[arg(long, env = "CSMS_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// PEM file with the private key of --tls-cert, not readable by others; reloaded when it changes
    #[arg(long, env = "CSMS_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// PEM file with certificate authorities; clients must present a certificate of one of them
    #[arg(long, env = "CSMS_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,

    /// PostgreSQL database to store the data in, instead of a file in DIR; several servers may share it. Other users of the
    /// machine can see a password on the command line: set the variable instead, or give the password in PGPASSWORD or
    /// --store-password-file. Connections that leave the machine use TLS unless the address
    /// ends in ?sslmode=disable. All servers need the same root key
    #[arg(long, env = "CSMS_STORE", hide_env_values = true, value_name = "postgres://USER@HOST/DATABASE")]
    pub store: Option<StoreAddress>,

    /// File with the password for --store
    #[arg(long, env = "CSMS_STORE_PASSWORD_FILE", value_name = "FILE")]
    pub store_password_file: Option<PathBuf>,

    /// PEM file with the certificate authorities to trust for --store, instead of the public ones
    #[arg(long, env = "CSMS_STORE_CA", value_name = "FILE")]
    pub store_ca: Option<PathBuf>,

    /// Maximum number of connections to the database of --store [default: 16]
    #[arg(long, env = "CSMS_STORE_CONNECTIONS", value_name = "NUMBER")]
    pub store_connections: Option<usize>,

    /// Maximum number of rotations that this server runs at a time [default: 8]
    #[arg(long, env = "CSMS_ROTATION_CONCURRENCY", value_name = "NUMBER")]
    pub rotation_concurrency: Option<usize>,

    /// Region of the installation, fixed by the first start. May be repeated, also at later starts: each further region has a
    /// project of its own, in which secrets may have replicas [default: local-1]
    #[arg(long = "region", env = "CSMS_REGION", value_name = "NAME", value_delimiter = ',')]
    pub regions: Vec<String>,

    /// Minimum rotation period; older clients expect 6h [default: 4h]
    #[arg(long, env = "CSMS_MIN_ROTATION_PERIOD", value_name = "PERIOD")]
    pub min_rotation_period: Option<String>,

    /// Maximum number of secrets in one project [default: 5000]
    #[arg(long, env = "CSMS_SECRET_QUOTA", value_name = "NUMBER")]
    pub secret_quota: Option<u64>,

    /// Let users have any password of 8 to 128 characters, also a weak one that `csms` refuses otherwise
    #[arg(
        long,
        env = "CSMS_ALLOW_WEAK_PASSWORDS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub allow_weak_passwords: Option<bool>,

    /// Maximum size of a value as it is sent, in bytes: 32768 or 65536. The API reference says the first, the user guide the
    /// second; of a binary value the base64 text counts [default: 32768]
    #[arg(long, env = "CSMS_MAX_VALUE_BYTES", value_name = "BYTES")]
    pub max_value_bytes: Option<u64>,

    /// Maximum number of writes to the file in DIR that share one commit; 1 commits each separately [default: 256]
    #[arg(long, env = "CSMS_GROUP_COMMIT", value_name = "NUMBER")]
    pub group_commit: Option<usize>,

    /// Whether a response with a value waits until the read is recorded on disk (strict), or its record is written within
    /// 50 ms (batched) [default: batched]
    #[arg(long, env = "CSMS_AUDIT_READS", value_enum, value_name = "WHEN")]
    pub audit_reads: Option<ReadRecords>,

    /// Where to deliver every record of the audit trail, at least once and in order: file:PATH, syslog:HOST:PORT,
    /// syslog+tls:HOST:PORT (RFC 5424 over TCP), or an https:// address, or an http:// one on this machine, for POST requests with
    /// lines of JSON
    #[arg(long, env = "CSMS_AUDIT_SINK", value_name = "SINK", hide_env_values = true)]
    pub audit_sink: Option<SinkAddress>,

    /// Where to write one JSON line for each request: off, stderr, or a file, which is opened again on SIGHUP [default: off]
    #[arg(long, env = "CSMS_ACCESS_LOG", value_name = "WHERE")]
    pub access_log: Option<AccessLogTarget>,

    /// Format of the log on stderr [default: text]
    #[arg(long, env = "CSMS_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// What to log: error, warn, info, debug, or filters such as `info,csms_server=debug` [default: info]
    #[arg(long, env = "CSMS_LOG", value_name = "FILTER")]
    pub log: Option<String>,
}

fn parse_target(text: &str) -> Result<TargetPattern, String> {
    text.parse().map_err(|violation: Violation| format!("it {}", violation.message()))
}

/// The regions, each named once; the first is the home region.
fn regions(names: Vec<String>) -> Result<Vec<RegionName>, SettingsError> {
    let mut regions = Vec::new();
    for name in names {
        let region = RegionName::parse(name).map_err(|_| {
            let rule = "must be 1 to 64 letters, digits, - and _".to_owned();
            SettingsError::value("region", rule)
        })?;
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    Ok(regions)
}

fn parse_function(text: &str) -> Result<(FunctionUrn, PathBuf), String> {
    let (urn, path) = text.split_once('=').ok_or("must be of the form URN=PATH")?;
    let urn = FunctionUrn::parse(urn).map_err(|violation| format!("the URN {}", violation.message()))?;
    if path.is_empty() { Err("the path is empty".to_owned()) } else { Ok((urn, PathBuf::from(path))) }
}

/// User variables of functions, as one flag has them. A value may be a key, so values are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct GivenVariables(Result<Vec<(String, String)>, String>);

impl Default for GivenVariables {
    fn default() -> Self {
        Self(Ok(Vec::new()))
    }
}

impl std::fmt::Debug for GivenVariables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pairs = self.0.iter().flatten();
        f.debug_set().entries(pairs.map(|(name, _)| name)).finish()
    }
}

/// One variable; everything after the first `=` is its value.
fn parse_variable(text: &str) -> Result<GivenVariables, std::convert::Infallible> {
    // The problem is reported when the settings are resolved: the parser of flags would repeat the text, which may be a secret.
    Ok(GivenVariables(variables([text.to_owned()])))
}

/// Variables that are separated by commas. A comma that no `NAME=` follows belongs to the value before it.
fn parse_variables(text: &str) -> Result<GivenVariables, std::convert::Infallible> {
    let mut entries: Vec<String> = Vec::new();
    for part in text.split(',') {
        let name = part.split_once('=').map_or("", |(name, _)| name);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match entries.last_mut() {
            Some(last) if name.is_empty() || !name.chars().all(is_name) => {
                last.push(',');
                last.push_str(part);
            }
            _ => entries.push(part.to_owned()),
        }
    }
    Ok(GivenVariables(variables(entries)))
}

fn variables(entries: impl IntoIterator<Item = String>) -> Result<Vec<(String, String)>, String> {
    let pair = |entry: String| match entry.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be of the form NAME=VALUE".to_owned()),
    };
    entries.into_iter().map(pair).collect()
}

/// Where to listen, and the name that was given for it instead of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    address: SocketAddr,
    name: Option<String>,
}

impl From<([u8; 4], u16)> for ListenAddress {
    fn from(address: ([u8; 4], u16)) -> Self {
        Self { address: address.into(), name: None }
    }
}

fn parse_listen(text: &str) -> Result<ListenAddress, String> {
    let mut addresses = text.to_socket_addrs().map_err(|error| match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            format!("must name an address of this machine: {error}")
        }
        _ => "must be of the form ADDRESS:PORT".to_owned(),
    })?;
    let address = addresses.next().ok_or_else(|| "must name an address of this machine".to_owned())?;
    let host = text.rsplit_once(':').map_or("", |(host, _)| host);
    let is_name = text.parse::<SocketAddr>().is_err() && !host.is_empty();
    Ok(ListenAddress { address, name: is_name.then(|| host.to_ascii_lowercase()) })
}

/// A topic and the address that stands for it. Nothing may be read or changed on the way there.
fn webhook(urn: &str, address: &str) -> Result<(TargetId, String), String> {
    let topic = TargetId::parse(urn).map_err(|violation| format!("the URN {}", violation.message()))?;
    let host = |rest: &str| rest.split(['/', ':']).next().unwrap_or_default().to_owned();
    let is_local = |rest: &str| matches!(host(rest).as_str(), "localhost" | "127.0.0.1");
    if address.starts_with("https://") || address.strip_prefix("http://").is_some_and(is_local) {
        Ok((topic, address.to_owned()))
    } else {
        Err("the address must begin with https://, or with http:// on this machine".to_owned())
    }
}

fn parse_webhook(text: &str) -> Result<(TargetId, String), String> {
    let (urn, address) = text.split_once('=').ok_or("must be of the form URN=URL")?;
    webhook(urn, address)
}

/// A setting that cannot be used. It is named by its key until `located` says where it comes from.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file that a setting names cannot be read.
    #[error("{0}: cannot read the file {path}", path = .1.display())]
    Unreadable(Cow<'static, str>, PathBuf, #[source] std::io::Error),
    /// The file is not TOML.
    #[error("{}, line {line}: {problem}", .path.display())]
    #[allow(missing_docs, reason = "the message says it")]
    Toml { path: PathBuf, line: usize, problem: String },
    /// A key of the file is no setting, or its value breaks its rule.
    #[error("{place}: {key} {problem}")]
    #[allow(missing_docs, reason = "the message says it")]
    InFile { place: String, key: String, problem: String },
    /// Several of these.
    #[error("{} settings cannot be used:{}", .0.len(), listed(.0))]
    Several(Vec<SettingsError>),
    /// A value breaks its rule.
    #[error("{0} {1}")]
    Value(Cow<'static, str>, String),
    /// A setting names authorities that cannot be trusted.
    #[error("{0}")]
    Authorities(Cow<'static, str>, #[source] csms_tls::TlsError),
}

impl SettingsError {
    fn value(setting: &'static str, rule: String) -> Self {
        Self::Value(setting.into(), rule)
    }

    /// The same, naming each setting by where it comes from, as far as `place` knows that of a key.
    fn located(self, place: &dyn Fn(&str) -> Option<String>) -> Self {
        let named = |key: Cow<'static, str>| place(&key).map_or(key, Cow::Owned);
        match self {
            Self::Value(key, rule) => Self::Value(named(key), rule),
            Self::Authorities(key, error) => Self::Authorities(named(key), error),
            Self::Unreadable(key, path, error) => Self::Unreadable(named(key), path, error),
            Self::Several(problems) => {
                Self::Several(problems.into_iter().map(|problem| problem.located(place)).collect())
            }
            placed @ (Self::Toml { .. } | Self::InFile { .. }) => placed,
        }
    }

    /// One error for any number of them.
    ///
    /// # Errors
    /// There are some.
    fn all(mut problems: Vec<Self>) -> Result<(), Self> {
        match problems.len() {
            0 => Ok(()),
            1 => problems.pop().map_or(Ok(()), Err),
            _ => Err(Self::Several(problems)),
        }
    }

    /// The problems, a sentence each.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        match self {
            Self::Several(problems) => problems.iter().flat_map(Self::problems).collect(),
            one => vec![Chain(one).to_string()],
        }
    }
}

fn listed(problems: &[SettingsError]) -> String {
    problems.iter().flat_map(SettingsError::problems).map(|problem| format!("\n  {problem}")).collect()
}

/// What is wrong with settings, gathered so that all of it is reported at once.
struct Problems(Vec<SettingsError>);

impl Problems {
    /// The value, or its default and a note of what is wrong.
    fn note<T: Default>(&mut self, result: Result<T, SettingsError>) -> T {
        result.unwrap_or_else(|problem| {
            self.0.push(problem);
            T::default()
        })
    }
}

/// Access to FunctionGraph.
#[derive(Clone)]
pub struct FunctionGraph {
    /// Endpoint.
    pub url: String,
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: Zeroizing<String>,
}

/// Access to a cloud service: the message service.
#[derive(Clone)]
pub struct Smn {
    /// Endpoint.
    pub url: String,
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: Zeroizing<String>,
}

/// Settings with defaults filled in.
#[derive(Clone)]
#[allow(missing_docs, reason = "described at the flags")]
pub struct Settings {
    pub listen: SocketAddr,
    /// The name that was given for it, which a certificate may be for.
    pub listen_name: Option<String>,
    pub data: PathBuf,
    /// Whether the data directory may be given to another installation.
    pub new: bool,
    pub root_key_file: PathBuf,
    pub root_key: Option<Zeroizing<String>>,
    pub kms: Option<KmsSettings>,
    pub access_file: Option<PathBuf>,
    pub functions: Vec<(FunctionUrn, PathBuf)>,
    pub function_variables: Variables,
    pub deputies: Deputies,
    pub target_rules: TargetRules,
    pub webhooks: Vec<(TargetId, String)>,
    pub webhook_secret: Option<Zeroizing<String>>,
    /// Certificates (PEM) of authorities to trust everywhere besides the system's.
    pub authorities: Option<String>,
    pub webhook_authorities: Option<String>,
    pub smn: Option<Smn>,
    pub functiongraph: Option<FunctionGraph>,
    pub public_url: Option<String>,
    pub allow_origins: Vec<CorsOrigin>,
    pub allow_hosts: Vec<HostName>,
    pub console: Option<PathBuf>,
    pub port: PortSettings,
    /// Files that hold secrets, each with the name of its setting.
    pub secret_files: Vec<(&'static str, PathBuf)>,
    pub store: Option<PostgresSettings>,
    pub rotation_concurrency: usize,
    /// The first one is the home region.
    pub regions: Vec<RegionName>,
    pub min_rotation_period_seconds: u64,
    pub password_rule: PasswordRule,
    pub secret_quota: u64,
    pub max_value: ValueLimit,
    pub group_commit: Option<usize>,
    pub audit_reads: ReadRecords,
    pub audit_sink: Option<SinkAddress>,
    pub access_log: AccessLogTarget,
    pub log_format: LogFormat,
    pub log: String,
}

impl Settings {
    /// Limits that may change while the server runs.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        let rules = Rules { min_rotation_period_seconds: self.min_rotation_period_seconds, max_value: self.max_value };
        Limits { rules, password_rule: self.password_rule, secret_quota: self.secret_quota }
    }

    /// Where the root key comes from.
    #[must_use]
    pub fn root_key_source(&self) -> RootKeySource<'_> {
        RootKeySource { kms: self.kms.as_ref(), digits: self.root_key.as_ref(), file: &self.root_key_file }
    }
}

/// Keys and passwords are not shown.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Settings");
        shown.field("listen", &self.listen).field("data", &self.data);
        shown.finish_non_exhaustive()
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The text of the file that a setting names.
fn read(setting: &'static str, path: PathBuf) -> Result<Zeroizing<String>, SettingsError> {
    let text = std::fs::read_to_string(&path).map(Zeroizing::new);
    text.map_err(|error| SettingsError::Unreadable(setting.into(), path, error))
}

/// The authorities in the file that a setting names.
///
/// # Errors
/// A file that cannot be read or holds no certificate.
fn authorities_in(setting: &'static str, file: Option<PathBuf>) -> Result<Option<String>, SettingsError> {
    let read = file.map(|file| csms_tls::authorities_in(&file)).transpose();
    read.map_err(|error| SettingsError::Authorities(setting.into(), error))
}

/// The authorities that are trusted everywhere, and those in a file for one purpose.
///
/// # Errors
/// As [`authorities_in`].
fn together(
    everywhere: &Option<String>,
    setting: &'static str,
    file: Option<PathBuf>,
) -> Result<Option<String>, SettingsError> {
    let file = authorities_in(setting, file)?;
    Ok(match (everywhere, file) {
        (Some(everywhere), Some(file)) => Some(format!("{everywhere}\n{file}")),
        (Some(everywhere), None) => Some(everywhere.clone()),
        (None, file) => file,
    })
}

/// The settings of the shared store. The password is that of the address, of the file, or of PGPASSWORD.
///
/// # Errors
/// An address that is none, a file that cannot be read, or no connections at all.
pub fn postgres(
    StoreAddress(url): StoreAddress,
    password_file: Option<PathBuf>,
    authorities: Option<PathBuf>,
    connections: Option<usize>,
) -> Result<PostgresSettings, SettingsError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        let rule = "must be of the form postgres://USER@HOST/DATABASE".to_owned();
        return Err(SettingsError::value("store", rule));
    }
    let mut settings = PostgresSettings { url, ..PostgresSettings::at("") };
    settings.password = match password_file {
        // Editors end a file with a line break, which is not part of the password.
        Some(path) => {
            Some(Zeroizing::new(read("store_password_file", path)?.trim_end_matches(['\r', '\n']).to_owned()))
        }
        None => variable("PGPASSWORD").map(Zeroizing::new),
    };
    settings.authorities = authorities.map(|path| read("store_ca", path)).transpose()?.map(|pem| pem.to_string());
    match connections {
        Some(0) => return Err(SettingsError::value("store_connections", "must be at least 1".to_owned())),
        Some(most) => settings.max_connections = most,
        None => {}
    }
    Ok(settings)
}

impl Flags {
    /// Fills in what flags and variables do not say from the file. A list is taken as a whole.
    fn or(self, file: Self) -> Self {
        fn list<T>(given: Vec<T>, file: Vec<T>) -> Vec<T> {
            if given.is_empty() { file } else { given }
        }
        Self {
            listen: self.listen.or(file.listen),
            data: self.data.or(file.data),
            new: self.new || file.new,
            config: self.config.or(file.config),
            root_key_file: self.root_key_file.or(file.root_key_file),
            kms: self.kms.or(file.kms),
            access_file: self.access_file.or(file.access_file),
            functions: list(self.functions, file.functions),
            function_variables: list(self.function_variables, file.function_variables),
            functiongraph_endpoint: self.functiongraph_endpoint.or(file.functiongraph_endpoint),
            function_allow: list(self.function_allow, file.function_allow),
            topic_allow: list(self.topic_allow, file.topic_allow),
            target_allow: list(self.target_allow, file.target_allow),
            target_deny: list(self.target_deny, file.target_deny),
            webhooks: list(self.webhooks, file.webhooks),
            webhook_secret_file: self.webhook_secret_file.or(file.webhook_secret_file),
            webhook_ca: self.webhook_ca.or(file.webhook_ca),
            smn_endpoint: self.smn_endpoint.or(file.smn_endpoint),
            ca: self.ca.or(file.ca),
            public_url: self.public_url.or(file.public_url),
            allow_origins: list(self.allow_origins, file.allow_origins),
            console: self.console.or(file.console),
            allow_hosts: list(self.allow_hosts, file.allow_hosts),
            trusted_proxies: list(self.trusted_proxies, file.trusted_proxies),
            proxy_protocol: self.proxy_protocol.or(file.proxy_protocol),
            max_connections: self.max_connections.or(file.max_connections),
            max_connections_per_peer: self.max_connections_per_peer.or(file.max_connections_per_peer),
            tls_cert: self.tls_cert.or(file.tls_cert),
            tls_key: self.tls_key.or(file.tls_key),
            tls_client_ca: self.tls_client_ca.or(file.tls_client_ca),
            store: self.store.or(file.store),
            store_password_file: self.store_password_file.or(file.store_password_file),
            store_ca: self.store_ca.or(file.store_ca),
            store_connections: self.store_connections.or(file.store_connections),
            rotation_concurrency: self.rotation_concurrency.or(file.rotation_concurrency),
            regions: list(self.regions, file.regions),
            min_rotation_period: self.min_rotation_period.or(file.min_rotation_period),
            secret_quota: self.secret_quota.or(file.secret_quota),
            allow_weak_passwords: self.allow_weak_passwords.or(file.allow_weak_passwords),
            max_value_bytes: self.max_value_bytes.or(file.max_value_bytes),
            group_commit: self.group_commit.or(file.group_commit),
            audit_reads: self.audit_reads.or(file.audit_reads),
            audit_sink: self.audit_sink.or(file.audit_sink),
            access_log: self.access_log.or(file.access_log),
            log_format: self.log_format.or(file.log_format),
            log: self.log.or(file.log),
        }
    }

    /// Reads the file, if one is named, and fills in what neither flags nor variables say.
    ///
    /// # Errors
    /// A file that cannot be read, and everything that is wrong with the settings.
    pub fn settle(self) -> Result<Settings, SettingsError> {
        self.settle_with_file()?.1
    }

    /// As [`Self::settle`], with what the file says beside the settings.
    ///
    /// # Errors
    /// A file that cannot be read.
    fn settle_with_file(self) -> Result<(SettingsFile, Result<Settings, SettingsError>), SettingsError> {
        let (file, flags, problems) = file::named(self.config.as_ref())?;
        Ok((file, self.or(flags).resolve(Problems(problems))))
    }

    fn resolve(self, mut problems: Problems) -> Result<Settings, SettingsError> {
        let listen = self.listen.unwrap_or_else(|| ([127, 0, 0, 1], 7070).into());
        let invalid = |name: &'static str, rule: &str| SettingsError::value(name, rule.to_owned());
        let authorities = problems.note(authorities_in("ca", self.ca));
        let mut function_variables = Variables::default();
        for given in self.function_variables {
            let given = given.0.map_err(|rule| SettingsError::value("function_variable", rule));
            function_variables.0.extend(problems.note(given));
        }
        if let Some(authorities) = &authorities {
            let variable = function_variables.0.entry(csms_tls::CA_VARIABLE.to_owned());
            variable.or_insert_with(|| authorities.clone());
        }
        // The functions that run here obey the same lists, unless they are given lists of their own.
        for (name, list) in [(ALLOW_VARIABLE, &self.target_allow), (DENY_VARIABLE, &self.target_deny)] {
            if !list.is_empty() {
                function_variables.0.entry(name.to_owned()).or_insert_with(|| join(list));
            }
        }
        let min_rotation_period_seconds = problems.note(match self.min_rotation_period {
            None => Ok(csms_core::period::DEFAULT_MIN_SECONDS),
            Some(text) => RotationPeriod::parse_with_minimum(&text, 1)
                .map(|period| period.as_seconds())
                .map_err(|violation| SettingsError::value("min_rotation_period", violation.message())),
        });
        let named = if self.regions.is_empty() { vec!["local-1".to_owned()] } else { self.regions };
        let regions = problems.note(regions(named));
        let max_value = self.max_value_bytes.map_or(Some(ValueLimit::default()), ValueLimit::new);
        let max_value = problems.note(max_value.ok_or_else(|| invalid("max_value_bytes", "must be 32768 or 65536")));
        if self.group_commit == Some(0) {
            problems.0.push(invalid("group_commit", "must be at least 1"));
        }
        let rotation_concurrency = self.rotation_concurrency.unwrap_or(8);
        if !(1..=1000).contains(&rotation_concurrency) {
            problems.0.push(invalid("rotation_concurrency", "must be 1 to 1000"));
        }
        let functiongraph = self.functiongraph_endpoint.map(|url| {
            let names = ("CSMS_FUNCTIONGRAPH_ACCESS_KEY", "CSMS_FUNCTIONGRAPH_SECRET_KEY");
            let (access_key, secret_key) = key_pair("functiongraph_endpoint", names)?;
            Ok::<_, SettingsError>(FunctionGraph { url, access_key, secret_key })
        });
        let functiongraph = problems.note(functiongraph.transpose());
        let smn = self.smn_endpoint.map(|url| {
            let (access_key, secret_key) = key_pair("smn_endpoint", ("CSMS_SMN_ACCESS_KEY", "CSMS_SMN_SECRET_KEY"))?;
            Ok::<_, SettingsError>(Smn { url, access_key, secret_key })
        });
        let smn = problems.note(smn.transpose());
        let line = |text: Zeroizing<String>| Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
        let secret_files =
            [("webhook_secret_file", &self.webhook_secret_file), ("store_password_file", &self.store_password_file)];
        let secret_files = secret_files.into_iter().filter_map(|(name, path)| Some((name, path.clone()?))).collect();
        let webhook_secret =
            problems.note(self.webhook_secret_file.map(|path| read("webhook_secret_file", path)).transpose());
        let webhook_secret = webhook_secret.map(line);
        if webhook_secret.as_ref().is_some_and(|secret| secret.len() < 16) {
            problems.0.push(invalid("webhook_secret_file", "must hold at least 16 characters"));
        }
        let webhook_authorities = problems.note(together(&authorities, "webhook_ca", self.webhook_ca));
        let store = self.store.map(|address| {
            let postgres = postgres(address, self.store_password_file, self.store_ca, self.store_connections)?;
            Ok::<_, SettingsError>(PostgresSettings { further_authorities: authorities.clone(), ..postgres })
        });
        let store = problems.note(store.transpose());
        let is_address = |url: &String| url.starts_with("http://") || url.starts_with("https://");
        if self.public_url.as_ref().is_some_and(|url| !is_address(url)) {
            problems.0.push(invalid("public_url", "must begin with http:// or https://"));
        }
        let kms = problems.note(self.kms.resolve(&authorities));
        let root_key = variable("CSMS_ROOT_KEY").map(Zeroizing::new);
        if kms.is_some() && (root_key.is_some() || self.root_key_file.is_some()) {
            let rule = "leaves no use for a root key; give neither root_key_file nor CSMS_ROOT_KEY";
            problems.0.push(invalid("kms_endpoint", rule));
        }
        let port = port::Given {
            trusted_proxies: self.trusted_proxies,
            proxy_protocol: self.proxy_protocol.unwrap_or_default(),
            max_connections: self.max_connections,
            max_connections_per_peer: self.max_connections_per_peer,
            tls_cert: self.tls_cert,
            tls_key: self.tls_key,
            tls_client_ca: self.tls_client_ca,
        };
        let port = problems.note(port.resolve());
        let log = self.log.unwrap_or_else(|| "info".to_owned());
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&log) {
            problems.0.push(SettingsError::value("log", format!("is not a log filter: {error}")));
        }
        SettingsError::all(problems.0)?;
        let data = self.data.unwrap_or_else(|| PathBuf::from("csms-data"));
        Ok(Settings {
            listen: listen.address,
            listen_name: listen.name,
            root_key_file: self.root_key_file.unwrap_or_else(|| data.join("root.key")),
            root_key,
            kms,
            access_file: self.access_file,
            data,
            new: self.new,
            functions: self.functions,
            function_variables,
            deputies: Deputies { functions: self.function_allow, topics: self.topic_allow, ..Deputies::default() },
            target_rules: TargetRules::new(self.target_allow, self.target_deny),
            functiongraph,
            webhooks: self.webhooks,
            webhook_secret,
            authorities,
            webhook_authorities,
            smn,
            public_url: self.public_url,
            allow_origins: self.allow_origins,
            allow_hosts: self.allow_hosts,
            console: self.console,
            port,
            secret_files,
            store,
            rotation_concurrency,
            regions,
            min_rotation_period_seconds,
            max_value,
            password_rule: PasswordRule::allowing_weak(self.allow_weak_passwords.unwrap_or_default()),
            secret_quota: self.secret_quota.unwrap_or(5000),
            group_commit: self.group_commit,
            audit_reads: self.audit_reads.unwrap_or_default(),
            audit_sink: self.audit_sink,
            access_log: self.access_log.unwrap_or_default(),
            log_format: self.log_format.unwrap_or_default(),
            log,
        })
    }
}

/// The keys of another service, which come from variables.
fn key_pair(
    setting: &'static str,
    (access_key, secret_key): (&str, &str),
) -> Result<(String, Zeroizing<String>), SettingsError> {
    let needed =
        |name: &str| variable(name).ok_or_else(|| SettingsError::value(setting, format!("needs {name} to be set")));
    Ok((needed(access_key)?, Zeroizing::new(needed(secret_key)?)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn with_file(text: &str, flags: Flags) -> Result<Settings, SettingsError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Flags { config: Some(file.path().to_owned()), ..flags }.settle()
    }

    #[test]
    fn defaults_stand_where_nothing_is_said() {
        let settings = Flags::default().settle().unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:7070");
        let named = with_file("listen = \"localhost:7443\"", Flags::default()).unwrap();
        assert_eq!((named.listen.port(), named.listen_name.as_deref()), (7443, Some("localhost")));
        assert_eq!(with_file("listen = \"[::1]:7443\"", Flags::default()).unwrap().listen_name, None);
        assert_eq!(settings.root_key_file, PathBuf::from("csms-data/root.key"));
        assert_eq!(settings.min_rotation_period_seconds, 14_400);
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let flags = Flags { regions: vec!["flag-1".into()], ..Flags::default() };
        let settings = with_file("region = \"file-1\"\nsecret_quota = 7", flags).unwrap();
        assert_eq!((settings.regions[0].as_str(), settings.regions.len(), settings.secret_quota), ("flag-1", 1, 7));
    }

    #[test]
    fn weak_passwords_are_allowed_by_flag_or_file_alone() {
        let rule = |text, flag| {
            with_file(text, Flags { allow_weak_passwords: flag, ..Flags::default() }).unwrap().password_rule
        };
        assert_eq!(rule("", None), PasswordRule::NotWeak);
        assert_eq!(rule("", Some(true)), PasswordRule::Any);
        assert_eq!(rule("allow_weak_passwords = true", None), PasswordRule::Any);
        assert_eq!(rule("allow_weak_passwords = true", Some(false)), PasswordRule::NotWeak);
    }

    #[test]
    fn regions_are_one_or_several_and_each_counts_once() {
        let names = |text| {
            let settings = with_file(text, Flags::default()).unwrap();
            settings.regions.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["local-1"]);
        assert_eq!(names("region = \"home\""), ["home"]);
        assert_eq!(names("region = [\"home\", \"away\", \"home\"]"), ["home", "away"]);
    }

    #[test]
    fn a_list_of_flags_replaces_that_of_the_file_and_its_entries_are_judged() {
        let flags = Flags { allow_origins: vec!["http://localhost:5173".parse().unwrap()], ..Flags::default() };
        let settings = with_file("allow_origin = [\"https://console.example.com\"]", flags).unwrap();
        assert_eq!(settings.allow_origins, ["http://localhost:5173".parse().unwrap()]);
        assert!(with_file("allow_origin = [\"*\"]", Flags::default()).is_err());
    }

    #[test]
    fn the_password_of_the_store_comes_from_a_file_and_is_not_shown() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"hunter2\n").unwrap();
        let flags = Flags {
            store: Some("postgres://csms@localhost/csms".to_owned().into()),
            store_password_file: Some(file.path().to_owned()),
            ..Flags::default()
        };
        let settings = flags.settle().unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert_eq!(settings.store.unwrap().password.unwrap().as_str(), "hunter2");
    }

    #[test]
    fn a_variable_of_functions_on_the_command_line_wins_and_none_is_shown() {
        let flags =
            Flags { function_variables: vec![parse_variables("A=2=2,3,B=hunter2").unwrap()], ..Flags::default() };
        let shown = format!("{flags:?}");
        let settings = with_file("[function_variable]\nA = \"1\"", flags).unwrap();
        let variables = settings.function_variables.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        assert_eq!(variables.collect::<Vec<_>>(), [("A", "2=2,3"), ("B", "hunter2")]);
        assert!(!shown.contains("hunter2") && !format!("{settings:?}").contains("hunter2"));
        let flags = Flags { function_variables: vec![parse_variables("hunter2").unwrap()], ..Flags::default() };
        assert_eq!(with_file("", flags).unwrap_err().to_string(), "function_variable must be of the form NAME=VALUE");
    }

    #[test]
    fn a_value_of_a_table_is_taken_as_it_stands() {
        let settings = with_file("[function_variable]\nA = \"1,B=2\"\nC = 3", Flags::default()).unwrap();
        let variables = settings.function_variables.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        assert_eq!(variables.collect::<Vec<_>>(), [("A", "1,B=2"), ("C", "3")]);
    }

    #[test]
    fn lists_of_targets_reach_the_functions_and_are_checked() {
        let flags = Flags { target_deny: vec!["10.9.0.0/16".parse().unwrap()], ..Flags::default() };
        let text = "target_allow = [\"10.0.0.0/8\", \"*.example.com\"]\ntopic_allow = [\"urn:smn:*\"]";
        let settings = with_file(text, flags).unwrap();
        let variable = |name| settings.function_variables.0.get(name).map(String::as_str);
        assert_eq!(variable("CSMS_TARGET_ALLOW"), Some("10.0.0.0/8,*.example.com"));
        assert_eq!(variable("CSMS_TARGET_DENY"), Some("10.9.0.0/16"));
        assert_eq!((settings.deputies.functions.len(), settings.deputies.topics.len()), (0, 1));
        for text in ["target_deny = [\"10.0.0.0/33\"]", "function_allow = [\"*\"]"] {
            assert!(with_file(text, Flags::default()).is_err(), "{text}");
        }
    }

    #[test]
    fn everything_that_is_wrong_with_a_file_is_reported_at_once_and_no_value_is_repeated() {
        let problems = |text| {
            let problems = with_file(text, Flags::default()).unwrap_err().problems();
            problems.into_iter().map(|problem| problem.split_once(": ").unwrap().1.to_owned()).collect::<Vec<_>>()
        };
        let text = "secret_quoat = \"hunter2\"\nlisten = [1]\nproxy_protocol = \"yes\"\nstore = { a = \"hunter2\" }";
        assert_eq!(
            problems(text),
            [
                "listen takes one value, not a list",
                "proxy_protocol must be true or false",
                "secret_quoat is not a setting; did you mean secret_quota?",
                "store does not take a table",
            ]
        );
        assert_eq!(
            problems("log_format = \"hunter2\"\nlisten = \"hunter2\"\nsecret_quota = \"hunter2\""),
            [
                "listen must be of the form ADDRESS:PORT",
                "log_format must be one of text, json",
                "secret_quota cannot be used: invalid digit found in string",
            ]
        );
        let broken = with_file("log = \"info\"\ndata = \"hunter2", Flags::default()).unwrap_err().to_string();
        assert!(broken.contains("line 2: ") && !broken.contains("hunter2"), "{broken}");
        let text = "group_commit = 0\nmax_value_bytes = 1\nregion = \"a b\"";
        assert_eq!(with_file(text, Flags::default()).unwrap_err().problems().len(), 3);
    }

    #[test]
    fn a_table_gathers_the_settings_that_begin_with_its_name() {
        let settings = with_file("[max]\nvalue_bytes = 65536\nconnections = 7", Flags::default()).unwrap();
        assert_eq!((settings.max_value.bytes(), settings.port.max_connections), (65536, Some(7)));
        assert!(with_file("max_connections = 7\n[max]\nconnections = 7", Flags::default()).is_err());
    }

    #[test]
    fn values_that_break_a_rule_name_their_setting() {
        for text in [
            "min_rotation_period = \"often\"",
            "region = \"a b\"",
            "region = [\"a\", \"b c\"]",
            "group_commit = 0",
            "rotation_concurrency = 0",
            "max_connections = 0",
            "max_connections_per_peer = 0",
            "proxy_protocol = true",
            "tls_cert = \"server.pem\"",
            "tls_key = \"server.key\"",
            "tls_client_ca = \"clients.pem\"",
            "store = \"mysql://csms@localhost/csms\"",
            "store = \"postgres://csms@localhost/csms\"\nstore_connections = 0",
        ] {
            assert!(matches!(with_file(text, Flags::default()), Err(SettingsError::Value(..))), "{text}");
        }
        for text in [
            "[function]\n\"urn:x\" = \"a.zip\"",
            "[webhook]\n\"urn:smn:x\" = \"http://elsewhere.example/\"",
            "audit_sink = \"http://elsewhere.example/\"",
            "audit_sink = \"syslog:elsewhere.example\"",
            "webhook = [\"urn smn=https://elsewhere.example/\"]",
        ] {
            assert!(matches!(with_file(text, Flags::default()), Err(SettingsError::InFile { .. })), "{text}");
        }
    }
}
