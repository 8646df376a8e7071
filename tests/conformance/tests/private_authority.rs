//! A company with a certificate authority of its own: server, command line and rotation function trust it because they are told
//! to, and only then.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::{
    path::Path,
    process::{Output, Stdio},
};

use csms_conformance::authority::Authority;
use csms_testbed::{
    Postgres, Server,
    server::{Options, binary},
};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

/// Longest wait for a command; a rotation takes a few seconds.
const SOON: Duration = Duration::from_secs(120);

async fn csms(server: &Server, ca: Option<&Path>, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(binary().unwrap());
    command.args(arguments).env("CSMS_CREDENTIALS", server.credentials_path()).env_remove("CSMS_CA").kill_on_drop(true);
    if let Some(ca) = ca {
        command.env("CSMS_CA", ca);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.args(["--endpoint", server.url()]).spawn().unwrap();
    // A command that ends before it reads has no need of its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    timeout(SOON, child.wait_with_output()).await.unwrap().unwrap()
}

/// The arguments that make a secret for the bundled function, and its value.
async fn account(server: &Server, database: &Postgres) -> (Vec<String>, String) {
    database.create_login("app", "First-password-1").await.unwrap();
    let urn = server.credentials().rotation_func_urn.clone().unwrap();
    let config = json!({ "InstanceId": "local", "SecretSubType": "SingleUser" }).to_string();
    let value = json!({
        "engine": "postgresql", "host": "127.0.0.1", "port": database.port(), "dbname": "postgres",
        "username": "app", "password": "First-password-1", "tls": "disable",
    });
    let arguments =
        ["secret", "create", "db", "--type", "RDS-FG", "--rotation-func-urn", &urn, "--rotation-config", &config];
    (arguments.map(str::to_owned).to_vec(), value.to_string())
}

#[tokio::test]
async fn a_rotation_and_its_dry_run_pass_over_tls_with_a_private_authority() {
    let authority = Authority::generate();
    let server = authority.serve(Options::default().argument("--ca").argument(authority.certificate())).await;
    assert!(server.url().starts_with("https://"));
    let database = Postgres::start().await.unwrap();
    let (create, value) = account(&server, &database).await;
    let ca = authority.certificate();
    let create: Vec<_> = create.iter().map(String::as_str).collect();
    for (arguments, input) in [
        (create.as_slice(), value.as_str()),
        (&["secret", "rotate", "db", "--dry-run"], ""),
        (&["secret", "rotate", "db", "--wait"], ""),
    ] {
        let output = csms(&server, Some(&ca), arguments, input).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}\n{}", server.log_tail());
    }
    assert!(!database.can_log_in("app", "First-password-1", "postgres").await.unwrap(), "the password is a new one");
}

#[tokio::test]
async fn nobody_trusts_a_private_authority_unasked() {
    let (authority, other) = (Authority::generate(), Authority::generate());
    let server = authority.serve(Options::default()).await;
    for ca in [None, Some(other.certificate())] {
        let output = csms(&server, ca.as_deref(), &["secret", "list"], "").await;
        assert_eq!(output.status.code(), Some(5), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("UnknownIssuer"), "{output:?}");
    }
    // The function is told the server's address, and has nobody to trust.
    let database = Postgres::start().await.unwrap();
    let (create, value) = account(&server, &database).await;
    let create: Vec<_> = create.iter().map(String::as_str).collect();
    let ca = authority.certificate();
    assert!(csms(&server, Some(&ca), &create, &value).await.status.success());
    let output = csms(&server, Some(&ca), &["secret", "rotate", "db", "--dry-run"], "").await;
    assert!(!output.status.success(), "{output:?}");
    assert!(database.can_log_in("app", "First-password-1", "postgres").await.unwrap(), "nothing was changed");
}
