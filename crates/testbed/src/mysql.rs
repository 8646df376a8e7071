//! A private MySQL or MariaDB server.
//!
//! Accounts log in over TCP with passwords only; the anonymous and the socket accounts of a fresh
//! installation are removed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{ClientIdentity, Conn, OptsBuilder, SslOpts};
use rustix::process::Signal;
use tokio::time::timeout;

use crate::directory::Directory;
use crate::error::{Error, Result, chain};
use crate::kept::KeptData;
use crate::port::{Port, random};
use crate::process::{Daemon, Ending, Plan};
use crate::programs;
use crate::roots;
use crate::system_user::SystemUser;
use crate::tls::{Identity, TlsMode, Transport};

/// The administrator of every instance.
pub const ADMIN: &str = "testbed_admin";
/// The database every instance has.
pub const DATABASE: &str = "app";

const READY_WITHIN: Duration = Duration::from_secs(60);
const LOGIN_WITHIN: Duration = Duration::from_secs(30);
const PORT_ATTEMPTS: usize = 3;

const ACCOUNTS: &str = "accounts.sql";

/// Server errors that mean "not with this login": wrong password (1045, 1698), locked account
/// (3118 in MySQL, 4151 in MariaDB), plain connection where TLS is required (3159), expired password
/// (1862, 1820), locked after failed logins (3955 in MySQL, 4150 in MariaDB).
const REFUSED_LOGIN: [u16; 9] = [1045, 1698, 3118, 4151, 3159, 1862, 1820, 3955, 4150];

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Release {
    /// The MariaDB that the machine has.
    MariaDb,
    /// The newer MariaDB of [`roots::MARIADB`].
    NewerMariaDb,
    /// The MySQL of [`roots::MYSQL`].
    MySql,
}

impl Release {
    fn name(self) -> &'static str {
        match self {
            Self::MariaDb | Self::NewerMariaDb => "MariaDB",
            Self::MySql => "MySQL",
        }
    }

    fn is_mysql(self) -> bool {
        self == Self::MySql
    }
}

/// How to start a server.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Which one.
    pub release: Release,
    /// Whether it speaks TLS.
    pub tls: TlsMode,
    /// Further arguments, such as `--require-secure-transport=ON`. Files are named relative to the data directory.
    pub arguments: Vec<String>,
}

impl Setup {
    /// This server without TLS and without further arguments.
    pub fn new(release: Release) -> Self {
        Self { release, tls: TlsMode::Off, arguments: Vec::new() }
    }
}

/// A running (or stopped) server; it ends and its files go when it is dropped.
#[derive(Debug)]
pub struct MySqlServer {
    // Dropped in this order: the server ends before its directory goes.
    daemon: Option<Daemon>,
    directory: Directory,
    port: Port,
    programs: Programs,
    user: SystemUser,
    password: String,
    setup: Setup,
    identity: Option<Identity>,
}

#[derive(Debug)]
struct Programs {
    /// Makes the data directory; MySQL's server does that itself.
    install: Option<PathBuf>,
    server: PathBuf,
    /// Arguments that both need.
    own: Vec<OsString>,
}

impl Programs {
    fn find(release: Release) -> Result<Self> {
        Ok(match release {
            Release::MariaDb => {
                Self { install: Some(program("mariadb-install-db")?), server: program("mariadbd")?, own: Vec::new() }
            }
            Release::NewerMariaDb => {
                let root = roots::MARIADB.root()?;
                Self {
                    install: Some(root.path("usr/bin/mariadb-install-db")),
                    server: root.path("usr/sbin/mariadbd"),
                    own: vec![
                        option("--basedir", &root.path("usr")),
                        option("--lc-messages-dir", &root.path("usr/share/mariadb")),
                        option("--plugin-dir", &root.path("usr/lib/mysql/plugin")),
                    ],
                }
            }
            Release::MySql => {
                let root = roots::MYSQL.root()?;
                Self {
                    install: None,
                    server: root.path("usr/sbin/mysqld"),
                    own: vec![
                        option("--lc-messages-dir", &root.path("usr/share/mysql")),
                        option("--plugin-dir", &root.path("usr/lib/mysql/plugin")),
                    ],
                }
            }
        })
    }
}

impl MySqlServer {
    /// Starts a server without TLS.
    ///
    /// # Errors
    /// When the programs are not there, or the server is not ready within a minute.
    pub async fn start(release: Release) -> Result<Self> {
        Self::start_with(Setup::new(release)).await
    }

