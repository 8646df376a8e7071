//! The host: the registered functions, and the path of one invocation.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::{task::JoinSet, time::sleep};

use super::{
    code::{Code, install},
    error::{FunctionError, InvokeError, RegisterError},
    function::{Call, Function, Wait},
    queue::Room,
    scratch::{Scratch, ScratchError},
    settings::{FunctionSettings, HostConfig},
    urn::{FunctionUrn, Qualifier},
};
use crate::{
    Credentials,
    protocol::{MAX_ASYNC_EVENT_BYTES, MAX_SYNC_EVENT_BYTES, header},
};

/// Runs functions on this machine. Clones are the same host.
///
/// Needs a tokio runtime with I/O and time. When that runtime goes down, the functions' processes are killed; when
/// this process is killed, a small watchdog next to each instance does the same.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<HostConfig>,
    scratch: Arc<Scratch>,
    /// Room for the events of asynchronous invocations.
    async_bytes: Room,
    /// Room for the events of synchronous API invocations which wait.
    waiting_bytes: Room,
    functions: RwLock<Vec<Arc<Function>>>,
    background: Mutex<JoinSet<()>>,
    shut_down: AtomicBool,
}

/// Whose invocation it is. Each class has instances, limits and a queue of its own, so neither can use up the other's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvocationClass {
    /// A caller of the invoke API.
    #[default]
    Api,
    /// A rotation of the embedding server.
    Rotation,
}

/// One event for a function.
#[derive(Clone, Default)]
pub struct Invocation {
    /// Which instances and which queue it uses.
    pub class: InvocationClass,
    /// The event; typed functions expect JSON. At most 6 MiB, asynchronously 256 KiB.
    pub event: Bytes,
    /// What the function may act with during this invocation, and no longer. They reach the instance in the headers
    /// of this event only.
    pub credentials: Option<Credentials>,
    /// Request id: 1 to 128 letters, digits, `-`, `_` and `.`; a new UUID if `None`.
    pub request_id: Option<String>,
    /// Whether [`Outcome::log_tail`] is wanted.
    pub tail_log: bool,
}

/// How a failed asynchronous invocation is repeated.
#[derive(Clone, Copy, Debug)]
pub struct AsyncRetry {
    /// Repetitions after the first attempt. The platform allows 0 to 3 and takes 1 if nothing is set.
    pub retries: u8,
    /// Time between two attempts. The platform documents none.
    pub pause: Duration,
}

impl Default for AsyncRetry {
    /// One repetition after one second.
    fn default() -> Self {
        Self { retries: 1, pause: Duration::from_secs(1) }
    }
}

/// What became of an invocation which reached its function.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Id of the invocation.
    pub request_id: String,
    /// The function's result, or why there is none.
    pub result: Result<Bytes, FunctionError>,
    /// Time from handing the event over to the report; without waiting for an instance and without its start.
    pub duration: Duration,
    /// Largest resident memory of the instance so far, in bytes; 0 where the system does not tell.
    pub peak_memory_bytes: u64,
    /// Memory of the function's settings, in MB.
    pub memory_mb: u32,
    /// The last 4 KB at most of what the instance printed, with the platform's first and last line; empty unless
    /// asked for.
    pub log_tail: String,
}

impl Host {
    /// A host without functions. Removes what killed processes left in [`HostConfig::scratch_parent`]; blocks on the file
    /// system.
    ///
    /// # Errors
    /// The directory for the functions' files cannot be used.
    pub fn new(config: HostConfig) -> Result<Self, ScratchError> {
        Ok(Self {
            inner: Arc::new(Inner {
                scratch: Arc::new(Scratch::open(config.scratch_parent.as_deref())?),
                async_bytes: Room::new(config.max_async_bytes),
                waiting_bytes: Room::new(config.max_waiting_bytes),
                config: Arc::new(config),
                functions: RwLock::default(),
                background: Mutex::default(),
                shut_down: AtomicBool::new(false),
            }),
        })
    }

