//! `csms support-bundle`: a directory with what a maintainer needs to understand an installation, and no secret.
//!
//! Settings are shown as `csms config show` shows them. Beyond that, every secret that the settings lead to is taken out of every
//! file, should a log or an address repeat it. Values of secrets are never read.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use clap::Args;
use csms_cli::{CliError, Output};
use csms_store::Store as _;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Failed, block_on, config::described, offline::print};
use crate::{
    boot::{
        diagnosis::{self, fetch},
        serve::open_existing,
        settings::{
            Settings,
            origin::{Given, HIDDEN, SECRET_VARIABLES},
        },
    },
    clock::{self, Clock},
    failure::Chain,
    installation,
    keys::root,
    version,
};

const EXAMPLES: &str = "\
Examples:
  csms support-bundle csms-support --config /etc/csms/csms.toml    as the user that runs the server
  journalctl -u csms -n 5000 | csms support-bundle csms-support --server-log -
  tar czf csms-support.tar.gz csms-support                         to send it

The directory has version.json, settings.json, doctor.json, store.json with counts, metrics.txt and ready.json of the running
server, and log.txt. Names of users and secrets may be in the log: read it before you send it.";

/// Most bytes of a log, from its end.
const MAX_LOG: u64 = 4 << 20;

/// Secrets read at a time.
const PAGE: u16 = 1_000;

/// Shortest text that is taken for a secret: a shorter one would be found in every file.
const SHORTEST_SECRET: usize = 6;

/// Arguments of `csms support-bundle`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Directory to make for the files
    directory: PathBuf,

    /// The server's log, whose end is included; `-` is standard input
    #[arg(long, value_name = "FILE")]
    server_log: Option<PathBuf>,

    #[command(flatten)]
    given: Given,

    #[command(flatten)]
    output: Output,
}

impl Arguments {
    /// Whether a program reads what is printed.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.output.is_json()
    }
}

/// Collects the files.
///
/// # Errors
/// A directory that is there already or cannot be written; a log that cannot be read.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    let Arguments { directory, server_log, given, output } = arguments;
    // Read first: what is wrong with it leaves no directory behind.
    let log = server_log.as_deref().map(end_of).transpose()?;
    let made = DirBuilder::new().mode(0o700).create(directory);
    made.map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
    let settled = given.settle();
    let settings = match given.origins() {
        Ok(origins) => described(&origins),
        Err(error) => json!({ "problems": error.problems() }),
    };
    let secrets = Secrets::of(settled.as_ref().ok());
    let mut files = Vec::new();
    let mut write = |name: &'static str, text: &str| {
        files.push(name);
        secrets.write(&directory.join(name), text)
    };
    let now = clock::rfc3339(Clock::default().now(), 0);
    let mut build = version::members();
    build.insert("made_at".to_owned(), now.into());
    write("version.json", &pretty(&Value::Object(build)))?;
    write("settings.json", &pretty(&settings))?;
    if let Some(log) = log {
        write("log.txt", &log)?;
    }
    block_on(async {
        if let Ok(settings) = &settled {
            let counted =
                counts(settings).await.unwrap_or_else(|error| json!({ "problem": Chain(error.as_ref()).to_string() }));
            write("store.json", &pretty(&counted))?;
            for (name, path) in [("metrics.txt", "/metrics"), ("ready.json", "/readyz")] {
                // A server that does not run has neither, which doctor.json says.
                if let Ok(text) = fetch(settings, path).await {
                    write(name, &text)?;
                }
            }
        }
        let findings = diagnosis::all(settled).await;
        write("doctor.json", &pretty(&json!({ "checks": findings })))
    })?;
    let shown = directory.display().to_string();
    print(*output, &json!({ "directory": shown, "files": files }), |table| {
        table.texts([&format!("{shown} is written; read it before you send it")]);
    })
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// How much there is of everything.
async fn counts(settings: &Settings) -> Result<Value, Failed> {
    let Some(store) = open_existing(settings).await? else { return Ok(json!({ "kind": "none yet" })) };
    let clock = Clock::default();
    let keyring = root::open(settings.root_key_source(), &store, &clock).await?;
    let home = settings.regions.first().map_or("local-1", |region| region.as_str());
    let identity = installation::open(&store, &keyring.root, home).await?;
    let mut projects = Vec::new();
    for region in &identity.regions {
        let (mut secrets, mut rotated, mut after) = (0, 0, None::<String>);
        loop {
            let page = store.list_secrets(&region.project, after.as_deref(), PAGE, None).await?;
            secrets += page.items.len();
            rotated += page.items.iter().filter(|secret| secret.secret_type.is_rotated()).count();
            after = page.items.last().map(|secret| secret.name.to_string());
            if !page.more {
                break;
            }
        }
        let keys = store.keys(&region.project).await?.len();
        projects.push(json!({
            "region": region.name.to_string(), "project_id": region.project.to_string(), "secrets": secrets,
            "secrets_of_accounts": rotated, "keys": keys,
        }));
    }
    let users = store.users().await?;
    let mut access_keys = 0;
    for user in &users {
        access_keys += store.access_keys(&user.id).await?.len();
    }
    let (rotations, outbox) = (store.rotation_backlog(clock.now()).await?, store.outbox_backlog().await?);
    Ok(json!({
        "kind": if settings.store.is_some() { "postgresql" } else { "sqlite" },
        "projects": projects, "users": users.len(), "access_keys": access_keys,
        "policies": store.policies().await?.len(), "agencies": store.agencies().await?.len(),
        "audit_records": store.audit_head().await?.number,
        "rotations": { "due": rotations.due, "running": rotations.running },
        "notifications_waiting": outbox.waiting,
    }))
}

