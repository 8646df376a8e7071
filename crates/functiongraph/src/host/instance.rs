//! One running instance of a function: its process, its runtime API, its output, its private directory.
//!
//! It runs one invocation at a time. Which instance runs what is decided elsewhere.

use std::{
    ffi::OsString,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::serve::Listener;
use tempfile::TempDir;
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    code::InstalledCode,
    error::FunctionError,
    exchange::{self, Delivery, Exchange, Report},
    listener::OwnUserListener,
    output::Output,
    process::{Process, Start},
    scratch::Scratch,
    settings::{FunctionSettings, HostConfig},
    urn::{FunctionUrn, Qualifier},
};
use crate::protocol::{LATEST, MAX_RESULT_BYTES, code, variable};

/// What an instance is started from.
pub(super) struct Blueprint<'a> {
    pub(super) urn: &'a FunctionUrn,
    pub(super) settings: &'a FunctionSettings,
    pub(super) code: &'a InstalledCode,
    pub(super) config: &'a HostConfig,
    pub(super) scratch: &'a Scratch,
}

/// How an invocation ended.
pub(super) enum Run {
    /// The instance reported.
    Reported(Report),
    /// The time was up. The instance has to be killed.
    TimedOut,
    /// The process ended while it had the event.
    Exited,
    /// The process ended before it took the event; another instance may run it.
    NotTaken(Delivery),
}

/// A started instance. Dropping it kills its processes and removes its directory.
pub(super) struct Instance {
    process: Process,
    exchange: Arc<Exchange>,
    output: Arc<Output>,
    api: JoinHandle<()>,
    used: AtomicBool,
    _directory: TempDir,
}

impl Instance {
    /// Starts the process. It is not ready before [`Self::ready`] says so.
    pub(super) async fn launch(blueprint: &Blueprint<'_>) -> Result<Self, FunctionError> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            FunctionError::new(code::START_FAILED, "StartFailed", format!("{what}: {error}"))
        };
        blueprint
            .code
            .check_bootstrap()
            .map_err(|error| FunctionError::new(code::BOOTSTRAP_NOT_FOUND, "BootstrapNotFound", error.to_string()))?;
        let directory =
            blueprint.scratch.private_directory("instance-").map_err(|error| failed("no private directory", &error))?;
        for name in ["tmp", "log"] {
            std::fs::create_dir(directory.path().join(name)).map_err(|error| failed("no private directory", &error))?;
        }
        let listener = OwnUserListener::bind().await.map_err(|error| failed("no runtime API", &error))?;
        let address = listener.local_addr().map_err(|error| failed("no runtime API", &error))?;
        let exchange = Arc::new(Exchange::default());
        let routes = exchange::router(Arc::clone(&exchange));
        let api = tokio::spawn(async move {
            // Never returns by itself; aborted with the instance.
            let _ = axum::serve(listener, routes).await;
        });

        let (reader, writer) = io::pipe().map_err(|error| failed("no pipe for the output", &error))?;
        let output = Output::start(blueprint.urn.to_string(), reader)
            .map_err(|error| failed("no pipe for the output", &error))?;
        let start = Start {
            program: blueprint.code.bootstrap(),
            working_directory: blueprint.code.working_directory().to_path_buf(),
            environment: environment(blueprint, &address.to_string(), &directory),
            output: writer,
        };
        let process = Process::start(start).await.map_err(|error| {
            api.abort();
            failed("bootstrap cannot be started", &error)
        })?;
        Ok(Self { process, exchange, output, api, used: AtomicBool::new(false), _directory: directory })
    }

    /// Returns once the process asks for its first event.
    pub(super) async fn ready(&self, init_timeout: Duration) -> Result<(), FunctionError> {
        let polled = async {
            tokio::select! {
                biased;
                () = self.exchange.polled() => Ok(()),
                _ = self.process.ended() => Err(FunctionError::exited()),
            }
        };
        timeout(init_timeout, polled).await.unwrap_or_else(|_| {
            let message = format!("runtime initialization timeout {}s", init_timeout.as_secs_f64());
            Err(FunctionError::new(code::INIT_TIMEOUT, "InitTimeout", message))
        })
    }

    /// Runs one event. The caller fills in everything of `delivery` but the outcome.
    pub(super) async fn run(&self, mut delivery: Delivery, limit: Duration) -> Run {
        let (outcome, mut reported) = oneshot::channel();
        delivery.outcome = outcome;
        // The output of a start belongs to the first invocation, later output in between to none.
        if self.used.swap(true, Ordering::Relaxed) {
            self.output.clear();
        }
        self.exchange.offer(delivery);
        let ended = tokio::select! {
            biased;
            Ok(report) = &mut reported => return Run::Reported(report),
            _ = self.process.ended() => true,
            () = sleep(limit) => false,
        };
        if ended && let Some(delivery) = self.exchange.withdraw() {
            return Run::NotTaken(delivery);
        }
        // No outcome is accepted from here on; one which was accepted just before counts.
        self.exchange.close();
        match reported.try_recv() {
            Ok(report) => Run::Reported(report),
            Err(_) if ended => Run::Exited,
            Err(_) => Run::TimedOut,
        }
    }

    /// Whether it can take an event, as far as known.
    pub(super) fn is_alive(&self) -> bool {
        !self.process.has_ended()
    }

    /// Output of the instance, for the log of an invocation.
    pub(super) fn output(&self) -> &Output {
        &self.output
    }

    /// Largest resident memory so far in bytes; 0 where the system does not tell.
    pub(super) fn peak_memory_bytes(&self) -> u64 {
        self.process.peak_memory_bytes().unwrap_or(0)
    }

    /// Kills the group and returns once it is gone.
    pub(super) async fn kill(&self) {
        self.exchange.close();
        self.process.kill();
        self.process.ended().await;
    }

    /// Lets the instance finish what it does, for at most `grace`.
    pub(super) async fn stop(&self, grace: Duration) {
        self.process.stop(grace).await;
        self.exchange.close();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.api.abort();
        self.exchange.close();
    }
}

