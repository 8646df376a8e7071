//! The tags of a secret: at most 20, one value for each key.

use alloc::vec::Vec;

use super::{Action, Secret};
use crate::{
    refusal::Refusal,
    tag::{MAX_TAGS, Tag, TagKey},
};

impl Secret {
    /// Adds tags; one whose key the secret has gets the new value. Times stay as they are: a tag is about the secret, not
    /// a part of it.
    ///
    /// # Errors
    /// The state's refusal, or [`Refusal::TagQuota`]; the secret is then unchanged.
    pub fn put_tags(&mut self, tags: Vec<Tag>) -> Result<(), Refusal> {
        self.permits_change(Action::ChangeMetadata)?;
        let mut after = self.tags.clone();
        for tag in tags {
            match after.iter_mut().find(|known| known.key == tag.key) {
                Some(known) => *known = tag,
                None => after.push(tag),
            }
        }
        if after.len() > MAX_TAGS {
            return Err(Refusal::TagQuota);
        }
        self.tags = after;
        Ok(())
    }

    /// Takes tags away by their keys, and tells how many there were.
    ///
    /// # Errors
    /// The state's refusal.
    pub fn remove_tags(&mut self, keys: &[TagKey]) -> Result<usize, Refusal> {
        self.permits_change(Action::ChangeMetadata)?;
        let before = self.tags.len();
        self.tags.retain(|tag| !keys.contains(&tag.key));
        Ok(before.saturating_sub(self.tags.len()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::{
        secret::{SecretState, demo},
        tag::TagValue,
        time::UnixMillis,
    };

    fn secret() -> Secret {
        demo("11111111-1111-4111-8111-111111111111", UnixMillis::new(1))
    }

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: TagKey::parse(key).unwrap(), value: TagValue::parse(value).unwrap() }
    }

    #[test]
    fn a_key_has_one_value_and_the_last_one_given_counts() {
        let mut secret = secret();
        secret.put_tags([tag("env", "a"), tag("env", "b")].into()).unwrap();
        secret.put_tags([tag("env", "c"), tag("team", "")].into()).unwrap();
        assert_eq!(secret.tags, [tag("env", "c"), tag("team", "")]);
        assert_eq!(secret.remove_tags(&[tag("env", "").key, tag("absent", "").key]), Ok(1));
        assert_eq!(secret.tags, [tag("team", "")]);
    }

    #[test]
    fn the_twenty_first_tag_is_refused_and_none_of_the_others_is_added() {
        let mut secret = secret();
        secret.put_tags((0..19).map(|number| tag(&format!("k{number}"), "")).collect()).unwrap();
        let before = secret.clone();
        assert_eq!(secret.put_tags([tag("a", ""), tag("b", "")].into()), Err(Refusal::TagQuota));
        assert_eq!(secret, before);
        assert_eq!(secret.put_tags([tag("a", ""), tag("k0", "again")].into()), Ok(()));
    }

    #[test]
    fn a_secret_that_waits_for_its_deletion_keeps_its_tags() {
        let mut secret = secret();
        secret.state = SecretState::PendingDelete;
        assert_eq!(secret.put_tags([tag("a", "")].into()), Err(Refusal::PendingDeletion));
        assert_eq!(secret.remove_tags(&[]), Err(Refusal::PendingDeletion));
    }
}
