//! Patterns with `*` and `?`, as policies write them for actions, resources and the values of conditions.
//!
//! It only decides whether one text matches one pattern. Whether a character is compared without case depends on its place in
//! the text, never on the wildcards of the pattern.

use alloc::{vec, vec::Vec};

use super::{is_of_region, shape::Shape};

/// One character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `*`: any characters.
    Star,
    /// `?`: one character.
    Any,
    /// This character.
    Is(char),
}

impl From<char> for Token {
    fn from(character: char) -> Self {
        match character {
            '*' => Self::Star,
            '?' => Self::Any,
            other => Self::Is(other),
        }
    }
}

/// A pattern: a text with wildcards, or the tokens of one.
pub(super) trait Pattern: Copy {
    /// The first token and what is behind it.
    fn split_first(self) -> Option<(Token, Self)>;

    /// A length that tells the rests of one pattern apart.
    fn length(self) -> usize;
}

impl Pattern for &str {
    fn split_first(self) -> Option<(Token, Self)> {
        let mut characters = self.chars();
        Some((characters.next()?.into(), characters.as_str()))
    }

    fn length(self) -> usize {
        self.len()
    }
}

impl Pattern for &[Token] {
    fn split_first(self) -> Option<(Token, Self)> {
        self.split_first().map(|(token, after)| (*token, after))
    }

    fn length(self) -> usize {
        self.len()
    }
}

/// Which characters of a text are compared without case (ASCII letters only).
#[derive(Clone, Copy)]
pub(super) struct Caseless {
    /// Bytes before this offset.
    service: usize,
    /// Bytes from the first to before the second offset.
    kind: (usize, usize),
    /// Bytes from this offset on.
    name: usize,
}

impl Caseless {
    pub(super) const NOTHING: Self = Self { service: 0, kind: (0, 0), name: usize::MAX };
    pub(super) const EVERYTHING: Self = Self { name: 0, ..Self::NOTHING };

    /// Service and type of a resource `service:region:domain:type:name`, and the name of a key, which is its identifier.
    /// Region, domain and other names keep their case.
    fn resource(text: &str) -> Self {
        let mut colons = text.bytes().enumerate().filter(|(_, byte)| *byte == b':').map(|(offset, _)| offset);
        let service = colons.next().unwrap_or(text.len());
        let kind = colons.nth(1).map_or((text.len(), text.len()), |third| (third, colons.next().unwrap_or(text.len())));
        let is_key = text.get(kind.0..kind.1).is_some_and(|kind| kind.eq_ignore_ascii_case(":KeyId"));
        Self { service, kind, name: if is_key { kind.1 } else { usize::MAX } }
    }

    const fn holds(self, offset: usize) -> bool {
        offset < self.service || (self.kind.0 <= offset && offset < self.kind.1) || self.name <= offset
    }
}

/// Whether an action matches a pattern. Actions have no case.
pub(super) fn matches_action(pattern: &str, action: &str) -> bool {
    matches(pattern, action, Caseless::EVERYTHING)
}

/// Whether a resource matches a pattern. Its service, its type and the identifier of a key have no case, region, domain and
/// other names have.
pub(super) fn matches_resource<P: Pattern>(pattern: P, resource: &str) -> bool {
    matches(pattern, resource, Caseless::resource(resource))
}

/// Whether a value matches a pattern, with case.
pub(super) fn glob<P: Pattern>(pattern: P, text: &str) -> bool {
    matches(pattern, text, Caseless::NOTHING)
}

/// Whether a token of a pattern other than `*` stands for this character, which begins at `offset` of its text.
fn stands_for(wanted: Token, character: char, offset: usize, caseless: Caseless) -> bool {
    match wanted {
        Token::Star => false,
        Token::Any => true,
        Token::Is(wanted) => wanted == character || (caseless.holds(offset) && wanted.eq_ignore_ascii_case(&character)),
    }
}

