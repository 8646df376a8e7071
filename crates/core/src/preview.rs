//! Previews what a change would do to the versions and stages of a secret, on a copy and by the same rules.
//!
//! It decides nothing: each function applies a method of [`Secret`] and returns the state before and after.

use alloc::vec::Vec;

use crate::{
    refusal::Refusal,
    secret::{NewVersion, RotationBase, Secret},
    stage::StageName,
    time::UnixMillis,
    version::VersionId,
};

/// A secret before and after a change.
#[derive(Clone, Debug)]
pub struct Preview {
    /// As it is.
    pub before: Secret,
    /// As it would be.
    pub after: Secret,
    /// The version that would be added.
    pub added: Option<VersionId>,
    /// The deprecated version that would make room for it.
    pub removed: Option<VersionId>,
}

/// One stage that would mark another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageMove {
    /// The stage.
    pub stage: StageName,
    /// The version it marks now; `None` when it would be new.
    pub from: Option<VersionId>,
    /// The version it would mark; `None` when it would be gone.
    pub to: Option<VersionId>,
}

impl Preview {
    fn of(before: &Secret, after: Secret) -> Self {
        Self { before: before.clone(), after, added: None, removed: None }
    }

    /// Every stage that would mark another version, or none any more; in the order of the stages after the change.
    #[must_use]
    pub fn moves(&self) -> Vec<StageMove> {
        let put = self.after.stages().iter().map(|stage| StageMove {
            stage: stage.name.clone(),
            from: self.before.staged(&stage.name).ok(),
            to: Some(stage.version),
        });
        let gone = self.before.stages().iter().filter(|stage| self.after.stage(&stage.name).is_err());
        let gone = gone.map(|stage| StageMove { stage: stage.name.clone(), from: Some(stage.version), to: None });
        put.filter(|change| change.from != change.to).chain(gone).collect()
    }
}

/// What CreateSecretVersion would do.
///
/// # Errors
/// As [`Secret::add_version`].
pub fn new_version(secret: &Secret, new: NewVersion, now: UnixMillis) -> Result<Preview, Refusal> {
    let mut after = secret.clone();
    let done = after.add_version(new, now)?;
    Ok(Preview { added: Some(done.id), removed: done.removed, ..Preview::of(secret, after) })
}

/// What UpdateSecretStage would do.
///
/// # Errors
/// As [`Secret::move_stage`].
pub fn stage_move(secret: &Secret, name: &StageName, to: VersionId, now: UnixMillis) -> Result<Preview, Refusal> {
    let mut after = secret.clone();
    after.move_stage(name, to, now)?;
    Ok(Preview::of(secret, after))
}

/// What DeleteSecretStage would do.
///
/// # Errors
/// As [`Secret::delete_stage`].
pub fn stage_deletion(secret: &Secret, name: &StageName, now: UnixMillis) -> Result<Preview, Refusal> {
    let mut after = secret.clone();
    after.delete_stage(name, now)?;
    Ok(Preview::of(secret, after))
}

/// What RotateSecret would have done once it has succeeded: a pending version, unless an earlier attempt left one, has
/// become current.
///
/// # Errors
/// As [`Secret::rotation_base`] and [`Secret::add_version`].
pub fn rotation(secret: &Secret, now: UnixMillis) -> Result<Preview, Refusal> {
    let mut after = secret.clone();
    let (added, removed) = match secret.rotation_base()?.1 {
        RotationBase::Resumed { .. } => (None, None),
        RotationBase::Fresh { .. } => {
            let done =
                after.add_version(NewVersion { expire_time: None, stages: [StageName::pending()].into() }, now)?;
            (Some(done.id), done.removed)
        }
    };
    let pending = after.staged(&StageName::pending())?;
    after.move_stage(&StageName::current(), pending, now)?;
    after.delete_stage(&StageName::pending(), now)?;
    after.finish_rotation(pending, Ok(()), false, now);
    Ok(Preview { added, removed, ..Preview::of(secret, after) })
}

#[cfg(test)]
mod tests {
    use std::{string::ToString, vec};

    use super::*;
    use crate::{
        identity::{KeyId, ProjectId, SecretId},
        name::SecretName,
        secret::{NewSecret, ObservedVersion, SecretState, SecretType},
        urn::FunctionUrn,
        version::Version,
    };

    fn version(number: u32) -> VersionId {
        VersionId::from_number(number).unwrap()
    }

    fn secret(versions: &[(u32, &[&str])]) -> Secret {
        let new = NewSecret {
            name: SecretName::parse("demo").unwrap(),
            description: "".to_string(),
            secret_type: SecretType::RdsFg,
            auto_rotation: false,
            rotation_period: None,
            rotation_config: crate::RotationConfig::parse(r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#).ok(),
            rotation_func_urn: FunctionUrn::parse("urn:fss:r:p:function:default:f").ok(),
            event_subscriptions: vec![],
            enterprise_project_id: "0".to_string(),
        };
        let key = KeyId::parse("00000000-0000-0000-0000-000000000000").unwrap();
        let observed = versions.iter().map(|(number, stages)| ObservedVersion {
            version: Version {
                id: version(*number),
                create_time: UnixMillis::new(1),
                expire_time: None,
                expiry_told: false,
                kms_key_id: key.clone(),
            },
            stages: stages.iter().map(|name| StageName::parse(*name).unwrap()).collect(),
        });
        Secret::observe(
            SecretId::parse("00000000-0000-0000-0000-000000000000").unwrap(),
            ProjectId::parse("0".repeat(32)).unwrap(),
            new,
            SecretState::Enabled,
            key.clone(),
            observed.collect(),
        )
        .unwrap()
    }

    #[test]
    fn a_rotation_moves_current_and_previous_and_leaves_nothing_pending() {
        let preview = rotation(&secret(&[(4, &["SYSCURRENT"]), (3, &["SYSPREVIOUS"])]), UnixMillis::new(2)).unwrap();
        assert_eq!(preview.added, Some(version(5)));
        let moved = |stage, from, to| StageMove { stage, from: Some(version(from)), to: Some(version(to)) };
        assert_eq!(preview.moves(), [moved(StageName::previous(), 3, 4), moved(StageName::current(), 4, 5)]);
    }

    #[test]
    fn a_rotation_goes_on_with_what_an_earlier_one_left_pending() {
        let preview = rotation(&secret(&[(1, &["SYSCURRENT"]), (2, &["SYSPENDING"])]), UnixMillis::new(2)).unwrap();
        assert_eq!(preview.added, None);
        assert_eq!(preview.after.staged(&StageName::current()), Ok(version(2)));
        assert_eq!(preview.after.versions().len(), 2);
    }

    #[test]
    fn a_preview_leaves_the_secret_alone_and_shows_what_goes() {
        let secret = secret(&[(1, &["SYSCURRENT", "blue"])]);
        let blue = StageName::parse("blue").unwrap();
        let preview = stage_deletion(&secret, &blue, UnixMillis::new(2)).unwrap();
        assert_eq!(preview.before, secret);
        assert_eq!(preview.moves(), [StageMove { stage: blue, from: Some(version(1)), to: None }]);
        assert_eq!(
            stage_deletion(&secret, &StageName::current(), UnixMillis::new(2)).unwrap_err(),
            Refusal::BuiltInStage
        );
    }
}
