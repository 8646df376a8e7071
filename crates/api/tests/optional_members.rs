//! The table of optional members holds for every reader: what is absent, `null` or empty reads as the table says, and a
//! number, a truth value or a text in the other spelling reads the same.
//!
//! Bodies of all three services. That the table names every optional member, and no other, is compared with the OpenAPI
//! document, which observes the readers.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::{collections::BTreeSet, fmt::Debug};

use csms_api::{
    Operation,
    eps::{EpsOperation, FindResources as FindBoundResources, MigrateResource},
    iam::{IamOperation, request as iam},
    kms::{KmsOperation, request as kms},
    optional::{self, Absent, Empty, Members, Optional},
    request::{Rules, batch, checker, event, grant, password, replica, secret, tag, version},
    schema,
};
use csms_core::{Problem, UnixMillis};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);
const KEY: &str = "0d0466b0-e727-4d9c-b35d-f84bb474a37f";
const URN: &str = "urn:fss:eu-1:0123456789abcdef0123456789abcdef:function:default:rotate:latest";

/// What a reader made of a body, or the places of its problems.
type Reading = Result<String, Vec<String>>;

/// The least body, a value for each optional member, and the reader.
type Described = (Value, Vec<(&'static str, Value)>, fn(Value) -> Reading);

/// An operation, the least body that it takes, and a value for each optional member.
struct Case {
    name: &'static str,
    members: &'static Members,
    least: Value,
    given: Vec<(&'static str, Value)>,
    read: fn(Value) -> Reading,
}

fn reading<T: Debug, E: Into<Failure>>(read: Result<T, E>) -> Reading {
    read.map(|read| format!("{read:?}")).map_err(|failure| failure.into().0)
}

/// The places of problems.
struct Failure(Vec<String>);

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Self(problems.into_iter().map(|problem| problem.path).collect())
    }
}

impl From<csms_api::ApiError> for Failure {
    fn from(error: csms_api::ApiError) -> Self {
        Self(vec![error.message])
    }
}

/// A secret with its value, which `Debug` does not show.
fn created(body: Value) -> Reading {
    reading(secret::CreateSecret::read(body, Rules::default()).map(|read| {
        let value = (read.value.as_text().map(str::to_owned), read.value.to_base64());
        (format!("{read:?}"), value)
    }))
}

fn created_version(body: Value) -> Reading {
    reading(version::CreateVersion::read(body, Rules::default(), NOW).map(|read| {
        let value = (read.value.as_text().map(str::to_owned), read.value.to_base64());
        (format!("{read:?}"), value)
    }))
}

fn checked(body: Value) -> Reading {
    reading(checker::CheckSecrets::read(body).map(|read| (read.password.to_string(), read.user_name)))
}

fn sealed(read: Result<kms::Crypt, Vec<Problem>>) -> Reading {
    reading(read.map(|read| (read.key, read.bytes.to_vec(), read.binding)))
}

fn digest(_: &[u8]) -> [u8; 32] {
    [0x22; 32]
}

fn own(operation: Operation) -> Option<Case> {
    let secret = vec![
        ("secret_string", json!("s")),
        ("secret_binary", json!("YQ==")),
        ("kms_key_id", json!(KEY)),
        ("description", json!("d")),
        ("secret_type", json!("RDS-FG")),
        ("auto_rotation", json!(false)),
        ("rotation_period", json!("36h")),
        ("rotation_config", json!(r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#)),
        ("rotation_func_urn", json!(URN)),
        ("event_subscriptions", json!(["e"])),
        ("enterprise_project_id", json!("7")),
    ];
    let tag_value = || json!("v");
    let event = json!({ "target_type": "SMN", "target_id": "urn:smn:eu-1:t", "target_name": "t" });
    let (least, given, read): Described = match operation {
        Operation::CreateSecret => (json!({ "name": "n" }), secret, created),
        Operation::UpdateSecret => {
            let kept = |name: &str| optional::UPDATE_SECRET.own.iter().any(|row| row.name == name);
            let given = secret.into_iter().filter(|(name, _)| kept(name)).collect();
            (json!({}), given, |body| reading(secret::UpdateSecret::read(body, Rules::default())))
        }
        Operation::CreateSecretVersion => {
            let mut given: Vec<_> = secret.into_iter().take(2).collect();
            given.push(("version_stages", json!(["SYSCURRENT"])));
            given.push(("expire_time", json!(1_800_000_000_000_u64)));
            (json!({}), given, created_version)
        }
        Operation::BatchGetSecretValue => {
            (json!({}), vec![("secret_name_list", json!(["a"]))], |body| reading(batch::read_names(body)))
        }
        Operation::BatchImportSecrets => {
            let paths = optional::CREATE_SECRET.own.iter().map(|row| row.name);
            let inside = paths.map(|name| {
                let value = secret.iter().find(|(known, _)| *known == name).unwrap().1.clone();
                (&*format!("secrets[].{name}").leak(), value)
            });
            let given = inside.collect();
            (json!({ "secrets": [{ "name": "n" }] }), given, |body| {
                let entries = batch::read_import(body, Rules::default());
                let entries = entries.map(|entries| {
                    entries
                        .into_iter()
                        .map(|entry| {
                            let value = entry
                                .secret
                                .as_ref()
                                .ok()
                                .map(|one| (one.value.as_text().map(str::to_owned), one.value.to_base64()));
                            (format!("{entry:?}"), value)
                        })
                        .collect::<Vec<_>>()
                });
                reading(entries)
            })
        }
        Operation::BatchDeleteSecrets => {
            (json!({ "instance_id": "i" }), vec![("instance_type", json!("RDS"))], |body| {
                reading(batch::DeleteOfInstance::read(body))
            })
        }
        Operation::CreateSecretTag => {
            (json!({ "tag": { "key": "k" } }), vec![("tag.value", tag_value())], |body| reading(tag::read_tag(body)))
        }
        Operation::BatchCreateOrDeleteTags => (
            json!({ "action": "create", "tags": [{ "key": "k" }] }),
            vec![("sequence", json!("7")), ("tags[].value", tag_value())],
            |body| reading(tag::ChangeTags::read(body)),
        ),
        Operation::ListResourceInstances => (
            json!({ "action": "filter", "tags": [{ "key": "k" }], "matches": [{ "key": "resource_name" }] }),
            vec![
                ("sequence", json!("7")),
                ("limit", json!("7")),
                ("offset", json!("7")),
                ("tags", json!([{ "key": "k", "values": ["v"] }])),
                ("matches", json!([{ "key": "resource_name", "value": "v" }])),
                ("tags[].values", json!(["v"])),
                ("matches[].value", tag_value()),
            ],
            |body| reading(tag::FindResources::read(body)),
        ),
        Operation::UpdateSecretEvent => (
            json!({}),
            vec![("event_types", json!(["SECRET_DELETED"])), ("state", json!("DISABLED")), ("notification", event)],
            |body| reading(event::read_event_update(body)),
        ),
        Operation::GenerateRandomPassword => {
            let switches = optional::PASSWORD.own.iter().filter(|row| row.absent == Absent::Default("false"));
            let mut given: Vec<_> = switches.map(|row| (row.name, json!(row.name == "include_space"))).collect();
            given.extend([("length", json!(16)), ("exclude_characters", json!("x"))]);
            // A policy's name is refused, whichever it is; so it has a problem wherever it is given.
            given.push(("password_policy_name", json!("p")));
            (json!({}), given, |body| reading(password::read_password_policy(body)))
        }
        Operation::CheckSecrets => {
            (json!({ "type": "password", "data": { "secret": "s" } }), vec![("data.user_name", json!("u"))], checked)
        }
        Operation::UpdateSecretsConfig => {
            (json!({}), vec![("checking_secret_strength", json!(true))], |body| reading(checker::read_config(body)))
        }
        Operation::CreateGrants | Operation::UpdateGrant => (
            json!({ "resource_id": "r", "type": "SECRET", "grantee_type": "0", "grantee_target_id": "u" }),
            vec![("validity_time", json!("2030-01-01"))],
            |body| reading(grant::GrantRequest::read(body, NOW)),
        ),
        Operation::CreateSecretReplica => (json!({ "region": "eu-1" }), vec![("kms_key_id", json!(KEY))], |body| {
            reading(replica::CreateReplica::read(body))
        }),
        _ => return None,
    };
    Some(Case { name: operation.specification().name, members: optional::of_operation(operation), least, given, read })
}

/// Tags of keys are read as tags of secrets.
fn of_tags(operation: KmsOperation) -> Option<Operation> {
    match operation {
        KmsOperation::BatchCreateKmsTags => Some(Operation::BatchCreateOrDeleteTags),
        KmsOperation::CreateKmsTag => Some(Operation::CreateSecretTag),
        KmsOperation::ListKmsByTags => Some(Operation::ListResourceInstances),
        _ => None,
    }
}

fn of_keys(operation: KmsOperation) -> Option<Case> {
    let members = optional::kms::of_operation(operation);
    if let Some(case) = of_tags(operation).and_then(own) {
        return Some(Case { name: operation.specification().name, members, ..case });
    }
    let sequence = ("sequence", json!("7"));
    let context = ("encryption_context", json!({ "a": "b" }));
    let associated = ("additional_authenticated_data", json!("a"));
    let algorithm = ("encryption_algorithm", json!("SYMMETRIC_DEFAULT"));
    let (least, given, read): Described = match operation {
        KmsOperation::CreateKey => (
            json!({ "key_alias": "a" }),
            vec![
                ("key_description", json!("d")),
                ("enterprise_project_id", json!("7")),
                ("key_spec", json!("AES_256")),
                ("key_usage", json!("ENCRYPT_DECRYPT")),
                ("origin", json!("kms")),
                sequence,
            ],
            |body| reading(kms::CreateKey::read(body)),
        ),
        KmsOperation::DeleteKey => (json!({ "key_id": KEY, "pending_days": "7" }), vec![sequence], |body| {
            reading(kms::read_schedule_deletion(body))
        }),
        KmsOperation::ListKeyDetail
        | KmsOperation::EnableKey
        | KmsOperation::DisableKey
        | KmsOperation::CancelKeyDeletion => {
            (json!({ "key_id": KEY }), vec![sequence], |body| reading(kms::read_key_id(body)))
        }
        KmsOperation::ShowKeyRotationStatus | KmsOperation::EnableKeyRotation | KmsOperation::DisableKeyRotation => {
            (json!({ "key_id": KEY }), vec![sequence], |body| reading(kms::read_key_id(body)))
        }
        KmsOperation::UpdateKeyRotationInterval => {
            (json!({ "key_id": KEY, "rotation_interval": 30 }), vec![sequence], |body| {
                reading(kms::rotation::read_interval(body))
            })
        }
        KmsOperation::CancelGrant | KmsOperation::CancelSelfGrant => {
            (json!({ "key_id": KEY, "grant_id": "a".repeat(64) }), vec![sequence], |body| {
                reading(kms::grant::read_grant(body))
            })
        }
        KmsOperation::CreateGrant => (
            json!({ "key_id": KEY, "grantee_principal": "u", "operations": ["describe-key"] }),
            vec![
                ("grantee_principal_type", json!("user")),
                ("name", json!("n")),
                ("retiring_principal", json!("v")),
                sequence,
            ],
            |body| reading(kms::grant::CreateGrant::read(body)),
        ),
        KmsOperation::ListKeyGrants => {
            (json!({ "key_id": KEY }), vec![("limit", json!("7")), ("marker", json!("7")), sequence], |body| {
                reading(kms::grant::read_list(body))
            })
        }
        KmsOperation::ListRetirableGrants => {
            (json!({}), vec![("limit", json!("7")), ("marker", json!("7")), sequence], |body| {
                reading(kms::grant::read_retirable(body))
            })
        }
        KmsOperation::CreateRandom => {
            (json!({ "random_data_length": "512" }), vec![sequence], |body| reading(kms::read_random(body)))
        }
        KmsOperation::ListKeys => (
            json!({}),
            vec![
                ("limit", json!("7")),
                ("marker", json!("7")),
                ("key_state", json!("2")),
                ("key_spec", json!("SM2")),
                ("enterprise_project_id", json!("7")),
                sequence,
            ],
            |body| reading(kms::ListKeys::read(body)),
        ),
        KmsOperation::CreateDatakey | KmsOperation::CreateDatakeyWithoutPlaintext => (
            json!({ "key_id": KEY }),
            vec![("key_spec", json!("AES_128")), ("datakey_length", json!("512")), associated, context, sequence],
            |body| reading(kms::CreateDatakey::read(body)),
        ),
        KmsOperation::EncryptDatakey => (
            json!({ "key_id": KEY, "datakey_plain_length": "4", "plain_text": format!("01020304{}", "22".repeat(32)) }),
            vec![associated, context, sequence],
            |body| sealed(kms::Crypt::read_encrypt_datakey(body, digest)),
        ),
        KmsOperation::DecryptDatakey => (
            json!({ "key_id": KEY, "datakey_cipher_length": "4", "cipher_text": "01020304" }),
            vec![associated, context, sequence],
            |body| sealed(kms::Crypt::read_decrypt_datakey(body)),
        ),
        KmsOperation::EncryptData => {
            (json!({ "key_id": KEY, "plain_text": "x" }), vec![associated, context, algorithm, sequence], |body| {
                sealed(kms::Crypt::read_encrypt_data(body))
            })
        }
        KmsOperation::DecryptData => (
            json!({ "cipher_text": "A".repeat(128) }),
            vec![("key_id", json!(KEY)), associated, context, algorithm, sequence],
            |body| reading(kms::read_decrypt_data(body)),
        ),
        _ => return None,
    };
    Some(Case { name: operation.specification().name, members, least, given, read })
}

fn of_users(operation: IamOperation) -> Option<Case> {
    let document = json!({ "Version": "5.0", "Statement": [] }).to_string();
    let (least, given, read): Described = match operation {
        IamOperation::CreateUserV5 => {
            (json!({ "name": "n", "enabled": true }), vec![("description", json!("d"))], |body| {
                reading(iam::CreateUser::read(body))
            })
        }
        IamOperation::UpdateUserV5 => (
            json!({}),
            vec![("new_user_name", json!("n")), ("new_description", json!("d")), ("enabled", json!(false))],
            |body| reading(iam::UpdateUser::read(body)),
        ),
        IamOperation::UpdateLoginProfileV5 => {
            (json!({}), vec![("password", json!("long enough")), ("password_reset_required", json!(false))], |body| {
                reading(iam::changed_password(body))
            })
        }
        IamOperation::CreatePolicyV5 => (
            json!({ "policy_name": "n", "policy_document": document }),
            // No path is accepted but the empty one.
            vec![("description", json!("d")), ("path", json!("p"))],
            |body| reading(iam::CreatePolicy::read(body)),
        ),
        IamOperation::CreatePolicyVersionV5 => {
            (json!({ "policy_document": document }), vec![("set_as_default", json!(true))], |body| {
                reading(iam::CreatePolicyVersion::read(body))
            })
        }
        _ => return None,
    };
    let members = optional::iam::of_operation(operation);
    Some(Case { name: operation.specification().name, members, least, given, read })
}

fn of_enterprise_projects(operation: EpsOperation) -> Case {
    let project = "0123456789abcdef0123456789abcdef";
    let name = operation.specification().name;
    match operation {
        EpsOperation::MigrateResource => Case {
            name,
            members: &optional::MIGRATE_RESOURCE,
            least: json!({ "resource_id": KEY, "resource_type": "csms", "project_id": project }),
            given: vec![("region_id", json!("eu-1")), ("associated", json!(false))],
            read: |body| reading(MigrateResource::read(body)),
        },
        EpsOperation::ShowResourceBindEnterpriseProject => Case {
            name,
            members: &optional::FIND_BOUND_RESOURCES,
            least: json!({ "projects": [project], "resource_types": ["csms"], "matches": [{ "key": "resource_name" }] }),
            given: vec![
                ("limit", json!(2)),
                ("offset", json!(1)),
                ("matches", json!([{ "key": "resource_name", "value": "v" }])),
                ("matches[].value", json!("v")),
            ],
            read: |body| reading(FindBoundResources::read(body)),
        },
    }
}

fn cases() -> Vec<Case> {
    let own = Operation::ALL.iter().filter_map(|operation| own(*operation));
    let of_keys = KmsOperation::ALL.iter().filter_map(|operation| of_keys(*operation));
    let of_users = IamOperation::ALL.iter().filter_map(|operation| of_users(*operation));
    own.chain(of_keys)
        .chain(of_users)
        .chain(EpsOperation::ALL.iter().map(|operation| of_enterprise_projects(*operation)))
        .collect()
}

/// The objects inside bodies that are lists.
const LISTS: [&str; 3] = ["secrets", "tags", "matches"];

/// Puts a member at its place in a body, in the first item of a list.
fn put(body: &mut Value, path: &str, value: Option<Value>) {
    let mut steps: Vec<&str> = path.split('.').collect();
    let name = steps.pop().unwrap();
    let mut object = body;
    for step in steps {
        object = match step.strip_suffix("[]") {
            Some(list) => &mut object[list][0],
            None => &mut object[step],
        };
    }
    let object = object.as_object_mut().unwrap();
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
}

/// The body with only some optional members.
fn body(case: &Case, members: &[(&str, Value)]) -> Value {
    let mut body = case.least.clone();
    // Whole lists before what is inside them.
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(path, _)| path.contains('.'));
    for (path, value) in members {
        put(&mut body, path, Some(value.clone()));
    }
    body
}

/// How a member is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Absent,
    Null,
    Empty,
    Zero,
    Given,
}

/// What the table makes of a member that is sent like this: `None` when it is not given.
fn meant(row: &Optional, sent: Sent, given: &Value, others: &Map<String, Value>) -> Option<Value> {
    let beside = |other: &str| others.get(other).is_some_and(|value| !value.is_null());
    match sent {
        Sent::Absent | Sent::Null => None,
        Sent::Empty => match row.empty {
            Empty::NotGiven | Empty::NotGivenNorZero | Empty::NotGivenNorItems => None,
            Empty::NotGivenBeside(other) if beside(other) => None,
            Empty::NotGivenBeside(_) | Empty::Value | Empty::Clears => Some(json!("")),
        },
        Sent::Zero if row.empty == Empty::NotGivenNorZero => None,
        Sent::Zero => Some(json!(0)),
        Sent::Given => Some(given.clone()),
    }
}

fn any_sent() -> impl Strategy<Value = Sent> {
    prop_oneof![Just(Sent::Absent), Just(Sent::Null), Just(Sent::Empty), Just(Sent::Zero), Just(Sent::Given)]
}

#[test]
fn the_table_has_every_optional_member_and_no_other() {
    fn optional_members(schema: &Value, place: &str, found: &mut BTreeSet<String>) {
        let is_required =
            |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|n| n == name));
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            if !is_required(name) {
                found.insert(format!("{place}{name}"));
            }
            optional_members(member, &format!("{place}{name}."), found);
            optional_members(&member["items"], &format!("{place}{name}[]."), found);
        }
    }
    let document = schema::document();
    let described: Vec<_> = document["paths"].as_object().unwrap().values().collect();
    let own = Operation::ALL.iter().map(|operation| (operation.specification(), optional::of_operation(*operation)));
    let of_keys = KmsOperation::ALL.iter();
    let of_keys = of_keys.map(|operation| (operation.specification(), optional::kms::of_operation(*operation)));
    for (specification, members) in own.chain(of_keys) {
        let method = specification.method.as_str().to_lowercase();
        let found = described.iter().find(|item| item[&method]["operationId"] == specification.name);
        let named = &found.unwrap()[&method]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let none = Value::Null;
        let schema = named.as_str().and_then(|reference| document.pointer(&reference[1..])).unwrap_or(&none);
        let mut wanted = BTreeSet::new();
        optional_members(schema, "", &mut wanted);
        // Refused whatever it holds, and so not described.
        let is_described = |path: &String| path != "password_policy_name";
        let rows = members.rows(&LISTS).into_iter().map(|(path, _)| path);
        let rows: BTreeSet<_> = rows.filter(is_described).collect();
        assert_eq!(rows, wanted, "{}: see crates/api/src/optional.rs", specification.name);
    }
}

