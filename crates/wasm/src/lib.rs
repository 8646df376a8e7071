//! The rules and client-side encryption for JavaScript: bindings, and nothing else.
//!
//! What is decided here is only how values cross the boundary: arguments flat or as JSON text, results as objects that serde
//! makes. The package in `npm/` turns both into typed functions; nobody else calls these.
//!
//! The one invariant to know: nothing here panics on input. A panic would end the instance for the whole page.
#![no_std]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

extern crate alloc;
// Where tests and other tools build it; the published module does without.
#[cfg(not(all(feature = "standalone", target_family = "wasm")))]
extern crate std;

#[cfg(feature = "rules")]
pub mod answer;
#[cfg(feature = "jwe")]
pub mod jwe;
#[cfg(all(feature = "rules", target_family = "wasm"))]
mod objects;
#[cfg(feature = "rules")]
pub mod passwords;
#[cfg(feature = "rules")]
pub mod periods;
#[cfg(feature = "rules")]
pub mod requests;
#[cfg(feature = "rules")]
pub mod results;
#[cfg(feature = "signing")]
pub mod signing;
#[cfg(feature = "rules")]
pub mod stages;
#[cfg(all(feature = "standalone", target_family = "wasm"))]
mod standalone;
