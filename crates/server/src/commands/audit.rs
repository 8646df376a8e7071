//! `csms audit --offline`: verifies the audit trail, lists its records and archives old ones.

mod archive;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use clap::Args;
use csms_cli::{Account, AuditAction as Action, CliError, Output, STATUSES};
use csms_store::{AuditHead, AuditRecord, ChainCheck, RowKind, RowMark, Store};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Failed, block_on,
    offline::{DataArguments, Installation, PlaceFlags, print},
};
use crate::{
    audit::{
        Record,
        archive::{ARCHIVE_TRAIL, Checkpoint, Place, TrailState, announcement},
        signing_key::SigningKey,
    },
    clock,
    installation::CONVERSIONS,
};

/// Records read at a time.
const PAGE: u16 = 1_000;

/// Most times that the trail is followed again because it was archived meanwhile.
const MAX_STARTS: usize = 3;

/// Most times that rows are compared while changes go on beside the check.
const MAX_READINGS: usize = 10;

const EXAMPLES: &str = "\
Examples:
  csms audit list --secret db --output json            who read or changed the secret db
  csms audit verify --offline                          follows the chain from first to last
  csms audit verify --offline --expect 812:9f86d0…     and that an earlier head is part of it
  csms audit archive --offline --until 2026-01-01 --out audit-2025.jsonl
                                                       moves earlier records into a signed file
  csms audit verify --archive audit-2025.jsonl --public-key key.pem
                                                       verifies it without the server's data";

/// Arguments of `csms audit`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{STATUSES}"))]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    place: PlaceFlags,
    /// What to do
    #[command(subcommand)]
    action: Action,
}

impl Arguments {
    /// Whether a program reads what is printed.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.data.output.is_json()
    }

    /// Runs the command through the API; `None` where it works on the data itself, or on files alone.
    #[must_use]
    pub fn online(&self) -> Option<ExitCode> {
        if matches!(self.action, Action::Verify { public_key: Some(_), .. }) {
            return None;
        }
        self.place.online(self.data.output, true, Account::Audit(&self.action))
    }
}

/// Number and link of a record.
pub(super) type Head = (u64, Vec<u8>);

/// Reads a head as [`head_text`] writes it.
pub(super) fn parse_head(text: &str) -> Result<Head, String> {
    let form = || "must be of the form NUMBER:LINK, as verify prints it".to_owned();
    let (number, link) = text.split_once(':').ok_or_else(form)?;
    Ok((number.parse().map_err(|_| form())?, hex::decode(link).map_err(|_| form())?))
}

/// Runs the command.
///
/// # Errors
/// What is in the way, or where the trail is broken.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    if let Action::Verify { archives, public_key: Some(public_key), .. } = &arguments.action {
        return archive::verify_alone(archives, public_key, arguments.data.output);
    }
    block_on(async {
        let data = arguments.data.open().await?;
        match &arguments.action {
            Action::Verify { expect, archives, .. } => {
                let expect = expect.as_deref().map(parse_head).transpose();
                let expect = expect.map_err(|reason| CliError::usage(format!("--expect {reason}")))?;
                verify(&data, arguments.data.output, expect.as_ref(), archives).await
            }
            Action::Archive { until, out, ignore_sink } => {
                let until =
                    archive::parse_until(until).map_err(|reason| CliError::usage(format!("--until {reason}")))?;
                let sink = if *ignore_sink { None } else { data.store.audit_sink().await? };
                archive::archive(&data, arguments.data.output, archive::Limit { until, sink }, out).await
            }
            Action::PublicKey => archive::public_key(&data).await,
            Action::List { secret, after, limit } => {
                let limit = limit.unwrap_or(usize::MAX);
                list(&data, arguments.data.output, secret.as_deref(), *after, limit).await
            }
        }
    })
}

/// Where the stored part of the trail begins, and what came before.
struct Beginning {
    place: Place,
    state: TrailState,
    /// What a record behind the checkpoint must name.
    announcement: Option<String>,
}

