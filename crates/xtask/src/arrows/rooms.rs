//! The arrows between the rooms of the server: its top-level modules, and which may use which.
//!
//! Reads the source text of `crates/server/src`, tests left out. [`ALLOWED`] is the one table; a permission that nobody uses is
//! an error too, so the table says what is. A circle of files is an error, except between a module and its own children.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// A room and the rooms that it may use. `rotation::active` and `rotation::permits` are rooms of their own, because the server's
/// shared parts hold them.
const ALLOWED: &[(&str, &[&str])] = &[
    // Leaves: values and small facts.
    ("failure", &[]),
    ("version", &[]),
    ("identity", &[]),
    ("clock", &[]),
    ("request", &["failure"]),
    ("outgoing", &["failure"]),
    ("deputy", &[]),
    ("embedded", &[]),
    ("rotation::permits", &[]),
    // Parts of a running server, which know nothing of each other's use.
    ("telemetry", &["failure", "outgoing", "version"]),
    ("auth", &["clock", "failure", "request"]),
    ("audit", &["auth", "clock", "failure", "request", "telemetry"]),
    ("installation", &["audit", "auth", "clock", "failure", "identity"]),
    ("keys", &["audit", "auth", "clock", "failure", "installation", "outgoing"]),
    ("functions", &["deputy", "failure", "outgoing", "telemetry"]),
    ("channels", &["deputy", "failure", "outgoing"]),
    ("rotation::active", &["clock", "rotation::permits"]),
    (
        "app",
        &[
            "audit",
            "auth",
            "channels",
            "clock",
            "functions",
            "identity",
            "installation",
            "keys",
            "request",
            "rotation::active",
            "telemetry",
        ],
    ),
    // What happens: requests come down from `http` through `gate`, background work comes from `background`.
    ("gate", &["app", "audit", "auth", "clock", "failure", "identity", "request", "telemetry"]),
    ("rotation", &["app", "audit", "auth", "clock", "failure", "functions", "keys", "rotation::permits", "telemetry"]),
    (
        "services",
        &[
            "app",
            "audit",
            "auth",
            "clock",
            "failure",
            "functions",
            "gate",
            "identity",
            "installation",
            "keys",
            "request",
            "rotation",
        ],
    ),
    ("background", &["app", "audit", "channels", "clock", "failure", "installation", "keys", "rotation", "telemetry"]),
    ("http", &["app", "embedded", "failure", "gate", "request", "services", "version"]),
    (
        "boot",
        &[
            "app",
            "audit",
            "auth",
            "background",
            "channels",
            "clock",
            "deputy",
            "failure",
            "functions",
            "http",
            "identity",
            "installation",
            "keys",
            "outgoing",
            "request",
            "rotation",
            "rotation::active",
            "rotation::permits",
            "services",
            "telemetry",
            "version",
        ],
    ),
    (
        "commands",
        &[
            "audit",
            "auth",
            "boot",
            "clock",
            "embedded",
            "failure",
            "http",
            "identity",
            "installation",
            "keys",
            "services",
            "version",
        ],
    ),
    ("cli", &["boot", "commands", "version"]),
];

/// A module of the server, such as `services::csms::secrets`, and the modules whose names it uses.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// Everything that is wrong with the arrows, in words.
pub(super) fn check(source: &Path) -> Result<Vec<String>> {
    let texts = read(source, source)?;
    let uses = uses(&texts);
    let mut wrong = wrong_rooms(&uses, ALLOWED);
    wrong.extend(circles(&uses).iter().map(|circle| format!("a circle of modules: {}", circle.join(" -> "))));
    Ok(wrong)
}

/// Rooms that the code map does not name. Sub-rooms such as `rotation::permits` are named with theirs.
pub(super) fn missing_from_map(map: &str) -> Vec<String> {
    let rooms = ALLOWED.iter().map(|(name, _)| *name).filter(|name| !name.contains("::"));
    let missing = rooms.filter(|name| !map.contains(&format!("`{name}`")) && !map.contains(&format!("`{name}/")));
    missing.map(|name| format!("crates/README.md does not name the server's room {name}")).collect()
}

