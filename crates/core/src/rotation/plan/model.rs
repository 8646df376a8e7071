//! Every run of the planner against a model of service and database, with a crash possible after every action and every
//! answer of the database possible at every step. One attempt after the other; several at once are in `interleavings`.
//!
//! The model is small enough to visit all of its states. In each, at least one version logs in (the invariant), and an attempt
//! without faults ends the rotation. Planners that are broken on purpose fail the same check, which proves that it can fail.

use alloc::{collections::VecDeque, string::ToString};
use std::{collections::HashMap, vec, vec::Vec};

use super::{seeds::Planner, *};
use crate::rotation::account::Engine;

/// Passwords are numbers: version `vN` holds password `N`, but where it shares one.
type Password = u32;

/// The password that somebody has set by hand, and one that the account has kept from before.
const BY_HAND: Password = 100;
const FROM_BEFORE: Password = 101;

/// Where a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Scene {
    mode: RotationMode,
    engine: Engine,
    made_by_the_service: bool,
    /// Whether there is an administrator.
    admin: bool,
    /// Whether the management service of a cloud sets passwords, whoever logs in. It keeps no replaced ones.
    managed: bool,
    /// Whether it may read password hashes.
    reads_hashes: bool,
    /// Whether the database keeps replaced passwords as second ones.
    keeps_old: bool,
    /// Whether the database refuses every login from here.
    barred: bool,
    /// Whether the administrator sees why.
    sees_the_barrier: bool,
    /// Whether the account's password was set by hand.
    by_hand: bool,
    /// Whether the account keeps a second password already.
    keeps_one_from_before: bool,
    /// What lets logins from here in. Applications log in elsewhere, where the database checks their passwords.
    door: Door,
    /// Whether the administrator's secret describes no account.
    admin_is_none: bool,
    /// Whether the administrator cannot be reached while the account can.
    admin_is_down: bool,
    /// Whether SYSCURRENT was moved back to the password that the account keeps as its second one.
    moved_back: bool,
    /// Whether v2 holds the password of v1.
    is_shared: bool,
    /// Where an earlier task has left v3 behind, whether the database has its password. The rest of v3's value is of before v2's
    /// owner mended that, and the database refuses every login from here that goes by it.
    left: Option<bool>,
    /// Whether the database refuses every login from here that goes by the rest of v2's value, a certificate for instance, which
    /// later versions have as well.
    barred_alone: bool,
}

/// What lets logins in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Door {
    /// The database, by its passwords.
    Checks,
    /// A database or a pooler that lets anybody in.
    Open,
    /// A pooler with a list of its own, which holds SYSCURRENT's password at first, and says of any other nothing that could
    /// be understood.
    Listed,
    /// A database that checks passwords, and locks the account after one refused login.
    Locks,
}

const PLAIN: Scene = Scene {
    mode: RotationMode::SingleUser,
    engine: Engine::PostgreSql,
    made_by_the_service: true,
    admin: false,
    managed: false,
    reads_hashes: false,
    keeps_old: false,
    barred: false,
    sees_the_barrier: false,
    by_hand: false,
    keeps_one_from_before: false,
    door: Door::Checks,
    admin_is_none: false,
    admin_is_down: false,
    moved_back: false,
    is_shared: false,
    left: None,
    barred_alone: false,
};

/// More versions than any run of one rotation needs; runs that make more are not followed further.
const MOST_VERSIONS: u32 = 7;

