//! Where the audit trail is delivered: a file, a syslog receiver, or an HTTP receiver.
//!
//! A call delivers several records and returns once the receiver has them: they are on disk, the HTTP receiver has acknowledged
//! them, or the syslog receiver has read the connection to its end. It remembers and retries nothing.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    net::{IpAddr, SocketAddr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use csms_core::{UnixMillis, target::TargetRules};
use csms_rotate::{AllowedAddresses, judge_literal};
use reqwest::Url;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::{SIGNATURE, signature};
use crate::{
    failure::{Chain, Failure},
    outgoing::tls,
};

/// Time for one delivery, from the connection to the acknowledgement.
const TIMEOUT: Duration = Duration::from_secs(30);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a syslog receiver may take to close the connection when it has read all. One that leaves it open has taken the
/// records as far as the protocol can say.
const CLOSES_WITHIN: Duration = Duration::from_secs(5);

/// Added to two round trips, within which a receiver that has not read all resets the connection.
const RESET_MARGIN: Duration = Duration::from_millis(20);

/// Facility `log audit` of RFC 5424, times eight.
const FACILITY: u8 = 13 * 8;

/// Severities of RFC 5424.
const WARNING: u8 = 4;
const INFORMATIONAL: u8 = 6;

/// Longest MSGID of RFC 5424.
const MSGID_LENGTH: usize = 32;

/// The address of a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkAddress {
    /// A file that lines are appended to.
    File(PathBuf),
    /// A receiver of RFC 5424 over TCP.
    Syslog {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// Whether the connection uses TLS (RFC 5425).
        tls: bool,
    },
    /// A receiver of POST requests.
    Http(Url),
}

impl SinkAddress {
    /// Whether records leave the machine in clear text.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        matches!(self, Self::Syslog { host, tls: false, .. } if !is_local(host))
    }
}

/// Without what may be a secret in the path of an HTTP address.
impl std::fmt::Display for SinkAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Syslog { host, port, tls } => {
                let scheme = if *tls { "syslog+tls" } else { "syslog" };
                if host.contains(':') {
                    write!(f, "{scheme}:[{host}]:{port}")
                } else {
                    write!(f, "{scheme}:{host}:{port}")
                }
            }
            Self::Http(url) => write!(f, "{}", url.origin().ascii_serialization()),
        }
    }
}

/// Whether a host is this machine.
fn is_local(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    literal.parse::<IpAddr>().map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

impl FromStr for SinkAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORMS: &str =
            "must be file:PATH, syslog:HOST:PORT, syslog+tls:HOST:PORT, or an http:// or https:// address";
        if text.starts_with("http://") || text.starts_with("https://") {
            let url: Url = text.parse().map_err(|_| FORMS)?;
            let host = url.host_str().ok_or(FORMS)?;
            if !url.username().is_empty() || url.password().is_some() {
                return Err("must not hold a user name or password");
            }
            if url.scheme() != "https" && !is_local(host) {
                return Err("must begin with https://, or with http:// on this machine");
            }
            return Ok(Self::Http(url));
        }
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some((scheme @ ("syslog" | "syslog+tls"), rest)) => {
                let (host, port) = rest.rsplit_once(':').ok_or(FORMS)?;
                let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
                let port = port.parse::<u16>().ok().filter(|port| *port != 0).ok_or(FORMS)?;
                let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
                if host.is_empty() || !host.chars().all(is_host) {
                    return Err(FORMS);
                }
                Ok(Self::Syslog { host: host.to_owned(), port, tls: scheme == "syslog+tls" })
            }
            _ => Err(FORMS),
        }
    }
}

/// A record as it is delivered.
#[derive(Clone, Debug)]
pub struct SinkRecord {
    /// One line of JSON, without its end.
    pub line: String,
    /// When it was made.
    pub time: UnixMillis,
    /// What was done.
    pub action: String,
    /// Whether it was refused or failed.
    pub is_failure: bool,
}

/// Delivers records to one address.
pub struct Sink {
    address: SinkAddress,
    rules: TargetRules,
    http: reqwest::Client,
    tls: TlsConnector,
    /// The key of signatures of HTTP requests; unsigned without one.
    secret: Option<Zeroizing<String>>,
    /// Name of this machine, for syslog.
    machine: String,
}

