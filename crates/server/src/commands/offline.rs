//! What commands that work on the data itself share: opening it, also while a server runs on it, and printing answers.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, ValueEnum};
use csms_cli::{Account, Connection};
use csms_kms::RootKey;
use csms_store::{AccessChange, AccessState, AnyStore, AuditEntry, ChainKey, ChangeError, Store, StoreError};
use serde_json::Value;
use zeroize::Zeroizing;

use super::Failed;
use crate::{
    audit::{Record, chain_key},
    auth::new_password::PasswordRule,
    boot::serve,
    boot::settings::{Flags, KmsFlags, Settings, StoreAddress},
    clock::Clock,
    identity::Identity,
    installation,
    keys::root::{self, Keyring, RemoteKeyring},
    services::iam::administrators::{LEAVES_NOBODY, leaves_nobody},
};

/// Longest input of a command, in bytes.
const MAX_INPUT: u64 = 1024 * 1024;

/// Where the data is: as for `csms serve`.
#[derive(Args, Clone, Debug)]
pub struct DataArguments {
    /// Directory of the server's data [default: csms-data]
    #[arg(long, env = "CSMS_DATA", value_name = "DIR", global = true, help_heading = "Data")]
    data: Option<PathBuf>,

    /// TOML file with the server's settings
    #[arg(long, env = "CSMS_CONFIG", value_name = "FILE", global = true, help_heading = "Data")]
    config: Option<PathBuf>,

    /// File with the root key [default: DIR/root.key]
    #[arg(long, env = "CSMS_ROOT_KEY_FILE", value_name = "FILE", global = true, help_heading = "Data")]
    root_key_file: Option<PathBuf>,

    /// The PostgreSQL database, if the data is in one
    #[arg(
        long,
        env = "CSMS_STORE",
        hide_env_values = true,
        value_name = "postgres://USER@HOST/DATABASE",
        global = true,
        help_heading = "Data"
    )]
    store: Option<StoreAddress>,

    /// File with the password for --store
    #[arg(long, env = "CSMS_STORE_PASSWORD_FILE", value_name = "FILE", global = true, help_heading = "Data")]
    store_password_file: Option<PathBuf>,

    /// PEM file with the certificate authorities to trust for --store
    #[arg(long, env = "CSMS_STORE_CA", value_name = "FILE", global = true, help_heading = "Data")]
    store_ca: Option<PathBuf>,

    #[command(flatten)]
    kms: KmsFlags,

    /// How to print answers
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT", default_value = "table", global = true)]
    pub output: Format,
}

/// How to print an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns
    #[default]
    Table,
    /// JSON
    Json,
}

/// Opened data.
pub struct Installation {
    /// The store.
    pub store: AnyStore,
    /// The root key.
    pub root: Arc<RootKey>,
    /// Who the installation is.
    pub identity: Identity,
    /// Which passwords users may get, by the settings file.
    pub password_rule: PasswordRule,
    chain: Arc<ChainKey>,
    /// Whether a change is made that leaves nobody who may administer.
    force: bool,
}

/// Flags of commands that may destroy something.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct CareFlags {
    /// Do not ask before something is deleted
    #[arg(long, short, global = true)]
    yes: bool,
    /// Do not ask and, in the data itself, make also a change that leaves nobody who may administer users and policies
    #[arg(long, global = true)]
    force: bool,
}

impl CareFlags {
    /// The flags of a command that has another one for this.
    #[must_use]
    pub const fn agreed(yes: bool) -> Self {
        Self { yes, force: false }
    }

    /// Whether nobody is asked.
    #[must_use]
    pub const fn is_quiet(self) -> bool {
        self.yes || self.force
    }

    /// Asks before something is destroyed, when somebody is there to be asked.
    ///
    /// # Errors
    /// An answer other than yes.
    pub fn confirm(self, question: &str) -> Result<(), Failed> {
        Ok(csms_cli::confirm(question, self.is_quiet())?)
    }
}

/// Whether a command uses a running server, which it does by default, or the data itself.
#[derive(Args, Clone, Debug)]
pub struct PlaceFlags {
    /// Work on the data itself, which needs the root key, instead of asking a running server
    #[arg(long, global = true, help_heading = "Data")]
    pub offline: bool,
    #[command(flatten)]
    connection: Connection,
}

impl PlaceFlags {
    /// Runs a command through the API of a running server; `None` where it works on the data itself.
    #[must_use]
    pub fn online(&self, output: Format, is_quiet: bool, account: Account<'_>) -> Option<ExitCode> {
        let is_json = output == Format::Json;
        (!self.offline).then(|| csms_cli::run_account(&self.connection, is_json, is_quiet, account))
    }
}

