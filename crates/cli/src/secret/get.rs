//! `csms secret get` and `csms secret versions`.

use base64ct::{Base64, Encoding};
use clap::Args;
use csms_api::response::ShowVersionResponse;
use csms_client::Client;
use csms_core::SecretName;
use zeroize::Zeroizing;

use super::{PAGE, describe, describe_version, name};
use crate::{
    complete::secrets,
    failure::CliError,
    output::{Output, Table, print, time, time_or_none},
    written::{Unread, members},
};

/// Arguments of `csms secret get`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Name of the secret
    #[arg(value_parser = name, add = secrets())]
    pub(super) name: SecretName,

    /// Print the value, byte for byte and nothing else; with `--output json` print the version with its value
    #[arg(long)]
    value: bool,

    /// Print one member of a value that is a JSON object: a text as it is, anything else as JSON
    #[arg(long, value_name = "MEMBER", conflicts_with = "value")]
    field: Option<String>,

    /// Version to print instead of the secret: vN, or `latest` for the one marked SYSCURRENT
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

/// Prints metadata, or the value when asked for it.
pub(super) async fn run(client: &Client, output: Output, arguments: &Arguments) -> Result<(), CliError> {
    let version = arguments.version.as_deref();
    if let Some(field) = &arguments.field {
        let answer = client.show_version(&arguments.name, version.unwrap_or("latest")).await?;
        return print(member(&answer, field)?.as_bytes());
    }
    if arguments.value {
        let answer = client.show_version(&arguments.name, version.unwrap_or("latest")).await?;
        return if output.is_json() { crate::output::json(&answer) } else { print(&bytes(&answer)?) };
    }
    if let Some(version) = version {
        // There is no operation that answers one version's metadata without its value, and reading a value is audited.
        let all = all_versions(client, &arguments.name).await?;
        let is_latest = |stages: &[String]| stages.iter().any(|stage| stage == "SYSCURRENT");
        let found = all.version_metadatas.into_iter();
        let mut found =
            found.filter(|known| known.id == version || version == "latest" && is_latest(&known.version_stages));
        let found = found.next().ok_or_else(|| CliError::Missing(format!("there is no version {version}")))?;
        return output.facts(&found, |facts| describe_version(&found, facts));
    }
    let answer = client.show_secret(&arguments.name).await?;
    output.facts(&answer, |facts| describe(&answer.secret, facts))
}

/// The value as it was stored.
pub(crate) fn bytes(answer: &ShowVersionResponse) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let version = &answer.version;
    if let Some(text) = &version.secret_string {
        return Ok(Zeroizing::new(text.as_bytes().to_vec()));
    }
    let base64 = version.secret_binary.as_deref().unwrap_or_default();
    let bytes = Base64::decode_vec(base64).map_err(|_| CliError::impossible("the value is not base64 text"))?;
    Ok(Zeroizing::new(bytes))
}

fn member(answer: &ShowVersionResponse, field: &str) -> Result<Zeroizing<String>, CliError> {
    let name = &answer.version.version_metadata.secret_name;
    let bytes = bytes(answer)?;
    let no_json = || CliError::impossible(format!("the value of {name} is not JSON"));
    let missing = || CliError::Missing(format!("the value of {name} has no member {field}"));
    let members = members(core::str::from_utf8(&bytes).map_err(|_| no_json())?).map_err(|unread| match unread {
        Unread::Malformed { .. } => no_json(),
        Unread::NoObject => missing(),
        Unread::Repeated(member) => {
            CliError::impossible(format!("the value of {name} has the member {} twice", member.escape_debug()))
        }
    })?;
    let found = members.iter().find(|(member, _)| member == field);
    found.map(|(_, value)| Zeroizing::new(value.as_str().to_owned())).ok_or_else(missing)
}

/// Arguments of `csms secret versions`.
#[derive(Args, Debug)]
pub(super) struct Versions {
    /// Name of the secret
    #[arg(value_parser = name, add = secrets())]
    pub(super) name: SecretName,
}

async fn all_versions(
    client: &Client,
    name: &SecretName,
) -> Result<csms_api::response::ListVersionsResponse, CliError> {
    let mut answer = client.list_versions(name, PAGE, None).await?;
    while let Some(marker) = answer.page_info.next_marker.take() {
        let page = client.list_versions(name, PAGE, Some(&marker)).await?;
        answer.version_metadatas.extend(page.version_metadatas);
        answer.page_info.next_marker = page.page_info.next_marker;
    }
    answer.page_info.current_count = answer.version_metadatas.len();
    Ok(answer)
}

/// Lists the versions.
pub(super) async fn versions(client: &Client, output: Output, arguments: &Versions) -> Result<(), CliError> {
    let answer = all_versions(client, &arguments.name).await?;
    output.table(&answer, || {
        let mut table = Table::new(&["VERSION", "CREATED", "EXPIRES", "STAGES"]);
        for version in &answer.version_metadatas {
            table.row(vec![
                version.id.clone(),
                time(version.create_time),
                time_or_none(version.expire_time),
                version.version_stages.join(", "),
            ]);
        }
        table
    })
}