impl Sink {
    /// A sink at this address, whose host the rules must allow. TLS trusts the system's authorities and those in `authorities`
    /// (PEM). `secret` signs HTTP requests as it signs those of webhooks.
    ///
    /// # Errors
    /// Certificates that cannot be read.
    pub fn new(
        address: SinkAddress,
        rules: TargetRules,
        authorities: Option<&str>,
        secret: Option<Zeroizing<String>>,
    ) -> Result<Self, Failure> {
        let configuration = tls(authorities)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(configuration.clone())
            .dns_resolver(Arc::new(AllowedAddresses::new(rules.clone())))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(Failure::internal)?;
        let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let machine: String = machine.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
        let machine = if machine.is_empty() { "-".to_owned() } else { machine };
        Ok(Self { address, rules, http, tls: TlsConnector::from(Arc::new(configuration)), secret, machine })
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> &SinkAddress {
        &self.address
    }

    /// Delivers records, in their order. After an error, the receiver has any number of them.
    ///
    /// # Errors
    /// Why they are not delivered, in words for the operator.
    pub async fn deliver(&self, records: &[SinkRecord], now: UnixMillis) -> Result<(), String> {
        match &self.address {
            SinkAddress::File(path) => {
                let (path, text) = (path.clone(), lines(records));
                match tokio::task::spawn_blocking(move || append(&path, text.as_bytes())).await {
                    Ok(appended) => appended.map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                }
            }
            SinkAddress::Syslog { host, port, tls } => {
                let frames = self.frames(records);
                let delivery = self.to_syslog(host, *port, *tls, frames.as_bytes());
                timeout(TIMEOUT, delivery).await.map_err(|_| "it did not take the records in time".to_owned())?
            }
            SinkAddress::Http(url) => self.post(url, lines(records), now).await,
        }
    }

    async fn post(&self, url: &Url, body: String, now: UnixMillis) -> Result<(), String> {
        judge_literal(&self.rules, url).map_err(|refusal| refusal.to_string())?;
        let mut call = self.http.post(url.clone()).header("content-type", "application/x-ndjson");
        if let Some(secret) = &self.secret {
            call = call.header(SIGNATURE, signature(secret.as_bytes(), now, body.as_bytes()));
        }
        match call.body(body).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("it answered {}", answer.status().as_u16())),
            Err(error) => Err(Chain(&error.without_url()).to_string()),
        }
    }

    async fn to_syslog(&self, host: &str, port: u16, with_tls: bool, frames: &[u8]) -> Result<(), String> {
        let (mut stream, round_trip) = self.connect(host, port).await?;
        let sent = if with_tls {
            let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
            let mut stream = self.tls.connect(name, stream).await.map_err(|error| error.to_string())?;
            match send(&mut stream, frames).await {
                Ok(()) => require_no_reset(stream.get_ref().0, round_trip).await,
                error => error,
            }
        } else {
            match send(&mut stream, frames).await {
                Ok(()) => require_no_reset(&stream, round_trip).await,
                error => error,
            }
        };
        sent.map_err(|error| error.to_string())
    }

    /// Connects to an address that the rules allow. Returns also how long the connection took, about one round trip.
    async fn connect(&self, host: &str, port: u16) -> Result<(TcpStream, Duration), String> {
        let mut reason = "the name has no address".to_owned();
        let addresses: Vec<SocketAddr> =
            tokio::net::lookup_host((host, port)).await.map_err(|error| error.to_string())?.collect();
        for address in addresses {
            if let Err(refusal) = self.rules.judge(host, address.ip()) {
                reason = refusal.to_string();
                continue;
            }
            let began = Instant::now();
            match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok((stream, began.elapsed())),
                Ok(Err(error)) => reason = error.to_string(),
                Err(_) => reason = "no connection in time".to_owned(),
            }
        }
        Err(reason)
    }

    /// The records as frames: the number of bytes, a space, and the message (RFC 6587 and 5425).
    fn frames(&self, records: &[SinkRecord]) -> String {
        let mut frames = String::new();
        for record in records {
            let message = self.message(record);
            // Writing into a string does not fail.
            let _ = write!(frames, "{} {message}", message.len());
        }
        frames
    }

    fn message(&self, SinkRecord { line, time, action, is_failure }: &SinkRecord) -> String {
        let priority = FACILITY + if *is_failure { WARNING } else { INFORMATIONAL };
        let action: String = action.chars().filter(char::is_ascii_graphic).take(MSGID_LENGTH).collect();
        let action = if action.is_empty() { "-" } else { &action };
        format!("<{priority}>1 {} {} csms - {action} - {line}", time.to_rfc3339(), self.machine)
    }
}

