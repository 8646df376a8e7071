//! The commands that use a server, against a real one: what they print, what they leave behind, how they end.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod account;
mod api;
mod bundle;
mod compared;
mod daily;
mod greeting;
mod shell;
mod untold;

use std::fs;

use csms_testbed::server::Options;
use serde_json::{Value, json};
use tokio::{process::Command, time::timeout};

use shell::{DEADLINE, Shell};

#[tokio::test]
async fn a_value_goes_in_by_standard_input_and_comes_out_only_when_asked() {
    let shell = Shell::open().await;
    let created = shell.feed(&["secret", "create", "db", "--description", "login"], b"hunter2\n").await;
    assert!(created.status.success(), "{created:?}");
    assert!(!String::from_utf8_lossy(&created.stdout).contains("hunter2"));
    for arguments in [&["secret", "get", "db"][..], &["secret", "get", "db", "-o", "json"], &["secret", "list"]] {
        let printed = shell.printed(arguments).await;
        assert!(printed.contains("db") && !printed.contains("hunter2"), "{printed}");
    }
    assert_eq!(shell.printed(&["secret", "get", "db", "--value"]).await, "hunter2");
    assert_eq!(shell.json(&["secret", "get", "db"]).await["secret"]["description"], "login");
    assert_eq!(shell.json(&["secret", "get", "db", "--value"]).await["version"]["secret_string"], "hunter2");
}

#[tokio::test]
async fn a_new_value_is_a_new_version_and_the_old_one_can_still_be_read() {
    let shell = Shell::open().await;
    shell.create("db", b"first").await;
    let file = shell.directory.path().join("value");
    fs::write(&file, b"\xff\x00second").unwrap();
    let file = file.to_str().unwrap();
    shell.printed(&["secret", "update", "db", "--binary", "--value-file", file, "--description", "changed"]).await;

    let versions = shell.json(&["secret", "versions", "db"]).await;
    let stages: Vec<_> =
        versions["version_metadatas"].as_array().unwrap().iter().map(|one| &one["version_stages"]).collect();
    assert_eq!(stages, [&json!(["SYSPREVIOUS"]), &json!(["SYSCURRENT"])]);
    let output = shell.run(&["secret", "get", "db", "--value"]).await;
    assert_eq!(output.stdout, b"\xff\x00second");
    assert_eq!(shell.printed(&["secret", "get", "db", "--value", "--version", "v1"]).await, "first");
    assert_eq!(shell.json(&["secret", "get", "db"]).await["secret"]["description"], "changed");
    assert_eq!(shell.json(&["secret", "get", "db", "--version", "latest"]).await["id"], "v2");
    let refusal = shell.refusal(&["secret", "update", "db"], 2).await;
    assert!(refusal.contains("nothing to change"), "{refusal}");
}

