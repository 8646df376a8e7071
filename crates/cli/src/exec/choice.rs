//! Which members of a secret's value become variables, and under which names.
//!
//! The writer of a secret chooses the names of its members. So a member becomes a variable only when the caller asks for it: by
//! name, with a prefix, or with `--all`, which leaves out names that loaders and interpreters are known to read.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use zeroize::Zeroizing;

use super::loader_variables::{is_forbidden, is_listed};
use crate::written::{self, Unread};

/// Variables by name.
pub(super) type Variables = BTreeMap<String, Zeroizing<String>>;

/// The members of one secret's value as texts, by name.
pub(super) type Members = BTreeMap<String, Zeroizing<String>>;

/// The options that choose members.
#[derive(Args, Debug, Default)]
pub(super) struct Choice {
    /// Members to set, by name
    #[arg(long, value_name = "MEMBER,…", value_delimiter = ',')]
    only: Vec<String>,

    /// Set this member as this variable. May be repeated
    #[arg(long, value_name = "MEMBER=VARIABLE", value_parser = mapping)]
    map: Vec<(String, String)>,

    /// Set every member, or those of --only, with this before its name
    #[arg(long, value_name = "PREFIX", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    prefix: Option<String>,

    /// Set every member, except names that are already set or listed below
    #[arg(long, conflicts_with_all = ["only", "prefix"])]
    all: bool,

    /// Write names of variables in capital letters; does not choose members by itself
    #[arg(long)]
    upper: bool,

    /// Set this variable to the whole value, which may be any text
    #[arg(long, value_name = "NAME", conflicts_with_all = ["only", "map", "prefix", "all", "upper"])]
    pub(super) variable: Option<String>,
}

/// Reads `MEMBER=VARIABLE`. A variable's name holds no `=`, so the last one separates.
fn mapping(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((member, variable)) if !member.is_empty() && !variable.is_empty() => {
            Ok((member.to_owned(), variable.to_owned()))
        }
        _ => Err("must be MEMBER=VARIABLE".to_owned()),
    }
}

/// Whether a name was asked for one by one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// By `--only`, `--map` or `--variable`.
    ByName,
    /// By `--prefix`.
    ByPrefix,
    /// By `--all`.
    WithAll,
}

/// The variables of one secret. `Debug` prints names, never values.
#[derive(Default)]
pub(super) struct Chosen {
    /// What to set.
    pub(super) variables: Variables,
    /// Names that `--all` leaves out.
    pub(super) left_out: Vec<String>,
    /// Names of members that `--only` and `--map` ask for and this secret does not have.
    pub(super) missing: BTreeSet<String>,
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variables, left_out, missing } = self;
        let names: Vec<_> = variables.keys().collect();
        f.debug_struct("Chosen")
            .field("variables", &names)
            .field("left_out", left_out)
            .field("missing", missing)
            .finish()
    }
}

impl Choice {
    /// Whether any option chooses members, or the whole value.
    pub(super) fn is_made(&self) -> bool {
        self.all || self.prefix.is_some() || self.variable.is_some() || !self.only.is_empty() || !self.map.is_empty()
    }

    /// The variable of `--variable`.
    ///
    /// # Errors
    /// A name or value that cannot be a variable.
    pub(super) fn whole(&self, variable: &str, value: Zeroizing<String>) -> Result<Variables, Vec<Refused>> {
        judge(variable, &value, Asked::ByName, false).map_err(|refused| vec![refused])?;
        Ok([(variable.to_owned(), value)].into())
    }

    /// The variables for the members of a value. `is_set` reports whether the environment has a variable already.
    ///
    /// # Errors
    /// Every name and value that cannot be a variable, or must not be one.
    pub(super) fn choose(&self, members: Members, is_set: impl Fn(&str) -> bool) -> Result<Chosen, Vec<Refused>> {
        let mut chosen = Chosen::default();
        let mut refused = Vec::new();
        for name in self.only.iter().chain(self.map.iter().map(|(member, _)| member)) {
            if !members.contains_key(name) {
                chosen.missing.insert(name.clone());
            }
        }
        for (member, value) in members {
            for (name, asked) in self.names(&member) {
                let already = is_set(&name);
                if asked == Asked::WithAll && (already || is_listed(&name)) {
                    chosen.left_out.push(name);
                    continue;
                }
                match judge(&name, &value, asked, already) {
                    Err(reason) => refused.push(reason),
                    Ok(()) if chosen.variables.contains_key(&name) => {
                        refused.push(Refused { name, rule: "is the name of more than one variable" });
                    }
                    Ok(()) => {
                        chosen.variables.insert(name, value.clone());
                    }
                }
            }
        }
        if refused.is_empty() { Ok(chosen) } else { Err(refused) }
    }

