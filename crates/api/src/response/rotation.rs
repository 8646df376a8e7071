//! Responses about agencies and templates of rotation functions.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

/// An agency, or why it was not created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgencyInfo {
    /// Its name.
    pub agency_name: String,
    /// Its identifier; absent when it was not created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency_id: Option<String>,
    /// Why it was not created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// Response of CreateAgency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateAgencyResponse {
    /// The agencies of the type of secrets.
    pub agencies: Vec<AgencyInfo>,
}

/// Response of ShowAgency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShowAgencyResponse {
    /// Whether all agencies of the type exist: `true` or `false`, as text.
    pub agency_granted: String,
}

/// Response of ShowSecretFunctionTemplates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FunctionTemplatesResponse {
    /// Source text of a rotation function in Python.
    pub function_templates: String,
}
