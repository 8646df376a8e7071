//! Writes the steps of an attempt into the function's log.

use core::ops::ControlFlow;

use csms_core::rotation::RotationEvent;
use csms_rotate::{Moment, Observer};
use functiongraph_runtime::guest::Context;

/// One log line for each step that was carried out: what it was and what came of it, never a value.
#[derive(Debug)]
pub struct StepLog<'a> {
    context: &'a Context,
    #[cfg(feature = "fault-injection")]
    fault: Option<crate::fault::Fault>,
}

impl<'a> StepLog<'a> {
    /// The log of the attempt that `event` asks for.
    #[must_use]
    #[cfg_attr(not(feature = "fault-injection"), allow(unused_variables, reason = "faults depend on the attempt"))]
    pub fn new(event: &RotationEvent, context: &'a Context) -> Self {
        Self {
            context,
            #[cfg(feature = "fault-injection")]
            fault: crate::fault::Fault::from_environment(event.attempt),
        }
    }
}

impl Observer for StepLog<'_> {
    fn observe(&mut self, step: &'static str, moment: Moment<'_>) -> ControlFlow<()> {
        if let Moment::After { outcome } = moment {
            self.context.info(format_args!("{step}: {outcome}"));
        }
        #[cfg(feature = "fault-injection")]
        if self.fault.as_mut().is_some_and(|fault| fault.strikes(step, moment)) {
            self.context.warn(format_args!("fault injected at {step}"));
            std::process::abort();
        }
        ControlFlow::Continue(())
    }
}
