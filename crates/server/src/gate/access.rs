//! What an operation does with what: the resources it reads or changes, and the facts that conditions see.
//!
//! Plain data, made by an operation from the very values it will use. [`super::authorisation`] judges it.

use std::sync::Arc;

use csms_api::{ErrorCode, Operation, functiongraph::FunctionOperation, kms::KmsOperation};
use csms_core::{
    KeyId, ProjectId, Secret, SecretName, SecretType, Version, VersionId,
    policy::{agency_resource, key_resource, policy_resource, secret_resource, user_resource},
    tag::Tag,
};
use csms_store::KeyRecord;

use crate::identity::Identity;

/// Names of an action: the one in force and its older aliases.
pub type Actions = &'static [&'static str];

/// Names of the right to protect a value with a key of one's own.
pub const CREATE_DATA_KEY: Actions = KmsOperation::CreateDatakey.specification().actions;

/// Names of the right to open a value that a key of one's own protects.
pub const DECRYPT_DATA_KEY: Actions = KmsOperation::DecryptDatakey.specification().actions;

/// Names of the right to rotate a secret.
pub const ROTATE: Actions = Operation::RotateSecret.specification().actions;

/// Names of the right to invoke a function and wait for its reply.
pub const INVOKE: Actions = FunctionOperation::InvokeFunction.specification().actions;

/// Names of the right to read the value of a secret.
pub const READ_VALUE: Actions = Operation::ShowSecretVersion.specification().actions;

/// The word by which grants of keys name the operation with these actions; `None` for what no grant allows.
#[must_use]
pub fn grant_word(actions: Actions) -> Option<&'static str> {
    let operation = KmsOperation::ALL.iter().find(|operation| operation.specification().actions == actions);
    operation.and_then(|operation| operation.grant_word())
}

/// What is known of the stored object behind a resource.
#[derive(Clone)]
pub enum Stored<T> {
    /// The operation has not read it; the gate does where conditions ask about it.
    Unread,
    /// There is none.
    Missing,
    /// As it was when the operation read it.
    Found(Arc<T>),
}

impl<T> From<Option<T>> for Stored<T> {
    fn from(found: Option<T>) -> Self {
        found.map_or(Self::Missing, |found| Self::Found(Arc::new(found)))
    }
}

/// The kinds of resources that policies tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Secrets of a project.
    Secret,
    /// KMS keys of a project.
    Key,
    /// Users of the account.
    User,
    /// Policies of the account.
    Policy,
    /// Agencies of the account.
    Agency,
    /// Rotation functions of a project.
    Function,
    /// The traces of a project.
    Trace,
}

/// One thing that an operation reads or changes.
#[derive(Clone)]
pub enum Resource {
    /// A secret, stored or about to be made.
    Secret {
        /// Its project.
        project: ProjectId,
        /// Its name.
        name: SecretName,
        /// The stored secret.
        stored: Stored<Secret>,
    },
    /// A KMS key.
    Key {
        /// Its project.
        project: ProjectId,
        /// Its identifier, however the request named it.
        id: KeyId,
        /// The stored key.
        stored: Stored<KeyRecord>,
    },
    /// A user, by name.
    User(String),
    /// A policy, by name.
    Policy(String),
    /// An agency, by name.
    Agency(String),
    /// A function, by package and name.
    Function {
        /// Its project.
        project: ProjectId,
        /// `package/name`.
        name: String,
    },
    /// No single thing but the whole collection, as a list reads it, or a thing that does not exist: whoever may do this to
    /// all learns that. Policies name it by `*`.
    All(Kind, ProjectId),
    /// Things that the operation finds and judges one by one: it takes a right to at least one thing of the kind to begin.
    Some(Kind, ProjectId),
}

impl Resource {
    /// The text that patterns of policies are compared with. `None` for things that are not known by name.
    #[must_use]
    pub fn text(&self, identity: &Identity) -> Option<String> {
        let (region, domain) = (|project: &ProjectId| identity.region_of(project), identity.domain_id.as_str());
        Some(match self {
            Self::Secret { project, name, .. } => secret_resource(region(project), domain, name.as_str()),
            Self::Key { project, id, .. } => key_resource(region(project), domain, id.as_str()),
            Self::User(name) => user_resource(domain, name),
            Self::Policy(name) => policy_resource(domain, name),
            Self::Agency(name) => agency_resource(domain, name),
            Self::Function { project, name } => function_resource(region(project), domain, name),
            Self::All(kind, project) => match kind {
                Kind::Secret => secret_resource(region(project), domain, "*"),
                Kind::Key => key_resource(region(project), domain, "*"),
                Kind::User => user_resource(domain, "*"),
                Kind::Policy => policy_resource(domain, "*"),
                Kind::Agency => agency_resource(domain, "*"),
                Kind::Function => function_resource(region(project), domain, "*"),
                Kind::Trace => format!("cts:{}:{domain}:trace:*", region(project)),
            },
            Self::Some(..) => return None,
        })
    }

    /// The project that it belongs to; users and policies belong to the account.
    #[must_use]
    pub const fn project(&self) -> Option<&ProjectId> {
        match self {
            Self::Secret { project, .. } | Self::Key { project, .. } | Self::Function { project, .. } => Some(project),
            Self::All(_, project) | Self::Some(_, project) => Some(project),
            Self::User(_) | Self::Policy(_) | Self::Agency(_) => None,
        }
    }
}

/// The resource text of a function: `functiongraph:<region>:<domain id>:function:<package>/<name>`.
fn function_resource(region: &str, domain: &str, name: &str) -> String {
    format!("functiongraph:{region}:{domain}:function:{name}")
}

