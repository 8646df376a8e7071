//! The root key changes while servers run: whoever is killed, paused or started at whatever moment, everything that was
//! acknowledged opens afterwards, nothing is left under the old key, and the old file opens nothing in the end.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use csms_client::{Client, ListTasksQuery};
use csms_faults::{
    Database, PASSWORD, ROLE, WITHIN, Writers, client, command, create_many, eventually, log_in, name, read,
    require_all, require_many, rotated::Rotated,
};
use csms_testbed::{
    Server,
    server::{Options, binary},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

const SECRETS: usize = 5;

/// Time between two looks at a rotation.
const POLL: Duration = Duration::from_millis(50);

/// Rows, and what they hold sealed, that name another root key than number 2.
const UNDER_ANOTHER: &str = "SELECT count(*) FROM (
    SELECT mac FROM users UNION ALL SELECT mac FROM access_keys UNION ALL SELECT mac FROM policies
    UNION ALL SELECT mac FROM agencies UNION ALL SELECT mac FROM kms_keys UNION ALL SELECT mac FROM secrets
    UNION ALL SELECT mac FROM entries UNION ALL SELECT sealed_secret_key FROM access_keys
    UNION ALL SELECT wrapped FROM kms_keys
    UNION ALL SELECT value FROM meta WHERE key IN ('root_key_check', 'audit_signing_key')
) AS sealed (bytes) WHERE substring(bytes FROM 2 FOR 4) <> '\\x00000002'::BYTEA";

/// What an operator has: a database for the servers, the old root key and a place for the new one.
struct Site {
    database: Database,
    keys: TempDir,
}

impl Site {
    async fn new() -> Self {
        let site = Self { database: Database::start().await, keys: tempfile::tempdir().unwrap() };
        // The first start makes the old root key and the first user.
        site.start(&site.home("home"), &site.old()).await.terminate().await.unwrap();
        site
    }

    fn old(&self) -> PathBuf {
        self.keys.path().join("old.key")
    }

    fn new_key(&self) -> PathBuf {
        self.keys.path().join("new.key")
    }

    /// The data directory of a server or a command.
    fn home(&self, name: &str) -> PathBuf {
        let home = self.keys.path().join(name);
        fs::create_dir_all(&home).unwrap();
        let first = self.keys.path().join("home/credentials.json");
        let own = home.join("credentials.json");
        if first.exists() && !own.exists() {
            fs::copy(first, own).unwrap();
        }
        home
    }

    fn options(&self, home: &Path, key: &Path) -> Options {
        Options { data: Some(home.to_owned()), ..self.database.options() }.argument("--root-key-file").argument(key)
    }

    async fn start(&self, home: &Path, key: &Path) -> Server {
        Server::start(self.options(home, key)).await.unwrap()
    }

    /// Why a server does not start with this key.
    async fn refusal(&self, key: &Path) -> String {
        Server::start(self.options(&self.home("refused"), key)).await.unwrap_err().to_string()
    }

    async fn keyring(&self, key: &Path, arguments: &[&str]) -> Output {
        let key = key.to_string_lossy();
        let all = [&["keyring"], arguments, &["--root-key-file", &key]].concat();
        self.database.command(&self.home("command"), &all).await
    }

    async fn rotate(&self) -> Output {
        self.keyring(&self.old(), &["rotate", "--new-root-key-file", &self.new_key().to_string_lossy()]).await
    }

    async fn retire(&self) -> Output {
        self.keyring(&self.new_key(), &["retire"]).await
    }

