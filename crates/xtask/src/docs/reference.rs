//! The pages of the book that are written from the code: errors, settings, commands and engines.
//!
//! Errors come from the catalogue of `csms-api`; settings and commands from the help texts that the server's tests keep; engines
//! from what the rotation tests met. The table of operations is written by `tests/conformance`, which knows the official
//! definitions too, and the table of metrics by the server's own tests.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use csms_api::ErrorCode;

use super::engines;

const PAGES: &str = "www/docs/src/reference";
const HELP: &str = "crates/server/tests/help";
const AGAIN: &str = "cargo xtask docs --write";

/// Writes the pages.
pub(crate) fn write(root: &Path) -> Result<()> {
    for (name, text) in pages(root)? {
        fs::write(root.join(PAGES).join(name), text).with_context(|| format!("cannot write {PAGES}/{name}"))?;
    }
    Ok(())
}

/// Names the pages that are not what the code says.
pub(crate) fn stale(root: &Path) -> Result<Vec<String>> {
    let is_stale =
        |name: &str, text: &str| fs::read_to_string(root.join(PAGES).join(name)).ok().as_deref() != Some(text);
    let stale = pages(root)?.into_iter().filter(|(name, text)| is_stale(name, text));
    Ok(stale.map(|(name, _)| format!("{PAGES}/{name} is out of date; write it again: {AGAIN}")).collect())
}

fn pages(root: &Path) -> Result<[(&'static str, String); 4]> {
    let mut helps = Vec::new();
    let directory = root.join(HELP);
    for entry in fs::read_dir(&directory).with_context(|| format!("cannot read {HELP}"))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().replace('-', " ")).unwrap_or_default();
        helps.push((name, text));
    }
    helps.sort();
    let serve = helps.iter().find(|(name, _)| name == "csms serve").context("csms serve has no help text")?;
    let met = fs::read_to_string(root.join(engines::MET)).with_context(|| format!("cannot read {}", engines::MET))?;
    Ok([
        ("errors.md", errors()),
        ("settings.md", settings(&serve.1)),
        ("commands.md", commands(&helps)),
        ("rotation-engines.md", engines::page(&met)),
    ])
}

const ERRORS: &str = "\
# Errors

Every error has a code, and the code decides the HTTP status. The message lists all problems of a request at once and never
holds a value from it. *Retry* says whether the same request may succeed later. The header `X-Request-Id` of every response
names the request in the server's log.

Operations write `{\"error_code\": …, \"error_msg\": …}` or `{\"error\": {\"error_code\": …, \"error_msg\": …}}`, as the official
definitions say for each; `/openapi.json` describes both. Which codes are published and which fill gaps is in
[Compatibility: errors](../compatibility/errors.md).

This page is written from `crates/api/src/error.rs`.
";

const GROUPS: [(&str, &[&str]); 4] = [
    ("Secrets", &["CSMS."]),
    ("Keys (KMS)", &["KMS."]),
    ("Users and policies (IAM)", &["IAM.", "PAP5."]),
    ("Before an operation is known", &["APIGW."]),
];

fn errors() -> String {
    let mut text = ERRORS.to_owned();
    for (title, prefixes) in GROUPS {
        let _ = write!(
            text,
            "\n## {title}\n\n| Code | Status | Retry | Message begins | Meaning |\n|---|---|---|---|---|\n"
        );
        let mut codes = ErrorCode::ALL.to_vec();
        codes.retain(|code| prefixes.iter().any(|prefix| code.as_str().starts_with(prefix)));
        codes.sort_by_key(|code| code.as_str());
        for code in codes {
            let retry = if code.is_retryable() { "yes" } else { "no" };
            let (status, begins, meaning) = (code.status(), code.text(), code.meaning());
            let _ = writeln!(text, "| `{}` | {status} | {retry} | {begins} | {meaning} |", code.as_str());
        }
    }
    text
}

