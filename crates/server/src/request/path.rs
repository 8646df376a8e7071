//! The path of a request as the operation tables write it: what clients add to it by accident is taken away, once, before the
//! router and the gate see it.
//!
//! Signatures are checked over the path as it was sent, which [`SentPath`] keeps. Decides nothing else about a request.

use std::borrow::Cow;

use axum::http::{Extensions, Request, Uri, uri::PathAndQuery};
use csms_api::operation::{Specification, parameter};

/// The operation whose last variable has a default: an empty version is the latest.
const LATEST: (&str, &str) = ("ShowSecretVersion", "latest");

/// The path as it was sent, of a request whose path was changed.
#[derive(Clone, Debug)]
pub struct SentPath(String);

impl SentPath {
    /// The path that a signature covers.
    #[must_use]
    pub fn of<'p>(extensions: &'p Extensions, uri: &'p Uri) -> &'p str {
        extensions.get::<Self>().map_or_else(|| uri.path(), |sent| sent.0.as_str())
    }
}

/// Puts the path of a request in the form of the tables.
#[must_use]
pub fn canonical_request<B>(rows: &[Specification], mut request: Request<B>) -> Request<B> {
    let Cow::Owned(path) = canonical(rows, request.method().as_str(), request.uri().path()) else { return request };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = request.uri().clone().into_parts();
    // A path that no address can have stays as it was, and no operation has it.
    let Ok(path_and_query) = PathAndQuery::try_from(format!("{path}{query}")) else { return request };
    parts.path_and_query = Some(path_and_query);
    let Ok(uri) = Uri::from_parts(parts) else { return request };
    let sent = SentPath(request.uri().path().to_owned());
    request.extensions_mut().insert(sent);
    *request.uri_mut() = uri;
    request
}

/// A path in the form of the tables.
///
/// Empty segments are dropped between the words before the first variable (`/v3//projects`). Behind them an empty segment is an
/// empty variable, which no operation has, except that an empty version is the latest. One slash at the end is dropped after a
/// word, unless an operation of the method has a variable there.
#[must_use]
pub fn canonical<'p>(rows: &[Specification], method: &str, path: &'p str) -> Cow<'p, str> {
    if !path.contains("//") && !path.ends_with('/') {
        return Cow::Borrowed(path);
    }
    let path = without_empty_words(rows, path);
    let Some(base) = path.strip_suffix('/').filter(|base| !base.is_empty()) else { return path };
    let of_method = || rows.iter().filter(|row| row.method.as_str() == method);
    let empty_variable = of_method().find(|row| {
        let (directory, last) = row.path.rsplit_once('/').unwrap_or(("", row.path));
        parameter(last).is_some() && fits(directory, base)
    });
    match empty_variable {
        Some(row) if row.name == LATEST.0 => Cow::Owned(format!("{base}/{}", LATEST.1)),
        Some(_) => path,
        None if of_method().any(|row| !row.path.ends_with('}') && fits(row.path, base)) => Cow::Owned(base.to_owned()),
        None => path,
    }
}

/// The path without empty segments between the words before the first variable of some operation.
fn without_empty_words<'p>(rows: &[Specification], path: &'p str) -> Cow<'p, str> {
    let shortened = rows.iter().filter_map(|row| {
        let words = row.path.split('/').skip(1).take_while(|segment| parameter(segment).is_none());
        let mut segments = path.split('/').skip(1).peekable();
        let (mut kept, mut count) = (String::new(), 0_usize);
        for word in words {
            while segments.next_if(|segment| segment.is_empty()).is_some() {}
            segments.next_if_eq(&word)?;
            kept = kept + "/" + word;
            count += 1;
        }
        let rest = segments.fold(String::new(), |rest, segment| rest + "/" + segment);
        Some((count, kept + &rest))
    });
    match shortened.max_by_key(|(count, _)| *count) {
        Some((_, shortened)) if shortened != path => Cow::Owned(shortened),
        _ => Cow::Borrowed(path),
    }
}

/// Whether a path has the form of a path in the tables, each variable filled in.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut segments) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), segments.next()) {
            (None, None) => return true,
            (Some(pattern), Some(segment)) => {
                let is_filled = parameter(pattern).is_some() && !segment.is_empty();
                if !is_filled && pattern != segment {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use csms_api::{Operation, iam::IamOperation, kms::KmsOperation};

    use super::*;

    fn rows() -> Vec<Specification> {
        let own = Operation::ALL.iter().map(|operation| operation.specification());
        let of_keys = KmsOperation::ALL.iter().map(|operation| operation.specification());
        own.chain(of_keys).chain(IamOperation::ALL.iter().map(|operation| operation.specification())).collect()
    }

    fn changed(method: &str, path: &str) -> String {
        canonical(&rows(), method, path).into_owned()
    }

    #[test]
    fn empty_segments_are_dropped_before_the_first_variable_alone() {
        assert_eq!(changed("GET", "/v5//users"), "/v5/users");
        assert_eq!(changed("GET", "//v1/p/secrets"), "/v1/p/secrets");
        assert_eq!(changed("GET", "/v1//csms///users/u"), "/v1/csms/users/u");
        for path in ["/v1//secrets", "/v1/p//secrets", "/v1/p/secrets//versions", "/v5/users//access-keys", "//"] {
            assert_eq!(changed("GET", path), path);
        }
    }

    #[test]
    fn a_slash_at_the_end_is_dropped_after_a_word_alone() {
        assert_eq!(changed("POST", "/v1/p/secrets/"), "/v1/p/secrets");
        assert_eq!(changed("POST", "/v1/p/secrets/s/versions/"), "/v1/p/secrets/s/versions");
        assert_eq!(changed("GET", "/v1/p/csms/tags/"), "/v1/p/csms/tags");
        for (method, path) in [
            ("GET", "/v1/p/secrets/"),
            ("GET", "/v1/p/secrets/s/"),
            ("PUT", "/v1/p/secrets/s/"),
            ("DELETE", "/v1/p/secrets/s/"),
            ("DELETE", "/v1/p/secrets/"),
            ("PUT", "/v1/p/secrets/s/versions/"),
            ("POST", "/v1/p/secrets//"),
            ("PATCH", "/v1/p/secrets/"),
            ("GET", "/"),
        ] {
            assert_eq!(changed(method, path), path, "{method}");
        }
    }

    #[test]
    fn an_empty_version_that_is_read_is_the_latest() {
        assert_eq!(changed("GET", "/v1/p/secrets/s/versions/"), "/v1/p/secrets/s/versions/latest");
        assert_eq!(changed("GET", "/v1/p/secrets//versions/"), "/v1/p/secrets//versions/");
        assert_eq!(changed("GET", "/v1/p/secrets/s/versions//"), "/v1/p/secrets/s/versions//");
    }

    #[test]
    fn the_query_stays_and_the_sent_path_is_kept() {
        let request = Request::builder().uri("/v1/p/secrets/s/versions/?a=%2F").body(()).unwrap();
        let request = canonical_request(&rows(), request);
        assert_eq!(request.uri().to_string(), "/v1/p/secrets/s/versions/latest?a=%2F");
        assert_eq!(SentPath::of(request.extensions(), request.uri()), "/v1/p/secrets/s/versions/");
    }
}
