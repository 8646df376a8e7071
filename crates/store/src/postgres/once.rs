//! Decisions that are made once, however often the transaction is begun that writes them.
//!
//! A database may undo a transaction because others were in its way (40001). What was decided in it holds for the next attempt
//! if what is stored is still the same; the callers' functions are never called twice.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Cause, ChangeError, StoreError};

/// A decision on what is stored.
pub(super) struct Once<F, S, D> {
    decide: Option<F>,
    decided: Option<(S, D)>,
}

impl<F, S: PartialEq, D> Once<F, S, D> {
    pub(super) fn new(decide: F) -> Self {
        Self { decide: Some(decide), decided: None }
    }

    /// What was decided on this state, by `decide` if nothing was decided before.
    ///
    /// # Errors
    /// The refusal; [`StoreError::Unavailable`] when the decision was made on another state, or panicked.
    pub(super) fn on<E>(
        &mut self,
        state: S,
        decide: impl FnOnce(F, &S) -> Result<D, E>,
    ) -> Result<&mut (S, D), ChangeError<E>> {
        let unavailable = |what: &str| StoreError::Unavailable(Cause::new(what.to_owned()));
        if let Some(function) = self.decide.take() {
            let decision = catch_unwind(AssertUnwindSafe(|| decide(function, &state)))
                .map_err(|_| unavailable("the function that decides a write panicked"))?
                .map_err(ChangeError::Refused)?;
            return Ok(self.decided.insert((state, decision)));
        }
        let same = self.decided.as_mut().filter(|(before, _)| *before == state);
        same.ok_or_else(|| unavailable("another change came first").into())
    }

    /// The decision that was written.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there was none.
    pub(super) fn made(self) -> Result<D, StoreError> {
        let made = self.decided.map(|(_, decision)| decision);
        made.ok_or_else(|| StoreError::Unavailable(Cause::new("nothing was decided")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_made_once_and_holds_for_the_same_state() {
        let mut calls = 0;
        let mut once = Once::new(|| calls += 1);
        for _ in 0..2 {
            let decided = once.on("state", |mut decide, state| {
                decide();
                Ok::<_, ()>(state.len())
            });
            assert_eq!(decided.unwrap().1, 5);
        }
        let other = once.on("another", |_, _| Ok::<_, ()>(0));
        assert!(matches!(other, Err(ChangeError::Store(StoreError::Unavailable(_)))));
        assert_eq!((once.made().unwrap(), calls), (5, 1));
    }
}