/// Matches with one point to return to: the last star. At worst the time grows with the product of the lengths.
pub(super) fn matches<P: Pattern>(pattern: P, text: &str, caseless: Caseless) -> bool {
    let (mut rest, mut remaining) = (pattern, text);
    let mut star: Option<(P, &str)> = None;
    loop {
        let offset = text.len().saturating_sub(remaining.len());
        let mut characters = remaining.chars();
        match (rest.split_first(), characters.next()) {
            (Some((Token::Star, after)), _) => {
                star = Some((after, remaining));
                rest = after;
            }
            (Some((wanted, after)), Some(character)) if stands_for(wanted, character, offset, caseless) => {
                rest = after;
                remaining = characters.as_str();
            }
            (None, None) => return true,
            // Let the last star take one more character, and continue behind it.
            (_, _) => {
                let Some((after, from)) = star else { return false };
                let mut characters = from.chars();
                if characters.next().is_none() {
                    return false;
                }
                let left = characters.as_str();
                star = Some((after, left));
                rest = after;
                remaining = left;
            }
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
pub(super) fn coverage<P: Pattern>(pattern: P, prefix: &str) -> Coverage {
    let rests = Rests::of(pattern).behind(prefix, Caseless::resource(prefix)).all;
    let contents = Contents::of_rests(pattern);
    let rests: Vec<Contents> = rests.iter().filter_map(|rest| contents.get(rest.length()).copied()).collect();
    if !rests.iter().any(|rest| !rest.is_empty && !rest.has_colon) {
        return Coverage::Nothing;
    }
    // A rest with a literal needs that character, and there is always a name of the same length without it. So all names of
    // one length match only if a rest of wildcards takes that length: every one from `minimum` on, or exactly that one.
    let wild = || rests.iter().filter(|rest| !rest.has_literal);
    let Some(minimum) = wild().filter(|rest| rest.has_star).map(|rest| rest.needed).min() else {
        return Coverage::Part;
    };
    let mut takes = vec![false; minimum];
    for rest in wild().filter(|rest| !rest.has_star) {
        if let Some(taken) = takes.get_mut(rest.needed) {
            *taken = true;
        }
    }
    if takes.iter().skip(1).all(|taken| *taken) { Coverage::Everything } else { Coverage::Part }
}

/// What a rest of a pattern consists of.
#[derive(Clone, Copy, Debug)]
struct Contents {
    is_empty: bool,
    has_star: bool,
    has_literal: bool,
    has_colon: bool,
    /// How many `?` there are.
    needed: usize,
}

impl Contents {
    const EMPTY: Self = Self { is_empty: true, has_star: false, has_literal: false, has_colon: false, needed: 0 };

    /// The contents of each rest of a pattern, by its length. They are counted from the end, so that each token is read once
    /// however many rests have it.
    fn of_rests<P: Pattern>(pattern: P) -> Vec<Self> {
        let mut tokens = Vec::new();
        let mut rest = pattern;
        while let Some((token, after)) = rest.split_first() {
            tokens.push((rest.length(), token));
            rest = after;
        }
        let mut all = vec![Self::EMPTY; pattern.length().saturating_add(1)];
        let mut contents = Self::EMPTY;
        for (length, token) in tokens.into_iter().rev() {
            contents.is_empty = false;
            match token {
                Token::Star => contents.has_star = true,
                Token::Any => contents.needed = contents.needed.saturating_add(1),
                Token::Is(character) => {
                    contents.has_literal = true;
                    contents.has_colon |= character == ':';
                }
            }
            if let Some(place) = all.get_mut(length) {
                *place = contents;
            }
        }
        all
    }
}

/// A part of the text of a resource.
#[derive(Clone, Copy, Debug)]
pub enum Segment<'a> {
    /// Any name that regions and domains may have, an empty one among them.
    Any,
    /// One of these.
    OneOf(&'a [&'a str]),
}

/// The resources of one type: `service:region:domain:kind:name`.
#[derive(Clone, Copy, Debug)]
pub struct ResourceType<'a> {
    /// The service.
    pub service: &'a str,
    /// Its regions.
    pub regions: Segment<'a>,
    /// Its domains.
    pub domains: Segment<'a>,
    /// The type.
    pub kind: &'a str,
    /// The names. A list of all resources goes by the name `*` besides.
    pub names: Shape,
}

/// Whether a pattern matches some resource of a type.
pub(super) fn may_name<P: Pattern>(pattern: P, of: &ResourceType<'_>) -> bool {
    let mut rests = Rests::of(pattern).behind(of.service, Caseless::EVERYTHING);
    for segment in [of.regions, of.domains] {
        rests = rests.behind(":", Caseless::NOTHING);
        rests = match segment {
            Segment::Any => rests.behind_any_segment(is_of_region),
            Segment::OneOf(texts) => rests.behind_one_of(texts),
        };
    }
    rests = rests.behind(":", Caseless::NOTHING).behind(of.kind, Caseless::EVERYTHING).behind(":", Caseless::NOTHING);
    let has_case = !of.kind.eq_ignore_ascii_case("KeyId");
    rests.all.sort_unstable_by_key(|rest| core::cmp::Reverse(rest.length()));
    of.names.may_match_a_rest(&rests.all, has_case) || rests.behind("*", Caseless::NOTHING).has_ended()
}

/// Rests of one pattern, each once, closed under stars that stand for nothing. Rests are told apart by their lengths, so that
/// adding one takes the same time however many there are.
struct Rests<P> {
    all: Vec<P>,
    known: Vec<bool>,
}

impl<P: Pattern> Rests<P> {
    /// All of `pattern`, before it has matched anything.
    fn of(pattern: P) -> Self {
        let mut rests = Self { all: Vec::new(), known: vec![false; pattern.length().saturating_add(1)] };
        rests.add(pattern);
        rests
    }

