//! The client: one method for each operation.

use core::time::Duration;

use csms_api::{
    Operation,
    operation::Specification,
    response::{
        ListSecretsResponse, ListTasksResponse, ListVersionsResponse, RotateResponse, SecretResponse,
        ShowVersionResponse, StageResponse, VersionMetadataResponse,
    },
};
use csms_core::{ProjectId, SecretName, StageName, VersionId, rotation::Traceparent};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    credentials::Credentials,
    error::ClientError,
    exchange::{Exchange, TIMEOUT},
    request::{CreateSecretBody, CreateVersionBody, ListTasksQuery, UpdateSecretBody},
};

/// A client of one project. Clones share its connections. Every method fails with what the service refuses or with what
/// came in the way; reads, replacements and deletions are repeated a few times first.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) exchange: Exchange,
}

/// Declares a method's documentation and its errors in one place.
macro_rules! operation {
    ($(#[$doc:meta])+ $name:ident($($argument:ident: $type:ty),*) -> $answer:ty = $operation:ident, [$($parameter:expr),*], $query:expr, $body:expr) => {
        $(#[$doc])+
        ///
        /// # Errors
        /// A refusal of the service, or no usable answer.
        pub async fn $name(&self, $($argument: $type),*) -> Result<$answer, ClientError> {
            self.call(Operation::$operation, &[$($parameter),*], $query, $body).await
        }
    };
}

mod access;
mod batches;
mod events;
mod replicas;
mod rotation;
mod tags;

const NO_QUERY: &[(&str, String)] = &[];

/// The body of an operation that takes none.
const NO_BODY: Option<&()> = None;

impl Client {
    /// A client of `project` at `endpoint`, `http://…` or `https://…`.
    ///
    /// # Errors
    /// [`ClientError::Setup`] for an address that is none.
    pub fn new(endpoint: &str, project: ProjectId, credentials: Credentials) -> Result<Self, ClientError> {
        Ok(Self { exchange: Exchange::new(endpoint, project, credentials, None)? })
    }

    /// The same, for a server whose certificate comes from one of these authorities (PEM), which are trusted besides those of the
    /// system.
    ///
    /// # Errors
    /// [`ClientError::Setup`] for an address that is none, and for a text without a certificate.
    pub fn trusting(
        endpoint: &str,
        project: ProjectId,
        credentials: Credentials,
        authorities: &str,
    ) -> Result<Self, ClientError> {
        Ok(Self { exchange: Exchange::new(endpoint, project, credentials, Some(authorities))? })
    }

    /// The same client, whose requests carry a `traceparent` (W3C Trace Context), so that they belong to a trace.
    #[must_use]
    pub fn within(self, traceparent: Option<Traceparent>) -> Self {
        Self { exchange: self.exchange.within(traceparent) }
    }

    operation! {
        /// CreateSecret
        create_secret(body: &CreateSecretBody<'_>) -> SecretResponse = CreateSecret, [], NO_QUERY, Some(body)
    }
    operation! {
        /// ListSecrets: one page, after `marker`.
        list_secrets(limit: u16, marker: Option<&str>) -> ListSecretsResponse = ListSecrets, [], &page(limit, marker), NO_BODY
    }
    operation! {
        /// ShowSecret
        show_secret(name: &SecretName) -> SecretResponse = ShowSecret, [name.as_str()], NO_QUERY, NO_BODY
    }
    operation! {
        /// UpdateSecret
        update_secret(name: &SecretName, body: &UpdateSecretBody<'_>) -> SecretResponse = UpdateSecret, [name.as_str()], NO_QUERY, Some(body)
    }
    operation! {
        /// DeleteSecret: at once and for good.
        delete_secret(name: &SecretName) -> () = DeleteSecret, [name.as_str()], NO_QUERY, NO_BODY
    }
    operation! {
        /// DeleteSecretForSchedule: after 7 to 30 days.
        schedule_deletion(name: &SecretName, days: u8) -> SecretResponse = DeleteSecretForSchedule, [name.as_str()], NO_QUERY, Some(&json!({ "recovery_window_in_days": days }))
    }
    operation! {
        /// RestoreSecret
        restore_secret(name: &SecretName) -> SecretResponse = RestoreSecret, [name.as_str()], NO_QUERY, NO_BODY
    }
    operation! {
        /// RotateSecret
        rotate_secret(name: &SecretName) -> RotateResponse = RotateSecret, [name.as_str()], NO_QUERY, NO_BODY
    }
    operation! {
        /// CreateSecretVersion
        create_version(name: &SecretName, body: &CreateVersionBody<'_>) -> VersionMetadataResponse = CreateSecretVersion, [name.as_str()], NO_QUERY, Some(body)
    }
    operation! {
        /// ListSecretVersions: one page, after `marker`.
        list_versions(name: &SecretName, limit: u16, marker: Option<&str>) -> ListVersionsResponse = ListSecretVersions, [name.as_str()], &page(limit, marker), NO_BODY
    }
    operation! {
        /// ShowSecretVersion: `vN` or `latest`.
        show_version(name: &SecretName, version: &str) -> ShowVersionResponse = ShowSecretVersion, [name.as_str(), version], NO_QUERY, NO_BODY
    }
    operation! {
        /// UpdateVersion: when the version's expiry event fires, in milliseconds since 1970.
        update_version(name: &SecretName, version: VersionId, expire_time: u64) -> VersionMetadataResponse = UpdateVersion, [name.as_str(), &String::from(version)], NO_QUERY, Some(&json!({ "expire_time": expire_time }))
    }
    operation! {
        /// ShowSecretStage
        show_stage(name: &SecretName, stage: &StageName) -> StageResponse = ShowSecretStage, [name.as_str(), stage.as_str()], NO_QUERY, NO_BODY
    }
    operation! {
        /// UpdateSecretStage: moves a stage, making it if there is none.
        update_stage(name: &SecretName, stage: &StageName, version: VersionId) -> StageResponse = UpdateSecretStage, [name.as_str(), stage.as_str()], NO_QUERY, Some(&json!({ "version_id": String::from(version) }))
    }
    operation! {
        /// DeleteSecretStage
        delete_stage(name: &SecretName, stage: &StageName) -> () = DeleteSecretStage, [name.as_str(), stage.as_str()], NO_QUERY, NO_BODY
    }
    operation! {
        /// ListSecretTask
        list_tasks(query: ListTasksQuery<'_>) -> ListTasksResponse = ListSecretTask, [], &tasks(query), NO_BODY
    }

    /// Calls an operation of any service at this endpoint by its row and returns the body of its success. `parameters` are those
    /// of the path in their order, without the project, which is the client's; `timeout` is the longest time for one try.
    ///
    /// # Errors
    /// A refusal of the service, or no usable answer.
    pub async fn call_row(
        &self,
        row: Specification,
        parameters: &[&str],
        query: &[(&str, String)],
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Vec<u8>, ClientError> {
        self.exchange.call(row, parameters, query, body, timeout).await
    }

    /// [`Self::call_row`] with a body and an answer in JSON; an operation without an answer has `null`.
    ///
    /// # Errors
    /// A refusal of the service, or no usable answer.
    pub async fn call_json<T: DeserializeOwned>(
        &self,
        row: Specification,
        parameters: &[&str],
        query: &[(&str, String)],
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let misread = |_| ClientError::Answer { operation: row.name };
        let body = body.map(serde_json::to_vec).transpose().map_err(misread)?.unwrap_or_default();
        let answer = self.exchange.call(row, parameters, query, body, TIMEOUT).await?;
        let answer = if answer.is_empty() { b"null".to_vec() } else { answer };
        serde_json::from_slice(&answer).map_err(misread)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        operation: Operation,
        parameters: &[&str],
        query: &[(&str, String)],
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        self.call_json(operation.specification(), parameters, query, body).await
    }
}

fn page(limit: u16, marker: Option<&str>) -> Vec<(&'static str, String)> {
    let marker = marker.map(|marker| ("marker", marker.to_owned()));
    [("limit", limit.to_string())].into_iter().chain(marker).collect()
}

fn tasks(query: ListTasksQuery<'_>) -> Vec<(&'static str, String)> {
    let texts = [
        ("secret_name", query.secret_name),
        ("status", query.status),
        ("task_id", query.task_id),
        ("marker", query.marker),
        ("steps", query.steps.then_some("true")),
    ];
    let texts = texts.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned())));
    texts.chain(query.limit.map(|limit| ("limit", limit.to_string()))).collect()
}