/// Service and database between two actions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    scene: Scene,
    /// Version that the event names.
    asked: Option<u32>,
    /// Newest version. Of each version, its account (0 or 1) is kept, `v1` first.
    accounts: Vec<usize>,
    /// The password of each version.
    passwords: Vec<Password>,
    labels: Labels,
    /// The password of each account in the database, and the one that is kept beside it.
    database: [(Password, Option<Password>); 2],
    /// Whether a refused login has locked an account.
    locked: bool,
    /// Whether no change has been sent yet, as far as the next attempt is told so.
    pending_is_new: bool,
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
    fn new(scene: Scene) -> Self {
        let multi = scene.mode == RotationMode::MultiUser;
        let first = match (scene.by_hand, scene.is_shared) {
            (true, _) => BY_HAND,
            (false, true) => 1,
            (false, false) => 2,
        };
        let second = scene.keeps_one_from_before.then_some(FROM_BEFORE);
        let mut world = Self {
            scene,
            asked: None,
            accounts: if multi { vec![1, 0] } else { vec![0, 0] },
            passwords: vec![1, if scene.is_shared { 1 } else { 2 }],
            labels: Labels { pending: None, current: VersionId::from_number(2), previous: VersionId::from_number(1) },
            database: if multi { [(2, None), (1, None)] } else { [(first, second), (0, None)] },
            locked: false,
            // Without its administrator, also the first attempt takes the stored password for right.
            pending_is_new: scene.made_by_the_service && !scene.by_hand && scene.left.is_none(),
        };
        if scene.moved_back {
            world.labels = Labels { current: world.labels.previous, previous: world.labels.current, ..world.labels };
            world.database[0] = (2, Some(1));
        }
        if let Some(is_set) = scene.left {
            let left = world.make_pending(world.base());
            let (account, second) = (world.account(left), scene.keeps_old.then_some(2));
            if is_set {
                world.database[account] = (3, second);
            }
        }
        if scene.made_by_the_service {
            world.asked = Some(3);
            if scene.left.is_none() {
                world.make_pending(world.base());
            }
        }
        world
    }

    fn base(&self) -> VersionId {
        match self.scene.mode {
            RotationMode::SingleUser => self.labels.current.unwrap(),
            RotationMode::MultiUser => self.labels.previous.unwrap(),
        }
    }

    fn account(&self, version: VersionId) -> usize {
        self.accounts[version.number() as usize - 1]
    }

    fn login(&self, version: VersionId) -> Login {
        let username = self.account(version).to_string();
        Login {
            engine: self.scene.engine,
            host: "db".to_string(),
            port: 3306,
            dbname: None,
            username,
            rotation_host: None,
            rotation_port: None,
        }
    }

    fn password(&self, version: VersionId) -> Password {
        self.passwords[version.number() as usize - 1]
    }

    /// Whether the database refuses every login from here that goes by what a version holds besides its password.
    fn is_barred(&self, version: VersionId) -> bool {
        self.scene.barred || (self.scene.barred_alone && version.number() > 1) || self.is_outdated(version)
    }

    /// Whether what a version holds besides its password is of before its base was mended.
    fn is_outdated(&self, version: VersionId) -> bool {
        self.scene.left.is_some() && version.number() == 3
    }

    /// The version by whose value, but for the password, a login with the one that a label marks goes.
    fn way(&self, role: Role) -> VersionId {
        let (marked, current) = (self.marked(role), self.marked(Role::Current));
        let by_current = role == Role::Previous
            && self.scene.mode == RotationMode::SingleUser
            && self.password(marked) != self.password(current);
        if by_current { current } else { marked }
    }

    fn marked(&self, role: Role) -> VersionId {
        match role {
            Role::Pending => self.labels.pending,
            Role::Current => self.labels.current,
            Role::Previous => self.labels.previous,
        }
        .unwrap()
    }

    /// Whether the password of a version logs in where applications do.
    fn logs_in(&self, version: VersionId) -> bool {
        self.accepts(self.account(version), self.password(version))
    }

    fn accepts(&self, account: usize, password: Password) -> bool {
        let (first, second) = self.database[account];
        first == password || second == Some(password)
    }

    fn compare(&self, version: Option<VersionId>) -> Match {
        let Some(version) = version.filter(|version| self.account(*version) == 0) else { return Match::Unknown };
        match self.database[0] {
            (first, _) if first == self.password(version) => Match::First,
            (_, second) if second == Some(self.password(version)) => Match::Second,
            _ => Match::Neither,
        }
    }

    fn inspection(&self) -> Inspection {
        let passwords = Passwords {
            pending: self.compare(self.labels.pending),
            current: self.compare(self.labels.current),
            previous: self.compare(self.labels.previous),
            has_second: self.database[0].1.is_some(),
        };
        let sees = (self.scene.barred || self.scene.barred_alone) && self.scene.sees_the_barrier;
        Inspection::Account {
            barrier: sees.then_some(Cause::HostNotAdmitted),
            passwords: self.scene.reads_hashes.then_some(passwords),
        }
    }

    fn make_pending(&mut self, base: VersionId) -> VersionId {
        self.accounts.push(self.account(base));
        let version = VersionId::from_number(u32::try_from(self.accounts.len()).unwrap()).unwrap();
        self.passwords.push(version.number());
        self.labels.pending = Some(version);
        version
    }

    /// What the door says of a login with a password that the database has for the account, or has not, by the value of a version
    /// besides.
    fn let_in(
        &mut self,
        situation: &mut Situation,
        password: Option<Password>,
        is_right: bool,
        way: VersionId,
    ) -> Probe {
        let probe = match self.scene.door {
            Door::Open => Probe::Accepted,
            Door::Listed if password == Some(2) => Probe::Accepted,
            Door::Listed => Probe::Unknown(Cause::Pooler),
            Door::Locks if self.locked => Probe::Unknown(Cause::Locked),
            Door::Checks | Door::Locks if is_right && !self.is_barred(way) => Probe::Accepted,
            Door::Checks | Door::Locks => Probe::Refused,
        };
        if self.scene.door == Door::Locks {
            self.locked |= probe == Probe::Refused;
            if probe == Probe::Accepted {
                // PostgreSQL alone says so; elsewhere a login that is accepted is a proof.
                let says_checked = self.scene.engine == Engine::PostgreSql;
                if says_checked {
                    situation.note_passwords_checked();
                }
                situation.note_refusal_locks(says_checked);
            }
        }
        probe
    }

    /// What must hold at every instant.
    fn check(&self) -> Result<(), Failure> {
        if self.locked {
            return Err(Failure::CurrentLockedOut);
        }
        let labelled = [self.labels.pending, self.labels.current, self.labels.previous];
        let somebody = |account| labelled.into_iter().flatten().any(|v| self.account(v) == account && self.logs_in(v));
        let current = self.logs_in(self.marked(Role::Current));
        let has_moved = self.labels.current != VersionId::from_number(2);
        match self.scene.mode {
            // A password that nobody has stored is the applications' own business, but must not be lost to them.
            RotationMode::SingleUser if self.scene.by_hand && !has_moved => {
                let is_kept = |password| !self.scene.keeps_old || self.accepts(0, password);
                let all = is_kept(BY_HAND) && (!self.scene.keeps_one_from_before || is_kept(FROM_BEFORE));
                if all { Ok(()) } else { Err(Failure::PasswordInUseLost) }
            }
            RotationMode::SingleUser
                if (self.scene.barred || self.scene.barred_alone || self.scene.keeps_old) && !current =>
            {
                Err(Failure::CurrentLockedOut)
            }
            // Where no login can prove the new password, the old one must stay.
            RotationMode::SingleUser if matches!(self.scene.door, Door::Open | Door::Listed) && !current => {
                Err(Failure::CurrentLockedOut)
            }
            RotationMode::SingleUser if !somebody(0) => Err(Failure::LockedOut),
            RotationMode::MultiUser if !current => Err(Failure::CurrentLockedOut),
            RotationMode::MultiUser if !somebody(0) || !somebody(1) => Err(Failure::LockedOut),
            RotationMode::SingleUser | RotationMode::MultiUser => Ok(()),
        }
    }

    /// Carries an action out. `None` when the model does not follow it further.
    fn apply(&mut self, situation: &mut Situation, action: &Action, weather: Weather) -> Option<()> {
        let is_down = matches!(weather, Weather::Lost | Weather::AnswerLost);
        match *action {
            Action::Read(role) => {
                let version = self.marked(role);
                situation.note_reading(role, Reading::Login(self.login(version)));
                if role == Role::Previous && self.password(version) == self.password(self.marked(Role::Current)) {
                    situation.note_shared_password();
                }
                if role == Role::Pending && self.is_outdated(version) {
                    situation.note_outdated_pending();
                }
            }
            Action::Probe(role) if is_down => situation.note_probe(role, Probe::Unknown(Cause::Unreachable)),
            Action::Probe(role) => {
                let version = self.marked(role);
                let (password, way) = (self.password(version), self.way(role));
                let probe = self.let_in(situation, Some(password), self.logs_in(version), way);
                situation.note_probe(role, probe);
            }
            Action::ProbeDecoy if is_down => situation.note_decoy(Probe::Unknown(Cause::Unreachable)),
            Action::ProbeDecoy => {
                let probe = self.let_in(situation, None, false, self.marked(Role::Pending));
                situation.note_decoy(probe);
            }
            Action::MakePending { base } => {
                if self.accounts.len() as u32 >= MOST_VERSIONS {
                    return None;
                }
                let version = self.make_pending(self.marked(base));
                situation.note_pending(version, self.login(version));
            }
            Action::RenewPending { base } => {
                if self.accounts.len() as u32 >= MOST_VERSIONS {
                    return None;
                }
                let password = self.password(self.marked(Role::Pending));
                let version = self.make_pending(self.marked(base));
                self.passwords[version.number() as usize - 1] = password;
                situation.note_renewed(version, self.login(version));
            }
            Action::SetPassword { by: Setter::Restored } => {
                let first = self.password(self.marked(Role::Previous));
                let (pending, second) = (self.password(self.marked(Role::Pending)), self.database[0].1);
                let change = match weather {
                    _ if self.database[0].0 != first => Change::NotDone(Cause::NotFirst),
                    Weather::Fair | Weather::AnswerLost => {
                        self.database[0] = (pending, second);
                        outcome(weather)
                    }
                    Weather::Lost | Weather::Refusing => outcome(weather),
                };
                self.pending_is_new = false;
                situation.note_change(Setter::Restored, change);
            }
            Action::SetPassword { by: Setter::Account(login_as) } => {
                let account = self.account(self.marked(login_as));
                let login = self.marked(login_as);
                if self.scene.keeps_old && self.database[account].0 != self.password(login) {
                    situation.note_change(Setter::Account(login_as), Change::NotDone(Cause::NotFirst));
                } else {
                    let logs_in = self.logs_in(login);
                    self.set(account, logs_in, weather);
                    situation.note_change(Setter::Account(login_as), outcome(weather));
                }
            }
            Action::SetPassword { by: Setter::Admin } => {
                self.set(0, true, weather);
                situation.note_change(Setter::Admin, outcome(weather));
            }
            Action::ReadAdmin => {
                let admin = Login { username: "root".to_string(), ..self.login(self.marked(Role::Current)) };
                situation.note_admin(if self.scene.admin_is_none { Reading::Invalid } else { Reading::Login(admin) });
            }
            Action::Inspect if is_down || self.scene.admin_is_down => {
                situation.note_inspection(Inspection::Failed(Cause::Unreachable));
            }
            Action::Inspect => {
                situation.note_inspection(self.inspection());
                if self.scene.door == Door::Locks {
                    situation.note_refusal_locks(self.scene.engine == Engine::PostgreSql);
                }
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
            Action::SetPassword { by: Setter::Service } => {
                self.set(self.account(self.marked(Role::Pending)), true, weather);
                situation.note_change(Setter::Service, outcome(weather));
            }
            Action::Done(_) | Action::Retry(_) | Action::NeedsOperator(_) => return None,
        }
        Some(())
    }

    /// Sets the pending password, where the weather lets it.
    fn set(&mut self, account: usize, may: bool, weather: Weather) {
        self.pending_is_new = false;
        if may && matches!(weather, Weather::Fair | Weather::AnswerLost) {
            let (first, second) = self.database[account];
            let kept = if self.scene.keeps_old { Some(first) } else { second };
            self.database[account] = (self.password(self.marked(Role::Pending)), kept);
        }
    }

    fn begin(&self) -> Situation {
        let situation = Situation::new(self.scene.mode, self.asked.and_then(VersionId::from_number), self.labels);
        let situation = situation.with_powers(Powers { admin: self.scene.admin, service: self.scene.managed });
        if self.pending_is_new { situation.with_new_pending() } else { situation }
    }

    /// Whether a person has to look, whatever an attempt does.
    fn is_a_persons(&self) -> bool {
        let unread = !self.scene.admin || !self.scene.reads_hashes || self.scene.keeps_one_from_before;
        let is_blind = self.scene.door == Door::Locks && !(self.scene.admin && self.scene.reads_hashes);
        let is_shut = matches!(self.scene.door, Door::Open | Door::Listed);
        self.scene.barred || self.scene.barred_alone || is_shut || is_blind || (self.scene.by_hand && unread)
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
                let pooler_answers = matches!(action, Action::Retry(_)) && self.scene.door == Door::Listed;
                if self.is_a_persons() && (pooler_answers || matches!(action, Action::NeedsOperator(_))) {
                    return Ok(());
                }
                // Runs that have used all versions of the model prove nothing about ending.
                return if self.accounts.len() as u32 >= MOST_VERSIONS { Ok(()) } else { Err(Failure::Stuck) };
            }
            self.check()?;
        }
        Err(Failure::Stuck)
    }
}

