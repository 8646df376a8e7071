//! Renders the document as one HTML page that loads nothing else.

#![allow(clippy::indexing_slicing, reason = "a JSON value answers null for what it has not")]

use alloc::{borrow::ToOwned, format, string::String, vec, vec::Vec};
use core::fmt::Write as _;

use serde_json::Value;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;color:#1a1a1a;\
    background:#fff}h2{margin-top:3rem}section{border-top:1px solid #ccc;padding:1rem 0}code{font:14px/1.4 ui-monospace,\
    monospace;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;\
    padding:.25rem 1rem .25rem 0;border-bottom:1px solid #eee}@media(prefers-color-scheme:dark){body{color:#e6e6e6;\
    background:#16181c}a{color:#8ab4f8}section{border-color:#444}td,th{border-color:#333}}";

/// How deep an answer is followed: deeper than any of ours.
const DEPTH: usize = 6;

/// The page made of an OpenAPI document.
#[must_use]
pub fn page(document: &Value) -> String {
    let mut html = String::new();
    let (title, version) = (text(document, "/info/title"), text(document, "/info/version"));
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title} {version}</title><style>{STYLE}</style></head><body><h1>{title} \
         {version}</h1><p>{}</p><p>For machines: <a href=\"openapi.json\">openapi.json</a></p>",
        text(document, "/info/description")
    );
    let groups = document["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let _ = write!(html, "<nav><ul>");
    for (_, _, item) in operations(document) {
        let name = text(item, "/operationId");
        let _ = write!(html, "<li><a href=\"#{name}\">{name}</a> {}</li>", text(item, "/summary"));
    }
    let _ = write!(html, "</ul></nav><main>");
    for group in groups {
        let name = text(group, "/name");
        let _ = write!(html, "<h2>{name}</h2>");
        for (path, method, item) in operations(document).filter(|(.., item)| text(item, "/tags/0") == name) {
            operation(&mut html, document, path, method, item);
        }
    }
    html.push_str("</main></body></html>\n");
    html
}

/// Path, method and item of every operation.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, item)| (path.as_str(), method.as_str(), item))
    })
}

fn operation(html: &mut String, document: &Value, path: &str, method: &str, item: &Value) {
    let name = text(item, "/operationId");
    let actions: Vec<_> = item["x-actions"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let _ = write!(
        html,
        "<section id=\"{name}\"><h3>{name}</h3><p>{}</p><p><code>{} {}</code></p><p>Action: <code>{}</code></p>",
        text(item, "/summary"),
        method.to_uppercase(),
        escape(path),
        escape(&actions.join(", "))
    );
    let parameters: Vec<_> = item["parameters"].as_array().into_iter().flatten().collect();
    if !parameters.is_empty() {
        html.push_str("<h4>Parameters</h4><table>");
        for parameter in parameters {
            let place = text(parameter, "/in");
            row(html, &text(parameter, "/name"), &parameter["schema"], &format!("in the {place}"));
        }
        html.push_str("</table>");
    }
    if let Some(body) = item.pointer("/requestBody/content/application~1json/schema") {
        html.push_str("<h4>Body</h4><table>");
        fields(html, document, body, "", DEPTH);
        html.push_str("</table>");
    }
    let responses = item["responses"].as_object().into_iter().flatten();
    for (status, response) in responses.filter(|(status, _)| status.starts_with('2')) {
        let _ = write!(html, "<h4>Answer {status}</h4>");
        if let Some(body) = response.pointer("/content/application~1json/schema") {
            html.push_str("<table>");
            fields(html, document, body, "", DEPTH);
            html.push_str("</table>");
        }
    }
    html.push_str("</section>");
}

/// One row for each member of an object, and for theirs.
fn fields(html: &mut String, document: &Value, schema: &Value, before: &str, depth: usize) {
    let schema = resolved(document, schema);
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{before}{name}");
        let target = resolved(document, member);
        row(html, &path, target, if required.contains(&name.as_str()) { "" } else { "optional" });
        if depth > 0 {
            fields(html, document, target, &format!("{path}."), depth - 1);
            fields(html, document, resolved(document, &target["items"]), &format!("{path}[]."), depth - 1);
        }
    }
}

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let target = schema["$ref"].as_str().and_then(|reference| document.pointer(reference.strip_prefix('#')?));
    target.unwrap_or(schema)
}

fn row(html: &mut String, name: &str, schema: &Value, note: &str) {
    let _ = write!(
        html,
        "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
        escape(name),
        escape(
            &[rules(schema).as_str(), note].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
        ),
        text(schema, "/description")
    );
}

/// Type and limits of a value in words.
fn rules(schema: &Value) -> String {
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        kind => kind.as_str().unwrap_or("object").to_owned(),
    };
    let mut words = vec![types];
    if let Some(choices) = schema["enum"].as_array() {
        let choices: Vec<_> = choices.iter().filter_map(Value::as_str).collect();
        words.push(format!("one of {}", choices.join(" ")));
    }
    for (keyword, word) in [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "length at least"),
        ("maxLength", "length at most"),
        ("maxItems", "items at most"),
    ] {
        words.extend(schema[keyword].as_u64().map(|limit| format!("{word} {limit}")));
    }
    words.extend(schema["pattern"].as_str().map(|pattern| format!("matches {pattern}")));
    words.join(", ")
}

/// The text at a place, made safe for HTML.
fn text(value: &Value, pointer: &str) -> String {
    escape(value.pointer(pointer).and_then(Value::as_str).unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;

    #[test]
    fn every_operation_has_its_place() {
        let html = page(&super::super::document());
        for operation in Operation::ALL {
            let name = operation.specification().name;
            assert!(html.contains(&format!("<section id=\"{name}\">")), "{name}");
        }
    }

    #[test]
    fn the_page_loads_nothing() {
        let html = page(&super::super::document());
        for loader in ["http://", "https://", "<script", "<link", "<img", "url("] {
            assert!(!html.contains(loader), "{loader}");
        }
    }

    #[test]
    fn what_looks_like_html_is_text() {
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
