//! `csms user --offline`: users, their passwords, access keys and attached policies, straight in the data.
//!
//! A running server sees a change within [`LIFETIME`](crate::auth::cache::LIFETIME).

mod report;

use std::{path::Path, process::ExitCode};

use clap::Args;
use csms_api::iam::request::user_name;
use csms_cli::{
    Account, CliError, KeyAction, RuleFlag, STATUSES, UserAction as Action, print_new_key, print_new_password,
    print_new_user,
};
use csms_core::{ProjectId, RotationPeriod, UnixMillis, policy::system_policy};
use csms_store::{AccessChange, AccessKeyRecord, Store, UserDetails, UserRecord};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    Failed, about, block_on,
    offline::{CareFlags, DataArguments, Installation, PlaceFlags, print, read_input, say},
};
use crate::{
    auth::{
        new_password::{NewPassword, PasswordRule},
        passwords,
    },
    clock::{self, Clock},
    installation::{make_id, project_of},
    services::iam::records,
};

const EXAMPLES: &str = "\
Examples:
  csms user create alice --policy \"CSMS ReadOnlyAccess\"   prints an access key and its secret key, once
  csms user attach alice team-a                           a policy of `csms policy list`
  csms user key create alice                              a second key, to change keys without a gap
  csms user key create alice --expires 90d --offline      ends by itself
  csms user key disable AK…                               out of use within 5 seconds
  csms user report --offline --output json                for an auditor: keys with age, last use and end
  csms user set-password alice --password-file -          reads the password from standard input

They use a running server, as the caller of the credentials. --offline works on the data itself, which needs the root key and
no credentials.";

/// Arguments of `csms user`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{STATUSES}"))]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    care: CareFlags,
    #[command(flatten)]
    place: PlaceFlags,
    /// What to do
    #[command(subcommand)]
    action: Action,
}

impl Arguments {
    /// Whether a program reads what is printed.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.data.output.is_json()
    }

    /// Runs the command through the API; `None` where it works on the data itself.
    #[must_use]
    pub fn online(&self) -> Option<ExitCode> {
        self.place.online(self.data.output, self.care.is_quiet(), Account::User(&self.action))
    }
}

/// Runs the command.
///
/// # Errors
/// What is in the way, in words for the operator.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    block_on(async {
        let data = arguments.data.open().await?.with_care(arguments.care);
        act(&data, arguments).await.map_err(|failed| about(failed, Account::User(&arguments.action).subject()))
    })
}

async fn act(data: &Installation, arguments: &Arguments) -> Result<(), Failed> {
    let format = arguments.data.output;
    match &arguments.action {
        Action::Create { name, policies, projects, password_file, rule, no_key, expires } => {
            let expires = expires.as_deref().map(read_end).transpose()?;
            let mut user = make_user(data, name, policies, projects).await?;
            if let Some(path) = password_file {
                let hash = hash(&read_password(path, name, rule_of(*rule, data))?)?;
                records::set_password(&mut user, Some(hash), Clock::default().now());
            }
            let mut changes = vec![AccessChange::PutUser(user.clone())];
            let mut shown = json!({ "id": user.id, "name": user.name, "projects": user.projects });
            if !no_key {
                let (key, secret_key) = make_key(data, &user, expires)?;
                shown["access_key"] = key.access_key.as_str().into();
                shown["secret_key"] = secret_key.as_str().into();
                changes.push(AccessChange::PutAccessKey(key));
            }
            data.change("CreateUser", name, changes).await?;
            Ok(print_new_user(format, &shown)?)
        }
        Action::List => {
            let users = data.store.users().await?;
            let rows: Vec<_> = users.iter().map(summary).collect();
            print(format, &Value::from(rows), |table| {
                table.texts(["NAME", "ENABLED", "POLICIES", "ID"]);
                for user in &users {
                    let enabled = if user.enabled { "yes" } else { "no" };
                    table.texts([&user.name, enabled, &policies_of(user), &user.id]);
                }
            })
        }
        Action::Report => {
            let (entries, now) = (report::read(data).await?, Clock::default().now());
            print(format, &report::json(&entries, now), |table| report::table(&entries, now, table))
        }
        Action::Show { name } => {
            let user = find(data, name).await?;
            let mut shown = summary(&user);
            shown["own_policies"] = serde_json::to_value(&user.policies)?;
            let keys = data.store.access_keys(&user.id).await?;
            let now = Clock::default().now();
            let line = |key: &AccessKeyRecord| match report::key_state(key, now) {
                "enabled" => key.access_key.clone(),
                state => format!("{} ({state})", key.access_key),
            };
            shown["access_keys"] = keys.iter().map(line).collect::<Vec<_>>().into();
            Ok(format.members(&shown)?)
        }
        Action::Delete { name } => {
            let user = find(data, name).await?;
            arguments.care.confirm(&format!("Delete the user {name} and its access keys?"))?;
            data.change("DeleteUser", name, vec![AccessChange::DeleteUser(user.id)]).await?;
            say(format, &format!("the user {name} and its access keys are deleted"))
        }
        Action::Disable { name } => {
            update(data, "DisableUser", name, |user| user.enabled = false).await?;
            say(format, &format!("the user {name} is out of use"))
        }
        Action::Enable { name } => {
            update(data, "EnableUser", name, |user| user.enabled = true).await?;
            say(format, &format!("the user {name} is in use"))
        }
        Action::SetPassword { name, password_file, rule } => {
            let (password, made) = match password_file {
                Some(path) => (read_password(path, name, rule_of(*rule, data))?, false),
                None => (NewPassword::draw(name).map_err(|failure| failure.error)?, true),
            };
            let hash = hash(&password)?;
            let now = Clock::default().now();
            update(data, "SetPassword", name, |user| records::set_password(user, Some(hash), now)).await?;
            if made {
                Ok(print_new_password(format, name, password.reveal())?)
            } else {
                say(format, &format!("the password of {name} is set"))
            }
        }
        Action::Attach { name, policy } => {
            require_policy(data, policy).await?;
            let now = Clock::default().now();
            update(data, "AttachPolicy", name, |user| records::attach(user, policy, now)).await?;
            say(format, &format!("the policy {policy} is attached to {name}"))
        }
        Action::Detach { name, policy } => {
            update(data, "DetachPolicy", name, |user| {
                records::detach(user, policy);
            })
            .await?;
            say(format, &format!("the policy {policy} is not attached to {name}"))
        }
        Action::Key(action) => run_key(data, arguments, action).await,
    }
}