const fn outcome(weather: Weather) -> Change {
    match weather {
        Weather::Fair => Change::Done,
        Weather::Refusing => Change::RefusedCandidate,
        Weather::Lost | Weather::AnswerLost => Change::Unknown(Cause::TimedOut),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// A password that was set by hand, and that applications may use, does not log in any more.
    PasswordInUseLost,
    /// No labelled version of an account logs in.
    LockedOut,
    /// SYSCURRENT does not log in where it did before.
    CurrentLockedOut,
    /// An attempt without faults does not end the rotation.
    Stuck,
    /// An attempt says it is done and is not.
    DoneTooEarly,
}

/// Visits every state that attempts can reach, each ended by a crash or a verdict and followed by another. Returns how
/// many states there are, or the first failure.
fn explore(planner: Planner, scene: Scene) -> Result<usize, Failure> {
    let start = World::new(scene);
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
        let told_nothing = World { pending_is_new: false, ..world.clone() };
        queue.push_back((told_nothing.clone(), told_nothing.begin()));
        let action = planner(&situation);
        for weather in [Weather::Fair, Weather::Refusing, Weather::Lost, Weather::AnswerLost] {
            let (mut world, mut situation) = (world.clone(), situation.clone());
            if world.apply(&mut situation, &action, weather).is_some() {
                queue.push_back((world, situation));
            }
        }
    }
    Ok(states)
}

