//! Rules of versions, stages and states, by example and by property.

use std::{collections::BTreeSet, format, string::ToString, vec};

use proptest::prelude::*;

use super::*;

fn time(seconds: u64) -> UnixMillis {
    UnixMillis::new(seconds * 1000)
}

fn key(digit: char) -> KeyId {
    KeyId::parse("00000000-0000-0000-0000-000000000000".replace('0', &digit.to_string())).unwrap()
}

fn stage(name: &str) -> StageName {
    StageName::parse(name).unwrap()
}

fn version(number: u32) -> VersionId {
    VersionId::from_number(number).unwrap()
}

fn secret(secret_type: SecretType) -> Secret {
    let rotated = secret_type.is_rotated();
    let new = NewSecret {
        name: SecretName::parse("demo").unwrap(),
        description: String::new(),
        secret_type,
        auto_rotation: false,
        rotation_period: None,
        rotation_config: rotated
            .then(|| RotationConfig::parse(r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#).unwrap()),
        rotation_func_urn: rotated.then(|| FunctionUrn::parse("urn:fss:r:p:function:default:f").unwrap()),
        event_subscriptions: vec![],
        enterprise_project_id: "0".to_string(),
    };
    let project = ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap();
    let id = SecretId::parse("11111111-1111-4111-8111-111111111111").unwrap();
    Secret::create(id, project, new, key('a'), time(1))
}

fn common() -> Secret {
    secret(SecretType::Common)
}

fn add(secret: &mut Secret, stages: &[&str]) -> AddedVersion {
    let new = NewVersion { expire_time: None, stages: stages.iter().map(|name| stage(name)).collect() };
    secret.add_version(new, time(2)).unwrap()
}

#[test]
fn the_first_version_is_current() {
    let secret = common();
    assert_eq!(secret.staged(&StageName::current()), Ok(version(1)));
    assert_eq!(secret.staged(&StageName::previous()), Err(Refusal::StageNotFound));
}

#[test]
fn a_new_version_becomes_current_and_the_former_one_previous() {
    let mut secret = common();
    add(&mut secret, &[]);
    add(&mut secret, &[]);
    assert_eq!(secret.staged(&StageName::current()), Ok(version(3)));
    assert_eq!(secret.staged(&StageName::previous()), Ok(version(2)));
    assert!(secret.is_deprecated(version(1)));
}

#[test]
fn explicit_stages_replace_the_default_move() {
    let mut secret = common();
    add(&mut secret, &["blue"]);
    assert_eq!(secret.staged(&StageName::current()), Ok(version(1)));
    assert_eq!(secret.staged(&stage("blue")), Ok(version(2)));
}

#[test]
fn previous_follows_also_when_current_is_named() {
    let mut secret = common();
    add(&mut secret, &["SYSCURRENT", "blue"]);
    assert_eq!(secret.staged(&StageName::previous()), Ok(version(1)));
}

#[test]
fn a_named_previous_is_not_overruled() {
    let mut secret = common();
    add(&mut secret, &["SYSCURRENT", "SYSPREVIOUS"]);
    assert_eq!(secret.staged(&StageName::previous()), Ok(version(2)));
}

#[test]
fn moving_current_by_hand_takes_previous_along_and_repeating_it_changes_nothing() {
    let mut secret = common();
    add(&mut secret, &["SYSPENDING"]);
    secret.move_stage(&StageName::current(), version(2), time(3)).unwrap();
    assert_eq!(secret.staged(&StageName::previous()), Ok(version(1)));
    let once = secret.clone();
    secret.move_stage(&StageName::current(), version(2), time(3)).unwrap();
    assert_eq!(secret, once);
}

#[test]
fn a_stage_moves_only_to_a_version_that_exists() {
    let mut secret = common();
    assert_eq!(secret.move_stage(&stage("blue"), version(9), time(3)).unwrap_err(), Refusal::VersionNotFound);
}

#[test]
fn built_in_stages_stay_and_pending_may_go() {
    let mut secret = common();
    add(&mut secret, &["SYSPENDING"]);
    assert_eq!(secret.delete_stage(&StageName::current(), time(3)), Err(Refusal::BuiltInStage));
    assert_eq!(secret.delete_stage(&StageName::previous(), time(3)), Err(Refusal::BuiltInStage));
    assert_eq!(secret.delete_stage(&StageName::pending(), time(3)), Ok(()));
    assert_eq!(secret.delete_stage(&StageName::pending(), time(3)), Err(Refusal::StageNotFound));
}

#[test]
fn the_13th_stage_is_refused_and_changes_nothing() {
    let mut secret = common();
    for number in 0..11 {
        secret.move_stage(&stage(&format!("s{number}")), version(1), time(2)).unwrap();
    }
    let before = secret.clone();
    assert_eq!(secret.move_stage(&stage("one-more"), version(1), time(3)).unwrap_err(), Refusal::StageQuota);
    // SYSPREVIOUS would be the thirteenth, so even the default move is refused.
    assert_eq!(secret.add_version(NewVersion::default(), time(3)).unwrap_err(), Refusal::StageQuota);
    assert_eq!(secret, before);
}

#[test]
fn the_21st_version_removes_the_oldest_deprecated_one() {
    let mut secret = common();
    add(&mut secret, &["keep"]);
    secret.move_stage(&stage("first"), version(1), time(2)).unwrap();
    for _ in 0..18 {
        assert_eq!(add(&mut secret, &[]).removed, None);
    }
    assert_eq!(add(&mut secret, &[]), AddedVersion { id: version(21), removed: Some(version(3)) });
    assert_eq!(secret.versions().len(), MAX_VERSIONS);
    assert_eq!(secret.version(version(1)).unwrap().id, version(1));
}

#[test]
fn a_changed_key_protects_later_versions_only() {
    let mut secret = common();
    let update = SecretUpdate { kms_key_id: Some(key('b')), ..SecretUpdate::default() };
    secret.update(update, time(2)).unwrap();
    add(&mut secret, &[]);
    let keys: Vec<_> = secret.versions().iter().map(|version| version.kms_key_id.clone()).collect();
    assert_eq!(keys, [key('a'), key('b')]);
}

#[test]
fn each_state_permits_what_the_table_says() {
    use Action::{ChangeMetadata, Delete, ReadMetadata, Restore, ScheduleDeletion, UseValue};
    let actions = [ReadMetadata, UseValue, ChangeMetadata, ScheduleDeletion, Restore, Delete];
    let frozen = || Err(Refusal::NotEnabled(SecretState::Frozen));
    let table = [
        (SecretState::Enabled, [Ok(()), Ok(()), Ok(()), Ok(()), Err(Refusal::NotScheduled), Ok(())]),
        (
            SecretState::Disabled,
            [
                Ok(()),
                Err(Refusal::NotEnabled(SecretState::Disabled)),
                Ok(()),
                Ok(()),
                Err(Refusal::NotScheduled),
                Ok(()),
            ],
        ),
        (
            SecretState::PendingDelete,
            [
                Ok(()),
                Err(Refusal::PendingDeletion),
                Err(Refusal::PendingDeletion),
                Err(Refusal::AlreadyScheduled),
                Ok(()),
                Ok(()),
            ],
        ),
        (SecretState::Frozen, [Ok(()), frozen(), frozen(), frozen(), Err(Refusal::NotScheduled), Ok(())]),
    ];
    for (state, row) in table {
        for (action, expected) in actions.into_iter().zip(row) {
            assert_eq!(state.permits(action), expected, "{state:?} {action:?}");
        }
    }
}

#[test]
fn a_scheduled_deletion_is_due_when_its_window_closes_and_can_be_cancelled() {
    let mut secret = common();
    secret.schedule_deletion(RecoveryWindow::days(7).unwrap(), time(0)).unwrap();
    assert!(!secret.is_deletion_due(time(7 * 86_400 - 1)));
    assert!(secret.is_deletion_due(time(7 * 86_400)));
    secret.restore(time(5)).unwrap();
    assert_eq!((secret.state, secret.scheduled_delete_time), (SecretState::Enabled, None));
}

#[test]
fn automatic_rotation_needs_a_rotated_type_and_a_period() {
    let on = || SecretUpdate { auto_rotation: Some(true), ..SecretUpdate::default() };
    assert_eq!(common().update(on(), time(2)), Err(Refusal::CommonSecret));
    let mut rds = secret(SecretType::RdsFg);
    assert!(matches!(rds.update(on(), time(2)), Err(Refusal::RotationNotConfigured(_))));
    let period = Some(RotationPeriod::parse("1d").unwrap());
    rds.update(SecretUpdate { rotation_period: period, ..on() }, time(2)).unwrap();
    assert_eq!(rds.next_rotation_time, Some(time(2 + 86_400)));
    rds.update(SecretUpdate { description: Some("x".to_string()), ..SecretUpdate::default() }, time(3)).unwrap();
    assert_eq!(rds.next_rotation_time, Some(time(2 + 86_400)));
    rds.update(SecretUpdate { auto_rotation: Some(false), ..SecretUpdate::default() }, time(4)).unwrap();
    assert_eq!(rds.next_rotation_time, None);
}

#[test]
fn a_rotation_starts_from_current_and_resumes_an_unfinished_one() {
    let mut rds = secret(SecretType::RdsFg);
    let single = RotationMode::SingleUser;
    assert_eq!(rds.rotation_base(), Ok((single, RotationBase::Fresh { base: version(1) })));
    add(&mut rds, &["SYSPENDING"]);
    let resumed = RotationBase::Resumed { pending: version(2), base: version(1) };
    assert_eq!(rds.rotation_base(), Ok((single, resumed)));
    rds.move_stage(&StageName::current(), version(2), time(3)).unwrap();
    // The label was left behind by a crash after the move: that rotation is complete.
    assert_eq!(rds.rotation_base(), Ok((single, RotationBase::Fresh { base: version(2) })));
}

#[test]
fn two_accounts_rotate_from_previous() {
    let mut rds = secret(SecretType::RdsFg);
    rds.rotation_config = Some(RotationConfig::parse(r#"{"InstanceId":"i","SecretSubType":"MultiUser"}"#).unwrap());
    assert!(matches!(rds.rotation_base(), Err(Refusal::RotationNotConfigured(_))));
    add(&mut rds, &["SYSPREVIOUS"]);
    assert_eq!(rds.rotation_base(), Ok((RotationMode::MultiUser, RotationBase::Fresh { base: version(2) })));
}

#[test]
fn common_secrets_and_running_rotations_are_refused() {
    assert_eq!(common().rotation_base(), Err(Refusal::CommonSecret));
    let mut rds = secret(SecretType::RdsFg);
    rds.running_task = Some(TaskId::parse("22222222-2222-4222-8222-222222222222").unwrap());
    assert_eq!(rds.rotation_base(), Err(Refusal::RotationRunning));
}

#[test]
fn a_reported_success_counts_only_if_current_is_the_new_version() {
    let mut rds = secret(SecretType::RdsFg);
    add(&mut rds, &["SYSPENDING"]);
    assert!(!rds.finish_rotation(version(2), Ok(()), true, time(5)));
    assert_eq!((rds.failed_rotations, rds.rotation_time), (1, None));
    assert_eq!(rds.staged(&StageName::pending()), Ok(version(2)));
    rds.move_stage(&StageName::current(), version(2), time(6)).unwrap();
    assert!(rds.finish_rotation(version(2), Ok(()), true, time(7)));
    assert_eq!((rds.failed_rotations, rds.rotation_time), (0, Some(time(7))));
    assert!(rds.staged(&StageName::pending()).is_err());
}

#[test]
fn the_third_failure_in_a_row_switches_automatic_rotation_off() {
    let mut rds = secret(SecretType::RdsFg);
    let period = Some(RotationPeriod::parse("1d").unwrap());
    rds.update(SecretUpdate { auto_rotation: Some(true), rotation_period: period, ..SecretUpdate::default() }, time(2))
        .unwrap();
    for failure in 1..=3 {
        assert!(rds.auto_rotation, "before failure {failure}");
        rds.finish_rotation(version(2), Err(Aftermath::Untouched), true, time(10));
    }
    assert_eq!((rds.auto_rotation, rds.next_rotation_time), (false, None));
}

#[test]
fn a_failed_rotation_by_hand_leaves_the_schedule_alone() {
    let mut rds = secret(SecretType::RdsFg);
    let period = Some(RotationPeriod::parse("30d").unwrap());
    let on = SecretUpdate { auto_rotation: Some(true), rotation_period: period, ..SecretUpdate::default() };
    rds.update(on, time(2)).unwrap();
    let due = rds.next_rotation_time;
    for _ in 0..4 {
        rds.finish_rotation(version(2), Err(Aftermath::Unknown), false, time(10));
    }
    assert_eq!((rds.auto_rotation, rds.next_rotation_time), (true, due));
}

#[test]
fn a_rotation_left_unfinished_is_tried_again_soon_and_does_not_end_automatic_rotation() {
    let mut rds = secret(SecretType::RdsFg);
    let period = Some(RotationPeriod::parse("30d").unwrap());
    let on = SecretUpdate { auto_rotation: Some(true), rotation_period: period, ..SecretUpdate::default() };
    rds.update(on, time(2)).unwrap();
    rds.finish_rotation(version(2), Err(Aftermath::Unfinished), false, time(10));
    assert_eq!(rds.next_rotation_time, Some(time(10).plus_millis(60_000)));
    assert_eq!(rds.rotation_due_time(), rds.next_rotation_time, "what is tried again is not spread");
    for _ in 0..5 {
        rds.finish_rotation(version(2), Err(Aftermath::Unfinished), true, time(20));
    }
    assert_eq!((rds.auto_rotation, rds.next_rotation_time), (true, Some(time(20).plus_millis(3_600_000))));
    rds.finish_rotation(version(2), Err(Aftermath::Untouched), true, time(30));
    assert_eq!((rds.auto_rotation, rds.next_rotation_time), (false, None));
}

#[test]
fn only_a_secret_that_can_rotate_is_due_and_a_little_after_its_time() {
    let mut rds = secret(SecretType::RdsFg);
    assert_eq!(rds.rotation_due_time(), None);
    let period = RotationPeriod::parse("30d").unwrap();
    let on = SecretUpdate { auto_rotation: Some(true), rotation_period: Some(period.clone()), ..Default::default() };
    rds.update(on, time(2)).unwrap();
    let jitter = rds.rotation_due_time().unwrap().millis_since(rds.next_rotation_time.unwrap());
    assert_eq!(jitter, jitter_millis(&rds.id, &period));
    rds.running_task = Some(TaskId::parse("22222222-2222-4222-8222-222222222222").unwrap());
    assert_eq!(rds.rotation_due_time(), None);
    rds.running_task = None;
    rds.state = SecretState::Disabled;
    assert_eq!(rds.rotation_due_time(), None);
}

#[test]
fn a_secret_that_is_being_rotated_is_not_scheduled_for_deletion() {
    let mut rds = secret(SecretType::RdsFg);
    rds.running_task = Some(TaskId::parse("22222222-2222-4222-8222-222222222222").unwrap());
    let window = RecoveryWindow::days(7).unwrap();
    assert_eq!(rds.schedule_deletion(window, time(2)), Err(Refusal::RotationRunning));
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<u8>),
    Move(u8, u8),
    Delete(u8),
}

const NAMES: [&str; 14] =
    ["SYSCURRENT", "SYSPREVIOUS", "SYSPENDING", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || 0..NAMES.len() as u8;
    let step = prop_oneof![
        proptest::collection::vec(name(), 0..4).prop_map(Step::Add),
        (name(), 1..40_u8).prop_map(|(name, version)| Step::Move(name, version)),
        name().prop_map(Step::Delete),
    ];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn the_stage_rules_hold_after_any_sequence(steps in steps()) {
        let mut secret = common();
        let mut seen = BTreeSet::from([version(1)]);
        for step in steps {
            let before = secret.clone();
            let outcome = match step {
                Step::Add(names) => {
                    let stages = names.iter().map(|name| stage(NAMES[usize::from(*name)])).collect();
                    secret.add_version(NewVersion { expire_time: None, stages }, time(2)).map(|added| {
                        assert!(seen.insert(added.id), "a number was used twice");
                    })
                }
                Step::Move(name, to) => {
                    secret.move_stage(&stage(NAMES[usize::from(name)]), version(to.into()), time(2)).map(|_| ())
                }
                Step::Delete(name) => secret.delete_stage(&stage(NAMES[usize::from(name)]), time(2)),
            };
            if outcome.is_err() {
                prop_assert_eq!(&secret, &before);
            }
            prop_assert!(secret.staged(&StageName::current()).is_ok());
            prop_assert!(secret.versions().len() <= MAX_VERSIONS);
            prop_assert!(secret.stages().len() <= MAX_STAGES);
            prop_assert!(secret.versions().windows(2).all(|pair| pair[0].id < pair[1].id));
            let names: BTreeSet<_> = secret.stages().iter().map(|stage| &stage.name).collect();
            prop_assert_eq!(names.len(), secret.stages().len());
            prop_assert!(secret.stages().iter().all(|stage| secret.version(stage.version).is_ok()));
        }
        let text = serde_json::to_string(&secret).unwrap();
        prop_assert_eq!(serde_json::from_str::<Secret>(&text).unwrap(), secret);
    }
}
