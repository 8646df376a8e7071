//! ListTraces of the Cloud Trace Service (v3), served from the audit trail.
//!
//! Parameters and members are those of the official SDK (`huaweicloudsdkcts`, v3).

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use csms_core::{Problem, Rule, UnixMillis, Violation};
use serde::Serialize;

use crate::operation::{ErrorShape, Method, Specification, operations};

operations! {
    /// An operation of the Cloud Trace Service, named as in the official definitions.
    CtsOperation;
    ListTraces: Get "/v3/{project_id}/traces" 200 Flat ["cts:trace:list"];
}

/// Traces of an answer unless the request says otherwise.
const DEFAULT_LIMIT: u16 = 10;

/// Most traces of an answer.
const MAX_LIMIT: u16 = 200;

/// The span of time that is looked at unless the request names one: the last hour.
const DEFAULT_SPAN_MILLIS: u64 = 3_600_000;

/// A service whose operations are in the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Secrets.
    Csms,
    /// Keys.
    Kms,
    /// Users, access keys and policies.
    Iam,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Csms, Self::Kms, Self::Iam];

    /// Its name in a trace.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csms => "CSMS",
            Self::Kms => "KMS",
            Self::Iam => "IAM",
        }
    }
}

/// ListTraces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListTraces {
    /// From this time on.
    pub from: UnixMillis,
    /// Up to this time.
    pub to: UnixMillis,
    /// Only traces before this one: its time and number.
    pub before: Option<(UnixMillis, u64)>,
    /// Most traces.
    pub limit: u16,
    /// Only of this service.
    pub service: Option<Service>,
    /// Only what this user did, by name.
    pub user: Option<String>,
    /// Only what was done with the resource of this name.
    pub resource_name: Option<String>,
    /// Only what was done with the resource of this identifier.
    pub resource_id: Option<String>,
    /// Only this operation.
    pub trace_name: Option<String>,
    /// This trace alone, whatever else is asked for.
    pub trace_id: Option<u64>,
    /// Only what succeeded (`normal`), or only what was refused or failed (`warning`).
    pub succeeded: Option<bool>,
}

impl ListTraces {
    /// Reads the query parameters; `now` bounds the span of time that is not given.
    ///
    /// # Errors
    /// Every problem of the query.
    pub fn read(query: &[(String, String)], now: UnixMillis) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let find = |name: &str| {
            let found = query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            found.filter(|value| !value.is_empty())
        };
        let mut report = |name: &str, rule: Rule, expected: &'static str| {
            problems.push(Violation::new(rule, expected).at(name));
        };
        for name in ["resource_type", "access_key_id", "enterprise_project_id"] {
            if find(name).is_some() {
                report(name, Rule::Forbidden, "");
            }
        }
        for name in ["trace_type", "tracker_name"] {
            if find(name).is_some_and(|word| word != "system") {
                report(name, Rule::Choice, "system");
            }
        }
        let mut time = |name: &str| {
            let millis = find(name)?.parse().ok().map(UnixMillis::new).filter(|time| *time <= UnixMillis::MAX);
            if millis.is_none() {
                report(name, Rule::Pattern, "a time in milliseconds");
            }
            millis
        };
        let to = time("to").unwrap_or(now);
        let earliest = UnixMillis::new(to.as_millis().saturating_sub(DEFAULT_SPAN_MILLIS));
        let from = time("from").unwrap_or(earliest);
        let limit = find("limit")
            .map_or(Some(DEFAULT_LIMIT), |text| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)));
        if limit.is_none() {
            report("limit", Rule::Pattern, "a number from 1 to 200");
        }
        let before = find("next").map(read_marker);
        if before == Some(None) {
            report("next", Rule::Unknown, "the marker of an answer");
        }
        let service = find("service_type").map(|word| Service::ALL.into_iter().find(|known| known.as_str() == word));
        if service == Some(None) {
            report("service_type", Rule::Choice, "CSMS, KMS or IAM");
        }
        let succeeded = find("trace_rating").map(|word| match word {
            "normal" => Some(true),
            "warning" => Some(false),
            _ => None,
        });
        if succeeded == Some(None) {
            report("trace_rating", Rule::Choice, "normal or warning");
        }
        // What no trace has as its identifier finds none.
        let trace_id = find("trace_id").map(|text| text.parse().unwrap_or_default());
        let text = |name: &str| find(name).map(ToOwned::to_owned);
        let read = Self {
            from,
            to,
            before: before.flatten(),
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            service: service.flatten(),
            user: text("user"),
            resource_name: text("resource_name"),
            resource_id: text("resource_id"),
            trace_name: text("trace_name"),
            trace_id,
            succeeded: succeeded.flatten(),
        };
        if problems.is_empty() { Ok(read) } else { Err(problems) }
    }
}

