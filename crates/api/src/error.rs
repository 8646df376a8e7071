//! The error catalogue: every code the service returns, its status, its text and whether a retry can help.
//!
//! The only place that knows codes and statuses. Codes marked “ours” fill gaps that the published table leaves
//! (`compatibility/errors.md#codes-to-fill-the-gaps`).

use alloc::{
    borrow::ToOwned,
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Write as _;

use csms_core::{Problem, Refusal, rotation::Message};
use serde_json::{Value, json};
use thiserror::Error;

use crate::operation::ErrorShape;

/// Declares the codes and their rows together.
macro_rules! catalogue {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal $status:literal $retry:literal $text:literal;)+) => {
        /// A code of the catalogue.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[doc = $doc])+ $name),+ }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }

            /// Whether the same request may succeed later.
            #[must_use]
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$name => $retry),+ }
            }

            /// When the code is used, for the documentation.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }

            /// The text that begins the message.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

catalogue! {
    /// A parameter is invalid.
    InvalidParameter = "CSMS.0002" 400 false "Invalid parameter";
    /// The URL or a query parameter is not understood.
    InvalidRequest = "CSMS.0003" 400 false "Invalid request";
    /// The body is not a JSON object.
    InvalidBody = "CSMS.0004" 400 false "The request body is not a JSON object";
    /// A version, stage or task does not exist. The published table says 400; clients look for 404.
    ResourceNotFound = "CSMS.0005" 404 false "Not found";
    /// The name is taken (ours).
    SecretExists = "CSMS.0101" 400 false "Already exists";
    /// The secret is scheduled for deletion.
    PendingDeletion = "CSMS.0103" 400 false "Scheduled for deletion";
    /// A built-in stage cannot be deleted.
    BuiltInStage = "CSMS.0105" 400 false "Built-in stage";
    /// The secret does not exist. The published table says 400; clients look for 404.
    SecretNotFound = "CSMS.0106" 404 false "Secret not found";
    /// The secret is already scheduled for deletion.
    AlreadyScheduled = "CSMS.0107" 400 false "Already scheduled for deletion";
    /// The secret is not scheduled for deletion.
    NotScheduled = "CSMS.0108" 400 false "Not scheduled for deletion";
    /// The secret is not enabled.
    NotEnabled = "CSMS.0109" 403 false "Not enabled";
    /// A replica is changed through its primary (ours).
    Replica = "CSMS.0110" 400 false "Replica";
    /// A secret with replicas cannot be deleted immediately (ours).
    HasReplicas = "CSMS.0111" 400 false "Has replicas";
    /// The project has the maximum number of secrets.
    SecretQuota = "CSMS.0202" 400 false "Secret quota";
    /// The secret would have more stages than allowed.
    StageQuota = "CSMS.0203" 400 false "Stage quota";
    /// Every version has a stage, so none can be removed (ours).
    VersionQuota = "CSMS.0205" 400 false "Version quota";
    /// The secret would have more tags than allowed (ours).
    TagQuota = "CSMS.0206" 400 false "Tag quota";
    /// Secrets subscribe to the event (ours).
    EventInUse = "CSMS.0207" 400 false "Event in use";
    /// The secret would have more grants than allowed (ours).
    GrantQuota = "CSMS.0208" 400 false "Grant quota";
    /// One event more than a project may have (ours).
    EventQuota = "CSMS.0209" 400 false "Event quota";
    /// The token is invalid or expired. The published table says 400, the definitions 401.
    InvalidToken = "CSMS.0301" 401 false "Invalid token";
    /// The caller's policies do not allow this.
    Forbidden = "CSMS.0302" 403 false "Not allowed";
    /// The KMS key does not exist, is not enabled, or does not open the value.
    KeyUnusable = "CSMS.0401" 400 false "The value cannot be protected or read with its KMS key";
    /// The remote Key Management Service that holds the keys is unreachable (ours).
    KeyServiceUnavailable = "CSMS.0402" 503 true "The Key Management Service cannot be asked";
    /// Secrets of type COMMON cannot be rotated (ours).
    CommonSecret = "CSMS.0501" 400 false "Not rotatable";
    /// A setting or value that the rotation needs is missing (ours).
    RotationNotConfigured = "CSMS.0502" 400 false "Rotation is not configured";
    /// A rotation of the secret is already running (ours).
    RotationRunning = "CSMS.0503" 400 true "Rotation is running";
    /// The rotation function reported a failure (ours; a task's error code).
    FunctionFailed = "CSMS.0511" 502 true "The rotation function failed";
    /// The rotation function could not be invoked (ours; a task's error code).
    FunctionUnavailable = "CSMS.0512" 502 true "The rotation function could not be invoked";
    /// The function reported success but SYSCURRENT is another version (ours; a task's error code).
    RotationNotProven = "CSMS.0513" 502 true "The rotation was reported but not done";
    /// The secret was deleted or changed while the task ran (ours; a task's error code).
    SecretGone = "CSMS.0514" 400 false "The secret is gone";
    /// The grant names a group, and the installation has no groups (ours).
    NoGroups = "CSMS.0601" 400 false "This installation has no groups";
    /// The current password does not match (ours).
    WrongPassword = "CSMS.0602" 400 false "Wrong password";
    /// Too many wrong passwords in a row; the message says how long to wait (ours).
    PasswordLocked = "CSMS.0603" 400 true "The password is locked";
    /// The store does not answer, or cannot be written (ours).
    StoreUnavailable = "CSMS.0701" 503 true "The store is not available";
    /// A parameter of a KMS request is invalid (ours, as all codes of KMS: the published ones could not be read).
    KmsInvalidParameter = "KMS.0002" 400 false "Invalid parameter";
    /// The URL of a KMS request is not understood.
    KmsInvalidRequest = "KMS.0003" 400 false "Invalid request";
    /// The body of a KMS request is not a JSON object.
    KmsInvalidBody = "KMS.0004" 400 false "The request body is not a JSON object";
    /// The project has no such key.
    KmsKeyNotFound = "KMS.0005" 404 false "The key does not exist";
    /// The alias belongs to another key.
    KmsAliasExists = "KMS.0101" 400 false "The alias exists";
    /// The project has the maximum number of keys.
    KmsKeyQuota = "KMS.0202" 400 false "Key quota";
    /// The token of a KMS request is invalid or expired.
    KmsInvalidToken = "KMS.0301" 401 false "Invalid token";
    /// The caller's policies do not allow this with the key.
    KmsForbidden = "KMS.0302" 403 false "Not allowed";
    /// The key's state does not permit this.
    KmsKeyState = "KMS.0401" 400 false "The key's state does not permit this";
    /// The sealed text was changed, or sealed by another key or with other authenticated data.
    KmsUndecryptable = "KMS.0402" 400 false "The sealed text cannot be opened";
    /// The key belongs to the service.
    KmsDefaultKey = "KMS.0403" 400 false "Default keys are the service's";
    /// An internal error in a KMS request.
    KmsInternal = "KMS.9999" 500 true "Internal error";
    /// A parameter of an IAM request is invalid (ours, as all codes that begin with `IAM.`).
    IamInvalidParameter = "IAM.0002" 400 false "Invalid parameter";
    /// The body of an IAM request is not a JSON object.
    IamInvalidBody = "IAM.0004" 400 false "The request body is not a JSON object";
    /// The user, access key, login or policy does not exist.
    IamNotFound = "IAM.0005" 404 false "Not found";
    /// The name is taken, or the user already has a login profile.
    IamExists = "IAM.0101" 409 false "Already exists";
    /// The current state does not permit the change.
    IamConflict = "IAM.0102" 409 false "Conflict";
    /// The token of an IAM request is invalid or expired.
    IamInvalidToken = "IAM.0301" 401 false "Invalid token";
    /// The caller's policies do not allow this.
    IamForbidden = "PAP5.0001" 403 false "access denied";
    /// The marker was not returned by a page.
    IamInvalidMarker = "PAP5.0010" 400 false "invalid marker";
    /// The policy document is invalid.
    IamMalformedPolicy = "PAP5.0011" 400 false "malformed policy document";
    /// The policy has the maximum number of versions.
    IamPolicyVersionQuota = "PAP5.0028" 409 false "versions per policy limit exceeded";
    /// An internal error in an IAM request.
    IamInternal = "IAM.9999" 500 true "Internal error";
    /// An internal error; the log has the cause under the request id (ours).
    Internal = "CSMS.9999" 500 true "Internal error";
    /// The request is not signed, or its signature is wrong.
    Unauthenticated = "APIGW.0301" 401 false "Incorrect IAM authentication information";
    /// No such operation.
    NoSuchOperation = "APIGW.0101" 404 false "The API does not exist";
    /// The body is larger than 12 MB.
    BodyTooLarge = "APIGW.0201" 413 false "The request body is too large";
    /// The body of the request arrived too slowly (ours).
    BodyTimeout = "APIGW.0202" 408 true "The request body arrived too slowly";
    /// Too many requests.
    Throttled = "APIGW.0308" 429 true "The throttling threshold has been reached";
}

