//! A place to watch an attempt from, step by step, and to end it there. Tests use it to interrupt rotations everywhere.

use core::ops::ControlFlow;

use csms_core::rotation::Message;

/// When, relative to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment<'a> {
    /// The step is decided and has had no effect.
    Before,
    /// The step has had its effect, and nothing has been made of it.
    After {
        /// What came of it, without any value of a secret.
        outcome: &'a Message,
    },
}

/// Is told of every step of an attempt. Steps have the names of
/// [`Action::step`](csms_core::rotation::Action::step), and the first is `read-labels`.
pub trait Observer {
    /// Before and after each step. `Break` ends the attempt there, as if its process had been killed.
    fn observe(&mut self, step: &'static str, moment: Moment<'_>) -> ControlFlow<()>;
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&mut self, _: &'static str, _: Moment<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
