//! What a reader of requests accepts, found out by asking it.
//!
//! A reader reports every problem with its place, its rule and its limit. So giving it a wrong value in each field tells what
//! the field has to be, and the description cannot say anything that is not enforced. What cannot be found out are the names
//! of the fields: a [`Field`] gives them, with a sentence for people.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::ops::ControlFlow;

use csms_core::{Problem, Rule, Violation};
use serde_json::{Map, Value, json};

/// A reader: the problems of a body.
pub(super) type Read<'r> = &'r dyn Fn(Value) -> Vec<Problem>;

/// Longer than the texts that readers accept, in bytes: all but the longest, and all.
const LONG: [usize; 2] = [64 << 10, 8 << 20];

/// More items than any reader accepts.
const MANY: usize = 5000;

/// The format of a value that nobody else may see.
pub(super) const SECRET: &str = "password";

/// A text that is the right one for no field.
const NO_TEXT: &str = "\u{0}";

/// A field's name and what it is for.
#[derive(Clone)]
pub(super) struct Field {
    name: &'static str,
    about: &'static str,
    members: Vec<Self>,
    is_secret: bool,
}

/// A field.
pub(super) const fn field(name: &'static str, about: &'static str) -> Field {
    Field { name, about, members: Vec::new(), is_secret: false }
}

impl Field {
    /// The members of a field that is an object, or a list of objects.
    pub(super) fn of(mut self, members: impl IntoIterator<Item = Self>) -> Self {
        self.members.extend(members);
        self
    }

    /// The field holds a value that nobody else may see: `"format": "password"`.
    pub(super) const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }
}

/// A step on the way to a field.
#[derive(Clone, Copy)]
enum Step {
    Member(&'static str),
    Item,
}

/// A place in a body.
#[derive(Clone, Default)]
struct Place(Vec<Step>);

impl Place {
    fn then(&self, step: Step) -> Self {
        Self(self.0.iter().copied().chain([step]).collect())
    }

    /// The path as problems write it.
    fn path(&self) -> String {
        self.0.iter().fold(String::new(), |path, step| match step {
            Step::Member(name) if path.is_empty() => (*name).to_owned(),
            Step::Member(name) => format!("{path}.{name}"),
            Step::Item => format!("{path}[0]"),
        })
    }

    /// A body with nothing but `value` at this place.
    fn body(&self, value: Value) -> Value {
        self.0.iter().rev().fold(value, |value, step| match step {
            Step::Member(name) => json!({ *name: value }),
            Step::Item => json!([value]),
        })
    }

    /// What is wrong with `value` at this place.
    fn violations(&self, read: Read<'_>, value: Value) -> Vec<Violation> {
        let path = self.path();
        let problems = read(self.body(value)).into_iter();
        problems.filter(|problem| problem.path == path).map(|problem| problem.violation).collect()
    }

    /// The limit of a rule that `value` breaks here.
    fn limit(&self, read: Read<'_>, value: Value, rule: Rule) -> Option<u64> {
        let broken = self.violations(read, value).into_iter().find(|violation| violation.rule == rule);
        broken.and_then(|violation| violation.limit)
    }
}

/// The schema of a body with these fields.
pub(super) fn object(read: Read<'_>, fields: &[Field]) -> Value {
    members(read, &Place::default(), fields)
}

fn members(read: Read<'_>, place: &Place, fields: &[Field]) -> Value {
    let missing = read(place.body(json!({})));
    let is_required = |name: &'static str| {
        let path = place.then(Step::Member(name)).path();
        missing.iter().any(|problem| problem.path == path && problem.violation.rule == Rule::Required)
    };
    let required: Vec<_> = fields.iter().map(|field| field.name).filter(|name| is_required(name)).collect();
    let properties: Map<_, _> = fields
        .iter()
        .map(|field| {
            let mut schema = value(read, &place.then(Step::Member(field.name)), &field.members);
            describe(&mut schema, field.about);
            if field.is_secret {
                insert(&mut schema, "format", json!(SECRET));
            }
            (field.name.to_owned(), schema)
        })
        .collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        insert(&mut schema, "required", json!(required));
    }
    schema
}

/// The schema of what may stand at a place.
fn value(read: Read<'_>, place: &Place, fields: &[Field]) -> Value {
    // No field takes both; the one that takes `true` takes nothing else.
    let refused = place.violations(read, json!(true)).into_iter().find(|violation| violation.rule == Rule::Type);
    match refused.map(|violation| violation.expected) {
        None => json!({ "type": "boolean" }),
        Some(expected) if expected.starts_with("a whole number") => integer(read, place),
        Some(expected) if expected.starts_with("a list") => list(read, place, fields),
        Some(expected) if expected.ends_with("object") => members(read, place, fields),
        Some(_) => text(&|text| place.violations(read, json!(text))),
    }
}

fn integer(read: Read<'_>, place: &Place) -> Value {
    let minimum = place.limit(read, json!(0), Rule::TooSmall).unwrap_or(0);
    let mut schema = json!({ "type": "integer", "minimum": minimum });
    if let Some(maximum) = place.limit(read, json!(u64::MAX), Rule::TooLarge) {
        insert(&mut schema, "maximum", json!(maximum));
    }
    let past = place.violations(read, json!(1)).into_iter().find(|violation| violation.rule == Rule::Past);
    if let Some(violation) = past {
        describe(&mut schema, &sentence(&violation));
    }
    schema
}

