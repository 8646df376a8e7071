//! From settings to a listening server: settings, the access file, the first user, the start and the orderly end.
//!
//! Does not answer requests; that is the subject of [`crate::http`] and what lies below it.

pub mod access_file;
pub mod diagnosis;
pub mod exposure;
mod greeting;
pub mod reload;
pub mod serve;
mod service_manager;
pub mod settings;
