//! What people do every day, against a real server: tags, grants, events, keys, files of values, edits, databases.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::shell::{DEADLINE, Shell};

#[tokio::test]
async fn an_empty_value_is_stored_only_when_it_is_meant() {
    let shell = Shell::open().await;
    let refused = shell.feed(&["secret", "create", "db"], b"").await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--allow-empty"), "{refused:?}");
    shell.refusal(&["secret", "get", "db"], 3).await;
    let created = shell.feed(&["secret", "create", "db", "--allow-empty"], b"").await;
    assert!(created.status.success(), "{created:?}");
    assert_eq!(shell.printed(&["secret", "get", "db", "--value"]).await, "");
}

#[tokio::test]
async fn a_value_can_be_made_by_the_service() {
    let shell = Shell::open().await;
    shell.printed(&["secret", "create", "key", "--generate", "--length", "40", "--without", "aeiou"]).await;
    let value = shell.printed(&["secret", "get", "key", "--value"]).await;
    assert_eq!(value.chars().count(), 40);
    assert!(!value.contains(['a', 'e', 'i', 'o', 'u']));
    let refusal = shell.refusal(&["secret", "create", "other", "--length", "40"], 2).await;
    assert!(refusal.contains("--generate"), "{refusal}");
}

#[tokio::test]
async fn a_login_of_a_database_becomes_a_secret_that_is_rotated() {
    let shell = Shell::open().await;
    let urn = format!("urn:fss:local-1:{}:function:default:rotate:latest", shell.server.project_id());
    let login = ["secret", "create", "db", "--postgres", "app@db.example.com/shop", "--every", "30d"];
    // The server has the bundled function if it lies beside the binary.
    let functions: Value = serde_json::from_str(&shell.printed(&["api", "ListFunctions"]).await).unwrap();
    if functions["functions"] == json!([]) {
        let without = shell.feed(&login, b"hunter2\n").await;
        assert_eq!(without.status.code(), Some(2), "{without:?}");
        assert!(String::from_utf8_lossy(&without.stderr).contains("--rotation-func-urn"), "{without:?}");
    }
    let created = shell.feed(&[&login[..], &["--rotation-func-urn", &urn]].concat(), b"hunter2\n").await;
    assert!(created.status.success(), "{created:?}");
    let value: Value = serde_json::from_str(&shell.printed(&["secret", "get", "db", "--value"]).await).unwrap();
    let expected = json!({ "engine": "postgresql", "host": "db.example.com", "port": 5432, "dbname": "shop",
                           "username": "app", "password": "hunter2" });
    assert_eq!(value, expected);
    let secret = shell.json(&["secret", "get", "db"]).await["secret"].clone();
    assert_eq!((&secret["secret_type"], &secret["auto_rotation"]), (&json!("RDS-FG"), &json!(true)));
    assert_eq!((&secret["rotation_period"], &secret["rotation_func_urn"]), (&json!("30d"), &json!(urn)));
    let refusal = shell.refusal(&["secret", "create", "x", "--mysql", "app:hunter2@db"], 2).await;
    assert!(refusal.contains("password"), "{refusal}");
}

#[tokio::test]
async fn an_end_of_a_version_is_a_while_or_a_time() {
    let shell = Shell::open().await;
    shell.create("db", b"x").await;
    let update = ["secret", "update", "db", "--value-file", "-", "-o", "json", "--expires"];
    let updated = shell.feed(&[&update[..], &["2099-01-02T03:04:05Z"]].concat(), b"y").await;
    let updated: Value = serde_json::from_slice(&updated.stdout).unwrap();
    assert_eq!(updated["version_metadata"]["expire_time"], 4_071_006_245_000_u64);
    let refused = shell.feed(&[&update[..], &["soon"]].concat(), b"y").await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("90d"), "{refused:?}");
}

#[tokio::test]
async fn tags_are_set_listed_and_removed_by_the_name_of_the_secret() {
    let shell = Shell::open().await;
    shell.create("db", b"x").await;
    shell.printed(&["secret", "tag", "set", "db", "team=a", "stage="]).await;
    let tags = shell.json(&["secret", "tag", "list", "db"]).await;
    assert_eq!(tags["tags"].as_array().unwrap().len(), 2, "{tags}");
    let left = shell.json(&["secret", "tag", "remove", "db", "stage"]).await;
    assert_eq!(left["tags"], json!([{ "key": "team", "value": "a" }]));
    assert_eq!(shell.json(&["secret", "tag", "list"]).await["tags"][0]["key"], "team");
    let refusal = shell.refusal(&["secret", "tag", "set", "absent", "team=a"], 3).await;
    assert!(refusal.starts_with("csms: secret absent: CSMS.0106"), "{refusal}");
    assert!(shell.refusal(&["secret", "tag", "set", "db", "team"], 2).await.contains("KEY=VALUE"));
}

