//! Passwords of users: hashed with Argon2id off the request threads, few at a time, and slowed down where they are guessed.
//!
//! A check takes 9 MiB while it runs. Its permit is held by the work itself and not by the request, so a client that leaves
//! frees nothing early. It runs on a thread that gives way to those that answer requests. Each peer has one check running at a
//! time and a bounded number that wait, and when too many wait, one of the peer that has most gives way to a peer that has
//! fewer: nobody takes the places of all others.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use csms_api::ErrorCode;
use csms_store::UserRecord;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use zeroize::Zeroizing;

use super::{
    guesses::{Guesses, Subject},
    new_password::NewPassword,
};
use crate::{
    clock::Clock,
    failure::Failure,
    request::{Peer, PeerNetwork},
};

/// Checks and hashes that run at the same time, each on 9 MiB.
pub const PERMITS: usize = 2;

/// Checks and hashes of one peer that wait or run.
const MAX_OF_PEER: usize = 32;

/// Checks and hashes that wait or run, of all peers.
const MAX_WAITING: usize = 512;

/// 9 MiB, 4 passes, 1 lane: a setting of the OWASP password storage cheat sheet that is small enough for this server's memory.
fn params() -> Result<Params, Failure> {
    Params::new(9 * 1024, 4, 1, None).map_err(|error| Failure::internal(error.to_string()))
}

/// The output of Argon2, computed in `memory`, which is empty of it afterwards.
fn compute(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &[u8],
    length: usize,
    memory: &mut Vec<Block>,
) -> Result<Output, String> {
    memory.resize(argon2.params().block_count(), Block::default());
    let mut output = vec![0; length];
    let done = argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, &mut *memory);
    memory.fill(Block::default());
    done.map_err(|error| error.to_string())?;
    Output::new(&output).map_err(|error| error.to_string())
}

/// The hash to store, in PHC string format.
///
/// # Errors
/// Failures of the random number generator.
pub fn hash(password: &NewPassword) -> Result<String, Failure> {
    hash_text(password.reveal(), &mut Vec::new())
}

fn hash_text(password: &str, memory: &mut Vec<Block>) -> Result<String, Failure> {
    let internal = |error: &dyn std::fmt::Display| Failure::internal(error.to_string());
    let mut salt = [0; Salt::RECOMMENDED_LENGTH];
    getrandom::fill(&mut salt)?;
    let (algorithm, version, params) = (Algorithm::Argon2id, Version::V0x13, params()?);
    let written = ParamsString::try_from(&params).map_err(|error| internal(&error))?;
    let argon2 = Argon2::new(algorithm, version, params);
    let output = compute(&argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN, memory);
    let hash = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: written,
        salt: Some(Salt::new(&salt).map_err(|error| internal(&error))?),
        hash: Some(output.map_err(|error| internal(&error))?),
    };
    Ok(hash.to_string())
}

/// A hash that no password fits, for users that do not exist.
static NOBODY: OnceLock<Option<String>> = OnceLock::new();

/// Whether `password` fits a stored hash. Without a hash, as for an unknown user, the same work is done and the result is
/// `false`, so that the time tells nothing.
fn fits(password: &str, stored: Option<String>, memory: &mut Vec<Block>) -> Result<bool, Failure> {
    let known = stored.is_some();
    let nobody = || NOBODY.get_or_init(|| hash_text("nobody has this password", memory).ok()).clone();
    let Some(stored) = stored.or_else(nobody) else { return Ok(false) };
    let damaged = |error: &dyn std::fmt::Display| Failure::internal(format!("a stored password hash: {error}"));
    let parsed = PasswordHash::new(&stored).map_err(|error| damaged(&error))?;
    let (Some(salt), Some(expected)) = (&parsed.salt, &parsed.hash) else { return Err(damaged(&"incomplete")) };
    let algorithm = Algorithm::try_from(parsed.algorithm.as_str()).map_err(|error| damaged(&error))?;
    let version = parsed.version.map_or(Ok(Version::default()), Version::try_from).map_err(|error| damaged(&error))?;
    let params = Params::try_from(&parsed).map_err(|error| damaged(&error))?;
    let argon2 = Argon2::new(algorithm, version, params);
    let output = compute(&argon2, password, salt, expected.len(), memory).map_err(|error| damaged(&error))?;
    // Outputs are compared in constant time.
    Ok(output == *expected && known)
}

fn network(peer: Option<IpAddr>) -> Option<PeerNetwork> {
    peer.map(|address| Peer(address).network())
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The password is the user's.
    Right,
    /// It is not.
    Wrong,
    /// It was not looked at: this peer has guessed too often for this user.
    HeldOff {
        /// When the next one is looked at.
        wait_seconds: u64,
    },
}

