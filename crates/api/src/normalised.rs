//! Requests checked and written back in their normal form: defaults filled in, texts in their canonical spelling.
//!
//! A request here is one object with the path parameters beside the members of the body, as a client's method takes it;
//! the project is not part of it. What is accepted is exactly what the server accepts.

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use csms_core::{Problem, SecretName, SecretValue, StageName, UnixMillis, json::ObjectWriter, secret::SecretUpdate};
use serde_json::{Map, Value};

use crate::{
    fields::{Fields, both},
    operation::Operation,
    optional,
    request::{
        Rules,
        secret::{CreateSecret, UpdateSecret, read_recovery_window},
        version::{CreateStage, CreateVersion, VersionSelector, read_expiry, read_stage_target},
    },
};

/// What most normal forms need at most, in bytes.
const TYPICAL_BYTES: usize = 512;

fn write_value(members: &mut ObjectWriter<'_>, value: &SecretValue) {
    write_text(members, "secret_string", value.as_text());
    write_text(members, "secret_binary", value.to_base64());
}

/// Writes a text, if there is one.
fn write_text(members: &mut ObjectWriter<'_>, name: &str, text: Option<impl ToString>) {
    if let Some(text) = text {
        members.text(name, &text.to_string());
    }
}

fn write_texts(members: &mut ObjectWriter<'_>, name: &str, texts: &[impl ToString]) {
    members.value(name, &texts.iter().map(ToString::to_string).collect());
}

/// The names of the path parameters besides the project, in their order.
fn path_parameters(operation: Operation) -> impl Iterator<Item = &'static str> {
    operation.specification().parameters().filter(|name| *name != "project_id")
}

/// Checks a request of an operation that creates or changes a secret, a version or a stage. Of other operations only the
/// path parameters are checked and the other members stay as they are: their forms are few, and a package for browsers has
/// to be small.
///
/// # Errors
/// Every problem it has.
pub fn normalise(operation: Operation, request: Value, rules: Rules, now: UnixMillis) -> Result<String, Vec<Problem>> {
    let Value::Object(mut object) = request else {
        return Fields::of(request).map(|_| String::new());
    };
    let mut normal_form = String::with_capacity(TYPICAL_BYTES);
    let mut members = ObjectWriter::new(&mut normal_form);
    let mut parameters = Fields::of(Value::Object(Map::new()))?;
    for name in path_parameters(operation) {
        // Taken from the body's members, where `null` counts as absent.
        parameters.insert(name, object.get_mut(name).map(Value::take));
        parameters.require(name);
        let checked = parameters.text(name).map(|text| match name {
            "secret_name" => SecretName::parse(text).map(String::from).map_err(|violation| vec![violation.at(name)]),
            "stage_name" => StageName::parse(text).map(String::from).map_err(|violation| vec![violation.at(name)]),
            "version_id" => VersionSelector::read(&text).map(|_| text),
            _ => Ok(text),
        });
        match checked {
            Some(Ok(text)) => members.text(name, &text),
            Some(Err(problems)) => problems.into_iter().for_each(|problem| parameters.report(problem)),
            None => {}
        }
    }
    let parameters = parameters.finish(Some(()));
    let body = write_body(operation, Value::Object(object), rules, now, &mut members);
    members.finish();
    both(parameters, body).map(|_| normal_form)
}

fn write_body(
    operation: Operation,
    body: Value,
    rules: Rules,
    now: UnixMillis,
    members: &mut ObjectWriter<'_>,
) -> Result<(), Vec<Problem>> {
    match operation {
        Operation::CreateSecret => create_secret(&CreateSecret::read(body, rules)?, members),
        Operation::UpdateSecret => update_secret(&UpdateSecret::read(body, rules)?, members),
        Operation::DeleteSecretForSchedule => {
            members.value("recovery_window_in_days", &read_recovery_window(body)?.get().into());
        }
        Operation::CreateSecretVersion => {
            let read = CreateVersion::read(body, rules, now)?;
            write_value(members, &read.value);
            write_texts(members, "version_stages", &read.version.stages);
            if let Some(time) = read.version.expire_time {
                members.value("expire_time", &time.whole_seconds().as_millis().into());
            }
        }
        Operation::UpdateVersion => {
            members.value("expire_time", &read_expiry(body, now)?.whole_seconds().as_millis().into());
        }
        Operation::UpdateSecretStage => members.text("version_id", &read_stage_target(body)?.to_string()),
        Operation::CreateSecretStage => {
            let stage = CreateStage::read(body)?;
            members.text("name", stage.name.as_str());
            members.text("version_id", &stage.version.to_string());
        }
        _ => {
            if let Value::Object(mut object) = body {
                optional::of_operation(operation).strip_deeply(&mut object);
                for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
                    members.value(name, value);
                }
            }
        }
    }
    Ok(())
}