/// What the request itself says to conditions: exactly the members that the operation takes, resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `csms:Type` of a secret that is about to be made.
    pub secret_type: Option<SecretType>,
    /// `csms:KmsKeyId`: the key that the secret will use, or that seals the version, by its identifier. The gate fills in the
    /// secret's own.
    pub kms_key_id: Option<KeyId>,
    /// Whether the request names no key, so that `kms_key_id` is the default one's.
    pub is_key_left_out: bool,
    /// `g:EnterpriseProjectId` of something that is about to be made.
    pub enterprise_project_id: Option<String>,
    /// `g:RequestTag/<key>` and `g:TagKeys`: tags that are set or removed.
    pub tags: Vec<(String, String)>,
    /// `csms:VersionId`: the version that is read or changed.
    pub version: Option<VersionId>,
}

/// Tags as conditions see them.
pub fn tag_pairs<'t>(tags: impl IntoIterator<Item = &'t Tag>) -> Vec<(String, String)> {
    tags.into_iter().map(|tag| (tag.key.to_string(), tag.value.to_string())).collect()
}

/// Who needs what to be let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A policy that allows it.
    Allow,
    /// A policy that allows it, or a grant on the secret or key.
    AllowOrGrant,
    /// That no policy denies it.
    NoDeny,
}

/// The rights that an operation gives to somebody and that stay when what proved its caller has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// None.
    No,
    /// Rights to what the caller may use anyway: a grant on a secret or a key of the path's project, or the caller's own
    /// password by the old one.
    Within,
    /// Rights of the account, which lead to every project: users, their access keys, and policies.
    OfAccount,
    /// A password, which is one of those and has no end.
    Password,
}

/// One thing that an operation does to one resource.
#[derive(Clone)]
pub struct Access {
    /// What is done, by all names of the action.
    pub actions: Actions,
    /// With what.
    pub resource: Resource,
    /// What the request adds.
    pub facts: Facts,
    /// What it takes.
    pub need: Need,
    /// The code of a refusal.
    pub refusal: ErrorCode,
    /// What a refusal calls the resource.
    pub called: &'static str,
}

impl Access {
    /// An access that a policy must allow.
    #[must_use]
    pub fn new(actions: Actions, resource: Resource) -> Self {
        let (facts, need, refusal) = (Facts::default(), Need::Allow, ErrorCode::Forbidden);
        Self { actions, resource, facts, need, refusal, called: "this resource" }
    }

    /// An access to a secret by its name.
    #[must_use]
    pub fn secret(actions: Actions, project: &ProjectId, name: &SecretName, stored: Stored<Secret>) -> Self {
        Self::new(actions, Resource::Secret { project: project.clone(), name: name.clone(), stored })
    }

    /// An access to a secret as it is stored.
    #[must_use]
    pub fn found(actions: Actions, secret: &Arc<Secret>) -> Self {
        Self::secret(actions, &secret.project, &secret.name, Stored::Found(Arc::clone(secret)))
    }

    /// The reading of the value of a version. It is judged with the secret's key and, if another key seals the version because
    /// the secret was moved since, with that one, too.
    pub fn reading(actions: Actions, secret: &Arc<Secret>, version: &Version) -> impl Iterator<Item = Self> {
        let sealed_by = (version.kms_key_id != secret.kms_key_id).then(|| Some(version.kms_key_id.clone()));
        let (secret, version) = (Arc::clone(secret), Some(version.id));
        [None].into_iter().chain(sealed_by).map(move |kms_key_id| {
            Self::found(actions, &secret).with(Facts { version, kms_key_id, ..Facts::default() })
        })
    }

    /// The reading of the value of each version, which nothing may deny: who is denied one must not have it through a copy or a grant
    /// either.
    pub fn reading_each(secret: &Arc<Secret>) -> impl Iterator<Item = Self> {
        let each = secret.versions().iter().flat_map(|version| Self::reading(READ_VALUE, secret, version));
        each.map(|access| access.needs(Need::NoDeny))
    }

    /// An access to a key by its identifier, for which a grant of the key will do where grants know the action.
    #[must_use]
    pub fn key(actions: Actions, project: &ProjectId, id: &KeyId, stored: Stored<KeyRecord>) -> Self {
        let need = if grant_word(actions).is_some() { Need::AllowOrGrant } else { Need::Allow };
        let resource = Resource::Key { project: project.clone(), id: id.clone(), stored };
        Self { need, ..Self::new(actions, resource) }
    }

    /// The use of a key under which a secret's value is sealed.
    #[must_use]
    pub fn sealing_key(actions: Actions, project: &ProjectId, id: &KeyId) -> Self {
        Self::key(actions, project, id, Stored::Unread).of_sealing_key()
    }

    /// The same access to keys under which values of secrets are sealed: refused as an unusable key, because the right to the
    /// secret itself is another one.
    #[must_use]
    pub fn of_sealing_key(self) -> Self {
        Self { refusal: ErrorCode::KeyUnusable, called: "the key", ..self }
    }

    /// The same access with facts of the request.
    #[must_use]
    pub fn with(self, facts: Facts) -> Self {
        Self { facts, ..self }
    }

    /// The same access to something that a refusal calls by this name.
    #[must_use]
    pub fn called(self, called: &'static str) -> Self {
        Self { called, ..self }
    }

    /// The same access where it takes something else than a policy that allows it.
    #[must_use]
    pub fn needs(self, need: Need) -> Self {
        Self { need, ..self }
    }
}
