//! The audit trail's chain: each record is linked to the one before it under a key that the database does not have.
//!
//! A record's link is an HMAC over the link before it, its number and its content, so a record that was changed, moved,
//! inserted or taken out breaks the chain from there on. The head, the number and link of the newest record, has an HMAC of
//! its own, so records cannot be cut off the end either: who would put an older head back needs to have kept one.
//! Stores append records inside the transaction of what they record. What a record is searched by stands in columns beside it;
//! else they know nothing of what it says.

use std::{borrow::Cow, fmt, sync::Arc};

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    bound::{KnownKey, RowMark},
    error::{Cause, StoreError},
    key_set::KeySet,
};

/// What binds a record to all records before it.
pub type Link = [u8; 32];

/// The link before the first record.
const ORIGIN: Link = [0; 32];

/// The keys of the chain; wiped when dropped, never printed.
pub struct ChainKey(KeySet);

impl ChainKey {
    /// A chain under this key, which comes from the root key of this number. The number is stored beside every link and seal.
    #[must_use]
    pub fn new(number: u32, key: Zeroizing<[u8; 32]>) -> Self {
        Self::with_others(number, key, [])
    }

    /// As [`ChainKey::new`]; `others` are the keys of records that were appended before, each with its number.
    #[must_use]
    pub fn with_others(
        number: u32,
        key: Zeroizing<[u8; 32]>,
        others: impl IntoIterator<Item = (u32, Zeroizing<[u8; 32]>)>,
    ) -> Self {
        Self(KeySet::new(number, key, others))
    }

    /// The key of this number.
    fn key(&self, number: u32) -> Result<&[u8; 32], Broken> {
        self.0.get(number).ok_or(Broken::UnknownKey(number))
    }
}

fn mac(key: &[u8; 32], purpose: &[u8], parts: &[&[u8]]) -> Link {
    // HMAC fills a short key up to the block of its hash; a length that is known when compiling cannot be refused.
    let mut block = Zeroizing::new([0_u8; 64]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
    mac.update(purpose);
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn link_of(key: &[u8; 32], before: &Link, number: u64, secret: Option<&str>, document: &str) -> Link {
    let subject = [&[u8::from(secret.is_some())], secret.unwrap_or_default().as_bytes()].concat();
    mac(key, b"csms audit record v1", &[before, &number.to_be_bytes(), &subject, document.as_bytes()])
}

fn seal_of(key: &[u8; 32], number: u64, link: &Link) -> Link {
    mac(key, b"csms audit head v1", &[&number.to_be_bytes(), link])
}

impl fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainKey").field("number", &self.0.number()).finish_non_exhaustive()
    }
}

/// A record to append.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Name of the secret that it is about, by which records are found.
    pub secret: Option<String>,
    /// What happened, in JSON; never a secret value.
    pub document: String,
    /// The key of the chain.
    pub chain: Arc<ChainKey>,
}

/// A stored record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place in the chain; the first is 1.
    pub number: u64,
    /// As in [`AuditEntry::secret`].
    pub secret: Option<String>,
    /// As in [`AuditEntry::document`].
    pub document: String,
    /// Its link.
    pub link: Vec<u8>,
    /// Number of the root key whose chain key linked it.
    pub key_number: u32,
    /// What it is searched by.
    pub columns: SearchColumns,
}

/// What a record is searched by, repeated beside its document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchColumns {
    /// When, in Unix milliseconds; 0 where the document does not say so.
    pub time: i64,
    /// Who.
    pub actor: Option<String>,
    /// The name of the secret, key, user, access key or policy that it is about.
    pub subject: Option<String>,
}

impl SearchColumns {
    /// The columns of a record about this secret with this document.
    pub(crate) fn of(secret: Option<&str>, document: &str) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Said<'d> {
            time: i64,
            #[serde(borrow)]
            actor: Option<Cow<'d, str>>,
            #[serde(borrow)]
            key: Option<Cow<'d, str>>,
            #[serde(borrow)]
            target: Option<Cow<'d, str>>,
        }
        // A document is an object that the server has made.
        let Said { time, actor, key, target } = serde_json::from_str(document).unwrap_or_default();
        let subject = secret.map(str::to_owned).or(key.map(Cow::into_owned)).or(target.map(Cow::into_owned));
        Self { time, actor: actor.map(Cow::into_owned), subject }
    }

    /// Whether a server of an older release has left them out. The next start fills them in.
    fn is_absent(&self) -> bool {
        *self == Self::default()
    }
}

