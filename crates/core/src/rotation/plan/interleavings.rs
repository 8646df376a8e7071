//! The server and several functions at one secret, their steps in every order, each function killed or cut off from the
//! database at any step.
//!
//! A step is what happens at once: a transaction of the service, a statement of the database, a login. What the executor
//! looks up right before it writes is a step of its own, so that others come between. Two functions run at the same
//! time when one server has taken a task over from another that only stood still; a task may end while functions are still
//! running, and the next begin.
//!
//! With two functions all states are visited; with more, runs are drawn at random. Checked in each state: nobody is locked
//! out (the invariant). From each, what the next attempt alone would do is checked by `model`.

use alloc::{collections::VecDeque, string::ToString};
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    rc::Rc,
    string::String,
    vec,
    vec::Vec,
};

use super::{seeds::Planner, *};
use crate::rotation::account::Engine;

/// A version: its account, and whether the database refuses its password. Version `vN` holds password `N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Version {
    account: usize,
    refused: bool,
}

/// What a run is about.
#[derive(Clone, Copy, Debug)]
struct Setting {
    mode: RotationMode,
    /// Whether the database keeps the old password as a second one (MySQL); otherwise it is PostgreSQL.
    keeps_old: bool,
    /// Whether SYSCURRENT was moved back to the password that is kept as the second one.
    rolled_back: bool,
    /// Whether the service makes the pending version. It does not for sealed values.
    made_by_the_service: bool,
    /// Tasks that may begin.
    tasks: u32,
    /// Functions running at the same time.
    functions: usize,
    /// Candidates that the database may refuse.
    refusals: u32,
    /// Whether the service refuses writes of functions whose task another server has taken over.
    fenced: bool,
    /// How the database lets logins of functions in. Applications log in where it checks their passwords.
    door: Door,
}

/// How the database lets functions in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// By their passwords, which is found out by a login that is refused.
    Checks,
    /// By their passwords, as it says itself of each login that it has accepted (PostgreSQL 16).
    SaysSo,
    /// Whatever their passwords are.
    Open,
}

/// Service and database between two steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    versions: Vec<Version>,
    labels: Labels,
    /// The password of each account in the database, and the one that was kept beside it.
    database: [(u32, Option<u32>); 2],
    /// The version that the running task works towards.
    task: Option<u32>,
    /// Whether no function has been started for the task, whose pending version was made for it.
    is_new: bool,
    tasks_left: u32,
    refusals_left: u32,
}

/// A running function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Function {
    /// Whether another function has been started for the secret since.
    overtaken: bool,
    situation: Situation,
    /// What it has looked up the labels for.
    checked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Fair,
    /// The database does not answer; a change is not applied.
    Lost,
    /// The database applies a change, and its answer is lost.
    AnswerLost,
}

fn number(number: u32) -> VersionId {
    VersionId::from_number(number).unwrap()
}

impl World {
    fn new(setting: &Setting) -> Self {
        let multi = setting.mode == RotationMode::MultiUser;
        let account = |account| Version { account, refused: false };
        Self {
            versions: if multi { vec![account(1), account(0)] } else { vec![account(0), account(0)] },
            labels: match setting.rolled_back {
                true => Labels { pending: None, current: Some(number(1)), previous: Some(number(2)) },
                false => Labels { pending: None, current: Some(number(2)), previous: Some(number(1)) },
            },
            database: match (multi, setting.rolled_back) {
                (true, _) => [(2, None), (1, None)],
                (false, true) => [(2, Some(1)), (0, None)],
                (false, false) => [(2, None), (0, None)],
            },
            task: None,
            is_new: false,
            tasks_left: setting.tasks,
            refusals_left: setting.refusals,
        }
    }

    fn version(&self, id: VersionId) -> Version {
        self.versions[id.number() as usize - 1]
    }

    fn logs_in(&self, id: VersionId) -> bool {
        let (password, kept) = self.database[self.version(id).account];
        password == id.number() || kept == Some(id.number())
    }

    fn newest(&self) -> u32 {
        u32::try_from(self.versions.len()).unwrap()
    }

    fn is_live(&self, pending: VersionId) -> bool {
        ![self.labels.current, self.labels.previous].contains(&Some(pending))
    }

    fn base(&self, setting: &Setting) -> VersionId {
        match setting.mode {
            RotationMode::SingleUser => self.labels.current.unwrap(),
            RotationMode::MultiUser => self.labels.previous.unwrap(),
        }
    }