    /// Starts a server as `setup` says.
    ///
    /// # Errors
    /// As [`MySqlServer::start`].
    pub async fn start_with(setup: Setup) -> Result<Self> {
        let release = setup.release;
        let programs = tokio::task::spawn_blocking(move || Programs::find(release))
            .await
            .map_err(|error| Error::Io { what: "cannot look for the server".into(), source: error.into() })??;
        let user = SystemUser::unprivileged("mysql")?;
        let directory = Directory::create(user)?;
        let has_identity = matches!(setup.tls, TlsMode::Offered | TlsMode::Required);
        let identity = has_identity.then(Identity::generate).transpose()?;
        let password = hex::encode(random::<16>()?);
        let mut server =
            Self { daemon: None, directory, port: Port::take()?, programs, user, password, setup, identity };
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
        if server.setup.tls == TlsMode::Generated {
            let path = server.data().join("ca.pem");
            let authority = fs::read_to_string(&path).map_err(Error::at("read", &path))?;
            server.identity = Some(Identity::foreign(authority));
        }
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
        let mut connection = self.admin().await?;
        let version: Option<String> =
            connection.query_first("SELECT VERSION()").await.map_err(|error| self.refused(&error))?;
        Ok(version.unwrap_or_default())
    }

    /// A certificate and key (PEM) of a client that the server's certificate authority has signed.
    pub fn client_certificate(&self) -> Option<(&str, &str)> {
        self.identity.as_ref().and_then(Identity::client)
    }

