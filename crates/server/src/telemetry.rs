//! What operators see of the server: metrics and traces.

pub mod metrics;
pub mod traces;
