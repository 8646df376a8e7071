//! Judges a question of which some facts are unknown.
//!
//! With everything known the judgement is that of [`decide`](super::decide). Statements are weighed one by one (Kleene's three
//! values), so two statements that complement each other on an open key are still reported as depending on it.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Effect, Policy, Statement,
    condition::{ConditionKind, RequestContext},
    pattern::{Coverage, coverage, matches_resource},
};

/// Kleene's truth values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// Holds, whatever is open.
    True,
    /// Does not hold, whatever is open.
    False,
    /// Depends on what is open.
    Unknown,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// The resource of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceQuery<'a> {
    /// This resource, in the form of [`secret_resource`](super::secret_resource) and its siblings.
    Named(&'a str),
    /// Some resource, whose name is open: everything up to the name, such as `csms:<region>:<domain id>:secretName:`.
    Unnamed(&'a str),
}

impl ResourceQuery<'_> {
    fn matches(self, statement: &Statement) -> Truth {
        let Some(patterns) = &statement.resource else { return Truth::True };
        match self {
            Self::Named(resource) => patterns.iter().any(|pattern| matches_resource(pattern, resource)).into(),
            Self::Unnamed(prefix) => {
                let mut truth = Truth::False;
                for pattern in patterns {
                    match coverage(pattern, prefix) {
                        Coverage::Everything => return Truth::True,
                        Coverage::Part => truth = Truth::Unknown,
                        Coverage::Nothing => {}
                    }
                }
                truth
            }
        }
    }
}

/// What policies say of an action when a part of the request is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Allowed, whatever is open.
    Allowed,
    /// Denied, or allowed by nothing, whatever is open.
    Denied,
    /// Depends on these condition keys (`g:ResourceTag/stage`), and on the resource's name where [`RESOURCE`] is among them;
    /// sorted, each once.
    Depends(Vec<String>),
}

/// The word for the name of an unnamed resource in [`Judgement::Depends`].
pub const RESOURCE: &str = "Resource";

/// What policies say of an action, given by its name and older aliases, on `resource`. The values of the `unknown` kinds of
/// condition keys are open; `context` has the others.
#[must_use]
pub fn judge(
    policies: &[Policy],
    action_names: &[&str],
    resource: ResourceQuery<'_>,
    context: &RequestContext,
    unknown: &[ConditionKind],
) -> Judgement {
    let mut is_allowed = false;
    let (mut may_be_allowed_by, mut may_be_denied_by) = (Vec::new(), Vec::new());
    let statements = policies.iter().flat_map(|policy| &policy.statement);
    for statement in statements.filter(|statement| statement.names_action(action_names)) {
        let names_resource = resource.matches(statement);
        let (holds, keys) = statement.condition.truth(context, unknown);
        match (names_resource, holds, statement.effect) {
            (Truth::False, _, _) | (_, Truth::False, _) => {}
            (Truth::True, Truth::True, Effect::Deny) => return Judgement::Denied,
            (Truth::True, Truth::True, Effect::Allow) => is_allowed = true,
            (_, _, effect) => {
                let open = match effect {
                    Effect::Allow => &mut may_be_allowed_by,
                    Effect::Deny => &mut may_be_denied_by,
                };
                open.extend(keys.into_iter().map(ToString::to_string));
                if names_resource == Truth::Unknown {
                    open.push(String::from(RESOURCE));
                }
            }
        }
    }
    if is_allowed {
        may_be_allowed_by.clear();
    } else if may_be_allowed_by.is_empty() {
        return Judgement::Denied;
    }
    let mut open = may_be_allowed_by;
    open.append(&mut may_be_denied_by);
    if open.is_empty() {
        return Judgement::Allowed;
    }
    open.sort();
    open.dedup();
    Judgement::Depends(open)
}

#[cfg(test)]
mod tests;
