//! Users, access keys and policies by IAM v5, named as people name them.

use csms_api::{iam::IamOperation, operation::Specification};
use csms_client::Client;
use serde_json::{Value, json};

use crate::{connection::NO_BODY, failure::CliError};

/// Most items of a page (IAM v5).
const PAGE: &str = "200";

/// IAM of a server.
pub(super) struct Accounts {
    pub(super) client: Client,
}

/// A member of an object as text; empty when it is not there.
pub(super) fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Accounts {
    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Calls an operation.
    pub(super) async fn call(
        &self,
        operation: IamOperation,
        parameters: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        Ok(self.client.call_json(operation.specification(), parameters, &[], body).await?)
    }

    /// All items of a list, page by page.
    pub(super) async fn all(
        &self,
        operation: IamOperation,
        parameters: &[&str],
        list: &str,
    ) -> Result<Vec<Value>, CliError> {
        let row: Specification = operation.specification();
        let mut items = Vec::new();
        let mut marker = None;
        loop {
            let query: Vec<_> =
                [("limit", PAGE.to_owned())].into_iter().chain(marker.map(|marker| ("marker", marker))).collect();
            let page: Value = self.client.call_json(row, parameters, &query, NO_BODY).await?;
            items.extend(page.get(list).and_then(Value::as_array).into_iter().flatten().cloned());
            let next = page.pointer("/page_info/next_marker").and_then(Value::as_str).unwrap_or_default();
            if next.is_empty() {
                return Ok(items);
            }
            marker = Some(next.to_owned());
        }
    }

    pub(super) async fn users(&self) -> Result<Vec<Value>, CliError> {
        self.all(IamOperation::ListUsersV5, &[], "users").await
    }

    /// The user of this name.
    pub(super) async fn user(&self, name: &str) -> Result<Value, CliError> {
        let found = self.users().await?.into_iter().find(|user| text(user, "user_name") == name);
        found.ok_or_else(|| CliError::absent("user", name))
    }

    /// The identifier of the user of this name.
    pub(super) async fn user_id(&self, name: &str) -> Result<String, CliError> {
        Ok(text(&self.user(name).await?, "user_id"))
    }

    /// The identifier of the user that an access key belongs to.
    pub(super) async fn owner(&self, access_key: &str) -> Result<String, CliError> {
        let row = IamOperation::ListUsersV5.specification();
        let query = [("access_key_id", access_key.to_owned())];
        let page: Value = self.client.call_json(row, &[], &query, NO_BODY).await?;
        let user = page.pointer("/users/0/user_id").and_then(Value::as_str).map(str::to_owned);
        user.ok_or_else(|| CliError::absent("access key", access_key))
    }

    pub(super) async fn policies(&self) -> Result<Vec<Value>, CliError> {
        self.all(IamOperation::ListPoliciesV5, &[], "policies").await
    }

    /// The policy of this name.
    pub(super) async fn policy(&self, name: &str) -> Result<Value, CliError> {
        let found = self.policies().await?.into_iter().find(|policy| text(policy, "policy_name") == name);
        found.ok_or_else(|| CliError::no_policy(name))
    }

    /// Names of the policies that are attached to a user.
    pub(super) async fn attached(&self, user: &str) -> Result<Vec<String>, CliError> {
        let all = self.all(IamOperation::ListAttachedUserPoliciesV5, &[user], "attached_policies").await?;
        Ok(all.iter().map(|policy| text(policy, "policy_name")).collect())
    }

    /// Attaches a policy to a user.
    pub(super) async fn attach(&self, policy: &str, user: &str) -> Result<(), CliError> {
        let body = json!({ "user_id": user });
        self.call(IamOperation::AttachUserPolicyV5, &[policy], Some(&body)).await.map(drop)
    }
}
