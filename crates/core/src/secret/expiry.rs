//! Expiry of versions. It only causes a notification, once for each setting; the value stays readable.

use alloc::vec::Vec;

use super::Secret;
use crate::{
    time::UnixMillis,
    version::{Version, VersionId},
};

impl Secret {
    /// When the next version expires of which that has not been told.
    #[must_use]
    pub fn next_expiry_time(&self) -> Option<UnixMillis> {
        let awaited = self.versions.iter().filter(|version| !version.expiry_told);
        awaited.filter_map(|version| version.expire_time).min()
    }

    /// The versions that have expired by `now` and of which that has not been told. From here on it has been.
    pub fn report_expiries(&mut self, now: UnixMillis) -> Vec<VersionId> {
        let is_due =
            |version: &&mut Version| !version.expiry_told && version.expire_time.is_some_and(|time| time <= now);
        let due = self.versions.iter_mut().filter(is_due);
        let told = due.map(|version| {
            version.expiry_told = true;
            version.id
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{NewVersion, demo};

    const fn at(seconds: u64) -> UnixMillis {
        UnixMillis::new(seconds * 1000)
    }

    /// A secret whose versions v2 and v3 expire after 20 and 30 seconds.
    fn secret() -> Secret {
        let mut secret = demo("11111111-1111-4111-8111-111111111111", at(1));
        for seconds in [20, 30] {
            let version = NewVersion { expire_time: Some(at(seconds)), stages: Vec::new() };
            secret.add_version(version, at(2)).unwrap();
        }
        secret
    }

    #[test]
    fn each_expiry_is_told_once() {
        let mut secret = secret();
        assert_eq!(secret.next_expiry_time(), Some(at(20)));
        assert_eq!(secret.report_expiries(at(19)), []);
        assert_eq!(secret.report_expiries(at(20)).iter().map(|id| id.number()).collect::<Vec<_>>(), [2]);
        assert_eq!(secret.report_expiries(at(20)), []);
        assert_eq!(secret.next_expiry_time(), Some(at(30)));
        assert_eq!(secret.report_expiries(at(99)).len(), 1);
        assert_eq!(secret.next_expiry_time(), None);
    }

    #[test]
    fn a_new_setting_is_told_again() {
        let mut secret = secret();
        let told = secret.report_expiries(at(20));
        secret.set_expiry(told[0], at(25), at(21)).unwrap();
        assert_eq!(secret.next_expiry_time(), Some(at(25)));
        assert_eq!(secret.report_expiries(at(25)), told);
    }
}