/// The end of a log, from the beginning of a line.
fn end_of(path: &Path) -> Result<String, Failed> {
    let told = |error: std::io::Error| CliError::unreadable(path.display(), &error);
    let mut bytes = Vec::new();
    let mut is_cut = false;
    if path == Path::new("-") {
        std::io::stdin().take(MAX_LOG).read_to_end(&mut bytes).map_err(told)?;
    } else {
        let mut file = File::open(path).map_err(told)?;
        let length = file.metadata().map_err(told)?.len();
        is_cut = length > MAX_LOG;
        file.seek(SeekFrom::Start(length.saturating_sub(MAX_LOG))).map_err(told)?;
        file.take(MAX_LOG).read_to_end(&mut bytes).map_err(told)?;
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match text.split_once('\n') {
        Some((_, rest)) if is_cut => rest.to_owned(),
        _ => text,
    })
}

/// Every secret that the settings lead to.
struct Secrets(Vec<Zeroizing<String>>);

impl Secrets {
    fn of(settings: Option<&Settings>) -> Self {
        let mut secrets: Vec<_> =
            SECRET_VARIABLES.iter().filter_map(|name| std::env::var(name).ok()).map(Zeroizing::new).collect();
        if let Some(settings) = settings {
            secrets.extend(settings.root_key.clone());
            secrets.extend(settings.webhook_secret.clone());
            secrets.extend(settings.smn.as_ref().map(|smn| smn.secret_key.clone()));
            secrets.extend(settings.functiongraph.as_ref().map(|functions| functions.secret_key.clone()));
            secrets.extend(settings.kms.as_ref().map(|kms| kms.secret_key.clone()));
            secrets.extend(settings.webhooks.iter().map(|(_, url)| Zeroizing::new(url.clone())));
            secrets.extend(settings.function_variables.0.values().cloned().map(Zeroizing::new));
            secrets.extend(settings.store.as_ref().map(|store| store.url.clone()));
            secrets.extend(settings.store.as_ref().and_then(|store| store.password.clone()));
            let files = settings.secret_files.iter().map(|(_, path)| path.as_path());
            let files = files.chain([settings.root_key_file.as_path()]);
            secrets.extend(files.filter_map(|path| fs::read_to_string(path).ok()).map(Zeroizing::new));
            secrets.extend(first_credentials(&settings.data));
        }
        let secrets = secrets.into_iter().map(|secret| Zeroizing::new(secret.trim().to_owned()));
        Self(secrets.filter(|secret| secret.len() >= SHORTEST_SECRET).collect())
    }

    /// Writes a file for its owner alone, without the secrets.
    fn write(&self, path: &Path, text: &str) -> Result<(), Failed> {
        let text = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), HIDDEN));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()).into())
    }
}

/// The password and the keys of the first user's file, where it still is.
fn first_credentials(data: &Path) -> Vec<Zeroizing<String>> {
    let text = fs::read(data.join("credentials.json")).map(Zeroizing::new).unwrap_or_default();
    let members: Value = serde_json::from_slice(&text).unwrap_or_default();
    let secrets = ["password", "secret_key"].iter().filter_map(|name| members.get(name)?.as_str());
    secrets.map(|secret| Zeroizing::new(secret.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_any_text_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let secrets = Secrets(vec![Zeroizing::new("hunter2-hunter2".to_owned())]);
        let file = directory.path().join("log.txt");
        secrets.write(&file, "the password hunter2-hunter2 is wrong").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("the password {HIDDEN} is wrong"));
    }

    #[test]
    fn a_long_log_is_cut_at_the_beginning_of_a_line() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("log");
        fs::write(&file, "0123456789\n".repeat(500_000)).unwrap();
        let text = end_of(&file).unwrap();
        assert!(text.starts_with("0123456789\n") && text.len() < usize::try_from(MAX_LOG).unwrap());
    }
}
