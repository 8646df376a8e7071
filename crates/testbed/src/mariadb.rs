//! A private MariaDB server.
//!
//! Accounts log in over TCP with passwords only; the anonymous and the socket accounts of a fresh
//! installation are removed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, SslOpts};
use rustix::process::Signal;
use tokio::time::timeout;

use crate::directory::Directory;
use crate::error::{Error, Result, chain};
use crate::port::{Port, random};
use crate::process::{Daemon, Ending, GLANCE, Plan};
use crate::programs;
use crate::system_user::SystemUser;
use crate::tls::{Identity, TlsMode, Transport};

/// The administrator of every instance.
pub const ADMIN: &str = "testbed_admin";
/// The database every instance has.
pub const DATABASE: &str = "app";

const NAME: &str = "MariaDB";
const READY_WITHIN: Duration = Duration::from_secs(60);
const LOGIN_WITHIN: Duration = Duration::from_secs(5);
const PORT_ATTEMPTS: usize = 3;

const ACCOUNTS: &str = "accounts.sql";

/// Server errors that mean "not with this login": wrong password (1045, 1698), locked account
/// (3118 in MySQL, 4151 in MariaDB), plain connection where TLS is required (3159).
const REFUSED_LOGIN: [u16; 5] = [1045, 1698, 3118, 4151, 3159];

/// A running (or stopped) server; it ends and its files go when it is dropped.
#[derive(Debug)]
pub struct MariaDb {
    // Dropped in this order: the server ends before its directory goes.
    daemon: Option<Daemon>,
    directory: Directory,
    port: Port,
    programs: Programs,
    user: SystemUser,
    password: String,
    tls: TlsMode,
    identity: Option<Identity>,
}

#[derive(Debug)]
struct Programs {
    install: PathBuf,
    server: PathBuf,
}

impl MariaDb {
    /// Starts a server without TLS.
    ///
    /// # Errors
    /// When MariaDB is not installed, or the server is not ready within a minute.
    pub async fn start() -> Result<Self> {
        Self::start_with(TlsMode::Off).await
    }

    /// Starts a server that treats TLS as `tls` says.
    ///
    /// # Errors
    /// As [`MariaDb::start`].
    pub async fn start_with(tls: TlsMode) -> Result<Self> {
        let programs = Programs { install: program("mariadb-install-db")?, server: program("mariadbd")? };
        let user = SystemUser::unprivileged("mysql")?;
        let directory = Directory::create(user)?;
        let identity = (tls != TlsMode::Off).then(Identity::generate).transpose()?;
        let password = hex::encode(random::<16>()?);
        let mut server = Self { daemon: None, directory, port: Port::take()?, programs, user, password, tls, identity };
        server.create_data().await?;
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
        Ok(server)
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

    /// Creates an account that can log in from anywhere and owns [`DATABASE`].
    ///
    /// # Errors
    /// When the account exists, or the server cannot be reached.
    pub async fn create_login(&self, name: &str, password: &str) -> Result<()> {
        let account = format!("{}@'%'", literal(name));
        self.execute(&format!(
            "CREATE USER {account} IDENTIFIED BY {}; GRANT ALL ON {DATABASE}.* TO {account}",
            literal(password)
        ))
        .await
    }

    /// Runs SQL statements as the administrator in [`DATABASE`].
    ///
    /// # Errors
    /// When a statement is refused, or the server cannot be reached.
    pub async fn execute(&self, sql: &str) -> Result<()> {
        let mut connection = self.admin().await?;
        connection.query_drop(sql).await.map_err(|error| refused(&error))?;
        connection.disconnect().await.map_err(|error| refused(&error))
    }

    /// A connection of the administrator to [`DATABASE`].
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn admin(&self) -> Result<Conn> {
        let login = self.connect(&self.own_transport(), ADMIN, &self.password, DATABASE).await?;
        login.map_err(|refusal| refused(&refusal))
    }

    /// Whether the server lets `user` in with `password`: true or false are the server's own answer.
    /// TLS is used when the server requires it.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when there is no answer, which says nothing about the password.
    pub async fn can_log_in(&self, user: &str, password: &str, database: &str) -> Result<bool> {
        self.can_log_in_over(&self.own_transport(), user, password, database).await
    }

    /// [`MariaDb::can_log_in`] over a chosen transport.
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
        let Ok(connection) = self.connect(transport, user, password, database).await? else { return Ok(false) };
        // The answer is known; how the connection ends does not change it.
        let _ = connection.disconnect().await;
        Ok(true)
    }

