//! Looks at what a server needs, one function for each thing: for `csms doctor`, which reports it.
//!
//! Nothing is created or written: no directory, no key, no record. Data whose schema belongs to another release is reported and
//! stays as it is.

use std::{
    fs,
    io::ErrorKind,
    num::NonZero,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use csms_core::UnixMillis;
use csms_kms::RootKey;
use csms_store::{AnyStore, SqliteStore, Store as _, StoreError};
use reqwest::{Client, Response, Url};
use rustix::{
    fs::{Access, access, statvfs},
    io::Errno,
    process::geteuid,
};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{
    audit::Record,
    background::believed_time,
    boot::{
        access_file::AccessFile,
        exposure,
        serve::{self, DATABASE, SERVER_CERTIFICATE, bundled_zip, local_url},
        settings::{Settings, SettingsError, variables},
    },
    channels::sink::SinkAddress,
    clock::{Clock, trust::EARLIEST},
    failure::Chain,
    functions::code_at,
    http::tls::Tls,
    installation::{self, mark::Mark, unpacked},
    keys::root::{self, KeyringError},
    outgoing,
    telemetry::access_log::AccessLogTarget,
};

/// Free space, in bytes, below which writes are about to fail.
const SPACE_NEEDED: u64 = 64 << 20;
/// Free space, in bytes, below which an operator wants to know.
const SPACE_WANTED: u64 = 1 << 30;
/// A certificate that ends sooner is told, in days.
const CERTIFICATE_DAYS: i64 = 30;
/// How long another service may take to respond.
const RESPONSE_LIMIT: Duration = Duration::from_secs(5);
/// How far the clock may lie behind the newest record of the trail, in milliseconds: other servers' clocks differ a little.
const CLOCK_TOLERANCE: u64 = 60_000;

/// How a check ended, in the order of weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// As it should be.
    #[default]
    Ok,
    /// The server works, and something should be done.
    Warning,
    /// The server does not work, or not as it is set up.
    Failed,
}

impl Outcome {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
        }
    }
}

/// In JSON, the same words in lower case.
impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.word().to_lowercase())
    }
}

/// What one check found.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How it is.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Ok, found: found.into(), advice: None }
    }

    fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Warning, found: found.into(), advice: Some(advice.into()) }
    }

    fn failed(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Failed, found: found.into(), advice: Some(advice.into()) }
    }
}

/// Looks at everything that a server with these settings needs.
pub async fn all(settings: Result<Settings, SettingsError>) -> Vec<Finding> {
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            let advice = "mend the setting; the other checks need all settings";
            return vec![Finding::failed("settings", Chain(&error).to_string(), advice)];
        }
    };
    let mut findings = vec![Finding::ok("settings", "all can be used")];
    let strange = variables::warnings().into_iter().map(|warning| ("settings", warning));
    let exposed = exposure::warnings(&settings).into_iter().map(|warning| ("exposure", warning));
    findings.extend(strange.chain(exposed).map(|(check, warning)| match warning.split_once("; ") {
        Some((found, advice)) => Finding::warning(check, found, advice),
        None => Finding::warning(check, warning, "see the page on operating a server"),
    }));
    findings.extend(directory(&settings.data));
    findings.extend(credentials(&settings.data));
    findings.extend(root_key(&settings));
    findings.extend(store(&settings).await);
    findings.extend(tls(&settings));
    findings.extend(files(&settings));
    findings.extend(functions(&settings));
    findings.extend(services(&settings).await);
    findings.push(server(&settings).await);
    findings
}

