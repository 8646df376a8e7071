//! How a service describes its operations to the gate, and what the gate lends an operation.
//!
//! An operation is prepared first: it reads its request, finds what it will touch, and hands back the accesses together with
//! the work. The work captures the very values that the accesses were made from, and only the gate can start it.

use std::{
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use axum::http::request::Parts;
use csms_api::{ApiError, operation::Specification};
use csms_core::{KeyId, Problem, ProjectId, Refusal, Secret, SecretId, SecretName, VersionId, Violation};
use csms_store::{ChangeError, Draft, KeyRecord};
use serde_json::Value;

use super::{
    access::{Access, Kind, Lasting, Need, Resource},
    answer::Answer,
    authorisation::{Asking, authorise, authorise_again, authorise_key_again, require_own_project},
    json::Body,
    lease::require_lease,
};
use crate::{
    app::App,
    auth::Caller,
    failure::Failure,
    request::{Peer, Secure},
};

/// Whom an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A proven caller, in the project of the path.
    Project,
    /// A proven caller, in the account of the installation.
    Domain,
    /// Anybody: the operation is a login.
    Public,
}

/// What the audit trail is told of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audited {
    /// It changes something: each call leaves a record, in the transaction of the change where there is one.
    Change,
    /// It uses something secret, such as a value or a key: each use leaves a record.
    Use,
    /// Refused attempts alone leave a record.
    No,
}

/// A service behind the port: the operations that routes are made of.
pub trait Service: Copy + Send + Sync + 'static {
    /// The row of the operation table.
    fn specification(self) -> Specification;

    /// Whom the operation is for.
    fn scope(self) -> Scope;

    /// What the audit trail is told of it.
    fn audited(self) -> Audited;

    /// What its own action is a right to.
    fn kind(self) -> Kind;

    /// What its own action takes. Whoever may do it to nothing is refused before the request is understood.
    #[must_use]
    fn need(self) -> Need {
        Need::Allow
    }

    /// What it gives that lasts. The gate refuses that to callers whose own rights must not last, before the request is read.
    #[must_use]
    fn lasting(self) -> Lasting {
        Lasting::No
    }

    /// Reads the request and finds everything that the operation reads or changes. Changes nothing itself.
    ///
    /// # Errors
    /// Every problem of the request.
    fn prepare(self, call: Call, body: Body) -> impl Future<Output = Result<Prepared, Failure>> + Send;

    /// Whether a request for a [`Scope::Public`] operation takes a proven caller all the same, by its body.
    #[must_use]
    fn is_by_caller(self, _body: &mut Body) -> bool {
        false
    }

    /// The failure under a code of the service.
    #[must_use]
    fn translate(self, failure: Failure) -> Failure {
        failure
    }

    /// The body of an error.
    #[must_use]
    fn error_body(self, error: &ApiError, _request_id: &str) -> Value {
        error.body(self.specification().errors)
    }
}

/// The work of an operation. Nothing happens before the gate awaits it.
type Work = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

/// An operation that has read its request and waits for the gate's judgement.
pub struct Prepared {
    pub(super) accesses: Vec<Access>,
    pub(super) subject: Subject,
    pub(super) uses: Vec<Subject>,
    pub(super) is_about_rights: bool,
    pub(super) work: Work,
}

impl Prepared {
    /// An operation with all that it touches, and its work.
    pub fn new(accesses: Vec<Access>, work: impl Future<Output = Result<Answer, Failure>> + Send + 'static) -> Self {
        let subject = Subject::of(&accesses);
        Self { accesses, subject, uses: Vec::new(), is_about_rights: false, work: Box::pin(work) }
    }

    /// A question about the caller's own rights, which takes none, also of a function whose task has ended.
    pub fn about_rights(work: impl Future<Output = Result<Answer, Failure>> + Send + 'static) -> Self {
        Self { is_about_rights: true, ..Self::new(Vec::new(), work) }
    }

    /// The same operation, which is about this in the audit trail.
    #[must_use]
    pub fn about(self, subject: Subject) -> Self {
        Self { subject, ..self }
    }

    /// The same operation, a success of which uses each of these.
    #[must_use]
    pub fn using(self, uses: Vec<Subject>) -> Self {
        Self { uses, ..self }
    }
}

/// What an operation is about, in the words of the audit trail. Empty where it is about nothing of the kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Name of the secret.
    pub secret: String,
    /// Identifier of the KMS key.
    pub key: String,
    /// The user, policy, function or event.
    pub target: String,
    /// The version.
    pub version: Option<VersionId>,
    /// The project of the secret or the key, which is not always that of the path.
    pub project: Option<ProjectId>,
}

