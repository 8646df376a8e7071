//! Values sealed for a recipient: JSON Web Encryption (RFC 7516), compact serialisation.
//!
//! [`seal()`] encrypts a value into a token for the holder of a key, and binds it to one secret's name and one purpose.
//! [`open()`] checks both before it returns a byte. Four ways of key management, one content
//! encryption (`A256GCM`):
//!
//! | `alg` | the recipient has | type |
//! |---|---|---|
//! | `dir` | the content key itself, for instance a data key from KMS | [`AesKey`] |
//! | `A256GCMKW` | a key that wraps content keys | [`AesKey`] |
//! | `PBES2-HS512+A256KW` | a passphrase | [`Passphrase`] |
//! | `ECDH-ES+A256KW` | a P-256 key pair | [`PublicKey`], [`PrivateKey`] |
//!
//! Any JOSE library opens the tokens: the binding is an ordinary private member `csms` of the protected header, hence
//! authenticated, and is not listed in `crit`. Such a library does not check the binding; that is the caller's part.
//!
//! Where another engine encrypts faster (WebCrypto, for large values), [`begin_seal`] and [`begin_open`] return
//! everything that the one AES-256-GCM step needs; [`seal()`] and [`open()`] are those two plus that step. With the feature
//! `jwe-format` alone another engine also agrees on keys (ECDH) and stretches passphrases (PBKDF2), for which [`check`] and
//! [`Derived`] are the places.
//!
//! Not here: other algorithms, compression, the JSON serialisation, several recipients, key storage, randomness (a
//! generator is an argument) and deciding whose public key to trust.

mod base64url;
mod binding;
mod curve;
mod error;
mod hazmat;
mod header;
mod json;
mod jwk;
mod key;
mod open;
mod seal;

pub use base64url::{decode as decode_base64url, encode as encode_base64url};
pub use binding::{Binding, Purpose};
pub use error::{JwkError, OpenError, SealError};
pub use hazmat::pbes2_salt;
pub use header::{Algorithm, Header};
pub use jwk::{Jwk, KeyMaterial};
pub use key::{AesKey, Passphrase, PrivateKey, PublicKey};
pub use open::{Derivation, Key, Limits, OpenPlan, Opening, WrappedPlan, check};
#[cfg(feature = "jwe")]
pub use open::{begin_open, begin_open_unbound, open, open_unbound};
#[cfg(feature = "jwe")]
pub use seal::seal;
pub use seal::{
    Derived, Iterations, MAX_PLAINTEXT_BYTES, Recipient, SALT_BYTES, SealPlan, begin_seal, begin_seal_derived,
};

#[cfg(all(test, feature = "jwe"))]
mod tests;