impl Beginning {
    /// Reads the checkpoint, if there is one, and requires that the installation signed it.
    async fn read(data: &Installation) -> Result<Self, Failed> {
        let Some(stored) = data.store.audit_checkpoint().await? else {
            return Ok(Self { place: Place::default(), state: TrailState::default(), announcement: None });
        };
        let key = SigningKey::open(&data.store, &data.root).await?;
        let key = key.ok_or("the trail has a checkpoint, but the installation has no signing key: it was removed")?;
        let checkpoint = Checkpoint::read(&stored, &data.identity.domain_id, &key.public())?;
        Ok(Self { place: checkpoint.last, state: checkpoint.state, announcement: Some(announcement(&stored)) })
    }
}

/// The part of a trail that is followed, and what has been found in it.
struct Followed<'d> {
    data: &'d Installation,
    check: ChainCheck<'d>,
    rows: RowsOfTrail,
    /// A head that is looked for.
    expect: Option<&'d Head>,
    met: bool,
}

impl<'d> Followed<'d> {
    /// At the beginning of the stored part.
    fn begin(
        data: &'d Installation,
        beginning: Beginning,
        expect: Option<&'d Head>,
        met: bool,
    ) -> Result<Self, Failed> {
        let Beginning { place, state, announcement } = beginning;
        let link = place.link().ok_or("the checkpoint has no link")?;
        let is_begin = expect.is_some_and(|(number, expected)| *number == place.number && expected[..] == link[..]);
        Ok(Self {
            data,
            check: ChainCheck::behind(data.chain(), place.number, link),
            rows: RowsOfTrail::after(state, announcement),
            expect,
            met: met || expect.is_none() || is_begin,
        })
    }

    /// Follows the trail up to its present head.
    async fn follow(&mut self) -> Result<AuditHead, Failed> {
        let head = self.data.store.audit_head().await?;
        while self.check.position().0 < head.number {
            let records = self.data.store.audit_records(self.check.position().0, PAGE, None).await?;
            // Records that were archived meanwhile, the head among them, are not found any more.
            if records.first().is_none_or(|first| first.number > head.number) {
                break;
            }
            for record in records.iter().filter(|record| record.number <= head.number) {
                self.check.next(record)?;
                self.met |= is_at(self.expect, record);
                self.rows.take(record)?;
            }
        }
        Ok(head)
    }
}

/// Whether a record is the one that is looked for.
fn is_at(expect: Option<&Head>, record: &AuditRecord) -> bool {
    expect.is_some_and(|(number, link)| record.number == *number && record.link == *link)
}

/// A head as people see it.
pub(super) fn head_text(head: &AuditHead) -> String {
    format!("{}:{}", head.number, hex::encode(&head.link))
}

async fn verify(
    data: &Installation,
    format: Output,
    expect: Option<&Head>,
    archives: &[PathBuf],
) -> Result<(), Failed> {
    let met = archive::verify_beside(data, archives, expect).await?;
    let Checked { head, archived } = check_stored(data, expect, met).await?;
    let text = head_text(&head);
    let mut json = json!({ "intact": true, "records": head.number, "head": text });
    if archived > 0 {
        json["archived"] = archived.into();
    }
    print(format, &json, |table| {
        table.texts(["intact", &format!("{} records", head.number)]);
        if archived > 0 {
            table.texts(["archived", &format!("{archived} records")]);
        }
        table.texts(["head", &text]);
    })
}

/// Follows the trail of an installation from its first stored record to the present head, and compares what it says of rows with
/// the rows.
///
/// # Errors
/// Where the trail is broken; failures of the store.
pub(super) async fn check_trail(data: &Installation, expect: Option<&Head>) -> Result<AuditHead, Failed> {
    Ok(check_stored(data, expect, false).await?.head)
}

/// A trail that is intact.
struct Checked {
    head: AuditHead,
    /// Number of the last record that has been archived.
    archived: u64,
}

