//! Planners that are broken on purpose, each in one place, to prove that the checks find such faults.

use super::*;

/// A planner, right or wrong.
pub(super) type Planner = fn(&Situation) -> Action;

/// Moves the labels because the database confirmed the change, or because its answer was lost, without a login.
pub(super) fn trusts_the_change(situation: &Situation) -> Action {
    match plan(situation) {
        Action::Probe(Role::Pending) if situation.change.is_some() => Action::MoveStages {
            to: situation.version(Role::Pending).unwrap(),
            from: situation.version(Role::Current).unwrap(),
        },
        action => action,
    }
}

/// Replaces a candidate that may have been set.
pub(super) fn gives_up(situation: &Situation) -> Action {
    match (plan(situation), situation.change) {
        (Action::Probe(Role::Pending), Some((_, Change::Unknown(_)))) => Action::MakePending { base: base(situation) },
        (action, _) => action,
    }
}

/// Takes an unknown answer for a wrong password.
pub(super) fn guesses(situation: &Situation) -> Action {
    match plan(situation) {
        Action::Retry(RetryReason::LoginUnknown(Role::Pending, _)) => Action::MakePending { base: base(situation) },
        action => action,
    }
}

/// Changes the account that applications use.
pub(super) fn changes_the_account_in_use(situation: &Situation) -> Action {
    match plan(situation) {
        Action::SetPassword { .. } => Action::SetPassword { by: Setter::Account(Role::Current) },
        action => action,
    }
}

/// Takes refused logins for wrong passwords, and has the administrator write without a look.
pub(super) fn writes_without_a_look(situation: &Situation) -> Action {
    match plan(situation) {
        Action::Inspect => Action::SetPassword { by: Setter::Admin },
        action => action,
    }
}

/// Takes SYSCURRENT's password for wrong because SYSPREVIOUS logs in, whatever its password is.
pub(super) fn blames_the_password(situation: &Situation) -> Action {
    match plan(situation) {
        Action::NeedsOperator(OperatorReason::SharedPasswordRefused) => {
            Action::SetPassword { by: Setter::Account(Role::Previous) }
        }
        action => action,
    }
}

/// Has the management service set the password of an account of which no version logs in.
pub(super) fn resets_unasked(situation: &Situation) -> Action {
    match plan(situation) {
        Action::NeedsOperator(OperatorReason::NobodyLogsIn) => Action::SetPassword { by: Setter::Service },
        action => action,
    }
}

/// Sets and tries the pending password by a value that is of before its base was mended.
pub(super) fn goes_on_with_what_is_outdated(situation: &Situation) -> Action {
    plan(&Situation { is_outdated: false, ..situation.clone() })
}

/// Sends an administrator's change again when its outcome is unknown.
pub(super) fn sends_twice(situation: &Situation) -> Action {
    match (plan(situation), situation.change) {
        (Action::Probe(Role::Pending), Some((Setter::Admin, Change::Unknown(_)))) => {
            Action::SetPassword { by: Setter::Admin }
        }
        (action, _) => action,
    }
}

/// Has the administrator write although the account keeps a second password that nobody knows.
pub(super) fn discards_the_second(situation: &Situation) -> Action {
    match plan(situation) {
        Action::NeedsOperator(OperatorReason::SecondPasswordUnknown) => Action::SetPassword { by: Setter::Admin },
        action => action,
    }
}

/// Replaces the first password by its own login when SYSCURRENT is the second one.
pub(super) fn drops_the_restored(situation: &Situation) -> Action {
    match plan(situation) {
        Action::SetPassword { by: Setter::Restored } => Action::SetPassword { by: Setter::Account(Role::Previous) },
        action => action,
    }
}

/// Changes the password before it is known whether passwords are checked.
pub(super) fn changes_unproven(situation: &Situation) -> Action {
    match plan(situation) {
        Action::ProbeDecoy if situation.change.is_none() => {
            Action::SetPassword { by: Setter::Account(base(situation)) }
        }
        action => action,
    }
}

/// Ends when the administrator is none, whether it is needed or not.
pub(super) fn insists_on_an_administrator(situation: &Situation) -> Action {
    match situation.admin {
        Some(Reading::Invalid) if situation.change.is_none() => {
            Action::NeedsOperator(OperatorReason::AdminNotAnAccount)
        }
        _ => plan(situation),
    }
}

/// Waits for an administrator that is down, whether it is needed or not.
pub(super) fn waits_for_the_administrator(situation: &Situation) -> Action {
    match situation.inspection {
        Some(Inspection::Failed(cause)) => Action::Retry(RetryReason::NotInspected(cause)),
        _ => plan(situation),
    }
}

/// Changes the password although going on after an interruption would lock the account.
pub(super) fn risks_a_lock(situation: &Situation) -> Action {
    match plan(situation) {
        Action::NeedsOperator(OperatorReason::ResumingWouldLock) => {
            Action::SetPassword { by: Setter::Account(base(situation)) }
        }
        action => action,
    }
}

/// Finds out by a login whether a change was made whose answer is lost, although a refused one would lock the account.
pub(super) fn finds_out_by_a_login(situation: &Situation) -> Action {
    match (plan(situation), situation.change) {
        (Action::Inspect | Action::Retry(RetryReason::ChangeUnknown(_)), Some((_, Change::Unknown(_))))
            if situation.probe(Role::Pending).is_err() =>
        {
            Action::Probe(Role::Pending)
        }
        (action, _) => action,
    }
}

/// Logs in although the administrator could not be reached, so that nobody knows which password is the account's.
pub(super) fn goes_on_unseen(situation: &Situation) -> Action {
    match plan(situation) {
        Action::Retry(RetryReason::NotInspected(_)) if situation.probe(base(situation)).is_err() => {
            Action::Probe(base(situation))
        }
        action => action,
    }
}

fn base(situation: &Situation) -> Role {
    if situation.mode == RotationMode::MultiUser { Role::Previous } else { Role::Current }
}
