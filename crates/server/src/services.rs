//! The services behind the port: each describes its operations and runs them.
//!
//! Does not authenticate, parse bodies, judge rights, audit or count; that is done once, in [`crate::gate`].

pub mod csms;
pub mod cts;
pub mod eps;
pub mod functiongraph;
pub mod iam;
pub mod kms;
pub mod permissions;

use csms_api::operation::Specification;

use crate::gate::service::Service;

/// Calls a macro with the operations of every service behind the port, for whoever has to know all of them.
macro_rules! every_service {
    ($visit:ident) => {
        $visit!(
            csms_api::Operation::ALL,
            csms_api::kms::KmsOperation::ALL,
            csms_api::iam::IamOperation::ALL,
            $crate::services::iam::tokens::TokenOperation::ALL,
            csms_api::cts::CtsOperation::ALL,
            $crate::services::permissions::PermissionOperation::ALL,
            $crate::services::functiongraph::FunctionOperation::ALL,
            csms_api::eps::EpsOperation::ALL
        )
    };
}

pub(crate) use every_service;

/// The rows of every operation behind the port.
pub(crate) fn specifications() -> Vec<Specification> {
    fn rows<S: Service>(all: &[S]) -> impl Iterator<Item = Specification> {
        all.iter().map(|operation| operation.specification())
    }
    macro_rules! chained {
        ($($all:expr),+) => { std::iter::empty()$(.chain(rows($all)))+.collect() };
    }
    every_service!(chained)
}
