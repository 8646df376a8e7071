//! Grants of secrets to users.

use alloc::vec::Vec;

use csms_core::UnixMillis;

use super::{
    description::{Description, operation, problems},
    observe::{Field, field},
};
use crate::{
    Operation,
    request::grant::{GrantQuery, GrantRequest},
    response::grant::{GrantResponse, ListGrantsResponse},
};

fn body() -> Vec<Field> {
    [
        field("resource_id", "Identifier or name of the secret."),
        field("type", "What is granted, in whatever case: `SECRET`; `GROUP` is refused, there are no groups."),
        field("grantee_type", "To whom: `0` a user; `2` a group, which is refused."),
        field("grantee_target_id", "Identifier or name of the user."),
        field("validity_time", "Last day of the grant in UTC, `YYYY-MM-DD`; without it the grant has no end."),
    ]
    .into()
}

const RESOURCE: (&str, &str) = ("resource_id", "Identifier or name of the secret.");

pub(super) fn describe(of: Operation) -> Option<Description> {
    let read = |body| problems(GrantRequest::read(body, UnixMillis::new(0)));
    let query = |pairs: &[_]| problems(GrantQuery::read(pairs));
    Some(match of {
        Operation::CreateGrants => operation("Grants a user read access to a secret's metadata and values.")
            .body(&read, &body())
            .answer::<GrantResponse>(),
        Operation::UpdateGrant => operation("Changes the last day of a user's grant.")
            .query(query, &[RESOURCE])
            .body(&read, &body())
            .answer::<GrantResponse>(),
        Operation::ListGrants => {
            operation("Lists the grants of a secret.").query(query, &[RESOURCE]).answer::<ListGrantsResponse>()
        }
        Operation::DeleteGrant => operation("Deletes the grant of a user, or all grants of a secret.").query(
            query,
            &[RESOURCE, ("grantee_user", "Identifier or name of the user; without it, all grants are deleted.")],
        ),
        _ => return None,
    })
}
