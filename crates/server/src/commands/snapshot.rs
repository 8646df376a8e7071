//! `csms snapshot`: makes a snapshot of the data while servers run, checks one, and restores one into an empty place.
//!
//! A snapshot is one file ([`file`](mod@file)) that holds a whole store, whichever it was; values stay sealed, and the root key is not in it.

pub mod file;
pub(super) mod work;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use csms_cli::{Output, STATUSES};
use csms_core::UnixMillis;
use csms_store::{AnyStore, SqliteSettings, SqliteStore, Store as _, transfer::move_to_postgres};
use file::{Manifest, Origin, Snapshot};
use serde_json::{Value, json};
use work::Work;

use super::{
    Failed,
    audit::{self, Head},
    block_on, done,
    offline::{DataArguments, Installation, print},
};
use crate::{
    boot::serve::DATABASE,
    boot::settings::Settings,
    clock::{Clock, rfc3339},
    installation::{
        InstallationError, last_snapshot,
        mark::Mark,
        seen::{Behind, Seen},
    },
    keys::root::RemoteKeyring,
};

const EXAMPLES: &str = "\
Examples:
  csms snapshot create /backup/csms-$(date +%F).snapshot --config /etc/csms/csms.toml
  csms snapshot verify /backup/csms-2026-05-01.snapshot --config /etc/csms/csms.toml
  csms snapshot verify --without-key FILE    digest alone, where the root key is not
  csms snapshot restore FILE --data DIR --root-key-file /media/safe/csms-root.key

A snapshot cannot be read without the root key, which is not in it. `csms drill` shows whether one can really be used.";

/// Arguments of `csms snapshot`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{STATUSES}"))]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    /// What to do
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Make a snapshot of all data, also while servers run
    ///
    /// It has the state of one instant. The audit trail gets a record of it. The directory of FILE needs room for the data
    /// twice while the command runs.
    Create {
        /// New file
        file: PathBuf,
    },
    /// Check that a snapshot is undamaged, that it was made with this root key, and that its audit trail is intact
    ///
    /// The database is unpacked below TMPDIR meanwhile, its values sealed.
    Verify {
        /// The snapshot
        file: PathBuf,
        /// A head printed earlier, NUMBER:LINK, which must be part of the trail
        #[arg(long, value_name = "NUMBER:LINK", value_parser = audit::parse_head)]
        expect: Option<Head>,
        /// Check only the digest, which needs no root key
        #[arg(long, conflicts_with = "expect")]
        without_key: bool,
    },
    /// Put a snapshot into an empty data directory or database
    ///
    /// The snapshot is verified first. Nothing is written over: a directory with a database, a database with rows, and a directory
    /// that belongs to another installation are refused. Start the server afterwards with the same flags. It goes on with
    /// rotations that were running and begins those that are due, so look at the output of `csms drill` before.
    Restore {
        /// The snapshot
        file: PathBuf,
    },
}

impl Arguments {
    /// Whether a program reads what is printed.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.data.output.is_json()
    }
}

/// Runs the command.
///
/// # Errors
/// What is in the way.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    let Arguments { data, action } = arguments;
    block_on(async {
        match action {
            Action::Create { file } => create(data, file).await,
            Action::Verify { file, without_key: true, .. } => verify_digest(file, data.output),
            Action::Verify { file, expect, .. } => {
                let unpacked = Unpacked::verified(data, file, Work::temporary()?, expect.as_ref()).await?;
                report(data.output, &unpacked.manifest, "intact")
            }
            Action::Restore { file } => restore(data, file).await,
        }
    })
}

/// The directory that a file is in.
fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

async fn create(data: &DataArguments, path: &Path) -> Result<(), Failed> {
    if path.symlink_metadata().is_ok() {
        return Err(format!("{} is there already; give the snapshot a name of its own", path.display()).into());
    }
    let settings = data.settings()?;
    let installation = data.open_with(&settings).await?;
    let work = Work::new_in(directory_of(path))?;
    let time = Clock::default().now();
    installation.store.append_audit(vec![installation.record("CreateSnapshot", &rfc3339(time, 3))]).await?;
    let copy = work.path().join(DATABASE);
    csms_store::snapshot::copy(&installation.store, &copy).await?;
    let copied: AnyStore = SqliteStore::open(&copy, SqliteSettings::default())?.into();
    let head = copied.audit_head().await?;
    copied.close().await?;
    drop(copied);
    let origin = Origin {
        time,
        domain_id: &installation.identity.domain_id,
        project_id: installation.identity.project_id.as_str(),
        audit_head: audit::head_text(&head),
    };
    let manifest = file::write(path, work.path(), &copy, &installation.root, &origin)?;
    if let Err(error) = last_snapshot::note(&settings.data, time) {
        let place = settings.data.display();
        let what = format!("csms: the snapshot is made, but {place} cannot note it for /metrics: {error}");
        // There is nobody left to tell when stderr is closed.
        let _ = writeln!(std::io::stderr(), "{what}");
    }
    report(data.output, &manifest, "created").map_err(done(format!("the snapshot {} is made", path.display())))
}

fn verify_digest(path: &Path, format: Output) -> Result<(), Failed> {
    let work = Work::temporary()?;
    let mut snapshot = file::open(path)?;
    snapshot.extract(&work.path().join(DATABASE))?;
    report(format, &snapshot.manifest, "undamaged")
}

