//! Servers that share a PostgreSQL store, with a database that flushes to disk.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use csms_testbed::{
    Postgres,
    postgres::{ADMIN, DATABASE, Setup},
    server::{Options, Server},
};
use tempfile::TempDir;

/// Settings of a database whose answer to a commit is true.
const FLUSHING: [&str; 3] = ["fsync=on", "full_page_writes=on", "shared_buffers=128MB"];

/// A database that flushes to disk.
pub(crate) async fn database() -> Result<Postgres> {
    let settings = FLUSHING.map(str::to_owned).to_vec();
    Ok(Postgres::start_with(Setup { settings, ..Setup::default() }).await?)
}

/// Two servers with one store and one root key, and their database.
pub(crate) struct Shared {
    /// The servers.
    pub(crate) servers: [Server; 2],
    database: Postgres,
    _directories: [TempDir; 2],
}

impl Shared {
    /// Starts database and servers.
    pub(crate) async fn start(options: impl Fn() -> Options) -> Result<Self> {
        let database = database().await?;
        let directories = [tempfile::tempdir()?, tempfile::tempdir()?];
        let url = format!("postgres://{ADMIN}@127.0.0.1:{}/{DATABASE}", database.port());
        let start = async |directory: &Path| {
            let options = Options { data: Some(directory.to_owned()), ..options() };
            let options = options.argument("--store").argument(url.as_str());
            Server::start(options.variable("PGPASSWORD", database.admin_password())).await
        };
        let [first, second] = directories.each_ref().map(TempDir::path);
        let one = start(first).await?;
        for file in ["root.key", "credentials.json"] {
            // Copying keeps the mode.
            fs::copy(first.join(file), second.join(file)).context(file)?;
        }
        let servers = [one, start(second).await?];
        Ok(Self { servers, database, _directories: directories })
    }

    /// The processes that work for a request to one of the servers; the idle one costs next to nothing.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.servers.iter().map(Server::id).chain(self.database.id()).collect()
    }
}
