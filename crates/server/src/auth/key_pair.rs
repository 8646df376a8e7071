//! Generates access keys and their secret keys, in the cloud's form.

use csms_api::ErrorCode;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Characters of access keys and secret keys.
const KEY_ALPHABET: &[&str] = &["ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"];

/// Makes an access key of 20 and a secret key of 40 characters, as the cloud's are.
///
/// # Errors
/// Failures of the random number generator.
pub fn make_key_pair() -> Result<(String, Zeroizing<String>), Failure> {
    let text = |length, classes: &[&str]| -> Result<Zeroizing<String>, Failure> {
        let policy = csms_core::password::PasswordPolicy::new(length, classes, false)
            .map_err(|violation| Failure::new(ErrorCode::Internal, violation.message()))?;
        let made = csms_core::password::Password::make(&policy, &mut getrandom::SysRng)?;
        Ok(Zeroizing::new(made.reveal().to_owned()))
    };
    let access_key = text(20, KEY_ALPHABET)?;
    let secret_key = text(40, &[KEY_ALPHABET, &["abcdefghijklmnopqrstuvwxyz"]].concat())?;
    Ok((access_key.as_str().to_owned(), secret_key))
}
