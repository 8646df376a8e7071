//! Bodies and query parameters of requests. One input is given to the readers of all operations.

use csms_api::{
    cts::ListTraces,
    eps, iam,
    kms::request as kms,
    request::{
        Rules, batch, checker, event, grant, observed, password, query, replica, rotation, secret, tag, token, user,
        version,
    },
};
use csms_core::{UnixMillis, json};
use serde_json::Value;

use crate::text;

/// A moment for what is relative to one.
const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

/// Bodies.
pub(crate) fn bodies(bytes: &[u8]) {
    let Ok(body) = json::parse(text(bytes)) else { return };
    let rules = Rules::default();
    of_secrets(&body, rules);
    of_versions(&body, rules);
    of_keys(&body);
    of_identities(&body);
}

fn of_secrets(body: &Value, rules: Rules) {
    let body = || body.clone();
    let _ = (secret::CreateSecret::read(body(), rules), secret::UpdateSecret::read(body(), rules));
    let _ = (secret::read_recovery_window(body()), secret::read_blob(body()), observed::read_observed(body()));
    let _ = (batch::read_names(body()), batch::read_import(body(), rules), batch::DeleteOfInstance::read(body()));
    let _ = (checker::CheckSecrets::read(body()), checker::read_config(body()));
    let _ = (event::CreateEvent::read(body()), event::read_event_update(body()), replica::CreateReplica::read(body()));
    let _ = (grant::GrantRequest::read(body(), NOW), password::read_password_policy(body()));
    let _ = (tag::read_tag(body()), tag::ChangeTags::read(body()), tag::FindResources::read(body()));
    let _ = (rotation::read_agency_body(body()), eps::MigrateResource::read(body()), eps::FindResources::read(body()));
}

fn of_versions(body: &Value, rules: Rules) {
    let body = || body.clone();
    let _ = (version::CreateVersion::read(body(), rules, NOW), version::read_move(body(), NOW));
    let _ = (version::read_expiry(body(), NOW), version::CreateStage::read(body()), version::read_stage_target(body()));
}

fn of_keys(body: &Value) {
    let body = || body.clone();
    let _ = (kms::CreateKey::read(body()), kms::read_key_id(body()), kms::read_schedule_deletion(body()));
    let _ = (kms::read_alias(body(), "key_id", "alias"), kms::read_description(body()), kms::ListKeys::read(body()));
    let _ = (kms::read_delete_aliases(body()), kms::CreateDatakey::read(body()), kms::read_random(body()));
    let _ = (kms::Crypt::read_encrypt_datakey(body(), |_| [0; 32]), kms::Crypt::read_decrypt_datakey(body()));
    let _ = (kms::Crypt::read_encrypt_data(body()), kms::read_decrypt_data(body()));
    let _ = (kms::grant::CreateGrant::read(body()), kms::grant::read_grant(body()), kms::grant::read_list(body()));
    let _ = (kms::grant::read_retirable(body()), kms::rotation::read_interval(body()));
}

fn of_identities(body: &Value) {
    let _ = (token::TokenRequest::read(body), token::AgencyRequest::read_session(body));
    let _ = (token::TemporaryKeyRequest::read(body), token::PasswordLogin::read(body));
    let body = || body.clone();
    let _ = (iam::request::CreateUser::read(body()), iam::request::UpdateUser::read(body()));
    let _ = (iam::request::CreatePolicy::read(body()), iam::request::CreatePolicyVersion::read(body()));
    let _ = user::ChangePassword::read(body());
}

/// Query parameters, one in each line as `name=value`.
pub(crate) fn queries(bytes: &[u8]) {
    let lines = text(bytes).lines().map(|line| line.split_once('=').unwrap_or((line, "")));
    let pairs: Vec<_> = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let _ = (query::ListSecrets::read(&pairs), query::ListEvents::read(&pairs), query::ListRecords::read(&pairs));
    let _ = (query::ListVersions::read(&pairs), query::ListTasks::read(&pairs), grant::GrantQuery::read(&pairs));
    let _ = (rotation::TemplateQuery::read(&pairs), rotation::read_agency_query(&pairs), user::ListUsers::read(&pairs));
    let _ = (
        kms::ListAliases::read(&pairs),
        iam::page::PageRequest::read(&pairs, "ListUsersV5"),
        ListTraces::read(&pairs, NOW),
    );
    let _ = (version::VersionSelector::read(text(bytes)), observed::read_state(text(bytes)));
    let _ = eps::read_enterprise_project(text(bytes));
}
