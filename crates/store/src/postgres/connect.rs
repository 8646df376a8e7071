//! Where the database is, and the pool of connections to it.
//!
//! A connection is made only to a server that takes writes: a standby would show old data, and a pool that has met one would
//! keep it. Every wait of the server for this program has a limit that the server itself keeps.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use deadpool_postgres::{ClientWrapper, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::ClientConfig;
use tokio::sync::Semaphore;
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};
use tokio_postgres_rustls::MakeRustlsConnect;
use zeroize::Zeroizing;

use super::hosts::{self, Hosts};
use crate::{
    bound::KnownKey,
    error::{Cause, Remedy, StoreError},
};

/// How long the server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for each address of several servers, which then has [`hosts::EACH`] until it can be used.
const CONNECT_TIMEOUT_OF_SEVERAL: Duration = Duration::from_secs(2);
/// Unanswered data end a connection after this time: a host that has vanished says nothing.
const SILENCE: Duration = Duration::from_secs(10);
/// How long a transaction may wait for this program, in milliseconds. A program that stands still holds up the others for so long.
const IDLE: u128 = 2_500;

/// How a PostgreSQL database is used.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://USER@HOST:PORT/DATABASE`. With `?sslmode=disable` nothing is encrypted and with `?sslmode=require`
    /// everything is; by default everything is unless the host is this machine. A certificate is always verified.
    pub url: Zeroizing<String>,
    /// The password, when the address has none.
    pub password: Option<Zeroizing<String>>,
    /// Certificates (PEM) of the authorities to trust instead of the public ones.
    pub authorities: Option<String>,
    /// Certificates (PEM) of authorities to trust besides the public ones, unless there are `authorities`.
    pub further_authorities: Option<String>,
    /// Most connections at the same time.
    pub max_connections: usize,
    /// Longest time that one operation may take.
    pub timeout: Duration,
}

impl PostgresSettings {
    /// Usual settings for the database at this address.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: Zeroizing::new(url.into()),
            password: None,
            authorities: None,
            further_authorities: None,
            max_connections: 16,
            timeout: Duration::from_secs(10),
        }
    }

    /// The address without its password, for messages.
    pub(crate) fn shown_address(&self) -> Result<String, StoreError> {
        let config = config(self)?;
        let ports = config.get_ports();
        let places: Vec<_> = config
            .get_hosts()
            .iter()
            .enumerate()
            .map(|(at, host)| {
                let host = match host {
                    Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
                    Host::Tcp(name) => name.clone(),
                    Host::Unix(path) => path.display().to_string(),
                };
                let port = ports.get(at).or(ports.first());
                port.map_or(host.clone(), |port| format!("{host}:{port}"))
            })
            .collect();
        let user = config.get_user().map_or_else(String::new, |user| format!("{user}@"));
        Ok(format!("postgres://{user}{}/{}", places.join(","), config.get_dbname().unwrap_or_default()))
    }
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings").field("max_connections", &self.max_connections).finish_non_exhaustive()
    }
}

/// Connections to a database. Clones share them.
#[derive(Clone)]
pub(super) struct Connections {
    pub(super) pool: Pool,
    /// What encrypts a request to cancel a statement.
    pub(super) tls: MakeRustlsConnect,
    pub(super) limits: Arc<Limits>,
    /// Places for writes that may wait for locks of others: a quarter of the connections, so that such waits leave the rest
    /// to everything else.
    pub(super) waiting: Arc<Semaphore>,
    /// One permit for each search that may run: they read many rows, and the other connections are for those who read one.
    pub(super) searching: Arc<Semaphore>,
    /// What binds rows.
    pub(super) row_key: Arc<KnownKey>,
    /// The named value by which a database is known to be the one that was opened, once it is known.
    pub(super) sign: Arc<OnceLock<Sign>>,
}

