//! The client of a remote KMS against responses that a well-behaved service rarely sends: failures, silence, redirects and
//! forged keys. The service here is a script of responses; other tests use two real servers.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use csms_core::{KeyId, ProjectId, UnixMillis};
use csms_kms::{RemoteError, RemoteKms, RemoteSettings};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const KEY: &str = "0d0466b0-e727-4d9c-b35d-f84bb474a37f";

/// What is told of each request: its head and its body.
type Requests = Arc<Mutex<Vec<String>>>;

async fn read_request(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&received).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.unwrap();
        assert_ne!(read, 0, "the whole request is sent");
        received.extend_from_slice(&chunk[..read]);
    }
}

/// A service that gives these answers (status line and body), one for each connection, and keeps silent after them.
async fn service(answers: Vec<(&'static str, String)>) -> (SocketAddr, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        let mut answers = answers.into_iter();
        let mut silent = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read_request(&mut stream).await;
            seen.lock().unwrap().push(request);
            match answers.next() {
                Some((status, body)) => {
                    let length = body.len();
                    let answer = format!(
                        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\
                         content-type: application/json\r\n\r\n{body}"
                    );
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
                None => silent.push(stream),
            }
        }
    });
    (address, requests)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn tls(roots: rustls::RootCertStore) -> rustls::ClientConfig {
    let builder = rustls::ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    builder.unwrap().with_root_certificates(roots).with_no_client_auth()
}

/// A service with a certificate for localhost that it signed itself, and that certificate. It answers every request with
/// [`opened`].
fn tls_service() -> (SocketAddr, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let builder = rustls::ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let config = builder.unwrap().with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::Stream::new(&mut session, &mut stream);
            let mut first = [0; 4096];
            // A client that does not trust the certificate ends the connection here.
            if stream.read(&mut first).is_ok_and(|read| read > 0) {
                let body = opened();
                let length = body.len();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                drop(stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()));
            }
        }
    });
    (address, certificate)
}

fn client_of(endpoint: String, timeout: Duration) -> Result<RemoteKms, RemoteError> {
    client_with(endpoint, timeout, rustls::RootCertStore::empty())
}

fn client_with(endpoint: String, timeout: Duration, roots: rustls::RootCertStore) -> Result<RemoteKms, RemoteError> {
    let settings = RemoteSettings {
        endpoint,
        project: ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap(),
        access_key: "AK".to_owned(),
        secret_key: "very secret".to_owned().into(),
        tls: tls(roots),
        timeout,
    };
    RemoteKms::new(settings, || UnixMillis::new(1_700_000_000_000))
}

fn client(address: SocketAddr) -> RemoteKms {
    client_of(format!("http://{address}"), Duration::from_secs(60)).unwrap()
}

async fn open(kms: &RemoteKms) -> Result<[u8; 32], RemoteError> {
    let key = KeyId::parse(KEY).unwrap();
    kms.decrypt_data_key(&key, "here", "0200").await.map(|key| *key)
}

