//! The part of IAM v3 and STS that the SDKs need: its operation table. Requests are read in [`crate::request::token`].

use crate::operation::{ErrorShape, Method, Specification};

/// The action that lets a user act as an agency: its name in IAM, and in STS.
pub const ASSUME_AGENCY: &[&str] = &["iam:agencies:assume", "sts:agencies:assume"];

/// An operation of IAM v3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOperation {
    /// The version document.
    ShowVersion,
    /// A token by a password, by another token, or as an agency.
    CreateToken,
    /// What a token of the caller is for. A `HEAD` request says only whether it is valid.
    ShowToken,
    /// The addresses of the services.
    ShowCatalog,
    /// A temporary access key.
    CreateTemporaryAccessKey,
    /// Temporary keys as an agency, as STS makes them.
    AssumeAgency,
    /// A project of the caller.
    ShowProject,
    /// The projects of the caller, as the SDKs ask for them.
    ListProjects,
    /// The same at the address that OpenStack clients use.
    ListAuthProjects,
    /// The account of the caller.
    ListDomains,
    /// Who the caller is, as STS says it.
    GetCallerIdentity,
}

impl TokenOperation {
    /// Every operation.
    pub const ALL: &'static [Self] = &[
        Self::ShowVersion,
        Self::CreateToken,
        Self::ShowToken,
        Self::ShowCatalog,
        Self::CreateTemporaryAccessKey,
        Self::AssumeAgency,
        Self::ShowProject,
        Self::ListProjects,
        Self::ListAuthProjects,
        Self::ListDomains,
        Self::GetCallerIdentity,
    ];

    /// Whether STS has it, whose errors differ from those of IAM v3.
    #[must_use]
    pub const fn is_of_sts(self) -> bool {
        matches!(self, Self::AssumeAgency | Self::GetCallerIdentity)
    }

    /// The operation's row. A proven caller may ask who it is and what projects it has, and have its own rights for a while;
    /// no policy is about that. To act as an agency takes a right, whichever operation it is asked of.
    #[must_use]
    pub const fn specification(self) -> Specification {
        let (name, method, path, success) = match self {
            Self::ShowVersion => ("ShowVersion", Method::Get, "/v3", 200),
            Self::CreateToken => ("CreateToken", Method::Post, "/v3/auth/tokens", 201),
            Self::ShowToken => ("ShowToken", Method::Get, "/v3/auth/tokens", 200),
            Self::ShowCatalog => ("ShowCatalog", Method::Get, "/v3/auth/catalog", 200),
            Self::CreateTemporaryAccessKey => {
                ("CreateTemporaryAccessKey", Method::Post, "/v3.0/OS-CREDENTIAL/securitytokens", 201)
            }
            Self::AssumeAgency => ("AssumeAgency", Method::Post, "/v5/agencies/assume", 200),
            Self::ShowProject => ("ShowProject", Method::Get, "/v3/projects/{project_id}", 200),
            Self::ListProjects => ("ListProjects", Method::Get, "/v3/projects", 200),
            Self::ListAuthProjects => ("ListAuthProjects", Method::Get, "/v3/auth/projects", 200),
            Self::ListDomains => ("ListDomains", Method::Get, "/v3/auth/domains", 200),
            Self::GetCallerIdentity => ("GetCallerIdentity", Method::Get, "/v5/caller-identity", 200),
        };
        let errors = if self.is_of_sts() { ErrorShape::Flat } else { ErrorShape::Nested };
        let actions = match self {
            Self::AssumeAgency => ASSUME_AGENCY,
            _ => &[],
        };
        Specification { name, method, path, success, errors, actions }
    }
}
