//! `csms audit archive` and the verification of what it writes.
//!
//! An archive is on disk before the store names its checkpoint, and records are removed last. Whatever interrupts the command, each
//! record is in the store, in the file, or in both, and the command goes on from there when it is run again.

use std::{
    fs::File,
    io::{BufReader, BufWriter},
    path::{Path, PathBuf},
    time::Instant,
};

use csms_cli::{CliError, NewFile, Output, print as print_text, sync_directory};
use csms_core::UnixMillis;
use csms_store::{AuditCheckpoint, AuditRecord, ChainCheck, Store as _, StoreError};
use serde::Deserialize;
use serde_json::json;

use super::{Beginning, Head, PAGE, RowsOfTrail, check_stored, is_at};
use crate::{
    audit::{
        archive::{self, ARCHIVE_TRAIL, ArchiveError, ArchiveWriter, Checkpoint, announcement},
        signing_key::{PublicKey, SigningKey},
    },
    clock::{self, Clock, TIME_FORM, parse_time},
    commands::{
        Failed, done,
        offline::{Installation, print, read_input, say},
    },
};

/// Records that are removed at a time: others that write wait meanwhile.
const PRUNED: u16 = 1_000;

const DAY: u64 = 24 * 60 * 60 * 1_000;

/// Reads an argument: a time, a day, or a number of days ago.
pub(super) fn parse_until(text: &str) -> Result<UnixMillis, String> {
    until(text, Clock::default().now())
}

fn until(text: &str, now: UnixMillis) -> Result<UnixMillis, String> {
    let ago = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok()?.checked_mul(DAY));
    let time = match ago {
        Some(ago) => now.as_millis().checked_sub(ago).map(UnixMillis::new),
        None => parse_time(text),
    };
    let time = time.ok_or_else(|| format!("must be {TIME_FORM}, or a number of days ago such as 90d"))?;
    if time > now { Err("must not be in the future".to_owned()) } else { Ok(time) }
}

/// Where an archive ends.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    /// Before the first record that is not older.
    pub until: UnixMillis,
    /// Behind the last record that the audit sink has taken, if one is known.
    pub sink: Option<u64>,
}

impl Limit {
    fn excludes(self, record: &AuditRecord) -> Result<bool, Failed> {
        Ok(self.sink.is_some_and(|taken| record.number > taken) || time_of(record)? >= self.until)
    }
}

/// Archives the records up to the limit in the file `out`.
///
/// # Errors
/// Where the trail is broken, and what else is in the way. No record is lost.
pub(super) async fn archive(data: &Installation, format: Output, limit: Limit, out: &Path) -> Result<(), Failed> {
    let key = SigningKey::open_or_make(&data.store, &data.root).await?;
    let current = data.store.audit_checkpoint().await?;
    let made = if out.symlink_metadata().is_ok() {
        Some(written_before(data, &key.public(), current.as_ref(), out).await?)
    } else {
        // What is signed and removed is verified first, with what only the records behind it show.
        check_stored(data, None, true).await?;
        let written = write(data, &key, limit, out).await;
        if written.is_err() && data.store.audit_checkpoint().await? != current {
            return Err("the trail was archived meanwhile; try again".into());
        }
        written?
    };
    let Some(Made { after, checkpoint }) = made else {
        // What an interrupted run has left.
        prune(data).await?;
        print(format, &json!({ "archived": 0 }), |table| table.texts(["archived", "no records"]))?;
        let older = clock::rfc3339(limit.until, 0);
        return say(
            format,
            &match limit.sink {
                None => format!("No record is left that is older than {older}."),
                Some(taken) => format!(
                    "No record is left that is older than {older} and that the audit sink has taken; it has taken those up to {taken}."
                ),
            },
        );
    };
    let last = checkpoint.number;
    if current.as_ref() != Some(&checkpoint) {
        sync(out)?;
        let record = data.record(ARCHIVE_TRAIL, &announcement(&checkpoint));
        let put = data.store.put_audit_checkpoint(after, checkpoint, vec![record]).await;
        put.map_err(|error| match error {
            StoreError::Conflict(_) => {
                Failed::from(format!("the trail was archived meanwhile; delete {} and try again", out.display()))
            }
            error => error.into(),
        })?;
    }
    prune(data).await?;
    let records = last.saturating_sub(after);
    print(format, &json!({ "archived": records, "last": last, "file": out }), |table| {
        table.texts(["archived", &format!("{records} records, up to {last}")]);
        table.texts(["file", &out.display().to_string()]);
    })
    .map_err(done(format!("{records} records, up to {last}, are archived in {}", out.display())))
}