/// A name in `meta` and its value.
pub(super) type Sign = (&'static str, Vec<u8>);

/// Requires that a new connection leads to the database that was opened: its name, its address or a pooler may lead to another one
/// by now, in which nothing must be written.
async fn require_sign(client: &ClientWrapper, (key, value): &Sign) -> Result<(), HookError> {
    let row = client.query_opt("SELECT value FROM meta WHERE key = $1", &[key]).await.map_err(HookError::Backend)?;
    let found = row.and_then(|row| row.try_get::<_, Vec<u8>>(0).ok());
    if found.as_ref() == Some(value) {
        Ok(())
    } else {
        Err(HookError::message("it is not the database of this installation any more"))
    }
}

/// The limits in time that a server keeps, as statements.
pub(super) struct Limits {
    /// Begins a transaction with its limits. A pooler may give each transaction another connection, so that what was set
    /// for one connection does not hold.
    pub(super) begin: String,
    /// Begins the transaction of a group, which waits for locks less long.
    pub(super) begin_group: String,
    /// That time in milliseconds.
    pub(super) group_lock_wait: u128,
    /// Sets the limits of statements outside of transactions.
    connection: String,
}

impl Limits {
    /// Limits a little below the time after which this program gives up: the connection is then still of use. What is
    /// committed is on disk, whatever the user's own settings say.
    fn below(timeout: Duration) -> Self {
        let millis = |tenths: u128| (timeout.as_millis() * tenths / 10).max(1);
        let (statement, idle) = (millis(9), millis(10).min(IDLE));
        let set = |scope: &str, lock: u128| {
            format!(
                "SET{scope} lock_timeout = {lock}; SET{scope} statement_timeout = {statement}; \
                 SET{scope} idle_in_transaction_session_timeout = {idle}; \
                 SELECT set_config('synchronous_commit', 'on', {}) WHERE current_setting('synchronous_commit') = 'off'",
                !scope.is_empty()
            )
        };
        let begin = |lock: u128| format!("BEGIN ISOLATION LEVEL READ COMMITTED; {}", set(" LOCAL", lock));
        let group_lock_wait = millis(5);
        Self {
            begin: begin(millis(8)),
            begin_group: begin(group_lock_wait),
            group_lock_wait,
            connection: set("", millis(8)),
        }
    }
}

fn unusable(what: impl Into<String>) -> StoreError {
    StoreError::Unavailable(Cause::new(what).until(Remedy::Settings))
}

/// Connections that are made when they are first used.
pub(super) fn connections(settings: &PostgresSettings) -> Result<Connections, StoreError> {
    let config = config(settings)?;
    let hosts = u32::try_from(hosts::number(&config)).unwrap_or(u32::MAX);
    // A name may have several addresses.
    let connect_timeout = if hosts < 2 { CONNECT_TIMEOUT } else { hosts::EACH.saturating_mul(hosts.saturating_mul(2)) };
    let tls = MakeRustlsConnect::new(tls(settings)?);
    let limits = Arc::new(Limits::below(settings.timeout));
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match Hosts::several(&config, &tls) {
        Some(hosts) => Manager::from_connect(config, hosts, recycling),
        None => Manager::from_config(config, tls.clone(), recycling),
    };
    let sign = Arc::<OnceLock<Sign>>::default();
    let (set, wanted) = (Arc::clone(&limits), Arc::clone(&sign));
    let hook = Hook::async_fn(move |client, _| {
        let (set, wanted) = (Arc::clone(&set), Arc::clone(&wanted));
        Box::pin(async move {
            client.batch_execute(&set.connection).await.map_err(HookError::Backend)?;
            match wanted.get() {
                Some(sign) => require_sign(client, sign).await,
                None => Ok(()),
            }
        })
    });
    let pool = Pool::builder(manager)
        .max_size(settings.max_connections.max(1))
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(settings.timeout))
        .create_timeout(Some(connect_timeout))
        .recycle_timeout(Some(CONNECT_TIMEOUT))
        .post_create(hook)
        .build()
        .map_err(|error| StoreError::Unavailable(Cause::with("setting up connections", error)))?;
    let quarter = || Arc::new(Semaphore::new((settings.max_connections / 4).max(1)));
    let (waiting, searching) = (quarter(), quarter());
    Ok(Connections { pool, tls, limits, waiting, searching, row_key: Arc::default(), sign })
}

fn config(settings: &PostgresSettings) -> Result<Config, StoreError> {
    // The driver's own complaint might quote the address, and with it a password.
    let mut config: Config = settings
        .url
        .parse()
        .map_err(|_| unusable("the database's address is not of the form postgres://USER@HOST:PORT/DATABASE"))?;
    if config.get_password().is_none()
        && let Some(password) = &settings.password
    {
        config.password(password.as_bytes());
    }
    if config.get_dbname().is_none() {
        return Err(unusable("the database's address names no database"));
    }
    if config.get_ssl_mode() == SslMode::Prefer {
        // "Prefer" would let an attacker on the way switch encryption off.
        config.ssl_mode(if is_local(&config) { SslMode::Disable } else { SslMode::Require });
    }
    if config.get_application_name().is_none() {
        config.application_name("csms");
    }
    if !settings.url.contains("target_session_attrs") {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    let is_one = hosts::number(&config) < 2;
    config.connect_timeout(if is_one { CONNECT_TIMEOUT } else { CONNECT_TIMEOUT_OF_SEVERAL });
    config.tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
    Ok(config)
}

/// Whether nothing of the way to the database lies outside of this machine.
fn is_local(config: &Config) -> bool {
    let is_loopback =
        |name: &str| name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    let hosts = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => is_loopback(name),
        Host::Unix(_) => true,
    });
    hosts && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