fn directory(data: &Path) -> Vec<Finding> {
    const CHECK: &str = "data directory";
    let place = data.display();
    let metadata = match fs::metadata(data) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => return vec![Finding::failed(CHECK, format!("{place} is no directory"), "name another with --data")],
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Err(error) = can_be_made(data) {
                let advice = "make it for the user that runs the server, or name another with --data";
                return vec![Finding::failed(
                    CHECK,
                    format!("there is no {place}, and it cannot be made: {error}"),
                    advice,
                )];
            }
            let advice = "nothing to do before a first start; otherwise name the right one with --data";
            return vec![Finding::warning(CHECK, format!("there is no {place} yet"), advice)];
        }
        Err(error) => {
            let advice = "run the command as the user that runs the server";
            return vec![Finding::failed(CHECK, format!("cannot look at {place}: {error}"), advice)];
        }
    };
    let mode = metadata.permissions().mode() & 0o7777;
    let own = geteuid().as_raw();
    let mut findings = vec![if metadata.uid() != own && own != 0 {
        let found = format!("{place} belongs to user {}, and this is user {own}", metadata.uid());
        Finding::failed(CHECK, found, "run server and command as the owner of the directory")
    } else if mode & 0o077 != 0 {
        let found = format!("{place} has mode {mode:04o}: others on this machine can look into it");
        Finding::warning(CHECK, found, format!("chmod 700 {place}"))
    } else {
        Finding::ok(CHECK, place.to_string())
    }];
    if let Ok(volume) = statvfs(data) {
        let free = volume.f_bavail.saturating_mul(volume.f_frsize);
        let found = format!("{} MiB are free", free >> 20);
        let advice = "make room, or move the directory to a larger volume";
        findings.push(match free {
            0..SPACE_NEEDED => Finding::failed("free space", found, advice),
            SPACE_NEEDED..SPACE_WANTED => Finding::warning("free space", found, advice),
            _ => Finding::ok("free space", found),
        });
    }
    findings
}

fn credentials(data: &Path) -> Option<Finding> {
    const CHECK: &str = "first credentials";
    let file = data.join("credentials.json");
    let mode = fs::metadata(&file).ok()?.permissions().mode() & 0o7777;
    Some(if mode & 0o077 != 0 {
        let found = format!("{} has mode {mode:04o}: others on this machine can read it", file.display());
        Finding::failed(CHECK, found, format!("chmod 600 {}", file.display()))
    } else {
        let found = format!("{} holds the keys of an administrator", file.display());
        Finding::warning(CHECK, found, "move it to whoever administers csms; the server does not need it")
    })
}

fn root_key(settings: &Settings) -> Vec<Finding> {
    const CHECK: &str = "root key";
    if settings.kms.is_some() || settings.root_key.is_some() {
        return Vec::new();
    }
    let file = &settings.root_key_file;
    if !file.exists() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    if let Err(error) = RootKey::load(file) {
        let advice = "mend the file, or restore it; without it no value can be read";
        findings.push(Finding::failed(CHECK, Chain(&error).to_string(), advice));
    }
    let beside = file.parent().and_then(|parent| parent.canonicalize().ok());
    if beside.is_some() && beside == settings.data.canonicalize().ok() {
        let found = format!("{} lies beside the data that it protects", file.display());
        let advice =
            "keep it elsewhere and name it with --root-key-file, or use a remote KMS; back it up apart from the data";
        findings.push(Finding::warning(CHECK, found, advice));
    }
    findings
}

