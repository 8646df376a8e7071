//! Private instances of the programs that tests and `cargo xtask up` need: PostgreSQL, alone or under Patroni, PgBouncer, MySQL,
//! MariaDB, the `csms` server, nginx, Python environments, file systems, clocks; and strangers who cost a server something.
//!
//! Every instance has a free port and a temporary directory of its own and ends when it is dropped
//! (or when the process that owns it dies), so tests run in parallel and leave nothing behind.
//! The crate starts programs and answers questions about them; it holds no rule of the service.

mod directory;
mod error;
mod kept;
mod port;
mod process;
mod programs;
mod relay;
mod system_user;

pub mod debian;
pub mod mysql;
pub mod nginx;
pub mod patroni;
pub mod pgbouncer;
pub mod postgres;
pub mod python;
pub mod roots;
pub mod server;
pub mod strangers;
pub mod tls;
pub mod volume;
pub mod wall_clock;

pub use error::{Error, Result};
pub use mysql::MySqlServer;
pub use nginx::Nginx;
pub use patroni::Cluster;
pub use pgbouncer::PgBouncer;
pub use postgres::Postgres;
pub use programs::build_directory;
pub use server::Server;
pub use tls::{TlsMode, Transport};
pub use volume::Volume;
pub use wall_clock::WallClock;
