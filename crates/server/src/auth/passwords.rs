//! Passwords of users: hashed with Argon2id, checked off the request threads.

use std::sync::OnceLock;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use csms_api::ErrorCode;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// 9 MiB, 4 passes, 1 lane: a setting of the OWASP password storage cheat sheet that is small enough for this server's memory.
fn argon2() -> Result<Argon2<'static>, Failure> {
    let params = Params::new(9 * 1024, 4, 1, None).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash to store, in PHC string format.
///
/// # Errors
/// Failures of the random number generator.
pub fn hash(password: &str) -> Result<String, Failure> {
    let hash = argon2()?.hash_password(password.as_bytes()).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(hash.to_string())
}

/// As [`hash`], off the request threads, and no more at a time than logins.
///
/// # Errors
/// Failures of the random number generator.
pub async fn hash_apart(password: Zeroizing<String>) -> Result<String, Failure> {
    let _check = CHECKS.acquire().await.map_err(Failure::internal)?;
    tokio::task::spawn_blocking(move || hash(&password)).await.map_err(Failure::internal)?
}

/// Logins that are checked at the same time; each takes 9 MiB while it is.
static CHECKS: Semaphore = Semaphore::const_new(2);

/// Logins that wait or are checked; more are turned away.
static LOGINS: Semaphore = Semaphore::const_new(34);

/// A hash that no password fits, for users that do not exist.
static NOBODY: OnceLock<Option<String>> = OnceLock::new();

/// Whether `password` fits a stored hash. Without a hash, as for an unknown user, the same work is done and the answer is
/// no, so that the time tells nothing.
///
/// # Errors
/// 429 when too many logins are waiting; a stored hash that cannot be read.
pub async fn check(password: Zeroizing<String>, stored: Option<String>) -> Result<bool, Failure> {
    let throttled = |_| Failure::new(ErrorCode::Throttled, "too many logins at once");
    let _login = LOGINS.try_acquire().map_err(throttled)?;
    let _check = CHECKS.acquire().await.map_err(Failure::internal)?;
    let checked = tokio::task::spawn_blocking(move || -> Result<bool, Failure> {
        let known = stored.is_some();
        let nobody = || NOBODY.get_or_init(|| hash("nobody has this password").ok()).clone();
        let Some(stored) = stored.or_else(nobody) else { return Ok(false) };
        let parsed = PasswordHash::new(&stored).map_err(|error| Failure::internal(error.to_string()))?;
        Ok(argon2()?.verify_password(password.as_bytes(), &parsed).is_ok() && known)
    });
    checked.await.map_err(Failure::internal)?
}
