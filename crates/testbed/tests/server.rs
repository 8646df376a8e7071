//! How a `csms` server is started, stopped and started again.
//!
//! The server is a stand-in: a shell script that keeps the agreement on the command line, the ready
//! line and SIGTERM. The real one is started in the conformance tests.

#![allow(clippy::unwrap_used, reason = "set-up that fails is a failed test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use csms_testbed::server::Options;
use csms_testbed::{Error, Server};

const OBEDIENT: &str = r#"#!/bin/sh
# csms serve --listen ADDRESS --data DIR
[ "$1 $2 $4" = "serve --listen --data" ] || exit 64
data=$5
starts=$(cat "$data/starts" 2>/dev/null || echo 0)
starts=$((starts + 1))
echo "$starts" > "$data/starts"
cat > "$data/credentials.json" <<END
{"endpoint":"http://127.0.0.1:1","project_id":"p","access_key":"AK","secret_key":"SK","rotation_func_urn":"urn","new_field":1}
END
trap 'echo stopping >&2; exit 0' TERM
echo "not the line you are waiting for"
echo "{\"event\":\"ready\",\"url\":\"http://127.0.0.1:$starts\",\"project_id\":\"p\",\"credentials\":\"$data/credentials.json\"}"
while :; do sleep 0.01; done
"#;

fn script(directory: &Path, text: &str) -> Options {
    let path: PathBuf = directory.join("csms");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Options { binary: Some(path), ..Options::default() }
}

#[tokio::test]
async fn a_ready_server_tells_its_address_project_and_keys() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(script(directory.path(), OBEDIENT)).await.unwrap();
    assert_eq!((server.url(), server.project_id()), ("http://127.0.0.1:1", "p"));
    assert_eq!(server.credentials().access_key, "AK");
    assert_eq!(server.credentials().rotation_func_urn.as_deref(), Some("urn"));
    assert!(!format!("{server:?}").contains("SK"), "the secret key is shown for debugging");
}

#[tokio::test]
async fn termination_is_orderly_and_killing_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let options = script(directory.path(), OBEDIENT);
    let server = Server::start(options.clone()).await.unwrap();
    assert!(server.terminate().await.unwrap().success());
    assert!(server.log().contains("stopping"));

    let server = Server::start(options).await.unwrap();
    server.kill().await.unwrap();
    assert!(!server.status().unwrap().success());
    assert!(!server.log().contains("stopping"));
}

#[tokio::test]
async fn a_restarted_server_finds_its_data_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(script(directory.path(), OBEDIENT)).await.unwrap();
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    assert_eq!(server.url(), "http://127.0.0.1:2");
    assert_eq!(server.credentials().endpoint, server.url());
}

#[tokio::test]
async fn a_named_data_directory_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { data: Some(directory.path().to_path_buf()), ..script(directory.path(), OBEDIENT) };
    drop(Server::start(options).await.unwrap());
    assert!(directory.path().join("credentials.json").exists());
}

#[tokio::test]
async fn a_server_that_ends_at_once_is_reported_with_its_last_words() {
    let directory = tempfile::tempdir().unwrap();
    let options = script(directory.path(), "#!/bin/sh\necho 'the root key is wrong' >&2\nexit 3\n");
    let error = Server::start(options).await.unwrap_err();
    assert!(matches!(&error, Error::NotStarted { log, .. } if log.contains("root key is wrong")), "{error}");
    assert!(error.to_string().contains("exit status: 3"), "{error}");
}

#[tokio::test]
async fn a_server_that_never_gets_ready_is_given_up_and_ended() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = script(directory.path(), "#!/bin/sh\necho $$ > \"$5/pid\"\necho started >&2\nexec sleep 600\n");
    options.data = Some(directory.path().to_path_buf());
    options.ready_within = Duration::from_millis(500);
    let error = Server::start(options).await.unwrap_err();
    assert!(error.to_string().contains("not ready within"), "{error}");
    let id = fs::read_to_string(directory.path().join("pid")).unwrap();
    assert!(!Path::new("/proc").join(id.trim()).exists());
}
