//! The crash matrix of servers: at every step of every mode the server is killed, or stands still while another one takes
//! over; with real servers, functions and accounts, and applications that log in all the time with what the API returns. The
//! outcomes are the tables of `CRASH-MATRIX.md`, which this test keeps true.
//!
//! All rotations of an engine stand at their steps at the same time, so that one server has to be killed, and one to stand
//! still, for all of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::{collections::BTreeMap, fs, sync::Arc};

use csms_client::Client;
use csms_core::{
    ProjectId, RotationMode, SecretName, SecretValue, StageName, VersionId,
    jwe::{Jwk, KeyMaterial, PrivateKey},
    rotation::{Engine, RotationReply, sealed::SealingKey},
    stage,
};
use csms_rotation_tests::{
    Application, Cluster, Database, FaultyFunctions, Service, Standstill,
    cluster::{end_leases, leases},
    tables,
};
use csms_testbed::{Postgres, server::Options};
use getrandom::SysRng;
use rotate_database::fault;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_rotate-database-with-faults");
const FIRST: &str = "First-password-1";
const SECOND: &str = "Second-password-2";

const MODES: [RotationMode; 2] = [RotationMode::SingleUser, RotationMode::MultiUser];

/// Looks of applications at the same time.
const LOOKS_AT_ONCE: usize = 2;

/// A rotation that meets a fault.
#[derive(Clone, Debug)]
struct Case {
    mode: RotationMode,
    /// Whether the function makes the pending version, because the server cannot read the values.
    sealed: bool,
    /// The step with its number, `probe-pending#2`.
    step: String,
    /// `before` or `after`.
    moment: &'static str,
    /// The secret and its account.
    name: String,
}

/// What the rotations of an engine share.
struct Scene {
    database: Arc<Database>,
    key: Arc<SealingKey>,
    functions: FaultyFunctions,
    function: String,
    standstill: Standstill,
    turns: Arc<Semaphore>,
    _key_file: TempDir,
}

impl Scene {
    async fn start(engine: Engine) -> Self {
        let material = KeyMaterial::Private(PrivateKey::make(&mut SysRng).unwrap());
        let text = Jwk { material, algorithm: None, key_id: Some("rotation-1".to_owned()) }.print().to_string();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sealing-key.jwk");
        fs::write(&file, &text).unwrap();
        let standstill = Standstill::default();
        let mut functions = FaultyFunctions::of(PROGRAM);
        let variables =
            [("CSMS_SEALING_KEY_FILE", file.display().to_string()), (fault::HOLD_IN, standstill.directory())];
        let function = functions.add_with(&variables.each_ref().map(|(name, value)| (*name, value.as_str())));
        Self {
            database: Arc::new(Database::start(engine).await.unwrap()),
            key: Arc::new(SealingKey::parse(&text).unwrap()),
            functions,
            function,
            standstill,
            turns: Arc::new(Semaphore::new(LOOKS_AT_ONCE)),
            _key_file: directory,
        }
    }

    /// The options of a server with the functions, and room for `rotations` at once.
    fn options(&self, options: Options, rotations: usize) -> Options {
        self.functions.register(options).argument("--rotation-concurrency").argument(rotations.max(1).to_string())
    }

    /// Makes the accounts and the secret of a case.
    async fn create(&self, service: &Service, case: &Case) -> SecretName {
        let name = SecretName::parse(case.name.as_str()).unwrap();
        let text = |value: &Value| {
            let value = SecretValue::text(value.to_string()).unwrap();
            let value = if case.sealed {
                self.key.seal(&service.project(), &name, &value, &mut SysRng).unwrap()
            } else {
                value
            };
            value.as_text().unwrap().to_owned()
        };
        self.database.create_login(&case.name, FIRST).await.unwrap();
        let value = text(&self.database.value(&case.name, FIRST));
        service.create_text(&case.name, case.mode, &self.function, &value).await;
        if case.mode == RotationMode::MultiUser {
            let other = format!("{}_b", case.name);
            self.database.create_login(&other, SECOND).await.unwrap();
            service.add_text(&name, stage::PREVIOUS, &text(&self.database.value(&other, SECOND))).await;
        }
        name
    }