    /// The variables that a member becomes.
    fn names(&self, member: &str) -> Vec<(String, Asked)> {
        let mapped = self.map.iter().filter(|(mapped, _)| mapped == member);
        let mut names: Vec<_> = mapped.map(|(_, variable)| (variable.clone(), Asked::ByName)).collect();
        let is_mapped = !names.is_empty();
        let asked = if self.only.iter().any(|only| only == member) {
            Asked::ByName
        } else if self.all && !is_mapped {
            Asked::WithAll
        } else if self.prefix.is_some() && self.only.is_empty() && !is_mapped {
            Asked::ByPrefix
        } else {
            return names;
        };
        let name = format!("{}{member}", self.prefix.as_deref().unwrap_or_default());
        names.push((if self.upper { name.to_ascii_uppercase() } else { name }, asked));
        names
    }
}

/// A variable that is not set, and why. The name may come from the secret, so it is printed escaped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    name: String,
    rule: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name.escape_debug(), self.rule)
    }
}

/// Whether text can be the name of a variable.
pub(super) fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

fn judge(name: &str, value: &str, asked: Asked, already: bool) -> Result<(), Refused> {
    let refused = |rule| Err(Refused { name: name.to_owned(), rule });
    if !is_variable_name(name) {
        return refused("is not the name of a variable: letters, digits and _, not beginning with a digit");
    }
    if is_forbidden(name) {
        return refused("would change how programs are found or loaded; give another name with --map");
    }
    if asked == Asked::ByPrefix && is_listed(name) {
        return refused(
            "is read by loaders, interpreters or tools; ask for it with --only or --map, or change --prefix",
        );
    }
    if asked == Asked::ByPrefix && already {
        return refused("is already set; ask for it with --only or --map to replace it");
    }
    if value.contains('\0') { refused("has a zero byte, which no variable can hold") } else { Ok(()) }
}

