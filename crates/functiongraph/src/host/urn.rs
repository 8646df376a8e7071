//! Names of functions: the URN, its short forms, and what they leave out.
//!
//! It does not know which functions exist.

use std::{fmt, str::FromStr};

use crate::protocol::{DEFAULT_PACKAGE, LATEST};

/// Which state of a function is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Qualifier {
    /// A version, `latest` unless said otherwise.
    Version(String),
    /// An alias, written with a leading `!`.
    Alias(String),
}

/// `urn:fss:<region>:<project_id>:function:<package>:<name>[:<version>|:!<alias>]`, or one of the short forms
/// `name`, `package:name`, `project:package:name` and `project:package:name:version-or-!alias`.
///
/// What a short form leaves out stays open (region, project) or takes its default (package `default`, version
/// `latest`). Source: API reference, functiongraph_06_0102.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FunctionUrn {
    region: Option<String>,
    project_id: Option<String>,
    package: String,
    name: String,
    qualifier: Qualifier,
}

/// A text is not the URN of a function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("function URN: {part} {rule}")]
pub struct UrnError {
    /// Which part is wrong.
    pub part: &'static str,
    /// What it has to be.
    pub rule: &'static str,
}

impl FunctionUrn {
    /// Region; `None` in a short form.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Project id; `None` in a short form without one.
    #[must_use]
    pub fn project_id(&self) -> Option<&str> {
        self.project_id.as_deref()
    }

    /// Package ("app").
    #[must_use]
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Name of the function.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Version or alias.
    #[must_use]
    pub fn qualifier(&self) -> &Qualifier {
        &self.qualifier
    }

    /// The same URN, with this project if it named none.
    #[must_use]
    pub fn with_default_project(mut self, project_id: &str) -> Self {
        self.project_id.get_or_insert_with(|| project_id.to_owned());
        self
    }

    /// Whether both name the same function, whatever the version. A part which one of them leaves open agrees.
    pub(super) fn same_function(&self, other: &Self) -> bool {
        let agree = |one: &Option<String>, two: &Option<String>| match (one, two) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        self.name == other.name
            && self.package == other.package
            && agree(&self.project_id, &other.project_id)
            && agree(&self.region, &other.region)
    }
}

impl FromStr for FunctionUrn {
    type Err = UrnError;

    fn from_str(text: &str) -> Result<Self, UrnError> {
        let fields: Vec<&str> = text.split(':').collect();
        let (region, project_id, package, name, qualifier) = match fields.as_slice() {
            ["urn", "fss", region, project_id, "function", package, name] => {
                (Some(*region), Some(*project_id), *package, *name, LATEST)
            }
            ["urn", "fss", region, project_id, "function", package, name, qualifier] => {
                (Some(*region), Some(*project_id), *package, *name, *qualifier)
            }
            [name] => (None, None, DEFAULT_PACKAGE, *name, LATEST),
            [package, name] => (None, None, *package, *name, LATEST),
            [project_id, package, name] => (None, Some(*project_id), *package, *name, LATEST),
            [project_id, package, name, qualifier] => (None, Some(*project_id), *package, *name, *qualifier),
            _ => return Err(UrnError { part: "form", rule: "must be a full URN or have one to four fields" }),
        };
        let identifier =
            |part, text: &str| check(part, text, 64, |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if let Some(region) = region {
            identifier("region", region)?;
        }
        if let Some(project_id) = project_id {
            identifier("project id", project_id)?;
        }
        check_name("package", package)?;
        check_name("name", name)?;
        let qualifier = match qualifier.strip_prefix('!') {
            Some(alias) => Qualifier::Alias(check_qualifier("alias", alias)?),
            None => Qualifier::Version(check_qualifier("version", qualifier)?),
        };
        Ok(Self {
            region: region.map(str::to_owned),
            project_id: project_id.map(str::to_owned),
            package: package.to_owned(),
            name: name.to_owned(),
            qualifier,
        })
    }
}

/// 1 to 60 letters, digits, `-` and `_`; a letter first, a letter or digit last.
fn check_name(part: &'static str, text: &str) -> Result<(), UrnError> {
    check(part, text, 60, |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))?;
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let ends = text.ends_with(|last: char| last.is_ascii_alphanumeric());
    if starts && ends {
        return Ok(());
    }
    Err(UrnError { part, rule: "must start with a letter and end with a letter or digit" })
}

