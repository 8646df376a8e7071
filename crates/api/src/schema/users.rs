//! Users of the installation.

use super::{
    description::{Description, operation, problems},
    observe::field,
};
use crate::{
    Operation,
    request::user::{ChangePassword, ListUsers},
    response::user::{ListUsersResponse, UserDetailResponse, UserIdResponse},
};

pub(super) fn describe(of: Operation) -> Option<Description> {
    Some(match of {
        Operation::ListUsers => operation("Lists users by name, a page at a time.")
            .query(
                |pairs| problems(ListUsers::read(pairs)),
                &[
                    ("offset", "Number of the page, from 0."),
                    ("limit", "Users of the page, 10 to 100."),
                    ("org_id", "Only users of this organisation: the account is the only one."),
                    ("user_info", "Part of the name, in whatever case."),
                ],
            )
            .answer::<ListUsersResponse>(),
        Operation::ShowUserDetail => operation("Shows a user.").answer::<UserDetailResponse>(),
        Operation::UpdateUserPassword => operation("Changes the caller's own password.")
            .body(
                &|body| problems(ChangePassword::read(body)),
                &[
                    field("password", "The new password; neither the user's name nor its reverse.").secret(),
                    field("old_password", "The current password.").secret(),
                ],
            )
            .answer::<UserIdResponse>(),
        _ => return None,
    })
}
