//! Aggregates refused attempts, so that a caller who is refused repeatedly cannot make the trail grow without bound.
//!
//! The first attempt of a caller with an action and a reason becomes a record immediately, with its resource. Equal attempts of
//! the next minute become one record with a count. Unauthenticated callers count by their peer and the reason, whatever they
//! try, and have a bound of their own, so that they never take the names from the records of users. It does not write the
//! records.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use csms_core::{UnixMillis, VersionId};
use csms_store::{AuditEntry, ChainKey};

use super::{Event, Record};
use crate::{
    auth::Caller,
    request::{Peer, PeerNetwork},
};

/// How long equal attempts are gathered, in milliseconds.
pub(super) const WINDOW_MILLIS: u64 = 60_000;

/// Most distinct attempts of users that are gathered at the same time. All others of that time are counted together, by reason.
const MAX_WINDOWS: usize = 2_000;

/// The same of callers who have proven nothing.
const MAX_UNPROVEN_WINDOWS: usize = 200;

/// Most records that wait to be written. While the store fails, what comes beyond these is not recorded.
const MAX_READY: usize = 10_000;

/// Longest text of a resource that is kept, in characters.
const MAX_TEXT: usize = 256;

/// Name of the actor of attempts that are only counted.
const OTHERS: &str = "others";

/// Name of the action of attempts that are only counted.
const ANY_ACTION: &str = "AnyOperation";

/// Refused attempts that one record stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    actor: String,
    user_id: Option<String>,
    agency: Option<String>,
    action: &'static str,
    outcome: &'static str,
    source: Option<IpAddr>,
    time: UnixMillis,
    count: u64,
    resource: Resource,
}

/// What an attempt was about. Empty where it was about nothing, or about several things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Resource {
    project: String,
    secret: String,
    key: String,
    target: String,
    version: Option<VersionId>,
}

/// The text as a record keeps it: short, and without characters that JSON escapes, since records are read without copies.
fn cut(text: &str) -> String {
    let plain = |c: char| if c.is_control() || matches!(c, '"' | '\\') { '?' } else { c };
    text.chars().take(MAX_TEXT).map(plain).collect()
}

impl Refused {
    pub(super) fn new(event: &Event<'_>, source: Option<IpAddr>, now: UnixMillis) -> Self {
        Self {
            actor: event.caller.name.clone(),
            user_id: event.caller.asking_user().map(str::to_owned),
            agency: event.caller.agency().map(str::to_owned),
            action: event.action,
            outcome: event.outcome,
            source,
            time: now,
            count: 1,
            resource: Resource {
                project: event.project.map(ToString::to_string).unwrap_or_default(),
                secret: cut(event.secret),
                key: cut(event.key),
                target: cut(event.target),
                version: event.version,
            },
        }
    }

    /// Whether the request proved no identity.
    pub(super) fn is_unproven(&self) -> bool {
        self.user_id.is_none() && self.actor == Caller::NOBODY
    }

    fn group(&self) -> Group {
        let peer = self.source.filter(|_| self.is_unproven()).map(|address| Peer(address).network());
        Group {
            actor: self.user_id.clone().unwrap_or_else(|| self.actor.clone()),
            is_user: self.user_id.is_some(),
            agency: self.agency.clone(),
            action: if peer.is_some() { ANY_ACTION } else { self.action },
            peer,
            outcome: self.outcome,
        }
    }

    /// The attempt as one of those that are only counted.
    fn counted_only(&self) -> Self {
        Self {
            actor: OTHERS.to_owned(),
            user_id: None,
            agency: None,
            action: ANY_ACTION,
            source: None,
            resource: Resource::default(),
            ..self.clone()
        }
    }

    pub(super) fn entry(&self, chain: &Arc<ChainKey>) -> AuditEntry {
        let text = |text| Some(text).filter(|text: &&str| !text.is_empty());
        let mut record = Record::of(&self.actor, self.action, self.time);
        record.user_id = self.user_id.as_deref();
        record.agency = self.agency.as_deref();
        record.project = text(&self.resource.project);
        record.secret = text(&self.resource.secret);
        record.key = text(&self.resource.key);
        record.target = text(&self.resource.target);
        record.version = self.resource.version;
        record.source = self.source;
        record.outcome = self.outcome;
        record.count = self.count;
        record.entry(chain)
    }
}

