//! `csms drill`: shows that a snapshot can be used, by restoring it into a temporary place and trying everything in it.
//!
//! Which logins are tried, and how, is in `drill/logins.rs`. Nothing is repaired, and no password is changed.

mod logins;

use std::{io::Write as _, path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use csms_api::ErrorCode;
use csms_cli::Output;
use csms_core::{ProjectId, Secret, SecretName, SecretState, StageName, VersionId};
use csms_kms::envelope;
use csms_store::{AnyStore, ReadError, Store as _, StoredValue};
use logins::{Candidate, Outcome, Tried};
use serde::Serialize;
use serde_json::json;

use super::{
    Failed, block_on,
    offline::{CareFlags, DataArguments, print},
    snapshot::{Unpacked, work::Work},
};
use crate::{
    audit::{ReadRecords, Trail},
    auth::cache::secret_key_purpose,
    clock::{Clock, rfc3339},
    keys::{project::Keys, remote::RemoteKeys},
};

/// Secrets that are read at a time.
const PAGE: u16 = 200;

const EXAMPLES: &str = "\
Examples:
  csms drill /backup/csms-2026-05-01.snapshot --config /etc/csms/csms.toml
  csms drill FILE --no-logins                contacts no database
  csms drill FILE --yes --output json        for monitoring

Exit status: 0 when everything opens and every password logs in, 1 when something does not, and otherwise as `csms user --help` \
lists.";

/// Arguments of `csms drill`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The snapshot
    file: PathBuf,
    #[command(flatten)]
    data: DataArguments,
    /// Log in nowhere
    #[arg(long)]
    no_logins: bool,
    /// Log in without asking
    #[arg(long, short)]
    yes: bool,
}

/// A version, or something else, whose value was tried.
#[derive(Debug, Serialize)]
struct Place {
    project: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<VersionId>,
    reason: String,
}

/// What was found in a snapshot.
#[derive(Debug, Default, Serialize)]
struct Findings {
    secrets: u64,
    values_opened: u64,
    /// Values whose KMS key is disabled or waits for its deletion: nobody reads them until it is enabled.
    values_behind_unusable_keys: u64,
    access_keys_opened: u64,
    damaged: Vec<Place>,
    #[serde(skip)]
    candidates: Vec<Candidate>,
    /// Accounts whose passwords cannot be tried, with the reason.
    not_tried: Vec<Place>,
}

impl Arguments {
    /// Whether a program reads what is printed.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.data.output.is_json()
    }
}

