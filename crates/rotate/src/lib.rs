//! Executes rotation plans: reads versions, tries logins, changes passwords and moves stages, as
//! [`csms_core::rotation::plan()`] decides.
//!
//! It decides nothing itself and knows neither the wire of the service nor of its functions: the service is a
//! [`Secrets`], databases are a [`Databases`]. [`SqlDatabases`] is the real one, for PostgreSQL, MySQL and MariaDB, over
//! TLS unless an account says otherwise; [`ManagedDatabases`] sets passwords through the cloud's management API.
//!
//! The one invariant to know: what a server's refusal does not say is not concluded from it. A refused login is
//! [`Probe::Refused`](csms_core::rotation::Probe::Refused), since a right password may be refused too, and anything else is
//! unknown; the planner writes nothing upon either alone.

mod address;
pub mod database;
pub mod execute;
mod greeting;
mod kept;
mod managed;
mod mysql;
pub mod observer;
mod postgres;
pub mod secrets;
mod targets;
mod tls;

pub use database::{Answer, By, Databases, Forecast, Inspect, Limits, NewPassword, SqlDatabases, Stored};
pub use execute::{Failure, dry_run, rotate};
pub use managed::{ManagedDatabases, Product, Signer};
pub use observer::{Moment, Observer, Unobserved};
pub use secrets::{Secrets, SecretsError, stage_by_stage};
pub use targets::{AllowedAddresses, judge_literal};
