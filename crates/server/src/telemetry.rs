//! What operators see of the server: the log, the access log, metrics and traces.

pub mod access_log;
pub mod log;
pub mod metrics;
pub mod outage;
mod process;
pub mod readiness;
pub mod traces;
