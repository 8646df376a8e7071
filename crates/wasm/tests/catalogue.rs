//! The parts of the npm package that are written from the Rust tables: names for the code, samples for the types.
//!
//! A file that no longer says what the tables say fails its test; `CSMS_WRITE_GENERATED=1 cargo test --workspace --test
//! catalogue` writes it again. The samples are compiled by `tsc` against the package's own types, so a field that is in
//! one and not in the other is an error there.
#![allow(clippy::unwrap_used, reason = "a test ends where a value is missing")]
#![cfg(not(target_arch = "wasm32"))]

use std::{env, fmt::Write as _, fs, path::Path};

use csms_api::{
    ErrorCode, ErrorShape, Operation, cts::CtsOperation, iam::IamOperation, kms::KmsOperation, permissions,
    response as r,
};
use csms_core::{
    Refusal, Rule,
    jwe::{JwkError, OpenError, SealError},
    rotation::{Message, message::connection},
    strength::Weakness,
};
use serde::Serialize;

const AGAIN: &str = "CSMS_WRITE_GENERATED=1 cargo test --workspace --test catalogue";

const HEADER: &str = "// Written by crates/wasm/tests/catalogue.rs from the Rust tables. Do not edit.\n";

/// The names of all variants; a variant that is missing in the call does not compile.
macro_rules! names {
    ($kind:ident: $($variant:ident $(($argument:expr))?),+) => {{
        const fn _is_complete(error: &$kind) {
            match error { $($kind::$variant { .. } => {})+ }
        }
        vec![$($kind::$variant $(($argument))?.name()),+]
    }};
}

fn union(out: &mut String, about: &str, name: &str, words: &[&str]) {
    let words: Vec<_> = words.iter().map(|word| format!("\n  | \"{word}\"")).collect();
    write!(out, "\n/** {about} */\nexport type {name} ={};\n", words.concat()).unwrap();
}

/// The operations on keys that the client has; all are `POST` below `/v1.0/{project_id}/kms/`.
const KEY_OPERATIONS: [KmsOperation; 9] = [
    KmsOperation::CreateKey,
    KmsOperation::ListKeys,
    KmsOperation::ListKeyDetail,
    KmsOperation::EnableKey,
    KmsOperation::DisableKey,
    KmsOperation::DeleteKey,
    KmsOperation::CancelKeyDeletion,
    KmsOperation::UpdateKeyAlias,
    KmsOperation::UpdateKeyDescription,
];

