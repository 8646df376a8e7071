//! One registered function and its instances: reused when idle, started when needed, reclaimed when unused.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderMap;
use tokio::{
    sync::{Semaphore, SemaphorePermit, TryAcquireError, oneshot},
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};

use super::{
    code::InstalledCode,
    error::{FunctionError, InvokeError},
    exchange::{Delivery, Report},
    host::InvocationClass,
    instance::{Blueprint, Instance, Run},
    queue::{Place, Room},
    scratch::Scratch,
    settings::{FunctionSettings, HostConfig},
    urn::FunctionUrn,
};
use crate::protocol::{MAX_RESULT_BYTES, code};

/// How often an event is offered to another instance when one ended before taking it.
const DELIVERY_ATTEMPTS: u32 = 3;

/// One event for a function.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) class: InvocationClass,
    pub(super) request_id: String,
    pub(super) headers: HeaderMap,
    pub(super) event: Bytes,
}

/// What became of it.
pub(super) struct Ran {
    pub(super) result: Result<Bytes, FunctionError>,
    pub(super) duration: Duration,
    pub(super) peak_memory_bytes: u64,
    pub(super) log: String,
}

/// How long an invocation waits for an instance.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// For the time of the host's settings, if there is room to wait.
    Queue,
    /// As long as it takes: the invocation has been accepted, with room of its own.
    Accepted,
}

/// A registered function.
pub(super) struct Function {
    urn: FunctionUrn,
    settings: FunctionSettings,
    code: InstalledCode,
    config: Arc<HostConfig>,
    scratch: Arc<Scratch>,
    api: Lane,
    rotation: Lane,
    /// Room for asynchronous invocations which have been accepted.
    accepted: Room,
    /// Room of the host for the events of waiting API invocations.
    waiting_bytes: Room,
    instances: Mutex<Instances>,
}

/// The limits of one class of invocations.
struct Lane {
    /// One permit per running invocation. Since idle instances of the class are used first, it limits its instances too.
    permits: Semaphore,
    /// Room for invocations which wait for a permit.
    waiting: Room,
}

impl Lane {
    fn new(instances: usize, waiting: usize) -> Self {
        Self { permits: Semaphore::new(instances), waiting: Room::new(waiting) }
    }
}

#[derive(Default)]
struct Instances {
    idle: Vec<Idle>,
    busy: HashMap<u64, Arc<Instance>>,
    last_id: u64,
    phase: Phase,
}

/// How far the end of a function has come.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    #[default]
    Active,
    /// Replaced or forgotten: events which found it still run, but no instance is kept.
    Draining,
    /// The host is being shut down: nothing is started any more.
    Stopped,
}

struct Idle {
    id: u64,
    class: InvocationClass,
    instance: Arc<Instance>,
    reclaim: AbortHandle,
}

impl Function {
    pub(super) fn new(
        urn: FunctionUrn,
        settings: FunctionSettings,
        code: InstalledCode,
        config: Arc<HostConfig>,
        scratch: Arc<Scratch>,
        waiting_bytes: Room,
    ) -> Self {
        let api = Lane::new(settings.max_instances, config.max_waiting);
        let rotation = Lane::new(settings.max_rotation_instances, config.max_waiting);
        let accepted = Room::new(config.max_waiting);
        let instances = Mutex::default();
        Self { urn, settings, code, config, scratch, api, rotation, accepted, waiting_bytes, instances }
    }

    fn lane(&self, class: InvocationClass) -> &Lane {
        match class {
            InvocationClass::Api => &self.api,
            InvocationClass::Rotation => &self.rotation,
        }
    }

    /// Room for one asynchronous invocation, until it has finished.
    pub(super) fn accept(&self) -> Result<Place, InvokeError> {
        self.accepted.take(1)
    }

    pub(super) fn urn(&self) -> &FunctionUrn {
        &self.urn
    }

    pub(super) fn settings(&self) -> &FunctionSettings {
        &self.settings
    }

