//! The audit trail is delivered to a file, an HTTP receiver and a syslog receiver: whichever side is killed, every record arrives, in
//! the order of the trail, with its link.

use std::{
    collections::BTreeMap,
    io::{BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Output,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use csms_faults::{Database, body_of_request, client, command, create_many, eventually, gauge};
use csms_testbed::{Server, server::Options};
use serde_json::Value;

/// What a receiver does with the connections that it gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http,
    Syslog,
}

/// A receiver that may be ended and begun again under its address.
struct Receiver {
    port: u16,
    protocol: Protocol,
    lines: Arc<Mutex<Vec<String>>>,
    /// Whether requests are read and never answered.
    is_dumb: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    fn begin(protocol: Protocol) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut receiver =
            Self { port, protocol, lines: Arc::default(), is_dumb: Arc::default(), ends: Arc::default(), thread: None };
        receiver.listen(listener);
        receiver
    }

    fn listen(&mut self, listener: TcpListener) {
        self.ends.store(false, Ordering::SeqCst);
        let (protocol, lines, is_dumb, ends) =
            (self.protocol, Arc::clone(&self.lines), Arc::clone(&self.is_dumb), Arc::clone(&self.ends));
        self.thread = Some(thread::spawn(move || {
            for connection in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                // A sender that was killed leaves half of what it had to say.
                let Ok(connection) = connection else { continue };
                let _ = match protocol {
                    Protocol::Http => take_request(connection, &is_dumb, &lines),
                    Protocol::Syslog => take_frames(connection, &lines),
                };
            }
        }));
    }

    /// Listens no more.
    fn end(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        self.thread.take().unwrap().join().unwrap();
    }

    /// Listens again under the same address.
    async fn begin_again(&mut self) {
        let mut listener = None;
        eventually("the port is free", async || {
            listener = TcpListener::bind(("127.0.0.1", self.port)).ok();
            listener.is_some()
        })
        .await;
        self.listen(listener.unwrap());
    }

    fn address(&self) -> String {
        match self.protocol {
            Protocol::Http => format!("http://127.0.0.1:{}/trail", self.port),
            Protocol::Syslog => format!("syslog:127.0.0.1:{}", self.port),
        }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

/// Takes one request; `None` when it is not complete. Acknowledges it, or waits until the sender is gone.
fn take_request(connection: TcpStream, is_dumb: &AtomicBool, lines: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(connection);
    let body = body_of_request(&mut reader)?;
    lines.lock().unwrap().extend(body.lines().map(str::to_owned));
    if is_dumb.load(Ordering::SeqCst) {
        return reader.read_to_end(&mut Vec::new()).ok().map(drop);
    }
    let answer = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    reader.get_mut().write_all(answer.as_bytes()).ok()
}

/// Takes the JSON of each frame of a connection.
fn take_frames(mut connection: TcpStream, taken: &Mutex<Vec<String>>) -> Option<()> {
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut rest = text.as_str();
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_once(' ')?;
        let (message, after) = after.split_at_checked(length.parse().unwrap())?;
        let (header, json) = message.split_at(message.find('{').unwrap());
        let fields: Vec<_> = header.split(' ').collect();
        assert!(["<110>1", "<108>1"].contains(&fields[0]) && fields[3..5] == ["csms", "-"], "{message}");
        lines.push(json.to_owned());
        rest = after;
    }
    taken.lock().unwrap().extend(lines);
    Some(())
}

/// Number, link and action of each record in the lines. Requires that each line has the next record, or repeats an earlier one.
fn records(lines: &[String]) -> BTreeMap<u64, (String, String)> {
    let mut found = BTreeMap::new();
    for line in lines {
        let value: Value = serde_json::from_str(line).unwrap();
        let number = value["number"].as_u64().unwrap();
        let known = found.keys().next_back().copied().unwrap_or(0);
        assert!(number <= known + 1, "record {number} comes behind {known}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let record = (text(&value["link"]), text(&value["record"]["action"]));
        assert_eq!(record.0.len(), 64);
        let before = found.insert(number, record.clone());
        assert!(before.is_none_or(|before| before == record), "record {number} differs when it is repeated");
    }
    found
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The actions of the trail by number, and its head.
async fn trail(data: &Path, database: Option<&Database>) -> (BTreeMap<u64, String>, String) {
    let run = async |arguments: &[&str]| match database {
        None => json(&command(data, arguments).await),
        Some(database) => json(&database.command(data, arguments).await),
    };
    let listed = run(&["audit", "list", "--offline", "--output", "json"]).await;
    let entry = |record: &Value| (record["number"].as_u64().unwrap(), record["action"].as_str().unwrap().to_owned());
    let stored = listed.as_array().unwrap().iter().map(entry).collect();
    let verified = run(&["audit", "verify", "--offline", "--output", "json"]).await;
    (stored, verified["head"].as_str().unwrap().to_owned())
}

/// Waits until the receiver has the whole trail, and requires that it is that of the store.
async fn require_all(data: &Path, database: Option<&Database>, lines: impl Fn() -> Vec<String>) {
    eventually("the receiver has the whole trail", async || {
        let (stored, head) = trail(data, database).await;
        let found = records(&lines());
        let Some((number, (link, _))) = found.iter().next_back() else { return false };
        if format!("{number}:{link}") != head {
            return false;
        }
        found.into_iter().map(|(number, (_, action))| (number, action)).collect::<BTreeMap<_, _>>() == stored
    })
    .await;
}

fn with_sink(address: impl Into<String>) -> Options {
    Options::default().argument("--audit-sink").argument(address.into())
}

#[tokio::test]
async fn a_file_has_every_record_although_the_server_is_killed_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trail.jsonl");
    let mut server = Server::start(with_sink(format!("file:{}", file.display()))).await.unwrap();
    for round in 0..5 {
        create_many(&client(&server), &format!("round-{round}"), 10).await;
        server.kill().await.unwrap();
        server.restart().await.unwrap();
    }
    let lines = || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        // What a killed server has cut off is a line of its own.
        let whole = |line: &&str| serde_json::from_str::<Value>(line).is_ok();
        text.lines().filter(whole).map(str::to_owned).collect()
    };
    require_all(server.data(), None, lines).await;
}

