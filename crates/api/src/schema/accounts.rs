//! Users, access keys, logins and policies (IAM v5). Requests alone: the OpenAPI document leaves their answers to IAM's own.

use alloc::vec::Vec;

use serde_json::{Value, json};

use super::{
    description::{Description, operation, problems},
    observe::{Field, field},
};
use crate::iam::{
    IamOperation,
    request::{CreateUser, UpdateUser, access_key_enabled, changed_password, new_password, user_id},
};

/// The page of a list.
fn page(summary: &'static str) -> Description {
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 200,
                        "description": "Maximum number of items on the page; 100 by default." });
    let marker = json!({ "type": "string", "description": "`next_marker` of the page before." });
    Description { query: [("limit", limit, false), ("marker", marker, false)].into(), ..operation(summary) }
}

/// A body with a policy, whose reader reports what is wrong with a policy in another way than the rest.
fn with_policy(summary: &'static str, required: &[&str], others: &Value) -> Description {
    let document = json!({ "type": "string", "description": "The policy, JSON in text, at most 64 KiB." });
    let mut properties = others.clone();
    super::observe::insert(&mut properties, "policy_document", document);
    let body = json!({ "type": "object", "required": required, "properties": properties });
    Description { body: Some(body), ..operation(summary) }
}

fn password(about: &'static str) -> Vec<Field> {
    let reset = field("password_reset_required", "`false`: a change of the password cannot be demanded here.");
    [field("password", about).secret(), reset].into()
}

pub(super) fn describe(of: IamOperation) -> Description {
    match of {
        IamOperation::ListUsersV5 => page("Lists the users by identifier, a page at a time."),
        IamOperation::CreateUserV5 => operation("Creates a user without login, access key and policy.").body(
            &|body| problems(CreateUser::read(body)),
            &[
                field("name", "Name, unique in the account."),
                field("enabled", "Whether the user may do anything."),
                field("description", "At most 255 characters."),
            ],
        ),
        IamOperation::ShowUserV5 => operation("Shows a user."),
        IamOperation::UpdateUserV5 => operation("Changes a user; what is absent stays as it is.").body(
            &|body| problems(UpdateUser::read(body)),
            &[
                field("new_user_name", "The new name."),
                field("new_description", "The new description."),
                field("enabled", "Whether the user may do anything."),
            ],
        ),
        IamOperation::DeleteUserV5 => operation("Deletes a user with login, access keys and attachments."),
        IamOperation::ListAccessKeysV5 => page("Lists the access keys of a user."),
        IamOperation::CreateAccessKeyV5 => operation("Creates an access key and returns its secret key, once."),
        IamOperation::UpdateAccessKeyV5 => operation("Takes an access key out of use, or into use again.")
            .body(&|body| problems(access_key_enabled(body)), &[field("status", "`active` or `inactive`.")]),
        IamOperation::DeleteAccessKeyV5 => operation("Deletes an access key."),
        IamOperation::ShowAccessKeyLastUsedV5 => operation("Shows when an access key was used last."),
        IamOperation::ShowLoginProfileV5 => operation("Shows whether a user can sign in."),
        IamOperation::CreateLoginProfileV5 => operation("Lets a user sign in with a password.")
            .body(&|body| problems(new_password(body)), &password("The password.")),
        IamOperation::UpdateLoginProfileV5 => operation("Changes the password of a user.")
            .body(&|body| problems(changed_password(body)), &password("The new password.")),
        IamOperation::DeleteLoginProfileV5 => operation("Lets a user no longer sign in."),
        IamOperation::ListAttachedUserPoliciesV5 => page("Lists the policies that are attached to a user."),
        IamOperation::ListPoliciesV5 => page("Lists the policies, those of the system included."),
        IamOperation::CreatePolicyV5 => with_policy(
            "Creates a policy.",
            &["policy_name", "policy_document"],
            &json!({
                "policy_name": { "type": "string", "minLength": 1, "maxLength": 128, "description": "Name, unique in the account." },
                "description": { "type": "string", "maxLength": 1000 },
            }),
        ),
        IamOperation::GetPolicyV5 => operation("Shows a policy without its document."),
        IamOperation::DeletePolicyV5 => operation("Deletes a policy that is attached to nobody."),
        IamOperation::ListPolicyVersionsV5 => page("Lists the versions of a policy."),
        IamOperation::CreatePolicyVersionV5 => with_policy(
            "Creates a version of a policy.",
            &["policy_document"],
            &json!({ "set_as_default": { "type": "boolean", "description": "Whether it counts from now on." } }),
        ),
        IamOperation::GetPolicyVersionV5 => operation("Shows a version of a policy with its document."),
        IamOperation::DeletePolicyVersionV5 => operation("Deletes a version of a policy that does not count."),
        IamOperation::SetDefaultPolicyVersionV5 => operation("Makes a version of a policy the one that counts."),
        IamOperation::AttachUserPolicyV5 => {
            operation("Attaches a policy to a user.").body(&|body| problems(user_id(body)), &[USER])
        }
        IamOperation::DetachUserPolicyV5 => {
            operation("Detaches a policy from a user.").body(&|body| problems(user_id(body)), &[USER])
        }
        IamOperation::ListEntitiesForPolicyV5 => page("Lists the users that a policy is attached to."),
    }
}

const USER: Field = field("user_id", "Identifier of the user.");

/// Describes GetCallerIdentity.
pub(super) fn caller_identity() -> Description {
    operation("Shows the account of the caller, and the user or agency that the caller is.")
}

/// Describes AssumeAgency, whose body is read member by member.
pub(super) fn assume_agency() -> Description {
    let life = json!({ "type": "integer", "minimum": 900, "maximum": 43_200,
                       "description": "How long the keys live, in seconds." });
    let body = json!({
        "type": "object",
        "required": ["agency_urn", "agency_session_name"],
        "properties": {
            "agency_urn": { "type": "string", "description": "The agency: `iam::<account id>:agency:<name>`." },
            "agency_session_name": { "type": "string", "maxLength": 64, "description": "A name for what is done with it." },
            "duration_seconds": life,
        },
    });
    Description { body: Some(body), ..operation("Returns temporary keys of an agency.") }
}
