//! Bodies of the checker of secrets: CheckSecrets and UpdateSecretsConfig.
//!
//! The definitions leave open what `type` and `data` hold. Here the one type is `password`, whose data are the password and
//! the user name it is for.

use alloc::{string::String, vec::Vec};

use csms_core::{Problem, Rule, Violation};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{fields::Fields, optional};

/// A read CheckSecrets body. Has no `Debug`: it holds a password.
pub struct CheckSecrets {
    /// The password.
    pub password: Zeroizing<String>,
    /// The account's name; empty when there is none.
    pub user_name: String,
}

impl CheckSecrets {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::of(body)?;
        fields.require("type");
        fields.parsed(
            "type",
            |text| {
                if text == "password" { Ok(()) } else { Err(Violation::new(Rule::Choice, "password")) }
            },
        );
        fields.require("data");
        let read = fields.object("data", |data| {
            let mut data = Fields::with_optional(data, &optional::CHECK_DATA)?;
            data.require("secret");
            let password = data.text("secret").map(Zeroizing::new);
            let user_name = data.text("user_name").unwrap_or_default();
            data.finish(password.map(|password| Self { password, user_name }))
        });
        fields.finish(read)
    }
}

/// Reads the body of UpdateSecretsConfig: whether passwords are checked, or `None` when nothing is said.
///
/// # Errors
/// Every problem it has.
pub fn read_config(body: Value) -> Result<Option<bool>, Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::CHECKER_CONFIG)?;
    let checking = fields.boolean("checking_secret_strength");
    fields.finish(Some(checking))
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use serde_json::json;

    use super::*;

    #[test]
    fn every_problem_is_told_without_the_password() {
        let read = |body| CheckSecrets::read(body).err().unwrap();
        let problems = read(json!({ "type": "hunter2", "data": { "secret": 1 } }));
        let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["type", "data.secret"]);
        assert!(!problems.iter().any(|problem| problem.to_string().contains("hunter2")));
        assert_eq!(read(json!({})).len(), 2);
    }

    #[test]
    fn a_switch_that_is_not_given_is_left() {
        assert_eq!(read_config(json!({})), Ok(None));
        assert_eq!(read_config(json!({ "checking_secret_strength": true })), Ok(Some(true)));
        assert_eq!(read_config(json!({ "checking_secret_strength": "true" })), Ok(Some(true)));
        assert!(read_config(json!({ "checking_secret_strength": "yes" })).is_err());
    }
}
