//! A private PostgreSQL, MySQL or MariaDB behind one face.

use std::collections::BTreeMap;

use csms_core::rotation::{Account, Engine};
use csms_testbed::{MySqlServer, Postgres, Result, TlsMode, mysql, postgres};
use mysql_async::prelude::Queryable;
use serde_json::{Value, json};

/// A running server.
#[derive(Debug)]
pub enum Database {
    /// PostgreSQL.
    PostgreSql(Postgres),
    /// MySQL or MariaDB.
    MySql(MySqlServer),
}

/// How an account's value says that the connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protection {
    /// `"tls":"disable"`.
    Disabled,
    /// Nothing: verified against public roots.
    PublicRoots,
    /// `tls_ca` with this certificate authority, PEM.
    Authority(String),
}

impl Database {
    /// Starts a server of the kind: PostgreSQL and MariaDB of the machine without TLS, MySQL with it, since MySQL takes new
    /// passwords as text.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub async fn start(engine: Engine) -> Result<Self> {
        let tls = if engine == Engine::MySql { TlsMode::Offered } else { TlsMode::Off };
        Self::start_with(engine, tls).await
    }

    /// Starts a server of the kind that treats TLS as `tls` says.
    ///
    /// # Errors
    /// As [`Database::start`].
    pub async fn start_with(engine: Engine, tls: TlsMode) -> Result<Self> {
        Ok(match engine {
            Engine::PostgreSql => {
                let setup = postgres::Setup { tls, ..postgres::Setup::default() };
                Self::PostgreSql(Postgres::start_with(setup).await?)
            }
            Engine::MySql | Engine::MariaDb => {
                let release = match engine {
                    Engine::MySql => mysql::Release::MySql,
                    _ => mysql::Release::MariaDb,
                };
                Self::MySql(MySqlServer::start_with(mysql::Setup { tls, ..mysql::Setup::new(release) }).await?)
            }
        })
    }

    /// The kind of server.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self {
            Self::PostgreSql(_) => Engine::PostgreSql,
            Self::MySql(server) if server.release() == mysql::Release::MySql => Engine::MySql,
            Self::MySql(_) => Engine::MariaDb,
        }
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self {
            Self::PostgreSql(server) => server.port(),
            Self::MySql(server) => server.port(),
        }
    }

    /// The certificate authority to trust, when the server speaks TLS.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        match self {
            Self::PostgreSql(server) => server.authority(),
            Self::MySql(server) => server.authority(),
        }
    }

    /// Creates an account.
    ///
    /// # Errors
    /// When it exists.
    pub async fn create_login(&self, name: &str, password: &str) -> Result<()> {
        match self {
            Self::PostgreSql(server) => server.create_login(name, password).await,
            Self::MySql(server) => server.create_login(name, password).await,
        }
    }

    /// Whether the server lets the account in; asked without the adapters under test.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn can_log_in(&self, name: &str, password: &str) -> Result<bool> {
        match self {
            Self::PostgreSql(server) => server.can_log_in(name, password, postgres::DATABASE).await,
            Self::MySql(server) => server.can_log_in(name, password, mysql::DATABASE).await,
        }
    }

    /// Runs statements as the administrator.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn execute(&self, sql: &str) -> Result<()> {
        match self {
            Self::PostgreSql(server) => server.execute(sql).await,
            Self::MySql(server) => server.execute(sql).await,
        }
    }

    /// Stops the server; connections are refused.
    ///
    /// # Errors
    /// When it does not stop.
    pub async fn stop(&mut self) -> Result<()> {
        match self {
            Self::PostgreSql(server) => server.stop().await,
            Self::MySql(server) => server.stop().await,
        }
    }

    /// Starts it again, on the same port and data.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_again(&mut self) -> Result<()> {
        match self {
            Self::PostgreSql(server) => server.start_again().await,
            Self::MySql(server) => server.start_again().await,
        }
    }

    /// Freezes the server: connections are accepted by the kernel and never answered.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn pause(&self) -> Result<()> {
        match self {
            Self::PostgreSql(server) => server.pause(),
            Self::MySql(server) => server.pause(),
        }
    }

    /// Ends [`Database::pause`].
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn resume(&self) -> Result<()> {
        match self {
            Self::PostgreSql(server) => server.resume(),
            Self::MySql(server) => server.resume(),
        }
    }

    /// Makes the server write every statement into a log.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn log_every_statement(&self) -> Result<()> {
        match self {
            Self::PostgreSql(server) => {
                server.execute("ALTER SYSTEM SET log_statement = 'all'").await?;
                server.execute("SELECT pg_reload_conf()").await
            }
            Self::MySql(server) => server.execute("SET GLOBAL log_output = 'TABLE', GLOBAL general_log = 1").await,
        }
    }

    /// Makes the server write statements into a log in its directory, as far as it keeps their passwords out of it: all of
    /// them, but of MariaDB into the slow log alone, since nothing keeps a password out of its general log.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn log_into_files(&self) -> Result<()> {
        match self.engine() {
            Engine::PostgreSql => self.log_every_statement().await,
            Engine::MySql => self.execute("SET GLOBAL log_output = 'FILE', GLOBAL general_log = 1").await,
            Engine::MariaDb => {
                let all = "SET GLOBAL log_output = 'FILE', GLOBAL long_query_time = 0, GLOBAL slow_query_log = 1";
                self.execute(all).await
            }
        }
    }

    /// All that the server has logged so far. Tests compare it with texts, so a failure to read it is a panic.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[allow(clippy::expect_used, reason = "a test support crate")]
    pub async fn statement_log(&self) -> String {
        match self {
            Self::PostgreSql(server) => {
                let client = server.admin().await.expect("an administrator logs in");
                let sql = "SELECT pg_read_file(current_setting('data_directory') || '/../server.log')";
                client.query_one(sql, &[]).await.expect("the log is read").get(0)
            }
            Self::MySql(server) => {
                let mut client = server.admin().await.expect("an administrator logs in");
                let sql = "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log";
                let lines: Vec<String> = client.query(sql).await.expect("the log is read");
                client.disconnect().await.expect("the administrator leaves");
                lines.join("\n")
            }
        }
    }

    /// The value of a secret that opens an account of this server, over TLS where the server speaks it.
    #[must_use]
    pub fn value(&self, name: &str, password: &str) -> Value {
        let protection = self.authority().map_or(Protection::Disabled, |pem| Protection::Authority(pem.to_owned()));
        self.value_with(name, password, &protection)
    }

    /// The version that the server states.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn version(&self) -> Result<String> {
        match self {
            Self::PostgreSql(server) => server.version().await,
            Self::MySql(server) => server.version().await,
        }
    }

    /// What the server keeps of the passwords of all accounts, by their names.
    ///
    /// # Panics
    /// When it cannot be read.
    #[allow(clippy::expect_used, reason = "a test support crate")]
    pub async fn hashes(&self) -> BTreeMap<String, String> {
        match self {
            Self::PostgreSql(server) => {
                let client = server.admin().await.expect("an administrator logs in");
                let sql = "SELECT rolname::text, coalesce(rolpassword, '') FROM pg_authid";
                let rows = client.query(sql, &[]).await.expect("hashes are read");
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
            Self::MySql(server) => {
                let mut client = server.admin().await.expect("an administrator logs in");
                let sql = "SELECT CONCAT(User, '@', Host), HEX(authentication_string) FROM mysql.user";
                let rows: Vec<(String, String)> = client.query(sql).await.expect("hashes are read");
                client.disconnect().await.expect("the administrator leaves");
                rows.into_iter().collect()
            }
        }
    }

    /// What the server has written into the logs in its directory.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn logs(&self) -> Result<String> {
        match self {
            Self::PostgreSql(server) => server.logs(),
            Self::MySql(server) => server.logs(),
        }
    }

    /// The value of a secret that opens an account of this server.
    #[must_use]
    pub fn value_with(&self, name: &str, password: &str, protection: &Protection) -> Value {
        let mut value = json!({
            "engine": self.engine().as_str(),
            "host": "127.0.0.1",
            "port": self.port(),
            "dbname": postgres::DATABASE,
            "username": name,
            "password": password,
            "owner": "kept as it is",
        });
        match protection {
            Protection::Disabled => value["tls"] = "disable".into(),
            Protection::PublicRoots => {}
            Protection::Authority(pem) => value["tls_ca"] = pem.as_str().into(),
        }
        value
    }

    /// An account of this server, as [`Database::value`] describes it.
    ///
    /// # Panics
    /// When name or password cannot stand in a value.
    #[must_use]
    pub fn account(&self, name: &str, password: &str) -> Account {
        account(&self.value(name, password))
    }
}

/// The account that a value describes.
///
/// # Panics
/// When it describes none.
#[must_use]
#[allow(clippy::panic, reason = "a test support crate")]
pub fn account(value: &Value) -> Account {
    match Account::parse_text(&value.to_string()) {
        Ok(account) => account,
        Err(problems) => panic!("the value of a test is no account: {problems:?}"),
    }
}
