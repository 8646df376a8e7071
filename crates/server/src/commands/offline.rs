//! What commands that work on the data itself share: opening it, also while a server runs on it, and printing answers.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use csms_cli::{Account, CliError, Connection, Output, Table};
use csms_kms::RootRing;
use csms_store::{AccessChange, AccessState, AnyStore, AuditEntry, ChainKey, ChangeError, Store, StoreError};
use serde_json::Value;
use zeroize::Zeroizing;

use super::Failed;
use crate::{
    audit::{Record, chain_key},
    auth::new_password::PasswordRule,
    boot::serve,
    boot::settings::{Flags, KmsFlags, Settings, StoreAddress, origin::Given},
    clock::Clock,
    identity::Identity,
    installation,
    keys::{
        keyring::WrappingKey,
        root::{self, Keyring, RemoteKeyring},
    },
    services::iam::administrators::{LEAVES_NOBODY, leaves_nobody},
};

/// Longest input of a command, in bytes.
const MAX_INPUT: u64 = 1024 * 1024;

/// Where the data is, as for `csms serve`, and how to print what is in it.
#[derive(Args, Clone, Debug)]
pub struct DataArguments {
    #[command(flatten)]
    given: Given<DataFlags>,
    /// How to print answers
    #[command(flatten)]
    pub output: Output,
}

/// The settings of `csms serve` that say where the data is.
#[derive(Args, Clone, Debug)]
struct DataFlags {
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
}

impl From<DataFlags> for Flags {
    fn from(flags: DataFlags) -> Self {
        let DataFlags { data, config, root_key_file, store, store_password_file, store_ca, kms } = flags;
        Self { data, config, root_key_file, store, store_password_file, store_ca, kms, ..Self::default() }
    }
}

/// Opened data.
pub struct Installation {
    /// The store.
    pub store: AnyStore,
    /// The root keys.
    pub root: Arc<RootRing>,
    /// The key that the operator keeps, which opens them.
    pub wrapping: WrappingKey,
    /// The keyring, as it is stored, if there is one.
    pub keyring: Option<Vec<u8>>,
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
    pub fn online(&self, output: Output, is_quiet: bool, account: Account<'_>) -> Option<ExitCode> {
        (!self.offline).then(|| csms_cli::run_account(&self.connection, output, is_quiet, account))
    }
}

impl DataArguments {
    /// The server's settings, as these flags, the variables of the server and the file give them.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn settings(&self) -> Result<Settings, Failed> {
        Ok(self.given.settle_with_variables()?)
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
            return Err(no_data(&place));
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
            return Err(no_data("the database"));
        }
        let Keyring { root, wrapping, row: keyring, remote } =
            root::open(settings.root_key_source(), &store, &Clock::default()).await?;
        let home = settings.regions.first().map_or("local-1", |region| region.as_str());
        let identity = installation::open(&store, &root, home).await?;
        let chain = chain_key(&root);
        let password_rule = settings.password_rule;
        Ok((Installation { store, root, wrapping, keyring, identity, password_rule, chain, force: false }, remote))
    }
}

fn no_data(place: &str) -> Failed {
    CliError::Missing(format!("there is no data in {place}; start `csms serve` there first")).into()
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
        decide: impl FnOnce(&AccessState) -> Result<(T, Vec<AccessChange>), CliError> + Send + 'static,
    ) -> Result<T, Failed> {
        let (record, force, now) = (self.record(action, target), self.force, Clock::default().now());
        let decide = move |state: &AccessState| {
            let (result, changes) = decide(state)?;
            if !force && leaves_nobody(state, &changes, now) {
                return Err(CliError::refused(format!("{LEAVES_NOBODY}; --force does it all the same")));
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
/// A standard output that cannot be written.
pub fn say(output: Output, sentence: &str) -> Result<(), Failed> {
    Ok(output.sentence(sentence)?)
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// What the system says, with the name of the file.
pub fn read_input(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let mut text = Zeroizing::new(String::new());
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_INPUT).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_INPUT).read_to_string(&mut text))
    };
    read.map_err(|error| CliError::unreadable(path.display(), &error))?;
    Ok(text)
}

/// Prints JSON, or what `table` makes of it.
///
/// # Errors
/// A standard output that cannot be written.
pub fn print(output: Output, json: &Value, table: impl FnOnce(&mut Table)) -> Result<(), Failed> {
    Ok(output.table(json, || {
        let mut made = Table::default();
        table(&mut made);
        made
    })?)
}
