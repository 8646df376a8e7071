//! Ends the function at a chosen step, so that tests can show what an attempt that is killed there leaves behind.
//!
//! `CSMS_ROTATE_ABORT_AT` is `<step>:<before|after>`, or `<step>#<n>:<before|after>` for the n-th time the step is taken.
//! Only the first attempt of a task is hit, so that the next one can finish.

use csms_rotate::Moment;

/// The variable that names the step.
pub const VARIABLE: &str = "CSMS_ROTATE_ABORT_AT";

/// A step at which the process is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    step: String,
    after: bool,
    /// How often the moment still has to come.
    countdown: u32,
}

impl Fault {
    /// The fault that the environment asks for in this attempt of a task.
    #[must_use]
    pub fn from_environment(attempt: u32) -> Option<Self> {
        std::env::var(VARIABLE).ok().filter(|_| attempt <= 1).and_then(|text| Self::parse(&text))
    }

    /// Reads the value of the variable; `None` when it has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (place, moment) = text.split_once(':')?;
        let (step, count) = place.split_once('#').unwrap_or((place, "1"));
        let after = match moment {
            "before" => false,
            "after" => true,
            _ => return None,
        };
        Some(Self { step: step.to_owned(), after, countdown: count.parse().ok().filter(|count| *count > 0)? })
    }

    /// Whether this is the moment.
    pub fn strikes(&mut self, step: &str, moment: Moment<'_>) -> bool {
        if step != self.step || matches!(moment, Moment::After { .. }) != self.after || self.countdown == 0 {
            return false;
        }
        self.countdown -= 1;
        self.countdown == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Moment<'static> = Moment::After { outcome: "" };

    #[test]
    fn a_fault_strikes_once_at_its_step_and_moment() {
        let mut fault = Fault::parse("set-password:after").unwrap();
        assert!(!fault.strikes("set-password", Moment::Before));
        assert!(!fault.strikes("probe-pending", AFTER));
        assert!(fault.strikes("set-password", AFTER));
        assert!(!fault.strikes("set-password", AFTER));
    }

    #[test]
    fn a_fault_may_wait_for_the_second_time() {
        let mut fault = Fault::parse("probe-pending#2:before").unwrap();
        assert!(!fault.strikes("probe-pending", Moment::Before));
        assert!(fault.strikes("probe-pending", Moment::Before));
    }

    #[test]
    fn other_texts_are_no_fault() {
        for text in ["", "set-password", "set-password:now", "set-password#0:after", "set-password#x:after"] {
            assert_eq!(Fault::parse(text), None, "{text}");
        }
    }
}