/// The marker of an answer whose last trace has this time and number.
#[must_use]
pub fn marker(time: UnixMillis, number: u64) -> String {
    alloc::format!("{}.{number}", time.as_millis())
}

fn read_marker(text: &str) -> Option<(UnixMillis, u64)> {
    let (time, number) = text.split_once('.')?;
    Some((UnixMillis::new(time.parse().ok()?), number.parse().ok()?))
}

/// ListTraces.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct ListTracesResponse {
    pub traces: Vec<Trace>,
    pub meta_data: TracesPage,
}

/// How many traces an answer has, and where the next one begins.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct TracesPage {
    pub count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

/// A record of the audit trail. Times are milliseconds.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct Trace {
    /// The number of the record in the chain.
    pub trace_id: String,
    pub trace_name: String,
    /// `normal` for what succeeded, else `warning`.
    pub trace_rating: &'static str,
    /// `SystemAction` for what the service or a command did, else `ApiCall`.
    pub trace_type: &'static str,
    pub service_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    pub user: TraceUser,
    pub time: u64,
    pub record_time: u64,
    /// The HTTP status.
    pub code: String,
    pub read_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What else the record says, as JSON in text: `outcome`, and where they are known `version_id` and `count`.
    pub message: String,
}

/// Who did it.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct TraceUser {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub name: String,
    pub user_name: String,
    pub domain: TraceDomain,
    pub account_id: String,
}

/// The account.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names are the official members")]
pub struct TraceDomain {
    pub id: String,
    pub name: String,
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec};

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

    fn read(pairs: &[(&str, &str)]) -> Result<ListTraces, Vec<String>> {
        let query: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let paths = |problems: Vec<Problem>| problems.into_iter().map(|problem| problem.path).collect();
        ListTraces::read(&query, NOW).map_err(paths)
    }

    #[test]
    fn without_a_span_of_time_it_is_the_last_hour() {
        let last = read(&[("trace_type", "system")]).unwrap();
        assert_eq!((last.to, last.to.millis_since(last.from), last.limit), (NOW, 3_600_000, 10));
        let given = read(&[("from", "5"), ("to", "7"), ("limit", "200")]).unwrap();
        assert_eq!((given.from, given.to, given.limit), (UnixMillis::new(5), UnixMillis::new(7), 200));
    }

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        let next = marker(NOW, 812);
        assert_eq!(read(&[("next", &next)]).unwrap().before, Some((NOW, 812)));
    }

    #[test]
    fn every_problem_of_the_query_is_told() {
        let query = [
            ("trace_type", "data"),
            ("limit", "201"),
            ("from", "yesterday"),
            ("next", "x"),
            ("service_type", "ECS"),
            ("trace_rating", "bad"),
            ("resource_type", "secret"),
        ];
        let expected = ["resource_type", "trace_type", "from", "limit", "next", "service_type", "trace_rating"];
        assert_eq!(read(&query).unwrap_err(), vec_of(&expected));
    }

    fn vec_of(paths: &[&str]) -> Vec<String> {
        paths.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_cannot_be_an_identifier_finds_nothing() {
        assert_eq!(read(&[("trace_id", "abc")]).unwrap().trace_id, Some(0));
        assert_eq!(vec![read(&[("trace_id", "7")]).unwrap().trace_id], vec![Some(7)]);
    }
}
