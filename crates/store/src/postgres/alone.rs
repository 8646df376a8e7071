//! Changes that are made alone, because somebody else has locked a row that they need, or because a group failed over them.
//!
//! Each waits in a transaction of its own, which takes one of the places for writes that may wait. A change that was decided
//! in a group is written here only if what it was decided on is still what is stored.

use super::{
    audit,
    connect::Connections,
    failure,
    groups::{Change, Creation, Decided, Key, Records},
    secrets,
    session::Session,
};
use crate::error::{Cause, CreateError, StoreError};

/// How often a change is begun that others, or the loss of a connection, were in the way of.
const ATTEMPTS: usize = 3;

/// What is written alone.
#[allow(clippy::large_enum_variant, reason = "few of them wait at a time")]
pub(super) enum Alone {
    Change(Change),
    Decided(Decided),
    Creation(Creation),
    Records(Records),
}

impl Alone {
    /// The secret that it is about.
    pub(super) fn key(&self) -> Option<Key> {
        match self {
            Self::Change(change) => Some(change.key.clone()),
            Self::Decided(decided) => Some(decided.key.clone()),
            Self::Creation(creation) => Some((creation.secret.project.clone(), creation.secret.name.clone())),
            Self::Records(_) => None,
        }
    }
}

/// Writes it and answers its caller.
pub(super) async fn run(connections: &Connections, work: Alone) {
    match work {
        Alone::Change(change) => write(connections, Step::Decide(change)).await,
        Alone::Decided(decided) => write(connections, Step::Write(decided)).await,
        Alone::Creation(creation) => {
            let created = create(connections, &creation).await;
            drop(creation.answer.send(created));
        }
        Alone::Records(records) => {
            let appended = append(connections, &records).await;
            drop(records.answer.send(appended));
        }
    }
}

/// What is left to do for a change.
#[allow(clippy::large_enum_variant, reason = "few of them wait at a time")]
enum Step {
    Decide(Change),
    Write(Decided),
}

impl Step {
    fn fail(self, error: StoreError) {
        match self {
            Self::Decide(change) => change.fail(error),
            Self::Write(decided) => decided.answer.send(Err(error)),
        }
    }
}

async fn write(connections: &Connections, mut step: Step) {
    for attempt in 1.. {
        match write_once(connections, step).await {
            Ok(()) => return,
            Err((error, left)) if attempt < ATTEMPTS && failure::may_repeat(&error) => step = left,
            Err((error, left)) => return left.fail(error),
        }
    }
}

/// One attempt. After an error nothing of it has been written.
#[allow(clippy::result_large_err, reason = "what is left to do comes back with the error")]
async fn write_once(connections: &Connections, step: Step) -> Result<(), (StoreError, Step)> {
    let session = match Session::write(connections).await {
        Ok(session) => session,
        Err(error) => return Err((error, step)),
    };
    let ((project, name), load_values) = match &step {
        Step::Decide(change) => (&change.key, change.load_values),
        Step::Write(decided) => (&decided.key, decided.load_values),
    };
    let loaded = match secrets::lock(&session, project, name, load_values).await {
        Ok(loaded) => loaded,
        Err(error) => {
            session.discard().await;
            return Err((error, step));
        }
    };
    let decided = match (step, loaded) {
        (Step::Decide(change), None) => {
            change.not_found();
            None
        }
        (Step::Decide(change), Some(loaded)) => change.decided(loaded),
        (Step::Write(decided), Some(loaded)) if loaded.is_same(&decided.loaded) => Some(decided),
        (Step::Write(decided), _) => {
            let cause = Cause::new("another change of the secret came first");
            decided.answer.send(Err(StoreError::Unavailable(cause)));
            None
        }
    };
    let Some(decided) = decided else {
        session.discard().await;
        return Ok(());
    };
    let written = async {
        decided.write(&session).await?;
        audit::append(&session, decided.records().to_vec()).await
    };
    if let Err(error) = written.await {
        session.discard().await;
        return Err((error, Step::Write(decided)));
    }
    match session.commit().await {
        // Nobody knows whether a commit happened whose reply is lost.
        Err(error) if !failure::leaves_doubt(&error) => Err((error, Step::Write(decided))),
        committed => {
            decided.answer.send(committed);
            Ok(())
        }
    }
}

async fn create(connections: &Connections, creation: &Creation) -> Result<(), CreateError> {
    let Creation { secret, values, quota, records, .. } = creation;
    let values: Vec<_> = values.iter().map(|(version, sealed)| (*version, sealed.as_slice())).collect();
    let mut attempt = 1;
    loop {
        let session = Session::write(connections).await?;
        let created = async {
            secrets::create(&session, secret, &values, *quota).await?;
            Ok(audit::append(&session, records.clone()).await?)
        };
        let created = created.await;
        let is_undone = matches!(&created, Err(CreateError::Store(error)) if failure::may_repeat(error));
        match session.end(created).await {
            Err(CreateError::Quota)
                if secrets::has_room(&Session::open_to_write(connections).await?, &secret.project, *quota).await? => {}
            Err(CreateError::Store(error)) if attempt < ATTEMPTS && (is_undone || failure::was_undone(&error)) => {
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

async fn append(connections: &Connections, records: &Records) -> Result<(), StoreError> {
    let mut attempt = 1;
    loop {
        let session = Session::write(connections).await?;
        let appended = audit::append(&session, records.records.clone()).await;
        let is_undone = failure::is_undone_by(&appended);
        match session.end(appended).await {
            Err(error) if attempt < ATTEMPTS && (is_undone || failure::was_undone(&error)) => {
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}
