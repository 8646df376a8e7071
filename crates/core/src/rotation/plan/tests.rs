//! The planner's decisions, one by one, and properties over situations nobody would think of.

use alloc::string::ToString;
use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::rotation::account::Engine;

fn version(number: u32) -> VersionId {
    VersionId::from_number(number).unwrap()
}

fn login(username: &str) -> Login {
    Login {
        engine: Engine::PostgreSql,
        host: "db".to_string(),
        port: 5432,
        dbname: None,
        username: username.to_string(),
        rotation_host: None,
        rotation_port: None,
    }
}

fn labels(pending: u32, current: u32, previous: u32) -> Labels {
    let [pending, current, previous] = [pending, current, previous].map(VersionId::from_number);
    Labels { pending, current, previous }
}

/// One account, v3 pending, v2 current, v1 previous, all read.
fn single() -> Situation {
    let mut situation = Situation::new(RotationMode::SingleUser, Some(version(3)), labels(3, 2, 1));
    for role in [Role::Pending, Role::Current, Role::Previous] {
        situation.note_reading(role, Reading::Login(login("app")));
    }
    situation
}

/// Two accounts, v3 pending for `b`, v2 current for `a`, v1 previous for `b`, all read.
fn multi() -> Situation {
    let mut situation = Situation::new(RotationMode::MultiUser, Some(version(3)), labels(3, 2, 1));
    for (role, user) in [(Role::Pending, "b"), (Role::Current, "a"), (Role::Previous, "b")] {
        situation.note_reading(role, Reading::Login(login(user)));
    }
    situation
}

fn with(mut situation: Situation, probes: &[(Role, Probe)]) -> Situation {
    for (role, probe) in probes {
        situation.note_probe(*role, *probe);
    }
    situation
}

const DOWN: Probe = Probe::Unknown(Cause::Unreachable);
use Probe::{Accepted, Refused as Rejected};
use Role::{Current, Pending, Previous};

const BY_ITSELF: Setter = Setter::Account(Current);

#[test]
fn values_are_read_before_anything_else() {
    let situation = Situation::new(RotationMode::MultiUser, None, labels(0, 2, 1));
    assert_eq!(plan(&situation), Action::Read(Previous));
}

#[test]
fn without_a_pending_version_one_is_made_from_the_account_to_change() {
    let mut one = Situation::new(RotationMode::SingleUser, None, labels(0, 2, 1));
    one.note_reading(Current, Reading::Login(login("app")));
    assert_eq!(plan(&one), Action::MakePending { base: Current });
    let mut two = Situation::new(RotationMode::MultiUser, None, labels(0, 2, 1));
    two.note_reading(Current, Reading::Login(login("a")));
    two.note_reading(Previous, Reading::Login(login("b")));
    assert_eq!(plan(&two), Action::MakePending { base: Previous });
}

#[test]
fn a_label_left_behind_on_a_version_in_use_is_no_pending_version() {
    for left_on in [1, 2] {
        let mut situation = Situation::new(RotationMode::SingleUser, None, labels(left_on, 2, 1));
        situation.note_reading(Current, Reading::Login(login("app")));
        assert_eq!(plan(&situation), Action::MakePending { base: Current });
    }
}

#[test]
fn a_login_whose_password_the_server_has_checked_needs_no_refused_one() {
    for (situation, base) in [(single(), Current), (multi(), Previous)] {
        assert_eq!(plan(&situation), Action::Probe(base));
        let mut checked = with(situation.clone(), &[(base, Accepted)]);
        assert_eq!(plan(&checked), Action::Probe(Pending), "the server may let anybody in");
        checked.note_passwords_checked();
        assert_eq!(plan(&checked), Action::SetPassword { by: Setter::Account(base) });
        let refused = with(situation, &[(base, Rejected)]);
        assert_eq!(plan(&refused), Action::Probe(Pending), "it may be set already");
    }
}

#[test]
fn an_accepted_pending_password_is_believed_only_if_passwords_are_checked() {
    let mut situation = with(single(), &[(Pending, Accepted)]);
    assert_eq!(plan(&situation), Action::ProbeDecoy);
    let mut open = situation.clone();
    open.note_decoy(Accepted);
    assert_eq!(plan(&open), Action::NeedsOperator(OperatorReason::PasswordsNotChecked));
    situation.note_decoy(Rejected);
    assert_eq!(plan(&situation), Action::MoveStages { to: version(3), from: version(2) });
}

#[test]
fn a_rejected_pending_password_is_set_by_whoever_logs_in() {
    let rejected = with(single(), &[(Pending, Rejected)]);
    assert_eq!(plan(&rejected), Action::Probe(Current));
    assert_eq!(
        plan(&with(rejected.clone(), &[(Current, Accepted)])),
        Action::SetPassword { by: Setter::Account(Current) }
    );
    let older = with(rejected, &[(Current, Rejected)]);
    assert_eq!(plan(&older), Action::Probe(Previous));
    assert_eq!(
        plan(&with(older.clone(), &[(Previous, Accepted)])),
        Action::SetPassword { by: Setter::Account(Previous) }
    );
    let nobody = with(older, &[(Previous, Rejected)]);
    assert_eq!(plan(&nobody), Action::NeedsOperator(OperatorReason::NobodyLogsIn));
}

#[test]
fn a_password_that_logs_in_as_sysprevious_is_right_in_syscurrent_as_well() {
    let mut shared = with(single(), &[(Pending, Rejected), (Current, Rejected)]);
    shared.note_shared_password();
    assert_eq!(plan(&shared), Action::Probe(Previous));
    let refused = Action::NeedsOperator(OperatorReason::SharedPasswordRefused);
    assert_eq!(plan(&with(shared.clone(), &[(Previous, Accepted)])), refused);
    let nobody = with(shared, &[(Previous, Rejected)]);
    assert_eq!(plan(&nobody), Action::NeedsOperator(OperatorReason::NobodyLogsIn));
}

