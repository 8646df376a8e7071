//! Which values a condition key can have, and which operators compare them.
//!
//! What no request can have is no error where a policy is read, because policies that are stored stay; who stores one asks.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

use super::{
    condition::{Comparison, ConditionKey, ConditionKind},
    pattern::{Caseless, Token, matches},
    shape::{Run, Shape},
    template::Template,
};
use crate::{
    tag::{TagKey, is_of_key, is_of_value},
    version::VersionId,
};

const DASH: Run = Run::exactly(|character| character == '-', 1);

const fn of_identifier(count: u8) -> Run {
    Run::exactly(|character| character.is_ascii_lowercase() || character.is_ascii_digit(), count)
}

/// `8-4-4-4-12` lower-case letters and digits: identifiers of keys.
pub const UUID: Shape = Shape::Runs(&[&[
    of_identifier(8),
    DASH,
    of_identifier(4),
    DASH,
    of_identifier(4),
    DASH,
    of_identifier(4),
    DASH,
    of_identifier(12),
]]);

/// Identifiers of users and accounts.
const HEX_ID: Shape = Shape::Runs(&[&[Run::exactly(|character| matches!(character, '0'..='9' | 'a'..='f'), 32)]]);

const VERSION: Shape = Shape::Runs(&[&[
    Run::exactly(|character| character == 'v', 1),
    Run::exactly(|character| matches!(character, '1'..='9'), 1),
    Run::new(|character| character.is_ascii_digit(), 0, 9),
]]);

const ENTERPRISE_PROJECT: Shape = Shape::Runs(&[&[Run::new(|character| !character.is_control(), 1, 36)]]);

const ADDRESS: Shape =
    Shape::Runs(&[&[Run::new(|character| matches!(character, '0'..='9' | 'a'..='f' | '.' | ':'), 2, 45)]]);

const TAG_KEY: Shape = {
    const EDGE: Run = Run::exactly(|character| is_of_key(character) && !character.is_whitespace(), 1);
    Shape::Runs(&[&[EDGE], &[EDGE, Run::new(is_of_key, 0, 126), EDGE]])
};

const TAG_VALUE: Shape = Shape::Runs(&[&[Run::new(is_of_value, 0, 255)]]);

/// Wider than the names that users get, because older ones have others.
const USER_NAME: Shape = {
    const EDGE: Run = Run::exactly(|character| !character.is_control() && !character.is_whitespace(), 1);
    Shape::Runs(&[&[EDGE], &[EDGE, Run::new(|character| !character.is_control(), 0, 126), EDGE]])
};

/// A text in quotes, with escapes for what cannot be seen.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// Something in a condition that no request meets, or that it does not mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The operator has no key.
    NoKey,
    /// The operator compares values of another type.
    Operator(String),
    /// No request has the key or the value.
    Impossible(String),
}

impl ConditionKind {
    /// Whether an operator compares what the key has. Tags may hold what their owner likes. That a text is compared with a
    /// truth or an address means something, if it is written as they are.
    pub(super) const fn takes(self, comparison: Comparison) -> bool {
        match self {
            Self::ResourceTag | Self::RequestTag => true,
            Self::CurrentTime => comparison.is_about_time(),
            Self::SourceIp => matches!(comparison, Comparison::InNetwork) || comparison.is_about_text(),
            Self::SecureTransport | Self::MfaPresent => {
                matches!(comparison, Comparison::Bool) || comparison.is_about_text()
            }
            Self::UserName
            | Self::UserId
            | Self::DomainId
            | Self::SecretType
            | Self::KmsKeyId
            | Self::VersionId
            | Self::EnterpriseProjectId
            | Self::TagKeys => comparison.is_about_text(),
        }
    }

