//! Query parameters of the listing operations.

use alloc::{string::String, vec::Vec};

use csms_core::{
    EventName, Problem, Rule, SecretName, TaskId, VersionId, Violation, identity::fold_enterprise_project,
    page::PageLimit,
};

/// One problem collector for parameters given as name and decoded value.
pub(crate) struct Parameters<'a> {
    pairs: &'a [(String, String)],
    problems: Vec<Problem>,
}

impl<'a> Parameters<'a> {
    pub(crate) const fn of(pairs: &'a [(String, String)]) -> Self {
        Self { pairs, problems: Vec::new() }
    }

    /// The parameter's value; an empty one counts as absent.
    fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.pairs.iter().find(|(known, _)| known == name)?;
        Some(found.1.as_str()).filter(|value| !value.is_empty())
    }

    /// A parameter through the constructor of its type.
    pub(crate) fn parsed<T>(&mut self, name: &str, parse: impl FnOnce(&'a str) -> Result<T, Violation>) -> Option<T> {
        let value = self.get(name)?;
        parse(value).map_err(|violation| self.problems.push(violation.at(name))).ok()
    }

    /// Whether the parameter is given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Adds a problem.
    pub(crate) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Notes that a parameter is missing.
    pub(crate) fn require(&mut self, name: &str) {
        if !self.has(name) {
            self.report(Violation::new(Rule::Required, "").at(name));
        }
    }

    /// What was read, unless there were problems.
    pub(crate) fn finish<T>(self, read: T) -> Result<T, Vec<Problem>> {
        if self.problems.is_empty() { Ok(read) } else { Err(self.problems) }
    }
}

/// Parameters of ListSecrets.
#[derive(Clone, Debug, Default)]
pub struct ListSecrets {
    /// Page size.
    pub limit: PageLimit,
    /// Name after which the page begins.
    pub marker: Option<String>,
    /// Only secrets that subscribe to this event.
    pub event_name: Option<EventName>,
    /// Only secrets of this enterprise project; `all` and none mean every one.
    pub enterprise_project_id: Option<String>,
}

/// An identifier of one enterprise project. A UUID has no case, so that one project has one spelling.
pub(crate) fn enterprise_project(text: &str) -> Result<String, Violation> {
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_word || is_every_enterprise_project(text) {
        return Err(Violation::new(Rule::Pattern, "^[A-Za-z0-9_-]{1,36}$, and not all"));
    }
    if text.len() > 36 {
        return Err(Violation::new(Rule::TooLong, "36 characters long").with_limit(36, text.len() as u64));
    }
    Ok(fold_enterprise_project(text))
}

/// The enterprise project that a list is about, where the list is not of every one.
pub(crate) fn listed_enterprise_project(text: &str) -> Result<Option<String>, Violation> {
    if is_every_enterprise_project(text) { Ok(None) } else { enterprise_project(text).map(Some) }
}

const fn is_every_enterprise_project(text: &str) -> bool {
    text.eq_ignore_ascii_case("all")
}

impl ListSecrets {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Every problem they have.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut parameters = Parameters::of(pairs);
        let read = Self {
            limit: parameters.parsed("limit", PageLimit::parse).unwrap_or_default(),
            marker: parameters.parsed("marker", SecretName::parse).map(String::from),
            event_name: parameters.parsed("event_name", EventName::parse),
            enterprise_project_id: parameters.parsed("enterprise_project_id", listed_enterprise_project).flatten(),
        };
        parameters.finish(read)
    }
}

/// Parameters of ListSecretEvents.
#[derive(Clone, Debug, Default)]
pub struct ListEvents {
    /// Page size.
    pub limit: PageLimit,
    /// Name after which the page begins: any text of letters, digits and `._-`.
    pub marker: Option<String>,
}

impl ListEvents {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Every problem they have.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut parameters = Parameters::of(pairs);
        let is_marker = |text: &str| {
            text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        let read = Self {
            limit: parameters.parsed("limit", PageLimit::parse).unwrap_or_default(),
            marker: parameters.parsed("marker", |text| {
                let violation = Violation::new(Rule::Pattern, "^[a-zA-Z0-9._-]{1,64}$");
                if is_marker(text) { Ok(String::from(text)) } else { Err(violation) }
            }),
        };
        parameters.finish(read)
    }
}

/// Parameters of ListNotificationRecords, which newer definitions leave out and older clients send.
#[derive(Clone, Debug)]
pub struct ListRecords {
    /// Page size; as many as an answer may have by default.
    pub limit: PageLimit,
    /// Notification after which the page begins.
    pub marker: Option<String>,
}

