//! Planners that were broken on purpose, each in one place. A check that does not see them sees nothing.

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

fn base(situation: &Situation) -> Role {
    if situation.mode == RotationMode::MultiUser { Role::Previous } else { Role::Current }
}