    fn lock(&self) -> MutexGuard<'_, Instances> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit to use an instance, at once if one is free.
    async fn permit(&self, call: &Call, wait: Wait) -> Result<SemaphorePermit<'_>, InvokeError> {
        let Lane { permits, waiting } = self.lane(call.class);
        match permits.try_acquire() {
            Ok(permit) => return Ok(permit),
            Err(TryAcquireError::Closed) => return Err(InvokeError::ShutDown),
            Err(TryAcquireError::NoPermits) => {}
        }
        if wait == Wait::Accepted {
            return permits.acquire().await.map_err(|_| InvokeError::ShutDown);
        }
        let _place = waiting.take(1)?;
        let _bytes = match call.class {
            InvocationClass::Api => Some(self.waiting_bytes.take(call.event.len())?),
            InvocationClass::Rotation => None,
        };
        timeout(self.config.queue_timeout, permits.acquire())
            .await
            .map_err(|_| InvokeError::Overloaded)?
            .map_err(|_| InvokeError::ShutDown)
    }

    /// Runs one event on an idle or a new instance of its class, waiting for a free one if there must be no more.
    pub(super) async fn run(self: &Arc<Self>, call: Call, wait: Wait) -> Result<Ran, InvokeError> {
        let _permit = self.permit(&call, wait).await?;
        let (outcome, _) = oneshot::channel();
        let Call { class, request_id, headers, event } = call;
        let mut delivery = Delivery { request_id: request_id.clone(), headers, event, outcome };
        let mut attempts = 1;
        loop {
            let (id, instance) = match self.take_idle(class) {
                Some(taken) => taken,
                None => match self.start().await? {
                    Ok(started) => started,
                    Err(ran) => return Ok(ran),
                },
            };
            let started = Instant::now();
            instance.output().add_line(&start_line(&request_id, &self.urn));
            let run = instance.run(delivery, self.settings.timeout).await;
            let duration = started.elapsed();
            let peak_memory_bytes = instance.peak_memory_bytes();
            let result = match run {
                Run::Reported(Report::Result(result)) => Ok(result),
                Run::Reported(Report::Failure(failure)) => Err(FunctionError { code: code::USER_ERROR, failure }),
                Run::Reported(Report::TooLarge) => Err(FunctionError::response_too_large(MAX_RESULT_BYTES)),
                Run::TimedOut => {
                    instance.kill().await;
                    Err(FunctionError::timeout(self.settings.timeout_seconds()))
                }
                Run::NotTaken(untouched) if attempts < DELIVERY_ATTEMPTS => {
                    self.discard(id);
                    attempts += 1;
                    delivery = untouched;
                    continue;
                }
                Run::Exited | Run::NotTaken(_) => Err(FunctionError::exited()),
            };
            let finish =
                finish_line(&request_id, result.is_err(), duration, peak_memory_bytes, self.settings.memory_mb);
            instance.output().add_line(&finish);
            let log = instance.output().tail();
            self.give_back(id, class, instance).await;
            return Ok(Ran { result, duration, peak_memory_bytes, log });
        }
    }

    /// The instance of the class used last among those which are idle and alive.
    fn take_idle(&self, class: InvocationClass) -> Option<(u64, Arc<Instance>)> {
        let mut instances = self.lock();
        while let Some(position) = instances.idle.iter().rposition(|idle| idle.class == class) {
            let Idle { id, instance, reclaim, .. } = instances.idle.remove(position);
            reclaim.abort();
            if instance.is_alive() {
                instances.busy.insert(id, Arc::clone(&instance));
                return Some((id, instance));
            }
        }
        None
    }

    /// A new instance which waits for its first event, or how its start failed.
    async fn start(&self) -> Result<Result<(u64, Arc<Instance>), Ran>, InvokeError> {
        let started = Instant::now();
        let failed = |error, log| Ran { result: Err(error), duration: started.elapsed(), peak_memory_bytes: 0, log };
        let Self { urn, settings, code, config, scratch, .. } = self;
        let blueprint = Blueprint { urn, settings, code, config, scratch };
        let instance = match Instance::launch(&blueprint).await {
            Ok(instance) => Arc::new(instance),
            Err(error) => return Ok(Err(failed(error, String::new()))),
        };
        let id = {
            let mut instances = self.lock();
            if instances.phase == Phase::Stopped {
                return Err(InvokeError::ShutDown);
            }
            instances.last_id += 1;
            let id = instances.last_id;
            instances.busy.insert(id, Arc::clone(&instance));
            id
        };
        if let Err(error) = instance.ready(self.settings.init_timeout).await {
            instance.kill().await;
            self.discard(id);
            return Ok(Err(failed(error, instance.output().tail())));
        }
        Ok(Ok((id, instance)))
    }

    fn discard(&self, id: u64) {
        self.lock().busy.remove(&id);
    }

    /// Keeps an instance for the next event, for a while; ends it if the function is not used any more.
    async fn give_back(self: &Arc<Self>, id: u64, class: InvocationClass, instance: Arc<Instance>) {
        {
            let mut instances = self.lock();
            instances.busy.remove(&id);
            if !instance.is_alive() {
                return;
            }
            if instances.phase == Phase::Active {
                let reclaim = self.reclaim_later(id);
                instances.idle.push(Idle { id, class, instance, reclaim });
                return;
            }
        }
        instance.stop(self.config.stop_grace).await;
    }

    fn reclaim_later(self: &Arc<Self>, id: u64) -> AbortHandle {
        let function: Weak<Self> = Arc::downgrade(self);
        let (idle_timeout, grace) = (self.settings.idle_timeout, self.config.stop_grace);
        let task = tokio::spawn(async move {
            sleep(idle_timeout).await;
            let Some(function) = function.upgrade() else { return };
            let idle = {
                let mut instances = function.lock();
                let position = instances.idle.iter().position(|idle| idle.id == id);
                position.map(|position| instances.idle.remove(position))
            };
            if let Some(idle) = idle {
                idle.instance.stop(grace).await;
            }
        });
        task.abort_handle()
    }

    /// Ends idle instances now and busy ones after their event.
    pub(super) async fn drain(&self) {
        self.end(Phase::Draining).await;
    }

    /// Ends all instances, busy ones within the host's grace period, and refuses whoever waits for one.
    pub(super) async fn stop(&self) {
        self.api.permits.close();
        self.rotation.permits.close();
        self.end(Phase::Stopped).await;
    }

    async fn end(&self, phase: Phase) {
        let ending: Vec<Arc<Instance>> = {
            let mut instances = self.lock();
            instances.phase = instances.phase.max(phase);
            let idle = std::mem::take(&mut instances.idle).into_iter().map(|idle| {
                idle.reclaim.abort();
                idle.instance
            });
            let busy = instances.busy.values().filter(|_| phase == Phase::Stopped).cloned();
            idle.chain(busy).collect()
        };
        let grace = self.config.stop_grace;
        let mut stops = JoinSet::new();
        for instance in ending {
            stops.spawn(async move { instance.stop(grace).await });
        }
        while stops.join_next().await.is_some() {}
    }

    /// Number of instances, idle and busy.
    pub(super) fn instance_count(&self) -> usize {
        let instances = self.lock();
        instances.idle.len() + instances.busy.len()
    }
}

