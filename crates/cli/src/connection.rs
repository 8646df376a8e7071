//! Where the server is and who asks: flags, then a credentials file, then the variables of the official SDKs.
//!
//! Keys come from the file or from variables, never from flags, which other users of the machine can read.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use clap::Args;
use csms_api::iam::token::TokenOperation;
use csms_client::{Client, Credentials};
use csms_core::ProjectId;
use csms_tls::CA_VARIABLE;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{complete::COMPLETION_VARIABLE, failure::CliError};

/// Address that `csms serve` listens on unless told otherwise.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7070";

const ENDPOINT: &str = "CSMS_ENDPOINT";
const CREDENTIALS: &str = "CSMS_CREDENTIALS";
const REGION: &str = "HUAWEICLOUD_SDK_REGION";
const PROJECT_ID: &str = "HUAWEICLOUD_SDK_PROJECT_ID";
const ACCESS_KEY: &str = "HUAWEICLOUD_SDK_AK";
const SECRET_KEY: &str = "HUAWEICLOUD_SDK_SK";
const SECURITY_TOKEN: &str = "HUAWEICLOUD_SDK_SECURITY_TOKEN";

/// The variables that hold or lead to keys, which a program that is run for a user need not inherit.
pub(crate) const KEY_VARIABLES: [&str; 4] = [ACCESS_KEY, SECRET_KEY, SECURITY_TOKEN, CREDENTIALS];

/// The variables of csms that its commands read beside those of their flags.
pub const VARIABLES: [&str; 3] = [ENDPOINT, CREDENTIALS, COMPLETION_VARIABLE];

/// The body of a request that has none.
pub(crate) const NO_BODY: Option<&()> = None;

/// The identifier of `--region` among the arguments of a command.
pub(crate) const REGION_FLAG: &str = "connection-region";

/// The project of a request that asks for projects: none of them.
const NO_PROJECT: &str = "00000000000000000000000000000000";

/// Flags that say which server to use.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server")]
pub struct Connection {
    /// File with endpoint, project and keys, as `csms serve` writes it [env: CSMS_CREDENTIALS]. Without one the keys come
    /// from HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK and, for temporary ones, HUAWEICLOUD_SDK_SECURITY_TOKEN
    #[arg(long, global = true, value_name = "FILE")]
    credentials: Option<PathBuf>,

    /// Address of the server [env: CSMS_ENDPOINT] [default: http://127.0.0.1:7070]
    #[arg(long, global = true, value_name = "URL")]
    endpoint: Option<String>,

    /// PEM file with certificate authorities to trust besides the system's [env: CSMS_CA]
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Project [env: HUAWEICLOUD_SDK_PROJECT_ID]
    #[arg(long, global = true, value_name = "ID")]
    project_id: Option<String>,

    /// Region whose project is used, by its name, instead of the project's identifier [env: HUAWEICLOUD_SDK_REGION]
    // Commands have arguments with the name of a region of their own.
    #[arg(id = REGION_FLAG, long = "region", global = true, value_name = "NAME", conflicts_with = "project_id")]
    region: Option<String>,
}

/// The members of a credentials file that a client needs.
#[derive(Default, Deserialize)]
struct File {
    endpoint: Option<String>,
    region: Option<String>,
    project_id: Option<String>,
    /// The projects of all regions, where there are several.
    #[serde(default)]
    projects: BTreeMap<String, String>,
    access_key: Option<String>,
    secret_key: Option<Zeroizing<String>>,
    security_token: Option<Zeroizing<String>>,
    /// Beside this file unless it is an absolute path.
    ca: Option<PathBuf>,
    rotation_func_urn: Option<String>,
}

/// A text and where it comes from: a flag, a variable or a member of the credentials file.
struct Sourced {
    text: String,
    source: String,
}

impl Sourced {
    fn new(text: &str, source: impl Into<String>) -> Self {
        Self { text: text.to_owned(), source: source.into() }
    }
}

/// A project as it is named, not read yet.
enum Wanted {
    Project(Sourced),
    Region(Sourced),
}

impl File {
    /// The project of a region, which the server knows if the file does not.
    fn in_region(&self, region: Sourced, member: impl Fn(&str) -> String) -> Wanted {
        let own = self.project_id.as_ref().filter(|_| self.region.as_deref() == Some(&region.text));
        match (self.projects.get(&region.text), own) {
            (Some(project), _) => Wanted::Project(Sourced::new(project, member("projects"))),
            (None, Some(project)) => Wanted::Project(Sourced::new(project, member("project_id"))),
            (None, None) => Wanted::Region(region),
        }
    }
}

