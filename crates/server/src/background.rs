//! Work that no request asks for: what is due, and the delivery of notifications.

pub mod due;
pub mod keys;
pub mod notifier;