    /// What must hold at every instant: with two accounts SYSCURRENT logs in, and for each account some label does; with one,
    /// SYSCURRENT or SYSPENDING does, and SYSCURRENT itself where the old password is kept, or where no login of a function
    /// can prove the new one.
    fn check(&self, setting: &Setting) -> Result<(), &'static str> {
        let current = self.logs_in(self.labels.current.unwrap());
        let labelled = [self.labels.pending, self.labels.current, self.labels.previous];
        let somebody =
            |account| labelled.into_iter().flatten().any(|v| self.version(v).account == account && self.logs_in(v));
        match setting.mode {
            RotationMode::MultiUser if !current => Err("SYSCURRENT is locked out"),
            RotationMode::MultiUser if !somebody(0) || !somebody(1) => Err("an account is locked out"),
            RotationMode::SingleUser if (setting.keeps_old || setting.door == Door::Open) && !current => {
                Err("SYSCURRENT is locked out")
            }
            RotationMode::SingleUser if !current && !self.labels.pending.is_some_and(|p| self.logs_in(p)) => {
                Err("the account is locked out")
            }
            RotationMode::SingleUser | RotationMode::MultiUser => Ok(()),
        }
    }

    /// A new pending version; also one whose password the database refuses, as long as there may be such.
    fn make_pending(&self, base: VersionId) -> Vec<Self> {
        let refusable: &[bool] = if self.refusals_left > 0 { &[false, true] } else { &[false] };
        let made = refusable.iter().map(|refused| {
            let mut world = self.clone();
            world.versions.push(Version { account: self.version(base).account, refused: *refused });
            world.labels.pending = Some(number(world.newest()));
            world.refusals_left -= u32::from(*refused);
            world
        });
        made.collect()
    }

    /// What the server may do: begin a task, hand it to a function, end it.
    fn server(&self, setting: &Setting) -> Vec<(&'static str, Self, Option<Function>)> {
        let Some(goal) = self.task else {
            if self.tasks_left == 0 {
                return Vec::new();
            }
            let begun = |mut world: Self, goal: u32| {
                world.task = Some(goal);
                world.tasks_left -= 1;
                ("the server begins a task", world, None)
            };
            return match self.labels.pending.filter(|pending| self.is_live(*pending)) {
                Some(pending) => vec![begun(self.clone(), pending.number())],
                None if setting.made_by_the_service => {
                    let made = self.make_pending(self.base(setting)).into_iter();
                    made.map(|world| begun(Self { is_new: true, ..world }, self.newest() + 1)).collect()
                }
                None => vec![begun(self.clone(), self.newest() + 1)],
            };
        };
        let mut ended = self.clone();
        (ended.task, ended.is_new) = (None, false);
        let situation = Situation::new(setting.mode, Some(number(goal)), self.labels);
        // The function asks which version is the pending one, and may find another one than the task was begun with.
        let is_new = self.is_new && self.labels.pending == Some(number(goal));
        let situation = if is_new { situation.with_new_pending() } else { situation };
        let function = Function { overtaken: false, situation, checked: false };
        let started = Self { is_new: false, ..self.clone() };
        vec![("the server ends the task", ended, None), ("the server starts a function", started, Some(function))]
    }

    /// The login in a version. The accounts are told apart by name.
    fn login(&self, setting: &Setting, id: VersionId) -> Login {
        let username = self.version(id).account.to_string();
        let engine = if setting.keeps_old { Engine::MySql } else { Engine::PostgreSql };
        Login {
            engine,
            host: "db".to_string(),
            port: 3306,
            dbname: None,
            username,
            rotation_host: None,
            rotation_port: None,
        }
    }

    /// What may come of a function's next step: the world, and the function if it goes on. `None` in its place when the
    /// service refuses its write or it is at its end.
    fn step(&self, setting: &Setting, planner: Planner, function: &Function) -> Vec<(String, Self, Option<Function>)> {
        let action = planner(&function.situation);
        if matches!(action, Action::Done(_) | Action::Retry(_) | Action::NeedsOperator(_)) {
            return vec![(action.step().to_string(), self.clone(), None)];
        }
        let looks_first =
            matches!(action, Action::SetPassword { .. } | Action::MakePending { .. } | Action::MoveStages { .. });
        if looks_first && !function.checked {
            let known = &function.situation;
            let (seen, expected) = match action {
                Action::MoveStages { .. } => (self.labels.current, known.version(Role::Current)),
                _ => (self.labels.pending, known.version(Role::Pending)),
            };
            let goes_on = Function { checked: true, ..function.clone() };
            return vec![("looks at the labels".to_string(), self.clone(), (seen == expected).then_some(goes_on))];
        }
        let writes_to_the_service =
            matches!(action, Action::MakePending { .. } | Action::MoveStages { .. } | Action::RemovePendingLabel);
        if writes_to_the_service && setting.fenced && function.overtaken {
            return vec![("is refused by the service".to_string(), self.clone(), None)];
        }
        let weathers: &[Weather] = match action {
            Action::SetPassword { .. } => &[Weather::Fair, Weather::Lost, Weather::AnswerLost],
            Action::Probe(_) | Action::ProbeDecoy => &[Weather::Fair, Weather::Lost],
            _ => &[Weather::Fair],
        };
        let outcomes = weathers.iter().flat_map(|weather| self.apply(setting, function, &action, *weather));
        let told = |(world, function)| (action.step().to_string(), world, Some(function));
        outcomes.map(told).collect()
    }

    fn apply(
        &self,
        setting: &Setting,
        function: &Function,
        action: &Action,
        weather: Weather,
    ) -> Vec<(Self, Function)> {
        let (mut world, mut function) = (self.clone(), Function { checked: false, ..function.clone() });
        let situation = &mut function.situation;
        let answer = |yes| match weather {
            Weather::Fair if yes || setting.door == Door::Open => Probe::Accepted,
            Weather::Fair => Probe::Refused,
            Weather::Lost | Weather::AnswerLost => Probe::Unknown(Cause::Unreachable),
        };
        // Functions act on the versions whose values they have read, whatever the labels mark by now.
        match *action {
            Action::Read(role) => {
                let login = self.login(setting, situation.version(role).unwrap());
                situation.note_reading(role, Reading::Login(login));
            }
            Action::Probe(role) => {
                let logs_in = self.logs_in(situation.version(role).unwrap());
                situation.note_probe(role, answer(logs_in));
                if setting.door == Door::SaysSo && answer(logs_in) == Probe::Accepted {
                    situation.note_passwords_checked();
                }
            }
            Action::ProbeDecoy => situation.note_decoy(answer(false)),
            Action::MakePending { base } => {
                let made = self.make_pending(situation.version(base).unwrap()).into_iter();
                return made
                    .map(|world| {
                        let mut function = function.clone();
                        let version = number(world.newest());
                        function.situation.note_pending(version, world.login(setting, version));
                        (world, function)
                    })
                    .collect();
            }
            Action::SetPassword { by: by @ Setter::Account(login_as) } => {
                let (login, pending) =
                    (situation.version(login_as).unwrap(), situation.version(Role::Pending).unwrap());
                let candidate = self.version(pending);
                let change = if weather == Weather::Lost {
                    Change::Unknown(Cause::TimedOut)
                } else if setting.door != Door::Open && !self.logs_in(login) {
                    Change::NotDone(Cause::NoLogin)
                } else if candidate.refused {
                    Change::RefusedCandidate
                } else if setting.keeps_old && self.database[self.version(login).account].0 != login.number() {
                    // The adapter says which password it replaces, so that one that was kept is not lost.
                    Change::NotDone(Cause::NotFirst)
                } else {
                    let (password, kept) = &mut world.database[self.version(login).account];
                    *kept = setting.keeps_old.then_some(*password);
                    *password = pending.number();
                    if weather == Weather::Fair { Change::Done } else { Change::Unknown(Cause::TimedOut) }
                };
                situation.note_change(by, change);
            }
            // The first password is replaced, and the second one stays.
            Action::SetPassword { by: Setter::Restored } => {
                let of = |role| situation.version(role).unwrap();
                let (login, first, pending) = (of(Role::Current), of(Role::Previous), of(Role::Pending));
                let account = &mut world.database[self.version(login).account];
                let change = if !self.logs_in(login) {
                    Change::NotDone(Cause::NoLogin)
                } else if account.0 != first.number() {
                    Change::NotDone(Cause::NotFirst)
                } else if weather == Weather::Lost {
                    Change::Unknown(Cause::TimedOut)
                } else if self.version(pending).refused {
                    Change::RefusedCandidate
                } else {
                    account.0 = pending.number();
                    if weather == Weather::Fair { Change::Done } else { Change::Unknown(Cause::TimedOut) }
                };
                situation.note_change(Setter::Restored, change);
            }
            Action::MoveStages { to, .. } => {
                // SYSPREVIOUS goes to the former holder, whoever that is.
                if world.labels.current != Some(to) {
                    world.labels.previous = world.labels.current.replace(to);
                }
                situation.note_moved();
            }
            Action::RemovePendingLabel => {
                world.labels.pending = None;
                situation.note_label_removed();
            }
            Action::RenewPending { .. } => unreachable!("nobody mends a version meanwhile"),
            Action::SetPassword { .. } | Action::ReadAdmin | Action::Inspect => {
                unreachable!("nobody but the accounts sets passwords")
            }
            Action::Done(_) | Action::Retry(_) | Action::NeedsOperator(_) => unreachable!("ends of a function"),
        }
        vec![(world, function)]
    }
}