/// How many rooms there are.
pub(super) const fn count() -> usize {
    ALLOWED.len()
}

/// The text of each module, without its tests.
fn read(root: &Path, directory: &Path) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            texts.extend(read(root, &path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
            let module = path.strip_prefix(root)?.with_extension("");
            let module: Vec<_> = module.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            texts.insert(module.join("::"), lines.collect::<Vec<_>>().join("\n"));
        }
    }
    Ok(texts)
}

fn uses(texts: &BTreeMap<String, String>) -> Uses {
    let resolve = |path: &str| {
        let mut path = path;
        loop {
            if texts.contains_key(path) {
                return Some(path.to_owned());
            }
            path = path.rsplit_once("::")?.0;
        }
    };
    let of = |module: &String, text: &String| {
        let found = paths(module, text).into_iter().filter_map(|path| resolve(&path));
        found.filter(|found| found != module).collect::<BTreeSet<_>>()
    };
    texts.iter().map(|(module, text)| (module.clone(), of(module, text))).collect()
}

/// The absolute paths that a module's text begins with `crate::` or `super::`.
fn paths(module: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, word) in text.match_indices("crate::").chain(text.match_indices("super::")) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == ':') {
            continue;
        }
        let base = if word == "crate::" {
            String::new()
        } else {
            module.rsplit_once("::").map_or(String::new(), |(parent, _)| format!("{parent}::"))
        };
        tree(&base, &text[at + word.len()..], &mut found);
    }
    found
}

/// Reads a path or a tree of paths (`a::{b, c::d}`), and returns how long it is.
fn tree(base: &str, text: &str, found: &mut Vec<String>) -> usize {
    let mut path = base.to_owned();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let space = rest.len() - rest.trim_start().len();
        let rest = rest.trim_start();
        at += space;
        if let Some(inner) = rest.strip_prefix('{') {
            at += 1;
            let mut inside = inner;
            loop {
                let skipped = inside.len() - inside.trim_start_matches([' ', '\n', ',', '\t']).len();
                at += skipped;
                inside = &inside[skipped..];
                if inside.is_empty() || inside.starts_with('}') {
                    return at + 1;
                }
                let length = tree(&path, inside, found).max(1);
                at += length;
                inside = &inside[length.min(inside.len())..];
            }
        }
        let word =
            rest.find(|character: char| !(character.is_alphanumeric() || character == '_')).unwrap_or(rest.len());
        path.push_str(&rest[..word]);
        at += word;
        if !rest[word..].starts_with("::") {
            found.push(path);
            return at;
        }
        path.push_str("::");
        at += 2;
    }
}

/// The room of a module: the longest name in the table that it begins with.
fn room(module: &str, table: &[(&str, &[&str])]) -> Option<String> {
    let begins = |name: &str| module == name || module.strip_prefix(name).is_some_and(|rest| rest.starts_with("::"));
    let rooms = table.iter().map(|(name, _)| *name).filter(|name| begins(name));
    rooms.max_by_key(|name| name.len()).map(str::to_owned)
}

/// Arrows that the table does not allow, modules that are in no room, and permissions that nobody uses.
fn wrong_rooms(uses: &Uses, table: &[(&str, &[&str])]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for (module, others) in uses.iter().filter(|(module, _)| !matches!(module.as_str(), "lib" | "main")) {
        let Some(from) = room(module, table) else {
            wrong.push(format!("the server's module {module} is in no room of crates/xtask/src/arrows/rooms.rs"));
            continue;
        };
        let allowed = table.iter().find(|(name, _)| *name == from).map_or(&[][..], |(_, allowed)| allowed);
        for other in others {
            let Some(to) = room(other, table).filter(|to| *to != from) else { continue };
            if !allowed.contains(&to.as_str()) {
                wrong.push(format!("the server's {module} must not use {other}: {from} may not use {to}"));
            }
            used.insert((from.clone(), to));
        }
    }
    for (from, allowed) in table {
        for to in *allowed {
            if !used.contains(&((*from).to_owned(), (*to).to_owned())) {
                wrong.push(format!("the server's {from} may use {to} and does not; take the permission away"));
            }
        }
    }
    wrong
}