#[tokio::test]
async fn a_command_goes_by_the_names_of_its_siblings_too() {
    let shell = Shell::open().await;
    shell.create("db", b"x").await;
    shell.printed(&["secret", "tag", "set", "db", "team=a"]).await;
    assert_eq!(shell.json(&["secret", "tag", "delete", "db", "team"]).await["tags"], json!([]));
    assert_eq!(shell.json(&["secret", "show", "db"]).await["secret"]["name"], "db");
    assert_eq!(shell.json(&["secret", "stage", "show", "db", "SYSCURRENT"]).await["stage"]["version_id"], "v1");
    assert_eq!(shell.json(&["user", "get", "admin"]).await["name"], "admin");
    shell.printed(&["key", "create", "sealing"]).await;
    shell.printed(&["key", "delete", "sealing", "--yes"]).await;
    assert!(shell.printed(&["key", "restore", "sealing"]).await.contains("disabled"));
    assert!(shell.printed(&["key", "get", "sealing"]).await.contains("disabled"));
}

#[tokio::test]
async fn a_grant_is_made_changed_and_taken_back() {
    let shell = Shell::open().await;
    shell.create("db", b"x").await;
    shell.printed(&["api", "CreateUserV5", "--name", "alice", "--enabled"]).await;
    let made = shell.printed(&["secret", "grant", "create", "db", "alice", "--until", "2099-01-02"]).await;
    assert!(made.contains("2099-01-0"), "{made}");
    assert_eq!(shell.json(&["secret", "grant", "list", "db"]).await["data"]["grantee_user"][0]["user_name"], "alice");
    shell.printed(&["secret", "grant", "update", "db", "alice", "--until", "30d"]).await;
    let taken = shell.printed(&["secret", "grant", "delete", "db", "alice"]).await;
    assert_eq!(taken, "the grant of alice on db is taken back\n");
    assert_eq!(shell.json(&["secret", "grant", "list", "db"]).await["data"]["grantee_user"], json!([]));
    let refusal = shell.refusal(&["secret", "grant", "create", "db", "nobody"], 6).await;
    assert!(refusal.starts_with("csms: secret db: "), "{refusal}");
}

#[tokio::test]
async fn an_event_is_made_switched_and_deleted() {
    let shell = Shell::open().await;
    let topic = format!("urn:smn:local-1:{}:alerts", shell.server.project_id());
    shell.printed(&["event", "create", "rotations", "--type", "SECRET_ROTATED", "--topic", &topic]).await;
    let event = shell.json(&["event", "show", "rotations"]).await["event"].clone();
    assert_eq!((&event["state"], &event["notification"]["target_name"]), (&json!("ENABLED"), &json!("alerts")));
    shell.printed(&["event", "disable", "rotations"]).await;
    assert_eq!(shell.json(&["event", "list"]).await["events"][0]["state"], "DISABLED");
    shell.printed(&["event", "enable", "rotations"]).await;
    shell.printed(&["event", "update", "rotations", "--type", "SECRET_DELETED"]).await;
    assert_eq!(shell.json(&["event", "show", "rotations"]).await["event"]["event_types"], json!(["SECRET_DELETED"]));
    assert!(shell.printed(&["event", "notifications"]).await.starts_with("TIME"));
    assert_eq!(shell.printed(&["event", "delete", "rotations"]).await, "the event rotations is deleted\n");
    let refusal = shell.refusal(&["event", "show", "rotations"], 3).await;
    assert!(refusal.starts_with("csms: event rotations: "), "{refusal}");
    assert!(
        shell
            .refusal(&["event", "create", "x", "--type", "NONE", "--topic", &topic], 2)
            .await
            .contains("SECRET_ROTATED")
    );
}

#[tokio::test]
async fn a_key_is_made_rotated_switched_and_deleted() {
    let shell = Shell::open().await;
    let made = shell.json(&["key", "create", "orders", "--description", "of orders", "--rotate-every", "90"]).await;
    assert_eq!(made["rotation"]["rotation_interval"], 90);
    assert!(shell.printed(&["key", "list"]).await.contains("orders"));
    assert!(shell.printed(&["key", "disable", "orders"]).await.contains("disabled"));
    assert!(shell.printed(&["key", "enable", "orders"]).await.contains("enabled"));
    let never = shell.json(&["key", "rotate", "orders", "--never"]).await;
    assert_eq!(never["rotation"]["key_rotation_enabled"], false);
    assert!(shell.printed(&["key", "delete", "orders", "--in-days", "7"]).await.contains("to be deleted"));
    assert!(shell.printed(&["key", "keep", "orders"]).await.contains("disabled"));
    let refusal = shell.refusal(&["key", "show", "absent"], 3).await;
    assert!(refusal.starts_with("csms: key absent: KMS."), "{refusal}");
}

