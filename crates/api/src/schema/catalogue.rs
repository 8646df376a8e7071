//! Every operation of every service that is served, as a command line needs them: what it does, and what it takes.
//!
//! Leaves out the two operations on tokens whose questions and answers are headers. Says nothing of answers.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use serde_json::{Value, json};

use super::{
    accounts, description::Description, document, identity, keys, observe::SECRET, others, parameters::path_parameter,
};
use crate::{
    Operation, cts::CtsOperation, eps::EpsOperation, functiongraph::FunctionOperation, iam::IamOperation,
    iam::token::TokenOperation, kms::KmsOperation, operation::Specification, permissions,
};

/// An operation of one of the services.
#[derive(Clone, Copy, Debug)]
enum One {
    Secrets(Operation),
    Keys(KmsOperation),
    Accounts(IamOperation),
    Logins(TokenOperation),
    Traces(CtsOperation),
    Functions(FunctionOperation),
    EnterpriseProjects(EpsOperation),
    Permissions,
}

/// A row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The service, as its actions name it.
    pub service: &'static str,
    /// Name, method, path and actions.
    pub specification: Specification,
    one: One,
}

/// Where a member of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In the body.
    Body,
}

/// A member of a request.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name, as it is sent.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Its JSON Schema.
    pub schema: Value,
    /// Whether the service refuses a request without it.
    pub is_required: bool,
}

/// What is said of an operation.
#[derive(Clone, Debug)]
pub struct Described {
    /// What it does, in a sentence.
    pub summary: String,
    /// What it takes, besides the project in the path.
    pub members: Vec<Member>,
    /// The JSON Schema of its body, if it takes one.
    pub body: Option<Value>,
}

/// Every operation, in the order of the services' tables.
#[must_use]
pub fn entries() -> Vec<Entry> {
    fn rows<T: Copy>(
        service: &'static str,
        all: &'static [T],
        one: fn(T) -> One,
        row: fn(T) -> Specification,
    ) -> impl Iterator<Item = Entry> {
        all.iter().map(move |operation| Entry { service, specification: row(*operation), one: one(*operation) })
    }
    let logins = rows("iam", TokenOperation::ALL, One::Logins, TokenOperation::specification);
    let permissions = Entry { service: "csms", specification: permissions::SPECIFICATION, one: One::Permissions };
    rows("csms", Operation::ALL, One::Secrets, Operation::specification)
        .chain([permissions])
        .chain(rows("kms", KmsOperation::ALL, One::Keys, KmsOperation::specification))
        .chain(rows("iam", IamOperation::ALL, One::Accounts, IamOperation::specification))
        .chain(logins.filter(|entry| !matches!(entry.specification.name, "CreateToken" | "ShowToken")))
        .chain(rows("cts", CtsOperation::ALL, One::Traces, CtsOperation::specification))
        .chain(rows("functiongraph", FunctionOperation::ALL, One::Functions, FunctionOperation::specification))
        .chain(rows("eps", EpsOperation::ALL, One::EnterpriseProjects, EpsOperation::specification))
        .collect()
}

impl Entry {
    /// What the operation does and takes. Readers of requests are asked for it, which takes a moment.
    #[must_use]
    pub fn describe(&self) -> Described {
        let described = match self.one {
            One::Secrets(operation) => document::describe(operation).map(|(_, described)| described),
            One::Keys(operation) => Some(keys::describe(operation)),
            One::Accounts(operation) => Some(accounts::describe(operation)),
            One::Logins(TokenOperation::AssumeAgency) => Some(accounts::assume_agency()),
            One::Logins(TokenOperation::GetCallerIdentity) => Some(accounts::caller_identity()),
            One::Logins(_) => return self.of_document(),
            One::Traces(operation) => Some(others::traces(operation)),
            One::Functions(operation) => Some(others::functions(operation)),
            One::EnterpriseProjects(operation) => Some(others::enterprise_projects(operation)),
            One::Permissions => Some(others::permissions()),
        };
        let Description { summary, query, body, .. } = described.unwrap_or_else(|| super::description::operation(""));
        let query = query.into_iter().map(|(name, schema, is_required)| Member {
            name: name.to_owned(),
            place: Place::Query,
            schema,
            is_required,
        });
        let members = self.in_path().chain(query).chain(in_body(body.as_ref())).collect();
        Described { summary: summary.to_owned(), members, body }
    }

    /// What the item of the OpenAPI document says of an operation that is written down there.
    fn of_document(&self) -> Described {
        let paths = identity::paths();
        let item = paths.iter().find(|(path, _)| *path == self.specification.path).map(|(_, item)| item);
        let method = self.specification.method.as_str().to_ascii_lowercase();
        let item = item.and_then(|item| item.get(method)).cloned().unwrap_or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let query = item.get("parameters").and_then(Value::as_array).into_iter().flatten();
        let query = query.filter(|parameter| parameter.get("in").is_some_and(|place| place == "query"));
        let query = query.map(|parameter| Member {
            name: text(parameter.get("name")),
            place: Place::Query,
            schema: parameter.get("schema").cloned().unwrap_or_default(),
            is_required: parameter.get("required").is_some_and(|required| required == true),
        });
        let body = item.pointer("/requestBody/content/application~1json/schema").cloned();
        let members = self.in_path().chain(query).chain(in_body(body.as_ref())).collect();
        Described { summary: text(item.get("summary")), members, body }
    }