/// An archive that is on disk.
struct Made {
    /// Number of the record before its first one.
    after: u64,
    checkpoint: AuditCheckpoint,
}

/// When a record was made.
fn time_of(record: &AuditRecord) -> Result<UnixMillis, Failed> {
    #[derive(Deserialize)]
    struct Part {
        time: UnixMillis,
    }
    Ok(serde_json::from_str::<Part>(&record.document)?.time)
}

/// Writes the archive. Returns `None`, and leaves no file, when no record is within the limit.
async fn write(data: &Installation, key: &SigningKey, limit: Limit, out: &Path) -> Result<Option<Made>, Failed> {
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", out.display());
    let draft = NewFile::beside(out).map_err(failed)?;
    let beginning = Beginning::read(data).await?;
    let link = beginning.place.link().ok_or("the checkpoint has no link")?;
    let mut check = ChainCheck::behind(data.chain(), beginning.place.number, link);
    let after = beginning.place.number;
    let mut rows = RowsOfTrail::after(beginning.state, beginning.announcement);
    let mut archive = ArchiveWriter::begin(BufWriter::new(draft), &data.identity.domain_id, beginning.place)?;
    'trail: loop {
        let records = data.store.audit_records(archive.last().number, PAGE, None).await?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            check.next(record)?;
            if limit.excludes(record)? {
                break 'trail;
            }
            rows.take(record)?;
            archive.push(record)?;
        }
    }
    if archive.last().number == after {
        return Ok(None);
    }
    let (file, checkpoint) = archive.end(rows.state(), key, Clock::default().now())?;
    let draft = file.into_inner().map_err(|error| failed(error.into_error()))?;
    draft.place(out).map_err(failed)?;
    Ok(Some(Made { after, checkpoint }))
}

/// Brings the archive to the disk with its name, which a run that was killed may not have done.
fn sync(out: &Path) -> Result<(), Failed> {
    let synced = File::open(out).and_then(|file| file.sync_all());
    let synced = synced.and_then(|()| sync_directory(out));
    synced.map_err(|error| format!("cannot write {}: {error}", out.display()).into())
}

/// An archive that an interrupted run has written, if that is what the file is.
async fn written_before(
    data: &Installation,
    key: &PublicKey,
    current: Option<&AuditCheckpoint>,
    out: &Path,
) -> Result<Made, Failed> {
    let foreign = || Failed::from(format!("{} exists and is not the next archive of this trail", out.display()));
    let (checkpoint, stored) = read(out, key, None, &mut |_| ()).map_err(|_| foreign())?;
    let made = Made { after: checkpoint.after.number, checkpoint: stored };
    if current == Some(&made.checkpoint) {
        return Ok(made);
    }
    let last = data.store.audit_records(checkpoint.last.number.saturating_sub(1), 1, None).await?;
    let is_next = made.after == current.map_or(0, |current| current.number)
        && last.first().is_some_and(|record| archive::Place::of(record) == checkpoint.last);
    if is_next { Ok(made) } else { Err(foreign()) }
}

/// Removes what has been archived. Leaves others as much time to write as it takes itself.
async fn prune(data: &Installation) -> Result<(), Failed> {
    let mut from = None;
    loop {
        let began = Instant::now();
        from = data.store.prune_audit(from, PRUNED).await?.next;
        if from.is_none() {
            return Ok(());
        }
        tokio::time::sleep(began.elapsed()).await;
    }
}

/// Prints the public key, which the installation gets now if it has none.
///
/// # Errors
/// Failures of the store.
pub(super) async fn public_key(data: &Installation) -> Result<(), Failed> {
    let key = SigningKey::open_or_make(&data.store, &data.root).await?;
    Ok(print_text(key.public().to_pem().as_bytes())?)
}

/// Reads and verifies a file, also its links where the chain's key is at hand.
fn read(
    file: &Path,
    key: &PublicKey,
    mut chain: Option<&mut ChainCheck<'_>>,
    each: &mut dyn FnMut(&AuditRecord),
) -> Result<(Checkpoint, AuditCheckpoint), ArchiveError> {
    archive::read(BufReader::new(File::open(file)?), key, |record| {
        if let Some(check) = chain.as_deref_mut() {
            check.next(record)?;
        }
        each(record);
        Ok(())
    })
}

