//! Numbered steps with their times.
//!
//! On a terminal the running step shows a spinner, the elapsed time and what is being done; anywhere
//! else each step is one plain line, and a long one says now and then that it is still running. A sequence with a name says
//! how much longer it takes, as far as the times of its last run tell.

mod memory;

use std::fmt::Display;
use std::future::Future;
use std::io::{IsTerminal, stdout};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{MissedTickBehavior, interval_at};

const TITLE_WIDTH: usize = 34;
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
const FRAME: Duration = Duration::from_millis(120);

pub(crate) use memory::Memory;

/// A sequence of steps whose number is known.
#[derive(Debug)]
pub(crate) struct Steps {
    total: usize,
    begun: usize,
    memory: Option<Memory>,
    budgets: &'static [Budget],
}

/// How many minutes a step may take on two cores that do nothing else, and its title.
pub(crate) type Budget = (u64, &'static str);

/// The running step, for those who want to say what they are doing.
#[derive(Debug)]
pub(crate) struct Step {
    spinner: Option<ProgressBar>,
    note: Mutex<String>,
    begin: Instant,
    /// Expected from its begin to the end of the last step.
    expected: Option<Duration>,
}

impl Steps {
    pub(crate) fn new(total: usize) -> Self {
        Self { total, begun: 0, memory: None, budgets: &[] }
    }

    /// Steps that say how much longer they take, by the last run of the command `name`, or by `first` before there was one: a
    /// line for each step, its seconds and its title.
    pub(crate) fn remembered(name: &str, total: usize, first: &str) -> Self {
        let memory = Memory::load(name, first);
        if let Some(expected) = memory.expected(None) {
            println!("This takes about {}.", elapsed(expected));
        }
        Self { total, begun: 0, memory: Some(memory), budgets: &[] }
    }

    /// Says of the steps with these titles how long they may take, beside the time they took.
    pub(crate) fn with_budgets(self, budgets: &'static [Budget]) -> Self {
        Self { budgets, ..self }
    }

    /// The time a step took, and how long it may take if somebody said so.
    fn told(&self, title: &str, took: Duration) -> String {
        match self.budgets.iter().find(|(_, known)| *known == title) {
            Some((minutes, _)) => format!("{} of {minutes} min", elapsed(took)),
            None => elapsed(took),
        }
    }

    /// Runs one step. It returns its value and what a reader should know about it.
    pub(crate) async fn run<T, D: Display>(
        &mut self,
        title: &str,
        work: impl AsyncFnOnce(&Step) -> Result<(T, D)>,
    ) -> Result<T> {
        self.begun += 1;
        let label = format!("{:>2}/{} {title}", self.begun, self.total);
        let begin = Instant::now();
        let expected = self.memory.as_ref().and_then(|memory| memory.expected(Some(title)));
        let step = Step { spinner: spinner(&label), note: Mutex::default(), begin, expected };
        let outcome = with_signs_of_life(work(&step), &label, begin, &step).await;
        if let Some(spinner) = &step.spinner {
            spinner.finish_and_clear();
        }
        match outcome {
            Ok((value, detail)) => {
                println!("{}", line(&label, &self.told(title, begin.elapsed()), &detail.to_string()));
                if let Some(memory) = &mut self.memory {
                    memory.took(title, begin.elapsed());
                }
                Ok(value)
            }
            Err(error) => {
                println!("{}", line(&label, &elapsed(begin.elapsed()), "FAILED"));
                Err(error)
            }
        }
    }
}

impl Step {
    /// Says what the step is doing now.
    pub(crate) fn note(&self, text: &str) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(self.with_time_left(text));
        }
        text.clone_into(&mut self.note.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Prints lines of its own above what the step is doing.
    pub(crate) fn print(&self, text: &str) {
        match &self.spinner {
            Some(spinner) => spinner.suspend(|| println!("{text}")),
            None => println!("{text}"),
        }
    }

    /// `text` after the time that is left, where that is known.
    fn with_time_left(&self, text: &str) -> String {
        match self.expected.map(|expected| expected.saturating_sub(self.begin.elapsed())) {
            Some(left) if !left.is_zero() => format!("about {} left: {text}", elapsed(left)),
            _ => text.to_owned(),
        }
    }
}

/// An error with its causes, on standard error.
#[allow(clippy::print_stderr, reason = "the last words of the program")]
pub(crate) fn complain(error: &anyhow::Error) {
    eprintln!("\nerror: {error:#}");
}

/// A duration as a person reads it: `7 ms`, `4.2 s`, `2 min 05 s`.
pub(crate) fn elapsed(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        seconds @ 1..60 => format!("{seconds}.{} s", duration.subsec_millis() / 100),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

fn line(label: &str, took: &str, detail: &str) -> String {
    format!("{label:<TITLE_WIDTH$}  {took:>11}  {detail}").trim_end().to_owned()
}

fn spinner(label: &str) -> Option<ProgressBar> {
    if !stdout().is_terminal() {
        return None;
    }
    let style = ProgressStyle::with_template("{prefix}  {spinner} {elapsed}  {wide_msg}").ok()?;
    let spinner = ProgressBar::new_spinner().with_style(style).with_prefix(format!("{label:<TITLE_WIDTH$}"));
    spinner.enable_steady_tick(FRAME);
    Some(spinner)
}

async fn with_signs_of_life<T>(work: impl Future<Output = T>, label: &str, begin: Instant, step: &Step) -> T {
    let mut work = std::pin::pin!(work);
    let mut signs = interval_at((begin + SIGN_OF_LIFE).into(), SIGN_OF_LIFE);
    signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            outcome = &mut work => return outcome,
            _ = signs.tick(), if step.spinner.is_none() => {
                let note = step.note.lock().unwrap_or_else(PoisonError::into_inner).clone();
                println!("{}", line(label, &elapsed(begin.elapsed()), &format!("… {}", step.with_time_left(&note))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_the_unit_that_fits() {
        let told = [7, 4_250, 125_000].map(|milliseconds| elapsed(Duration::from_millis(milliseconds)));
        assert_eq!(told, ["7 ms", "4.2 s", "2 min 05 s"]);
    }

    #[test]
    fn lines_are_aligned_whatever_the_title() {
        let [short, long] = ["1/2 Build", "2/2 Start PostgreSQL"].map(|label| line(label, "3.0 s", "done"));
        assert_eq!(short.find("done"), long.find("done"));
    }

    #[test]
    fn a_budget_stands_beside_the_time_of_its_step_alone() {
        let steps = Steps::new(2).with_budgets(&[(4, "Build")]);
        let told = ["Build", "Start"].map(|title| steps.told(title, Duration::from_secs(65)));
        assert_eq!(told, ["1 min 05 s of 4 min", "1 min 05 s"]);
    }

    #[tokio::test]
    async fn a_failing_step_hands_its_error_on() {
        let mut steps = Steps::new(1);
        let outcome: Result<()> = steps.run("Fail", async |_| Err::<((), &str), _>(anyhow::anyhow!("broken"))).await;
        assert_eq!(outcome.unwrap_err().to_string(), "broken");
    }
}
