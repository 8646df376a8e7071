//! A private PostgreSQL server.
//!
//! Passwords are really checked (SCRAM-SHA-256 on every connection), so a login proves one. The
//! cluster is thrown away afterwards, hence no fsync.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::directory::Directory;
use crate::error::{Error, Result, chain};
use crate::port::{Port, random};
use crate::process::{Daemon, Ending, Plan};
use crate::programs;
use crate::roots;
use crate::system_user::SystemUser;
use crate::tls::{Identity, TlsMode, Transport, client_config};

/// The superuser of every instance.
pub const ADMIN: &str = "testbed_admin";
/// The database every instance has beside PostgreSQL's own.
pub const DATABASE: &str = "app";

const NAME: &str = "PostgreSQL";
const READY_WITHIN: Duration = Duration::from_secs(60);
const LOGIN_WITHIN: Duration = Duration::from_secs(30);
const PORT_ATTEMPTS: usize = 3;

/// A fast shutdown keeps the data for the next start. For an orphan an immediate one will do; unlike
/// a kill it releases the shared memory.
const ENDING: Ending = Ending { signal: Signal::INT, orphaned: "QUIT" };

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Release {
    /// The one that the machine has.
    #[default]
    Machine,
    /// The newer one of [`roots::POSTGRESQL`], with the extension credcheck.
    Newer,
}

/// How to start a server.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Which one.
    pub release: Release,
    /// Whether it speaks TLS.
    pub tls: TlsMode,
    /// Further settings, such as `shared_preload_libraries=auth_delay`.
    pub settings: Vec<String>,
    /// Rules that come before the server's own, as lines of `pg_hba.conf`.
    pub rules: Vec<String>,
}

/// A running (or stopped) server; it ends and its files go when it is dropped.
#[derive(Debug)]
pub struct Postgres {
    // Dropped in this order: the server ends before its directory goes.
    daemon: Option<Daemon>,
    directory: Directory,
    port: Port,
    programs: PathBuf,
    user: SystemUser,
    password: String,
    setup: Setup,
    identity: Option<Identity>,
}

impl Postgres {
    /// Starts a server without TLS.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or the server is not ready within a minute.
    pub async fn start() -> Result<Self> {
        Self::start_with(Setup::default()).await
    }

