//! The commands of `how-to/operate.md` for the shared store: a dump by `pg_dump` while the server runs, restored by `pg_restore` into
//! an empty database, serves the same values with the same root key, and none with another.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{fs, path::Path};

use csms_client::CreateSecretBody;
use csms_core::{SecretName, stage};
use csms_rotation_tests::{Cluster, Service};
use csms_testbed::{Postgres, Server, postgres::ADMIN, server::Options};
use tempfile::TempDir;

fn url(postgres: &Postgres, database: &str) -> String {
    format!("postgres://{ADMIN}@127.0.0.1:{}/{database}", postgres.port())
}

/// The options of a server on another database, with the keys of the first.
fn on(postgres: &Postgres, database: &str, first: &Path, own: &TempDir) -> Options {
    for file in ["root.key", "credentials.json"] {
        // Copying keeps the mode.
        fs::copy(first.join(file), own.path().join(file)).unwrap();
    }
    let options = Options { data: Some(own.path().to_owned()), ..Options::default() };
    let options = options.argument("--store").argument(url(postgres, database));
    options.variable("PGPASSWORD", postgres.admin_password())
}

#[tokio::test]
async fn a_dump_restored_with_the_same_root_key_serves_the_same_values() {
    let postgres = Postgres::start().await.unwrap();
    let cluster = Cluster::start(&postgres, 1, |options| options).await;
    let service = &cluster.servers[0];
    let name = SecretName::parse("kept").unwrap();
    let body =
        CreateSecretBody { name: name.as_str(), secret_string: Some(r#"{"v":1}"#), ..CreateSecretBody::default() };
    service.client.create_secret(&body).await.unwrap();
    service.add_text(&name, stage::CURRENT, r#"{"v":2}"#).await;

    let directory = tempfile::tempdir().unwrap();
    let dump = format!("--file={}", directory.path().join("csms.dump").display());
    let source = url(&postgres, csms_testbed::postgres::DATABASE);
    postgres.run("pg_dump", &["--format=custom", &dump, &source]).await.unwrap();
    // What comes later is not in it.
    service.add_text(&name, stage::CURRENT, r#"{"v":3}"#).await;
    postgres.execute("CREATE DATABASE restored").await.unwrap();
    let target = format!("--dbname={}", url(&postgres, "restored"));
    let dump = directory.path().join("csms.dump").display().to_string();
    postgres.run("pg_restore", &[&target, &dump]).await.unwrap();

    let own = tempfile::tempdir().unwrap();
    let restored = Service::start_with(on(&postgres, "restored", service.server.data(), &own)).await;
    assert_eq!(restored.value(&name, "v1").await["v"], 1);
    assert_eq!(restored.value(&name, "latest").await["v"], 2);
    assert_eq!(service.value(&name, "latest").await["v"], 3);
    drop(restored);

    let other = tempfile::tempdir().unwrap();
    let options = on(&postgres, "restored", service.server.data(), &other);
    fs::write(other.path().join("root.key"), "00".repeat(32)).unwrap();
    let refused = Server::start(options).await.unwrap_err().to_string();
    assert!(refused.contains("the root key is not the one this data was written with"), "{refused}");
}