impl ErrorCode {
    /// The code for the same thing in an answer of IAM v5.
    #[must_use]
    pub const fn of_iam(self) -> Self {
        match self {
            Self::InvalidParameter | Self::InvalidRequest => Self::IamInvalidParameter,
            Self::InvalidBody => Self::IamInvalidBody,
            Self::InvalidToken => Self::IamInvalidToken,
            Self::Forbidden => Self::IamForbidden,
            Self::Internal => Self::IamInternal,
            other => other,
        }
    }

    /// The code for the same thing in an answer of the Key Management Service.
    #[must_use]
    pub const fn of_kms(self) -> Self {
        match self {
            Self::InvalidParameter => Self::KmsInvalidParameter,
            Self::InvalidRequest => Self::KmsInvalidRequest,
            Self::InvalidBody => Self::KmsInvalidBody,
            Self::ResourceNotFound => Self::KmsKeyNotFound,
            Self::InvalidToken => Self::KmsInvalidToken,
            Self::Forbidden => Self::KmsForbidden,
            Self::KeyUnusable => Self::KmsUndecryptable,
            Self::Internal => Self::KmsInternal,
            other => other,
        }
    }
}

/// An error to answer with: a code and a public message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{} {message}", code.as_str())]
pub struct ApiError {
    /// Code, which decides the status.
    pub code: ErrorCode,
    /// Public message; never a value from the request.
    pub message: String,
    /// The same as a code with fields, where it is about a rotation.
    pub detail: Option<Box<Message>>,
}

