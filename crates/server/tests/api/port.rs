//! The port as strangers meet it: sockets, limits, proxies, TLS and names.

use std::{fs, net::IpAddr, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Duration};

use axum::{body::Body, http::Request};
use csms_server::{
    boot::{serve, settings::Settings},
    clock::Clock,
    gate::{
        limits::{Room, RoomSize},
        pace::Pace,
    },
    http::connections::{ConnectionLimits, ConnectionSettings, ConnectionTimeouts},
};
use csms_store::Store;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::support::{self, Server};

/// Longest wait for something that takes a moment.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Timeouts that no test reaches.
const LONG: Duration = Duration::from_secs(600);

/// A pace whose window a test can wait for.
const SHORT_PACE: Pace = Pace { bytes: 4096, window: Duration::from_millis(200) };

/// A server that listens.
struct Listening {
    server: Server,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

async fn listen(change: impl FnOnce(&mut Settings), connections: impl FnOnce(&mut ConnectionSettings)) -> Listening {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = support::settings(directory.path());
    change(&mut settings);
    let mut bound = serve::bind(&settings, Clock::default()).await.unwrap();
    bound.connections.timeouts = ConnectionTimeouts { header: LONG, keep_alive: LONG };
    connections(&mut bound.connections);
    let credentials = serde_json::from_slice(&fs::read(&bound.credentials).unwrap()).unwrap();
    let server = Server::of(&bound.app, credentials);
    let address = bound.url.split_once("://").unwrap().1.parse().unwrap();
    tokio::spawn(bound.run(std::future::pending(), std::future::pending()));
    Listening { server, address, _directory: directory }
}

/// A connection from an address of this machine's own.
async fn connect_from(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

/// An answer as it was sent.
struct Raw {
    head: String,
    body: Vec<u8>,
}

impl Raw {
    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Reads one answer with a length.
async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> Raw {
    let reading = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(
                stream
                    .read_u8()
                    .await
                    .unwrap_or_else(|error| panic!("closed after {:?}: {error}", String::from_utf8_lossy(&head))),
            );
        }
        let mut raw = Raw { head: String::from_utf8(head).unwrap(), body: Vec::new() };
        let length = raw.header("content-length").map_or(0, |length| length.parse().unwrap());
        raw.body = vec![0; length];
        stream.read_exact(&mut raw.body).await.unwrap();
        raw
    };
    timeout(TIMEOUT, reading).await.unwrap()
}

async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &[u8]) -> Raw {
    stream.write_all(request).await.unwrap();
    read_answer(stream).await
}

/// Waits until the server has closed the connection.
async fn closed(stream: &mut (impl AsyncRead + Unpin)) {
    // A reset closes it too.
    let _ = timeout(TIMEOUT, stream.read_to_end(&mut Vec::new())).await.unwrap();
}

fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").into_bytes()
}

