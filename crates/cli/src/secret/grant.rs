//! `csms secret grant`: who may read a secret without a policy.

use clap::{Args, Subcommand};
use csms_api::response::grant::GrantResponse;
use csms_client::{Client, GrantBody};
use csms_core::SecretName;

use super::name;
use crate::{
    complete::secrets,
    confirm::confirm,
    failure::CliError,
    moment::last_day,
    output::{Output, Table, time, time_or_none},
};

/// Arguments of `csms secret grant`.
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

/// What to do with grants.
#[derive(Subcommand, Debug)]
enum Action {
    /// List the users that a secret is granted to
    List {
        /// Name of the secret
        #[arg(value_parser = name, add = secrets())]
        name: SecretName,
    },
    /// Let a user read a secret's metadata and values
    Create {
        /// Name of the secret
        #[arg(value_parser = name, add = secrets())]
        name: SecretName,
        /// Name or identifier of the user
        user: String,
        /// Last day of the grant: a day such as 2026-01-02, or after a while such as 90d [default: no end]
        #[arg(long, value_name = "TIME", value_parser = last_day)]
        until: Option<String>,
    },
    /// Change the last day of a grant
    Update {
        /// Name of the secret
        #[arg(value_parser = name, add = secrets())]
        name: SecretName,
        /// Name or identifier of the user
        user: String,
        /// Last day of the grant: a day such as 2026-01-02, or after a while such as 90d [default: no end]
        #[arg(long, value_name = "TIME", value_parser = last_day)]
        until: Option<String>,
    },
    /// Take a grant back
    Delete {
        /// Name of the secret
        #[arg(value_parser = name, add = secrets())]
        name: SecretName,
        /// Name or identifier of the user
        #[arg(required_unless_present = "all")]
        user: Option<String>,
        /// Take all grants of the secret back
        #[arg(long, conflicts_with = "user")]
        all: bool,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

impl Arguments {
    /// The secret that the command is about.
    pub(super) fn subject(&self) -> String {
        let (Action::List { name }
        | Action::Create { name, .. }
        | Action::Update { name, .. }
        | Action::Delete { name, .. }) = &self.action;
        format!("secret {name}")
    }
}

/// Lists, makes, changes or deletes grants.
pub(super) async fn run(client: &Client, output: Output, arguments: &Arguments) -> Result<(), CliError> {
    match &arguments.action {
        Action::List { name } => {
            let answer = client.list_grants(name.as_str()).await?;
            output.table(&answer, || {
                let mut table = Table::new(&["USER", "ID", "CREATED", "UNTIL"]);
                for user in &answer.data.grantee_user {
                    let until = time_or_none(user.validity_time);
                    table.row(vec![user.user_name.clone(), user.user_id.clone(), time(user.create_time), until]);
                }
                table
            })
        }
        Action::Create { name, user, until } => {
            let body = GrantBody::to_user(name.as_str(), user, until.as_deref());
            show(output, name, user, &client.create_grant(&body).await?)
        }
        Action::Update { name, user, until } => {
            let body = GrantBody::to_user(name.as_str(), user, until.as_deref());
            show(output, name, user, &client.update_grant(&body).await?)
        }
        Action::Delete { name, user, all: _, yes } => {
            let whose = user.as_ref().map_or_else(|| "all grants".to_owned(), |user| format!("the grant of {user}"));
            confirm(&format!("Take {whose} on {name} back?"), *yes).map_err(CliError::impossible)?;
            client.delete_grant(name.as_str(), user.as_deref()).await?;
            let verb = if user.is_some() { "is" } else { "are" };
            output.sentence(&format!("{whose} on {name} {verb} taken back"))
        }
    }
}

fn show(output: Output, secret: &SecretName, user: &str, answer: &GrantResponse) -> Result<(), CliError> {
    output.changed("the grant is stored", answer, |facts| {
        facts.add("secret", secret.as_str());
        facts.add("granted to", user);
        facts.add("until", time_or_none(answer.data.validity_time));
    })
}