#[tokio::test]
async fn a_file_of_variables_becomes_secrets_and_comes_back_as_it_was() {
    let shell = Shell::open().await;
    let file = shell.directory.path().join("team.env");
    fs::write(&file, "# of the team\nexport API_KEY='a $b'\nURL=https://x.example\n").unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(shell.printed(&["secret", "import", file]).await, "2 of 2 secrets are created\n");
    assert_eq!(shell.printed(&["secret", "get", "API_KEY", "--value"]).await, "a $b");
    let written = shell.printed(&["secret", "export", "API_KEY", "URL", "--form", "env"]).await;
    assert_eq!(written, "API_KEY='a $b'\nURL=https://x.example\n");
    let again = shell.run(&["secret", "import", file]).await;
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(told.contains("API_KEY: ") && !told.contains("a $b"), "{told}");

    shell.printed(&["secret", "import", file, "--into", "team"]).await;
    let members = shell.printed(&["secret", "export", "team", "--members"]).await;
    let members: Value = serde_json::from_str(&members).unwrap();
    assert_eq!(members, json!({ "API_KEY": "a $b", "URL": "https://x.example" }));
    let copy = shell.directory.path().join("copy.json");
    let said = shell.printed(&["secret", "export", "API_KEY", "--file", copy.to_str().unwrap()]).await;
    assert!(said.starts_with("1 value is written to "), "{said}");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(file, "hunter2\n").unwrap();
    let refusal = shell.refusal(&["secret", "import", file], 2).await;
    assert!(refusal.contains("line 1") && !refusal.contains("hunter2"), "{refusal}");
}