    /// Adds a rest, and the one behind its first stars. Several stars in a row are as good as the last of them.
    fn add(&mut self, mut rest: P) {
        while let Some((Token::Star, after)) = rest.split_first()
            && matches!(after.split_first(), Some((Token::Star, _)))
        {
            rest = after;
        }
        while let Some(known) = self.known.get_mut(rest.length()).filter(|known| !**known) {
            *known = true;
            self.all.push(rest);
            match rest.split_first() {
                Some((Token::Star, after)) => rest = after,
                _ => return,
            }
        }
    }

    /// Replaces the rests by what is left of each.
    fn replace(&mut self, left: impl Fn(P) -> Option<P>) {
        self.known.fill(false);
        for rest in core::mem::take(&mut self.all) {
            if let Some(left) = left(rest) {
                self.add(left);
            }
        }
    }

    /// What is left once the pattern has matched `text` as well, one rest for each way to share it out between the stars.
    fn behind(mut self, text: &str, caseless: Caseless) -> Self {
        for (offset, character) in text.char_indices() {
            self.replace(|rest| match rest.split_first() {
                Some((Token::Star, _)) => Some(rest),
                Some((wanted, after)) if stands_for(wanted, character, offset, caseless) => Some(after),
                _ => None,
            });
        }
        self
    }

    /// What may be left once the pattern has matched any text of some characters without a colon, an empty one among them.
    fn behind_any_segment(mut self, is_of_segment: fn(char) -> bool) -> Self {
        let mut next = 0;
        while let Some(rest) = self.all.get(next).copied() {
            next = next.saturating_add(1);
            match rest.split_first() {
                Some((Token::Star, _)) | None => {}
                Some((Token::Is(wanted), _)) if !is_of_segment(wanted) => {}
                Some((_, after)) => self.add(after),
            }
        }
        self
    }

    /// Whether the pattern may have matched all of the text.
    fn has_ended(&self) -> bool {
        self.known.first() == Some(&true)
    }

    /// What is left once the pattern has matched one of these texts.
    fn behind_one_of(self, texts: &[&str]) -> Self {
        let mut all = Self { all: Vec::new(), known: vec![false; self.known.len()] };
        for text in texts {
            let this = Self { all: self.all.clone(), known: self.known.clone() };
            this.behind(text, Caseless::NOTHING).all.into_iter().for_each(|rest| all.add(rest));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec::Vec};
    use core::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    use crate::policy::shape::Run;

    /// Any names of the characters of regions.
    const NAMES: Shape = Shape::Runs(&[&[Run { is: is_of_region, least: 0, most: None }]]);

    fn may_be(pattern: &str, service: &str, kind: &str) -> bool {
        let (regions, domains) = (Segment::Any, Segment::Any);
        may_name(pattern, &ResourceType { service, regions, domains, kind, names: NAMES })
    }

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
    fn the_identifier_of_a_key_has_no_case() {
        let resource = "kms:home-1:Domain:KeyId:0b1c-2d";
        for pattern in ["KMS:*:*:keyid:0B1C-2D", "*:0B*", "kms:home-1:Domain:KeyId:*-2D"] {
            assert!(matches_resource(pattern, resource), "{pattern}");
        }
        assert!(!matches_resource("kms:HOME-1:*:KeyId:0b1c-2d", resource));
    }

    #[test]
    fn tokens_that_were_no_wildcards_are_none() {
        let of = |text: &str| text.chars().map(Token::Is).collect::<Vec<_>>();
        assert!(glob(of("a*").as_slice(), "a*") && !glob(of("a*").as_slice(), "ab"));
        let mixed = [Token::Star, Token::Is('*'), Token::Any];
        assert!(glob(&mixed[..], "x*y") && !glob(&mixed[..], "xyz"));
        assert_eq!(coverage(&mixed[..], "csms:home:d:secretName:"), Coverage::Part);
    }

    /// A pattern that counts how often its rests are looked at.
    #[derive(Clone, Copy)]
    struct Counted<'c>(&'c [Token], &'c Cell<usize>);

    impl Pattern for Counted<'_> {
        fn split_first(self) -> Option<(Token, Self)> {
            self.1.set(self.1.get() + 1);
            self.0.split_first().map(|(token, after)| (*token, Self(after, self.1)))
        }

        fn length(self) -> usize {
            self.0.len()
        }
    }

