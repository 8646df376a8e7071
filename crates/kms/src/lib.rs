//! Envelope keys: how the values of secrets are protected in storage.
//!
//! Three layers of keys. The [`RootKey`] comes from a file or the environment and is stored nowhere else; it wraps
//! the [`MasterKey`]s (what the API calls KMS keys); a master key wraps the data key of one version, and the data key
//! seals the value ([`envelope`]). Everything is AES-256-GCM with associated data that says what is sealed and where
//! it belongs, so bytes moved to another row, another project or another purpose do not open.
//!
//! The keys above the data keys may be kept by a Key Management Service elsewhere: [`RemoteKms`] has it make and open them.
//!
//! The crate stores nothing except the root key's own file, and knows neither databases nor requests. The invariant:
//! opening answers exactly what was sealed under the same keys and context, or an [`OpenError`]; never something else.

mod aead;
pub mod data;
pub mod envelope;
mod error;
mod master;
mod remote;
mod ring;
mod root;
mod root_file;

pub use envelope::Context;
pub use error::{OpenError, RootKeyError, SealError};
pub use master::{FIRST_MATERIAL, MasterKey, MaterialNumber};
pub use remote::{RemoteError, RemoteKms, RemoteSettings};
pub use ring::RootRing;
pub use root::{DerivedKey, FIRST_ROOT_KEY, RootKey};
