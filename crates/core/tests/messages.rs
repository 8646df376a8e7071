//! The catalogue of messages about rotations: both languages of each, that each is used, and the copy for the console.

#![allow(clippy::unwrap_used, reason = "a test ends where a value is missing")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use csms_core::{
    language::{PHRASES, UNITS},
    rotation::message::{Template, templates},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names between braces, in their order.
fn places(sentence: &str) -> BTreeSet<&str> {
    let is_name = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    sentence.split('{').skip(1).filter_map(|after| Some(after.split_once('}')?.0)).filter(is_name).collect()
}

#[test]
fn both_sentences_of_a_message_have_its_fields_and_no_others() {
    let mut codes = BTreeSet::new();
    for template in templates() {
        let Template { code, fields, english, chinese, .. } = template;
        assert!(codes.insert(code), "{code} is there twice");
        let fields: BTreeSet<_> = fields.iter().copied().collect();
        assert_eq!((places(english), places(chinese)), (fields.clone(), fields), "{code}");
    }
    assert!(codes.len() > 250, "{}", codes.len());
}

#[test]
fn chinese_sentences_are_punctuated_as_chinese_is() {
    for Template { code, english, chinese, .. } in templates() {
        let is_text = |c: char| !c.is_ascii();
        let has_words = english.replace("{status}", "").chars().any(char::is_lowercase);
        let stripped =
            places(english).iter().fold(english.to_string(), |text, name| text.replace(&format!("{{{name}}}"), ""));
        if has_words && stripped.chars().any(|c| c.is_ascii_lowercase()) {
            assert!(chinese.contains(is_text), "{code} has no Chinese: {chinese}");
        }
        for wrong in ["; ", ". ", " (", "?"] {
            assert!(!chinese.contains(wrong), "{code}: {chinese}");
        }
        assert!(!chinese.ends_with(['.', '。']) && !english.ends_with('.'), "{code}");
    }
}

/// The sources that may say something, by their paths.
fn sources(directory: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.insert(path, text.split("#[cfg(test)]").next().unwrap().to_owned());
        }
    }
}

/// How often a name is followed by `after`, preceded by `before`, and not part of a longer name.
fn count(text: &str, before: &str, name: &str, after: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let stands = |at: usize| {
        let (left, right) = (&text[..at], &text[at + name.len()..]);
        left.ends_with(before) && !left.ends_with(is_part) && right.starts_with(after) && !right.starts_with(is_part)
    };
    text.match_indices(name).filter(|(at, _)| stands(*at)).count()
}

#[test]
fn every_message_is_used() {
    let mut found = BTreeMap::new();
    for directory in ["crates/core", "crates/rotate", "crates/server", "crates/cli", "functions/rotate-database"] {
        sources(&root().join(directory).join("src"), &mut found);
    }
    let is_catalogue = |path: &Path| path.parent().is_some_and(|directory| directory.ends_with("rotation/message"));
    let (catalogue, users): (Vec<_>, Vec<_>) = found.iter().partition(|(path, _)| is_catalogue(path));
    for Template { constructor, code, .. } in templates() {
        let is_used = match code.strip_prefix("step.") {
            Some(step) => users.iter().any(|(_, text)| text.contains(&format!("\"{step}\""))),
            None => {
                users.iter().any(|(_, text)| count(text, "::", constructor, "") > 0)
                    // It is declared once, and a module of the catalogue may say its own.
                    || catalogue.iter().any(|(_, text)| count(text, "", constructor, "(") > 1)
            }
        };
        assert!(is_used, "nothing says {code}");
    }
}

/// As `www/src/rotation/messages.json` has it: the sentences of each code, and the Chinese of phrases and units.
#[test]
fn the_console_has_the_catalogue() {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let pair = |(name, chinese): (&str, &str)| format!("    {}: {}", quoted(name), quoted(chinese));
    let pairs = |all: &[(&str, &str)]| all.iter().copied().map(pair).collect::<Vec<_>>().join(",\n");
    let messages: Vec<_> = templates()
        .map(|Template { code, english, chinese, .. }| {
            format!("    {}: [{}, {}]", quoted(code), quoted(english), quoted(chinese))
        })
        .collect();
    let text = format!(
        "{{\n  \"messages\": {{\n{}\n  }},\n  \"phrases\": {{\n{}\n  }},\n  \"units\": {{\n{}\n  }}\n}}\n",
        messages.join(",\n"),
        pairs(PHRASES),
        pairs(UNITS)
    );
    let path = root().join("www/src/rotation/messages.json");
    if env::var_os("CSMS_WRITE_GENERATED").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "run it again with CSMS_WRITE_GENERATED=1, and look at what changes in {}",
        path.display()
    );
}