impl ApiError {
    /// The code with its standard text and a detail.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl AsRef<str>) -> Self {
        let detail = detail.as_ref();
        let message = if detail.is_empty() { code.text().to_owned() } else { format!("{}: {detail}", code.text()) };
        Self { code, message, detail: None }
    }

    /// The code with a message of the catalogue, whose sentence is the whole text.
    #[must_use]
    pub fn said(code: ErrorCode, message: Message) -> Self {
        Self { code, message: message.english(), detail: Some(Box::new(message)) }
    }

    /// All problems of a request in one error, the longest list cut with a count of what is left out.
    #[must_use]
    pub fn invalid(problems: &[Problem]) -> Self {
        Self::listing(ErrorCode::InvalidParameter, problems)
    }

    /// A list of reasons in one error, cut with a count of what is left out where it would be too long.
    #[must_use]
    pub fn listing(code: ErrorCode, reasons: &[impl ToString]) -> Self {
        const ROOM: usize = 460;
        let mut detail = String::new();
        for (index, reason) in reasons.iter().enumerate() {
            let text = reason.to_string();
            if index > 0 && detail.len() + text.len() > ROOM {
                let _ = write!(detail, "; and {} more", reasons.len() - index);
                break;
            }
            if index > 0 {
                detail.push_str("; ");
            }
            detail.push_str(&text);
        }
        Self::new(code, detail)
    }

    /// The JSON body in the given shape, its message cut to what the shape allows.
    #[must_use]
    pub fn body(&self, shape: ErrorShape) -> Value {
        let limit = match shape {
            ErrorShape::Flat => 512,
            ErrorShape::Nested => 1024,
        };
        let message: String = self.message.chars().take(limit).collect();
        let mut flat = json!({ "error_code": self.code.as_str(), "error_msg": message });
        if let (Some(detail), Value::Object(members)) = (&self.detail, &mut flat) {
            members.insert("error_detail".to_owned(), json!(detail));
        }
        match shape {
            ErrorShape::Flat => flat,
            ErrorShape::Nested => json!({ "error": flat }),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::SecretNotFound => ErrorCode::SecretNotFound,
            Refusal::VersionNotFound
            | Refusal::StageNotFound
            | Refusal::TaskNotFound
            | Refusal::TagNotFound
            | Refusal::EventNotFound
            | Refusal::ReplicaNotFound
            | Refusal::GrantNotFound => ErrorCode::ResourceNotFound,
            Refusal::SecretExists
            | Refusal::SecretWaits
            | Refusal::EventExists
            | Refusal::ReplicaExists
            | Refusal::GrantExists => ErrorCode::SecretExists,
            Refusal::Replica => ErrorCode::Replica,
            Refusal::HasReplicas => ErrorCode::HasReplicas,
            Refusal::PendingDeletion => ErrorCode::PendingDeletion,
            Refusal::AlreadyScheduled => ErrorCode::AlreadyScheduled,
            Refusal::NotScheduled => ErrorCode::NotScheduled,
            Refusal::NotEnabled(_) => ErrorCode::NotEnabled,
            Refusal::BuiltInStage => ErrorCode::BuiltInStage,
            Refusal::SecretQuota(_) => ErrorCode::SecretQuota,
            Refusal::StageQuota => ErrorCode::StageQuota,
            Refusal::VersionQuota => ErrorCode::VersionQuota,
            Refusal::CommonSecret => ErrorCode::CommonSecret,
            Refusal::RotationNotConfigured(_) => ErrorCode::RotationNotConfigured,
            Refusal::RotationRunning => ErrorCode::RotationRunning,
            Refusal::TagQuota => ErrorCode::TagQuota,
            Refusal::EventInUse => ErrorCode::EventInUse,
            Refusal::GrantQuota => ErrorCode::GrantQuota,
            Refusal::EventQuota => ErrorCode::EventQuota,
        };
        let mut message = refusal.to_string();
        if let Some(first) = message.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self { code, message, detail: None }
    }
}

