//! What users prove themselves with: access keys and passwords.
//!
//! A secret key is answered once, when its key is made. A password is never answered.

use csms_api::{
    ErrorCode,
    iam::{
        request::{access_key_enabled, changed_password, new_password},
        response::{
            AccessKey, AccessKeyLastUsed, AccessKeyLastUsedResponse, AccessKeyResponse, ListAccessKeysResponse,
            LoginProfile, LoginProfileResponse,
        },
    },
};
use csms_core::UnixMillis;
use csms_store::{AccessChange, AccessKeyRecord, AccessState, Store, UserRecord};
use zeroize::Zeroizing;

use super::{Decision, NamedUser, change, find, not_found, page, records, require_name, rfc3339};
use crate::{
    failure::Failure,
    gate::{
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// A key as it is at `now`. The cloud's keys have no end, so one that has ended is inactive.
fn describe(key: &AccessKeyRecord, now: UnixMillis) -> AccessKey<'_> {
    AccessKey {
        user_id: &key.user_id,
        access_key_id: &key.access_key,
        created_at: key.create_time.map(rfc3339),
        status: if key.enabled && !key.has_expired(now) { "active" } else { "inactive" },
        secret_access_key: None,
    }
}

pub(super) async fn list_keys(call: Call) -> Result<Prepared, Failure> {
    let (page, named) = (page(&call)?, NamedUser::in_path(&call).await?);
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let keys = call.app.store.access_keys(&named.found()?.id).await?;
        let now = call.app.clock.now();
        let described = keys.iter().map(|key| describe(key, now)).collect();
        let (access_keys, page_info) = page.cut(described, |key| key.access_key_id);
        Answer::json(&ListAccessKeysResponse { access_keys, page_info })
    }))
}

pub(super) async fn create_key(call: Call) -> Result<Prepared, Failure> {
    let named = NamedUser::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let user = named.found()?;
        let now = call.app.clock.now();
        let (key, secret_key) = records::make_key(&call.app.root, &user.id, now)?;
        // What credentials that end have made ends with them.
        let key = AccessKeyRecord { expires: call.caller.end_of_mints(), ..key };
        let (made, domain) = (key.clone(), call.app.identity.domain_id.clone());
        change(&call, move |state| {
            require_name(find(state, &domain, &user.id)?, Some(&user.name))?;
            let target = key.access_key.clone();
            Ok(Decision { answer: (), changes: vec![AccessChange::PutAccessKey(key)], target })
        })
        .await?;
        let access_key = AccessKey { secret_access_key: Some(&secret_key), ..describe(&made, now) };
        Answer::secret(&AccessKeyResponse { access_key })
    }))
}

/// The key that the path names, of the user that it names.
fn find_key<'s>(state: &'s AccessState, domain: &str, user: &str, key: &str) -> Result<&'s AccessKeyRecord, Failure> {
    find(state, domain, user)?;
    let found = state.keys.iter().find(|known| known.access_key == key && known.user_id == user);
    found.ok_or_else(|| not_found("access key"))
}

async fn change_key(
    call: &Call,
    user: UserRecord,
    decide: impl FnOnce(&AccessKeyRecord) -> Result<AccessChange, Failure> + Send + 'static,
) -> Result<AccessKeyRecord, Failure> {
    let (key, domain) = (call.path_text("access_key_id").to_owned(), call.app.identity.domain_id.clone());
    change(call, move |state| {
        require_name(find(state, &domain, &user.id)?, Some(&user.name))?;
        let found = find_key(state, &domain, &user.id, &key)?;
        Ok(Decision { answer: found.clone(), changes: vec![decide(found)?], target: key })
    })
    .await
}

