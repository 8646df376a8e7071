//! The loop inside a function: take an event, run the handler, report exactly one result or one failure.
//!
//! [`run`] and [`run_bytes`] serve the process they are called in; [`Guest`] has the settings.
//! Blocking on purpose: the platform gives an instance one event at a time. A handler which needs an async
//! runtime owns one and blocks on it.

mod api;
mod context;
mod events;
mod log;
mod run;

pub use context::{Context, ContextBuilder, Environment, EnvironmentError};
pub use events::StopHandle;
pub use run::{Guest, RunError};

use serde::{Serialize, de::DeserializeOwned};

use crate::Failure;

/// Serves events with `handler` until SIGTERM or SIGINT, in the process which the platform started.
///
/// The event is parsed from JSON into `E`, the result is written as JSON. Short for [`Guest::from_process`] and
/// [`Guest::run`].
///
/// # Errors
/// See [`RunError`]. A failing handler, an event which does not parse and a platform which is briefly out of reach
/// are not among them: the loop goes on.
pub fn run<E, R, H>(handler: H) -> Result<(), RunError>
where
    E: DeserializeOwned,
    R: Serialize,
    H: FnMut(E, &Context) -> Result<R, Failure>,
{
    Guest::from_process()?.run(handler)
}

/// Like [`run`], but the event and the result are plain bytes.
///
/// # Errors
/// See [`RunError`].
pub fn run_bytes<H>(handler: H) -> Result<(), RunError>
where
    H: FnMut(&[u8], &Context) -> Result<Vec<u8>, Failure>,
{
    Guest::from_process()?.run_bytes(handler)
}