const MODES: [RotationMode; 2] = [RotationMode::SingleUser, RotationMode::MultiUser];

/// All servers: PostgreSQL, MariaDB, and MySQL, which keeps replaced passwords with one account.
fn servers(scene: Scene) -> Vec<Scene> {
    let server = |engine, keeps_old| Scene { engine, keeps_old, ..scene };
    let single = scene.mode == RotationMode::SingleUser;
    vec![server(Engine::PostgreSql, false), server(Engine::MariaDb, false), server(Engine::MySql, single)]
}

#[test]
fn no_run_with_crashes_locks_anybody_out_and_every_run_can_be_finished() {
    for mode in MODES {
        for made_by_the_service in [true, false] {
            for scene in servers(Scene { mode, made_by_the_service, ..PLAIN }) {
                let states = explore(plan, scene).unwrap_or_else(|failure| panic!("{scene:?}: {failure:?}"));
                assert!(states > 80, "{scene:?}: only {states} states");
            }
        }
    }
}

/// All that an administrator may be able to read, with a database that lets the account in only elsewhere.
fn barred() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for made_by_the_service in [true, false] {
        for reads_hashes in [true, false] {
            for sees_the_barrier in [true, false] {
                let seen = Scene { made_by_the_service, reads_hashes, sees_the_barrier, ..PLAIN };
                scenes.extend(servers(Scene { admin: true, barred: true, ..seen }));
            }
        }
    }
    scenes
}

