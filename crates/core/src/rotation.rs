//! Rotation, decided: what the value of a rotated secret holds, what the rotation function is told, and what it
//! does next.
//!
//! Nothing here talks to a database or to the service. [`plan()`] is a pure function of what is known; the crate
//! `csms-rotate` finds things out and carries decisions out.
//!
//! The one invariant to know: the pending version is the journal. A new password is stored as a version marked
//! `SYSPENDING` before any database hears of it, so an attempt that stops anywhere is finished by the next one.

pub mod account;
pub mod dry_run;
pub mod event;
pub mod message;
pub mod plan;
#[cfg(feature = "jwe")]
pub mod sealed;
pub mod steps;
pub mod traceparent;

pub use account::{Account, ClientIdentity, Engine, Login, Tls, Trust, same_host};
pub use dry_run::{DryRunReport, DryRunStep, Overlap, dry_run_event};
pub use event::{FailureCode, RotationEvent, RotationReply};
pub use message::Message;
pub use plan::{Action, Cause, Inspection, OperatorReason, Probe, RetryReason, Setter, Situation, plan};
pub use steps::{ReportedStep, reported_steps};
pub use traceparent::Traceparent;
