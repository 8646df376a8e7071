//! The official SDKs of other languages against a running server: every operation that they have, both shapes of errors, both ways
//! to sign in, and the look-up of a project. And clients
//! that use one: the KMS keys of sops, the seal of Vault, and Dapr's secret store.
//!
//! The programs are in `clients/`, the steps in `clients/scenario.json`. A client whose tool is not on this machine is left out
//! with a line that says so. `CSMS_WRITE_GENERATED=1` before the command writes `CLIENTS.md`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use csms_conformance::{
    authority::Authority,
    clients::{Report, listed, write},
};
use csms_testbed::{
    Server,
    server::{Options, binary},
};
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

/// The first run fetches and compiles the SDK.
const WITHIN: Duration = Duration::from_secs(1200);

const AGAIN: &str = "CSMS_WRITE_GENERATED=1 cargo test --workspace --test official_clients";

/// A client: its name in the table, the tool that runs it, and its arguments.
struct Client {
    name: &'static str,
    tool: &'static str,
    arguments: &'static [&'static str],
    directory: &'static str,
}

const GO: Client = Client { name: "Go SDK", tool: "go", arguments: &["run", "."], directory: "go" };

const JAVA: Client = Client {
    name: "Java SDK",
    tool: "mvn",
    arguments: &["-q", "-B", "-Dstyle.color=never", "compile", "exec:java"],
    directory: "java",
};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// Whether a tool is on this machine. A line on the terminal says when it is not, whatever the tests print.
fn is_there(client: &Client) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(client.tool).is_file()));
    if !found {
        let line = format!("{} is left out: there is no {} on this machine\n", client.name, client.tool);
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    found
}

