//! One event: read it, make one attempt, reply. What goes wrong is a reply too, so that the caller learns its code.

use core::time::Duration;

use csms_core::rotation::{FailureCode, RotationEvent, RotationReply};
use csms_rotate::{Failure, Limits, Secrets, SqlDatabases, rotate};
use functiongraph_runtime::guest::Context;
use getrandom::SysRng;
use tokio::{runtime, time::Instant};

use crate::steps::StepLog;

/// Handles one event. `connect` opens the service for the secret that the event names.
pub fn handle<S: Secrets>(
    event: &[u8],
    context: &Context,
    connect: impl FnOnce(&RotationEvent, &Context) -> Result<S, Failure>,
) -> RotationReply {
    let outcome = read(event).and_then(|event| {
        context.info(format_args!("{} of {}, attempt {}", event.mode.operate_type(), event.secret_name, event.attempt));
        let secrets = connect(&event, context)?;
        attempt(&event, context, &secrets)
    });
    match outcome {
        Ok(reply) => reply,
        Err(failure) => {
            context.error(format_args!("{}: {}", failure.code, failure.message));
            failure.into_reply()
        }
    }
}

fn read(event: &[u8]) -> Result<RotationEvent, Failure> {
    RotationEvent::parse(event).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure { code: FailureCode::InvalidEvent, message: format!("the event cannot be used: {}", told.join("; ")) }
    })
}

fn attempt<S: Secrets>(event: &RotationEvent, context: &Context, secrets: &S) -> Result<RotationReply, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Failure {
        code: FailureCode::Unavailable,
        message: format!("the function cannot start: {}", error.kind()),
    })?;
    let time = time_to_use(context.remaining());
    let databases = SqlDatabases::new(Limits::default());
    runtime.block_on(async {
        let deadline = Instant::now() + time;
        let mut steps = StepLog::new(event, context);
        let version = rotate(event, secrets, &databases, &mut SysRng, deadline, &mut steps).await?;
        context.info(format_args!("{version} is SYSCURRENT"));
        Ok(RotationReply::success(version))
    })
}

/// The platform kills a function that is late, and then nobody learns what happened. So a tenth of the time, at most two
/// seconds, is left for replying.
fn time_to_use(remaining: Duration) -> Duration {
    remaining.saturating_sub((remaining / 10).min(Duration::from_secs(2)))
}

#[cfg(test)]
mod tests {
    use csms_core::{SecretValue, StageName, VersionId};
    use csms_rotate::SecretsError;

    use super::*;

    /// A service that refuses everything.
    struct Forbidding;

    impl Secrets for Forbidding {
        async fn stage(&self, _: &StageName) -> Result<Option<VersionId>, SecretsError> {
            Err(SecretsError::Refused("forbidden".to_owned()))
        }

        async fn value(&self, _: VersionId) -> Result<SecretValue, SecretsError> {
            Err(SecretsError::Refused("forbidden".to_owned()))
        }

        async fn create_pending(&self, _: SecretValue) -> Result<VersionId, SecretsError> {
            Err(SecretsError::Refused("forbidden".to_owned()))
        }

        async fn make_current(&self, _: VersionId) -> Result<(), SecretsError> {
            Err(SecretsError::Refused("forbidden".to_owned()))
        }

        async fn remove_pending_label(&self) -> Result<(), SecretsError> {
            Err(SecretsError::Refused("forbidden".to_owned()))
        }
    }

    fn reply(event: &str) -> (String, String) {
        let context = Context::builder("a test").build();
        match handle(event.as_bytes(), &context, |_, _| Ok(Forbidding)) {
            RotationReply::Failed { error_code, error_msg } => (error_code, error_msg),
            RotationReply::Success { version_id } => panic!("{version_id}"),
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
    fn time_is_left_for_the_reply() {
        assert_eq!(time_to_use(Duration::from_secs(10)), Duration::from_secs(9));
        assert_eq!(time_to_use(Duration::from_secs(100)), Duration::from_secs(98));
        assert_eq!(time_to_use(Duration::ZERO), Duration::ZERO);
    }
}