async fn a_receiver_that_ends_and_begins_again_loses_nothing(protocol: Protocol) {
    let mut receiver = Receiver::begin(protocol);
    let server = Server::start(with_sink(receiver.address())).await.unwrap();
    create_many(&client(&server), "before", 5).await;
    eventually("something is delivered", async || !receiver.lines().is_empty()).await;
    receiver.end();
    create_many(&client(&server), "meanwhile", 5).await;
    let log_says = async |text: &str| {
        eventually(text, async || server.log().contains(text)).await;
    };
    log_says("the audit sink takes no records").await;
    eventually("the gauges show what waits", async || {
        gauge(&server, "csms_audit_sink_waiting").await > 0.0
            && gauge(&server, "csms_audit_sink_oldest_seconds").await > 0.0
    })
    .await;
    receiver.begin_again().await;
    require_all(server.data(), None, || receiver.lines()).await;
    log_says("the audit sink takes records again").await;
    let failures = server.log().matches("the audit sink takes no records").count();
    assert!(failures <= 2, "{failures} lines within about a minute");
    receiver.end();
}

#[tokio::test]
async fn an_http_receiver_that_ends_and_begins_again_loses_nothing() {
    a_receiver_that_ends_and_begins_again_loses_nothing(Protocol::Http).await;
}

#[tokio::test]
async fn a_syslog_receiver_that_ends_and_begins_again_loses_nothing() {
    a_receiver_that_ends_and_begins_again_loses_nothing(Protocol::Syslog).await;
}

#[tokio::test]
async fn a_server_that_is_killed_before_it_knows_that_records_arrived_repeats_them() {
    let mut receiver = Receiver::begin(Protocol::Http);
    receiver.is_dumb.store(true, Ordering::SeqCst);
    let mut server = Server::start(with_sink(receiver.address())).await.unwrap();
    create_many(&client(&server), "kept", 5).await;
    eventually("records have arrived", async || !receiver.lines().is_empty()).await;
    server.kill().await.unwrap();
    let arrived = receiver.lines().len();
    receiver.is_dumb.store(false, Ordering::SeqCst);
    server.restart().await.unwrap();
    require_all(server.data(), None, || receiver.lines()).await;
    let repeated = receiver.lines().into_iter().skip(arrived).filter(|line| line.starts_with("{\"number\":1,"));
    assert_eq!(repeated.count(), 1, "the first record is delivered again");
    receiver.end();
}

#[tokio::test]
async fn of_two_servers_one_delivers_and_the_other_goes_on_when_it_is_killed() {
    let database = Database::start().await;
    let mut receiver = Receiver::begin(Protocol::Http);
    let options = || database.options().argument("--audit-sink").argument(receiver.address());
    let one = Server::start(options()).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    for file in ["root.key", "credentials.json"] {
        std::fs::copy(one.data().join(file), directory.path().join(file)).unwrap();
    }
    let two = Server::start(Options { data: Some(directory.path().to_owned()), ..options() }).await.unwrap();
    create_many(&client(&one), "before", 5).await;
    require_all(one.data(), Some(&database), || receiver.lines()).await;
    let lines = receiver.lines();
    assert_eq!(records(&lines).len(), lines.len(), "a record was delivered twice");
    one.kill().await.unwrap();
    let client = csms_faults::client(&two);
    create_many(&client, "after", 5).await;
    require_all(one.data(), Some(&database), || receiver.lines()).await;
    receiver.end();
}

#[tokio::test]
async fn what_the_sink_has_not_taken_is_not_archived() {
    let mut receiver = Receiver::begin(Protocol::Http);
    let server = Server::start(with_sink(receiver.address())).await.unwrap();
    create_many(&client(&server), "before", 3).await;
    require_all(server.data(), None, || receiver.lines()).await;
    receiver.end();
    create_many(&client(&server), "meanwhile", 3).await;
    let directory = tempfile::tempdir().unwrap();
    let archive = async |name: &str, further: &[&str]| {
        let file = directory.path().join(name);
        let arguments = ["audit", "archive", "--offline", "--until", "0d", "--output", "json", "--out"];
        let arguments = [&arguments[..], &[file.to_str().unwrap()], further].concat();
        json(&command(server.data(), &arguments).await)["last"].as_u64()
    };
    let taken = records(&receiver.lines()).into_keys().next_back();
    assert_eq!(archive("taken.jsonl", &[]).await, taken);
    assert_eq!(archive("none.jsonl", &[]).await, None);
    receiver.begin_again().await;
    // Those of the archive are among them.
    eventually("the rest is delivered", async || records(&receiver.lines()).len() as u64 > taken.unwrap() + 3).await;
    receiver.end();
    create_many(&client(&server), "lost", 3).await;
    assert!(archive("all.jsonl", &["--ignore-sink"]).await > taken);
}