    /// Makes a function known. No process is started before the first invocation.
    ///
    /// A function of the same name and version is replaced: running events finish on the old code. Parts which the
    /// URN leaves open match every invocation, so `rotate` serves all projects and regions.
    ///
    /// # Errors
    /// See [`RegisterError`]: a setting, the archive, or `bootstrap` is not as it has to be.
    pub async fn register(
        &self,
        urn: FunctionUrn,
        code: Code,
        settings: FunctionSettings,
    ) -> Result<(), RegisterError> {
        settings.check()?;
        let scratch = Arc::clone(&self.inner.scratch);
        let installed = tokio::task::spawn_blocking(move || install(&code, &scratch))
            .await
            .map_err(|_| RegisterError::ShutDown)??;
        let Inner { config, scratch, waiting_bytes, .. } = &*self.inner;
        let (config, scratch) = (Arc::clone(config), Arc::clone(scratch));
        let function = Arc::new(Function::new(urn, settings, installed, config, scratch, waiting_bytes.clone()));
        let replaced = {
            let mut functions = self.inner.functions.write().unwrap_or_else(PoisonError::into_inner);
            // Asked under the lock under which `shutdown` empties the list.
            if self.inner.shut_down.load(Ordering::SeqCst) {
                return Err(RegisterError::ShutDown);
            }
            let same = |other: &Arc<Function>| other.urn() == function.urn();
            let replaced = functions.iter().position(same).map(|position| functions.swap_remove(position));
            functions.push(function);
            replaced
        };
        if let Some(replaced) = replaced {
            replaced.drain().await;
        }
        Ok(())
    }

    /// Forgets a function; `false` if it was not known. Its running events finish.
    pub async fn unregister(&self, urn: &FunctionUrn) -> bool {
        let removed = {
            let mut functions = self.inner.functions.write().unwrap_or_else(PoisonError::into_inner);
            let position = functions.iter().position(|function| function.urn() == urn);
            position.map(|position| functions.swap_remove(position))
        };
        match removed {
            Some(function) => {
                function.drain().await;
                true
            }
            None => false,
        }
    }

    /// Whether an invocation of `urn` would find a function.
    #[must_use]
    pub fn is_registered(&self, urn: &FunctionUrn) -> bool {
        self.find(urn).is_ok()
    }

    /// Number of instances of a function, idle and busy; `None` if there is no such function.
    #[must_use]
    pub fn instance_count(&self, urn: &FunctionUrn) -> Option<usize> {
        self.find(urn).ok().map(|function| function.instance_count())
    }

    /// Invokes a function and waits for its result. The invocation goes on if the returned future is dropped.
    ///
    /// # Errors
    /// See [`InvokeError`]. A function which fails, exits or takes too long is an [`Outcome`].
    pub async fn invoke(&self, urn: &FunctionUrn, invocation: Invocation) -> Result<Outcome, InvokeError> {
        let (function, call) = self.prepare(urn, &invocation, MAX_SYNC_EVENT_BYTES, "sync")?;
        run(function, call, Wait::Queue, invocation.tail_log).await
    }

    /// Accepts an invocation, returns its request id, and runs it in the background. An accepted invocation waits for an
    /// instance as long as it takes; only [`Self::shutdown`] and the end of this process lose it.
    ///
    /// # Errors
    /// See [`InvokeError`]; [`InvokeError::QueueFull`] if too many are accepted and not finished, or their events are too
    /// large together. What becomes of the invocation later is only logged.
    pub fn invoke_async(
        &self,
        urn: &FunctionUrn,
        invocation: &Invocation,
        retry: AsyncRetry,
    ) -> Result<String, InvokeError> {
        let (function, call) = self.prepare(urn, invocation, MAX_ASYNC_EVENT_BYTES, "async")?;
        let places = (function.accept()?, self.inner.async_bytes.take(call.event.len())?);
        let request_id = call.request_id.clone();
        let mut background = self.inner.background.lock().unwrap_or_else(PoisonError::into_inner);
        while background.try_join_next().is_some() {}
        // Asked under the lock under which `shutdown` takes the tasks.
        if self.inner.shut_down.load(Ordering::SeqCst) {
            return Err(InvokeError::ShutDown);
        }
        background.spawn(async move {
            let _places = places;
            for attempt in 0..=retry.retries {
                if attempt > 0 {
                    sleep(retry.pause).await;
                }
                let error = match run(Arc::clone(&function), call.clone(), Wait::Accepted, false).await {
                    Ok(Outcome { result: Ok(_), .. }) => return,
                    Ok(Outcome { result: Err(error), .. }) => error.to_string(),
                    Err(error) => error.to_string(),
                };
                let request_id = &call.request_id;
                tracing::warn!(request_id, attempt, error, "asynchronous invocation failed");
            }
        });
        Ok(request_id)
    }