/// The end of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditHead {
    /// Number of the newest record; 0 while there is none.
    pub number: u64,
    /// Its link; empty while there is none.
    pub link: Vec<u8>,
    /// Seal over both; empty while there is none.
    pub seal: Vec<u8>,
    /// Number of the root key whose chain key sealed it; of no meaning while there is no record.
    pub key_number: u32,
    /// Number of the root key under which everything is written.
    pub least_key: u32,
    /// Fingerprint of its key of rows; empty before the first change of the root key.
    pub key_print: Vec<u8>,
}

/// Where the stored part of the chain begins: all records up to one have been archived. What the document says is the archive's
/// own; stores look at the number only, and read no record up to it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditCheckpoint {
    /// Number of the last record that was archived.
    pub number: u64,
    /// What is known of the records up to it, in JSON.
    pub document: String,
    /// Signature over the document.
    pub signature: Vec<u8>,
}

/// What became of a call that removes archived records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many it removed.
    pub removed: u64,
    /// Where the next call goes on; `None` when no archived record is left.
    pub next: Option<u64>,
}

impl Pruned {
    /// The numbers of the records that a call removes, when the first stored one is `first`: from the first number up to the
    /// second, which is not one of them.
    pub(crate) fn range(first: u64, checkpoint: u64, limit: u16) -> (u64, u64) {
        let end = first.saturating_add(limit.max(1).into()).min(checkpoint.saturating_add(1));
        (first, end)
    }

    pub(crate) fn after(removed: u64, end: u64, checkpoint: u64) -> Self {
        Self { removed, next: (end <= checkpoint).then_some(end) }
    }
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A record is missing, or stands in another place.
    #[error("record {expected} is missing: record {found} stands in its place")]
    Missing {
        /// The number that should follow.
        expected: u64,
        /// The number that does.
        found: u64,
    },
    /// A record, or one before it, is not what was written.
    #[error("record {0} is not what was written there")]
    Changed(u64),
    /// A record, or the head, names a root key that this installation does not have.
    #[error("the audit trail names root key number {0}, which is not known")]
    UnknownKey(u32),
    /// A record, or the head, was made under a root key that another one had replaced before.
    #[error("the audit trail names root key number {0} behind the record from which on another one is in use")]
    FormerKey(u32),
    /// The head is not what was written.
    #[error("the head is not what was written")]
    Head,
    /// Records are missing at the end, or were appended without the key.
    #[error("the head names record {head}, but the last record is {last}")]
    End {
        /// Number in the head.
        head: u64,
        /// Number of the last record.
        last: u64,
    },
}

/// Follows a chain from its beginning.
#[derive(Debug)]
pub struct ChainCheck<'k> {
    key: &'k ChainKey,
    number: u64,
    link: Link,
    /// Number of the last record's root key: numbers only grow.
    key_number: u32,
}

impl<'k> ChainCheck<'k> {
    /// At the beginning.
    #[must_use]
    pub const fn new(key: &'k ChainKey) -> Self {
        Self { key, number: 0, link: ORIGIN, key_number: 0 }
    }