#[test]
fn a_password_that_the_administrator_finds_right_is_not_replaced_by_sysprevious() {
    let mut barred = with_admin(single(), login("root"));
    let Inspection::Account { passwords, .. } = CURRENT_RIGHT else { panic!("an account") };
    barred.note_inspection(Inspection::Account { barrier: Some(Cause::CertificateWanted), passwords });
    let refused = OperatorReason::RightPasswordRefused(Current, Some(Cause::CertificateWanted));
    let probed = with(barred, &[(Current, Rejected)]);
    assert_eq!(plan(&probed), Action::NeedsOperator(refused), "it is not even tried");
}

#[test]
fn a_pending_version_that_its_base_has_outgrown_is_renewed_before_its_password_is_tried() {
    for (mut situation, base) in [(single(), Current), (multi(), Previous)] {
        situation.note_outdated_pending();
        assert_eq!(plan(&situation), Action::RenewPending { base });
        let login = situation.login(Pending).unwrap().clone();
        situation.note_renewed(version(4), login);
        assert_eq!(plan(&situation), Action::Probe(base));
        let refused = with(situation, &[(base, Rejected)]);
        assert_eq!(plan(&refused), Action::Probe(Pending), "its password may be set already");
    }
}

#[test]
fn a_pending_password_that_nobody_can_have_set_is_not_tried_only_to_be_refused() {
    let refused = with(single().with_new_pending(), &[(Current, Rejected)]);
    assert_eq!(plan(&refused), Action::Probe(Previous));
    let accepted = with(on_mysql(single()).with_new_pending(), &[(Current, Accepted)]);
    for change in [Change::RefusedCandidate, Change::NotDone(Cause::Forbidden)] {
        let mut changed = accepted.clone();
        changed.note_change(BY_ITSELF, change);
        assert!(!matches!(plan(&changed), Action::Probe(_)), "{change:?}");
    }
    let mut moved_back = accepted;
    moved_back.note_change(BY_ITSELF, Change::NotDone(Cause::NotFirst));
    assert_eq!(plan(&moved_back), Action::Probe(Pending), "another attempt has set it");
}

#[test]
fn a_previous_version_of_another_account_does_not_log_in_for_this_one() {
    let mut situation = with(single(), &[(Pending, Rejected), (Current, Rejected)]);
    situation.note_reading(Previous, Reading::Login(login("somebody else")));
    assert_eq!(plan(&situation), Action::NeedsOperator(OperatorReason::NobodyLogsIn));
    situation.note_reading(Previous, Reading::Invalid);
    assert_eq!(plan(&situation), Action::NeedsOperator(OperatorReason::NobodyLogsIn));
}

#[test]
fn of_two_accounts_only_the_idle_one_logs_in_and_is_changed() {
    let rejected = with(multi(), &[(Pending, Rejected)]);
    assert_eq!(plan(&rejected), Action::Probe(Previous));
    assert_eq!(
        plan(&with(rejected.clone(), &[(Previous, Accepted)])),
        Action::SetPassword { by: Setter::Account(Previous) }
    );
    let nobody = with(rejected, &[(Previous, Rejected)]);
    assert_eq!(plan(&nobody), Action::NeedsOperator(OperatorReason::NobodyLogsIn));
}

#[test]
fn an_unreachable_database_is_no_wrong_password() {
    for probes in [
        vec![(Pending, DOWN)],
        vec![(Pending, Rejected), (Current, DOWN)],
        vec![(Pending, Rejected), (Current, Rejected), (Previous, DOWN)],
    ] {
        assert!(matches!(plan(&with(single(), &probes)), Action::Retry(_)), "{probes:?}");
    }
}

#[test]
fn after_a_change_the_new_password_is_proven_by_a_login() {
    for change in [Change::Done, Change::Unknown(Cause::TimedOut)] {
        let mut situation = with(single(), &[(Pending, Rejected), (Current, Accepted)]);
        situation.note_change(BY_ITSELF, change);
        assert_eq!(plan(&situation), Action::Probe(Pending));
        let proven = with(situation.clone(), &[(Pending, Accepted)]);
        assert!(matches!(plan(&proven), Action::MoveStages { .. }));
        assert!(matches!(plan(&with(situation, &[(Pending, Rejected)])), Action::Retry(_)));
    }
}

#[test]
fn a_change_that_failed_is_not_waited_for() {
    let mut situation = with(single(), &[(Pending, Rejected), (Current, Accepted)]);
    situation.note_change(BY_ITSELF, Change::NotDone(Cause::Unreachable));
    assert_eq!(plan(&situation), Action::Retry(RetryReason::NotChanged(Cause::Unreachable)));
    assert!(!situation.is_between());
    situation.note_change(BY_ITSELF, Change::NotDone(Cause::Forbidden));
    assert_eq!(plan(&situation), Action::NeedsOperator(OperatorReason::ChangeForbidden));
}

#[test]
fn a_password_that_may_be_set_is_between_until_the_labels_have_moved() {
    let mut situation = with(single(), &[(Pending, Rejected), (Current, Accepted)]);
    assert!(!situation.is_between());
    situation.note_change(BY_ITSELF, Change::Unknown(Cause::TimedOut));
    assert!(situation.is_between());
    situation.note_probe(Pending, Accepted);
    assert!(situation.is_between());
    situation.note_moved();
    assert!(!situation.is_between());
    assert!(with(single(), &[(Pending, Accepted)]).is_between(), "an earlier attempt has set it");
}

fn with_admin(situation: Situation, admin: Login) -> Situation {
    let mut situation = situation.with_powers(Powers { admin: true, service: false });
    situation.note_admin(Reading::Login(admin));
    situation
}

#[test]
fn the_administrator_is_asked_only_when_the_account_cannot_help_itself() {
    let powers = Powers { admin: true, service: false };
    let rejected = with(single().with_powers(powers), &[(Pending, Rejected)]);
    assert_eq!(plan(&rejected), Action::ReadAdmin);
    let mut looked = with_admin(rejected, login("root"));
    assert_eq!(plan(&looked), Action::Inspect);
    looked.note_inspection(Inspection::Account { barrier: None, passwords: None });
    assert_eq!(plan(&with(looked.clone(), &[(Current, Accepted)])), Action::SetPassword { by: BY_ITSELF });
    assert!(matches!(plan(&with(looked.clone(), &[(Current, DOWN)])), Action::Retry(_)));
    let mut nobody = looked.clone();
    nobody.note_inspection(ALL_WRONG);
    assert_eq!(plan(&nobody), Action::SetPassword { by: Setter::Admin }, "no stored password is tried");
    let mut forbidden = with(looked, &[(Current, Accepted)]);
    forbidden.note_change(BY_ITSELF, Change::NotDone(Cause::Forbidden));
    assert_eq!(plan(&forbidden), Action::SetPassword { by: Setter::Admin });
    forbidden.note_change(Setter::Admin, Change::NotDone(Cause::Forbidden));
    assert_eq!(plan(&forbidden), Action::NeedsOperator(OperatorReason::ChangeForbidden));
}