fn tls(settings: &PostgresSettings) -> Result<ClientConfig, StoreError> {
    let roots = match &settings.authorities {
        None => csms_tls::roots(settings.further_authorities.as_deref()),
        Some(pem) => csms_tls::only(pem),
    };
    let config = roots.and_then(csms_tls::config_with);
    config.map_err(|error| {
        StoreError::Unavailable(Cause::with("trusting the database's authorities", error).until(Remedy::Settings))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        config(&PostgresSettings::at(url)).unwrap().get_ssl_mode()
    }

    #[test]
    fn a_connection_that_leaves_the_machine_is_encrypted() {
        assert_eq!(mode("postgres://csms@db.example.com/csms"), SslMode::Require);
        assert_eq!(mode("postgres://csms@db.example.com/csms?sslmode=prefer"), SslMode::Require);
        assert_eq!(mode("postgres://csms@localhost,db.example.com/csms"), SslMode::Require);
        assert_eq!(mode("postgres://csms@127.0.0.1/csms"), SslMode::Disable);
        assert_eq!(mode("postgres://csms@[::1]:5433/csms"), SslMode::Disable);
    }

    #[test]
    fn what_the_address_says_about_encryption_is_kept() {
        assert_eq!(mode("postgres://csms@db.example.com/csms?sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("postgres://csms@localhost/csms?sslmode=require"), SslMode::Require);
    }

    #[test]
    fn only_servers_that_take_writes_are_used_unless_the_address_says_otherwise() {
        let target = |url: &str| config(&PostgresSettings::at(url)).unwrap().get_target_session_attrs();
        assert_eq!(target("postgres://csms@localhost/csms"), TargetSessionAttrs::ReadWrite);
        assert_eq!(target("postgres://csms@one,two/csms?target_session_attrs=any"), TargetSessionAttrs::Any);
    }

    #[test]
    fn the_limits_of_the_server_end_before_the_program_gives_up() {
        let limits = Limits::below(Duration::from_secs(10));
        for (begin, lock) in [(&limits.begin, 8000), (&limits.begin_group, 5000)] {
            let limits =
                format!("lock_timeout = {lock}; SET LOCAL statement_timeout = 9000; SET LOCAL idle_in_transaction");
            assert!(begin.contains(&limits), "{begin}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_in_no_message() {
        let settings = PostgresSettings::at("postgres://csms:hunter2@host:port/csms");
        let error = config(&settings).unwrap_err();
        assert!(!format!("{error:?} {settings:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        let shown = |url: &str| PostgresSettings::at(url).shown_address().unwrap();
        assert_eq!(shown("postgres://csms:hunter2@db.example.com:6432/app"), "postgres://csms@db.example.com:6432/app");
        assert_eq!(
            shown("postgres://csms:hunter2@one,two:2/app?sslmode=require"),
            "postgres://csms@one:5432,two:2/app"
        );
        assert_eq!(shown("host=db user=csms password=hunter2 dbname=app"), "postgres://csms@db/app");
    }

    #[test]
    fn the_address_wins_over_the_separate_password() {
        let password = |url: &str| {
            let settings =
                PostgresSettings { password: Some(Zeroizing::new("apart".to_owned())), ..PostgresSettings::at(url) };
            config(&settings).unwrap().get_password().map(<[u8]>::to_vec)
        };
        assert_eq!(password("postgres://csms@localhost/csms"), Some(b"apart".to_vec()));
        assert_eq!(password("postgres://csms:within@localhost/csms"), Some(b"within".to_vec()));
    }

    #[test]
    fn broken_authorities_are_refused() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for authorities in [broken, "nothing"] {
            let settings = PostgresSettings { authorities: Some(authorities.to_owned()), ..PostgresSettings::at("") };
            assert!(tls(&settings).is_err());
        }
    }
}
