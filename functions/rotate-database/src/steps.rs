//! Writes the steps of an attempt into the function's log, and keeps them for its reply.

use core::ops::ControlFlow;
use std::time::{SystemTime, UNIX_EPOCH};

use csms_core::UnixMillis;
use csms_core::rotation::{ReportedStep, RotationEvent, RotationReply};
use csms_rotate::{Moment, Observer};
use functiongraph_runtime::guest::Context;

/// One log line for each step that was executed: what it was and what came of it, never a value.
#[derive(Debug)]
pub struct StepLog<'a> {
    context: &'a Context,
    taken: Vec<ReportedStep>,
    #[cfg(feature = "fault-injection")]
    fault: crate::fault::Fault,
}

impl<'a> StepLog<'a> {
    /// The log of the attempt that `event` asks for.
    #[must_use]
    #[cfg_attr(not(feature = "fault-injection"), allow(unused_variables, reason = "faults depend on the attempt"))]
    pub fn new(event: &RotationEvent, context: &'a Context) -> Self {
        Self {
            context,
            taken: Vec::new(),
            #[cfg(feature = "fault-injection")]
            fault: crate::fault::Fault::of(event),
        }
    }
}

impl StepLog<'_> {
    /// The steps that were executed, oldest first, of an attempt that ends with this reply.
    #[must_use]
    #[cfg_attr(not(feature = "fault-injection"), allow(unused_variables, reason = "tests wait for the reply"))]
    pub fn into_steps(self, reply: &RotationReply) -> Vec<ReportedStep> {
        #[cfg(feature = "fault-injection")]
        self.fault.ended(reply);
        self.taken
    }
}

impl Observer for StepLog<'_> {
    fn observe(&mut self, step: &'static str, moment: Moment<'_>) -> ControlFlow<()> {
        if let Moment::After { outcome } = moment {
            self.context.info(format_args!("{step}: {outcome}"));
            self.taken.push(ReportedStep {
                step: step.to_owned(),
                outcome: outcome.english(),
                outcome_detail: Some(outcome.clone()),
                at: now(),
            });
        }
        #[cfg(feature = "fault-injection")]
        if self.fault.strikes(step, moment) {
            self.context.warn(format_args!("fault injected at {step}"));
            std::process::abort();
        }
        ControlFlow::Continue(())
    }
}

fn now() -> Option<UnixMillis> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(UnixMillis::new(u64::try_from(since.as_millis()).ok()?))
}