#[test]
fn every_row_is_tried() {
    for case in cases() {
        let rows: BTreeSet<_> = case.members.rows(&LISTS).into_iter().map(|(path, _)| path).collect();
        let tried: BTreeSet<_> = case.given.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(rows, tried, "{}", case.name);
    }
    let names: BTreeSet<_> = cases().iter().map(|case| case.name).collect();
    let own = Operation::ALL.iter().map(|one| (one.specification().name, optional::of_operation(*one)));
    let of_keys = KmsOperation::ALL.iter().map(|one| (one.specification().name, optional::kms::of_operation(*one)));
    let of_users = IamOperation::ALL.iter().map(|one| (one.specification().name, optional::iam::of_operation(*one)));
    for (name, members) in own.chain(of_keys).chain(of_users) {
        assert!(names.contains(name) || *members == optional::NONE, "{name} is not among the cases of this test");
    }
}

#[test]
fn an_empty_text_that_is_a_value_is_read_as_one() {
    for case in cases() {
        for (path, row) in case.members.rows(&LISTS) {
            let takes_text = case.given.iter().any(|(path, _)| *path == "secret_string");
            let text = [("secret_string", json!("s"))];
            let mut sent = body(&case, if takes_text && path != "secret_binary" { &text } else { &[] });
            put(&mut sent, &path, None);
            let absent = (case.read)(sent.clone());
            put(&mut sent, &path, Some(json!("")));
            let empty = (case.read)(sent);
            let differs = match row.empty {
                Empty::Clears | Empty::NotGivenBeside(_) => true,
                Empty::Value => row.absent != Absent::Default(""),
                Empty::NotGiven | Empty::NotGivenNorZero | Empty::NotGivenNorItems => false,
            };
            assert_eq!(absent != empty, differs, "{} {path}", case.name);
        }
    }
}

