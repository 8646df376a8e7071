//! Users of the installation: parameters of ListUsers, and the body of UpdateUserPassword.

use alloc::{string::String, vec::Vec};

use csms_core::{Problem, Rule, Violation};
use serde_json::Value;
use zeroize::Zeroizing;

use super::query::Parameters;
use crate::fields::Fields;

/// Least and greatest number of characters of a new password (ours: the definitions name none).
pub const PASSWORD_CHARACTERS: core::ops::RangeInclusive<usize> = 8..=128;

/// Parameters of ListUsers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListUsers {
    /// Only users of this organisation; all when absent.
    pub organisation: Option<String>,
    /// Number of the page, from 0.
    pub page: u64,
    /// Users of a page, 10 to 100.
    pub limit: u64,
    /// Only users whose names contain this.
    pub part_of_name: Option<String>,
}

fn number(text: &str) -> Result<u64, Violation> {
    text.parse().map_err(|_| Violation::new(Rule::Type, "a whole number that is not negative"))
}

impl ListUsers {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Every problem they have.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut parameters = Parameters::of(pairs);
        parameters.require("offset");
        parameters.require("limit");
        let page = parameters.parsed("offset", number).unwrap_or_default();
        let limit = parameters.parsed("limit", |text| match number(text)? {
            less @ 0..10 => Err(Violation::new(Rule::TooSmall, "10").with_limit(10, less)),
            limit @ 10..=100 => Ok(limit),
            more => Err(Violation::new(Rule::TooLarge, "100").with_limit(100, more)),
        });
        let part_of_name = parameters.parsed("user_info", |text| match text.chars().count() {
            0..=64 => Ok(String::from(text)),
            more => Err(Violation::new(Rule::TooLong, "64 characters long").with_limit(64, more as u64)),
        });
        let organisation = parameters.parsed("org_id", |text| Ok(String::from(text)));
        parameters.finish(Self { organisation, page, limit: limit.unwrap_or_default(), part_of_name })
    }
}

/// A read body of UpdateUserPassword. Has no `Debug`: it holds passwords.
pub struct ChangePassword {
    /// The current password.
    pub old: Zeroizing<String>,
    /// The new one.
    pub new: Zeroizing<String>,
}

impl ChangePassword {
    /// Reads a body.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(body: Value) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::of(body)?;
        fields.require("password");
        fields.require("old_password");
        let (least, most) = (*PASSWORD_CHARACTERS.start(), *PASSWORD_CHARACTERS.end());
        let new = fields.parsed("password", |text| match text.chars().count() {
            less if less < least => {
                Err(Violation::new(Rule::TooShort, "8 characters long").with_limit(least as u64, less as u64))
            }
            more if more > most => {
                Err(Violation::new(Rule::TooLong, "128 characters long").with_limit(most as u64, more as u64))
            }
            _ => Ok(Zeroizing::new(text)),
        });
        let old = fields.text("old_password").map(Zeroizing::new);
        fields.finish(old.zip(new).map(|(old, new)| Self { old, new }))
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use serde_json::json;

    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_page_of_users_has_a_number_and_a_size() {
        let read = ListUsers::read(&pairs(&[("offset", "2"), ("limit", "10"), ("org_id", "")])).unwrap();
        assert_eq!((read.page, read.limit, read.organisation), (2, 10, None));
        let problems = ListUsers::read(&pairs(&[("limit", "9"), ("user_info", &"x".repeat(65))])).unwrap_err();
        let told: Vec<_> = problems.into_iter().map(|problem| problem.path).collect();
        assert_eq!(told, ["offset", "limit", "user_info"]);
        assert!(ListUsers::read(&pairs(&[("offset", "-1"), ("limit", "101")])).unwrap_err().len() == 2);
    }

    #[test]
    fn a_new_password_has_eight_to_128_characters() {
        let read = |new: &str| ChangePassword::read(json!({ "password": new, "old_password": "old" }));
        assert!(read("12345678").is_ok() && read(&"é".repeat(128)).is_ok());
        assert!(read("1234567").is_err() && read(&"é".repeat(129)).is_err());
        assert_eq!(ChangePassword::read(json!({})).err().unwrap().len(), 2);
    }
}
