//! A receiver of events that never answers delays its own and nobody else's.

use std::{
    collections::BTreeSet,
    io::{BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use csms_client::{Client, CreateEventBody, CreateSecretBody, CreateVersionBody, NotificationTarget};
use csms_faults::{body_of_request, client, eventually, name};
use csms_testbed::{Server, server::Options};

/// Versions whose notifications go to the receiver that stands still: more than are delivered at the same time.
const STUCK: usize = 200;
const HEALTHY: usize = 10;

/// A receiver that takes every connection and never answers: its address, and how many connections it has taken.
fn silent() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    thread::spawn(move || {
        let count = |connection| {
            count.fetch_add(1, Ordering::SeqCst);
            connection
        };
        let kept: Vec<_> = listener.incoming().map(count).collect();
        drop(kept);
    });
    (address, taken)
}

/// A receiver that answers, its address, and the bodies it was sent.
fn healthy() -> (String, Arc<Mutex<BTreeSet<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let bodies = Arc::clone(&seen);
    thread::spawn(move || {
        for connection in listener.incoming() {
            let body = take(connection.unwrap());
            bodies.lock().unwrap().insert(body);
        }
    });
    (address, seen)
}

/// Takes one request and acknowledges it; returns its body.
fn take(connection: TcpStream) -> String {
    let mut reader = BufReader::new(connection);
    let body = body_of_request(&mut reader).unwrap();
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    reader.get_mut().write_all(answer.as_bytes()).unwrap();
    body
}

/// Creates an event whose notifications go to the topic of its name.
async fn put_event(client: &Client, name: &str) {
    let topic = format!("urn:smn:local-1:p:{name}");
    let notification = NotificationTarget { target_type: "SMN", target_id: &topic, target_name: name };
    let types = ["SECRET_VERSION_CREATED"];
    let event = CreateEventBody { name, event_types: &types, state: "ENABLED", notification };
    client.create_event(&event).await.unwrap();
}

/// Creates a secret whose new versions an event tells of, and that many new versions.
async fn create_versions(client: &Client, event: &str, number: usize) {
    let body = CreateSecretBody {
        name: event,
        secret_string: Some("value"),
        event_subscriptions: Some(&[event]),
        ..CreateSecretBody::default()
    };
    client.create_secret(&body).await.unwrap();
    for _ in 0..number {
        let body = CreateVersionBody { secret_string: Some("value"), ..CreateVersionBody::default() };
        client.create_version(&name(event), &body).await.unwrap();
    }
}

#[tokio::test]
async fn one_receiver_that_never_answers_delays_no_other() {
    let ((silent, taken), (healthy, seen)) = (silent(), healthy());
    let options = Options::default()
        .argument("--webhook")
        .argument(format!("urn:smn:local-1:p:stuck={silent}"))
        .argument("--webhook")
        .argument(format!("urn:smn:local-1:p:healthy={healthy}"));
    let server = Server::start(options).await.unwrap();
    let client = client(&server);
    for topic in ["stuck", "healthy"] {
        put_event(&client, topic).await;
    }
    create_versions(&client, "stuck", STUCK).await;
    create_versions(&client, "healthy", HEALTHY).await;
    eventually("the healthy receiver has everything", async || seen.lock().unwrap().len() == HEALTHY).await;
    let tried = taken.load(Ordering::SeqCst);
    assert!((1..STUCK).contains(&tried), "the others waited for {tried} attempts at the receiver that stands still");
}