/// The variables of the platform, the user's, and the few which the host hands on.
fn environment(blueprint: &Blueprint<'_>, api_addr: &str, directory: &TempDir) -> Vec<(OsString, OsString)> {
    let Blueprint { urn, settings, code, config, .. } = blueprint;
    let version = match urn.qualifier() {
        Qualifier::Version(version) => version,
        Qualifier::Alias(_) => LATEST,
    };
    let root = code.root();
    let mut libraries = OsString::from("/lib64:/usr/lib64:");
    libraries.push(root);
    libraries.push(":");
    libraries.push(root.join("lib"));
    // Serialising a map of texts cannot fail.
    let user_data = serde_json::to_string(&settings.user_data).unwrap_or_default();

    let inherited = config.inherited_variables.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    let user = settings.user_data.iter().map(|(name, value)| (name.into(), value.into()));
    let platform: [(&str, OsString); 19] = [
        (variable::API_ADDR, api_addr.into()),
        (variable::PROJECT_ID, urn.project_id().unwrap_or_default().into()),
        (variable::PACKAGE, urn.package().into()),
        (variable::FUNC_NAME, urn.name().into()),
        (variable::FUNC_VERSION, version.into()),
        (variable::HANDLER, settings.handler.as_str().into()),
        (variable::TIMEOUT, settings.timeout_seconds().to_string().into()),
        (variable::USERDATA, user_data.into()),
        (variable::CPU, settings.cpu_millicores().to_string().into()),
        (variable::MEMORY, settings.memory_mb.to_string().into()),
        (variable::CODE_ROOT, root.into()),
        (variable::MAX_RESP_BODY_SIZE, MAX_RESULT_BYTES.to_string().into()),
        (variable::INITIALIZER_HANDLER, OsString::new()),
        (variable::INITIALIZER_TIMEOUT, "0".into()),
        (variable::ROOT, directory.path().into()),
        (variable::LOG_DIR, directory.path().join("log").into()),
        (variable::LD_LIBRARY_PATH, libraries),
        ("HOME", directory.path().into()),
        ("TMPDIR", directory.path().join("tmp").into()),
    ];
    let platform = platform.into_iter().map(|(name, value)| (name.into(), value));
    // Later ones win.
    inherited.chain(user).chain(platform).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, future::ready, os::unix::fs::PermissionsExt, pin::pin};

    use http::HeaderMap;

    use super::{
        super::code::{Code, install},
        *,
    };

    #[tokio::test]
    async fn an_event_which_a_dying_instance_did_not_take_comes_back() {
        let directory = TempDir::new().unwrap();
        let bootstrap = directory.path().join("bootstrap");
        fs::write(&bootstrap, "#!/bin/sh\nwhile [ ! -e \"$RUNTIME_CODE_ROOT/end\" ]; do sleep 0.01; done\n").unwrap();
        fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o755)).unwrap();
        let code = install(&Code::Directory(directory.path().to_path_buf()), &Scratch::default()).unwrap();
        let urn = "rotate".parse().unwrap();
        let (settings, config, scratch) = (FunctionSettings::default(), HostConfig::default(), Scratch::default());
        let blueprint = Blueprint { urn: &urn, settings: &settings, code: &code, config: &config, scratch: &scratch };
        let instance = Instance::launch(&blueprint).await.unwrap();

        let (outcome, _) = oneshot::channel();
        let (request_id, event) = ("id-1".to_owned(), "{}".into());
        let delivery = Delivery { request_id, headers: HeaderMap::new(), event, outcome };
        let mut run = pin!(instance.run(delivery, Duration::from_secs(60)));
        tokio::select! {
            biased;
            _ = &mut run => unreachable!("the process runs and has not polled"),
            () = ready(()) => fs::write(directory.path().join("end"), "").unwrap(),
        }
        assert!(matches!(run.await, Run::NotTaken(delivery) if delivery.request_id == "id-1"));
    }
}
