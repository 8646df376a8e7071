//! UpdateKeyRotationInterval. The other requests about the rotation of a key name the key alone.

use alloc::vec::Vec;

use csms_core::{KeyName, Problem, Rule, Violation};
use serde_json::Value;

use super::{key_id, sequence};
use crate::{fields::Fields, optional::kms as optional};

/// Days between two rotations of a key, unless its interval was changed.
pub const DEFAULT_INTERVAL_DAYS: u16 = 365;

/// Least days between two rotations of a key.
const LEAST_DAYS: u64 = 30;

/// Reads the key, and the days between two rotations: 30 to 365.
///
/// # Errors
/// Every problem of the body.
pub fn read_interval(body: Value) -> Result<(KeyName, u16), Vec<Problem>> {
    let mut fields = Fields::with_optional(body, &optional::KEY)?;
    let key = key_id(&mut fields, "key_id");
    sequence(&mut fields);
    fields.require("rotation_interval");
    let days = fields.integer("rotation_interval").and_then(|days| {
        let greatest = u64::from(DEFAULT_INTERVAL_DAYS);
        let checked = match u16::try_from(days) {
            _ if days < LEAST_DAYS => Err(Violation::new(Rule::TooSmall, "30").with_limit(LEAST_DAYS, days)),
            Ok(days) if days <= DEFAULT_INTERVAL_DAYS => Ok(days),
            _ => Err(Violation::new(Rule::TooLarge, "365").with_limit(greatest, days)),
        };
        fields.checked("rotation_interval", checked)
    });
    fields.finish(key.zip(days))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_interval_is_30_to_365_days() {
        let read = |days: u64| read_interval(json!({ "key_id": "alias", "rotation_interval": days }));
        assert_eq!((read(30).unwrap().1, read(365).unwrap().1), (30, 365));
        for (days, rule) in
            [(0, Rule::TooSmall), (29, Rule::TooSmall), (366, Rule::TooLarge), (u64::MAX, Rule::TooLarge)]
        {
            assert_eq!(read(days).unwrap_err()[0].violation.rule, rule, "{days}");
        }
        assert_eq!(read_interval(json!({})).unwrap_err().len(), 2);
    }
}