const ALL_WRONG: Inspection = Inspection::Account {
    barrier: None,
    passwords: Some(Passwords {
        pending: Match::Neither,
        current: Match::Neither,
        previous: Match::Neither,
        has_second: false,
    }),
};

const CURRENT_RIGHT: Inspection = Inspection::Account {
    barrier: None,
    passwords: Some(Passwords {
        pending: Match::Neither,
        current: Match::First,
        previous: Match::Neither,
        has_second: false,
    }),
};

const PENDING_SET: Inspection = Inspection::Account {
    barrier: None,
    passwords: Some(Passwords {
        pending: Match::First,
        current: Match::Neither,
        previous: Match::Neither,
        has_second: false,
    }),
};

/// Nobody logs in, and this is what the administrator has read.
fn inspected(inspection: Inspection) -> Action {
    let nobody = with(single(), &[(Pending, Rejected), (Current, Rejected), (Previous, Rejected)]);
    let mut situation = with_admin(nobody, login("root"));
    situation.note_inspection(inspection);
    plan(&situation)
}

#[test]
fn a_refused_login_alone_is_no_reason_for_an_administrator_to_write() {
    let operator = Action::NeedsOperator;
    let Inspection::Account { passwords: Some(wrong), .. } = ALL_WRONG else { panic!("an account") };
    let account = |barrier, passwords| Inspection::Account { barrier, passwords };
    let barred = account(Some(Cause::HostNotAdmitted), Some(wrong));
    assert_eq!(inspected(barred), operator(OperatorReason::AccountBarred(Cause::HostNotAdmitted)));
    let right = Passwords { current: Match::First, ..wrong };
    assert_eq!(
        inspected(account(Some(Cause::CertificateWanted), Some(right))),
        operator(OperatorReason::RightPasswordRefused(Current, Some(Cause::CertificateWanted)))
    );
    assert_eq!(inspected(account(None, None)), operator(OperatorReason::HashesUnreadable));
    let second = Passwords { has_second: true, ..wrong };
    assert_eq!(inspected(account(None, Some(second))), operator(OperatorReason::SecondPasswordUnknown));
    assert_eq!(inspected(Inspection::SeveralAccounts), operator(OperatorReason::SeveralAccounts));
    assert_eq!(inspected(Inspection::NoAccount), operator(OperatorReason::NoAccount));
    assert!(matches!(inspected(Inspection::Failed(Cause::Unreachable)), Action::Retry(_)));
}

/// Another try with the same password may lock the administrator.
#[test]
fn an_administrator_that_is_refused_is_named_and_not_tried_again() {
    let operator = Action::NeedsOperator;
    let refused = inspected(Inspection::Failed(Cause::NoLogin));
    assert_eq!(refused, operator(OperatorReason::AdminRefused));
    let mut situation = with_admin(with(single(), &[(Pending, Rejected), (Current, Accepted)]), login("root"));
    situation.note_change(Setter::Account(Current), Change::NotDone(Cause::Forbidden));
    assert_eq!(plan(&situation), Action::SetPassword { by: Setter::Admin });
    situation.note_change(Setter::Admin, Change::NotDone(Cause::NoLogin));
    assert_eq!(plan(&situation), operator(OperatorReason::AdminRefused));
}

#[test]
fn a_login_that_would_lock_the_account_is_not_made_for_a_proof() {
    let refused = Action::NeedsOperator(OperatorReason::ProofWouldLock);
    let mut accepted = with(single(), &[(Current, Accepted)]);
    accepted.note_refusal_locks(false);
    assert_eq!(plan(&accepted), refused);
    let mut resumed = with(single(), &[(Pending, Accepted)]);
    resumed.note_refusal_locks(false);
    assert_eq!(plan(&resumed), refused);
    let mut helped = with_admin(single(), login("root"));
    helped.note_inspection(ALL_WRONG);
    helped.note_refusal_locks(false);
    assert_eq!(plan(&helped), refused);
    // The server has checked the administrator's login.
    let mut told = with_admin(single(), login("root"));
    told.note_inspection(ALL_WRONG);
    told.note_refusal_locks(true);
    assert_eq!(plan(&told), Action::SetPassword { by: Setter::Admin });
}

#[test]
fn a_password_is_not_changed_where_going_on_after_an_interruption_would_lock_the_account() {
    let checked = |situation: Situation, base| {
        let mut situation = with(situation, &[(base, Accepted)]);
        situation.note_passwords_checked();
        situation.note_refusal_locks(true);
        situation
    };
    let alone = checked(single(), Current);
    assert_eq!(plan(&alone), Action::NeedsOperator(OperatorReason::ResumingWouldLock));
    let mut blind = with_admin(alone.clone(), login("root"));
    blind.note_inspection(Inspection::Account { barrier: None, passwords: None });
    assert_eq!(plan(&blind), Action::NeedsOperator(OperatorReason::ResumingWouldLock));
    let mut helped = with_admin(alone, login("root"));
    helped.note_inspection(CURRENT_RIGHT);
    assert_eq!(plan(&helped), Action::SetPassword { by: BY_ITSELF });
    // Nobody uses the account that an interruption may lock.
    let idle = checked(multi(), Previous);
    assert_eq!(plan(&idle), Action::SetPassword { by: Setter::Account(Previous) });
}