impl Subject {
    /// The one thing that some accesses are about; of several secrets, none.
    fn of(accesses: &[Access]) -> Self {
        let mut subject = Self::default();
        let mut secrets = accesses.iter().filter_map(|access| match &access.resource {
            Resource::Secret { name, .. } => Some(name.as_str()),
            _ => None,
        });
        if let Some(first) = secrets.next()
            && secrets.all(|other| other == first)
        {
            first.clone_into(&mut subject.secret);
        }
        for access in accesses {
            if let Resource::Secret { project, .. } | Resource::Key { project, .. } = &access.resource {
                subject.project.get_or_insert_with(|| project.clone());
            }
            match &access.resource {
                // What is done to a secret is about that, whatever is used for it.
                Resource::Key { .. } | Resource::Function { .. } if !subject.secret.is_empty() => {}
                Resource::Key { id, .. } => id.as_str().clone_into(&mut subject.key),
                Resource::User(name)
                | Resource::Policy(name)
                | Resource::Agency(name)
                | Resource::Function { name, .. } => {
                    name.clone_into(&mut subject.target);
                }
                _ => {}
            }
            subject.version = subject.version.or(access.facts.version);
        }
        subject
    }

    /// A version of a secret.
    #[must_use]
    pub fn version(secret: &Secret, version: VersionId) -> Self {
        Self { secret: secret.name.to_string(), version: Some(version), ..Self::default() }
    }

    /// A key.
    #[must_use]
    pub fn key(id: &KeyId) -> Self {
        Self { key: id.to_string(), ..Self::default() }
    }

    /// Something that has a name of its own.
    #[must_use]
    pub fn target(name: &str) -> Self {
        Self { target: name.to_owned(), ..Self::default() }
    }
}

/// A request of a proven caller, as operations see it.
#[derive(Clone)]
pub struct Call {
    /// The server.
    pub app: Arc<App>,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// The project in the path; the installation's first one where the path has none.
    pub project: ProjectId,
    pub(super) request: Arc<RequestLine>,
}