const SETTINGS: &str = "\
# Settings

Each setting of `csms serve` is a flag, an environment variable and a key of the TOML file that `--config` names: the flag
`--some-name` is the variable `CSMS_SOME_NAME` and the key `some_name`. A flag replaces a variable, and a variable replaces the file,
lists included. Settings that may be repeated are lists in the file and are separated by commas in a variable; pairs such as
`NAME=VALUE` may be a table. A table that is no setting gathers the settings whose names begin with its own. `--config` and `--new` are
about one start and have no key.

```toml
listen = \"127.0.0.1:7070\"
data = \"/var/lib/csms\"
target_allow = [\"10.20.0.0/16\", \"*.db.example.com\"]

[function_variable]
ROTATE_THROUGH = \"rds\"

[kms]                                        # kms_endpoint, kms_project_id, …
endpoint = \"https://kms.example.com\"
```

`csms config check` says everything that is wrong with the settings, each named by the flag, the variable, or the file and line that it
comes from. It opens neither the store nor a connection, and looks into none of the files of certificates, functions, users and logs;
`csms doctor` does. `csms config show` says what each setting is and where it comes from. Both, `csms doctor` and the start of `csms serve` warn
of variables `CSMS_…` that are none of csms, and name the one that was probably meant. No secret is shown.
[settings.schema.json](settings.schema.json) is the JSON Schema of the file, which `csms config schema` prints too.

SIGHUP reads the file again. It applies `log`, `secret_quota`, `max_value_bytes`, `min_rotation_period` and `allow_weak_passwords`, the
content of `access_file` and the files of TLS, and logs which other changes wait for the next start. Settings that cannot be used change
nothing.

This page is written from the help of `csms serve`.
";

/// One option in a help text.
#[derive(Debug, Default, PartialEq, Eq)]
struct Setting {
    flag: String,
    variable: String,
    meaning: Vec<String>,
}

fn settings(help: &str) -> String {
    let mut text = SETTINGS.to_owned();
    // Written with the first setting below it.
    let mut section = String::new();
    let mut open: Option<Setting> = None;
    let close = |setting: Option<Setting>, section: &mut String, text: &mut String| {
        if let Some(setting) = setting.filter(|setting| !setting.flag.contains("--help")) {
            text.push_str(&std::mem::take(section));
            let _ = writeln!(text, "| {} | {} | {} |", setting.flag, setting.variable, setting.meaning.join(" "));
        }
    };
    for line in help.lines() {
        let is_section = !line.starts_with(' ') && line.ends_with(':');
        if is_section {
            close(open.take(), &mut section, &mut text);
            let title = line.trim_end_matches(':');
            let title = if title == "Settings" { "The server" } else { title };
            section = format!("\n## {title}\n\n| Flag | Variable | Meaning |\n|---|---|---|\n");
        } else if let Some(flag) =
            line.trim_start().strip_prefix("-").filter(|_| line.starts_with("  ") && !line.starts_with("          "))
        {
            close(open.take(), &mut section, &mut text);
            open = Some(Setting { flag: format!("`-{}`", flag.trim()), ..Setting::default() });
        } else if let (Some(setting), line) = (&mut open, line.trim())
            && !line.is_empty()
        {
            match line.strip_prefix("[env: ").and_then(|rest| rest.strip_suffix(']')) {
                Some(variable) => setting.variable = format!("`{}`", variable.trim_end_matches('=')),
                None => setting.meaning.push(cell(line)),
            }
        }
    }
    close(open, &mut section, &mut text);
    text
}

/// A line of help as part of a cell: what would end the cell or begin an element is escaped.
fn cell(line: &str) -> String {
    let line = line.replace('|', "\\|").replace('<', "&lt;").replace('*', "\\*");
    line.strip_prefix("- ").map_or_else(|| line.clone(), |item| format!("<br>• {item}"))
}

