//! `csms user`: users, their logins, access keys and attached policies.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use csms_api::iam::IamOperation;
use csms_client::ClientError;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    iam::{Accounts, text},
    offline_only, print_new_key, print_new_password, print_new_user,
};
use crate::{
    confirm::confirm,
    failure::CliError,
    input::password,
    output::{Output, Table},
};

/// What to do with users.
#[derive(Subcommand, Debug)]
#[allow(missing_docs, reason = "shared flags are described at themselves")]
pub enum UserAction {
    /// Create a user with an access key; prints the secret key once
    Create {
        /// Name, 1 to 64 letters, digits, spaces and `-_.@`
        name: String,
        /// Attach this policy; may be repeated
        #[arg(long = "policy", value_name = "NAME")]
        policies: Vec<String>,
        /// Let the user use this project instead of the first one: its identifier, or the name of its region; may be repeated
        /// (needs --offline)
        #[arg(long = "project", value_name = "ID|REGION")]
        projects: Vec<String>,
        /// File with a password, so that the user can sign in for tokens; `-` is standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        #[command(flatten)]
        rule: RuleFlag,
        /// Make no access key
        #[arg(long)]
        no_key: bool,
        /// When the access key ends: after a time such as 90d or 12h, or at one such as 2026-01-02T03:04:05Z [default: never]
        /// (needs --offline)
        #[arg(long, value_name = "TIME", conflicts_with = "no_key")]
        expires: Option<String>,
    },
    /// List the users
    List,
    /// Report users, their policies and logins, and access keys with age, last use and end, for an auditor (needs --offline)
    Report,
    /// Show a user, with its policies and access keys
    #[command(alias = "get")]
    Show {
        /// Name
        name: String,
    },
    /// Delete a user and its access keys
    Delete {
        /// Name
        name: String,
    },
    /// Take a user out of use
    Disable {
        /// Name
        name: String,
    },
    /// Take a user into use again
    Enable {
        /// Name
        name: String,
    },
    /// Set a user's password; without a file makes one and prints it once
    SetPassword {
        /// Name
        name: String,
        /// File with the password; `-` is standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        #[command(flatten)]
        rule: RuleFlag,
    },
    /// Attach a policy to a user
    Attach {
        /// Name of the user
        name: String,
        /// Name of the policy
        policy: String,
    },
    /// Detach a policy from a user
    Detach {
        /// Name of the user
        name: String,
        /// Name of the policy
        policy: String,
    },
    /// Access keys of users
    #[command(subcommand)]
    Key(KeyAction),
}

/// Which passwords the data itself takes.
#[derive(Args, Clone, Copy, Debug)]
pub struct RuleFlag {
    /// Take any password of 8 to 128 characters, also a weak one (needs --offline)
    #[arg(long, env = "CSMS_ALLOW_WEAK_PASSWORDS")]
    pub allow_weak_passwords: bool,
}

