//! Data that belongs to another release or has gone elsewhere: a program that is not its own leaves it alone and says why.

use csms_faults::{Database, client, command, create_many, require_many};
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
