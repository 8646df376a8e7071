//! Traces (CTS), functions (FunctionGraph), the move to an enterprise project (EPS) and the check of rights. Requests alone.

use alloc::vec::Vec;

use csms_core::{Problem, UnixMillis};
use serde_json::{Value, json};

use super::{
    description::{Description, operation, problems},
    observe::field,
};
use crate::{
    cts::{CtsOperation, ListTraces},
    eps::{EpsOperation, FindResources, MigrateResource},
    functiongraph::FunctionOperation,
    permissions::CheckPermissions,
};

/// Describes ListTraces.
pub(super) fn traces(of: CtsOperation) -> Description {
    /// Later than the times that a description gives.
    const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);
    match of {
        CtsOperation::ListTraces => operation("Lists what was done, newest first.").query(
            |pairs| problems(ListTraces::read(pairs, NOW)),
            &[
                ("from", "Only traces from this time on, in milliseconds; an hour before `to` by default."),
                ("to", "Only traces up to this time, in milliseconds; now by default."),
                ("limit", "Maximum number of traces on the page; 10 by default."),
                ("next", "`marker` of the page before."),
                ("service_type", "Only traces of this service: `CSMS`, `KMS` or `IAM`."),
                ("trace_rating", "`normal` for what succeeded, `warning` for what did not."),
                ("trace_name", "Only this operation."),
                ("trace_id", "This trace alone."),
                ("user", "Only what this user did, by name."),
                ("resource_name", "Only what was done with the secret, key, user or policy of this name."),
                ("resource_id", "Only what was done with the secret or key of this identifier."),
            ],
        ),
    }
}

/// Describes an operation on functions.
pub(super) fn functions(of: FunctionOperation) -> Description {
    let event = json!({ "type": "object", "description": "The event, as the function takes it." });
    match of {
        FunctionOperation::InvokeFunction => {
            Description { body: Some(event), ..operation("Invokes a function and returns its reply.") }
        }
        FunctionOperation::AsyncInvokeFunction => {
            Description { body: Some(event), ..operation("Invokes a function and does not wait for its reply.") }
        }
        FunctionOperation::ListFunctions => {
            let text = |about: &str| json!({ "type": "string", "description": about });
            let limit = json!({ "type": "integer", "minimum": 1, "maximum": 400,
                                "description": "Maximum number of functions on the page; 400 by default." });
            let query = [
                ("marker", text("`next_marker` of the page before."), false),
                ("maxitems", limit, false),
                ("package_name", text("Only functions of this package."), false),
            ];
            Description { query: query.into(), ..operation("Lists the functions of the project that run here.") }
        }
    }
}

/// Describes what is served of enterprise projects.
pub(super) fn enterprise_projects(of: EpsOperation) -> Description {
    match of {
        EpsOperation::MigrateResource => operation("Moves a secret or a key to an enterprise project.").body(
            &|body| problems(MigrateResource::read(body)),
            &[
                field("resource_id", "Identifier of the secret or key."),
                field("resource_type", "`csms` or `kms`."),
                field("project_id", "Project of the secret or key."),
                field("region_id", "Region of that project."),
                field("associated", "`false`: nothing is associated with a secret or a key."),
            ],
        ),
        EpsOperation::ShowResourceBindEnterpriseProject => {
            operation("Lists the secrets and keys of an enterprise project.").body(
                &|body| problems(FindResources::read(body)),
                &[
                    field("projects", "The projects that are searched."),
                    field("resource_types", "`csms`, `kms` or both."),
                    field("limit", "Maximum number of resources on the page; 1,000 by default."),
                    field("offset", "Number of resources to leave out at the beginning."),
                    field("matches", "Parts of the name, all of which it must have.")
                        .of([field("key", "`resource_name`."), field("value", "The part.")]),
                ],
            )
        }
    }
}

/// Describes the check of rights.
pub(super) fn permissions() -> Description {
    let read = |body: Value| -> Vec<Problem> { problems(CheckPermissions::read(body, |_| true)) };
    operation("Says what the caller may do, before it is tried.").body(
        &read,
        &[
            field("actions", "Actions, such as `csms:secret:getVersion`."),
            field("secret_name", "The secret that they are about; all secrets by default."),
            field("key_id", "The key that they are about; all keys by default."),
            field("policy_document", "A policy that is judged instead of those of the caller, JSON in text."),
            field("requests", "Whole requests, of which it is said whether they would be refused.").of([
                field("method", "Its method."),
                field("path", "Its path with its query."),
                field("body", "Its body.").secret(),
            ]),
        ],
    )
}
