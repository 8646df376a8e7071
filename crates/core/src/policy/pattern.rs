//! Patterns with `*` and `?`, as policies write them for actions, resources and the values of conditions.
//!
//! It only decides whether one text matches one pattern. Whether a character is compared without case depends on its place in
//! the text, never on the wildcards of the pattern.

use alloc::vec::Vec;

use super::is_of_region;

/// Which characters of a text are compared without case (ASCII letters only).
#[derive(Clone, Copy)]
struct Caseless {
    /// Bytes before this offset.
    service: usize,
    /// Bytes from the first to before the second offset.
    kind: (usize, usize),
}

impl Caseless {
    const NOTHING: Self = Self { service: 0, kind: (0, 0) };
    const EVERYTHING: Self = Self { service: usize::MAX, kind: (0, 0) };

    /// Service and type of a resource `service:region:domain:type:name`. Region, domain and name keep their case.
    fn resource(text: &str) -> Self {
        let mut colons = text.bytes().enumerate().filter(|(_, byte)| *byte == b':').map(|(offset, _)| offset);
        let service = colons.next().unwrap_or(text.len());
        let kind = colons.nth(1).map_or((text.len(), text.len()), |third| (third, colons.next().unwrap_or(text.len())));
        Self { service, kind }
    }

    const fn holds(self, offset: usize) -> bool {
        offset < self.service || (self.kind.0 <= offset && offset < self.kind.1)
    }
}

/// Whether an action matches a pattern. Actions have no case.
pub(super) fn matches_action(pattern: &str, action: &str) -> bool {
    matches(pattern, action, Caseless::EVERYTHING)
}

/// Whether a resource matches a pattern. Its service and its type have no case, region, domain and name have.
pub(super) fn matches_resource(pattern: &str, resource: &str) -> bool {
    matches(pattern, resource, Caseless::resource(resource))
}

/// Whether a value matches a pattern, with case.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    matches(pattern, text, Caseless::NOTHING)
}

fn split_first(text: &str) -> Option<(char, &str)> {
    let mut characters = text.chars();
    Some((characters.next()?, characters.as_str()))
}

/// Whether a character of a pattern other than `*` stands for this one, which begins at `offset` of its text.
fn stands_for(wanted: char, character: char, offset: usize, caseless: Caseless) -> bool {
    wanted == '?' || wanted == character || (caseless.holds(offset) && wanted.eq_ignore_ascii_case(&character))
}

/// Matches with one point to return to: the last star. At worst the time grows with the product of the lengths.
fn matches(pattern: &str, text: &str, caseless: Caseless) -> bool {
    let (mut rest, mut remaining) = (pattern, text);
    let mut star: Option<(&str, &str)> = None;
    loop {
        let offset = text.len().saturating_sub(remaining.len());
        match (split_first(rest), split_first(remaining)) {
            (Some(('*', after)), _) => {
                star = Some((after, remaining));
                rest = after;
            }
            (Some((wanted, after)), Some((character, left))) if stands_for(wanted, character, offset, caseless) => {
                rest = after;
                remaining = left;
            }
            (None, None) => return true,
            // Let the last star take one more character, and continue behind it.
            (_, _) => match star.and_then(|(after, from)| Some((after, split_first(from)?.1))) {
                Some((after, left)) => {
                    star = Some((after, left));
                    rest = after;
                    remaining = left;
                }
                None => return false,
            },
        }
    }
}

/// How many of the resources that begin with a prefix match a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// None.
    Nothing,
    /// Some, but not all.
    Part,
    /// Every one.
    Everything,
}

/// How many of the resources match a pattern that are `prefix` and a name. A name is any text of at least one character
/// without a colon, which no name here may have; `prefix` ends with the colon before it.
pub(super) fn coverage(pattern: &str, prefix: &str) -> Coverage {
    let rests = behind(with_empty_stars(&[pattern]), prefix, Caseless::resource(prefix));
    if !rests.iter().any(|rest| !rest.is_empty() && !rest.contains(':')) {
        return Coverage::Nothing;
    }
    // A rest with a literal needs that character, and there is always a name of the same length without it. So all names of
    // one length match only if a rest of wildcards takes that length: every one from `minimum` on, or exactly that one.
    let wild = || rests.iter().filter(|rest| rest.chars().all(|character| matches!(character, '*' | '?')));
    let needed = |rest: &str| rest.chars().filter(|character| *character == '?').count();
    let minimum = wild().filter(|rest| rest.contains('*')).map(|rest| needed(rest)).min();
    let takes = |length: usize| wild().any(|rest| !rest.contains('*') && needed(rest) == length);
    match minimum {
        Some(minimum) if (1..minimum).all(takes) => Coverage::Everything,
        _ => Coverage::Part,
    }
}

