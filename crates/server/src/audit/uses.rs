//! When values were last read, from the records of reads on their way into the trail.
//!
//! At most once a minute for each secret: the time serves to find unused secrets, and a read must not cost a write.

use std::collections::HashMap;

use csms_core::{ProjectId, SecretName, UnixMillis};
use csms_store::SecretUse;

/// How far behind a noted time may be, in milliseconds.
const MINUTE: u64 = 60_000;

/// Beyond as many secrets those are forgotten that were not read within a minute.
const MANY: usize = 10_000;

/// What has been noted lately. Only what is written is noted here, so nothing is lost by forgetting.
#[derive(Default)]
pub(super) struct RecentUses(HashMap<(String, String), UnixMillis>);

impl RecentUses {
    /// The use as it is to be written; `None` when one of the last minute has been.
    #[must_use]
    pub(super) fn news(&self, project: &str, secret: &str, time: UnixMillis) -> Option<SecretUse> {
        let known = self.0.get(&(project.to_owned(), secret.to_owned()));
        if known.is_some_and(|known| time.millis_since(*known) < MINUTE) {
            return None;
        }
        Some(SecretUse { project: ProjectId::parse(project).ok()?, secret: SecretName::parse(secret).ok()?, time })
    }

    /// Remembers what has been written.
    pub(super) fn noted(&mut self, uses: Vec<SecretUse>) {
        let Some(newest) = uses.iter().map(|used| used.time).max() else { return };
        self.0.extend(uses.into_iter().map(|used| ((used.project.into(), used.secret.into()), used.time)));
        if self.0.len() > MANY {
            self.0.retain(|_, time| newest.millis_since(*time) < MINUTE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "0123456789abcdef0123456789abcdef";

    fn is_news(uses: &RecentUses, secret: &str, millis: u64) -> bool {
        uses.news(PROJECT, secret, UnixMillis::new(millis)).is_some()
    }

    fn used(secret: &str, millis: u64) -> SecretUse {
        RecentUses::default().news(PROJECT, secret, UnixMillis::new(millis)).unwrap()
    }

    #[test]
    fn a_use_is_news_once_a_minute() {
        let mut uses = RecentUses::default();
        assert!(is_news(&uses, "db", 1_000));
        uses.noted(vec![used("db", 1_000)]);
        assert!(!is_news(&uses, "db", 60_999));
        assert!(is_news(&uses, "db", 61_000));
        assert!(is_news(&uses, "other", 2_000));
    }

    #[test]
    fn what_was_not_read_lately_is_forgotten() {
        let mut uses = RecentUses::default();
        uses.noted((0..MANY).map(|number| used(&format!("db-{number}"), 0)).collect());
        uses.noted(vec![used("late", MINUTE)]);
        assert_eq!(uses.0.len(), 1);
    }
}