const COMMANDS: &str = "\
# Commands

The help of every command, as `--help` prints it. Commands that use a running server (`secret`, `exec`, `backup`, `restore`, `event`,
`key`, `api`, and without `--offline` `user`, `policy` and `audit`) take its address and keys from `CSMS_CREDENTIALS`; those that open the
server's own data (with `--offline` the same three, `agency`, `access`, `migrate`, `doctor`, `support-bundle`) take `--data` or `--store`
like `csms serve`. Options that several commands have stand under
[Shared options](#shared-options).

This page is written from the help texts in `crates/server/tests/help`. The settings of `csms serve` have
[a page of their own](settings.md).
";

/// Sections that every command keeps, whoever else has the same.
const OWN: [&str; 4] = ["Arguments", "Commands", "Examples", "Options"];

/// A help text without the sections that others have too, and the titles of those.
fn commands(helps: &[(String, String)]) -> String {
    let mut text = COMMANDS.to_owned();
    let mut shared: Vec<&str> = Vec::new();
    let of_all: Vec<Vec<&str>> = helps.iter().map(|(_, help)| sections(help)).collect();
    let is_shared = |section: &&str| {
        is_titled(section)
            && !OWN.contains(&title(section))
            && of_all.iter().flatten().filter(|other| *other == section).count() > 1
    };
    for ((name, _), sections) in helps.iter().zip(&of_all).filter(|((name, _), _)| name != "csms serve") {
        let (taken, own): (Vec<&str>, Vec<&str>) = sections.iter().copied().partition(is_shared);
        let _ = write!(text, "\n## {name}\n\n```text\n{}\n```\n", own.join("\n\n"));
        let titles: Vec<_> = taken.iter().map(|section| title(section)).collect();
        if !titles.is_empty() {
            let _ = write!(text, "\nShared options: {}.\n", titles.join(", "));
        }
        for section in taken {
            if !shared.contains(&section) {
                shared.push(section);
            }
        }
    }
    let _ = write!(text, "\n## Shared options\n\n```text\n{}\n```\n", shared.join("\n\n"));
    text
}

/// The parts of a help text: what comes before the first title, then each title with its lines.
fn sections(help: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in help.split_inclusive('\n') {
        if is_titled(line) && at > 0 {
            starts.push(at);
        }
        at += line.len();
    }
    starts.push(help.len());
    starts.windows(2).filter_map(|ends| help.get(*ends.first()?..*ends.last()?)).map(str::trim_end).collect()
}

/// Whether a text begins with the title of a section, such as `Options:`.
fn is_titled(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    line.starts_with(|first: char| first.is_ascii_uppercase()) && line.ends_with(':')
}

fn title(section: &str) -> &str {
    section.lines().next().unwrap_or_default().trim_end_matches(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_its_flag_variable_and_meaning() {
        let help = "Options:\n      --data <DIR>\n          Directory, or a|b\n          \n          [env: CSMS_DATA]\n\n  \
                    -h, --help\n          Print help\n";
        let text = settings(help);
        assert!(text.ends_with("| `--data <DIR>` | `CSMS_DATA` | Directory, or a\\|b |\n"), "{text}");
    }

    #[test]
    fn a_section_that_two_commands_have_is_written_once() {
        let help =
            |name: &str| format!("{name}\n\nUsage: {name}\n\nServer:\n      --endpoint <URL>\n          Address\n");
        let text = commands(&[("csms a".into(), help("a")), ("csms b".into(), help("b"))]);
        assert_eq!(
            (text.matches("--endpoint").count(), text.matches("Shared options: Server.").count()),
            (1, 2),
            "{text}"
        );
    }

    #[test]
    fn every_code_is_in_one_group() {
        let text = errors();
        for code in ErrorCode::ALL {
            assert_eq!(text.matches(&format!("| `{}` |", code.as_str())).count(), 1, "{}", code.as_str());
        }
    }
}
