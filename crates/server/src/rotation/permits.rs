//! Which rotation may make its next attempt: the permits of a server, shared fairly between projects, callers and databases.
//!
//! A pure state machine: time is an argument, and nothing here waits, stores or connects. [`crate::rotation::worker`] waits
//! for the permits that [`Permits::grant`] names.
//!
//! A login at an unresponsive host lasts until its timeout. So that such hosts cannot block the others, an attempt without a response
//! for [`SILENCE_MILLIS`] gives its permit back and continues without one; its target then waits behind all others; no target holds
//! more than a quarter of the permits; and an eighth of them is reserved for targets whose last attempt got a response.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use csms_core::{ProjectId, SecretId, UnixMillis};

/// How long an attempt without an answer keeps its permit, in milliseconds. Two of them in a row end within ten seconds.
pub const SILENCE_MILLIS: u64 = 4_000;

/// How long a silent target waits behind all others for the first time, in milliseconds; then twice as long each time.
const FIRST_PENALTY_MILLIS: u64 = 60_000;

/// The longest such wait.
const LONGEST_PENALTY_MILLIS: u64 = 3_600_000;

/// Most targets, and most projects, callers and so on, that are remembered. What is forgotten counts as new.
const MEMORY: usize = 10_000;

/// What an attempt connects to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A database, by its host in lower case and its port.
    Host(String, u16),
    /// The database of a secret whose value the server cannot read.
    Secret(SecretId),
}

/// An attempt that waits for a permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The project of its secret.
    pub project: ProjectId,
    /// Who started the rotation: a caller, or the schedule.
    pub starter: String,
    /// What it connects to.
    pub target: Target,
}

/// Identifies a request, from [`Permits::enqueue`] to [`Permits::finish`] or [`Permits::cancel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Whether the target of an attempt answered, whatever the answer was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// It did.
    Answered,
    /// It did not.
    Silent,
    /// The attempt ended before it was asked.
    None,
}

/// When each of a kind was served last. The least recently served goes first, and one that never was before all others.
#[derive(Debug)]
struct Turns<K> {
    last: HashMap<K, u64>,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self { last: HashMap::new() }
    }
}

impl<K: Eq + Hash + Clone> Turns<K> {
    fn of(&self, key: &K) -> u64 {
        self.last.get(key).copied().unwrap_or(0)
    }

    fn serve(&mut self, key: K, turn: u64) {
        if self.last.len() >= MEMORY {
            let cut = turn.saturating_sub(MEMORY as u64 / 2);
            self.last.retain(|_, last| *last >= cut);
        }
        self.last.insert(key, turn);
    }
}

/// What is remembered of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Memory {
    /// Its last attempt was answered.
    Answered,
    /// It was silent `times` times in a row, and waits behind all others until then.
    Silent { times: u32, until: UnixMillis },
}

#[derive(Debug)]
struct Active {
    request: Request,
    proven: bool,
    /// Whether it still counts against the permits.
    holds: bool,
}

/// The permits of this server.
#[derive(Debug)]
pub struct Permits {
    total: usize,
    next: u64,
    turn: u64,
    waiting: Vec<(Ticket, Request)>,
    active: HashMap<Ticket, Active>,
    memory: HashMap<Target, Memory>,
    projects: Turns<ProjectId>,
    starters: Turns<(ProjectId, String)>,
    targets: Turns<(ProjectId, Target)>,
}

impl Permits {
    /// As many permits as attempts may be made at the same time; at least one.
    #[must_use]
    pub fn new(total: usize) -> Self {
        Self {
            total: total.max(1),
            next: 0,
            turn: 0,
            waiting: Vec::new(),
            active: HashMap::new(),
            memory: HashMap::new(),
            projects: Turns::default(),
            starters: Turns::default(),
            targets: Turns::default(),
        }
    }

    /// Most attempts that may go on without a permit. Beyond that, a silent attempt keeps its permit, so that the number of
    /// running functions stays bounded.
    const fn most_without(&self) -> usize {
        self.total.saturating_add(2)
    }

    /// Most attempts that run at the same time, with and without a permit.
    #[must_use]
    pub const fn most_active(&self) -> usize {
        self.total.saturating_add(self.most_without())
    }

    /// Most permits of one target.
    const fn share(&self) -> usize {
        let quarter = self.total / 4;
        if quarter == 0 { 1 } else { quarter }
    }

