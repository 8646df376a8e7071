//! `csms audit --offline`: verifies the audit trail and lists its records.

use std::{collections::BTreeMap, process::ExitCode};

use clap::Args;
use csms_cli::{Account, AuditAction as Action};
use csms_store::{AnyStore, AuditHead, AuditRecord, ChainCheck, ChainKey, RowKind, RowMark, Store};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Failed, block_on,
    offline::{DataArguments, Format, Installation, PlaceFlags, print},
};
use crate::{audit::Record, installation::CONVERSIONS};

/// Records read at a time.
const PAGE: u16 = 1_000;

/// Most times that rows are compared while changes go on beside the check.
const MAX_READINGS: usize = 10;

const EXAMPLES: &str = "\
Examples:
  csms audit list --secret db --output json            who read or changed the secret db
  csms audit verify --offline                          follows the chain from first to last
  csms audit verify --offline --expect 812:9f86d0…     and that an earlier head is part of it";

/// Arguments of `csms audit`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
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
    /// Runs the command through the API; `None` where it works on the data itself.
    #[must_use]
    pub fn online(&self) -> Option<ExitCode> {
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
    block_on(async {
        let data = arguments.data.open().await?;
        match &arguments.action {
            Action::Verify { expect } => {
                let expect = expect.as_deref().map(parse_head).transpose();
                let expect = expect.map_err(|reason| format!("--expect {reason}"))?;
                verify(&data, arguments.data.output, expect.as_ref()).await
            }
            Action::List { secret, after, limit } => {
                let limit = limit.unwrap_or(usize::MAX);
                list(&data, arguments.data.output, secret.as_deref(), *after, limit).await
            }
        }
    })
}

/// A head as people see it.
pub(super) fn head_text(head: &AuditHead) -> String {
    format!("{}:{}", head.number, hex::encode(&head.link))
}

async fn verify(data: &Installation, format: Format, expect: Option<&Head>) -> Result<(), Failed> {
    let head = check_trail(&data.store, data.chain(), expect).await?;
    let text = head_text(&head);
    print(format, &json!({ "intact": true, "records": head.number, "head": text }), |table| {
        table.row(["intact", &format!("{} records", head.number)]);
        table.row(["head", &text]);
    })
}

/// Follows the trail of a store from the first record to the present head, and compares what it says of rows with the rows.
///
/// # Errors
/// Where the trail is broken; failures of the store.
pub(super) async fn check_trail(
    store: &AnyStore,
    chain: &ChainKey,
    expect: Option<&Head>,
) -> Result<AuditHead, Failed> {
    // A server may append meanwhile: read up to the head as it is at the beginning, and compare that one.
    let mut check = ChainCheck::new(chain);
    let mut met = expect.is_none();
    let mut rows = RowsOfTrail::default();
    let mut head = follow(store, &mut check, &mut rows, expect, &mut met).await?;
    // A change that comes between the two readings is in the trail when it is read on.
    let mut differences = rows.compare(&store.access_rows().await?);
    for _ in 0..MAX_READINGS {
        if differences.is_empty() {
            break;
        }
        head = follow(store, &mut check, &mut rows, expect, &mut met).await?;
        let again = rows.compare(&store.access_rows().await?);
        if again == differences {
            break;
        }
        differences = again;
    }
    check.finish(&head)?;
    if head.number == 0 {
        return Err("the trail is empty, although the installation has been started: its records were removed".into());
    }
    if !met {
        return Err("the expected head is not part of the trail: records were replaced or cut off".into());
    }
    if !differences.is_empty() {
        return Err(differences.join("\n").into());
    }
    Ok(head)
}

/// Follows the trail up to its present head.
async fn follow(
    store: &AnyStore,
    check: &mut ChainCheck<'_>,
    rows: &mut RowsOfTrail,
    expect: Option<&Head>,
    met: &mut bool,
) -> Result<AuditHead, Failed> {
    let head = store.audit_head().await?;
    while check.position().0 < head.number {
        let records = store.audit_records(check.position().0, PAGE, None).await?;
        if records.is_empty() {
            break;
        }
        for record in records.iter().filter(|record| record.number <= head.number) {
            check.next(record)?;
            *met |= expect.is_some_and(|(number, link)| record.number == *number && record.link == *link);
            rows.take(record)?;
        }
    }
    Ok(head)
}

/// The newest state of each row of users, access keys, policies and KMS keys that the trail names.
#[derive(Default)]
struct RowsOfTrail {
    rows: BTreeMap<(RowKind, String), Option<String>>,
    /// Conversions of what older releases wrote, each with the number of its first record.
    conversions: BTreeMap<&'static str, u64>,
    /// Those that stand in the trail again, with the number of that record.
    repeated: Vec<(&'static str, u64)>,
}

impl RowsOfTrail {
    fn take(&mut self, record: &AuditRecord) -> Result<(), Failed> {
        /// The part of a record that counts here.
        #[derive(Deserialize)]
        struct Part {
            action: String,
            #[serde(default)]
            rows: Vec<RowMark>,
        }
        let read: Part = serde_json::from_str(&record.document)?;
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
    format: Format,
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
        table.row(["NUMBER", "TIME", "WHO", "ACTION", "WHAT", "VERSION", "OUTCOME", "TIMES"]);
        for (stored, record) in found.iter().zip(&records) {
            let millis = i64::try_from(record.time.as_millis()).unwrap_or(i64::MAX);
            let time = jiff::Timestamp::from_millisecond(millis).map(|time| format!("{time:.3}")).unwrap_or_default();
            let version = record.version.map(|version| version.to_string()).unwrap_or_default();
            let what = record.secret.or(record.key).or(record.target).unwrap_or_default();
            let (number, count) = (stored.number.to_string(), record.count.to_string());
            let who = match record.agency {
                Some(agency) => format!("{} as {agency}", record.actor),
                None => record.actor.to_string(),
            };
            table.row([&number, &time, &who, record.action, what, &version, record.outcome, &count]);
        }
    })
}
