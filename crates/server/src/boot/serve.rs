//! `csms serve`: from settings to a listening server, and to its orderly end.

use std::{
    io::{IsTerminal as _, Write},
    net::SocketAddr,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
    time::Duration,
};

use csms_core::FunctionUrn;
use csms_store::{AnyStore, PostgresStore, SqliteSettings, SqliteStore, Store as _, StoreError};
use functiongraph_runtime::host::ScratchError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpSocket},
    signal::unix::{Signal, SignalKind, signal},
    sync::Semaphore,
};
use tracing_subscriber::{
    EnvFilter, Layer as _, layer::SubscriberExt as _, reload as reloading, util::SubscriberInitExt as _,
};

use crate::{
    app::App,
    audit::{AuditedStore, Trail},
    auth::Authenticator,
    background::audit_sink,
    background::believed_time,
    background::due,
    background::keyring,
    background::notifier,
    boot::access_file::{AccessFile, AccessFileError},
    boot::exposure,
    boot::greeting::greeting,
    boot::reload::{self, Reloader},
    boot::service_manager,
    boot::settings::{LogFormat, Settings, SettingsError, origin::Given, variables},
    channels::{Channels, Smn, Targets, sink::Sink},
    clock::Clock,
    deputy::Deputies,
    failure::{Chain, Failure},
    functions::{Endpoint, FunctionRegistration, Functions, code_at},
    http::connections::{self, ConnectionSettings},
    http::router,
    http::tls::{Tls, TlsError},
    identity::Identity,
    installation::{self, InstallationError, mark::Mark, seen::Seen, server_name::ServerName, unpacked},
    keys::held::HeldKeyring,
    keys::keyring::KEYRING,
    keys::project::Keys,
    keys::remote::RemoteKeys,
    keys::root::{self, Keyring, KeyringError},
    request::hosts::Hosts,
    rotation::{accounts, active::Rotations, permits::Permits, worker},
    telemetry::access_log::AccessLog,
    telemetry::log::{LogFilter, LogQueue},
    telemetry::metrics::Metrics,
    telemetry::outage::{self, StoreHealth},
    telemetry::readiness::Readiness,
    telemetry::traces::Traces,
    version,
};

/// How long running rotations, and then running requests, may take to finish after SIGTERM.
const DRAIN: Duration = Duration::from_secs(20);

/// Most connections that wait to be accepted; the system may allow fewer (`net.core.somaxconn`).
const MOST_WAITING: u32 = 65_535;

/// File name of the embedded store.
pub const DATABASE: &str = "csms.db";

/// Directory of the files of functions that run here, within the data directory.
const FUNCTIONS: &str = "functions";

/// Most passes over all secrets of a project at the same time.
const MAX_SCANS: usize = 1;

/// File name of the bundled rotation function, beside the binary.
const BUNDLED: &str = "rotate-database.zip";

