//! The totals of a `cargo test` run, summed from the result line of each test program, and the names of the tests that failed.

use std::fmt;

/// How many tests passed and failed.
#[derive(Debug, Default, PartialEq, Eq)]
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

    /// The names of the tests that failed; `None` when a test program ended without naming one, or named too many.
    pub(crate) fn failed(&self, at_most: usize) -> Option<&[String]> {
        (!self.names.is_empty() && self.names.len() == self.failed && self.failed <= at_most).then_some(&self.names)
    }

    /// Whether as many tests passed: a name that no program knows is run by none.
    pub(crate) fn has_passed(&self, tests: usize) -> bool {
        self.passed >= tests
    }

    /// What the first try and the second one of what failed in it come to.
    pub(crate) fn with_second(self, second: Self) -> Self {
        Self { passed: self.passed + second.passed, ..second }
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
        assert_eq!(tally.failed(2).unwrap(), ["a::b", "padded"]);
        assert_eq!(tally.failed(1), None);
        let second = Tally { passed: 2, ..Tally::default() };
        assert_eq!(tally.with_second(second).to_string(), "33 passed, 0 failed");
    }

    #[test]
    fn a_program_that_ends_without_naming_a_test_has_no_second_try() {
        let mut tally = Tally::default();
        tally.read("test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured");
        assert_eq!(tally.failed(5), None);
        assert_eq!(Tally::default().failed(5), None);
    }
}