/// Runs the drill and prints what it found.
///
/// # Errors
/// A snapshot that cannot be verified; an answer other than yes.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failed> {
    block_on(async {
        let unpacked = Unpacked::verified(&arguments.data, &arguments.file, Work::temporary()?, None).await?;
        let rules = arguments.data.settings()?.target_rules;
        let time = unpacked.manifest.time;
        let mut findings = open_everything(unpacked).await?;
        let candidates = std::mem::take(&mut findings.candidates);
        let tried = if arguments.no_logins {
            Vec::new()
        } else {
            announce(&candidates, arguments.yes)?;
            logins::all(candidates, &rules).await
        };
        report(arguments.data.output, &rfc3339(time, 0), &findings, &tried)?;
        let well = findings.damaged.is_empty() && tried.iter().all(|tried| tried.outcome == Outcome::LogsIn);
        Ok::<_, Failed>(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Says where the drill is about to log in, and asks.
fn announce(candidates: &[Candidate], yes: bool) -> Result<(), Failed> {
    let mut out = std::io::stderr();
    for candidate in candidates {
        writeln!(out, "csms: will log in to {} with {} of {}", candidate.account, candidate.version, candidate.name)?;
    }
    if candidates.is_empty() {
        return Ok(());
    }
    let care = CareFlags::agreed(yes);
    care.confirm(&format!("Log in {} times, with the passwords of the snapshot?", candidates.len()))
}

/// Opens every value and every secret key of the data.
async fn open_everything(mut unpacked: Unpacked) -> Result<Findings, Failed> {
    let remote = unpacked.remote.take();
    let Unpacked { installation, sqlite, .. } = &unpacked;
    let (store, root) = (&installation.store, &installation.root);
    let clock = Clock::default();
    let trail = Arc::new(Trail::new(store.clone(), root, clock.clone(), ReadRecords::default()));
    let domain = installation.identity.domain_id.clone();
    let remote = remote.map(|remote| RemoteKeys::new(remote, store.clone(), domain));
    let keys = Keys::new(Arc::clone(root), store.clone(), trail, clock, remote);
    let mut findings = Findings::default();
    for project in sqlite.projects().await? {
        let mut after: Option<String> = None;
        loop {
            let page = store.list_secrets(&project, after.as_deref(), PAGE, None).await?;
            for secret in &page.items {
                findings.secrets += 1;
                for version in secret.versions() {
                    open_value(store, &keys, secret, version.id, &mut findings).await?;
                }
            }
            after = page.items.last().map(|secret| secret.name.to_string()).filter(|_| page.more);
            if after.is_none() {
                break;
            }
        }
    }
    for user in store.users().await? {
        for key in store.access_keys(&user.id).await? {
            match root.open_kept(&secret_key_purpose(&key.access_key, &key.user_id), &key.sealed_secret_key) {
                Ok(_) => findings.access_keys_opened += 1,
                Err(error) => findings.damaged.push(Place {
                    project: String::new(),
                    name: format!("access key {}", key.access_key),
                    version: None,
                    reason: error.to_string(),
                }),
            }
        }
    }
    Ok(findings)
}

async fn open_value(
    store: &AnyStore,
    keys: &Keys,
    secret: &Secret,
    version: VersionId,
    findings: &mut Findings,
) -> Result<(), Failed> {
    let place = |reason: String| Place {
        project: secret.project.to_string(),
        name: secret.name.to_string(),
        version: Some(version),
        reason,
    };
    let sealed = match value_of(store, &secret.project, &secret.name, version).await {
        Ok(sealed) => sealed,
        Err(reason) => {
            findings.damaged.push(place(reason));
            return Ok(());
        }
    };
    let Ok(known) = secret.version(version) else { return Ok(()) };
    let key = match keys.get(&secret.project, &known.kms_key_id).await {
        Ok(key) => key,
        Err(failure) if failure.error.code == ErrorCode::KeyUnusable => {
            findings.values_behind_unusable_keys += 1;
            return Ok(());
        }
        Err(failure) => {
            findings.damaged.push(place(failure.error.message.to_string()));
            return Ok(());
        }
    };
    let context = envelope::Context { project: &secret.project, secret: &secret.id, version, key: &known.kms_key_id };
    let value = match envelope::open(&key, &context, &sealed) {
        Ok(value) => value,
        Err(error) => {
            findings.damaged.push(place(error.to_string()));
            return Ok(());
        }
    };
    findings.values_opened += 1;
    let is_current = secret.staged(&StageName::current()).is_ok_and(|current| current == version);
    let is_rotated = secret.secret_type.is_rotated() && secret.primary().is_none();
    if is_current && is_rotated && secret.state != SecretState::PendingDelete {
        match Candidate::of(secret, version, &value) {
            Ok(candidate) => findings.candidates.push(candidate),
            Err(reason) => findings.not_tried.push(place(reason)),
        }
    }
    Ok(())
}

/// The sealed value of a version, or why there is none.
async fn value_of(
    store: &AnyStore,
    project: &ProjectId,
    name: &SecretName,
    version: VersionId,
) -> Result<Vec<u8>, String> {
    let select = |found: &Secret| found.version(version).map(|version| version.id);
    match store.secret_value(project, name, Some(version), select).await {
        Ok(StoredValue { sealed, .. }) => Ok(sealed),
        Err(ReadError::Store(error)) => Err(error.to_string()),
        Err(ReadError::NotFound | ReadError::Refused(_)) => Err("the value is missing".to_owned()),
    }
}

fn report(format: Output, time: &str, findings: &Findings, tried: &[Tried]) -> Result<(), Failed> {
    let json = json!({ "snapshot": time, "trail": "intact", "findings": findings, "logins": tried });
    print(format, &json, |table| {
        let number = |number: u64| number.to_string();
        table.texts(["snapshot of", time]);
        table.texts(["audit trail", "intact"]);
        table.texts(["secrets", &number(findings.secrets)]);
        table.texts(["values opened", &number(findings.values_opened)]);
        table.texts(["values behind disabled keys", &number(findings.values_behind_unusable_keys)]);
        table.texts(["secret keys opened", &number(findings.access_keys_opened)]);
        for Place { project, name, version, reason } in &findings.damaged {
            let version = version.map(|version| version.to_string()).unwrap_or_default();
            table.texts(["DAMAGED", &format!("{name} {version} {project}: {reason}")]);
        }
        for Place { project, name, reason, .. } in &findings.not_tried {
            table.texts(["not tried", &format!("{name} {project}: {reason}")]);
        }
        for Tried { name, project, version, account, outcome, detail } in tried {
            table.texts([outcome.word(), &format!("{name} {version} {project}: {account}{detail}")]);
        }
    })
}