    /// Starts a server as `setup` says.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub async fn start_with(setup: Setup) -> Result<Self> {
        let tls = setup.tls;
        let programs = match setup.release {
            Release::Machine => programs::postgres_directory().ok_or_else(|| Error::Missing {
                program: NAME.into(),
                hint: "install the Debian package `postgresql`, or name its directory in CSMS_POSTGRES_BIN".into(),
            })?,
            Release::Newer => tokio::task::spawn_blocking(|| roots::POSTGRESQL.root())
                .await
                .map_err(|error| Error::Io { what: "cannot look for PostgreSQL".into(), source: error.into() })??
                .path("usr/lib/postgresql/18/bin"),
        };
        let user = SystemUser::unprivileged("postgres")?;
        let directory = Directory::create(user)?;
        let identity = (tls != TlsMode::Off).then(Identity::generate).transpose()?;
        let password = hex::encode(random::<16>()?);
        let mut server =
            Self { daemon: None, directory, port: Port::take()?, programs, user, password, setup, identity };
        server.create_cluster().await?;
        for attempt in 1.. {
            match server.start_again().await {
                // Somebody else may have taken the port since it was looked at.
                Err(Error::NotStarted { log, .. }) if attempt < PORT_ATTEMPTS && log.contains("in use") => {
                    server.port = Port::take()?;
                }
                outcome => {
                    outcome?;
                    break;
                }
            }
        }
        server.execute_in("postgres", &format!("CREATE DATABASE {DATABASE}")).await?;
        Ok(server)
    }

    /// Which server it is.
    pub fn release(&self) -> Release {
        self.setup.release
    }

    /// The version that the server states.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn version(&self) -> Result<String> {
        let client = self.admin_in("postgres").await?;
        let row = client.query_one("SHOW server_version", &[]).await.map_err(|error| refused(&error))?;
        Ok(row.get(0))
    }

    /// A certificate and key (PEM) of a client that the server's certificate authority has signed; its name is `app`.
    pub fn client_certificate(&self) -> Option<(&str, &str)> {
        self.identity.as_ref().and_then(Identity::client)
    }

    /// What the server has written into its log since it started last.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn logs(&self) -> Result<String> {
        let log = self.directory.path().join("server.log");
        let bytes = fs::read(&log).map_err(Error::at("read", &log))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Puts these rules before those of `pg_hba.conf` and has the server read them.
    ///
    /// # Errors
    /// When the file cannot be written or the server is not running.
    pub async fn add_rules(&self, rules: &[&str]) -> Result<()> {
        let path = self.data().join("pg_hba.conf");
        let present = fs::read_to_string(&path).map_err(Error::at("read", &path))?;
        fs::write(&path, format!("{}\n{present}", rules.join("\n"))).map_err(Error::at("write", &path))?;
        self.execute_in("postgres", "SELECT pg_reload_conf()").await
    }

    /// The process whose descendants serve the connections; `None` while the server is stopped.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.daemon.as_ref().map(Daemon::id)
    }

    /// The TCP port on 127.0.0.1; it stays the same when the server stops and starts again.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The password of [`ADMIN`].
    pub fn admin_password(&self) -> &str {
        &self.password
    }

    /// The certificate authority (PEM) to trust, when the server speaks TLS.
    pub fn authority(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.authority.as_str())
    }

    /// Runs one of PostgreSQL's own programs, such as `pg_dump`, with the superuser's password in its environment.
    ///
    /// # Errors
    /// When it is not there, or fails.
    pub async fn run(&self, program: &'static str, arguments: &[&str]) -> Result<()> {
        // Clients need not lie beside the server.
        let beside = Some(self.programs.join(program)).filter(|path| path.is_file());
        let path = beside.or_else(|| programs::find(program)).unwrap_or_else(|| program.into());
        let mut command = Command::new(path);
        command.args(arguments).env("PGPASSWORD", &self.password);
        programs::run_aside(program, command).await.map(drop)
    }

    /// Creates an account that can log in.
    ///
    /// # Errors
    /// When the account exists, or the server cannot be reached.
    pub async fn create_login(&self, name: &str, password: &str) -> Result<()> {
        self.execute(&format!("CREATE ROLE {} LOGIN PASSWORD {}", identifier(name), literal(password))).await
    }

    /// Runs SQL statements as the superuser in [`DATABASE`].
    ///
    /// # Errors
    /// When a statement is refused, or the server cannot be reached.
    pub async fn execute(&self, sql: &str) -> Result<()> {
        self.execute_in(DATABASE, sql).await
    }

    /// Runs SQL statements as the superuser in another database.
    ///
    /// # Errors
    /// When a statement is refused, or the server cannot be reached.
    pub async fn execute_in(&self, database: &str, sql: &str) -> Result<()> {
        self.admin_in(database).await?.batch_execute(sql).await.map_err(|error| refused(&error))
    }

    /// A connection of the superuser to [`DATABASE`].
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn admin(&self) -> Result<Client> {
        self.admin_in(DATABASE).await
    }

    async fn admin_in(&self, database: &str) -> Result<Client> {
        self.connect(&self.own_transport(), ADMIN, &self.password, database).await?.map_err(|refusal| refused(&refusal))
    }

    /// Whether the server lets `user` in with `password`: true or false are the server's own answer.
    /// TLS is used when the server requires it.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when there is no answer, which says nothing about the password.
    pub async fn can_log_in(&self, user: &str, password: &str, database: &str) -> Result<bool> {
        self.can_log_in_over(&self.own_transport(), user, password, database).await
    }

    /// [`Postgres::can_log_in`] over a chosen transport.
    ///
    /// # Errors
    /// [`Error::Unreachable`], also when the server's certificate is not trusted.
    pub async fn can_log_in_over(
        &self,
        transport: &Transport,
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<bool> {
        Ok(self.connect(transport, user, password, database).await?.is_ok())
    }

    /// Freezes the server with all its sessions: connections are accepted by the kernel and never answered.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn pause(&self) -> Result<()> {
        self.daemon.as_ref().map_or(Ok(()), |daemon| daemon.signal_family(Signal::STOP))
    }

    /// Ends [`Postgres::pause`].
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn resume(&self) -> Result<()> {
        self.daemon.as_ref().map_or(Ok(()), |daemon| daemon.signal_family(Signal::CONT))
    }

    /// Stops the server; its data stay. Connections are refused until [`Postgres::start_again`].
    ///
    /// # Errors
    /// When it does not end within ten seconds.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop().await?;
        }
        Ok(())
    }

    /// Starts a stopped server on the same port and data.
    ///
    /// # Errors
    /// When it is not ready within a minute.
    pub async fn start_again(&mut self) -> Result<()> {
        self.stop().await?;
        let log = self.directory.path().join("server.log");
        // An earlier run's complaints are not this one's.
        fs::write(&log, "").map_err(Error::at("empty", &log))?;
        self.user.own(&log)?;
        let plan = Plan {
            name: NAME,
            command: self.server_command(),
            user: self.user,
            log: &log,
            ending: ENDING,
            pipe_stdout: false,
        };
        let (daemon, _) = Daemon::start(plan)?;
        // A stranger on the port would not know this instance's random password.
        let log_in = async || match self.connect(&self.own_transport(), ADMIN, &self.password, "postgres").await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(chain(&error)),
            Err(error) => Err(error.to_string()),
        };
        daemon.ready(READY_WITHIN, log_in).await?;
        self.daemon = Some(daemon);
        Ok(())
    }

    async fn create_cluster(&self) -> Result<()> {
        self.directory.subdirectory("socket", self.user)?;
        let password_file = self.directory.private_file("password", &self.password, self.user)?;
        let mut command = Command::new(self.programs.join("initdb"));
        command.arg("--pgdata").arg(self.data()).args(["--username", ADMIN, "--auth=scram-sha-256"]);
        command.arg("--pwfile").arg(&password_file);
        command.args(["--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]);
        command.current_dir(self.directory.path());
        self.user.apply(&mut command);
        programs::run_aside("initdb", command).await?;
        fs::remove_file(&password_file).map_err(Error::at("remove", &password_file))?;

        if let Some(identity) = &self.identity {
            self.directory.private_file("authority.crt", &identity.authority, self.user)?;
            self.directory.private_file("server.crt", &identity.certificate, self.user)?;
            self.directory.private_file("server.key", &identity.key, self.user)?;
        }
        let path = self.data().join("pg_hba.conf");
        if self.setup.tls == TlsMode::Required {
            fs::write(&path, "hostssl all all 127.0.0.1/32 scram-sha-256\n").map_err(Error::at("write", &path))?;
        }
        if !self.setup.rules.is_empty() {
            let present = fs::read_to_string(&path).map_err(Error::at("read", &path))?;
            // The superuser's way in comes first, whatever the rules say.
            let own = format!("host all {ADMIN} 127.0.0.1/32 scram-sha-256");
            let text = format!("{own}\n{}\n{present}", self.setup.rules.join("\n"));
            fs::write(&path, text).map_err(Error::at("write", &path))?;
        }
        Ok(())
    }

    fn server_command(&self) -> Command {
        let root = self.directory.path();
        let mut command = Command::new(self.programs.join("postgres"));
        command.arg("-D").arg(self.data()).arg("-p").arg(self.port().to_string()).arg("-k").arg(root.join("socket"));
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            "fsync=off".into(),
            "full_page_writes=off".into(),
            "shared_buffers=16MB".into(),
            "max_connections=100".into(),
        ];
        if self.identity.is_some() {
            settings.push("ssl=on".into());
            settings.push(format!("ssl_cert_file={}", root.join("server.crt").display()));
            settings.push(format!("ssl_key_file={}", root.join("server.key").display()));
            settings.push(format!("ssl_ca_file={}", root.join("authority.crt").display()));
        }
        settings.extend(self.setup.settings.iter().cloned());
        for setting in settings {
            command.arg("-c").arg(setting);
        }
        command.current_dir(root);
        command
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn own_transport(&self) -> Transport {
        match (&self.identity, self.setup.tls) {
            (Some(identity), TlsMode::Required) => Transport::Tls(identity.authority.clone()),
            _ => Transport::Plain,
        }
    }

    /// A connection, or the server's refusal of the login; no answer is the outer error.
    async fn connect(
        &self,
        transport: &Transport,
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<std::result::Result<Client, tokio_postgres::Error>> {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port()).user(user).password(password).dbname(database);
        let tls = match transport {
            Transport::Plain => None,
            Transport::Tls(authority) => Some(MakeRustlsConnect::new(client_config(authority, None)?)),
            Transport::Mutual { authority, certificate, key } => {
                Some(MakeRustlsConnect::new(client_config(authority, Some((certificate.as_str(), key.as_str())))?))
            }
        };
        let attempt = async {
            if let Some(tls) = tls {
                let (client, connection) = config.ssl_mode(SslMode::Require).connect(tls).await?;
                tokio::spawn(connection);
                Ok(client)
            } else {
                let (client, connection) = config.ssl_mode(SslMode::Disable).connect(NoTls).await?;
                tokio::spawn(connection);
                Ok(client)
            }
        };
        match timeout(LOGIN_WITHIN, attempt).await {
            Ok(Ok(client)) => Ok(Ok(client)),
            Ok(Err(error)) if is_refused_login(&error) => Ok(Err(error)),
            Ok(Err(error)) => Err(unreachable(chain(&error))),
            Err(_) => Err(unreachable(format!("no answer within {LOGIN_WITHIN:?}"))),
        }
    }
}

/// SQLSTATE class 28, "invalid authorization specification": wrong password, no such account, no
/// permission to log in, or no rule that lets such a connection in.
fn is_refused_login(error: &tokio_postgres::Error) -> bool {
    [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION]
        .iter()
        .any(|state| error.code() == Some(state))
}

fn unreachable(detail: String) -> Error {
    Error::Unreachable { name: NAME.into(), detail }
}

fn refused(error: &tokio_postgres::Error) -> Error {
    Error::Statement { name: NAME.into(), detail: chain(error) }
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string constant; `standard_conforming_strings` is on, so only quotes need doubling.
fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
