//! The page that compares the command line with others: each command of `csms` in it runs, in the order of the page, and each
//! mistake ends with the status and the message that the page has.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use csms_testbed::server::binary;
use tokio::{process::Command, time::timeout};

use crate::shell::{DEADLINE, Shell};

/// A row of a task.
struct Row {
    tool: String,
    command: String,
    keys: usize,
    mistake: String,
}

fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www/docs/src/reference/compared.md");
    fs::read_to_string(page).unwrap()
}

/// The text of a span of code, which may hold an escaped `|`.
fn code(cell: &str) -> String {
    let text = cell.trim();
    let text = text.strip_prefix("``").and_then(|text| text.strip_suffix("``")).unwrap_or(text.trim_matches('`'));
    text.trim().replace("\\|", "|")
}

fn rows(page: &str) -> Vec<Row> {
    let lines = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |"));
    let row = |line: &str| {
        let hidden = line.replace("\\|", "\0");
        let cells: Vec<_> = hidden.split('|').map(|cell| cell.trim().replace('\0', "\\|")).collect();
        Row {
            tool: cells[1].clone(),
            command: code(&cells[2]),
            keys: cells[3].parse().unwrap(),
            mistake: cells[5].clone(),
        }
    };
    lines.map(row).collect()
}

#[test]
fn every_task_has_a_row_for_each_tool_and_counts_its_keys() {
    let page = page();
    let rows = rows(&page);
    assert_eq!(page.matches("\n## ").count(), 30);
    for task in rows.chunks(4) {
        let tools: Vec<_> = task.iter().map(|row| row.tool.as_str()).collect();
        assert_eq!(tools, ["csms", "vault", "aws", "op"]);
    }
    for row in &rows {
        assert_eq!(row.keys, row.command.chars().count() + 1, "{}", row.command);
    }
}

/// Runs a command of the page in a shell.
async fn run(shell: &Shell, command: &str) -> Output {
    let program = binary().unwrap();
    let path: Vec<PathBuf> = [program.parent().unwrap().to_owned()]
        .into_iter()
        .chain(env::split_paths(&env::var_os("PATH").unwrap()))
        .collect();
    let mut shell_command = Command::new("sh");
    shell_command.args(["-c", command]).current_dir(shell.directory.path()).stdin(Stdio::null()).kill_on_drop(true);
    shell_command.env("PATH", env::join_paths(path).unwrap()).env("CSMS_CREDENTIALS", shell.server.credentials_path());
    shell_command.env("DATA", shell.server.data()).env("LISTEN", shell.server.url().trim_start_matches("http://"));
    shell_command.env("EDITOR", "sed -i s/5432/5433/").env_remove("VISUAL");
    timeout(DEADLINE, shell_command.output()).await.unwrap().unwrap()
}

#[tokio::test]
async fn each_command_of_the_page_works_and_each_mistake_gets_what_the_page_says() {
    let shell = Shell::open().await;
    for (file, text) in [
        ("db.txt", "hunter2\n"),
        ("new.txt", "hunter3\n"),
        ("login.json", r#"{"user":"app","port":5432}"#),
        ("team.env", "A=1\nB=two words\n"),
        ("team.json", r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:*:list*"]}]}"#),
    ] {
        fs::write(shell.directory.path().join(file), text).unwrap();
    }
    let made = run(&shell, "csms secret create login --value-file login.json").await;
    assert!(made.status.success(), "{made:?}");
    for row in rows(&page()).into_iter().filter(|row| row.tool == "csms") {
        let output = run(&shell, &row.command).await;
        assert!(output.status.success(), "{}: {output:?}", row.command);

        let (mistake, says) = row.mistake.split_once(": ").unwrap();
        let output = run(&shell, &code(mistake)).await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let Some((message, status)) = says.rsplit_once("status ") else {
            assert!(output.status.success() && says == "an empty list", "{mistake}: {output:?}");
            continue;
        };
        assert_eq!(output.status.code(), Some(status.parse().unwrap()), "{mistake}: {output:?}");
        let message = code(message.trim_end_matches([',', ' ']));
        assert!(told.contains(&message), "{mistake}: {told}\n{message}");
    }
}