#[test]
fn where_a_refused_login_locks_the_account_the_administrator_says_whether_a_lost_change_was_made() {
    for engine in [Engine::PostgreSql, Engine::MySql] {
        let mut lost = with_admin(single(), login("root"));
        if engine == Engine::MySql {
            lost = on_mysql(single()).with_powers(Powers { admin: true, service: false });
            lost.note_admin(Reading::Login(Login { engine, ..login("root") }));
        }
        lost.note_refusal_locks(engine == Engine::PostgreSql);
        lost.note_change(BY_ITSELF, Change::Unknown(Cause::Unreachable));
        assert_eq!(plan(&lost), Action::Inspect);
        let seen = |inspection| {
            let mut situation = lost.clone();
            situation.note_inspection(inspection);
            plan(&situation)
        };
        let unknown = Action::Retry(RetryReason::ChangeUnknown(Cause::Unreachable));
        assert_eq!(seen(CURRENT_RIGHT), unknown, "it may be made yet");
        assert_eq!(seen(Inspection::Account { barrier: None, passwords: None }), unknown);
        assert_eq!(seen(Inspection::Failed(Cause::NoLogin)), unknown);
        let unreached = Action::Retry(RetryReason::NotInspected(Cause::TimedOut));
        assert_eq!(seen(Inspection::Failed(Cause::TimedOut)), unreached);
        assert_eq!(seen(PENDING_SET), Action::Probe(Pending));
    }
    // Nobody is locked elsewhere, so a login tells.
    let mut told = single();
    told.note_change(BY_ITSELF, Change::Unknown(Cause::Unreachable));
    assert_eq!(plan(&told), Action::Probe(Pending));
}

#[test]
fn an_administrator_that_cannot_be_reached_is_waited_for() {
    let mut resumed = with_admin(single(), login("root"));
    resumed.note_inspection(Inspection::Failed(Cause::Unreachable));
    assert_eq!(plan(&resumed), Action::Retry(RetryReason::NotInspected(Cause::Unreachable)));
    // A refusal is no passing one, and the account may do without.
    let mut refused = with_admin(single(), login("root"));
    refused.note_inspection(Inspection::Failed(Cause::NoLogin));
    assert_eq!(plan(&refused), Action::Probe(Current));
}

/// SYSCURRENT logs in, and an administrator has seen that the pending password is not set yet.
fn unset() -> Situation {
    let mut situation = with_admin(single(), login("root"));
    situation.note_inspection(CURRENT_RIGHT);
    assert_eq!(plan(&situation), Action::Probe(Current));
    with(situation, &[(Current, Accepted)])
}

#[test]
fn whether_passwords_are_checked_is_found_out_before_one_is_changed() {
    assert_eq!(plan(&unset()), Action::ProbeDecoy);
    let after = |decoy| {
        let mut situation = unset();
        situation.note_decoy(decoy);
        plan(&situation)
    };
    assert_eq!(after(Rejected), Action::SetPassword { by: BY_ITSELF });
    assert_eq!(after(Accepted), Action::NeedsOperator(OperatorReason::PasswordsNotChecked));
    for cause in [Cause::Pooler, Cause::Unreachable] {
        assert_eq!(after(Probe::Unknown(cause)), Action::Retry(RetryReason::DecoyUnknown(cause)));
    }
    let locked = Action::NeedsOperator(OperatorReason::LoginBarred(Pending, Cause::Locked));
    assert_eq!(after(Probe::Unknown(Cause::Locked)), locked);

    let mut nobody = with_admin(single(), login("root"));
    nobody.note_inspection(ALL_WRONG);
    assert_eq!(plan(&nobody), Action::ProbeDecoy, "also before the administrator changes it");
}

#[test]
fn a_password_that_the_administrator_finds_set_needs_no_other_proof() {
    let mut resumed = with_admin(single(), login("root"));
    resumed.note_inspection(PENDING_SET);
    resumed.note_refusal_locks(false);
    assert_eq!(plan(&resumed), Action::Probe(Pending));
    let moves = Action::MoveStages { to: version(3), from: version(2) };
    assert_eq!(plan(&with(resumed, &[(Pending, Accepted)])), moves);
}

#[test]
fn an_administrator_that_is_down_is_waited_for_only_where_a_refused_login_may_lock_the_account() {
    let waits = Action::Retry(RetryReason::NotInspected(Cause::Busy));
    let down = |situation: Situation| {
        let mut situation = with_admin(situation, login("root"));
        situation.note_inspection(Inspection::Failed(Cause::Busy));
        situation
    };
    assert_eq!(plan(&down(single())), waits, "an earlier attempt may have set the pending password");
    let new = down(single().with_new_pending());
    assert_eq!(plan(&new), Action::Probe(Current));
    let mut accepted = with(new, &[(Current, Accepted)]);
    accepted.note_passwords_checked();
    assert_eq!(plan(&accepted), Action::SetPassword { by: BY_ITSELF });
    accepted.note_refusal_locks(true);
    assert_eq!(plan(&accepted), waits);
    let mut made = down(single());
    made.note_pending(version(4), login("app"));
    assert_eq!(plan(&made), Action::Probe(Current), "nobody can have set what was made just now");
}

#[test]
fn syscurrent_that_was_moved_back_rotates_where_a_refused_login_locks_the_account() {
    let mut moved_back = on_mysql(single()).with_powers(Powers { admin: true, service: false });
    moved_back.note_admin(Reading::Login(Login { engine: Engine::MySql, ..login("root") }));
    let passwords =
        |previous| Passwords { pending: Match::Neither, current: Match::Second, previous, has_second: true };
    let seen = |previous| Inspection::Account { barrier: None, passwords: Some(passwords(previous)) };
    moved_back.note_inspection(seen(Match::First));
    let mut accepted = with(moved_back, &[(Current, Accepted)]);
    accepted.note_refusal_locks(false);
    assert_eq!(plan(&accepted), Action::SetPassword { by: BY_ITSELF });
    accepted.note_change(BY_ITSELF, Change::NotDone(Cause::NotFirst));
    assert_eq!(plan(&accepted), Action::Inspect);
    let mut first = accepted.clone();
    first.note_inspection(seen(Match::First));
    assert_eq!(plan(&first), Action::Probe(Previous));
    assert_eq!(plan(&with(first, &[(Previous, Accepted)])), Action::SetPassword { by: Setter::Restored });
    accepted.note_inspection(seen(Match::Unknown));
    assert_eq!(plan(&accepted), Action::NeedsOperator(OperatorReason::FirstPasswordUnknown), "it is not tried");
}

