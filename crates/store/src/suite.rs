//! What every store must do, as functions over any store: the contract of [`Store`] in executable form.
//!
//! [`store_suite!`](crate::store_suite) turns the functions into tests of one store. Each gets a store of its own,
//! empty. They know nothing of how a store works; what is particular to one is tested beside it.
#![allow(missing_docs, reason = "the names of the functions are sentences")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::sync::Arc;

use csms_core::{
    EventName, FunctionUrn, KeyId, ProjectId, RotationConfig, RotationMode, RotationPeriod, Secret, SecretId,
    SecretName, SecretType, TaskId, UnixMillis, VersionId,
    rotation::message::service,
    secret::{NewSecret, NewVersion},
    task::{Task, TaskStatus},
};
use getrandom::SysRng;

use crate::{Draft, Store};

pub mod access;
pub mod audit;
pub mod changes;
pub mod entries;
pub mod events;
pub mod identities;
pub mod keyring;
pub mod races;
pub mod replicas;
pub mod searches;
pub mod secrets;
pub mod tasks;

/// Makes a module of tests out of the suite. `$open` is an async function that answers a new, empty store and
/// something to keep alive beside it.
#[macro_export]
macro_rules! store_suite {
    ($module:ident, $open:path) => {
        mod $module {
            $crate::store_suite! { @tests $open;
                secrets: a_created_secret_is_found_with_its_value, a_secret_is_found_by_its_identifier,
                    a_restored_secret_has_the_values_of_its_versions, what_does_not_exist_is_not_found,
                    projects_are_apart, a_taken_name_is_refused, the_quota_counts_the_secrets_of_a_project,
                    a_refused_selection_comes_back, pages_follow_each_other_by_name, an_event_narrows_the_list,
                    due_rotations_come_in_order, only_secrets_that_can_rotate_are_due,
                    due_deletions_end_with_the_window,
                    the_last_use_of_a_secret_is_noted_beside_it, the_next_due_time_is_the_earliest_of_both_kinds;
                changes: a_change_is_stored_with_its_value, a_refused_change_changes_nothing,
                    a_panic_in_a_change_harms_nobody, values_are_loaded_when_asked_for,
                    the_value_of_a_removed_version_is_gone, a_version_without_a_value_is_refused,
                    a_value_is_written_once, a_secret_keeps_its_identity, a_deleted_secret_leaves_its_name_free,
                    a_missing_secret_cannot_be_changed, a_dropped_write_happens_whole_or_not_at_all;
                tasks: a_task_begins_and_ends_with_its_secret, tasks_are_listed_newest_first,
                    tasks_are_filtered_and_counted, an_unknown_marker_is_not_found, tasks_of_other_projects_are_unseen,
                    running_tasks_are_found_for_a_restart, a_task_is_held_by_one_until_its_lease_expires,
                    a_lease_ends_with_its_task, a_released_task_is_free_at_once, a_holder_who_was_replaced_is_seen,
                    the_leases_of_a_server_that_is_back_end_at_once,
                    the_task_of_a_deleted_secret_can_be_finished, steps_are_kept_with_their_task,
                    the_backlog_counts_what_is_due_and_what_runs, old_tasks_of_an_outcome_are_purged;
                identities: a_key_is_found_by_identifier_and_alias, keys_of_other_projects_are_unseen,
                    a_user_is_found_by_name,
                    tokens_get_another_generation_when_the_password_changes_or_the_user_is_disabled,
                    a_name_is_taken_once_in_a_domain, an_access_key_comes_with_its_user,
                    an_access_key_needs_a_user, the_first_named_value_wins, a_named_value_is_replaced,
                    a_user_made_once_takes_no_name;
                entries: an_entry_is_found_by_kind_and_name, entries_are_listed_by_name,
                    a_refused_entry_change_changes_nothing, an_entry_is_removed, concurrent_entry_changes_all_count,
                    an_entry_of_an_index_that_was_not_written_here_is_absent_and_replaced;
                access: users_and_policies_change_together_or_not_at_all,
                    agencies_are_found_by_identifier_and_their_rows_are_bound,
                    the_last_use_of_a_key_is_kept_and_changes_nothing_else,
                    a_password_is_replaced_if_it_is_still_the_old_one, a_policy_is_replaced_by_name,
                    the_keys_of_a_removed_user_go_with_it, the_keys_of_a_project_change_as_a_list,
                    keys_whose_rotation_is_due_are_found_and_their_material_only_grows,
                    an_alias_and_the_material_of_a_key_are_kept,
                    of_new_keys_with_one_identifier_one_is_kept_as_it_was_made,
                    a_decision_sees_everything_and_happens_whole_or_not_at_all, decisions_at_the_same_time_all_count;
                audit: a_record_is_stored_with_its_change, a_change_that_does_not_happen_leaves_no_record,
                    many_writers_make_one_chain, records_are_found_by_what_they_say,
                    found_records_follow_each_other_by_time_and_number,
                    the_trail_goes_on_behind_a_checkpoint, a_checkpoint_replaces_the_one_it_names_and_no_other,
                    nothing_behind_the_checkpoint_is_pruned, the_sink_only_moves_forward;
                events: no_more_events_are_made_at_once_than_a_project_may_have,
                    only_an_existing_event_can_be_bound, a_bound_event_is_not_removed,
                    what_happens_is_told_if_the_change_happens, a_deletion_is_told_although_the_secret_is_gone,
                    a_notification_is_claimed_by_one_until_the_claim_ends,
                    a_notification_that_is_postponed_was_not_attempted,
                    attempted_notifications_are_listed_newest_first_and_purged, expiries_are_due_until_they_are_told;
                replicas: a_replica_comes_with_the_values_of_all_versions, a_replica_follows_every_change,
                    a_removed_replica_leaves_its_name_and_its_place_free,
                    a_taken_name_or_a_full_project_refuses_a_replica,
                    a_version_without_a_value_for_the_replica_is_refused,
                    a_replica_is_changed_through_its_primary_alone;
                keyring: every_row_is_bound_and_sealed_under_the_new_root_key,
                    a_change_of_the_root_key_that_another_has_overtaken_changes_nothing,
                    nothing_is_written_under_a_former_root_key, of_two_keyrings_the_first_is_stored,
                    a_row_that_a_former_root_key_binds_is_not_made_valid,
                    nothing_is_written_under_a_root_key_that_the_database_does_not_have_in_use,
                    the_root_key_does_not_change_beside_a_server_that_was_started_with_another_key,
                    a_server_runs_until_it_ends_or_is_silent, a_server_that_is_silent_behind_a_new_keyring_is_not_waited_for,
                    the_root_key_in_use_is_checked_without_a_write;
                searches: searches_find_what_a_loop_over_all_secrets_finds,
                    a_page_and_its_count_are_of_one_instant, the_tags_of_a_project_come_once_and_in_order,
                    a_replica_is_found_by_the_tags_of_its_primary;
                races: concurrent_changes_all_count, each_task_is_claimed_by_one, one_of_many_creators_wins,
                    racing_creators_keep_to_the_quota, one_of_many_first_users_is_made,
                    a_reader_never_sees_a_version_without_its_value;
            }
        }
    };
    (@tests $open:path; $($part:ident: $($test:ident),+;)+) => {
        $(mod $part {
            $(#[test]
            fn $test() {
                let runtime = ::tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
                runtime.block_on(async {
                    let (store, _kept) = $open().await;
                    $crate::Store::use_row_key(&store, $crate::suite::row_key());
                    $crate::suite::$part::$test(::std::sync::Arc::new(store)).await;
                });
            })+
        })+
    };
}

