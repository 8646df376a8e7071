//! Grants of secrets to users: the body of CreateGrants and UpdateGrant, and the parameters of the others.

use alloc::{string::String, vec::Vec};

use csms_core::{Problem, Rule, UnixMillis, Violation, sign::parse_date};
use serde_json::Value;

use super::query::Parameters;
use crate::{fields::Fields, optional};

/// Milliseconds of a day.
const DAY: u64 = 86_400_000;

/// A read body of CreateGrants or UpdateGrant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRequest {
    /// Identifier or name of what is granted.
    pub resource: String,
    /// Whether a group is on either side: the resource is one (`type`), or the grantee is (`grantee_type` 2).
    pub is_of_group: bool,
    /// Identifier or name of whom it is granted to.
    pub grantee: String,
    /// The end of the day named by `validity_time`, in UTC; `None` when the grant has no end.
    pub valid_until: Option<UnixMillis>,
}

/// An identifier of 1 to 64 characters.
fn identifier(text: &str) -> Result<String, Violation> {
    match text.chars().count() {
        0 => Err(Violation::new(Rule::TooShort, "1 character long").with_limit(1, 0)),
        1..=64 => Ok(String::from(text)),
        more => Err(Violation::new(Rule::TooLong, "64 characters long").with_limit(64, more as u64)),
    }
}

/// The first moment after a day written `YYYY-MM-DD`, which must not be over.
fn end_of_day(text: &str, now: UnixMillis) -> Result<UnixMillis, Violation> {
    let form = || Violation::new(Rule::Pattern, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
    let digits: Option<Vec<&str>> = {
        let parts: Vec<_> = text.split('-').collect();
        (parts.iter().map(|part| part.len()).eq([4, 2, 2])).then_some(parts)
    };
    let mut whole = digits.ok_or_else(form)?.concat();
    whole.push_str("T000000Z");
    let end = parse_date(&whole).ok_or_else(form)?.plus_millis(DAY);
    if end > now { Ok(end) } else { Err(Violation::new(Rule::Past, "yesterday")) }
}

/// Whether a word says “group”.
fn choice(text: &str, single: &str, group: &str, expected: &'static str) -> Result<bool, Violation> {
    match text {
        text if text.eq_ignore_ascii_case(single) => Ok(false),
        text if text.eq_ignore_ascii_case(group) => Ok(true),
        _ => Err(Violation::new(Rule::Choice, expected)),
    }
}

impl GrantRequest {
    /// Reads a body. Words count in whatever case: the documented example writes `group`.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value, now: UnixMillis) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::with_optional(body, &optional::GRANT)?;
        for name in ["resource_id", "type", "grantee_type", "grantee_target_id"] {
            fields.require(name);
        }
        let resource = fields.parsed("resource_id", |text| identifier(&text));
        let kind = fields.parsed("type", |text| choice(&text, "SECRET", "GROUP", "SECRET, GROUP"));
        let grantee_kind = fields.parsed_digits("grantee_type", |text| choice(&text, "0", "2", "0, 2"));
        let grantee = fields.parsed("grantee_target_id", |text| identifier(&text));
        let valid_until = fields.parsed("validity_time", |text| end_of_day(&text, now));
        let read = (resource, kind, grantee_kind, grantee);
        fields.finish(match read {
            (Some(resource), Some(kind), Some(grantee_kind), Some(grantee)) => {
                Some(Self { resource, is_of_group: kind || grantee_kind, grantee, valid_until })
            }
            _ => None,
        })
    }
}

/// Query parameters of UpdateGrant, ListGrants and DeleteGrant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantQuery {
    /// Identifier or name of what is granted.
    pub resource: String,
    /// Identifier or name of whom it is granted to (DeleteGrant alone); everybody when absent.
    pub grantee: Option<String>,
}

impl GrantQuery {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Every problem they have.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut parameters = Parameters::of(pairs);
        parameters.require("resource_id");
        let resource = parameters.parsed("resource_id", identifier).unwrap_or_default();
        let grantee = parameters.parsed("grantee_user", identifier);
        parameters.finish(Self { resource, grantee })
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use serde_json::json;

    use super::*;

    const NOON: UnixMillis = UnixMillis::new(1_767_268_800_000); // 2026-01-01T12:00:00Z

    fn body(validity_time: Option<&str>) -> Value {
        json!({ "resource_id": "demo", "type": "secret", "grantee_type": "0", "grantee_target_id": "user_01",
                "validity_time": validity_time })
    }

    #[test]
    fn the_last_day_of_a_grant_counts_to_its_end() {
        let read = |day| GrantRequest::read(body(Some(day)), NOON);
        assert_eq!(read("2026-01-01").unwrap().valid_until, Some(UnixMillis::new(1_767_312_000_000)));
        assert_eq!(read("2025-12-31").unwrap_err()[0].violation.rule, Rule::Past);
        for wrong in ["2026-1-1", "20260101", "2026-02-30", "2026-01-01T00:00:00Z", "tomorrow"] {
            assert_eq!(read(wrong).unwrap_err()[0].violation.rule, Rule::Pattern, "{wrong}");
        }
        assert_eq!(GrantRequest::read(body(None), NOON).unwrap().valid_until, None);
        assert_eq!(read("").unwrap().valid_until, None);
    }

    #[test]
    fn a_group_is_seen_on_either_side() {
        let mut group = body(None);
        assert!(!GrantRequest::read(group.clone(), NOON).unwrap().is_of_group);
        group["type"] = json!("group");
        assert!(GrantRequest::read(group, NOON).unwrap().is_of_group);
        let mut grantee = body(None);
        grantee["grantee_type"] = json!("2");
        assert!(GrantRequest::read(grantee, NOON).unwrap().is_of_group);
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let wrong =
            json!({ "resource_id": "", "type": "FILE", "grantee_type": "1", "grantee_target_id": "x".repeat(65) });
        let told: Vec<_> = GrantRequest::read(wrong, NOON).unwrap_err().into_iter().map(|one| one.path).collect();
        assert_eq!(told, ["resource_id", "type", "grantee_type", "grantee_target_id"]);
        assert_eq!(GrantRequest::read(json!({}), NOON).unwrap_err().len(), 4);
        assert_eq!(GrantQuery::read(&[]).unwrap_err()[0].path, "resource_id");
        let pairs = [("resource_id".to_owned(), "demo".to_owned()), ("grantee_user".to_owned(), String::new())];
        assert_eq!(GrantQuery::read(&pairs).unwrap().grantee, None);
    }
}
