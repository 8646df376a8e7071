//! Rotation tasks: how they begin, who runs them, and what their functions may do.
//!
//! Does not decide when a rotation is due; that is the subject of [`crate::background`].

pub mod accounts;
pub mod active;
pub mod begin;
pub mod permits;
pub mod rights;
pub mod worker;
