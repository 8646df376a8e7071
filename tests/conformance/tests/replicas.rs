//! Primary and replica are the same whenever the server is killed: while versions are added, stages move, metadata changes,
//! and replicas are made and deleted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::{collections::BTreeMap, fs};

use csms_client::{Client, ClientError, CreateSecretBody, CreateVersionBody, Credentials, UpdateSecretBody};
use csms_conformance::client;
use csms_core::{ProjectId, RegionName, SecretName, StageName, VersionId};
use csms_testbed::{Server, server::Options};
use serde_json::Value;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

const ROUNDS: u32 = 4;
const SECRETS: u32 = 8;
const WITHIN: Duration = Duration::from_secs(120);

/// A client of the project of the region `away`.
fn client_away(server: &Server) -> Client {
    let credentials: Value = serde_json::from_slice(&fs::read(server.credentials_path()).unwrap()).unwrap();
    let project = ProjectId::parse(credentials["projects"]["away"].as_str().unwrap()).unwrap();
    let keys = Credentials::key_pair(&server.credentials().access_key, &server.credentials().secret_key);
    Client::new(server.url(), project, keys).unwrap()
}

fn name(number: u32) -> SecretName {
    SecretName::parse(format!("secret-{number}")).unwrap()
}

fn away() -> RegionName {
    RegionName::parse("away").unwrap()
}

/// Changes one secret in every way until the server is gone.
async fn change(client: Client, number: u32, progress: watch::Sender<u32>) -> Result<(), ClientError> {
    let (name, blue) = (name(number), StageName::parse("blue").unwrap());
    for turn in 0.. {
        let value = format!("value {turn} of {name}");
        let version = CreateVersionBody { secret_string: Some(&value), ..CreateVersionBody::default() };
        let made = client.create_version(&name, &version).await?.version_metadata;
        client.update_stage(&name, &blue, VersionId::parse(&made.id).unwrap()).await?;
        let update = UpdateSecretBody { description: Some(&value), ..UpdateSecretBody::default() };
        client.update_secret(&name, &update).await?;
        // Some secrets lose their replica and get it back.
        if number.is_multiple_of(2) && turn % 3 == 2 {
            client.delete_replica(&name, &away()).await?;
            client.create_replica(&name, &away(), None).await?;
        }
        progress.send_modify(|count| *count += 1);
    }
    Ok(())
}

/// All that the two must have in common: metadata, versions with their stages, and values.
async fn content(client: &Client, name: &SecretName) -> BTreeMap<String, String> {
    let secret = client.show_secret(name).await.unwrap().secret;
    let mut content = BTreeMap::from([
        ("description".to_owned(), secret.description),
        ("updated".to_owned(), secret.update_time.to_string()),
    ]);
    for version in client.list_versions(name, 100, None).await.unwrap().version_metadatas {
        let shown = client.show_version(name, &version.id).await.unwrap().version;
        let told = format!("{:?} {:?} {}", version.version_stages, shown.secret_string, version.create_time);
        content.insert(version.id, told);
    }
    content
}

/// Compares each secret with its replica, and counts the replicas.
async fn assert_in_step(server: &Server) -> usize {
    let (home, there) = (client(server), client_away(server));
    let mut replicas = 0;
    let there_are = there.list_secrets(100, None).await.unwrap().secrets;
    for number in 0..SECRETS {
        let name = name(number);
        let primary = home.show_secret(&name).await.unwrap().secret;
        let found = there_are.iter().find(|secret| secret.name == primary.name);
        assert_eq!(primary.replica_type == "PRIMARY", found.is_some(), "{primary:?}");
        let Some(replica) = found else { continue };
        assert_eq!(primary.replicas.first().map(|told| told.id.as_str()), Some(replica.id.as_str()));
        assert_eq!(content(&there, &name).await, content(&home, &name).await, "{name}");
        replicas += 1;
    }
    assert_eq!(there_are.len(), replicas, "a replica without a primary");
    replicas
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_any_moment_leaves_primary_and_replica_in_step() {
    let options = ["local-1", "away"]
        .iter()
        .fold(Options::default(), |options, region| options.argument("--region").argument(*region));
    let mut server = Server::start(options).await.unwrap();
    let home = client(&server);
    for number in 0..SECRETS {
        let name = name(number);
        let body = CreateSecretBody { name: name.as_str(), secret_string: Some("first"), ..Default::default() };
        home.create_secret(&body).await.unwrap();
        home.create_replica(&name, &away(), None).await.unwrap();
    }
    assert_eq!(assert_in_step(&server).await, SECRETS as usize);
    for round in 1..=ROUNDS {
        let home = client(&server);
        // Who lost its replica in the last round gets a new one.
        for number in 0..SECRETS {
            if home.show_secret(&name(number)).await.unwrap().secret.replica_type == "STANDALONE" {
                home.create_replica(&name(number), &away(), None).await.unwrap();
            }
        }
        let (progress, mut seen) = watch::channel(0);
        let mut writers = JoinSet::new();
        for number in 0..SECRETS {
            writers.spawn(change(home.clone(), number, progress.clone()));
        }
        let [turns, delay, ..] = getrandom::u32().unwrap().to_le_bytes();
        let until = 10 + u32::from(turns) / 4;
        timeout(WITHIN, seen.wait_for(|count| *count >= until)).await.unwrap().unwrap();
        sleep(Duration::from_micros(u64::from(delay) * 20)).await;
        server.kill().await.unwrap();
        writers.shutdown().await;
        server.restart().await.unwrap();
        let replicas = assert_in_step(&server).await;
        assert!(replicas >= SECRETS as usize / 2, "round {round}: those that never lost theirs have one: {replicas}");
    }
}
