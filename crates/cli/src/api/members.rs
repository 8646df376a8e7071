//! The members of an operation as flags, and what is sent for them.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Command};
use csms_api::schema::catalogue::{Described, Member, Place, holds_secret, is_secret};
use csms_core::{
    ProjectId,
    json::{Unread, parse},
};
use serde::Serialize;
use serde_json::{
    Number, Value,
    value::{RawValue, to_raw_value},
};
use zeroize::Zeroizing;

use super::sources::{Sources, visible};
use crate::failure::CliError;

/// The flag of a whole body.
const BODY: &str = "--body";

/// The member that names the project: it is the project that the request is sent in.
const PROJECT: &str = "project_id";

/// What a request consists of besides the operation.
pub(super) struct Values {
    pub(super) parameters: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// What a value of a member is, as far as the command line reads it.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Boolean,
    List(Box<Self>),
    Json,
}

impl Kind {
    fn of(schema: &Value) -> Self {
        match schema.get("type").and_then(Value::as_str) {
            Some("integer" | "number") => Self::Number,
            Some("boolean") => Self::Boolean,
            Some("array") => Self::List(Box::new(schema.get("items").map_or(Self::Text, Self::of))),
            Some("object") => Self::Json,
            _ => Self::Text,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Number => "NUMBER",
            Self::Boolean => "BOOLEAN",
            Self::List(items) => items.word(),
            Self::Json => "JSON",
        }
    }
}

/// Whether the member is one that the connection gives.
fn is_of_connection(member: &Member) -> bool {
    member.name == PROJECT
}

/// Whether an earlier member has the same name: one flag gives both, in the query and in the body.
fn is_repeated(described: &Described, index: usize) -> bool {
    let Some(member) = described.members.get(index) else { return false };
    described.members.iter().take(index).any(|earlier| earlier.name == member.name)
}

/// Adds the flags of the members.
pub(super) fn arguments(mut command: Command, described: &Described) -> Command {
    for (index, member) in described.members.iter().enumerate() {
        if is_of_connection(member) || is_repeated(described, index) {
            continue;
        }
        let kind = Kind::of(&member.schema);
        let heading = match member.place {
            Place::Path => "Path",
            Place::Query => "Query",
            Place::Body => "Body",
        };
        let is_list = matches!(kind, Kind::List(_));
        let mut argument = Arg::new(member.name.clone())
            .long(member.name.replace('_', "-"))
            .value_name(kind.word())
            .help(help(member, &kind))
            .help_heading(heading)
            // The service says what else is missing, and all of it at once.
            .required(member.place == Place::Path)
            .action(if is_list { ArgAction::Append } else { ArgAction::Set });
        if member.name.contains('_') {
            argument = argument.alias(member.name.clone());
        }
        if kind == Kind::Boolean {
            argument = argument.num_args(0..=1).default_missing_value("true");
        }
        command = command.arg(argument);
    }
    if described.body.is_some() {
        let whole = Arg::new(BODY)
            .long(BODY.trim_start_matches('-'))
            .value_name("JSON|@FILE|-")
            .help("The whole body; members that are given besides replace its own")
            .help_heading("Body");
        command = command.arg(whole);
    }
    command
}

