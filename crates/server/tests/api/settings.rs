//! Settings: every flag is a variable and a key of the file by one rule, `csms config` says where each comes from and what is
//! wrong, no secret is shown, and SIGHUP applies what it can.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use clap::{Arg, CommandFactory as _};
use csms_server::{
    boot::{
        reload::RELOADABLE,
        settings::{file, origin::SECRET_VARIABLES, schema::schema, variables},
    },
    cli::Cli,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const SCHEMA: &str = "../../www/docs/src/reference/settings.schema.json";

/// The command with no variable of csms in its environment.
fn csms(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_csms"));
    command.args(arguments).env_clear();
    command
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// What `config show` says of each setting, by key.
fn shown(mut command: Command) -> BTreeMap<String, Value> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let settings = json(&output)["settings"].as_array().unwrap().clone();
    settings.into_iter().map(|setting| (setting["key"].as_str().unwrap().to_owned(), setting)).collect()
}

/// A value that a setting takes.
fn sample(key: &str, flag: &Arg) -> String {
    let choice = flag.get_possible_values().first().map(|choice| choice.get_name().to_owned());
    let named = match key {
        "listen" => "127.0.0.1:7171",
        "function" => "urn:fss:r:0123456789abcdef0123456789abcdef:function:default:f:latest=f.zip",
        "function_variable" => "NAME=VALUE",
        "function_allow" => "urn:fss:r:0123456789abcdef0123456789abcdef:function:default:*",
        "topic_allow" => "urn:smn:r:0123456789abcdef0123456789abcdef:alerts",
        "target_allow" | "target_deny" | "trusted_proxy" => "10.0.0.0/8",
        "webhook" => "urn:smn:r:0123456789abcdef0123456789abcdef:t=https://hooks.example.com/x",
        "allow_origin" => "https://console.example.com",
        "allow_host" => "console.example.com",
        "audit_sink" => "file:/var/log/csms/trail.jsonl",
        _ if file::is_switch(flag) => "true",
        _ => return choice.unwrap_or_else(|| "7".to_owned()),
    };
    named.to_owned()
}

/// The setting in TOML.
fn in_toml(key: &str, flag: &Arg, value: &str) -> String {
    if file::is_switch(flag) { format!("{key} = {value}\n") } else { format!("{key} = \"{value}\"\n") }
}

#[test]
fn every_flag_is_a_variable_and_a_key_of_the_file_by_one_rule() {
    let settings = file::settings();
    assert!(settings.len() > 40, "{}", settings.len());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("csms.toml");
    let path_text = path.to_str().unwrap();
    let (mut flags, mut variables, mut lines) = (Vec::new(), Vec::new(), String::new());
    for (key, flag) in &settings {
        let value = sample(key, flag);
        let variable = format!("CSMS_{}", key.to_uppercase());
        assert_eq!(flag.get_env().and_then(|name| name.to_str()), Some(variable.as_str()), "{key}");
        flags.push(format!("--{}={value}", key.replace('_', "-")));
        lines.push_str(&in_toml(key, flag, &value));
        variables.push((variable, value));
    }
    fs::write(&path, lines).unwrap();
    let show = ["config", "show", "--output", "json"];

    let mut by_flags = csms(&show);
    by_flags.args(&flags);
    let mut by_variables = csms(&show);
    by_variables.envs(variables.iter().cloned());
    let mut by_file = csms(&show);
    by_file.args(["--config", path_text]);
    let (by_flags, by_variables, by_file) = (shown(by_flags), shown(by_variables), shown(by_file));

    for (key, flag) in &settings {
        let [flagged, varied, filed] = [&by_flags, &by_variables, &by_file].map(|shown| &shown[key]);
        assert_eq!(
            (&flagged["from"], &varied["from"], &filed["from"]),
            (&"flag".into(), &"variable".into(), &"file".into()),
            "{key}"
        );
        assert_eq!(varied["name"], format!("CSMS_{}", key.to_uppercase()));
        assert_eq!(filed["name"], path_text);
        assert_eq!((&flagged["value"], &flagged["value"]), (&varied["value"], &filed["value"]), "{key}");
        assert_eq!(flagged["value"].is_array(), file::is_list(flag), "{key}");
    }
}

#[test]
fn flags_replace_variables_and_variables_replace_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("csms.toml");
    fs::write(&path, "secret_quota = 1\nregion = [\"a\", \"b\"]\nlog = \"warn\"\nproxy_protocol = true\n").unwrap();
    let mut command =
        csms(&["config", "show", "-o", "json", "--config", path.to_str().unwrap(), "--secret-quota", "3"]);
    command.env("CSMS_SECRET_QUOTA", "2").env("CSMS_REGION", "c,d").env("CSMS_PROXY_PROTOCOL", "false");
    let shown = shown(command);
    let said = |key: &str| (shown[key]["value"].clone(), shown[key]["from"].as_str().unwrap().to_owned());
    assert_eq!(said("secret_quota"), ("3".into(), "flag".to_owned()));
    assert_eq!(said("region"), (vec!["c", "d"].into(), "variable".to_owned()));
    assert_eq!(said("proxy_protocol"), ("false".into(), "variable".to_owned()));
    assert_eq!(said("log"), ("warn".into(), "file".to_owned()));
    assert_eq!(said("group_commit"), (Value::Null, "default".to_owned()));
    assert_eq!(shown["group_commit"]["default"], "256");
}