/// Numbers things, so that states are small.
struct Numbered<T> {
    numbers: HashMap<Rc<T>, u32>,
    things: Vec<Rc<T>>,
}

impl<T: Eq + Hash> Numbered<T> {
    fn new() -> Self {
        Self { numbers: HashMap::new(), things: Vec::new() }
    }

    fn number(&mut self, thing: T) -> u32 {
        if let Some(number) = self.numbers.get(&thing) {
            return *number;
        }
        let (number, thing) = (u32::try_from(self.things.len()).unwrap(), Rc::new(thing));
        self.things.push(Rc::clone(&thing));
        self.numbers.insert(thing, number);
        number
    }

    fn get(&self, number: u32) -> Rc<T> {
        Rc::clone(&self.things[number as usize])
    }
}

/// A world and the functions that run in it, all by number; functions in order, since it does not matter which is which.
type State = (u32, Vec<u32>);

/// What may come of one step: what it was, the world, and the function that goes on or was started.
type Outcomes = Rc<Vec<(String, u32, Option<u32>)>>;

struct Explorer {
    setting: Setting,
    planner: Planner,
    worlds: Numbered<World>,
    functions: Numbered<Function>,
    steps: HashMap<(u32, u32), Outcomes>,
    server_steps: HashMap<u32, Outcomes>,
    /// Worlds that have been checked.
    checked: HashSet<u32>,
}

