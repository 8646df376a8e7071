//! Every operation against the official definitions: documented examples, generated bodies, and each constraint broken in
//! turn. What deviates is in the table of `www/docs/src/compatibility/deviations.md`, exactly.
//!
//! After a change on purpose: `CSMS_WRITE_GENERATED=1 cargo test --workspace --test definitions`, and give each new
//! row its reason.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeSet;

use csms_api::Operation;
use csms_conformance::{
    definitions::{Definition, all},
    deviations::{Deviation, Page},
    schema::{broken, violations},
    world::{Answer, Place, World},
};
use csms_core::sign::percent_encode;
use csms_testbed::{Server, server::Options};
use serde_json::{Map, Value, json};

const AGAIN: &str = "CSMS_WRITE_GENERATED=1 cargo test --workspace --test definitions";

/// One definition under test, and what was found.
struct Trial<'t> {
    world: &'t World,
    of: &'t Definition,
    found: BTreeSet<Deviation>,
}

impl Trial<'_> {
    fn note(&mut self, place: impl Into<String>, what: impl Into<String>) {
        let operation = self.of.name.clone();
        self.found.insert(Deviation { operation, place: place.into(), what: what.into() });
    }

    fn call(&self, place: &Place, query: &str, body: &Value) -> Answer {
        let target = World::target(self.of, place) + query;
        let answer = self.world.call(&self.of.method, &target, body);
        assert!(answer.status < 500, "{} {target}: {answer:?}", self.of.method);
        answer
    }

    /// A call that must succeed as defined.
    fn accepted(&mut self, query: &str, body: &Value, about: &str) {
        let answer = self.call(&self.world.prepare(self.of), query, body);
        if !(200..300).contains(&answer.status) {
            let code = answer.code();
            return self.note(about, format!("refused with {} {code}", answer.status));
        }
        if answer.status != self.of.success() {
            self.note("answer", format!("status {} instead of {}", answer.status, self.of.success()));
        }
        if let Some(schema) = self.of.answer(self.of.success()) {
            if answer.content_type != "application/json;charset=UTF-8" {
                self.note("answer", format!("content type {}", answer.content_type));
            }
            for (place, rule) in violations(self.of, schema, &answer.body, "answer") {
                self.note(place, rule);
            }
        }
        if answer.body["secret"]["state"] == "PENDING_DELETE" {
            self.world.tidy(&answer);
        }
    }

    /// An answer that must be a refusal with this status, in the defined shape.
    fn refused(&mut self, answer: &Answer, status: u16, about: &str, why: &str) {
        if about.starts_with("body.secrets[]") && answer.body["failed"] == 1 {
            return self.note("body.secrets[]", "`error_list` reports a wrong entry, the call succeeds");
        }
        if answer.status != status {
            self.world.tidy(answer);
            let instead =
                if answer.status < 300 { "accepted".to_owned() } else { format!("refused with {}", answer.status) };
            return self.note(about, format!("{why}: {instead}"));
        }
        // Some definitions have no schema for one of the statuses; all of an operation's errors have one shape.
        let Some(schema) = self.of.answer(status).or_else(|| self.of.answer(400)) else { return };
        for (place, rule) in violations(self.of, schema, &answer.body, "error") {
            self.note(place, rule);
        }
    }

    /// Values for all fields of an object that `wanted` admits.
    fn object(&self, schema: &Value, wanted: &dyn Fn(&str) -> bool) -> Value {
        let properties = schema["properties"].as_object().into_iter().flatten();
        let members = properties.filter(|(name, _)| wanted(name));
        Value::Object(members.map(|(name, member)| (name.clone(), self.value(name, member))).collect())
    }

    /// A value that is right for a field.
    fn value(&self, name: &str, schema: &Value) -> Value {
        if let Some(value) = self.world.live(self.of, name) {
            return value;
        }
        let schema = self.of.resolve(schema);
        match schema["type"].as_str() {
            Some("boolean") => json!(true),
            Some("integer") => schema["minimum"].as_i64().map_or(json!(1), |least| json!(least)),
            Some("array") => json!([self.value("", &schema["items"])]),
            Some("string") => match (&schema["enum"][0], schema["pattern"].as_str()) {
                (Value::String(choice), _) => json!(choice),
                (_, Some("resource_name")) => json!("resource_name"),
                _ => json!("demo"),
            },
            _ => self.object(schema, &|_| true),
        }
    }

    /// The fields without which no body is valid.
    fn needed(&self, schema: &Value) -> Vec<String> {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        // Said in words only: exactly one of the two values.
        let value = matches!(self.of.name.as_str(), "CreateSecret" | "CreateSecretVersion").then_some("secret_string");
        required.chain(value).map(str::to_owned).collect()
    }

    /// A body with the needed fields and this one; a binary value takes the place of the text.
    fn body_with(&self, schema: &Value, name: &str, value: Value) -> Value {
        let needed = self.needed(schema);
        let mut body = self.object(schema, &|name| needed.iter().any(|known| known == name));
        let object = body.as_object_mut().unwrap();
        if name == "secret_binary" {
            object.remove("secret_string");
        }
        object.insert(name.to_owned(), value);
        body
    }

    fn bodies(&mut self) {
        let of = self.of;
        let Some(schema) = of.body() else {
            return self.accepted(&self.queries(), &Value::Null, "");
        };
        let query = self.queries();
        let needed = self.needed(schema);
        let is_needed = |name: &str| needed.iter().any(|known| known == name);
        self.accepted(&query, &self.object(schema, &is_needed), "body");
        let names: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        for name in names.iter().filter(|name| !is_needed(name)) {
            let body = self.body_with(schema, name, self.value(name, &schema["properties"][name]));
            self.accepted(&query, &body, &format!("body.{name}"));
        }
        self.accepted(&query, &self.object(schema, &|name| name != "secret_binary"), "body, all fields");
        for example in of.examples() {
            let body = self.enlivened(example);
            self.accepted(&query, &body, "body, documented example");
        }
    }

    /// A documented example with names and identifiers of this world.
    fn enlivened(&self, example: &Value) -> Value {
        match example {
            Value::Object(object) => {
                let members = object.iter().map(|(name, value)| {
                    let is_of_this_world =
                        !value.is_object() && !matches!(name.as_str(), "action" | "limit" | "offset");
                    let live = is_of_this_world.then(|| self.world.live(self.of, name)).flatten();
                    (name.clone(), live.unwrap_or_else(|| self.enlivened(value)))
                });
                Value::Object(members.collect::<Map<_, _>>())
            }
            Value::Array(items) => items.iter().map(|item| self.enlivened(item)).collect(),
            other => other.clone(),
        }
    }

    fn broken_bodies(&mut self) {
        let of = self.of;
        let Some(schema) = of.body() else { return };
        let query = self.queries();
        for name in self.needed(schema) {
            let mut body = self.object(schema, &|_| true);
            let object = body.as_object_mut().unwrap();
            object.remove(&name);
            object.remove("secret_binary");
            let answer = self.call(&self.world.prepare(of), &query, &body);
            self.refused(&answer, 400, &format!("body.{name}"), "required");
        }
        let properties: Vec<_> = schema["properties"].as_object().unwrap().iter().collect();
        for (name, member) in properties {
            for (path, rule, value) in self.broken_values(name, member) {
                let body = self.body_with(schema, name, value);
                let answer = self.call(&self.world.prepare(of), &query, &body);
                self.refused(&answer, 400, &format!("body.{path}"), rule);
            }
        }
        for body in [json!([]), json!("text")] {
            let answer = self.call(&self.world.prepare(of), &query, &body);
            self.refused(&answer, 400, "body", "type");
        }
    }

    /// Wrong values for a field and for what is inside it.
    fn broken_values(&self, name: &str, schema: &Value) -> Vec<(String, &'static str, Value)> {
        let schema = self.of.resolve(schema);
        let mut found: Vec<_> =
            broken(self.of, schema).into_iter().map(|(rule, value)| (name.to_owned(), rule, value)).collect();
        if schema["type"] == "array" {
            let items = self.broken_values("", &schema["items"]).into_iter();
            found.extend(items.map(|(path, rule, value)| (format!("{name}[]{path}"), rule, json!([value]))));
        }
        let whole = if schema["properties"].is_object() { self.value("", schema) } else { Value::Null };
        for (member, inner) in schema["properties"].as_object().into_iter().flatten() {
            for (path, rule, value) in self.broken_values(member, inner) {
                let mut whole = whole.clone();
                whole[member] = value;
                found.push((format!("{name}.{path}"), rule, whole));
            }
        }
        found
    }

    /// The mandatory query parameters.
    fn queries(&self) -> String {
        // Said in words only: with RDS-FG the engine is mandatory.
        let is_template = self.of.name == "ShowSecretFunctionTemplates";
        let needed = |parameter: &&Value| parameter["required"] == true || is_template && parameter["name"] == "engine";
        let required = self.of.parameters("query").filter(needed);
        let pairs: Vec<_> = required.map(|parameter| self.query_pair(parameter)).collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    fn query_pair(&self, parameter: &Value) -> String {
        let name = parameter["name"].as_str().unwrap();
        let value = match name {
            "task_id" | "marker" if self.of.name == "ListSecretTask" => json!("2d1152f2-290d-4756-a1d2-e12c14992416"),
            "marker" if self.of.name == "ListSecretVersions" => json!("v1"),
            _ => self.value(name, parameter),
        };
        format!("{name}={}", percent_encode(&plain(&value)))
    }

    fn query_parameters(&mut self) {
        let of = self.of;
        let needed = self.queries();
        let glue = if needed.is_empty() { "?" } else { "&" };
        for parameter in of.parameters("query") {
            let name = parameter["name"].as_str().unwrap();
            let is_given = needed.split(['?', '&']).any(|pair| pair.split('=').next() == Some(name));
            if !is_given {
                let query = format!("{needed}{glue}{}", self.query_pair(parameter));
                self.accepted(&query, &self.valid_body(), &format!("query.{name}"));
            }
            let bad = broken(of, parameter).into_iter();
            // Everything in a query is text, and an empty one counts as absent.
            let bad = bad.filter(|(rule, _)| *rule != "type" || parameter["type"] == "integer");
            let bad = bad.map(|(rule, value)| (rule, plain(&value))).filter(|(_, value)| !value.is_empty());
            for (rule, value) in bad.collect::<Vec<_>>() {
                let others = of.parameters("query").filter(|other| other["required"] == true && other["name"] != name);
                let others: Vec<_> = others.map(|other| self.query_pair(other)).collect();
                let query =
                    format!("?{}", [others, vec![format!("{name}={}", percent_encode(&value))]].concat().join("&"));
                let answer = self.call(&self.world.prepare(of), &query, &self.valid_body());
                self.refused(&answer, 400, &format!("query.{name}"), rule);
            }
        }
        if !needed.is_empty() {
            let answer = self.call(&self.world.prepare(of), "", &self.valid_body());
            self.refused(&answer, 400, "query", "required");
        }
    }

    fn valid_body(&self) -> Value {
        let Some(schema) = self.of.body() else { return Value::Null };
        let needed = self.needed(schema);
        self.object(schema, &|name| needed.iter().any(|known| known == name))
    }

    fn path_parameters(&mut self) {
        let of = self.of;
        let query = self.queries();
        for parameter in of.parameters("path") {
            let name = parameter["name"].as_str().unwrap();
            for (rule, value) in broken(of, parameter) {
                let value = plain(&value);
                if rule == "type" || value.is_empty() || name == "resource_instances" {
                    continue;
                }
                let mut place = self.world.prepare(of);
                place.insert(name.to_owned(), value);
                let answer = self.call(&place, &query, &self.valid_body());
                self.refused(&answer, 400, &format!("path.{name}"), rule);
            }
        }
        if of.path.contains("{secret_name}") {
            let mut place = self.world.prepare(of);
            place.insert("secret_name".to_owned(), "missing".to_owned());
            let answer = self.call(&place, &query, &self.valid_body());
            self.refused(&answer, 404, "path.secret_name", "no such secret");
        }
    }

    fn authentication(&mut self) {
        let target = World::target(self.of, &self.world.prepare(self.of));
        let answer = self.world.send(&self.of.method, &target, &self.valid_body(), false);
        self.refused(&answer, 401, "", "no signature");
    }
}