#[tokio::test]
async fn a_value_goes_in_and_comes_out_as_it_is_written() {
    let shell = Shell::open().await;
    let file = shell.directory.path().join("im.json");
    fs::write(&file, r#"{"m1":1.10,"m2":12345678901234567890123,"m3":1e3,"m4":null}"#).unwrap();
    let file = file.to_str().unwrap();
    shell.printed(&["secret", "import", file]).await;
    for (name, value) in [("m1", "1.10"), ("m2", "12345678901234567890123"), ("m3", "1e3"), ("m4", "null")] {
        assert_eq!(shell.printed(&["secret", "get", name, "--value"]).await, value);
    }
    shell.printed(&["secret", "import", file, "--into", "all"]).await;
    assert_eq!(shell.printed(&["secret", "get", "all", "--field", "m1"]).await, "1.10");
    let lines = shell.printed(&["secret", "export", "all", "--members", "--form", "env"]).await;
    assert!(lines.starts_with("m1=1.10\nm2=12345678901234567890123\nm3=1e3\n"), "{lines}");
    let set = shell.printed(&["exec", "--secret", "all", "--all", "--", "printenv", "m1", "m2", "m3"]).await;
    assert_eq!(set, "1.10\n12345678901234567890123\n1e3\n");

    shell.create("dup", br#"{"dup":"one","dup":"two"}"#).await;
    for arguments in [&["secret", "get", "dup", "--field", "dup"][..], &["secret", "export", "dup", "--members"]] {
        let refusal = shell.refusal(arguments, 1).await;
        assert!(refusal.contains("the member dup twice") && !refusal.contains("two"), "{refusal}");
    }
    let refusal = shell.refusal(&["exec", "--secret", "dup", "--all", "--", "true"], 125).await;
    assert!(refusal.contains("the member dup twice"), "{refusal}");
    fs::write(file, r#"{"i7":"a","i7":"b"}"#).unwrap();
    assert!(shell.refusal(&["secret", "import", file], 2).await.contains("i7 is there twice"));
    let body = r#"{"name":"dupx","name":"dupy"}"#;
    assert!(shell.refusal(&["api", "CreateSecret", "--body", body], 2).await.contains("the member name twice"));
}

#[tokio::test]
async fn an_edited_value_is_a_new_version_and_says_which_members_differ() {
    let shell = Shell::open().await;
    shell.create("db", br#"{"user":"app","password":"hunter2"}"#).await;
    let edit = async |editor: &str| {
        let mut command = shell.command(&["secret", "edit", "db"]);
        command.env("EDITOR", editor).env_remove("VISUAL");
        timeout(DEADLINE, command.output()).await.unwrap().unwrap()
    };
    let unchanged = edit("true").await;
    assert_eq!(String::from_utf8_lossy(&unchanged.stdout), "the value of db is not changed\n");
    let changed = edit("sed -i s/hunter2/hunter3/").await;
    assert!(changed.status.success(), "{changed:?}");
    assert_eq!(String::from_utf8_lossy(&changed.stderr), "~ password\n");
    assert_eq!(shell.printed(&["secret", "get", "db", "--field", "password"]).await, "hunter3");
    let failed = edit("false").await;
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    // Another version becomes the current one while the editor is open.
    let other = shell.directory.path().join("other");
    fs::write(&other, r#"{"user":"other"}"#).unwrap();
    let program = csms_testbed::server::binary().unwrap();
    let beside = format!(
        "sh -c '{} secret update db --value-file {} >/dev/null && sed -i s/app/new/ \"$1\"' sh",
        program.display(),
        other.display()
    );
    let late = edit(&beside).await;
    assert_eq!(late.status.code(), Some(1), "{late:?}");
    assert!(String::from_utf8_lossy(&late.stderr).contains("meanwhile"), "{late:?}");
    assert_eq!(shell.printed(&["secret", "get", "db", "--field", "user"]).await, "other");
}

#[tokio::test]
async fn a_terminal_is_asked_before_something_is_destroyed() {
    let shell = Shell::open().await;
    shell.create("db", b"x").await;
    // `script` runs a command on a terminal of its own.
    let on_terminal = async |answer: &str, flags: &str| {
        let program = csms_testbed::server::binary().unwrap();
        let line = format!("{} secret delete db --now {flags}", program.display());
        let mut command = tokio::process::Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).env("CSMS_CREDENTIALS", shell.server.credentials_path());
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut child.stdin.take().unwrap(), answer.as_bytes()).await.unwrap();
        timeout(DEADLINE, child.wait_with_output()).await.unwrap().unwrap()
    };
    let refused = on_terminal("n\n", "").await;
    let told = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("[y/N]") && told.contains("nothing is changed"), "{told}");
    shell.printed(&["secret", "get", "db"]).await;
    assert!(on_terminal("y\n", "").await.status.success());
    shell.refusal(&["secret", "get", "db"], 3).await;
    shell.create("db", b"x").await;
    let told = on_terminal("", "--yes").await;
    assert!(told.status.success() && !String::from_utf8_lossy(&told.stdout).contains("[y/N]"), "{told:?}");
}

#[tokio::test]
async fn a_shell_completes_the_names_of_secrets() {
    let shell = Shell::open().await;
    shell.create("db-orders", b"x").await;
    shell.create("other", b"x").await;
    let complete = async |words: &[&str]| {
        let mut command = shell.command(&[&["--", "csms"], words].concat());
        let output = timeout(DEADLINE, command.env("CSMS_COMPLETE", "fish").output()).await.unwrap().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(complete(&["secret", "get", "db"]).await, "db-orders\n");
    assert_eq!(complete(&["exec", "--secret", "o"]).await, "other\n");
}

#[tokio::test]
async fn secrets_are_listed_by_name_tag_type_and_state() {
    let shell = Shell::open().await;
    for name in ["orders-db", "orders-api", "shop-db"] {
        shell.create(name, b"x").await;
    }
    shell.printed(&["secret", "tag", "set", "orders-db", "team=a", "level=1"]).await;
    shell.printed(&["secret", "tag", "set", "shop-db", "team=b"]).await;
    shell.printed(&["secret", "delete", "shop-db", "--yes"]).await;
    for (conditions, expected) in [
        (&["--name", "orders"][..], &["orders-api", "orders-db"][..]),
        (&["--tag", "team"], &["orders-db", "shop-db"]),
        (&["--tag", "team=a", "--tag", "level=1"], &["orders-db"]),
        (&["--tag", "team=c"], &[]),
        (&["--state", "PENDING_DELETE"], &["shop-db"]),
        (&["--type", "RDS-FG"], &[]),
        (&["--name", "db", "--tag", "team=a"], &["orders-db"]),
    ] {
        let listed = shell.json(&[&["secret", "list"], conditions].concat()).await;
        let names: Vec<_> =
            listed["secrets"].as_array().unwrap().iter().map(|secret| secret["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{conditions:?}");
    }
    shell.refusal(&["secret", "list", "--state", "GONE"], 2).await;
}
