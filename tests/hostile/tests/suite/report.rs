//! What was tried and what held, by class of attack, and the table of it.
//!
//! Knows no server: the other modules report each case here.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};

use libtest_mimic::Failed;

/// Tried and held, by class.
static TALLY: Mutex<BTreeMap<&str, (usize, usize)>> = Mutex::new(BTreeMap::new());

/// The cases of one class in one trial.
pub(crate) struct Class {
    name: &'static str,
    tried: usize,
    failures: Vec<String>,
}

impl Class {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, tried: 0, failures: Vec::new() }
    }

    /// Notes a case. `told` describes it when it did not hold.
    pub(crate) fn case(&mut self, held: bool, told: impl FnOnce() -> String) {
        self.tried += 1;
        if !held {
            self.failures.push(told());
        }
    }

    /// Notes a case that holds when both sides are equal.
    pub(crate) fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, got: T, expected: T) {
        self.case(got == expected, || format!("{what}: got {got:?}, expected {expected:?}"));
    }

    /// Adds the cases to the table.
    ///
    /// # Errors
    /// Every case that did not hold.
    pub(crate) fn finish(self) -> Result<(), Failed> {
        let mut tally = TALLY.lock().unwrap_or_else(PoisonError::into_inner);
        let (tried, held) = tally.entry(self.name).or_default();
        *tried += self.tried;
        *held += self.tried - self.failures.len();
        if self.failures.is_empty() {
            return Ok(());
        }
        let shown: Vec<_> = self.failures.iter().take(20).map(String::as_str).collect();
        Err(format!("{} of {} cases did not hold:\n\n{}", self.failures.len(), self.tried, shown.join("\n\n")).into())
    }
}

/// The table in Markdown, and the number of cases.
pub(crate) fn table() -> (String, usize) {
    let tally = TALLY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut table = "| Class | Tried | Held |\n|---|---:|---:|\n".to_owned();
    let mut all = (0, 0);
    for (class, (tried, held)) in &*tally {
        all = (all.0 + tried, all.1 + held);
        let _ = writeln!(table, "| {class} | {tried} | {held} |");
    }
    let _ = writeln!(table, "| **All** | {} | {} |", all.0, all.1);
    (table, all.0)
}
