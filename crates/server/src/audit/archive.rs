//! The file that a part of the audit trail is archived in: lines of JSON, the last of which is signed.
//!
//! The first line names the installation and the record that the part follows. Then there is a line for each record. The last line
//! is the checkpoint: number and link of the last record, a digest of all lines before, and what `csms audit verify` needs to know
//! of the archived records, with a signature over exactly the text of the member `checkpoint`. The public key of the
//! installation verifies all of it; the links themselves are verified by those who have the root key. Nothing here reads or
//! writes a store.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Read as _, Write},
};

use base64ct::{Base64, Encoding as _};
use csms_core::UnixMillis;
use csms_store::{AuditCheckpoint, AuditRecord, Link, RowMark, SearchColumns, StoreError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::signing_key::{PublicKey, SigningKey, SigningKeyError};

const ARCHIVE_FORMAT: &str = "csms audit archive 1";
const CHECKPOINT_FORMAT: &str = "csms audit checkpoint 1";

/// The action of the record that names a checkpoint.
pub const ARCHIVE_TRAIL: &str = "ArchiveTrail";

/// Longest line that is read, in bytes.
const MAX_LINE: u64 = 256 * 1024 * 1024;

/// Why there is no archive, or why it is not what an installation wrote.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The key for signatures cannot be used.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// A line is not what an archive has there.
    #[error("line {line} of the archive {problem}")]
    Line {
        /// Its number; the first is 1.
        line: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The signature is not the installation's over this checkpoint.
    #[error("the signature of the checkpoint is not valid")]
    Signature,
    /// What the checkpoint says is not what it stands with.
    #[error("the checkpoint {0}")]
    Checkpoint(&'static str),
    /// A record cannot be written to an archive.
    #[error("record {0} is not one line of JSON")]
    Record(u64),
    /// Where the chain of the records is broken.
    #[error(transparent)]
    Broken(#[from] csms_store::Broken),
}

/// A record's place in the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its number; 0 stands for the beginning.
    pub number: u64,
    /// Its link in hexadecimal digits; empty at the beginning.
    pub link: String,
}

impl Place {
    /// The place of a record.
    #[must_use]
    pub fn of(record: &AuditRecord) -> Self {
        Self { number: record.number, link: hex::encode(&record.link) }
    }

    /// The link as bytes, zeros at the beginning; `None` when the text is not a link.
    #[must_use]
    pub fn link(&self) -> Option<Link> {
        if self.number == 0 {
            return Some(Link::default());
        }
        hex::decode(&self.link).ok().and_then(|link| link.try_into().ok())
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    domain_id: String,
    after: Place,
}

/// A record as a line.
#[derive(Serialize, Deserialize)]
struct Line<'l> {
    number: u64,
    link: String,
    key_number: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(borrow)]
    record: &'l RawValue,
}

impl<'l> Line<'l> {
    fn of(record: &AuditRecord, document: &'l RawValue) -> Self {
        Self {
            number: record.number,
            link: hex::encode(&record.link),
            key_number: record.key_number,
            secret: record.secret.clone(),
            record: document,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Signed<'s> {
    #[serde(borrow)]
    checkpoint: &'s RawValue,
    signature: String,
}

/// What the archived records come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailState {
    /// Conversions of what older releases wrote, each with the number of its first record.
    #[serde(default)]
    pub conversions: BTreeMap<String, u64>,
    /// The newest MACs of the rows that the records name, without those of removed rows.
    #[serde(default)]
    pub rows: Vec<RowMark>,
}

/// The signed end of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    format: String,
    /// Account of the installation.
    pub domain_id: String,
    /// When it was made.
    pub time: UnixMillis,
    /// The record before the first one in the archive.
    pub after: Place,
    /// The last record in the archive.
    pub last: Place,
    /// Digest of the lines before, in hexadecimal digits.
    sha256: String,
    /// What all records up to the last come to, those of earlier archives included.
    #[serde(flatten)]
    pub state: TrailState,
}

impl Checkpoint {
    /// Reads a checkpoint from where a store keeps it.
    ///
    /// # Errors
    /// A checkpoint that the installation of this account did not sign.
    pub fn read(stored: &AuditCheckpoint, domain_id: &str, key: &PublicKey) -> Result<Self, ArchiveError> {
        let checkpoint = Self::verified(&stored.document, &stored.signature, key)?;
        if checkpoint.domain_id != domain_id {
            return Err(ArchiveError::Checkpoint("is of another installation"));
        }
        if checkpoint.last.number != stored.number {
            return Err(ArchiveError::Checkpoint("stands beside another number"));
        }
        Ok(checkpoint)
    }

    fn verified(text: &str, signature: &[u8], key: &PublicKey) -> Result<Self, ArchiveError> {
        if !key.verifies(text.as_bytes(), signature) {
            return Err(ArchiveError::Signature);
        }
        let checkpoint: Self = serde_json::from_str(text).map_err(|_| ArchiveError::Checkpoint("cannot be read"))?;
        if checkpoint.format != CHECKPOINT_FORMAT {
            return Err(ArchiveError::Checkpoint("has a format of another release"));
        }
        if checkpoint.last.link().is_none() {
            return Err(ArchiveError::Checkpoint("has no link"));
        }
        Ok(checkpoint)
    }
}

/// How the record of an archive names it: the number of its last record and the digest of its checkpoint. A signed checkpoint
/// without such a record is one of an archive that was never completed.
#[must_use]
pub fn announcement(checkpoint: &AuditCheckpoint) -> String {
    format!("{}:{}", checkpoint.number, hex::encode(Sha256::digest(checkpoint.document.as_bytes())))
}

/// A record as the line that an archive has of it, without its end. A record that is no JSON is delivered as a text.
#[must_use]
pub fn line(record: &AuditRecord) -> String {
    let is_line = !record.document.contains(['\n', '\r']);
    let document = serde_json::from_str::<Box<RawValue>>(&record.document).ok().filter(|_| is_line);
    let as_text = || RawValue::from_string(serde_json::Value::from(record.document.as_str()).to_string()).ok();
    let written =
        document.or_else(as_text).and_then(|document| serde_json::to_string(&Line::of(record, &document)).ok());
    written.unwrap_or_default()
}

/// Writes an archive, record by record.
pub struct ArchiveWriter<W> {
    out: W,
    digest: Sha256,
    domain_id: String,
    after: Place,
    last: Place,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins an archive of the records behind one.
    ///
    /// # Errors
    /// Failures of `out`.
    pub fn begin(out: W, domain_id: &str, after: Place) -> Result<Self, ArchiveError> {
        let mut archive =
            Self { out, digest: Sha256::new(), domain_id: domain_id.to_owned(), last: after.clone(), after };
        let header = Header {
            format: ARCHIVE_FORMAT.to_owned(),
            domain_id: archive.domain_id.clone(),
            after: archive.after.clone(),
        };
        archive.line(&header)?;
        Ok(archive)
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), ArchiveError> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::from)?;
        text.push(b'\n');
        self.digest.update(&text);
        Ok(self.out.write_all(&text)?)
    }

    /// The last record so far.
    #[must_use]
    pub const fn last(&self) -> &Place {
        &self.last
    }

    /// Adds the next record.
    ///
    /// # Errors
    /// Failures of `out`; a record that is not one line of JSON.
    pub fn push(&mut self, record: &AuditRecord) -> Result<(), ArchiveError> {
        let document: &RawValue =
            serde_json::from_str(&record.document).map_err(|_| ArchiveError::Record(record.number))?;
        // Only the same text gives the same link when it is read back.
        if document.get() != record.document || record.document.contains(['\n', '\r']) {
            return Err(ArchiveError::Record(record.number));
        }
        self.line(&Line::of(record, document))?;
        self.last = Place::of(record);
        Ok(())
    }

    /// Ends the archive with its signed checkpoint.
    ///
    /// # Errors
    /// Failures of `out` and of the random number generator.
    pub fn end(
        mut self,
        state: TrailState,
        key: &SigningKey,
        now: UnixMillis,
    ) -> Result<(W, AuditCheckpoint), ArchiveError> {
        let checkpoint = Checkpoint {
            format: CHECKPOINT_FORMAT.to_owned(),
            domain_id: self.domain_id.clone(),
            time: now,
            after: self.after.clone(),
            last: self.last.clone(),
            sha256: hex::encode(self.digest.clone().finalize()),
            state,
        };
        let document = serde_json::to_string(&checkpoint).map_err(io::Error::from)?;
        let signature = key.sign(document.as_bytes())?;
        let raw: &RawValue = serde_json::from_str(&document).map_err(io::Error::from)?;
        self.line(&Signed { checkpoint: raw, signature: Base64::encode_string(&signature) })?;
        Ok((self.out, AuditCheckpoint { number: self.last.number, document, signature }))
    }
}

