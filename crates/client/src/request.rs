//! Bodies and queries that the client sends. Fields left `None` are not sent.

use serde::Serialize;

/// Body of CreateSecret. `Debug` is left out: it holds a value.
#[derive(Clone, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct CreateSecretBody<'a> {
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_string: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_binary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_rotation: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_period: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_config: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_func_urn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_subscriptions: Option<&'a [&'a str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enterprise_project_id: Option<&'a str>,
}

/// Body of UpdateSecret.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct UpdateSecretBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_rotation: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_period: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_func_urn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_subscriptions: Option<&'a [&'a str]>,
}

/// Body of CreateSecretVersion. `Debug` is left out: it holds a value.
#[derive(Clone, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct CreateVersionBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_string: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_binary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_stages: Option<&'a [&'a str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire_time: Option<u64>,
}

/// Query of ListSecretTask.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct ListTasksQuery<'a> {
    pub secret_name: Option<&'a str>,
    pub status: Option<&'a str>,
    pub task_id: Option<&'a str>,
    pub limit: Option<u16>,
    pub marker: Option<&'a str>,
    /// Whether each task comes with its steps: understood by our own server alone.
    pub steps: bool,
}

/// Where an event tells what happens.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct NotificationTarget<'a> {
    pub target_type: &'a str,
    pub target_id: &'a str,
    pub target_name: &'a str,
}

/// Body of CreateSecretEvent.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct CreateEventBody<'a> {
    pub name: &'a str,
    pub event_types: &'a [&'a str],
    pub state: &'a str,
    pub notification: NotificationTarget<'a>,
}

/// Body of UpdateSecretEvent.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct UpdateEventBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_types: Option<&'a [&'a str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification: Option<NotificationTarget<'a>>,
}

/// Body of CreateGrants and UpdateGrant.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the API's")]
pub struct GrantBody<'a> {
    /// Identifier or name of the secret.
    pub resource_id: &'a str,
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub grantee_type: &'a str,
    /// Identifier or name of the user.
    pub grantee_target_id: &'a str,
    /// Last day, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validity_time: Option<&'a str>,
}

impl<'a> GrantBody<'a> {
    /// A grant of a secret to a user, until the end of a day if one is given.
    #[must_use]
    pub const fn to_user(secret: &'a str, user: &'a str, last_day: Option<&'a str>) -> Self {
        Self {
            resource_id: secret,
            kind: "SECRET",
            grantee_type: "0",
            grantee_target_id: user,
            validity_time: last_day,
        }
    }
}
