//! No input makes the server panic or answer 5xx: random bytes in path, query, headers and body.

use crate::support::Server;
use axum::{body::Body, http::Request};
use csms_api::Operation;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

fn pieces() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "v1",
        "v3",
        "secrets",
        "versions",
        "stages",
        "latest",
        "rotate",
        "csms",
        "tasks",
        "auth",
        "tokens",
        "demo",
        "SYSCURRENT",
        "scheduled-deleted-tasks",
        "create",
        "cancel",
        "",
        "..",
        "%00",
        "%ff",
        "%2F",
        "v99999999999",
        "fgs",
        "functions",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => "[!-~]{0,12}".prop_map(|text| text.replace(['?', '#', '/'], "x"))]
}

/// JSON that is nearly right, or not at all.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let names = prop::sample::select(vec![
        "name",
        "secret_string",
        "secret_binary",
        "description",
        "kms_key_id",
        "secret_type",
        "auto_rotation",
        "rotation_period",
        "rotation_config",
        "rotation_func_urn",
        "event_subscriptions",
        "version_stages",
        "expire_time",
        "version_id",
        "recovery_window_in_days",
        "auth",
    ]);
    let values = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("-1".to_owned()),
        Just("18446744073709551615".to_owned()),
        Just("1e999".to_owned()),
        Just(r#"["a","a",1]"#.to_owned()),
        "[ -~]{0,20}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    let object = proptest::collection::vec((names, values), 0..6).prop_map(|fields| {
        let fields: Vec<_> = fields.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    });
    let nested = (1_usize..300).prop_map(|depth| [vec![b'['; depth], vec![b']'; depth]].concat());
    prop_oneof![4 => object, 1 => proptest::collection::vec(any::<u8>(), 0..200), 1 => nested]
}

fn run<S: Strategy>(cases: u32, strategy: &S, check: impl Fn(S::Value) -> u16) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(strategy, |input| {
        let status = check(input);
        prop_assert!((200..500).contains(&status), "status {status}");
        Ok(())
    });
    result.unwrap();
}

/// A request for a real operation with parameters that exist or do not, or for a path of pieces.
fn targets() -> impl Strategy<Value = (String, String)> {
    let names = || prop::sample::select(vec!["demo", "absent", "a b", "x.y", "%00", "é"]);
    let thirds = prop::sample::select(vec![
        "v1",
        "v2",
        "latest",
        "SYSCURRENT",
        "SYSPENDING",
        "blue",
        "v0",
        "v99999999999",
        "a/b",
    ]);
    let operation = prop::sample::select(Operation::ALL.to_vec());
    let real = (operation, names(), thirds).prop_map(|(operation, name, third)| {
        let path = operation.path(&["{project}", name, third]).replace("%7Bproject%7D", "{project}");
        (operation.specification().method.as_str().to_owned(), path)
    });
    let methods = prop::sample::select(vec!["GET", "POST", "PUT", "DELETE"]);
    let made_up = (methods, proptest::collection::vec(pieces(), 0..6))
        .prop_map(|(method, pieces)| (method.to_owned(), format!("/v1/{{project}}/{}", pieces.join("/"))));
    prop_oneof![9 => real, 1 => made_up]
}

#[test]
fn no_authenticated_request_breaks_the_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let demo = serde_json::json!({ "name": "demo", "secret_string": "s" });
    let query = "([a-z_]{0,10}(=[!-~]{0,10})?|(limit|marker|status|task_id|event_name)=[!-~]{0,10})"
        .prop_map(|text| text.replace('#', "%23"));
    let strategy = (targets(), query, bodies());
    run(1500, &strategy, |((method, path), query, body)| {
        // Deleted by an earlier request as likely as not; refused when it exists.
        runtime.block_on(server.call("POST", &server.path("secrets"), demo.clone()));
        let uri = format!("{}?{query}", path.replace("{project}", &server.credentials.project_id));
        let Ok(request) = server.signed(&server.key(), &method, &uri, &body).body(Body::from(body)) else {
            return 400; // Not a URI: the HTTP layer refuses it before the server sees it.
        };
        runtime.block_on(server.send(request)).status.as_u16()
    });
    let metrics = server.app.metrics.text();
    for operation in Operation::ALL {
        let name = operation.specification().name;
        assert!(metrics.contains(&format!("operation=\"{name}\"")), "{name} was never reached");
    }
}

#[test]
fn no_unauthenticated_request_breaks_the_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let header = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80),
        "SDK-HMAC-SHA256 Access=[A-Z]{0,5}, SignedHeaders=[a-z;-]{0,20}(x-sdk-date)?, Signature=[0-9a-f]{0,70}"
            .prop_map(String::into_bytes),
    ];
    let name = prop::sample::select(vec![
        "authorization",
        "x-auth-token",
        "x-sdk-date",
        "x-security-token",
        "x-project-id",
        "host",
        "content-type",
        "x-sdk-content-sha256",
    ]);
    let headers = proptest::collection::vec((name, header), 0..6);
    let strategy = (headers, proptest::collection::vec(pieces(), 0..6), bodies());
    run(600, &strategy, |(headers, pieces, body)| {
        let mut request = Request::builder().method("POST").uri(format!("/{}", pieces.join("/")));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(Body::from(body)) else { return 400 };
        runtime.block_on(server.send(request)).status.as_u16()
    });
}

#[test]
fn a_body_above_12_megabytes_is_refused() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let body = vec![b' '; 12 * 1024 * 1024 + 1];
    let path = server.path("secrets");
    let request = server.signed(&server.key(), "POST", &path, &body).body(Body::from(body)).unwrap();
    let answer = runtime.block_on(server.send(request));
    assert_eq!((answer.status.as_u16(), answer.code()), (413, "APIGW.0201"));
}
