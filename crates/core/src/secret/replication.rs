//! Copies of a secret in other regions: a primary and its replicas.
//!
//! A replica has an identifier, a project and a key of its own; everything else is its primary's, at every instant, because
//! a store writes [`Secret::copy_for`] of the primary in the transaction that changes the primary. Nothing else changes a
//! replica.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Action, Secret};
use crate::{
    identity::{KeyId, ProjectId, SecretId},
    name::RegionName,
    refusal::Refusal,
    time::UnixMillis,
};

/// What a secret is among its copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaType {
    /// It has no copies.
    Standalone,
    /// It has copies, which follow it.
    Primary,
    /// It is a copy.
    Replica,
}

impl ReplicaType {
    /// The word of `replica_type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standalone => "STANDALONE",
            Self::Primary => "PRIMARY",
            Self::Replica => "REPLICA",
        }
    }
}

/// A secret that has the same content in another region: a replica as its primary knows it, or the primary as a replica
/// does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterpart {
    /// Its identifier.
    pub id: SecretId,
    /// The project it is in.
    pub project: ProjectId,
    /// The region of that project.
    pub region: RegionName,
    /// The key that protects its values; of a primary, those to come.
    pub kms_key_id: KeyId,
    /// When it was made.
    pub create_time: UnixMillis,
}

/// A secret's place among its copies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Replication {
    #[default]
    Standalone,
    Primary {
        /// The primary's own region.
        region: RegionName,
        /// Never empty.
        replicas: Vec<Counterpart>,
    },
    Replica(Counterpart),
}

impl Replication {
    pub(super) fn is_standalone(&self) -> bool {
        *self == Self::Standalone
    }
}

impl Secret {
    /// What it is among its copies.
    #[must_use]
    pub const fn replica_type(&self) -> ReplicaType {
        match self.replication {
            Replication::Standalone => ReplicaType::Standalone,
            Replication::Primary { .. } => ReplicaType::Primary,
            Replication::Replica(_) => ReplicaType::Replica,
        }
    }

    /// The replicas of a primary, in the order in which they were made.
    #[must_use]
    pub fn replicas(&self) -> &[Counterpart] {
        match &self.replication {
            Replication::Primary { replicas, .. } => replicas,
            Replication::Standalone | Replication::Replica(_) => &[],
        }
    }

    /// The primary of a replica.
    #[must_use]
    pub const fn primary(&self) -> Option<&Counterpart> {
        match &self.replication {
            Replication::Replica(primary) => Some(primary),
            Replication::Standalone | Replication::Primary { .. } => None,
        }
    }

    /// Whether an action that changes something is allowed: never with a replica, otherwise as the state says. A primary is
    /// not deleted at once as long as it has replicas; after a recovery window they go together.
    ///
    /// # Errors
    /// [`Refusal::Replica`], [`Refusal::HasReplicas`], or the state's refusal.
    pub fn permits_change(&self, action: Action) -> Result<(), Refusal> {
        match (&self.replication, action) {
            (Replication::Replica(_), _) => Err(Refusal::Replica),
            (Replication::Primary { .. }, Action::Delete) => Err(Refusal::HasReplicas),
            (Replication::Standalone | Replication::Primary { .. }, _) => self.state.permits(action),
        }
    }

    /// Adds a replica; the secret itself is in `region`.
    ///
    /// # Errors
    /// The refusals of [`Secret::permits_change`] for the use of values, or [`Refusal::ReplicaExists`].
    pub fn add_replica(&mut self, region: RegionName, replica: Counterpart, now: UnixMillis) -> Result<(), Refusal> {
        self.permits_change(Action::UseValue)?;
        if self.replicas().iter().any(|known| known.region == replica.region) {
            return Err(Refusal::ReplicaExists);
        }
        match &mut self.replication {
            Replication::Primary { replicas, .. } => replicas.push(replica),
            replication => *replication = Replication::Primary { region, replicas: Vec::from([replica]) },
        }
        self.update_time = now;
        Ok(())
    }

