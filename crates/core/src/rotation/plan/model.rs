//! Every run of the planner against a model of service and database, with a crash possible after every action and every
//! answer of the database possible at every step. One attempt after the other; several at once are in `interleavings`.
//!
//! The model is small enough to visit all of its states. Checked in each: somebody can log in (the invariant); and from
//! each, an attempt without faults ends the rotation. Broken planners are shown to fail the same check, so the check is
//! known to see something.

use alloc::{collections::VecDeque, string::ToString};
use std::{collections::HashMap, vec, vec::Vec};

use super::{seeds::Planner, *};
use crate::rotation::account::Engine;

/// Passwords are numbers: version `vN` holds password `N`.
type Password = u32;

/// More versions than any run of one rotation needs; runs that make more are not followed further.
const MOST_VERSIONS: u32 = 7;

/// Service and database between two actions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    mode: RotationMode,
    /// Version that the event names.
    asked: Option<u32>,
    /// Newest version. Of each version, its account (0 or 1) is kept, `v1` first.
    accounts: Vec<usize>,
    labels: Labels,
    /// The password of each account in the database.
    database: [Password; 2],
}

/// What the environment does with one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    /// All is well.
    Fair,
    /// The database does not answer; a change is not applied.
    Lost,
    /// The database applies a change, and its answer is lost.
    AnswerLost,
    /// The database refuses a change.
    Refusing,
}

impl World {
    /// Two accounts with v2 current and v1 previous. With one account, both versions are its own.
    fn new(mode: RotationMode, made_by_the_service: bool) -> Self {
        let multi = mode == RotationMode::MultiUser;
        let mut world = Self {
            mode,
            asked: None,
            accounts: if multi { vec![1, 0] } else { vec![0, 0] },
            labels: Labels { pending: None, current: VersionId::from_number(2), previous: VersionId::from_number(1) },
            database: if multi { [2, 1] } else { [2, 0] },
        };
        if made_by_the_service {
            world.asked = Some(3);
            world.make_pending(world.base());
        }
        world
    }

    fn base(&self) -> VersionId {
        match self.mode {
            RotationMode::SingleUser => self.labels.current.unwrap(),
            RotationMode::MultiUser => self.labels.previous.unwrap(),
        }
    }

    fn account(&self, version: VersionId) -> usize {
        self.accounts[version.number() as usize - 1]
    }

    fn login(&self, version: VersionId) -> Login {
        let username = self.account(version).to_string();
        Login { engine: Engine::MySql, host: "db".to_string(), port: 3306, dbname: None, username }
    }

    fn marked(&self, role: Role) -> VersionId {
        match role {
            Role::Pending => self.labels.pending,
            Role::Current => self.labels.current,
            Role::Previous => self.labels.previous,
        }
        .unwrap()
    }

    fn logs_in(&self, version: VersionId) -> bool {
        self.database[self.account(version)] == version.number()
    }

    fn make_pending(&mut self, base: VersionId) -> VersionId {
        self.accounts.push(self.account(base));
        let version = VersionId::from_number(u32::try_from(self.accounts.len()).unwrap()).unwrap();
        self.labels.pending = Some(version);
        version
    }

    /// What must hold at every instant.
    fn check(&self) -> Result<(), Failure> {
        let labelled = [self.labels.pending, self.labels.current, self.labels.previous];
        let somebody = |account| labelled.into_iter().flatten().any(|v| self.account(v) == account && self.logs_in(v));
        match self.mode {
            RotationMode::SingleUser if !somebody(0) => Err(Failure::LockedOut),
            RotationMode::MultiUser if !self.logs_in(self.marked(Role::Current)) => Err(Failure::CurrentLockedOut),
            RotationMode::MultiUser if !somebody(0) || !somebody(1) => Err(Failure::LockedOut),
            RotationMode::SingleUser | RotationMode::MultiUser => Ok(()),
        }
    }

