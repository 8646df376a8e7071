//! Events: what secrets subscribe to, and what is delivered, recorded and forgotten.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{self, Answer, Server, open_with, settings};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use csms_core::{
    event::{DELIVERY_MILLIS, TargetId},
    target::TargetRules,
};
use csms_server::{background::notifier, channels};
use serde_json::{Value, json};
use tempfile::TempDir;
use zeroize::Zeroizing;

const TOPIC: &str = "urn:smn:local-1:0123456789abcdef0123456789abcdef:audit";
const KEY: &str = "a key of at least 16 characters";
const DAY: u64 = 86_400_000;

/// What a webhook was sent, and what it answers.
#[derive(Clone, Default)]
struct Receiver {
    received: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    refuses: Arc<Mutex<bool>>,
}

impl Receiver {
    /// Begins to listen, and returns the address.
    async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/hook", listener.local_addr().unwrap());
        let receive = |State(receiver): State<Self>, headers: HeaderMap, body: Bytes| async move {
            receiver.received.lock().unwrap().push((headers, body));
            if *receiver.refuses.lock().unwrap() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
        };
        let router = Router::new().route("/hook", post(receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// The messages so far, oldest first.
    fn messages(&self) -> Vec<Value> {
        let received = self.received.lock().unwrap();
        let envelope = |body: &Bytes| serde_json::from_slice::<Value>(body).unwrap();
        let message = |body: &Bytes| serde_json::from_str(envelope(body)["message"].as_str().unwrap()).unwrap();
        received.iter().map(|(_, body)| message(body)).collect()
    }

    fn kinds(&self) -> Vec<String> {
        self.messages().iter().map(|message| message["eventType"].as_str().unwrap().to_owned()).collect()
    }
}

/// A server whose topic goes to a webhook.
async fn server() -> (Server, Receiver, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::default();
    let mut settings = settings(directory.path());
    settings.webhooks = vec![(TargetId::parse(TOPIC).unwrap(), receiver.listen().await)];
    settings.webhook_secret = Some(Zeroizing::new(KEY.to_owned()));
    (open_with(&settings).await.unwrap(), receiver, directory)
}

fn event(name: &str, types: &[&str], topic: &str) -> Value {
    json!({
        "name": name, "event_types": types, "state": "ENABLED",
        "notification": { "target_type": "SMN", "target_id": topic, "target_name": "audit" },
    })
}

const ALL: [&str; 5] =
    ["SECRET_VERSION_CREATED", "SECRET_VERSION_EXPIRED", "SECRET_ROTATED", "SECRET_DELETED", "SECRET_ROTATED_FAILED"];

async fn create_event(server: &Server, name: &str, types: &[&str]) {
    let answer = server.call("POST", &server.path("csms/events"), event(name, types, TOPIC)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

async fn create_secret(server: &Server, name: &str, event: Option<&str>) -> Answer {
    let events: Vec<_> = event.into_iter().collect();
    let body = json!({ "name": name, "secret_string": "hunter2", "event_subscriptions": events });
    server.call("POST", &server.path("secrets"), body).await
}

async fn add_version(server: &Server, name: &str) -> Answer {
    let path = server.path(&format!("secrets/{name}/versions"));
    server.call("POST", &path, json!({ "secret_string": "hunter3" })).await
}

async fn records(server: &Server) -> Vec<Value> {
    let answer = server.call("GET", &server.path("csms/notification-records"), Value::Null).await;
    answer.body["records"].as_array().unwrap().clone()
}

#[tokio::test]
async fn events_are_created_shown_listed_changed_and_deleted() {
    let server = Server::start().await;
    create_event(&server, "audit", &["SECRET_DELETED"]).await;
    create_event(&server, "Other", &ALL).await;
    let path = server.path("csms/events/audit");
    let shown = server.call("GET", &path, Value::Null).await.body["event"].clone();
    assert_eq!((&shown["state"], &shown["event_types"]), (&json!("ENABLED"), &json!(["SECRET_DELETED"])));
    assert_eq!(shown["notification"]["target_id"], TOPIC);
    let taken = server.call("POST", &server.path("csms/events"), event("audit", &ALL, TOPIC)).await;
    assert_eq!((taken.status, taken.code()), (StatusCode::BAD_REQUEST, "CSMS.0101"));
    assert!(taken.body["error"].is_object(), "{}", taken.body);

    let first = server.call("GET", &server.path("csms/events?limit=1"), Value::Null).await.body;
    assert_eq!((&first["events"][0]["name"], &first["page_info"]["next_marker"]), (&json!("Other"), &json!("Other")));
    let second = server.call("GET", &server.path("csms/events?limit=1&marker=Other"), Value::Null).await.body;
    assert_eq!((&second["events"][0], &second["page_info"]["next_marker"]), (&shown, &Value::Null));

    server.clock.advance(5);
    let update = json!({ "state": "DISABLED", "event_types": ["SECRET_ROTATED"] });
    let updated = server.call("PUT", &path, update).await.body["event"].clone();
    assert_eq!((&updated["state"], &updated["event_types"]), (&json!("DISABLED"), &json!(["SECRET_ROTATED"])));
    assert_eq!((&updated["event_id"], &updated["create_time"]), (&shown["event_id"], &shown["create_time"]));
    assert!(updated["update_time"].as_u64() > shown["update_time"].as_u64());

    let deleted = server.call("DELETE", &path, Value::Null).await;
    assert_eq!((deleted.status, deleted.body), (StatusCode::NO_CONTENT, Value::Null));
    for (method, body) in [("GET", Value::Null), ("PUT", json!({})), ("DELETE", Value::Null)] {
        let gone = server.call(method, &path, body).await;
        assert_eq!((gone.status, gone.code()), (StatusCode::NOT_FOUND, "CSMS.0005"), "{method}");
    }
}

#[tokio::test]
async fn only_an_existing_event_can_be_subscribed_to() {
    let server = Server::start().await;
    let unknown = create_secret(&server, "demo", Some("audit")).await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::BAD_REQUEST, "CSMS.0002"));
    assert!(unknown.body["error_msg"].as_str().unwrap().contains("event_subscriptions[0]"), "{}", unknown.body);
    create_secret(&server, "demo", None).await;
    let bind = async |events: Value| {
        server.call("PUT", &server.path("secrets/demo"), json!({ "event_subscriptions": events })).await
    };
    assert_eq!(bind(json!(["audit"])).await.code(), "CSMS.0002");
    create_event(&server, "audit", &ALL).await;
    assert_eq!(bind(json!(["audit"])).await.body["secret"]["event_subscriptions"], json!(["audit"]));

    let listed = server.call("GET", &server.path("secrets?event_name=audit"), Value::Null).await;
    assert_eq!(listed.body["secrets"][0]["name"], "demo");
    let path = server.path("csms/events/audit");
    let bound = server.call("DELETE", &path, Value::Null).await;
    assert_eq!((bound.status, bound.code()), (StatusCode::BAD_REQUEST, "CSMS.0207"));
    assert_eq!(bind(json!([])).await.body["secret"]["event_subscriptions"], json!([]));
    assert_eq!(server.call("DELETE", &path, Value::Null).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_webhook_is_told_what_happens_with_a_signature_and_without_values() {
    let (server, receiver, _directory) = server().await;
    create_event(&server, "audit", &ALL).await;
    create_secret(&server, "demo", Some("audit")).await;
    add_version(&server, "demo").await;
    notifier::work(&server.app).await.unwrap();
    server.call("DELETE", &server.path("secrets/demo"), Value::Null).await;
    notifier::work(&server.app).await.unwrap();
    assert_eq!(receiver.kinds(), ["SECRET_VERSION_CREATED", "SECRET_DELETED"]);
    let created = &receiver.messages()[0];
    assert_eq!((&created["eventName"], &created["data"]["versionId"]), (&json!("audit"), &json!("v2")));
    for (headers, body) in receiver.received.lock().unwrap().iter() {
        let signed = headers[channels::SIGNATURE].to_str().unwrap();
        let seconds: u64 = signed.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
        let time = csms_core::UnixMillis::new(seconds * 1000);
        assert_eq!(signed, channels::signature(KEY.as_bytes(), time, body));
        assert!(!String::from_utf8_lossy(body).contains("hunter"));
        let envelope: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(headers[channels::NOTIFICATION_ID].to_str().unwrap(), envelope["message_id"]);
        assert_eq!((&envelope["topic_urn"], &envelope["type"]), (&json!(TOPIC), &json!("Notification")));
    }
    let records = records(&server).await;
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["trigger_event_type"], "SECRET_DELETED");
    assert_eq!((&records[1]["notification_status"], &records[1]["secret_name"]), (&json!("SUCCESS"), &json!("demo")));
}

#[tokio::test]
async fn an_event_tells_only_of_its_types_and_only_while_it_is_enabled() {
    let (server, receiver, _directory) = server().await;
    create_event(&server, "audit", &["SECRET_DELETED", "SECRET_VERSION_CREATED"]).await;
    create_secret(&server, "demo", Some("audit")).await;
    let state = async |state: &str| {
        server.call("PUT", &server.path("csms/events/audit"), json!({ "state": state })).await;
    };
    state("DISABLED").await;
    add_version(&server, "demo").await;
    state("ENABLED").await;
    let path = server.path("csms/events/audit");
    server.call("PUT", &path, json!({ "event_types": ["SECRET_DELETED"] })).await;
    add_version(&server, "demo").await;
    notifier::work(&server.app).await.unwrap();
    assert_eq!(receiver.kinds(), [""; 0]);
    assert!(records(&server).await.is_empty());
}

#[tokio::test]
async fn an_expiry_is_told_once_for_each_setting() {
    let (server, receiver, _directory) = server().await;
    create_event(&server, "audit", &["SECRET_VERSION_EXPIRED"]).await;
    create_secret(&server, "demo", Some("audit")).await;
    let expire_after = async |millis: u64| {
        let time = server.clock.now().plus_millis(millis).as_millis();
        let path = server.path("secrets/demo/versions/v1");
        let answer = server.call("PUT", &path, json!({ "expire_time": time })).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    };
    expire_after(DAY).await;
    notifier::work(&server.app).await.unwrap();
    assert_eq!(receiver.kinds().len(), 0);
    for _ in 0..2 {
        server.clock.advance(DAY);
        notifier::work(&server.app).await.unwrap();
        assert_eq!(receiver.kinds(), ["SECRET_VERSION_EXPIRED"]);
    }
    expire_after(DAY).await;
    server.clock.advance(DAY);
    notifier::work(&server.app).await.unwrap();
    assert_eq!(receiver.kinds().len(), 2);
    assert_eq!(receiver.messages()[1]["data"]["versionId"], "v1");
    let read = server.call("GET", &server.path("secrets/demo/versions/v1"), Value::Null).await;
    assert_eq!(read.body["version"]["secret_string"], "hunter2", "an expired value stays readable");
}

#[tokio::test]
async fn a_webhook_that_refuses_is_tried_again_with_the_same_identifier_until_a_day_has_passed() {
    let (server, receiver, _directory) = server().await;
    *receiver.refuses.lock().unwrap() = true;
    create_event(&server, "audit", &ALL).await;
    create_secret(&server, "demo", Some("audit")).await;
    add_version(&server, "demo").await;
    let attempts = async || {
        notifier::work(&server.app).await.unwrap();
        receiver.received.lock().unwrap().len()
    };
    assert_eq!(attempts().await, 1);
    assert_eq!(attempts().await, 1, "it is not tried again at once");
    assert_eq!(records(&server).await[0]["notification_status"], "FAIL");
    server.clock.advance(1_000);
    assert_eq!(attempts().await, 2);
    *receiver.refuses.lock().unwrap() = false;
    server.clock.advance(2_000);
    assert_eq!(attempts().await, 3);
    assert_eq!(records(&server).await[0]["notification_status"], "SUCCESS");
    let ids: Vec<_> = {
        let received = receiver.received.lock().unwrap();
        received.iter().map(|(headers, _)| headers[channels::NOTIFICATION_ID].clone()).collect()
    };
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");

    *receiver.refuses.lock().unwrap() = true;
    add_version(&server, "demo").await;
    assert_eq!(attempts().await, 4);
    server.clock.advance(DELIVERY_MILLIS);
    assert_eq!(attempts().await, 5);
    server.clock.advance(DELIVERY_MILLIS);
    assert_eq!(attempts().await, 5, "it has been given up");
    assert_eq!(records(&server).await[0]["notification_status"], "FAIL");
}

#[tokio::test]
async fn a_notification_that_waits_does_not_wait_for_a_clock_that_is_set_back() {
    let (server, receiver, _directory) = server().await;
    *receiver.refuses.lock().unwrap() = true;
    create_event(&server, "audit", &ALL).await;
    create_secret(&server, "demo", Some("audit")).await;
    let watching = tokio::spawn(notifier::watch(Arc::clone(&server.app)));
    add_version(&server, "demo").await;
    let received = async |number| {
        while receiver.received.lock().unwrap().len() < number {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    received(1).await;
    server.clock.set_back(3_600_000);
    tokio::time::timeout(Duration::from_secs(60), received(2)).await.expect("it is tried again");
    watching.abort();
}

#[tokio::test]
async fn a_topic_that_leads_nowhere_makes_an_invalid_record() {
    let server = Server::start().await;
    create_event(&server, "audit", &ALL).await;
    create_secret(&server, "demo", Some("audit")).await;
    add_version(&server, "demo").await;
    notifier::work(&server.app).await.unwrap();
    assert_eq!(records(&server).await[0]["notification_status"], "INVALID");
}

#[tokio::test]
async fn records_are_paged_and_kept_for_three_months() {
    let server = Server::start().await;
    create_event(&server, "audit", &ALL).await;
    create_secret(&server, "demo", Some("audit")).await;
    for _ in 0..3 {
        add_version(&server, "demo").await;
        server.clock.advance(10);
    }
    notifier::work(&server.app).await.unwrap();
    let path = server.path("csms/notification-records?limit=2");
    let first = server.call("GET", &path, Value::Null).await.body;
    assert_eq!(first["page_info"]["current_count"], 2);
    let marker = first["page_info"]["next_marker"].as_str().unwrap();
    let second = server.call("GET", &format!("{path}&marker={marker}"), Value::Null).await.body;
    assert_eq!((&second["page_info"]["current_count"], &second["page_info"]["next_marker"]), (&json!(1), &Value::Null));
    let content = second["records"][0]["notification_content"].as_str().unwrap();
    assert!(content.contains(r#""versionId":"v2""#), "{content}");
    let unknown = format!("{path}&marker=11111111-1111-4111-8111-111111111111");
    assert_eq!(server.call("GET", &unknown, Value::Null).await.code(), "CSMS.0002");

    server.clock.advance(91 * DAY);
    notifier::purge(&server.app).await.unwrap();
    assert_eq!(records(&server).await.len(), 3);
    server.clock.advance(2 * DAY);
    notifier::purge(&server.app).await.unwrap();
    assert_eq!(records(&server).await.len(), 0);
}

/// A message service, which expects to be asked for [`TOPIC`], and the settings of a server in `data` that publishes to it.
async fn message_service(data: &std::path::Path) -> (Receiver, csms_server::boot::settings::Settings) {
    let receiver = Receiver::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let receive = |State(receiver): State<Receiver>, uri: axum::http::Uri, headers: HeaderMap, body: Bytes| async move {
        receiver.received.lock().unwrap().push((headers, body));
        assert_eq!(
            uri.path(),
            format!("/v2/0123456789abcdef0123456789abcdef/notifications/topics/{TOPIC}/publish").replace(':', "%3A")
        );
        StatusCode::OK
    };
    let router = Router::new().fallback(receive).with_state(receiver.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut settings = settings(data);
    settings.smn = Some(csms_server::boot::settings::Smn {
        url: address,
        access_key: "AKEXAMPLE".to_owned(),
        secret_key: Zeroizing::new("secret".to_owned()),
    });
    (receiver, settings)
}

#[tokio::test]
async fn topics_without_a_webhook_are_published_to_the_message_service_signed() {
    let directory = tempfile::tempdir().unwrap();
    let (receiver, mut settings) = message_service(directory.path()).await;
    settings.deputies.topics.push("urn:smn:*:0123456789abcdef0123456789abcdef:*".parse().unwrap());
    let server = open_with(&settings).await.unwrap();
    create_event(&server, "audit", &ALL).await;
    create_secret(&server, "demo", Some("audit")).await;
    add_version(&server, "demo").await;
    notifier::work(&server.app).await.unwrap();
    assert_eq!(receiver.kinds(), ["SECRET_VERSION_CREATED"]);
    let authorization = receiver.received.lock().unwrap()[0].0["authorization"].clone();
    assert!(authorization.to_str().unwrap().starts_with("SDK-HMAC-SHA256 Access=AKEXAMPLE"), "{authorization:?}");
    assert_eq!(records(&server).await[0]["notification_status"], "SUCCESS");
}

#[tokio::test]
async fn nothing_is_sent_to_a_topic_of_another_project_that_the_operator_has_not_listed() {
    let directory = tempfile::tempdir().unwrap();
    let (receiver, settings) = message_service(directory.path()).await;
    let server = open_with(&settings).await.unwrap();
    let refused = server.call("POST", &server.path("csms/events"), event("audit", &ALL, TOPIC)).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "CSMS.0302"));
    assert!(refused.body.to_string().contains("notification.target_id"), "{}", refused.body);
    assert!(receiver.received.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_topic_that_was_set_before_there_was_an_endpoint_gets_nothing_of_another_project() {
    let directory = tempfile::tempdir().unwrap();
    let server = support::open(directory.path()).await.unwrap();
    create_event(&server, "audit", &ALL).await;
    create_secret(&server, "demo", Some("audit")).await;
    drop(server);
    let receiver = Receiver::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let receive = |State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes| async move {
        receiver.received.lock().unwrap().push((headers, body));
        StatusCode::OK
    };
    let router = Router::new().fallback(receive).with_state(receiver.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut settings = settings(directory.path());
    let (access_key, secret_key) = ("AKEXAMPLE".to_owned(), Zeroizing::new("secret".to_owned()));
    settings.smn = Some(csms_server::boot::settings::Smn { url, access_key, secret_key });
    let server = open_with(&settings).await.unwrap();
    add_version(&server, "demo").await;
    notifier::work(&server.app).await.unwrap();
    assert!(receiver.received.lock().unwrap().is_empty());
    assert_eq!(records(&server).await[0]["notification_status"], "INVALID");
}

#[tokio::test]
async fn a_webhook_is_not_called_at_an_address_that_is_refused() {
    let (receiver, directory) = (Receiver::default(), tempfile::tempdir().unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let receive = |State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes| async move {
        receiver.received.lock().unwrap().push((headers, body));
        StatusCode::OK
    };
    let router = Router::new().fallback(receive).with_state(receiver.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    for (host, deny, received) in
        [("127.0.0.1", "127.0.0.0/8", 0), ("localhost", "127.0.0.0/8,::1", 0), ("localhost", "", 1)]
    {
        let directory = directory.path().join(format!("{host}{}", deny.len()));
        let mut settings = settings(&directory);
        settings.webhooks = vec![(TargetId::parse(TOPIC).unwrap(), format!("http://{host}:{port}/"))];
        settings.target_rules = TargetRules::parse("", deny).unwrap();
        let server = open_with(&settings).await.unwrap();
        create_event(&server, "audit", &ALL).await;
        create_secret(&server, "demo", Some("audit")).await;
        add_version(&server, "demo").await;
        notifier::work(&server.app).await.unwrap();
        assert_eq!(receiver.received.lock().unwrap().len(), received, "{host} {deny}");
    }
}