/// What a client prints, which has to end well.
async fn output_of(mut command: Command, server: &Server) -> Vec<u8> {
    let output = timeout(WITHIN, command.output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\nthe server's log:\n{}", server.log_tail());
    output.stdout
}

async fn run(client: &Client, server: &Server, authentication: &str) -> Report {
    let sources = directory();
    let mut command = Command::new(client.tool);
    command.args(client.arguments).current_dir(sources.join(client.directory)).kill_on_drop(true);
    command.env("CSMS_CREDENTIALS", server.credentials_path()).env("CSMS_AUTHENTICATION", authentication);
    command.env("CSMS_SCENARIO", sources.join("scenario.json"));
    let output = timeout(WITHIN, command.output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\nthe server's log:\n{}", server.log_tail());
    // Maven writes colours around what the program prints.
    let printed = String::from_utf8_lossy(&output.stdout);
    let report = printed.find('{').zip(printed.rfind('}')).and_then(|(begin, end)| printed.get(begin..=end));
    serde_json::from_str(report.unwrap_or_default()).unwrap_or_else(|error| panic!("{error}: {told}"))
}

async fn is_served(client: &Client) {
    if !is_there(client) {
        return;
    }
    let server = Server::start(Options::default()).await.unwrap();
    let mut last = None;
    for authentication in ["signature", "token"] {
        let report = run(client, &server, authentication).await;
        assert_eq!(report.failures(), Vec::<String>::new(), "by {authentication}");
        assert_eq!(report.untried(), Vec::<&str>::new(), "add steps to clients/scenario.json");
        last = Some(report);
    }
    let report = last.unwrap();
    if std::env::var_os("CSMS_WRITE_GENERATED").is_some() {
        write(&report);
    }
    let operations = report
        .operations
        .iter()
        .flat_map(|(service, operations)| operations.keys().map(move |name| (service.clone(), name.clone())));
    assert_eq!(operations.collect::<Vec<_>>(), listed(client.name), "CLIENTS.md is out of date: {AGAIN}");
}

#[tokio::test]
async fn the_go_sdk_is_served() {
    is_served(&GO).await;
}

#[tokio::test]
async fn the_java_sdk_is_served() {
    is_served(&JAVA).await;
}

#[tokio::test]
async fn sops_opens_the_data_key_that_it_sealed() {
    let sops = Client { name: "sops", directory: "sops", ..GO };
    if !is_there(&sops) {
        return;
    }
    let server = Server::start(Options::default()).await.unwrap();
    let credentials = server.credentials();
    let mut command = Command::new(sops.tool);
    command.args(sops.arguments).current_dir(directory().join(sops.directory)).kill_on_drop(true);
    command.env("CSMS_REGION", "local-1").env("HUAWEICLOUD_SDK_REGION_KMS_LOCAL_1", server.url());
    command.env("HUAWEICLOUD_SDK_AK", &credentials.access_key).env("HUAWEICLOUD_SDK_SK", &credentials.secret_key);
    command.env("HUAWEICLOUD_SDK_PROJECT_ID", server.project_id());
    output_of(command, &server).await;
}

/// The component has no setting for the project, so that the SDK looks it up; of an address it takes `https` alone.
#[tokio::test]
async fn dapr_reads_a_secret_and_all_secrets() {
    let dapr = Client { name: "Dapr", directory: "dapr", ..GO };
    if !is_there(&dapr) {
        return;
    }
    let authority = Authority::generate();
    let server = authority.serve(Options::default()).await;
    let credentials = server.credentials();
    for (operation, member, secret, value) in [
        ("CreateSecret", "--name", "one", "first"),
        ("CreateSecretVersion", "--secret-name", "one", "second"),
        ("CreateSecret", "--name", "other", "\u{5bc6} b"),
    ] {
        let mut command = Command::new(binary().unwrap());
        command.args(["api", operation, member, secret, "--secret-string", "@-", "--endpoint", server.url()]);
        command.env("CSMS_CREDENTIALS", server.credentials_path()).env("CSMS_CA", authority.certificate());
        let mut command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        command.stdin.take().unwrap().write_all(value.as_bytes()).await.unwrap();
        assert!(timeout(WITHIN, command.wait()).await.unwrap().unwrap().success());
    }
    let mut command = Command::new(dapr.tool);
    let trusting = format!("env SSL_CERT_FILE={}", authority.certificate().display());
    command.args(["run", "-exec", &trusting, "."]).current_dir(directory().join(dapr.directory)).kill_on_drop(true);
    command.env("CSMS_REGION", "local-1").env("CSMS_SECRET", "one");
    command.env("CSMS_ACCESS_KEY", &credentials.access_key).env("CSMS_SECRET_KEY", &credentials.secret_key);
    for variable in ["HUAWEICLOUD_SDK_REGION_CSMS_LOCAL_1", "HUAWEICLOUD_SDK_IAM_ENDPOINT"] {
        command.env(variable, server.url());
    }
    let read: serde_json::Value = serde_json::from_slice(&output_of(command, &server).await).unwrap();
    let all = serde_json::json!({ "one": { "one": "second" }, "other": { "other": "\u{5bc6} b" } });
    assert_eq!(read, serde_json::json!({ "newest": "second", "first": "first", "all": all }));
}

/// The seal itself cannot be had as a module; its library, in the version that it names, signs in a way of its own.
#[tokio::test]
async fn the_library_of_the_seal_of_vault_logs_in_and_seals() {
    let seal = Client { name: "the library of the seal of Vault", directory: "seal", ..GO };
    if !is_there(&seal) {
        return;
    }
    let server = Server::start(Options::default()).await.unwrap();
    let credentials = server.credentials();
    let mut command = Command::new(binary().unwrap());
    command.args(["key", "create", "alias/vault", "--output", "json", "--endpoint", server.url()]);
    command.env("CSMS_CREDENTIALS", server.credentials_path()).kill_on_drop(true);
    let made = timeout(WITHIN, command.output()).await.unwrap().unwrap();
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let key = made["key_info"]["key_id"].as_str().unwrap();
    let mut command = Command::new(seal.tool);
    command.args(seal.arguments).current_dir(directory().join(seal.directory)).kill_on_drop(true);
    command.env("CSMS_URL", server.url()).env("CSMS_REGION", "local-1").env("CSMS_KEYS", format!("{key},alias/vault"));
    command.env("CSMS_ACCESS_KEY", &credentials.access_key).env("CSMS_SECRET_KEY", &credentials.secret_key);
    output_of(command, &server).await;
}