pub(super) async fn update_key(call: Call, body: Body) -> Result<Prepared, Failure> {
    let enabled = access_key_enabled(body.object()?)?;
    let named = NamedUser::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let end = call.caller.end_of_mints();
        let put = move |key: &AccessKeyRecord| {
            let is_given = enabled && !key.enabled;
            if is_given && end.is_some_and(|end| key.expires.is_none_or(|expires| expires > end)) {
                let reason = "the access key would outlast the credentials of the caller";
                return Err(Failure::new(ErrorCode::Forbidden, reason));
            }
            Ok(AccessChange::PutAccessKey(AccessKeyRecord { enabled, ..key.clone() }))
        };
        let changed = AccessKeyRecord { enabled, ..change_key(&call, named.found()?, put).await? };
        Answer::json(&AccessKeyResponse { access_key: describe(&changed, call.app.clock.now()) })
    }))
}

/// ShowAccessKeyLastUsedV5.
pub(super) async fn show_key_use(call: Call) -> Result<Prepared, Failure> {
    let named = NamedUser::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let (user, name) = (named.found()?, call.path_text("access_key_id"));
        let found = call.app.store.access_key(name).await?.filter(|(key, _)| key.user_id == user.id);
        let (key, _) = found.ok_or_else(|| not_found("access key"))?;
        let last_used_at = key.last_use.map(|last| rfc3339(last.time));
        Answer::json(&AccessKeyLastUsedResponse { access_key_last_used: AccessKeyLastUsed { last_used_at } })
    }))
}

pub(super) async fn delete_key(call: Call) -> Result<Prepared, Failure> {
    let named = NamedUser::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let delete = |key: &AccessKeyRecord| Ok(AccessChange::DeleteAccessKey(key.access_key.clone()));
        change_key(&call, named.found()?, delete).await?;
        Ok(Answer::Empty)
    }))
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

/// The hash of a new password for the user of this name, made within the bounds of password checks. The password is judged
/// here and not while the body is read: a rule names the user, which only who has the right to it may learn.
async fn hash(call: &Call, user_name: &str, password: Zeroizing<String>) -> Result<String, Failure> {
    let password = call.app.new_password(password, user_name)?;
    let peer = call.peer();
    call.app.authenticator.password_checks().hash(peer, password).await
}

pub(super) async fn show_login(call: Call) -> Result<Prepared, Failure> {
    let named = NamedUser::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move { login(&named.found()?) }))
}

pub(super) async fn create_login(call: Call, body: Body) -> Result<Prepared, Failure> {
    let password = new_password(body.object()?)?;
    let named = NamedUser::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let Some(user) = &named.found else { return Err(not_found("user")) };
        let (hash, now) = (hash(&call, &user.name, password).await?, call.app.clock.now());
        let changed = named.change(&call, move |user, _| {
            if user.password_hash.is_some() {
                return Err(Failure::new(ErrorCode::IamExists, "the user has a login profile"));
            }
            records::set_password(user, Some(hash), now);
            Ok(user.clone())
        });
        login(&changed.await?)
    }))
}

pub(super) async fn update_login(call: Call, body: Body) -> Result<Prepared, Failure> {
    let password = changed_password(body.object()?)?;
    let named = NamedUser::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let Some(user) = &named.found else { return Err(not_found("user")) };
        let hash = match password {
            Some(password) => Some(hash(&call, &user.name, password).await?),
            None => None,
        };
        let now = call.app.clock.now();
        let changed = named.change(&call, move |user, _| {
            if user.password_hash.is_none() {
                return Err(not_found("login profile"));
            }
            if hash.is_some() {
                records::set_password(user, hash, now);
            }
            Ok(user.clone())
        });
        login(&changed.await?)
    }))
}

pub(super) async fn delete_login(call: Call) -> Result<Prepared, Failure> {
    let named = NamedUser::in_path(&call).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let now = call.app.clock.now();
        let changed = named.change(&call, move |user, _| {
            if user.password_hash.is_none() {
                return Err(not_found("login profile"));
            }
            records::set_password(user, None, now);
            Ok(())
        });
        changed.await?;
        Ok(Answer::Empty)
    }))
}
