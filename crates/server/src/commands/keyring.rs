//! `csms keyring`: shows and changes the root key of an installation while its servers run.
//!
//! A rotation stands in the store, so each command goes on where the last one ended, however that ended. What may follow what is
//! in [`crate::keys::phase`], what the store keeps in [`crate::keys::keyring`].

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Args, Subcommand};
use csms_cli::{CliError, Output, STATUSES};
use csms_kms::RootKey;
use csms_store::{Rekey, Rekeyed, Replacement, ServerReport, Store as _, StoreError};
use getrandom::SysRng;
use serde_json::json;

use super::{
    Failed, block_on,
    offline::{DataArguments, Installation, print, say},
};
use crate::{
    audit::{Record, chain_key, signing_key::SigningKey},
    boot::serve,
    clock::{Clock, rfc3339},
    installation,
    keys::{
        held::{LOOK_INTERVAL, SILENCE},
        keyring::{KEYRING, Keyring, RingError, WrappingKey, digest},
        phase::Phase,
        reseal::Resealer,
        root::{KeyringError, RemoteKeyring},
    },
};

/// Time between two looks at the running servers.
const INTERVAL: Duration = Duration::from_millis(500);

/// How long a command waits for the running servers to read the keyring.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a command begins again when another changes the keyring at the same time.
const ATTEMPTS: usize = 5;

const EXAMPLES: &str = "\
Examples:
  csms keyring rotate --data /var/lib/csms --new-root-key-file /etc/csms/root-2.key
  csms keyring status --data /var/lib/csms
  csms keyring retire --data /var/lib/csms --root-key-file /etc/csms/root-2.key

First `rotate`, then start every server with the new file, then `retire` with the new file, and last remove the old one. Each \
command may be run again at any time: it goes on where the last one ended.";

/// Arguments of `csms keyring`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{STATUSES}"))]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    data: DataArguments,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Show which root key is in use, which keys open it, and which servers run
    Status,

    /// Take another root key into use while the servers run
    ///
    /// It makes a random root key, waits until every running server has read it, and then binds and seals everything under it in
    /// one transaction, for which other writes wait. The old root key file and the new one both open the data until
    /// `csms keyring retire`.
    Rotate {
        /// File that servers are to be started with from now on; it is made if there is none. Not used where a remote KMS keeps the
        /// root key
        #[arg(long, value_name = "FILE")]
        new_root_key_file: Option<PathBuf>,
        /// Let this file take the place of the new one that a rotation under way began with and that was lost. Run it with the old
        /// root key; a server that was started with the lost file does not start again
        #[arg(long)]
        replace: bool,
    },

    /// Refuse the old root key from now on
    ///
    /// Every running server must have been started with the new one, and so must this command. Tokens from before the rotation
    /// end: their users log in again.
    Retire,
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
/// What is in the way, and what to do about it.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    block_on(async {
        match &arguments.action {
            Action::Status => Opened::of(&arguments.data).await?.show(arguments.data.output).await,
            Action::Rotate { new_root_key_file, replace } => {
                rotate(&arguments.data, new_root_key_file.as_deref(), *replace).await
            }
            Action::Retire => retire(&arguments.data).await,
        }
    })
}

/// An installation with its keyring, as they are now.
struct Opened {
    installation: Installation,
    remote: Option<RemoteKeyring>,
    ring: Option<Keyring>,
}

impl Opened {
    async fn of(data: &DataArguments) -> Result<Self, Failed> {
        let settings = data.settings()?;
        let none = || CliError::Missing("there is no data yet; start `csms serve` first".to_owned());
        let store = serve::open_existing(&settings).await?.ok_or_else(none)?;
        let (installation, remote) = data.unlock(&settings, store).await?;
        let ring = installation.keyring.as_deref().map(|row| Keyring::open(row, &installation.wrapping)).transpose()?;
        Ok(Self { installation, remote, ring })
    }

    fn phase(&self) -> Phase {
        self.ring.as_ref().map_or(Phase::Settled, Keyring::phase)
    }

    /// The servers that run. One of an older release is a reason to do nothing.
    async fn servers(&self) -> Result<Vec<ServerReport>, Failed> {
        let servers = self.installation.store.servers().await?;
        let older = names(servers.iter().filter(|server| server.release.is_empty()));
        if older.is_empty() {
            return Ok(servers);
        }
        Err(refused(format!("servers of an older release are running ({older}); update or stop them first")))
    }