async fn store(settings: &Settings) -> Vec<Finding> {
    const CHECK: &str = "store";
    let (store, place) = match serve::open_existing(settings).await {
        Ok(Some(store)) => match settings.store {
            Some(_) => (store, "the database of --store can be used".to_owned()),
            None => (store, format!("{} can be used", settings.data.join(DATABASE).display())),
        },
        Ok(None) => {
            let missing = match &settings.store {
                Some(_) => "the database is empty".to_owned(),
                None => format!("{} is missing", settings.data.join(DATABASE).display()),
            };
            return match Mark::read(&settings.data) {
                Ok(Some(_)) => vec![Finding::failed(
                    CHECK,
                    format!("{missing}, and the directory had an installation"),
                    "restore it from a backup; `csms serve --new` begins another installation",
                )],
                _ => vec![match unpacked::left_in(&settings.data) {
                    Some(left) => Finding::failed(
                        CHECK,
                        format!(
                            "no data yet, but {}: a restore was ended before it was done, or is running",
                            left.display()
                        ),
                        "run `csms snapshot restore` again, or remove that directory to begin a new installation",
                    ),
                    None => Finding::ok(CHECK, "no data yet; the first start makes it"),
                }],
            };
        }
        Err(error) => {
            let advice = "see the message: address, rights, release, or disk";
            return vec![Finding::failed(CHECK, Chain(&error).to_string(), advice)];
        }
    };
    match installation::exists(&store).await {
        Ok(true) => {}
        Ok(false) => return vec![Finding::ok(CHECK, format!("{place} is empty; the first start fills it"))],
        Err(error) => return vec![Finding::failed(CHECK, Chain(&error).to_string(), "see the message")],
    }
    let mut findings = vec![Finding::ok(CHECK, place)];
    if let Ok(Some(mark)) = Mark::read(&settings.data)
        && let Err(error) = mark.require_store(&store).await
    {
        let advice = "name the store of this data directory, or the data directory of this store";
        findings.push(Finding::failed("installation", Chain(&error).to_string(), advice));
    }
    let clock = Clock::default();
    match root::open(settings.root_key_source(), &store, &clock).await {
        // Said of the file already.
        Err(KeyringError::RootKey(_)) if settings.root_key.is_none() && settings.root_key_file.exists() => {}
        Err(error) => {
            let advice = "without the right root key no value can be read; see the message";
            findings.push(Finding::failed("root key", Chain(&error).to_string(), advice));
        }
        Ok(keyring) => {
            let home = settings.regions.first().map_or("local-1", |region| region.as_str());
            findings.push(match installation::open(&store, &keyring.root, home).await {
                Ok(identity) => Finding::ok("root key", format!("opens the data of project {}", identity.project_id)),
                Err(error) => Finding::failed("root key", Chain(&error).to_string(), "name the root key of this data"),
            });
        }
    }
    findings.push(trail(&store, clock.now()).await);
    if believed_time::recall(&store, &clock).await.is_ok()
        && let Err(doubt) = clock.believed()
    {
        let advice = if doubt.shown < EARLIEST {
            "set the clock; scheduled rotations and deletions wait until it is set"
        } else {
            "set the clock; if it is right, there is nothing to do: scheduled rotations and deletions begin after an hour"
        };
        findings.push(Finding::warning("clock", doubt.to_string(), advice));
    }
    findings
}

/// The newest record of the trail, and whether this machine's clock is behind it.
async fn trail(store: &AnyStore, now: UnixMillis) -> Finding {
    const CHECK: &str = "audit trail and clock";
    let newest = async {
        let head = store.audit_head().await?;
        let records = store.audit_records(head.number.saturating_sub(1), 1, None).await?;
        let is_unfinished = head.number == 0 && store.users().await?.is_empty();
        Ok::<_, StoreError>((head.number, records.into_iter().next(), is_unfinished))
    };
    let believed = believed_time::noted(store).await.ok().flatten();
    let (number, record) = match newest.await {
        Ok((number, Some(record), _)) => (number, record),
        Ok((_, None, true)) => {
            let found = "the trail is empty, and there is no user: the first start did not finish";
            return Finding::warning(CHECK, found, "start `csms serve`; it finishes what is missing");
        }
        Ok((_, None, false)) => {
            return Finding::failed(
                CHECK,
                "the trail is empty: its records were removed",
                "restore the store from a backup",
            );
        }
        Err(error) => return Finding::failed(CHECK, Chain(&error).to_string(), "see the message"),
    };
    let Ok(record) = serde_json::from_str::<Record<'_>>(&record.document) else {
        return Finding::failed(CHECK, format!("record {number} cannot be read"), "run `csms audit verify --offline`");
    };
    let ahead = record.time.as_millis().saturating_sub(now.as_millis());
    if ahead > CLOCK_TOLERANCE {
        let found = format!("the newest record is {} s ahead of this machine's clock", ahead / 1000);
        // The time that a server believed last has passed by this clock, so the one that wrote the record was ahead.
        if believed.is_some_and(|believed| believed.as_millis() <= now.as_millis().saturating_add(CLOCK_TOLERANCE)) {
            let found = format!("{found}, which agrees with the last time that a server believed");
            let advice = "nothing to do if this clock is right: the record was written while a clock was ahead";
            return Finding::warning(CHECK, found, advice);
        }
        return Finding::failed(CHECK, found, "set the clock (chrony or systemd-timesyncd) before the server starts");
    }
    Finding::ok(CHECK, format!("{number} records; `csms audit verify --offline` follows them all"))
}