/// A way to a state that must not be.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    what: &'static str,
    steps: Vec<String>,
}

impl Explorer {
    fn new(setting: Setting, planner: Planner) -> Self {
        Self {
            setting,
            planner,
            worlds: Numbered::new(),
            functions: Numbered::new(),
            steps: HashMap::new(),
            server_steps: HashMap::new(),
            checked: HashSet::new(),
        }
    }

    fn begin(&mut self) -> State {
        (self.worlds.number(World::new(&self.setting)), Vec::new())
    }

    fn outcomes(&mut self, world: u32, function: u32) -> Outcomes {
        if let Some(known) = self.steps.get(&(world, function)) {
            return Rc::clone(known);
        }
        let (from, actor) = (self.worlds.get(world), self.functions.get(function));
        let outcomes = from.step(&self.setting, self.planner, &actor);
        let outcomes = outcomes.into_iter().map(|(what, world, function)| {
            (what, self.worlds.number(world), function.map(|function| self.functions.number(function)))
        });
        let outcomes = Rc::new(outcomes.collect());
        self.steps.insert((world, function), Rc::clone(&outcomes));
        outcomes
    }

    fn server_outcomes(&mut self, world: u32) -> Outcomes {
        if let Some(known) = self.server_steps.get(&world) {
            return Rc::clone(known);
        }
        let outcomes = self.worlds.get(world).server(&self.setting);
        let outcomes = outcomes.into_iter().map(|(what, world, function)| {
            (what.to_string(), self.worlds.number(world), function.map(|function| self.functions.number(function)))
        });
        let outcomes = Rc::new(outcomes.collect());
        self.server_steps.insert(world, Rc::clone(&outcomes));
        outcomes
    }

