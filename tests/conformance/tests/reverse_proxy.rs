//! The nginx configuration of the how-to page, as it stands, in front of a server with the settings that it asks for.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use csms_core::{
    UnixMillis,
    sign::{SignedRequest, authorize, format_date, payload_hash},
};
use csms_testbed::{Nginx, Server, nginx::Places, server::Options};
use serde_json::{Value, json};

/// What a private instance replaces of the documented file.
const PLACES: Places<'_> = Places {
    listen: "443",
    certificate: "/etc/ssl/csms.pem",
    key: "/etc/ssl/private/csms.key",
    upstream: "127.0.0.1:7070",
};

const HOST: &str = "csms.example.com";

fn documented() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www/docs/src/how-to/nginx.md");
    let text = std::fs::read_to_string(file).unwrap();
    let (_, block) = text.split_once("```nginx\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

async fn started() -> (Server, Nginx) {
    let settings = ["--trusted-proxy", "127.0.0.1", "--allow-host", HOST];
    let server = Server::start(settings.into_iter().fold(Options::default(), Options::argument)).await.unwrap();
    let upstream = server.url().trim_start_matches("http://").to_owned();
    let nginx = Nginx::start(&documented(), PLACES, &upstream).await.unwrap();
    (server, nginx)
}

/// Status, head and body of the answer to a request that closes its connection.
async fn ask(nginx: &Nginx, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    let answer = nginx.exchange(&[head.as_bytes(), body].concat()).await;
    let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}; {}", nginx.log_tail()));
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head, answer[end + 4..].to_vec())
}

fn signed_headers(server: &Server, method: &str, path: &str, body: &[u8]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let date = format_date(UnixMillis::new(u64::try_from(now).unwrap()));
    let hash = payload_hash(body);
    let request = SignedRequest { method, path, query: "", date: &date, payload_hash: &hash };
    let headers = [("content-type", "application/json"), ("host", HOST), ("x-sdk-date", date.as_str())];
    let keys = server.credentials();
    let authorization = authorize(&keys.access_key, keys.secret_key.as_bytes(), &request, &headers);
    format!("content-type: application/json\r\nx-sdk-date: {date}\r\nauthorization: {authorization}\r\n")
}

#[tokio::test]
async fn the_documented_proxy_passes_console_signed_requests_and_logins_on() {
    let (server, nginx) = started().await;
    let (status, _, page) = ask(&nginx, "GET", "/", "", b"").await;
    assert!(status == 200 && String::from_utf8_lossy(&page).contains("csms"), "{status}");

    let path = format!("/v1/{}/secrets", server.project_id());
    let body = json!({ "name": "demo", "secret_string": "x".repeat(30_000) }).to_string();
    let headers = signed_headers(&server, "POST", &path, body.as_bytes());
    let (status, head, answer) = ask(&nginx, "POST", &path, &headers, body.as_bytes()).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    assert!(head.contains("cache-control: no-store"), "{head}");

    let keys = server.credentials();
    let user = json!({ "name": keys.user_name, "password": keys.password });
    let login =
        json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": user } } } }).to_string();
    let origin = format!("origin: https://{HOST}\r\n");
    let (status, head, _) = ask(&nginx, "POST", "/v3/auth/tokens", &origin, login.as_bytes()).await;
    assert_eq!(status, 201);
    let token = head.lines().find_map(|line| line.strip_prefix("x-subject-token: "));
    assert!(token.is_some(), "{head}");

    let (status, _, _) = ask(&nginx, "GET", "/metrics", "", b"").await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn the_audit_trail_names_the_client_that_the_documented_proxy_reports() {
    let (server, nginx) = started().await;
    let path = format!("/v1/{}/secrets", server.project_id());
    let body = json!({ "name": "demo", "secret_string": "x" }).to_string();
    // What a client writes into the header does not count.
    let forged = "x-forwarded-for: 198.51.100.1\r\n";
    let headers = signed_headers(&server, "POST", &path, body.as_bytes());
    let (status, _, answer) = ask(&nginx, "POST", &path, &format!("{forged}{headers}"), body.as_bytes()).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    let path = format!("/v3/{}/traces", server.project_id());
    let headers = signed_headers(&server, "GET", &path, b"");
    let (status, _, answer) = ask(&nginx, "GET", &path, &headers, b"").await;
    let traces: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(status, 200, "{traces}");
    let sources: Vec<_> = traces["traces"].as_array().unwrap().iter().map(|trace| &trace["source_ip"]).collect();
    assert!(sources.contains(&&json!("127.0.0.1")) && !sources.contains(&&json!("198.51.100.1")), "{traces}");
}
