//! The event of a caller of the invoke API, as the function gets it.
//!
//! A function that runs here has credentials of this server. So its event names this server's own address as
//! `csms_endpoint`, whatever the caller wrote: a caller cannot have the credentials sent elsewhere, nor use the function to
//! reach into this server's network. Everything else in the event is the caller's.

use std::{collections::BTreeMap, fmt};

use csms_api::ErrorCode;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::{RawValue, to_raw_value};

use crate::failure::Failure;

/// Member of an event that names the server which the function calls.
const ENDPOINT: &str = "csms_endpoint";

/// Member of the event of a dry run that says that an older secret names the same account.
const SHARED_ACCOUNT: &str = "shared_account";

/// The event with the endpoint given here, and with what the server knows of the secret's account. An event without content
/// becomes one with the endpoint alone.
///
/// # Errors
/// What is not a JSON object, or has a member twice.
pub(crate) fn with_endpoint(event: &[u8], endpoint: &str, shared_account: bool) -> Result<Vec<u8>, Failure> {
    let event = if event.is_empty() { b"{}" } else { event };
    let Members(mut members) = serde_json::from_slice(event)
        .map_err(|error| Failure::new(ErrorCode::InvalidBody, format!("the event must be a JSON object: {error}")))?;
    let endpoint = to_raw_value(endpoint).map_err(Failure::internal)?;
    // Readers take names in other cases, too.
    let folded = |name: &str| name.replace('_', "").to_ascii_lowercase();
    members.retain(|name, _| folded(name) != folded(ENDPOINT));
    members.insert(ENDPOINT.to_owned(), &endpoint);
    let is_shared = to_raw_value(&true).map_err(Failure::internal)?;
    if shared_account {
        members.insert(SHARED_ACCOUNT.to_owned(), &is_shared);
    }
    serde_json::to_vec(&members).map_err(Failure::internal)
}

/// The members of an object, by name, with their values as they were written.
struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if members.contains_key(&name) {
                        return Err(A::Error::custom(format!("the member \"{}\" is repeated", name.escape_debug())));
                    }
                    members.insert(name, value);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

    use serde_json::{Value, json};

    use super::*;

    const OWN: &str = "https://csms.example";

    fn pinned(event: &str) -> Value {
        serde_json::from_slice(&with_endpoint(event.as_bytes(), OWN, false).unwrap()).unwrap()
    }

    #[test]
    fn the_endpoint_is_the_servers_whatever_the_event_says() {
        for event in [
            "",
            "{}",
            r#"{"csms_endpoint":"http://169.254.169.254"}"#,
            r#"{"csms\u005fendpoint":"http://169.254.169.254"}"#,
            r#"{"csms_endpoint":null}"#,
            r#"{"csms_endpoint":{"a":[1]}}"#,
            r#"{"CsmsEndpoint":"http://169.254.169.254"}"#,
            r#"{"CSMS_ENDPOINT":"http://169.254.169.254"}"#,
            r#"{"_csms_endpoint":"http://169.254.169.254"}"#,
        ] {
            assert_eq!(pinned(event), json!({ "csms_endpoint": OWN }), "{event}");
        }
    }

    #[test]
    fn everything_else_stays_as_it_was_written() {
        let event = r#"{"secret_name":"x","number":1.50,"nested":{"csms_endpoint":"http://a","list":[1, 2]}}"#;
        let pinned = with_endpoint(event.as_bytes(), OWN, false).unwrap();
        let pinned = String::from_utf8(pinned).unwrap();
        assert!(pinned.contains(r#""number":1.50"#), "{pinned}");
        assert!(pinned.contains(r#""nested":{"csms_endpoint":"http://a","list":[1, 2]}"#), "{pinned}");
    }

    #[test]
    fn a_repeated_member_is_refused_by_its_name() {
        for event in [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#] {
            let failure = with_endpoint(event.as_bytes(), OWN, false).unwrap_err();
            assert_eq!(failure.error.code, ErrorCode::InvalidBody);
            assert!(failure.error.message.contains(r#""a" is repeated"#), "{}", failure.error.message);
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for event in ["[]", "null", "{", "{}x", "\u{feff}{}"] {
            assert!(with_endpoint(event.as_bytes(), OWN, false).is_err(), "{event}");
        }
    }
}
