//! Prints what is shown once: secret keys and passwords that nobody can read again.
//!
//! When standard output does not take them, they are lost although what they belong to exists. So the error says what exists and
//! what to do.

use serde_json::{Value, json};

use super::iam::text;
use crate::{failure::CliError, output::Output};

/// Prints a user that was created, with its access key if it has one.
///
/// # Errors
/// A standard output that nobody reads.
pub fn print_new_user(output: Output, user: &Value) -> Result<(), CliError> {
    output.once(user).map_err(|error| error.though_done(lost_of_user(user)))
}

/// Prints an access key that was made.
///
/// # Errors
/// A standard output that nobody reads.
pub fn print_new_key(output: Output, user: &str, key: &Value) -> Result<(), CliError> {
    output.once(key).map_err(|error| error.though_done(lost_of_key(user, key)))
}

/// Prints a password that was made.
///
/// # Errors
/// A standard output that nobody reads.
pub fn print_new_password(output: Output, user: &str, password: &str) -> Result<(), CliError> {
    let printed = output.once(&json!({ "name": user, "password": password }));
    printed.map_err(|error| {
        error.though_done(format!(
            "the new password of {user} is set and lost; set another with `csms user set-password {}`",
            argument(user)
        ))
    })
}

fn lost_of_user(user: &Value) -> String {
    let name = text(user, "name");
    if user.get("secret_key").is_none() {
        return format!("the user {name} exists");
    }
    format!("the user {name} exists; {}", lost_secret_key(&name, user))
}

fn lost_of_key(user: &str, key: &Value) -> String {
    format!("the access key exists; {}", lost_secret_key(user, key))
}

fn lost_secret_key(user: &str, key: &Value) -> String {
    let access_key = text(key, "access_key");
    format!(
        "its secret key is lost: make another with `csms user key create {}` and delete this one with `csms user key delete \
         {access_key}`",
        argument(user)
    )
}

/// A name of a user as a shell takes it: it may hold spaces, but no quote.
fn argument(name: &str) -> String {
    if name.contains(' ') { format!("'{name}'") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exists_and_what_to_do_is_said_without_what_is_lost() {
        let key = json!({ "name": "vf 1", "access_key": "AK1", "secret_key": "hunter2" });
        assert_eq!(
            lost_of_user(&key),
            "the user vf 1 exists; its secret key is lost: make another with `csms user key create 'vf 1'` and delete this \
             one with `csms user key delete AK1`"
        );
        assert!(lost_of_key("vf1", &key).starts_with("the access key exists; its secret key is lost: "));
        assert_eq!(lost_of_user(&json!({ "name": "vf1" })), "the user vf1 exists");
    }
}
