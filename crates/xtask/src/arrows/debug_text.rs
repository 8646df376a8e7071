//! Rust's own form of values (`{:?}`), which is for programmers, in the crates whose text leaves the process.
//!
//! Looks at format strings outside tests alone: `#[derive(Debug)]`, and fields of the log (`cause = ?error`), are none of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The crates whose text is read by operators, users and callers.
const SPEAKING: &[&str] = &[
    "crates/api",
    "crates/cli",
    "crates/client",
    "crates/core",
    "crates/functiongraph",
    "crates/kms",
    "crates/rotate",
    "crates/server",
    "crates/store",
    "crates/tls",
    "crates/wasm",
    "functions/rotate-database",
];

/// Places below these crates where it may stand, and why.
const JUSTIFIED: &[(&str, &str)] =
    &[("crates/store/src/suite", "the behaviour suite, which tests alone run, and whose panics programmers read")];

/// Every format string that prints a value as Rust does.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for name in SPEAKING {
        collect(&root.join(name).join("src"), &mut files)?;
    }
    let mut texts = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        texts.push((file, text));
    }
    let tests: Vec<PathBuf> = texts.iter().flat_map(|(file, text)| modules_of_tests(file, text)).collect();
    let is_excused = |file: &Path| {
        let justified = JUSTIFIED.iter().any(|(place, _)| file.strip_prefix(root).is_ok_and(|file| is_at(file, place)));
        justified || tests.iter().any(|module| file.with_extension("").starts_with(module))
    };
    let mut found = Vec::new();
    for (file, text) in texts.iter().filter(|(file, _)| !is_excused(file)) {
        let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
        found.extend(lines(text).into_iter().map(|line| {
            format!("{name}:{line} prints a value as Rust does ({{:?}}); say it in words, or list the place in debug_text.rs")
        }));
    }
    Ok(found)
}

/// Whether a file is this place, with or without its extension, or below it.
fn is_at(file: &Path, place: &str) -> bool {
    file.with_extension("").starts_with(place)
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The modules in files of their own that a file compiles for tests alone, without the extension.
fn modules_of_tests(file: &Path, text: &str) -> Vec<PathBuf> {
    let is_root = |stem: &str| matches!(stem, "lib" | "main" | "mod");
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let directory = if is_root(stem) { file.parent().unwrap_or(file).to_owned() } else { file.with_extension("") };
    let for_tests = |line: &str| line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test,");
    let lines = text.lines().zip(text.lines().skip(1)).filter(|(line, _)| for_tests(line));
    let declared = lines.filter_map(|(_, next)| next.strip_prefix("mod ")?.strip_suffix(';'));
    declared.map(|name| directory.join(name)).collect()
}

/// The numbers of the lines outside the module of tests at the end that print a value as Rust does.
fn lines(text: &str) -> Vec<usize> {
    let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let is_wrong = |line: &str| !line.trim_start().starts_with("//") && prints_debug(line);
    product.lines().enumerate().filter(|(_, line)| is_wrong(line)).map(|(index, _)| index + 1).collect()
}

/// Whether a line has a place such as `{:?}`, `{name:?}` or `{0:#?}`.
fn prints_debug(line: &str) -> bool {
    line.split('{').skip(1).filter_map(|after| after.split_once('}')).any(|(place, _)| {
        place.split_once(':').is_some_and(|(name, form)| {
            form.ends_with('?') && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_place_is_found() {
        for line in [r#"format!("{:?}", x)"#, r#"format!("a {x:?} b")"#, r#"#[error("{0:#?}")]"#, r#""{a.b:8?}""#] {
            assert!(prints_debug(line), "{line}");
        }
        for line in [r#"format!("{x}")"#, "let x: Option<u8> = { y()? };", r#"info!(cause = ?error, "{x:>4}")"#] {
            assert!(!prints_debug(line), "{line}");
        }
    }

    #[test]
    fn tests_may_print_what_they_like() {
        let text = "fn a() { format!(\"{x:?}\") }\n// {x:?}\n#[cfg(test)]\nmod tests {\n    panic!(\"{x:?}\");\n}\n";
        assert_eq!(lines(text), [1]);
        let declared = modules_of_tests(Path::new("src/plan.rs"), "mod words;\n#[cfg(test)]\nmod model;\n");
        assert_eq!(declared, [PathBuf::from("src/plan/model")]);
        assert_eq!(
            modules_of_tests(Path::new("src/lib.rs"), "#[cfg(test)]\nmod model;\n"),
            [PathBuf::from("src/model")]
        );
    }
}