fn report(format: Output, manifest: &Manifest, state: &str) -> Result<(), Failed> {
    let time = rfc3339(manifest.time, 0);
    let json: Value = json!({ "state": state, "time": time, "manifest": manifest });
    print(format, &json, |table| {
        table.texts([state, &format!("snapshot of {time}, by csms {}", manifest.version)]);
        table.texts(["project", &manifest.project_id]);
        table.texts(["head", &manifest.audit_head]);
        table.texts(["sha256", &manifest.sha256]);
        table.texts(["bytes", &manifest.bytes.to_string()]);
    })
}

/// A snapshot whose database lies in a private directory, verified and open.
pub(super) struct Unpacked {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its data.
    pub installation: Installation,
    /// The same store.
    pub sqlite: SqliteStore,
    /// The remote KMS, if the data needs one.
    pub remote: Option<RemoteKeyring>,
    work: Work,
}

impl Unpacked {
    /// Unpacks a snapshot into `work` and checks digest, MAC and audit trail.
    ///
    /// # Errors
    /// What is wrong with the snapshot; a root key that is missing or another one.
    pub(super) async fn verified(
        data: &DataArguments,
        path: &Path,
        work: Work,
        expect: Option<&Head>,
    ) -> Result<Self, Failed> {
        let mut snapshot = file::open(path)?;
        let database = work.path().join(DATABASE);
        snapshot.extract(&database)?;
        let Snapshot { ref manifest, .. } = snapshot;
        let sqlite = SqliteStore::open(&database, SqliteSettings::default())?;
        let (installation, remote) = data.unlock(&data.settings()?, sqlite.clone().into()).await?;
        snapshot.require_root(&installation.root)?;
        if installation.identity.domain_id != manifest.domain_id {
            return Err("the database is not of the installation that the manifest names".into());
        }
        let head = audit::check_trail(&installation, expect).await?;
        // A release that binds rows when it opens data of an older one adds records.
        let (number, link) = audit::parse_head(&manifest.audit_head)?;
        let noted = installation.store.audit_records(number.saturating_sub(1), 1, None).await?;
        if head.number < number || noted.first().is_none_or(|record| record.link != link) {
            return Err("the trail in the database is not the one that the manifest names".into());
        }
        Ok(Self { manifest: snapshot.manifest, installation, sqlite, remote, work })
    }

    /// Ends with the database as one file, and returns its directory.
    async fn close(self) -> Result<Work, Failed> {
        let Self { installation, sqlite, work, .. } = self;
        sqlite.close().await?;
        drop((installation, sqlite));
        Ok(work)
    }
}

async fn restore(data: &DataArguments, path: &Path) -> Result<(), Failed> {
    let settings = data.settings()?;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&settings.data);
    made.map_err(|error| format!("cannot make the data directory {}: {error}", settings.data.display()))?;
    if settings.store.is_none() {
        require_no_database(&settings.data)?;
    }
    let mark = Mark::read(&settings.data)?;
    let unpacked = Unpacked::verified(data, path, Work::new_in(&settings.data)?, None).await?;
    if let Some(mark) = mark {
        mark.require_store(&unpacked.installation.store).await.map_err(|error| foreign(&error, &settings))?;
    }
    let behind = Seen::open(&settings.data).compare(&unpacked.installation.store).await?;
    let made = rfc3339(unpacked.manifest.time, 3);
    let record = unpacked.installation.record("RestoreSnapshot", &made);
    unpacked.installation.store.append_audit(vec![record]).await?;
    let (manifest, identity) = (unpacked.manifest.clone(), unpacked.installation.identity.clone());
    let work = unpacked.close().await?;
    let database = work.path().join(DATABASE);
    match &settings.store {
        Some(postgres) => drop(move_to_postgres(&database, postgres).await?),
        None => place(database, &settings.data)?,
    }
    Mark::keep(&settings.data, &identity);
    // First, for a standard output that cannot be written.
    warn_of(behind, manifest.time);
    report(data.output, &manifest, "restored").map_err(done(format!("{} is restored", path.display())))
}

/// Requires that no embedded store is there, nor the log of one, which SQLite would put into the restored file.
fn require_no_database(data: &Path) -> Result<(), Failed> {
    let names = [DATABASE.to_owned(), format!("{DATABASE}-wal"), format!("{DATABASE}-shm")];
    match names.iter().map(|name| data.join(name)).find(|file| file.symlink_metadata().is_ok()) {
        Some(file) => {
            Err(format!("{} is there; restore into an empty directory, or move it away", file.display()).into())
        }
        None => Ok(()),
    }
}

/// Gives the restored database its name, unless a server has made one meanwhile.
fn place(database: PathBuf, data: &Path) -> Result<(), Failed> {
    let target = data.join(DATABASE);
    let placed = tempfile::TempPath::try_from_path(database)?.persist_noclobber(&target);
    placed.map_err(|failed| format!("cannot make {}: {}", target.display(), failed.error))?;
    Ok(fs::File::open(data).and_then(|directory| directory.sync_all())?)
}

fn foreign(error: &InstallationError, settings: &Settings) -> Failed {
    match error {
        InstallationError::Foreign { found, expected, mark } => format!(
            "the snapshot is of another installation ({found}) than {} ({expected}, says {}); restore it into another directory",
            settings.data.display(),
            mark.display()
        )
        .into(),
        other => other.to_string().into(),
    }
}

/// Says which rotations the data directory remembers and the snapshot does not have.
fn warn_of(behind: Option<Behind>, time: UnixMillis) {
    let Some(Behind { seen, found, lost_rotations }) = behind else { return };
    let mut text = format!(
        "csms: changes after {} are lost: the server has seen record {seen}, the snapshot ends with {found}",
        rfc3339(time, 0)
    );
    if !lost_rotations.is_empty() {
        text.push_str("; passwords that were rotated since: ");
        text.push_str(&lost_rotations.join(", "));
    }
    // There is nobody left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}