#[test]
fn no_secret_is_shown_wherever_it_comes_from() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("csms.toml");
    let text = "store = \"postgres://csms:hunter2@db.example.com/csms\"\nsmn_endpoint = \"https://u:hunter2@smn.example.com/?t=hunter2\"\n\
                [function_variable]\nTOKEN = \"hunter2\"\n[webhook]\n\"urn:smn:t\" = \"https://hooks.example.com/hunter2\"\n";
    fs::write(&path, text).unwrap();
    for format in ["table", "json"] {
        for (action, status) in [("show", 0), ("check", 2)] {
            let mut command = csms(&["config", action, "--output", format, "--config", path.to_str().unwrap()]);
            // What is not a pair is refused without being repeated.
            command.env("CSMS_FUNCTION_VARIABLE", "hunter2");
            for name in SECRET_VARIABLES.into_iter().filter(|name| !name.starts_with("CSMS_SMN")) {
                command.env(name, "hunter2");
            }
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(status), "{output:?}");
            let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
            assert!(!said.contains("hunter2"), "{said}");
            let names = ["CSMS_ROOT_KEY", "hooks.example.com", "smn.example.com"];
            let expected: &[&str] = if action == "show" { &names } else { &["CSMS_SMN_ACCESS_KEY", "NAME=VALUE"] };
            assert!(expected.iter().all(|word| said.contains(word)), "{said}");
        }
    }
}

#[test]
fn a_check_names_everything_that_is_wrong_and_ends_with_2() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("csms.toml");
    let check = |text: &str, format: &str| {
        fs::write(&path, text).unwrap();
        csms(&["config", "check", "-o", format, "--config", path.to_str().unwrap()]).output().unwrap()
    };
    let fine = check("secret_quota = 7\n", "json");
    assert_eq!((fine.status.code(), &json(&fine)["valid"]), (Some(0), &true.into()));
    let broken = check("group_commit = 0\nrotation_concurrency = 0\ntls_cert = \"x\"\n", "json");
    assert_eq!(broken.status.code(), Some(2));
    let place = |line: usize, problem: &str| format!("{}, line {line}: {problem}", path.display());
    assert_eq!(
        json(&broken)["problems"],
        Value::from(vec![
            place(1, "group_commit must be at least 1"),
            place(2, "rotation_concurrency must be 1 to 1000"),
            place(3, "tls_cert needs tls_key to be set")
        ])
    );
    let broken = check("secret_quoat = 7\nlisten = 1\n", "table");
    assert_eq!((broken.status.code(), broken.stdout.len()), (Some(2), 0));
    let said = String::from_utf8(broken.stderr).unwrap();
    assert!(
        said.contains("secret_quoat is not a setting; did you mean secret_quota?") && said.lines().count() == 2,
        "{said}"
    );
}