    /// The file of the next wrapping key, or a key of the remote KMS.
    async fn next_wrapping_key(&self, file: Option<&Path>) -> Result<WrappingKey, Failed> {
        match (&self.remote, file) {
            (Some(remote), None) => Ok(remote.make_wrapping_key().await?),
            (Some(_), Some(_)) => {
                Err(CliError::usage("a remote KMS keeps the root key; leave --new-root-key-file out").into())
            }
            (None, None) => Err(CliError::usage("name the file of the new root key with --new-root-key-file").into()),
            (None, Some(file)) => {
                Ok(WrappingKey::new(RootKey::load_or_make(file, &mut SysRng).map_err(KeyringError::from)?, None))
            }
        }
    }

    /// Stores a keyring in place of the one that was read. Where another command was quicker, its keyring counts, and this one is
    /// forgotten.
    async fn put(&self, next: &Keyring, action: &str, target: &str) -> Result<(), Failed> {
        let installation = &self.installation;
        let record = installation.record(action, target);
        let (old, new) = (installation.keyring.clone(), next.to_row()?);
        installation.store.put_keyring(KEYRING, old, new, vec![record], SILENCE).await?;
        Ok(())
    }

    async fn show(&self, format: Output) -> Result<(), Failed> {
        let servers = self.installation.store.servers().await?;
        let (number, phase) = (self.installation.root.current(), describe(self.phase()));
        let since = self.ring.as_ref().and_then(Keyring::since).map(|since| rfc3339(since, 0));
        let keys: Vec<_> = match &self.ring {
            Some(ring) => ring.wrapping_keys().map(str::to_owned).collect(),
            None => vec![self.installation.wrapping.fingerprint()],
        };
        let version = self.ring.as_ref().map_or(0, Keyring::version);
        let json = json!({
            "root_key": number, "since": since, "phase": phase.0, "version": version, "root_key_files": keys,
            "servers": servers.iter().map(|server| json!({
                "name": server.name, "release": server.release, "version": server.keyring, "root_key_file": server.wrapping_key,
            })).collect::<Vec<_>>(),
        });
        print(format, &json, |table| {
            table.texts(["root key", &number.to_string(), since.as_deref().unwrap_or("since the first start")]);
            table.texts(["rotation", phase.0, phase.1]);
            for key in &keys {
                table.texts([
                    "opened by",
                    key,
                    if keys.last() == Some(key) { "the newest" } else { "until it is retired" },
                ]);
            }
            for ServerReport { name, release, keyring, wrapping_key, .. } in &servers {
                let release = if release.is_empty() { "an older release" } else { release };
                table.texts([
                    "server",
                    name,
                    &format!("{release}, started with {wrapping_key}, has read version {keyring}"),
                ]);
            }
        })
    }

    /// The row that is stored, and the one to take its place.
    fn replacement(&self, next: &Keyring) -> Result<Replacement, Failed> {
        let old = self.installation.keyring.clone().ok_or("there is no keyring yet")?;
        Ok(Replacement { key: KEYRING.to_owned(), old, new: next.to_row()? })
    }

    /// Binds and seals everything under the current key of a keyring, and stores that, if every running server was started with a
    /// wrapping key where that matters.
    async fn rekey(&self, next: &Keyring, action: &str, started_with: Option<String>) -> Result<Rekeyed, Failed> {
        let (store, root) = (&self.installation.store, Arc::new(next.ring()?));
        let mut replacements = vec![self.replacement(next)?];
        replacements.extend(installation::resealed_check(store, &root).await?);
        replacements.extend(SigningKey::resealed(store, &root).await?);
        let number = root.current().to_string();
        let mut record = Record::of("command", action, Clock::default().now());
        record.target = Some(&number);
        let record = record.entry(&chain_key(&root));
        // All rows are bound under the key that is in use until now: one under a former key was written by somebody else.
        let row_key = installation::row_key_from(&root, self.installation.root.current());
        let reseal = Arc::new(Resealer(root));
        Ok(store.rekey(Rekey { row_key, started_with, reseal, replacements, record }).await?)
    }
}

/// The word for a phase, and what to do next.
const fn describe(phase: Phase) -> (&'static str, &'static str) {
    match phase {
        Phase::Settled => ("none", "`csms keyring rotate` begins one"),
        Phase::Announced => ("announced", "`csms keyring rotate` goes on"),
        Phase::Switched => ("in use", "start every server with the new root key, then `csms keyring retire`"),
    }
}