fn create_secret(read: &CreateSecret, members: &mut ObjectWriter<'_>) {
    let secret = &read.secret;
    members.text("name", secret.name.as_str());
    write_text(members, "kms_key_id", read.kms_key.as_ref());
    members.text("description", &secret.description);
    write_value(members, &read.value);
    members.text("secret_type", secret.secret_type.as_str());
    members.value("auto_rotation", &secret.auto_rotation.into());
    write_text(members, "rotation_period", secret.rotation_period.as_ref());
    write_text(members, "rotation_config", secret.rotation_config.as_ref());
    write_text(members, "rotation_func_urn", secret.rotation_func_urn.as_ref());
    write_texts(members, "event_subscriptions", &secret.event_subscriptions);
    members.text("enterprise_project_id", &secret.enterprise_project_id);
}

fn update_secret(read: &UpdateSecret, members: &mut ObjectWriter<'_>) {
    let SecretUpdate {
        kms_key_id: _,
        description,
        auto_rotation,
        rotation_period,
        event_subscriptions,
        rotation_func_urn,
    } = &read.update;
    write_text(members, "kms_key_id", read.kms_key.as_ref());
    write_text(members, "description", description.as_ref());
    if let Some(auto_rotation) = auto_rotation {
        members.value("auto_rotation", &(*auto_rotation).into());
    }
    write_text(members, "rotation_period", rotation_period.as_ref());
    write_text(members, "rotation_func_urn", rotation_func_urn.as_ref());
    if let Some(events) = event_subscriptions {
        write_texts(members, "event_subscriptions", events);
    }
}

#[cfg(test)]
mod tests {
    use csms_core::Rule;
    use serde_json::json;

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

    fn normal(operation: Operation, request: Value) -> Result<Value, Vec<Problem>> {
        let text = normalise(operation, request, Rules::default(), NOW)?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn what_is_normal_stays_as_it_is() {
        let request = json!({
            "name": "db", "secret_string": "x", "secret_type": "RDS-FG", "auto_rotation": true, "rotation_period": "36h",
            "rotation_config": "{'RDSInstanceId':'i','SecretSubType':'SingleUser'}",
        });
        let once = normal(Operation::CreateSecret, request).unwrap();
        assert_eq!(once["rotation_config"], r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#);
        assert_eq!(normal(Operation::CreateSecret, once.clone()), Ok(once));
    }

    #[test]
    fn problems_of_path_and_body_are_told_together() {
        let request = json!({ "secret_name": "a b", "stage_name": 7, "version_id": "latest" });
        let problems = normal(Operation::UpdateSecretStage, request).unwrap_err();
        let told: Vec<_> = problems.iter().map(|problem| (problem.path.as_str(), problem.violation.rule)).collect();
        assert_eq!(told, [("secret_name", Rule::Pattern), ("stage_name", Rule::Type), ("version_id", Rule::Pattern)]);
    }

    #[test]
    fn a_version_in_the_path_may_be_the_latest() {
        let request = json!({ "secret_name": "a", "version_id": "latest", "expire_time": 1_800_000_000_123_u64 });
        assert_eq!(
            normal(Operation::UpdateVersion, request),
            Ok(json!({ "secret_name": "a", "version_id": "latest", "expire_time": 1_800_000_000_000_u64 }))
        );
    }

    #[test]
    fn what_is_not_given_is_left_out() {
        let request =
            json!({ "action": "filter", "limit": "", "tags": [{ "key": "a", "values": null }], "matches": "" });
        assert_eq!(
            normal(Operation::ListResourceInstances, request),
            Ok(json!({ "action": "filter", "tags": [{ "key": "a" }] }))
        );
        let request = json!({ "secret_name": "a", "recovery_window_in_days": "7" });
        assert_eq!(
            normal(Operation::DeleteSecretForSchedule, request),
            Ok(json!({ "secret_name": "a", "recovery_window_in_days": 7 }))
        );
    }

    #[test]
    fn a_request_that_is_no_object_is_refused() {
        assert_eq!(normal(Operation::RotateSecret, json!(["a"])).unwrap_err()[0].violation.rule, Rule::Type);
        assert_eq!(normal(Operation::RotateSecret, json!({})).unwrap_err()[0].path, "secret_name");
    }
}
