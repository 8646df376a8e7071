//! What a browser needs to see the running console: a server with it, and a database whose account can be rotated.

use std::path::{Path, PathBuf};

use anyhow::Result;
use csms_testbed::server::{Options, Server};
use serde_json::Value;

use crate::progress::{Step, Steps};
use crate::test::LONG;
use crate::up::database::{Database, Engine};
use crate::wasm::node::Program;
use crate::{cargo, package};

/// A running server and database; both end when this is dropped.
pub(crate) struct Stage {
    binary: PathBuf,
    server: Server,
    _database: Database,
    /// Values of secrets by account, in JSON.
    logins: String,
    is_long: bool,
}

/// The accounts of the seed. None changes another's password, and no two secrets name one account, which a server refuses to
/// rotate.
const ACCOUNTS: [&str; 2] = ["payments", "orders"];
/// What the accounts begin with of tests that rotate in every browser.
const ACCOUNTS_OF_BROWSERS: [&str; 6] = ["", "trial_", "outdated_", "form_", "keyboard_", "often_"];
const BROWSERS: [&str; 3] = ["chromium", "firefox", "webkit"];

/// How many steps [`raise`] takes.
pub(crate) const STEPS: usize = 3;

/// Builds and starts everything but the console itself.
pub(crate) async fn raise(steps: &mut Steps) -> Result<Stage> {
    let binary = steps
        .run("Build the server", async |step| {
            cargo::run(step, &["build", "--bin", "csms"], &[]).await?;
            let path = cargo::metadata().await?.target_directory.join("debug/csms");
            Ok((path, "with the console"))
        })
        .await?;
    steps
        .run("Package the function", async |step| {
            let archive = package::build(step).await?;
            archive.place_beside(&binary)?;
            Ok(((), archive.sizes))
        })
        .await?;
    steps
        .run("Start PostgreSQL and csms", async |_| {
            let stage = start(&binary).await?;
            let url = stage.server.url().to_owned();
            Ok((stage, url))
        })
        .await
}

/// Starts the server in `binary`, with room for the ten thousand secrets of a test.
async fn start(binary: &Path) -> Result<Stage> {
    let database = Database::start(Engine::Postgresql).await?;
    let mut logins = serde_json::Map::new();
    let of_browsers =
        ACCOUNTS_OF_BROWSERS.iter().flat_map(|prefix| BROWSERS.map(|browser| format!("{prefix}{browser}")));
    for account in ACCOUNTS.map(str::to_owned).into_iter().chain(of_browsers) {
        let login = database.create_login(&account).await?;
        logins.insert(account, serde_json::from_str(&database.value(&login))?);
    }
    let options = Options { binary: Some(binary.to_owned()), ..Options::default() };
    let server = Server::start(options.argument("--secret-quota").argument("20000")).await?;
    let logins = Value::Object(logins).to_string();
    Ok(Stage { binary: binary.to_owned(), server, _database: database, logins, is_long: false })
}

impl Stage {
    /// Whether its programs are told to do all that they can.
    pub(crate) fn trying_everything(self, is_long: bool) -> Self {
        Self { is_long, ..self }
    }

    /// Another one of the same build, as if nothing had been tried: a server rotates no account that a second secret names.
    pub(crate) async fn another(&self) -> Result<Self> {
        Ok(Self { is_long: self.is_long, ..start(&self.binary).await? })
    }

    /// A program that is told where the stage is.
    pub(crate) fn tell(&self, program: Program) -> Program {
        let program = program
            .variable("CSMS_CREDENTIALS", self.server.credentials_path())
            .variable("CSMS_DATABASE_LOGINS", &self.logins);
        if self.is_long { program.variable(LONG, "1") } else { program }
    }

    /// Installs the browsers' drivers.
    pub(crate) async fn drivers(step: &Step) -> Result<()> {
        crate::wasm::node::install(step, &cargo::root().join("tests/browser")).await
    }
}
