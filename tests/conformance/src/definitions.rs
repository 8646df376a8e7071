//! The official definitions: one Swagger 2 document for each operation, in the sources of a crate that `cargo metadata` finds.

use std::{fs, path::PathBuf, process::Command};

use serde_json::Value;

const CRATE: &str = "huawei-cloud-api-definitions-CSMS";

/// An operation as the definitions have it.
pub struct Definition {
    /// Its name.
    pub name: String,
    /// GET, POST, PUT or DELETE.
    pub method: String,
    /// Path with `{parameters}`.
    pub path: String,
    /// The document that references lead into.
    pub document: Value,
    operation: Value,
}

impl Definition {
    fn read(document: Value) -> Option<Self> {
        let (path, item) = document["paths"].as_object()?.iter().next()?;
        let (method, operation) = item.as_object()?.iter().find(|(_, operation)| operation.is_object())?;
        Some(Self {
            name: operation["operationId"].as_str()?.to_owned(),
            method: method.to_uppercase(),
            path: path.clone(),
            operation: operation.clone(),
            document,
        })
    }

    /// What a schema is, its reference followed.
    #[must_use]
    pub fn resolve<'d>(&'d self, schema: &'d Value) -> &'d Value {
        let target = schema["$ref"].as_str().and_then(|reference| self.document.pointer(reference.strip_prefix('#')?));
        target.unwrap_or(schema)
    }

    /// The parameters in a place: `path`, `query` or `body`.
    pub fn parameters<'d>(&'d self, place: &'d str) -> impl Iterator<Item = &'d Value> {
        let all = self.operation["parameters"].as_array().into_iter().flatten();
        all.map(|parameter| self.resolve(parameter)).filter(move |parameter| parameter["in"] == place)
    }

    /// The schema of the body, if it takes one.
    #[must_use]
    pub fn body(&self) -> Option<&Value> {
        self.parameters("body").next().map(|parameter| self.resolve(&parameter["schema"]))
    }

    /// The documented examples of bodies.
    pub fn examples(&self) -> impl Iterator<Item = &Value> {
        let members = self.operation.as_object().into_iter().flatten();
        members.filter_map(|(name, value)| {
            let number = name.strip_prefix("x-request-examples-")?;
            (number.parse::<u32>().is_ok() && value.is_object()).then_some(value)
        })
    }

    /// The documented status of a success.
    #[must_use]
    pub fn success(&self) -> u16 {
        let statuses = self.operation["responses"].as_object().into_iter().flatten();
        statuses.filter_map(|(status, _)| status.parse().ok()).find(|status| (200..300).contains(status)).unwrap_or(200)
    }

    /// The schema of an answer with this status, if it has a body.
    #[must_use]
    pub fn answer(&self, status: u16) -> Option<&Value> {
        Some(&self.operation["responses"][status.to_string()]["schema"]).filter(|schema| schema.is_object())
    }
}

/// All definitions, by name.
///
/// # Panics
/// When the crate is not among the dependencies or is not what it was.
#[must_use]
pub fn all() -> Vec<Definition> {
    let sources = sources();
    let files =
        fs::read_dir(&sources).expect("the definitions can be listed").map(|entry| entry.expect("a file").path());
    let documents = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut all: Vec<_> = documents
        .map(|path| {
            let document = serde_json::from_slice(&fs::read(&path).expect("a definition can be read"));
            let read = Definition::read(document.expect("a definition is JSON"));
            read.unwrap_or_else(|| panic!("{} defines no operation", path.display()))
        })
        .collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(all.len(), 46, "the pinned definitions have 46 operations");
    all
}

fn sources() -> PathBuf {
    let metadata = |offline: &[&str]| {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["metadata", "--format-version", "1", "--locked"]).args(offline);
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs")
    };
    // Only the first run on a machine has to fetch them.
    let offline = metadata(&["--offline"]);
    let output = if offline.status.success() { offline } else { metadata(&[]) };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let package = metadata["packages"].as_array().into_iter().flatten().find(|package| package["name"] == CRATE);
    let manifest =
        package.and_then(|package| package["manifest_path"].as_str()).expect("the definitions are a dependency");
    PathBuf::from(manifest).with_file_name("src")
}