/// What to do with access keys.
#[derive(Subcommand, Debug)]
pub enum KeyAction {
    /// Make an access key; prints the secret key once
    Create {
        /// Name of the user
        user: String,
        /// When it ends: after a time such as 90d or 12h, or at one such as 2026-01-02T03:04:05Z [default: never]
        /// (needs --offline)
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// Set when an access key ends (needs --offline)
    Expire {
        /// The access key
        access_key: String,
        /// After a time such as 90d or 12h, at one such as 2026-01-02T03:04:05Z, or never
        #[arg(value_name = "TIME|never")]
        end: String,
    },
    /// List the access keys of a user, with age, last use and end
    List {
        /// Name of the user
        user: String,
    },
    /// Take an access key out of use
    Disable {
        /// The access key
        access_key: String,
    },
    /// Take an access key into use again
    Enable {
        /// The access key
        access_key: String,
    },
    /// Delete an access key
    Delete {
        /// The access key
        access_key: String,
    },
}

impl UserAction {
    /// What the command is about, if that is one thing.
    pub(super) fn subject(&self) -> Option<String> {
        let user = match self {
            Self::List | Self::Report => return None,
            Self::Create { name, .. }
            | Self::Show { name }
            | Self::Delete { name }
            | Self::Disable { name }
            | Self::Enable { name }
            | Self::SetPassword { name, .. }
            | Self::Attach { name, .. }
            | Self::Detach { name, .. }
            | Self::Key(KeyAction::Create { user: name, .. } | KeyAction::List { user: name }) => name,
            Self::Key(
                KeyAction::Expire { access_key, .. }
                | KeyAction::Disable { access_key }
                | KeyAction::Enable { access_key }
                | KeyAction::Delete { access_key },
            ) => return Some(format!("access key {access_key}")),
        };
        Some(format!("user {user}"))
    }
}

pub(super) async fn run(accounts: &Accounts, output: Output, yes: bool, action: &UserAction) -> Result<(), CliError> {
    match action {
        UserAction::Create { projects, .. } if !projects.is_empty() => Err(offline_only("--project")),
        UserAction::Create { expires: Some(_), .. } => Err(offline_only("--expires")),
        UserAction::Create { name, policies, password_file, no_key, .. } => {
            create(accounts, output, name, policies, password_file.as_deref(), !no_key).await
        }
        UserAction::List => list(accounts, output).await,
        UserAction::Report => Err(offline_only("the report")),
        UserAction::Show { name } => show(accounts, output, name).await,
        UserAction::Delete { name } => {
            let id = accounts.user_id(name).await?;
            confirm(&format!("Delete the user {name} and its access keys?"), yes).map_err(CliError::impossible)?;
            accounts.call(IamOperation::DeleteUserV5, &[&id], None).await?;
            output.sentence(&format!("the user {name} and its access keys are deleted"))
        }
        UserAction::Disable { name } => {
            switch(accounts, name, false).await?;
            output.sentence(&format!("the user {name} is out of use"))
        }
        UserAction::Enable { name } => {
            switch(accounts, name, true).await?;
            output.sentence(&format!("the user {name} is in use"))
        }
        UserAction::SetPassword { name, password_file, .. } => {
            set_password(accounts, output, name, password_file.as_deref()).await
        }
        UserAction::Attach { name, policy } => {
            let (user, policy_id) = (accounts.user_id(name).await?, text(&accounts.policy(policy).await?, "policy_id"));
            accounts.attach(&policy_id, &user).await?;
            output.sentence(&format!("the policy {policy} is attached to {name}"))
        }
        UserAction::Detach { name, policy } => {
            let (user, policy_id) = (accounts.user_id(name).await?, text(&accounts.policy(policy).await?, "policy_id"));
            let body = json!({ "user_id": user });
            accounts.call(IamOperation::DetachUserPolicyV5, &[&policy_id], Some(&body)).await?;
            output.sentence(&format!("the policy {policy} is not attached to {name}"))
        }
        UserAction::Key(action) => key(accounts, output, yes, action).await,
    }
}

async fn create(
    accounts: &Accounts,
    output: Output,
    name: &str,
    policies: &[String],
    password_file: Option<&Path>,
    with_key: bool,
) -> Result<(), CliError> {
    // What can be wrong is found before the user is made.
    let mut ids = Vec::new();
    for policy in policies {
        ids.push(text(&accounts.policy(policy).await?, "policy_id"));
    }
    let password = password_file.map(|file| password(file, name)).transpose()?;
    let body = json!({ "name": name, "enabled": true });
    let made = accounts.call(IamOperation::CreateUserV5, &[], Some(&body)).await?;
    let id = text(made.get("user").unwrap_or(&Value::Null), "user_id");
    let rest = async {
        if let Some(password) = &password {
            let body = json!({ "password": password.as_str(), "password_reset_required": false });
            accounts.call(IamOperation::CreateLoginProfileV5, &[&id], Some(&body)).await?;
        }
        for policy in &ids {
            accounts.attach(policy, &id).await?;
        }
        if with_key { accounts.call(IamOperation::CreateAccessKeyV5, &[&id], None).await } else { Ok(Value::Null) }
    };
    let key = rest.await.map_err(|error| error.about(format!("the user {name} is created, but")))?;
    let mut shown = json!({ "id": id, "name": name });
    if let Some(key) = key.get("access_key") {
        shown["access_key"] = json!(text(key, "access_key_id"));
        shown["secret_key"] = json!(text(key, "secret_access_key"));
    }
    print_new_user(output, &shown)
}

fn is_enabled(user: &Value) -> bool {
    user.get("enabled") == Some(&Value::Bool(true))
}

async fn list(accounts: &Accounts, output: Output) -> Result<(), CliError> {
    let mut rows = Vec::new();
    for user in accounts.users().await? {
        let id = text(&user, "user_id");
        let policies = accounts.attached(&id).await?;
        rows.push(
            json!({ "id": id, "name": text(&user, "user_name"), "enabled": is_enabled(&user), "policies": policies,
                          "is_first": user.get("is_root_user") }),
        );
    }
    output.table(&rows, || {
        let mut table = Table::new(&["NAME", "ENABLED", "POLICIES", "ID"]);
        for row in &rows {
            let enabled = if is_enabled(row) { "yes" } else { "no" };
            let own = (row.get("is_first") == Some(&Value::Bool(true))).then(|| "(own)".to_owned());
            let attached = row.get("policies").and_then(Value::as_array).into_iter().flatten();
            let policies: Vec<_> =
                own.into_iter().chain(attached.filter_map(Value::as_str).map(str::to_owned)).collect();
            table.row(vec![text(row, "name"), enabled.to_owned(), policies.join(", "), text(row, "id")]);
        }
        table
    })
}

async fn show(accounts: &Accounts, output: Output, name: &str) -> Result<(), CliError> {
    let user = accounts.user(name).await?;
    let id = text(&user, "user_id");
    let keys = accounts.all(IamOperation::ListAccessKeysV5, &[&id], "access_keys").await?;
    let line = |key: &Value| match text(key, "status").as_str() {
        "active" => text(key, "access_key_id"),
        state => format!("{} ({state})", text(key, "access_key_id")),
    };
    let shown = json!({
        "id": id, "name": name, "enabled": is_enabled(&user), "policies": accounts.attached(&id).await?,
        "access_keys": keys.iter().map(line).collect::<Vec<_>>(),
    });
    output.members(&shown)
}

async fn switch(accounts: &Accounts, name: &str, enabled: bool) -> Result<(), CliError> {
    let id = accounts.user_id(name).await?;
    accounts.call(IamOperation::UpdateUserV5, &[&id], Some(&json!({ "enabled": enabled }))).await.map(drop)
}

async fn set_password(accounts: &Accounts, output: Output, name: &str, file: Option<&Path>) -> Result<(), CliError> {
    let id = accounts.user_id(name).await?;
    let (new, made) = match file {
        Some(file) => (password(file, name)?, false),
        None => (Zeroizing::new(accounts.client.generate_password(&json!({})).await?.password.clone()), true),
    };
    let body = json!({ "password": new.as_str(), "password_reset_required": false });
    match accounts.call(IamOperation::UpdateLoginProfileV5, &[&id], Some(&body)).await {
        // The user could not sign in before.
        Err(CliError::Service(ClientError::Refused { status: 404, .. })) => {
            accounts.call(IamOperation::CreateLoginProfileV5, &[&id], Some(&body)).await?;
        }
        other => {
            other?;
        }
    }
    if made {
        print_new_password(output, name, &new)
    } else {
        output.sentence(&format!("the password of {name} is set"))
    }
}

async fn key(accounts: &Accounts, output: Output, yes: bool, action: &KeyAction) -> Result<(), CliError> {
    match action {
        KeyAction::Create { expires: Some(_), .. } => Err(offline_only("--expires")),
        KeyAction::Create { user, .. } => {
            let id = accounts.user_id(user).await?;
            let made = accounts.call(IamOperation::CreateAccessKeyV5, &[&id], None).await?;
            let key = made.get("access_key").cloned().unwrap_or_default();
            let shown =
                json!({ "access_key": text(&key, "access_key_id"), "secret_key": text(&key, "secret_access_key") });
            print_new_key(output, user, &shown)
        }
        KeyAction::Expire { .. } => Err(offline_only("the end of an access key")),
        KeyAction::List { user } => {
            let id = accounts.user_id(user).await?;
            let mut keys = accounts.all(IamOperation::ListAccessKeysV5, &[&id], "access_keys").await?;
            for key in &mut keys {
                let name = text(key, "access_key_id");
                let used = accounts.call(IamOperation::ShowAccessKeyLastUsedV5, &[&id, &name], None).await?;
                key["last_used_at"] = used.pointer("/access_key_last_used/last_used_at").cloned().unwrap_or_default();
            }
            output.table(&keys, || {
                let mut table = Table::new(&["ACCESS KEY", "STATE", "CREATED", "LAST USED"]);
                for key in &keys {
                    let used = text(key, "last_used_at");
                    let used = if used.is_empty() { "never".to_owned() } else { used };
                    table.row(vec![text(key, "access_key_id"), text(key, "status"), text(key, "created_at"), used]);
                }
                table
            })
        }
        KeyAction::Disable { access_key } => {
            set_status(accounts, access_key, "inactive").await?;
            output.sentence(&format!("the access key {access_key} is out of use"))
        }
        KeyAction::Enable { access_key } => {
            set_status(accounts, access_key, "active").await?;
            output.sentence(&format!("the access key {access_key} is in use"))
        }
        KeyAction::Delete { access_key } => {
            let user = accounts.owner(access_key).await?;
            confirm(&format!("Delete the access key {access_key}?"), yes).map_err(CliError::impossible)?;
            accounts.call(IamOperation::DeleteAccessKeyV5, &[&user, access_key], None).await?;
            output.sentence(&format!("the access key {access_key} is deleted"))
        }
    }
}

async fn set_status(accounts: &Accounts, access_key: &str, status: &str) -> Result<(), CliError> {
    let user = accounts.owner(access_key).await?;
    let body = json!({ "status": status });
    accounts.call(IamOperation::UpdateAccessKeyV5, &[&user, access_key], Some(&body)).await.map(drop)
}