    /// Takes the replica in a region away. The last one leaves the secret standing alone.
    ///
    /// # Errors
    /// [`Refusal::Replica`] or [`Refusal::ReplicaNotFound`].
    pub fn remove_replica(&mut self, region: &str, now: UnixMillis) -> Result<Counterpart, Refusal> {
        let replicas = match &mut self.replication {
            Replication::Primary { replicas, .. } => replicas,
            Replication::Standalone => return Err(Refusal::ReplicaNotFound),
            Replication::Replica(_) => return Err(Refusal::Replica),
        };
        let at = replicas.iter().position(|known| known.region.as_str() == region).ok_or(Refusal::ReplicaNotFound)?;
        let removed = replicas.remove(at);
        if replicas.is_empty() {
            self.replication = Replication::Standalone;
        }
        self.update_time = now;
        Ok(removed)
    }

    /// What a replica is while its primary is this secret. Nothing is due for it: its primary rotates, expires and is
    /// deleted for both, and events of its project do not tell of it. Grants of the primary give no right to it.
    #[must_use]
    pub fn copy_for(&self, replica: &Counterpart) -> Self {
        let mut copy = self.clone();
        let region = match &self.replication {
            Replication::Primary { region, .. } => region.clone(),
            Replication::Standalone | Replication::Replica(_) => RegionName::built_in(""),
        };
        copy.replication = Replication::Replica(Counterpart {
            id: self.id.clone(),
            project: self.project.clone(),
            region,
            kms_key_id: self.kms_key_id.clone(),
            create_time: self.create_time,
        });
        copy.id = replica.id.clone();
        copy.project = replica.project.clone();
        copy.kms_key_id = replica.kms_key_id.clone();
        copy.last_used_time = None;
        copy.event_subscriptions = Vec::new();
        copy.grants = Vec::new();
        copy.running_task = None;
        copy.failed_rotations = 0;
        for version in &mut copy.versions {
            version.kms_key_id = replica.kms_key_id.clone();
            version.expiry_told = true;
        }
        copy
    }

    /// Makes the secret stand alone: what comes back from a backup has no copies, and is none.
    pub fn stand_alone(&mut self) {
        self.replication = Replication::Standalone;
    }
}

#[cfg(test)]
mod tests {
    use std::{string::String, vec};

    use super::*;
    use crate::{
        name::EventName,
        schedule::RecoveryWindow,
        secret::{NewVersion, SecretState, SecretUpdate, demo},
        stage::StageName,
        tag::{Tag, TagKey, TagValue},
        version::VersionId,
    };

    const fn at(seconds: u64) -> UnixMillis {
        UnixMillis::new(seconds * 1000)
    }

    fn region(name: &str) -> RegionName {
        RegionName::parse(name).unwrap()
    }

    fn replica(digit: char) -> Counterpart {
        Counterpart {
            id: SecretId::parse("00000000-0000-4000-8000-000000000000".replace('0', &String::from(digit))).unwrap(),
            project: ProjectId::parse(String::from(digit).repeat(32)).unwrap(),
            region: region(&alloc::format!("region-{digit}")),
            kms_key_id: KeyId::parse("00000000-0000-4000-8000-000000000000".replace('0', &String::from(digit)))
                .unwrap(),
            create_time: at(5),
        }
    }

    fn secret() -> Secret {
        let mut secret = demo("11111111-1111-4111-8111-111111111111", at(1));
        secret.event_subscriptions = vec![EventName::parse("audit").unwrap()];
        secret
    }

    fn primary() -> Secret {
        let mut secret = secret();
        secret.add_replica(region("home"), replica('b'), at(5)).unwrap();
        secret
    }

    #[test]
    fn the_first_replica_makes_a_primary_and_the_last_one_gone_a_standalone() {
        let mut secret = secret();
        assert_eq!(secret.replica_type(), ReplicaType::Standalone);
        secret.add_replica(region("home"), replica('b'), at(5)).unwrap();
        secret.add_replica(region("home"), replica('c'), at(6)).unwrap();
        assert_eq!(secret.replica_type(), ReplicaType::Primary);
        assert_eq!(secret.add_replica(region("home"), replica('c'), at(7)), Err(Refusal::ReplicaExists));
        assert_eq!(secret.remove_replica("region-b", at(8)).unwrap(), replica('b'));
        assert_eq!(secret.remove_replica("region-b", at(8)), Err(Refusal::ReplicaNotFound));
        secret.remove_replica("region-c", at(9)).unwrap();
        assert_eq!((secret.replica_type(), secret.update_time), (ReplicaType::Standalone, at(9)));
        assert_eq!(secret.remove_replica("region-c", at(9)), Err(Refusal::ReplicaNotFound));
    }