/// Which passwords the command takes.
fn rule_of(flag: RuleFlag, data: &Installation) -> PasswordRule {
    if flag.allow_weak_passwords { PasswordRule::Any } else { data.password_rule }
}

async fn run_key(data: &Installation, arguments: &Arguments, action: &KeyAction) -> Result<(), Failed> {
    match action {
        KeyAction::Create { user, expires } => {
            let expires = expires.as_deref().map(read_end).transpose()?;
            let user = find(data, user).await?;
            let name = user.name.clone();
            let (key, secret_key) = make_key(data, &user, expires)?;
            let shown = json!({ "access_key": key.access_key, "secret_key": secret_key.as_str() });
            let target = key.access_key.clone();
            data.change("CreateAccessKey", &target, vec![AccessChange::PutAccessKey(key)]).await?;
            Ok(print_new_key(arguments.data.output, &name, &shown)?)
        }
        KeyAction::List { user } => {
            let user = find(data, user).await?;
            let keys = data.store.access_keys(&user.id).await?;
            let now = Clock::default().now();
            let rows: Vec<_> = keys.iter().map(|key| report::key_json(key, now)).collect();
            print(arguments.data.output, &Value::from(rows), |table| {
                table.texts(["ACCESS KEY", "STATE", "AGE", "LAST USED", "EXPIRES"]);
                for key in &keys {
                    let (age, end) = (report::age_text(key.create_time, now), report::end_text(key));
                    let (state, used) = (report::key_state(key, now), report::last_use_text(key));
                    table.texts([key.access_key.as_str(), state, &age, &used, &end]);
                }
            })
        }
        KeyAction::Expire { access_key, end } => {
            let expires = if end == "never" { None } else { Some(read_end(end)?) };
            let (key, _) = find_key(data, access_key).await?;
            let change = AccessChange::PutAccessKey(AccessKeyRecord { expires, ..key });
            data.change("ExpireAccessKey", access_key, vec![change]).await?;
            let end = expires.map_or_else(|| "never".to_owned(), |end| format!("at {}", clock::rfc3339(end, 0)));
            say(arguments.data.output, &format!("the access key {access_key} ends {end}"))
        }
        KeyAction::Disable { access_key } => {
            switch(data, "DisableAccessKey", access_key, false).await?;
            say(arguments.data.output, &format!("the access key {access_key} is out of use"))
        }
        KeyAction::Enable { access_key } => {
            switch(data, "EnableAccessKey", access_key, true).await?;
            say(arguments.data.output, &format!("the access key {access_key} is in use"))
        }
        KeyAction::Delete { access_key } => {
            let (key, _) = find_key(data, access_key).await?;
            arguments.care.confirm(&format!("Delete the access key {access_key}?"))?;
            data.change("DeleteAccessKey", access_key, vec![AccessChange::DeleteAccessKey(key.access_key)]).await?;
            say(arguments.data.output, &format!("the access key {access_key} is deleted"))
        }
    }
}

pub(super) async fn find(data: &Installation, name: &str) -> Result<UserRecord, Failed> {
    let user = data.store.user_by_name(Some(&data.identity.domain_id), name).await?;
    user.ok_or_else(|| CliError::absent("user", name).into())
}

