//! Where the database is, and the pool of connections to it.

use std::{fmt, net::IpAddr, time::Duration};

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::ClientConfig;
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
    error::SqlState,
};
use tokio_postgres_rustls::MakeRustlsConnect;
use zeroize::Zeroizing;

use crate::error::{Cause, StoreError};

/// How long the server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Unanswered data end a connection after this time: a host that has vanished says nothing.
const SILENCE: Duration = Duration::from_secs(10);
/// Ends the transaction of a replica that stands still while it holds locks.
const LIMIT_IDLE_TRANSACTIONS: &str = "SET idle_in_transaction_session_timeout = 10000";

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
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings").field("max_connections", &self.max_connections).finish_non_exhaustive()
    }
}

fn unusable(what: impl Into<String>) -> StoreError {
    StoreError::Unavailable(Cause::new(what))
}

/// A pool that connects when it is first used.
pub(super) fn pool(settings: &PostgresSettings) -> Result<Pool, StoreError> {
    let config = config(settings)?;
    let tls = MakeRustlsConnect::new(tls(settings)?);
    let manager = Manager::from_config(config, tls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let hook = Hook::async_fn(|client, _| {
        Box::pin(async move {
            match client.batch_execute(LIMIT_IDLE_TRANSACTIONS).await {
                // Databases that resemble PostgreSQL may not have the setting.
                Err(error) if error.code() == Some(&SqlState::UNDEFINED_OBJECT) => Ok(()),
                set => set.map_err(HookError::Backend),
            }
        })
    });
    Pool::builder(manager)
        .max_size(settings.max_connections.max(1))
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(settings.timeout))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .recycle_timeout(Some(CONNECT_TIMEOUT))
        .post_create(hook)
        .build()
        .map_err(|error| StoreError::Unavailable(Cause::with("setting up connections", error)))
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
    config.connect_timeout(CONNECT_TIMEOUT).tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
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
    config.map_err(|error| StoreError::Unavailable(Cause::with("trusting the database's authorities", error)))
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
    fn a_password_in_the_address_is_in_no_message() {
        let settings = PostgresSettings::at("postgres://csms:hunter2@host:port/csms");
        let error = config(&settings).unwrap_err();
        assert!(!format!("{error:?} {settings:?}").contains("hunter2"), "{error:?}");
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
