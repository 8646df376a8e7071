//! Who may read secrets: grants, and the users of the installation.

use csms_api::{
    Operation,
    response::{
        grant::{GrantResponse, ListGrantsResponse},
        user::{ListUsersResponse, UserDetailResponse, UserIdResponse},
    },
};
use serde_json::json;

use super::{Client, NO_BODY, NO_QUERY};
use crate::{error::ClientError, request::GrantBody};

impl Client {
    operation! {
        /// CreateGrants: lets a user read a secret.
        create_grant(body: &GrantBody<'_>) -> GrantResponse = CreateGrants, [], NO_QUERY, Some(body)
    }
    operation! {
        /// UpdateGrant: gives a grant another end.
        update_grant(body: &GrantBody<'_>) -> GrantResponse = UpdateGrant, [], &grantee(body.resource_id, None), Some(body)
    }
    operation! {
        /// ListGrants, of the secret of this identifier or name.
        list_grants(resource: &str) -> ListGrantsResponse = ListGrants, [], &grantee(resource, None), NO_BODY
    }
    operation! {
        /// DeleteGrant: of one user, or of all.
        delete_grant(resource: &str, user: Option<&str>) -> () = DeleteGrant, [], &grantee(resource, user), NO_BODY
    }
    operation! {
        /// ListUsers: the page of this number, from 0, of 10 to 100 users whose names contain a text.
        list_users(page: u32, limit: u8, part_of_name: Option<&str>) -> ListUsersResponse = ListUsers, [], &users(page, limit, part_of_name), NO_BODY
    }
    operation! {
        /// ShowUserDetail
        show_user(id: &str) -> UserDetailResponse = ShowUserDetail, [id], NO_QUERY, NO_BODY
    }
    operation! {
        /// UpdateUserPassword: the caller's own.
        change_password(old: &str, new: &str) -> UserIdResponse = UpdateUserPassword, [], NO_QUERY, Some(&json!({ "old_password": old, "password": new }))
    }
}

fn grantee(resource: &str, user: Option<&str>) -> Vec<(&'static str, String)> {
    let user = user.map(|user| ("grantee_user", user.to_owned()));
    [("resource_id", resource.to_owned())].into_iter().chain(user).collect()
}

fn users(page: u32, limit: u8, part_of_name: Option<&str>) -> Vec<(&'static str, String)> {
    let part = part_of_name.map(|part| ("user_info", part.to_owned()));
    [("offset", page.to_string()), ("limit", limit.to_string())].into_iter().chain(part).collect()
}