fn list(read: Read<'_>, place: &Place, fields: &[Field]) -> Value {
    let item = place.then(Step::Item);
    let items = if fields.is_empty() { value(read, &item, &[]) } else { members(read, &item, fields) };
    let mut schema = json!({ "type": "array", "items": items });
    let nothing = place.violations(read, json!([]));
    if nothing.iter().any(|violation| matches!(violation.rule, Rule::TooShort | Rule::Required)) {
        insert(&mut schema, "minItems", json!(1));
    }
    if let Some(limit) = place.limit(read, json!(vec!["a"; MANY]), Rule::TooMany) {
        insert(&mut schema, "maxItems", json!(limit));
    }
    schema
}

/// The schema of a text, from the violations of some texts.
pub(super) fn text(check: &dyn Fn(String) -> Vec<Violation>) -> Value {
    let mut schema = json!({ "type": "string" });
    if let Some(limit) = check(String::new()).into_iter().find_map(|violation| limit(&violation, Rule::TooShort)) {
        insert(&mut schema, "minLength", json!(limit));
    }
    let too_long =
        |length| check("a".repeat(length)).into_iter().find_map(|violation| limit(&violation, Rule::TooLong));
    if let Some(limit) = LONG.into_iter().find_map(too_long) {
        insert(&mut schema, "maxLength", json!(limit));
    }
    // Long enough not to be refused for its length.
    let least =
        schema.get("minLength").and_then(Value::as_u64).and_then(|least| usize::try_from(least).ok()).unwrap_or(1);
    let _ = check(NO_TEXT.repeat(least)).iter().try_for_each(|violation| {
        match violation.rule {
            Rule::Pattern if violation.expected.starts_with('^') => {
                insert(&mut schema, "pattern", json!(violation.expected));
            }
            Rule::Pattern if violation.expected.starts_with("a UUID") => insert(&mut schema, "format", json!("uuid")),
            Rule::Choice => {
                insert(&mut schema, "enum", json!(violation.expected.split(", ").collect::<Vec<_>>()));
            }
            Rule::Base64 => insert(&mut schema, "contentEncoding", json!("base64")),
            Rule::Type if violation.expected.starts_with("a whole number") => {
                schema = number_in_text(check);
            }
            Rule::Pattern | Rule::Json | Rule::Type => describe(&mut schema, &sentence(violation)),
            _ => return ControlFlow::Continue(()),
        }
        ControlFlow::Break(())
    });
    schema
}

/// The schema of a number that is sent as text, as query parameters are.
fn number_in_text(check: &dyn Fn(String) -> Vec<Violation>) -> Value {
    let mut schema = json!({ "type": "integer", "minimum": 0 });
    if let Some(limit) = check("0".to_owned()).into_iter().find_map(|violation| limit(&violation, Rule::TooSmall)) {
        insert(&mut schema, "minimum", json!(limit));
    }
    let great = (u64::MAX >> 8).to_string();
    if let Some(limit) = check(great).into_iter().find_map(|violation| limit(&violation, Rule::TooLarge)) {
        insert(&mut schema, "maximum", json!(limit));
    }
    schema
}

fn limit(violation: &Violation, rule: Rule) -> Option<u64> {
    violation.limit.filter(|_| violation.rule == rule)
}

fn sentence(violation: &Violation) -> String {
    let message = violation.message();
    let mut characters = message.chars();
    let first: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", characters.as_str())
}

/// Puts a sentence before what a schema already says in words.
pub(super) fn describe(schema: &mut Value, about: &str) {
    let told = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let told = [about, told].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
    if !told.is_empty() {
        insert(schema, "description", json!(told));
    }
}

/// Sets a keyword of a schema.
pub(super) fn insert(schema: &mut Value, keyword: &str, value: Value) {
    if let Some(object) = schema.as_object_mut() {
        object.insert(keyword.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use csms_core::{SecretName, StageName, schedule::RecoveryWindow};

    use super::*;
    use crate::fields::Fields;

    fn problems<T>(read: Result<T, Vec<Problem>>) -> Vec<Problem> {
        read.err().unwrap_or_default()
    }

    #[test]
    fn what_a_field_has_to_be_is_found_out_from_its_reader() {
        let read = |body: Value| {
            problems(Fields::of(body).and_then(|mut fields| {
                fields.require("name");
                let _ = fields.parsed("name", SecretName::parse);
                let _ = fields.boolean("on");
                let days = fields.integer("days");
                let _ = days.and_then(|days| fields.checked("days", RecoveryWindow::days(days)));
                let _ = fields.list("stages", 12, "12 items", StageName::parse);
                let _ = fields.objects("tags", 2, "2 items", |item| {
                    let mut tag = Fields::of(item)?;
                    tag.require("key");
                    let key = tag.parsed("key", SecretName::parse);
                    tag.finish(key)
                });
                fields.finish(Some(()))
            }))
        };
        let fields = [
            field("name", "The name."),
            field("on", ""),
            field("days", ""),
            field("stages", ""),
            field("tags", "").of([field("key", "")]),
        ];
        let name = json!({ "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9_-]{1,64}$" });
        let mut described = name.clone();
        describe(&mut described, "The name.");
        assert_eq!(
            object(&read, &fields),
            json!({
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": described,
                    "on": { "type": "boolean" },
                    "days": { "type": "integer", "minimum": 7, "maximum": 30 },
                    "stages": { "type": "array", "maxItems": 12, "items": name },
                    "tags": {
                        "type": "array",
                        "maxItems": 2,
                        "items": { "type": "object", "required": ["key"], "properties": { "key": name } },
                    },
                },
            })
        );
    }
}