#[test]
fn an_administrator_that_is_none_ends_only_what_needs_one() {
    use OperatorReason::{AdminElsewhere, AdminIsTheAccount, AdminNotAnAccount};
    let elsewhere = Reading::Login(Login { port: 5433, ..login("root") });
    for (admin, reason) in [
        (elsewhere, AdminElsewhere),
        (Reading::Login(login("app")), AdminIsTheAccount),
        (Reading::Invalid, AdminNotAnAccount),
    ] {
        let mut situation = single().with_powers(Powers { admin: true, service: false });
        situation.note_admin(admin.clone());
        assert_eq!(plan(&situation), Action::Probe(Current));
        let resumed = with(situation.clone(), &[(Current, Rejected), (Pending, Accepted)]);
        assert!(matches!(plan(&resumed), Action::MoveStages { .. }));
        let nobody = with(situation, &[(Current, Rejected), (Pending, Rejected), (Previous, Rejected)]);
        assert_eq!(plan(&nobody), Action::NeedsOperator(reason));
        // There may be several accounts of the name, which nobody else sees.
        let mut mysql = on_mysql(single()).with_powers(Powers { admin: true, service: false });
        mysql.note_admin(admin);
        assert!(matches!(plan(&mysql), Action::NeedsOperator(_)));
    }
}

#[test]
fn a_password_made_after_the_administrator_has_looked_is_not_tried() {
    let mut situation = unset();
    situation.note_passwords_checked();
    situation.note_change(BY_ITSELF, Change::RefusedCandidate);
    assert_eq!(plan(&situation), Action::MakePending { base: Current });
    situation.note_pending(version(4), login("app"));
    assert_eq!(plan(&situation), Action::SetPassword { by: BY_ITSELF });
}

#[test]
fn a_limit_of_connections_that_the_administrator_sees_to_be_none_is_for_good() {
    let busy = with(single(), &[(Current, Probe::Unknown(Cause::Busy))]);
    assert_eq!(plan(&busy), Action::Retry(RetryReason::LoginUnknown(Current, Cause::Busy)));
    let mut seen = with_admin(busy, login("root"));
    seen.note_inspection(Inspection::Account { barrier: Some(Cause::Barred), passwords: None });
    assert_eq!(plan(&seen), Action::NeedsOperator(OperatorReason::LoginBarred(Current, Cause::Barred)));
    // An expired password is the administrator's to renew, once there is a connection left.
    seen.note_inspection(Inspection::Account { barrier: Some(Cause::Expired), passwords: None });
    assert_eq!(plan(&seen), Action::Retry(RetryReason::LoginUnknown(Current, Cause::Busy)));
}

#[test]
fn an_expired_password_is_right_and_the_administrator_renews_it() {
    let expired = with(single(), &[(Pending, Rejected), (Current, Probe::Expired)]);
    assert_eq!(plan(&expired), Action::NeedsOperator(OperatorReason::PasswordExpired(Current)));
    let mut helped = with_admin(expired, login("root"));
    assert_eq!(plan(&helped), Action::Inspect);
    helped.note_inspection(Inspection::Account { barrier: Some(Cause::Expired), passwords: None });
    assert_eq!(plan(&helped), Action::SetPassword { by: Setter::Admin });
}

#[test]
fn a_login_that_is_barred_for_good_is_not_tried_again() {
    for cause in [Cause::Locked, Cause::NoDatabase, Cause::TlsWanted] {
        let barred = with(single(), &[(Pending, Probe::Unknown(cause))]);
        assert_eq!(plan(&barred), Action::NeedsOperator(OperatorReason::LoginBarred(Pending, cause)));
    }
}

/// The same accounts on MySQL.
fn on_mysql(mut situation: Situation) -> Situation {
    for role in [Pending, Current, Previous] {
        if let Ok(login) = situation.login(role).cloned() {
            situation.note_reading(role, Reading::Login(Login { engine: Engine::MySql, ..login }));
        }
    }
    situation
}

#[test]
fn where_a_login_is_a_proof_none_is_refused_first() {
    assert_eq!(plan(&on_mysql(single())), Action::Probe(Current));
    let accepted = with(on_mysql(single()), &[(Current, Accepted)]);
    assert_eq!(plan(&accepted), Action::SetPassword { by: BY_ITSELF });
    let mut changed = accepted.clone();
    changed.note_change(BY_ITSELF, Change::Done);
    assert_eq!(plan(&changed), Action::Probe(Pending));
    assert!(matches!(plan(&with(changed, &[(Pending, Accepted)])), Action::MoveStages { .. }));
    assert_eq!(plan(&on_mysql(multi())), Action::Probe(Previous));
}

#[test]
fn a_second_password_is_restored_before_it_is_replaced() {
    let mut rolled_back = with(on_mysql(single()), &[(Current, Accepted)]);
    rolled_back.note_change(BY_ITSELF, Change::NotDone(Cause::NotFirst));
    assert_eq!(plan(&rolled_back), Action::Probe(Pending), "another attempt may have set it");
    assert!(matches!(plan(&with(rolled_back.clone(), &[(Pending, Accepted)])), Action::MoveStages { .. }));
    let rejected = with(rolled_back, &[(Pending, Rejected)]);
    assert_eq!(plan(&rejected), Action::Probe(Previous));
    let first = with(rejected.clone(), &[(Previous, Accepted)]);
    assert_eq!(plan(&first), Action::SetPassword { by: Setter::Restored });
    let by_hand = with(rejected, &[(Previous, Rejected)]);
    assert_eq!(plan(&by_hand), Action::NeedsOperator(OperatorReason::FirstPasswordUnknown));
}

#[test]
fn the_administrator_looks_for_accounts_of_the_same_name_first() {
    let mut situation = with_admin(on_mysql(single()), Login { engine: Engine::MySql, ..login("root") });
    assert_eq!(plan(&situation), Action::Inspect);
    situation.note_inspection(Inspection::SeveralAccounts);
    assert_eq!(plan(&situation), Action::NeedsOperator(OperatorReason::SeveralAccounts));
    situation.note_inspection(Inspection::Failed(Cause::NoLogin));
    assert_eq!(plan(&situation), Action::Probe(Current), "the account helps itself");
}

