//! Version identifiers and the metadata of a version.

use alloc::{format, string::String};
use core::{fmt, num::NonZeroU32};

use serde::{Deserialize, Serialize};

use crate::{
    identity::KeyId,
    problem::{Rule, Violation},
    time::UnixMillis,
};

/// Greatest number of versions of one secret (CreateSecretVersion).
pub const MAX_VERSIONS: usize = 20;

/// A version's identifier: `v1`, `v2`, … Numbers are never used twice within a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionId(NonZeroU32);

impl VersionId {
    /// `v1`, the version that comes with a new secret.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The identifier with this number; `None` for 0.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number after the `v`.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0.get()
    }

    /// The identifier after this one; the last possible one repeats.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Parses `vN` without leading zeros, at most ten digits.
    ///
    /// # Errors
    /// [`Rule::Pattern`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let pattern = || Violation::new(Rule::Pattern, "^v[1-9][0-9]{0,9}$");
        let digits = text.strip_prefix('v').ok_or_else(pattern)?;
        if digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(pattern());
        }
        digits.parse().map(Self).map_err(|_| pattern())
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl From<VersionId> for String {
    fn from(id: VersionId) -> Self {
        format!("{id}")
    }
}

/// Leaves out what is false.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// A version's metadata. Its value is stored and sealed elsewhere; its stages are the secret's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The identifier.
    pub id: VersionId,
    /// When it was made.
    pub create_time: UnixMillis,
    /// When an expiry event fires; the value stays readable afterwards. Whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_time: Option<UnixMillis>,
    /// Whether that event has fired for the present expiry.
    #[serde(default, skip_serializing_if = "is_false")]
    pub expiry_told: bool,
    /// The KMS key that protects this version; later changes of the secret's key do not touch it.
    pub kms_key_id: KeyId,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_that_are_no_version_are_refused() {
        for text in ["", "v", "v0", "v01", "1", "V1", "v-1", "v1x", "latest", "v99999999999"] {
            assert!(VersionId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_by_number_not_by_text() {
        assert!(VersionId::parse("v9").unwrap() < VersionId::parse("v10").unwrap());
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(number in 1_u32..) {
            let id = VersionId::from_number(number).unwrap();
            prop_assert_eq!(VersionId::parse(&String::from(id)).unwrap(), id);
        }
    }
}