    fn application(&self, case: &Case, project: &ProjectId, name: &SecretName) -> Application {
        Application {
            database: Arc::clone(&self.database),
            mode: case.mode,
            project: project.clone(),
            name: name.clone(),
            key: Arc::clone(&self.key),
            turns: Arc::clone(&self.turns),
        }
    }
}

/// The steps of a rotation that goes well, as its task keeps them, the second probe as `probe-pending#2`.
async fn steps(scene: &Scene, service: &Service, mode: RotationMode, sealed: bool) -> Vec<String> {
    let name = format!("well_{}_{sealed}", mode.as_str().to_lowercase());
    let case = Case { mode, sealed, step: String::new(), moment: "", name };
    let name = scene.create(service, &case).await;
    let rotation = service.rotate(&name).await;
    service.assert_rotated(&rotation, 1, VersionId::FIRST, "no fault").await;
    let told = rotation.1.steps.iter().map(|step| step.step.as_str());
    let taken = told.skip_while(|step| *step != "attempt").skip(1).take_while(|step| *step != "function");
    let mut times = BTreeMap::new();
    let mut numbered = |step: &str| {
        let times = times.entry(step.to_owned()).and_modify(|times| *times += 1).or_insert(1);
        format!("{step}#{times}")
    };
    taken.map(&mut numbered).collect()
}

/// Every step of both modes. The pending version of a sealed value is made by the function, which is a step more.
async fn places(scene: &Scene) -> Vec<(RotationMode, bool, String)> {
    let service = Service::start_with(scene.options(Options::default(), 4)).await;
    let mut places = Vec::new();
    for mode in MODES {
        let plain = steps(scene, &service, mode, false).await;
        let sealed = steps(scene, &service, mode, true).await;
        for written in ["set-password#1", "move-stages#1"] {
            assert!(plain.iter().any(|step| step == written), "{mode:?}: {plain:?}");
        }
        assert!(sealed.iter().any(|step| step == "make-pending#1"), "{mode:?}: {sealed:?}");
        places.extend(merged(plain, &sealed).into_iter().map(|(sealed, step)| (mode, sealed, step)));
    }
    places
}

/// The steps of both kinds of values in their order; those of sealed values only where the others lack them.
fn merged(plain: Vec<String>, sealed: &[String]) -> Vec<(bool, String)> {
    let mut merged: Vec<_> = plain.into_iter().map(|step| (false, step)).collect();
    let mut place = 0;
    for step in sealed {
        match merged.iter().position(|(_, known)| known == step) {
            Some(known) => place = known + 1,
            None => {
                merged.insert(place, (true, step.clone()));
                place += 1;
            }
        }
    }
    merged
}

/// A rotation whose function stands at its step.
struct Held {
    case: Case,
    project: ProjectId,
    name: SecretName,
    task: String,
    looks: watch::Receiver<u64>,
}

/// Begins a rotation for every case, with an application that looks at its secret from then on, and waits until all functions
/// stand still. All is made before, because functions have a minute.
async fn hold(
    scene: &Scene,
    (service, cases): (&Service, Vec<Case>),
    clients: &watch::Sender<Option<Client>>,
    applications: &mut JoinSet<()>,
) -> Vec<Held> {
    let mut made = Vec::new();
    for case in cases {
        scene.standstill.ask(&case.name, &format!("{}:{}", case.step, case.moment));
        made.push((scene.create(service, &case).await, case));
    }
    let mut held = Vec::new();
    for (name, case) in made {
        let (sender, looks) = watch::channel(0);
        applications.spawn(scene.application(&case, &service.project(), &name).run(clients.subscribe(), sender));
        let task = service.begin(&name).await.rotation_task_id;
        held.push(Held { case, project: service.project(), name, task, looks });
    }
    for one in &held {
        scene.standstill.reached(&one.name).await;
    }
    held
}

