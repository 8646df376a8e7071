//! Files of variables (`.env`): a name and a value on each line.
//!
//! Reads what shells and other programs write: `export`, comments, single quotes for a value as it is, double quotes with `\n`,
//! `\r`, `\t`, `\"`, `\\` and `\$`. Replaces no variables: a `$` in a password stays one.

use zeroize::Zeroizing;

/// A variable.
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: Zeroizing<String>,
}

/// Reads a file.
///
/// # Errors
/// What is wrong, with its line and without a word of it.
pub(crate) fn read(text: &str) -> Result<Vec<Variable>, String> {
    let mut variables = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = |rest: &str| text.len().saturating_sub(rest.len());
    let number = |rest: &str| text.get(..line(rest)).unwrap_or_default().matches('\n').count() + 1;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(variables);
        }
        if rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        let at = number(rest);
        let declared = rest.strip_prefix("export").filter(|after| after.starts_with([' ', '\t'])).unwrap_or(rest);
        let (name, after) =
            declared.split_once('=').ok_or_else(|| format!("line {at} is not of the form NAME=VALUE"))?;
        let name = name.trim();
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if !is_name {
            return Err(format!("line {at} does not begin with a name and ="));
        }
        let (value, after) = value(after.trim_start_matches([' ', '\t']))
            .ok_or_else(|| format!("the quotes that line {at} opens are not closed"))?;
        let (end, after) = after.split_once('\n').unwrap_or((after, ""));
        let end = end.trim();
        if !end.is_empty() && !end.starts_with('#') {
            return Err(format!("line {at} goes on behind the closing quotes"));
        }
        variables.push(Variable { name: name.to_owned(), value });
        rest = after;
    }
}

/// The value at the beginning of a text, and what follows it; `None` for quotes that are not closed.
fn value(text: &str) -> Option<(Zeroizing<String>, &str)> {
    if let Some(inner) = text.strip_prefix('\'') {
        let (value, after) = inner.split_once('\'')?;
        return Some((Zeroizing::new(value.to_owned()), after));
    }
    if let Some(inner) = text.strip_prefix('"') {
        let mut value = Zeroizing::new(String::with_capacity(inner.len()));
        let mut characters = inner.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => return Some((value, inner.get(at + 1..).unwrap_or_default())),
                '\\' => match characters.next()?.1 {
                    'n' => value.push('\n'),
                    'r' => value.push('\r'),
                    't' => value.push('\t'),
                    escaped @ ('"' | '\\' | '$') => value.push(escaped),
                    other => value.extend(['\\', other]),
                },
                other => value.push(other),
            }
        }
        return None;
    }
    let line = text.split('\n').next().unwrap_or_default();
    let after = text.get(line.len()..).unwrap_or_default();
    let bare = line.split_once(" #").map_or(line, |(value, _)| value);
    Some((Zeroizing::new(bare.trim().to_owned()), after))
}

/// Writes a variable as one line, or in quotes over several.
pub(crate) fn line(name: &str, value: &str) -> Zeroizing<String> {
    let is_plain = !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c));
    Zeroizing::new(if is_plain {
        format!("{name}={value}\n")
    } else if !value.contains(['\'', '\n', '\r']) {
        format!("{name}='{value}'\n")
    } else {
        let escaped = value.chars().fold(Zeroizing::new(String::new()), |mut text, character| {
            match character {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '"' | '\\' | '$' => text.extend(['\\', character]),
                other => text.push(other),
            }
            text
        });
        format!("{name}=\"{}\"\n", escaped.as_str())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        read(text).unwrap().into_iter().map(|variable| (variable.name, variable.value.to_string())).collect()
    }

    fn refusal(text: &str) -> String {
        read(text).err().unwrap()
    }

    #[test]
    fn a_file_is_read_with_comments_quotes_and_export() {
        let text = "# a comment\n\nA=1\nexport B = two words # and a comment\nC='it is $5 #x'\n\
                    D=\"line\\nnext \\\"q\\\" \\$\" # end\nE=\r\nF=\"over\ntwo lines\"\nG=a#b\n";
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "it is $5 #x"),
            ("D", "line\nnext \"q\" $"),
            ("E", ""),
            ("F", "over\ntwo lines"),
            ("G", "a#b"),
        ];
        assert_eq!(pairs(text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_is_wrong_has_a_line_and_repeats_nothing() {
        assert_eq!(refusal("A=1\nhunter2\n"), "line 2 is not of the form NAME=VALUE");
        assert_eq!(refusal("A=1\n\nhunter 2=x\n"), "line 3 does not begin with a name and =");
        assert_eq!(refusal("A='hunter2\n"), "the quotes that line 1 opens are not closed");
        assert_eq!(refusal("A='x' hunter2\n"), "line 1 goes on behind the closing quotes");
    }

    #[test]
    fn every_value_that_is_written_is_read_as_it_was() {
        for value in ["", "plain", "two words", "it's", "a\nb\r\n", "$HOME \"q\" \\n", " # no comment", "'\"\\$", "é✓"]
        {
            assert_eq!(pairs(&line("NAME", value)), [("NAME".to_owned(), value.to_owned())], "{value:?}");
        }
    }
}