#[test]
fn a_right_password_that_is_refused_here_is_not_overwritten() {
    for scene in barred() {
        explore(plan, scene).unwrap_or_else(|failure| panic!("{scene:?}: {failure:?}"));
    }
}

/// SYSCURRENT's owner has mended the rest of its value for better or for worse: what it says besides the password is refused
/// here, or not, while SYSPREVIOUS holds the same password, or an older one.
fn mended() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for (is_shared, barred_alone) in [(true, true), (true, false), (false, true)] {
        for made_by_the_service in [true, false] {
            let mended = Scene { is_shared, barred_alone, made_by_the_service, ..PLAIN };
            for scene in with_and_without_an_administrator(mended) {
                scenes.extend(servers(scene));
                scenes.extend(servers(Scene { sees_the_barrier: true, ..scene }));
            }
        }
    }
    scenes
}

#[test]
fn a_version_that_logs_in_does_not_change_the_password_that_another_one_shares_with_it() {
    for scene in mended() {
        explore(plan, scene).unwrap_or_else(|failure| panic!("{scene:?}: {failure:?}"));
    }
}

/// Passwords that were set by hand.
fn by_hand() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for admin in [true, false] {
        for reads_hashes in [true, false] {
            for keeps_one_from_before in [true, false] {
                let hand = Scene { admin, reads_hashes, by_hand: true, ..PLAIN };
                let mysql = Scene { engine: Engine::MySql, keeps_old: true, keeps_one_from_before, ..hand };
                scenes.extend([hand, Scene { engine: Engine::MariaDb, ..hand }, mysql]);
            }
        }
    }
    scenes
}

