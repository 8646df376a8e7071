//! Ends the function at a chosen step, or makes it stand still there, so that tests can show what an attempt leaves behind
//! that is killed or overtaken.
//!
//! `CSMS_ROTATE_ABORT_AT` is `<step>:<before|after>`, or `<step>#<n>:<before|after>` for the n-th time the step is taken;
//! there the process ends. In the directory `CSMS_ROTATE_HOLD_IN`, the file `NAME.hold` has the same form, NAME being the
//! secret's; there the process writes `NAME.reached` and stands still until `NAME.released` is there. When it has finished its
//! attempt after that, it writes its reply into `NAME.ended`. Only the first attempt of a task is hit, so that the next one
//! can finish.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use csms_core::rotation::{RotationEvent, RotationReply};
use csms_rotate::Moment;

/// The variable that names the step at which the process ends.
pub const VARIABLE: &str = "CSMS_ROTATE_ABORT_AT";

/// The variable with the directory for the files of a process that is to stand still.
pub const HOLD_IN: &str = "CSMS_ROTATE_HOLD_IN";

/// How often a process that stands still looks whether it is released.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A step of a rotation, and the moment before or after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    step: String,
    after: bool,
    /// How often the moment still has to come.
    countdown: u32,
}

impl Place {
    /// Reads the value of a variable; `None` when it has another form.
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
    pub fn is_reached(&mut self, step: &str, moment: Moment<'_>) -> bool {
        if step != self.step || matches!(moment, Moment::After { .. }) != self.after || self.countdown == 0 {
            return false;
        }
        self.countdown -= 1;
        self.countdown == 0
    }
}

/// The files of a process that stands still, without their endings.
#[derive(Clone, Debug)]
struct Files(PathBuf);

impl Files {
    /// Written aside and moved, so that whoever sees a file sees all of it.
    fn write(&self, ending: &str, text: &str) -> io::Result<()> {
        let aside = self.0.with_extension("aside");
        fs::write(&aside, text)?;
        fs::rename(aside, self.0.with_extension(ending))
    }

    fn read(&self, ending: &str) -> Option<String> {
        fs::read_to_string(self.0.with_extension(ending)).ok()
    }

    fn wait_for(&self, ending: &str) {
        while !self.0.with_extension(ending).exists() {
            thread::sleep(POLL_INTERVAL);
        }
    }
}

/// What the environment asks for in this attempt of a task.
#[derive(Clone, Debug, Default)]
pub struct Fault {
    end: Option<Place>,
    hold: Option<(Place, Files)>,
    was_held: bool,
}

impl Fault {
    /// The fault of an event; none after the first attempt.
    #[must_use]
    pub fn of(event: &RotationEvent) -> Self {
        if event.attempt > 1 {
            return Self::default();
        }
        let end = env::var(VARIABLE).ok().and_then(|text| Place::parse(&text));
        let files =
            env::var(HOLD_IN).ok().map(|directory| Files(Path::new(&directory).join(event.secret_name.as_str())));
        let hold = files.and_then(|files| Some((Place::parse(&files.read("hold")?)?, files)));
        Self { end, hold, was_held: false }
    }

    /// Whether the process is to end at this moment. Returns late when it is to stand still at it.
    pub fn strikes(&mut self, step: &str, moment: Moment<'_>) -> bool {
        if let Some((place, files)) = &mut self.hold
            && place.is_reached(step, moment)
            && files.write("reached", "").is_ok()
        {
            files.wait_for("released");
            self.was_held = true;
        }
        self.end.as_mut().is_some_and(|place| place.is_reached(step, moment))
    }

    /// Writes down how an attempt has ended that stood still on its way.
    pub fn ended(&self, reply: &RotationReply) {
        if let (Some((_, files)), true) = (&self.hold, self.was_held) {
            let text = serde_json::to_string(reply).unwrap_or_default();
            // Whoever waits for the file tells that it is missing.
            let _ = files.write("ended", &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use csms_core::rotation::message::reasons;

    use super::*;

    #[test]
    fn a_place_is_reached_once_at_its_step_and_moment() {
        let outcome = reasons::changed();
        let after = Moment::After { outcome: &outcome };
        let mut place = Place::parse("set-password:after").unwrap();
        assert!(!place.is_reached("set-password", Moment::Before));
        assert!(!place.is_reached("probe-pending", after));
        assert!(place.is_reached("set-password", after));
        assert!(!place.is_reached("set-password", after));
    }

    #[test]
    fn a_place_may_be_the_second_time() {
        let mut place = Place::parse("probe-pending#2:before").unwrap();
        assert!(!place.is_reached("probe-pending", Moment::Before));
        assert!(place.is_reached("probe-pending", Moment::Before));
    }

    #[test]
    fn other_texts_are_no_place() {
        for text in ["", "set-password", "set-password:now", "set-password#0:after", "set-password#x:after"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