/// A value as it stands in a query or a path.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn try_all(world: &World) -> BTreeSet<Deviation> {
    let mut found = BTreeSet::new();
    for of in &all() {
        let mut trial = Trial { world, of, found: BTreeSet::new() };
        if Operation::from_name(&of.name).is_none() {
            trial.note("", "not offered");
        } else {
            trial.bodies();
            trial.broken_bodies();
            trial.query_parameters();
            trial.path_parameters();
            trial.authentication();
        }
        found.append(&mut trial.found);
    }
    found
}

#[tokio::test]
async fn every_operation_is_as_defined_but_for_the_table() {
    // Nothing listens on the discard port: rotations begin and do not succeed.
    let options = Options::default().argument("--secret-quota").argument("1000000");
    let options = options.argument("--functiongraph-endpoint").argument("http://127.0.0.1:9");
    let keys = ["CSMS_FUNCTIONGRAPH_ACCESS_KEY", "CSMS_FUNCTIONGRAPH_SECRET_KEY"];
    let options = keys.into_iter().fold(options, |options, name| options.variable(name, "key"));
    let server = Server::start(options).await.unwrap();
    let world = World::of(&server);
    let found = tokio::task::spawn_blocking(move || try_all(&world)).await.unwrap();

    if std::env::var_os("CSMS_WRITE_GENERATED").is_some() {
        Page::read().write(&found);
    }
    let rows = Page::read().rows();
    let told: BTreeSet<_> = rows.keys().cloned().collect();
    let new: Vec<_> = found.difference(&told).collect();
    let gone: Vec<_> = told.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "not in www/docs/src/compatibility/deviations.md: {new:#?}\nno longer so: {gone:#?}\n{AGAIN}"
    );
    let unexplained: Vec<_> = rows.iter().filter(|(_, reason)| reason.is_empty()).map(|(row, _)| row).collect();
    assert!(unexplained.is_empty(), "give a reason in www/docs/src/compatibility/deviations.md for {unexplained:#?}");
}