/// What was found out.
struct Settled {
    endpoint: Sourced,
    project: Project,
    credentials: Credentials,
    /// Certificates (PEM) of authorities to trust besides the system's.
    authorities: Option<String>,
}

/// The project to use.
enum Project {
    Known(ProjectId),
    /// That of a region, which the server knows.
    OfRegion(Sourced),
}

impl Settled {
    fn client(&self, project: ProjectId) -> Result<Client, CliError> {
        let (credentials, Sourced { text: endpoint, source }) = (self.credentials.clone(), &self.endpoint);
        let client = match &self.authorities {
            None => Client::new(endpoint, project, credentials),
            Some(authorities) => Client::trusting(endpoint, project, credentials, authorities),
        };
        client.map_err(|error| CliError::usage(format!("{source}: {error}")))
    }

    /// The project, for which the server is asked if it is that of a region.
    async fn project(&self) -> Result<ProjectId, CliError> {
        let region = match &self.project {
            Project::Known(project) => return Ok(project.clone()),
            Project::OfRegion(region) => region,
        };
        let none = ProjectId::parse(NO_PROJECT);
        let none = none.map_err(|violation| CliError::argument("the project's id", &violation))?;
        let Sourced { text: region, source } = region;
        let query = [("name", region.clone())];
        let row = TokenOperation::ListProjects.specification();
        let answer: Value = self.client(none)?.call_json(row, &[], &query, NO_BODY).await?;
        let found = answer.pointer("/projects/0/id").and_then(Value::as_str).map(ProjectId::parse);
        let missing = || {
            let told =
                format!("the user of these credentials has no project in the region {region}, which {source} names");
            CliError::Missing(told)
        };
        found.and_then(Result::ok).ok_or_else(missing)
    }
}

impl Connection {
    /// A client of the server.
    ///
    /// # Errors
    /// Everything that is missing, in one message; a file that cannot be read; a region without a project.
    pub(crate) async fn client(&self) -> Result<Client, CliError> {
        let settled = self.settle(|name| env::var(name).ok())?;
        settled.client(settled.project().await?)
    }