/// Whether a pattern matches some resource of a service and a type, whatever its region, domain and name, with the characters
/// that these may have.
pub(super) fn may_name(pattern: &str, service: &str, kind: &str, of_name: fn(char) -> bool) -> bool {
    let mut rests = behind(with_empty_stars(&[pattern]), service, Caseless::EVERYTHING);
    for _region_and_domain in 0..2 {
        rests = behind_any_segment(behind(rests, ":", Caseless::NOTHING), is_of_region);
    }
    rests = behind(behind(rests, ":", Caseless::NOTHING), kind, Caseless::EVERYTHING);
    rests = behind_any_segment(behind(rests, ":", Caseless::NOTHING), of_name);
    rests.iter().any(|rest| rest.is_empty())
}

/// What is left of a pattern once it has matched `text`, one rest for each way to share it out between the stars.
fn behind<'p>(mut rests: Vec<&'p str>, text: &str, caseless: Caseless) -> Vec<&'p str> {
    for (offset, character) in text.char_indices() {
        let mut next = Vec::new();
        for rest in rests {
            match split_first(rest) {
                Some(('*', _)) => add(&mut next, rest),
                Some((wanted, after)) if stands_for(wanted, character, offset, caseless) => add(&mut next, after),
                _ => {}
            }
        }
        rests = with_empty_stars(&next);
    }
    rests
}

/// What may be left of a pattern once it has matched any text of some characters without a colon, an empty one among them.
fn behind_any_segment(rests: Vec<&str>, is_of_segment: fn(char) -> bool) -> Vec<&str> {
    let mut all = rests.clone();
    let mut newest = rests;
    while !newest.is_empty() {
        let before = all.len();
        for rest in newest {
            match split_first(rest) {
                Some(('*' | ':', _)) | None => {}
                Some((wanted, _)) if wanted != '?' && !is_of_segment(wanted) => {}
                Some((_, after)) => with_empty_stars(&[after]).into_iter().for_each(|rest| add(&mut all, rest)),
            }
        }
        newest = all.get(before..).unwrap_or_default().to_vec();
    }
    all
}

/// The rests, and those behind stars that stand for nothing.
fn with_empty_stars<'p>(rests: &[&'p str]) -> Vec<&'p str> {
    let mut all = Vec::new();
    for rest in rests {
        let mut rest = *rest;
        add(&mut all, rest);
        while let Some(after) = rest.strip_prefix('*') {
            rest = after;
            add(&mut all, rest);
        }
    }
    all
}