#[tokio::test]
async fn one_member_of_a_value_can_be_printed() {
    let shell = Shell::open().await;
    shell.create("db", br#"{"user":"app","port":5432}"#).await;
    assert_eq!(shell.printed(&["secret", "get", "db", "--field", "user"]).await, "app");
    assert_eq!(shell.printed(&["secret", "get", "db", "--field", "port"]).await, "5432");
    let refusal = shell.refusal(&["secret", "get", "db", "--field", "password"], 3).await;
    assert!(refusal.contains("no member password") && !refusal.contains("app"), "{refusal}");
}

#[tokio::test]
async fn stages_are_moved_and_deleted() {
    let shell = Shell::open().await;
    shell.create("db", b"x").await;
    shell.printed(&["secret", "stage", "set", "db", "blue", "v1"]).await;
    assert_eq!(shell.json(&["secret", "stage", "get", "db", "blue"]).await["stage"]["version_id"], "v1");
    shell.printed(&["secret", "stage", "delete", "db", "blue"]).await;
    let refusal = shell.refusal(&["secret", "stage", "get", "db", "blue"], 3).await;
    assert!(refusal.contains("CSMS.0005") && refusal.contains("HTTP 404"), "{refusal}");
}

#[tokio::test]
async fn a_deletion_is_scheduled_unless_it_is_to_be_now() {
    let shell = Shell::open().await;
    shell.create("db", b"x").await;
    assert_eq!(shell.json(&["secret", "delete", "db", "--in-days", "7"]).await["secret"]["state"], "PENDING_DELETE");
    assert_eq!(shell.json(&["secret", "restore", "db"]).await["secret"]["state"], "ENABLED");
    assert_eq!(shell.printed(&["secret", "delete", "db", "--now"]).await, "db is deleted\n");
    let refusal = shell.refusal(&["secret", "get", "db"], 3).await;
    assert!(refusal.starts_with("csms: secret db: CSMS.0106"), "{refusal}");
}

#[tokio::test]
async fn a_rotation_that_fails_is_exit_status_7_and_stands_in_the_tasks() {
    // Nothing listens on the discard port: no attempt finds its function.
    let options = Options::default().argument("--functiongraph-endpoint").argument("http://127.0.0.1:9");
    let keys = ["CSMS_FUNCTIONGRAPH_ACCESS_KEY", "CSMS_FUNCTIONGRAPH_SECRET_KEY"];
    let shell = Shell::with(keys.into_iter().fold(options, |options, name| options.variable(name, "key"))).await;
    let urn = format!("urn:fss:local-1:{}:function:default:nowhere:latest", shell.server.project_id());
    let arguments = ["secret", "create", "db", "--type", "RDS-FG", "--rotation-func-urn", &urn, "--rotation-config"];
    let config = r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#;
    let value = br#"{"engine":"mysql","host":"localhost","port":1,"username":"a","password":"b"}"#;
    let created = shell.feed(&[&arguments[..], &[config]].concat(), value).await;
    assert!(created.status.success(), "{created:?}");

    let output = shell.run(&["secret", "rotate", "db", "--wait"]).await;
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("FAILED"), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "csms: secret db: the rotation failed\n");
    let tasks = shell.json(&["secret", "tasks", "db", "--status", "FAILED"]).await;
    assert_eq!(tasks["total"], 1);
    let table = shell.printed(&["secret", "tasks"]).await;
    assert!(table.starts_with("TASK ") && table.contains("FAILED"), "{table}");
    let steps = shell.printed(&["secret", "tasks", "db", "--steps"]).await;
    assert!(steps.contains("OUTCOME") && steps.lines().count() > 1, "{steps}");
    assert!(steps.contains("Begin the rotation") && steps.contains("the function was not reached"), "{steps}");

    let steps = shell.in_chinese(&["secret", "tasks", "db", "--steps"]).await.stdout;
    let steps = String::from_utf8(steps).unwrap();
    assert!(steps.contains("开始轮转") && steps.contains("无法调用函数："), "{steps}");
    let task = tasks["tasks"][0]["task_id"].as_str().unwrap();
    let told = shell.json(&["secret", "tasks", "--task", task]).await;
    let task = &told["tasks"][0];
    assert_eq!(task["task_error_detail"]["code"], "task.function-unreachable");
    assert!(task["task_error_msg"].as_str().unwrap().starts_with("the function was not reached: "), "{task}");
    assert_eq!(task["steps"][0]["outcome_detail"]["code"], "begin.request");
    let again = shell.in_chinese(&["secret", "rotate", "db", "--wait"]).await;
    assert_eq!(String::from_utf8(again.stderr).unwrap(), "csms: secret db: 轮转失败\n");
    assert!(String::from_utf8(again.stdout).unwrap().contains("无法调用函数："));
}

