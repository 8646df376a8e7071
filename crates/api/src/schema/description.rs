//! The description of one operation: a sentence, its request and its response.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use csms_core::{Problem, Rule};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::observe::{self, Field, Read, insert};

/// What is said of one operation.
pub(super) struct Description {
    /// What it does, in a sentence.
    pub(super) summary: &'static str,
    /// Query parameters: name, schema and whether it must be there.
    pub(super) query: Vec<(&'static str, Value, bool)>,
    /// The body, if it takes one.
    pub(super) body: Option<Value>,
    /// The body of its answer, if it has one.
    pub(super) answer: Option<fn(&mut SchemaGenerator) -> Schema>,
}

/// An operation without a body in request and answer.
pub(super) const fn operation(summary: &'static str) -> Description {
    Description { summary, query: Vec::new(), body: None, answer: None }
}

/// The problems of a request.
pub(super) fn problems<T>(read: Result<T, Vec<Problem>>) -> Vec<Problem> {
    read.err().unwrap_or_default()
}

impl Description {
    /// Takes a body that `read` reads, with these fields.
    pub(super) fn body(mut self, read: Read<'_>, fields: &[Field]) -> Self {
        self.body = Some(observe::object(read, fields));
        self
    }

    /// Takes a body that must have exactly one of these fields.
    pub(super) fn exactly_one_of(mut self, names: [&str; 2]) -> Self {
        if let Some(body) = &mut self.body {
            let choices: Vec<_> = names.iter().map(|name| json!({ "required": [name] })).collect();
            insert(body, "oneOf", json!(choices));
        }
        self
    }

    /// Takes in the list `name` what its reader leaves to others.
    pub(super) fn items(mut self, name: &str, items: Value) -> Self {
        let list = self.body.as_mut().and_then(|body| body.get_mut("properties")?.get_mut(name));
        if let Some(list) = list {
            insert(list, "items", items);
        }
        self
    }

    /// Takes query parameters that `read` reads.
    pub(super) fn query(
        mut self,
        read: impl Fn(&[(String, String)]) -> Vec<Problem>,
        parameters: &[(&'static str, &str)],
    ) -> Self {
        let missing = read(&[]);
        for (name, about) in parameters {
            let check = |text: String| {
                let found = read(&[((*name).to_owned(), text)]).into_iter();
                found.filter(|problem| problem.path == *name).map(|problem| problem.violation).collect()
            };
            let mut schema = observe::text(&check);
            observe::describe(&mut schema, about);
            let is_required = |problem: &Problem| problem.path == *name && problem.violation.rule == Rule::Required;
            self.query.push((name, schema, missing.iter().any(is_required)));
        }
        self
    }

    /// Answers with this type.
    pub(super) fn answer<T: JsonSchema>(mut self) -> Self {
        self.answer = Some(SchemaGenerator::subschema_for::<T>);
        self
    }
}