#[test]
fn an_empty_subscription_in_a_list_is_not_given() {
    for case in
        cases().into_iter().filter(|case| case.members.own.iter().any(|row| row.empty == Empty::NotGivenNorItems))
    {
        let given = vec![("secret_string", json!("s"))];
        let needs_value = case.given.iter().any(|(path, _)| *path == "secret_string");
        let mut sent = body(&case, if needs_value { &given } else { &[] });
        let read = |sent: &mut Value, list: Value| {
            put(sent, "event_subscriptions", Some(list));
            (case.read)(sent.clone())
        };
        assert_eq!(read(&mut sent, json!(["", "e"])), read(&mut sent, json!(["e"])), "{}", case.name);
        assert_eq!(read(&mut sent, json!([""])), read(&mut sent, json!([])), "{}", case.name);
    }
}

/// The same value as the other kind of scalar, where there is one.
fn other_spellings(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(value) => vec![json!(value.to_string())],
        Value::Number(number) => vec![json!(number.to_string()), json!(number.as_u64().unwrap() as f64)],
        Value::String(text) => text.parse::<u64>().map(|number| vec![json!(number)]).unwrap_or_default(),
        _ => Vec::new(),
    }
}

#[test]
fn a_scalar_of_the_other_type_reads_the_same() {
    for case in cases() {
        for (path, value) in &case.given {
            let text = case.given.iter().filter(|(path, _)| path.ends_with("secret_string"));
            let given: Vec<_> = text.cloned().chain([(*path, value.clone())]).collect();
            let read = (case.read)(body(&case, &given));
            for other in other_spellings(value) {
                let mut sent = body(&case, &given);
                put(&mut sent, path, Some(other.clone()));
                assert_eq!((case.read)(sent), read, "{} {path}: {other}", case.name);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_given_reads_as_if_it_were_absent(
        which in any::<prop::sample::Index>(),
        sent in prop::collection::vec(any_sent(), 16),
    ) {
        let cases = cases();
        let case = &cases[which.index(cases.len())];
        let rows = case.members.rows(&LISTS);
        let (mut as_sent, mut as_meant) = (case.least.clone(), case.least.clone());
        let mut members: Vec<_> = case.given.iter().zip(&sent).collect();
        // Whole lists before what is inside them, and the bytes of a value before its text: they are judged in that order.
        members.sort_by_key(|((path, _), _)| path.contains('.'));
        let texts = |value: &Value, sent: Sent| match sent {
            Sent::Absent => None,
            Sent::Null => Some(Value::Null),
            Sent::Empty => Some(json!("")),
            Sent::Zero => Some(json!(0)),
            Sent::Given => Some(value.clone()),
        };
        for ((path, value), sent) in &members {
            if path.contains('.') && !reachable(&as_sent, path) {
                continue;
            }
            put(&mut as_sent, path, texts(value, **sent));
        }
        for ((path, value), sent) in &members {
            if path.contains('.') && !reachable(&as_meant, path) {
                continue;
            }
            let row = rows.iter().find(|(known, _)| known == path).unwrap().1;
            // A text is judged beside the bytes that remain, the bytes beside the text that is sent.
            let place = path.rsplit_once('.').map_or("", |(place, _)| place);
            let is_bytes = row.name == "secret_binary";
            let others = object_at(if is_bytes { &as_sent } else { &as_meant }, place);
            let mut others = others.clone();
            if row.name == "secret_string" {
                let bytes = members.iter().find(|((path, _), _)| path.ends_with("secret_binary")).unwrap();
                let bytes_row = rows.iter().find(|(known, _)| *known == bytes.0.0).unwrap().1;
                let beside = object_at(&as_sent, place).clone();
                match meant(&bytes_row, *bytes.1, &bytes.0.1, &beside) {
                    Some(value) => others.insert("secret_binary".to_owned(), value),
                    None => others.remove("secret_binary"),
                };
            }
            put(&mut as_meant, path, meant(&row, **sent, value, &others));
        }
        prop_assert_eq!((case.read)(as_sent.clone()), (case.read)(as_meant), "{}: {}", case.name, as_sent);
    }
}

/// Whether the objects on the way to a place are there.
fn reachable(body: &Value, path: &str) -> bool {
    let (place, _) = path.rsplit_once('.').unwrap();
    match place.strip_suffix("[]") {
        Some(list) => body[list].get(0).is_some_and(Value::is_object),
        None => body[place].is_object(),
    }
}

fn object_at<'b>(body: &'b Value, place: &str) -> &'b Map<String, Value> {
    let at = match place.strip_suffix("[]") {
        Some(list) => &body[list][0],
        None if place.is_empty() => body,
        None => &body[place],
    };
    at.as_object().unwrap()
}
