//! `csms support-bundle` beside a real server: what is in it, and that no secret is.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::Value;

use crate::shell::Shell;

/// The arguments that name the server of the shell.
fn arguments(shell: &Shell, directory: &str) -> Vec<String> {
    let listen = shell.server.url().trim_start_matches("http://").to_owned();
    let data = shell.server.data().to_str().unwrap().to_owned();
    let log = shell.server.log_path().to_str().unwrap().to_owned();
    let named = ["support-bundle", directory, "--data", &data, "--listen", &listen, "--server-log", &log];
    named.map(str::to_owned).to_vec()
}

#[tokio::test]
async fn a_bundle_says_how_the_installation_is_and_holds_no_secret() {
    let shell = Shell::open().await;
    shell.create("crown", b"jewels-of-the-crown").await;
    shell.printed(&["secret", "get", "crown", "--value"]).await;
    let user = shell.json(&["user", "create", "alice"]).await;
    let directory = shell.directory.path().join("bundle");
    let mut all = arguments(&shell, directory.to_str().unwrap());
    all.extend(
        ["--function-variable", "urn:fss:local-1:p:function:default:f:latest=TOKEN=of-a-function"].map(str::to_owned),
    );
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let made = shell.json(&all).await;
    assert_eq!(made["directory"].as_str(), directory.to_str());
    let names = |name: fs::DirEntry| name.file_name().into_string().unwrap();
    let written: BTreeSet<_> = fs::read_dir(&directory).unwrap().map(|entry| names(entry.unwrap())).collect();
    assert_eq!(serde_json::from_value::<BTreeSet<String>>(made["files"].clone()).unwrap(), written);

    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let json = |name: &str| serde_json::from_str::<Value>(&read(name)).unwrap();
    assert!(json("version.json")["version"].is_string());
    assert!(json("settings.json")["settings"].as_array().unwrap().len() > 20);
    let store = json("store.json");
    assert_eq!(
        (&store["kind"], &store["projects"][0]["secrets"], &store["users"]),
        (&"sqlite".into(), &1.into(), &2.into())
    );
    assert!(json("doctor.json")["checks"].as_array().unwrap().len() > 5);
    assert!(read("metrics.txt").contains("csms_") && read("ready.json").contains("ready"));
    assert!(!read("log.txt").is_empty());

    let credentials = shell.server.credentials();
    let file: Value = serde_json::from_slice(&fs::read(shell.server.credentials_path()).unwrap()).unwrap();
    let root_key = fs::read_to_string(shell.server.data().join("root.key")).unwrap();
    let secrets = [
        "jewels-of-the-crown",
        "of-a-function",
        &credentials.secret_key,
        user["secret_key"].as_str().unwrap(),
        file["password"].as_str().unwrap(),
        root_key.trim(),
    ];
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for (number, secret) in secrets.iter().enumerate() {
            assert!(!text.contains(secret), "secret {number} is in {}", path.display());
        }
    }
}

#[tokio::test]
async fn a_secret_that_the_log_repeats_is_taken_out() {
    let shell = Shell::open().await;
    let log = shell.directory.path().join("log");
    fs::write(&log, format!("a key: {}\n", shell.server.credentials().secret_key)).unwrap();
    let directory = shell.directory.path().join("bundle");
    let mut all = arguments(&shell, directory.to_str().unwrap());
    // The log is named last.
    *all.last_mut().unwrap() = log.to_str().unwrap().to_owned();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    shell.printed(&all).await;
    assert_eq!(fs::read_to_string(directory.join("log.txt")).unwrap(), "a key: …\n");
}

#[tokio::test]
async fn a_bundle_replaces_nothing_and_needs_no_installation() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(csms_testbed::server::binary().unwrap());
        command.arg("support-bundle").args(arguments).env_clear().current_dir(directory.path()).output().unwrap()
    };
    let taken = run(&["."]);
    assert_eq!(taken.status.code(), Some(1), "{taken:?}");
    let missing = run(&["bundle", "--server-log", "absent.log"]);
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
    assert!(!directory.path().join("bundle").exists(), "what is refused leaves nothing behind");
    let made = run(&["bundle", "--data", "nothing", "--listen", "127.0.0.1:9"]);
    assert!(made.status.success(), "{made:?}");
    let store = fs::read_to_string(directory.path().join("bundle/store.json")).unwrap();
    assert!(store.contains("none yet"), "{store}");
    assert!(!directory.path().join("nothing").exists(), "it makes no data");
}
