//! One event: read it, make one attempt, reply. What goes wrong is a reply too, so that the caller learns its code.

use core::time::Duration;

use csms_core::rotation::{
    DryRunReport, FailureCode, ReportedStep, RotationEvent, RotationReply,
    message::{function as say, rules, service::shared_account},
};
use csms_rotate::{Databases, Failure, Secrets, dry_run, rotate};
use functiongraph_runtime::guest::Context;
use getrandom::SysRng;
use serde::Serialize;
use tokio::{runtime, time::Instant};

use crate::{
    databases::{self, Chosen},
    sealed::{self, Sealed},
    service,
    steps::StepLog,
};

/// What the function answers, as JSON: the reply to a rotation, or the report of a dry run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// To an event that asks for a rotation, or that cannot be read.
    Rotation {
        /// The reply itself.
        #[serde(flatten)]
        reply: RotationReply,
        /// What was done, for people who look for a cause.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        steps: Vec<ReportedStep>,
    },
    /// To an event with `dry_run`.
    DryRun(DryRunReport),
}

/// Handles one event. `connect` opens the service for the secret that the event names.
pub fn handle<S: Secrets>(
    event: &[u8],
    context: &Context,
    connect: impl FnOnce(&RotationEvent, &Context) -> Result<S, Failure>,
) -> Reply {
    let read = read(event);
    let is_dry = read.as_ref().is_ok_and(|event| event.dry_run);
    let outcome = read.and_then(|event| {
        let what = if is_dry { "dry run of " } else { "" };
        let (mode, name) = (event.mode.operate_type(), &event.secret_name);
        context.info(format_args!("{what}{mode} of {name}, attempt {}", event.attempt));
        let project = service::project(&event, context);
        let secrets = Sealed::new(connect(&event, context)?, project, name.clone(), sealed::key(context)?);
        match databases::choose(&event, context)? {
            Chosen::Sql(databases) => attempt(&event, context, &secrets, &databases),
            Chosen::Managed(databases) => attempt(&event, context, &secrets, &*databases),
        }
    });
    match outcome {
        Ok(reply) => reply,
        Err(failure) => {
            context.error(format_args!("{}: {}", failure.code, failure.message));
            let steps = Vec::new();
            if is_dry {
                Reply::DryRun(failure.into_report())
            } else {
                Reply::Rotation { reply: failure.into_reply(), steps }
            }
        }
    }
}

fn read(event: &[u8]) -> Result<RotationEvent, Failure> {
    RotationEvent::parse(event).map_err(|problems| Failure {
        code: FailureCode::InvalidEvent,
        message: say::event_unusable(rules::problems(&problems)),
    })
}

fn attempt<S: Secrets, D: Databases>(
    event: &RotationEvent,
    context: &Context,
    secrets: &S,
    databases: &D,
) -> Result<Reply, Failure> {
    runtime()?.block_on(async {
        let deadline = deadline(context);
        if event.dry_run {
            let report = dry_run(event, secrets, databases, &mut SysRng, deadline).await;
            // The service would not even begin.
            let is_barred = event.shared_account && report.would_succeed;
            let report = if is_barred { report.failed(FailureCode::NeedsOperator, shared_account()) } else { report };
            return Ok(Reply::DryRun(report));
        }
        let mut steps = StepLog::new(event, context);
        let reply = match rotate(event, secrets, databases, &mut SysRng, deadline, &mut steps).await {
            Ok(version) => {
                context.info(format_args!("{version} is SYSCURRENT"));
                RotationReply::success(version)
            }
            Err(failure) => {
                context.error(format_args!("{}: {}", failure.code, failure.message));
                failure.into_reply()
            }
        };
        let steps = steps.into_steps(&reply);
        Ok(Reply::Rotation { reply, steps })
    })
}

fn runtime() -> Result<runtime::Runtime, Failure> {
    runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Failure {
        code: FailureCode::Unavailable,
        message: say::cannot_start(error.kind().to_string()),
    })
}

fn deadline(context: &Context) -> Instant {
    Instant::now() + time_to_use(context.remaining())
}