async fn find_key(data: &Installation, access_key: &str) -> Result<(AccessKeyRecord, UserRecord), Failed> {
    let found = data.store.access_key(access_key).await?;
    found.ok_or_else(|| CliError::absent("access key", access_key).into())
}

async fn switch(data: &Installation, action: &str, access_key: &str, enabled: bool) -> Result<(), Failed> {
    let (key, _) = find_key(data, access_key).await?;
    data.change(action, access_key, vec![AccessChange::PutAccessKey(AccessKeyRecord { enabled, ..key })]).await
}

async fn update(
    data: &Installation,
    action: &str,
    name: &str,
    change: impl FnOnce(&mut UserRecord),
) -> Result<(), Failed> {
    let mut user = find(data, name).await?;
    change(&mut user);
    data.change(action, name, vec![AccessChange::PutUser(user)]).await
}

pub(super) async fn require_policy(data: &Installation, name: &str) -> Result<(), Failed> {
    if system_policy(name).is_some() || data.store.policy(name).await?.is_some() {
        Ok(())
    } else {
        Err(CliError::no_policy(name).into())
    }
}

async fn make_user(
    data: &Installation,
    name: &str,
    policies: &[String],
    projects: &[String],
) -> Result<UserRecord, Failed> {
    user_name(name.to_owned())
        .map_err(|_| CliError::refused("the name must be 1 to 64 letters, digits, spaces and -_.@"))?;
    if data.store.user_by_name(Some(&data.identity.domain_id), name).await?.is_some() {
        return Err(CliError::refused("there is such a user already").into());
    }
    for policy in policies {
        require_policy(data, policy).await?;
    }
    let projects = find_projects(data, projects).await?;
    let now = Clock::default().now();
    let mut user = UserRecord {
        id: make_id().map_err(|failure| failure.error)?,
        name: name.to_owned(),
        domain_id: data.identity.domain_id.clone(),
        password_hash: None,
        projects,
        policies: Vec::new(),
        attached: Vec::new(),
        enabled: true,
        details: UserDetails { create_time: Some(now), ..UserDetails::default() },
    };
    for policy in policies {
        records::attach(&mut user, policy, now);
    }
    Ok(user)
}

/// The projects of these identifiers or regions; the first one if there are none.
pub(super) async fn find_projects(data: &Installation, named: &[String]) -> Result<Vec<ProjectId>, Failed> {
    let mut projects = Vec::new();
    for name in named {
        projects.push(match project_of(&data.store, &data.identity, name).await? {
            Some(project) => project,
            None => ProjectId::parse(name.as_str()).map_err(|violation| {
                CliError::usage(format!("the project {name} is no region, and {}", violation.message()))
            })?,
        });
    }
    if projects.is_empty() {
        projects.push(data.identity.project_id.clone());
    }
    Ok(projects)
}

fn make_key(
    data: &Installation,
    user: &UserRecord,
    expires: Option<UnixMillis>,
) -> Result<(AccessKeyRecord, Zeroizing<String>), Failed> {
    let made = records::make_key(&data.root, &user.id, Clock::default().now());
    let (key, secret_key) = made.map_err(|failure| failure.error)?;
    Ok((AccessKeyRecord { expires, ..key }, secret_key))
}

/// The end of an access key that begins to live now, which lies ahead.
fn read_end(text: &str) -> Result<UnixMillis, Failed> {
    let now = Clock::default().now();
    let after = RotationPeriod::parse_with_minimum(text, 1).ok();
    let end = match after {
        Some(period) => Some(now.plus_millis(period.as_seconds().saturating_mul(1_000))),
        None => clock::parse_time(text),
    };
    let form = || CliError::usage(format!("the end must be a number of days such as 90d, or {}", clock::TIME_FORM));
    let end = end.ok_or_else(form)?;
    if end <= now { Err(CliError::usage("the end of the access key must lie ahead").into()) } else { Ok(end) }
}

fn read_password(path: &Path, user_name: &str, rule: PasswordRule) -> Result<NewPassword, Failed> {
    let text = read_input(path)?;
    let text = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
    NewPassword::judge(text, user_name, rule).map_err(|violations| {
        let broken: Vec<_> =
            violations.iter().map(|violation| format!("the password {}", violation.message())).collect();
        CliError::refused(broken.join("; ")).into()
    })
}

fn hash(password: &NewPassword) -> Result<String, Failed> {
    passwords::hash(password).map_err(|failure| failure.error.into())
}

fn policies_of(user: &UserRecord) -> String {
    let own = if user.policies.is_empty() { None } else { Some("(own)") };
    own.into_iter().chain(user.attached.iter().map(String::as_str)).collect::<Vec<_>>().join(", ")
}

fn summary(user: &UserRecord) -> Value {
    json!({
        "id": user.id, "name": user.name, "enabled": user.enabled, "projects": user.projects,
        "policies": user.attached, "has_password": user.password_hash.is_some(),
    })
}
