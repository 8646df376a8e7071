//! What the tests share: a host with one function in a directory of its own, and waiting with a deadline.

use std::{
    fs,
    future::Future,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use functiongraph_runtime::host::{
    Code, FunctionSettings, FunctionUrn, Host, HostConfig, Invocation, InvokeError, Outcome,
};
use rustix::process::{Pid, test_kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Longest time for anything which should happen at once.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(120), test).await.unwrap() });
}

/// A host in a directory of its own, with helpers for one function called `rotate`.
pub(crate) struct Fixture {
    pub(crate) host: Host,
    pub(crate) directory: TempDir,
}

pub(crate) fn urn() -> FunctionUrn {
    "urn:fss:region:project:function:default:rotate:latest".parse().unwrap()
}

/// Settings with a timeout no test reaches by accident.
pub(crate) fn patient() -> FunctionSettings {
    FunctionSettings { timeout: Duration::from_secs(60), ..FunctionSettings::default() }
}

impl Fixture {
    /// Without a function.
    pub(crate) fn empty() -> Self {
        Self::with_config(HostConfig::default())
    }

    pub(crate) fn with_config(config: HostConfig) -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("scratch")).unwrap();
        let config = HostConfig { scratch_parent: Some(directory.path().join("scratch")), ..config };
        Self { host: Host::new(config).unwrap(), directory }
    }

    /// With the function of this test program.
    pub(crate) async fn with_function(settings: FunctionSettings) -> Self {
        let fixture = Self::empty();
        fixture.register(&function_script(), settings).await;
        fixture
    }

    /// With a function whose `bootstrap` is this text.
    pub(crate) async fn with_bootstrap(bootstrap: &str, settings: FunctionSettings) -> Self {
        let fixture = Self::empty();
        fixture.register(bootstrap, settings).await;
        fixture
    }

    pub(crate) async fn register(&self, bootstrap: &str, settings: FunctionSettings) {
        let code = self.write_code(bootstrap);
        self.host.register(urn(), Code::Directory(code), settings).await.unwrap();
    }

    pub(crate) fn write_code(&self, bootstrap: &str) -> PathBuf {
        write_code(self.directory.path(), bootstrap)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) async fn send(&self, event: Value) -> Result<Outcome, InvokeError> {
        self.invoke(Invocation { event: event.to_string().into(), ..Invocation::default() }).await
    }

    pub(crate) async fn invoke(&self, invocation: Invocation) -> Result<Outcome, InvokeError> {
        self.host.invoke(&urn(), invocation).await
    }

    /// The result of an event which must succeed.
    pub(crate) async fn result(&self, event: Value) -> Value {
        result(&self.send(event).await.unwrap())
    }

    /// The numeric code of an event which must fail inside the function.
    pub(crate) async fn code(&self, event: Value) -> u32 {
        self.send(event).await.unwrap().result.unwrap_err().code
    }
}

/// `bootstrap` in a directory `code`, executable.
pub(crate) fn write_code(parent: &Path, bootstrap: &str) -> PathBuf {
    let code = parent.join("code");
    fs::create_dir_all(&code).unwrap();
    fs::write(code.join("bootstrap"), bootstrap).unwrap();
    fs::set_permissions(code.join("bootstrap"), fs::Permissions::from_mode(0o755)).unwrap();
    code
}

/// A `bootstrap` which runs the function of this test program.
pub(crate) fn function_script() -> String {
    format!("#!/bin/sh\nexec '{}' --function\n", std::env::current_exe().unwrap().display())
}

pub(crate) fn result(outcome: &Outcome) -> Value {
    serde_json::from_slice(outcome.result.as_ref().unwrap()).unwrap()
}

/// Waits for a condition.
pub(crate) async fn eventually(what: &str, mut met: impl FnMut() -> bool) {
    let waiting = async {
        while !met() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, waiting).await.is_ok(), "did not happen: {what}");
}

/// The content of a file which a function writes.
pub(crate) async fn content_of(path: &Path) -> String {
    eventually("the file is written", || path.exists()).await;
    fs::read_to_string(path).unwrap()
}

/// Waits until a process is gone. One which nobody has waited for yet, a zombie, counts as gone.
pub(crate) async fn gone(pid: u64) {
    let process = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    eventually("the process is gone", || {
        let zombie = || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        test_kill_process(process).is_err() || zombie()
    })
    .await;
}
