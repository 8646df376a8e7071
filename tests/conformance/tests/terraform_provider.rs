//! The resources and data sources of the Terraform provider for secrets and keys against a running server: apply, change each
//! member, read again with an empty plan, import, destroy.
//!
//! `CSMS_TERRAFORM_PROVIDER` names a checkout of github.com/huaweicloud/terraform-provider-huaweicloud with its `vendor` directory;
//! without it a line says that the provider is left out. The provider's module is too large for the module proxy, so that the driver
//! (`clients/terraform`) is compiled inside the checkout, which `go build -overlay` leaves as it is.
//! `CSMS_WRITE_GENERATED=1` writes `CLIENTS.md` and `clients/terraform.json`, the recorded requests, which the tests of the server
//! send in every run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use csms_conformance::{
    clients::{Report, listed, write},
    recorded::{Exchange, Names, steps},
};
use csms_testbed::{
    Server,
    postgres::{DATABASE, Postgres},
    server::Options,
};
use serde_json::{Map, Value, json};
use tokio::{process::Command, time::timeout};

const CHECKOUT: &str = "CSMS_TERRAFORM_PROVIDER";

/// The provider waits ten seconds after each key and each move, and the first run compiles it.
const WITHIN: Duration = Duration::from_secs(1800);

const AGAIN: &str = "CSMS_WRITE_GENERATED=1 cargo test --workspace --test terraform_provider";

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/terraform")
}

/// The checkout of the provider. A line on the terminal says when there is none, whatever the tests print.
fn checkout() -> Option<PathBuf> {
    let found = std::env::var_os(CHECKOUT).map(PathBuf::from);
    if found.is_none() {
        let line = format!("Terraform provider is left out: {CHECKOUT} names no checkout of it\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    found
}

/// What the checkout is called, for people.
async fn version(checkout: &Path) -> String {
    let described = Command::new("git").args(["describe", "--tags", "--always"]).current_dir(checkout).output().await;
    let text = described.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    text.map_or_else(|| "unknown".to_owned(), |text| String::from_utf8_lossy(&text).trim().to_owned())
}

/// Compiles the driver as if it were a package of the provider.
async fn compile(checkout: &Path, into: &Path) -> PathBuf {
    let package = checkout.join("huaweicloud/csmsconformance");
    let mut replaced = Map::new();
    for file in fs::read_dir(sources()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "go") {
            let inside = package.join(path.file_name().unwrap());
            replaced.insert(inside.to_str().unwrap().to_owned(), json!(path.to_str().unwrap()));
        }
    }
    let (overlay, driver) = (into.join("overlay.json"), into.join("driver"));
    fs::write(&overlay, json!({ "Replace": replaced }).to_string()).unwrap();
    let mut go = Command::new("go");
    go.args(["build", "-mod=vendor", "-overlay"])
        .arg(&overlay)
        .arg("-o")
        .arg(&driver)
        .arg("./huaweicloud/csmsconformance");
    go.current_dir(checkout).kill_on_drop(true);
    let output = timeout(WITHIN, go.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    driver
}

/// A run against a server of its own: the report, and the requests with what their server is called.
async fn run(driver: &Path, version: &str, authentication: &str, record: PathBuf) -> (Report, Vec<Exchange>, Names) {
    let server = Server::start(Options::default()).await.unwrap();
    let database = Postgres::start().await.unwrap();
    database.create_login("app", "before").await.unwrap();
    let account = json!({
        "engine": "postgresql", "host": "127.0.0.1", "port": database.port(), "dbname": DATABASE, "username": "app",
        "password": "before", "tls": "disable",
    });
    let mut command = Command::new(driver);
    command.env("CSMS_CREDENTIALS", server.credentials_path()).env("CSMS_AUTHENTICATION", authentication);
    command.env("CSMS_ROTATED", account.to_string()).env("CSMS_VERSION", version).env("CSMS_RECORD", &record);
    let output = timeout(WITHIN, command.kill_on_drop(true).output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\nthe server's log:\n{}", server.log_tail());
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    let exchanges = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    let credentials: Value = serde_json::from_slice(&fs::read(server.credentials_path()).unwrap()).unwrap();
    let names = [("project", "project_id"), ("region", "region"), ("domain", "domain_id")];
    let known = names.map(|(name, member)| (name.to_owned(), credentials[member].as_str().unwrap().to_owned()));
    (report, exchanges, known.into())
}

/// What is recorded for the replay: the login is another one with each way to sign in, and a replay has no database to rotate.
fn replayed(exchanges: Vec<Exchange>) -> Vec<Exchange> {
    exchanges.into_iter().filter(|exchange| exchange.of != "provider" && exchange.of != "rotation").collect()
}

#[tokio::test]
async fn the_terraform_provider_is_served() {
    let Some(checkout) = checkout() else { return };
    let (directory, version) = (tempfile::tempdir().unwrap(), version(&checkout).await);
    let driver = compile(&checkout, directory.path()).await;
    let record = |name: &str| directory.path().join(name);
    // Mostly the provider waits, so that the runs do not hold each other up.
    let (by_signature, by_password) = tokio::join!(
        run(&driver, &version, "signature", record("signature.json")),
        run(&driver, &version, "password", record("password.json")),
    );
    let (report, first, names) = by_signature;
    assert_eq!(report.failures(), Vec::<String>::new(), "by signature");
    let (by_password, second, others) = by_password;
    assert_eq!(by_password.failures(), Vec::<String>::new(), "by password");
    let not_tried: Vec<_> = report
        .operations
        .values()
        .flatten()
        .filter(|(_, outcome)| *outcome == "not tried")
        .map(|(name, _)| name)
        .collect();
    assert_eq!(not_tried, Vec::<&String>::new(), "add steps to clients/terraform/scenario.go");
    if std::env::var_os("CSMS_WRITE_GENERATED").is_some() {
        write(&report);
        let text = steps((&replayed(first), names), (&replayed(second), others));
        fs::write(sources().with_extension("json"), text).unwrap();
    }
    let resources = report
        .operations
        .iter()
        .flat_map(|(kind, resources)| resources.keys().map(move |name| (kind.clone(), name.clone())));
    assert_eq!(resources.collect::<Vec<_>>(), listed("Terraform provider"), "CLIENTS.md is out of date: {AGAIN}");
}
