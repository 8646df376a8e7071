//! The grants of a secret: which users may read it besides those whose policies allow it, and until when.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{Action, Secret};
use crate::{refusal::Refusal, time::UnixMillis};

/// Most grants of one secret (ours: the definitions name no limit).
pub const MAX_GRANTS: usize = 100;

/// The right of one user to read one secret: its metadata and its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Identifier.
    pub id: String,
    /// The user who may read.
    pub user_id: String,
    /// When it was given.
    pub create_time: UnixMillis,
    /// When its end last changed.
    pub update_time: UnixMillis,
    /// The first moment at which it no longer counts; `None` when it has no end.
    pub valid_until: Option<UnixMillis>,
}

impl Grant {
    /// Whether it counts at `now`.
    #[must_use]
    pub fn is_valid(&self, now: UnixMillis) -> bool {
        self.valid_until.is_none_or(|end| now < end)
    }
}

impl Secret {
    /// Whether a grant lets the user read the secret at `now`.
    #[must_use]
    pub fn is_granted_to(&self, user_id: &str, now: UnixMillis) -> bool {
        self.grants.iter().any(|grant| grant.user_id == user_id && grant.is_valid(now))
    }

    /// Adds a grant. Times of the secret stay as they are: a grant is about it, not a part of it.
    ///
    /// # Errors
    /// The state's refusal; [`Refusal::GrantExists`] when the user has one, also one that is over; [`Refusal::GrantQuota`].
    pub fn add_grant(&mut self, grant: Grant) -> Result<(), Refusal> {
        self.permits_change(Action::ChangeMetadata)?;
        if self.grants.iter().any(|known| known.user_id == grant.user_id) {
            return Err(Refusal::GrantExists);
        }
        if self.grants.len() >= MAX_GRANTS {
            return Err(Refusal::GrantQuota);
        }
        self.grants.push(grant);
        Ok(())
    }

    /// Gives the grant of a user another end, and returns it.
    ///
    /// # Errors
    /// The state's refusal; [`Refusal::GrantNotFound`].
    pub fn prolong_grant(
        &mut self,
        user_id: &str,
        valid_until: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Result<Grant, Refusal> {
        self.permits_change(Action::ChangeMetadata)?;
        let grant = self.grants.iter_mut().find(|grant| grant.user_id == user_id).ok_or(Refusal::GrantNotFound)?;
        grant.valid_until = valid_until;
        grant.update_time = now;
        Ok(grant.clone())
    }

    /// Takes the grant of a user away, or all of them.
    ///
    /// # Errors
    /// The state's refusal; [`Refusal::GrantNotFound`] when the user named has none.
    pub fn remove_grants(&mut self, user_id: Option<&str>) -> Result<(), Refusal> {
        self.permits_change(Action::ChangeMetadata)?;
        let Some(user_id) = user_id else {
            self.grants = Vec::new();
            return Ok(());
        };
        let before = self.grants.len();
        self.grants.retain(|grant| grant.user_id != user_id);
        if self.grants.len() < before { Ok(()) } else { Err(Refusal::GrantNotFound) }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::secret::{SecretState, demo};

    fn secret() -> Secret {
        demo("11111111-1111-4111-8111-111111111111", at(1))
    }

    const fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(millis)
    }

    fn grant(user_id: &str, valid_until: Option<u64>) -> Grant {
        let valid_until = valid_until.map(at);
        Grant { id: "g".into(), user_id: user_id.into(), create_time: at(1), update_time: at(1), valid_until }
    }

    #[test]
    fn a_grant_counts_for_its_user_until_its_end() {
        let mut secret = secret();
        secret.add_grant(grant("a", Some(10))).unwrap();
        secret.add_grant(grant("b", None)).unwrap();
        assert!(secret.is_granted_to("a", at(9)) && !secret.is_granted_to("a", at(10)));
        assert!(secret.is_granted_to("b", at(u64::MAX)) && !secret.is_granted_to("c", at(0)));
        assert_eq!(secret.prolong_grant("a", Some(at(20)), at(12)).unwrap().update_time, at(12));
        assert!(secret.is_granted_to("a", at(19)));
    }

    #[test]
    fn a_user_has_one_grant_and_a_secret_a_hundred() {
        let mut secret = secret();
        for number in 0..MAX_GRANTS {
            secret.add_grant(grant(&format!("u{number}"), None)).unwrap();
        }
        assert_eq!(secret.add_grant(grant("u5", None)), Err(Refusal::GrantExists));
        assert_eq!(secret.add_grant(grant("more", None)), Err(Refusal::GrantQuota));
        assert_eq!(secret.prolong_grant("more", None, at(2)), Err(Refusal::GrantNotFound));
    }

    #[test]
    fn grants_are_taken_away_one_by_one_or_all_at_once() {
        let mut secret = secret();
        for user in ["a", "b", "c"] {
            secret.add_grant(grant(user, None)).unwrap();
        }
        secret.remove_grants(Some("a")).unwrap();
        assert_eq!(secret.remove_grants(Some("a")), Err(Refusal::GrantNotFound));
        assert_eq!(secret.grants.len(), 2);
        secret.remove_grants(None).unwrap();
        assert!(secret.grants.is_empty());
    }

    #[test]
    fn the_grants_of_a_secret_that_waits_for_its_deletion_stay() {
        let mut secret = secret();
        secret.state = SecretState::PendingDelete;
        assert_eq!(secret.add_grant(grant("a", None)), Err(Refusal::PendingDeletion));
        assert_eq!(secret.remove_grants(None), Err(Refusal::PendingDeletion));
    }
}
