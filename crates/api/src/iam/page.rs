//! Pages of IAM v5: `limit` and `marker` in the query, `page_info` in the answer.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use csms_core::{Problem, Rule, Violation};
use serde::Serialize;

use crate::{ApiError, ErrorCode};

/// Items of a page unless the request says otherwise.
const DEFAULT_LIMIT: usize = 100;

/// Most items of a page.
const MAX_LIMIT: usize = 200;

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Most items.
    pub limit: usize,
    /// The key behind which the page begins.
    pub after: Option<String>,
    /// The list, whose name stands before the key in its markers, so that no other list takes them.
    list: &'static str,
}

impl PageRequest {
    /// Reads the query parameters of an operation.
    ///
    /// # Errors
    /// A limit that is none from 1 to 200 (IAM.0002), a marker that no page of the list returned (PAP5.0010).
    pub fn read(query: &[(String, String)], list: &'static str) -> Result<Self, ApiError> {
        // An empty parameter is not given.
        let find = |name: &str| {
            let value = query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            value.filter(|value| !value.is_empty())
        };
        let limit = find("limit").map_or(Ok(DEFAULT_LIMIT), |text| {
            let number = text.parse().ok().filter(|number| (1..=MAX_LIMIT).contains(number));
            number.ok_or_else(|| Violation::new(Rule::Pattern, "a number from 1 to 200").at("limit"))
        });
        let limit = limit.map_err(|problem: Problem| ApiError {
            code: ErrorCode::IamInvalidParameter,
            ..ApiError::invalid(&[problem])
        })?;
        let key = |marker: &str| {
            let text = String::from_utf8(Base64UrlUnpadded::decode_vec(marker).ok()?).ok()?;
            text.strip_prefix(list)?.strip_prefix(':').map(ToOwned::to_owned)
        };
        let read = |marker| key(marker).ok_or_else(|| ApiError::new(ErrorCode::IamInvalidMarker, ""));
        let after = find("marker").map(read).transpose()?;
        Ok(Self { limit, after, list })
    }

    /// The page out of all items, which are in the order of their keys.
    #[must_use]
    pub fn cut<T>(&self, items: Vec<T>, key: impl Fn(&T) -> &str) -> (Vec<T>, PageInfo) {
        let behind = |item: &T| self.after.as_deref().is_none_or(|after| key(item) > after);
        let mut rest: Vec<_> = items.into_iter().filter(behind).collect();
        let more = rest.len() > self.limit;
        rest.truncate(self.limit);
        let last = rest.last().filter(|_| more).map(key);
        let next_marker =
            last.map(|key| Base64UrlUnpadded::encode_string(alloc::format!("{}:{key}", self.list).as_bytes()));
        let current_count = rest.len();
        (rest, PageInfo { next_marker, current_count })
    }
}

/// Where the next page begins, and how much this one holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PageInfo {
    /// The marker of the next page; absent behind the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
    /// Number of items of this page.
    pub current_count: usize,
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec};

    use super::*;

    const LIST: &str = "ListUsersV5";

    fn query(limit: &str, marker: Option<&str>) -> Vec<(String, String)> {
        let marker = marker.map(|marker| ("marker".to_owned(), marker.to_owned()));
        [("limit".to_owned(), limit.to_owned())].into_iter().chain(marker).collect()
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let names = vec!["a", "b b", "ü"];
        let (first, info) = PageRequest::read(&query("2", None), LIST).unwrap().cut(names.clone(), |name| name);
        assert_eq!((first, info.current_count), (vec!["a", "b b"], 2));
        let marker = info.next_marker.unwrap();
        let other = PageRequest::read(&query("2", Some(&marker)), "ListPoliciesV5");
        assert_eq!(other.unwrap_err().code, ErrorCode::IamInvalidMarker);
        assert!((4..=400).contains(&marker.len()));
        let (second, info) = PageRequest::read(&query("2", Some(&marker)), LIST).unwrap().cut(names, |name| name);
        assert_eq!((second, info), (vec!["ü"], PageInfo { next_marker: None, current_count: 1 }));
    }

    #[test]
    fn a_limit_out_of_range_and_a_foreign_marker_are_refused() {
        for limit in ["0", "201", "-1", "ten"] {
            let error = PageRequest::read(&query(limit, None), LIST).unwrap_err();
            assert_eq!(error.to_string(), "IAM.0002 Invalid parameter: limit must match a number from 1 to 200");
        }
        assert_eq!(
            PageRequest::read(&query("", Some("")), LIST).unwrap(),
            PageRequest { limit: DEFAULT_LIMIT, after: None, list: LIST }
        );
        for marker in ["x", "!!", "YWJj"] {
            assert_eq!(
                PageRequest::read(&query("1", Some(marker)), LIST).unwrap_err().code,
                ErrorCode::IamInvalidMarker
            );
        }
    }
}
