//! What the rotation tests share: a database server of either kind, the value of a secret for one of its accounts, and a
//! secret that lives in memory.
//!
//! The tests themselves are in `tests/`: `adapters` speaks to real servers through the adapters alone, `rotations` runs
//! whole rotations of real accounts.

pub mod database;
pub mod secret;

pub use database::{Database, Protection};
pub use secret::MemorySecret;
