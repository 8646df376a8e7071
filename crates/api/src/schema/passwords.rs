//! Password generation and the strength check.

use super::{
    description::{Description, operation, problems},
    observe::field,
};
use crate::{
    Operation,
    request::{
        checker::{CheckSecrets, read_config},
        password::read_password_policy,
    },
    response::checker::{CheckResponse, ConfigResponse, PasswordResponse},
};

pub(super) fn describe(of: Operation) -> Option<Description> {
    Some(match of {
        Operation::GenerateRandomPassword => operation("Generates a random password, which is not stored.")
            .body(
                &|body| problems(read_password_policy(body)),
                &[
                    field("length", "Number of characters, 32 unless given."),
                    field("exclude_characters", "Characters that are not used."),
                    field("exclude_lowercase", "Whether letters from a to z are left out."),
                    field("exclude_uppercase", "Whether letters from A to Z are left out."),
                    field("exclude_numbers", "Whether digits are left out."),
                    field("exclude_punctuation", "Whether punctuation is left out."),
                    field("include_space", "Whether spaces may be used."),
                    field(
                        "require_each_included_type",
                        "Whether to require each kind of character that is not excluded.",
                    ),
                ],
            )
            .answer::<PasswordResponse>(),
        Operation::CheckSecrets => operation("Rates a password.")
            .body(
                &|body| problems(CheckSecrets::read(body)),
                &[
                    field("type", "What is checked."),
                    field("data", "What is checked.")
                        .of([field("secret", "The password.").secret(), field("user_name", "The account it is for.")]),
                ],
            )
            .answer::<CheckResponse>(),
        Operation::ShowSecretsConfig => operation("Shows whether CheckSecrets checks.").answer::<ConfigResponse>(),
        Operation::UpdateSecretsConfig => operation("Switches the checks of CheckSecrets on or off.")
            .body(
                &|body| problems(read_config(body)),
                &[field("checking_secret_strength", "Whether CheckSecrets checks; stays as it is unless given.")],
            )
            .answer::<ConfigResponse>(),
        _ => return None,
    })
}