fn named(file: &Path) -> impl Fn(ArchiveError) -> Failed {
    move |error| match error {
        ArchiveError::File(error) => CliError::unreadable(file.display(), &error).into(),
        other => format!("{}: {other}", file.display()).into(),
    }
}

/// Verifies archives with the public key alone.
///
/// # Errors
/// What is wrong with them.
pub(super) fn verify_alone(archives: &[PathBuf], public_key: &Path, format: Output) -> Result<(), Failed> {
    let key = PublicKey::from_pem(&read_input(public_key)?).map_err(|error| named(public_key)(error.into()))?;
    let mut made = Vec::new();
    for file in archives {
        let (checkpoint, _) = read(file, &key, None, &mut |_| ()).map_err(named(file))?;
        require_next(made.last().map(|(_, checkpoint)| checkpoint), &checkpoint, file)?;
        made.push((file, checkpoint));
    }
    let first_and_last = |checkpoint: &Checkpoint| (checkpoint.after.number + 1, checkpoint.last.number);
    let json = made.iter().map(|(file, checkpoint)| {
        let ((first, last), time) = (first_and_last(checkpoint), clock::rfc3339(checkpoint.time, 3));
        json!({ "file": file, "intact": true, "first": first, "last": last, "domain_id": checkpoint.domain_id,
            "time": time })
    });
    print(format, &json.collect(), |table| {
        for (file, checkpoint) in &made {
            let (first, last) = first_and_last(checkpoint);
            let made = format!("made {}", clock::rfc3339(checkpoint.time, 3));
            table.texts(["intact", &file.display().to_string(), &format!("records {first} to {last}"), &made]);
        }
    })
}

fn require_next(before: Option<&Checkpoint>, next: &Checkpoint, file: &Path) -> Result<(), Failed> {
    match before {
        Some(before) if (&before.last, &before.domain_id) != (&next.after, &next.domain_id) => {
            Err(format!("{} does not follow the archive before it", file.display()).into())
        }
        _ => Ok(()),
    }
}

/// Verifies archives of an installation whose data is at hand. Returns whether one of them has the record that is looked for.
///
/// # Errors
/// What is wrong with them.
pub(super) async fn verify_beside(
    data: &Installation,
    archives: &[PathBuf],
    expect: Option<&Head>,
) -> Result<bool, Failed> {
    if archives.is_empty() {
        return Ok(false);
    }
    let key = SigningKey::open(&data.store, &data.root).await?;
    let key = key.ok_or("this installation has no signing key, so it has made no archive")?.public();
    let mut met = false;
    let mut last: Option<Checkpoint> = None;
    for file in archives {
        // The first line names the record before; only then the links can be followed.
        let after = archive::beginning(BufReader::new(File::open(file).map_err(|error| named(file)(error.into()))?));
        let after = after.map_err(named(file))?;
        let link = after.link().ok_or_else(|| format!("{}: the first line has no link", file.display()))?;
        let mut check = ChainCheck::behind(data.chain(), after.number, link);
        let each = &mut |record: &AuditRecord| met |= is_at(expect, record);
        let (checkpoint, _) = read(file, &key, Some(&mut check), each).map_err(named(file))?;
        require_next(last.as_ref(), &checkpoint, file)?;
        last = Some(checkpoint);
    }
    Ok(met)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_a_day_and_days_ago_are_understood_and_the_future_is_not() {
        let now = UnixMillis::new(1_767_323_045_000);
        assert_eq!(until("1d", now), Ok(UnixMillis::new(1_767_323_045_000 - DAY)));
        assert_eq!(until("0d", now), Ok(now));
        assert_eq!(until("2026-01-02", now), Ok(UnixMillis::new(1_767_312_000_000)));
        assert_eq!(until("2026-01-02T03:04:05Z", now), Ok(now));
        assert!(until("2026-01-03", now).unwrap_err().contains("future"));
        for text in ["", "d", "-1d", "soon", "99999999999999999999d", "9999999999999999d", "99999d"] {
            assert!(until(text, now).is_err(), "{text}");
        }
    }
}