#[tokio::test]
async fn a_rotation_that_does_not_begin_is_refused_in_the_language_of_the_terminal() {
    let shell = Shell::open().await;
    shell.create("text", b"x").await;
    let refusal = shell.refusal(&["secret", "rotate", "text"], 6).await;
    let told = "csms: secret text: CSMS.0501 Secrets of type COMMON are not rotated by the service";
    assert!(refusal.starts_with(told), "{refusal}");
    let output = shell.in_chinese(&["secret", "rotate", "text"]).await;
    let refusal = String::from_utf8(output.stderr).unwrap();
    assert!(refusal.starts_with("csms: secret text: CSMS.0501 COMMON 类型的凭据不由服务轮转；"), "{refusal}");
    let output = shell.in_chinese(&["secret", "rotate", "text", "-o", "json"]).await;
    let refusal: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(refusal["error"]["detail"]["code"], "refusal.common-secret");
    assert!(refusal["error"]["message"].as_str().unwrap().starts_with("Secrets of type COMMON"), "{refusal}");
}

#[tokio::test]
async fn a_program_gets_the_members_of_a_value_and_its_exit_status_is_ours() {
    let shell = Shell::open().await;
    shell.create("db", br#"{"user":"app","port":5432}"#).await;
    let print = "printf '%s %s' \"$DB_USER\" \"$DB_PORT\"; printf %s \"$CSMS_CREDENTIALS\" >&2; exit 7";
    let arguments = ["exec", "--secret", "db", "--prefix", "db_", "--upper", "--", "sh", "-c", print];
    let output = shell.run(&arguments).await;
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "app 5432");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "the way to the keys is not handed on");
}

#[tokio::test]
async fn a_signal_reaches_the_program() {
    use std::os::unix::process::ExitStatusExt;

    let shell = Shell::open().await;
    shell.create("key", b"any text").await;
    let print = "printf %s \"$KEY\"; kill -TERM $$; sleep 60";
    let output = shell.run(&["exec", "--secret", "key", "--variable", "KEY", "--", "sh", "-c", print]).await;
    assert_eq!(output.status.signal(), Some(15), "{output:?}");
    assert_eq!(output.stdout, b"any text");
}