/// The lines of an archive.
struct Lines<R> {
    input: R,
    line: u64,
}

impl<R: BufRead> Lines<R> {
    /// Reads the next line with its end into `text`; nothing at the end of the file.
    fn next(&mut self, text: &mut Vec<u8>) -> Result<bool, ArchiveError> {
        text.clear();
        self.line += 1;
        self.input.by_ref().take(MAX_LINE).read_until(b'\n', text)?;
        match text.last() {
            None => Ok(false),
            Some(b'\n') => Ok(true),
            Some(_) => Err(self.wrong("has no end")),
        }
    }

    fn parse<T: DeserializeOwned>(&self, text: &[u8], problem: &'static str) -> Result<T, ArchiveError> {
        serde_json::from_slice(text).map_err(|_| self.wrong(problem))
    }

    const fn wrong(&self, problem: &'static str) -> ArchiveError {
        ArchiveError::Line { line: self.line, problem }
    }
}

/// Reads the record that an archive follows, from its first line alone.
///
/// # Errors
/// A first line that is not an archive's.
pub fn beginning(input: impl BufRead) -> Result<Place, ArchiveError> {
    let mut lines = Lines { input, line: 0 };
    let mut text = Vec::new();
    lines.next(&mut text)?;
    Ok(lines.parse::<Header>(&text, "is not the beginning of an archive")?.after)
}

