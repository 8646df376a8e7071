//! `csms secret list`: all secrets, or those that all of some conditions hold for.

use std::collections::BTreeSet;

use clap::Args;
use csms_api::{
    Operation,
    response::{ListSecretsResponse, SecretInfo},
};
use csms_client::Client;
use serde_json::{Value, json};

use super::PAGE;
use crate::{
    failure::CliError,
    output::{Output, Table, time, time_or_none},
};

/// Which secrets to list; those that all conditions hold for.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Only secrets with this in their name
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,

    /// Only secrets with this tag; may be repeated
    #[arg(long = "tag", value_name = "KEY[=VALUE]")]
    tags: Vec<String>,

    /// Only secrets of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = ["COMMON", "RDS-FG", "GaussDB-FG"])]
    kind: Option<String>,

    /// Only secrets in this state
    #[arg(long, value_name = "STATE", value_parser = ["ENABLED", "DISABLED", "PENDING_DELETE", "FROZEN"])]
    state: Option<String>,
}

impl Arguments {
    fn takes(&self, secret: &SecretInfo) -> bool {
        self.name.as_ref().is_none_or(|text| secret.name.contains(text.as_str()))
            && self.kind.as_ref().is_none_or(|kind| *kind == secret.secret_type)
            && self.state.as_ref().is_none_or(|state| *state == secret.state)
    }
}

pub(super) async fn run(client: &Client, output: Output, arguments: &Arguments) -> Result<(), CliError> {
    let tagged = match arguments.tags.as_slice() {
        [] => None,
        tags => Some(tagged(client, tags).await?),
    };
    let mut answer: ListSecretsResponse = client.list_secrets(PAGE, None).await?;
    while let Some(marker) = answer.page_info.next_marker.take() {
        let page = client.list_secrets(PAGE, Some(&marker)).await?;
        answer.secrets.extend(page.secrets);
        answer.page_info.next_marker = page.page_info.next_marker;
    }
    answer.secrets.retain(|secret| {
        arguments.takes(secret) && tagged.as_ref().is_none_or(|tagged| tagged.contains(secret.name.as_str()))
    });
    answer.page_info.current_count = answer.secrets.len();
    output.table(&answer, || {
        let mut table = Table::new(&["NAME", "TYPE", "STATE", "UPDATED", "NEXT ROTATION"]);
        for secret in &answer.secrets {
            table.row(vec![
                secret.name.clone(),
                secret.secret_type.clone(),
                secret.state.clone(),
                time(secret.update_time),
                time_or_none(secret.next_rotation_time),
            ]);
        }
        table
    })
}

/// The names of the secrets that have all of these tags.
async fn tagged(client: &Client, tags: &[String]) -> Result<BTreeSet<String>, CliError> {
    let condition = |tag: &String| match tag.split_once('=') {
        Some((key, value)) => json!({ "key": key, "values": [value] }),
        None => json!({ "key": tag }),
    };
    let conditions: Vec<_> = tags.iter().map(condition).collect();
    let row = Operation::ListResourceInstances.specification();
    let mut names = BTreeSet::new();
    loop {
        let body = json!({
            "action": "filter", "tags": conditions, "limit": PAGE.to_string(), "offset": names.len().to_string(),
        });
        let page: Value = client.call_json(row, &[], &[], Some(&body)).await?;
        let resources = page.get("resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let found = resources.iter().filter_map(|resource| resource.get("resource_name")?.as_str());
        names.extend(found.map(str::to_owned));
        if resources.len() < usize::from(PAGE) {
            return Ok(names);
        }
    }
}
