//! What an invocation gets and returns.

use std::{collections::BTreeSet, fs::File, io::Write, time::Duration};

use functiongraph_runtime::{
    Credentials,
    host::{Code, FunctionSettings, FunctionUrn, HostConfig, Invocation, InvokeError, RegisterError},
};
use libtest_mimic::Trial;
use serde_json::json;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::setup::{Fixture, function_script, patient, result, urn};

pub(crate) fn tests() -> Vec<Trial> {
    crate::tests![
        a_typed_event_round_trips,
        a_function_from_an_archive_runs,
        an_archive_with_an_entry_outside_is_refused,
        a_function_in_another_language_runs,
        the_environment_is_that_of_the_platform_and_nothing_else,
        a_failing_handler_is_a_user_error,
        a_panic_is_a_user_error_and_the_instance_lives_on,
        credentials_reach_their_invocation_only,
        credentials_which_do_not_fit_a_header_are_refused,
        the_log_holds_what_the_invocation_printed,
        a_chatty_function_is_not_held_up,
        a_result_above_the_limit_fails,
        an_event_above_the_limit_is_refused,
        a_given_request_id_is_kept_and_a_bad_one_refused,
        unknown_functions_versions_and_aliases_are_told_apart,
        a_short_name_finds_the_function,
    ]
}

async fn a_typed_event_round_trips() {
    let fixture = Fixture::with_function(patient()).await;
    let event = json!({"do": "echo", "text": "grüße", "numbers": [1, 2.5]});
    let outcome = fixture.send(event.clone()).await.unwrap();
    assert_eq!(result(&outcome), event);
    assert!(outcome.peak_memory_bytes > 0);
    assert_eq!(outcome.memory_mb, 128);
    assert_eq!(outcome.request_id.len(), 36);
    assert_eq!(outcome.log_tail, "", "not asked for");
}

async fn a_function_from_an_archive_runs() {
    let fixture = Fixture::empty();
    let path = fixture.path("code.zip");
    let mut archive = ZipWriter::new(File::create(&path).unwrap());
    archive.start_file("bootstrap", SimpleFileOptions::default().unix_permissions(0o755)).unwrap();
    archive.write_all(b"#!/bin/sh\nexec \"$RUNTIME_CODE_ROOT/bin/start\"\n").unwrap();
    archive.start_file("bin/start", SimpleFileOptions::default().unix_permissions(0o700)).unwrap();
    archive.write_all(function_script().as_bytes()).unwrap();
    archive.finish().unwrap();
    fixture.host.register(urn(), Code::Zip(path), patient()).await.unwrap();

    let seen = fixture.result(json!({"do": "describe"})).await;
    let root = seen["variables"]["RUNTIME_CODE_ROOT"].as_str().unwrap();
    assert!(root.starts_with(fixture.path("scratch").to_str().unwrap()), "{root}");
    assert_eq!(format!("{}/code", seen["directory"].as_str().unwrap()), root);

    let home = std::path::Path::new(root).parent().unwrap();
    assert!(home.exists());
    fixture.host.shutdown().await;
    assert!(!home.exists(), "private directories are removed");
}

async fn an_archive_with_an_entry_outside_is_refused() {
    let fixture = Fixture::empty();
    let path = fixture.path("code.zip");
    let mut archive = ZipWriter::new(File::create(&path).unwrap());
    archive.start_file("../../escaped", SimpleFileOptions::default()).unwrap();
    archive.finish().unwrap();
    let refused = fixture.host.register(urn(), Code::Zip(path), patient()).await;
    assert!(matches!(refused, Err(RegisterError::Archive(_))));
    assert!(!fixture.path("escaped").exists());
    assert!(!fixture.host.is_registered(&urn()));
}

/// The protocol as another client speaks it: the vendor's description, in Python's standard library.
const PYTHON_FUNCTION: &str = r#"#!/usr/bin/env python3
import json, os, urllib.request
base = "http://%s/v1/runtime/invocation/" % os.environ["RUNTIME_API_ADDR"]
while True:
    with urllib.request.urlopen(base + "request") as answer:
        request_id = answer.headers["X-Cff-Request-Id"]
        event = json.load(answer)
    if "numbers" in event:
        path, body = "response/", {"sum": sum(event["numbers"])}
    else:
        path, body = "error/", {"errorType": "KeyError", "errorMessage": "numbers", "stackTrace": ["here"]}
    urllib.request.urlopen(base + path + request_id, data=json.dumps(body).encode()).close()
"#;

async fn a_function_in_another_language_runs() {
    let fixture = Fixture::with_bootstrap(PYTHON_FUNCTION, patient()).await;
    assert_eq!(fixture.result(json!({"numbers": [1, 2, 3]})).await, json!({"sum": 6}));
    let failed = fixture.send(json!({})).await.unwrap().result.unwrap_err();
    assert_eq!((failed.code, failed.failure.to_string()), (4002, "KeyError: numbers".to_owned()));
}