    /// Freezes the server with all its sessions: connections are accepted by the kernel and never answered.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn pause(&self) -> Result<()> {
        self.daemon.as_ref().map_or(Ok(()), |daemon| daemon.signal_family(Signal::STOP))
    }

    /// Ends [`MariaDb::pause`].
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn resume(&self) -> Result<()> {
        self.daemon.as_ref().map_or(Ok(()), |daemon| daemon.signal_family(Signal::CONT))
    }

    /// Stops the server; its data stay. Connections are refused until [`MariaDb::start_again`].
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
        let plan = Plan {
            name: NAME,
            command: self.server_command(),
            user: self.user,
            log: &log,
            ending: Ending::TERMINATE,
            pipe_stdout: false,
        };
        let (daemon, _) = Daemon::start(plan)?;
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = daemon.status() {
                return Err(daemon.not_started(format!("it ended ({status})")));
            }
            // A stranger on the port would not know this instance's random password.
            let detail = match self.connect(&self.own_transport(), ADMIN, &self.password, DATABASE).await {
                Ok(Ok(_)) => break,
                Ok(Err(error)) => chain(&error),
                Err(error) => error.to_string(),
            };
            if Instant::now() >= deadline {
                return Err(daemon.not_started(detail));
            }
            tokio::time::sleep(GLANCE).await;
        }
        if self.accounts_file().exists() {
            fs::remove_file(self.accounts_file()).map_err(Error::at("remove", &self.accounts_file()))?;
        }
        self.daemon = Some(daemon);
        Ok(())
    }

    async fn create_data(&self) -> Result<()> {
        let temporary = self.directory.subdirectory("tmp", self.user)?;
        let sql = format!(
            "CREATE DATABASE {DATABASE};\n\
             DROP USER IF EXISTS root@localhost, ''@localhost;\n\
             CREATE USER {ADMIN}@'%' IDENTIFIED BY {};\n\
             GRANT ALL ON *.* TO {ADMIN}@'%' WITH GRANT OPTION;\n",
            literal(&self.password)
        );
        self.directory.private_file(ACCOUNTS, &sql, self.user)?;
        let mut command = Command::new(&self.programs.install);
        // This shell script understands `--name=value` only.
        command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        command.args(["--skip-name-resolve", LOG_FILE_SIZE]);
        command.arg(option("--datadir", &self.data()));
        command.current_dir(self.directory.path()).env("TMPDIR", temporary);
        self.user.apply(&mut command);
        programs::run_aside("mariadb-install-db", command).await?;

        if let Some(identity) = &self.identity {
            self.directory.private_file("authority.crt", &identity.authority, self.user)?;
            self.directory.private_file("server.crt", &identity.certificate, self.user)?;
            self.directory.private_file("server.key", &identity.key, self.user)?;
        }
        Ok(())
    }

    fn server_command(&self) -> Command {
        let root = self.directory.path();
        let mut command = Command::new(&self.programs.server);
        command.arg("--no-defaults").arg("--datadir").arg(self.data());
        command.arg("--port").arg(self.port().to_string()).arg("--bind-address=127.0.0.1");
        command.arg("--socket").arg(root.join("socket")).arg("--pid-file").arg(root.join("pid"));
        command.arg("--tmpdir").arg(root.join("tmp"));
        command.args([LOG_FILE_SIZE, "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0"]);
        command.args(["--skip-name-resolve", "--skip-log-bin", "--performance-schema=OFF"]);
        if self.accounts_file().exists() {
            command.arg("--init-file").arg(self.accounts_file());
        }
        if self.identity.is_some() {
            command.arg("--ssl-ca").arg(root.join("authority.crt"));
            command.arg("--ssl-cert").arg(root.join("server.crt")).arg("--ssl-key").arg(root.join("server.key"));
        }
        if self.tls == TlsMode::Required {
            command.arg("--require-secure-transport=ON");
        }
        command.current_dir(root);
        command
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The statements of the first start, which make the accounts; removed once they have run.
    fn accounts_file(&self) -> PathBuf {
        self.directory.path().join(ACCOUNTS)
    }

    fn own_transport(&self) -> Transport {
        match (&self.identity, self.tls) {
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
    ) -> Result<std::result::Result<Conn, mysql_async::Error>> {
        let tls = match transport {
            Transport::Plain => None,
            Transport::Tls(authority) => Some(
                SslOpts::default()
                    .with_disable_built_in_roots(true)
                    .with_root_certs(vec![authority.clone().into_bytes().into()]),
            ),
        };
        let options = OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.port())
            .prefer_socket(false)
            .user(Some(user))
            .pass(Some(password))
            .db_name(Some(database))
            .ssl_opts(tls);
        match timeout(LOGIN_WITHIN, Conn::new(options)).await {
            Ok(Ok(connection)) => Ok(Ok(connection)),
            Ok(Err(error)) if is_refused_login(&error) => Ok(Err(error)),
            Ok(Err(error)) => Err(unreachable(chain(&error))),
            Err(_) => Err(unreachable(format!("no answer within {LOGIN_WITHIN:?}"))),
        }
    }
}

/// Small redo logs; the default of 96 MiB would be written anew for every instance.
const LOG_FILE_SIZE: &str = "--innodb-log-file-size=8M";

fn option(name: &str, path: &Path) -> OsString {
    let mut text = OsString::from(name);
    text.push("=");
    text.push(path);
    text
}

fn program(name: &str) -> Result<PathBuf> {
    programs::find(name).ok_or_else(|| Error::Missing {
        program: name.into(),
        hint: "install the Debian package `mariadb-server`".into(),
    })
}

fn is_refused_login(error: &mysql_async::Error) -> bool {
    matches!(error, mysql_async::Error::Server(refusal) if REFUSED_LOGIN.contains(&refusal.code))
}

fn unreachable(detail: String) -> Error {
    Error::Unreachable { name: NAME.into(), detail }
}

fn refused(error: &mysql_async::Error) -> Error {
    Error::Statement { name: NAME.into(), detail: chain(error) }
}

/// A string constant; a backslash escapes in MariaDB's default SQL mode.
fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}
