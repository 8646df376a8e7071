//! The port: connections, routes, CORS, the console and the reference documentation.
//!
//! Decides no right; every operation goes through [`crate::gate`].

pub mod connections;
pub mod console;
mod readiness;
pub mod cors;
mod paced;
pub mod peers;
pub mod reference;
pub mod router;
mod table;
pub mod tls;
