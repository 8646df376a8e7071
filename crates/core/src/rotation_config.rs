//! `rotation_config`: the database instance of a secret, and whether one account is rotated or two alternate.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    json::{self, Unread},
    name::SecretName,
    problem::{Rule, Violation, length},
};

/// How many accounts take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RotationMode {
    /// One account; each rotation gives it a new password.
    SingleUser,
    /// Two accounts; each rotation changes the idle one and swaps the stages.
    MultiUser,
}

impl RotationMode {
    /// The word of `SecretSubType`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SingleUser => "SingleUser",
            Self::MultiUser => "MultiUser",
        }
    }

    /// The value of a task's `operate_type` (`compatibility/rotation.md#4-rotatesecret-and-tasks`).
    #[must_use]
    pub const fn operate_type(self) -> &'static str {
        match self {
            Self::SingleUser => "SINGLE_USER",
            Self::MultiUser => "MULTI_USER",
        }
    }
}

/// The parsed `rotation_config`: `{"InstanceId":"…","SecretSubType":"SingleUser"}`, and optionally two members of ours:
/// `"AdminSecret":"…"`, the secret of an administrator of the database server, and `"Host":"…"`, the host part of the
/// account, for a MySQL or MariaDB server that has several accounts of one name.
///
/// Read leniently, since the documentation's examples quote with `'` and older pages say `RDSInstanceId`; always
/// printed as valid JSON with the current names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RotationConfig {
    instance_id: String,
    mode: RotationMode,
    admin_secret: Option<SecretName>,
    host: Option<String>,
}

/// The names of its members, current and legacy.
const MEMBERS: [&str; 5] = ["InstanceId", "RDSInstanceId", "SecretSubType", "AdminSecret", "Host"];

const FORM: &str = r#"{"InstanceId":"…","SecretSubType":"SingleUser" or "MultiUser"}"#;

impl RotationConfig {
    /// Parses the text of the field.
    ///
    /// # Errors
    /// [`Rule::TooLong`] above 1,024 characters, [`Rule::Json`] when it is not the documented object, [`Rule::Duplicate`] when it
    /// repeats a member.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        length(text.chars().count(), 1, 1024, "1 character long", "1024 characters long")?;
        let value = match json::parse(text) {
            Err(Unread::Malformed) => json::parse(&text.replace('\'', "\"")),
            read => read,
        };
        let value = value.map_err(|unread| match unread {
            Unread::Malformed => Violation::new(Rule::Json, FORM),
            Unread::Repeated(name) => match MEMBERS.into_iter().find(|known| *known == name) {
                Some(known) => Violation::new(Rule::Duplicate, known),
                None => Violation::new(Rule::Duplicate, "a member"),
            },
        })?;
        Self::from_json(&value).ok_or_else(|| Violation::new(Rule::Json, FORM))
    }

    fn from_json(value: &Value) -> Option<Self> {
        let instance_id = value.get("InstanceId").or_else(|| value.get("RDSInstanceId"))?.as_str()?;
        let mode = match value.get("SecretSubType")?.as_str()? {
            "SingleUser" => RotationMode::SingleUser,
            "MultiUser" => RotationMode::MultiUser,
            _ => return None,
        };
        let admin_secret = match value.get("AdminSecret") {
            None | Some(Value::Null) => None,
            Some(name) => Some(SecretName::parse(name.as_str()?).ok()?),
        };
        let plain = !instance_id.is_empty() && !instance_id.chars().any(|c| c.is_control() || c == '"' || c == '\\');
        let host = match value.get("Host") {
            None | Some(Value::Null) => None,
            Some(host) => Some(host.as_str().filter(|host| is_host_part(host))?.to_owned()),
        };
        plain.then(|| Self { instance_id: instance_id.to_owned(), mode, admin_secret, host })
    }

    /// Identifier of the database instance in the cloud; any text for a self-hosted database.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.instance_id
    }

    /// One account or two.
    #[must_use]
    pub const fn mode(&self) -> RotationMode {
        self.mode
    }

    /// The secret of the same project whose SYSCURRENT version holds an administrator of the database server. A rotation
    /// uses it only where the account cannot help itself.
    #[must_use]
    pub const fn admin_secret(&self) -> Option<&SecretName> {
        self.admin_secret.as_ref()
    }

    /// The host part of the account (MySQL, MariaDB), `%` or `10.0.%` for instance. A rotation changes this account alone.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }
}

/// Host parts hold names, addresses, netmasks and the wildcards `%` and `_`; the longest has 255 characters.
fn is_host_part(host: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%' | '/');
    (1..=255).contains(&host.len()) && host.chars().all(plain)
}

