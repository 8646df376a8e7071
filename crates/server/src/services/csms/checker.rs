//! Passwords: drawn at random, and judged.

use csms_api::{
    request::{
        checker::{CheckSecrets, read_config},
        password::read_password_policy,
    },
    response::checker::{CheckResponse, ConfigResponse, PasswordResponse, Verdict},
};
use csms_core::{password::Password, strength};
use csms_store::{Entry, EntryChange, Store};
use getrandom::SysRng;
use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    gate::{
        access::{Kind, Need},
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
};

/// A project's settings of the checker.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct CheckerSettings {
    checking_secret_strength: bool,
}

impl Entry for CheckerSettings {
    const KIND: &'static str = "settings";
}

/// The name of the one entry of its kind.
const NAME: &str = "checker";

impl Default for CheckerSettings {
    fn default() -> Self {
        Self { checking_secret_strength: true }
    }
}

/// GenerateRandomPassword
///
/// # Errors
/// Every problem of the request.
pub fn generate_password(call: &Call, body: Body) -> Result<Prepared, Failure> {
    let policy = read_password_policy(body.object()?)?;
    Ok(Prepared::new(vec![call.all(Kind::Secret)], async move {
        let password = Password::make(&policy, &mut SysRng)?;
        Answer::secret(&PasswordResponse { password: password.reveal().to_owned() })
    }))
}

async fn settings(call: &Call) -> Result<CheckerSettings, Failure> {
    Ok(call.app.store.entry(&call.project, NAME).await?.unwrap_or_default())
}

/// CheckSecrets
///
/// # Errors
/// Every problem of the request.
pub fn check(call: Call, body: Body) -> Result<Prepared, Failure> {
    let request = CheckSecrets::read(body.object()?)?;
    Ok(Prepared::new(vec![call.all(Kind::Secret).needs(Need::NoDeny)], async move {
        let data = if settings(&call).await?.checking_secret_strength {
            Verdict::from(&strength::assess(&request.password, &request.user_name))
        } else {
            Verdict::unchecked()
        };
        Answer::json(&CheckResponse { kind: "password".to_owned(), data })
    }))
}

fn answer(call: &Call, settings: CheckerSettings) -> Result<Answer, Failure> {
    Answer::json(&ConfigResponse {
        checking_secret_strength: settings.checking_secret_strength,
        max_value_bytes: call.app.limits().rules.max_value.bytes(),
    })
}

/// ShowSecretsConfig
pub fn show_config(call: Call) -> Prepared {
    let access = call.all(Kind::Secret).needs(Need::NoDeny);
    Prepared::new(vec![access], async move { answer(&call, settings(&call).await?) })
}

/// UpdateSecretsConfig
///
/// # Errors
/// Every problem of the request.
pub fn update_config(call: Call, body: Body) -> Result<Prepared, Failure> {
    let wanted = read_config(body.object()?)?;
    Ok(Prepared::new(vec![call.all(Kind::Secret)], async move {
        let Some(checking_secret_strength) = wanted else { return answer(&call, settings(&call).await?) };
        let settings = CheckerSettings { checking_secret_strength };
        let put = move |_| Ok::<_, Failure>((EntryChange::Put(settings), ()));
        call.app.store.change_entry(&call.project, NAME, put).await?;
        answer(&call, settings)
    }))
}