/// The circles of modules, each once. A module and its own children may know each other.
fn circles(uses: &Uses) -> Vec<Vec<String>> {
    let is_family = |one: &str, other: &str| {
        let is_child =
            |child: &str, parent: &str| child.strip_prefix(parent).is_some_and(|rest| rest.starts_with("::"));
        is_child(one, other) || is_child(other, one)
    };
    let next = |module: &str| {
        let all = uses.get(module).into_iter().flatten();
        all.filter(|other| !is_family(module, other)).cloned().collect::<Vec<_>>()
    };
    let mut done = BTreeSet::new();
    let mut found = Vec::new();
    for start in uses.keys() {
        // Depth first, with the way here, so that a circle can be shown.
        let mut way: Vec<(String, Vec<String>)> = Vec::new();
        if done.contains(start) {
            continue;
        }
        way.push((start.clone(), next(start)));
        while let Some((module, left)) = way.last_mut() {
            let Some(other) = left.pop() else {
                done.insert(module.clone());
                way.pop();
                continue;
            };
            if let Some(at) = way.iter().position(|(passed, _)| *passed == other) {
                let mut circle: Vec<_> = way[at..].iter().map(|(module, _)| module.clone()).collect();
                circle.push(other);
                found.push(circle);
            } else if !done.contains(&other) {
                let onward = next(&other);
                way.push((other, onward));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[(&str, &[&str])] = &[("low", &[]), ("high", &["low"])];

    fn uses_of(texts: &[(&str, &str)]) -> Uses {
        uses(&texts.iter().map(|(module, text)| ((*module).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn paths_are_found_in_trees_and_in_code() {
        let text = "use crate::{a::{b, c::d}, e};\nuse super::f;\nfn x() { crate::g::h::i(); }";
        let mut found = paths("room::module", text);
        found.sort();
        assert_eq!(found, ["a::b", "a::c::d", "e", "g::h::i", "room::f"]);
    }

    #[test]
    fn an_arrow_upwards_is_named() {
        let uses = uses_of(&[("low::one", "use crate::high::two::Two;"), ("high::two", "use crate::low::one;")]);
        let wrong = wrong_rooms(&uses, TABLE);
        assert_eq!(wrong, ["the server's low::one must not use high::two: low may not use high"]);
    }

    #[test]
    fn a_permission_that_nobody_uses_is_named() {
        let uses = uses_of(&[("low::one", ""), ("high::two", "")]);
        assert_eq!(wrong_rooms(&uses, TABLE), ["the server's high may use low and does not; take the permission away"]);
    }

    #[test]
    fn a_module_without_a_room_is_named() {
        let uses = uses_of(&[("new", ""), ("high", "use crate::low;"), ("low", "")]);
        let wrong = wrong_rooms(&uses, TABLE);
        assert!(wrong.len() == 1 && wrong[0].contains("module new is in no room"), "{wrong:?}");
    }

    #[test]
    fn a_circle_is_shown_and_a_family_is_none() {
        let uses = uses_of(&[("a", "use crate::b::B;"), ("b", "use crate::c::C;"), ("c", "use crate::a::A;")]);
        assert_eq!(circles(&uses).len(), 1);
        let family = uses_of(&[("a", "use crate::a::child::Child;"), ("a::child", "use super::super::a::A;")]);
        assert_eq!(circles(&family), Vec::<Vec<String>>::new());
    }
}
