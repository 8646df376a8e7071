//! The one list of licences under which something may be shipped: `[licenses]` of `.deny.toml`, which `cargo deny` reads too.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde::Deserialize;

/// The list's file, below the root of the repository.
pub(super) const FILE: &str = ".deny.toml";

/// The list.
#[derive(Debug)]
pub(super) struct Licences {
    allowed: Vec<String>,
    /// What single libraries may have beside it.
    exceptions: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct File {
    licenses: Section,
}

#[derive(Deserialize)]
struct Section {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    library: String,
    allow: Vec<String>,
}

impl Licences {
    /// Reads the list.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let text = fs::read_to_string(root.join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).with_context(|| format!("{FILE} is not as expected"))?;
        let exceptions = file.licenses.exceptions.into_iter().map(|exception| (exception.library, exception.allow));
        Ok(Self { allowed: file.licenses.allow, exceptions: exceptions.collect() })
    }

    /// Whether an SPDX expression allows a use of `library` under a licence of the list.
    pub(super) fn allow(&self, library: &str, expression: &str) -> bool {
        let own = self.exceptions.get(library).map(Vec::as_slice).unwrap_or_default();
        let is_listed = |licence: &str| {
            let licence = licence.trim_matches(|c: char| c.is_whitespace() || "()".contains(c));
            self.allowed.iter().chain(own).any(|allowed| allowed == licence)
        };
        // Older manifests write a choice with a slash. No expression nests further than a choice within a sum.
        let all = expression.replace('/', " OR ");
        all.split(" AND ").all(|sum| sum.split(" OR ").any(is_listed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Licences {
        let text = "[licenses]\nallow = [\"MIT\", \"Apache-2.0\", \"Apache-2.0 WITH LLVM-exception\", \"Unicode-3.0\"]\n\
                    exceptions = [{ crate = \"theme\", allow = [\"MPL-2.0\"] }]\n";
        Licences::parse(text).unwrap()
    }

    #[test]
    fn an_expression_is_allowed_if_one_choice_of_each_part_is() {
        for allowed in [
            "MIT",
            "MIT OR GPL-3.0",
            "Apache-2.0/MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(list().allow("any", allowed), "{allowed}");
        }
        for refused in
            ["GPL-3.0-only", "MIT AND GPL-3.0-only", "(GPL-2.0 OR AGPL-3.0) AND MIT", "", "SSPL-1.0 OR BUSL-1.1"]
        {
            assert!(!list().allow("any", refused), "{refused}");
        }
    }

    #[test]
    fn an_exception_is_for_its_library_alone() {
        assert!(list().allow("theme", "MPL-2.0") && list().allow("theme", "MPL-2.0 AND MIT"));
        assert!(!list().allow("another", "MPL-2.0") && !list().allow("theme", "MPL-2.0 AND GPL-3.0-only"));
    }
}
