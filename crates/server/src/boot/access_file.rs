//! The access file: users, access keys and policies as configuration, read whole with all its problems at once.
//!
//! What it says is put in place by [`apply()`]. The file holds no secret: a secret key is named by a variable or a file.

mod apply;

use std::{
    fmt,
    fs::File,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use csms_api::iam::request::{policy_name, user_name};
use csms_core::{ProjectId, UnixMillis, Violation, policy::Policy};
use thiserror::Error;
use toml::{Table, Value};
use zeroize::Zeroizing;

use super::settings::file::line_at;
use crate::clock;

pub use apply::{Change, Outcome, apply, preview};

/// Longest file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// Why the file cannot be applied.
#[derive(Debug, Error)]
pub enum AccessFileError {
    /// It cannot be read.
    #[error("cannot read {path}", path = .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// It is not TOML.
    #[error("{path}, line {line}: {problem}", path = .path.display())]
    #[allow(missing_docs, reason = "the message says it")]
    Syntax { path: PathBuf, line: usize, problem: String },
    /// It says what cannot be. All of it is listed.
    #[error("{path} cannot be applied:{problems}", path = .0.display(), problems = .1)]
    Problems(PathBuf, Problems),
    /// The store failed.
    #[error("cannot store what the access file says")]
    Store(#[from] csms_store::StoreError),
}

/// What is wrong, each with its place in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, place: impl fmt::Display, problem: impl fmt::Display) {
        self.0.push(format!("{place}: {problem}"));
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// What the file says.
pub struct AccessFile {
    path: PathBuf,
    policies: Vec<PolicyEntry>,
    users: Vec<UserEntry>,
    /// Whether it may be applied though it leaves nobody who may administer.
    may_leave_nobody: bool,
}

/// A policy by its name, and what it should be; `None` when it should not be there.
struct PolicyEntry {
    place: String,
    name: String,
    wanted: Option<WantedPolicy>,
}

struct WantedPolicy {
    /// The setting that the policy is from, with its place.
    place: String,
    description: String,
    policy: Policy,
}

/// A user by its name, and what it should be; `None` when it should not be there.
struct UserEntry {
    place: String,
    name: String,
    wanted: Option<WantedUser>,
}

struct WantedUser {
    policies: Vec<String>,
    /// Empty for the installation's first one.
    projects: Vec<ProjectId>,
    enabled: bool,
    key: Option<WantedKey>,
}

struct WantedKey {
    access_key: String,
    secret_key: Zeroizing<String>,
    expires: Option<UnixMillis>,
}

impl AccessFile {
    /// Reads the file and all that it names.
    ///
    /// # Errors
    /// [`AccessFileError`]: everything that is wrong with it.
    pub fn read(path: &Path) -> Result<Self, AccessFileError> {
        let text = read_text(path).map_err(|error| AccessFileError::Unreadable(path.to_owned(), error))?;
        let mut table: Table = toml::from_str(&text).map_err(|error| {
            // The error's own text repeats the line.
            let line = line_at(&text, error.span().map_or(0, |span| span.start));
            AccessFileError::Syntax { path: path.to_owned(), line, problem: error.message().to_owned() }
        })?;
        let mut problems = Problems::default();
        let directory = path.parent().unwrap_or(Path::new("."));
        let policies = entries(&mut table, "policies", &mut problems);
        let policies = policies.into_iter().filter_map(|fields| read_policy(fields, directory, &mut problems));
        let policies: Vec<_> = policies.collect();
        let users = entries(&mut table, "users", &mut problems);
        let users: Vec<_> =
            users.into_iter().filter_map(|fields| read_user(fields, directory, &mut problems)).collect();
        for name in table.keys() {
            problems.add(name, "there is no such setting; it must be policies or users");
        }
        once(policies.iter().map(|entry| (&entry.place, "name", entry.name.as_str())), &mut problems);
        once(users.iter().map(|entry| (&entry.place, "name", entry.name.as_str())), &mut problems);
        let keys = users.iter().filter_map(|entry| {
            let key = entry.wanted.as_ref()?.key.as_ref()?;
            Some((&entry.place, "access_key", key.access_key.as_str()))
        });
        once(keys, &mut problems);
        if problems.0.is_empty() {
            Ok(Self { path: path.to_owned(), policies, users, may_leave_nobody: false })
        } else {
            Err(AccessFileError::Problems(path.to_owned(), problems))
        }
    }
}

impl AccessFile {
    /// The same file, which is applied even where it leaves nobody who may administer, if `force` says so.
    #[must_use]
    pub fn with_force(self, force: bool) -> Self {
        Self { may_leave_nobody: force, ..self }
    }
}

/// Reports what is there twice.
fn once<'e>(names: impl Iterator<Item = (&'e String, &'e str, &'e str)>, problems: &mut Problems) {
    let mut seen = std::collections::HashMap::new();
    for (place, field, name) in names {
        if let Some(first) = seen.insert(name, place) {
            problems.add(format_args!("{place}.{field}"), format_args!("{first} has the same"));
        }
    }
}