/// As [`check_trail`]; `met` says whether the expected head has been found already.
async fn check_stored(data: &Installation, expect: Option<&Head>, met: bool) -> Result<Checked, Failed> {
    let mut starts = 1;
    loop {
        let before = data.store.audit_checkpoint().await?;
        let outcome = check_once(data, expect, met).await;
        // Records that were archived meanwhile are not missing.
        if outcome.is_ok() || starts == MAX_STARTS || data.store.audit_checkpoint().await? == before {
            return outcome;
        }
        starts += 1;
    }
}

async fn check_once(data: &Installation, expect: Option<&Head>, met: bool) -> Result<Checked, Failed> {
    // A server may append meanwhile: read up to the head as it is at the beginning, and compare that one.
    let beginning = Beginning::read(data).await?;
    let archived = beginning.place.clone();
    let mut followed = Followed::begin(data, beginning, expect, met)?;
    let mut head = followed.follow().await?;
    // A change that comes between the two readings is in the trail when it is read on.
    let mut differences = followed.rows.compare(&data.store.access_rows().await?);
    for _ in 0..MAX_READINGS {
        if differences.is_empty() {
            break;
        }
        head = followed.follow().await?;
        let again = followed.rows.compare(&data.store.access_rows().await?);
        if again == differences {
            break;
        }
        differences = again;
    }
    let Followed { check, rows, met, .. } = followed;
    check.finish(&head)?;
    if head.number == 0 && data.store.users().await?.is_empty() {
        return Err(
            "the trail is empty, and there is no user: the first start did not finish; start `csms serve` again".into(),
        );
    }
    if head.number == 0 {
        return Err("the trail is empty, although the installation has been started: its records were removed".into());
    }
    if !rows.is_announced() {
        return Err(
            "no record names the checkpoint of the trail: it is that of an archive that was not completed".into()
        );
    }
    if !met {
        let is_archived = expect.is_some_and(|(number, _)| *number < archived.number);
        return Err(if is_archived {
            "the expected head has been archived: name the archives with --archive".into()
        } else {
            "the expected head is not part of the trail: records were replaced or cut off".into()
        });
    }
    if !differences.is_empty() {
        return Err(differences.join("\n").into());
    }
    Ok(Checked { head, archived: archived.number })
}

/// The newest state of each row of users, access keys, policies and KMS keys that the trail names.
#[derive(Default)]
struct RowsOfTrail {
    rows: BTreeMap<(RowKind, String), Option<String>>,
    /// Conversions of what older releases wrote, each with the number of its first record.
    conversions: BTreeMap<&'static str, u64>,
    /// Those that stand in the trail again, with the number of that record.
    repeated: Vec<(&'static str, u64)>,
    /// How a record must name the checkpoint before these records.
    announcement: Option<String>,
    /// Whether one has.
    announced: bool,
}

impl RowsOfTrail {
    /// Behind records that came to this state.
    fn after(state: TrailState, announcement: Option<String>) -> Self {
        let conversions = CONVERSIONS.into_iter().filter_map(|name| Some((name, *state.conversions.get(name)?)));
        Self {
            conversions: conversions.collect(),
            rows: state.rows.into_iter().map(|mark| ((mark.kind, mark.id), mark.mac)).collect(),
            announcement,
            ..Self::default()
        }
    }

    /// What the records so far come to. Rows that were removed are as unknown as those that never were.
    fn state(&self) -> TrailState {
        let rows = self.rows.iter().filter(|(_, mac)| mac.is_some());
        let mark = |((kind, id), mac): (&(RowKind, String), &Option<String>)| RowMark {
            kind: *kind,
            id: id.clone(),
            mac: mac.clone(),
        };
        let conversions = self.conversions.iter().map(|(name, number)| ((*name).to_owned(), *number));
        TrailState { conversions: conversions.collect(), rows: rows.map(mark).collect() }
    }