/// Adds a rest of the pattern unless it is there. Rests of one pattern are equal when their lengths are.
fn add<'p>(rests: &mut Vec<&'p str>, rest: &'p str) {
    if !rests.iter().any(|known| known.len() == rest.len()) {
        rests.push(rest);
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    /// The plain definition, without a thought for time: a star takes nothing or one character more.
    fn naive(pattern: &[char], text: &[(char, bool)]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) if naive(rest, text) => true,
            (['*', ..], [_, left @ ..]) => naive(pattern, left),
            (['?', rest @ ..], [_, left @ ..]) => naive(rest, left),
            ([wanted, rest @ ..], [(character, caseless), left @ ..]) => {
                let same = if *caseless { wanted.eq_ignore_ascii_case(character) } else { wanted == character };
                same && naive(rest, left)
            }
            _ => false,
        }
    }

    fn naive_resource(pattern: &str, resource: &str) -> bool {
        let mut segment = 1;
        let marked: Vec<(char, bool)> = resource
            .chars()
            .map(|character| {
                if character == ':' {
                    segment += 1;
                }
                (character, matches!(segment, 1 | 4))
            })
            .collect();
        naive(&pattern.chars().collect::<Vec<_>>(), &marked)
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xaxb", true),
            ("**", "x", true),
            ("", "x", false),
            ("?", "密", true),
            ("??", "密", false),
            ("*??", "密钥", true),
            ("a", "A", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn actions_have_no_case() {
        for pattern in ["csms:secret:GetVersion", "CSMS:Secret:getversion", "csms:SECRET:get*", "*:getversion"] {
            assert!(matches_action(pattern, "csms:secret:getVersion"), "{pattern}");
        }
        assert!(!matches_action("csms:secret:getVersions", "csms:secret:getVersion"));
    }

    #[test]
    fn service_and_type_of_a_resource_have_no_case_and_all_else_has() {
        let resource = "csms:home-1:Domain:secretName:prod-Db";
        for pattern in
            ["CSMS:*:*:secretname:prod-*", "*SECRETNAME:prod-Db", "C*:prod-Db", "csms:*NAME:*", "csms:home-1:Domain:*"]
        {
            assert!(matches_resource(pattern, resource), "{pattern}");
        }
        for pattern in [
            "csms:Home-1:*",
            "csms:*:domain:*",
            "*:PROD-Db",
            "*prod-db",
            "CSMS:*:*:secretname:prod-db",
            "*domain:SECRET*",
        ] {
            assert!(!matches_resource(pattern, resource), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_covers_all_names_some_or_none() {
        let prefix = "csms:home:d:secretName:";
        for (pattern, expected) in [
            ("*", Coverage::Everything),
            ("CSMS:*:*:secretname:*", Coverage::Everything),
            ("csms:*:*:secretName:?*", Coverage::Everything),
            ("csms:*:*:secretName*??", Coverage::Everything),
            ("csms:*:*:secretName:??*", Coverage::Part),
            ("csms:*:*:secretName:prod-*", Coverage::Part),
            ("csms:*:*:secretName:demo", Coverage::Part),
            ("*a*", Coverage::Everything),
            ("*x*", Coverage::Part),
            ("kms:*", Coverage::Nothing),
            ("csms:away:*", Coverage::Nothing),
            ("csms:*:*:secretName:", Coverage::Nothing),
            ("csms:*:*:KeyId:*", Coverage::Nothing),
            ("", Coverage::Nothing),
        ] {
            assert_eq!(coverage(pattern, prefix), expected, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_may_name_resources_of_a_type() {
        for (pattern, expected) in [
            ("*", true),
            ("CSMS:*", true),
            ("csms:*:*:secretname:prod-*", true),
            ("csms:home::secretName:x", true),
            ("*:secretName:*", true),
            ("c*Name:demo", true),
            ("*demo", true),
            ("csms:*:*:secretNames:*", false),
            ("csms:secretName:demo", false),
            ("csms:*:*:KeyId:*", false),
            ("csms:*:*:*:secretName:demo", false),
            ("demo", false),
            ("prod-*", false),
            ("csms:?*_1:*:secretName:prod?db", true),
            ("csms:*:*:secretName:prod-db ", false),
            ("csms:*:*:secretName:*ö*", false),
            ("*demo\n", false),
            ("csms:local 1:*:secretName:*", false),
            ("csms:*:d/1:secretName:*", false),
            (" csms:*:*:secretName:*", false),
        ] {
            assert_eq!(may_name(pattern, "csms", "secretName", is_of_region), expected, "{pattern}");
        }
    }

    /// Patterns over few characters, so that they match often.
    const PATTERN: &str = "[aAbB:*?]{0,9}";

    proptest! {
        #[test]
        fn a_pattern_made_by_blanking_parts_of_a_text_matches_it(text in "[a-z]{0,12}", from in 0_usize..12, to in 0_usize..12) {
            let (from, to) = (from.min(text.len()), to.min(text.len()));
            let pattern = format!("{}*{}", &text[..from.min(to)], &text[from.max(to)..]);
            prop_assert!(glob(&pattern, &text));
        }

        #[test]
        fn without_wildcards_only_the_same_text_matches(a in "[a-c]{0,4}", b in "[a-c]{0,4}") {
            prop_assert_eq!(glob(&a, &b), a == b);
        }

        #[test]
        fn values_match_as_by_definition(pattern in "[aAé*?]{0,7}", text in "[aAé]{0,7}") {
            let marked: Vec<_> = text.chars().map(|character| (character, false)).collect();
            prop_assert_eq!(glob(&pattern, &text), naive(&pattern.chars().collect::<Vec<_>>(), &marked));
        }

        #[test]
        fn actions_match_as_by_definition(pattern in PATTERN, text in "[aAbB:]{0,9}") {
            let marked: Vec<_> = text.chars().map(|character| (character, true)).collect();
            prop_assert_eq!(matches_action(&pattern, &text), naive(&pattern.chars().collect::<Vec<_>>(), &marked));
        }

        #[test]
        fn resources_match_as_by_definition(pattern in PATTERN, text in "[aAbB]{0,2}(:[aAbB]{0,2}){0,5}") {
            prop_assert_eq!(matches_resource(&pattern, &text), naive_resource(&pattern, &text), "{} {}", pattern, text);
        }

        #[test]
        fn what_matches_a_resource_may_name_its_type(
            pattern in PATTERN, region in "[aA]{0,2}", domain in "[bB]{0,2}", name in "[aB]{1,2}"
        ) {
            let resource = format!("a:{region}:{domain}:b:{name}");
            prop_assert!(!matches_resource(&pattern, &resource) || may_name(&pattern, "A", "B", is_of_region), "{} {}", pattern, resource);
        }

        #[test]
        fn coverage_is_what_counting_the_names_says(pattern in "[aA:*?]{0,9}", prefix in "[aA]:a?:A?:[aA]:") {
            let mut names: Vec<String> = Vec::from([String::new()]);
            let mut tried: Vec<String> = Vec::new();
            // One character more than a pattern can count, over an alphabet with one character that no pattern has.
            for _ in 0..6 {
                names = names.iter().flat_map(|name| ["a", "A", "z"].map(|more| format!("{name}{more}"))).collect();
                tried.extend(names.iter().cloned());
            }
            let matched = tried.iter().filter(|name| naive_resource(&pattern, &format!("{prefix}{name}"))).count();
            let expected = match matched {
                0 => Coverage::Nothing,
                all if all == tried.len() => Coverage::Everything,
                _ => Coverage::Part,
            };
            // A pattern that needs longer names than were tried matches none of them.
            let found = coverage(&pattern, &prefix);
            if expected == Coverage::Nothing {
                prop_assert_ne!(found, Coverage::Everything, "{} {}", pattern, prefix);
            } else {
                prop_assert_eq!(found, expected, "{} {}", pattern, prefix);
            }
        }
    }
}