    /// All states that one step leads to.
    fn next(&mut self, (world, functions): &State) -> Vec<(String, State)> {
        let mut next = Vec::new();
        for (what, world, started) in self.server_outcomes(*world).iter() {
            if started.is_none() {
                next.push((what.clone(), (*world, functions.clone())));
            } else if functions.len() < self.setting.functions {
                let overtaken = functions.iter().map(|function| self.overtaken(*function)).collect();
                next.push((what.clone(), (*world, with(overtaken, *started))));
            }
        }
        for (index, function) in functions.iter().enumerate() {
            let mut others = functions.clone();
            others.remove(index);
            let who = if self.functions.get(*function).overtaken { "an overtaken function" } else { "the function" };
            next.push((std::format!("{who} is killed"), (*world, others.clone())));
            for (what, world, function) in self.outcomes(*world, *function).iter() {
                next.push((std::format!("{who}: {what}"), (*world, with(others.clone(), *function))));
            }
        }
        next
    }

    fn overtaken(&mut self, function: u32) -> u32 {
        let overtaken = Function { overtaken: true, ..(*self.functions.get(function)).clone() };
        self.functions.number(overtaken)
    }

    fn check(&mut self, state: &State) -> Result<(), &'static str> {
        if self.checked.insert(state.0) { self.worlds.get(state.0).check(&self.setting) } else { Ok(()) }
    }

    /// Visits every state. Returns how many there are.
    fn all(mut self) -> Result<usize, Found> {
        let start = self.begin();
        let mut parents: HashMap<State, Option<(State, String)>> = HashMap::from([(start.clone(), None)]);
        let mut queue = VecDeque::from([start]);
        while let Some(state) = queue.pop_front() {
            if let Err(what) = self.check(&state) {
                return Err(Found { what, steps: way_to(&parents, state) });
            }
            for (what, next) in self.next(&state) {
                if !parents.contains_key(&next) {
                    parents.insert(next.clone(), Some((state.clone(), what)));
                    queue.push_back(next);
                }
            }
        }
        Ok(parents.len())
    }

    /// Takes `runs` random ways of at most `length` steps, the same every time. Returns in how many different situations
    /// functions have been.
    fn some(mut self, runs: u32, length: usize) -> Result<usize, Found> {
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..runs {
            let (mut state, mut steps) = (self.begin(), Vec::new());
            for _ in 0..length {
                let mut next = self.next(&state);
                if next.is_empty() {
                    break;
                }
                // Ends are drawn less often than steps, so that runs get somewhere.
                let drawn = (0..3).map(|_| usize::try_from(draw(&mut random) % next.len() as u64).unwrap());
                let drawn: Vec<usize> = drawn.collect();
                let goes_on =
                    |index: &&usize| !["is killed", "ends the task"].iter().any(|end| next[**index].0.ends_with(end));
                let index = drawn.iter().find(goes_on).unwrap_or(&drawn[0]);
                let what;
                (what, state) = next.swap_remove(*index);
                steps.push(what);
                if let Err(what) = self.check(&state) {
                    return Err(Found { what, steps });
                }
            }
        }
        Ok(self.steps.len())
    }
}