#[test]
fn two_accounts_in_different_databases_do_not_take_turns() {
    let mut apart = multi();
    apart.note_reading(Previous, Reading::Login(Login { dbname: Some("other".to_string()), ..login("b") }));
    assert_eq!(plan(&apart), Action::NeedsOperator(OperatorReason::DifferentDatabases));
}

#[test]
fn an_administrator_is_another_account_of_the_same_server() {
    let nobody = with(single(), &[(Pending, Rejected), (Current, Rejected), (Previous, Rejected)]);
    let elsewhere = Login { host: "other".to_string(), ..login("root") };
    for (admin, reason) in
        [(elsewhere, OperatorReason::AdminElsewhere), (login("app"), OperatorReason::AdminIsTheAccount)]
    {
        assert_eq!(plan(&with_admin(nobody.clone(), admin)), Action::NeedsOperator(reason));
    }
    let mut invalid = nobody.with_powers(Powers { admin: true, service: false });
    invalid.note_admin(Reading::Invalid);
    assert_eq!(plan(&invalid), Action::NeedsOperator(OperatorReason::AdminNotAnAccount));
}

#[test]
fn a_management_service_sets_a_password_where_a_login_shows_that_it_will_be_proven() {
    let service = Powers { admin: false, service: true };
    let accepted = with(single().with_powers(service), &[(Current, Accepted)]);
    assert_eq!(plan(&accepted), Action::Probe(Pending), "the server may let anybody in");
    let by_the_service = Action::SetPassword { by: Setter::Service };
    assert_eq!(plan(&with(accepted, &[(Pending, Rejected)])), by_the_service);
    let rejected = with(single().with_powers(service), &[(Current, Rejected), (Pending, Rejected)]);
    assert_eq!(plan(&with(rejected.clone(), &[(Previous, Accepted)])), by_the_service);
    let nobody = with(rejected, &[(Previous, Rejected)]);
    assert_eq!(plan(&nobody), Action::NeedsOperator(OperatorReason::NobodyLogsIn));
    let expired = with(single().with_powers(service), &[(Current, Probe::Expired), (Pending, Rejected)]);
    assert_eq!(plan(&expired), by_the_service, "the password is right");
}

#[test]
fn a_management_service_sets_a_password_that_the_administrator_finds_wrong() {
    let mut nobody = with_admin(single(), login("root")).with_powers(Powers { admin: true, service: true });
    nobody.note_passwords_checked();
    let Inspection::Account { passwords, .. } = ALL_WRONG else { panic!("an account") };
    let mut barred = nobody.clone();
    barred.note_inspection(Inspection::Account { barrier: Some(Cause::HostNotAdmitted), passwords });
    let reason = OperatorReason::AccountBarred(Cause::HostNotAdmitted);
    assert_eq!(plan(&barred), Action::NeedsOperator(reason));
    nobody.note_inspection(ALL_WRONG);
    assert_eq!(plan(&nobody), Action::ProbeDecoy);
    nobody.note_decoy(Rejected);
    assert_eq!(plan(&nobody), Action::SetPassword { by: Setter::Service });
}

#[test]
fn an_administrator_changes_nothing_that_the_account_s_own_connection_could_not_prove() {
    for situation in [single(), on_mysql(single())] {
        let engine = situation.login(Current).map(|login| login.engine).unwrap();
        let mut wrong = with_admin(situation, Login { engine, ..login("root") });
        // What the server does with the administrator's own password says nothing of the account's connection.
        wrong.note_passwords_checked();
        wrong.note_inspection(ALL_WRONG);
        assert_eq!(plan(&wrong), Action::ProbeDecoy);
        let after = |probe: Probe| {
            let mut situation = wrong.clone();
            situation.note_decoy(probe);
            plan(&situation)
        };
        assert_eq!(after(Rejected), Action::SetPassword { by: Setter::Admin });
        let barred = OperatorReason::LoginBarred(Pending, Cause::TlsWanted);
        assert_eq!(after(Probe::Unknown(Cause::TlsWanted)), Action::NeedsOperator(barred));
        let later = RetryReason::DecoyUnknown(Cause::Unreachable);
        assert_eq!(after(Probe::Unknown(Cause::Unreachable)), Action::Retry(later));
        assert_eq!(after(Accepted), Action::NeedsOperator(OperatorReason::PasswordsNotChecked));
    }
}

#[test]
fn a_candidate_that_may_be_in_a_log_is_replaced_before_the_attempt_ends() {
    let looked = with(single().with_new_pending(), &[(Pending, Rejected), (Current, Accepted)]);
    for (cause, ends) in [
        (Cause::TimedOut, Action::Retry(RetryReason::NotChanged(Cause::TimedOut))),
        (Cause::Forbidden, Action::NeedsOperator(OperatorReason::ChangeForbidden)),
    ] {
        let mut situation = looked.clone();
        situation.note_change(BY_ITSELF, Change::NotDone(cause));
        assert_eq!(plan(&situation), ends);
        situation.note_exposed();
        assert_eq!(plan(&situation), Action::MakePending { base: Current });
        situation.note_pending(version(4), login("app"));
        assert_eq!(plan(&situation), ends, "and no login is refused for it");
    }
    let mut unknown = looked;
    unknown.note_change(BY_ITSELF, Change::Unknown(Cause::TimedOut));
    unknown.note_exposed();
    assert_eq!(plan(&unknown), Action::Probe(Pending), "it may be set");
    let unknown = with(unknown, &[(Pending, Rejected)]);
    assert_eq!(plan(&unknown), Action::Probe(Current), "the role may have expired");
    let ends = Action::Retry(RetryReason::ChangeUnknown(Cause::TimedOut));
    assert_eq!(plan(&with(unknown.clone(), &[(Current, Rejected)])), ends);
    let mut unset = with(unknown, &[(Current, Accepted)]);
    assert_eq!(plan(&unset), Action::MakePending { base: Current });
    unset.note_pending(version(4), login("app"));
    assert_eq!(plan(&unset), ends);
}