#[test]
fn an_administrator_takes_no_password_from_applications_that_the_database_can_keep() {
    for scene in by_hand() {
        explore(plan, scene).unwrap_or_else(|failure| panic!("{scene:?}: {failure:?}"));
    }
}

/// An administrator who reads hashes, one who does not, and none.
fn with_and_without_an_administrator(scene: Scene) -> [Scene; 3] {
    [(true, true), (true, false), (false, false)].map(|(admin, reads_hashes)| Scene { admin, reads_hashes, ..scene })
}

#[test]
fn no_password_is_changed_where_no_login_proves_it() {
    for mode in MODES {
        for made_by_the_service in [true, false] {
            for door in [Door::Open, Door::Listed] {
                for scene in with_and_without_an_administrator(Scene { mode, made_by_the_service, door, ..PLAIN }) {
                    let states = explore(plan, scene).unwrap_or_else(|failure| panic!("{scene:?}: {failure:?}"));
                    assert!(states > 3, "{scene:?}: only {states} states");
                }
            }
        }
    }
}

/// Servers that lock an account after one refused login. With two accounts, the one that an interruption locks is used by
/// nobody. An administrator that reads hashes also knows that the stored password is wrong.
fn locking() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for made_by_the_service in [true, false] {
        for scene in with_and_without_an_administrator(Scene { made_by_the_service, door: Door::Locks, ..PLAIN }) {
            for scene in servers(scene) {
                scenes.push(scene);
                // A rotation that nobody has asked for would be the next one, which leaves alone what this one has kept.
                let by_hand = scene.reads_hashes && made_by_the_service;
                scenes.extend(by_hand.then_some(Scene { by_hand, ..scene }));
                let moved_back = scene.keeps_old && made_by_the_service;
                scenes.extend(moved_back.then_some(Scene { moved_back, ..scene }));
            }
        }
    }
    scenes
}

#[test]
fn no_interruption_and_no_lost_answer_leads_to_a_refused_login_that_locks_the_account() {
    for scene in locking() {
        let states = explore(plan, scene).unwrap_or_else(|failure| panic!("{scene:?}: {failure:?}"));
        assert!(states > 3, "{scene:?}: only {states} states");
    }
}

/// The account goes on by itself where its own login is not known to be a risk: no attempt before has changed its password, and
/// nothing locks it.
#[test]
fn an_administrator_that_is_down_blocks_no_rotation_that_needs_none() {
    for mode in MODES {
        for made_by_the_service in [true, false] {
            for reads_hashes in [true, false] {
                let down = Scene { mode, made_by_the_service, reads_hashes, admin: true, admin_is_down: true, ..PLAIN };
                for scene in servers(down) {
                    assert_eq!(World::new(scene).finish(plan), Ok(()), "{scene:?}");
                    let waits = World::new(scene).finish(seeds::waits_for_the_administrator);
                    assert_eq!(waits, Err(Failure::Stuck), "{scene:?}");
                }
            }
        }
    }
}

/// SYSPENDING was left behind by an earlier task, and its base has been mended since.
fn left_behind() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for mode in MODES {
        for is_set in [true, false] {
            for made_by_the_service in [true, false] {
                let left = Scene { mode, left: Some(is_set), made_by_the_service, ..PLAIN };
                scenes.extend(with_and_without_an_administrator(left).into_iter().flat_map(servers));
            }
        }
    }
    // The administrator of this model reads the other account.
    scenes.retain(|scene| scene.mode == RotationMode::SingleUser || !scene.admin);
    scenes
}

#[test]
fn a_pending_version_whose_base_was_mended_is_renewed_and_keeps_its_password() {
    for scene in left_behind() {
        explore(plan, scene).unwrap_or_else(|failure| panic!("{scene:?}: {failure:?}"));
    }
}