/// The platform's first line of an invocation's log.
fn start_line(request_id: &str, urn: &FunctionUrn) -> String {
    format!("{:.3} Start invoke request '{request_id}', version: {}", jiff::Timestamp::now(), urn.qualifier())
}

/// The platform's last line of an invocation's log.
fn finish_line(request_id: &str, failed: bool, duration: Duration, peak_memory_bytes: u64, memory_mb: u32) -> String {
    format!(
        "{:.3} Finish invoke request '{request_id}'{}, duration: {}, billing duration: {}, memory used: {}, \
         billing memory: {memory_mb}MB",
        jiff::Timestamp::now(),
        if failed { "(invoke Failed)" } else { "" },
        milliseconds(duration),
        billed_milliseconds(duration),
        megabytes(peak_memory_bytes),
    )
}

/// As in the vendor's log lines: `65.828ms`.
pub(super) fn milliseconds(duration: Duration) -> String {
    format!("{:.3}ms", duration.as_secs_f64() * 1000.0)
}

/// As in the vendor's log lines: `66ms`, rounded up.
pub(super) fn billed_milliseconds(duration: Duration) -> String {
    format!("{}ms", duration.as_nanos().div_ceil(1_000_000))
}

/// As in the vendor's log lines: `21.473MB`.
pub(super) fn megabytes(bytes: u64) -> String {
    let kilobytes = bytes / 1024;
    format!("{}.{:03}MB", kilobytes / 1024, kilobytes % 1024 * 1000 / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_memory_read_as_in_the_vendors_log() {
        assert_eq!(milliseconds(Duration::from_micros(65_828)), "65.828ms");
        assert_eq!(billed_milliseconds(Duration::from_micros(65_828)), "66ms");
        assert_eq!(billed_milliseconds(Duration::from_millis(65)), "65ms");
        assert_eq!(megabytes(21 * 1024 * 1024 + 512 * 1024), "21.500MB");
    }

    #[test]
    fn a_failed_invocation_says_so_in_its_last_line() {
        let line = finish_line("an-id", true, Duration::from_millis(5), 0, 128);
        assert!(line.contains("Finish invoke request 'an-id'(invoke Failed), duration: 5.000ms"), "{line}");
        assert!(!finish_line("an-id", false, Duration::ZERO, 0, 128).contains("Failed"));
    }
}