/// The fields of one entry, with its place.
struct Fields {
    place: String,
    table: Table,
}

/// The tables of an array, with their places.
fn entries(table: &mut Table, name: &str, problems: &mut Problems) -> Vec<Fields> {
    let items = match table.remove(name) {
        None => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(_) => {
            problems.add(name, format_args!("must be tables that begin with [[{name}]]"));
            Vec::new()
        }
    };
    let mut entries = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let place = format!("{name}[{index}]");
        match item {
            Value::Table(table) => entries.push(Fields { place, table }),
            _ => problems.add(place, "must be a table"),
        }
    }
    entries
}

impl Fields {
    fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.place)
    }

    fn text(&mut self, name: &str, problems: &mut Problems) -> Option<String> {
        match self.table.remove(name)? {
            Value::String(text) => Some(text),
            _ => {
                problems.add(self.at(name), "must be text");
                None
            }
        }
    }

    fn flag(&mut self, name: &str, problems: &mut Problems) -> Option<bool> {
        match self.table.remove(name)? {
            Value::Boolean(flag) => Some(flag),
            _ => {
                problems.add(self.at(name), "must be true or false");
                None
            }
        }
    }

    fn texts(&mut self, name: &str, problems: &mut Problems) -> Vec<String> {
        let items = match self.table.remove(name) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                problems.add(self.at(name), "must be a list of texts");
                return Vec::new();
            }
        };
        let mut texts = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                _ => problems.add(self.at(&format!("{name}[{index}]")), "must be text"),
            }
        }
        texts
    }

    /// The name, which says what the entry is about.
    fn name(
        &mut self,
        parse: impl FnOnce(String) -> Result<String, Violation>,
        problems: &mut Problems,
    ) -> Option<String> {
        if !self.table.contains_key("name") {
            problems.add(self.at("name"), "is required");
            return None;
        }
        let name = self.text("name", problems)?;
        parse(name).map_err(|violation| problems.add(self.at("name"), violation.message())).ok()
    }

    /// Reports what was not asked for. An entry that should not be there has its name alone.
    fn finish(self, problems: &mut Problems) {
        for name in self.table.keys() {
            problems.add(format_args!("{}.{name}", self.place), "there is no such setting here");
        }
    }
}

fn read_policy(mut fields: Fields, directory: &Path, problems: &mut Problems) -> Option<PolicyEntry> {
    let (place, name) = (fields.place.clone(), fields.name(policy_name, problems));
    if fields.flag("absent", problems) == Some(true) {
        fields.finish(problems);
        return Some(PolicyEntry { place, name: name?, wanted: None });
    }
    let description = fields.text("description", problems).unwrap_or_default();
    let (document, file) = (fields.text("document", problems), fields.text("file", problems));
    let (source, text) = match (document, file) {
        (Some(document), None) => ("document", Some(Zeroizing::new(document))),
        (None, Some(file)) => {
            let file = directory.join(file);
            let read = read_text(&file);
            let told = |error| problems.add(format_args!("{place}.file"), format_args!("{}: {error}", file.display()));
            ("file", read.map_err(told).ok())
        }
        _ => {
            problems.add(&place, "must have either document or file");
            ("document", None)
        }
    };
    fields.finish(problems);
    let from = format!("{place}.{source}");
    let policy = Policy::parse(&text?).map_err(|problem| problems.add(&from, problem)).ok()?;
    Some(PolicyEntry { place, name: name?, wanted: Some(WantedPolicy { place: from, description, policy }) })
}

fn read_user(mut fields: Fields, directory: &Path, problems: &mut Problems) -> Option<UserEntry> {
    let (place, name) = (fields.place.clone(), fields.name(user_name, problems));
    if fields.flag("absent", problems) == Some(true) {
        fields.finish(problems);
        return Some(UserEntry { place, name: name?, wanted: None });
    }
    let policies = fields.texts("policies", problems);
    let mut projects = Vec::new();
    for (index, text) in fields.texts("projects", problems).into_iter().enumerate() {
        match ProjectId::parse(text) {
            Ok(project) => projects.push(project),
            Err(violation) => problems.add(format_args!("{place}.projects[{index}]"), violation.message()),
        }
    }
    let enabled = fields.flag("enabled", problems).unwrap_or(true);
    let key = read_key(&mut fields, directory, problems);
    fields.finish(problems);
    Some(UserEntry { place, name: name?, wanted: Some(WantedUser { policies, projects, enabled, key }) })
}