/// What makes two refused attempts equal.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Group {
    actor: String,
    agency: Option<String>,
    is_user: bool,
    /// Of unproven callers.
    peer: Option<PeerNetwork>,
    action: &'static str,
    outcome: &'static str,
}

/// Attempts that are equal to one that has its record.
struct Window {
    until: UnixMillis,
    /// Those after the first one, as one record.
    later: Option<Refused>,
}

/// Refused attempts on their way into the trail.
#[derive(Default)]
pub(super) struct Refusals {
    windows: HashMap<Group, Window>,
    ready: Vec<Refused>,
}

impl Refusals {
    /// Notes an attempt. Returns whether it is the first of its kind, which gets a record of its own.
    pub(super) fn note(&mut self, refused: Refused) -> bool {
        self.close_windows(Some(refused.time));
        let group = refused.group();
        if let Some(window) = self.windows.get_mut(&group) {
            match &mut window.later {
                Some(later) => {
                    later.count += refused.count;
                    if later.resource != refused.resource {
                        later.resource = Resource::default();
                    }
                    if later.action != refused.action {
                        later.action = ANY_ACTION;
                    }
                }
                None => window.later = Some(refused),
            }
            return false;
        }
        let alike = self.windows.keys().filter(|known| known.peer.is_some() == group.peer.is_some()).count();
        let most = if group.peer.is_some() { MAX_UNPROVEN_WINDOWS } else { MAX_WINDOWS };
        if alike >= most && refused.actor != OTHERS {
            return self.note(refused.counted_only());
        }
        let until = refused.time.plus_millis(WINDOW_MILLIS);
        self.windows.insert(group, Window { until, later: None });
        self.push(refused);
        true
    }

    fn push(&mut self, refused: Refused) {
        if self.ready.len() < MAX_READY {
            self.ready.push(refused);
        }
    }

    /// Makes the windows that are over at `now`, or all of them, into records.
    fn close_windows(&mut self, now: Option<UnixMillis>) {
        let over = |window: &Window| now.is_none_or(|now| window.until <= now);
        if !self.windows.values().any(over) {
            return;
        }
        let mut closed: Vec<_> =
            self.windows.extract_if(|_, window| over(window)).filter_map(|(_, window)| window.later).collect();
        closed.sort_by_key(|refused| refused.time);
        closed.into_iter().for_each(|refused| self.push(refused));
    }

    /// Takes the records that are to be written at `now`; all of them without a time.
    pub(super) fn take(&mut self, now: Option<UnixMillis>) -> Vec<Refused> {
        self.close_windows(now);
        std::mem::take(&mut self.ready)
    }

    /// Takes records back that could not be written.
    pub(super) fn put_back(&mut self, mut unwritten: Vec<Refused>) {
        unwritten.append(&mut self.ready);
        unwritten.truncate(MAX_READY);
        self.ready = unwritten;
    }

    /// When the next record is to be written, if any waits.
    pub(super) fn next_time(&self) -> Option<UnixMillis> {
        let first = self.ready.first().map(|refused| refused.time);
        self.windows.values().map(|window| window.until).chain(first).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(1_000_000 + millis)
    }

    fn attempt(caller: &Arc<Caller>, secret: &str, peer: &str, now: UnixMillis) -> Refused {
        let event = Event {
            caller,
            action: "ShowSecretVersion",
            project: None,
            secret,
            key: "",
            target: "",
            version: None,
            outcome: "CSMS.0302",
        };
        Refused::new(&event, Some(peer.parse().unwrap()), now)
    }

    fn named(name: &str) -> Arc<Caller> {
        Arc::new(Caller { name: name.to_owned(), user_id: Some(name.to_owned()), ..Caller::service() })
    }

    #[test]
    fn a_thousand_refused_reads_of_a_minute_become_two_records() {
        let (mut refusals, alice) = (Refusals::default(), named("alice"));
        for number in 0..1_000 {
            let first = refusals.note(attempt(&alice, &format!("x{number}"), "192.0.2.1", at(number)));
            assert_eq!(first, number == 0);
        }
        let prompt = refusals.take(Some(at(1_000)));
        assert_eq!(prompt.iter().map(|refused| refused.resource.secret.as_str()).collect::<Vec<_>>(), ["x0"]);
        assert_eq!(refusals.next_time(), Some(at(WINDOW_MILLIS)));
        let later = refusals.take(Some(at(WINDOW_MILLIS)));
        assert_eq!(
            later.iter().map(|refused| (refused.count, refused.resource.secret.as_str())).collect::<Vec<_>>(),
            [(999, "")]
        );
        assert_eq!(refusals.next_time(), None);
        // The next one is a first one again.
        assert!(refusals.note(attempt(&alice, "x0", "192.0.2.1", at(WINDOW_MILLIS))));
    }

