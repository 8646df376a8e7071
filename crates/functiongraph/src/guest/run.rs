//! The loop itself: polls, runs the handler, reports, and survives every transient failure.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    api::{Poll, RawEvent, RuntimeApi},
    context::{Context, Environment, EnvironmentError},
    events::{Events, SignalWatch, StopHandle},
    log::{self, Level, NO_REQUEST},
};
use crate::{Failure, protocol::variable};

/// First pause after a poll which brought no event; doubled up to a cap. 50 ms as in the vendor's sample client.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause while the runtime API is out of reach.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause while the API answers without an event. That may be how a platform says "nothing yet", so the next
/// event must not wait long.
const LONGEST_IDLE_PAUSE: Duration = Duration::from_millis(200);
/// How long the runtime API may refuse connections before the guest ends.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);
/// Longest error message which is reported, in bytes.
const LONGEST_ERROR_MESSAGE: usize = 32 * 1024;

/// Why the guest could not start, or ended without having been asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The process was not started by a platform.
    #[error("environment variable {} is not set: this process does not run as a function", variable::API_ADDR)]
    NotAFunction,
    /// A variable of the platform cannot be used.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// A thread could not be started, or signals could not be watched.
    #[error("the guest could not start: {0}")]
    Start(#[from] io::Error),
    /// The runtime API refused every connection for the given time: its process is gone and nobody will ever send
    /// an event again.
    #[error("the runtime API has refused connections for {} s", .0.as_secs())]
    RuntimeApiGone(Duration),
}

/// A guest with its settings, ready to run.
pub struct Guest {
    environment: Arc<Environment>,
    events: Events,
    watch_signals: bool,
    give_up_after: Option<Duration>,
}

impl Guest {
    /// A guest for the process which the platform started.
    ///
    /// # Errors
    /// A `RUNTIME_*` variable does not parse.
    pub fn from_process() -> Result<Self, RunError> {
        Ok(Self::new(Environment::from_process()?))
    }

    /// A guest with settings of your own.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self {
            environment: Arc::new(environment),
            events: Events::new(),
            watch_signals: true,
            give_up_after: Some(GIVE_UP_AFTER),
        }
    }

    /// Leaves SIGTERM and SIGINT alone; use [`Self::stop_handle`] instead.
    #[must_use]
    pub fn without_signals(mut self) -> Self {
        self.watch_signals = false;
        self
    }

    /// How long the runtime API may refuse connections, without one success in between, before the guest ends with
    /// [`RunError::RuntimeApiGone`]. 60 s if not called; `None` means for ever.
    ///
    /// A refused connection on the loopback interface means that the platform's process is gone. A function which
    /// stayed would never get another event.
    #[must_use]
    pub fn give_up_after(mut self, time: Option<Duration>) -> Self {
        self.give_up_after = time;
        self
    }

    /// A handle which ends the guest from another thread.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.events.stop_handle()
    }

    /// Serves typed events until asked to stop: JSON in, JSON out.
    ///
    /// An event which does not parse is reported as a failure of its own invocation. A panic of the handler is
    /// reported too and the handler is used again, so state which it shares between events has to survive that.
    ///
    /// # Errors
    /// See [`RunError`].
    pub fn run<E, R, H>(self, mut handler: H) -> Result<(), RunError>
    where
        E: DeserializeOwned,
        R: Serialize,
        H: FnMut(E, &Context) -> Result<R, Failure>,
    {
        self.run_bytes(move |body, context| {
            let event = serde_json::from_slice(body).map_err(|error| describe_bad_event(&error))?;
            let result = handler(event, context)?;
            serde_json::to_vec(&result)
                .map_err(|_| Failure::new("InvalidResult", "the result cannot be written as JSON"))
        })
    }

    /// Serves raw events until asked to stop.
    ///
    /// # Errors
    /// See [`RunError`].
    pub fn run_bytes<H>(self, mut handler: H) -> Result<(), RunError>
    where
        H: FnMut(&[u8], &Context) -> Result<Vec<u8>, Failure>,
    {
        let address = self.environment.api_addr.as_deref().ok_or(RunError::NotAFunction)?;
        let api = RuntimeApi::new(address);
        let _signals = self.watch_signals.then(|| SignalWatch::start(self.events.stop_handle())).transpose()?;
        let demand = self.events.start_polling(api.clone())?;
        let mut pause = Pause::default();
        let mut refused_since: Option<Instant> = None;
        while !self.events.is_stopped() && demand.send(()).is_ok() {
            let Some(poll) = self.events.next() else { break };
            if !matches!(poll, Poll::Unreachable { refused: true, .. }) {
                refused_since = None;
            }
            let (reason, cap) = match poll {
                Poll::Event(event) => {
                    self.handle(&api, event, &mut handler);
                    pause = Pause::default();
                    continue;
                }
                Poll::Unreadable { request_id, failure } => {
                    report(&api, &request_id, Err(failure));
                    pause = Pause::default();
                    continue;
                }
                Poll::NoEvent(reason) => (reason, LONGEST_IDLE_PAUSE),
                Poll::Unreachable { refused, reason } => {
                    if refused {
                        let since = *refused_since.get_or_insert_with(Instant::now);
                        if let Some(limit) = self.give_up_after.filter(|limit| since.elapsed() >= *limit) {
                            return Err(RunError::RuntimeApiGone(limit));
                        }
                    }
                    (reason, LONGEST_PAUSE)
                }
            };
            if pause.is_first() {
                log::write(NO_REQUEST, Level::Warn, &format_args!("no event, polling again: {reason}"));
            }
            if !self.events.pause(pause.next(cap)) {
                break;
            }
        }
        Ok(())
    }

    fn handle<H>(&self, api: &RuntimeApi, event: RawEvent, handler: &mut H)
    where
        H: FnMut(&[u8], &Context) -> Result<Vec<u8>, Failure>,
    {
        let context = Context::builder(event.request_id)
            .credentials(event.credentials)
            .asynchronous(event.asynchronous)
            .received(event.received)
            .environment(Arc::clone(&self.environment))
            .build();
        let limit = self.environment.max_result_bytes;
        let outcome = catch_unwind(AssertUnwindSafe(|| handler(&event.body, &context)))
            .unwrap_or_else(|payload| Err(Failure::new("Panic", panic_message(payload.as_ref()))))
            .and_then(|result| {
                let result = Zeroizing::new(result);
                if result.len() <= limit {
                    return Ok(result);
                }
                let message = format!("the result has {} bytes, more than the limit of {limit} bytes", result.len());
                Err(Failure::new("ResponseTooLarge", message))
            });
        report(api, context.request_id(), outcome);
    }
}