impl DataArguments {
    /// The server's settings, as these flags, variables and file give them.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn settings(&self) -> Result<Settings, Failed> {
        let flags = Flags {
            data: self.data.clone(),
            config: self.config.clone(),
            root_key_file: self.root_key_file.clone(),
            store: self.store.clone(),
            store_password_file: self.store_password_file.clone(),
            store_ca: self.store_ca.clone(),
            kms: self.kms.clone(),
            ..Flags::default()
        };
        Ok(flags.settle()?)
    }

    /// Opens the data of an installation that has been started before.
    ///
    /// # Errors
    /// No data there, a wrong root key, failures of the store.
    pub async fn open(&self) -> Result<Installation, Failed> {
        self.open_with(&self.settings()?).await
    }

    /// As [`DataArguments::open`], with settings that were read before.
    ///
    /// # Errors
    /// As there.
    pub async fn open_with(&self, settings: &Settings) -> Result<Installation, Failed> {
        let Some(store) = serve::open_existing(settings).await? else {
            let place = if settings.store.is_some() { "the database".into() } else { settings.data.to_string_lossy() };
            return Err(no_data(&place).into());
        };
        self.unlock(settings, store).await.map(|(installation, _)| installation)
    }

    /// Opens the data in a store with the root key of the settings, and with the remote KMS that keeps it, if one does.
    ///
    /// # Errors
    /// A store without an installation, a wrong root key, failures of the store.
    pub async fn unlock(
        &self,
        settings: &Settings,
        store: AnyStore,
    ) -> Result<(Installation, Option<RemoteKeyring>), Failed> {
        if !installation::exists(&store).await? {
            return Err(no_data("the database").into());
        }
        let Keyring { root, remote } = root::open(settings.root_key_source(), &store, &Clock::default()).await?;
        let home = settings.regions.first().map_or("local-1", |region| region.as_str());
        let identity = installation::open(&store, &root, home).await?;
        let chain = chain_key(&root);
        let password_rule = settings.password_rule;
        Ok((Installation { store, root, identity, password_rule, chain, force: false }, remote))
    }
}

fn no_data(place: &str) -> String {
    format!("there is no data in {place}; start `csms serve` there first")
}

impl Installation {
    /// The same, which makes also a change that leaves nobody who may administer, where the flags say so.
    #[must_use]
    pub fn with_care(self, flags: CareFlags) -> Self {
        Self { force: flags.force, ..self }
    }

    /// The key of the audit trail.
    #[must_use]
    pub fn chain(&self) -> &ChainKey {
        &self.chain
    }

    /// A record of what a command does to `target`.
    #[must_use]
    pub fn record(&self, action: &str, target: &str) -> AuditEntry {
        let mut record = Record::of("command", action, Clock::default().now());
        record.target = Some(target);
        record.entry(&self.chain)
    }

    /// Changes users, keys or policies, with a record of it in the same transaction.
    ///
    /// # Errors
    /// That nobody would be left who may administer; failures of the store.
    pub async fn change(&self, action: &str, target: &str, changes: Vec<AccessChange>) -> Result<(), Failed> {
        self.decide(action, target, |_| Ok(((), changes))).await
    }

    /// Changes users, keys, policies or agencies by what is stored, with a record of it in the same transaction.
    ///
    /// # Errors
    /// What `decide` refuses; that nobody would be left who may administer; failures of the store.
    pub async fn decide<T: Send + 'static>(
        &self,
        action: &str,
        target: &str,
        decide: impl FnOnce(&AccessState) -> Result<(T, Vec<AccessChange>), String> + Send + 'static,
    ) -> Result<T, Failed> {
        let (record, force, now) = (self.record(action, target), self.force, Clock::default().now());
        let decide = move |state: &AccessState| {
            let (result, changes) = decide(state)?;
            if !force && leaves_nobody(state, &changes, now) {
                return Err(format!("{LEAVES_NOBODY}; --force does it all the same"));
            }
            Ok((result, changes, vec![record]))
        };
        self.store.decide_access(decide).await.map_err(|error| match error {
            ChangeError::Refused(reason) => reason.into(),
            ChangeError::NotFound => StoreError::NotFound.into(),
            ChangeError::Store(error) => error.into(),
        })
    }
}

/// Says what a command did, unless a program reads.
///
/// # Errors
/// A closed standard output.
pub fn say(format: Format, sentence: &str) -> Result<(), Failed> {
    match format {
        Format::Table => Ok(writeln!(std::io::stdout(), "{sentence}")?),
        Format::Json => Ok(()),
    }
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// What the system says, with the name of the file.
pub fn read_input(path: &Path) -> Result<Zeroizing<String>, Failed> {
    let mut text = Zeroizing::new(String::new());
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_INPUT).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_INPUT).read_to_string(&mut text))
    };
    read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text)
}

/// Prints JSON, or what `table` makes of it.
///
/// # Errors
/// A closed standard output.
pub fn print(format: Format, json: &Value, table: impl FnOnce(&mut Table)) -> Result<(), Failed> {
    let text = match format {
        Format::Json => format!("{json:#}\n"),
        Format::Table => {
            let mut made = Table::default();
            table(&mut made);
            made.text()
        }
    };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

/// Rows of cells, printed in aligned columns.
#[derive(Default)]
pub struct Table(Vec<Vec<String>>);

impl Table {
    /// Adds a row; the first is the heading.
    pub fn row<const N: usize>(&mut self, cells: [&str; N]) {
        // A name with a control character must not move the cursor of a terminal.
        let printable = |cell: &str| cell.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        self.0.push(cells.iter().map(|cell| printable(cell)).collect());
    }

    /// The rows as lines.
    #[must_use]
    pub fn text(&self) -> String {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            self.0.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            format!("{}\n", cells.join("  ").trim_end())
        };
        self.0.iter().map(line).collect()
    }
}