    #[test]
    fn a_copy_has_all_of_its_primary_but_what_makes_it_another_secret() {
        let mut primary = primary();
        primary.add_version(NewVersion { expire_time: Some(at(50)), stages: Vec::new() }, at(6)).unwrap();
        let tag = Tag { key: TagKey::parse("team").unwrap(), value: TagValue::parse("a").unwrap() };
        primary.put_tags(vec![tag]).unwrap();
        let copy = primary.copy_for(&primary.replicas()[0]);
        assert_eq!((&copy.id, &copy.project, &copy.kms_key_id), {
            let replica = &primary.replicas()[0];
            (&replica.id, &replica.project, &replica.kms_key_id)
        });
        assert_eq!(copy.primary().map(|primary| primary.region.as_str()), Some("home"));
        assert_eq!((&copy.stages, &copy.tags, copy.update_time), (&primary.stages, &primary.tags, primary.update_time));
        assert!(copy.keys().all(|key| *key == copy.kms_key_id));
        assert_eq!((copy.next_expiry_time(), primary.next_expiry_time()), (None, Some(at(50))));
        assert!(copy.event_subscriptions.is_empty());
        assert_eq!(copy.next_version(), primary.next_version());
    }

    #[test]
    fn a_replica_refuses_every_change_and_its_state_follows() {
        let mut primary = primary();
        let mut copy = primary.copy_for(&primary.replicas()[0]);
        let before = copy.clone();
        let window = RecoveryWindow::days(7).unwrap();
        let tag = Tag { key: TagKey::parse("team").unwrap(), value: TagValue::parse("a").unwrap() };
        assert_eq!(copy.add_version(NewVersion::default(), at(9)).unwrap_err(), Refusal::Replica);
        assert_eq!(copy.move_stage(&StageName::current(), VersionId::FIRST, at(9)).unwrap_err(), Refusal::Replica);
        assert_eq!(copy.delete_stage(&StageName::current(), at(9)), Err(Refusal::Replica));
        assert_eq!(copy.set_expiry(VersionId::FIRST, at(99), at(9)).unwrap_err(), Refusal::Replica);
        assert_eq!(copy.update(SecretUpdate::default(), at(9)), Err(Refusal::Replica));
        assert_eq!(copy.schedule_deletion(window, at(9)), Err(Refusal::Replica));
        assert_eq!(copy.restore(at(9)), Err(Refusal::Replica));
        assert_eq!(copy.rotation_base().unwrap_err(), Refusal::Replica);
        assert_eq!(copy.put_tags(vec![tag]), Err(Refusal::Replica));
        assert_eq!(copy.remove_tags(&[]), Err(Refusal::Replica));
        assert_eq!(copy.permits_change(Action::Delete), Err(Refusal::Replica));
        assert_eq!(copy.add_replica(region("b"), replica('d'), at(9)), Err(Refusal::Replica));
        assert_eq!(copy.remove_replica("home", at(9)), Err(Refusal::Replica));
        assert_eq!(copy, before);

        primary.schedule_deletion(window, at(9)).unwrap();
        let copy = primary.copy_for(&primary.replicas()[0]);
        assert_eq!(
            (copy.state, copy.scheduled_delete_time),
            (SecretState::PendingDelete, primary.scheduled_delete_time)
        );
        let end = primary.scheduled_delete_time.unwrap();
        assert!(primary.is_deletion_due(end) && !copy.is_deletion_due(end));
    }

    #[test]
    fn a_primary_is_not_deleted_at_once() {
        let mut secret = primary();
        assert_eq!(secret.permits_change(Action::Delete), Err(Refusal::HasReplicas));
        secret.remove_replica("region-b", at(6)).unwrap();
        assert_eq!(secret.permits_change(Action::Delete), Ok(()));
    }

    #[test]
    fn a_document_from_before_there_were_replicas_is_read_and_none_is_written_for_who_has_none() {
        let alone = serde_json::to_value(secret()).unwrap();
        assert!(alone.get("replication").is_none());
        assert_eq!(serde_json::from_value::<Secret>(alone).unwrap(), secret());
        let primary = primary();
        let read: Secret = serde_json::from_value(serde_json::to_value(&primary).unwrap()).unwrap();
        assert_eq!(read, primary);
    }
}