/// A signed request as bytes, with further headers that are not signed.
fn signed(server: &Server, method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let request = server.signed(&server.key(), method, path, body).body(()).unwrap();
    let signed = request.headers().iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
    let signed: String = signed.collect();
    let head = format!("{method} {path} HTTP/1.1\r\n{signed}{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn login(server: &Server, headers: &[(&str, &str)]) -> Request<Body> {
    let user = json!({ "name": server.credentials.user_name, "password": server.credentials.password });
    let body = json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": user } } } });
    let request = Request::builder().method("POST").uri("/v3/auth/tokens");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Body::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn at_the_limit_the_oldest_idle_connection_makes_room() {
    let limits = ConnectionLimits { total: 3, per_peer: 3 };
    let at = listen(|_| (), |settings| settings.limits = limits).await;
    let mut connections = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(at.address).await.unwrap();
        assert_eq!(exchange(&mut stream, &get("/healthz", "")).await.status(), 200);
        connections.push(stream);
    }
    let mut next = TcpStream::connect(at.address).await.unwrap();
    assert_eq!(exchange(&mut next, &get("/healthz", "")).await.status(), 200);
    closed(&mut connections[0]).await;
    for stream in &mut connections[1..] {
        assert_eq!(exchange(stream, &get("/healthz", "")).await.status(), 200);
    }
}

#[tokio::test]
async fn health_is_answered_while_strangers_hold_every_connection_with_half_a_body() {
    let limits = ConnectionLimits { total: 8, per_peer: 8 };
    let at = listen(|_| (), |settings| settings.limits = limits).await;
    let mut held = Vec::new();
    for number in 0..20_u8 {
        let mut stream = connect_from([127, 0, 1, number], at.address).await;
        let half = b"POST /v3/auth/tokens HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{";
        stream.write_all(half).await.unwrap();
        held.push(stream);
        let mut probe = TcpStream::connect(at.address).await.unwrap();
        assert_eq!(exchange(&mut probe, &get("/healthz", "connection: close\r\n")).await.status(), 200);
    }
}

#[tokio::test]
async fn one_peer_has_fewer_connections_until_it_proves_itself() {
    let limits = ConnectionLimits { total: 100, per_peer: 2 };
    let at = listen(|_| (), |settings| settings.limits = limits).await;
    let mut other = connect_from([127, 0, 1, 1], at.address).await;
    assert_eq!(exchange(&mut other, &get("/healthz", "")).await.status(), 200);
    let mut proven = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(at.address).await.unwrap();
        let answer = exchange(&mut stream, &signed(&at.server, "GET", &at.server.path("secrets"), "", b"")).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        proven.push(stream);
    }
    let mut first = TcpStream::connect(at.address).await.unwrap();
    let _more = [TcpStream::connect(at.address).await.unwrap(), TcpStream::connect(at.address).await.unwrap()];
    closed(&mut first).await;
    for stream in proven.iter_mut().chain([&mut other]) {
        assert_eq!(exchange(stream, &get("/healthz", "")).await.status(), 200);
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_answered_408_and_its_connection_closed() {
    let at = listen(|_| (), |settings| settings.pace = SHORT_PACE).await;
    let request =
        signed(&at.server, "POST", &at.server.path("secrets"), "", b"{\"name\":\"slow\",\"secret_string\":\"x\"}");
    let mut stream = TcpStream::connect(at.address).await.unwrap();
    let answer = exchange(&mut stream, &request[..request.len() - 1]).await;
    assert_eq!((answer.status(), answer.header("connection")), (408, Some("close")), "{}", answer.text());
    assert!(answer.text().contains("APIGW.0202"), "{}", answer.text());
    closed(&mut stream).await;
}

#[tokio::test]
async fn a_body_whose_head_says_that_it_is_too_long_is_not_waited_for() {
    let at = listen(|_| (), |_| ()).await;
    let mut stream = TcpStream::connect(at.address).await.unwrap();
    let request = signed(&at.server, "POST", &at.server.path("secrets"), "", b"{}");
    let request = String::from_utf8(request).unwrap();
    let length = "content-length: 2";
    assert!(request.contains(length), "{request}");
    let request = request.replace(length, "content-length: 1000000000000000000");
    let answer = exchange(&mut stream, request.as_bytes()).await;
    assert_eq!(answer.status(), 413, "{}", answer.text());
}

#[tokio::test]
async fn pipelined_answers_that_nobody_reads_are_cut_off() {
    let at = listen(|_| (), |settings| settings.pace = SHORT_PACE).await;
    let stream = TcpStream::connect(at.address).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let request = get("/openapi.json", "");
    // The write fails when the server has gone: until then it takes no more than its buffers hold.
    let writing = async { while to.write_all(&request).await.is_ok() {} };
    timeout(TIMEOUT, writing).await.unwrap();
    closed(&mut from).await;
}

#[tokio::test]
async fn who_has_said_everything_gets_all_answers() {
    let at = listen(|_| (), |_| ()).await;
    let create = json!({ "name": "pipelined", "secret_string": "x" }).to_string();
    let (head, body) = login(&at.server, &[]).into_parts();
    let login = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut stream = TcpStream::connect(at.address).await.unwrap();
    let asked = [
        // A password is checked for some time, in which the end of the requests is noticed.
        format!("POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", head.uri, login.len())
            .into_bytes(),
        login.to_vec(),
        signed(&at.server, "POST", &at.server.path("secrets"), "", create.as_bytes()),
        signed(&at.server, "GET", &at.server.path("secrets/pipelined"), "", b""),
    ];
    stream.write_all(&asked.concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    for expected in [201, 200, 200] {
        let answer = read_answer(&mut stream).await;
        assert_eq!(answer.status(), expected, "{}", answer.text());
    }
    closed(&mut stream).await;
}

#[tokio::test]
async fn who_leaves_in_the_middle_of_a_body_is_told_so() {
    let at = listen(|_| (), |_| ()).await;
    let request =
        signed(&at.server, "POST", &at.server.path("secrets"), "", b"{\"name\":\"cut\",\"secret_string\":\"x\"}");
    let mut stream = TcpStream::connect(at.address).await.unwrap();
    stream.write_all(&request[..request.len() - 1]).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert_eq!((answer.status(), answer.header("connection")), (400, Some("close")), "{}", answer.text());
    closed(&mut stream).await;
}

#[tokio::test]
async fn a_refused_body_is_answered_before_the_connection_closes() {
    let at = listen(|_| (), |_| ()).await;
    let too_long = vec![b' '; 14 * 1024 * 1024];
    let unsigned = |path: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example\r\ncontent-length: {}\r\n\r\n",
            too_long.len()
        );
        [head.as_bytes(), &too_long].concat()
    };
    let secrets = at.server.path("secrets");
    for (request, expected) in [
        (signed(&at.server, "POST", &secrets, "", &too_long), 413),
        (unsigned(&secrets), 401),
        (unsigned("/v3/auth/tokens"), 403),
        (unsigned("/nowhere"), 404),
    ] {
        let mut stream = TcpStream::connect(at.address).await.unwrap();
        // All of it is taken, although most is not wanted: a client that fails to send reads no answer.
        let answer = exchange(&mut stream, &request).await;
        assert_eq!((answer.status(), answer.header("connection")), (expected, Some("close")), "{}", answer.text());
        closed(&mut stream).await;
    }
}

#[tokio::test]
async fn a_body_that_is_refused_when_it_is_here_keeps_the_connection() {
    let at = listen(|_| (), |_| ()).await;
    let mut stream = TcpStream::connect(at.address).await.unwrap();
    for _ in 0..2 {
        let request = signed(&at.server, "POST", &at.server.path("secrets"), "", b"no JSON");
        let answer = exchange(&mut stream, &request).await;
        assert_eq!((answer.status(), answer.header("connection")), (400, None), "{}", answer.text());
    }
}

#[tokio::test]
async fn unproven_bodies_share_a_room_and_are_turned_away_when_it_is_full() {
    let size = RoomSize { total: 100_000, per_peer: 60_000 };
    let room = Arc::new(Room::new(size));
    let held = Arc::clone(&room);
    let at = listen(|_| (), move |settings| settings.room = room).await;
    let body = vec![b'x'; 50_000];
    let request = signed(&at.server, "POST", &at.server.path("secrets"), "", &body);
    // All but the last byte, so that the signature cannot be checked.
    let mut first = TcpStream::connect(at.address).await.unwrap();
    first.write_all(&request[..request.len() - 1]).await.unwrap();
    while held.held() < body.len() - 1 {
        tokio::task::yield_now().await;
    }
    let mut second = TcpStream::connect(at.address).await.unwrap();
    let answer = exchange(&mut second, &request).await;
    assert_eq!((answer.status(), answer.header("retry-after")), (429, Some("1")), "{}", answer.text());
    assert!(answer.text().contains("APIGW.0308"), "{}", answer.text());
    let mut elsewhere = connect_from([127, 0, 1, 1], at.address).await;
    let answer = exchange(&mut elsewhere, &signed(&at.server, "GET", &at.server.path("secrets"), "", b"")).await;
    assert_eq!(answer.status(), 200);
    // The whole of the first arrives, is understood as far as it goes, and leaves the room.
    let answer = exchange(&mut first, &request[request.len() - 1..]).await;
    assert_eq!(answer.status(), 400, "{}", answer.text());
    assert_eq!(held.held(), 0);
}

async fn last_source(server: &Server) -> Option<IpAddr> {
    server.app.trail.flush().await.unwrap();
    let records = server.app.store.audit_records(0, 10_000, None).await.unwrap();
    let document: serde_json::Value = serde_json::from_str(&records.last().unwrap().document).unwrap();
    document["source"].as_str().map(|source| source.parse().unwrap())
}

/// Where a change comes from, as its record says, when the request has this header.
async fn source_of(at: &Listening, name: &str, header: &str) -> IpAddr {
    let body = json!({ "name": name, "secret_string": "x" }).to_string();
    let request = signed(&at.server, "POST", &at.server.path("secrets"), header, body.as_bytes());
    let mut stream = TcpStream::connect(at.address).await.unwrap();
    let answer = exchange(&mut stream, &request).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    last_source(&at.server).await.unwrap()
}

#[tokio::test]
async fn a_trusted_proxy_reports_the_client_and_nobody_else_does() {
    let local = IpAddr::from([127, 0, 0, 1]);
    let at = listen(|_| (), |_| ()).await;
    assert_eq!(source_of(&at, "a", "x-forwarded-for: 198.51.100.1\r\n").await, local);
    let trust = |settings: &mut Settings| settings.port.proxies.networks = vec!["127.0.0.1".parse().unwrap()];
    let at = listen(trust, |_| ()).await;
    assert_eq!(source_of(&at, "a", "").await, local);
    let client = IpAddr::from([198, 51, 100, 1]);
    assert_eq!(source_of(&at, "b", "x-forwarded-for: 6.6.6.6, 198.51.100.1\r\n").await, client);
}

#[tokio::test]
async fn a_connection_of_a_trusted_proxy_begins_with_its_proxy_header() {
    let trust = |settings: &mut Settings| {
        settings.port.proxies.networks = vec!["127.0.0.1".parse().unwrap()];
        settings.port.proxies.proxy_protocol = true;
    };
    let at = listen(trust, |_| ()).await;
    let body = json!({ "name": "a", "secret_string": "x" }).to_string();
    let request =
        signed(&at.server, "POST", &at.server.path("secrets"), "x-forwarded-for: 6.6.6.6\r\n", body.as_bytes());
    let mut stream = TcpStream::connect(at.address).await.unwrap();
    stream.write_all(b"PROXY TCP4 198.51.100.1 127.0.0.1 4711 443\r\n").await.unwrap();
    assert_eq!(exchange(&mut stream, &request).await.status(), 200);
    assert_eq!(last_source(&at.server).await, Some(IpAddr::from([198, 51, 100, 1])));
    let mut bare = TcpStream::connect(at.address).await.unwrap();
    bare.write_all(&get("/healthz", "")).await.unwrap();
    closed(&mut bare).await;
    let mut untrusted = connect_from([127, 0, 1, 1], at.address).await;
    assert_eq!(exchange(&mut untrusted, &get("/healthz", "")).await.status(), 200);
}

#[tokio::test]
async fn answers_are_kept_by_nobody_and_their_type_is_not_guessed() {
    let server = Server::start().await;
    server.call("POST", &server.path("secrets"), json!({ "name": "demo", "secret_string": "x" })).await;
    let value = server.call("GET", &server.path("secrets/demo/versions/latest"), json!(null)).await;
    let token = server.send(login(&server, &[])).await;
    assert!(token.headers.contains_key("x-subject-token"), "{}", token.body);
    let missing = server.call("GET", "/nowhere", json!(null)).await;
    for answer in [value, token, missing] {
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
    for path in ["/", "/docs/", "/licenses", "/openapi.json", "/reference", "/metrics", "/healthz"] {
        let answer = server.send(Request::builder().uri(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn what_is_open_to_everybody_is_served_under_known_names_only() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = support::settings(directory.path());
    settings.allow_hosts = vec!["csms.example.com".parse().unwrap()];
    let server = support::open_with(&settings).await.unwrap();
    for path in
        ["/", "/favicon.svg", "/docs", "/docs/", "/docs/a.html", "/licenses", "/openapi.json", "/reference", "/metrics"]
    {
        for (host, expected) in [("localhost:7070", true), ("csms.example.com", true), ("evil.example", false)] {
            let request = Request::builder().uri(path).header("host", host).body(Body::empty()).unwrap();
            let status = server.send(request).await.status.as_u16();
            assert_eq!(status != 403, expected, "{path} {host}: {status}");
        }
    }
    let refused = server.send(login(&server, &[("host", "evil.example")])).await;
    let message = refused.body["error"]["message"].as_str().unwrap();
    assert!(refused.status == 403 && message.contains("--allow-host"), "{message}");
    let request = Request::builder().uri("/healthz").header("host", "evil.example").body(Body::empty()).unwrap();
    assert_eq!(server.send(request).await.status, 200);
    let token = server.send(login(&server, &[("host", "localhost")])).await;
    let token = token.headers["x-subject-token"].to_str().unwrap();
    let request = Request::builder().uri(server.path("secrets")).header("host", "evil.example");
    let answer = server.send(request.header("x-auth-token", token).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_login_of_a_foreign_page_is_refused_before_the_password_is_looked_at() {
    let server = Server::start().await;
    let own = server.send(login(&server, &[("host", "localhost:7070"), ("origin", "http://localhost:7070")])).await;
    assert_eq!(own.status, 201, "{}", own.body);
    let page = [("host", "localhost:7070"), ("origin", "https://evil.example"), ("content-type", "text/plain")];
    let foreign = server.send(login(&server, &page)).await;
    let message = foreign.body["error"]["message"].as_str().unwrap();
    assert!(foreign.status == 403 && message.contains("--allow-origin"), "{message}");
}

/// An authority and a certificate of it for 127.0.0.1, in PEM.
struct Certificates {
    authority: String,
    certificate: String,
    key: String,
}

fn certificates(name: &str) -> Certificates {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let mut leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = leaf.signed_by(&key, &issuer).unwrap().pem();
    Certificates { authority: authority_pem, certificate, key: key.serialize_pem() }
}

impl Certificates {
    fn write(&self, directory: &Path) -> [std::path::PathBuf; 3] {
        let files = ["cert.pem", "key.pem", "ca.pem"].map(|name| directory.join(name));
        fs::write(&files[0], &self.certificate).unwrap();
        fs::write(&files[1], &self.key).unwrap();
        fs::set_permissions(&files[1], fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&files[2], &self.authority).unwrap();
        files
    }

    /// A client that trusts this authority, and perhaps shows a certificate.
    fn client(&self, own: Option<&Self>) -> tokio_rustls::TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let certificate = CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        Arc::new(config).into()
    }
}

/// The status of `/healthz` over TLS; `None` when there is no connection.
async fn health_over_tls(client: &tokio_rustls::TlsConnector, address: SocketAddr) -> Option<u16> {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = client.connect(ServerName::from(address.ip()), stream).await.ok()?;
    stream.write_all(&get("/healthz", "connection: close\r\n")).await.ok()?;
    let mut answer = Vec::new();
    timeout(TIMEOUT, stream.read_to_end(&mut answer)).await.unwrap().ok()?;
    String::from_utf8(answer).unwrap().split(' ').nth(1)?.parse().ok()
}

fn with_tls(settings: &mut Settings, [certificate, key, _]: &[std::path::PathBuf; 3], clients: Option<&Path>) {
    settings.port.tls = Some(csms_server::http::tls::TlsFiles {
        certificate: certificate.clone(),
        key: key.clone(),
        client_authorities: clients.map(Path::to_owned),
    });
}

#[tokio::test]
async fn the_port_speaks_tls_and_takes_up_a_new_certificate_but_not_a_broken_one() {
    let (directory, old, new) = (tempfile::tempdir().unwrap(), certificates("old"), certificates("new"));
    let files = old.write(directory.path());
    let (mut reloading, mut address) = (None, None);
    let at = listen(|settings| with_tls(settings, &files, None), |settings| reloading = settings.tls.clone()).await;
    address.replace(at.address);
    let (tls, address) = (reloading.unwrap(), address.unwrap());
    assert_eq!(health_over_tls(&old.client(None), address).await, Some(200));
    assert_eq!(health_over_tls(&new.client(None), address).await, None);
    fs::write(&files[0], "broken").unwrap();
    tls.reload(false);
    assert_eq!(health_over_tls(&old.client(None), address).await, Some(200));
    // A new certificate with the old key, as between two writes.
    fs::write(&files[0], &new.certificate).unwrap();
    tls.reload(false);
    assert_eq!(health_over_tls(&old.client(None), address).await, Some(200));
    new.write(directory.path());
    tls.reload(false);
    assert_eq!(health_over_tls(&new.client(None), address).await, Some(200));
    assert_eq!(health_over_tls(&old.client(None), address).await, None);
}

#[tokio::test]
async fn with_an_authority_of_clients_every_client_needs_a_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let (own, clients, foreign) = (certificates("server"), certificates("clients"), certificates("foreign"));
    let files = own.write(directory.path());
    let authorities = directory.path().join("clients.pem");
    fs::write(&authorities, &clients.authority).unwrap();
    let at = listen(|settings| with_tls(settings, &files, Some(&authorities)), |_| ()).await;
    assert_eq!(health_over_tls(&own.client(Some(&clients)), at.address).await, Some(200));
    assert_eq!(health_over_tls(&own.client(Some(&foreign)), at.address).await, None);
    assert_eq!(health_over_tls(&own.client(None), at.address).await, None);
}

#[tokio::test]
async fn a_tls_key_that_everybody_can_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let files = certificates("server").write(directory.path());
    fs::set_permissions(&files[1], fs::Permissions::from_mode(0o644)).unwrap();
    let mut settings = support::settings(&directory.path().join("data"));
    with_tls(&mut settings, &files, None);
    let refused = serve::bind(&settings, Clock::default()).await.err().unwrap();
    let told = csms_server::failure::Chain(&refused).to_string();
    assert!(told.contains("key.pem has mode 0644"), "{told}");
}