#[test]
fn refused_candidates_are_replaced_a_few_times() {
    let mut situation = with(single(), &[(Pending, Rejected), (Current, Accepted)]);
    for number in 4..=5 {
        situation.note_change(BY_ITSELF, Change::RefusedCandidate);
        assert_eq!(plan(&situation), Action::MakePending { base: Current });
        situation.note_pending(version(number), login("app"));
        situation.note_probe(Pending, Rejected);
        assert_eq!(plan(&situation), Action::SetPassword { by: Setter::Account(Current) });
    }
    situation.note_change(BY_ITSELF, Change::RefusedCandidate);
    assert_eq!(plan(&situation), Action::MakePending { base: Current }, "a refused password is never offered again");
    situation.note_pending(version(6), login("app"));
    assert_eq!(plan(&situation), Action::NeedsOperator(OperatorReason::CandidatesRefused));
}

#[test]
fn finish_takes_the_label_off_and_is_a_no_op_afterwards() {
    let mut situation = with(single(), &[(Pending, Rejected), (Current, Accepted)]);
    situation.note_change(BY_ITSELF, Change::Done);
    situation.note_probe(Pending, Accepted);
    situation.note_moved();
    assert_eq!((situation.version(Current), situation.version(Previous)), (Some(version(3)), Some(version(2))));
    assert_eq!(plan(&situation), Action::RemovePendingLabel);
    situation.note_label_removed();
    assert_eq!(plan(&situation), Action::Done(version(3)));
    let again = Situation::new(RotationMode::SingleUser, Some(version(3)), labels(0, 3, 2));
    assert_eq!(plan(&again), Action::Done(version(3)));
    let left = Situation::new(RotationMode::SingleUser, Some(version(3)), labels(3, 3, 2));
    assert_eq!(plan(&left), Action::RemovePendingLabel);
    assert_eq!(plan(&left.leaving_the_label()), Action::Done(version(3)), "the service takes it off");
}

#[test]
fn a_newer_current_version_ends_a_rotation_only_if_none_is_under_way() {
    let superseded = Situation::new(RotationMode::SingleUser, Some(version(3)), labels(0, 4, 2));
    assert_eq!(plan(&superseded), Action::Done(version(4)));
    let under_way = Situation::new(RotationMode::SingleUser, Some(version(3)), labels(3, 4, 2));
    assert_eq!(plan(&under_way), Action::Read(Current));
}

#[test]
fn the_account_changed_is_the_account_named() {
    let elsewhere = Login { host: "other".to_string(), ..login("app") };
    let database = Login { dbname: Some("other".to_string()), ..login("app") };
    for (field, other) in [("username", login("admin")), ("host", elsewhere), ("dbname", database)] {
        let mut situation = single();
        situation.note_reading(Pending, Reading::Login(other));
        assert_eq!(plan(&situation), Action::NeedsOperator(OperatorReason::PendingDiffers(field)));
    }
    let mut used_one = multi();
    used_one.note_reading(Pending, Reading::Login(login("a")));
    assert_eq!(plan(&used_one), Action::NeedsOperator(OperatorReason::PendingDiffers("username")));
}

#[test]
fn two_accounts_must_be_two_and_on_one_server() {
    let mut same = multi();
    same.note_reading(Previous, Reading::Login(login("a")));
    assert_eq!(plan(&same), Action::NeedsOperator(OperatorReason::SameAccountTwice));
    let mut apart = multi();
    apart.note_reading(Previous, Reading::Login(Login { port: 5433, ..login("b") }));
    assert_eq!(plan(&apart), Action::NeedsOperator(OperatorReason::DifferentServers));
    let missing = Situation::new(RotationMode::MultiUser, None, labels(0, 1, 0));
    assert_eq!(plan(&missing), Action::NeedsOperator(OperatorReason::NoSecondAccount));
}

fn any_probe() -> impl Strategy<Value = Option<Probe>> {
    prop_oneof![
        Just(None),
        Just(Some(Accepted)),
        Just(Some(Rejected)),
        Just(Some(Probe::WrongPassword)),
        Just(Some(Probe::Expired)),
        Just(Some(DOWN))
    ]
}

fn any_labelled() -> impl Strategy<Value = Option<Labelled>> {
    let reading = prop_oneof![
        1 => Just(None),
        1 => Just(Some(Reading::Invalid)),
        6 => "[ab]".prop_map(|user| Some(Reading::Login(login(&user)))),
    ];
    let labelled = (1_u32..6, reading, any_probe()).prop_map(|(number, reading, probe)| Labelled {
        version: version(number),
        reading,
        probe,
    });
    prop_oneof![1 => Just(None), 6 => labelled.prop_map(Some)]
}

fn any_setter() -> impl Strategy<Value = Setter> {
    prop_oneof![
        Just(Setter::Account(Current)),
        Just(Setter::Account(Previous)),
        Just(Setter::Admin),
        Just(Setter::Service)
    ]
}

fn any_admin() -> impl Strategy<Value = Option<Reading>> {
    prop_oneof![Just(None), Just(Some(Reading::Invalid)), "[abr]".prop_map(|user| Some(Reading::Login(login(&user))))]
}

fn any_inspection() -> impl Strategy<Value = Option<Inspection>> {
    let any_match = || prop_oneof![Just(Match::Unknown), Just(Match::First), Just(Match::Second), Just(Match::Neither)];
    let passwords = (any_match(), any_match(), any_match(), any::<bool>())
        .prop_map(|(pending, current, previous, has_second)| Passwords { pending, current, previous, has_second });
    let barrier = prop_oneof![Just(None), Just(Some(Cause::HostNotAdmitted)), Just(Some(Cause::Expired))];
    let account = (barrier, proptest::option::of(passwords))
        .prop_map(|(barrier, passwords)| Inspection::Account { barrier, passwords });
    prop_oneof![
        2 => Just(None),
        4 => account.prop_map(Some),
        1 => Just(Some(Inspection::SeveralAccounts)),
        1 => Just(Some(Inspection::Failed(Cause::Unreachable))),
    ]
}

fn any_refusal() -> impl Strategy<Value = Refusal> {
    prop_oneof![2 => Just(Refusal::Harmless), 1 => Just(Refusal::Locks), 1 => Just(Refusal::LocksUnproven)]
}

