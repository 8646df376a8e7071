//! A key that may be used now, wherever it is kept.

use std::sync::Arc;

use csms_core::KeyName;
use csms_kms::MasterKey;

/// Alias of the key that protects secrets whose creator names none.
pub const DEFAULT_ALIAS: &str = "csms/default";

/// Whether a request names the default key, which a project may not have yet: it is made when it first seals something.
#[must_use]
pub fn is_default_alias(name: &KeyName) -> bool {
    matches!(name, KeyName::Alias(alias) if alias == DEFAULT_ALIAS)
}

/// A key that may be used now.
pub struct UsableKey {
    /// Its material.
    pub key: Arc<MasterKey>,
    /// Whether it is the service's default key, which every caller may use.
    pub is_default: bool,
}
