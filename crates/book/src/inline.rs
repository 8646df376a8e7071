//! Moves the inline scripts of the pages into files, because the server's content policy allows no inline script or style.
//!
//! Something inline that it does not know is an error, so that a newer mdBook cannot bring a page that does not work.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// The inline styles, which elements without a class have, and the classes in `www/docs/theme/classes.css` that take their place.
const STYLES: [(&str, &str); 4] = [
    (" style=\"clear: both\"", " class=\"clear-both\""),
    (" style=\"text-align: left\"", " class=\"align-left\""),
    (" style=\"text-align: center\"", " class=\"align-center\""),
    (" style=\"text-align: right\"", " class=\"align-right\""),
];

const BEGIN: &str = "<script>";
const END: &str = "</script>";

/// Changes every page of a built book.
pub(crate) fn move_out(book: &Path) -> Result<()> {
    let mut open = vec![(book.to_owned(), String::new())];
    while let Some((directory, to_root)) = open.pop() {
        for entry in fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push((path, format!("../{to_root}")));
            } else if path.extension().is_some_and(|it| it == "html") {
                let text = fs::read_to_string(&path)?;
                let (text, scripts) = page(&text, &to_root).with_context(|| format!("in {}", path.display()))?;
                fs::write(&path, text)?;
                for (name, script) in scripts {
                    fs::write(book.join(name), script)?;
                }
            }
        }
    }
    Ok(())
}

/// A script's file and its text.
type Script = (String, String);

/// A page without anything inline, and the scripts that it had, by their names in the root of the book.
fn page(text: &str, to_root: &str) -> Result<(String, Vec<Script>)> {
    let (mut out, mut scripts) = (String::with_capacity(text.len()), Vec::new());
    let text = STYLES.iter().fold(text.to_owned(), |text, (style, class)| text.replace(style, class));
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (script, after) = after.split_once(END).context("a script has no end")?;
        let name = format!("inline-{}.js", &hex::encode(Sha256::digest(script))[..8]);
        out.push_str(before);
        out.push_str(&format!("<script src=\"{to_root}{name}\">{END}"));
        scripts.push((name, script.to_owned()));
        rest = after;
    }
    out.push_str(rest);
    for tag in out.split('<').skip(1).filter_map(|part| part.split_once('>').map(|(tag, _)| tag)) {
        let has_handler = tag.split_whitespace().skip(1).any(|word| word.starts_with("on") && word.contains('='));
        if tag.contains(" style=") || has_handler || (tag.starts_with("script") && !tag.contains(" src=")) {
            bail!("<{tag}> has something inline");
        }
    }
    Ok((out, scripts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_scripts_become_files_that_a_page_finds_from_its_directory() {
        let (text, scripts) = page("<p>a</p><script>one()</script><b><script>two()</script></b>", "../").unwrap();
        let [(one, first), (two, second)] = scripts.as_slice() else { panic!("{scripts:?}") };
        assert_eq!((first.as_str(), second.as_str()), ("one()", "two()"));
        assert_eq!(
            text,
            format!("<p>a</p><script src=\"../{one}\"></script><b><script src=\"../{two}\"></script></b>")
        );
    }

    #[test]
    fn what_else_is_inline_is_refused() {
        for tag in ["<p style=\"color: red\">", "<a onclick=\"go()\">", "<script type=\"module\">"] {
            assert!(page(&format!("{tag}x"), "").is_err(), "{tag}");
        }
        for plain in
            ["<p class=\"style\">style=x</p>", "<th style=\"text-align: right\">", "<code>&lt;a onclick=x&gt;</code>"]
        {
            assert!(page(plain, "").is_ok(), "{plain}");
        }
    }
}
