//! What operators see of the server: metrics and traces.

pub mod log;
pub mod metrics;
pub mod outage;
pub mod readiness;
pub mod traces;
