//! What the rotation tests share: a real database server of any kind, the value of a secret for one of its accounts, a
//! secret that lives in memory, and a running service with functions that can be made to fail.
//!
//! The tests themselves are in `tests/`: `adapters` speaks to real servers through the adapters alone, `rotations` runs
//! whole rotations of real accounts with a secret in memory, `cases` meets what real servers and accounts are like,
//! `crash_matrix` breaks them off at every step in every way, and
//! `service`, `killed_function` and `outages` go through a real server process and its API, `server_faults`, `replicas` and
//! `thousand` through several of them on one store.

pub mod application;
pub mod cluster;
pub mod cut;
pub mod database;
pub mod function;
pub mod passage;
pub mod place;
pub mod proxy;
pub mod secret;
pub mod service;
pub mod standstill;
pub mod tables;
pub mod trial;

pub use application::Application;
pub use cluster::Cluster;
pub use cut::Cut;
pub use database::{Database, Protection};
pub use function::FaultyFunctions;
pub use passage::Passage;
pub use place::Place;
pub use proxy::GreetingProxy;
pub use secret::MemorySecret;
pub use service::Service;
pub use standstill::Standstill;
pub use trial::Trial;

/// Runs functions of a test file, each of which takes an engine, as tests on one.
#[macro_export]
macro_rules! on {
    ($engine:ident, $module:ident: $($test:ident),+ $(,)?) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(Engine::$engine).await;
                }
            )+
        }
    };
}