    /// The parameters of the path but the project.
    fn in_path(&self) -> impl Iterator<Item = Member> {
        let is_secret = matches!(self.one, One::Secrets(_));
        let names = self.specification.parameters().filter(|name| *name != "project_id");
        names.map(move |name| {
            let known = path_parameter(name).filter(|_| is_secret || name != "version_id");
            let schema = known.unwrap_or_else(|| json!({ "type": "string", "description": about(name) }));
            Member { name: name.to_owned(), place: Place::Path, schema, is_required: true }
        })
    }
}

/// What a parameter of a path is that only one of the other services has.
fn about(name: &str) -> &'static str {
    match name {
        "access_key_id" => "The access key.",
        "policy_id" => "Identifier of the policy.",
        "version_id" => "Identifier of the version.",
        "function_urn" => "URN of the function.",
        "enterprise_project_id" => "Identifier of the enterprise project.",
        _ => "",
    }
}

fn in_body(body: Option<&Value>) -> impl Iterator<Item = Member> {
    let required = body.and_then(|body| body.get("required")).and_then(Value::as_array);
    let properties = body.and_then(|body| body.get("properties")).and_then(Value::as_object);
    properties.into_iter().flatten().map(move |(name, schema)| Member {
        name: name.clone(),
        place: Place::Body,
        schema: schema.clone(),
        is_required: required.is_some_and(|required| required.iter().any(|known| known == name)),
    })
}

/// Whether a value of this schema holds something that nobody else may see.
#[must_use]
pub fn holds_secret(schema: &Value, value: &Value) -> bool {
    if value.is_null() {
        return false;
    }
    if schema.get("format").is_some_and(|format| format == SECRET) {
        return true;
    }
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| {
            let schema = schema.get("properties").and_then(|properties| properties.get(name));
            schema.is_some_and(|schema| holds_secret(schema, value))
        }),
        Value::Array(items) => {
            let schema = schema.get("items");
            items.iter().any(|item| schema.is_some_and(|schema| holds_secret(schema, item)))
        }
        _ => false,
    }
}

/// Whether every value of this schema is one that nobody else may see.
#[must_use]
pub fn is_secret(schema: &Value) -> bool {
    schema.get("format").is_some_and(|format| format == SECRET)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
        let mut names = BTreeSet::new();
        for entry in entries() {
            let name = entry.specification.name;
            assert!(names.insert(name), "{name}");
            let summary = entry.describe().summary;
            assert!(summary.ends_with('.'), "{name} lacks an arm in schema/ whose summary is a sentence: {summary:?}");
        }
    }

    #[test]
    fn no_operation_has_two_members_of_one_name_in_the_same_place() {
        for entry in entries() {
            let mut seen = BTreeSet::new();
            for member in entry.describe().members {
                assert!(
                    seen.insert((member.name.clone(), member.place == Place::Body)),
                    "{} {}",
                    entry.specification.name,
                    member.name
                );
            }
        }
    }

    #[test]
    fn values_and_passwords_are_secret_wherever_they_are() {
        let of = |name: &str| entries().into_iter().find(|entry| entry.specification.name == name).unwrap().describe();
        let secrets = |name: &str| -> Vec<String> {
            of(name).members.into_iter().filter(|member| is_secret(&member.schema)).map(|member| member.name).collect()
        };
        assert_eq!(secrets("CreateSecret"), ["secret_binary", "secret_string"]);
        assert_eq!(secrets("CreateSecretVersion"), ["secret_binary", "secret_string"]);
        assert_eq!(secrets("UpdateUserPassword"), ["old_password", "password"]);
        assert_eq!(secrets("CreateLoginProfileV5"), ["password"]);
        assert_eq!(secrets("UpdateLoginProfileV5"), ["password"]);
        assert_eq!(secrets("EncryptData"), ["plain_text"]);
        assert_eq!(secrets("EncryptDatakey"), ["plain_text"]);
        let import = of("BatchImportSecrets").body.unwrap();
        let with = |secret: Value| holds_secret(&import, &json!({ "secrets": [secret] }));
        assert!(with(json!({ "name": "a", "secret_string": "x" })));
        assert!(!with(json!({ "name": "a", "secret_binary": null })));
        let check = of("CheckSecrets").body.unwrap();
        assert!(holds_secret(&check, &json!({ "data": { "secret": "x" } })));
        assert!(!holds_secret(&check, &json!({ "data": { "user_name": "x" } })));
    }
}