    /// Ends everything: no further invocations, every instance asked to end, and killed after the grace period.
    /// Invocations which are running then fail with code 4204. Returns when all processes are gone.
    pub async fn shutdown(&self) {
        let functions = {
            let mut functions = self.inner.functions.write().unwrap_or_else(PoisonError::into_inner);
            self.inner.shut_down.store(true, Ordering::SeqCst);
            std::mem::take(&mut *functions)
        };
        let mut background = std::mem::take(&mut *self.inner.background.lock().unwrap_or_else(PoisonError::into_inner));
        let mut retiring = JoinSet::new();
        for function in functions {
            retiring.spawn(async move { function.stop().await });
        }
        while retiring.join_next().await.is_some() {}
        while background.try_join_next().is_some() {}
        if !background.is_empty() {
            tracing::warn!(count = background.len(), "asynchronous invocations are lost at shutdown");
        }
        background.shutdown().await;
    }

    fn find(&self, urn: &FunctionUrn) -> Result<Arc<Function>, InvokeError> {
        let functions = self.inner.functions.read().unwrap_or_else(PoisonError::into_inner);
        if self.inner.shut_down.load(Ordering::SeqCst) {
            return Err(InvokeError::ShutDown);
        }
        let mut same = functions.iter().filter(|function| function.urn().same_function(urn)).peekable();
        if same.peek().is_none() {
            return Err(InvokeError::UnknownFunction);
        }
        // A function registered for just this project and region comes before one for all of them.
        let parts = |urn: &FunctionUrn| usize::from(urn.project_id().is_some()) + usize::from(urn.region().is_some());
        same.filter(|function| function.urn().qualifier() == urn.qualifier())
            .max_by_key(|function| parts(function.urn()))
            .map(Arc::clone)
            .ok_or(match urn.qualifier() {
                Qualifier::Version(_) => InvokeError::UnknownVersion,
                Qualifier::Alias(_) => InvokeError::UnknownAlias,
            })
    }

    fn prepare(
        &self,
        urn: &FunctionUrn,
        invocation: &Invocation,
        limit: usize,
        kind: &'static str,
    ) -> Result<(Arc<Function>, Call), InvokeError> {
        let function = self.find(urn)?;
        let size = invocation.event.len();
        if size > limit {
            return Err(InvokeError::RequestTooLarge { size, limit });
        }
        let request_id = match &invocation.request_id {
            Some(given) => given.clone(),
            None => uuid::Uuid::new_v4().to_string(),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if request_id.is_empty()
            || request_id.len() > 128
            || !request_id.bytes().all(plain)
            || request_id.starts_with('.')
        {
            return Err(InvokeError::InvalidRequestId);
        }
        let mut headers = match &invocation.credentials {
            Some(credentials) => credentials.to_headers().map_err(|_| InvokeError::InvalidCredentials)?,
            None => HeaderMap::new(),
        };
        let id = HeaderValue::from_str(&request_id).map_err(|_| InvokeError::InvalidRequestId)?;
        headers.insert(header::REQUEST_ID, id);
        headers.insert(header::INVOKE_TYPE, HeaderValue::from_static(kind));
        Ok((function, Call { class: invocation.class, request_id, headers, event: invocation.event.clone() }))
    }
}

/// In a task of its own, so that an instance is given back even if nobody waits any more.
async fn run(function: Arc<Function>, call: Call, wait: Wait, tail_log: bool) -> Result<Outcome, InvokeError> {
    let request_id = call.request_id.clone();
    let memory_mb = function.settings().memory_mb;
    let ran = tokio::spawn(async move { function.run(call, wait).await })
        .await
        .map_err(|error| InvokeError::Internal(error.to_string()))??;
    Ok(Outcome {
        request_id,
        result: ran.result,
        duration: ran.duration,
        peak_memory_bytes: ran.peak_memory_bytes,
        memory_mb,
        log_tail: if tail_log { ran.log } else { String::new() },
    })
}