fn any_situation() -> impl Strategy<Value = Situation> {
    let change = prop_oneof![
        3 => Just(None),
        1 => any_setter().prop_map(|by| Some((by, Change::Done))),
        1 => any_setter().prop_map(|by| Some((by, Change::RefusedCandidate))),
        1 => any_setter().prop_map(|by| Some((by, Change::NotDone(Cause::Forbidden)))),
        1 => any_setter().prop_map(|by| Some((by, Change::Unknown(Cause::TimedOut)))),
    ];
    let labelled = (any_labelled(), any_labelled(), any_labelled());
    let rest = (any::<bool>(), proptest::option::of(1_u32..6), any_probe(), any::<bool>(), change, 0..=MAX_CANDIDATES);
    let others = (any::<bool>(), any::<bool>(), any_admin(), any_inspection(), any_refusal(), any::<[bool; 5]>());
    (labelled, rest, others).prop_map(
        |(
            (pending, current, previous),
            (multi, goal, decoy, passwords_checked, change, refused),
            (has_admin, service, admin, inspection, refusal, flags),
        )| Situation {
            mode: if multi { RotationMode::MultiUser } else { RotationMode::SingleUser },
            powers: Powers { admin: has_admin, service },
            admin,
            inspection,
            goal: goal.map(version),
            pending,
            current,
            previous,
            is_shared: flags[2],
            is_outdated: flags[3],
            decoy,
            passwords_checked,
            is_reached: flags[4],
            refusal,
            pending_may_be_set: flags[0],
            leaves_label: flags[1],
            is_exposed: false,
            change,
            refused,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn every_write_has_its_proof(situation in any_situation()) {
        let probe = |role| situation.labelled(role).and_then(|labelled| labelled.probe);
        let login = |role| situation.login(role).ok().cloned();
        match plan(&situation) {
            Action::SetPassword { by } => {
                prop_assert!(
                    situation.passwords_checked
                        || (matches!(by, Setter::Admin | Setter::Service) && situation.one_refusal_locks())
                );
                // Nothing is known of an account's connection before a password was looked at over it.
                prop_assert!(by != Setter::Admin || situation.is_reached || situation.one_refusal_locks());
                // Whoever goes on after an interruption needs no login that may be refused.
                let tells = situation.hashes_are_read() || situation.mode == RotationMode::MultiUser;
                prop_assert!(tells || !situation.one_refusal_locks());
                let forbidden =
                    matches!(situation.change, Some((Setter::Account(_), Change::NotDone(Cause::Forbidden))));
                match by {
                    Setter::Account(role) => {
                        prop_assert_eq!(probe(role), Some(Accepted));
                        prop_assert_eq!(login(Pending), login(role));
                        // SYSCURRENT's password is known to be another one than the account's.
                        let helps = role == Previous && situation.mode == RotationMode::SingleUser;
                        prop_assert!(!helps || !(situation.is_shared || situation.matching(Current).is_right()));
                    }
                    Setter::Restored => {
                        prop_assert_eq!((probe(Current), probe(Previous)), (Some(Accepted), Some(Accepted)));
                        prop_assert_eq!(login(Pending), login(Current));
                    }
                    Setter::Admin => {
                        let base = if situation.mode == RotationMode::MultiUser { Previous } else { Current };
                        // What was read, and nothing else, shows that the stored password is not the account's.
                        let known = match situation.inspection {
                            Some(Inspection::Account { passwords: Some(passwords), .. }) => !passwords.has_unknown_second(),
                            // A pending password that is right and expired shows that the base's is not the account's any more.
                            Some(Inspection::Account { .. }) => {
                                probe(base) != Some(Rejected) || probe(Pending) == Some(Probe::Expired)
                            }
                            _ => false,
                        };
                        prop_assert!(situation.powers.admin && (forbidden || known));
                        prop_assert!(forbidden || probe(base) != Some(Accepted) || base != Current);
                        let Some(Reading::Login(admin)) = &situation.admin else { panic!("no administrator") };
                        prop_assert!(login(Pending).is_some_and(|login| login.username != admin.username));
                    }
                    Setter::Service => {
                        let is_right = |role| matches!(probe(role), Some(Accepted | Probe::Expired));
                        let known = is_right(Current) || is_right(Previous) || situation.inspection.is_some();
                        prop_assert!(situation.powers.service && (forbidden || known));
                    }
                }
                if situation.mode == RotationMode::MultiUser {
                    prop_assert_ne!(login(Pending), login(Current));
                }
            }
            Action::MoveStages { to, from } => {
                prop_assert_eq!(probe(Pending), Some(Accepted));
                prop_assert!(situation.passwords_checked || situation.matching(Pending).is_right());
                prop_assert_eq!((Some(to), Some(from)), (situation.version(Pending), situation.version(Current)));
            }
            Action::MakePending { base } => {
                let replaced = matches!(situation.change, Some((_, Change::RefusedCandidate)))
                    && matches!(probe(Pending), Some(Rejected | Probe::Expired | Probe::WrongPassword));
                prop_assert!(situation.live_pending().is_none() || replaced);
                prop_assert!(login(base).is_some());
            }
            Action::RenewPending { base } => {
                prop_assert!(situation.is_outdated && situation.live_pending().is_some());
                prop_assert_eq!(login(Pending), login(base));
            }
            Action::RemovePendingLabel => prop_assert_eq!(situation.version(Pending), situation.version(Current)),
            _ => {}
        }
    }

    #[test]
    fn nothing_known_is_asked_for_again(situation in any_situation()) {
        match plan(&situation) {
            Action::Read(role) => prop_assert_eq!(situation.labelled(role).unwrap().reading.clone(), None),
            Action::Probe(role) => prop_assert_eq!(situation.labelled(role).unwrap().probe, None),
            Action::ReadAdmin => prop_assert_eq!(situation.admin.clone(), None),
            Action::Inspect => prop_assert_eq!(situation.inspection, None),
            Action::ProbeDecoy => prop_assert_eq!(situation.decoy, None),
            _ => {}
        }
    }
}

#[test]
fn reasons_read_as_sentences() {
    let reasons: Vec<_> = [
        RetryReason::LoginUnknown(Current, Cause::TimedOut).to_string(),
        OperatorReason::NotAnAccount(Pending).to_string(),
    ]
    .into();
    assert_eq!(
        reasons,
        [
            "cannot tell whether SYSCURRENT logs in: the database did not answer in time",
            "the value of SYSPENDING does not describe a database account",
        ]
    );
}