    /// Carries an action out. `None` when the model does not follow it further.
    fn apply(&mut self, situation: &mut Situation, action: &Action, weather: Weather) -> Option<()> {
        let answer = |yes| match weather {
            Weather::Fair | Weather::Refusing if yes => Probe::Accepted,
            Weather::Fair | Weather::Refusing => Probe::Rejected,
            Weather::Lost | Weather::AnswerLost => Probe::Unknown(Cause::Unreachable),
        };
        match *action {
            Action::Read(role) => situation.note_reading(role, Reading::Login(self.login(self.marked(role)))),
            Action::Probe(role) => situation.note_probe(role, answer(self.logs_in(self.marked(role)))),
            Action::ProbeDecoy => situation.note_decoy(answer(false)),
            Action::MakePending { base } => {
                if self.accounts.len() as u32 >= MOST_VERSIONS {
                    return None;
                }
                let version = self.make_pending(self.marked(base));
                situation.note_pending(version, self.login(version));
            }
            Action::SetPassword { by: Setter::Account(login_as) } => {
                let account = self.account(self.marked(login_as));
                if self.logs_in(self.marked(login_as)) && matches!(weather, Weather::Fair | Weather::AnswerLost) {
                    self.database[account] = self.marked(Role::Pending).number();
                }
                situation.note_change(
                    Setter::Account(login_as),
                    match weather {
                        Weather::Fair => Change::Done,
                        Weather::Refusing => Change::Refused,
                        Weather::Lost | Weather::AnswerLost => Change::Unknown(Cause::TimedOut),
                    },
                );
            }
            Action::MoveStages { to, from } => {
                self.labels.previous = Some(from);
                self.labels.current = Some(to);
                situation.note_moved();
            }
            Action::RemovePendingLabel => {
                self.labels.pending = None;
                situation.note_label_removed();
            }
            Action::SetPassword { .. } | Action::ReadAdmin => unreachable!("nobody but the accounts sets passwords"),
            Action::Done(_) | Action::Retry(_) | Action::NeedsOperator(_) => return None,
        }
        Some(())
    }

    fn begin(&self) -> Situation {
        Situation::new(self.mode, self.asked.and_then(VersionId::from_number), self.labels)
    }

    /// Runs one attempt without faults, which must end the rotation.
    fn finish(mut self, planner: Planner) -> Result<(), Failure> {
        let mut situation = self.begin();
        for _ in 0..40 {
            let action = planner(&situation);
            if let Action::Done(version) = action {
                let over = self.labels.current == Some(version)
                    && self.logs_in(version)
                    && self.labels.pending.is_none_or(|pending| pending.number() > version.number())
                    && self.asked.is_none_or(|asked| version.number() >= asked);
                return if over { Ok(()) } else { Err(Failure::DoneTooEarly) };
            }
            if self.apply(&mut situation, &action, Weather::Fair).is_none() {
                // Runs that have used all versions of the model prove nothing about ending.
                return if self.accounts.len() as u32 >= MOST_VERSIONS { Ok(()) } else { Err(Failure::Stuck) };
            }
            self.check()?;
        }
        Err(Failure::Stuck)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// No labelled version of an account logs in.
    LockedOut,
    /// With two accounts, SYSCURRENT does not log in.
    CurrentLockedOut,
    /// An attempt without faults does not end the rotation.
    Stuck,
    /// An attempt says it is done and is not.
    DoneTooEarly,
}

/// Visits every state that attempts can reach, each ended by a crash or a verdict and followed by another. Answers how
/// many states there are, or the first failure.
fn explore(planner: Planner, mode: RotationMode, made_by_the_service: bool) -> Result<usize, Failure> {
    let start = World::new(mode, made_by_the_service);
    let first = (start.clone(), start.begin());
    let mut seen: HashMap<World, Vec<Situation>> = HashMap::new();
    let mut queue = VecDeque::from([first]);
    let mut states = 0;
    while let Some((world, situation)) = queue.pop_front() {
        let known = seen.entry(world.clone()).or_default();
        if known.contains(&situation) {
            continue;
        }
        if known.is_empty() {
            world.check()?;
            world.clone().finish(planner)?;
        }
        known.push(situation.clone());
        states += 1;
        // A crash here: the next attempt knows nothing but the labels.
        queue.push_back((world.clone(), world.begin()));
        let action = planner(&situation);
        for weather in [Weather::Fair, Weather::Lost, Weather::AnswerLost, Weather::Refusing] {
            let (mut world, mut situation) = (world.clone(), situation.clone());
            if world.apply(&mut situation, &action, weather).is_some() {
                queue.push_back((world, situation));
            }
        }
    }
    Ok(states)
}

#[test]
fn no_run_with_crashes_locks_anybody_out_and_every_run_can_be_finished() {
    for mode in [RotationMode::SingleUser, RotationMode::MultiUser] {
        for made_by_the_service in [true, false] {
            let states = explore(plan, mode, made_by_the_service).unwrap();
            assert!(states > 100, "{mode:?}: only {states} states");
        }
    }
}

#[test]
fn planners_that_were_broken_on_purpose_are_found_out() {
    let (single, multi) = (RotationMode::SingleUser, RotationMode::MultiUser);
    assert_eq!(explore(seeds::trusts_the_change, multi, true), Err(Failure::CurrentLockedOut));
    assert_eq!(explore(seeds::gives_up, single, true), Err(Failure::LockedOut));
    for mode in [single, multi] {
        assert_eq!(explore(seeds::guesses, mode, true), Err(Failure::LockedOut));
    }
    assert!(explore(seeds::changes_the_account_in_use, multi, true).is_err());
}
