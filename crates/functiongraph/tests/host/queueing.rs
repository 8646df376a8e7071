//! Who waits for an instance, who is refused, and who never has to wait for others.

use std::{fs, time::Duration};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use functiongraph_runtime::host::{
    AsyncRetry, Front, FunctionSettings, HostConfig, Invocation, InvocationClass, InvokeError, router,
};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::setup::{Fixture, content_of, eventually, function_script, patient, urn};

pub(crate) fn tests() -> Vec<Trial> {
    crate::tests![
        rotations_have_instances_of_their_own,
        rotations_and_callers_never_share_an_instance,
        an_accepted_invocation_waits_as_long_as_it_takes,
        asynchronous_invocations_above_the_limit_are_refused_and_none_accepted_is_lost,
        the_events_of_asynchronous_invocations_share_a_room,
        synchronous_invocations_that_find_no_room_to_wait_are_refused,
        the_invoke_api_says_when_to_come_again,
    ]
}

/// A host whose function has one instance for each class.
async fn narrow(config: HostConfig) -> Fixture {
    let fixture = Fixture::with_config(config);
    let settings = FunctionSettings { max_instances: 1, max_rotation_instances: 1, ..patient() };
    fixture.register(&function_script(), settings).await;
    fixture
}

fn invocation(class: InvocationClass, event: &Value) -> Invocation {
    Invocation { class, event: event.to_string().into(), ..Invocation::default() }
}

/// An event that writes the file `mine` and ends when there is a file `go`.
fn until_go(fixture: &Fixture, mine: &str) -> Value {
    json!({"do": "meet", "mine": fixture.path(mine), "other": fixture.path("go")})
}

fn go(fixture: &Fixture) {
    fs::write(fixture.path("go"), "").unwrap();
}

/// Accepts an invocation, or says why not.
fn accept(fixture: &Fixture, event: &Value) -> Result<String, InvokeError> {
    let retry = AsyncRetry { retries: 0, pause: Duration::ZERO };
    fixture.host.invoke_async(&urn(), &invocation(InvocationClass::Api, event), retry)
}

async fn rotations_have_instances_of_their_own() {
    let fixture = narrow(HostConfig::default()).await;
    let busy = fixture.send(until_go(&fixture, "busy"));
    let meanwhile = async {
        content_of(&fixture.path("busy")).await;
        while accept(&fixture, &until_go(&fixture, "waiting")).is_ok() {}
        let event = json!({"do": "echo"});
        let outcome = fixture.invoke(invocation(InvocationClass::Rotation, &event)).await.unwrap();
        assert!(outcome.result.is_ok());
        go(&fixture);
    };
    let (outcome, ()) = tokio::join!(busy, meanwhile);
    assert!(outcome.unwrap().result.is_ok());
}

async fn rotations_and_callers_never_share_an_instance() {
    let fixture = Fixture::with_function(patient()).await;
    let mut pids = Vec::new();
    for class in [InvocationClass::Api, InvocationClass::Rotation, InvocationClass::Api, InvocationClass::Rotation] {
        let outcome = fixture.invoke(invocation(class, &json!({"do": "describe"}))).await.unwrap();
        pids.push(crate::setup::result(&outcome)["pid"].clone());
    }
    assert_ne!(pids[0], pids[1]);
    assert_eq!(pids[..2], pids[2..], "each class uses its warm instance again");
}

async fn an_accepted_invocation_waits_as_long_as_it_takes() {
    let fixture = narrow(HostConfig { queue_timeout: Duration::ZERO, ..HostConfig::default() }).await;
    let busy = fixture.send(until_go(&fixture, "busy"));
    let meanwhile = async {
        content_of(&fixture.path("busy")).await;
        accept(&fixture, &until_go(&fixture, "accepted")).unwrap();
        assert!(matches!(fixture.send(json!({"do": "echo"})).await, Err(InvokeError::Overloaded)));
        go(&fixture);
    };
    let (outcome, ()) = tokio::join!(busy, meanwhile);
    assert!(outcome.unwrap().result.is_ok());
    content_of(&fixture.path("accepted")).await;
}

async fn asynchronous_invocations_above_the_limit_are_refused_and_none_accepted_is_lost() {
    let fixture = narrow(HostConfig { max_waiting: 5, ..HostConfig::default() }).await;
    let (accepted, refused): (Vec<_>, Vec<_>) = (0..20).map(|number| format!("file-{number}")).partition(|name| {
        match accept(&fixture, &until_go(&fixture, name)) {
            Ok(_) => true,
            Err(InvokeError::QueueFull) => false,
            Err(other) => unreachable!("{other}"),
        }
    });
    assert_eq!((accepted.len(), refused.len()), (5, 15));
    go(&fixture);
    for name in accepted {
        content_of(&fixture.path(&name)).await;
    }
    eventually("there is room again", || accept(&fixture, &until_go(&fixture, "later")).is_ok()).await;
    content_of(&fixture.path("later")).await;
    assert!(refused.iter().all(|name| !fixture.path(name).exists()));
}

async fn the_events_of_asynchronous_invocations_share_a_room() {
    let fixture = narrow(HostConfig { max_async_bytes: 1000, ..HostConfig::default() }).await;
    let mut large = until_go(&fixture, "large");
    large["padding"] = "x".repeat(1000 - large.to_string().len() - r#","padding":"""#.len()).into();
    accept(&fixture, &large).unwrap();
    assert!(matches!(accept(&fixture, &json!({})), Err(InvokeError::QueueFull)));
    go(&fixture);
    eventually("there is room again", || accept(&fixture, &json!({"do": "echo"})).is_ok()).await;
}

async fn synchronous_invocations_that_find_no_room_to_wait_are_refused() {
    let fixture = narrow(HostConfig { max_waiting: 1, ..HostConfig::default() }).await;
    let busy = fixture.send(until_go(&fixture, "busy"));
    let meanwhile = async {
        content_of(&fixture.path("busy")).await;
        let mut others = JoinSet::new();
        for _ in 0..2 {
            let host = fixture.host.clone();
            let event = invocation(InvocationClass::Api, &json!({"do": "echo"}));
            others.spawn(async move { host.invoke(&urn(), event).await });
        }
        // One of them takes the only place to wait; whichever it is, it cannot end before the other.
        let refused = others.join_next().await.unwrap().unwrap();
        assert!(matches!(refused, Err(InvokeError::QueueFull)), "{refused:?}");
        go(&fixture);
        assert!(others.join_next().await.unwrap().unwrap().unwrap().result.is_ok());
    };
    let (outcome, ()) = tokio::join!(busy, meanwhile);
    assert!(outcome.unwrap().result.is_ok());
}

async fn the_invoke_api_says_when_to_come_again() {
    let config = HostConfig { max_waiting: 1, queue_timeout: Duration::ZERO, ..HostConfig::default() };
    let fixture = narrow(config).await;
    accept(&fixture, &until_go(&fixture, "busy")).unwrap();
    content_of(&fixture.path("busy")).await;
    for call in ["invocations", "invocations-async"] {
        let path = format!("/v2/project/fgs/functions/{}/{call}", urn());
        let request = Request::post(path).body(Body::from(r#"{"do":"echo"}"#)).unwrap();
        let answer = router(Front::new(fixture.host.clone())).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS, "{call}");
        assert_eq!(answer.headers()["retry-after"], "5");
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["error_code"], "FSS.0429");
    }
    go(&fixture);
}