/// The flag of a member.
fn flag(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

/// A sentence about a member, what it may be, and whether the service insists on it.
fn help(member: &Member, kind: &Kind) -> String {
    let schema = &member.schema;
    let about = schema.get("description").and_then(Value::as_str).unwrap_or_default().trim_end_matches('.');
    let mut notes = Vec::new();
    if member.is_required {
        notes.push("required".to_owned());
    }
    if let Kind::List(_) = kind {
        notes.push("may be repeated".to_owned());
    }
    if is_secret(schema) {
        notes.push("secret: @FILE, or - to type or to pipe it".to_owned());
    }
    let of_item = if let Kind::List(_) = kind { schema.get("items").unwrap_or(schema) } else { schema };
    if let Some(choices) = of_item.get("enum").and_then(Value::as_array) {
        notes.push(choices.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "));
    }
    let bound = |name: &str| of_item.get(name).and_then(Value::as_u64);
    match (bound("minimum").filter(|least| *least > 0), bound("maximum")) {
        (Some(least), Some(most)) => notes.push(format!("{least} to {most}")),
        (None, Some(most)) => notes.push(format!("at most {most}")),
        (Some(least), None) => notes.push(format!("at least {least}")),
        (None, None) => {}
    }
    if let Some(properties) = of_item.get("properties").and_then(Value::as_object) {
        notes.push(format!("members: {}", properties.keys().cloned().collect::<Vec<_>>().join(", ")));
    }
    if notes.is_empty() { about.to_owned() } else { format!("{about} [{}]", notes.join("; ")).trim_start().to_owned() }
}

/// Reads what the flags say.
///
/// # Errors
/// A value of the wrong type, a secret value among the arguments, a source that cannot be read.
pub(super) fn read(
    matches: &ArgMatches,
    described: &Described,
    project: impl Fn() -> Result<ProjectId, CliError>,
) -> Result<Values, CliError> {
    let mut sources = Sources::default();
    let whole = matches.try_get_one::<String>(BODY).ok().flatten();
    let whole = whole.map(|given| whole_body(&mut sources, described, given)).transpose()?;
    let has_project = whole.as_ref().is_some_and(|whole| whole.members.contains_key(PROJECT));
    // Members that are given besides.
    let mut body = BTreeMap::new();
    let mut values = Values { parameters: Vec::new(), query: Vec::new(), body: Vec::new() };
    for (index, member) in described.members.iter().enumerate() {
        if is_of_connection(member) {
            if member.place == Place::Body && !has_project {
                body.insert(PROJECT.to_owned(), raw(project()?.as_str())?);
            }
            continue;
        }
        let given: Vec<&String> = matches.get_many(&member.name).into_iter().flatten().collect();
        if given.is_empty() {
            continue;
        }
        let value = if is_repeated(described, index) {
            let sent = values.query.iter().find(|(name, _)| *name == member.name);
            raw(&sent.map(|(_, text)| text))?
        } else {
            value(&mut sources, member, &given)?
        };
        match member.place {
            Place::Body => {
                body.insert(member.name.clone(), value);
            }
            Place::Path => values.parameters.push(text_of(&value)),
            Place::Query => values.query.push((member.name.clone(), text_of(&value))),
        }
    }
    if described.body.is_some() {
        values.body = match whole {
            // As it was given, to the byte.
            Some(whole) if body.is_empty() => whole.text.as_bytes().to_vec(),
            Some(Whole { mut members, .. }) => {
                members.append(&mut body);
                raw(&members)?.get().as_bytes().to_vec()
            }
            None => raw(&body)?.get().as_bytes().to_vec(),
        };
    }
    Ok(values)
}

/// A scalar as a path or a query has it.
fn text_of(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

/// A value as JSON text.
fn raw(value: &(impl Serialize + ?Sized)) -> Result<Box<RawValue>, CliError> {
    to_raw_value(value).map_err(|error| CliError::io("write the request as JSON", error.into()))
}

/// The object that `--body` gives. Has no `Debug`: it may hold a value.
struct Whole {
    text: Zeroizing<String>,
    members: BTreeMap<String, Box<RawValue>>,
}

fn whole_body(sources: &mut Sources, described: &Described, given: &str) -> Result<Whole, CliError> {
    let is_argument = given != "-" && !given.starts_with('@');
    let text = sources.text(BODY, if given == "-" { "@-" } else { given })?;
    let body = parsed(BODY, &text)?;
    if is_argument && described.body.as_ref().is_some_and(|schema| holds_secret(schema, &body)) {
        return Err(visible(BODY));
    }
    match serde_json::from_str(&text) {
        Ok(members) if body.is_object() => Ok(Whole { text, members }),
        _ => Err(CliError::usage(format!("{BODY} must be a JSON object"))),
    }
}

/// The value of a member.
fn value(sources: &mut Sources, member: &Member, given: &[&String]) -> Result<Box<RawValue>, CliError> {
    let flag = flag(&member.name);
    let kind = Kind::of(&member.schema);
    let Kind::List(items) = &kind else {
        let last = given.last().map(|text| text.as_str()).unwrap_or_default();
        return if is_secret(&member.schema) {
            typed(&flag, &kind, &sources.secret(&flag, last)?)
        } else {
            visible_value(sources, &flag, &kind, &member.schema, last)
        };
    };
    let schema = member.schema.get("items").cloned().unwrap_or_default();
    let mut list = Vec::new();
    for given in given {
        // A whole list as JSON stands for its items.
        if given.starts_with('[') {
            let all = visible_value(sources, &flag, &Kind::Json, &member.schema, given)?;
            list.extend(serde_json::from_str::<Vec<Box<RawValue>>>(all.get()).unwrap_or_default());
        } else {
            list.push(visible_value(sources, &flag, items, &schema, given)?);
        }
    }
    raw(&list)
}

/// A value that may be among the arguments, unless it holds something secret.
fn visible_value(
    sources: &mut Sources,
    flag: &str,
    kind: &Kind,
    schema: &Value,
    given: &str,
) -> Result<Box<RawValue>, CliError> {
    let is_argument = !given.starts_with('@');
    let value = typed(flag, kind, &sources.text(flag, given)?)?;
    if is_argument && holds_secret(schema, &parsed(flag, value.get())?) { Err(visible(flag)) } else { Ok(value) }
}

/// A text as the type of its member, written as it was given.
fn typed(flag: &str, kind: &Kind, text: &str) -> Result<Box<RawValue>, CliError> {
    match kind {
        Kind::Text => return raw(text),
        Kind::Number => {
            text.parse::<Number>().map_err(|_| CliError::usage(format!("{flag} must be a number, such as 10")))?;
        }
        Kind::Boolean if matches!(text, "true" | "false") => {}
        Kind::Boolean => return Err(CliError::usage(format!("{flag} must be true or false"))),
        Kind::List(_) | Kind::Json => {
            parsed(flag, text)?;
        }
    }
    RawValue::from_string(text.to_owned()).map_err(|error| malformed(flag, &error))
}

/// Reads JSON that repeats no member at any depth: only one of the two would be judged.
fn parsed(flag: &str, text: &str) -> Result<Value, CliError> {
    if let Err(Unread::Repeated(name)) = parse(text) {
        return Err(CliError::usage(format!("{flag} has the member {} twice", name.escape_debug())));
    }
    serde_json::from_str(text).map_err(|error| malformed(flag, &error))
}

/// That a text is no JSON, without a word of it: it may hold a value.
fn malformed(flag: &str, error: &serde_json::Error) -> CliError {
    CliError::usage(format!("{flag} must be JSON: see line {}, column {}", error.line(), error.column()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use csms_api::schema::catalogue::{Entry, entries};
    use serde_json::{Map, json};

    use super::*;

    /// A value that the command line takes for a member of a kind, and what it is in a body.
    fn sample(kind: &Kind) -> (String, Value) {
        match kind {
            Kind::Text => ("a".to_owned(), json!("a")),
            Kind::Number => ("7".to_owned(), json!(7)),
            Kind::Boolean => ("true".to_owned(), json!(true)),
            Kind::List(items) => {
                let (text, value) = sample(items);
                (text, json!([value]))
            }
            Kind::Json => ("{}".to_owned(), json!({})),
        }
    }

    fn entry(name: &str) -> Entry {
        entries().into_iter().find(|entry| entry.specification.name == name).unwrap()
    }

    fn read_flags(entry: &Entry, flags: &[String]) -> Result<Values, CliError> {
        let described = entry.describe();
        let command = arguments(Command::new("api").no_binary_name(true), &described);
        let matches = command.try_get_matches_from(flags).map_err(|error| CliError::usage(error.to_string()))?;
        let project = || Ok(ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap());
        read(&matches, &described, project)
    }

    fn body(name: &str, flags: &[&str]) -> Result<Value, String> {
        let flags: Vec<_> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let read = read_flags(&entry(name), &flags).map_err(|error| error.to_string())?;
        Ok(serde_json::from_slice(&read.body).unwrap())
    }

    #[test]
    fn every_operation_can_be_built_from_its_definition_with_all_its_members() {
        let directory = tempfile::tempdir().unwrap();
        let secret = directory.path().join("secret");
        std::fs::write(&secret, "hunter2\n").unwrap();
        for entry in entries() {
            let described = entry.describe();
            let mut flags = Vec::new();
            let mut expected = Map::new();
            for member in described.members.iter().filter(|member| !is_of_connection(member)) {
                let (text, value) = sample(&Kind::of(&member.schema));
                let is_secret = is_secret(&member.schema);
                if !flags.contains(&flag(&member.name)) {
                    flags.push(flag(&member.name));
                    flags.push(if is_secret { format!("@{}", secret.display()) } else { text });
                }
                if member.place == Place::Body {
                    expected.insert(member.name.clone(), if is_secret { json!("hunter2") } else { value });
                }
            }
            let name = entry.specification.name;
            let read = read_flags(&entry, &flags).map_err(|error| format!("{name}: {error}")).unwrap();
            let wanted = entry.specification.parameters().filter(|parameter| *parameter != PROJECT).count();
            assert_eq!(read.parameters.len(), wanted, "{name}");
            let of_query = described.members.iter().filter(|member| member.place == Place::Query).count();
            assert_eq!(read.query.len(), of_query, "{name}");
            if described.body.is_some() {
                let mut sent: Map<_, _> = serde_json::from_slice(&read.body).unwrap();
                sent.remove(PROJECT);
                assert_eq!(sent, expected, "{name}");
            } else {
                assert_eq!((read.body.len(), expected.len()), (0, 0), "{name}");
            }
        }
    }

    #[test]
    fn members_are_typed_by_their_definition_in_both_spellings() {
        let version =
            ["--secret-name", "db", "--expire_time", "1800000000000", "--version-stages", "a", "--version-stages", "b"];
        let expected = json!({ "expire_time": 1_800_000_000_000_u64, "version_stages": ["a", "b"] });
        assert_eq!(body("CreateSecretVersion", &version).unwrap(), expected);
        let sent = body("UpdateSecret", &["--secret-name", "db", "--auto-rotation", "--description", "@@home"]);
        assert_eq!(sent.unwrap(), json!({ "auto_rotation": true, "description": "@home" }));
        let tag = r#"{"key":"team","value":"a"}"#;
        let sent = body("BatchCreateOrDeleteTags", &["--secret-id", "i", "--action", "create", "--tags", tag]);
        assert_eq!(sent.unwrap(), json!({ "action": "create", "tags": [{ "key": "team", "value": "a" }] }));
        let list = r#"["a","b"]"#;
        let sent = body("CreateSecretVersion", &["--secret-name", "db", "--version-stages", list]);
        assert_eq!(sent.unwrap(), json!({ "version_stages": ["a", "b"] }));
    }

    #[test]
    fn a_member_replaces_that_of_the_whole_body() {
        let whole = r#"{"description":"one","auto_rotation":false}"#;
        let sent = body("UpdateSecret", &["--secret-name", "db", "--body", whole, "--description", "two"]);
        assert_eq!(sent.unwrap(), json!({ "description": "two", "auto_rotation": false }));
    }

    /// The body as it is sent.
    fn sent(name: &str, flags: &[&str]) -> Result<String, String> {
        let flags: Vec<_> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let read = read_flags(&entry(name), &flags).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(read.body).unwrap())
    }

    #[test]
    fn a_body_is_sent_as_it_was_given() {
        let whole = r#"{ "name":"n","x":1.10, "y":[12345678901234567890123,1e3] }"#;
        assert_eq!(sent("CreateSecret", &["--body", whole]).unwrap(), whole);
        let replaced = sent("CreateSecret", &["--body", whole, "--name", "m"]).unwrap();
        assert_eq!(replaced, r#"{"name":"m","x":1.10,"y":[12345678901234567890123,1e3]}"#);
        let number = sent("CreateSecretVersion", &["--secret-name", "db", "--expire-time", "1.80e12"]).unwrap();
        assert_eq!(number, r#"{"expire_time":1.80e12}"#);
    }

    #[test]
    fn a_member_that_is_there_twice_is_refused_by_name_at_every_depth() {
        let refused = sent("CreateSecret", &["--body", r#"{"name":"dupx","name":"dupy"}"#]).unwrap_err();
        assert_eq!(refused, "--body has the member name twice");
        let tag = r#"{"key":"a","value":"b","key":"c"}"#;
        let refused = sent("CreateSecretTag", &["--secret-id", "i", "--tag", tag]).unwrap_err();
        assert_eq!(refused, "--tag has the member key twice");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_with_its_flag() {
        for (flags, sentence) in [
            (["--expire-time", "soon"], "--expire-time must be a number, such as 10"),
            (["--body", "{"], "--body must be JSON: see line 1, column 1"),
            (["--body", "[]"], "--body must be a JSON object"),
        ] {
            let flags: Vec<_> = ["--secret-name", "db"].into_iter().chain(flags).collect();
            assert_eq!(body("CreateSecretVersion", &flags).unwrap_err(), sentence);
        }
        let refused = body("UpdateSecret", &["--secret-name", "db", "--auto-rotation", "yes"]);
        assert_eq!(refused.unwrap_err(), "--auto-rotation must be true or false");
    }

    #[test]
    fn an_unknown_member_is_refused_with_the_nearest() {
        let refused = body("CreateSecret", &["--secret-strng", "@x"]).unwrap_err();
        assert!(refused.contains("--secret-string"), "{refused}");
    }

    #[test]
    fn a_secret_value_among_the_arguments_is_refused_with_the_way_that_is_right() {
        let import = r#"{"name":"a","secret_string":"hunter2"}"#;
        let imports = format!("[{import}]");
        let whole = r#"{"secret_string":"hunter2"}"#;
        let check = r#"{"secret":"hunter2"}"#;
        for (name, flags) in [
            ("CreateSecret", vec!["--secret-string", "hunter2"]),
            ("CreateSecret", vec!["--secret-string", "@@hunter2"]),
            ("CreateSecret", vec!["--body", whole]),
            ("BatchImportSecrets", vec!["--secrets", import]),
            ("BatchImportSecrets", vec!["--secrets", &imports]),
            ("CheckSecrets", vec!["--type", "password", "--data", check]),
            ("CreateLoginProfileV5", vec!["--user-id", "i", "--password", "hunter2"]),
        ] {
            let refused = body(name, &flags).unwrap_err();
            assert!(refused.contains("@FILE") && !refused.contains("hunter2"), "{name}: {refused}");
        }
    }

    #[test]
    fn one_flag_gives_a_member_that_query_and_body_both_have() {
        let read = read_flags(&entry("UpdateGrant"), &["--resource-id".to_owned(), "db".to_owned()]).unwrap();
        assert_eq!(read.query, [("resource_id".to_owned(), "db".to_owned())]);
        assert_eq!(serde_json::from_slice::<Value>(&read.body).unwrap(), json!({ "resource_id": "db" }));
    }

    #[test]
    fn the_project_of_a_body_is_that_of_the_connection() {
        let sent = body("MigrateResource", &["--enterprise-project-id", "0", "--resource-id", "r"]).unwrap();
        assert_eq!(sent["project_id"], "0123456789abcdef0123456789abcdef");
    }
}