    /// Whether the checkpoint before the records, if there is one, is named by one of them.
    const fn is_announced(&self) -> bool {
        self.announced || self.announcement.is_none()
    }

    fn take(&mut self, record: &AuditRecord) -> Result<(), Failed> {
        /// The part of a record that counts here.
        #[derive(Deserialize)]
        struct Part {
            action: String,
            #[serde(default)]
            target: Option<String>,
            #[serde(default)]
            rows: Vec<RowMark>,
        }
        let read: Part = serde_json::from_str(&record.document)?;
        self.announced |= read.action == ARCHIVE_TRAIL && read.target.is_some() && read.target == self.announcement;
        self.rows.extend(read.rows.into_iter().map(|mark| ((mark.kind, mark.id), mark.mac)));
        if let Some(conversion) = CONVERSIONS.into_iter().find(|name| *name == read.action)
            && *self.conversions.entry(conversion).or_insert(record.number) != record.number
        {
            self.repeated.push((conversion, record.number));
        }
        Ok(())
    }

    /// How the stored rows differ from what the trail says, a sentence for each.
    fn compare(&self, stored: &[RowMark]) -> Vec<String> {
        let repeated = |(name, number): &(&str, u64)| {
            format!("record {number} converts old rows again ({name}), so somebody took rows for old that were not")
        };
        let mut differences: Vec<_> = self.repeated.iter().map(repeated).collect();
        let stored: BTreeMap<_, _> = stored.iter().map(|mark| ((mark.kind, &mark.id), &mark.mac)).collect();
        for ((kind, id), mac) in &self.rows {
            match (mac, stored.get(&(*kind, id))) {
                (Some(_), None) => differences.push(format!("the row of the {kind} {id} is missing")),
                (Some(mac), Some(stored)) if stored.as_ref() != Some(mac) => {
                    differences.push(format!("the row of the {kind} {id} is not the newest one that was written"));
                }
                (None, Some(_)) => {
                    differences.push(format!("the row of the {kind} {id} was removed and is there again"));
                }
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        let unknown = stored.keys().filter(|(kind, id)| !self.rows.contains_key(&(*kind, (*id).clone())));
        differences.extend(unknown.map(|(kind, id)| format!("the row of the {kind} {id} has no record")));
        differences
    }
}

async fn list(
    data: &Installation,
    format: Output,
    secret: Option<&str>,
    mut after: u64,
    limit: usize,
) -> Result<(), Failed> {
    let mut found: Vec<AuditRecord> = Vec::new();
    while found.len() < limit {
        let page = u16::try_from((limit - found.len()).min(usize::from(PAGE))).unwrap_or(PAGE);
        let records = data.store.audit_records(after, page, secret).await?;
        let Some(last) = records.last() else { break };
        after = last.number;
        found.extend(records);
    }
    let read = |record: &AuditRecord| -> Result<Value, Failed> {
        let mut value: Value = serde_json::from_str(&record.document)?;
        value["number"] = record.number.into();
        Ok(value)
    };
    let rows = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let records = found.iter().map(|record| serde_json::from_str::<Record<'_>>(&record.document));
    let records = records.collect::<Result<Vec<_>, _>>()?;
    print(format, &Value::from(rows), |table| {
        table.texts(["NUMBER", "TIME", "WHO", "ACTION", "WHAT", "VERSION", "OUTCOME", "TIMES"]);
        for (stored, record) in found.iter().zip(&records) {
            let time = clock::rfc3339(record.time, 3);
            let version = record.version.map(|version| version.to_string()).unwrap_or_default();
            let what = record.secret.or(record.key).or(record.target).unwrap_or_default();
            let (number, count) = (stored.number.to_string(), record.count.to_string());
            let who = match record.agency {
                Some(agency) => format!("{} as {agency}", record.actor),
                None => record.actor.to_string(),
            };
            table.texts([&number, &time, &who, record.action, what, &version, record.outcome, &count]);
        }
    })
}