/// Whether the files that the server reads and appends to can be used.
fn files(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(path) = &settings.access_file {
        findings.push(match AccessFile::read(path) {
            Ok(_) => Finding::ok("access file", path.display().to_string()),
            Err(error) => {
                Finding::failed("access file", Chain(&error).to_string(), "mend it; `csms access check` helps")
            }
        });
    }
    let log = match &settings.access_log {
        AccessLogTarget::File(path) => Some(("access log", path)),
        AccessLogTarget::Off | AccessLogTarget::Stderr => None,
    };
    let sink = match &settings.audit_sink {
        Some(SinkAddress::File(path)) => Some(("audit sink", path)),
        _ => None,
    };
    findings.extend(log.into_iter().chain(sink).map(|(check, path)| match appendable(path) {
        Ok(()) => Finding::ok(check, path.display().to_string()),
        Err(error) => {
            let found = format!("cannot write {}: {error}", path.display());
            Finding::failed(check, found, "name a file that this user may write, in a directory that is there")
        }
    }));
    findings
}

/// Whether a file can be appended to, or made where there is none.
fn appendable(path: &Path) -> Result<(), Errno> {
    match access(path, Access::WRITE_OK) {
        Ok(()) if path.is_dir() => Err(Errno::ISDIR),
        Err(Errno::NOENT) => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            access(parent, Access::WRITE_OK | Access::EXEC_OK)
        }
        found => found,
    }
}

/// Whether a directory that is not there can be made, with those that it is in.
fn can_be_made(directory: &Path) -> Result<(), Errno> {
    let ancestors = directory.ancestors().skip(1);
    let existing = ancestors.map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let Some(existing) = existing.into_iter().find(|path| path.exists()) else { return Ok(()) };
    if existing.is_dir() { access(existing, Access::WRITE_OK | Access::EXEC_OK) } else { Err(Errno::NOTDIR) }
}

fn tls(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "TLS certificate";
    let files = settings.port.tls.clone()?;
    let place = files.certificate.display().to_string();
    let tls = match Tls::load(files) {
        Ok(tls) => tls,
        Err(error) => {
            let advice = "mend the files of --tls-cert and --tls-key";
            return Some(Finding::failed(CHECK, Chain(&error).to_string(), advice));
        }
    };
    let renew = "renew it; the server reads it again by itself";
    let Some(expiry) = NonZero::new(tls.expiry()) else {
        let found = format!("{place} does not say when it expires");
        return Some(Finding::warning(CHECK, found, "check it with `openssl x509 -enddate`"));
    };
    Some(match days_left(expiry.get(), Clock::default().now()) {
        ..=0 => Finding::failed(CHECK, format!("{place} has expired"), renew),
        days if days < CERTIFICATE_DAYS => {
            Finding::warning(CHECK, format!("{place} expires in less than {days} days"), renew)
        }
        _ if tls.is_authority() => {
            let found = format!("{place} is that of an authority (CA:TRUE): csms and the rotation functions refuse it");
            Finding::warning(CHECK, found, SERVER_CERTIFICATE)
        }
        days => Finding::ok(CHECK, format!("{place} is valid for {} days", days - 1)),
    })
}

