//! `csms api` against a real server: every operation is reached, and what is sent, printed and refused.

use std::fs;

use serde_json::{Value, json};

use crate::shell::Shell;

/// What `csms api` prints as JSON.
async fn called(shell: &Shell, arguments: &[&str]) -> Value {
    serde_json::from_str(&shell.printed(&[&["api"], arguments].concat()).await).unwrap()
}

#[tokio::test]
async fn every_operation_of_the_list_is_one_that_the_server_has() {
    let shell = Shell::open().await;
    let list: Vec<Value> = serde_json::from_str(&shell.printed(&["api", "--list", "--output", "json"]).await).unwrap();
    for service in ["csms", "kms", "iam", "cts", "functiongraph", "eps"] {
        assert!(list.iter().any(|row| row["service"] == service), "{service}");
    }
    for row in &list {
        let name = row["operation"].as_str().unwrap();
        let mut arguments = vec!["api".to_owned(), name.to_owned()];
        let parameters = row["path"].as_str().unwrap().split('/').filter_map(|segment| segment.strip_prefix('{'));
        for parameter in parameters.map(|name| name.trim_end_matches('}')).filter(|name| *name != "project_id") {
            arguments.extend([format!("--{}", parameter.replace('_', "-")), "absent".to_owned()]);
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = shell.run(&arguments).await;
        // Most have too little to succeed; the server refuses them by their own rules.
        assert!(matches!(output.status.code(), Some(0 | 3 | 4 | 6)), "{name}: {output:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!told.contains("no operation has this method and path"), "{name}: {told}");
    }
}

#[tokio::test]
async fn services_are_called_by_flags_and_print_json() {
    let shell = Shell::open().await;
    let value = shell.directory.path().join("value");
    fs::write(&value, "hunter2\n").unwrap();
    let from_file = format!("@{}", value.display());
    let created = called(&shell, &["CreateSecret", "--name", "db", "--secret-string", &from_file]).await;
    let id = created["secret"]["id"].as_str().unwrap();
    let read = called(&shell, &["show-secret-version", "--secret_name", "db", "--version_id", "latest"]).await;
    assert_eq!(read["version"]["secret_string"], "hunter2");
    let tag = r#"{"key":"team","value":"a"}"#;
    assert_eq!(shell.printed(&["api", "CreateSecretTag", "--secret-id", id, "--tag", tag]).await, "");
    let tags = called(&shell, &["ListSecretTags", "--secret-id", id]).await;
    assert_eq!(tags["tags"], json!([{ "key": "team", "value": "a" }]));

    let key = called(&shell, &["CreateKey", "--key-alias", "orders"]).await;
    assert!(key["key_info"]["key_id"].is_string(), "{key}");
    let user = called(&shell, &["CreateUserV5", "--name", "alice", "--enabled"]).await;
    let user = user["user"]["user_id"].as_str().unwrap();
    assert_eq!(called(&shell, &["ShowUserV5", "--user-id", user]).await["user"]["user_name"], "alice");
    let traces = called(&shell, &["ListTraces", "--limit", "200", "--service-type", "IAM"]).await;
    assert!(traces["traces"].as_array().unwrap().iter().any(|trace| trace["trace_name"] == "CreateUserV5"), "{traces}");
    let may = called(&shell, &["CheckPermissions", "--actions", "csms:secret:list"]).await;
    assert_eq!(may["allowed"], json!(["csms:secret:list"]));
    // The server has the bundled one if it lies beside the binary.
    let functions = called(&shell, &["ListFunctions"]).await;
    let names: Vec<_> = functions["functions"].as_array().unwrap().iter().map(|one| &one["func_name"]).collect();
    assert!(names.iter().all(|name| *name == "rotate-database"), "{functions}");

    let table = shell.printed(&["api", "ListSecrets", "-o", "table"]).await;
    assert!(table.contains("name") && table.contains("db") && !table.contains('{'), "{table}");
}

#[tokio::test]
async fn a_value_comes_from_standard_input_and_never_from_the_arguments() {
    let shell = Shell::open().await;
    let fed = shell.feed(&["api", "CreateSecret", "--name", "db", "--secret-string", "-"], b"hunter2\n").await;
    assert!(fed.status.success(), "{fed:?}");
    let read = called(&shell, &["ShowSecretVersion", "--secret-name", "db", "--version-id", "latest"]).await;
    assert_eq!(read["version"]["secret_string"], "hunter2");
    let body = br#"{"name":"whole","secret_string":"hunter2"}"#;
    let fed = shell.feed(&["api", "CreateSecret", "--body", "-"], body).await;
    assert!(fed.status.success(), "{fed:?}");
    let refusal = shell.refusal(&["api", "CreateSecret", "--name", "n", "--secret-string", "hunter2"], 2).await;
    assert!(refusal.contains("--secret-string @FILE") && !refusal.contains("hunter2"), "{refusal}");
}

#[tokio::test]
async fn what_is_wrong_has_a_status_and_a_sentence() {
    let shell = Shell::open().await;
    let refusal = shell.refusal(&["api", "CreateSecrt"], 2).await;
    assert_eq!(refusal, "csms: there is no operation CreateSecrt; did you mean CreateSecret?\n");
    let refusal = shell.refusal(&["api", "ListSecrets", "--limt", "1"], 2).await;
    assert!(refusal.contains("--limit"), "{refusal}");
    let refusal = shell.refusal(&["api", "ShowSecret"], 2).await;
    assert!(refusal.contains("--secret-name"), "{refusal}");
    let refusal = shell.refusal(&["api", "ShowSecret", "--secret-name", "absent"], 3).await;
    assert!(refusal.starts_with("csms: ShowSecret: CSMS.0106"), "{refusal}");
    let refusal = shell.refusal(&["api", "ListSecrets", "--limit", "5000"], 6).await;
    assert!(refusal.contains("limit"), "{refusal}");
    let told = shell.refusal(&["api", "ShowSecret", "--secret-name", "absent", "-o", "json"], 3).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["error"]["subject"], &told["error"]["kind"]), (&json!("ShowSecret"), &json!("not_found")));
    for (arguments, message) in [
        (&["api", "CreateSecrt", "--output=json"][..], "there is no operation CreateSecrt"),
        (&["api", "ListSecrets", "--limt", "1", "-o", "json"], "unexpected argument '--limt' found"),
        (&["api", "-o", "json", "ListSecrets", "--limt", "1"], "unexpected argument '--limt' found"),
    ] {
        let told: Value = serde_json::from_str(&shell.refusal(arguments, 2).await).unwrap();
        assert_eq!(told["error"]["kind"], "usage", "{arguments:?}");
        assert!(told["error"]["message"].as_str().unwrap().starts_with(message), "{told}");
    }
}

#[tokio::test]
async fn the_help_of_an_operation_lists_its_members() {
    let shell = Shell::open().await;
    let help = shell.printed(&["api", "CreateSecret", "--help"]).await;
    for part in ["/v1/{project_id}/secrets", "--name <TEXT>", "required", "--secret-string", "secret:", "--endpoint"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}