/// Reports one outcome. A report which the platform does not accept is logged; there is nobody else to tell.
fn report(api: &RuntimeApi, request_id: &str, outcome: Result<Zeroizing<Vec<u8>>, Failure>) {
    let sent = match outcome {
        Ok(result) => api.respond(request_id, &result),
        Err(failure) => {
            let failure = failure.shortened(LONGEST_ERROR_MESSAGE);
            log::write(request_id, Level::Error, &failure);
            api.fail(request_id, &failure)
        }
    };
    if let Err(error) = sent {
        log::write(request_id, Level::Error, &format_args!("the outcome was not accepted: {error}"));
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("the handler panicked without a message").to_owned()
}

/// Says where and why an event does not parse without repeating what it holds. Texts which name fields come from the
/// handler's own types; all other texts of the parser may quote the event.
fn describe_bad_event(error: &serde_json::Error) -> Failure {
    let text = error.to_string();
    let field = ["missing field", "duplicate field"].iter().any(|start| text.starts_with(start));
    let message = if field {
        format!("the event does not parse: {text}")
    } else {
        let kind = match error.classify() {
            serde_json::error::Category::Syntax => "it is not JSON",
            serde_json::error::Category::Eof => "the JSON ends early",
            serde_json::error::Category::Data => "a value has another type than expected",
            serde_json::error::Category::Io => "it cannot be read",
        };
        format!("the event does not parse: {kind} at line {} column {}", error.line(), error.column())
    };
    Failure::new("InvalidEvent", message)
}

/// A pause which doubles from [`FIRST_PAUSE`] up to a cap.
#[derive(Default)]
struct Pause {
    last: Option<Duration>,
}

impl Pause {
    fn is_first(&self) -> bool {
        self.last.is_none()
    }

    fn next(&mut self, cap: Duration) -> Duration {
        let next = self.last.map_or(FIRST_PAUSE, |last| last * 2).min(cap);
        self.last = Some(next);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap() {
        let mut pause = Pause::default();
        let lengths: Vec<u128> = (0..7).map(|_| pause.next(LONGEST_PAUSE).as_millis()).collect();
        assert_eq!(lengths, [50, 100, 200, 400, 800, 1000, 1000]);
        assert_eq!(Pause::default().next(LONGEST_IDLE_PAUSE), Duration::from_millis(50));
    }

    #[test]
    fn a_bad_event_is_described_without_its_content() {
        #[derive(Debug, serde::Deserialize)]
        struct Event {
            #[allow(dead_code)]
            count: u32,
        }
        let describe = |text: &str| {
            let error = serde_json::from_str::<Event>(text).unwrap_err();
            describe_bad_event(&error).error_message
        };
        assert!(describe("{}").contains("missing field `count`"));
        assert!(describe(r#"{"count":"hunter2"}"#).contains("another type than expected at line 1"));
        assert!(!describe(r#"{"count":"hunter2"}"#).contains("hunter2"));
        assert!(describe("hunter2").contains("it is not JSON"));
        assert!(describe("{").contains("ends early"));
    }

    #[test]
    fn messages_of_both_panic_payloads_are_found() {
        assert_eq!(panic_message(catch_unwind(|| panic!("plain")).unwrap_err().as_ref()), "plain");
        let number = 7;
        assert_eq!(panic_message(catch_unwind(|| panic!("with {number}")).unwrap_err().as_ref()), "with 7");
        let other = catch_unwind(|| std::panic::panic_any(3_u8)).unwrap_err();
        assert_eq!(panic_message(other.as_ref()), "the handler panicked without a message");
    }

    #[test]
    fn without_an_api_address_the_guest_does_not_start() {
        let guest = Guest::new(Environment::default());
        assert!(matches!(guest.run_bytes(|_, _| Ok(Vec::new())), Err(RunError::NotAFunction)));
    }
}
