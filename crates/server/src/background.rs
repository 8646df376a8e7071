//! Background work: due rotations, expiries and deletions, the delivery of notifications and of the audit trail, and changes
//! of the root key.

pub mod audit_sink;
pub mod believed_time;
pub mod due;
mod gauges;
pub mod keyring;
pub mod keys;
pub mod notifier;
