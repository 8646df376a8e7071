//! The operations of the Key Management Service on the same port.
//!
//! Rights, audit and metrics are the gate's. What an operation does is in the modules below.

mod aliases;
mod crypt;
mod lifecycle;

use std::sync::Arc;

use csms_api::{ErrorCode, kms::KmsOperation, operation::Specification};
use csms_core::KeyId;
use csms_store::{KeyRecord, KeyState, Store};

use crate::{
    audit::Origin,
    failure::Failure,
    gate::{
        access::{Access, Kind, Resource, Stored},
        json::Body,
        service::{Audited, Call, Prepared, Scope, Service},
    },
    keys::project::is_gone,
};

impl Service for KmsOperation {
    fn specification(self) -> Specification {
        Self::specification(self)
    }

    fn scope(self) -> Scope {
        Scope::Project
    }

    fn audited(self) -> Audited {
        if self.changes_keys() {
            Audited::Change
        } else if self.uses_key() {
            Audited::Use
        } else {
            Audited::No
        }
    }

    fn kind(self) -> Kind {
        Kind::Key
    }

    fn translate(self, mut failure: Failure) -> Failure {
        failure.error.code = failure.error.code.of_kms();
        failure
    }

    async fn prepare(self, call: Call, body: Body) -> Result<Prepared, Failure> {
        if call.app.keys.are_remote() {
            let reason = "the keys of this server are kept by another Key Management Service; ask that one";
            return Err(Failure::new(ErrorCode::NoSuchOperation, reason));
        }
        match self {
            Self::CreateKey => lifecycle::create(call, body),
            Self::ListKeys => lifecycle::list(call, body),
            Self::ListKeyDetail => lifecycle::describe(call, body).await,
            Self::EnableKey => lifecycle::enable(call, body),
            Self::DisableKey => lifecycle::disable(call, body),
            Self::DeleteKey => lifecycle::schedule_deletion(call, body),
            Self::CancelKeyDeletion => lifecycle::cancel_deletion(call, body),
            Self::UpdateKeyAlias => lifecycle::update_alias(call, body),
            Self::UpdateKeyDescription => lifecycle::update_description(call, body),
            Self::CreateAlias => aliases::create(call, body),
            Self::ListAliases => aliases::list(call),
            Self::DeleteAlias => aliases::delete(call, body),
            Self::AssociateAlias => aliases::associate(call, body).await,
            Self::CreateDatakey => crypt::create_datakey(call, body, true),
            Self::CreateDatakeyWithoutPlaintext => crypt::create_datakey(call, body, false),
            Self::EncryptDatakey => crypt::encrypt_datakey(call, body),
            Self::DecryptDatakey => crypt::decrypt_datakey(call, body),
            Self::EncryptData => crypt::encrypt_data(call, body),
            Self::DecryptData => crypt::decrypt_data(call, body),
            Self::CreateRandom => crypt::random(&call, body),
        }
    }
}

/// The operation's access to a key.
fn access(call: &Call, id: &KeyId) -> Access {
    let resource = Resource::Key { project: call.project.clone(), id: id.clone(), stored: Stored::Unread };
    Access::new(call.actions(), resource)
}

/// The keys of the project that have not been deleted.
async fn keys(call: &Call) -> Result<Vec<KeyRecord>, Failure> {
    let now = call.app.clock.now();
    let keys = call.app.store.keys(&call.project).await?;
    Ok(keys.into_iter().filter(|key| !is_gone(key, now)).collect())
}

/// Changes one key, in one transaction with its record.
async fn change<T: Send + 'static>(
    call: &Call,
    id: &KeyId,
    decide: impl FnOnce(&mut KeyRecord, &[KeyRecord]) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (origin, trail) = (Origin::current(), Arc::clone(&call.app.trail));
    let (wanted, now) = (id.clone(), call.app.clock.now());
    let changed = call.app.store.change_keys(&call.project, move |keys| {
        let others = keys.clone();
        let key = keys.iter_mut().find(|key| key.id == wanted && !is_gone(key, now));
        let key = key.ok_or_else(no_such_key)?;
        let answer = decide(key, &others)?;
        let entry = trail.change(&origin, &key.project, |record| record.key = Some(key.id.as_str()));
        Ok::<_, Failure>((answer, vec![entry]))
    });
    let changed = changed.await;
    call.app.keys.forget(&call.project, id);
    Ok(changed?)
}

fn no_such_key() -> Failure {
    Failure::new(ErrorCode::KmsKeyNotFound, "")
}

/// The word of a state.
const fn state_of(state: KeyState) -> &'static str {
    match state {
        KeyState::Enabled => "2",
        KeyState::Disabled => "3",
        KeyState::PendingDeletion => "4",
    }
}
