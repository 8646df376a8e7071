//! Versions and stages: what a change would do, and whether a state allows an operation.

use alloc::{string::ToString, vec, vec::Vec};

use csms_api::{
    Operation,
    fields::Fields,
    request::{
        observed::{read_observed, read_state},
        version::read_move,
    },
};
use csms_core::{
    Language, Problem, Refusal, Rule, Secret, StageName, UnixMillis, VersionId, Violation,
    preview::{self, Preview},
};
use serde_json::Value;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{
    answer::{self, Answer},
    results::{self, PicturedVersion, StageMove},
};

/// What an operation would do to the versions and stages of a secret. `secret` is what ShowSecret and
/// ListSecretVersions tell, `request` the operation's request, both as JSON.
#[must_use]
#[wasm_bindgen]
pub fn preview(operation: &str, secret: &str, request: &str, now: f64, language: &str) -> Answer {
    let language = Language::from_tag(language);
    let now = answer::millis(now);
    let secret = match read_observed(answer::read(secret)) {
        Ok(secret) => secret,
        Err(problems) => return answer::problems(&problems, language),
    };
    match apply(operation, &secret, answer::read(request), now) {
        Ok(Ok(preview)) => tell(&preview),
        Ok(Err(refusal)) => answer::refusal(refusal, language),
        Err(problems) => answer::problems(&problems, language),
    }
}

type Outcome = Result<Result<Preview, Refusal>, Vec<Problem>>;

fn apply(operation: &str, secret: &Secret, request: Value, now: UnixMillis) -> Outcome {
    match Operation::from_name(operation) {
        Some(Operation::CreateSecretVersion) => Ok(preview::new_version(secret, read_move(request, now)?, now)),
        Some(Operation::UpdateSecretStage) => {
            let mut fields = Fields::of(request)?;
            let stage = stage(&mut fields);
            fields.require("version_id");
            let to = fields.parsed("version_id", |text| VersionId::parse(&text));
            let (stage, to) = fields.finish(stage.zip(to))?;
            Ok(preview::stage_move(secret, &stage, to, now))
        }
        Some(Operation::DeleteSecretStage) => {
            let mut fields = Fields::of(request)?;
            let stage = stage(&mut fields);
            Ok(preview::stage_deletion(secret, &fields.finish(stage)?, now))
        }
        Some(Operation::RotateSecret) => Ok(preview::rotation(secret, now)),
        _ => Err(vec![Violation::new(Rule::Unknown, "an operation").at("")]),
    }
}

fn stage(fields: &mut Fields) -> Option<StageName> {
    fields.require("stage_name");
    fields.parsed("stage_name", StageName::parse)
}

fn picture(secret: &Secret) -> Vec<PicturedVersion<'_>> {
    let versions = secret.versions().iter().map(|version| {
        let stages: Vec<&str> = secret.stages_of(version.id).map(StageName::as_str).collect();
        PicturedVersion { id: version.id.to_string(), deprecated: stages.is_empty(), version_stages: stages }
    });
    versions.collect()
}

fn tell(preview: &Preview) -> Answer {
    let id = |id: Option<VersionId>| id.map(|id| id.to_string());
    let moves = preview.moves();
    answer::value(results::Preview {
        before: picture(&preview.before),
        after: picture(&preview.after),
        added: id(preview.added),
        removed: id(preview.removed),
        moves: moves
            .iter()
            .map(|change| StageMove { stage: change.stage.as_str(), from: id(change.from), to: id(change.to) })
            .collect(),
    })
}

/// The versions of a secret that no stage marks, so that the service may remove them.
#[must_use]
#[wasm_bindgen]
pub fn deprecated_versions(secret: &str, language: &str) -> Answer {
    match read_observed(answer::read(secret)) {
        Ok(secret) => {
            let deprecated = secret.versions().iter().filter(|version| secret.is_deprecated(version.id));
            answer::value(deprecated.map(|version| version.id.to_string()).collect::<Vec<_>>())
        }
        Err(problems) => answer::problems(&problems, Language::from_tag(language)),
    }
}

/// Whether a secret in this state takes an operation.
#[must_use]
#[wasm_bindgen]
pub fn permits(state: &str, operation: &str, language: &str) -> Answer {
    let language = Language::from_tag(language);
    let state = match read_state(state) {
        Ok(state) => state,
        Err(violation) => return answer::problems(&[violation.at("state")], language),
    };
    let Some(operation) = Operation::from_name(operation) else {
        return answer::problems(&[Violation::new(Rule::Unknown, "an operation").at("operation")], language);
    };
    match operation.action().map_or(Ok(()), |action| state.permits(action)) {
        Ok(()) => answer::value(true),
        Err(refusal) => answer::refusal(refusal, language),
    }
}