/// The key that binds rows in tests.
#[must_use]
pub fn row_key() -> Arc<crate::RowKey> {
    crate::RowKey::new(1, zeroize::Zeroizing::new([7; 32]))
}

/// The project that most tests use.
#[must_use]
pub fn project() -> ProjectId {
    ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap()
}

fn other_project() -> ProjectId {
    ProjectId::parse("f".repeat(32)).unwrap()
}

/// A secret's name.
#[must_use]
pub fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

/// A time in milliseconds.
#[must_use]
pub const fn at(millis: u64) -> UnixMillis {
    UnixMillis::new(millis)
}

fn version(number: u32) -> VersionId {
    VersionId::from_number(number).unwrap()
}

/// Stands for the sealed value of a version; stores do not look into values.
#[must_use]
pub fn sealed(name: &SecretName, version: VersionId) -> Vec<u8> {
    format!("sealed {name} {version}").into_bytes()
}

fn new_secret(text: &str) -> NewSecret {
    NewSecret {
        name: name(text),
        description: String::new(),
        secret_type: SecretType::Common,
        auto_rotation: false,
        rotation_period: None,
        rotation_config: None,
        rotation_func_urn: None,
        event_subscriptions: Vec::new(),
        enterprise_project_id: "0".to_owned(),
    }
}