/// Reads a whole archive and verifies it: that it is complete, that its records follow each other, and that the key signed it.
/// `each` sees every record before that is known.
///
/// # Errors
/// What is wrong with the archive, and what `each` returns.
pub fn read(
    input: impl BufRead,
    key: &PublicKey,
    mut each: impl FnMut(&AuditRecord) -> Result<(), ArchiveError>,
) -> Result<(Checkpoint, AuditCheckpoint), ArchiveError> {
    let mut lines = Lines { input, line: 0 };
    let mut text = Vec::new();
    let mut digest = Sha256::new();
    if !lines.next(&mut text)? {
        return Err(lines.wrong("is missing"));
    }
    let header: Header = lines.parse(&text, "is not the beginning of an archive")?;
    if header.format != ARCHIVE_FORMAT {
        return Err(lines.wrong("names a format of another release"));
    }
    let mut last = header.after.clone();
    let signed = loop {
        digest.update(&text);
        if !lines.next(&mut text)? {
            return Err(lines.wrong("should be the checkpoint, which is missing: the archive is not complete"));
        }
        if let Ok(signed) = serde_json::from_slice::<Signed<'_>>(&text) {
            break signed;
        }
        let Ok(line) = serde_json::from_slice::<Line<'_>>(&text) else {
            return Err(lines.wrong("is neither a record nor a checkpoint"));
        };
        let record = AuditRecord {
            number: line.number,
            document: line.record.get().to_owned(),
            link: hex::decode(&line.link).map_err(|_| lines.wrong("has no link"))?,
            key_number: line.key_number,
            secret: line.secret,
            columns: SearchColumns::default(),
        };
        if last.number.checked_add(1) != Some(record.number) {
            return Err(lines.wrong("is not the next record"));
        }
        each(&record)?;
        last = Place::of(&record);
    };
    let signature = Base64::decode_vec(&signed.signature).map_err(|_| ArchiveError::Signature)?;
    let document = signed.checkpoint.get().to_owned();
    let checkpoint = Checkpoint::verified(&document, &signature, key)?;
    if lines.next(&mut Vec::new())? {
        return Err(lines.wrong("stands behind the checkpoint"));
    }
    if checkpoint.sha256 != hex::encode(digest.finalize()) {
        return Err(ArchiveError::Checkpoint("is of an archive with other lines"));
    }
    if (&checkpoint.domain_id, &checkpoint.after, &checkpoint.last) != (&header.domain_id, &header.after, &last) {
        return Err(ArchiveError::Checkpoint("does not fit the first or the last line"));
    }
    let stored = AuditCheckpoint { number: checkpoint.last.number, document, signature };
    Ok((checkpoint, stored))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::signing_key::tests::key;

    fn record(number: u64, document: &str) -> AuditRecord {
        AuditRecord {
            number,
            secret: number.is_multiple_of(2).then(|| "db".to_owned()),
            document: document.to_owned(),
            link: vec![u8::try_from(number).unwrap(); 32],
            key_number: 1,
            columns: SearchColumns::default(),
        }
    }

    fn records() -> Vec<AuditRecord> {
        (5..9).map(|number| record(number, &format!(r#"{{"time":{number},"actor":"al\"ice ü","rows":[1]}}"#))).collect()
    }

    fn archive(key: &SigningKey) -> Vec<u8> {
        let after = Place { number: 4, link: "04".repeat(32) };
        let mut archive = ArchiveWriter::begin(Vec::new(), "domain", after).unwrap();
        records().iter().for_each(|record| archive.push(record).unwrap());
        let conversions = BTreeMap::from([("BindRows".to_owned(), 2)]);
        archive.end(TrailState { conversions, rows: Vec::new() }, key, UnixMillis::new(9)).unwrap().0
    }

    fn read_all(text: &[u8], key: &SigningKey) -> Result<(Checkpoint, Vec<AuditRecord>), ArchiveError> {
        let mut found = Vec::new();
        let (checkpoint, _) = read(text, &key.public(), |record| {
            found.push(record.clone());
            Ok(())
        })?;
        Ok((checkpoint, found))
    }

    #[test]
    fn an_archive_is_read_as_it_was_written() {
        let key = key();
        let (checkpoint, found) = read_all(&archive(&key), &key).unwrap();
        assert_eq!(found, records());
        assert_eq!((checkpoint.after.number, checkpoint.last.number), (4, 8));
        assert_eq!(checkpoint.state.conversions["BindRows"], 2);
    }

    #[test]
    fn every_change_of_an_archive_is_found() {
        let key = key();
        let text = String::from_utf8(archive(&key)).unwrap();
        let lines: Vec<_> = text.lines().collect();
        for at in 0..lines.len() {
            let mut without = lines.clone();
            without.remove(at);
            assert!(read_all((without.join("\n") + "\n").as_bytes(), &key).is_err(), "without line {at}");
            let mut twice = lines.clone();
            twice.insert(at, lines[at]);
            assert!(read_all((twice.join("\n") + "\n").as_bytes(), &key).is_err(), "line {at} twice");
        }
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            assert!(read_all(&changed, &key).is_err(), "byte {at}");
            assert!(read_all(&text.as_bytes()[..at], &key).is_err(), "{at} bytes");
        }
    }

    #[test]
    fn a_line_of_its_own_is_that_of_the_archive_and_always_one_line_of_json() {
        let text = String::from_utf8(archive(&key())).unwrap();
        let lines: Vec<_> = text.lines().skip(1).take(4).map(str::to_owned).collect();
        assert_eq!(records().iter().map(line).collect::<Vec<_>>(), lines);
        for document in ["no JSON", "{\n}", "\"", ""] {
            let line = line(&record(1, document));
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(read["record"], document);
        }
    }

    #[test]
    fn another_key_does_not_verify_it() {
        let text = archive(&key());
        assert!(matches!(read_all(&text, &key()), Err(ArchiveError::Signature)));
    }

    #[test]
    fn what_is_not_one_line_of_json_is_not_archived() {
        for document in ["no JSON", "{\n}", " {}", ""] {
            let mut archive = ArchiveWriter::begin(Vec::new(), "domain", Place::default()).unwrap();
            assert!(matches!(archive.push(&record(1, document)), Err(ArchiveError::Record(1))), "{document:?}");
        }
    }
}