/// Whether another command changed the keyring first.
fn is_overtaken(error: &Failed) -> bool {
    matches!(error.downcast_ref(), Some(StoreError::Conflict(_)))
}

/// What is in the way of a command.
fn refused(reason: impl Into<String>) -> Failed {
    CliError::refused(reason).into()
}

/// A name as the database has it, fit to be shown.
fn shown(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter }).collect()
}

/// The names of servers, as they are shown.
fn names<'s>(servers: impl Iterator<Item = &'s ServerReport>) -> String {
    servers.map(|server| shown(&server.name)).collect::<Vec<_>>().join(", ")
}

async fn rotate(data: &DataArguments, file: Option<&Path>, mut replace: bool) -> Result<(), Failed> {
    let mut attempt = 1;
    // Whether this command has taken the key into use, or found that another one has.
    let mut has_begun = false;
    loop {
        let opened = Opened::of(data).await?;
        let step = match opened.phase() {
            Phase::Settled if has_begun => return Err(refused("another command has ended this rotation")),
            Phase::Settled if replace => {
                return Err(refused("no rotation is under way whose new root key could be replaced"));
            }
            Phase::Settled => announce(&opened, file).await,
            _ if replace => replace_newest(&opened, file).await.inspect(|()| replace = false),
            Phase::Announced => {
                require_same_file(&opened, file)?;
                switch(&opened, data.output).await
            }
            Phase::Switched => {
                require_same_file(&opened, file)?;
                return say(
                    data.output,
                    &format!(
                        "root key number {} is in use; {}",
                        opened.installation.root.current(),
                        describe(Phase::Switched).1
                    ),
                );
            }
        };
        match step {
            Ok(()) => has_begun = true,
            Err(error) if is_overtaken(&error) && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Refuses to go on with another file than the rotation began with, and, before the key is taken into use, without it: from then on
/// everything hangs on that file.
fn require_same_file(opened: &Opened, file: Option<&Path>) -> Result<(), Failed> {
    let Some(ring) = &opened.ring else { return Ok(()) };
    let file = match (&opened.remote, file) {
        (Some(_), None) => return Ok(()),
        (Some(_), Some(_)) => {
            return Err(CliError::usage("a remote KMS keeps the root key; leave --new-root-key-file out").into());
        }
        (None, None) if ring.phase() == Phase::Switched => return Ok(()),
        (None, None) => {
            let missing = "name the file that this rotation began with, with --new-root-key-file; if it is lost, name another \
                           one and add --replace";
            return Err(CliError::usage(missing).into());
        }
        (None, Some(file)) => file,
    };
    let key = WrappingKey::new(RootKey::load(file).map_err(KeyringError::from)?, None);
    if ring.is_newest(&key.fingerprint()) {
        return Ok(());
    }
    if ring.phase() == Phase::Switched {
        return Err(refused(
            "the last rotation is not ended: its root key is in use, and the one before still opens the data; run `csms keyring retire` \
             with the new file, then begin another rotation. If the new file is lost, add --replace",
        ));
    }
    Err(refused(format!(
        "a rotation is under way to another root key than that in {}; name the file that it began with, or add --replace if that \
         is lost",
        file.display()
    )))
}

async fn announce(opened: &Opened, file: Option<&Path>) -> Result<(), Failed> {
    opened.servers().await?;
    let next = opened.next_wrapping_key(file).await?;
    let installation = &opened.installation;
    if next.fingerprint() == installation.wrapping.fingerprint() {
        return Err(refused("the new root key is the one in use; name another file"));
    }
    if opened.ring.as_ref().is_some_and(|ring| !ring.is_newest(&installation.wrapping.fingerprint())) {
        return Err(refused("this command was started with a root key that is not the newest"));
    }
    let ring = Keyring::announce(opened.ring.as_ref(), &installation.wrapping, &next).map_err(KeyringError::from)?;
    opened.put(&ring, "AnnounceRootKey", &ring.numbers().newest.to_string()).await?;
    // A server that could not report itself for a while does so when it has read this.
    tokio::time::sleep(LOOK_INTERVAL).await;
    Ok(())
}

/// Lets another file take the place of the new one, which was lost.
async fn replace_newest(opened: &Opened, file: Option<&Path>) -> Result<(), Failed> {
    let Some(ring) = &opened.ring else { return Ok(()) };
    let own = opened.installation.wrapping.fingerprint();
    let next = opened.next_wrapping_key(file).await?;
    if own != next.fingerprint() && ring.is_newest(&next.fingerprint()) {
        // The last run of this command has done it.
        return Ok(());
    }
    let servers = opened.servers().await?;
    let started = names(servers.iter().filter(|server| server.wrapping_key != own));
    if !started.is_empty() {
        return Err(refused(format!(
            "servers run with the root key that would be replaced: {started}; stop them first"
        )));
    }
    let replaced = match ring.replace_newest(&opened.installation.wrapping, &next, Clock::default().now()) {
        Err(RingError::Foreign) => return Err(refused("run this with the old root key")),
        Err(RingError::Step) => return Err(refused("that root key opens the data already; name another file")),
        replaced => replaced.map_err(KeyringError::from)?,
    };
    opened.put(&replaced, "ReplaceRootKeyFile", &next.fingerprint()).await
}

async fn switch(opened: &Opened, format: Output) -> Result<(), Failed> {
    let ring = opened.ring.as_ref().ok_or("there is no keyring yet")?;
    wait_for_servers(opened).await?;
    let rekeyed = opened.rekey(&ring.switch(Clock::default().now())?, "RotateRootKey", None).await?;
    warn_of_foreign(&rekeyed)?;
    say(format, &format!("{} rows are bound to the new root key", rekeyed.rows))
}

/// Names rows that nobody of this installation has written, which stay as unusable as they were.
fn warn_of_foreign(rekeyed: &Rekeyed) -> Result<(), Failed> {
    for (kind, name) in &rekeyed.foreign {
        writeln!(
            std::io::stderr(),
            "csms: the row of the {kind} {} was not written by this installation; it stays as it is",
            shown(name)
        )?;
    }
    Ok(())
}

/// Waits until every running server uses this keyring.
async fn wait_for_servers(opened: &Opened) -> Result<(), Failed> {
    let (begun, mut said) = (Instant::now(), String::new());
    let expected = digest(opened.installation.keyring.as_deref());
    loop {
        let servers = opened.servers().await?;
        let waiting = names(servers.iter().filter(|server| server.digest != expected));
        if waiting.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(refused(format!(
                "servers do not use the new root key yet: {waiting}; run this command again, and restart those that stay"
            )));
        }
        if waiting != said {
            writeln!(std::io::stderr(), "csms: waiting for servers to read the new root key: {waiting}")?;
            said = waiting;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Refuses to go on beside servers that were started with another wrapping key.
async fn require_restarted(opened: &Opened, fingerprint: &str) -> Result<(), Failed> {
    let servers = opened.servers().await?;
    let old = names(servers.iter().filter(|server| server.wrapping_key != fingerprint));
    if old.is_empty() {
        return Ok(());
    }
    Err(refused(format!("servers run that were started with the old root key: {old}; start them with the new one")))
}

async fn retire(data: &DataArguments) -> Result<(), Failed> {
    let opened = Opened::of(data).await?;
    let installation = &opened.installation;
    let fingerprint = installation.wrapping.fingerprint();
    let Some(ring) = opened.ring.as_ref().filter(|ring| ring.phase() == Phase::Switched) else {
        return match opened.phase() {
            Phase::Announced => Err(refused("the new root key is not in use yet; run `csms keyring rotate` first")),
            _ => say(data.output, "there is no old root key to retire"),
        };
    };
    if !ring.is_newest(&fingerprint) {
        return Err(refused("this command was started with the old root key; name the new one with --root-key-file"));
    }
    require_restarted(&opened, &fingerprint).await?;
    let retired = ring.retire(&installation.wrapping, Clock::default().now())?;
    let rekeyed = match opened.rekey(&retired, "RetireRootKey", Some(fingerprint.clone())).await {
        Err(error) if is_overtaken(&error) => {
            return Err(refused("another command changes the keyring; run this one again"));
        }
        // A server was started meanwhile.
        Err(error) if matches!(error.downcast_ref(), Some(StoreError::InUse)) => {
            require_restarted(&opened, &fingerprint).await?;
            return Err(refused("servers are being started; run this command again"));
        }
        rekeyed => rekeyed?,
    };
    warn_of_foreign(&rekeyed)?;
    say(data.output, "the old root key opens nothing any more; keep its file as long as you keep snapshots from before")
}