    /// The same flags, with those of `other` where one is not given.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            credentials: self.credentials.or(other.credentials),
            endpoint: self.endpoint.or(other.endpoint),
            ca: self.ca.or(other.ca),
            project_id: self.project_id.or(other.project_id),
            region: self.region.or(other.region),
        }
    }

    /// The function that rotates secrets beside the server, as its first start wrote it into the credentials file.
    pub(crate) fn rotation_function(&self) -> Option<String> {
        let named = env::var(CREDENTIALS).ok().filter(|path| !path.is_empty()).map(PathBuf::from);
        let file = self.credentials.clone().or(named)?;
        read(&file).ok()?.rotation_func_urn
    }

    /// The project that requests are sent in.
    ///
    /// # Errors
    /// As for [`Self::client`].
    pub(crate) async fn project(&self) -> Result<ProjectId, CliError> {
        self.settle(|name| env::var(name).ok())?.project().await
    }

    fn settle(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Settled, CliError> {
        // An empty variable is one that somebody meant to clear.
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let file = self.credentials.clone().or_else(|| variable(CREDENTIALS).map(PathBuf::from));
        let is_flag = self.credentials.is_some();
        let found = match &file {
            Some(path) if is_flag => read(path)?,
            Some(path) => read(path).map_err(|error| CliError::usage(format!("{CREDENTIALS}: {error}")))?,
            None => File {
                endpoint: variable(ENDPOINT),
                region: None,
                projects: BTreeMap::new(),
                project_id: variable(PROJECT_ID),
                access_key: variable(ACCESS_KEY),
                secret_key: variable(SECRET_KEY).map(Zeroizing::new),
                security_token: variable(SECURITY_TOKEN).map(Zeroizing::new),
                ca: None,
                rotation_func_urn: None,
            },
        };
        let beside = |ca: &PathBuf| match file.as_ref().and_then(|file| file.parent()) {
            Some(directory) => directory.join(ca),
            None => ca.clone(),
        };
        // How a member of the file, or the variable in its place, is named in errors.
        let source = |member: &str, variable: &str| match &file {
            Some(path) => format!("{member} in {}", path.display()),
            None => variable.to_owned(),
        };
        let named = match (&self.ca, &found.ca) {
            (Some(file), _) => Some((file.clone(), "--ca".to_owned())),
            (None, Some(ca)) => Some((beside(ca), source("ca", CA_VARIABLE))),
            (None, None) => None,
        };
        let authorities = match (named, variable(CA_VARIABLE)) {
            (Some((file, source)), _) => Some((csms_tls::authorities_in(&file), source)),
            (None, Some(named)) => Some((csms_tls::authorities(&named), CA_VARIABLE.to_owned())),
            (None, None) => None,
        };
        let authorities = authorities
            .map(|(read, source)| read.map_err(|error| CliError::usage(format!("{source}: {error}"))))
            .transpose()?;
        let endpoint = match (&self.endpoint, &found.endpoint) {
            (Some(endpoint), _) => Sourced::new(endpoint, "--endpoint"),
            (None, Some(endpoint)) => Sourced::new(endpoint, source("endpoint", ENDPOINT)),
            (None, None) => Sourced::new(DEFAULT_ENDPOINT, "the default address"),
        };
        let own = |member: &str| source(member, PROJECT_ID);
        let project = match (&self.project_id, &self.region, variable(REGION)) {
            (Some(project), ..) => Some(Wanted::Project(Sourced::new(project, "--project-id"))),
            (None, Some(region), _) => Some(found.in_region(Sourced::new(region, "--region"), own)),
            // A project that is named says more than a region for everything.
            (None, None, Some(region)) if found.project_id.is_none() => {
                Some(Wanted::Region(Sourced::new(&region, REGION)))
            }
            (None, None, _) => {
                found.project_id.as_ref().map(|project| Wanted::Project(Sourced::new(project, own("project_id"))))
            }
        };
        let has_project = project.is_some();
        let (Some(project), Some(access_key), Some(secret_key)) = (project, &found.access_key, &found.secret_key)
        else {
            let missing = [
                (!has_project, "project_id", PROJECT_ID),
                (found.access_key.is_none(), "access_key", ACCESS_KEY),
                (found.secret_key.is_none(), "secret_key", SECRET_KEY),
            ];
            let missing: Vec<_> = missing.into_iter().filter(|(is_missing, ..)| *is_missing).collect();
            return Err(CliError::usage(match &file {
                Some(path) => {
                    let members: Vec<_> = missing.iter().map(|(_, member, _)| *member).collect();
                    format!("{} has no {}", path.display(), members.join(", "))
                }
                None => {
                    let variables: Vec<_> = missing.iter().map(|(.., name)| *name).collect();
                    format!("no credentials: set {}, or name a file with --credentials", variables.join(", "))
                }
            }));
        };
        let project = match project {
            Wanted::Region(region) => Project::OfRegion(region),
            Wanted::Project(Sourced { text, source }) => {
                let project = ProjectId::parse(text);
                Project::Known(project.map_err(|violation| CliError::argument(&source, &violation))?)
            }
        };
        let credentials = match &found.security_token {
            Some(token) => Credentials::temporary(access_key.as_str(), secret_key.as_str(), token.as_str()),
            None => Credentials::key_pair(access_key.as_str(), secret_key.as_str()),
        };
        Ok(Settled { endpoint, project, credentials, authorities })
    }
}