/// Xorshift (Marsaglia 2003).
const fn draw(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

fn with(mut functions: Vec<u32>, function: Option<u32>) -> Vec<u32> {
    functions.extend(function);
    functions.sort_unstable();
    functions
}

fn way_to(parents: &HashMap<State, Option<(State, String)>>, mut state: State) -> Vec<String> {
    let mut steps = Vec::new();
    while let Some(Some((parent, what))) = parents.get(&state) {
        steps.push(what.clone());
        state = parent.clone();
    }
    steps.reverse();
    steps
}

/// Two functions at one task of the service's making, nothing refused.
const PLAIN: Setting = Setting {
    mode: RotationMode::SingleUser,
    keeps_old: false,
    rolled_back: false,
    made_by_the_service: true,
    tasks: 1,
    functions: 2,
    refusals: 0,
    fenced: true,
    door: Door::Checks,
};

const MODES: [(RotationMode, bool); 3] =
    [(RotationMode::SingleUser, false), (RotationMode::SingleUser, true), (RotationMode::MultiUser, false)];

/// Visits all states of `setting`, with every mode and either maker of pending versions.
fn visit_all(setting: Setting) {
    for (mode, keeps_old) in MODES {
        for made_by_the_service in [true, false] {
            let doors: &[Door] = if keeps_old { &[Door::Checks] } else { &[Door::Checks, Door::SaysSo] };
            for door in doors.iter().copied() {
                let setting = Setting { mode, keeps_old, made_by_the_service, door, ..setting };
                let states = Explorer::new(setting, plan).all();
                let states = states.unwrap_or_else(|found| panic!("{setting:?}: {found:#?}"));
                assert!(states > 1000, "{setting:?}: only {states} states");
            }
        }
    }
}

#[test]
fn two_functions_at_two_tasks_lock_nobody_out() {
    visit_all(Setting { tasks: 2, ..PLAIN });
}

#[test]
fn two_functions_restore_a_second_password_and_lock_nobody_out() {
    for made_by_the_service in [true, false] {
        for refusals in [0, 1] {
            let rolled_back = Setting { keeps_old: true, rolled_back: true, made_by_the_service, refusals, ..PLAIN };
            let states = Explorer::new(rolled_back, plan).all();
            let states = states.unwrap_or_else(|found| panic!("{rolled_back:?}: {found:#?}"));
            assert!(states > 1000, "{rolled_back:?}: only {states} states");
        }
    }
}

#[test]
fn two_functions_that_anybody_could_be_lock_nobody_out() {
    for mode in [RotationMode::SingleUser, RotationMode::MultiUser] {
        for made_by_the_service in [true, false] {
            let open = Setting { mode, made_by_the_service, door: Door::Open, tasks: 2, ..PLAIN };
            let states = Explorer::new(open, plan).all();
            let states = states.unwrap_or_else(|found| panic!("{open:?}: {found:#?}"));
            assert!(states > 100, "{open:?}: only {states} states");
        }
    }
}

#[test]
fn two_functions_whose_candidates_are_refused_lock_nobody_out() {
    visit_all(Setting { refusals: 1, ..PLAIN });
}

#[test]
fn three_functions_at_four_tasks_lock_nobody_out_on_random_ways() {
    for (mode, keeps_old) in MODES {
        for made_by_the_service in [true, false] {
            let many = Setting { tasks: 4, functions: 3, refusals: 2, ..PLAIN };
            let door = if keeps_old { Door::Checks } else { Door::SaysSo };
            let setting = Setting { mode, keeps_old, made_by_the_service, door, ..many };
            let visited = Explorer::new(setting, plan).some(500, 150);
            let visited = visited.unwrap_or_else(|found| panic!("{setting:?}: {found:#?}"));
            assert!(visited > 500, "{setting:?}: only {visited} situations");
        }
    }
}

/// The way to a state in which somebody is locked out, which there must be.
fn must_be_found(setting: Setting, planner: Planner) -> Found {
    match Explorer::new(setting, planner).all() {
        Err(found) => found,
        Ok(states) => panic!("{setting:?}: {states} states, and nobody is locked out"),
    }
}

#[test]
fn planners_that_were_broken_on_purpose_are_found_out() {
    let multi = Setting { mode: RotationMode::MultiUser, ..PLAIN };
    assert_eq!(must_be_found(multi, seeds::trusts_the_change).what, "SYSCURRENT is locked out");
    assert_eq!(must_be_found(PLAIN, seeds::gives_up).what, "the account is locked out");
    assert_eq!(must_be_found(PLAIN, seeds::guesses).what, "the account is locked out");
    assert_eq!(must_be_found(multi, seeds::changes_the_account_in_use).what, "SYSCURRENT is locked out");
    let open = Setting { door: Door::Open, ..PLAIN };
    assert_eq!(must_be_found(open, seeds::changes_unproven).what, "SYSCURRENT is locked out");
    let rolled_back = Setting { keeps_old: true, rolled_back: true, ..PLAIN };
    assert_eq!(must_be_found(rolled_back, seeds::drops_the_restored).what, "SYSCURRENT is locked out");
}

#[test]
fn without_the_fence_a_function_of_the_last_task_takes_the_label_of_the_next() {
    let found = must_be_found(Setting { fenced: false, tasks: 2, ..PLAIN }, plan);
    assert!(found.steps.contains(&"an overtaken function: remove-pending-label".to_string()), "{found:#?}");
}

#[test]
fn without_the_fence_two_functions_make_pending_versions_to_each_other_s_loss() {
    let sealed = Setting { fenced: false, made_by_the_service: false, ..PLAIN };
    assert_eq!(must_be_found(sealed, plan).what, "the account is locked out");
}