/// The members of a JSON object as texts, or as they are written. A member that is `null` is left out.
///
/// # Errors
/// The value is something else, or has two members of one name.
pub(super) fn members(text: &str) -> Result<Members, Unread> {
    let members = written::members(text)?.into_iter().filter(|(_, value)| !value.is_null());
    Ok(members.map(|(name, value)| (name, Zeroizing::new(value.as_str().to_owned()))).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

    use clap::Parser;

    use super::{super::loader_variables::tests::instances, *};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        choice: Choice,
    }

    fn choice(options: &[&str]) -> Choice {
        Line::try_parse_from([&["exec"], options].concat()).unwrap().choice
    }

    fn of(names: &[&str]) -> Members {
        names.iter().map(|name| ((*name).to_owned(), Zeroizing::new(format!("value of {name}")))).collect()
    }

    fn names(chosen: &Chosen) -> Vec<&str> {
        chosen.variables.keys().map(String::as_str).collect()
    }

    fn chosen(options: &[&str], members: &[&str]) -> Chosen {
        choice(options).choose(of(members), |_| false).unwrap()
    }

    /// Names that are refused; the test fails if none is.
    fn refused(options: &[&str], members: &[&str]) -> Vec<String> {
        let refused = choice(options).choose(of(members), |_| false).unwrap_err();
        refused.into_iter().map(|refused| refused.name).collect()
    }

    #[test]
    fn each_member_of_an_object_becomes_a_text() {
        let found = members(r#"{"user":"app","pin":1.10,"tls":true,"none":null,"list":[1, "a"]}"#).unwrap();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("list", r#"[1, "a"]"#), ("pin", "1.10"), ("tls", "true"), ("user", "app")]);
        assert!(members("hunter2").is_err() && members("[]").is_err());
        assert_eq!(members(r#"{"dup":"one","dup":"two"}"#).unwrap_err(), Unread::Repeated("dup".to_owned()));
    }

    #[test]
    fn capital_letters_alone_choose_nothing() {
        assert!(!choice(&[]).is_made() && !choice(&["--upper"]).is_made());
        for options in [&["--only", "a"][..], &["--map", "a=B"], &["--prefix", "P"], &["--all"], &["--variable", "A"]] {
            assert!(choice(options).is_made(), "{options:?}");
        }
    }

    #[test]
    fn an_empty_prefix_is_no_choice() {
        assert!(Line::try_parse_from(["exec", "--prefix", ""]).is_err());
        assert!(Line::try_parse_from(["exec", "--map", "a="]).is_err());
    }

    #[test]
    fn the_members_asked_for_are_set_and_no_others() {
        assert_eq!(names(&chosen(&["--only", "a,b", "--only", "c"], &["a", "b", "c", "d"])), ["a", "b", "c"]);
        assert_eq!(names(&chosen(&["--only", "a", "--prefix", "P_", "--upper"], &["a", "b"])), ["P_A"]);
        assert_eq!(names(&chosen(&["--map", "a=X", "--map", "a=Y", "--only", "b"], &["a", "b", "c"])), ["X", "Y", "b"]);
        assert_eq!(names(&chosen(&["--map", "a=X", "--prefix", "P_"], &["a", "b"])), ["P_b", "X"]);
        assert_eq!(names(&chosen(&["--map", "a=b=X"], &["a", "a=b"])), ["X"]);
    }

    #[test]
    fn members_that_do_not_exist_are_reported() {
        let chosen = chosen(&["--only", "a,b", "--map", "c=C"], &["a"]);
        assert_eq!(chosen.missing, ["b", "c"].map(str::to_owned).into());
    }

    #[test]
    fn all_leaves_out_what_loaders_read() {
        for name in instances() {
            let chosen = chosen(&["--all"], &[&name, "password"]);
            assert_eq!((names(&chosen), &chosen.left_out), (vec!["password"], &vec![name]));
        }
    }

    #[test]
    fn all_leaves_out_what_capital_letters_make_of_a_name() {
        let chosen = chosen(&["--all", "--upper"], &["node_options", "password"]);
        assert_eq!((names(&chosen), &chosen.left_out), (vec!["PASSWORD"], &vec!["NODE_OPTIONS".to_owned()]));
    }

    #[test]
    fn a_variable_that_is_set_is_replaced_only_when_asked_for_by_name() {
        let is_set = |name: &str| name == "password";
        let all = choice(&["--all"]).choose(of(&["password", "user"]), is_set).unwrap();
        assert_eq!((names(&all), &all.left_out), (vec!["user"], &vec!["password".to_owned()]));
        assert!(choice(&["--prefix", "pass"]).choose(of(&["word"]), is_set).is_err());
        for options in [["--only", "password"], ["--map", "user=password"]] {
            let chosen = choice(&options).choose(of(&["password", "user"]), is_set).unwrap();
            assert_eq!(names(&chosen), ["password"], "{options:?}");
        }
    }

    #[test]
    fn a_prefix_that_completes_a_name_of_the_list_is_refused_by_that_name() {
        for name in instances().filter(|name| name.len() > 1) {
            let (prefix, member) = name.split_at(1);
            assert_eq!(refused(&["--prefix", prefix], &[member]), [name.as_str()]);
            if name == name.to_ascii_uppercase() {
                let (prefix, member) = (prefix.to_ascii_lowercase(), member.to_ascii_lowercase());
                assert_eq!(refused(&["--prefix", &prefix, "--upper"], &[&member]), [name.as_str()]);
            }
        }
    }

    #[test]
    fn names_that_decide_what_is_loaded_are_refused_however_they_are_asked_for() {
        let forbidden = ["LD_PRELOAD", "DYLD_X", "PATH", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "PYTHONPATH"];
        for name in forbidden {
            assert_eq!(refused(&["--only", name], &[name]), [name]);
            assert_eq!(refused(&["--map", &format!("a={name}")], &["a"]), [name]);
            assert_eq!(
                refused(&["--only", &name.to_ascii_lowercase(), "--upper"], &[&name.to_ascii_lowercase()]),
                [name]
            );
            assert_eq!(refused(&["--only", &name[1..], "--prefix", &name[..1]], &[&name[1..]]), [name]);
            assert!(choice(&["--variable", name]).whole(name, Zeroizing::default()).is_err(), "{name}");
        }
    }

    #[test]
    fn a_listed_name_is_set_when_it_is_asked_for() {
        let asked = ["--only", "NODE_OPTIONS", "--map", "proxy=HTTPS_PROXY"];
        assert_eq!(names(&chosen(&asked, &["NODE_OPTIONS", "proxy"])), ["HTTPS_PROXY", "NODE_OPTIONS"]);
    }

    #[test]
    fn what_cannot_be_a_variable_is_refused_all_at_once_and_escaped() {
        let found = choice(&["--all"]).choose(of(&["", "1a", "a=b", "a\u{1b}[2J", "b"]), |_| false).unwrap_err();
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|refused| !refused.to_string().contains('\u{1b}')), "{found:?}");
        let zero = [("a".to_owned(), Zeroizing::new("a\0b".to_owned()))].into();
        assert!(choice(&["--only", "a"]).choose(zero, |_| false).is_err());
    }

    #[test]
    fn two_members_that_become_one_variable_are_refused() {
        assert_eq!(refused(&["--only", "a,A", "--upper"], &["a", "A"]), ["A"]);
    }
}