impl fmt::Display for RotationConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The constructor admits nothing that would need escaping.
        write!(f, r#"{{"InstanceId":"{}","SecretSubType":"{}""#, self.instance_id, self.mode.as_str())?;
        if let Some(admin) = &self.admin_secret {
            write!(f, r#","AdminSecret":"{admin}""#)?;
        }
        if let Some(host) = &self.host {
            write!(f, r#","Host":"{host}""#)?;
        }
        f.write_str("}")
    }
}

impl TryFrom<String> for RotationConfig {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|violation| violation.message())
    }
}

impl From<RotationConfig> for String {
    fn from(config: RotationConfig) -> Self {
        config.to_string()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_documented_single_quotes_are_read_and_double_quotes_printed() {
        let config = RotationConfig::parse("{'InstanceId':'abc','SecretSubType':'MultiUser'}").unwrap();
        assert_eq!(config.mode(), RotationMode::MultiUser);
        assert_eq!(config.to_string(), r#"{"InstanceId":"abc","SecretSubType":"MultiUser"}"#);
    }

    #[test]
    fn a_host_part_is_read_and_printed() {
        let text = r#"{"InstanceId":"abc","SecretSubType":"SingleUser","Host":"10.0.%"}"#;
        let config = RotationConfig::parse(text).unwrap();
        assert_eq!((config.host(), config.to_string().as_str()), (Some("10.0.%"), text));
        for host in ["", "a'b", "a b", "\u{e9}"] {
            assert!(RotationConfig::parse(&text.replace("10.0.%", host)).is_err(), "{host}");
        }
    }

    #[test]
    fn an_administrator_is_read_and_printed() {
        let text = r#"{"InstanceId":"abc","SecretSubType":"SingleUser","AdminSecret":"db-root"}"#;
        let config = RotationConfig::parse(text).unwrap();
        assert_eq!(config.admin_secret().map(SecretName::as_str), Some("db-root"));
        assert_eq!(config.to_string(), text);
    }

    #[test]
    fn a_repeated_member_is_refused_and_named() {
        let with = |rest: &str| format!(r#"{{"InstanceId":"i","SecretSubType":"SingleUser",{rest}}}"#);
        for (text, told) in [
            (with(r#""AdminSecret":"one","AdminSecret":"two""#), "must not repeat AdminSecret"),
            (with(r#""Instance\u0049d":"j""#), "must not repeat InstanceId"),
            (with(r#""Host":"%","Host":"%""#), "must not repeat Host"),
            (with(r#""note":1,"note":2"#), "must not repeat a member"),
            (with(r#""note":{"a":1,"a":2}"#), "must not repeat a member"),
            ("{'InstanceId':'i','InstanceId':'j','SecretSubType':'MultiUser'}".into(), "must not repeat InstanceId"),
        ] {
            let violation = RotationConfig::parse(&text).unwrap_err();
            assert_eq!((violation.rule, violation.message().as_str()), (Rule::Duplicate, told), "{text}");
        }
    }

    #[test]
    fn the_legacy_instance_name_is_read() {
        let config = RotationConfig::parse(r#"{"RDSInstanceId":"abc","SecretSubType":"SingleUser"}"#).unwrap();
        assert_eq!(config.instance_id(), "abc");
    }

    #[test]
    fn an_apostrophe_inside_valid_json_is_kept() {
        let config = RotationConfig::parse(r#"{"InstanceId":"team's","SecretSubType":"SingleUser"}"#).unwrap();
        assert_eq!(config.instance_id(), "team's");
    }

    #[test]
    fn incomplete_objects_are_refused() {
        for text in [
            "{}",
            "[]",
            "null",
            "x",
            r#"{"InstanceId":"a"}"#,
            r#"{"InstanceId":"","SecretSubType":"SingleUser"}"#,
            r#"{"InstanceId":"a","SecretSubType":"Both"}"#,
            r#"{"InstanceId":1,"SecretSubType":"SingleUser"}"#,
            r#"{"InstanceId":"a","SecretSubType":"SingleUser","AdminSecret":"no name"}"#,
        ] {
            assert_eq!(RotationConfig::parse(text).unwrap_err().rule, Rule::Json, "{text}");
        }
        assert_eq!(RotationConfig::parse(&"x".repeat(1025)).unwrap_err().rule, Rule::TooLong);
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(instance in "[^\\p{Cc}\"\\\\]{1,40}", multi: bool) {
            let mode = if multi { "MultiUser" } else { "SingleUser" };
            let text = format!(r#"{{"InstanceId":"{instance}","SecretSubType":"{mode}"}}"#);
            prop_assert_eq!(RotationConfig::parse(&text).unwrap().to_string(), text);
        }
    }
}
