//! The API described for machines: an OpenAPI 3.1 document made from the operation table, the readers of requests and the
//! types of responses.
//!
//! Nothing is written down twice: `observe` derives requests from their readers, and `schemars` derives responses from their
//! types. Only names and sentences are written here, one function for each group of operations.

#[cfg(all(feature = "iam", feature = "kms"))]
mod accounts;
#[cfg(all(feature = "iam", feature = "kms"))]
pub mod catalogue;
mod description;
mod document;
mod message;
mod observe;
#[cfg(all(feature = "iam", feature = "kms"))]
mod others;
mod page;
mod parameters;
mod requests;

mod batches;
mod events;
mod grants;
mod identity;
#[cfg(feature = "kms")]
mod keys;
mod passwords;
mod replicas;
mod rotation;
mod secrets;
mod tags;
mod users;
mod versions;

pub use document::document;
pub(crate) use message::Message;
pub use page::page;
