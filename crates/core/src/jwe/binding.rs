//! What a sealed value is bound to: the name of its secret and the purpose it serves.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    name::{SecretName, check_name, checked_text},
    problem::Violation,
};

checked_text!(
    /// What a sealed value is for, in the words of the application: `^[a-zA-Z0-9_-]{1,64}$`. A value sealed for one
    /// purpose does not open for another.
    Purpose,
    check_name
);

/// The context that a token carries in its protected header as `"csms":{"name":…,"purpose":…}`. It is visible to
/// everyone and cannot be changed without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    secret_name: SecretName,
    purpose: Purpose,
}

impl Binding {
    /// A binding to `secret_name` and `purpose`.
    #[must_use]
    pub const fn new(secret_name: SecretName, purpose: Purpose) -> Self {
        Self { secret_name, purpose }
    }

    /// Name of the secret whose value is sealed.
    #[must_use]
    pub const fn secret_name(&self) -> &SecretName {
        &self.secret_name
    }

    /// What the value is for.
    #[must_use]
    pub const fn purpose(&self) -> &Purpose {
        &self.purpose
    }
}
