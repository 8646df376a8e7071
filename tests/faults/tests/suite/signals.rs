//! Signals and a log that nobody reads: the operator's usual gestures never cut a request off and never stop the server.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
};

use csms_faults::{client, create, eventually, get, healthz_becomes, read};
use csms_testbed::{
    Server,
    server::{Options, binary},
};
use rustix::process::{Pid, Signal, kill_process};

fn signal(server: &Server, signal: Signal) {
    let id = i32::try_from(server.id()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
}

#[tokio::test]
async fn signals_that_do_not_ask_for_the_end_end_nothing() {
    let server = Server::start(Options::default()).await.unwrap();
    for (number, name) in [(Signal::HUP, "SIGHUP"), (Signal::USR1, "SIGUSR1"), (Signal::USR2, "SIGUSR2")] {
        signal(&server, number);
        eventually("the signal is in the log", async || server.log().contains(name)).await;
    }
    for number in [Signal::ALARM, Signal::XFSZ, Signal::PIPE, Signal::HUP] {
        signal(&server, number);
    }
    create(&client(&server), "after").await.unwrap();
    assert!(server.status().is_none(), "{}", server.log_tail());
}

#[tokio::test]
async fn each_signal_that_asks_for_the_end_ends_it_in_order() {
    for number in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let server = Server::start(Options::default()).await.unwrap();
        create(&client(&server), "kept").await.unwrap();
        signal(&server, number);
        assert!(server.ended().await.success(), "{}", server.log_tail());
        assert!(server.log().contains("stopped"), "{}", server.log_tail());
    }
}

#[tokio::test]
async fn a_second_signal_ends_at_once_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(directory.path().to_owned()), ..Options::default() };
    let server = Server::start(options()).await.unwrap();
    create(&client(&server), "kept").await.unwrap();
    // A login whose body never comes keeps the server until the limit of a body.
    let address = server.url().strip_prefix("http://").unwrap();
    let mut slow = TcpStream::connect(address).unwrap();
    let head = format!("POST /v3/auth/tokens HTTP/1.1\r\nhost: {address}\r\ncontent-length: 100\r\n\r\n{{");
    slow.write_all(head.as_bytes()).unwrap();
    healthz_becomes(&server, 200).await;
    signal(&server, Signal::TERM);
    eventually("the first signal is in the log", async || server.log().contains("draining")).await;
    signal(&server, Signal::INT);
    assert!(server.ended().await.success(), "{}", server.log_tail());
    assert!(server.log().contains("ended at once"), "{}", server.log_tail());
    drop(slow);
    let server = Server::start(options()).await.unwrap();
    assert_eq!(read(&client(&server), "kept").await.unwrap(), "kept");
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary().unwrap());
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "debug", "--data"]).arg(directory.path());
    let mut server = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let url = serde_json::from_str::<serde_json::Value>(&ready).unwrap()["url"].as_str().unwrap().to_owned();
    // A pipe holds 64 KiB, and a request's line some 150 bytes.
    for _ in 0..1_000 {
        assert_eq!(ureq::get(format!("{url}/healthz")).call().unwrap().status(), 200);
    }
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    assert!(server.wait().unwrap().success());
}

#[tokio::test]
async fn health_with_a_write_is_good_on_a_good_disk() {
    let server = Server::start(Options::default()).await.unwrap();
    assert_eq!(get(&server, "/healthz?write=1").await.0, 200);
    eventually("the gauge is 1", async || get(&server, "/metrics").await.1.contains("csms_store_writable 1")).await;
}

#[tokio::test]
async fn an_access_log_that_nobody_reads_stops_nothing_when_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("access.log");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Open for both directions, a pipe waits for nobody.
    let reader = std::fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let server = Server::start(Options::default().argument("--access-log").argument(&pipe)).await.unwrap();
    for _ in 0..1_000 {
        assert_eq!(get(&server, "/healthz").await.0, 200);
    }
    signal(&server, Signal::HUP);
    eventually("the signal is in the log", async || server.log().contains("SIGHUP")).await;
    assert_eq!(get(&server, "/healthz").await.0, 200);
    drop(reader);
    signal(&server, Signal::HUP);
    eventually("that nobody reads is in the log", async || server.log().contains("cannot be opened again")).await;
    assert_eq!(get(&server, "/healthz").await.0, 200);
    signal(&server, Signal::TERM);
    assert!(server.ended().await.success(), "{}", server.log_tail());
}

#[tokio::test]
async fn a_server_that_waits_at_its_start_ends_when_it_is_asked_to() {
    // It accepts connections and never says anything.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let store = format!("postgres://csms@{}/csms", silent.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary().unwrap());
    command.args(["serve", "--listen", "127.0.0.1:0", "--store", &store, "--data"]).arg(directory.path());
    let mut server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (connection, _) = silent.accept().unwrap();
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    let mut said = String::new();
    server.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(server.wait().unwrap().success(), "{said}");
    assert!(said.contains("SIGTERM before the server was ready"), "{said}");
    drop(connection);
}