fn check_qualifier(part: &'static str, text: &str) -> Result<String, UrnError> {
    check(part, text, 63, |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))?;
    Ok(text.to_owned())
}

fn check(part: &'static str, text: &str, longest: usize, allowed: impl Fn(u8) -> bool) -> Result<(), UrnError> {
    if text.is_empty() {
        return Err(UrnError { part, rule: "must not be empty" });
    }
    if text.len() > longest {
        return Err(UrnError { part, rule: "is too long" });
    }
    if !text.bytes().all(allowed) {
        return Err(UrnError { part, rule: "has a character which is not allowed" });
    }
    Ok(())
}

impl fmt::Display for Qualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => f.write_str(version),
            Self::Alias(alias) => write!(f, "!{alias}"),
        }
    }
}

impl fmt::Display for FunctionUrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, project_id, package, name, qualifier } = self;
        match (region, project_id) {
            (Some(region), Some(project_id)) => {
                write!(f, "urn:fss:{region}:{project_id}:function:{package}:{name}:{qualifier}")
            }
            (_, Some(project_id)) => write!(f, "{project_id}:{package}:{name}:{qualifier}"),
            (_, None) => write!(f, "{package}:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> FunctionUrn {
        text.parse().unwrap()
    }

    #[test]
    fn a_full_urn_is_read() {
        let urn = parse("urn:fss:eu-west-101:0f5181:function:default:test2-0:latest");
        assert_eq!((urn.region(), urn.project_id()), (Some("eu-west-101"), Some("0f5181")));
        assert_eq!((urn.package(), urn.name()), ("default", "test2-0"));
        assert_eq!(urn.qualifier(), &Qualifier::Version("latest".to_owned()));
        assert_eq!(urn.to_string(), "urn:fss:eu-west-101:0f5181:function:default:test2-0:latest");
    }

    #[test]
    fn a_urn_without_a_version_means_latest() {
        assert_eq!(parse("urn:fss:r:p:function:app:name"), parse("urn:fss:r:p:function:app:name:latest"));
    }

    #[test]
    fn short_forms_are_completed() {
        let name = parse("rotate");
        assert_eq!((name.region(), name.project_id(), name.package()), (None, None, "default"));
        assert_eq!(parse("app:rotate").package(), "app");
        let with_project = parse("p:app:rotate");
        assert_eq!(with_project.project_id(), Some("p"));
        assert_eq!(with_project.qualifier(), &Qualifier::Version("latest".to_owned()));
        assert_eq!(parse("p:app:rotate:v2").qualifier(), &Qualifier::Version("v2".to_owned()));
        assert_eq!(parse("p:app:rotate:!prod").qualifier(), &Qualifier::Alias("prod".to_owned()));
        assert_eq!(parse("p:app:rotate:!prod").to_string(), "p:app:rotate:!prod");
    }

    #[test]
    fn a_missing_project_is_filled_and_a_given_one_kept() {
        assert_eq!(parse("rotate").with_default_project("p").project_id(), Some("p"));
        assert_eq!(parse("q:app:rotate").with_default_project("p").project_id(), Some("q"));
    }

    #[test]
    fn other_texts_are_refused_with_the_part_which_is_wrong() {
        let part = |text: &str| text.parse::<FunctionUrn>().unwrap_err().part;
        assert_eq!(part("urn:fss:r:p:trigger:app:name"), "form");
        assert_eq!(part("urn:fss:r:p:function"), "form");
        assert_eq!(part("urn:fss:r:p:function:app:name:latest:more"), "form");
        assert_eq!(part(""), "name");
        assert_eq!(part("1name"), "name");
        assert_eq!(part("name-"), "name");
        assert_eq!(part("na me"), "name");
        assert_eq!(part(&"n".repeat(61)), "name");
        assert_eq!(part("urn:fss::p:function:app:name"), "region");
        assert_eq!(part("urn:fss:r:../p:function:app:name"), "project id");
        assert_eq!(part("p:app:name:!"), "alias");
        assert_eq!(part("p:app:name:"), "version");
    }

    #[test]
    fn open_parts_agree_and_different_parts_do_not() {
        let full = parse("urn:fss:r:p:function:default:rotate");
        assert!(full.same_function(&parse("rotate")));
        assert!(full.same_function(&parse("p:default:rotate:v2")));
        assert!(!full.same_function(&parse("q:default:rotate")));
        assert!(!full.same_function(&parse("urn:fss:elsewhere:p:function:default:rotate")));
        assert!(!full.same_function(&parse("other")));
    }
}