/// What a command says that ends with status 2.
fn refused(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_value_at_fault_is_named_by_where_it_comes_from() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("csms.toml");
    let in_file = format!("csms: {}, line", path.display());
    let by_variable = |arguments: &[&str], name: &str, value: &str| {
        let mut command = csms(arguments);
        command.env(name, value);
        refused(command)
    };
    for command in ["serve", "doctor", "config check"] {
        let command: Vec<_> = command.split(' ').collect();
        let said = by_variable(&command, "CSMS_LISTEN", "everywhere");
        assert!(said.starts_with("error: invalid value 'everywhere' for 'CSMS_LISTEN': must be of the form"), "{said}");
        let said = refused(csms(&[&command[..], &["--listen", "everywhere"]].concat()));
        assert!(said.contains("for '--listen <ADDRESS:PORT>'"), "{said}");
    }
    let check = ["config", "check"];
    assert_eq!(by_variable(&check, "CSMS_GROUP_COMMIT", "0"), "csms: CSMS_GROUP_COMMIT must be at least 1\n");
    let flag = refused(csms(&["config", "check", "--group-commit", "0"]));
    assert_eq!(flag, "csms: --group-commit must be at least 1\n");
    fs::write(&path, "log = \"info\"\n\n[group]\ncommit = 0\n").unwrap();
    let file = by_variable(&check, "CSMS_CONFIG", path.to_str().unwrap());
    assert_eq!(file, format!("{in_file} 4: group_commit must be at least 1\n"));
    fs::write(&path, "listen = \"everywhere\"\nlog = [\"info\"]\n").unwrap();
    let file = refused(csms(&["serve", "--config", path.to_str().unwrap()]));
    assert!(file.contains(&format!("{}, line 1: listen must be of the form", path.display())), "{file}");
    assert!(file.contains(&format!("{}, line 2: log takes one value", path.display())), "{file}");

    let gone = by_variable(&check, "CSMS_CONFIG", "/nowhere/csms.toml");
    assert!(gone.starts_with("csms: CSMS_CONFIG: cannot read the file /nowhere/csms.toml: "), "{gone}");
    let trusted = by_variable(&check, "CSMS_CA", "/nowhere/ca.pem");
    assert!(trusted.starts_with("csms: CSMS_CA: "), "{trusted}");
    let store = "mysql://db.example.com/csms";
    let wrong = "csms: CSMS_STORE must be of the form postgres://USER@HOST/DATABASE\n";
    assert_eq!(by_variable(&["user", "list", "--offline"], "CSMS_STORE", store), wrong);
    assert_eq!(by_variable(&["migrate", "--from", "sqlite:x"], "CSMS_STORE", store), wrong);
    let flag = refused(csms(&["migrate", "--from", "sqlite:x", "--to", store]));
    assert!(flag.starts_with("csms: --to must be"), "{flag}");
}

#[test]
fn a_program_that_reads_json_is_told_the_variable_too_and_no_secret_in_it() {
    let mut command = csms(&["doctor", "-o", "json"]);
    command.env("CSMS_WEBHOOK", "urn:smn:t=hunter2");
    let said = refused(command);
    let error: Value = serde_json::from_str(&said).unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("invalid value '…' for 'CSMS_WEBHOOK': the address must begin"), "{message}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_variable_with_a_misspelt_name_is_said_with_the_one_that_was_meant() {
    let warning = "CSMS_LISTN is set and is no variable of csms; did you mean CSMS_LISTEN?";
    let said = |arguments: &[&str]| {
        let mut command = csms(arguments);
        // What a client needs, what a shell asks, and what Kubernetes says of a service are no mistakes.
        command.env("CSMS_LISTN", "127.0.0.1:1").env("CSMS_CREDENTIALS", "x").env("CSMS_SERVICE_HOST", "10.0.0.1");
        command.output().unwrap()
    };
    for action in ["check", "show"] {
        let shown = json(&said(&["config", action, "-o", "json"]));
        assert_eq!(shown["warnings"], Value::from(vec![warning]), "{action}");
    }
    assert!(String::from_utf8_lossy(&said(&["config", "check"]).stdout).contains(warning));
    assert!(String::from_utf8_lossy(&said(&["config", "show"]).stderr).contains(warning));
    let doctor = json(&said(&["doctor", "-o", "json", "--data", "/nowhere", "--listen", "127.0.0.1:9"]));
    let found = doctor["checks"].as_array().unwrap().iter().find(|check| check["outcome"] == "warning").unwrap();
    assert_eq!((&found["check"], &found["advice"]), (&"settings".into(), &"did you mean CSMS_LISTEN?".into()));

    let directory = tempfile::tempdir().unwrap();
    let mut command = csms(&["serve", "--listen", "127.0.0.1:0", "--data", directory.path().to_str().unwrap()]);
    command.env("CSMS_LISTN", "127.0.0.1:1");
    assert!(Server::run(command).line_with("CSMS_LISTN").contains(warning));
}