/// The parameters of a path by their names in the table of operations, decoded.
pub(super) type Parameters = Vec<(&'static str, String)>;

/// What the head of a request says.
pub(super) struct RequestLine {
    pub(super) operation: Specification,
    pub(super) parameters: Parameters,
    pub(super) query: Vec<(String, String)>,
    pub(super) head: Parts,
    pub(super) judged: OnceLock<Vec<Access>>,
    pub(super) acting: OnceLock<Arc<Caller>>,
}

impl Call {
    /// The names of the operation's action.
    #[must_use]
    pub fn actions(&self) -> super::access::Actions {
        self.request.operation.actions
    }

    /// The name of the operation.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.request.operation.name
    }

    /// An access of the operation to a collection of the project.
    #[must_use]
    pub fn all(&self, kind: Kind) -> Access {
        Access::new(self.actions(), Resource::All(kind, self.project.clone()))
    }

    /// An access of the operation to things that its work finds and judges one by one.
    #[must_use]
    pub fn some(&self, kind: Kind) -> Access {
        Access::new(self.actions(), Resource::Some(kind, self.project.clone()))
    }

    /// The head of the request, for operations that pass it on.
    #[must_use]
    pub fn head(&self) -> &Parts {
        &self.request.head
    }

    /// Where the request came from, as far as it is known.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        self.request.head.extensions.get::<Peer>().map(|peer| peer.0)
    }

    /// Who asks, and how the request came.
    #[must_use]
    pub fn asking(&self) -> Asking<'_> {
        let is_secure = self.request.head.extensions.get::<Secure>().is_some_and(|secure| secure.0);
        Asking { app: &self.app, caller: &self.caller, peer: self.peer(), is_secure }
    }

    /// The same request, whose resources are in a project that the body names. Each access to them is judged there.
    ///
    /// # Errors
    /// CSMS.0302 for a project that the caller may not use, before anything is looked up in it.
    pub fn in_project(self, project: ProjectId) -> Result<Self, Failure> {
        require_own_project(&self.caller, &project)?;
        Ok(Self { project, ..self })
    }

    /// A path parameter as text, decoded.
    #[must_use]
    pub fn path_text(&self, name: &str) -> &str {
        let found = self.request.parameters.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// A path parameter through the constructor of its type.
    ///
    /// # Errors
    /// The problem at the parameter's name.
    pub fn path<T>(&self, name: &str, parse: impl FnOnce(String) -> Result<T, Violation>) -> Result<T, Vec<Problem>> {
        parse(self.path_text(name).to_owned()).map_err(|violation| vec![violation.at(name)])
    }

    /// The secret's name in the path.
    ///
    /// # Errors
    /// The problem at `secret_name`.
    pub fn secret_name(&self) -> Result<SecretName, Vec<Problem>> {
        self.path("secret_name", SecretName::parse)
    }

    /// The secret's identifier in the path.
    ///
    /// # Errors
    /// The problem at `secret_id`.
    pub fn secret_id(&self) -> Result<SecretId, Vec<Problem>> {
        self.path("secret_id", SecretId::parse)
    }

    /// The query parameters, decoded.
    #[must_use]
    pub fn query(&self) -> &[(String, String)] {
        &self.request.query
    }

    /// A query parameter.
    #[must_use]
    pub fn query_text(&self, name: &str) -> Option<&str> {
        let value = self.request.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// Whether a parameter of the query is there, with a value or without one.
    #[must_use]
    pub fn has_query(&self, name: &str) -> bool {
        self.request.query.iter().any(|(known, _)| known == name)
    }

    /// Judges an access that only the work can know of, such as one of many things that a deletion finds.
    ///
    /// # Errors
    /// The refusal of the access; failures of the store.
    pub async fn authorise(&self, access: &Access) -> Result<(), Failure> {
        authorise(self.asking(), access).await
    }

    /// Whether nothing denies an access to one of the things that a list has found. The list leaves out what is denied.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn may_list(&self, found: Access) -> Result<bool, Failure> {
        self.may(found.needs(Need::NoDeny)).await
    }

    /// Whether the caller may do something of which the answer depends.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn may(&self, access: Access) -> Result<bool, Failure> {
        match self.authorise(&access).await {
            Ok(()) => Ok(true),
            Err(failure) if failure.is_internal() => Err(failure),
            Err(_) => Ok(false),
        }
    }

    /// Says who a login has proven to be, or claims to be, for the records of it.
    pub fn acts_as(&self, caller: Arc<Caller>) {
        let _ = self.request.acting.set(caller);
    }

    /// What has to hold inside the transaction that changes a secret or a key: a function still has its lease, and the rights
    /// that the gate has judged hold for the secret or the key as it is there.
    ///
    /// # Errors
    /// Of the check: the refusal, or an internal failure for work that the gate has not judged.
    #[must_use]
    pub fn guard(&self) -> Guard {
        Guard { call: self.clone(), access: None }
    }

    /// Judges an access to a secret that the work has found, and returns what has to hold when it is changed.
    ///
    /// # Errors
    /// As [`Call::authorise`].
    pub async fn guard_of(&self, access: Access) -> Result<Guard, Failure> {
        self.authorise(&access).await?;
        Ok(Guard { call: self.clone(), access: Some(access) })
    }

    /// Changes a secret under its [`Guard`].
    ///
    /// # Errors
    /// What `decide` refuses with; no such secret; a right or a lease that is gone; failures of the store.
    pub async fn change_secret<T: Send + 'static, E: Into<Failure> + Send + 'static>(
        &self,
        name: &SecretName,
        load_values: bool,
        decide: impl FnOnce(&mut Draft) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure> {
        let guard = self.guard();
        let changed = self.app.store.change_secret(&self.project, name, load_values, move |draft| {
            guard.check(draft)?;
            decide(draft).map_err(Into::into)
        });
        changed.await.map_err(|error: ChangeError<Failure>| error.into())
    }

    /// Changes a secret that the request names by something else than its name, under its [`Guard`].
    ///
    /// # Errors
    /// As [`Call::change_secret`]; no such secret, when another one has the name by now.
    pub async fn change_found<T: Send + 'static>(
        &self,
        secret: &Secret,
        decide: impl FnOnce(&mut Secret) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Failure> {
        let id = secret.id.clone();
        let changed = self.change_secret(&secret.name, false, move |draft| {
            if draft.secret.id == id { decide(&mut draft.secret) } else { Err(Refusal::SecretNotFound) }
        });
        changed.await
    }
}

/// See [`Call::guard`].
pub struct Guard {
    call: Call,
    access: Option<Access>,
}

impl Guard {
    /// Checks the draft of a secret.
    ///
    /// # Errors
    /// The refusal.
    pub fn check(&self, draft: &Draft) -> Result<(), Failure> {
        let Call { caller, request, .. } = &self.call;
        require_lease(caller, draft)?;
        let judged = request.judged.get().ok_or_else(not_judged)?;
        if !caller.has_conditions() {
            return Ok(());
        }
        let about_it = judged.iter().chain(&self.access).filter(|access| match &access.resource {
            Resource::Secret { project, name, .. } => *project == draft.secret.project && *name == draft.secret.name,
            _ => false,
        });
        for access in about_it {
            authorise_again(self.call.asking(), access, &draft.secret)?;
        }
        Ok(())
    }

    /// Checks a key that is about to be changed.
    ///
    /// # Errors
    /// The refusal.
    pub fn check_key(&self, key: &KeyRecord) -> Result<(), Failure> {
        let judged = self.call.request.judged.get().ok_or_else(not_judged)?;
        let about_it = judged.iter().chain(&self.access).filter(|access| match &access.resource {
            Resource::Key { project, id, .. } => *project == key.project && *id == key.id,
            _ => false,
        });
        for access in about_it {
            authorise_key_again(self.call.asking(), access, key)?;
        }
        Ok(())
    }
}

fn not_judged() -> Failure {
    Failure::internal("work began before its rights were judged")
}
