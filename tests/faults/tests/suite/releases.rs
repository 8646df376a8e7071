//! Data that belongs to another release or has gone elsewhere: a program that is not its own leaves it alone and says why.

use std::path::PathBuf;

use csms_faults::{Database, Writers, client, command, create_many, require_all, require_many};
use csms_testbed::{Server, server::Options};
use rusqlite::Connection;
use tempfile::TempDir;

const SECRETS: usize = 3;

fn on(data: &TempDir) -> Options {
    Options { data: Some(data.path().to_owned()), ..Options::default() }
}

async fn used() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(on(&directory)).await.unwrap();
    create_many(&client(&server), "kept", SECRETS).await;
    server.terminate().await.unwrap();
    directory
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Commands that open the data, of every kind.
const COMMANDS: [&[&str]; 4] = [
    &["audit", "verify", "--offline"],
    &["user", "list", "--offline"],
    &["policy", "list", "--offline"],
    &["user", "create", "bob", "--offline"],
];

fn schema(database: &Connection) -> i64 {
    database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_command_beside_an_older_server_leaves_the_file_as_it_is() {
    let directory = used().await;
    let database = Connection::open(directory.path().join("csms.db")).unwrap();
    let known = schema(&database);
    database.pragma_update(None, "user_version", known - 1).unwrap();
    for arguments in COMMANDS {
        let refused = command(directory.path(), arguments).await;
        assert!(!refused.status.success(), "{arguments:?}");
        assert!(said(&refused).contains("an older release"), "{arguments:?}: {}", said(&refused));
        assert_eq!(schema(&database), known - 1, "{arguments:?}");
    }
}

#[tokio::test]
async fn an_older_program_leaves_the_file_of_a_newer_server_as_it_is() {
    let directory = used().await;
    let database = Connection::open(directory.path().join("csms.db")).unwrap();
    let known = schema(&database);
    database.pragma_update(None, "user_version", known + 1).unwrap();
    for arguments in COMMANDS {
        let refused = command(directory.path(), arguments).await;
        assert!(said(&refused).contains("a newer release"), "{arguments:?}: {}", said(&refused));
    }
    let refused = Server::start(on(&directory)).await.unwrap_err().to_string();
    assert!(refused.contains("a newer release"), "{refused}");
    assert_eq!(schema(&database), known + 1);
}

#[tokio::test]
async fn programs_of_another_release_leave_the_shared_store_as_it_is() {
    let database = Database::start().await;
    let server = Server::start(database.options()).await.unwrap();
    let known = database.number("SELECT version FROM csms_schema").await;
    for (version, words) in [(known - 1, "an older release"), (known + 1, "a newer release")] {
        database.postgres.execute(&format!("UPDATE csms_schema SET version = {version}")).await.unwrap();
        for arguments in COMMANDS {
            let refused = database.command(server.data(), arguments).await;
            assert!(!refused.status.success() && said(&refused).contains(words), "{arguments:?}: {}", said(&refused));
        }
        assert_eq!(database.number("SELECT version FROM csms_schema").await, version);
    }
    let refused = Server::start(database.options()).await.unwrap_err().to_string();
    assert!(refused.contains("a newer release"), "{refused}");
}

/// Names the server of an older release, from which servers are brought to this one. Without it they are of this one, too, which
/// shows only that none of them is missed.
const OLDER: &str = "CSMS_OLDER_BIN";

fn older() -> Option<PathBuf> {
    std::env::var_os(OLDER).map(PathBuf::from)
}

/// Runs a command of each kind of this release, and returns whether all were refused because the data is of an older one. Either all
/// are, or none.
async fn are_refused(run: impl AsyncFn(&[&str]) -> std::process::Output) -> bool {
    let mut refused = Vec::new();
    for arguments in COMMANDS {
        let ended = run(arguments).await;
        assert!(ended.status.success() || said(&ended).contains("an older release"), "{arguments:?}: {}", said(&ended));
        refused.push(!ended.status.success());
    }
    assert!(refused.iter().all(|one| *one == refused[0]), "{refused:?}");
    refused[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_of_an_older_release_are_replaced_one_after_the_other_and_lose_nothing() {
    let (database, older) = (Database::start().await, older());
    let data = tempfile::tempdir().unwrap();
    let options = |binary| Options { binary, data: Some(data.path().to_owned()), ..database.options() };
    let first = Server::start(options(older.clone())).await.unwrap();
    let (second, data_of_second) = database.beside(&first, older.clone()).await;
    let of_older = database.number("SELECT version FROM csms_schema").await;
    let is_refused = are_refused(async |arguments| database.command(first.data(), arguments).await).await;
    assert_eq!(database.number("SELECT version FROM csms_schema").await, of_older, "a command changes no schema");
    let mut acknowledged = Vec::new();
    let by_first = Writers::begin(&client(&first), "first", 2);
    let by_second = Writers::begin(&client(&second), "second", 2);
    by_first.go_on().await;

    first.terminate().await.unwrap();
    acknowledged.extend(by_first.end().await);
    let first = Server::start(options(None)).await.unwrap();
    // The newer server has changed the schema, and the older one goes on beside it.
    let by_first = Writers::begin(&client(&first), "newer", 2);
    by_first.go_on().await;
    by_second.go_on().await;
    require_all(&client(&second), &acknowledged).await;

    second.terminate().await.unwrap();
    acknowledged.extend(by_second.end().await);
    // It does not start again.
    let is_newer = database.number("SELECT version FROM csms_schema").await > of_older;
    assert_eq!(is_newer, is_refused);
    if is_newer {
        let again = Options { binary: older, data: Some(data_of_second.path().to_owned()), ..database.options() };
        let refused = Server::start(again).await.unwrap_err().to_string();
        assert!(refused.contains("a newer release"), "{refused}");
    }
    let second = Options { data: Some(data_of_second.path().to_owned()), ..database.options() };
    let second = Server::start(second).await.unwrap();
    by_first.go_on().await;
    acknowledged.extend(by_first.end().await);
    for server in [&first, &second] {
        require_all(&client(server), &acknowledged).await;
        server.terminate().await.unwrap();
    }
    let verified = database.command(first.data(), &["audit", "verify", "--offline"]).await;
    assert!(verified.status.success(), "{}", said(&verified));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_an_older_release_is_brought_to_this_one_moved_to_a_database_and_back() {
    let (database, directory, older) = (Database::start().await, tempfile::tempdir().unwrap(), older());
    let by_older = || Options { binary: older.clone(), ..on(&directory) };
    let server = Server::start(by_older()).await.unwrap();
    create_many(&client(&server), "kept", SECRETS).await;
    are_refused(async |arguments| command(directory.path(), arguments).await).await;
    create_many(&client(&server), "beside-commands", SECRETS).await;
    server.terminate().await.unwrap();

    // The file, which the command brings to this release.
    let from = format!("sqlite:{}", directory.path().display());
    let moved = csms_faults::run(&["migrate", "--from", &from, "--to", &database.address()]).await;
    assert!(moved.status.success(), "{}", said(&moved));
    for options in [by_older(), on(&directory)] {
        let refused = Server::start(options).await.unwrap_err().to_string();
        assert!(refused.contains("was moved to") || refused.contains("a newer release"), "{refused}");
    }
    let options = Options { data: Some(directory.path().to_owned()), ..database.options() };
    let server = Server::start(options).await.unwrap();
    create_many(&client(&server), "in-the-database", SECRETS).await;

    // Back, by a snapshot.
    let back = tempfile::tempdir().unwrap();
    let snapshot = back.path().join("moved.snapshot");
    let made = database.command(directory.path(), &["snapshot", "create", snapshot.to_str().unwrap()]).await;
    assert!(made.status.success(), "{}", said(&made));
    server.terminate().await.unwrap();
    let (file, root_key) = (back.path().join("data"), directory.path().join("root.key"));
    let restore = ["snapshot", "restore", snapshot.to_str().unwrap(), "--root-key-file", root_key.to_str().unwrap()];
    let restored = command(&file, &restore).await;
    assert!(restored.status.success(), "{}", said(&restored));
    for name in ["root.key", "credentials.json"] {
        std::fs::copy(directory.path().join(name), file.join(name)).unwrap();
    }
    let server = Server::start(Options { data: Some(file), ..Options::default() }).await.unwrap();
    for prefix in ["kept", "beside-commands", "in-the-database"] {
        require_many(&client(&server), prefix, SECRETS).await;
    }
}

#[tokio::test]
async fn a_command_on_an_empty_database_makes_no_schema() {
    let (database, directory) = (Database::start().await, tempfile::tempdir().unwrap());
    let refused = database.command(directory.path(), &["user", "list", "--offline"]).await;
    assert!(!refused.status.success() && said(&refused).contains("there is no data"), "{}", said(&refused));
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    assert_eq!(database.number(tables).await, 0);
}

#[tokio::test]
async fn a_file_whose_data_was_moved_is_not_gone_on_with() {
    let (database, directory) = (Database::start().await, used().await);
    let from = format!("sqlite:{}", directory.path().display());
    let moved = csms_faults::run(&["migrate", "--from", &from, "--to", &database.address()]).await;
    assert!(moved.status.success(), "{}", said(&moved));
    let refused = Server::start(on(&directory)).await.unwrap_err().to_string();
    assert!(refused.contains("was moved to") && refused.contains(&database.address()), "{refused}");
    for arguments in COMMANDS {
        let refused = command(directory.path(), arguments).await;
        assert!(!refused.status.success() && said(&refused).contains("was moved to"), "{}", said(&refused));
    }
    database.create("other").await;
    let again = csms_faults::run(&["migrate", "--from", &from, "--to", &database.address_of("other")]).await;
    assert!(!again.status.success() && said(&again).contains("was moved to"), "{}", said(&again));
    // The database has everything.
    let options = Options { data: Some(directory.path().to_owned()), ..database.options() };
    let server = Server::start(options).await.unwrap();
    require_many(&client(&server), "kept", SECRETS).await;
    server.terminate().await.unwrap();
    // Who insists has the file back, and need not insist again.
    let server = Server::start(on(&directory).argument("--new")).await.unwrap();
    require_many(&client(&server), "kept", SECRETS).await;
    server.terminate().await.unwrap();
    Server::start(on(&directory)).await.unwrap();
}
