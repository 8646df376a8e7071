//! `csms secret tag`.

use clap::{Args, Subcommand};
use csms_api::response::tag::TagInfo;
use csms_client::Client;
use csms_core::{
    SecretId, SecretName,
    tag::{Tag, TagKey, TagValue},
};

use super::name;
use crate::{
    complete::secrets,
    failure::CliError,
    output::{Output, Table, parsed},
};

/// Arguments of `csms secret tag`.
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

/// What to do with tags.
#[derive(Subcommand, Debug)]
enum Action {
    /// List the tags of a secret, or all tags of the project
    List {
        /// Name of the secret
        #[arg(value_parser = name, add = secrets())]
        name: Option<SecretName>,
    },
    /// Add tags, or give their keys new values
    Set {
        /// Name of the secret
        #[arg(value_parser = name, add = secrets())]
        name: SecretName,
        /// The tags
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = tag)]
        tags: Vec<Tag>,
    },
    /// Remove tags
    #[command(visible_alias = "delete")]
    Remove {
        /// Name of the secret
        #[arg(value_parser = name, add = secrets())]
        name: SecretName,
        /// Keys of the tags
        #[arg(required = true, value_name = "KEY", value_parser = key)]
        keys: Vec<TagKey>,
    },
}

fn tag(text: &str) -> Result<Tag, String> {
    let (key_text, value) = text.split_once('=').ok_or("it must be of the form KEY=VALUE")?;
    Ok(Tag { key: key(key_text)?, value: parsed(TagValue::parse(value))? })
}

fn key(text: &str) -> Result<TagKey, String> {
    parsed(TagKey::parse(text))
}

impl Arguments {
    /// The secret that the command is about, if it is one.
    pub(super) fn subject(&self) -> Option<String> {
        let name = match &self.action {
            Action::List { name } => name.as_ref()?,
            Action::Set { name, .. } | Action::Remove { name, .. } => name,
        };
        Some(format!("secret {name}"))
    }
}

/// Lists, sets or removes tags.
pub(super) async fn run(client: &Client, output: Output, arguments: &Arguments) -> Result<(), CliError> {
    match &arguments.action {
        Action::List { name: None } => {
            let answer = client.list_project_tags().await?;
            output.table(&answer, || {
                let mut table = Table::new(&["KEY", "VALUES"]);
                answer.tags.iter().for_each(|tag| table.row(vec![tag.key.clone(), tag.values.join(", ")]));
                table
            })
        }
        Action::List { name: Some(name) } => list(client, output, &id(client, name).await?).await,
        Action::Set { name, tags } => {
            let id = id(client, name).await?;
            client.create_tags(&id, tags).await?;
            list(client, output, &id).await
        }
        Action::Remove { name, keys } => {
            let id = id(client, name).await?;
            let empty = TagValue::parse("").map_err(|violation| CliError::argument("the value", &violation))?;
            let tags: Vec<_> = keys.iter().map(|key| Tag { key: key.clone(), value: empty.clone() }).collect();
            client.delete_tags(&id, &tags).await?;
            list(client, output, &id).await
        }
    }
}

/// Tags are addressed by the secret's identifier.
async fn id(client: &Client, name: &SecretName) -> Result<SecretId, CliError> {
    let id = client.show_secret(name).await?.secret.id;
    SecretId::parse(&id).map_err(|violation| CliError::argument("the secret's id", &violation))
}

async fn list(client: &Client, output: Output, id: &SecretId) -> Result<(), CliError> {
    let answer = client.list_tags(id).await?;
    output.table(&answer, || {
        let mut table = Table::new(&["KEY", "VALUE"]);
        for TagInfo { key, value } in &answer.tags {
            table.row(vec![key.clone(), value.clone()]);
        }
        table
    })
}
