//! The port: connections, routes, CORS, the console, the book and the reference documentation.
//!
//! Decides no right; every operation goes through [`crate::gate`].

pub mod book;
pub mod connections;
pub mod console;
pub mod cors;
pub mod files;
mod half_closed;
mod paced;
pub mod peers;
mod readiness;
pub mod reference;
pub mod router;
mod table;
pub mod tls;
