//! The totals of test programs, summed from the result line of each test program, and the names of the tests that failed.

use std::fmt;

/// How many tests passed and failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    names: Vec<String>,
}

impl Tally {
    /// Counts a line like `test result: ok. 24 passed; 0 failed; 0 ignored; …` and notes one like `test name ... FAILED`; other
    /// lines count nothing.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... FAILED")) {
            // Names may be padded.
            self.names.push(name.trim_end().to_owned());
        }
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|result| result.split_once(". ")) else {
            return;
        };
        for count in counts.split(';') {
            match count.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }

    /// The names of the tests that failed.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// How many tests failed; `None` when the program ended without naming each.
    pub(crate) fn failed(&self) -> Option<usize> {
        (!self.names.is_empty() && self.names.len() == self.failed).then_some(self.failed)
    }

    /// How many tests passed.
    pub(crate) fn passed(&self) -> usize {
        self.passed
    }

    /// Adds what another program came to.
    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.names.extend_from_slice(&other.names);
    }

    /// Takes what failed and passed alone from the failures to the passed. Whether all did: a name that the program does not know
    /// is run by none.
    pub(crate) fn forgive(&mut self, failed: &Self, alone: &Self) -> bool {
        self.passed += alone.passed;
        self.failed -= alone.passed.min(self.failed);
        self.names.retain(|name| !failed.names.contains(name) || alone.names.contains(name));
        alone.failed == 0 && alone.passed >= failed.failed
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_summed_and_others_are_not() {
        let mut tally = Tally::default();
        for line in [
            "running 24 tests",
            "test result: ok. 24 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 10.18s",
            "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 11.08s",
            "the test result: was good",
            "test a::b ... FAILED",
            "test padded       ... FAILED",
            "test d ... ok",
        ] {
            tally.read(line);
        }
        assert_eq!(tally.to_string(), "31 passed, 2 failed");
        assert_eq!((tally.failed(), tally.names()), (Some(2), ["a::b", "padded"].map(str::to_owned).as_slice()));
        let mut all = Tally { passed: 5, ..Tally::default() };
        all.add(&tally);
        assert_eq!(all.to_string(), "36 passed, 2 failed");
        assert!(all.forgive(&tally, &Tally { passed: 2, ..Tally::default() }));
        assert_eq!((all.to_string().as_str(), all.names().len()), ("38 passed, 0 failed", 0));
    }

    #[test]
    fn what_fails_alone_too_stays_a_failure() {
        let first = Tally { passed: 1, failed: 2, names: vec!["a".to_owned(), "b".to_owned()] };
        let mut all = first.clone();
        assert!(!all.forgive(&first, &Tally { passed: 1, failed: 1, names: vec!["b".to_owned()] }));
        assert_eq!((all.to_string().as_str(), all.names()), ("2 passed, 1 failed", ["b".to_owned()].as_slice()));
        assert!(!first.clone().forgive(&first, &Tally::default()));
    }

    #[test]
    fn a_program_that_ends_without_naming_a_test_has_no_second_try() {
        let mut tally = Tally::default();
        tally.read("test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured");
        assert_eq!(tally.failed(), None);
        assert_eq!(Tally::default().failed(), None);
    }
}