/// The same scenes with passwords that the management service sets.
fn managed() -> Vec<Scene> {
    let here = MODES.map(|mode| Scene { mode, ..PLAIN });
    let barred_to_all = Scene { barred: true, ..PLAIN };
    let doors = [Door::Open, Door::Listed].map(|door| Scene { door, ..PLAIN });
    let mut scenes = [barred(), mended(), by_hand(), locking()].concat();
    scenes.extend([here.as_slice(), &[barred_to_all]].concat().into_iter().flat_map(servers));
    scenes.extend(doors);
    scenes.retain(|scene| !scene.keeps_old);
    scenes.into_iter().map(|scene| Scene { managed: true, ..scene }).collect()
}

#[test]
fn a_management_service_overwrites_no_password_that_may_be_right() {
    for scene in managed() {
        explore(plan, scene).unwrap_or_else(|failure| panic!("{scene:?}: {failure:?}"));
    }
}

#[test]
fn accounts_that_log_in_need_no_administrator() {
    for mode in MODES {
        for made_by_the_service in [true, false] {
            let scene = Scene { mode, made_by_the_service, admin: true, admin_is_none: true, ..PLAIN };
            let states = explore(plan, scene).unwrap_or_else(|failure| panic!("{scene:?}: {failure:?}"));
            assert!(states > 80, "{scene:?}: only {states} states");
        }
    }
}

#[test]
fn planners_that_were_broken_on_purpose_are_found_out() {
    for door in [Door::Open, Door::Listed] {
        let unproven = Scene { admin: true, reads_hashes: true, door, ..PLAIN };
        assert_eq!(explore(seeds::changes_unproven, unproven), Err(Failure::CurrentLockedOut), "{door:?}");
    }
    let admin_is_none = Scene { admin: true, admin_is_none: true, ..PLAIN };
    assert_eq!(explore(seeds::insists_on_an_administrator, admin_is_none), Err(Failure::Stuck));
    let locks = Scene { door: Door::Locks, ..PLAIN };
    assert_eq!(explore(seeds::risks_a_lock, locks), Err(Failure::CurrentLockedOut));
    for engine in [Engine::PostgreSql, Engine::MariaDb] {
        let helped = Scene { engine, admin: true, reads_hashes: true, ..locks };
        assert_eq!(explore(seeds::finds_out_by_a_login, helped), Err(Failure::CurrentLockedOut), "{engine:?}");
        assert_eq!(explore(seeds::goes_on_unseen, helped), Err(Failure::CurrentLockedOut), "{engine:?}");
    }

    for engine in [Engine::PostgreSql, Engine::MariaDb] {
        let mended = Scene { engine, is_shared: true, barred_alone: true, ..PLAIN };
        assert_eq!(explore(seeds::blames_the_password, mended), Err(Failure::CurrentLockedOut), "{engine:?}");
        let barred = Scene { engine, barred: true, managed: true, ..PLAIN };
        assert_eq!(explore(seeds::resets_unasked, barred), Err(Failure::CurrentLockedOut), "{engine:?}");
    }

    for is_set in [true, false] {
        let left = Scene { left: Some(is_set), ..PLAIN };
        assert_eq!(explore(seeds::goes_on_with_what_is_outdated, left), Err(Failure::Stuck), "{is_set}");
    }

    let multi = Scene { mode: RotationMode::MultiUser, ..PLAIN };
    assert_eq!(explore(seeds::trusts_the_change, multi), Err(Failure::CurrentLockedOut));
    assert_eq!(explore(seeds::gives_up, PLAIN), Err(Failure::LockedOut));
    for scene in [PLAIN, multi] {
        assert_eq!(explore(seeds::guesses, scene), Err(Failure::LockedOut));
    }
    assert!(explore(seeds::changes_the_account_in_use, multi).is_err());

    let barred = Scene { admin: true, barred: true, reads_hashes: true, ..PLAIN };
    assert_eq!(explore(seeds::writes_without_a_look, barred), Err(Failure::CurrentLockedOut));
    let kept =
        Scene { engine: Engine::MySql, keeps_old: true, by_hand: true, admin: true, reads_hashes: true, ..PLAIN };
    assert_eq!(explore(seeds::sends_twice, kept), Err(Failure::PasswordInUseLost));
    let from_before = Scene { keeps_one_from_before: true, ..kept };
    assert_eq!(explore(seeds::discards_the_second, from_before), Err(Failure::PasswordInUseLost));
}