    /// Behind a record with this number and link, which is known by other means.
    #[must_use]
    pub const fn behind(key: &'k ChainKey, number: u64, link: Link) -> Self {
        Self { key, number, link, key_number: 0 }
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// Where the chain is broken.
    pub fn next(&mut self, record: &AuditRecord) -> Result<(), Broken> {
        let expected = self.number.saturating_add(1);
        if record.number != expected {
            return Err(Broken::Missing { expected, found: record.number });
        }
        let key = self.key.key(record.key_number)?;
        if record.key_number < self.key_number {
            return Err(Broken::FormerKey(record.key_number));
        }
        let link = link_of(key, &self.link, record.number, record.secret.as_deref(), &record.document);
        let columns = SearchColumns::of(record.secret.as_deref(), &record.document);
        let is_searchable = record.columns == columns || record.columns.is_absent();
        if !bool::from(link.as_slice().ct_eq(&record.link)) || !is_searchable {
            return Err(Broken::Changed(record.number));
        }
        (self.number, self.link, self.key_number) = (record.number, link, record.key_number);
        Ok(())
    }

    /// Number and link of the last record that was taken.
    #[must_use]
    pub const fn position(&self) -> (u64, &Link) {
        (self.number, &self.link)
    }

    /// Compares the end with the head.
    ///
    /// # Errors
    /// A head that is not this chain's.
    pub fn finish(self, head: &AuditHead) -> Result<(), Broken> {
        if head.number != self.number {
            return Err(Broken::End { head: head.number, last: self.number });
        }
        if head.number == 0 {
            return if head.link.is_empty() && head.seal.is_empty() { Ok(()) } else { Err(Broken::Head) };
        }
        let key = self.key.key(head.key_number)?;
        // The first record under a root key is the one that takes it into use, so an older head was put there later.
        if head.key_number < self.key_number.max(self.key.0.number()) {
            return Err(Broken::FormerKey(head.key_number));
        }
        let seal = seal_of(key, self.number, &self.link);
        let sealed = bool::from(seal.as_slice().ct_eq(&head.seal));
        if sealed && head.link == self.link { Ok(()) } else { Err(Broken::Head) }
    }
}

/// Adds to the first record of a change what became of the rows, as the member `rows` of its document.
pub(crate) fn name_rows(records: &mut [AuditEntry], marks: &[RowMark]) {
    let Some(record) = records.first_mut().filter(|_| !marks.is_empty()) else { return };
    // A record is an object with members, and kinds, names and MACs can always be written.
    let rows = serde_json::to_string(marks).unwrap_or_default();
    if let Some(members) = record.document.strip_suffix('}') {
        record.document = format!("{members},\"rows\":{rows}}}");
    }
}

/// Refuses to write under the root key of this number when it is not the one that the database says is in use. Behind another one,
/// rows are bound under that one from now on if it is known, and trying again helps. Ahead of it, or with another key of the same
/// number, the database has gone back, and what was written under this key would open with no key that is stored.
pub(crate) fn require_key_in_use(head: &AuditHead, number: u32, key: &KnownKey) -> Result<(), StoreError> {
    let in_use = head.least_key;
    if number < in_use {
        key.lead(in_use);
        return Err(replaced(in_use, number, key.number() >= in_use));
    }
    if number == in_use && (head.key_print.is_empty() || key.has_print(number, &head.key_print)) {
        return Ok(());
    }
    let what = format!(
        "the database has root key number {in_use} in use, and this process writes under another one, number {number}: the \
         database has gone back behind a change of the root key"
    );
    Err(StoreError::Unavailable(Cause::with(what, OtherKey)))
}

/// As [`require_key_in_use`], for what is bound from now on.
pub(crate) fn require_next_key_in_use(head: &AuditHead, key: &KnownKey) -> Result<(), StoreError> {
    key.lead(head.least_key);
    require_key_in_use(head, key.number(), key)
}

fn replaced(in_use: u32, number: u32, is_known: bool) -> StoreError {
    let what = format!("root key number {in_use} is in use, and this process still writes under number {number}");
    StoreError::Unavailable(if is_known { Cause::with(what, FormerKey) } else { Cause::with(what, OtherKey) })
}

/// Another root key, which this process knows, has taken the place of the one under which something was to be written.
#[derive(Debug, thiserror::Error)]
#[error("it was replaced")]
pub(crate) struct FormerKey;

/// The database does not have the root key in use under which something was to be written.
#[derive(Debug, thiserror::Error)]
#[error("it is not in use there")]
pub(crate) struct OtherKey;

/// The records that entries become behind `head`, and the head behind them.
pub(crate) fn extend(head: &AuditHead, entries: Vec<AuditEntry>) -> Result<(Vec<AuditRecord>, AuditHead), StoreError> {
    let mut link: Link = head.link.as_slice().try_into().unwrap_or(ORIGIN);
    let mut head = head.clone();
    let mut records = Vec::with_capacity(entries.len());
    let last = entries.len();
    for (at, AuditEntry { secret, document, chain }) in (1..).zip(entries) {
        // Whoever has the key that is in use now need not have noticed yet that it is.
        let (number, key_number) = (head.number + 1, chain.0.number().max(head.least_key));
        let Some(key) = chain.0.get(key_number) else {
            return Err(replaced(key_number, chain.0.number(), false));
        };
        link = link_of(key, &link, number, secret.as_deref(), &document);
        head.number = number;
        if at == last {
            head.link = link.to_vec();
            head.seal = seal_of(key, number, &link).to_vec();
            head.key_number = key_number;
        }
        let columns = SearchColumns::of(secret.as_deref(), &document);
        records.push(AuditRecord { number, secret, document, link: link.to_vec(), key_number, columns });
    }
    Ok((records, head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bound::RowKey;

    fn key(byte: u8) -> Arc<ChainKey> {
        Arc::new(ChainKey::new(1, Zeroizing::new([byte; 32])))
    }

    fn chain() -> (Vec<AuditRecord>, AuditHead) {
        let entry = |text: &str| AuditEntry {
            secret: (text != "b").then(|| "db".to_owned()),
            document: format!("{{\"what\":\"{text}\",\"time\":5,\"actor\":\"alice\"}}"),
            chain: key(7),
        };
        let (mut first, head) = extend(&AuditHead::default(), vec![entry("a"), entry("b")]).unwrap();
        let (rest, head) = extend(&head, vec![entry("c"), entry("d")]).unwrap();
        first.extend(rest);
        (first, head)
    }

    fn check(records: &[AuditRecord], head: &AuditHead) -> Result<(), Broken> {
        let key = key(7);
        let mut check = ChainCheck::new(&key);
        records.iter().try_for_each(|record| check.next(record))?;
        check.finish(head)
    }

    #[test]
    fn a_chain_as_it_was_written_holds() {
        let (records, head) = chain();
        assert_eq!(check(&records, &head), Ok(()));
        assert_eq!(check(&[], &AuditHead::default()), Ok(()));
    }

    #[test]
    fn every_changed_part_of_a_record_is_found() {
        for at in 0..4 {
            let change: [fn(&mut AuditRecord); 6] = [
                |record| record.columns.actor = Some("somebody else".to_owned()),
                |record| record.columns.time = 9,
                |record| record.document.push(' '),
                |record| record.secret = Some("other".to_owned()),
                |record| record.secret = record.secret.is_none().then(String::new),
                |record| record.link[0] ^= 1,
            ];
            for change in change {
                let (mut records, head) = chain();
                change(&mut records[at]);
                assert_eq!(check(&records, &head), Err(Broken::Changed(at as u64 + 1)));
            }
        }
    }

    #[test]
    fn records_that_are_taken_out_or_moved_are_found() {
        let (mut records, head) = chain();
        records.remove(1);
        assert_eq!(check(&records, &head), Err(Broken::Missing { expected: 2, found: 3 }));
        // Closing the gap does not help, nor does changing places.
        for record in &mut records[1..] {
            record.number -= 1;
        }
        assert_eq!(check(&records, &head), Err(Broken::Changed(2)));
        let (mut records, head) = chain();
        records.swap(1, 2);
        (records[1].number, records[2].number) = (2, 3);
        assert_eq!(check(&records, &head), Err(Broken::Changed(2)));
    }

    #[test]
    fn records_that_are_cut_off_are_found() {
        let (mut records, head) = chain();
        records.pop();
        assert_eq!(check(&records, &head), Err(Broken::End { head: 4, last: 3 }));
        let shortened = AuditHead { number: 3, link: records[2].link.clone(), ..head };
        assert_eq!(check(&records, &shortened), Err(Broken::Head));
        assert_eq!(check(&[], &shortened), Err(Broken::End { head: 3, last: 0 }));
    }

    #[test]
    fn a_chain_is_followed_from_a_known_record_on() {
        let (records, head) = chain();
        let key = key(7);
        let from = |number: usize, link: Link| {
            let mut check = ChainCheck::behind(&key, number as u64, link);
            records[number..].iter().try_for_each(|record| check.next(record))?;
            check.finish(&head)
        };
        let link = |number: usize| Link::try_from(records[number - 1].link.as_slice()).unwrap();
        for number in 1..=4 {
            assert_eq!(from(number, link(number)), Ok(()));
        }
        assert_eq!(from(2, link(1)), Err(Broken::Changed(3)));
        assert_eq!(from(4, link(3)), Err(Broken::Head));
    }

    #[test]
    fn archived_records_are_removed_in_ranges_that_end_at_the_checkpoint() {
        assert_eq!(Pruned::range(1, 10, 4), (1, 5));
        assert_eq!(Pruned::after(4, 5, 10), Pruned { removed: 4, next: Some(5) });
        assert_eq!(Pruned::range(9, 10, 4), (9, 11));
        assert_eq!(Pruned::after(2, 11, 10).next, None);
        assert_eq!(Pruned::range(12, 10, 4), (12, 11));
        assert_eq!(Pruned::range(1, 10, 0), (1, 2));
    }

    #[test]
    fn a_record_is_searched_by_what_it_says() {
        let columns = |secret, document| {
            let SearchColumns { time, actor, subject } = SearchColumns::of(secret, document);
            (time, actor.unwrap_or_default(), subject.unwrap_or_default())
        };
        let said = r#"{"time":7,"actor":"al\"ice","key":"k","target":"t","other":[1]}"#;
        assert_eq!(columns(Some("db"), said), (7, "al\"ice".to_owned(), "db".to_owned()));
        assert_eq!(columns(None, said), (7, "al\"ice".to_owned(), "k".to_owned()));
        assert_eq!(columns(None, r#"{"target":"t"}"#), (0, String::new(), "t".to_owned()));
        assert_eq!(columns(None, "no JSON"), (0, String::new(), String::new()));
    }

    #[test]
    fn the_number_of_the_root_key_stands_beside_what_its_key_made() {
        let (mut records, mut head) = chain();
        assert!(records.iter().all(|record| record.key_number == 1) && head.key_number == 1);
        head.key_number = 2;
        assert_eq!(check(&records, &head), Err(Broken::UnknownKey(2)));
        records[1].key_number = 3;
        assert_eq!(check(&records, &head), Err(Broken::UnknownKey(3)));
    }

    #[test]
    fn a_record_written_under_another_key_is_found() {
        let (mut records, head) = chain();
        let forged = AuditEntry { secret: None, document: "{}".to_owned(), chain: key(8) };
        let (more, forged_head) = extend(&head, vec![forged]).unwrap();
        records.extend(more);
        assert_eq!(check(&records, &forged_head), Err(Broken::Changed(5)));
    }

    fn chain_of_two() -> Arc<ChainKey> {
        Arc::new(ChainKey::with_others(2, Zeroizing::new([8; 32]), [(1, Zeroizing::new([7; 32]))]))
    }

    fn entry(chain: &Arc<ChainKey>) -> AuditEntry {
        AuditEntry { secret: None, document: "{}".to_owned(), chain: Arc::clone(chain) }
    }

    #[test]
    fn a_chain_goes_on_under_another_key_and_never_back() {
        let (records, head) = chain();
        let both = chain_of_two();
        let (more, later_head) = extend(&head, vec![entry(&both)]).unwrap();
        let follow = |records: &[AuditRecord], head: &AuditHead| {
            let mut check = ChainCheck::new(&both);
            records.iter().try_for_each(|record| check.next(record))?;
            check.finish(head)
        };
        let whole = [records.clone(), more].concat();
        assert_eq!(follow(&whole, &later_head), Ok(()));
        // Whoever has the former key can neither append nor cut off.
        let (forged, forged_head) = extend(&later_head, vec![entry(&key(7))]).unwrap();
        assert_eq!(follow(&[whole, forged].concat(), &forged_head), Err(Broken::FormerKey(1)));
        assert_eq!(follow(&records, &head), Err(Broken::FormerKey(1)));
    }

    #[test]
    fn the_key_that_the_database_has_in_use_is_required_and_no_other() {
        let ring = |number: u32, key: u8| KnownKey::from(RowKey::new(number, Zeroizing::new([key; 32])));
        let print = RowKey::new(2, Zeroizing::new([8; 32])).print();
        let first = AuditHead { least_key: 1, ..AuditHead::default() };
        let second = AuditHead { least_key: 2, key_print: print, ..AuditHead::default() };
        let is = |head: &AuditHead, number: u32, key: u8| {
            require_key_in_use(head, number, &ring(number, key)).map_err(|error| match error {
                StoreError::Unavailable(cause) => cause.source_as::<FormerKey>().is_some(),
                other => panic!("{other}"),
            })
        };
        assert_eq!(is(&first, 1, 7), Ok(()));
        assert_eq!(is(&second, 2, 8), Ok(()));
        // Behind: once more, under the next one, by whoever knows it.
        assert_eq!(is(&second, 1, 7), Err(false));
        let both = RowKey::with_others(1, Zeroizing::new([7; 32]), [(2, Zeroizing::new([8; 32]))]).into();
        let Err(StoreError::Unavailable(cause)) = require_key_in_use(&second, 1, &both) else { panic!() };
        assert!(cause.source_as::<FormerKey>().is_some());
        assert_eq!(both.number(), 2);
        // The database went back before the key was taken into use, or took another one into use since.
        assert_eq!(is(&first, 2, 8), Err(false));
        assert_eq!(is(&second, 2, 9), Err(false));
        assert_eq!(is(&second, 3, 8), Err(false));
    }

    #[test]
    fn nothing_is_appended_under_a_key_that_another_has_replaced() {
        let (_, head) = chain();
        let fenced = AuditHead { least_key: 2, ..head };
        assert!(matches!(extend(&fenced, vec![entry(&key(7))]), Err(StoreError::Unavailable(_))));
        assert!(matches!(
            extend(&fenced, vec![entry(&chain_of_two()), entry(&key(7))]),
            Err(StoreError::Unavailable(_))
        ));
        assert!(extend(&fenced, vec![entry(&chain_of_two())]).is_ok());
        let behind = Arc::new(ChainKey::with_others(1, Zeroizing::new([7; 32]), [(2, Zeroizing::new([8; 32]))]));
        let (records, _) = extend(&fenced, vec![entry(&behind)]).unwrap();
        assert_eq!(records[0].key_number, 2);
    }
}
