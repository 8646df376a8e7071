//! Asks the rotation function of a secret what a rotation would do, through FunctionGraph's invoke API.
//!
//! The service has no operation for dry runs. The event has a version of its own, so a function that does not support dry runs
//! refuses it and never rotates by mistake.

use core::time::Duration;

use csms_core::{
    FunctionUrn, RotationConfig, SecretName, Violation,
    rotation::{DryRunReport, dry_run_event},
    secret::SecretType,
    sign::percent_encode,
};

use crate::{client::Client, error::ClientError};

/// Time for the function and a little more.
const TIMEOUT: Duration = Duration::from_secs(90);

impl Client {
    /// What a rotation of the secret would do now. `functions` is a client of the FunctionGraph that has the secret's function:
    /// of the cloud's own endpoint, or this client again when a `csms` server runs the function. The function acts as its
    /// agency, or as the caller where the server runs it.
    ///
    /// # Errors
    /// A refusal, no usable answer, or a secret that no function rotates.
    pub async fn dry_run(&self, name: &SecretName, functions: &Self) -> Result<DryRunReport, ClientError> {
        let secret = self.show_secret(name).await?.secret;
        let missing = |what: &str| ClientError::Setup(format!("{name} is not rotated: it has no {what}"));
        let broken = |field: &str, violation: &Violation| {
            ClientError::Setup(format!("{field} of {name} {}", violation.message()))
        };
        let function = secret.rotation_func_urn.ok_or_else(|| missing("rotation_func_urn"))?;
        let function = FunctionUrn::parse(&function).map_err(|rule| broken("rotation_func_urn", &rule))?;
        let config = secret.rotation_config.ok_or_else(|| missing("rotation_config"))?;
        let config = RotationConfig::parse(&config).map_err(|rule| broken("rotation_config", &rule))?;
        let mut event = dry_run_event(name.clone(), SecretType::from_word(&secret.secret_type), &config);
        event.project_id = Some(self.exchange.project().clone());
        event.csms_endpoint = Some(self.exchange.endpoint().trim_end_matches('/').to_owned());
        functions.invoke_dry_run(&function, event.to_json().to_string().into_bytes()).await
    }

    async fn invoke_dry_run(&self, function: &FunctionUrn, event: Vec<u8>) -> Result<DryRunReport, ClientError> {
        let (project, urn) = (percent_encode(function.project()), percent_encode(&function.to_string()));
        let path = format!("/v2/{project}/fgs/functions/{urn}/invocations");
        let reply = self.exchange.post(&path, event, TIMEOUT).await?;
        DryRunReport::parse(&reply).ok_or(ClientError::Answer { operation: "the dry run" })
    }
}