    #[test]
    fn the_work_for_a_pattern_grows_with_its_length_and_no_faster() {
        let of = ResourceType {
            service: "csms",
            regions: Segment::Any,
            domains: Segment::OneOf(&["d1", "d2"]),
            kind: "secretName",
            names: NAMES,
        };
        let looks = |text: &str, times: usize| {
            let tokens: Vec<Token> = text.repeat(times).chars().chain(['!']).map(Token::from).collect();
            let looks = Cell::new(0);
            assert!(!may_name(Counted(&tokens, &looks), &of));
            looks.get()
        };
        for text in ["*", "*a", "*?", "?*s", "*:"] {
            let (once, tenfold) = (looks(text, 100), looks(text, 1000));
            assert!(tenfold <= once * 11, "{text}: {once}, {tenfold}");
        }
    }

    #[test]
    fn a_type_may_have_known_regions_domains_and_names() {
        let of = ResourceType {
            service: "kms",
            regions: Segment::OneOf(&["home", "away"]),
            domains: Segment::OneOf(&["d1"]),
            kind: "KeyId",
            names: Shape::Words(&["k-1", "k-2"]),
        };
        for (pattern, expected) in [
            ("*", true),
            ("kms:home:d1:KeyId:k-1", true),
            ("KMS:a*:d?:keyid:K-2", true),
            ("kms:*:*:KeyId:${*}", false),
            ("kms:*:*:KeyId:*", true),
            ("kms:hoem:*:KeyId:k-1", false),
            ("kms:*:d2:KeyId:*", false),
            ("kms:*:*:KeyId:k-3", false),
        ] {
            assert_eq!(may_name(pattern, &of), expected, "{pattern}");
        }
    }

    #[test]
    fn coverage_reads_a_long_pattern_a_bounded_number_of_times() {
        let prefix = "csms:home-1:0123456789abcdef0123456789abcdef:secretName:";
        for pattern in [
            format!("*{}", "?*".repeat(500)),
            format!("*{}*", "?".repeat(1000)),
            format!("{}*", "*?".repeat(500)),
            "*e".repeat(500),
            "*".repeat(1000),
        ] {
            let tokens: Vec<Token> = pattern.chars().map(Token::from).collect();
            let looks = Cell::new(0);
            coverage(Counted(&tokens, &looks), prefix);
            // The prefix with each rest that it can reach, and the pattern a few times.
            let most = 4 * (prefix.len() * prefix.len() + 2 * tokens.len());
            assert!(looks.get() < most, "{} looks at {} tokens of {pattern}", looks.get(), tokens.len());
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
            assert_eq!(may_be(pattern, "csms", "secretName"), expected, "{pattern}");
        }
    }

    /// Patterns over few characters, so that they match often.
    const PATTERN: &str = "[aAbB:*?]{0,9}";

    proptest! {
        #[test]
        fn a_pattern_made_by_blanking_parts_of_a_text_matches_it(text in "[a-z]{0,12}", from in 0_usize..12, to in 0_usize..12) {
            let (from, to) = (from.min(text.len()), to.min(text.len()));
            let pattern = format!("{}*{}", &text[..from.min(to)], &text[from.max(to)..]);
            prop_assert!(glob(pattern.as_str(), &text));
        }

        #[test]
        fn without_wildcards_only_the_same_text_matches(a in "[a-c]{0,4}", b in "[a-c]{0,4}") {
            prop_assert_eq!(glob(a.as_str(), &b), a == b);
        }

        #[test]
        fn values_match_as_by_definition(pattern in "[aAé*?]{0,7}", text in "[aAé]{0,7}") {
            let marked: Vec<_> = text.chars().map(|character| (character, false)).collect();
            prop_assert_eq!(glob(pattern.as_str(), &text), naive(&pattern.chars().collect::<Vec<_>>(), &marked));
        }

        #[test]
        fn actions_match_as_by_definition(pattern in PATTERN, text in "[aAbB:]{0,9}") {
            let marked: Vec<_> = text.chars().map(|character| (character, true)).collect();
            prop_assert_eq!(matches_action(&pattern, &text), naive(&pattern.chars().collect::<Vec<_>>(), &marked));
        }

        #[test]
        fn resources_match_as_by_definition(pattern in PATTERN, text in "[aAbB]{0,2}(:[aAbB]{0,2}){0,5}") {
            prop_assert_eq!(matches_resource(pattern.as_str(), &text), naive_resource(&pattern, &text), "{} {}", pattern, text);
        }

        #[test]
        fn what_matches_a_resource_may_name_its_type(
            pattern in PATTERN, region in "[aA]{0,2}", domain in "[bB]{0,2}", name in "[aB]{1,2}"
        ) {
            let resource = format!("a:{region}:{domain}:b:{name}");
            prop_assert!(!matches_resource(pattern.as_str(), &resource) || may_be(pattern.as_str(), "A", "B"), "{} {}", pattern, resource);
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
            let found = coverage(pattern.as_str(), &prefix);
            if expected == Coverage::Nothing {
                prop_assert_ne!(found, Coverage::Everything, "{} {}", pattern, prefix);
            } else {
                prop_assert_eq!(found, expected, "{} {}", pattern, prefix);
            }
        }
    }
}