/// The days until a time in seconds, begun ones counted; not more than 0 when it is past.
fn days_left(expiry: i64, now: UnixMillis) -> i64 {
    let now = i64::try_from(now.as_millis() / 1000).unwrap_or(i64::MAX);
    expiry.saturating_sub(now).saturating_add(86_399).div_euclid(86_400)
}

fn functions(settings: &Settings) -> Vec<Finding> {
    const CHECK: &str = "rotation functions";
    let named = settings.functions.iter().map(|(urn, path)| match code_at(path).check() {
        Ok(()) => Finding::ok(CHECK, format!("{urn} from {}", path.display())),
        Err(error) => {
            let found = format!("{urn} from {}: {error}", path.display());
            Finding::failed(CHECK, found, "name a zip or a directory with `bootstrap` in it")
        }
    });
    let mut findings: Vec<_> = named.collect();
    match bundled_zip() {
        Some(zip) => findings.push(match code_at(&zip).check() {
            Ok(()) => Finding::ok(CHECK, format!("the bundled one, {}", zip.display())),
            Err(error) => {
                let found = format!("the bundled one, {}: {error}", zip.display());
                Finding::failed(CHECK, found, "put the rotate-database.zip of this release beside the program")
            }
        }),
        None if findings.is_empty() && settings.functiongraph.is_none() => {
            let advice =
                "put rotate-database.zip beside the program, or name one with --function or --functiongraph-endpoint";
            findings.push(Finding::warning(CHECK, "there is none, so no secret can be rotated", advice));
        }
        None => {}
    }
    findings
}

/// Whether the services that the settings name respond at all. An HTTP status of any kind is a response.
async fn services(settings: &Settings) -> Vec<Finding> {
    let named = [
        ("FunctionGraph", settings.functiongraph.as_ref().map(|endpoint| &endpoint.url)),
        ("SMN", settings.smn.as_ref().map(|endpoint| &endpoint.url)),
        ("public address", settings.public_url.as_ref()),
    ];
    let mut findings = Vec::new();
    for (check, url) in named {
        let Some(url) = url else { continue };
        findings.push(match get(url, settings.authorities.as_deref()).await {
            Ok(_) => Finding::ok(check, format!("{url} responds")),
            Err(NoResponse { cause, .. }) => Finding::failed(
                check,
                format!("{url}: {cause}"),
                "check address, network, firewall and certificate authorities",
            ),
        });
    }
    for (topic, url) in &settings.webhooks {
        // Receivers may count every request, so their host is only connected to.
        let reached = reachable(url).await;
        findings.push(match reached {
            Ok(()) => Finding::ok("webhook", format!("the host for {topic} responds")),
            Err(cause) => {
                Finding::warning("webhook", format!("the host for {topic}: {cause}"), "events wait until it is back")
            }
        });
    }
    findings
}

/// Why there is no response.
struct NoResponse {
    cause: String,
    /// Whether nothing listens there.
    is_refused: bool,
}

impl From<String> for NoResponse {
    fn from(cause: String) -> Self {
        Self { cause, is_refused: false }
    }
}

impl From<reqwest::Error> for NoResponse {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let mut systems = causes.filter_map(|error| error.downcast_ref::<std::io::Error>());
        let is_refused = systems.any(|error| error.kind() == ErrorKind::ConnectionRefused);
        // The library's name for it says nothing to an operator.
        let cause = Chain(&error).to_string().replace(
            "Other(OtherError(CaUsedAsEndEntity))",
            "it is the certificate of an authority (CA:TRUE); a server needs one with CA:FALSE",
        );
        Self { cause, is_refused }
    }
}

