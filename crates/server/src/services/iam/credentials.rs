//! What users prove themselves with: access keys and passwords.
//!
//! A secret key is answered once, when its key is made. A password is never answered.

use std::sync::Arc;

use csms_api::{
    ErrorCode,
    iam::{
        request::{access_key_enabled, changed_password, new_password},
        response::{AccessKey, AccessKeyResponse, ListAccessKeysResponse, LoginProfile, LoginProfileResponse},
    },
};
use csms_store::{AccessChange, AccessKeyRecord, AccessState, Store, UserRecord};
use zeroize::Zeroizing;

use super::{Call, Decision, find, not_found, records, rfc3339};
use crate::{auth::passwords, failure::Failure, gate::answer::Answer};

fn describe(key: &AccessKeyRecord) -> AccessKey<'_> {
    AccessKey {
        user_id: &key.user_id,
        access_key_id: &key.access_key,
        created_at: key.create_time.map(rfc3339),
        status: if key.enabled { "active" } else { "inactive" },
        secret_access_key: None,
    }
}

pub(super) async fn list_keys(call: &Call) -> Result<Answer, Failure> {
    let page = call.page()?;
    let keys = call.app.store.access_keys(&call.user().await?.id).await?;
    let (access_keys, page_info) = page.cut(keys.iter().map(describe).collect(), |key| key.access_key_id);
    Answer::json(&ListAccessKeysResponse { access_keys, page_info })
}

pub(super) async fn create_key(call: &Call) -> Result<Answer, Failure> {
    let (id, domain) = (call.name(0).to_owned(), call.app.identity.domain_id.clone());
    let (key, secret_key) = records::make_key(&call.app.root, &id, call.app.clock.now())?;
    let made = key.clone();
    call.change(move |state| {
        find(state, &domain, &id)?;
        let target = key.access_key.clone();
        Ok(Decision { answer: (), changes: vec![AccessChange::PutAccessKey(key)], target })
    })
    .await?;
    let access_key = AccessKey { secret_access_key: Some(&secret_key), ..describe(&made) };
    Answer::secret(&AccessKeyResponse { access_key })
}

/// The key that the path names, of the user that it names.
fn find_key<'s>(state: &'s AccessState, domain: &str, user: &str, key: &str) -> Result<&'s AccessKeyRecord, Failure> {
    find(state, domain, user)?;
    let found = state.keys.iter().find(|known| known.access_key == key && known.user_id == user);
    found.ok_or_else(|| not_found("access key"))
}

async fn change_key(
    call: &Call,
    decide: impl FnOnce(&AccessKeyRecord) -> AccessChange + Send + 'static,
) -> Result<AccessKeyRecord, Failure> {
    let (user, key) = (call.name(0).to_owned(), call.name(1).to_owned());
    let domain = call.app.identity.domain_id.clone();
    call.change(move |state| {
        let found = find_key(state, &domain, &user, &key)?;
        Ok(Decision { answer: found.clone(), changes: vec![decide(found)], target: key })
    })
    .await
}

pub(super) async fn update_key(call: &Call) -> Result<Answer, Failure> {
    let enabled = access_key_enabled(call.body()?)?;
    let put = move |key: &AccessKeyRecord| AccessChange::PutAccessKey(AccessKeyRecord { enabled, ..key.clone() });
    let changed = AccessKeyRecord { enabled, ..change_key(call, put).await? };
    Answer::json(&AccessKeyResponse { access_key: describe(&changed) })
}

pub(super) async fn delete_key(call: &Call) -> Result<Answer, Failure> {
    change_key(call, |key| AccessChange::DeleteAccessKey(key.access_key.clone())).await?;
    Ok(Answer::Empty)
}

fn login(user: &UserRecord) -> Result<Answer, Failure> {
    if user.password_hash.is_none() {
        return Err(not_found("login profile"));
    }
    let login_profile = LoginProfile {
        user_id: user.id.clone(),
        password_reset_required: false,
        created_at: user.details.password_time.map(rfc3339),
    };
    Answer::json(&LoginProfileResponse { login_profile })
}

/// Hashing takes as long as it is meant to, so it has a thread of its own.
async fn hash(password: Zeroizing<String>) -> Result<String, Failure> {
    let password = Arc::new(password);
    tokio::task::spawn_blocking(move || passwords::hash(&password)).await.map_err(Failure::internal)?
}

pub(super) async fn show_login(call: &Call) -> Result<Answer, Failure> {
    login(&call.user().await?)
}

pub(super) async fn create_login(call: &Call) -> Result<Answer, Failure> {
    let password = new_password(call.body()?)?;
    call.user().await?;
    let (hash, now) = (hash(password).await?, call.app.clock.now());
    let changed = call.change_user(move |user, _| {
        if user.password_hash.is_some() {
            return Err(Failure::new(ErrorCode::IamExists, "the user has a login profile"));
        }
        records::set_password(user, Some(hash), now);
        Ok(user.clone())
    });
    login(&changed.await?)
}

pub(super) async fn update_login(call: &Call) -> Result<Answer, Failure> {
    let password = changed_password(call.body()?)?;
    call.user().await?;
    let hash = match password {
        Some(password) => Some(hash(password).await?),
        None => None,
    };
    let now = call.app.clock.now();
    let changed = call.change_user(move |user, _| {
        if user.password_hash.is_none() {
            return Err(not_found("login profile"));
        }
        if hash.is_some() {
            records::set_password(user, hash, now);
        }
        Ok(user.clone())
    });
    login(&changed.await?)
}

pub(super) async fn delete_login(call: &Call) -> Result<Answer, Failure> {
    let now = call.app.clock.now();
    let changed = call.change_user(move |user, _| {
        if user.password_hash.is_none() {
            return Err(not_found("login profile"));
        }
        records::set_password(user, None, now);
        Ok(())
    });
    changed.await?;
    Ok(Answer::Empty)
}