    /// Permits that only targets get whose last attempt was answered.
    const fn reserve(&self) -> usize {
        self.total / 8
    }

    /// Lets a request wait for a permit.
    pub fn enqueue(&mut self, request: Request) -> Ticket {
        self.next = self.next.saturating_add(1);
        let ticket = Ticket(self.next);
        self.waiting.push((ticket, request));
        ticket
    }

    /// Takes back a request that waits, or that was granted and has not begun.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
        self.active.remove(&ticket);
    }

    /// Grants a permit to the request whose turn it is, if there is a permit for any.
    pub fn grant(&mut self, now: UnixMillis) -> Option<Ticket> {
        let holding = || self.active.values().filter(|active| active.holds);
        if holding().count() >= self.total {
            return None;
        }
        let unproven = holding().filter(|active| !active.proven).count();
        let mut held: HashMap<&Target, usize> = HashMap::new();
        for active in holding() {
            *held.entry(&active.request.target).or_default() += 1;
        }
        let fits = |request: &Request| {
            held.get(&request.target).copied().unwrap_or(0) < self.share()
                && (self.is_proven(&request.target) || unproven < self.total - self.reserve())
        };
        // Among equals the newest and the longest waiting take turns, so that neither a crowd before a request nor one behind
        // it delays it by more than one turn.
        let newest_first = self.turn.is_multiple_of(2);
        let key = |(ticket, request): &(Ticket, Request)| {
            let project = &request.project;
            (
                self.penalty(&request.target, now),
                self.projects.of(project),
                self.starters.of(&(project.clone(), request.starter.clone())),
                self.targets.of(&(project.clone(), request.target.clone())),
                if newest_first { u64::MAX - ticket.0 } else { ticket.0 },
            )
        };
        let (at, _) = self
            .waiting
            .iter()
            .enumerate()
            .filter(|(_, (_, request))| fits(request))
            .min_by_key(|(_, entry)| key(entry))?;
        let (ticket, request) = self.waiting.remove(at);
        self.turn = self.turn.saturating_add(1);
        self.projects.serve(request.project.clone(), self.turn);
        self.starters.serve((request.project.clone(), request.starter.clone()), self.turn);
        self.targets.serve((request.project.clone(), request.target.clone()), self.turn);
        let proven = self.is_proven(&request.target);
        self.active.insert(ticket, Active { request, proven, holds: true });
        Some(ticket)
    }

    /// Notes that an attempt has had no answer for [`SILENCE_MILLIS`]: its permit is free again, unless too many go on
    /// without one, and its target waits behind all others.
    pub fn report_silent(&mut self, ticket: Ticket, now: UnixMillis) {
        let without = self.active.values().filter(|active| !active.holds).count();
        let may_go_on = without < self.most_without();
        let Some(active) = self.active.get_mut(&ticket) else { return };
        active.holds = active.holds && !may_go_on;
        let target = active.request.target.clone();
        self.penalise(target, now);
    }

    /// Ends an attempt.
    pub fn finish(&mut self, ticket: Ticket, contact: Contact, now: UnixMillis) {
        let Some(active) = self.active.remove(&ticket) else { return };
        match contact {
            Contact::Answered => self.remember(active.request.target, Memory::Answered),
            // The penalty of an attempt counts once, when it gave its permit back or here.
            Contact::Silent if active.holds => self.penalise(active.request.target, now),
            Contact::Silent | Contact::None => {}
        }
    }

    /// How many attempts wait for a permit.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn is_proven(&self, target: &Target) -> bool {
        self.memory.get(target) == Some(&Memory::Answered)
    }

    /// When the target may be served like any other; 0 for now.
    fn penalty(&self, target: &Target, now: UnixMillis) -> u64 {
        match self.memory.get(target) {
            Some(Memory::Silent { until, .. }) if *until > now => until.as_millis(),
            _ => 0,
        }
    }

    fn penalise(&mut self, target: Target, now: UnixMillis) {
        let times = match self.memory.get(&target) {
            Some(Memory::Silent { times, .. }) => times.saturating_add(1),
            Some(Memory::Answered) | None => 1,
        };
        let doubled = FIRST_PENALTY_MILLIS.saturating_mul(1_u64.checked_shl(times - 1).unwrap_or(u64::MAX));
        let until = now.plus_millis(doubled.min(LONGEST_PENALTY_MILLIS));
        self.remember(target, Memory::Silent { times, until });
    }

    fn remember(&mut self, target: Target, memory: Memory) {
        if self.memory.len() >= MEMORY && !self.memory.contains_key(&target) {
            // Whoever is waiting or active is worth remembering; of the others any may go.
            let wanted: HashSet<&Target> = self.waiting.iter().map(|(_, request)| &request.target).collect();
            let forgotten = self.memory.keys().find(|target| !wanted.contains(target)).cloned();
            if let Some(forgotten) = forgotten.or_else(|| self.memory.keys().next().cloned()) {
                self.memory.remove(&forgotten);
            }
        }
        self.memory.insert(target, memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_000_000;

    fn at(seconds: u64) -> UnixMillis {
        UnixMillis::new(START + seconds * 1000)
    }

    fn project(digit: &str) -> ProjectId {
        ProjectId::parse(digit.repeat(32)).unwrap()
    }

    fn request(project_digit: &str, starter: &str, port: u16) -> Request {
        Request {
            project: project(project_digit),
            starter: starter.to_owned(),
            target: Target::Host("db".to_owned(), port),
        }
    }

    /// Grants until nothing is left to grant.
    fn grant_all(permits: &mut Permits, now: UnixMillis) -> Vec<Ticket> {
        std::iter::from_fn(|| permits.grant(now)).collect()
    }

    /// Runs a server on which every target is a tarpit but that of `victim`, and returns the second at which the victim's
    /// attempt begins. Attempts last six seconds; failed ones come back two seconds later, three times in all.
    fn second_of_victim(permits: &mut Permits, victim: Ticket) -> Option<u64> {
        let mut begun: Vec<(u64, Ticket, Request)> = Vec::new();
        let mut again: Vec<(u64, Request)> = Vec::new();
        for second in 0..60 {
            for (_, request) in again.extract_if(.., |(when, _)| *when == second) {
                permits.enqueue(request);
            }
            for (when, ticket, _) in &begun {
                if *when + SILENCE_MILLIS / 1000 == second {
                    permits.report_silent(*ticket, at(second));
                }
            }
            for (_, ticket, request) in begun.extract_if(.., |(when, _, _)| *when + 6 == second) {
                permits.finish(ticket, Contact::Silent, at(second));
                again.push((second + 2, request));
            }
            while let Some(ticket) = permits.grant(at(second)) {
                if ticket == victim {
                    return Some(second);
                }
                let request = permits.active[&ticket].request.clone();
                begun.push((second, ticket, request));
            }
        }
        None
    }

    #[test]
    fn a_hundred_silent_targets_delay_another_secret_by_less_than_ten_seconds() {
        for concurrency in [1, 2, 8] {
            for (victims_project, victims_starter) in [("b", "admin"), ("a", "admin"), ("a", "tenant")] {
                for before in 0..=100 {
                    let mut permits = Permits::new(concurrency);
                    for port in 0..before {
                        permits.enqueue(request("a", "tenant", port));
                    }
                    let is_same = victims_project == "a" && victims_starter == "tenant";
                    let victim = permits.enqueue(request(victims_project, victims_starter, 5432));
                    for port in before..100 {
                        permits.enqueue(request("a", "tenant", port));
                    }
                    // Between two crowds of one's own making there is no telling which request is meant.
                    if is_same && !matches!(before, 0 | 100) {
                        continue;
                    }
                    let second = second_of_victim(&mut permits, victim);
                    assert!(
                        second.is_some_and(|second| second < 10),
                        "{concurrency} {victims_starter} {before}: {second:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn there_are_never_more_permits_than_set_nor_more_than_a_quarter_for_one_target() {
        for total in 1..=16 {
            let mut permits = Permits::new(total);
            for port in [1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18] {
                permits.enqueue(request("a", "tenant", port));
            }
            let granted = grant_all(&mut permits, at(0));
            assert_eq!(granted.len(), total - total / 8, "{total}");
            let of_first = granted.iter().filter(|ticket| permits.active[ticket].request == request("a", "tenant", 1));
            assert!(of_first.count() <= (total / 4).max(1), "{total}");
        }
    }

    #[test]
    fn an_eighth_is_kept_for_targets_that_answered() {
        let mut permits = Permits::new(8);
        let known = permits.enqueue(request("a", "x", 1));
        assert_eq!(permits.grant(at(0)), Some(known));
        permits.finish(known, Contact::Answered, at(0));
        for port in 10..30 {
            permits.enqueue(request("a", "x", port));
        }
        assert_eq!(grant_all(&mut permits, at(0)).len(), 7);
        let again = permits.enqueue(request("a", "x", 1));
        assert_eq!(grant_all(&mut permits, at(0)), [again]);
    }

    #[test]
    fn a_silent_target_waits_behind_all_others_a_minute_and_then_twice_as_long() {
        let mut permits = Permits::new(1);
        let mut now = 0;
        for wait in [60, 120, 240] {
            let silent = permits.enqueue(request("a", "x", 1));
            assert_eq!(permits.grant(at(now)), Some(silent));
            permits.report_silent(silent, at(now));
            permits.finish(silent, Contact::Silent, at(now));
            let early = permits.enqueue(request("a", "x", 1));
            let other = permits.enqueue(request("a", "x", 2));
            assert_eq!(permits.grant(at(now + wait - 1)), Some(other), "{wait}");
            permits.finish(other, Contact::Answered, at(now + wait - 1));
            permits.cancel(early);
            now += wait;
        }
        // Its turn comes when nobody else waits, and an answer is forgiveness.
        let answered = permits.enqueue(request("a", "x", 1));
        assert_eq!(permits.grant(at(now)), Some(answered));
        permits.finish(answered, Contact::Answered, at(now));
        assert_eq!(permits.penalty(&request("a", "x", 1).target, at(now)), 0);
        permits.penalise(request("a", "x", 1).target, at(now));
        assert_eq!(permits.penalty(&request("a", "x", 1).target, at(now)), at(now + 60).as_millis());
    }

    #[test]
    fn a_penalty_has_a_longest() {
        let mut permits = Permits::new(1);
        for _ in 0..100 {
            permits.penalise(request("a", "x", 1).target, at(0));
        }
        assert_eq!(permits.penalty(&request("a", "x", 1).target, at(0)), at(3600).as_millis());
    }

    #[test]
    fn a_silent_attempt_frees_its_permit_once_and_the_number_without_one_is_bounded() {
        let mut permits = Permits::new(2);
        for port in 0..50 {
            permits.enqueue(request("a", "x", port));
        }
        let mut begun = Vec::new();
        for second in 0..20 {
            let granted = grant_all(&mut permits, at(second));
            for ticket in &granted {
                permits.report_silent(*ticket, at(second));
                permits.report_silent(*ticket, at(second));
            }
            begun.extend(granted);
            assert!(permits.active.len() <= permits.most_active());
        }
        assert_eq!(begun.len(), permits.most_active());
    }

    #[test]
    fn projects_take_turns_and_so_do_starters_within_one() {
        let mut permits = Permits::new(1);
        for port in 0..6 {
            permits.enqueue(request("a", "x", port));
        }
        for port in 6..8 {
            permits.enqueue(request("a", "y", port));
        }
        for port in 8..12 {
            permits.enqueue(request("b", "z", port));
        }
        let mut order = Vec::new();
        while let Some(ticket) = permits.grant(at(0)) {
            order.push(permits.active[&ticket].request.starter.clone());
            permits.finish(ticket, Contact::Answered, at(0));
        }
        let first: String = order.iter().take(8).map(String::as_str).collect();
        assert!(["xzyzxzyz", "zxzyzxzy", "yzxzyzxz", "zyzxzyzx"].contains(&first.as_str()), "{first}");
        assert_eq!(order.len(), 12);
    }

    #[test]
    fn what_is_cancelled_leaves_nothing_behind() {
        let mut permits = Permits::new(1);
        let (first, second) = (permits.enqueue(request("a", "x", 1)), permits.enqueue(request("a", "x", 2)));
        let granted = permits.grant(at(0)).unwrap();
        permits.cancel(granted);
        let left = if granted == first { second } else { first };
        assert_eq!(permits.grant(at(0)), Some(left));
        permits.finish(left, Contact::Silent, at(0));
        assert_eq!((permits.waiting(), permits.active.len()), (0, 0));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut permits = Permits::new(1);
        for port in 0..=u16::MAX {
            permits.penalise(request("a", "x", port).target, at(0));
        }
        assert_eq!(permits.memory.len(), MEMORY);
    }
}