/// Why the server did not start, or stopped.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ServeError {
    #[error("cannot make the data directory {path}", path = .0.display())]
    DataDirectory(PathBuf, #[source] std::io::Error),
    #[error("cannot use the root key")]
    RootKey(#[from] KeyringError),
    #[error("cannot open the store")]
    Store(#[from] StoreError),
    #[error("cannot use the root key: {0}")]
    Keyring(String),
    #[error("records of the last reads could not be written to the audit trail")]
    Records(#[source] StoreError),
    #[error("cannot open the installation")]
    Installation(#[from] InstallationError),
    #[error("cannot apply the access file")]
    AccessFile(#[from] AccessFileError),
    #[error("cannot use TLS")]
    Tls(#[from] TlsError),
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    #[error("cannot register the function {0}")]
    Function(String, #[source] FunctionRegistration),
    #[error("{0} is not a valid address")]
    Url(String),
    #[error("cannot use the settings")]
    Settings(#[from] SettingsError),
    #[error("no region is named")]
    NoRegion,
    #[error("cannot open the access log")]
    AccessLog(#[source] std::io::Error),
    #[error("the log filter is not valid")]
    Log(#[from] tracing_subscriber::filter::ParseError),
    #[error("cannot export traces: {0}")]
    Traces(String),
    #[error("{}", .0.error.message)]
    Internal(Failure),
    #[error("the server failed")]
    Io(#[from] std::io::Error),
}

/// Starts logging to stderr, and traces if the environment asks for them.
///
/// # Errors
/// A filter that cannot be read, and settings of traces that cannot be used.
pub fn start_log(settings: &Settings) -> Result<(LogQueue, LogFilter, Option<Traces>), ServeError> {
    let (filter, handle) = reloading::Layer::new(EnvFilter::try_new(&settings.log)?);
    let queue = LogQueue::to(std::io::stderr())?;
    let layer = tracing_subscriber::fmt::layer().with_writer(queue.clone());
    let log = match settings.log_format {
        LogFormat::Text => layer.with_ansi(false).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    let traces = Traces::start(settings.authorities.as_deref()).map_err(ServeError::Traces)?;
    let exported = traces.as_ref().map(Traces::layer);
    tracing_subscriber::registry().with(exported).with(log.with_filter(filter)).init();
    Ok((queue, LogFilter::new(move |filter| handle.reload(filter)), traces))
}

/// A server that listens but does not serve yet.
pub struct Bound {
    listener: TcpListener,
    /// Its shared parts.
    pub app: Arc<App>,
    /// Where it listens.
    pub url: String,
    /// The first user's credentials.
    pub credentials: PathBuf,
    /// How connections are served.
    pub connections: ConnectionSettings,
    /// Whether this start made the first user.
    pub is_first: bool,
}

/// Opens everything and listens.
///
/// # Errors
/// What is in the way, in words for the operator.
pub async fn bind(settings: &Settings, clock: Clock) -> Result<Bound, ServeError> {
    let directory = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&settings.data);
    directory.map_err(|error| ServeError::DataDirectory(settings.data.clone(), error))?;
    let credentials = settings.data.join("credentials.json");
    let password = installation::prepare_password(&credentials);
    // What is wrong with the file alone is told before anything is made.
    let access = settings.access_file.as_deref().map(AccessFile::read).transpose()?;
    let has_credentials = credentials.exists();
    let mark = if settings.new { None } else { Mark::read(&settings.data)? };
    if let (Some(mark), None) = (&mark, &settings.store) {
        mark.require_file(&settings.data.join(DATABASE))?;
    }
    let left = if settings.new { None } else { unpacked::left_in(&settings.data) };
    if let Some(left) = &left
        && settings.store.is_none()
        && !settings.data.join(DATABASE).exists()
    {
        return Err(InstallationError::Unrestored(left.clone()).into());
    }
    let tls = settings.port.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
    if tls.as_deref().is_some_and(Tls::is_authority) {
        tracing::warn!(
            "the certificate of --tls-cert is that of an authority (CA:TRUE): csms and the rotation functions refuse it; {SERVER_CERTIFICATE}"
        );
    }
    if mark.is_none() {
        require_functions(settings)?;
    }
    // The embedded store locks the directory, so it comes first: two servers must not both make a root key.
    let store = open_store(settings).await?;
    if let Some(mark) = &mark {
        mark.require_store(&store).await?;
    }
    if let Some(left) = left
        && !installation::exists(&store).await?
    {
        return Err(InstallationError::Unrestored(left).into());
    }
    installation::require_no_credentials(&store, &credentials, has_credentials).await?;
    let [home, ..] = settings.regions.as_slice() else { return Err(ServeError::NoRegion) };
    let (opened, mut identity) = loop {
        let opened = root::open(settings.root_key_source(), &store, &clock).await?;
        match installation::open(&store, &opened.root, home.as_str()).await {
            // A command has changed the root key meanwhile.
            Err(InstallationError::WrongRootKey) if store.meta(KEYRING).await? != opened.row => {}
            identity => break (opened, identity?),
        }
    };
    store.require_named_value(installation::DOMAIN_ID, identity.domain_id.as_bytes().to_vec());
    let keyring = HeldKeyring::new(&opened).map_err(KeyringError::from)?;
    let Keyring { root, remote, .. } = opened;
    let seen = Seen::open(&settings.data);
    if settings.new {
        seen.forget();
    }
    seen.report_loss(&store).await?;
    believed_time::recall(&store, &clock).await?;
    Mark::keep(&settings.data, &identity);
    installation::add_regions(&store, &mut identity, &settings.regions).await?;
    let listener = listen_on(settings.listen).map_err(|error| ServeError::Listen(settings.listen, error))?;
    let listen = listener.local_addr()?;
    let url = local_url(listen, tls.is_some(), settings.listen_name.as_deref());
    let connections = ConnectionSettings {
        limits: settings.port.limits(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)),
        proxies: settings.port.proxies.clone(),
        tls,
        ..ConnectionSettings::default()
    };
    let public_url = settings.public_url.clone().unwrap_or_else(|| url.clone());
    let (functions, bundled) = functions(settings, &identity, &public_url).await?;
    let trail = Arc::new(Trail::new(store.clone(), &root, clock.clone(), settings.audit_reads));
    let server = ServerName::of(&settings.data).map_err(ServeError::Internal)?;
    // A change of the root key waits for the servers that it knows of, and one that did not know of this server is read here. A store
    // that cannot be written can be read all the same.
    if let Err(error) = keyring::report(&store, &keyring, &server).await {
        outage::report(&error, "changes of the root key do not wait for this server yet");
    }
    keyring.follow(&store, &root, &trail).await?;
    trail.open().await?;
    let is_first =
        installation::ensure_first_user(&store, &root, &identity, &url, bundled.as_ref(), &credentials, password)
            .await?;
    installation::grant_regions(&store, &identity, &trail).await?;
    if let Some(file) = access {
        reload::apply_access(file, &store, &root, &identity, clock.now()).await?;
    }
    let remote = remote.map(|remote| RemoteKeys::new(remote, store.clone(), identity.domain_id.clone()));
    let channels = Channels::new(targets(settings, &identity)?).map_err(ServeError::Internal)?;
    let app = Arc::new(App {
        identity,
        keys: Keys::new(Arc::clone(&root), store.clone(), Arc::clone(&trail), clock.clone(), remote),
        authenticator: Authenticator::new(Arc::clone(&root), store.clone(), clock.clone()),
        store: AuditedStore::new(store, Arc::clone(&trail)),
        trail,
        root,
        keyring,
        functions,
        channels,
        audit_sink: sink(settings).map_err(ServeError::Internal)?,
        rotations: Rotations::new(settings.rotation_concurrency),
        server,
        seen,
        scans: Semaphore::new(MAX_SCANS),
        clock,
        metrics: Metrics::default(),
        access_log: AccessLog::to(&settings.access_log).map_err(ServeError::AccessLog)?,
        health: StoreHealth::default(),
        readiness: Readiness::default(),
        limits: RwLock::new(settings.limits()),
        console: settings.console.clone(),
        hosts: Hosts::new(listen, &public_url, &settings.allow_hosts, &settings.allow_origins),
        public_url,
        allow_origins: settings.allow_origins.clone(),
    });
    app.keyring.check(&app.store, &app.root).await?;
    if let Some(reason) = app.keyring.closed().or_else(|| app.keyring.replacement()) {
        return Err(ServeError::Keyring(reason));
    }
    Ok(Bound { listener, app, url, credentials, connections, is_first })
}

/// Listens with a queue as long as the system allows: in a short one, a burst of strangers makes everybody's handshake wait for
/// its repetition, a second later.
fn listen_on(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As the standard library does: a restarted server need not wait for the old one's connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(MOST_WAITING)
}

/// The database of `--store`, or the file in the data directory.
async fn open_store(settings: &Settings) -> Result<AnyStore, ServeError> {
    if let Some(postgres) = &settings.store {
        return Ok(PostgresStore::open(postgres).await?.into());
    }
    let mut sqlite = SqliteSettings::default();
    if let Some(most) = settings.group_commit {
        sqlite.max_batch = most;
    }
    let database = settings.data.join(DATABASE);
    let store = SqliteStore::open(&database, sqlite)?;
    if let Some(address) = store.moved_to().await? {
        if !settings.new {
            return Err(InstallationError::Moved { database, address }.into());
        }
        tracing::warn!(address, "this file's data was moved to that store; both now change independently");
        store.forget_move().await?;
    }
    Ok(store.into())
}

/// Opens the store of the settings beside servers that may run on it, and makes neither a store nor a schema. Returns `None` when
/// no server has used it yet.
///
/// # Errors
/// [`InstallationError::Moved`] for a file whose data is in a database now; failures of the store, among them a schema that
/// belongs to another release.
pub async fn open_existing(settings: &Settings) -> Result<Option<AnyStore>, InstallationError> {
    let opened = match &settings.store {
        Some(postgres) => PostgresStore::open_beside(postgres).await.map(AnyStore::from),
        None => match SqliteStore::open_beside(&settings.data.join(DATABASE)) {
            Ok(store) => {
                if let Some(address) = store.moved_to().await? {
                    return Err(InstallationError::Moved { database: settings.data.join(DATABASE), address });
                }
                Ok(store.into())
            }
            Err(error) => Err(error),
        },
    };
    match opened {
        Ok(store) => Ok(Some(store)),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whom the server calls for which project.
fn deputies(settings: &Settings, identity: &Identity) -> Arc<Deputies> {
    let projects = identity.regions.iter().map(|region| region.project.clone()).collect();
    Arc::new(Deputies { projects, ..settings.deputies.clone() })
}

/// Where notifications go.
fn targets(settings: &Settings, identity: &Identity) -> Result<Targets, ServeError> {
    let url = |text: &String| text.parse().map_err(|_| ServeError::Url(text.clone()));
    let webhooks = settings.webhooks.iter().map(|(topic, address)| Ok((topic.clone(), url(address)?)));
    let smn = settings.smn.as_ref().map(|smn| {
        Ok::<_, ServeError>(Smn {
            url: url(&smn.url)?,
            access_key: smn.access_key.clone(),
            secret_key: smn.secret_key.clone(),
        })
    });
    Ok(Targets {
        webhooks: webhooks.collect::<Result<_, ServeError>>()?,
        webhook_secret: settings.webhook_secret.clone(),
        webhook_authorities: settings.webhook_authorities.clone(),
        smn: smn.transpose()?,
        deputies: deputies(settings, identity),
        rules: settings.target_rules.clone(),
    })
}

/// Where the audit trail is delivered.
fn sink(settings: &Settings) -> Result<Option<Sink>, Failure> {
    let sink = settings.audit_sink.clone().map(|address| {
        let (rules, authorities) = (settings.target_rules.clone(), settings.authorities.as_deref());
        Sink::new(address, rules, authorities, settings.webhook_secret.clone())
    });
    sink.transpose()
}

/// An address that a program on this machine can use, also when the server listens on all interfaces. With TLS it has the name that
/// was given to listen on, because a certificate is for a name.
#[must_use]
pub fn local_url(address: SocketAddr, tls: bool, name: Option<&str>) -> String {
    if let Some(name) = name.filter(|_| tls) {
        return format!("https://{name}:{}", address.port());
    }
    let address = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], v4.port())),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], v6.port())),
        other => other,
    };
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// What to do about a certificate of an authority.
pub const SERVER_CERTIFICATE: &str = "make one for a server, with basicConstraints=CA:FALSE";

/// Said of a function that runs here and cannot be unpacked at a start.
const UNPACKED_LATER: &str = "the rotation function cannot be unpacked; that is tried again until it succeeds";

/// The user variable that tells a function where this server is.
const ENDPOINT_VARIABLE: &str = "CSMS_ENDPOINT";

/// Looks at the code of the named functions, so that a first start that could not use it makes no data.
fn require_functions(settings: &Settings) -> Result<(), ServeError> {
    for (urn, path) in &settings.functions {
        let checked = code_at(path).check();
        checked.map_err(|error| ServeError::Function(format!("{urn} from {}", path.display()), error.into()))?;
    }
    Ok(())
}

/// The functions that run here: the named ones, and the bundled one if it lies beside the binary. They are given credentials of
/// this server, so a variable tells them its address, which they take before any that an event names.
async fn functions(
    settings: &Settings,
    identity: &Identity,
    public_url: &str,
) -> Result<(Functions, Option<FunctionUrn>), ServeError> {
    let (project, region) = (&identity.project_id, &identity.region);
    let mut variables = settings.function_variables.clone();
    variables.0.entry(ENDPOINT_VARIABLE.to_owned()).or_insert_with(|| public_url.to_owned());
    // A silent database's attempt goes on without a permit, so there are more instances than permits.
    let attempts = Permits::new(settings.rotation_concurrency).most_active();
    let mut functions = Functions::none(attempts, settings.data.join(FUNCTIONS))?
        .with_variables(variables)
        .with_deputies(deputies(settings, identity));
    for (urn, path) in &settings.functions {
        match functions.register(urn, path).await {
            Ok(()) => {}
            Err(error) if error.may_pass() => tracing::error!(%error, %urn, "{UNPACKED_LATER}"),
            Err(error) => return Err(ServeError::Function(format!("{urn} from {}", path.display()), error)),
        }
    }
    let bundled =
        FunctionUrn::parse(&format!("urn:fss:{region}:{project}:function:default:rotate-database:latest")).ok();
    let available = bundled.filter(|urn| functions.runs_here(urn) || bundled_zip().is_some());
    if let (Some(urn), Some(zip)) = (&available, bundled_zip())
        && !functions.runs_here(urn)
        && let Err(error) = functions.register(urn, &zip).await
    {
        tracing::error!(%error, %urn, zip = %zip.display(), "{UNPACKED_LATER}");
    }
    if let Some(configured) = &settings.functiongraph {
        let url = configured.url.parse().map_err(|_| ServeError::Url(configured.url.clone()))?;
        let endpoint =
            Endpoint { url, access_key: configured.access_key.clone(), secret_key: configured.secret_key.clone() };
        functions = functions.with_endpoint(endpoint, settings.authorities.as_deref()).map_err(ServeError::Internal)?;
    }
    // There is one for all regions.
    Ok((functions.with_one_for_all(available.as_ref()), available))
}

/// The rotation function beside this program, if it is there.
#[must_use]
pub fn bundled_zip() -> Option<PathBuf> {
    let binary = std::env::current_exe().ok()?;
    Some(binary.parent()?.join(BUNDLED)).filter(|path| path.is_file())
}

impl Bound {
    /// The line on stdout that says the server accepts connections.
    ///
    /// # Errors
    /// A closed stdout.
    pub fn announce(&self, out: &mut impl Write) -> std::io::Result<()> {
        let project = &self.app.identity.project_id;
        let credentials = absolute(&self.credentials);
        let mut line = json!({ "event": "ready", "url": self.url, "project_id": project, "credentials": credentials });
        if let Some(members) = line.as_object_mut() {
            members.extend(version::members());
        }
        writeln!(out, "{line}")?;
        out.flush()
    }

    /// Serves until `stop` is done, then lets running rotations and requests finish, unless `at_once` is done first.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn run(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
        at_once: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let Self { listener, app, connections, url, .. } = self;
        // Grows with the number of secrets, so the server answers meanwhile. A rotation that begins waits for it.
        let indexing = app.rotations.begin_index();
        let indexed = Arc::clone(&app);
        let indexing = tokio::spawn(async move {
            if let Err(failure) = accounts::index(&indexed).await {
                // Rotations put their own secrets in; the rest is indexed at the next start.
                tracing::warn!(error = %failure.error, "the accounts of secrets are not indexed yet");
            }
            drop(indexing);
        });
        if let Err(error) = take_up(&app).await {
            tracing::warn!(cause = %Chain(&error), "rotations of this server's last run are taken up when their leases end");
        }
        let due = tokio::spawn(due::watch(Arc::clone(&app)));
        let notifier = tokio::spawn(notifier::watch(Arc::clone(&app)));
        let following = tokio::spawn(keyring::watch(Arc::clone(&app)));
        let delivering = tokio::spawn(audit_sink::watch(Arc::clone(&app)));
        let watching = tokio::spawn(app.seen.clone().watch(AnyStore::clone(&app.store)));
        let trail = Arc::clone(&app.trail);
        let recording = tokio::spawn(async move { trail.keep_writing().await });
        let (stopping, stopped) = tokio::sync::oneshot::channel();
        let certificates = connections.tls.clone().map(|tls| {
            let app = Arc::clone(&app);
            tokio::spawn(tls.watch(move |expiry| app.metrics.certificate(expiry)))
        });
        let router = router::router(&app);
        let rotating = Arc::clone(&app);
        service_manager::ready(&url);
        let serving = connections::serve(listener, router, connections, async move {
            tokio::select! {
                () = stop => {}
                reason = rotating.keyring.replaced() => tracing::error!(reason, "draining"),
            }
            rotating.readiness.drain();
            service_manager::stopping();
            // Running functions need this server's API to finish, so it listens until they have.
            rotating.rotations.stop(DRAIN).await;
            let _ = stopping.send(());
        });
        let deadline = async {
            if stopped.await.is_ok() {
                tokio::time::sleep(DRAIN).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = serving => {}
            () = deadline => tracing::warn!("some requests did not finish in time"),
            () = at_once => tracing::warn!("ended at once; what was under way is cut off"),
        }
        indexing.abort();
        due.abort();
        notifier.abort();
        delivering.abort();
        recording.abort();
        watching.abort();
        following.abort();
        if let Some(certificates) = certificates {
            certificates.abort();
        }
        let recorded = app.trail.close().await;
        keyring::withdraw(&app).await;
        app.access_log.end();
        app.functions.shutdown().await;
        app.seen.keep_up(&app.store).await;
        if let Err(error) = app.store.close().await {
            tracing::error!(cause = %Chain(&error), "a part of the data is in the log beside the database; copy both");
        }
        if let Some(reason) = app.keyring.replacement() {
            return Err(ServeError::Keyring(reason));
        }
        recorded.map_err(ServeError::Records)
    }
}

/// Takes up at once what this server's last run left.
///
/// Before this run holds a lease of its own, which would be given up, too. So it is tried once: the scheduler takes up what is
/// left, and a store that is locked for a while ends no server that has said it is ready.
async fn take_up(app: &Arc<App>) -> Result<(), StoreError> {
    if let Some(server) = app.server.own() {
        let released = app.store.release_leases_of(server).await?;
        if released > 0 {
            tracing::info!(released, "rotations of this server's last run go on at once");
        }
    }
    worker::resume(app).await.map(drop)
}

/// Lets the process open as many files as it may. Services start with a low limit for the sake of programs that cannot
/// handle high numbers.
fn raise_descriptor_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, ?current, "the limit of open files stays as it is");
    }
}

/// Keeps the process alive on signals whose default action ends it although nobody asks for that. SIGHUP reloads settings and is
/// not among them.
fn outlive_other_signals() -> std::io::Result<()> {
    // A handler stays for as long as the process lives. The write beyond the limit of a file's length then returns an error.
    drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
    for (kind, name) in [
        (SignalKind::user_defined1(), "SIGUSR1"),
        (SignalKind::user_defined2(), "SIGUSR2"),
        (SignalKind::alarm(), "SIGALRM"),
    ] {
        let mut signals = signal(kind)?;
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                tracing::info!("{name} is ignored");
            }
        });
    }
    Ok(())
}

