//! The server is killed while users are made: whoever was acknowledged is there afterwards, with the record of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::collections::BTreeSet;

use csms_conformance::world::World;
use csms_testbed::{Server, server::Options};
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

const ROUNDS: usize = 3;

/// Users that are acknowledged before the server is killed, in each round.
const USERS: usize = 7;

const WITHIN: Duration = Duration::from_secs(120);

/// Makes users until the server is gone, and returns those that were acknowledged.
fn make_users(world: &World, round: usize, progress: &watch::Sender<usize>) -> Vec<String> {
    let mut made = Vec::new();
    for number in 0.. {
        let name = format!("user-{round}-{number}");
        let body = json!({ "name": name, "enabled": true });
        let Some(answer) = world.attempt("POST", "/v5/users", &body) else { break };
        assert_eq!(answer.status, 201, "{}", answer.body);
        made.push(name);
        progress.send_replace(made.len());
    }
    made
}

fn all_users(world: &World) -> BTreeSet<String> {
    let (mut users, mut marker) = (BTreeSet::new(), String::new());
    loop {
        let page = world.call("GET", &format!("/v5/users?limit=200{marker}"), &Value::Null).body;
        let names = page["users"].as_array().unwrap().iter().map(|user| user["user_name"].as_str().unwrap().to_owned());
        users.extend(names);
        let Some(next) = page["page_info"]["next_marker"].as_str() else { return users };
        marker = format!("&marker={next}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_while_users_are_made_keeps_every_acknowledged_one_and_its_record() {
    let mut server = Server::start(Options::default()).await.unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let world = World::of(&server);
        let (progress, mut seen) = watch::channel(0);
        let writer = tokio::task::spawn_blocking(move || make_users(&world, round, &progress));
        timeout(WITHIN, seen.wait_for(|count| *count >= USERS)).await.unwrap().unwrap();
        server.kill().await.unwrap();
        acknowledged.extend(timeout(WITHIN, writer).await.unwrap().unwrap());
        server.restart().await.unwrap();
        let (world, expected) = (World::of(&server), acknowledged.clone());
        let checked = tokio::task::spawn_blocking(move || {
            let users = all_users(&world);
            for name in &expected {
                assert!(users.contains(name), "round {round}: {name} is lost");
                let target = world.project_path("/v3", &format!("traces?trace_type=system&resource_name={name}"));
                let traces = world.call("GET", &target, &Value::Null).body;
                assert_eq!(traces["traces"][0]["trace_name"], "CreateUserV5", "round {round}: {name}");
            }
        });
        checked.await.unwrap();
    }
}