fn lines(records: &[SinkRecord]) -> String {
    records.iter().flat_map(|record| [record.line.as_str(), "\n"]).collect()
}

/// Sends all and waits until the receiver, which has read to the end, closes its side.
async fn send(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), frames: &[u8]) -> io::Result<()> {
    stream.write_all(frames).await?;
    stream.flush().await?;
    stream.shutdown().await?;
    let mut ignored = [0; 512];
    let closed = async {
        while stream.read(&mut ignored).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    match timeout(CLOSES_WITHIN, closed).await {
        Err(_) => Ok(()),
        // TLS that ends without its farewell.
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        Ok(closed) => closed,
    }
}

/// Requires that the receiver has closed the connection because it had read to the end. One that ended earlier resets the
/// connection, a round trip later at most.
async fn require_no_reset(stream: &TcpStream, round_trip: Duration) -> io::Result<()> {
    tokio::time::sleep(2 * round_trip + RESET_MARGIN).await;
    stream.take_error()?.map_or(Ok(()), Err)
}

/// Appends lines to the file under this name, which another program may have moved away, and brings them to the disk.
fn append(path: &Path, text: &[u8]) -> io::Result<()> {
    match fs::metadata(path) {
        // A pipe without a reader would block.
        Ok(metadata) if !metadata.is_file() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    if ends_within_a_line(&mut file)? {
        // What a killed server or a full disk has cut off. Its record follows as a whole.
        file.write_all(b"\n")?;
    }
    file.write_all(text)?;
    file.sync_data()?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u64) -> SinkRecord {
        SinkRecord {
            line: format!("{{\"number\":{number},\"record\":{{\"secret\":\"grün\"}}}}"),
            time: UnixMillis::new(1_767_323_045_678),
            action: "CreateSecret".to_owned(),
            is_failure: number == 2,
        }
    }

    fn sink(address: &str, deny: &str) -> Sink {
        let rules = TargetRules::parse("", deny).unwrap();
        Sink::new(address.parse().unwrap(), rules, None, None).unwrap()
    }

    #[test]
    fn addresses_of_sinks_are_read_and_shown_without_a_path() {
        for (text, shown) in [
            ("file:audit.jsonl", "file:audit.jsonl"),
            ("syslog:localhost:514", "syslog:localhost:514"),
            ("syslog+tls:logs.example.com:6514", "syslog+tls:logs.example.com:6514"),
            ("syslog:[::1]:514", "syslog:[::1]:514"),
            ("http://127.0.0.1:8080/in", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/in", "http://[::1]:8080"),
            ("https://logs.example.com/secret/path", "https://logs.example.com"),
        ] {
            assert_eq!(text.parse::<SinkAddress>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "file:",
            "audit.jsonl",
            "syslog:logs.example.com",
            "syslog::514",
            "syslog:logs.example.com:0",
            "syslog:logs.example.com:99999",
            "syslog://logs.example.com:514",
            "http://logs.example.com/",
            "https://name:word@logs.example.com/",
            "https://",
            "ftp://logs.example.com/",
        ] {
            assert!(text.parse::<SinkAddress>().unwrap_err().starts_with("must "), "{text}");
        }
    }

    #[test]
    fn only_plain_syslog_to_another_machine_is_exposed() {
        let exposed = |text: &str| text.parse::<SinkAddress>().unwrap().is_exposed();
        assert!(exposed("syslog:logs.example.com:514") && exposed("syslog:10.0.0.1:514"));
        for text in ["syslog:localhost:514", "syslog:[::1]:514", "syslog+tls:logs.example.com:514", "file:a"] {
            assert!(!exposed(text), "{text}");
        }
    }

    #[test]
    fn a_syslog_message_has_the_form_of_rfc_5424_and_its_frame_counts_bytes() {
        let sink = Sink { machine: "host".to_owned(), ..sink("syslog:localhost:514", "") };
        let message = |number| sink.message(&record(number));
        assert_eq!(
            message(1),
            "<110>1 2026-01-02T03:04:05.678Z host csms - CreateSecret - {\"number\":1,\"record\":{\"secret\":\"grün\"}}"
        );
        assert!(message(2).starts_with("<108>1 "), "{}", message(2));
        let (frames, message) = (sink.frames(&[record(1), record(1)]), message(1));
        let frame = format!("{} {message}", message.len());
        assert_eq!(frames, frame.repeat(2));
        let odd = SinkRecord { action: " ü".to_owned(), ..record(1) };
        assert!(sink.message(&odd).contains(" csms - - - {"));
    }

    #[tokio::test]
    async fn lines_are_appended_and_what_was_cut_off_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl");
        let sink = sink(&format!("file:{}", path.display()), "");
        let now = UnixMillis::new(0);
        sink.deliver(&[record(1), record(2)], now).await.unwrap();
        fs::write(&path, fs::read_to_string(&path).unwrap() + "{\"num").unwrap();
        sink.deliver(&[record(3)], now).await.unwrap();
        let lines = [1, 2, 3].map(|number| record(number).line);
        let expected = format!("{}\n{}\n{{\"num\n{}\n", lines[0], lines[1], lines[2]);
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        fs::rename(&path, directory.path().join("moved")).unwrap();
        sink.deliver(&[record(4)], now).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), record(4).line + "\n");
    }

    #[tokio::test]
    async fn what_is_not_a_file_takes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let sink = sink(&format!("file:{}", directory.path().display()), "");
        assert_eq!(sink.deliver(&[record(1)], UnixMillis::new(0)).await.unwrap_err(), "it is not a file");
    }

    #[tokio::test]
    async fn a_syslog_receiver_that_ends_before_it_has_read_all_has_not_taken_the_records() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = sink(&format!("syslog:127.0.0.1:{}", listener.local_addr().unwrap().port()), "");
        let now = UnixMillis::new(0);
        let records = [record(1)];
        for reads in [false, true] {
            let receive = async {
                let (mut connection, _) = listener.accept().await.unwrap();
                if reads {
                    connection.read_to_end(&mut Vec::new()).await.unwrap();
                }
            };
            let (delivered, ()) = tokio::join!(sink.deliver(&records, now), receive);
            assert_eq!(delivered.is_ok(), reads, "{delivered:?}");
        }
    }

    #[tokio::test]
    async fn syslog_over_tls_reaches_a_receiver_that_is_trusted_and_no_other() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SinkAddress =
            format!("syslog+tls:localhost:{}", listener.local_addr().unwrap().port()).parse().unwrap();
        for trusted in [true, false] {
            let pem = trusted.then(|| made.cert.pem());
            let sink = Sink::new(address.clone(), TargetRules::default(), pem.as_deref(), None).unwrap();
            let receive = async {
                let (connection, _) = listener.accept().await.unwrap();
                let mut bytes = Vec::new();
                if let Ok(mut connection) = acceptor.accept(connection).await {
                    connection.read_to_end(&mut bytes).await.unwrap();
                    connection.shutdown().await.unwrap();
                }
                String::from_utf8(bytes).unwrap()
            };
            let records = [record(1)];
            let (delivered, received) = tokio::join!(sink.deliver(&records, UnixMillis::new(0)), receive);
            assert_eq!(delivered.is_ok(), trusted, "{delivered:?}");
            assert_eq!(received, if trusted { sink.frames(&[record(1)]) } else { String::new() });
        }
    }

    #[tokio::test]
    async fn a_host_that_the_rules_deny_is_not_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for address in [
            format!("syslog:127.0.0.1:{port}"),
            format!("syslog:localhost:{port}"),
            format!("http://127.0.0.1:{port}/"),
            format!("http://localhost:{port}/"),
        ] {
            let sink = sink(&address, "127.0.0.0/8,::1");
            assert!(sink.deliver(&[record(1)], UnixMillis::new(0)).await.is_err(), "{address}");
        }
        let accepted = timeout(Duration::from_millis(1), listener.accept()).await;
        assert!(accepted.is_err(), "a connection was made");
    }
}