/// The signals that end the server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Waits for one and returns its name.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.quit.recv() => "SIGQUIT",
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Runs the server of the command line.
///
/// # Errors
/// What is in the way, in words for the operator.
pub async fn serve(given: Given, settings: Settings) -> Result<(), ServeError> {
    let (log, filter, traces) = start_log(&settings)?;
    let ended = run(given, settings, filter, traces).await;
    log.end();
    ended
}

async fn run(given: Given, settings: Settings, filter: LogFilter, traces: Option<Traces>) -> Result<(), ServeError> {
    let mut signals = Signals::listen()?;
    // From here on a closed terminal is no reason to end.
    let mut hang_up = signal(SignalKind::hangup())?;
    outlive_other_signals()?;
    let origins = given.origins()?;
    for warning in variables::warnings().into_iter().chain(exposure::warnings(&settings)) {
        tracing::warn!("{warning}");
    }
    raise_descriptor_limit();
    let bound = tokio::select! {
        bound = bind(&settings, Clock::default()) => bound?,
        // A start may wait for another server or for a database. What it changes is in transactions, which end with it.
        name = signals.next() => {
            tracing::info!("{name} before the server was ready");
            return Ok(());
        }
    };
    tracing::info!(url = bound.url, data = %settings.data.display(), "listening");
    bound.announce(&mut std::io::stdout().lock())?;
    let mut terminal = std::io::stderr();
    if bound.is_first && terminal.is_terminal() {
        // Nobody is left to greet when the terminal is closed.
        let _ = terminal.write_all(greeting(&settings, &bound.url, &absolute(&bound.credentials)).as_bytes());
    }
    let mut reloader = Reloader::new(given, origins, filter, Arc::clone(&bound.app));
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            reloader.reload().await;
        }
    });
    let (first, was_first) = tokio::sync::oneshot::channel();
    let (second, was_second) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let name = signals.next().await;
        tracing::info!("{name}, draining; a second signal ends at once");
        // Nobody listens when the server has ended by itself.
        let _ = first.send(());
        signals.next().await;
        let _ = second.send(());
    });
    let stop = async move { drop(was_first.await) };
    let ended = bound.run(stop, async move { drop(was_second.await) }).await;
    tracing::info!("stopped");
    if let Some(traces) = traces {
        traces.end().await;
    }
    ended
}
