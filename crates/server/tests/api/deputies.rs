//! What the operator has set up for one project of the server is not for secrets and events of another.

use std::{fs, os::unix::fs::PermissionsExt as _};

use axum::http::StatusCode;
use csms_core::{FunctionUrn, RegionName, event::TargetId};
use serde_json::json;

use crate::support::{Server, open_with, settings};

/// A server with a function and a webhook in the project of the region `away`, and the two: listed by the operator or not.
async fn server(directory: &std::path::Path, is_listed: bool) -> (Server, String, String) {
    let code = directory.join("function");
    fs::create_dir_all(&code).unwrap();
    fs::write(code.join("bootstrap"), "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(code.join("bootstrap"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut settings = settings(&directory.join("data"));
    settings.regions = ["home", "away"].map(|name| RegionName::parse(name).unwrap()).to_vec();
    // The projects are known after a first start.
    let away = project(&open_with(&settings).await.unwrap(), "away");
    let (function, topic) =
        (format!("urn:fss:away:{away}:function:default:theirs:latest"), format!("urn:smn:away:{away}:theirs"));
    settings.functions = vec![(FunctionUrn::parse(&function).unwrap(), code)];
    settings.webhooks = vec![(TargetId::parse(topic.clone()).unwrap(), "http://127.0.0.1:9/".to_owned())];
    if is_listed {
        settings.deputies.functions = vec![function.parse().unwrap()];
        settings.deputies.topics = vec![topic.parse().unwrap()];
    }
    (open_with(&settings).await.unwrap(), function, topic)
}

fn project(server: &Server, region: &str) -> String {
    let regions = &server.app.identity.regions;
    regions.iter().find(|known| known.name.as_str() == region).unwrap().project.to_string()
}

#[tokio::test]
async fn secrets_and_events_name_only_what_is_set_up_for_their_own_project() {
    let directory = tempfile::tempdir().unwrap();
    for (is_listed, in_home) in [(false, StatusCode::FORBIDDEN), (true, StatusCode::OK)] {
        let (server, function, topic) = server(directory.path(), is_listed).await;
        for (region, expected) in [("home", in_home), ("away", StatusCode::OK)] {
            let name = format!("name-{is_listed}");
            let config = r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#;
            let secret = json!({
                "name": name, "secret_string": "x", "secret_type": "RDS-FG", "rotation_config": config,
                "rotation_func_urn": function,
            });
            let notification = json!({ "target_type": "SMN", "target_id": topic, "target_name": "t" });
            let event = json!({
                "name": name, "event_types": ["SECRET_VERSION_CREATED"], "state": "ENABLED", "notification": notification,
            });
            let path = |rest: &str| format!("/v1/{}/{rest}", project(&server, region));
            for (path, body) in [(path("secrets"), secret), (path("csms/events"), event)] {
                let answer = server.call("POST", &path, body).await;
                assert_eq!(answer.status, expected, "listed: {is_listed}, {path} in {region}: {}", answer.body);
            }
        }
        server.app.functions.shutdown().await;
    }
}
