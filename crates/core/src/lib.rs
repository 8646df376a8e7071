//! The rules of the service, and nothing else.
//!
//! Every rule that the server enforces, the console previews and the rotation function relies on is decided
//! here: names, periods, versions and stages, passwords, policies, request signatures and rotation plans.
//! The crate does no I/O, reads no clock and draws no randomness of its own: time is an argument
//! ([`UnixMillis`]), randomness is a generator the caller passes in. It knows nothing of HTTP, of JSON bodies
//! or of databases.
//!
//! The one invariant to know: a value of a parsed type ([`SecretName`], [`VersionId`], [`RotationPeriod`], …)
//! is valid, because its only constructor checks it; and a [`Secret`] obeys the stage rules, because only its
//! methods change its versions and stages.
#![no_std]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod event;
pub mod identity;
pub mod json;
#[cfg(feature = "jwe-format")]
pub mod jwe;
pub mod key_name;
pub mod language;
pub mod name;
pub mod network;
pub mod page;
pub mod password;
pub mod period;
pub mod policy;
pub mod preview;
pub mod problem;
pub mod refusal;
pub mod rotation;
pub mod rotation_config;
pub mod schedule;
pub mod secret;
pub mod sign;
pub mod stage;
pub mod strength;
pub mod tag;
pub mod target;
pub mod task;
pub mod time;
pub mod urn;
pub mod value;
pub mod version;

pub use identity::{KeyId, ProjectId, SecretId, TaskId};
pub use key_name::KeyName;
pub use language::Language;
pub use name::{EventName, RegionName, SecretName};
pub use period::RotationPeriod;
pub use problem::{Problem, Rule, Violation};
pub use refusal::Refusal;
pub use rotation_config::{RotationConfig, RotationMode};
pub use secret::{Action, Secret, SecretState, SecretType};
pub use stage::StageName;
pub use time::UnixMillis;
pub use urn::FunctionUrn;
pub use value::{SecretValue, ValueLimit};
pub use version::{Version, VersionId};
