//! Phrases that no text of the repository uses, and what to write instead.
//!
//! It reads comments, messages and pages alike, line by line, and knows no grammar: a phrase is listed only when it is wrong
//! wherever it stands.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::files::Files;

/// A phrase in lower case, and the words that say the same.
const AVOIDED: &[(&str, &str)] = &[
    ("anew", "again"),
    ("carried out", "run, done or executed"),
    ("carries out", "runs or executes"),
    ("carry it out", "run it"),
    ("carry out", "run or execute"),
    ("come due", "be due"),
    ("comes due", "is due"),
    ("hands over", "passes"),
    ("in its stead", "on its behalf"),
    ("in the stead", "on behalf"),
    ("in their stead", "on their behalf"),
    ("somebody else meanwhile", "concurrently, and the actor"),
    ("stand twice", "are duplicated"),
    ("stands twice", "is duplicated"),
    ("takes leave", "closes"),
    ("at rest", "idle"),
    ("at work", "active or running"),
    ("预演", "试运行, as the console does"),
];

/// Where the phrases are listed.
const LIST: &str = "crates/xtask/src/docs/words.rs";

const EXTENSIONS: &[&str] = &["md", "mjs", "rs", "toml", "ts", "tsx", "txt"];

/// Names every place where an avoided phrase stands.
pub(crate) fn check(root: &Path, files: &Files) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for path in files.with_extension(EXTENSIONS).filter(|path| *path != Path::new(LIST)) {
        let text = fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {}", path.display()))?;
        found.extend(
            avoided(&text)
                .map(|(line, phrase, better)| format!("{}:{line}: “{phrase}”; write {better}", path.display())),
        );
    }
    Ok(found)
}

fn avoided(text: &str) -> impl Iterator<Item = (usize, &'static str, &'static str)> {
    text.lines().zip(1..).flat_map(|(line, number)| {
        let line = line.to_lowercase();
        let stands = move |phrase: &str| line.match_indices(phrase).any(|(at, _)| is_whole(&line, at, phrase.len()));
        AVOIDED.iter().filter(move |(phrase, _)| stands(phrase)).map(move |(phrase, better)| (number, *phrase, *better))
    })
}

/// Whether the phrase at `at` is neither the end nor the beginning of a longer word. Chinese has no space between words.
fn is_whole(line: &str, at: usize, length: usize) -> bool {
    if line.get(at..at + length).is_some_and(|phrase| !phrase.is_ascii()) {
        return true;
    }
    let is_letter = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    let before = line.get(..at).and_then(|text| text.chars().next_back());
    let after = line.get(at + length..).and_then(|text| text.chars().next());
    !is_letter(before) && !is_letter(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_avoided_phrase_is_found_with_its_line() {
        let found: Vec<_> = avoided("the first\nmakes it Anew.").collect();
        assert_eq!(found, [(2, "anew", "again")]);
    }

    #[test]
    fn a_chinese_phrase_is_found_between_other_characters() {
        let found: Vec<_> = avoided(&format!("先{}，再轮转", "预\u{6f14}")).map(|(line, ..)| line).collect();
        assert_eq!(found, [1]);
    }

    #[test]
    fn a_part_of_a_longer_word_is_no_phrase() {
        assert_eq!(avoided("the janewayish panewall, format restful").count(), 0);
    }
}