impl From<Vec<Problem>> for ApiError {
    fn from(problems: Vec<Problem>) -> Self {
        Self::invalid(&problems)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use csms_core::{Rule, Violation};

    use super::*;

    #[test]
    fn codes_are_unique_and_fit_the_documented_length() {
        let codes: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), ErrorCode::ALL.len());
        assert!(codes.iter().all(|code| (8..=36).contains(&code.len())));
        assert!(ErrorCode::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }

    #[test]
    fn every_problem_is_told_in_one_message() {
        let problems =
            [Violation::new(Rule::Required, "").at("name"), Violation::new(Rule::Base64, "base64").at("secret_binary")];
        assert_eq!(
            ApiError::invalid(&problems).message,
            "Invalid parameter: name is required; secret_binary must be standard base64 text"
        );
    }

    #[test]
    fn a_long_list_of_problems_is_cut_with_a_count() {
        let problems: Vec<_> =
            (0..100).map(|index| Violation::new(Rule::Required, "").at(format!("version_stages[{index}]"))).collect();
        let error = ApiError::invalid(&problems);
        assert!(error.message.len() <= 512, "{}", error.message.len());
        assert!(error.message.ends_with(" more"), "{}", error.message);
    }

    #[test]
    fn both_shapes_hold_the_same_code() {
        let error = ApiError::new(ErrorCode::CommonSecret, "");
        assert_eq!(error.body(ErrorShape::Flat)["error_code"], "CSMS.0501");
        assert_eq!(error.body(ErrorShape::Nested)["error"]["error_code"], "CSMS.0501");
    }
}