async fn the_environment_is_that_of_the_platform_and_nothing_else() {
    let settings = FunctionSettings {
        user_data: [("GREETING".to_owned(), "hello \"you\"".to_owned())].into(),
        memory_mb: 256,
        ..patient()
    };
    let fixture = Fixture::with_function(settings).await;
    let seen = fixture.result(json!({"do": "describe"})).await;
    let variables = seen["variables"].as_object().unwrap();
    for (name, value) in [
        ("RUNTIME_PROJECT_ID", "project"),
        ("RUNTIME_PACKAGE", "default"),
        ("RUNTIME_FUNC_NAME", "rotate"),
        ("RUNTIME_FUNC_VERSION", "latest"),
        ("RUNTIME_HANDLER", "index.handler"),
        ("RUNTIME_TIMEOUT", "60"),
        ("RUNTIME_USERDATA", r#"{"GREETING":"hello \"you\""}"#),
        ("RUNTIME_CPU", "400"),
        ("RUNTIME_MEMORY", "256"),
        ("RUNTIME_MAX_RESP_BODY_SIZE", "6291456"),
        ("GREETING", "hello \"you\""),
    ] {
        assert_eq!(variables[name], value, "{name}");
    }
    assert_eq!(seen["greeting"], "hello \"you\"");
    // The working directory is the parent of the code, as on the platform.
    let root = std::fs::canonicalize(fixture.path("code")).unwrap();
    assert_eq!(variables["RUNTIME_CODE_ROOT"], root.to_str().unwrap());
    assert_eq!(seen["directory"], root.parent().unwrap().to_str().unwrap());

    let by_the_shell = ["PWD", "OLDPWD", "SHLVL", "_"];
    let by_the_host = ["PATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "GREETING"];
    let others: BTreeSet<&String> = variables
        .keys()
        .filter(|name| !name.starts_with("RUNTIME_"))
        .filter(|name| !by_the_shell.contains(&name.as_str()) && !by_the_host.contains(&name.as_str()))
        .collect();
    assert_eq!(others, BTreeSet::new(), "nothing else of the host's environment");
}

async fn a_failing_handler_is_a_user_error() {
    let fixture = Fixture::with_function(patient()).await;
    let failed = fixture.send(json!({"do": "fail"})).await.unwrap().result.unwrap_err();
    assert_eq!((failed.code, failed.failure.to_string()), (4002, "OutOfStock: none left".to_owned()));
}

async fn a_panic_is_a_user_error_and_the_instance_lives_on() {
    let fixture = Fixture::with_function(patient()).await;
    let before = fixture.result(json!({"do": "describe"})).await;
    let failed = fixture.send(json!({"do": "panic"})).await.unwrap().result.unwrap_err();
    assert_eq!((failed.code, failed.failure.to_string()), (4002, "Panic: nothing left".to_owned()));
    assert_eq!(fixture.result(json!({"do": "describe"})).await["pid"], before["pid"]);
}

async fn credentials_reach_their_invocation_only() {
    let fixture = Fixture::with_function(patient()).await;
    let with = |number: u32| {
        let credentials = Credentials::from_keys(format!("access-{number}"), format!("secret-{number}"))
            .with_security_token(format!("token-{number}"));
        let event = json!({"do": "describe"}).to_string().into();
        fixture.invoke(Invocation { event, credentials: Some(credentials), ..Invocation::default() })
    };
    let (first, second) = tokio::join!(with(1), with(2));
    let without = fixture.result(json!({"do": "describe"})).await;
    let (first, second) = (result(&first.unwrap()), result(&second.unwrap()));
    assert_eq!(first["credentials"], json!(["access-1", "secret-1", "token-1"]));
    assert_eq!(second["credentials"], json!(["access-2", "secret-2", "token-2"]));
    assert_eq!(without["credentials"], json!(null));
    for seen in [first, second, without] {
        assert!(!seen["variables"].to_string().contains("secret-"), "not in the environment");
    }
}

async fn credentials_which_do_not_fit_a_header_are_refused() {
    let fixture = Fixture::with_function(patient()).await;
    let credentials = Some(Credentials::from_keys("access", "sec\nret"));
    let refused = fixture.invoke(Invocation { credentials, ..Invocation::default() }).await.unwrap_err();
    assert!(matches!(refused, InvokeError::InvalidCredentials));
    assert!(!refused.to_string().contains("ret\""));
}

async fn the_log_holds_what_the_invocation_printed() {
    let fixture = Fixture::with_function(patient()).await;
    let invoke = |what: &str| Invocation {
        event: json!({"do": what}).to_string().into(),
        tail_log: true,
        ..Invocation::default()
    };
    let first = fixture.invoke(invoke("log")).await.unwrap();
    let id = &first.request_id;
    let lines: Vec<&str> = first.log_tail.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].ends_with(&format!("Start invoke request '{id}', version: latest")), "{lines:?}");
    assert_eq!(lines[1], "to standard output");
    assert!(lines[2].ends_with(&format!("{id} INFO to standard error")), "{lines:?}");
    assert!(lines[3].contains(&format!("Finish invoke request '{id}', duration: ")), "{lines:?}");

    let second = fixture.invoke(invoke("fail")).await.unwrap();
    assert!(!second.log_tail.contains("to standard output"), "the log of another invocation");
    assert!(second.log_tail.contains("ERROR OutOfStock: none left"), "{}", second.log_tail);
    assert!(second.log_tail.contains("(invoke Failed)"), "{}", second.log_tail);
}