/// Waits until every application has taken two more looks, so that one began after now.
async fn two_looks(applications: &mut JoinSet<()>, held: &mut [Held]) {
    let seen: Vec<u64> = held.iter_mut().map(|one| *one.looks.borrow_and_update()).collect();
    for (one, seen) in held.iter_mut().zip(seen) {
        tokio::select! {
            counted = one.looks.wait_for(|count| *count >= seen + 2) => drop(counted.unwrap()),
            // Applications end by panicking only, as long as they are listened to.
            Some(ended) = applications.join_next() => ended.unwrap(),
        }
    }
}

/// Ends the applications, and checks the results of all rotations.
async fn settle(scene: &Scene, client: &Client, held: Vec<Held>, mut applications: JoinSet<()>) {
    let names: Vec<_> = held.into_iter().map(|held| (held.case, held.project, held.name)).collect();
    while let Some(ended) = applications.join_next().await {
        ended.unwrap();
    }
    for (case, project, name) in names {
        let application = scene.application(&case, &project, &name);
        let (version, account) = application.account(client, stage::CURRENT).await.unwrap().unwrap();
        assert_ne!(version, VersionId::FIRST, "{case:?}: nothing was rotated");
        let user = account.login().username.clone();
        assert!(scene.database.can_log_in(&user, account.password()).await.unwrap(), "{case:?}");
        for old in [FIRST, SECOND] {
            assert!(!scene.database.can_log_in(&user, old).await.unwrap(), "{case:?}: the old password logs in");
        }
        assert!(application.account(client, stage::PENDING).await.unwrap().is_none(), "{case:?}");
    }
}