/// The status of a GET, or why there is none.
async fn get(url: &str, authorities: Option<&str>) -> Result<u16, NoResponse> {
    Ok(response(url, authorities).await?.status().as_u16())
}

/// The response to a GET, or why there is none.
async fn response(url: &str, authorities: Option<&str>) -> Result<Response, NoResponse> {
    let url: Url = url.parse().map_err(|_| "this is no address".to_owned())?;
    let tls = outgoing::tls(authorities).map_err(|failure| failure.error.message)?;
    let client = Client::builder().use_preconfigured_tls(tls).timeout(RESPONSE_LIMIT).no_proxy().build()?;
    Ok(client.get(url).send().await?)
}

async fn reachable(url: &str) -> Result<(), String> {
    let url: Url = url.parse().map_err(|_| "this is no address".to_owned())?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    match tokio::time::timeout(RESPONSE_LIMIT, tokio::net::TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("nothing within {} s", RESPONSE_LIMIT.as_secs())),
    }
}

/// Where a server with these settings is reached from this machine.
fn base(settings: &Settings) -> String {
    // A certificate is for the public name, not for this machine's loopback address.
    match (&settings.public_url, &settings.port.tls) {
        (Some(url), Some(_)) => url.trim_end_matches('/').to_owned(),
        (_, tls) => local_url(settings.listen, tls.is_some(), settings.listen_name.as_deref()),
    }
}

/// What the running server returns for a path, whatever the status.
///
/// # Errors
/// Why there is no response.
pub async fn fetch(settings: &Settings, path: &str) -> Result<String, String> {
    let response = response(&format!("{}{path}", base(settings)), settings.authorities.as_deref()).await;
    let response = response.map_err(|error| error.cause)?;
    response.text().await.map_err(|error| Chain(&error.without_url()).to_string())
}