fn create(project: &ProjectId, new: NewSecret, now: UnixMillis) -> Secret {
    let (id, key) = (SecretId::make(&mut SysRng).unwrap(), KeyId::make(&mut SysRng).unwrap());
    Secret::create(id, project.clone(), new, key, now)
}

/// A COMMON secret with one version.
#[must_use]
pub fn common(text: &str) -> Secret {
    create(&project(), new_secret(text), at(1_000))
}

fn bound(text: &str, event: &str) -> Secret {
    let event_subscriptions = vec![EventName::parse(event).unwrap()];
    create(&project(), NewSecret { event_subscriptions, ..new_secret(text) }, at(1_000))
}

fn function() -> FunctionUrn {
    FunctionUrn::parse(&format!("urn:fss:local-1:{}:function:default:rotate:latest", project())).unwrap()
}

/// A secret that rotates by itself, first due `hours` after `now`.
fn rotated(text: &str, hours: u32, now: UnixMillis) -> Secret {
    let new = NewSecret {
        secret_type: SecretType::RdsFg,
        auto_rotation: true,
        rotation_period: Some(RotationPeriod::parse(&format!("{hours}h")).unwrap()),
        rotation_config: Some(
            RotationConfig::parse(r#"{"InstanceId":"instance-1","SecretSubType":"SingleUser"}"#).unwrap(),
        ),
        rotation_func_urn: Some(function()),
        ..new_secret(text)
    };
    create(&project(), new, now)
}

/// Stores a secret with the value of its first version.
///
/// # Panics
/// If the store refuses.
pub async fn put<S: Store>(store: &S, secret: &Secret) {
    store.use_row_key(row_key());
    store.create_secret(secret.clone(), sealed(&secret.name, VersionId::FIRST), u64::MAX, Vec::new()).await.unwrap();
}

/// Adds a version and its value.
///
/// # Panics
/// If the secret refuses.
pub fn add_version(draft: &mut Draft) -> VersionId {
    let added = draft.secret.add_version(NewVersion::default(), at(2_000)).unwrap();
    draft.put_value(added.id, sealed(&draft.secret.name, added.id));
    added.id
}

/// Never refuses.
type Never = std::convert::Infallible;

async fn change<S: Store, T: Send + 'static>(
    store: &S,
    name: &SecretName,
    decide: impl FnOnce(&mut Draft) -> T + Send + 'static,
) -> T {
    store.change_secret(&project(), name, false, |draft| Ok::<T, Never>(decide(draft))).await.unwrap()
}

fn task(secret: &Secret, create_time: UnixMillis) -> Task {
    Task {
        id: TaskId::make(&mut SysRng).unwrap(),
        project: secret.project.clone(),
        secret_id: secret.id.clone(),
        secret_name: secret.name.clone(),
        function: function(),
        mode: RotationMode::SingleUser,
        version: version(2),
        pending_is_new: false,
        create_time,
        attempts: 0,
        scheduled: false,
        status: TaskStatus::Running,
        steps: Vec::new(),
    }
}

/// Begins a task on a stored secret, with a step and without a lease.
///
/// # Panics
/// If the store refuses.
pub async fn begin_task<S: Store>(store: &S, text: &str, now: UnixMillis) -> Task {
    let secret = store.secret(&project(), &name(text)).await.unwrap().unwrap();
    let mut begun = task(&secret, now);
    begun.note(now, "begin", service::begun_by_request(VersionId::FIRST));
    let stored = begun.clone();
    change(store, &secret.name, move |draft| {
        draft.secret.running_task = Some(stored.id.clone());
        draft.put_task(stored);
    })
    .await;
    begun
}

fn failed() -> TaskStatus {
    TaskStatus::Failed { code: "CSMS.0511".to_owned(), message: "the function failed".to_owned(), detail: None }
}

/// What each test is given.
type Shared<S> = Arc<S>;