async fn a_chatty_function_is_not_held_up() {
    let fixture = Fixture::with_function(patient()).await;
    let event = json!({"do": "chatter"}).to_string().into();
    let outcome = fixture.invoke(Invocation { event, tail_log: true, ..Invocation::default() }).await.unwrap();
    assert_eq!(outcome.log_tail.len(), 4096);
    assert!(outcome.log_tail.contains("chatter 199999\n"));
}

async fn a_result_above_the_limit_fails() {
    let fixture = Fixture::with_function(patient()).await;
    let fits = fixture.result(json!({"do": "fill", "bytes": 6_291_456 - 2})).await;
    assert_eq!(fits.as_str().unwrap().len(), 6_291_454, "with its quotes just at the limit");
    let failed = fixture.send(json!({"do": "fill", "bytes": 6_291_456 - 1})).await.unwrap().result.unwrap_err();
    assert_eq!(failed.failure.error_type, "ResponseTooLarge");
}

async fn an_event_above_the_limit_is_refused() {
    let fixture = Fixture::with_function(patient()).await;
    let invocation = |size: usize| Invocation { event: vec![b' '; size].into(), ..Invocation::default() };
    let refused = fixture.invoke(invocation(6_291_457)).await.unwrap_err();
    assert_eq!(refused.code(), Some(4140));
    assert!(matches!(refused, InvokeError::RequestTooLarge { size: 6_291_457, limit: 6_291_456 }));
    let refused = fixture.host.invoke_async(&urn(), &invocation(262_145), Default::default());
    assert!(matches!(refused, Err(InvokeError::RequestTooLarge { limit: 262_144, .. })));
}

async fn a_given_request_id_is_kept_and_a_bad_one_refused() {
    let fixture = Fixture::with_function(patient()).await;
    let with_id = |id: &str| Invocation {
        event: json!({"do": "describe"}).to_string().into(),
        request_id: Some(id.to_owned()),
        ..Invocation::default()
    };
    let outcome = fixture.invoke(with_id("task-7.1")).await.unwrap();
    assert_eq!((outcome.request_id.as_str(), &result(&outcome)["request_id"]), ("task-7.1", &json!("task-7.1")));
    for bad in ["", "a/b", "..", "a b", &"x".repeat(129)] {
        assert!(matches!(fixture.invoke(with_id(bad)).await, Err(InvokeError::InvalidRequestId)), "{bad}");
    }
}

async fn unknown_functions_versions_and_aliases_are_told_apart() {
    let fixture = Fixture::with_function(patient()).await;
    let invoke = |urn: &'static str| {
        let urn: FunctionUrn = urn.parse().unwrap();
        let host = fixture.host.clone();
        async move { host.invoke(&urn, Invocation::default()).await.unwrap_err() }
    };
    assert!(matches!(invoke("project:default:other").await, InvokeError::UnknownFunction));
    assert!(matches!(invoke("elsewhere:default:rotate").await, InvokeError::UnknownFunction));
    assert!(matches!(invoke("urn:fss:far:project:function:default:rotate").await, InvokeError::UnknownFunction));
    assert!(matches!(invoke("project:default:rotate:v2").await, InvokeError::UnknownVersion));
    assert!(matches!(invoke("project:default:rotate:!prod").await, InvokeError::UnknownAlias));
}

async fn a_short_name_finds_the_function() {
    let fixture = Fixture::with_config(HostConfig { queue_timeout: Duration::from_secs(1), ..HostConfig::default() });
    fixture.register(&function_script(), patient()).await;
    for name in ["rotate", "default:rotate", "project:default:rotate", "project:default:rotate:latest"] {
        assert!(fixture.host.is_registered(&name.parse().unwrap()), "{name}");
    }
    assert!(!fixture.host.is_registered(&"other".parse().unwrap()));
}
