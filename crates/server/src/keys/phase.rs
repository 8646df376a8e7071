//! How the numbers of an installation's root keys change: announced, then taken into use, then the former one retired.
//!
//! A pure table of what may follow what. It knows no keys, no store and no servers.

use serde::{Deserialize, Serialize};

/// Number of the root key that an installation begins with.
const FIRST: u32 = 1;

/// Which root keys there are, and which are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// Least number that is in use; lesser ones only prove what was made before.
    pub oldest: u32,
    /// The key under which everything is written.
    pub current: u32,
    /// The key that was made last.
    pub newest: u32,
}

/// Where a rotation of the root key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// None is under way.
    Settled,
    /// The next key is known to whoever reads the keyring, and nothing is written under it yet.
    Announced,
    /// Everything is written under the next key; the former one is still in use for tokens, and its wrapping key opens the keyring.
    Switched,
}

/// What moves a rotation on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Makes the next key.
    Announce,
    /// Takes it into use.
    Switch,
    /// Ends the use of the former one.
    Retire,
}

impl Numbers {
    /// Those of an installation whose root key has never changed.
    pub const BEGINNING: Self = Self { oldest: FIRST, current: FIRST, newest: FIRST };

    /// Where the rotation stands; `None` for numbers that no steps lead to.
    #[must_use]
    pub fn phase(self) -> Option<Phase> {
        let Self { oldest, current, newest } = self;
        let is_one_ahead = |ahead: u32, behind: u32| behind.checked_add(1) == Some(ahead);
        match () {
            () if oldest < FIRST => None,
            () if oldest == current && current == newest => Some(Phase::Settled),
            () if oldest == current && is_one_ahead(newest, current) => Some(Phase::Announced),
            () if current == newest && is_one_ahead(current, oldest) => Some(Phase::Switched),
            () => None,
        }
    }

    /// The numbers after a step; `None` when it may not follow.
    #[must_use]
    pub fn after(self, step: Step) -> Option<Self> {
        match (self.phase()?, step) {
            (Phase::Settled, Step::Announce) => Some(Self { newest: self.newest.checked_add(1)?, ..self }),
            (Phase::Announced, Step::Switch) => Some(Self { current: self.newest, ..self }),
            (Phase::Switched, Step::Retire) => Some(Self { oldest: self.current, ..self }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 3] = [Step::Announce, Step::Switch, Step::Retire];

    fn all(most: u32) -> impl Iterator<Item = Numbers> {
        let triples = (0..=most).flat_map(move |a| (0..=most).flat_map(move |b| (0..=most).map(move |c| (a, b, c))));
        triples.map(|(oldest, current, newest)| Numbers { oldest, current, newest })
    }

    #[test]
    fn exactly_one_step_follows_each_phase_and_leads_to_the_next() {
        for numbers in all(6) {
            let following: Vec<_> = STEPS.iter().filter_map(|step| Some((*step, numbers.after(*step)?))).collect();
            let Some(phase) = numbers.phase() else {
                assert!(following.is_empty(), "{numbers:?}");
                continue;
            };
            let [(step, after)] = following.as_slice() else { panic!("{numbers:?}: {following:?}") };
            let expected = match phase {
                Phase::Settled => (Step::Announce, Phase::Announced),
                Phase::Announced => (Step::Switch, Phase::Switched),
                Phase::Switched => (Step::Retire, Phase::Settled),
            };
            assert_eq!((*step, after.phase().unwrap()), expected);
        }
    }

    #[test]
    fn a_valid_state_is_one_that_steps_lead_to_from_the_beginning() {
        let mut reached = vec![Numbers::BEGINNING];
        for _ in 0..18 {
            let last = *reached.last().unwrap();
            reached.push(STEPS.iter().find_map(|step| last.after(*step)).unwrap());
        }
        for numbers in all(5) {
            assert_eq!(numbers.phase().is_some(), reached.contains(&numbers), "{numbers:?}");
        }
    }

    #[test]
    fn no_step_makes_a_number_smaller_or_skips_one() {
        for numbers in all(6) {
            for after in STEPS.iter().filter_map(|step| numbers.after(*step)) {
                let pairs =
                    [(numbers.oldest, after.oldest), (numbers.current, after.current), (numbers.newest, after.newest)];
                let moved: Vec<_> = pairs.iter().filter(|(before, after)| before != after).collect();
                assert!(matches!(moved.as_slice(), [(before, after)] if *after == before + 1), "{numbers:?}");
                // What is written now is always in use, and known.
                assert!(after.oldest <= after.current && after.current <= after.newest);
            }
        }
    }

    #[test]
    fn the_last_number_is_not_followed_by_another() {
        let last = Numbers { oldest: u32::MAX, current: u32::MAX, newest: u32::MAX };
        assert_eq!((last.phase(), last.after(Step::Announce)), (Some(Phase::Settled), None));
    }
}
