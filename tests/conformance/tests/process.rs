//! The server as a process: its command line, its files, its ready line, its signals, its log.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Output, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use csms_client::{ClientError, CreateSecretBody, CreateVersionBody};
use csms_conformance::client;
use csms_core::{
    SecretName, UnixMillis,
    sign::{SignedRequest, authorize, format_date, payload_hash},
};
use csms_testbed::{
    Server,
    server::{Options, binary},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Command,
    time::{Instant, timeout},
};

/// Longest wait for something that takes well under a second.
const DEADLINE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

fn csms(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary().unwrap());
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs `csms` to its end.
async fn run(arguments: &[&str]) -> Output {
    timeout(DEADLINE, csms(arguments).output()).await.unwrap().unwrap()
}

/// Runs `csms serve` on `data` with a refusal as the expected end, and returns what it says.
async fn refused(data: &Path, arguments: &[&str]) -> String {
    let data = data.to_str().unwrap();
    let output = run(&[&["serve", "--listen", "127.0.0.1:0", "--data", data], arguments].concat()).await;
    assert!(!output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "it said that it was ready: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_first_line_on_stdout_says_where_a_ready_server_is() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("made/on/first/start");
    let mut server = csms(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let line = timeout(DEADLINE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();

    let build = ["version", "commit", "date", "target"];
    assert_eq!(
        keys(&ready),
        BTreeSet::from(["event", "url", "project_id", "credentials"]).union(&BTreeSet::from(build)).copied().collect()
    );
    assert_eq!(ready["event"], "ready");
    assert_eq!(Path::new(ready["credentials"].as_str().unwrap()), data.join("credentials.json"));
    let address = ready["url"].as_str().unwrap().strip_prefix("http://").unwrap();
    assert!(!address.ends_with(":0"), "port 0 means a free one: {address}");
    TcpStream::connect(address).await.unwrap();
    let credentials: Value = serde_json::from_slice(&fs::read(data.join("credentials.json")).unwrap()).unwrap();
    assert_eq!((&credentials["endpoint"], &credentials["project_id"]), (&ready["url"], &ready["project_id"]));
    server.kill().await.unwrap();
}

#[tokio::test]
async fn the_files_of_a_first_start_are_its_owners_alone() {
    let server = Server::start(Options::default()).await.unwrap();
    assert_eq!(mode(server.credentials_path()), 0o600);
    for name in ["root.key", "csms.db"] {
        assert_eq!(mode(&server.data().join(name)), 0o600, "{name}");
    }
    let credentials: Value = serde_json::from_slice(&fs::read(server.credentials_path()).unwrap()).unwrap();
    let expected = [
        "access_key",
        "domain_id",
        "domain_name",
        "endpoint",
        "password",
        "project_id",
        "region",
        "rotation_func_urn",
        "secret_key",
        "user_name",
    ];
    assert_eq!(keys(&credentials), BTreeSet::from(expected));
    let urn = credentials["rotation_func_urn"].as_str().unwrap();
    assert!(urn.contains(server.project_id()) && urn.contains("rotate-database"), "{urn}");
}

/// A signed CreateSecret without its body, which the server is asked to ask for.
fn head_of_create_secret(server: &Server, body: &[u8]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let date = format_date(UnixMillis::new(u64::try_from(now.as_millis()).unwrap()));
    let host = server.url().strip_prefix("http://").unwrap();
    let path = format!("/v1/{}/secrets", server.project_id());
    let request =
        SignedRequest { method: "POST", path: &path, query: "", date: &date, payload_hash: &payload_hash(body) };
    let headers = [("content-type", "application/json"), ("host", host), ("x-sdk-date", date.as_str())];
    let keys = server.credentials();
    let authorization = authorize(&keys.access_key, keys.secret_key.as_bytes(), &request, &headers);
    let headers = headers.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\n{headers}authorization: {authorization}\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    )
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 1024];
    while !text.contains(end) {
        let count = timeout(DEADLINE, stream.read(&mut buffer)).await.unwrap().unwrap();
        assert!(count > 0, "the connection ended after {text:?}");
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    text
}

#[tokio::test]
async fn a_request_under_way_is_finished_after_sigterm_and_then_the_server_ends_with_status_0() {
    let server = Server::start(Options::default()).await.unwrap();
    let address = server.url().strip_prefix("http://").unwrap();
    let body = json!({ "name": "late", "secret_string": "value" }).to_string();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head_of_create_secret(&server, body.as_bytes()).as_bytes()).await.unwrap();
    // The server asks for the body when the request is being answered.
    read_until(&mut stream, "100 Continue\r\n\r\n").await;

    let request = async {
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect(address).await.is_ok() {
            assert!(Instant::now() < deadline, "a draining server takes new connections");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        stream.write_all(body.as_bytes()).await.unwrap();
        read_until(&mut stream, "\"late\"").await
    };
    let (ended, answer) = tokio::join!(server.terminate(), request);
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    assert_eq!(ended.unwrap().code(), Some(0));
}

#[tokio::test]
async fn what_was_written_before_sigterm_is_there_after_a_new_start() {
    let mut server = Server::start(Options::default()).await.unwrap();
    let (name, project) = (SecretName::parse("kept").unwrap(), server.project_id().to_owned());
    let body = CreateSecretBody { name: "kept", secret_string: Some("value"), ..CreateSecretBody::default() };
    client(&server).create_secret(&body).await.unwrap();
    server.restart().await.unwrap();
    assert_eq!(server.project_id(), project);
    let found = client(&server).show_version(&name, "latest").await.unwrap();
    assert_eq!(found.version.secret_string.as_deref(), Some("value"));
}

#[tokio::test]
async fn two_servers_on_port_0_get_ports_of_their_own() {
    let (one, other) = tokio::join!(Server::start(Options::default()), Server::start(Options::default()));
    assert_ne!(one.unwrap().url(), other.unwrap().url());
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let server = Server::start(Options::default()).await.unwrap();
    let said = refused(server.data(), &[]).await;
    assert!(said.contains("csms.db is in use by another process"), "{said}");
    assert!(client(&server).list_secrets(1, None).await.is_ok(), "the first one is not disturbed");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let server = Server::start(Options::default()).await.unwrap();
    let address = server.url().strip_prefix("http://").unwrap();
    let directory = TempDir::new().unwrap();
    let output = run(&["serve", "--listen", address, "--data", directory.path().to_str().unwrap()]).await;
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot listen on") && said.contains(address), "{said}");
}

#[tokio::test]
async fn another_root_key_is_refused_and_the_right_one_still_opens_the_data() {
    let mut server = Server::start(Options::default()).await.unwrap();
    let body = CreateSecretBody { name: "kept", secret_string: Some("value"), ..CreateSecretBody::default() };
    client(&server).create_secret(&body).await.unwrap();
    server.terminate().await.unwrap();

    let other = TempDir::new().unwrap();
    let key = other.path().join("other.key");
    let said = refused(server.data(), &["--root-key-file", key.to_str().unwrap()]).await;
    assert!(said.contains("other.key") && !key.exists(), "a key that is missing is not made again: {said}");

    fs::write(&key, format!("{}\n", "0".repeat(64))).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let said = refused(server.data(), &["--root-key-file", key.to_str().unwrap()]).await;
    assert!(said.contains("the root key is not the one this data was written with"), "{said}");
    assert!(said.contains("--root-key-file"), "{said}");

    server.restart().await.unwrap();
    let found = client(&server).show_version(&SecretName::parse("kept").unwrap(), "latest").await.unwrap();
    assert_eq!(found.version.secret_string.as_deref(), Some("value"));
}

#[tokio::test]
async fn a_root_key_that_others_can_read_is_refused_with_the_way_out() {
    let server = Server::start(Options::default()).await.unwrap();
    server.terminate().await.unwrap();
    let key = server.data().join("root.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let said = refused(server.data(), &[]).await;
    assert!(said.contains("root.key") && said.contains("chmod 600"), "{said}");
}

#[tokio::test]
async fn the_help_tells_how_to_begin() {
    let output = run(&["--help"]).await;
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for text in
        ["Cloud Secret Management Service", "csms serve", "http://127.0.0.1:7070", "credentials.json", "root.key"]
    {
        assert!(help.contains(text), "{text} is not in\n{help}");
    }
}

#[tokio::test]
async fn the_help_of_serve_tells_every_flag_with_its_variable() {
    let output = run(&["serve", "--help"]).await;
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for flag in ["listen", "data", "config", "root-key-file", "function", "public-url", "region", "log-format", "log"] {
        let variable = format!("[env: CSMS_{}", flag.replace('-', "_").to_uppercase());
        assert!(help.contains(&format!("--{flag} <")) && help.contains(&variable), "{flag} is not in\n{help}");
    }
    for text in ["127.0.0.1:7070", "\"event\":\"ready\"", "SIGTERM", "stderr"] {
        assert!(help.contains(text), "{text} is not in\n{help}");
    }
}

#[tokio::test]
async fn a_bad_setting_is_named_and_ends_with_the_status_of_usage() {
    let directory = TempDir::new().unwrap();
    for (flag, value) in [
        ("--listen", "nowhere"),
        ("--function", "no-urn"),
        ("--log-format", "yaml"),
        ("--secret-quota", "many"),
        ("--region", "a b"),
        ("--min-rotation-period", "often"),
        ("--group-commit", "0"),
        ("--rotation-concurrency", "0"),
        ("--log", "csms_server=loud"),
        ("--config", "/nonexistent/csms.toml"),
        ("--unknown", "x"),
    ] {
        let output = run(&["serve", "--data", directory.path().to_str().unwrap(), flag, value]).await;
        assert_eq!(output.status.code(), Some(2), "{flag} {value}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(flag), "{flag} {value}: {said}");
    }
}

#[tokio::test]
async fn no_value_and_no_key_reaches_the_log() {
    let options = Options::default().argument("--log").argument("trace");
    let server = Server::start(options).await.unwrap();
    let client = client(&server);
    let (name, first, second) = (SecretName::parse("quiet").unwrap(), "first-value-4711", "second-value-4712");
    let body = CreateSecretBody { name: "quiet", secret_string: Some(first), ..CreateSecretBody::default() };
    client.create_secret(&body).await.unwrap();
    let taken = client.create_secret(&body).await.unwrap_err();
    assert!(!taken.to_string().contains(first), "{taken}");
    let body = CreateVersionBody { secret_string: Some(second), ..CreateVersionBody::default() };
    client.create_version(&name, &body).await.unwrap();
    client.show_version(&name, "v1").await.unwrap();
    let both = CreateVersionBody { secret_binary: Some("Zmlyc3Q="), ..body };
    let refusal = client.create_version(&name, &both).await.unwrap_err();
    assert!(matches!(&refusal, ClientError::Refused { .. }) && !refusal.to_string().contains(second), "{refusal}");
    server.terminate().await.unwrap();

    let log = server.log();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log tells much: {log}");
    let keys = server.credentials();
    for hidden in [first, second, "Zmlyc3Q=", &keys.secret_key, keys.password.as_deref().unwrap()] {
        assert!(!log.contains(hidden), "{hidden} is in the log");
    }
}
