//! Relative links and anchors of all Markdown, and the citations of compatibility pages in code: what they name exists.
//!
//! Addresses elsewhere are not followed. Pages of the book link to pages of the book only, because nothing else is beside
//! them once they are rendered, and each is in its table of contents.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::files::Files;

const BOOK: &str = "www/docs/src";
const CONTENTS: &str = "www/docs/src/SUMMARY.md";

/// Where code cites the pages on compatibility.
const CITING: &[&str] = &["rs", "ts", "mjs"];
const CITED: &str = "`compatibility/";

/// What a page offers and what it asks for.
#[derive(Debug, Default)]
struct Page {
    anchors: BTreeSet<String>,
    links: Vec<String>,
}

/// Returns how many relative links there are, and every one that leads nowhere.
pub(crate) fn check(root: &Path, files: &Files) -> Result<(usize, Vec<String>)> {
    let mut pages = BTreeMap::new();
    for path in files.markdown() {
        let text = fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {}", path.display()))?;
        pages.insert(path.to_path_buf(), read(&text));
    }
    let mut problems = Vec::new();
    let mut count = 0;
    for (path, page) in &pages {
        for link in page.links.iter().filter(|link| is_relative(link)) {
            count += 1;
            if let Some(problem) = problem(path, link, &pages, files) {
                problems.push(format!("{}: {link} {problem}", path.display()));
            }
        }
    }
    problems.extend(missing_from_contents(&pages));
    for path in files.with_extension(CITING) {
        let text = fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {}", path.display()))?;
        for citation in citations(&text) {
            count += 1;
            if let Some(problem) = problem(Path::new(CONTENTS), citation, &pages, files) {
                problems.push(format!("{}: {citation} {problem}", path.display()));
            }
        }
    }
    Ok((count, problems))
}

fn is_relative(link: &str) -> bool {
    let scheme = link.split_once(':').map(|(scheme, _)| scheme);
    !scheme.is_some_and(|scheme| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// Says what is wrong with a link of the page at `path`.
fn problem(path: &Path, link: &str, pages: &BTreeMap<PathBuf, Page>, files: &Files) -> Option<&'static str> {
    let (target, anchor) = link.split_once('#').map_or((link, None), |(target, anchor)| (target, Some(anchor)));
    let target = if target.is_empty() { Some(path.to_path_buf()) } else { resolve(path, target) };
    let Some(target) = target.filter(|target| files.has(target)) else {
        return Some("does not exist");
    };
    if path.starts_with(BOOK) && !target.starts_with(BOOK) {
        return Some("leaves the book; name the file instead of linking to it");
    }
    let anchor = anchor?;
    let known = pages.get(&target).is_some_and(|page| page.anchors.contains(anchor));
    (!known).then_some("has no such heading")
}

/// The path from the root that `link` means on the page at `from`; `None` outside the repository.
fn resolve(from: &Path, link: &str) -> Option<PathBuf> {
    let mut path = from.parent()?.to_path_buf();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// The cited pages, by their paths in the book.
fn citations(text: &str) -> impl Iterator<Item = &str> {
    let cited = text.match_indices(CITED).filter_map(|(at, _)| text.get(at + 1..)?.split('`').next());
    // The prefix alone cites nothing.
    cited.filter(|citation| citation.contains(".md") && !citation.contains(char::is_whitespace))
}

/// Pages of the book that its table of contents does not name.
fn missing_from_contents(pages: &BTreeMap<PathBuf, Page>) -> Vec<String> {
    let contents = Path::new(CONTENTS);
    let Some(page) = pages.get(contents) else {
        return vec![format!("{CONTENTS} does not exist")];
    };
    let named: BTreeSet<_> = page.links.iter().filter_map(|link| resolve(contents, link)).collect();
    let of_the_book = pages.keys().filter(|path| path.starts_with(BOOK) && path.as_path() != contents);
    of_the_book
        .filter(|path| !named.contains(*path))
        .map(|path| format!("{CONTENTS} does not name {}", path.display()))
        .collect()
}

/// Collects links, and anchors as GitHub and mdBook make them from headings.
fn read(text: &str) -> Page {
    let mut page = Page::default();
    let mut slugs: HashMap<String, usize> = HashMap::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let slug = slug(&heading.take().unwrap_or_default());
                let count = slugs.entry(slug.clone()).or_default();
                page.anchors.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
                *count += 1;
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    page
}

/// The identifier of a heading: lower case, spaces as hyphens, without punctuation.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|character| match character {
        character if character.is_alphanumeric() || character == '-' || character == '_' => Some(character),
        character if character.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The problems of pages given as path and text.
    fn found(texts: &[(&str, &str)]) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let contents = (CONTENTS, "# Contents");
        let texts = texts.iter().chain((!texts.iter().any(|(path, _)| *path == CONTENTS)).then_some(&contents));
        let texts: Vec<_> = texts.collect();
        for (path, text) in &texts {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        check(directory.path(), &texts.iter().map(|(path, _)| *path).collect()).unwrap().1
    }

    #[test]
    fn a_link_to_a_page_and_its_heading_is_accepted() {
        let pages = [("a.md", "[b](docs/b.md#the-second-one)"), ("docs/b.md", "# The `second` one\n[a](../a.md)")];
        assert_eq!(found(&pages), Vec::<String>::new());
    }

    #[test]
    fn a_link_to_a_page_that_does_not_exist_is_named() {
        assert_eq!(found(&[("a.md", "[b](b.md)")]), ["a.md: b.md does not exist"]);
    }

    #[test]
    fn a_link_to_a_heading_that_does_not_exist_is_named() {
        assert_eq!(found(&[("a.md", "# One\n[two](#two)")]), ["a.md: #two has no such heading"]);
    }

    #[test]
    fn a_link_out_of_the_repository_is_named() {
        assert_eq!(found(&[("a.md", "[b](../b.md)")]), ["a.md: ../b.md does not exist"]);
    }

    #[test]
    fn a_link_in_code_is_no_link() {
        assert_eq!(found(&[("a.md", "`[b](b.md)`")]), Vec::<String>::new());
    }

    #[test]
    fn the_second_heading_of_a_name_has_a_number() {
        assert_eq!(found(&[("a.md", "# One\n# One\n[second](#one-1)")]), Vec::<String>::new());
    }

    #[test]
    fn a_page_of_the_book_does_not_link_out_of_it() {
        let pages =
            [(CONTENTS, "[a](a.md)"), ("www/docs/src/a.md", "[licence](../../../LICENSE.md)"), ("LICENSE.md", "")];
        let problem = "www/docs/src/a.md: ../../../LICENSE.md leaves the book; name the file instead of linking to it";
        assert_eq!(found(&pages), [problem]);
    }

    #[test]
    fn a_page_that_is_not_in_the_contents_is_named() {
        assert_eq!(found(&[("www/docs/src/a.md", "")]), ["www/docs/src/SUMMARY.md does not name www/docs/src/a.md"]);
    }

    #[test]
    fn a_citation_in_code_names_a_page_and_a_heading() {
        let page = ("www/docs/src/compatibility/kms.md", "# Keys");
        let code = format!("//! ({CITED}kms.md#keys`, {CITED}kms.md#locks`)");
        let pages = [(CONTENTS, "[keys](compatibility/kms.md)"), page, ("a.rs", code.as_str())];
        assert_eq!(found(&pages), ["a.rs: compatibility/kms.md#locks has no such heading"]);
    }

    #[test]
    fn chinese_headings_have_anchors() {
        assert_eq!(found(&[("a.md", "# 轮转 凭据\n[there](#轮转-凭据)")]), Vec::<String>::new());
    }
}