/// A key of 32 zeros, with the digest of 32 zeros.
fn opened() -> String {
    let digest = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
    format!(r#"{{"data_key":"{}","datakey_length":"32","datakey_dgst":"{digest}"}}"#, "00".repeat(32))
}

fn error(code: &str) -> String {
    format!(r#"{{"error":{{"error_code":"{code}","error_msg":"because"}}}}"#)
}

#[tokio::test]
async fn a_failure_of_the_service_is_repeated_with_the_same_request() {
    let busy = ("503 Service Unavailable", error("KMS.9999"));
    let (address, requests) =
        service(vec![busy.clone(), ("429 Too Many Requests", String::new()), ("200 OK", opened())]).await;
    assert_eq!(open(&client(address)).await, Ok([0; 32]));
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request == &requests[0]));
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1.0/0123456789abcdef0123456789abcdef/kms/decrypt-datakey HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: SDK-HMAC-SHA256 Access=AK, SignedHeaders="), "{head}");
    assert!(body.contains(r#""additional_authenticated_data":"here""#), "{body}");
}

#[tokio::test]
async fn a_service_that_goes_on_failing_is_an_error_with_its_answer() {
    let busy = ("500 Internal Server Error", error("KMS.9999"));
    let (address, requests) = service(vec![busy; 3]).await;
    assert_eq!(open(&client(address)).await, Err(RemoteError::Failed("HTTP 500 KMS.9999 because".to_owned())));
    assert_eq!(requests.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_refusal_is_told_apart_and_not_repeated() {
    for (status, is_about_the_key) in
        [("400 Bad Request", true), ("404 Not Found", true), ("403 Forbidden", true), ("401 Unauthorized", false)]
    {
        let (address, requests) = service(vec![(status, error("KMS.0401"))]).await;
        let refused = open(&client(address)).await.unwrap_err();
        assert_eq!((refused.is_about_the_key(), refused.is_retryable()), (is_about_the_key, false), "{refused}");
        assert!(refused.to_string().ends_with("KMS.0401 because"), "{refused}");
        assert_eq!(requests.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_silent_service_is_not_waited_for_longer_than_the_attempts_may_take() {
    let (address, requests) = service(Vec::new()).await;
    let kms = client_of(format!("http://{address}"), Duration::from_millis(200)).unwrap();
    assert!(matches!(open(&kms).await, Err(RemoteError::Unreachable(_))));
    // On a busy machine an attempt may end before its request is sent.
    assert!(requests.lock().unwrap().len() <= 3);
}

#[tokio::test]
async fn nobody_listening_is_told_as_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let unreachable = open(&client(address)).await.unwrap_err();
    assert!(matches!(unreachable, RemoteError::Unreachable(_)), "{unreachable}");
}

#[tokio::test]
async fn a_service_whose_certificate_nobody_trusted_vouches_for_is_not_asked() {
    let (address, certificate) = tls_service();
    let endpoint = format!("https://localhost:{}", address.port());
    let strange = client_of(endpoint.clone(), Duration::from_secs(60)).unwrap();
    let refused = open(&strange).await.unwrap_err();
    assert!(matches!(&refused, RemoteError::Unreachable(cause) if cause.contains("certificate")), "{refused}");

    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let trusting = client_with(endpoint, Duration::from_secs(60), roots).unwrap();
    assert_eq!(open(&trusting).await, Ok([0; 32]));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, asked) = service(vec![("200 OK", opened())]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        let answer =
            format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    assert_eq!(open(&client(address)).await, Err(RemoteError::Malformed("status")));
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_key_that_does_not_fit_its_digest_is_not_used() {
    let other = opened().replacen("00", "01", 1);
    let (address, _) = service(vec![("200 OK", other)]).await;
    assert_eq!(open(&client(address)).await, Err(RemoteError::Malformed("datakey_dgst")));
}

#[tokio::test]
async fn an_answer_that_is_no_answer_is_refused_without_being_repeated() {
    let short = r#"{"data_key":"00","datakey_dgst":""}"#.to_owned();
    for (body, field) in [("secret words".to_owned(), "data_key"), (short, "data_key"), (" ".repeat(70_000), "length")]
    {
        let (address, _) = service(vec![("200 OK", body)]).await;
        assert_eq!(open(&client(address)).await, Err(RemoteError::Malformed(field)));
    }
    let (address, _) = service(vec![("200 OK", r#"{"cipher_text":"no digits"}"#.to_owned())]).await;
    let made = client(address).create_data_key(&KeyId::parse(KEY).unwrap(), "here").await;
    assert_eq!(made, Err(RemoteError::Malformed("cipher_text")));
}

#[test]
fn an_address_that_would_send_keys_in_clear_is_refused() {
    for endpoint in ["http://kms.example.com", "ftp://localhost", "kms", "https://user@kms.example.com"] {
        assert!(matches!(client_of(endpoint.to_owned(), Duration::from_secs(1)), Err(RemoteError::Settings(_))));
    }
    assert!(client_of("https://kms.example.com".to_owned(), Duration::from_secs(1)).is_ok());
}

#[test]
fn the_keys_of_the_client_are_not_shown() {
    let kms = client_of("https://kms.example.com".to_owned(), Duration::from_secs(1)).unwrap();
    assert!(!format!("{kms:?}").contains("secret"));
}