/// Whether a server runs where these settings would have it listen, and can write.
async fn server(settings: &Settings) -> Finding {
    const CHECK: &str = "server";
    let base = base(settings);
    if let Err(error) = std::net::TcpListener::bind((settings.listen.ip(), 0)) {
        let found = format!("cannot listen on {}: {error}", settings.listen.ip());
        return Finding::failed(CHECK, found, "name an address of this machine with --listen");
    }
    let response = match response(&format!("{base}/healthz?write=1"), settings.authorities.as_deref()).await {
        Ok(response) => response,
        Err(NoResponse { cause, is_refused: true }) => {
            let advice = "start `csms serve` with these settings";
            return Finding::warning(CHECK, format!("none at {base}: {cause}"), advice);
        }
        Err(NoResponse { cause, .. }) => {
            let found = format!("something listens at {base} and cannot be asked: {cause}");
            let advice = "see the server's log, the certificate and the network; if another program listens there, choose another \
                          --listen";
            return Finding::failed(CHECK, found, advice);
        }
    };
    let status = response.status().as_u16();
    let body = response.text().await.ok().and_then(|body| serde_json::from_str::<Value>(&body).ok());
    match body.as_ref().and_then(|body| body.get("status")?.as_str()) {
        None => {
            let found = format!("another program listens at {base}; it says {status} to /healthz?write=1");
            Finding::failed(CHECK, found, "choose another --listen")
        }
        Some("ok") if settings.store.is_none() && !SqliteStore::is_in_use(&settings.data.join(DATABASE)) => {
            let found = format!("the server at {base} does not use the data in {}", settings.data.display());
            Finding::failed(CHECK, found, "name the data of that server with --data, or choose another --listen")
        }
        Some("ok") => Finding::ok(CHECK, format!("runs at {base}, reads and writes")),
        Some(said) => {
            let found = format!("what listens at {base} says {status} to /healthz?write=1: {said}");
            Finding::failed(CHECK, found, "see the server's log")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::settings::{Flags, ListenAddress};

    fn settings(data: &Path) -> Result<Settings, SettingsError> {
        // Nothing listens on port 9 of a machine for tests.
        let listen = Some(ListenAddress::from(([127, 0, 0, 1], 9)));
        Flags { data: Some(data.to_owned()), listen, ..Flags::default() }.settle()
    }

    fn of<'f>(findings: &'f [Finding], check: &str) -> Vec<&'f Finding> {
        findings.iter().filter(|finding| finding.check == check).collect()
    }

    #[tokio::test]
    async fn a_directory_before_its_first_start_fails_nothing_and_stays_empty() {
        let data = tempfile::tempdir().unwrap();
        fs::set_permissions(data.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let findings = all(settings(data.path())).await;
        assert!(findings.iter().all(|finding| finding.outcome != Outcome::Failed), "{findings:?}");
        assert_eq!(of(&findings, "store")[0].found, "no data yet; the first start makes it");
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_setting_that_cannot_be_used_is_the_only_finding() {
        let findings = all(Flags { rotation_concurrency: Some(0), ..Flags::default() }.settle()).await;
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].check, findings[0].outcome), ("settings", Outcome::Failed));
    }

    #[tokio::test]
    async fn a_missing_store_of_an_installation_fails() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("installation.json"), r#"{"domain_id":"d","project_id":"p"}"#).unwrap();
        let findings = all(settings(data.path())).await;
        assert_eq!(of(&findings, "store")[0].outcome, Outcome::Failed);
    }

    #[tokio::test]
    async fn a_file_with_keys_that_others_can_read_fails_with_the_command_to_run() {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("credentials.json");
        fs::write(&file, "{}").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let findings = all(settings(data.path())).await;
        let found = of(&findings, "first credentials")[0];
        assert_eq!(found.outcome, Outcome::Failed);
        assert_eq!(found.advice.as_deref(), Some(format!("chmod 600 {}", file.display()).as_str()));
    }

    #[tokio::test]
    async fn files_that_cannot_be_written_or_read_fail() {
        let data = tempfile::tempdir().unwrap();
        let beyond = data.path().join("none/access.log");
        let mut settings = settings(data.path()).unwrap();
        settings.access_log = AccessLogTarget::File(beyond.clone());
        settings.audit_sink = Some(SinkAddress::File(beyond.clone()));
        settings.access_file = Some(beyond);
        let findings = all(Ok(settings)).await;
        for check in ["access log", "audit sink", "access file"] {
            assert_eq!(of(&findings, check)[0].outcome, Outcome::Failed, "{check}");
        }
        assert_eq!(appendable(&data.path().join("new.log")), Ok(()));
    }

    #[tokio::test]
    async fn another_program_on_the_port_fails_and_nothing_on_it_is_a_warning() {
        let data = tempfile::tempdir().unwrap();
        let mut settings = settings(data.path()).unwrap();
        assert_eq!(server(&settings).await.outcome, Outcome::Warning);
        let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        settings.listen = other.local_addr().unwrap();
        let router = axum::Router::new().route("/healthz", axum::routing::get(async || "hello"));
        let serving = tokio::spawn(async move { axum::serve(other, router).await });
        let found = server(&settings).await;
        assert_eq!(found.outcome, Outcome::Failed);
        assert!(found.found.starts_with("another program"), "{}", found.found);
        serving.abort();
    }

    #[tokio::test]
    async fn a_remainder_of_a_restore_fails() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join(".csms-snapshot-x7Qd2f")).unwrap();
        let findings = all(settings(data.path())).await;
        assert_eq!(of(&findings, "store")[0].outcome, Outcome::Failed);
    }

    #[test]
    fn the_days_of_a_certificate_are_counted_to_its_end() {
        let left = |seconds: i64| days_left(1_000_000 + seconds, UnixMillis::new(1_000_000_000));
        assert_eq!([-1, 0, 1, 86_400, 86_401].map(left), [0, 0, 1, 1, 2]);
    }
}
