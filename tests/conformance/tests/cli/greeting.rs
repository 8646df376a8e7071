//! What a first start says on a terminal. `script` gives the server one.

use std::process::Stdio;

use csms_testbed::server::binary;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::timeout,
};

use crate::shell::DEADLINE;

/// Starts a server on a terminal, ends it with Ctrl-C once `until` is there, and returns all that the terminal shows.
async fn shown(data: &str, until: &str) -> String {
    let serve = format!("'{}' serve --listen 127.0.0.1:0 --data '{data}'", binary().unwrap().display());
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &serve, "/dev/null"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let work = async {
        let (mut shown, mut buffer) = (String::new(), [0; 4096]);
        let mut is_asked_to_end = false;
        loop {
            let read = screen.read(&mut buffer).await.unwrap();
            if read == 0 {
                return shown;
            }
            shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
            if !is_asked_to_end && shown.contains(until) {
                is_asked_to_end = true;
                keyboard.write_all(b"\x03").await.unwrap();
            }
        }
    };
    timeout(DEADLINE, work).await.unwrap()
}

#[tokio::test]
async fn a_first_start_on_a_terminal_greets_and_a_later_one_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let data = data.to_str().unwrap();
    let first = shown(data, "`csms doctor` says").await;
    for part in
        ["for the first time", "Console", "credentials.json holds the keys of an administrator", "root.key lies beside"]
    {
        assert!(first.contains(part), "{part}: {first}");
    }
    let second = shown(data, r#""event":"ready""#).await;
    assert!(!second.contains("for the first time") && !second.contains("administrator"), "{second}");
}
