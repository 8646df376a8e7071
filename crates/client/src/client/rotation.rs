//! Agencies and templates of rotation functions.

use csms_api::{
    Operation,
    response::rotation::{CreateAgencyResponse, FunctionTemplatesResponse, ShowAgencyResponse},
};
use csms_core::{RotationMode, SecretType};
use serde_json::json;

use super::{Client, NO_BODY, NO_QUERY};
use crate::error::ClientError;

impl Client {
    operation! {
        /// CreateAgency, for the functions of secrets of this type.
        create_agency(kind: SecretType) -> CreateAgencyResponse = CreateAgency, [], NO_QUERY, Some(&json!({ "secret_type": kind.as_str() }))
    }
    operation! {
        /// ShowAgency
        show_agency(kind: SecretType) -> ShowAgencyResponse = ShowAgency, [], &[("secret_type", kind.as_str().to_owned())], NO_BODY
    }
    operation! {
        /// ShowSecretFunctionTemplates: the source text of a rotation function. An engine goes with `RDS-FG` alone.
        function_template(kind: SecretType, mode: RotationMode, engine: Option<&str>) -> FunctionTemplatesResponse = ShowSecretFunctionTemplates, [], &template(kind, mode, engine), NO_BODY
    }
}

fn template(kind: SecretType, mode: RotationMode, engine: Option<&str>) -> Vec<(&'static str, String)> {
    let engine = engine.map(|engine| ("engine", engine.to_owned()));
    let always = [("secret_type", kind.as_str().to_owned()), ("secret_sub_type", mode.as_str().to_owned())];
    always.into_iter().chain(engine).collect()
}