    #[test]
    fn attempts_on_one_resource_keep_its_name() {
        let (mut refusals, alice) = (Refusals::default(), named("alice"));
        for number in 0..3 {
            refusals.note(attempt(&alice, "db", "192.0.2.1", at(number)));
        }
        let all: Vec<_> =
            refusals.take(None).into_iter().map(|refused| (refused.count, refused.resource.secret)).collect();
        assert_eq!(all, [(1, "db".to_owned()), (2, "db".to_owned())]);
    }

    #[test]
    fn users_are_told_apart_and_the_unproven_by_their_peer() {
        let (mut refusals, alice, bob) = (Refusals::default(), named("alice"), named("bob"));
        let nobody = Arc::new(Caller::nobody());
        assert!(refusals.note(attempt(&alice, "db", "192.0.2.1", at(0))));
        assert!(refusals.note(attempt(&bob, "db", "192.0.2.1", at(0))));
        assert!(!refusals.note(attempt(&alice, "db", "192.0.2.2", at(0))));
        assert!(refusals.note(attempt(&nobody, "db", "192.0.2.1", at(0))));
        assert!(!refusals.note(attempt(&nobody, "other", "192.0.2.1", at(0))));
        assert!(refusals.note(attempt(&nobody, "db", "192.0.2.2", at(0))));
    }

    #[test]
    fn what_waits_is_bounded_and_nothing_goes_uncounted() {
        let (mut refusals, nobody) = (Refusals::default(), Arc::new(Caller::nobody()));
        let attempts = u32::try_from(MAX_WINDOWS).unwrap() * 3;
        for number in 0..attempts {
            let peer = std::net::Ipv4Addr::from(number).to_string();
            refusals.note(attempt(&nobody, "db", &peer, at(0)));
            refusals.note(attempt(&named(&peer), "db", &peer, at(0)));
        }
        let most = MAX_WINDOWS + MAX_UNPROVEN_WINDOWS;
        assert!(refusals.windows.len() <= most + 2);
        let written = refusals.take(None);
        assert!(written.len() <= most + 4, "{}", written.len());
        assert_eq!(written.iter().map(|refused| refused.count).sum::<u64>(), 2 * u64::from(attempts));
    }

    #[test]
    fn strangers_take_no_name_from_the_records_of_users() {
        let (mut refusals, nobody) = (Refusals::default(), Arc::new(Caller::nobody()));
        for number in 0..10_000 {
            refusals.note(attempt(&nobody, "db", &std::net::Ipv4Addr::from(number).to_string(), at(0)));
        }
        assert!(refusals.note(attempt(&named("alice"), "db", "192.0.2.1", at(0))));
        assert!(refusals.take(None).iter().any(|refused| refused.actor == "alice"));
    }

    #[test]
    fn whatever_a_stranger_tries_is_one_record_with_a_count() {
        let (mut refusals, nobody) = (Refusals::default(), Arc::new(Caller::nobody()));
        for action in ["ShowSecret", "ListSecrets", "CreateKey"] {
            refusals.note(Refused { action, ..attempt(&nobody, "", "192.0.2.1", at(0)) });
        }
        let written: Vec<_> = refusals.take(None).into_iter().map(|refused| (refused.action, refused.count)).collect();
        assert_eq!(written, [("ShowSecret", 1), (ANY_ACTION, 2)]);
    }

    #[test]
    fn what_was_not_written_is_written_later() {
        let (mut refusals, nobody) = (Refusals::default(), Arc::new(Caller::nobody()));
        refusals.note(attempt(&nobody, "db", "192.0.2.1", at(0)));
        let taken = refusals.take(Some(at(1)));
        refusals.put_back(taken.clone());
        assert_eq!(refusals.take(Some(at(2))), taken);
    }
}
