//! Judges a question of which some facts are unknown.
//!
//! With everything known the judgement is that of [`decide`](super::decide). Statements are weighed one by one (Kleene's three
//! values), so two statements that complement each other on an open key are still reported as depending on it.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Effect, Policy, Statement,
    condition::{ConditionKind, RequestContext},
    pattern::{Coverage, Pattern, coverage, matches_resource},
    template::{Template, has_variables},
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
    /// Whether a statement is about it, and what that depends on.
    fn matches(
        self,
        statement: &Statement,
        context: &RequestContext,
        unknown: &[ConditionKind],
    ) -> (Truth, Vec<String>) {
        let Some(patterns) = &statement.resource else { return (Truth::True, Vec::new()) };
        let mut depends_on = Vec::new();
        for pattern in patterns {
            let (coverage, open) = if has_variables(pattern) {
                let template = Template::parse(pattern);
                let open = template.keys().filter(|key| key.is_replaceable() && unknown.contains(&key.kind()));
                let open: Vec<_> = open.map(ToString::to_string).collect();
                let Some(tokens) = template.pattern(context, unknown) else { continue };
                (self.covered_by(tokens.as_slice()), open)
            } else {
                (self.covered_by(pattern.as_str()), Vec::new())
            };
            match coverage {
                Coverage::Everything if open.is_empty() => return (Truth::True, Vec::new()),
                Coverage::Everything => depends_on.extend(open),
                Coverage::Part => {
                    depends_on.extend(open);
                    depends_on.push(String::from(RESOURCE));
                }
                Coverage::Nothing => {}
            }
        }
        (if depends_on.is_empty() { Truth::False } else { Truth::Unknown }, depends_on)
    }

    fn covered_by<P: Pattern>(self, pattern: P) -> Coverage {
        match self {
            Self::Named(resource) if matches_resource(pattern, resource) => Coverage::Everything,
            Self::Named(_) => Coverage::Nothing,
            Self::Unnamed(prefix) => coverage(pattern, prefix),
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
    judge_with(policies, action_names, context, unknown, |_, statement| resource.matches(statement, context, unknown))
}

/// Judges many actions by the same policies and the same request. Each statement is compared with each resource once, however
/// many actions are judged on it.
#[derive(Debug)]
pub struct Judge<'j> {
    policies: &'j [Policy],
    context: &'j RequestContext,
    unknown: &'j [ConditionKind],
    /// By the index of the statement among all statements, the text of the resource and whether it is named.
    compared: BTreeMap<(usize, String, bool), (Truth, Vec<String>)>,
}

impl<'j> Judge<'j> {
    /// Judges by these policies. The values of the `unknown` kinds of condition keys are open; `context` has the others.
    #[must_use]
    pub const fn new(policies: &'j [Policy], context: &'j RequestContext, unknown: &'j [ConditionKind]) -> Self {
        Self { policies, context, unknown, compared: BTreeMap::new() }
    }

    /// Returns what [`judge`] returns.
    pub fn judge(&mut self, action_names: &[&str], resource: ResourceQuery<'_>) -> Judgement {
        let Self { policies, context, unknown, compared } = self;
        let (text, is_named) = match resource {
            ResourceQuery::Named(text) => (text, true),
            ResourceQuery::Unnamed(text) => (text, false),
        };
        judge_with(policies, action_names, context, unknown, |index, statement| {
            let place = (index, String::from(text), is_named);
            compared.entry(place).or_insert_with(|| resource.matches(statement, context, unknown)).clone()
        })
    }
}

/// Judges an action. `compare` returns whether a statement, given with its index among all statements, is about the resource,
/// and what that depends on.
fn judge_with(
    policies: &[Policy],
    action_names: &[&str],
    context: &RequestContext,
    unknown: &[ConditionKind],
    mut compare: impl FnMut(usize, &Statement) -> (Truth, Vec<String>),
) -> Judgement {
    let mut is_allowed = false;
    let (mut may_be_allowed_by, mut may_be_denied_by) = (Vec::new(), Vec::new());
    let statements = policies.iter().flat_map(|policy| &policy.statement).enumerate();
    for (index, statement) in statements.filter(|(_, statement)| statement.names_action(action_names)) {
        let (names_resource, on_resource) = compare(index, statement);
        let (holds, keys) = statement.condition.truth(context, unknown, statement.effect);
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
                open.extend(on_resource);
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
