//! Background work: due rotations, expiries and deletions, and the delivery of notifications.

pub mod due;
mod gauges;
pub mod keys;
pub mod notifier;