    /// The operators of its type, in words.
    const fn operators(self) -> &'static str {
        match self {
            Self::CurrentTime => "a time; compare it with DateLessThan, DateGreaterThan or their forms with Equals",
            Self::SourceIp => "an address; compare it with IpAddress or NotIpAddress",
            Self::SecureTransport | Self::MfaPresent => "true or false; compare it with Bool",
            _ => "a text; compare it with an operator whose name begins with String",
        }
    }

    /// Whether its values are compared without case: identifiers of keys may be written in either.
    pub(super) const fn has_case(self) -> bool {
        !matches!(self, Self::KmsKeyId)
    }

    /// Whether every request has it.
    pub(super) const fn is_always_there(self) -> bool {
        matches!(self, Self::CurrentTime | Self::DomainId | Self::SecureTransport | Self::MfaPresent)
    }

    /// The value that it has in every request, where there is only one. All callers belong to one account.
    pub(super) const fn only_value(self, account: Option<&str>) -> Option<&str> {
        match self {
            Self::MfaPresent => Some("false"),
            Self::DomainId => account,
            _ => None,
        }
    }

    /// The values, and what they are in words.
    const fn values(self) -> (Shape, &'static str) {
        match self {
            Self::CurrentTime => (Shape::Words(&[]), "times"),
            Self::UserName => (USER_NAME, "names of users"),
            Self::UserId | Self::DomainId => (HEX_ID, "32 characters of 0-9 and a-f"),
            Self::SourceIp => (ADDRESS, "addresses; compare blocks with IpAddress or NotIpAddress"),
            Self::SecureTransport => (Shape::Words(&["true", "false"]), "true and false; compare them with Bool"),
            Self::MfaPresent => (Shape::Words(&["false"]), "false alone, because there is no second factor"),
            Self::SecretType => (Shape::Words(&["COMMON", "RDS-FG", "GaussDB-FG"]), "COMMON, RDS-FG and GaussDB-FG"),
            Self::KmsKeyId => (UUID, "identifiers of keys in the form 8-4-4-4-12, and no aliases"),
            Self::VersionId => (VERSION, "v1, v2 and so on"),
            Self::EnterpriseProjectId => (ENTERPRISE_PROJECT, "0 and texts of 1 to 36 characters"),
            Self::ResourceTag | Self::RequestTag => (TAG_VALUE, "up to 255 letters, digits, spaces and _.:/=+-@"),
            Self::TagKeys => (
                TAG_KEY,
                "1 to 128 letters, digits, spaces and _.:=+-@, with no space at the ends and no _sys_ at the beginning",
            ),
        }
    }
}

impl ConditionKey {
    /// Why no request has the key; `None` if one may.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        let tag = self.tag()?;
        let (_, form) = ConditionKind::TagKeys.values();
        TagKey::parse(tag)
            .err()
            .map(|_| Doubt::Impossible(format!("no tag has the key {}: keys have {form}", quoted(tag))))
    }

    /// Why an operator does not compare what the key has; `None` if it does.
    pub(super) fn doubt_of_operator(&self, comparison: Comparison) -> Option<Doubt> {
        let kind = self.kind();
        (!kind.takes(comparison)).then(|| Doubt::Operator(format!("{self} is {}", kind.operators())))
    }

    /// Why the key never has a value that satisfies a comparison with one of a policy; `None` if it may. `has` says which keys
    /// a request may have, `account` is that of all callers, where it is known.
    pub(super) fn doubt_of_value(
        &self,
        comparison: Comparison,
        value: &str,
        has: &dyn Fn(ConditionKind) -> bool,
        account: Option<&str>,
    ) -> Option<Doubt> {
        let kind = self.kind();
        if !comparison.is_about_text() && comparison != Comparison::Bool {
            // A time or a block of addresses, which the reader has checked.
            return None;
        }
        let Some(mut tokens) = Template::parse(value).any(comparison == Comparison::Like, has) else {
            return Some(Doubt::Impossible(format!(
                "a variable of {} has no value in a request, and no default",
                quoted(value)
            )));
        };
        match comparison {
            Comparison::StartsWith => tokens.push(Token::Star),
            Comparison::EndsWith => tokens.insert(0, Token::Star),
            _ => {}
        }
        let has_case = kind.has_case() && !matches!(comparison, Comparison::EqualsIgnoreCase | Comparison::Bool);
        let (shape, words) = kind.values();
        let is_met = match kind.only_value(account) {
            Some(only) => {
                let caseless = if has_case { Caseless::NOTHING } else { Caseless::EVERYTHING };
                matches(tokens.as_slice(), only, caseless)
            }
            None => shape.may_match(tokens.as_slice(), has_case) && kind.admits(&tokens, has_case),
        };
        let words = match account {
            Some(account) if kind == ConditionKind::DomainId => format!("{account} alone, the account here"),
            _ => words.to_string(),
        };
        (!is_met).then(|| Doubt::Impossible(format!("{self} is never {}: its values are {words}", quoted(value))))
    }
}

impl ConditionKind {
    /// What the shape of the values leaves open.
    fn admits(self, tokens: &[Token], has_case: bool) -> bool {
        let plain = tokens.iter().map(|token| match token {
            Token::Is(character) if has_case => Some(*character),
            Token::Is(character) => Some(character.to_ascii_lowercase()),
            Token::Star | Token::Any => None,
        });
        let plain: Option<String> = plain.collect();
        match (self, plain) {
            (Self::VersionId, Some(text)) => VersionId::parse(&text).is_ok(),
            (Self::SourceIp, Some(text)) => {
                text.parse().is_ok_and(|address: IpAddr| address.to_canonical().to_string() == text)
            }
            (Self::TagKeys, _) => {
                let reserved: Vec<_> = "_sys_".chars().map(Token::Is).collect();
                !tokens.starts_with(&reserved)
            }
            _ => true,
        }
    }
}