/// The access key of a user, its secret key taken from where the file says.
fn read_key(fields: &mut Fields, directory: &Path, problems: &mut Problems) -> Option<WantedKey> {
    let access_key = fields.text("access_key", problems);
    let variable = fields.text("secret_key_variable", problems);
    let file = fields.text("secret_key_file", problems);
    let end = fields.text("access_key_expires", problems);
    let (field, secret_key) = match (&access_key, variable, file) {
        (None, None, None) => {
            if end.is_some() {
                problems.add(fields.at("access_key_expires"), "needs access_key");
            }
            return None;
        }
        (None, ..) => {
            problems.add(fields.at("access_key"), "is required beside a secret key");
            return None;
        }
        (Some(_), Some(variable), None) => {
            let value = std::env::var(&variable).map_err(|_| format!("the variable {variable} is not set"));
            ("secret_key_variable", value.map(Zeroizing::new))
        }
        (Some(_), None, Some(file)) => ("secret_key_file", read_secret(&directory.join(file))),
        (Some(_), ..) => {
            problems.add(fields.at("access_key"), "needs either secret_key_variable or secret_key_file");
            return None;
        }
    };
    let access_key = access_key.filter(|key| {
        let fits = (16..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !fits {
            problems.add(fields.at("access_key"), "must be 16 to 64 letters and digits");
        }
        fits
    });
    let secret_key = secret_key.and_then(|key| {
        let fits = (32..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(key) } else { Err("must be 32 to 128 printable characters without spaces".to_owned()) }
    });
    let secret_key = secret_key.map_err(|problem| problems.add(fields.at(field), problem)).ok();
    let mut expires = None;
    if let Some(end) = end {
        expires = clock::parse_time(&end);
        if expires.is_none() {
            problems.add(fields.at("access_key_expires"), format_args!("must be {}", clock::TIME_FORM));
        }
    }
    Some(WantedKey { access_key: access_key?, secret_key: secret_key?, expires })
}

fn read_text(path: &Path) -> Result<Zeroizing<String>, std::io::Error> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// A secret key in a file of its own, which nobody else may read.
fn read_secret(path: &Path) -> Result<Zeroizing<String>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(told)?;
    let mode = file.metadata().map_err(told)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(format!("{} has mode {mode:04o}, which lets others in; run chmod 600 on it", path.display()));
    }
    // Room from the start: growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(4096));
    file.take(1024).read_to_string(&mut text).map_err(told)?;
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(directory: &Path, text: &str) -> Result<AccessFile, AccessFileError> {
        let path = directory.join("access.toml");
        fs::write(&path, text).unwrap();
        AccessFile::read(&path)
    }

    fn problems(text: &str) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        match read(directory.path(), text) {
            Err(AccessFileError::Problems(_, problems)) => problems.0,
            other => vec![format!("{:?}", other.err())],
        }
    }

    #[test]
    fn every_problem_is_told_with_its_place() {
        let told = problems(
            r#"
            rules = 1
            [[policies]]
            name = "a/b"
            document = '{"Version": "5.0", "Statement": []}'
            [[policies]]
            name = "p"
            file = "absent.json"
            document = "{}"
            [[policies]]
            document = "{"
            [[users]]
            name = "alice"
            policies = ["p", 7]
            projects = ["x"]
            enabled = "yes"
            colour = "red"
            access_key = "short"
            secret_key_variable = "CSMS_TEST_NO_SUCH_VARIABLE"
            [[users]]
            name = "alice"
            secret_key_file = "key"
            "#,
        );
        let places: Vec<_> = told.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
        let expected = [
            "policies[0].name",
            "policies[0].document",
            "policies[1]",
            "policies[2].name",
            "policies[2].document",
            "users[0].policies[1]",
            "users[0].projects[0]",
            "users[0].enabled",
            "users[0].access_key",
            "users[0].secret_key_variable",
            "users[0].colour",
            "users[1].access_key",
            "rules",
            "users[1].name",
        ];
        assert_eq!(places, expected, "{told:#?}");
    }

    #[test]
    fn a_secret_key_that_others_may_read_is_refused_and_none_is_repeated() {
        let directory = tempfile::tempdir().unwrap();
        let text = "[[users]]\nname = \"alice\"\naccess_key = \"AKEXAMPLE0000000\"\nsecret_key_file = \"key\"";
        let file = directory.path().join("key");
        fs::write(&file, "hunter2-hunter2-hunter2-hunter2-hunter2\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let told = read(directory.path(), text).err().unwrap().to_string();
        assert!(told.contains("0644") && told.contains("users[0].secret_key_file"), "{told}");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let read_file = read(directory.path(), text).unwrap();
        let key = read_file.users[0].wanted.as_ref().unwrap().key.as_ref().unwrap();
        assert_eq!(key.secret_key.as_str(), "hunter2-hunter2-hunter2-hunter2-hunter2");
        fs::write(&file, "hunter2").unwrap();
        let told = read(directory.path(), text).err().unwrap().to_string();
        assert!(told.contains("32 to 128") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn what_should_be_absent_has_nothing_but_its_name() {
        let told = problems("[[users]]\nname = \"bob\"\nabsent = true\npolicies = [\"p\"]");
        assert_eq!(told, ["users[0].policies: there is no such setting here"]);
    }

    #[test]
    fn a_file_that_is_not_toml_is_told_with_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let told = read(directory.path(), "[[users]\n").err().unwrap();
        assert!(told.to_string().contains("line 1"), "{told}");
    }
}