fn catalogue() -> String {
    let mut out = HEADER.to_owned();
    out.push_str("\n/** Method, path, status of a success and shape of errors of every operation. */\n");
    out.push_str("export const OPERATIONS = {\n");
    for operation in Operation::ALL {
        let row = operation.specification();
        let errors = match row.errors {
            ErrorShape::Flat => "flat",
            ErrorShape::Nested => "nested",
        };
        let (name, method, path, success) = (row.name, row.method.as_str(), row.path, row.success);
        let words: Vec<_> = operation.query_beside_body().iter().map(|word| format!("\"{word}\"")).collect();
        let query = if words.is_empty() { String::new() } else { format!(", query: [{}]", words.join(", ")) };
        writeln!(
            out,
            "  {name}: {{ method: \"{method}\", path: \"{path}\", success: {success}, errors: \"{errors}\"{query} }},"
        )
        .unwrap();
    }
    out.push_str("} as const;\n\n/** The name of an operation, as in the official definitions. */\n");
    out.push_str("export type OperationName = keyof typeof OPERATIONS;\n");
    out.push_str("\n/** Operations on keys, and where each is below `/v1.0/{project_id}/kms/`. */\n");
    out.push_str("export const KEY_OPERATIONS = {\n");
    for operation in KEY_OPERATIONS {
        let row = operation.specification();
        assert_eq!(row.method.as_str(), "POST");
        let path = row.path.strip_prefix("/v1.0/{project_id}/kms/").unwrap();
        writeln!(out, "  {}: \"{path}\",", row.name).unwrap();
    }
    out.push_str("} as const;\n\n/** The name of an operation on keys, as in the official definitions. */\n");
    out.push_str("export type KeyOperationName = keyof typeof KEY_OPERATIONS;\n");
    out.push_str("\n/** Method and path of every operation on users, policies, the audit trail and rights. */\n");
    out.push_str("export const ACCESS_OPERATIONS = {\n");
    for operation in IamOperation::ALL {
        let row = operation.specification();
        writeln!(out, "  {}: {{ method: \"{}\", path: \"{}\" }},", row.name, row.method.as_str(), row.path).unwrap();
    }
    let traces = CtsOperation::ListTraces.specification();
    writeln!(out, "  {}: {{ method: \"GET\", path: \"{}\" }},", traces.name, traces.path).unwrap();
    writeln!(out, "  {}: {{ method: \"POST\", path: \"{}\" }},", permissions::NAME, permissions::PATH).unwrap();
    out.push_str("} as const;\n\n/** The name of an operation on users, policies, the audit trail or rights. */\n");
    out.push_str("export type AccessOperationName = keyof typeof ACCESS_OPERATIONS;\n");
    out.push_str("\n/** Status and meaning of every error code, and whether the same call may succeed later. */\n");
    out.push_str("export const ERROR_CATALOGUE = {\n");
    for code in ErrorCode::ALL {
        let (name, status, retryable, text) = (code.as_str(), code.status(), code.is_retryable(), code.text());
        writeln!(out, "  \"{name}\": {{ status: {status}, retryable: {retryable}, text: \"{text}\" }},").unwrap();
    }
    out.push_str("} as const;\n\n/** A code that the service answers with. */\n");
    out.push_str("export type ErrorCode = keyof typeof ERROR_CATALOGUE;\n");
    let rules: Vec<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    union(&mut out, "The rule that an input breaks.", "Rule", &rules);
    union(&mut out, "Why the state of things does not allow a request.", "RefusalReason", Refusal::NAMES);
    let weaknesses: Vec<_> = Weakness::ALL.iter().map(|weakness| weakness.name()).collect();
    union(&mut out, "What speaks against a password.", "WeaknessReason", &weaknesses);
    let open = names!(OpenError: TokenTooLong, PartCount, Base64(""), Length(""), HeaderTooLong, HeaderSyntax,
        DuplicateMember, UnknownMember, MissingMember(""), MemberForm(""), Compressed, Critical, Algorithm, Encryption,
        IterationCount, EphemeralKey, KeyMismatch, Unbound, Bound, OtherBinding, Decryption);
    union(&mut out, "Why a token was not opened.", "OpenErrorName", &open);
    let seal = names!(SealError: Randomness, TooLong, Underived);
    union(&mut out, "Why a value was not sealed.", "SealErrorName", &seal);
    let jwk = names!(JwkError: TooLong, Syntax, DuplicateMember, MissingMember(""), MemberForm(""), KeyType, NotOnCurve,
        PrivateKey, OtherUse, Public);
    union(&mut out, "Why a JSON Web Key was not read.", "JwkErrorName", &jwk);
    out
}

fn text(word: &str) -> Option<String> {
    Some(word.to_owned())
}

fn secret(full: bool) -> r::SecretInfo {
    let bare = r::SecretInfo {
        state: "ENABLED".into(),
        secret_type: "COMMON".into(),
        replica_type: "STANDALONE".into(),
        event_subscriptions: vec!["event".into()],
        ..r::SecretInfo::default()
    };
    if !full {
        return bare;
    }
    r::SecretInfo {
        scheduled_delete_time: Some(1),
        rotation_period: text("30d"),
        rotation_config: text("{}"),
        rotation_time: Some(1),
        next_rotation_time: Some(1),
        rotation_func_urn: text("urn"),
        last_used_time: Some(1),
        replica_type: "PRIMARY".into(),
        replicas: vec![r::replica::ReplicaInfo { replica_type: "REPLICA".into(), ..Default::default() }],
        ..bare
    }
}

