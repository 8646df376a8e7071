//! Sets of texts, such as the identifiers of keys, and whether a pattern matches one of them.
//!
//! It says what a text may look like, and nothing about which of them exist.

use alloc::vec::Vec;
use core::iter;

use super::pattern::{Caseless, Pattern, Token, matches};

/// Characters of one kind, one behind another. The kind has at least one character.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Whether a character is of the kind.
    pub is: fn(char) -> bool,
    /// How many there are at least.
    pub least: u8,
    /// How many there are at most; any number without it.
    pub most: Option<u8>,
}

impl Run {
    /// Between `least` and `most` characters.
    #[must_use]
    pub const fn new(is: fn(char) -> bool, least: u8, most: u8) -> Self {
        Self { is, least, most: Some(most) }
    }

    /// Exactly so many characters.
    #[must_use]
    pub const fn exactly(is: fn(char) -> bool, count: u8) -> Self {
        Self::new(is, count, count)
    }
}

/// A set of texts.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// These.
    Words(&'static [&'static str]),
    /// Those that consist of the runs of one of these lists.
    Runs(&'static [&'static [Run]]),
}

impl Shape {
    /// Whether a pattern matches a text of the set.
    pub(super) fn may_match<P: Pattern>(self, pattern: P, has_case: bool) -> bool {
        self.may_match_a_rest(&[pattern], has_case)
    }

    /// Whether one of several rests of a pattern, the longest first, matches a text of the set.
    pub(super) fn may_match_a_rest<P: Pattern>(self, rests: &[P], has_case: bool) -> bool {
        match self {
            Self::Words(words) => {
                let caseless = if has_case { Caseless::NOTHING } else { Caseless::EVERYTHING };
                rests.iter().any(|rest| words.iter().any(|word| matches(*rest, word, caseless)))
            }
            Self::Runs(lists) => lists.iter().any(|runs| Reached::nothing(runs).may_end(rests, has_case)),
        }
    }
}

/// How far the texts of a list of runs may be read once a part of a pattern has matched: for each run, whether so many of its
/// characters may have been read. Of a run without a greatest number, the last count stands for all greater ones.
struct Reached<'r>(Vec<(&'r Run, Vec<bool>)>);

impl<'r> Reached<'r> {
    fn nothing(runs: &'r [Run]) -> Self {
        let nothing = |run: &'r Run| {
            let counts = usize::from(run.most.unwrap_or(run.least)).saturating_add(1);
            (run, alloc::vec![false; counts])
        };
        Self(runs.iter().map(nothing).collect())
    }

    /// Begins to read a text, beside those that have been read so far.
    fn start(&mut self) {
        if let Some(start) = self.0.first_mut().and_then(|(_, counts)| counts.first_mut()) {
            *start = true;
        }
        self.go_on(false);
    }

    /// Reads all rests at once: where the text of the longest has come to another one, that begins.
    fn may_end<P: Pattern>(mut self, rests: &[P], has_case: bool) -> bool {
        let mut to_begin = rests.iter().copied().peekable();
        let mut rest = rests.first().copied();
        while let Some(this) = rest {
            if to_begin.next_if(|next| next.length() == this.length()).is_some() {
                self.start();
            }
            let Some((token, after)) = this.split_first() else { break };
            match token {
                Token::Star => self.go_on(true),
                Token::Any => self.read(|_| true),
                Token::Is(wanted) => self.read(|run| {
                    let is = |character: char| (run.is)(character);
                    is(wanted) || (!has_case && (is(wanted.to_ascii_lowercase()) || is(wanted.to_ascii_uppercase())))
                }),
            }
            let is_reading = self.0.iter().any(|(_, counts)| counts.contains(&true));
            rest = if is_reading { Some(after) } else { to_begin.peek().copied() };
        }
        self.0.last().is_some_and(|(run, counts)| counts.iter().skip(run.least.into()).any(|reached| *reached))
    }

    /// Reads one character of the runs that admit it.
    fn read(&mut self, admits: impl Fn(&Run) -> bool) {
        for (run, counts) in &mut self.0 {
            let goes_on = run.most.is_none() && counts.last().is_some_and(|reached| *reached);
            let admits = admits(run);
            *counts =
                iter::once(false).chain(counts.iter().copied()).take(counts.len()).map(|one| one && admits).collect();
            if let Some(last) = counts.last_mut() {
                *last |= goes_on && admits;
            }
        }
        self.go_on(false);
    }

    /// Leaves the runs that may have ended; of each run, reads any number of further characters if `any` says so.
    fn go_on(&mut self, any: bool) {
        let mut may_begin = false;
        for (run, counts) in &mut self.0 {
            if let Some(start) = counts.first_mut() {
                *start |= may_begin;
            }
            if any {
                let mut was_reached = false;
                for reached in counts.iter_mut() {
                    was_reached |= *reached;
                    *reached = was_reached;
                }
            }
            may_begin = counts.iter().skip(run.least.into()).any(|reached| *reached);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use proptest::prelude::*;

    use super::*;
    use crate::policy::pattern::glob;

    const AB: fn(char) -> bool = |character| matches!(character, 'a' | 'b');
    const DASH: fn(char) -> bool = |character| character == '-';

    /// One to three of `a` and `b`, and then perhaps a dash and one more.
    const SMALL: Shape =
        Shape::Runs(&[&[Run::new(AB, 1, 3)], &[Run::new(AB, 1, 3), Run::exactly(DASH, 1), Run::exactly(AB, 1)]]);

    fn small() -> Vec<String> {
        let mut heads: Vec<String> = Vec::from([String::new()]);
        let mut all = Vec::new();
        for _ in 0..3 {
            heads = heads.iter().flat_map(|head| [format!("{head}a"), format!("{head}b")]).collect();
            all.extend(heads.iter().cloned());
            all.extend(heads.iter().flat_map(|head| [format!("{head}-a"), format!("{head}-b")]));
        }
        all
    }

    #[test]
    fn a_pattern_matches_a_word_or_none() {
        let words = Shape::Words(&["COMMON", "RDS-FG"]);
        for (pattern, has_case, expected) in [
            ("COMMON", true, true),
            ("common", true, false),
            ("common", false, true),
            ("*-FG", true, true),
            ("RDS_FG", false, false),
            ("", true, false),
        ] {
            assert_eq!(words.may_match(pattern, has_case), expected, "{pattern}");
        }
    }

    #[test]
    fn a_run_without_a_greatest_number_takes_any() {
        const LONG: Run = Run { is: AB, least: 2, most: None };
        const ANY: Shape = Shape::Runs(&[&[LONG, Run::exactly(DASH, 1)]]);
        for (pattern, expected) in [
            ("ab-", true),
            ("a-", false),
            ("abababab-", true),
            ("*", true),
            ("a*", true),
            ("??????-", true),
            ("-", false),
        ] {
            assert_eq!(ANY.may_match(pattern, true), expected, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_matches_a_text_of_the_set_as_counting_says(pattern in "[abA*?-]{0,6}", has_case: bool) {
            let all = small();
            let lower = pattern.to_ascii_lowercase();
            let expected = all.iter().any(|text| glob(if has_case { pattern.as_str() } else { lower.as_str() }, text));
            prop_assert_eq!(SMALL.may_match(pattern.as_str(), has_case), expected);
        }
    }
}
