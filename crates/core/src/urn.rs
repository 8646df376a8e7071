//! Function URNs: the address of the rotation function that a secret names in `rotation_func_urn`.
//!
//! Form: `urn:fss:<region>:<project id>:function:<package>:<name>[:<version> | :!<alias>]`
//! (`compatibility/functiongraph.md#5-function-urn`). The short forms that the invoke API accepts are not accepted here: a
//! secret outlives the context that would complete them.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::problem::{Rule, Violation, length};

/// Address of a function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FunctionUrn {
    region: String,
    project: String,
    package: String,
    function: String,
    version: Option<String>,
}

/// Whether `text` has 1 to `max` characters, letters, digits and `extra`.
fn is_token(text: &str, max: usize, extra: &[char]) -> bool {
    (1..=max).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(&c))
}

impl FunctionUrn {
    /// Parses the full form, with or without a version.
    ///
    /// # Errors
    /// [`Rule::TooLong`] above 255 characters, else [`Rule::Pattern`].
    pub fn parse(text: &str) -> Result<Self, Violation> {
        length(text.chars().count(), 1, 255, "1 character long", "255 characters long")?;
        Self::split(text).ok_or_else(|| {
            Violation::new(
                Rule::Pattern,
                "urn:fss:<region>:<project id>:function:<package>:<function>[:<version>|:!<alias>]",
            )
        })
    }

    fn split(text: &str) -> Option<Self> {
        let mut fields = text.split(':');
        let mut next = || fields.next();
        if (next()?, next()?) != ("urn", "fss") {
            return None;
        }
        let (region, project) = (next()?, next()?);
        if next()? != "function" {
            return None;
        }
        let (package, function, version) = (next()?, next()?, next());
        let well_formed = next().is_none()
            && is_token(region, 64, &['-', '_'])
            && is_token(project, 64, &['-', '_'])
            && is_token(package, 64, &['-', '_', '.'])
            && is_token(function, 128, &['-', '_'])
            && function.starts_with(|c: char| c.is_ascii_alphabetic())
            && version
                .is_none_or(|version| is_token(version.strip_prefix('!').unwrap_or(version), 64, &['-', '_', '.']));
        well_formed.then(|| Self {
            region: region.to_string(),
            project: project.to_string(),
            package: package.to_string(),
            function: function.to_string(),
            version: version.map(ToString::to_string),
        })
    }

    /// Region, such as `cn-north-4`.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Project id.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Package (“app”), usually `default`.
    #[must_use]
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Function name.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// Version or `!alias`; `latest` where the text names none.
    #[must_use]
    pub fn version(&self) -> &str {
        self.version.as_deref().unwrap_or("latest")
    }

    /// The same function with its version spelled out, for comparing and for look-up.
    #[must_use]
    pub fn qualified(&self) -> Self {
        Self { version: Some(self.version().to_string()), ..self.clone() }
    }
}

impl fmt::Display for FunctionUrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "urn:fss:{}:{}:function:{}:{}", self.region, self.project, self.package, self.function)?;
        match &self.version {
            Some(version) => write!(f, ":{version}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for FunctionUrn {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|violation| violation.message())
    }
}

impl From<FunctionUrn> for String {
    fn from(urn: FunctionUrn) -> Self {
        format!("{urn}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_full_form_is_taken_apart() {
        let urn =
            FunctionUrn::parse("urn:fss:cn-north-4:0123456789abcdef0123456789abcdef:function:default:test2-0:latest")
                .unwrap();
        assert_eq!(
            (urn.region(), urn.package(), urn.function(), urn.version()),
            ("cn-north-4", "default", "test2-0", "latest")
        );
    }

    #[test]
    fn a_missing_version_means_latest() {
        let urn = FunctionUrn::parse("urn:fss:r:p:function:default:f").unwrap();
        assert_eq!(urn.version(), "latest");
        assert_eq!(urn.qualified().to_string(), "urn:fss:r:p:function:default:f:latest");
    }

    #[test]
    fn an_alias_keeps_its_exclamation_mark() {
        assert_eq!(FunctionUrn::parse("urn:fss:r:p:function:default:f:!live").unwrap().version(), "!live");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "f",
            "urn:fss:r:p:function:default",
            "urn:fss:r:p:function:default:1f",
            "urn:fss:r:p:function:default:f:v:x",
            "urn:smn:r:p:function:default:f",
            "urn:fss::p:function:default:f",
            "urn:fss:r:p:function:default:f:",
        ] {
            assert!(FunctionUrn::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(
            region in "[a-z]{2,8}-[a-z]{2,8}-[0-9]", project in "[0-9a-f]{32}", package in "[a-z][a-z0-9_-]{0,9}",
            function in "[a-zA-Z][a-zA-Z0-9_-]{0,20}", version in proptest::option::of("!?[a-z0-9]{1,9}"),
        ) {
            let suffix = version.map(|version| format!(":{version}")).unwrap_or_default();
            let text = format!("urn:fss:{region}:{project}:function:{package}:{function}{suffix}");
            prop_assert_eq!(FunctionUrn::parse(&text).unwrap().to_string(), text);
        }
    }
}