#[tokio::test]
async fn a_program_that_cannot_be_given_its_values_is_not_run() {
    let shell = Shell::open().await;
    shell.create("text", b"no object").await;
    shell.create("bad", br#"{"LD_PRELOAD":"/tmp/x.so"}"#).await;
    let marker = shell.directory.path().join("ran");
    let program = ["--", "touch", marker.to_str().unwrap()];
    let only = ["--only", "LD_PRELOAD"];
    for (secret, expected) in [("none", "CSMS.0106"), ("text", "--variable"), ("bad", "LD_PRELOAD would change")] {
        let refusal = shell.refusal(&[&["exec", "--secret", secret][..], &only, &program].concat(), 125).await;
        assert!(refusal.contains(expected), "{refusal}");
    }
    assert!(!marker.exists());
    shell.create("good", br#"{"a":"b"}"#).await;
    shell.refusal(&["exec", "--secret", "good", "--only", "a", "--", "/no/such/program"], 127).await;
    let not_executable = shell.server.credentials_path().to_str().unwrap();
    shell.refusal(&["exec", "--secret", "good", "--only", "a", "--", not_executable], 126).await;
}

/// Values whose writer tries to choose what a program runs, whom it trusts or where it looks.
const HOSTILE: [&str; 3] = [
    r#"{"NODE_OPTIONS":"--import data:text/javascript,console.log(1)"}"#,
    r#"{"PYTHONWARNINGS":"all:0:antigravity.x:0:0","BROWSER":"/bin/sh -c \"touch ran\" #%s"}"#,
    r#"{"HTTPS_PROXY":"http://evil","SSL_CERT_FILE":"evil.pem","HOME":"elsewhere"}"#,
];

#[tokio::test]
async fn without_a_choice_of_members_the_program_is_not_run_and_their_names_are_printed() {
    let shell = Shell::open().await;
    let marker = shell.directory.path().join("ran");
    let program = ["--", "touch", marker.to_str().unwrap()];
    for (number, value) in HOSTILE.iter().enumerate() {
        let name = format!("hostile-{number}");
        shell.create(&name, value.as_bytes()).await;
        for upper in [&[][..], &["--upper"]] {
            let refusal = shell.refusal(&[&["exec", "--secret", &name][..], upper, &program].concat(), 125).await;
            for (member, value) in serde_json::from_str::<Value>(value).unwrap().as_object().unwrap() {
                assert!(refusal.contains(member) && !refusal.contains(value.as_str().unwrap()), "{refusal}");
            }
        }
    }
    shell.create("db", br#"{"user":"app","password":"hunter2"}"#).await;
    let refusal = shell.refusal(&[&["exec", "--secret", "db"][..], &program].concat(), 125).await;
    assert!(refusal.contains("csms exec --secret db --only password,user -- ") && !refusal.contains("hunter2"));
    assert!(!marker.exists());
}

#[tokio::test]
async fn all_members_are_those_that_nothing_else_reads_or_has_set() {
    let shell = Shell::open().await;
    for (number, value) in HOSTILE.iter().enumerate() {
        let mut object: Value = serde_json::from_str(value).unwrap();
        let members: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
        object["password"] = json!("hunter2");
        let name = format!("hostile-{number}");
        shell.create(&name, object.to_string().as_bytes()).await;
        let arguments = ["exec", "--secret", &name, "--all", "--", "env"];
        let environment = shell.printed(&arguments).await;
        assert!(environment.lines().any(|line| line == "password=hunter2"), "{environment}");
        let output = shell.run(&arguments).await;
        for member in members {
            let hostile = format!("{member}={}", object[&member].as_str().unwrap());
            assert!(!environment.lines().any(|line| line == hostile), "{environment}");
            assert!(String::from_utf8_lossy(&output.stderr).contains(&member), "{output:?}");
        }
    }
    shell.create("db", br#"{"CSMS_TEST_HOST":"theirs","port":5432}"#).await;
    let mut command = shell.command(&["exec", "--secret", "db", "--all", "--", "printenv", "CSMS_TEST_HOST", "port"]);
    let output = timeout(DEADLINE, command.env("CSMS_TEST_HOST", "mine").output()).await.unwrap().unwrap();
    assert_eq!(output.stdout, b"mine\n5432\n", "{output:?}");
}

#[tokio::test]
async fn a_python_program_does_not_run_what_the_writer_of_its_secret_chose() {
    let shell = Shell::open().await;
    shell.create("app", HOSTILE[1].as_bytes()).await;
    let mut command = shell.command(&["exec", "--secret", "app", "--all", "--", "python3", "-c", "print(1)"]);
    let output = timeout(DEADLINE, command.current_dir(shell.directory.path()).output()).await.unwrap().unwrap();
    assert_eq!(output.stdout, b"1\n", "{output:?}");
    assert!(!shell.directory.path().join("ran").exists());
}

#[tokio::test]
async fn a_member_becomes_the_variable_that_was_asked_for() {
    let shell = Shell::open().await;
    shell.create("db", br#"{"password":"hunter2","HOME":"/elsewhere"}"#).await;
    let print = |options: &[&'static str], variable| {
        [&["exec", "--secret", "db"][..], options, &["--", "printenv", variable]].concat()
    };
    assert_eq!(shell.printed(&print(&["--only", "password"], "password")).await, "hunter2\n");
    assert_eq!(shell.printed(&print(&["--map", "password=PGPASSWORD"], "PGPASSWORD")).await, "hunter2\n");
    assert_eq!(shell.printed(&print(&["--only", "HOME"], "HOME")).await, "/elsewhere\n");
    let refusal = shell.refusal(&print(&["--only", "passwort"], "passwort"), 125).await;
    assert!(refusal.contains("none of the secrets has a member passwort"), "{refusal}");
    let refusal = shell.refusal(&print(&["--prefix", "GIT_"], "HOME"), 125).await;
    assert!(refusal.contains("GIT_HOME") && refusal.contains("GIT_password"), "{refusal}");
}

#[tokio::test]
async fn the_variables_of_the_sdks_are_enough_and_missing_ones_are_all_named() {
    let shell = Shell::open().await;
    shell.create("db", b"x").await;
    let credentials = shell.server.credentials();
    let without = |command: &mut Command| {
        for name in ["CSMS_CREDENTIALS", "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_PROJECT_ID"] {
            command.env_remove(name);
        }
    };
    let mut command = shell.command(&["secret", "get", "db", "--value"]);
    without(&mut command);
    let refused = timeout(DEADLINE, command.output()).await.unwrap().unwrap();
    let refusal = String::from_utf8(refused.stderr).unwrap();
    for name in ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_PROJECT_ID"] {
        assert!(refusal.contains(name), "{refusal}");
    }
    command.env("HUAWEICLOUD_SDK_AK", &credentials.access_key).env("HUAWEICLOUD_SDK_SK", &credentials.secret_key);
    command.env("HUAWEICLOUD_SDK_PROJECT_ID", &credentials.project_id).env("CSMS_ENDPOINT", shell.server.url());
    let output = timeout(DEADLINE, command.output()).await.unwrap().unwrap();
    assert_eq!(output.stdout, b"x", "{output:?}");
}

#[tokio::test]
async fn a_backup_brings_a_deleted_secret_back_with_all_its_versions() {
    let shell = Shell::open().await;
    shell.create("db", b"first").await;
    let updated = shell.feed(&["secret", "update", "db", "--value-file", "-"], b"second").await;
    assert!(updated.status.success(), "{updated:?}");
    let file = shell.directory.path().join("db.backup");
    let file = file.to_str().unwrap();
    assert_eq!(shell.printed(&["backup", "db", "--file", file]).await, format!("db is written to {file}\n"));
    let other = shell.directory.path().join("other.backup");
    let quiet = ["backup", "db", "--file", other.to_str().unwrap(), "--output", "json"];
    assert_eq!(shell.printed(&quiet).await, "", "a program reads the file");
    shell.printed(&["secret", "delete", "db", "--now"]).await;

    assert!(shell.printed(&["restore", file]).await.contains("ENABLED"));
    assert_eq!(shell.printed(&["secret", "get", "db", "--value"]).await, "second");
    assert_eq!(shell.printed(&["secret", "get", "db", "--version", "v1", "--value"]).await, "first");
}

#[tokio::test]
async fn a_backup_replaces_neither_a_file_nor_a_secret() {
    let shell = Shell::open().await;
    shell.create("db", b"value").await;
    let file = shell.directory.path().join("db.backup");
    let file = file.to_str().unwrap();
    shell.printed(&["backup", "db", "--file", file]).await;

    assert!(shell.refusal(&["backup", "db", "--file", file], 1).await.contains("exists"));
    let taken = shell.refusal(&["restore", file], 6).await;
    assert!(taken.starts_with(&format!("csms: backup {file}: CSMS.")), "{taken}");
}

#[tokio::test]
async fn a_damaged_backup_is_refused_whole() {
    let shell = Shell::open().await;
    shell.create("db", b"value").await;
    let mut blob = shell.printed(&["backup", "db"]).await;
    shell.printed(&["secret", "delete", "db", "--now"]).await;
    let middle = blob.len() / 2;
    let other = if blob.as_bytes()[middle] == b'A' { "B" } else { "A" };
    blob.replace_range(middle..=middle, other);

    let output = shell.feed(&["restore"], blob.as_bytes()).await;
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.starts_with("csms: backup on standard input: CSMS."), "{told}");
    let bytes = shell.directory.path().join("bytes");
    fs::write(&bytes, [0xff]).unwrap();
    let told = shell.refusal(&["restore", bytes.to_str().unwrap()], 2).await;
    assert_eq!(told, format!("csms: backup {}: this is not a backup: it is not text\n", bytes.display()));
    assert_eq!(shell.json(&["secret", "list"]).await["secrets"], json!([]));
}

#[tokio::test]
async fn scripts_tell_failures_apart_by_status_and_by_json() {
    let shell = Shell::open().await;
    let error = async |arguments: &[&str], status: i32| -> Value {
        let told = shell.refusal(&[arguments, &["-o", "json"]].concat(), status).await;
        serde_json::from_str::<Value>(&told).unwrap()["error"].clone()
    };
    let missing = error(&["secret", "get", "absent"], 3).await;
    assert_eq!((&missing["kind"], &missing["code"]), (&json!("not_found"), &json!("CSMS.0106")));
    assert_eq!((&missing["subject"], &missing["http_status"]), (&json!("secret absent"), &json!(404)));
    let unreachable = error(&["secret", "get", "db", "--endpoint", "http://127.0.0.1:9"], 5).await;
    assert_eq!((&unreachable["kind"], &unreachable["retryable"]), (&json!("unreachable"), &json!(true)));
    let usage = error(&["secret", "list", "--ca", "/nowhere/ca.pem"], 2).await;
    assert!(usage["message"].as_str().unwrap().contains("/nowhere/ca.pem"), "{usage}");
    for arguments in [&["secret", "list", "--credentials", "/nowhere/file"][..], &["secret", "import", "/nowhere/file"]]
    {
        let unreadable = error(arguments, 2).await;
        assert_eq!(unreadable["kind"], "usage");
        assert!(unreadable["message"].as_str().unwrap().contains("cannot read /nowhere/file: "), "{unreadable}");
    }

    let unknown = error(&["secret", "list", "--nam", "db"], 2).await;
    assert_eq!((&unknown["kind"], &unknown["exit_status"]), (&json!("usage"), &json!(2)));
    assert!(unknown["message"].as_str().unwrap().starts_with("unexpected argument '--nam' found"), "{unknown}");
    let people = shell.refusal(&["secret", "list", "--nam", "db"], 2).await;
    assert!(people.starts_with("error: unexpected argument") && people.contains("Usage: "), "{people}");

    let mut keys: Value = serde_json::from_slice(&fs::read(shell.server.credentials_path()).unwrap()).unwrap();
    keys["secret_key"] = json!("wrong");
    let file = shell.directory.path().join("wrong.json");
    fs::write(&file, keys.to_string()).unwrap();
    let denied = error(&["secret", "list", "--credentials", file.to_str().unwrap()], 4).await;
    assert_eq!((&denied["kind"], &denied["http_status"]), (&json!("denied"), &json!(401)));
}

#[tokio::test]
async fn a_region_stands_for_its_project() {
    let two = Options::default().argument("--region").argument("one").argument("--region").argument("two");
    let shell = Shell::with(two).await;
    let created = shell.feed(&["secret", "create", "db", "--region", "two"], b"x").await;
    assert!(created.status.success(), "{created:?}");
    assert_eq!(shell.printed(&["secret", "get", "db", "--value", "--region", "two"]).await, "x");
    let listed = shell.json(&["api", "ListSecrets", "--region", "two"]).await;
    assert_eq!(listed["secrets"][0]["name"], "db");
    shell.refusal(&["secret", "get", "db", "--region", "one"], 3).await;
    shell.refusal(&["secret", "get", "db"], 3).await;
    let refusal = shell.refusal(&["secret", "get", "db", "--region", "nowhere"], 3).await;
    assert!(refusal.contains("no project in the region nowhere"), "{refusal}");
    shell.refusal(&["secret", "list", "--region", "two", "--project-id", shell.server.project_id()], 2).await;

    // Without a file that lists the regions, the server names the project.
    let credentials = shell.server.credentials();
    let mut command = shell.command(&["secret", "get", "db", "--value"]);
    command.env_remove("CSMS_CREDENTIALS").env("CSMS_ENDPOINT", shell.server.url());
    command.env("HUAWEICLOUD_SDK_AK", &credentials.access_key).env("HUAWEICLOUD_SDK_SK", &credentials.secret_key);
    let output = timeout(DEADLINE, command.env("HUAWEICLOUD_SDK_REGION", "two").output()).await.unwrap().unwrap();
    assert_eq!(output.stdout, b"x", "{output:?}");
}