fn page(full: bool) -> r::PageInfo {
    let marker = full.then(|| "marker".to_owned());
    r::PageInfo { next_marker: marker.clone(), previous_marker: marker, current_count: 1 }
}

fn version(full: bool) -> r::VersionMetadata {
    let stages = vec!["SYSCURRENT".into()];
    r::VersionMetadata { expire_time: full.then_some(1), version_stages: stages, ..r::VersionMetadata::default() }
}

fn message() -> Message {
    connection::said("why")
}

fn task(full: bool) -> r::TaskInfo {
    r::TaskInfo {
        task_status: "SUCCESS".into(),
        operate_type: "SINGLE_USER".into(),
        task_error_code: full.then(|| "CSMS.0511".to_owned()),
        task_error_msg: full.then(|| "why".to_owned()),
        task_error_detail: full.then(message),
        steps: if full {
            vec![r::TaskStepInfo { outcome_detail: Some(message()), ..r::TaskStepInfo::default() }]
        } else {
            Vec::new()
        },
        ..r::TaskInfo::default()
    }
}

fn samples() -> String {
    let mut out = format!("{HEADER}import type * as csms from \"csms\";\n\n");
    out.push_str("type Full<T> = T extends object ? { [K in keyof T]-?: Full<Exclude<T[K], undefined>> } : T;\n");
    for full in [false, true] {
        let mut sample = |name: &str, body: &dyn erased::Json| {
            let (suffix, kind) =
                if full { ("Full", format!("Full<csms.{name}>")) } else { ("", format!("csms.{name}")) };
            write!(out, "\nexport const sample{name}{suffix}: {kind} = {};\n", body.json()).unwrap();
        };
        sample("SecretResponse", &r::SecretResponse { secret: secret(full) });
        sample("ListSecretsResponse", &r::ListSecretsResponse { secrets: vec![secret(full)], page_info: page(full) });
        sample("VersionMetadataResponse", &r::VersionMetadataResponse { version_metadata: version(full) });
        let versions = r::ListVersionsResponse { version_metadatas: vec![version(full)], page_info: page(full) };
        sample("ListVersionsResponse", &versions);
        let value = || full.then(|| "value".to_owned());
        let opened = r::VersionInfo { version_metadata: version(full), secret_string: value(), secret_binary: value() };
        sample("ShowVersionResponse", &r::ShowVersionResponse { version: opened });
        let stage =
            r::StageInfo { name: "blue".into(), update_time: 1, secret_name: "demo".into(), version_id: "v1".into() };
        sample("StageResponse", &r::StageResponse { stage });
        let rotate =
            r::RotateResponse { rotation_task_id: "id".into(), secret_name: "demo".into(), version_id: "v1".into() };
        sample("RotateResponse", &rotate);
        let marker = full.then(|| "marker".to_owned());
        sample("ListTasksResponse", &r::ListTasksResponse { tasks: vec![task(full)], total: 1, next_marker: marker });
    }
    out
}

/// Serialisation behind a reference, so that one closure takes every kind of answer.
mod erased {
    pub(super) trait Json {
        fn json(&self) -> String;
    }

    impl<T: super::Serialize> Json for T {
        fn json(&self) -> String {
            serde_json::to_string_pretty(self).unwrap()
        }
    }
}

fn agrees(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if env::var_os("CSMS_WRITE_GENERATED").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{file} is out of date; write it again: {AGAIN}");
}

#[test]
fn the_catalogue_in_typescript_says_what_the_tables_say() {
    agrees("npm/src/catalogue.ts", &catalogue());
}

#[test]
fn the_results_in_typescript_are_the_types_of_the_bindings() {
    let mut out =
        format!("{HEADER}import type {{ ErrorCode, RefusalReason, Rule, WeaknessReason }} from \"./catalogue.js\";\n");
    out.push_str("import type { RotationMode } from \"./types.js\";\n");
    out.push_str(csms_wasm::results::INTERFACES);
    agrees("npm/src/results.ts", &out);
}

#[test]
fn the_samples_of_answers_are_those_of_the_server() {
    agrees("../../tests/packaging/types/samples.ts", &samples());
}
