//! A private nginx that runs a documented configuration.
//!
//! The configuration is taken as it stands but for what an instance has of its own: the port, the certificate, the server
//! behind it, and directories for temporary files.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{
    directory::Directory,
    error::{Error, Result},
    port::Port,
    process::{Daemon, Ending, Plan},
    programs,
    system_user::SystemUser,
    tls::{Identity, client_config},
};

const NAME: &str = "nginx";

/// How long it may take to listen.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// The places of the documented file that an instance replaces; each must be there exactly once.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// Behind `listen`.
    pub listen: &'a str,
    /// The file of the certificate.
    pub certificate: &'a str,
    /// The file of its key.
    pub key: &'a str,
    /// The address of the server behind it.
    pub upstream: &'a str,
}

/// A running nginx; it ends when it is dropped.
#[derive(Debug)]
pub struct Nginx {
    daemon: Daemon,
    _directory: Directory,
    port: Port,
    config: Arc<ClientConfig>,
}

impl Nginx {
    /// Starts it with a documented configuration in front of the server at `upstream` (`host:port`).
    ///
    /// # Errors
    /// [`Error::Malformed`] when the configuration has not the places in it, and [`Error::NotStarted`].
    pub async fn start(documented: &str, places: Places<'_>, upstream: &str) -> Result<Self> {
        let (directory, port) = (Directory::create(SystemUser::OURSELVES)?, Port::take()?);
        let (path, identity) = (directory.path().to_owned(), Identity::generate()?);
        let [certificate, key] =
            [("cert.pem", &identity.certificate), ("key.pem", &identity.key)].map(|(name, pem)| {
                let file = path.join(name);
                write(&file, pem).map(|()| file.display().to_string())
            });
        let mut text = documented.to_owned();
        for (place, own) in [
            (places.listen, format!("127.0.0.1:{}", port.number())),
            (places.certificate, certificate?),
            (places.key, key?),
            (places.upstream, upstream.to_owned()),
            ("http {", format!("http {{\n{}", temporary_directories(&path))),
        ] {
            text = replace_once(&text, place, &own)?;
        }
        let file = path.join("nginx.conf");
        write(&file, &text)?;
        let mut command = Command::new(find()?);
        let own = format!("daemon off; error_log stderr; pid {};", path.join("nginx.pid").display());
        command.arg("-p").arg(&path).arg("-c").arg(&file).args(["-e", "stderr", "-g", &own]);
        let log = path.join("nginx.log");
        let plan = Plan {
            name: NAME,
            command,
            user: SystemUser::OURSELVES,
            log: &log,
            ending: Ending::TERMINATE,
            pipe_stdout: false,
        };
        let (daemon, _) = Daemon::start(plan)?;
        let config = Arc::new(client_config(&identity.authority, None)?);
        daemon.listens(port.number(), READY_WITHIN).await?;
        Ok(Self { daemon, _directory: directory, port, config })
    }

    /// The port that it listens on at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The last lines of its log, for messages of failing tests.
    pub fn log_tail(&self) -> String {
        self.daemon.log_tail()
    }

    /// Sends one request over TLS and reads until the connection is closed, so the request should ask for that.
    ///
    /// # Errors
    /// What is wrong with the connection.
    pub async fn exchange(&self, request: &[u8]) -> Result<Vec<u8>> {
        let failed = |source| Error::Io { what: "cannot ask nginx".to_owned(), source };
        let stream = TcpStream::connect(("127.0.0.1", self.port.number())).await.map_err(failed)?;
        let name = ServerName::from(std::net::IpAddr::from([127, 0, 0, 1]));
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let mut stream = connector.connect(name, stream).await.map_err(failed)?;
        stream.write_all(request).await.map_err(failed)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.map_err(failed)?;
        Ok(answer)
    }
}

/// Debian has it where only root looks.
fn find() -> Result<PathBuf> {
    let found = programs::find(NAME).or_else(|| Some(PathBuf::from("/usr/sbin/nginx")).filter(|path| path.is_file()));
    found.ok_or_else(|| Error::Missing { program: NAME.into(), hint: "install the package nginx".into() })
}

/// Whether it is installed.
pub(crate) fn is_installed() -> bool {
    find().is_ok()
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).map_err(Error::at("write", file))?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).map_err(Error::at("protect", file))
}

/// The built-in ones belong to the system's own nginx.
fn temporary_directories(path: &Path) -> String {
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let lines = kinds.map(|kind| format!("    {kind}_temp_path {};\n", path.join(kind).display()));
    format!("    access_log off;\n{}", lines.concat())
}

fn replace_once(text: &str, place: &str, own: &str) -> Result<String> {
    if text.matches(place).count() == 1 {
        return Ok(text.replace(place, own));
    }
    Err(Error::Malformed { what: "nginx configuration".into(), detail: format!("it must have {place:?} exactly once") })
}