/// The places of one peer.
struct Places {
    taken: usize,
    turn: Arc<Semaphore>,
    /// Of those that wait, the newest last: tells one that it has to give way.
    waiting: Vec<Arc<Notify>>,
}

/// Who waits or is checked, by peer. A peer without a place has no entry.
#[derive(Default)]
struct Waiting(Mutex<HashMap<Option<PeerNetwork>, Places>>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, HashMap<Option<PeerNetwork>, Places>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those who wait. Given back when dropped.
struct Place {
    waiting: Arc<Waiting>,
    peer: Option<PeerNetwork>,
    turn: Arc<Semaphore>,
    gives_way: Arc<Notify>,
}

fn throttled() -> Failure {
    Failure::new(ErrorCode::Throttled, "too many passwords are being checked; try again in a second")
}

impl Place {
    fn take(waiting: &Arc<Waiting>, peer: Option<PeerNetwork>) -> Result<Self, Failure> {
        let mut peers = waiting.lock();
        let all: usize = peers.values().map(|places| places.taken).sum();
        let of_peer = peers.get(&peer).map_or(0, |places| places.taken);
        if of_peer >= MAX_OF_PEER {
            return Err(throttled());
        }
        if all >= MAX_WAITING {
            let greatest = peers.values_mut().max_by_key(|places| places.waiting.len());
            let greatest = greatest.filter(|places| places.waiting.len() > of_peer.saturating_add(1));
            greatest.and_then(|places| places.waiting.pop()).ok_or_else(throttled)?.notify_one();
        }
        let gives_way = Arc::new(Notify::new());
        let new = || Places { taken: 0, turn: Arc::new(Semaphore::new(1)), waiting: Vec::new() };
        let places = peers.entry(peer).or_insert_with(new);
        places.taken += 1;
        places.waiting.push(Arc::clone(&gives_way));
        Ok(Self { waiting: Arc::clone(waiting), peer, turn: Arc::clone(&places.turn), gives_way })
    }

    /// A permit, unless the place has to be given up before there is one.
    async fn permit(&self, of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Failure> {
        tokio::select! {
            biased;
            () = self.gives_way.notified() => Err(throttled()),
            permit = Arc::clone(of).acquire_owned() => permit.map_err(Failure::internal),
        }
    }

    /// Notes that the work begins, which nothing interrupts.
    fn begin(&self) {
        if let Some(places) = self.waiting.lock().get_mut(&self.peer) {
            places.waiting.retain(|known| !Arc::ptr_eq(known, &self.gives_way));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut peers = self.waiting.lock();
        if let Some(places) = peers.get_mut(&self.peer) {
            places.taken = places.taken.saturating_sub(1);
            places.waiting.retain(|known| !Arc::ptr_eq(known, &self.gives_way));
            if places.taken == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}

/// The right to run one piece of password work, moved into it.
struct Permit {
    // Dropped in this order: the permit of all first, the place last.
    _all: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
    _place: Place,
}

impl Permit {
    fn of(place: Place, turn: OwnedSemaphorePermit, all: OwnedSemaphorePermit) -> Self {
        place.begin();
        Self { _all: all, _turn: turn, _place: place }
    }
}

/// How much the threads of checks give way to all others, from 0 to 19: beside threads that are never idle, each gets a tenth of
/// the time that one of them gets.
const NICENESS: i32 = 10;

/// Does password work on a thread of its own that gives way to others: however many passwords are sent, what is slow then is the
/// checks of passwords.
async fn off_requests<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let (done, result) = oneshot::channel();
    let thread = std::thread::Builder::new().name("csms-password".to_owned());
    let begun = thread.spawn(move || {
        // Where that is not possible, the work is done all the same.
        let _ = rustix::process::setpriority_process(None, NICENESS);
        // Nobody may be waiting any more.
        let _ = done.send(work());
    });
    begun.map_err(Failure::internal)?;
    result.await.map_err(Failure::internal)
}

/// Work in memory that earlier work has left, or else in new memory, which is left to later work.
fn in_memory_of<T>(spare: &Mutex<Vec<Vec<Block>>>, work: impl FnOnce(&mut Vec<Block>) -> T) -> T {
    let spare = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    let mut memory = spare().pop().unwrap_or_default();
    let done = work(&mut memory);
    spare().push(memory);
    done
}

/// Checks and hashes passwords within bounds.
pub struct PasswordChecks {
    clock: Clock,
    guesses: Arc<Guesses>,
    permits: Arc<Semaphore>,
    /// The memory of checks and hashes that do not run now, one for each permit. If each allocated its own, the allocator
    /// would keep many of them.
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
    waiting: Arc<Waiting>,
}

impl PasswordChecks {
    /// No check runs yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            guesses: Arc::default(),
            permits: Arc::new(Semaphore::new(PERMITS)),
            memory: Arc::default(),
            waiting: Arc::default(),
        }
    }

    /// Whether wrong passwords for this user delay the checks of some peer.
    #[must_use]
    pub fn is_held_off(&self, user_id: &str) -> bool {
        self.guesses.is_held_off(Subject::user(user_id), self.clock.steady())
    }

    /// Checks the password of a user, or of `name` if no user has this name, for a client at `peer`. Wrong ones are counted,
    /// also when the client does not wait for the result; the right one ends the count.
    ///
    /// # Errors
    /// 429 when too many checks of this peer, or of all, are waiting; a stored hash that cannot be read.
    pub async fn check(
        &self,
        user: Option<&UserRecord>,
        name: &str,
        peer: Option<IpAddr>,
        password: Zeroizing<String>,
    ) -> Result<Checked, Failure> {
        let (address, peer) = (peer, network(peer));
        let subject = user.map_or_else(|| Subject::unknown(name), |user| Subject::user(&user.id));
        let stored = user.and_then(|user| user.password_hash.clone());
        // A name that nobody has may be a password that was typed into the wrong field.
        let name = user.map_or_else(|| "nobody's".to_owned(), |user| user.name.clone());
        let place = Place::take(&self.waiting, peer)?;
        let turn = place.permit(&place.turn).await?;
        // Only one check of a peer runs at a time, so what is decided here holds until it is counted.
        let wait = self.guesses.wait(subject, peer, self.clock.steady());
        if wait > 0 {
            return Ok(Checked::HeldOff { wait_seconds: wait.div_ceil(1_000) });
        }
        let all = place.permit(&self.permits).await?;
        let permit = Permit::of(place, turn, all);
        let (guesses, clock, spare) = (Arc::clone(&self.guesses), self.clock.clone(), Arc::clone(&self.memory));
        let checked = off_requests(move || {
            let right = in_memory_of(&spare, |memory| fits(&password, stored, memory));
            match right {
                Ok(true) => guesses.right(subject, peer),
                Ok(false) => {
                    if guesses.wrong(subject, peer, clock.steady()) {
                        tracing::warn!(user = name, peer = ?address, "wrong passwords: the next ones from this peer are held off");
                    }
                }
                Err(_) => {}
            }
            drop(permit);
            right
        });
        let right = checked.await??;
        Ok(if right { Checked::Right } else { Checked::Wrong })
    }

    /// The hash of a new password, made under the same permits as checks.
    ///
    /// # Errors
    /// 429 as for [`PasswordChecks::check`]; failures of the random number generator.
    pub async fn hash(&self, peer: Option<IpAddr>, password: NewPassword) -> Result<String, Failure> {
        let place = Place::take(&self.waiting, network(peer))?;
        let turn = place.permit(&place.turn).await?;
        let all = place.permit(&self.permits).await?;
        let permit = Permit::of(place, turn, all);
        let spare = Arc::clone(&self.memory);
        let hashed = off_requests(move || {
            let hashed = in_memory_of(&spare, |memory| hash_text(password.reveal(), memory));
            drop(permit);
            hashed
        });
        hashed.await?
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, task::Poll};

    use csms_store::UserDetails;

    use super::*;

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const THERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));

    fn bob() -> UserRecord {
        UserRecord {
            id: "1".to_owned(),
            name: "bob".to_owned(),
            domain_id: "d".to_owned(),
            password_hash: Some(hash_text("right", &mut Vec::new()).unwrap()),
            projects: Vec::new(),
            policies: Vec::new(),
            attached: Vec::new(),
            enabled: true,
            details: UserDetails::default(),
        }
    }

    async fn check(checks: &PasswordChecks, user: &UserRecord, peer: Option<IpAddr>, password: &str) -> Checked {
        checks.check(Some(user), "bob", peer, Zeroizing::new(password.to_owned())).await.unwrap()
    }

    #[tokio::test]
    async fn a_peer_that_guesses_is_held_off_and_no_other() {
        let (checks, bob) = (PasswordChecks::new(Clock::default()), bob());
        for _ in 0..super::super::guesses::FREE_GUESSES {
            assert_eq!(check(&checks, &bob, HERE, "wrong").await, Checked::Wrong);
        }
        assert!(matches!(check(&checks, &bob, HERE, "right").await, Checked::HeldOff { wait_seconds: 1..=20 }));
        assert_eq!(check(&checks, &bob, THERE, "right").await, Checked::Right);
        assert!(checks.is_held_off("1"));
        checks.clock.advance(super::super::guesses::GUESS_MILLIS);
        assert_eq!(check(&checks, &bob, HERE, "right").await, Checked::Right);
        assert!(!checks.is_held_off("1"));
    }

    #[tokio::test]
    async fn guesses_made_at_the_same_time_are_not_checked_beyond_the_limit() {
        let (checks, bob) = (Arc::new(PasswordChecks::new(Clock::default())), Arc::new(bob()));
        let guesses = (0..12).map(|_| {
            let (checks, bob) = (Arc::clone(&checks), Arc::clone(&bob));
            tokio::spawn(async move { check(&checks, &bob, HERE, "wrong").await })
        });
        let mut checked = 0;
        for guess in guesses.collect::<Vec<_>>() {
            checked += u64::from(guess.await.unwrap() == Checked::Wrong);
        }
        assert_eq!(checked, super::super::guesses::FREE_GUESSES);
    }

    #[tokio::test]
    async fn a_client_that_leaves_frees_its_permit_only_when_the_work_is_done() {
        let (checks, bob) = (PasswordChecks::new(Clock::default()), bob());
        {
            let mut leaving = pin!(check(&checks, &bob, HERE, "wrong"));
            // One poll begins the work; the client leaves before its end.
            let began = std::future::poll_fn(|context| Poll::Ready(leaving.as_mut().poll(context))).await;
            assert!(began.is_pending());
        }
        assert_eq!(checks.permits.available_permits(), PERMITS - 1);
        assert_eq!(checks.waiting.lock().len(), 1);
        let returned = checks.permits.acquire_many(u32::try_from(PERMITS).unwrap()).await.unwrap();
        drop(returned);
        // Its guess counts.
        assert!(!checks.guesses.is_empty());
    }

    #[tokio::test]
    async fn checks_use_the_memory_of_earlier_ones_and_leave_nothing_in_it() {
        let (checks, bob) = (PasswordChecks::new(Clock::default()), bob());
        for password in ["right", "wrong", "right"] {
            let right = check(&checks, &bob, HERE, password).await == Checked::Right;
            assert_eq!(right, password == "right");
            let memory = checks.memory.lock().unwrap();
            assert_eq!(memory.len(), 1);
            assert!(memory[0].iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
        }
    }

    #[tokio::test]
    async fn new_passwords_are_hashed_in_the_memory_of_checks() {
        let (checks, bob) = (PasswordChecks::new(Clock::default()), bob());
        assert_eq!(check(&checks, &bob, HERE, "right").await, Checked::Right);
        let new = NewPassword::judge(
            Zeroizing::new("another password".to_owned()),
            "",
            super::super::new_password::PasswordRule::Any,
        );
        let hash = checks.hash(HERE, new.ok().unwrap()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=9216,t=4,p=1$"), "{hash}");
        let changed = UserRecord { password_hash: Some(hash), ..bob };
        assert_eq!(check(&checks, &changed, HERE, "another password").await, Checked::Right);
        let memory = checks.memory.lock().unwrap();
        assert_eq!(memory.len(), 1);
        assert!(memory[0].iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }

    #[test]
    fn a_hash_that_another_program_made_with_other_settings_is_checked_with_them() {
        // From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32.
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let fits = |password| fits(password, Some(stored.to_owned()), &mut Vec::new()).unwrap();
        assert_eq!([fits("password"), fits("passwore")], [true, false]);
    }

    #[tokio::test]
    async fn one_peer_cannot_take_all_places() {
        let (checks, bob) = (PasswordChecks::new(Clock::default()), bob());
        let places: Vec<_> = (0..MAX_OF_PEER).map(|_| Place::take(&checks.waiting, network(HERE)).unwrap()).collect();
        let refused = checks.check(Some(&bob), "bob", HERE, Zeroizing::new("right".to_owned())).await;
        assert_eq!(refused.unwrap_err().error.code, ErrorCode::Throttled);
        assert_eq!(check(&checks, &bob, THERE, "right").await, Checked::Right);
        drop(places);
        assert!(checks.waiting.lock().is_empty());
    }

    #[tokio::test]
    async fn a_peer_that_has_many_places_gives_one_to_a_peer_that_has_none() {
        let (checks, bob) = (PasswordChecks::new(Clock::default()), bob());
        let peers = MAX_WAITING / MAX_OF_PEER;
        let of_crowd =
            |number: usize| network(Some(IpAddr::from([198, 51, 100, u8::try_from(number % peers).unwrap()])));
        let places: Vec<_> =
            (0..MAX_WAITING).map(|number| Place::take(&checks.waiting, of_crowd(number)).unwrap()).collect();
        assert_eq!(check(&checks, &bob, HERE, "right").await, Checked::Right);
        let none = Arc::new(Semaphore::new(0));
        let mut gave_way = 0;
        for place in &places {
            let mut waiting = pin!(place.permit(&none));
            let polled = std::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
            gave_way += usize::from(polled.is_ready());
        }
        assert_eq!(gave_way, 1);
        // One that is being checked gives way to nobody.
        places.iter().for_each(Place::begin);
        assert!(Place::take(&checks.waiting, network(HERE)).is_err());
        drop(places);
        assert!(checks.waiting.lock().is_empty());
    }
}
