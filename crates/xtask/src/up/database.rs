//! The private database of the demonstration, PostgreSQL or MariaDB behind one face.

use anyhow::Result;
use csms_testbed::debian::{self, Package};
use csms_testbed::mysql::{self, Release};
use csms_testbed::{MySqlServer, Postgres, postgres};
use serde::{Deserialize, Serialize};

const HOST: &str = "127.0.0.1";
const INITIAL_PASSWORD_BYTES: usize = 16;

/// A database the demonstration can rotate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    Postgresql,
    Mariadb,
}

impl Engine {
    /// The name in the value of a rotated secret.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgresql => "postgresql",
            Self::Mariadb => "mariadb",
        }
    }

    /// What has to be installed for it and for the function.
    pub(crate) fn packages(self) -> &'static [Package] {
        match self {
            Self::Postgresql => &[debian::MUSL_TOOLS, debian::POSTGRESQL],
            Self::Mariadb => &[debian::MUSL_TOOLS, debian::MARIADB_SERVER],
        }
    }

    /// The title of the step that starts it.
    pub(crate) fn start_title(self) -> &'static str {
        match self {
            Self::Postgresql => "Start PostgreSQL",
            Self::Mariadb => "Start MariaDB",
        }
    }
}

/// An account and its password, as the value of a rotated secret names them.
#[derive(Deserialize)]
pub(crate) struct Login {
    /// The account.
    #[serde(rename = "username")]
    pub(crate) user: String,
    /// Its password.
    pub(crate) password: String,
}

/// The value of a rotated secret.
#[derive(Serialize)]
struct Value<'a> {
    engine: &'a str,
    host: &'a str,
    port: u16,
    dbname: &'a str,
    username: &'a str,
    password: &'a str,
    tls: &'a str,
}

/// A running private database.
#[derive(Debug)]
pub(crate) enum Database {
    /// PostgreSQL.
    Postgres(Postgres),
    /// MariaDB.
    MariaDb(MySqlServer),
}

impl Database {
    /// Starts a private instance.
    pub(crate) async fn start(engine: Engine) -> Result<Self> {
        Ok(match engine {
            Engine::Postgresql => Self::Postgres(Postgres::start().await?),
            Engine::Mariadb => Self::MariaDb(MySqlServer::start(Release::MariaDb).await?),
        })
    }

    /// Host, port and database, `127.0.0.1:5432/app`.
    pub(crate) fn address(&self) -> String {
        format!("{HOST}:{}/{}", self.port(), self.name())
    }

    /// The engine's name in the value of a secret.
    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Postgres(_) => Engine::Postgresql,
            Self::MariaDb(_) => Engine::Mariadb,
        }
    }

    /// Creates an account with a random password.
    pub(crate) async fn create_login(&self, user: &str) -> Result<Login> {
        let mut bytes = [0; INITIAL_PASSWORD_BYTES];
        getrandom::fill(&mut bytes)?;
        let login = Login { user: user.to_owned(), password: hex::encode(bytes) };
        match self {
            Self::Postgres(server) => server.create_login(user, &login.password).await?,
            Self::MariaDb(server) => server.create_login(user, &login.password).await?,
        }
        Ok(login)
    }

    /// Whether the database lets this login in.
    pub(crate) async fn accepts(&self, login: &Login) -> Result<bool> {
        Ok(match self {
            Self::Postgres(server) => server.can_log_in(&login.user, &login.password, self.name()).await?,
            Self::MariaDb(server) => server.can_log_in(&login.user, &login.password, self.name()).await?,
        })
    }

    /// The value of a secret for this login. TLS is off by name: the database is on this machine.
    pub(crate) fn value(&self, login: &Login) -> String {
        let value = Value {
            engine: self.engine().name(),
            host: HOST,
            port: self.port(),
            dbname: self.name(),
            username: &login.user,
            password: &login.password,
            tls: "disable",
        };
        serde_json::json!(value).to_string()
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => postgres::DATABASE,
            Self::MariaDb(_) => mysql::DATABASE,
        }
    }

    fn port(&self) -> u16 {
        match self {
            Self::Postgres(server) => server.port(),
            Self::MariaDb(server) => server.port(),
        }
    }
}
