//! `csms user`, `csms policy` and `csms audit` through the API of a real server.

use serde_json::{Value, json};

use crate::shell::Shell;

const READERS: &[u8] = br#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:*:list*"]}]}"#;
const OTHERS: &[u8] = br#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:*:get*"]}]}"#;

async fn fed(shell: &Shell, arguments: &[&str], input: &[u8]) -> String {
    let output = shell.feed(arguments, input).await;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_user_is_made_changed_and_deleted_through_the_api() {
    let shell = Shell::open().await;
    assert_eq!(
        fed(&shell, &["policy", "create", "readers", "--file", "-"], READERS).await,
        "the policy readers is created\n"
    );
    let made = shell.json(&["user", "create", "alice", "--policy", "readers"]).await;
    let (key, id) = (made["access_key"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert!(made["secret_key"].as_str().unwrap().len() >= 40);
    let shown = shell.json(&["user", "show", "alice"]).await;
    assert_eq!((&shown["id"], &shown["policies"], &shown["enabled"]), (&json!(id), &json!(["readers"]), &json!(true)));
    let list = shell.printed(&["user", "list"]).await;
    assert!(list.contains("alice") && list.contains("(own)"), "{list}");
    assert_eq!(
        shell.printed(&["user", "detach", "alice", "readers"]).await,
        "the policy readers is not attached to alice\n"
    );
    assert_eq!(
        shell.printed(&["user", "attach", "alice", "readers"]).await,
        "the policy readers is attached to alice\n"
    );
    assert_eq!(shell.printed(&["user", "disable", "alice"]).await, "the user alice is out of use\n");
    assert_eq!(shell.printed(&["user", "enable", "alice"]).await, "the user alice is in use\n");
    let set = fed(&shell, &["user", "set-password", "alice", "--password-file", "-"], b"Blue-Kettle 7q\n").await;
    assert_eq!(set, "the password of alice is set\n");
    let password = shell.json(&["user", "set-password", "alice"]).await;
    assert!(password["password"].as_str().unwrap().len() >= 16);

    assert_eq!(shell.printed(&["user", "key", "disable", key]).await, format!("the access key {key} is out of use\n"));
    let keys = shell.printed(&["user", "key", "list", "alice"]).await;
    assert!(keys.contains("inactive") && keys.contains("never"), "{keys}");
    shell.printed(&["user", "key", "enable", key]).await;
    let second = shell.json(&["user", "key", "create", "alice"]).await;
    assert_ne!(second["access_key"], json!(key));
    assert_eq!(shell.printed(&["user", "key", "delete", key]).await, format!("the access key {key} is deleted\n"));
    let refusal = shell.refusal(&["user", "create", "alice"], 6).await;
    assert!(refusal.starts_with("csms: user alice: "), "{refusal}");
    let protected = shell.refusal(&["user", "disable", "admin"], 6).await;
    assert!(protected.starts_with("csms: user admin: "), "{protected}");
    let deleted = shell.printed(&["user", "delete", "alice"]).await;
    assert_eq!(deleted, "the user alice and its access keys are deleted\n");
    let refusal = shell.refusal(&["user", "show", "alice"], 3).await;
    assert_eq!(refusal, "csms: user alice: there is no such user\n");
}

#[tokio::test]
async fn a_policy_is_replaced_more_often_than_it_may_have_versions() {
    let shell = Shell::open().await;
    fed(&shell, &["policy", "create", "team", "--file", "-"], READERS).await;
    for policy in [OTHERS, READERS, OTHERS, READERS, OTHERS, READERS, OTHERS] {
        assert_eq!(
            fed(&shell, &["policy", "update", "team", "--file", "-"], policy).await,
            "the policy team is replaced\n"
        );
    }
    let shown: Value = serde_json::from_str(&shell.printed(&["policy", "show", "team"]).await).unwrap();
    assert_eq!(shown["Statement"][0]["Action"], json!(["csms:*:get*"]));
    assert!(shell.printed(&["policy", "list"]).await.contains("CSMS FullAccess"));
    assert_eq!(shell.printed(&["policy", "delete", "team"]).await, "the policy team is deleted\n");
    let refused = shell.feed(&["policy", "create", "bad", "--file", "-"], b"{}").await;
    assert_eq!(refused.status.code(), Some(6), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).starts_with("csms: policy bad: PAP5.0011"), "{refused:?}");
}

#[tokio::test]
async fn the_trail_says_who_did_what() {
    let shell = Shell::open().await;
    shell.create("db", b"x").await;
    shell.create("other", b"x").await;
    shell.printed(&["secret", "get", "db", "--value"]).await;
    let list = async || shell.json(&["audit", "list", "--secret", "db"]).await["traces"].clone();
    // A read is on disk shortly after its answer.
    let mut traces = list().await;
    while traces.as_array().unwrap().len() < 2 {
        traces = list().await;
    }
    let names: Vec<_> = traces.as_array().unwrap().iter().map(|trace| trace["trace_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["CreateSecret", "ShowSecretVersion"]);
    let last = shell.json(&["audit", "list", "--limit", "1"]).await;
    assert_eq!(last["traces"].as_array().unwrap().len(), 1);
    assert!(shell.printed(&["audit", "list"]).await.starts_with("NUMBER"));
}

#[tokio::test]
async fn what_needs_the_data_itself_says_so() {
    let shell = Shell::open().await;
    for arguments in [
        &["audit", "verify"][..],
        &["user", "report"],
        &["user", "create", "x", "--expires", "90d"],
        &["user", "create", "x", "--project", "eu-1"],
        &["user", "key", "expire", "AK", "90d"],
        &["policy", "check", "--user", "x", "--action", "csms:secret:list"],
    ] {
        let refusal = shell.refusal(arguments, 2).await;
        assert!(refusal.contains("--offline"), "{arguments:?}: {refusal}");
    }
}

#[tokio::test]
async fn what_is_missing_is_the_subject_of_the_error_whatever_the_command_is_about() {
    let shell = Shell::open().await;
    for (arguments, subject) in [
        (&["user", "show", "nobody"][..], "user nobody"),
        (&["user", "create", "alice", "--policy", "nothing"], "policy nothing"),
        (&["user", "key", "disable", "NOKEY"], "access key NOKEY"),
        (&["policy", "show", "nothing"], "policy nothing"),
    ] {
        let told = shell.refusal(&[arguments, &["-o", "json"]].concat(), 3).await;
        let error = serde_json::from_str::<Value>(&told).unwrap()["error"].clone();
        assert_eq!((&error["kind"], &error["subject"]), (&json!("not_found"), &json!(subject)), "{arguments:?}");
        assert!(error["message"].as_str().unwrap().starts_with("there is no such "), "{error}");
    }
}
