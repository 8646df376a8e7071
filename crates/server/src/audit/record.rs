//! The content of an audit record.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use csms_core::{UnixMillis, VersionId};
use csms_store::{AuditEntry, ChainKey, RowMark};
use serde::{Deserialize, Serialize};

use crate::auth::Caller;

/// The outcome of what succeeded.
pub const OK: &str = "OK";

fn one() -> u64 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_one(count: &u64) -> bool {
    *count == 1
}

/// One record. It names things and never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record<'r> {
    /// When, in Unix milliseconds; the first time of several equal reads.
    pub time: UnixMillis,
    /// Who: the name of a user, of a temporary key, or `csms` for the service itself.
    #[serde(borrow)]
    pub actor: Cow<'r, str>,
    /// Identifier of the user, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    pub user_id: Option<&'r str>,
    /// Name of the agency that the user acted as.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    pub agency: Option<&'r str>,
    /// The operation, such as `CreateSecretVersion`.
    #[serde(borrow)]
    pub action: &'r str,
    /// The project.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    pub project: Option<&'r str>,
    /// Name of the secret.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    pub secret: Option<&'r str>,
    /// Identifier of the secret, which tells secrets apart that had the same name one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    pub secret_id: Option<&'r str>,
    /// The version that was read, made or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionId>,
    /// Identifier of the KMS key.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    pub key: Option<&'r str>,
    /// The user, access key, policy, event or setting that was changed.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    pub target: Option<&'r str>,
    /// Identifier of the request; a record of several equal reads has none.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    pub request: Option<&'r str>,
    /// The address that the request came from, which may be a proxy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// `OK`, or the code of the error.
    #[serde(borrow)]
    pub outcome: &'r str,
    /// How many equal reads within 50 ms this record stands for.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u64,
    /// What became of the rows of users, access keys, policies and KMS keys. The store adds it to the record of their change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowMark>,
}

impl<'r> Record<'r> {
    /// A record of something that a caller did.
    #[must_use]
    pub fn by(caller: &'r Caller, action: &'r str, time: UnixMillis) -> Self {
        Self { user_id: caller.asking_user(), agency: caller.agency(), ..Self::of(&caller.name, action, time) }
    }

    /// A record of something done by somebody known by name only.
    #[must_use]
    pub fn of(actor: &'r str, action: &'r str, time: UnixMillis) -> Self {
        Self {
            time,
            actor: Cow::Borrowed(actor),
            user_id: None,
            agency: None,
            action,
            project: None,
            secret: None,
            secret_id: None,
            version: None,
            key: None,
            target: None,
            request: None,
            source: None,
            outcome: OK,
            count: 1,
            rows: Vec::new(),
        }
    }

    /// The record ready to be appended.
    #[must_use]
    pub fn entry(&self, chain: &Arc<ChainKey>) -> AuditEntry {
        AuditEntry {
            secret: self.secret.map(str::to_owned),
            // Texts and numbers can always be written.
            document: serde_json::to_string(self).unwrap_or_default(),
            chain: Arc::clone(chain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut record = Record::of("alice", "ShowSecretVersion", UnixMillis::new(5));
        record.secret = Some("db");
        record.version = Some(VersionId::FIRST);
        let text = serde_json::to_string(&record).unwrap();
        let expected =
            r#"{"time":5,"actor":"alice","action":"ShowSecretVersion","secret":"db","version":1,"outcome":"OK"}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Record<'_>>(&text).unwrap(), record);
    }
}
