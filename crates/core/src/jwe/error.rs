//! Why a token was not sealed or not opened, or a key not read. Each variant names one fact and holds no input.

use thiserror::Error;

/// Why a value was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// The random generator failed.
    #[error("the random generator failed")]
    Randomness,
    /// The value, or the ciphertext made elsewhere, is longer than [`MAX_PLAINTEXT_BYTES`](super::MAX_PLAINTEXT_BYTES).
    #[error("the value is longer than 16777216 bytes")]
    TooLong,
    /// No wrapping key was derived for the recipient: without the feature `jwe` another engine must have done that.
    #[error("no wrapping key was derived")]
    Underived,
}

impl SealError {
    /// The error's stable name, in kebab case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Randomness => "randomness",
            Self::TooLong => "too-long",
            Self::Underived => "underived",
        }
    }
}

/// Why a token was not opened.
///
/// The text in some variants is the name of a part of the token or of a member of its header, never a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Longer than [`Limits::max_token_bytes`](super::Limits::max_token_bytes).
    #[error("the token is too long")]
    TokenTooLong,
    /// Not five parts separated by dots.
    #[error("the token does not have five parts")]
    PartCount,
    /// A part or member is not strict base64url text.
    #[error("the {0} is not base64url text without padding")]
    Base64(&'static str),
    /// A part or member has a length that its algorithm does not allow.
    #[error("the {0} has the wrong length")]
    Length(&'static str),
    /// The protected header is longer than [`Limits::max_header_bytes`](super::Limits::max_header_bytes).
    #[error("the protected header is too long")]
    HeaderTooLong,
    /// The protected header is not one JSON object in UTF-8.
    #[error("the protected header is not a JSON object")]
    HeaderSyntax,
    /// A member is duplicated in the protected header, or in an object in it.
    #[error("a member of the protected header is duplicated")]
    DuplicateMember,
    /// The protected header has a member that has no meaning for its algorithm.
    #[error("the protected header has an unknown member")]
    UnknownMember,
    /// A member that the algorithm needs is missing.
    #[error("the protected header lacks {0}")]
    MissingMember(&'static str),
    /// A member has another type or form than it must have.
    #[error("the member {0} of the protected header has the wrong form")]
    MemberForm(&'static str),
    /// The protected header has `zip`: the length of compressed content tells about the content.
    #[error("compressed content is not supported")]
    Compressed,
    /// The protected header has `crit`: none of its extensions is known here.
    #[error("critical extensions are not supported")]
    Critical,
    /// `alg` is none of the four of [`Algorithm`](super::Algorithm).
    #[error("the key management algorithm is not supported")]
    Algorithm,
    /// `enc` is not `A256GCM`.
    #[error("the content encryption algorithm is not supported")]
    Encryption,
    /// `p2c` is outside 1,000 to [`Limits::max_iterations`](super::Limits::max_iterations).
    #[error("the iteration count is out of bounds")]
    IterationCount,
    /// `epk` is not a point of P-256 other than the identity.
    #[error("the ephemeral public key is not a point of P-256")]
    EphemeralKey,
    /// The token's algorithm is not the key's.
    #[error("the token was sealed for another kind of key")]
    KeyMismatch,
    /// The token has no binding, and one was asked for.
    #[error("the token is bound to no secret")]
    Unbound,
    /// The token has a binding, and a token without one was asked for.
    #[error("the token is bound to a secret")]
    Bound,
    /// The token is bound to another secret or purpose.
    #[error("the token is bound to another secret or purpose")]
    OtherBinding,
    /// Wrong key, or a token that was changed. What exactly is not told, on purpose.
    #[error("the token could not be decrypted")]
    Decryption,
}

impl OpenError {
    /// The error's stable name, in kebab case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokenTooLong => "token-too-long",
            Self::PartCount => "part-count",
            Self::Base64(_) => "base64",
            Self::Length(_) => "length",
            Self::HeaderTooLong => "header-too-long",
            Self::HeaderSyntax => "header-syntax",
            Self::DuplicateMember => "duplicate-member",
            Self::UnknownMember => "unknown-member",
            Self::MissingMember(_) => "missing-member",
            Self::MemberForm(_) => "member-form",
            Self::Compressed => "compressed",
            Self::Critical => "critical",
            Self::Algorithm => "algorithm",
            Self::Encryption => "encryption",
            Self::IterationCount => "iteration-count",
            Self::EphemeralKey => "ephemeral-key",
            Self::KeyMismatch => "key-mismatch",
            Self::Unbound => "unbound",
            Self::Bound => "bound",
            Self::OtherBinding => "other-binding",
            Self::Decryption => "decryption",
        }
    }
}

/// Why a JSON Web Key was not read or cannot serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JwkError {
    /// Longer than 16,384 bytes.
    #[error("the key is too long")]
    TooLong,
    /// Not one JSON object.
    #[error("the key is not a JSON object")]
    Syntax,
    /// A member is duplicated.
    #[error("a member of the key is duplicated")]
    DuplicateMember,
    /// A member that the type of key needs is missing.
    #[error("the key lacks {0}")]
    MissingMember(&'static str),
    /// A member has another type, form or length than it must have.
    #[error("the member {0} of the key has the wrong form")]
    MemberForm(&'static str),
    /// `kty` is neither `oct` nor `EC`, or `crv` is not `P-256`.
    #[error("the type of key is not supported")]
    KeyType,
    /// `x` and `y` are not a point of P-256.
    #[error("the public key is not a point of P-256")]
    NotOnCurve,
    /// `d` is zero or not below the order of the curve, or `x` and `y` are another key's.
    #[error("the private key is not that of the public key")]
    PrivateKey,
    /// `alg` or `use` is for something else.
    #[error("the key is meant for another use")]
    OtherUse,
    /// A token cannot be opened with a public key.
    #[error("a private key is needed")]
    Public,
}

impl JwkError {
    /// The error's stable name, in kebab case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::Syntax => "syntax",
            Self::DuplicateMember => "duplicate-member",
            Self::MissingMember(_) => "missing-member",
            Self::MemberForm(_) => "member-form",
            Self::KeyType => "key-type",
            Self::NotOnCurve => "not-on-curve",
            Self::PrivateKey => "private-key",
            Self::OtherUse => "other-use",
            Self::Public => "public",
        }
    }
}