fn read(path: &PathBuf) -> Result<File, CliError> {
    let text = fs::read(path).map_err(|error| CliError::unreadable(path.display(), &error))?;
    let text = Zeroizing::new(text);
    // The parser's own message could quote a key.
    serde_json::from_slice(&text).map_err(|error| {
        CliError::usage(format!("{} is no credentials file: see line {}", path.display(), error.line()))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::io::Write;

    use super::*;

    const PROJECT: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "fedcba9876543210fedcba9876543210";

    fn variables(name: &str) -> Option<String> {
        let value = match name {
            PROJECT_ID => PROJECT,
            ACCESS_KEY => "AK",
            SECRET_KEY => "hunter2",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    /// The project, or the region whose project the server has to name.
    fn named(settled: &Settled) -> &str {
        match &settled.project {
            Project::Known(project) => project.as_str(),
            Project::OfRegion(region) => &region.text,
        }
    }

    fn refusal(connection: &Connection, variable: impl Fn(&str) -> Option<String>) -> String {
        connection.settle(variable).err().unwrap().to_string()
    }

    #[test]
    fn the_variables_of_the_sdks_are_enough() {
        let settled = Connection::default().settle(variables).unwrap();
        assert_eq!((settled.endpoint.text.as_str(), named(&settled)), (DEFAULT_ENDPOINT, PROJECT));
        assert!(
            matches!(settled.credentials, Credentials::Key { access_key, security_token: None, .. } if access_key == "AK")
        );
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let refusal = refusal(&Connection::default(), |_| None);
        for name in [PROJECT_ID, ACCESS_KEY, SECRET_KEY, "--credentials"] {
            assert!(refusal.contains(name), "{refusal}");
        }
    }

    #[test]
    fn a_named_file_goes_before_variables_and_flags_before_the_file() {
        let text =
            format!(r#"{{"endpoint":"http://file","project_id":"{OTHER}","access_key":"FILE","secret_key":"s"}}"#);
        let file = file(&text);
        let mut connection = Connection { credentials: Some(file.path().to_owned()), ..Connection::default() };
        let settled = connection.settle(variables).unwrap();
        assert_eq!((settled.endpoint.text.as_str(), named(&settled)), ("http://file", OTHER));
        assert!(matches!(settled.credentials, Credentials::Key { access_key, .. } if access_key == "FILE"));
        connection.endpoint = Some("http://flag".to_owned());
        assert_eq!(connection.settle(variables).unwrap().endpoint.text, "http://flag");
    }

    #[test]
    fn a_region_stands_for_its_project_which_the_server_names_if_the_file_does_not() {
        let text = format!(
            r#"{{"region":"one","project_id":"{PROJECT}","projects":{{"two":"{OTHER}"}},"access_key":"A","secret_key":"s"}}"#
        );
        let file = file(&text);
        let of = |region: &str| Connection {
            credentials: Some(file.path().to_owned()),
            region: Some(region.to_owned()),
            ..Connection::default()
        };
        let settled = ["one", "two", "three"].map(|region| of(region).settle(variables).unwrap());
        assert_eq!(settled.each_ref().map(named), [PROJECT, OTHER, "three"]);
        let keys_and_region = |name: &str| match name {
            PROJECT_ID => None,
            REGION => Some("four".to_owned()),
            other => variables(other),
        };
        assert_eq!(named(&Connection::default().settle(keys_and_region).unwrap()), "four");
    }

    #[test]
    fn a_value_that_breaks_its_rule_is_named_by_where_it_comes_from() {
        let wrong = |name: &str| if name == PROJECT_ID { Some("x".to_owned()) } else { variables(name) };
        assert!(refusal(&Connection::default(), wrong).starts_with("HUAWEICLOUD_SDK_PROJECT_ID "));
        let flag = Connection { project_id: Some("x".to_owned()), ..Connection::default() };
        assert!(refusal(&flag, variables).starts_with("--project-id "));
        let file = file(r#"{"project_id":"x","access_key":"A","secret_key":"s"}"#);
        let path = file.path().display().to_string();
        let filed = Connection { credentials: Some(file.path().to_owned()), ..Connection::default() };
        assert!(refusal(&filed, variables).starts_with(&format!("project_id in {path} ")));
        let trusting = |name: &str| if name == CA_VARIABLE { Some("/nowhere".to_owned()) } else { variables(name) };
        assert!(refusal(&Connection::default(), trusting).starts_with("CSMS_CA: "));
        let lost = |name: &str| (name == CREDENTIALS).then(|| "/nowhere".to_owned());
        assert!(refusal(&Connection::default(), lost).starts_with("CSMS_CREDENTIALS: cannot read /nowhere"));
    }

    #[test]
    fn a_damaged_file_is_refused_without_quoting_it() {
        let file = file(r#"{"secret_key": hunter2}"#);
        let connection = Connection { credentials: Some(file.path().to_owned()), ..Connection::default() };
        let refusal = refusal(&connection, variables);
        assert!(refusal.contains("line 1") && !refusal.contains("hunter2"), "{refusal}");
    }

    #[test]
    fn a_file_without_keys_says_which_are_missing() {
        let file = file(&format!(r#"{{"project_id":"{PROJECT}"}}"#));
        let connection = Connection { credentials: Some(file.path().to_owned()), ..Connection::default() };
        assert!(refusal(&connection, variables).ends_with("has no access_key, secret_key"));
    }
}