/// The platform kills a function that is late, and then nobody learns what happened. So a tenth of the time, at most two
/// seconds, is left for replying.
fn time_to_use(remaining: Duration) -> Duration {
    remaining.saturating_sub((remaining / 10).min(Duration::from_secs(2)))
}

#[cfg(test)]
mod tests {
    use csms_core::{
        SecretName, SecretValue, StageName, VersionId,
        rotation::message::{connection, reasons},
    };
    use csms_rotate::SecretsError;

    use super::*;

    /// A service that refuses everything.
    struct Forbidding;

    impl Secrets for Forbidding {
        async fn stage(&self, _: &StageName) -> Result<Option<VersionId>, SecretsError> {
            Err(SecretsError::Refused(connection::said("forbidden")))
        }

        async fn value(&self, _: VersionId) -> Result<SecretValue, SecretsError> {
            Err(SecretsError::Refused(connection::said("forbidden")))
        }

        async fn admin_value(&self, _: &SecretName) -> Result<SecretValue, SecretsError> {
            Err(SecretsError::Refused(connection::said("forbidden")))
        }

        async fn create_pending(&self, _: SecretValue) -> Result<VersionId, SecretsError> {
            Err(SecretsError::Refused(connection::said("forbidden")))
        }

        async fn make_current(&self, _: VersionId) -> Result<(), SecretsError> {
            Err(SecretsError::Refused(connection::said("forbidden")))
        }

        async fn remove_pending_label(&self) -> Result<(), SecretsError> {
            Err(SecretsError::Refused(connection::said("forbidden")))
        }
    }

    fn reply(event: &str) -> (String, String) {
        let context = Context::builder("a test").build();
        match handle(event.as_bytes(), &context, |_, _| Ok(Forbidding)) {
            Reply::Rotation { reply: RotationReply::Failed { error_code, error_msg, .. }, .. } => {
                (error_code, error_msg)
            }
            Reply::DryRun(DryRunReport { error_code, error_msg, .. }) => (error_code.unwrap(), error_msg.unwrap()),
            other @ Reply::Rotation { .. } => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_event_that_cannot_be_used_is_answered_with_all_its_problems() {
        let (code, message) = reply(r#"{"secret_name":"a b"}"#);
        assert_eq!(code, "ROTATION_INVALID_EVENT");
        assert!(
            message.contains("secret_name must match") && message.contains("operate_type is required"),
            "{message}"
        );
    }

    #[test]
    fn a_service_that_refuses_is_named_in_the_reply() {
        let (code, message) = reply(r#"{"secret_name":"db","operate_type":"SINGLE_USER"}"#);
        assert_eq!(code, "ROTATION_SERVICE_REFUSED");
        assert_eq!(message, "could not read a stage: forbidden");
    }

    #[test]
    fn a_dry_run_is_answered_with_a_report_also_when_it_fails() {
        let (code, message) =
            reply(r#"{"version":"2","secret_name":"db","operate_type":"SINGLE_USER","dry_run":true}"#);
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("ROTATION_SERVICE_REFUSED", "could not read a stage: forbidden")
        );
    }

    #[test]
    fn a_reply_is_read_with_and_without_its_steps() {
        let done = reasons::changed();
        let step = ReportedStep {
            step: "set-password".to_owned(),
            outcome: done.english(),
            outcome_detail: Some(done),
            at: None,
        };
        let reply = RotationReply::success(VersionId::FIRST);
        let text = serde_json::to_vec(&Reply::Rotation { reply: reply.clone(), steps: vec![step.clone()] }).unwrap();
        assert_eq!(RotationReply::parse(&text), Some(reply));
        assert_eq!(csms_core::rotation::reported_steps(&text), [step]);
    }

    #[test]
    fn time_is_left_for_the_reply() {
        assert_eq!(time_to_use(Duration::from_secs(10)), Duration::from_secs(9));
        assert_eq!(time_to_use(Duration::from_secs(100)), Duration::from_secs(98));
        assert_eq!(time_to_use(Duration::ZERO), Duration::ZERO);
    }
}