    /// Everything that the server has written into the logs in its directory, as text.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn logs(&self) -> Result<String> {
        let mut text = String::new();
        for directory in [self.directory.path().to_path_buf(), self.data()] {
            for entry in fs::read_dir(&directory).map_err(Error::at("read", &directory))?.flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.ends_with(".log") || name.starts_with("binlog.") {
                    let bytes = fs::read(entry.path()).map_err(Error::at("read", &entry.path()))?;
                    text.push_str(&String::from_utf8_lossy(&bytes));
                }
            }
        }
        Ok(text)
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

    /// Runs SQL statements as the administrator in [`DATABASE`], and waits until they are in the server's logs, which are written
    /// after the answer.
    ///
    /// # Errors
    /// When a statement is refused, or the server cannot be reached.
    pub async fn execute(&self, sql: &str) -> Result<()> {
        let mut connection = self.admin().await?;
        connection.query_drop(sql).await.map_err(|error| self.refused(&error))?;
        // The server writes its logs before it reads on. A statement may have ended this connection, too.
        let _ = connection.ping().await;
        connection.disconnect().await.map_err(|error| self.refused(&error))
    }

    /// A connection of the administrator to [`DATABASE`].
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn admin(&self) -> Result<Conn> {
        // A test may make the server refuse what is not encrypted.
        let transport = match (&self.identity, self.setup.tls) {
            (Some(identity), TlsMode::Offered) => Transport::Tls(identity.authority.clone()),
            _ => self.own_transport(),
        };
        let login = self.connect(&transport, ADMIN, &self.password, DATABASE).await?;
        login.map_err(|refusal| self.refused(&refusal))
    }

    /// Whether the server lets `user` in with `password`: true or false are the server's own answer.
    /// TLS is used when the server requires it.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when there is no answer, which says nothing about the password.
    pub async fn can_log_in(&self, user: &str, password: &str, database: &str) -> Result<bool> {
        self.can_log_in_over(&self.own_transport(), user, password, database).await
    }

    /// [`MySqlServer::can_log_in`] over a chosen transport.
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

    /// [`MySqlServer::can_log_in_over`] through another port of 127.0.0.1 that leads to the server.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn can_log_in_through(
        &self,
        port: u16,
        transport: &Transport,
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<bool> {
        let Ok(connection) = self.connect_to(port, transport, user, password, database).await? else {
            return Ok(false);
        };
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

    /// Ends [`MySqlServer::pause`].
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn resume(&self) -> Result<()> {
        self.daemon.as_ref().map_or(Ok(()), |daemon| daemon.signal_family(Signal::CONT))
    }

    /// Stops the server; its data stay. Connections are refused until [`MySqlServer::start_again`].
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
            name: self.setup.release.name(),
            command: self.server_command(),
            user: self.user,
            log: &log,
            ending: Ending::TERMINATE,
            pipe_stdout: false,
        };
        let (daemon, _) = Daemon::start(plan)?;
        // A stranger on the port would not know this instance's random password.
        let log_in = async || match self.connect(&self.own_transport(), ADMIN, &self.password, DATABASE).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(chain(&error)),
            Err(error) => Err(error.to_string()),
        };
        daemon.ready(READY_WITHIN, log_in).await?;
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
        let mut command;
        if let Some(install) = &self.programs.install {
            command = Command::new(install);
            // This shell script understands `--name=value` only.
            command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
            command.args(["--skip-name-resolve", LOG_FILE_SIZE]);
            if let Some(basedir) = self.programs.own.first() {
                command.arg(basedir);
            }
        } else {
            command = Command::new(&self.programs.server);
            command.args(["--no-defaults", "--initialize-insecure", REDO_LOG_SIZE]).args(&self.programs.own);
            command.args(["--innodb-buffer-pool-size=32M", "--innodb-flush-method=nosync", "--performance-schema=OFF"]);
            command.arg("--log-error-verbosity=1");
        }
        let parts: Vec<&Path> =
            self.programs.install.iter().chain([&self.programs.server]).map(PathBuf::as_path).collect();
        let kept = KeptData::made_by(&command, &parts, self.user);
        if !kept.copy_to(&self.data()).await? {
            command.arg(option("--datadir", &self.data()));
            command.current_dir(self.directory.path()).env("TMPDIR", temporary);
            self.user.apply(&mut command);
            programs::run_aside("the program that makes a data directory", command).await?;
            kept.keep(&self.data()).await?;
        }

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
        command.arg("--no-defaults").args(&self.programs.own).arg("--datadir").arg(self.data());
        command.arg("--port").arg(self.port().to_string()).arg("--bind-address=127.0.0.1");
        command.arg("--socket").arg(root.join("socket")).arg("--pid-file").arg(root.join("pid"));
        command.arg("--tmpdir").arg(root.join("tmp"));
        command.args(["--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0"]);
        command.args(["--skip-name-resolve", "--performance-schema=OFF"]);
        if self.setup.release.is_mysql() {
            command.args([REDO_LOG_SIZE, "--mysqlx=OFF", "--secure-file-priv=NULL", "--innodb-flush-method=nosync"]);
        } else {
            command.arg(LOG_FILE_SIZE);
        }
        if !self.setup.arguments.iter().any(|argument| argument.starts_with("--log-bin")) {
            command.arg("--skip-log-bin");
        }
        if self.accounts_file().exists() {
            command.arg("--init-file").arg(self.accounts_file());
        }
        match self.setup.tls {
            TlsMode::Generated => {}
            TlsMode::Off if self.setup.release.is_mysql() => {
                command.arg("--auto-generate-certs=OFF");
            }
            TlsMode::Off => {}
            TlsMode::Offered | TlsMode::Required => {
                command.arg("--ssl-ca").arg(root.join("authority.crt"));
                command.arg("--ssl-cert").arg(root.join("server.crt")).arg("--ssl-key").arg(root.join("server.key"));
            }
        }
        if self.setup.tls == TlsMode::Required {
            command.arg("--require-secure-transport=ON");
        }
        command.args(&self.setup.arguments);
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
        match (&self.identity, self.setup.tls) {
            (Some(identity), TlsMode::Required) => Transport::Tls(identity.authority.clone()),
            _ => Transport::Plain,
        }
    }

    fn unreachable(&self, detail: String) -> Error {
        Error::Unreachable { name: self.setup.release.name().into(), detail }
    }

    fn refused(&self, error: &mysql_async::Error) -> Error {
        Error::Statement { name: self.setup.release.name().into(), detail: chain(error) }
    }

    async fn connect(
        &self,
        transport: &Transport,
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<std::result::Result<Conn, mysql_async::Error>> {
        self.connect_to(self.port(), transport, user, password, database).await
    }

    /// A connection, or the server's refusal of the login; no answer is the outer error.
    async fn connect_to(
        &self,
        port: u16,
        transport: &Transport,
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<std::result::Result<Conn, mysql_async::Error>> {
        let trusting = |authority: &str| {
            SslOpts::default()
                .with_disable_built_in_roots(true)
                .with_root_certs(vec![authority.to_owned().into_bytes().into()])
        };
        let tls = match transport {
            Transport::Plain => None,
            Transport::Tls(authority) => Some(trusting(authority)),
            Transport::Mutual { authority, certificate, key } => {
                let [certificate, key] = [certificate, key].map(|pem| pem.clone().into_bytes());
                let identity = ClientIdentity::new(certificate.into(), key.into());
                Some(trusting(authority).with_client_identity(Some(identity)))
            }
        };
        let options = OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(port)
            .prefer_socket(false)
            .user(Some(user))
            .pass(Some(password))
            .db_name(Some(database))
            .ssl_opts(tls);
        match timeout(LOGIN_WITHIN, Conn::new(options)).await {
            Ok(Ok(connection)) => Ok(Ok(connection)),
            Ok(Err(error)) if is_refused_login(&error) => Ok(Err(error)),
            Ok(Err(error)) => Err(self.unreachable(chain(&error))),
            Err(_) => Err(self.unreachable(format!("no answer within {LOGIN_WITHIN:?}"))),
        }
    }
}

/// Small redo logs of MariaDB; the default of 96 MiB would be written again for every instance.
const LOG_FILE_SIZE: &str = "--innodb-log-file-size=8M";

/// The same of MySQL.
const REDO_LOG_SIZE: &str = "--innodb-redo-log-capacity=8M";

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

/// A string constant; a backslash escapes in MariaDB's default SQL mode.
fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}