    /// Begins `csms keyring rotate`, to be killed.
    fn begin_rotation(&self) -> Child {
        let mut command = Command::new(binary().unwrap());
        command.args(["keyring", "rotate", "--new-root-key-file"]).arg(self.new_key()).arg("--root-key-file");
        command.arg(self.old()).arg("--data").arg(self.home("command")).arg("--store").arg(self.database.address());
        command.env("PGPASSWORD", PASSWORD).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The stored keyring, if there is one.
    async fn row(&self) -> Option<Vec<u8>> {
        let admin = self.database.postgres.admin().await.unwrap();
        let row = admin.query_opt("SELECT value FROM meta WHERE key = 'keyring'", &[]).await.unwrap()?;
        Some(row.get(0))
    }

    /// The stored keyring; what it says openly is read, too.
    async fn stored(&self) -> Option<Value> {
        let mut row: Value = serde_json::from_slice(&self.row().await?).unwrap();
        row["public"] = serde_json::from_str(row["public"].as_str().unwrap()).unwrap();
        Some(row)
    }

    /// Stores another keyring, as whoever can write the database could.
    async fn store(&self, row: &[u8]) {
        let admin = self.database.postgres.admin().await.unwrap();
        admin.execute("UPDATE meta SET value = $1 WHERE key = 'keyring'", &[&row]).await.unwrap();
    }

    async fn execute(&self, sql: &str) {
        self.database.postgres.admin().await.unwrap().batch_execute(sql).await.unwrap();
    }

    async fn waits_for_servers(&self) {
        eventually("the next root key is announced", async || self.stored().await.is_some()).await;
    }

    /// Everything is under the new root key, and the audit trail is whole.
    async fn require_rotated(&self) {
        assert_eq!(self.database.number(UNDER_ANOTHER).await, 0, "rows under the old root key");
        let key = self.new_key();
        let verify = ["audit", "verify", "--offline", "--root-key-file", &key.to_string_lossy()];
        succeeds(&self.database.command(&self.home("command"), &verify).await);
        let behind = "SELECT count(*) FROM audit WHERE key_number = 1 AND number >
            (SELECT min(number) FROM audit WHERE key_number = 2)";
        assert_eq!(self.database.number(behind).await, 0, "records under the old root key behind the change");
    }
}

fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}{}", said(output), String::from_utf8_lossy(&output.stdout));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn signal(server: &Server, signal: Signal) {
    kill_process(Pid::from_raw(server.id().try_into().unwrap()).unwrap(), signal).unwrap();
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The status that a server answers to a list of secrets with a token.
async fn list_with(server: &Server, token: &str) -> u16 {
    let url = format!("{}/v1/{}/secrets", server.url(), server.project_id());
    let token = token.to_owned();
    let ask = move || {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        agent.get(url).header("x-auth-token", token).call().unwrap().status().as_u16()
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}

/// Rotates a secret again and again until it is stopped.
struct Rotations {
    stopped: Arc<AtomicBool>,
    succeeded: Arc<AtomicUsize>,
    running: JoinHandle<Vec<String>>,
}

impl Rotations {
    /// Begins to rotate `account` of `database`, with a secret that is made here.
    async fn begin(server: &Server, database: &Rotated) -> Self {
        database.create_secret(server, "account").await;
        let (client, account) = (client(server), name("account"));
        let (stopped, succeeded) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (is_stopped, count) = (Arc::clone(&stopped), Arc::clone(&succeeded));
        let running = tokio::spawn(async move {
            let mut others = Vec::new();
            while !is_stopped.load(Ordering::SeqCst) {
                let Ok(begun) = client.rotate_secret(&account).await else { continue };
                let status = loop {
                    let query = ListTasksQuery { task_id: Some(&begun.rotation_task_id), ..ListTasksQuery::default() };
                    let found = client.list_tasks(query).await.ok().and_then(|found| found.tasks.into_iter().next());
                    match found.map(|task| task.task_status) {
                        Some(status) if status != "RUNNING" => break status,
                        _ => tokio::time::sleep(POLL).await,
                    }
                };
                if status == "SUCCESS" {
                    count.fetch_add(1, Ordering::SeqCst);
                } else {
                    others.push(status);
                }
            }
            others
        });
        Self { stopped, succeeded, running }
    }

    /// Waits until more rotations have succeeded.
    async fn go_on(&self) {
        let before = self.succeeded.load(Ordering::SeqCst);
        eventually("rotations go on", async || self.succeeded.load(Ordering::SeqCst) > before + 1).await;
    }

    /// Stops, and returns how rotations ended that did not succeed.
    async fn end(self) -> Vec<String> {
        self.stopped.store(true, Ordering::SeqCst);
        tokio::time::timeout(WITHIN, self.running).await.unwrap().unwrap()
    }
}

/// The present password of the rotated account logs in.
async fn require_login(client: &Client, database: &Rotated) {
    let shown = client.show_version(&name("account"), "latest").await.unwrap();
    let value: Value = serde_json::from_str(shown.version.secret_string.as_ref().unwrap()).unwrap();
    assert!(database.lets_in("account", value["password"].as_str().unwrap()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_key_of_two_busy_servers_is_replaced_and_nothing_is_lost() {
    let site = Site::new().await;
    let homes = [site.home("one"), site.home("two")];
    let [one, two] = [site.start(&homes[0], &site.old()).await, site.start(&homes[1], &site.old()).await];
    create_many(&client(&one), "kept", SECRETS).await;
    let before = log_in(&one).await;
    let rotated = Rotated::start().await;
    let rotations = Rotations::begin(&two, &rotated).await;
    rotations.go_on().await;
    let writers = [Writers::begin(&client(&one), "a", 4), Writers::begin(&client(&two), "b", 4)];
    writers[0].go_on().await;

    succeeds(&site.rotate().await);
    for writer in &writers {
        writer.go_on().await;
    }
    rotations.go_on().await;
    assert_eq!(rotations.end().await, [""; 0], "rotations that failed");
    require_login(&client(&one), &rotated).await;
    // Writes wait for the change, and go on under the new key.
    assert_eq!(writers.each_ref().map(Writers::refused), [0, 0], "refused writes");
    let during = log_in(&two).await;
    for token in [&before, &during] {
        assert_eq!((list_with(&one, token).await, list_with(&two, token).await), (200, 200));
    }
    let mut names = Vec::new();
    for writer in writers {
        names.extend(writer.end().await);
    }
    require_all(&client(&two), &names).await;

    // One server after the other is started with the new file.
    let refused = site.retire().await;
    assert!(said(&refused).contains("started with the old root key"), "{}", said(&refused));
    one.terminate().await.unwrap();
    let one = site.start(&homes[0], &site.new_key()).await;
    assert!(!site.retire().await.status.success());
    two.terminate().await.unwrap();
    let two = site.start(&homes[1], &site.new_key()).await;
    let writers = [Writers::begin(&client(&one), "c", 4), Writers::begin(&client(&two), "d", 4)];
    succeeds(&site.retire().await);
    for writer in writers {
        writer.go_on().await;
        names.extend(writer.end().await);
    }
    require_all(&client(&one), &names).await;
    require_many(&client(&two), "kept", SECRETS).await;
    require_login(&client(&two), &rotated).await;
    // What the old root key could have forged is worth nothing; what the new one made is.
    eventually("the old token ends", async || list_with(&one, &before).await == 401).await;
    assert_eq!(list_with(&one, &log_in(&two).await).await, 200);
    site.require_rotated().await;
    let refused = site.refusal(&site.old()).await;
    assert!(refused.contains("this root key was replaced on"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_killed_while_it_waits_goes_on_with_the_same_key() {
    let site = Site::new().await;
    let server = site.start(&site.home("one"), &site.old()).await;
    create_many(&client(&server), "kept", SECRETS).await;
    signal(&server, Signal::STOP);
    let rotation = site.begin_rotation();
    site.waits_for_servers().await;
    kill(rotation);
    let announced = site.stored().await.unwrap();
    assert_eq!((&announced["public"]["current"], &announced["public"]["newest"]), (&json!(1), &json!(2)));
    signal(&server, Signal::CONT);
    // The old file and the new one both start a server now.
    site.start(&site.home("two"), &site.new_key()).await.terminate().await.unwrap();
    let other = site.keys.path().join("other.key");
    succeeds(&site.rotate().await);
    let switched = site.stored().await.unwrap();
    assert_eq!((&switched["public"]["current"], &switched["public"]["newest"]), (&json!(2), &json!(2)));
    assert_eq!(switched["public"]["wraps"], announced["public"]["wraps"]);
    require_many(&client(&server), "kept", SECRETS).await;
    // Once more does nothing, and another file is refused.
    succeeds(&site.rotate().await);
    assert_eq!(site.stored().await.unwrap(), switched);
    fs::write(&other, format!("{}\n", "5".repeat(64))).unwrap();
    fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let refused = site.keyring(&site.old(), &["rotate", "--new-root-key-file", &other.to_string_lossy()]).await;
    assert!(said(&refused).contains("the last rotation is not ended"), "{}", said(&refused));
    site.require_rotated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_killed_while_it_writes_has_changed_nothing() {
    let site = Site::new().await;
    let server = site.start(&site.home("one"), &site.old()).await;
    create_many(&client(&server), "kept", SECRETS).await;
    // What the change locks last, when all rows are written, is held by somebody else.
    let holder = site.database.postgres.admin().await.unwrap();
    signal(&server, Signal::STOP);
    let rotation = site.begin_rotation();
    site.waits_for_servers().await;
    holder.batch_execute("BEGIN; SELECT number FROM audit_head FOR UPDATE").await.unwrap();
    signal(&server, Signal::CONT);
    let waiting = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE relation = 'users'::regclass
        AND mode = 'ExclusiveLock' AND granted AND wait_event_type = 'Lock' AND query LIKE 'SELECT number, link%'";
    eventually("the command has written the rows", async || site.database.number(waiting).await > 0).await;
    kill(rotation);
    holder.batch_execute("ROLLBACK").await.unwrap();
    eventually("its transaction is gone", async || site.database.number(waiting).await == 0).await;
    assert_eq!(site.stored().await.unwrap()["public"]["current"], 1);
    let writers = Writers::begin(&client(&server), "w", 2);
    writers.go_on().await;
    require_all(&client(&server), &writers.end().await).await;
    server.kill().await.unwrap();
    let server = site.start(&site.home("one"), &site.new_key()).await;
    require_many(&client(&server), "kept", SECRETS).await;
    succeeds(&site.rotate().await);
    require_many(&client(&server), "kept", SECRETS).await;
    succeeds(&site.retire().await);
    site.require_rotated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_blocks_nobody() {
    let site = Site::new().await;
    let homes = [site.home("one"), site.home("two")];
    let [one, two] = [site.start(&homes[0], &site.old()).await, site.start(&homes[1], &site.old()).await];
    create_many(&client(&two), "kept", SECRETS).await;
    two.kill().await.unwrap();
    succeeds(&site.rotate().await);
    require_many(&client(&one), "kept", SECRETS).await;
    // Killed after the change, one comes back with either file.
    one.kill().await.unwrap();
    let one = site.start(&homes[0], &site.old()).await;
    let two = site.start(&homes[1], &site.new_key()).await;
    for server in [&one, &two] {
        require_many(&client(server), "kept", SECRETS).await;
    }
    one.kill().await.unwrap();
    eventually("the killed server counts no more", async || site.retire().await.status.success()).await;
    site.require_rotated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_slept_through_the_change_writes_nothing_under_the_old_key() {
    let site = Site::new().await;
    let homes = [site.home("one"), site.home("two")];
    let [awake, asleep] = [site.start(&homes[0], &site.old()).await, site.start(&homes[1], &site.old()).await];
    create_many(&client(&awake), "kept", SECRETS).await;
    let writers = Writers::begin(&client(&asleep), "s", 4);
    writers.go_on().await;
    signal(&asleep, Signal::STOP);
    // Its last report ends while the command waits, and whatever it has locked is free after a while.
    eventually("the root key changes", async || site.rotate().await.status.success()).await;
    signal(&asleep, Signal::CONT);
    writers.go_on().await;
    let names = writers.end().await;
    require_all(&client(&asleep), &names).await;
    require_all(&client(&awake), &names).await;
    require_many(&client(&asleep), "kept", SECRETS).await;
    site.require_rotated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_an_older_release_is_named_and_appends_nothing_after_the_change() {
    let site = Site::new().await;
    // It holds the lease of a task, and reports nothing.
    let held = "INSERT INTO tasks (id, project, secret_name, secret_id, status, create_time, document, checksum, lease_holder, lease_expires)
        VALUES ('t', 'p', 's', 'i', 'RUNNING', 1, '{}', 0, 'older/1', (extract(epoch FROM now()) * 1000)::BIGINT + 3600000)";
    site.database.postgres.execute(held).await.unwrap();
    let refused = site.rotate().await;
    assert!(said(&refused).contains("servers of an older release are running (older)"), "{}", said(&refused));
    assert_eq!(site.stored().await, None);
    site.database.postgres.execute("DELETE FROM tasks").await.unwrap();
    succeeds(&site.rotate().await);
    // What it would do to append a record.
    let append = "UPDATE audit_head SET number = number + 1, key_number = 1 WHERE singleton = 1";
    assert!(site.database.postgres.execute(append).await.is_err());
    site.require_rotated().await;
}

/// What `/readyz` says: the status and the body.
async fn readiness(server: &Server) -> (u16, Value) {
    let url = format!("{}/readyz", server.url());
    let ask = move || {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut response = agent.get(url).call().unwrap();
        let body = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), serde_json::from_str(&body).unwrap())
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_back_behind_the_change_takes_no_writes_until_it_is_right_again() {
    let site = Site::new().await;
    let server = site.start(&site.home("one"), &site.old()).await;
    create_many(&client(&server), "kept", SECRETS).await;
    succeeds(&site.rotate().await);
    create_many(&client(&server), "later", SECRETS).await;
    assert_eq!(readiness(&server).await.0, 200);
    // As a standby that the last transactions had not reached.
    let away = "CREATE TABLE away AS SELECT * FROM meta WHERE key = 'keyring';
        CREATE TABLE head_away AS SELECT least_key, key_print FROM audit_head;
        DELETE FROM meta WHERE key = 'keyring'; UPDATE audit_head SET least_key = 1, key_print = ''";
    site.execute(away).await;
    let writers = Writers::begin(&client(&server), "lost", 2);
    eventually("each writer is refused", async || writers.all_refused()).await;
    eventually("the server is not ready", async || readiness(&server).await.0 == 503).await;
    let (_, said) = readiness(&server).await;
    assert_eq!(said["checks"]["keyring"], "the stored keyring was removed");
    assert_eq!(writers.acknowledged(), 0);
    let back = "INSERT INTO meta SELECT * FROM away;
        UPDATE audit_head SET least_key = away.least_key, key_print = away.key_print FROM head_away AS away";
    site.execute(back).await;
    writers.go_on().await;
    eventually("the server is ready again", async || readiness(&server).await.0 == 200).await;
    require_all(&client(&server), &writers.end().await).await;
    require_many(&client(&server), "later", SECRETS).await;
    site.require_rotated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_lacks_only_the_announced_key_keeps_servers_ready() {
    let site = Site::new().await;
    let server = site.start(&site.home("one"), &site.old()).await;
    let asleep = site.start(&site.home("two"), &site.old()).await;
    signal(&asleep, Signal::STOP);
    let rotation = site.begin_rotation();
    let has_read = "SELECT count(*) FROM servers WHERE keyring = 1";
    eventually("one server has read the next key", async || site.database.number(has_read).await == 1).await;
    kill(rotation);
    asleep.kill().await.unwrap();
    site.execute("DELETE FROM servers WHERE keyring = 0; DELETE FROM meta WHERE key = 'keyring'").await;
    let has_gone_back = "SELECT count(*) FROM servers WHERE keyring = 0 AND digest = ''";
    eventually("the server goes back, too", async || site.database.number(has_gone_back).await == 1).await;
    assert_eq!(readiness(&server).await.0, 200);
    create_many(&client(&server), "kept", SECRETS).await;
    // The next command begins from the beginning, and waits for the server.
    succeeds(&site.rotate().await);
    require_many(&client(&server), "kept", SECRETS).await;
    site.require_rotated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_lacks_only_the_retirement_keeps_servers_ready() {
    let site = Site::new().await;
    succeeds(&site.rotate().await);
    let server = site.start(&site.home("one"), &site.new_key()).await;
    let switched = site.row().await.unwrap();
    succeeds(&site.retire().await);
    let has_read = "SELECT count(*) FROM servers WHERE keyring = 3";
    eventually("the server has read it", async || site.database.number(has_read).await == 1).await;
    site.store(&switched).await;
    let noticed = "the stored keyring is version 2, and version 3 is in use here";
    eventually("the server notices", async || server.log().contains(noticed)).await;
    assert_eq!(readiness(&server).await.0, 200);
    create_many(&client(&server), "kept", SECRETS).await;
    succeeds(&site.retire().await);
    let third = site.keys.path().join("third.key");
    let rotate = ["rotate", "--new-root-key-file", &third.to_string_lossy()];
    succeeds(&site.keyring(&site.new_key(), &rotate).await);
    create_many(&client(&server), "later", SECRETS).await;
    require_many(&client(&server), "kept", SECRETS).await;
    assert_eq!(readiness(&server).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_writes_are_refused_is_not_ready_whatever_the_stored_keyring_says() {
    let site = Site::new().await;
    succeeds(&site.rotate().await);
    let server = site.start(&site.home("one"), &site.old()).await;
    eventually("the server is ready", async || readiness(&server).await.0 == 200).await;
    site.execute("CREATE TABLE away AS SELECT key_print FROM audit_head; UPDATE audit_head SET key_print = '\\x00'")
        .await;
    eventually("the server is not ready", async || readiness(&server).await.0 == 503).await;
    let (_, said) = readiness(&server).await;
    let reason = said["checks"]["keyring"].as_str().unwrap();
    assert!(reason.contains("gone back behind a change of the root key"), "{reason}");
    assert!(csms_faults::create(&client(&server), "lost").await.is_err());
    site.execute("UPDATE audit_head SET key_print = away.key_print FROM away").await;
    eventually("the server is ready again", async || readiness(&server).await.0 == 200).await;
    create_many(&client(&server), "kept", SECRETS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_into_the_keyring_that_a_root_key_was_replaced_ends_no_server() {
    let site = Site::new().await;
    succeeds(&site.rotate().await);
    let server = site.start(&site.home("one"), &site.old()).await;
    let stored = site.row().await.unwrap();
    let mut forged = site.stored().await.unwrap();
    let mut public = forged["public"].take();
    let old = public["wraps"].as_array_mut().unwrap().remove(0);
    public["replaced"] = json!([{ "key": old["key"], "time": 1_800_000_000_000_u64, "proof": "00" }]);
    public["version"] = 9.into();
    forged["public"] = public.to_string().into();
    site.store(&serde_json::to_vec(&forged).unwrap()).await;
    eventually("the server notices", async || server.log().contains("the stored keyring is not in use here")).await;
    assert_eq!(readiness(&server).await.0, 200);
    create_many(&client(&server), "kept", SECRETS).await;
    site.store(&stored).await;
    require_many(&client(&server), "kept", SECRETS).await;
    site.require_rotated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_while_the_root_key_changes_opens_the_new_keyring() {
    let site = Site::new().await;
    succeeds(&site.rotate().await);
    // At the first look there is no keyring, and everything is under the new root key.
    let late = format!(
        "ALTER TABLE meta RENAME TO all_meta; CREATE SEQUENCE looks;
         CREATE VIEW meta AS SELECT * FROM all_meta WHERE key <> 'keyring' OR nextval('looks') > 1;
         GRANT ALL ON meta, looks TO {ROLE}"
    );
    site.execute(&late).await;
    let server = site.start(&site.home("one"), &site.old()).await;
    create_many(&client(&server), "kept", SECRETS).await;
    site.require_rotated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_slept_while_its_root_key_was_retired_ends() {
    let site = Site::new().await;
    let homes = [site.home("one"), site.home("two")];
    let [one, asleep] = [site.start(&homes[0], &site.old()).await, site.start(&homes[1], &site.old()).await];
    create_many(&client(&one), "kept", SECRETS).await;
    succeeds(&site.rotate().await);
    one.terminate().await.unwrap();
    let one = site.start(&homes[0], &site.new_key()).await;
    signal(&asleep, Signal::STOP);
    eventually("the sleeping server counts no more", async || site.retire().await.status.success()).await;
    signal(&asleep, Signal::CONT);
    let status = tokio::time::timeout(WITHIN, asleep.ended()).await.unwrap();
    assert!(!status.success());
    assert!(asleep.log().contains("this root key was replaced on"), "{}", asleep.log());
    assert!(asleep.log().contains("draining"), "{}", asleep.log());
    require_many(&client(&one), "kept", SECRETS).await;
    site.require_rotated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_old_key_binds_after_the_change_counts_nowhere_and_is_named() {
    let site = Site::new().await;
    let homes = [site.home("one"), site.home("two")];
    let server = site.start(&homes[0], &site.old()).await;
    create_many(&client(&server), "kept", SECRETS).await;
    // Whoever has the old key makes just this.
    let admin = site.database.postgres.admin().await.unwrap();
    admin.batch_execute("CREATE TABLE forged AS SELECT id, mac FROM secrets WHERE name = 'kept-0'").await.unwrap();
    succeeds(&site.rotate().await);
    let forge = "UPDATE secrets SET mac = forged.mac FROM forged WHERE secrets.id = forged.id";
    admin.batch_execute(forge).await.unwrap();
    let is_refused = async |server: &Server| read(&client(server), "kept-0").await.is_err();
    eventually("the running server refuses the row", async || is_refused(&server).await).await;
    server.terminate().await.unwrap();
    let server = site.start(&homes[0], &site.new_key()).await;
    assert!(is_refused(&server).await);
    let retired = site.retire().await;
    succeeds(&retired);
    assert!(said(&retired).contains("the row of the secret kept-0 was not written by this installation"));
    assert!(is_refused(&server).await);
    assert_eq!(read(&client(&server), "kept-1").await.unwrap(), "kept-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_that_is_lost_before_the_old_one_is_retired_is_replaced() {
    let site = Site::new().await;
    let server = site.start(&site.home("one"), &site.old()).await;
    create_many(&client(&server), "kept", SECRETS).await;
    succeeds(&site.rotate().await);
    let lost = site.keys.path().join("lost.key");
    fs::rename(site.new_key(), &lost).unwrap();
    let refused = site.rotate().await;
    assert!(said(&refused).contains("new.key"), "{}", said(&refused));
    let new_key = site.new_key();
    let replace = ["rotate", "--replace", "--new-root-key-file", &new_key.to_string_lossy()];
    succeeds(&site.keyring(&site.old(), &replace).await);
    let replaced = site.stored().await;
    // Once more does nothing, also beside a server that was started with it.
    let other = site.start(&site.home("two"), &new_key).await;
    succeeds(&site.keyring(&site.old(), &replace).await);
    assert_eq!(site.stored().await, replaced);
    other.terminate().await.unwrap();
    assert!(site.refusal(&lost).await.contains("this root key was replaced on"));
    require_many(&client(&server), "kept", SECRETS).await;
    server.terminate().await.unwrap();
    let server = site.start(&site.home("one"), &site.new_key()).await;
    succeeds(&site.retire().await);
    require_many(&client(&server), "kept", SECRETS).await;
    site.require_rotated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_waits_for_a_table_lets_others_write_meanwhile() {
    let site = Site::new().await;
    let server = site.start(&site.home("one"), &site.old()).await;
    // The last of the tables that the change locks is held by somebody who has forgotten it.
    let holder = site.database.postgres.admin().await.unwrap();
    holder.batch_execute("BEGIN; LOCK TABLE entries IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let rotation = site.rotate();
    let writing = async {
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE users%'";
        eventually("the command waits for the table", async || site.database.number(waiting).await > 0).await;
        let writers = Writers::begin(&client(&server), "w", 2);
        writers.go_on().await;
        holder.batch_execute("ROLLBACK").await.unwrap();
        writers.end().await
    };
    let (rotated, names) = tokio::join!(rotation, writing);
    succeeds(&rotated);
    require_all(&client(&server), &names).await;
    site.require_rotated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_commands_at_once_make_one_key() {
    let site = Site::new().await;
    let server = site.start(&site.home("one"), &site.old()).await;
    create_many(&client(&server), "kept", SECRETS).await;
    let (one, two) = tokio::join!(site.rotate(), site.rotate());
    succeeds(&one);
    succeeds(&two);
    let stored = site.stored().await.unwrap();
    assert_eq!((&stored["public"]["newest"], &stored["public"]["version"]), (&json!(2), &json!(2)));
    assert_eq!(site.database.number("SELECT count(*) FROM audit WHERE document LIKE '%\"AnnounceRootKey\"%'").await, 1);
    require_many(&client(&server), "kept", SECRETS).await;
    site.require_rotated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_is_gone_or_wrong_does_not_concern_a_server_that_runs() {
    let site = Site::new().await;
    let own = site.keys.path().join("own.key");
    fs::copy(site.old(), &own).unwrap();
    let server = site.start(&site.home("one"), &own).await;
    create_many(&client(&server), "kept", SECRETS).await;
    fs::write(&own, "no key").unwrap();
    succeeds(&site.rotate().await);
    fs::remove_file(&own).unwrap();
    let writers = Writers::begin(&client(&server), "w", 2);
    writers.go_on().await;
    require_all(&client(&server), &writers.end().await).await;
    require_many(&client(&server), "kept", SECRETS).await;
    // A key that is none of this data is refused, and so is the old one for a command that retires it.
    fs::write(&own, format!("{}\n", "5".repeat(64))).unwrap();
    fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(site.refusal(&own).await.contains("not one of this data"));
    let refused = site.keyring(&site.old(), &["retire"]).await;
    assert!(said(&refused).contains("started with the old root key"), "{}", said(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_key_of_a_file_is_replaced_beside_its_server_and_old_snapshots_open_with_the_old_key() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (old, new) = (data.join("root.key"), directory.path().join("new.key"));
    let [old_text, new_text] = [old.to_string_lossy(), new.to_string_lossy()];
    let options = |key: &Path| {
        Options { data: Some(data.clone()), ..Options::default() }.argument("--root-key-file").argument(key)
    };
    let place = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let (early, late) = (place("early.snapshot"), place("late.snapshot"));
    fs::create_dir(&data).unwrap();
    let server = Server::start(options(&old)).await.unwrap();
    create_many(&client(&server), "kept", SECRETS).await;
    succeeds(&command(&data, &["snapshot", "create", &early]).await);
    let writers = Writers::begin(&client(&server), "w", 4);
    writers.go_on().await;
    let rotate = ["keyring", "rotate", "--new-root-key-file", &new_text, "--root-key-file", &old_text];
    succeeds(&command(&data, &rotate).await);
    writers.go_on().await;
    let names = writers.end().await;
    require_all(&client(&server), &names).await;
    server.kill().await.unwrap();
    let server = Server::start(options(&new)).await.unwrap();
    eventually("the killed server counts no more", async || {
        command(&data, &["keyring", "retire", "--root-key-file", &new_text]).await.status.success()
    })
    .await;
    require_all(&client(&server), &names).await;
    require_many(&client(&server), "kept", SECRETS).await;
    succeeds(&command(&data, &["audit", "verify", "--offline", "--root-key-file", &new_text]).await);
    succeeds(&command(&data, &["snapshot", "create", &late, "--root-key-file", &new_text]).await);
    for (snapshot, key, opens) in
        [(&early, &old_text, true), (&early, &new_text, false), (&late, &new_text, true), (&late, &old_text, false)]
    {
        let tried = command(&data, &["drill", snapshot, "--no-logins", "--root-key-file", key]).await;
        assert_eq!(tried.status.success(), opens, "{snapshot} with {key}: {}", said(&tried));
    }
    let status = command(&data, &["keyring", "status", "--output", "json", "--root-key-file", &new_text]).await;
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((&status["root_key"], &status["phase"]), (&json!(2), &json!("none")));
    assert_eq!(status["servers"].as_array().unwrap().len(), 1);
    // A key that was retired neither starts a server nor comes back.
    let back = ["keyring", "rotate", "--new-root-key-file", &old_text, "--root-key-file", &new_text];
    let refused = command(&data, &back).await;
    assert!(said(&refused).contains("replaced on"), "{}", said(&refused));
    server.terminate().await.unwrap();
    let refused = Server::start(options(&old)).await.unwrap_err().to_string();
    assert!(refused.contains("replaced on"), "{refused}");
}
