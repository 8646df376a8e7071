//! Keys: the root key, the keys of projects, keys in a remote KMS, and the sealed values of replicas.

pub mod held;
pub mod keyring;
pub mod phase;
pub mod project;
pub mod remote;
pub mod replicas;
pub mod reseal;
pub mod root;
pub mod usable;