#[test]
fn a_command_on_the_data_takes_the_variables_of_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let said = |name: &str, value: &str| {
        let output = csms(&["audit", "verify", "--offline", "--data", data]).env(name, value).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (name, value) in
        [("CSMS_TARGET_DENY", "10.0.0.0/99"), ("CSMS_CA", "/nonexistent"), ("CSMS_SECRET_QUOTA", "many")]
    {
        let said = said(name, value);
        assert!(said.contains(name), "{said}");
    }
    let said = said("CSMS_TARGET_DENY", "10.0.0.0/8");
    assert!(said.contains("there is no data"), "{said}");
}

#[test]
fn every_variable_that_a_flag_has_is_known() {
    fn collect(command: &clap::Command, found: &mut Vec<String>) {
        let variables = command.get_arguments().filter_map(|flag| Some(flag.get_env()?.to_str()?.to_owned()));
        found.extend(variables);
        command.get_subcommands().for_each(|child| collect(child, found));
    }
    let (mut found, known) = (Vec::new(), variables::known());
    collect(&Cli::command(), &mut found);
    let unknown: Vec<_> = found.iter().filter(|name| !known.contains(*name)).collect();
    assert!(found.len() > 40 && unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_schema_in_the_book_has_every_setting_with_its_type() {
    let schema = schema();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCHEMA);
    let text = format!("{schema:#}\n");
    if std::env::var_os("CSMS_WRITE_GENERATED").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == text,
        "{SCHEMA} is out of date; CSMS_WRITE_GENERATED=1 cargo test --workspace --test api settings"
    );
    let properties = &schema["properties"];
    for key in file::settings().keys() {
        assert!(properties[key]["description"].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
    assert_eq!(properties["secret_quota"]["type"], "integer");
    assert_eq!(properties["max_connections"]["type"], "integer");
    assert_eq!(properties["proxy_protocol"]["type"], "boolean");
    assert_eq!(properties["log_format"]["enum"], Value::from(vec!["text", "json"]));
    assert_eq!(properties["region"]["anyOf"][0]["type"], "array");
    assert_eq!(properties["webhook"]["anyOf"][0]["type"], "object");
    assert_eq!(properties["kms"]["properties"]["endpoint"]["type"], "string");
    assert_eq!(csms(&["config", "schema"]).output().unwrap().stdout, text.as_bytes());
}

/// A server whose log is read.
struct Server {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        Self::run(csms(arguments))
    }

    fn run(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        if ready.is_empty() {
            let mut said = String::new();
            log.read_to_string(&mut said).unwrap();
            panic!("{said}");
        }
        Self { child, log }
    }

    fn hang_up(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::HUP).unwrap();
    }

    /// The next line of the log with this text.
    fn line_with(&mut self, text: &str) -> String {
        let mut line = String::new();
        while self.log.read_line(&mut line).unwrap() > 0 {
            if line.contains(text) {
                return line;
            }
            line.clear();
        }
        panic!("the log ended without {text}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn sighup_applies_what_it_can_names_what_waits_and_keeps_settings_that_work() {
    let directory = tempfile::tempdir().unwrap();
    let (data, path) = (directory.path().join("data"), directory.path().join("csms.toml"));
    let write = |text: &str| fs::write(&path, format!("listen = \"127.0.0.1:0\"\n{text}")).unwrap();
    write("secret_quota = 7\n");
    let lines = directory.path().join("access.log");
    let [data, config, log] = [&data, &path, &lines].map(|path| path.to_str().unwrap());
    let mut server = Server::start(&["serve", "--data", data, "--config", config, "--access-log", log]);

    write("secret_quota = 8\nlog = \"debug\"\ngroup_commit = 2\n");
    server.hang_up();
    let applied = server.line_with("SIGHUP");
    assert!(applied.contains("changed=\"log secret_quota\""), "{applied}");
    let waiting = server.line_with("SIGHUP");
    assert!(waiting.contains("next start") && waiting.contains("changed=\"group_commit\""), "{waiting}");

    write("secret_quota = \"hunter2\"\n");
    fs::remove_file(&lines).unwrap();
    server.hang_up();
    let refused = server.line_with("SIGHUP");
    assert!(refused.contains("secret_quota") && refused.contains("stay as they are"), "{refused}");
    assert!(!refused.contains("hunter2"), "{refused}");
    assert!(lines.exists(), "the access log is opened again all the same");

    write("log = \"info\"\n");
    server.hang_up();
    let applied = server.line_with("SIGHUP");
    assert!(applied.contains("changed=\"log secret_quota\""), "{applied}");
    assert!(RELOADABLE.contains(&"log"));
}
