//! How long the steps of a command took the last time, kept in the build directory.
//!
//! A convenience: what cannot be read or written is as if it were not there.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use csms_testbed::build_directory;

/// The times of one command.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Where the times are kept, if the build directory is known.
    file: Option<PathBuf>,
    /// Titles of the steps in their order, with what each took in the last run.
    last: Vec<(String, Duration)>,
    /// The same of this run, so far.
    now: Vec<(String, Duration)>,
}

impl Memory {
    /// The times of the last run of `name`, or `first` before there was one.
    pub(crate) fn load(name: &str, first: &str) -> Self {
        let file = build_directory().map(|directory| directory.join("xtask-times").join(name));
        let kept = file.as_ref().and_then(|file| fs::read_to_string(file).ok());
        Self { last: parse(kept.as_deref().unwrap_or(first)), file, now: Vec::new() }
    }

    /// What one step took.
    pub(crate) fn of(&self, title: &str) -> Option<Duration> {
        self.last.iter().find(|(known, _)| known == title).map(|(_, took)| *took)
    }

    /// What the steps from `title` on, or all of them, took together.
    pub(crate) fn expected(&self, title: Option<&str>) -> Option<Duration> {
        let from = match title {
            Some(title) => self.last.iter().position(|(known, _)| known == title)?,
            None => 0,
        };
        let rest = self.last.get(from..).filter(|rest| !rest.is_empty())?;
        Some(rest.iter().map(|(_, took)| *took).sum())
    }

    /// Remembers what a step took.
    pub(crate) fn took(&mut self, title: &str, took: Duration) {
        self.now.push((title.to_owned(), took));
        // A run that ends early keeps what it knows of the steps that it did not come to.
        let rest = self.last.iter().filter(|(known, _)| self.now.iter().all(|(title, _)| title != known));
        let lines = self.now.iter().chain(rest).map(|(title, took)| format!("{:.1} {title}\n", took.as_secs_f64()));
        let text: String = lines.collect();
        if let Some(file) = &self.file {
            let written = file.parent().map(fs::create_dir_all).transpose().and_then(|_| fs::write(file, text));
            drop(written);
        }
    }
}

fn parse(text: &str) -> Vec<(String, Duration)> {
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines
        .filter_map(|(seconds, title)| {
            let took = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
            Some((title.to_owned(), took))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(last: &str) -> Memory {
        Memory { file: None, last: parse(last), now: Vec::new() }
    }

    #[test]
    fn what_is_left_is_the_sum_of_this_step_and_those_after_it() {
        let memory = memory("10 Build\n2.5 Start\n30 Test\n");
        assert_eq!(memory.expected(None), Some(Duration::from_millis(42_500)));
        assert_eq!(memory.expected(Some("Start")), Some(Duration::from_millis(32_500)));
    }

    #[test]
    fn a_step_that_nobody_has_timed_promises_nothing() {
        assert_eq!(memory("10 Build\n").expected(Some("Start")), None);
        assert_eq!(memory("").expected(None), None);
    }

    #[test]
    fn a_run_that_ended_early_leaves_the_times_of_the_later_steps() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("times/up");
        let mut memory = Memory { file: Some(file.clone()), ..memory("10 Build\n2.5 Start\n") };
        memory.took("Build", Duration::from_secs(4));
        assert_eq!(fs::read_to_string(file).unwrap(), "4.0 Build\n2.5 Start\n");
    }
}