impl ListRecords {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Every problem they have.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut parameters = Parameters::of(pairs);
        let read = Self {
            limit: parameters.parsed("limit", PageLimit::parse).unwrap_or(PageLimit::MAX),
            marker: parameters.parsed("marker", TaskId::parse).map(String::from),
        };
        parameters.finish(read)
    }
}

/// Parameters of ListSecretVersions.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListVersions {
    /// Page size.
    pub limit: PageLimit,
    /// Version after which the page begins; `latest` begins after the newest.
    pub marker: Option<VersionMarker>,
}

/// Where a page of versions begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionMarker {
    /// After this version.
    After(VersionId),
    /// After the newest version, so that the page is empty.
    Latest,
}

/// `latest`, or `v` with up to ten digits, of which those at the beginning may be zeros: all versions come after `v0`.
fn version_marker(text: &str) -> Result<Option<VersionMarker>, Violation> {
    if text == "latest" {
        return Ok(Some(VersionMarker::Latest));
    }
    let digits = text.strip_prefix('v').filter(|digits| (1..=10).contains(&digits.len()));
    match digits.map(|digits| digits.trim_start_matches('0')) {
        Some("") => Ok(None),
        Some(digits) => VersionId::parse(&alloc::format!("v{digits}")).map(|id| Some(VersionMarker::After(id))),
        None => VersionId::parse(text).map(|id| Some(VersionMarker::After(id))),
    }
}

impl ListVersions {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Every problem they have.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut parameters = Parameters::of(pairs);
        let read = Self {
            limit: parameters.parsed("limit", PageLimit::parse).unwrap_or_default(),
            marker: parameters.parsed("marker", version_marker).flatten(),
        };
        parameters.finish(read)
    }
}

/// Parameters of ListSecretTask.
#[derive(Clone, Debug, Default)]
pub struct ListTasks {
    /// Page size.
    pub limit: PageLimit,
    /// Task after which the page begins.
    pub marker: Option<TaskId>,
    /// Only this task, whatever the page; excludes the other filters.
    pub task_id: Option<TaskId>,
    /// Only tasks of this secret.
    pub secret_name: Option<SecretName>,
    /// Only succeeded (`true`) or failed (`false`) tasks.
    pub succeeded: Option<bool>,
    /// Whether each task comes with its steps (our own parameter). One that is asked for by `task_id` always does.
    pub steps: bool,
}

impl ListTasks {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Every problem they have.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut parameters = Parameters::of(pairs);
        let read = Self {
            limit: parameters.parsed("limit", PageLimit::parse).unwrap_or_default(),
            marker: parameters.parsed("marker", TaskId::parse),
            task_id: parameters.parsed("task_id", TaskId::parse),
            secret_name: parameters.parsed("secret_name", SecretName::parse),
            succeeded: parameters.parsed("status", |text| match text {
                "SUCCESS" => Ok(true),
                "FAILED" => Ok(false),
                _ => Err(Violation::new(Rule::Choice, "SUCCESS, FAILED")),
            }),
            steps: parameters
                .parsed("steps", |text| match text {
                    "true" => Ok(true),
                    "false" => Ok(false),
                    _ => Err(Violation::new(Rule::Choice, "true, false")),
                })
                .unwrap_or_default(),
        };
        if parameters.get("task_id").is_some() {
            // A page of one task; clients that page send both.
            for name in ["secret_name", "status"] {
                if parameters.get(name).is_some() {
                    let violation = Violation::new(Rule::Forbidden, "task_id excludes secret_name and status");
                    parameters.problems.push(violation.at(name));
                }
            }
        }
        parameters.finish(read)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::ToOwned;

    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn all_wrong_parameters_are_reported() {
        let problems =
            ListSecrets::read(&pairs(&[("limit", "0"), ("marker", "a b"), ("event_name", "é")])).unwrap_err();
        assert_eq!(
            problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(),
            ["limit", "marker", "event_name"]
        );
    }

    #[test]
    fn an_empty_parameter_counts_as_absent() {
        assert_eq!(ListSecrets::read(&pairs(&[("limit", ""), ("marker", "")])).unwrap().limit.get(), 50);
    }

    #[test]
    fn a_task_id_excludes_other_filters() {
        let id = "22222222-2222-4222-8222-222222222222";
        assert!(ListTasks::read(&pairs(&[("task_id", id), ("limit", "50"), ("marker", id)])).is_ok());
        let problems = ListTasks::read(&pairs(&[("task_id", id), ("status", "SUCCESS")])).unwrap_err();
        assert_eq!(problems[0].violation.rule, Rule::Forbidden);
    }
}
