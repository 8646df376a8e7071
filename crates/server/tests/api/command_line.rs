//! What the command line says of itself: the help of every command, held by golden files, and shell completions.
//!
//! After a change on purpose: `CSMS_WRITE_GENERATED=1 cargo test --workspace --test api command_line`

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use clap::CommandFactory;
use csms_server::cli::Cli;

const AGAIN: &str = "CSMS_WRITE_GENERATED=1 cargo test --workspace --test api command_line";

fn csms(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_csms")).args(arguments).output().unwrap()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help")
}

/// The help of a command and of all below it, by file name.
fn collect(command: &mut clap::Command, name: &str, found: &mut BTreeMap<String, String>) {
    // A fixed width, not that of the terminal; and no values of variables that happen to be set.
    let alone = command.clone().term_width(100).bin_name(name.replace('-', " "));
    let mut alone = alone.mut_args(|argument| argument.hide_env_values(true));
    found.insert(format!("{name}.txt"), alone.render_long_help().to_string());
    for child in command.get_subcommands_mut() {
        let name = format!("{name}-{}", child.get_name());
        collect(child, &name, found);
    }
}

fn helps() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut cli = Cli::command();
    cli.build();
    collect(&mut cli, "csms", &mut found);
    found
}

#[test]
fn the_help_of_every_command_is_the_golden_one() {
    let helps = helps();
    if std::env::var_os("CSMS_WRITE_GENERATED").is_some() {
        let _ = fs::remove_dir_all(directory());
        fs::create_dir_all(directory()).unwrap();
        for (file, text) in &helps {
            fs::write(directory().join(file), text).unwrap();
        }
    }
    for (file, text) in &helps {
        let golden = fs::read_to_string(directory().join(file)).unwrap_or_default();
        assert!(golden == *text, "{file} is not what --help says now; if it should be: {AGAIN}\n{text}");
    }
    let written: Vec<_> = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let gone: Vec<_> = written.iter().filter(|file| !helps.contains_key(file.to_str().unwrap())).collect();
    assert!(gone.is_empty(), "{gone:?} belong to no command; {AGAIN}");
}

#[test]
fn the_version_is_one_line_and_with_v_the_commit_its_date_and_the_target_too() {
    let said = |arguments: &[&str]| String::from_utf8(csms(arguments).stdout).unwrap();
    let version = format!("csms {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((said(&["--version"]), said(&["-V"])), (version.clone(), version.clone()));
    let verbose = said(&["--version", "-v"]);
    let parts: Vec<_> =
        verbose.strip_prefix(&version).unwrap().lines().map(|line| line.split_once(": ").unwrap().0).collect();
    assert_eq!(parts, ["commit", "date", "target"]);
    assert_eq!((csms(&[]).status.code(), csms(&["-v"]).status.code()), (Some(2), Some(2)));
}

#[test]
fn help_is_a_command_too() {
    for command in [&[][..], &["secret"], &["secret", "list"]] {
        let asked = csms(&[command, &["--help"]].concat());
        let helped = csms(&[&["help"], command].concat());
        assert!(helped.status.success() && helped.stdout == asked.stdout, "{helped:?}");
    }
}

#[test]
fn no_flag_takes_a_secret() {
    fn flags(command: &clap::Command, found: &mut Vec<String>) {
        found.extend(command.get_arguments().filter_map(|argument| argument.get_long().map(str::to_owned)));
        command.get_subcommands().for_each(|child| flags(child, found));
    }
    let mut found = Vec::new();
    flags(&Cli::command(), &mut found);
    for secret in ["secret-key", "sk", "password", "token", "security-token", "secret-string", "secret-binary"] {
        assert!(!found.iter().any(|flag| flag == secret), "--{secret} would be seen in the list of processes");
    }
}

#[test]
fn every_shell_gets_completions_that_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let output = csms(&["completions", shell]);
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8(output.stdout).unwrap().contains("CSMS_COMPLETE"), "{shell}");
    }
    // What the script of fish asks.
    let mut asking = Command::new(env!("CARGO_BIN_EXE_csms"));
    let candidates = asking.args(["--", "csms", ""]).env("CSMS_COMPLETE", "fish").output().unwrap();
    let candidates = String::from_utf8(candidates.stdout).unwrap();
    for word in Cli::command().get_subcommands().map(clap::Command::get_name) {
        assert!(candidates.lines().any(|line| line.split('\t').next() == Some(word)), "{word}: {candidates}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let directory = tempfile::tempdir().unwrap();
    let written = csms(&["man", directory.path().join("man1").to_str().unwrap()]);
    assert!(written.status.success(), "{written:?}");
    for file in helps().keys() {
        let page = directory.path().join("man1").join(file.replace(".txt", ".1"));
        let page = fs::read_to_string(&page).unwrap();
        assert!(page.contains(".TH") && page.contains("SYNOPSIS"), "{file}");
    }
    let refused = csms(&["man", "/dev/null/man1"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("/dev/null/man1"), "{refused:?}");
}

#[test]
fn the_notices_are_printed_or_the_build_says_how_to_get_them() {
    let output = csms(&["licenses"]);
    let (printed, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    if output.status.success() {
        assert!(printed.contains("Apache License") && printed.contains("\nrusqlite "), "{printed}");
    } else {
        assert!(printed.is_empty() && said.contains("cargo xtask package"), "{said}");
    }
}

#[test]
fn the_completions_for_bash_are_a_script_that_bash_reads() {
    let script = tempfile::NamedTempFile::new().unwrap();
    fs::write(script.path(), csms(&["completions", "bash"]).stdout).unwrap();
    let checked = Command::new("bash").arg("-n").arg(script.path()).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
}