fn cases(places: &[(RotationMode, bool, String)], moments: &[&'static str], prefix: &str) -> Vec<Case> {
    let numbered = places.iter().enumerate();
    let case = |(number, (mode, sealed, step)): (usize, &(RotationMode, bool, String)), moment| Case {
        mode: *mode,
        sealed: *sealed,
        step: step.clone(),
        moment,
        name: format!("{prefix}_{number}_{moment}"),
    };
    numbered.flat_map(|place| moments.iter().map(move |moment| case(place, *moment))).collect()
}

/// How a task has ended, in the words of the tables.
fn next(status: &str, attempts: u32) -> String {
    match (status, attempts) {
        ("SUCCESS", 2) => "the next finishes".to_owned(),
        (status, attempts) => format!("{status} after {attempts} attempts"),
    }
}

type Outcomes = BTreeMap<(String, String), String>;

fn row(case: &Case) -> String {
    format!("{} {}", case.mode.as_str(), case.step)
}

/// The server is killed, with the functions that it runs, and started again.
async fn killed(scene: &Scene, places: &[(RotationMode, bool, String)]) -> Outcomes {
    let cases = cases(places, &["before", "after"], "killed");
    let mut service = Service::start_with(scene.options(Options::default(), cases.len())).await;
    let clients = watch::Sender::new(Some(service.client.clone()));
    let mut applications = JoinSet::new();
    let mut held = hold(scene, (&service, cases), &clients, &mut applications).await;
    two_looks(&mut applications, &mut held).await;
    clients.send_replace(None);
    service.kill().await;
    two_looks(&mut applications, &mut held).await;
    service.restart().await;
    clients.send_replace(Some(service.client.clone()));
    let mut outcomes = Outcomes::new();
    for one in &held {
        let task = service.ended(&one.task).await;
        let outcome = format!("killed; {}", next(&task.task_status, task.attempt_nums));
        outcomes.insert((row(&one.case), format!("killed {}", one.case.moment)), outcome);
    }
    settle(scene, &service.client, held, applications).await;
    outcomes
}

/// Everything that the API shows of a secret and its stages, but for when it was last used: applications use it all the time.
async fn shown(client: &Client, name: &SecretName) -> String {
    let mut secret = client.show_secret(name).await.unwrap().secret;
    secret.last_used_time = None;
    let mut shown = serde_json::to_string(&secret).unwrap();
    for stage in [stage::PENDING, stage::CURRENT, stage::PREVIOUS] {
        match client.show_stage(name, &StageName::parse(stage).unwrap()).await {
            Ok(found) => shown += &serde_json::to_string(&found.stage).unwrap(),
            Err(error) => assert_eq!(error.status(), Some(404)),
        }
    }
    let versions = client.list_versions(name, 50, None).await.unwrap();
    shown + &serde_json::to_string(&versions.version_metadatas).unwrap()
}

/// A server stands still for longer than its leases while its functions run. They call the API where all call it, so
/// at the server that has taken over.
async fn overtaken(scene: &Scene, places: &[(RotationMode, bool, String)]) -> Outcomes {
    let cases = cases(places, &["before"], "raced");
    let store = Postgres::start().await.unwrap();
    let mut cluster = Cluster::start(&store, 1, |options| scene.options(options, 4)).await;
    let url = cluster.servers[0].server.url().to_owned();
    let slow = |options| scene.options(options, cases.len()).argument("--public-url").argument(url);
    cluster.add(slow).await;
    let client = cluster.servers[0].client.clone();
    let clients = watch::Sender::new(Some(client.clone()));
    let mut applications = JoinSet::new();
    let mut held = hold(scene, (&cluster.servers[1], cases), &clients, &mut applications).await;
    cluster.signal(1, "-STOP");
    end_leases(&store).await;
    let mut finished = Vec::new();
    for one in &held {
        let task = cluster.servers[0].ended(&one.task).await;
        finished.push((next(&task.task_status, task.attempt_nums), shown(&client, &one.name).await));
        scene.standstill.release(&one.name);
    }
    let mut outcomes = Outcomes::new();
    for (one, (next, finished)) in held.iter().zip(finished) {
        let told = match scene.standstill.ended(&one.name).await {
            RotationReply::Success { .. } => "done".to_owned(),
            RotationReply::Failed { error_code, .. } => {
                error_code.trim_start_matches("ROTATION_").to_lowercase().replace('_', " ")
            }
        };
        assert_eq!(shown(&client, &one.name).await, finished, "{:?}: the overtaken function changed it", one.case);
        outcomes.insert((row(&one.case), "two servers".to_owned()), format!("{told}; {next}"));
    }
    two_looks(&mut applications, &mut held).await;
    cluster.signal(1, "-CONT");
    cluster.let_go(1).await;
    settle(scene, &client, held, applications).await;
    assert_eq!(leases(&store).await, 0, "a lease was left behind");
    outcomes
}

fn print(places: &[(RotationMode, bool, String)], outcomes: &Outcomes) -> String {
    let columns = ["killed before", "killed after", "two servers"];
    let mut text = String::new();
    for mode in MODES {
        let heads: Vec<_> = ["step"].iter().chain(&columns).map(|head| (*head).to_owned()).collect();
        let rows = places.iter().filter(|(of, ..)| *of == mode).map(|(_, _, step)| {
            let row = format!("{} {step}", mode.as_str());
            let cells = columns.iter().map(|column| outcomes[&(row.clone(), (*column).to_owned())].clone());
            [tables::step_name(step)].into_iter().chain(cells).collect::<Vec<_>>()
        });
        text += &format!("\n#### {}\n\n{}", mode.as_str(), tables::print(&heads, &rows.collect::<Vec<_>>()));
    }
    text + "\n"
}

async fn nobody_is_locked_out_whatever_happens_to_the_server(engine: Engine) {
    let scene = Scene::start(engine).await;
    let places = places(&scene).await;
    let mut outcomes = killed(&scene, &places).await;
    outcomes.extend(overtaken(&scene, &places).await);
    tables::check(&format!("servers and {engine}"), &print(&places, &outcomes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_locked_out_of_postgresql_whatever_happens_to_the_server() {
    nobody_is_locked_out_whatever_happens_to_the_server(Engine::PostgreSql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_locked_out_of_mariadb_whatever_happens_to_the_server() {
    nobody_is_locked_out_whatever_happens_to_the_server(Engine::MariaDb).await;
}
