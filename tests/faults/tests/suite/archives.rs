//! The audit trail is archived beside a running server: whatever is interrupted, every record is in a file or in the store.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Output,
    time::{Duration, Instant},
};

use csms_faults::{Database, Writers, client, command, create_many};
use csms_testbed::{
    Server,
    server::{Options, binary},
};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

const SECRETS: usize = 6;

/// How often a run is killed.
const KILLS: u32 = 12;

/// A store, a server on it and a place for archives.
struct World {
    server: Server,
    database: Option<Database>,
    data: PathBuf,
    directory: TempDir,
}

impl World {
    async fn embedded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let server = Server::start(Options { data: Some(data.clone()), ..Options::default() }).await.unwrap();
        Self { server, database: None, data, directory }
    }

    async fn shared() -> Self {
        let database = Database::start().await;
        let server = Server::start(database.options()).await.unwrap();
        let data = server.data().to_owned();
        Self { server, database: Some(database), data, directory: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let arguments = [arguments, &["--offline"]].concat();
        match &self.database {
            None => command(&self.data, &arguments).await,
            Some(database) => database.command(&self.data, &arguments).await,
        }
    }

    async fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    async fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }

    async fn archive(&self, file: &str) -> Value {
        let printed = self.ok(&["audit", "archive", "--until", "0d", "--out", file, "--output", "json"]).await;
        serde_json::from_str(&printed).unwrap()
    }

    async fn verify(&self) -> Value {
        serde_json::from_str(&self.ok(&["audit", "verify", "--output", "json"]).await).unwrap()
    }

    /// Begins an archive and kills it after a while.
    async fn kill_archiving(&self, file: &str, after: Duration) {
        let mut command = tokio::process::Command::new(binary().unwrap());
        command.args(["audit", "archive", "--offline", "--until", "0d", "--out", file, "--data"]).arg(&self.data);
        if let Some(database) = &self.database {
            command.args(["--store", &database.address()]).env("PGPASSWORD", csms_faults::PASSWORD);
        }
        let mut child = command.stdout(std::process::Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let _ = tokio::time::timeout(after, child.wait()).await;
        child.kill().await.unwrap();
    }

    /// Records that are stored, those among them that were archived included.
    async fn stored(&self) -> i64 {
        let sql = "SELECT count(*) FROM audit";
        match &self.database {
            None => Connection::open(self.data.join("csms.db")).unwrap().query_row(sql, [], |row| row.get(0)).unwrap(),
            Some(database) => database.number(sql).await,
        }
    }

    /// Runs SQL on the store.
    async fn execute(&self, sql: &str) {
        match &self.database {
            None => {
                let database = Connection::open(self.data.join("csms.db")).unwrap();
                database.busy_timeout(Duration::from_secs(10)).unwrap();
                database.execute_batch(sql).unwrap();
            }
            Some(database) => database.postgres.execute(sql).await.unwrap(),
        }
    }

    /// The numbers and actions of the records that `csms audit list` finds.
    async fn listed(&self) -> BTreeMap<u64, String> {
        let listed: Value = serde_json::from_str(&self.ok(&["audit", "list", "--output", "json"]).await).unwrap();
        let records = listed.as_array().unwrap().iter();
        records.map(|record| (record["number"].as_u64().unwrap(), text(&record["action"]))).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The numbers and actions of the records in an archive.
fn archived(file: &str) -> BTreeMap<u64, String> {
    let text_of_file = std::fs::read_to_string(file).unwrap();
    let lines = text_of_file.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let records = lines.filter(|line| line.get("record").is_some());
    records.map(|line| (line["number"].as_u64().unwrap(), text(&line["record"]["action"]))).collect()
}

async fn an_archived_trail_is_followed_from_its_checkpoint(world: World) {
    create_many(&client(&world.server), "early", SECRETS).await;
    let head = text(&world.verify().await["head"]);
    create_many(&client(&world.server), "more", 1).await;
    let before = world.listed().await;
    let file = world.file("first.jsonl");
    let made = world.archive(&file).await;
    assert_eq!(archived(&file), before);
    assert_eq!((made["archived"].as_u64(), world.stored().await), (Some(before.len() as u64), 1));
    create_many(&client(&world.server), "late", SECRETS).await;
    assert_eq!(world.verify().await["archived"], made["last"]);

    // Who has the public key verifies the file, and nobody changes it unnoticed.
    let key = world.file("key.pem");
    std::fs::write(&key, world.ok(&["audit", "public-key"]).await).unwrap();
    let alone = ["audit", "verify", "--archive", &file, "--public-key", &key];
    let nowhere = tempfile::tempdir().unwrap();
    let verified = command(nowhere.path(), &alone).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let changed = world.file("changed.jsonl");
    let content = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&changed, content.replacen("CreateSecret", "DeleteSecret", 1)).unwrap();
    let refused = command(nowhere.path(), &["audit", "verify", "--archive", &changed, "--public-key", &key]).await;
    assert!(!refused.status.success());

    // An earlier head is found in the archive.
    assert!(world.refused(&["audit", "verify", "--expect", &head]).await.contains("--archive"));
    world.ok(&["audit", "verify", "--expect", &head, "--archive", &file]).await;

    // A second archive follows the first.
    let second = world.file("second.jsonl");
    world.archive(&second).await;
    world.ok(&["audit", "verify", "--archive", &file, "--archive", &second]).await;
    let reversed = world.refused(&["audit", "verify", "--archive", &second, "--archive", &file]).await;
    assert!(reversed.contains("does not follow"), "{reversed}");
    world.verify().await;
}

#[tokio::test]
async fn an_archived_trail_is_followed_from_its_checkpoint_in_a_file() {
    an_archived_trail_is_followed_from_its_checkpoint(World::embedded().await).await;
}

#[tokio::test]
async fn an_archived_trail_is_followed_from_its_checkpoint_in_a_database() {
    an_archived_trail_is_followed_from_its_checkpoint(World::shared().await).await;
}

async fn a_broken_trail_is_neither_signed_nor_removed(world: World) {
    create_many(&client(&world.server), "kept", SECRETS).await;
    let stored = world.stored().await;
    world.execute("UPDATE audit SET document = replace(document, 'kept-3', 'kept-4') WHERE number > 2").await;
    let file = world.file("broken.jsonl");
    let refused = world.refused(&["audit", "archive", "--until", "0d", "--out", &file]).await;
    assert!(refused.contains("is not what was written there"), "{refused}");
    assert!(!Path::new(&file).exists());
    assert_eq!(world.stored().await, stored);
}

#[tokio::test]
async fn a_broken_trail_is_neither_signed_nor_removed_in_a_file() {
    a_broken_trail_is_neither_signed_nor_removed(World::embedded().await).await;
}

#[tokio::test]
async fn a_broken_trail_is_neither_signed_nor_removed_in_a_database() {
    a_broken_trail_is_neither_signed_nor_removed(World::shared().await).await;
}

async fn whoever_writes_the_database_cannot_move_the_beginning(world: World) {
    create_many(&client(&world.server), "early", SECRETS).await;
    world.archive(&world.file("first.jsonl")).await;
    world.execute("CREATE TABLE kept AS SELECT * FROM audit_checkpoint").await;
    create_many(&client(&world.server), "late", SECRETS).await;
    let back = "DELETE FROM audit_checkpoint; INSERT INTO audit_checkpoint SELECT * FROM kept";
    for change in [
        "UPDATE audit_checkpoint SET number = number + 1",
        "UPDATE audit_checkpoint SET number = 0, document = ''",
        "UPDATE audit_checkpoint SET document = replace(document, '\"number\":', '\"number\": ')",
        "UPDATE audit_checkpoint SET signature = (SELECT link FROM audit_head)",
    ] {
        world.execute(change).await;
        world.refused(&["audit", "verify"]).await;
        world.execute(back).await;
    }
}

#[tokio::test]
async fn whoever_writes_the_file_cannot_move_the_beginning() {
    whoever_writes_the_database_cannot_move_the_beginning(World::embedded().await).await;
}

#[tokio::test]
async fn whoever_writes_the_shared_database_cannot_move_the_beginning() {
    whoever_writes_the_database_cannot_move_the_beginning(World::shared().await).await;
}

#[tokio::test]
async fn the_checkpoint_of_an_archive_that_was_not_completed_is_not_the_beginning() {
    let world = World::embedded().await;
    create_many(&client(&world.server), "kept", SECRETS).await;
    world.ok(&["audit", "public-key"]).await;
    // The archive of a copy has the same signature as one whose run was killed before the store named it.
    let copy = tempfile::tempdir().unwrap();
    let copied = copy.path().join("csms.db");
    world.execute(&format!("VACUUM INTO '{}'", copied.display())).await;
    std::fs::copy(world.data.join("root.key"), copy.path().join("root.key")).unwrap();
    let file = world.file("copy.jsonl");
    let made = command(copy.path(), &["audit", "archive", "--offline", "--until", "0d", "--out", &file]).await;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    create_many(&client(&world.server), "late", SECRETS).await;
    let forge = "DELETE FROM audit_checkpoint; INSERT INTO audit_checkpoint SELECT * FROM copy.audit_checkpoint;
         DELETE FROM audit WHERE number <= (SELECT number FROM audit_checkpoint)";
    world.execute(&format!("ATTACH '{}' AS copy; {forge}", copied.display())).await;
    let refused = world.refused(&["audit", "verify"]).await;
    assert!(refused.contains("no record names the checkpoint"), "{refused}");
}

async fn records_that_a_killed_run_left_are_not_read_and_go_with_the_next(world: World) {
    create_many(&client(&world.server), "early", SECRETS).await;
    world.execute("CREATE TABLE kept AS SELECT * FROM audit").await;
    let file = world.file("first.jsonl");
    world.archive(&file).await;
    // As if it had been killed before it removed them.
    world.execute("INSERT INTO audit SELECT * FROM kept").await;
    world.execute("UPDATE audit SET document = replace(document, 'early', 'other') WHERE number < 5").await;
    world.verify().await;
    assert_eq!(world.listed().await.into_values().collect::<Vec<_>>(), ["ArchiveTrail"]);
    world.archive(&file).await;
    assert_eq!(world.stored().await, 1);
    world.verify().await;
}

#[tokio::test]
async fn records_that_a_killed_run_left_in_a_file_go_with_the_next() {
    records_that_a_killed_run_left_are_not_read_and_go_with_the_next(World::embedded().await).await;
}

#[tokio::test]
async fn records_that_a_killed_run_left_in_a_database_go_with_the_next() {
    records_that_a_killed_run_left_are_not_read_and_go_with_the_next(World::shared().await).await;
}

async fn only_the_next_archive_of_the_trail_is_taken_for_that_of_an_interrupted_run(world: World) {
    create_many(&client(&world.server), "early", SECRETS).await;
    let older = world.file("older.jsonl");
    world.archive(&older).await;
    create_many(&client(&world.server), "middle", SECRETS).await;
    world.archive(&world.file("newer.jsonl")).await;
    create_many(&client(&world.server), "late", SECRETS).await;
    let changed = world.file("changed.jsonl");
    let content = std::fs::read_to_string(world.file("newer.jsonl")).unwrap();
    std::fs::write(&changed, content.replacen("middle-1", "middle-2", 1)).unwrap();
    let elsewhere = World::embedded().await;
    create_many(&client(&elsewhere.server), "early", SECRETS).await;
    let foreign = elsewhere.file("foreign.jsonl");
    elsewhere.archive(&foreign).await;
    let stored = world.stored().await;
    for file in [&older, &changed, &foreign] {
        let refused = world.refused(&["audit", "archive", "--until", "0d", "--out", file]).await;
        assert!(refused.contains("is not the next archive of this trail"), "{refused}");
    }
    assert_eq!(world.stored().await, stored);
    world.verify().await;
    // Nor does the key of one installation verify the archive of another.
    let key = world.file("key.pem");
    std::fs::write(&key, world.ok(&["audit", "public-key"]).await).unwrap();
    let refused = world.refused(&["audit", "verify", "--archive", &foreign, "--public-key", &key]).await;
    assert!(refused.contains("signature"), "{refused}");
    assert!(world.refused(&["audit", "verify", "--archive", &foreign]).await.contains("foreign.jsonl"));
    assert!(world.refused(&["audit", "verify", "--archive", &world.file("none.jsonl")]).await.contains("none.jsonl"));
}

#[tokio::test]
async fn only_the_next_archive_of_a_file_is_taken_for_that_of_an_interrupted_run() {
    only_the_next_archive_of_the_trail_is_taken_for_that_of_an_interrupted_run(World::embedded().await).await;
}

#[tokio::test]
async fn only_the_next_archive_of_a_database_is_taken_for_that_of_an_interrupted_run() {
    only_the_next_archive_of_the_trail_is_taken_for_that_of_an_interrupted_run(World::shared().await).await;
}

async fn of_archives_at_the_same_time_those_that_are_made_follow_each_other(world: World) {
    create_many(&client(&world.server), "kept", SECRETS).await;
    let files = ["one", "two"].map(|name| world.file(name));
    let both = files.each_ref().map(|file| ["audit", "archive", "--until", "0d", "--out", file]);
    let (one, two) = tokio::join!(world.run(&both[0]), world.run(&both[1]));
    let mut made = Vec::new();
    for (file, output) in files.iter().zip([one, two]) {
        if output.status.success() {
            // Whoever comes after the other has ended finds nothing left to archive, and writes no file.
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            if !said.contains("no records") {
                made.push((archived(file), file));
            }
        } else {
            let refused = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(refused.contains("archived meanwhile"), "{refused}");
        }
    }
    made.sort();
    let mut arguments = vec!["audit", "verify"];
    made.iter().for_each(|(_, file)| arguments.extend(["--archive", file]));
    world.ok(&arguments).await;
    let mut numbers: Vec<u64> = made.iter().flat_map(|(records, _)| records.keys().copied()).collect();
    numbers.extend(world.listed().await.into_keys());
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_archives_of_a_file_at_the_same_time_those_that_are_made_follow_each_other() {
    of_archives_at_the_same_time_those_that_are_made_follow_each_other(World::embedded().await).await;
}

#[tokio::test]
async fn of_archives_of_a_database_at_the_same_time_those_that_are_made_follow_each_other() {
    of_archives_at_the_same_time_those_that_are_made_follow_each_other(World::shared().await).await;
}

async fn archiving_may_be_killed_at_any_time(world: World) {
    let writers = Writers::begin(&client(&world.server), "written", 2);
    create_many(&client(&world.server), "kept", SECRETS).await;
    let began = Instant::now();
    let mut files = vec![world.file("0.jsonl")];
    world.archive(&files[0]).await;
    let lasts = began.elapsed();
    for kill in 1..=KILLS {
        let file = world.file(&format!("{kill}.jsonl"));
        world.kill_archiving(&file, lasts * kill / KILLS).await;
        world.verify().await;
        // Run again, it goes on or begins again with the same file.
        world.archive(&file).await;
        files.push(file);
    }
    writers.end().await;
    let mut arguments = vec!["audit", "verify"];
    files.iter().for_each(|file| arguments.extend(["--archive", file]));
    world.ok(&arguments).await;
    let mut found = world.listed().await;
    let stored = found.len();
    let mut number = stored;
    for file in &files {
        let archived = archived(file);
        number += archived.len();
        found.extend(archived);
    }
    assert_eq!(number, found.len(), "a record is in two places");
    let expected: Vec<_> = (1..=found.len() as u64).collect();
    assert_eq!(found.into_keys().collect::<Vec<_>>(), expected);
    assert_eq!(world.stored().await, i64::try_from(stored).unwrap());
}

#[tokio::test]
async fn archiving_from_a_file_may_be_killed_at_any_time() {
    archiving_may_be_killed_at_any_time(World::embedded().await).await;
}

#[tokio::test]
async fn archiving_from_a_database_may_be_killed_at_any_time() {
    archiving_may_be_killed_at_any_time(World::shared().await).await;
}
