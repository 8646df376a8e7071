//! Checks a policy before it is stored: refuses names that no operation, resource or condition has.
//!
//! A misspelt Deny would be stored and deny nothing. It does not check stored policies when they are read, and does not judge
//! whether a policy is wise.

use alloc::{borrow::Cow, format, string::String, vec::Vec};
use core::fmt;

use csms_core::policy::{
    ConditionKind, Doubt, Effect, Policy, ResourceType, Run, Segment, Shape, Statement, UUID, action_matches,
    is_of_region, quoted, resource_may_name, variables_as,
};

use crate::vocabulary::{Right, SERVICES, actions, rights};

/// Names of the cloud that nothing here has, so that a policy from there is not refused for them. Each line is `action` and
/// an action; `type`, a service and a type of its resources; or `service` and a service whose name resembles one of ours.
const CLOUD_NAMES: &str = include_str!("policy_check/cloud_names.txt");

/// How many changes of a service's name a typing error may take.
const TYPING_ERROR: usize = 2;

/// Characters of a pattern for actions. No action has half as many.
pub const MAX_ACTION_PATTERN: usize = 128;

/// Characters of a pattern for resources. No resource has half as many, and what a check costs grows with them.
pub const MAX_RESOURCE_PATTERN: usize = 1024;

/// How many actions of a policy that are refused come with the nearest known name. To look for it costs far more than the rest of the check.
const MAX_SUGGESTIONS: usize = 5;

/// Something in a policy that means nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where: `Statement[0].Action[1]`.
    pub place: String,
    /// What is wrong, with the nearest name that is known.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// What the check of a policy found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyReview {
    /// Why the policy is not stored; empty when it may be.
    pub refusals: Vec<Finding>,
    /// What is worth saying beside storing it.
    pub warnings: Vec<Finding>,
}

/// What resources of this installation have in place of region and account. What is not known may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The regions; none where they are not known.
    pub regions: Vec<String>,
    /// The identifier of the account.
    pub account: Option<String>,
}

/// Checks a policy that is to be stored. `previous` is the stored policy that it replaces: one that is the same is kept
/// whatever it says, so that an access file that was accepted once is accepted again.
#[must_use]
pub fn check(policy: &Policy, previous: Option<&Policy>, site: &Site) -> PolicyReview {
    let regions: Vec<&str> = site.regions.iter().map(String::as_str).collect();
    let account: Vec<&str> = site.account.iter().map(String::as_str).collect();
    let mut review = PolicyReview::default();
    for (index, statement) in policy.statement.iter().enumerate() {
        check_statement(&format!("Statement[{index}]"), statement, Place::new(&regions, &account), &mut review);
    }
    if previous == Some(policy) {
        review.warnings.append(&mut review.refusals);
    }
    review
}

/// Regions and accounts that resources may have.
#[derive(Clone, Copy)]
struct Place<'a> {
    regions: Segment<'a>,
    accounts: Segment<'a>,
}

impl<'a> Place<'a> {
    const ANYWHERE: Self = Self { regions: Segment::Any, accounts: Segment::Any };

    fn new(regions: &'a [&'a str], accounts: &'a [&'a str]) -> Self {
        let segment = |texts: &'a [&'a str]| if texts.is_empty() { Segment::Any } else { Segment::OneOf(texts) };
        Self { regions: segment(regions), accounts: segment(accounts) }
    }
}

/// What a pattern of a statement could mean.
enum Meaning {
    /// Something that is here.
    Here,
    /// Something of a service that is not here.
    OtherService,
    /// Something of a service that is not here and that the cloud is not known to have, and what its author may have meant.
    Doubtful(String),
    /// Something of the cloud that is not here.
    Cloud(String),
    /// Something of a type that is here, which nothing of the type is.
    Impossible(String),
    /// Nothing, and why.
    Nothing(String),
}

fn check_statement(place: &str, statement: &Statement, site: Place<'_>, review: &mut PolicyReview) {
    let effect = statement.effect;
    let named: Vec<Right> = rights().filter(|right| statement.names_action(right.actions)).collect();
    let has = |kind: ConditionKind| named.is_empty() || named.iter().any(|right| right.judges(kind));
    let resources = statement.resource.as_ref().map(|patterns| Named::by(patterns, &has));
    let mut suggestions = MAX_SUGGESTIONS.saturating_sub(review.refusals.len());
    let actions: Vec<_> = statement
        .action
        .iter()
        .map(|pattern| meaning_of_action(pattern, resources.as_ref(), &mut suggestions))
        .collect();
    let names_cloud = actions.iter().any(|meaning| matches!(meaning, Meaning::Cloud(_)));
    report(&format!("{place}.Action"), effect, actions, review);
    if let Some(patterns) = &statement.resource {
        let meanings = patterns.iter().map(|pattern| {
            let meaning = meaning_of_resource(pattern, site, &has);
            // What the cloud judges such an action on is not known.
            let is_known = matches!(meaning, Meaning::Here | Meaning::OtherService) && !names_cloud;
            if is_known && !is_judged_on(&statement.action, &named, pattern, &has) {
                let pattern = shown(pattern);
                return Meaning::Impossible(format!("no action of this statement is judged on a resource {pattern}"));
            }
            meaning
        });
        report(&format!("{place}.Resource"), effect, meanings.collect(), review);
    }
    // Conditions are judged for those actions alone that are judged on a resource of the statement.
    let is_on_resource = |right: &Right| resources.as_ref().is_none_or(|named| named.has_resource_of(right));
    let judged: Vec<Right> = named.iter().copied().filter(is_on_resource).collect();
    let is_known = |kind: ConditionKind| judged.is_empty() || judged.iter().any(|right| right.judges(kind));
    let mut found = Vec::new();
    for (operator, key) in statement.condition.keys() {
        if !is_known(key.kind()) {
            let message = format!("{key} is not known of any request with the actions of this statement");
            found.push((operator, effect == Effect::Deny || !has(key.kind()), message));
        }
    }
    let account = match site.accounts {
        Segment::OneOf(&[account]) => Some(account),
        _ => None,
    };
    for (operator, doubt) in statement.condition.doubts(&is_known, account) {
        let (is_refused, message) = match doubt {
            Doubt::NoKey => (true, String::from("needs at least one condition key; without one it demands nothing")),
            Doubt::Operator(message) => (true, message),
            Doubt::Impossible(message) => (effect == Effect::Deny, message),
        };
        found.push((operator, is_refused, message));
    }
    for (operator, is_refused, message) in found {
        let list = if is_refused { &mut review.refusals } else { &mut review.warnings };
        list.push(Finding { place: format!("{place}.Condition.{operator}"), message });
    }
}

/// A served type of resources, with its service.
type Type = (&'static str, &'static str);

/// The served types of which some pattern names something in each of two ways, wherever it is.
struct Named {
    /// A single resource.
    one: Vec<Type>,
    /// All resources together, as lists are judged.
    all: Vec<Type>,
}

impl Named {
    fn by(patterns: &[String], has: &dyn Fn(ConditionKind) -> bool) -> Self {
        let mut named = Self { one: Vec::new(), all: Vec::new() };
        for pattern in patterns.iter().filter(|pattern| !is_longer(pattern, MAX_RESOURCE_PATTERN)) {
            // No variable has the name that stands for all resources of a type.
            let (one, all) = (variables_as("*", pattern), variables_as("x", pattern));
            for of in types() {
                let any = of_type(of.0, of.1, Place::ANYWHERE);
                if !named.one.contains(&of) && resource_may_name(&one, &any, has) {
                    named.one.push(of);
                }
                let together = ResourceType { names: Shape::Words(&[]), ..any };
                if !named.all.contains(&of) && resource_may_name(&all, &together, has) {
                    named.all.push(of);
                }
            }
        }
        named
    }

    /// Whether something is named of a type that an action is judged on.
    fn has_type_of(&self, right: &Right) -> bool {
        is_of(right, &self.one)
    }

    /// Whether something is named that an action is judged on.
    fn has_resource_of(&self, right: &Right) -> bool {
        is_of(right, if right.is_about_one() { &self.one } else { &self.all })
    }

    /// What to write where these rights of an action are judged on all resources of a type together, and some of them alone
    /// are named.
    fn doubt_of_list(&self, rights: &[Right]) -> Option<String> {
        if rights.iter().any(|right| self.has_resource_of(right)) {
            return None;
        }
        let (service, kinds) = rights.iter().find(|right| self.has_type_of(right))?.resources();
        let kind = kinds.first()?;
        Some(format!(
            "is judged on all resources of its type together; write {service}:*:*:{kind}:*, or leave Resource out"
        ))
    }
}

fn is_of(right: &Right, types: &[Type]) -> bool {
    let (service, kinds) = right.resources();
    types.iter().any(|(known, kind)| *known == service && kinds.contains(kind))
}

fn is_longer(text: &str, most: usize) -> bool {
    text.chars().nth(most).is_some()
}

/// Whether an action of a statement, which names these rights, is judged on something that a resource pattern names.
fn is_judged_on(actions: &[String], named: &[Right], pattern: &String, has: &dyn Fn(ConditionKind) -> bool) -> bool {
    let resources = Named::by(core::slice::from_ref(pattern), has);
    if named.iter().any(|right| resources.has_type_of(right)) {
        return true;
    }
    // Of services that are not here, only that they are the same is known.
    let service_of = |text: &str| text.split(':').next().map(str::to_ascii_lowercase).unwrap_or_default();
    let is_open = |service: &str| has_wildcard(service) || served(service).is_none();
    let wanted = service_of(pattern);
    is_open(&wanted)
        && actions
            .iter()
            .map(|action| service_of(action))
            .any(|service| is_open(&service) && (has_wildcard(&service) || has_wildcard(&wanted) || service == wanted))
}

/// Sorts what a list of patterns means into refusals and warnings.
fn report(list: &str, effect: Effect, meanings: Vec<Meaning>, review: &mut PolicyReview) {
    // A Deny of which some part is here holds as far as it can; one of which no part is here would only look like one.
    let denies_nothing = effect == Effect::Deny && !meanings.iter().any(|meaning| matches!(meaning, Meaning::Here));
    for (index, meaning) in meanings.into_iter().enumerate() {
        let (found, message) = match meaning {
            Meaning::Here | Meaning::OtherService => continue,
            Meaning::Nothing(message) => (&mut review.refusals, message),
            Meaning::Doubtful(message) => (&mut review.warnings, message),
            Meaning::Cloud(message) if denies_nothing => (&mut review.refusals, message),
            Meaning::Cloud(message) => (&mut review.warnings, message),
            Meaning::Impossible(message) if effect == Effect::Deny => (&mut review.refusals, message),
            Meaning::Impossible(message) => (&mut review.warnings, message),
        };
        found.push(Finding { place: format!("{list}[{index}]"), message });
    }
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The types of a service's resources, if the service is served.
fn served(service: &str) -> Option<(&'static str, &'static [&'static str])> {
    SERVICES.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(service))
}

/// What a pattern means whose service is not served, such as `obs` or `c*`.
fn meaning_of_service(service: &str) -> Meaning {
    let is_of_service = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '*' | '?');
    if let Some(wrong) = service.chars().find(|character| !is_of_service(*character)) {
        let wrong = u32::from(wrong);
        return Meaning::Nothing(format!(
            "no service is called {}: names of services have letters, digits and -, and no U+{wrong:04X}",
            quoted(service)
        ));
    }
    if !service.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '*' | '?')) {
        return Meaning::Nothing(format!(
            "no service is called {}: names of services begin with a letter",
            quoted(service)
        ));
    }
    let is_known = || cloud_names("service").any(|known| known.eq_ignore_ascii_case(service));
    let nearest = nearest(service, SERVICES.into_iter().map(|(known, _)| known));
    if has_wildcard(service) || distance(service, nearest) > TYPING_ERROR || is_known() {
        return Meaning::OtherService;
    }
    Meaning::Doubtful(format!("the service {service} is not known; the nearest is {nearest}"))
}

/// A pattern as a message shows it: in quotes, if it has what cannot be seen or taken for something else.
fn shown(pattern: &str) -> String {
    if pattern.chars().all(|character| character.is_ascii_graphic()) { String::from(pattern) } else { quoted(pattern) }
}

/// The meaning of a pattern that is longer than anything it could match.
fn meaning_of_length(noun: &str, most: usize) -> Meaning {
    Meaning::Nothing(format!("a pattern for {noun} has at most {most} characters"))
}

/// The meaning of a pattern for actions in a statement that names these resources; none stands for all. Names the nearest
/// action as long as there are `suggestions` left.
fn meaning_of_action(pattern: &str, resources: Option<&Named>, suggestions: &mut usize) -> Meaning {
    if is_longer(pattern, MAX_ACTION_PATTERN) {
        return meaning_of_length("actions", MAX_ACTION_PATTERN);
    }
    let is_named = |right: &Right| right.actions.iter().any(|action| action_matches(pattern, action));
    let named: Vec<Right> = rights().filter(is_named).collect();
    if !named.is_empty() {
        let doubt = resources.and_then(|resources| resources.doubt_of_list(&named));
        return doubt.map_or(Meaning::Here, |doubt| Meaning::Impossible(format!("{pattern} {doubt}")));
    }
    let split = pattern.split_once(':');
    if split.is_none() && !has_wildcard(pattern) {
        let pattern = shown(pattern);
        return Meaning::Nothing(format!("{pattern} is no action; actions have the form service:type:operation"));
    }
    let (service, rest) = split.unwrap_or((pattern, ""));
    let Some((service, _)) = served(service).filter(|_| !has_wildcard(service)) else {
        return match meaning_of_service(service) {
            Meaning::OtherService | Meaning::Doubtful(_) if shown(rest) != rest => {
                Meaning::Nothing(format!("{} is no action; names of actions have no such characters", quoted(pattern)))
            }
            meaning => meaning,
        };
    };
    if cloud_names("action").any(|action| action_matches(pattern, action)) {
        return Meaning::Cloud(format!("no operation here has the action {pattern} of the cloud"));
    }
    let Some(left) = suggestions.checked_sub(1) else {
        return Meaning::Nothing(format!("no operation has the action {}", shown(pattern)));
    };
    *suggestions = left;
    let known = actions().filter(|action| action.split(':').next() == Some(service));
    let (nearest, pattern) = (nearest(pattern, known), shown(pattern));
    Meaning::Nothing(format!("no operation has the action {pattern}; the nearest is {nearest}"))
}

/// Whether an identifier may have a character. No secret here has a dot, but the cloud's own may.
fn is_of_identifier(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.".contains(character)
}

/// Whether the name of a user, a policy, an agency or a function may have a character.
fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || " -_.+=,@/".contains(character)
}

/// Texts of the characters that names of a served type may have.
fn form_of_names(kind: &str) -> Shape {
    const IDENTIFIERS: Shape = Shape::Runs(&[&[Run { is: is_of_identifier, least: 0, most: None }]]);
    const NAMES: Shape = Shape::Runs(&[&[Run { is: is_of_name, least: 0, most: None }]]);
    match kind {
        "secretName" | "KeyId" => IDENTIFIERS,
        _ => NAMES,
    }
}

/// The names that resources of a served type may have, and in words.
fn names_of(kind: &str) -> (Shape, &'static str) {
    const SECRETS: Shape = Shape::Runs(&[&[Run::new(is_of_identifier, 1, 64)]]);
    const FUNCTIONS: Shape = Shape::Runs(&[&[
        Run::new(is_of_identifier, 1, 64),
        Run::exactly(|character| character == '/', 1),
        Run::new(is_of_identifier, 1, 128),
    ]]);
    const NAMED: Shape = {
        const EDGE: Run = Run::exactly(|character| is_of_name(character) && !character.is_whitespace(), 1);
        Shape::Runs(&[&[EDGE], &[EDGE, Run::new(is_of_name, 0, 126), EDGE]])
    };
    match kind {
        "secretName" => (SECRETS, "names of secrets have 1 to 64 letters, digits, - and _"),
        "KeyId" => (UUID, "keys go by their identifiers in the form 8-4-4-4-12, and not by aliases"),
        "function" => (FUNCTIONS, "functions go by package/name"),
        "trace" => (form_of_names(kind), "traces have no names"),
        _ => (NAMED, "names have 1 to 128 characters"),
    }
}

/// A served type with every name that its characters allow.
fn of_type<'a>(service: &'a str, kind: &'a str, place: Place<'a>) -> ResourceType<'a> {
    // What belongs to the account has no region.
    let regions = match service {
        "iam" | "sts" => Segment::OneOf(&[""]),
        _ => place.regions,
    };
    ResourceType { service, regions, domains: place.accounts, kind, names: form_of_names(kind) }
}

/// The served types, with their services.
fn types() -> impl Iterator<Item = Type> {
    SERVICES.into_iter().flat_map(|(service, kinds)| kinds.iter().map(move |kind| (service, *kind)))
}

/// The served type that a pattern without variables names by its form, wherever the resource is. No name begins or ends with
/// white space.
fn type_by_form(pattern: &str) -> Option<Type> {
    let name = pattern.rsplit(':').next().unwrap_or_default();
    let mut types = types().filter(|_| name.trim() == name);
    types.find(|(service, kind)| {
        let of = ResourceType { regions: Segment::Any, ..of_type(service, kind, Place::ANYWHERE) };
        resource_may_name(pattern, &of, &|_| true)
    })
}

fn meaning_of_resource(pattern: &str, site: Place<'_>, has: &dyn Fn(ConditionKind) -> bool) -> Meaning {
    if is_longer(pattern, MAX_RESOURCE_PATTERN) {
        return meaning_of_length("resources", MAX_RESOURCE_PATTERN);
    }
    let names = |pattern: &str, place: Place<'_>, has: &dyn Fn(ConditionKind) -> bool| {
        types().any(|(service, kind)| {
            let of = ResourceType { names: names_of(kind).0, ..of_type(service, kind, place) };
            resource_may_name(pattern, &of, has)
        })
    };
    if names(pattern, site, has) {
        return Meaning::Here;
    }
    let plain = variables_as("*", pattern);
    if let Some((service, kind)) = type_by_form(&plain) {
        let shown = shown(pattern);
        return if names(pattern, Place::ANYWHERE, has) {
            Meaning::Cloud(format!("{shown} is of another region or account; {}", place_in_words(site)))
        } else if names(&plain, site, has) && matches!(plain, Cow::Owned(_)) {
            Meaning::Impossible(format!("a variable of {shown} has no value in a request, and no default"))
        } else if matches!(service, "iam" | "sts") && !names(&plain, Place::ANYWHERE, has) && has_region(&plain) {
            Meaning::Cloud(format!("{shown} has a region; resources of {service} have none"))
        } else {
            Meaning::Impossible(format!("nothing is a resource {shown}: {}", names_of(kind).1))
        };
    }
    let mut segments = plain.split(':');
    let (service, region) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let kind = segments.nth(1);
    if service.is_empty() || !plain.contains(':') {
        let form = "resources have the form service:region:domain:type:name";
        return Meaning::Nothing(format!("{} is no resource; {form}", shown(pattern)));
    }
    if service.eq_ignore_ascii_case("urn") {
        let form = "resources of policies begin with the service: service:region:domain:type:name";
        return Meaning::Nothing(format!("{} is no resource; {form}", shown(pattern)));
    }
    let Some((service, kinds)) = served(service).filter(|_| !has_wildcard(service)) else {
        return match meaning_of_service(service) {
            // A star of the service may stand for colons too.
            Meaning::OtherService | Meaning::Doubtful(_) if !service.contains('*') && !may_be_region(region) => {
                Meaning::Nothing(format!(
                    "no region is called {}: their names have letters, digits, - and _",
                    quoted(region)
                ))
            }
            meaning => meaning,
        };
    };
    let of_cloud = cloud_names("type").filter_map(|line| line.split_once(' '));
    let mut of_cloud = of_cloud.filter(|(known, _)| *known == service).map(|(_, kind)| kind);
    if of_cloud.any(|kind| {
        const ANY: Shape = Shape::Runs(&[&[Run { is: |character| character != ':', least: 0, most: None }]]);
        let (regions, domains) = (Segment::Any, Segment::Any);
        resource_may_name(&plain, &ResourceType { service, regions, domains, kind, names: ANY }, has)
    }) {
        return Meaning::Cloud(format!("nothing here is a resource {pattern} of the cloud"));
    }
    let nearest = nearest(kind.unwrap_or_default(), kinds.iter().copied());
    let pattern = shown(pattern);
    Meaning::Nothing(format!("no resource matches {pattern}; write {service}:*:*:{nearest}:<name>"))
}

/// Whether a pattern has something that is no star in the place of the region.
fn has_region(pattern: &str) -> bool {
    pattern.split(':').nth(1).is_some_and(|region| region.chars().any(|character| character != '*'))
}

/// Regions and account, for a message.
fn place_in_words(site: Place<'_>) -> String {
    let regions = match site.regions {
        Segment::OneOf(names) => format!("the regions here are {}", names.join(", ")),
        Segment::Any => String::new(),
    };
    let accounts = match site.accounts {
        Segment::OneOf(names) => format!("the account is {}", names.join(", ")),
        Segment::Any => String::new(),
    };
    let joint = if regions.is_empty() || accounts.is_empty() { "" } else { ", " };
    format!("{regions}{joint}{accounts}")
}

/// Whether a region may match what a pattern has in its place: up to the first star, which may stand for colons too.
fn may_be_region(pattern: &str) -> bool {
    pattern.split('*').next().unwrap_or_default().chars().all(|character| character == '?' || is_of_region(character))
}

/// The names of one sort in [`CLOUD_NAMES`].
fn cloud_names(sort: &'static str) -> impl Iterator<Item = &'static str> {
    CLOUD_NAMES
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(move |(word, _)| *word == sort)
        .map(|(_, name)| name)
}

/// The name that takes the fewest changes to make of another, without case.
fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> &'n str {
    names.min_by_key(|name| distance(text, name)).unwrap_or_default()
}

/// How many characters must be added, removed or replaced to make one text of another (Levenshtein), without case.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().map(|character| character.to_ascii_lowercase()).collect();
    // Distances from what of `from` was read so far to each beginning of `to`.
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (read, character) in from.chars().map(|character| character.to_ascii_lowercase()).enumerate() {
        let mut next = Vec::from([read.saturating_add(1)]);
        for (pair, wanted) in row.windows(2).zip(&to) {
            let &[diagonal, above] = pair else { continue };
            let replaced = diagonal.saturating_add(usize::from(character != *wanted));
            let left = next.last().copied().unwrap_or_default();
            next.push(replaced.min(above.min(left).saturating_add(1)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use csms_core::{
        UnixMillis,
        identity::fold_enterprise_project,
        policy::{RequestContext, decide},
    };
    use proptest::{prelude::*, sample::select};

    use super::*;

    fn review(statement: &str) -> PolicyReview {
        check(&read(statement), None, &Site::default())
    }

    fn read(statements: &str) -> Policy {
        Policy::parse(&format!(r#"{{"Version":"5.0","Statement":[{statements}]}}"#)).unwrap()
    }

    fn lines(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_the_first_unknown_actions_come_with_the_nearest_name() {
        let actions: Vec<String> = (0..3000).map(|number| format!(r#""csms:secret:none{number}""#)).collect();
        let review = review(&format!(r#"{{"Effect":"Allow","Action":[{}]}}"#, actions.join(",")));
        assert_eq!(review.refusals.len(), 3000);
        let suggested = lines(&review.refusals).iter().filter(|line| line.contains("; the nearest is ")).count();
        assert_eq!(suggested, MAX_SUGGESTIONS);
    }

    #[test]
    fn an_action_that_no_operation_has_is_refused_with_the_nearest_name() {
        for effect in ["Allow", "Deny"] {
            let review = review(&format!(
                r#"{{"Effect":"{effect}","Action":["csms:secret:get","csms:secret:getVersions","csms:*:nonsense","IAM:users:listUser"]}}"#
            ));
            assert!(review.warnings.is_empty());
            assert_eq!(
                lines(&review.refusals),
                [
                    "Statement[0].Action[1]: no operation has the action csms:secret:getVersions; the nearest is csms:secret:getVersion",
                    "Statement[0].Action[2]: no operation has the action csms:*:nonsense; the nearest is csms:tag:create",
                    "Statement[0].Action[3]: no operation has the action IAM:users:listUser; the nearest is iam:users:listUsersV5",
                ]
            );
        }
    }

    #[test]
    fn a_resource_that_nothing_is_is_refused_with_the_nearest_type() {
        let review = review(
            r#"{"Effect":"Deny","Action":["*"],"Resource":["CSMS:*:*:secretnames:prod-*","kms:*:*:key:x","csms:secretName:a","prod-db"]}"#,
        );
        assert!(review.warnings.is_empty());
        assert_eq!(
            lines(&review.refusals),
            [
                "Statement[0].Resource[0]: no resource matches CSMS:*:*:secretnames:prod-*; write csms:*:*:secretName:<name>",
                "Statement[0].Resource[1]: no resource matches kms:*:*:key:x; write kms:*:*:KeyId:<name>",
                "Statement[0].Resource[2]: no resource matches csms:secretName:a; write csms:*:*:secretName:<name>",
                "Statement[0].Resource[3]: prod-db is no resource; resources have the form service:region:domain:type:name",
            ]
        );
    }

    #[test]
    fn what_is_here_or_of_another_service_is_stored_without_a_word() {
        for statement in [
            r#"{"Effect":"Allow","Action":["*"]}"#,
            r#"{"Effect":"Deny","Action":["CSMS:Secret:getversion","csms:secretVersion:*"],"Resource":["csms:*:*:SECRETNAME:a"]}"#,
            r#"{"Effect":"Deny","Action":["obs:bucket:*","*:bucket:get","ob*"],"Resource":["obs:*:*:bucket:x","*:*:*:bucket:y"]}"#,
            r#"{"Effect":"Allow","Action":["csms::listTasks","csms:task:list","csms:tag:batchUpdate","kms:dek:crypto"]}"#,
            r#"{"Effect":"Allow","Action":["functiongraph:function:invokeAsync*"],"Resource":["functiongraph:*:*:function:default/f"]}"#,
            r#"{"Effect":"Allow","Action":["iam:*"],"Resource":["iam::*:user:bob","iam:*:policy:*","*"]}"#,
        ] {
            assert_eq!(review(statement), PolicyReview::default(), "{statement}");
        }
    }

    #[test]
    fn a_name_of_the_cloud_that_is_not_here_is_a_warning_unless_a_deny_would_deny_nothing() {
        let allow = review(r#"{"Effect":"Allow","Action":["kms:cmk:sign"],"Resource":["kms:*:*:alias:x"]}"#);
        assert!(allow.refusals.is_empty());
        assert_eq!(
            lines(&allow.warnings),
            [
                "Statement[0].Action[0]: no operation here has the action kms:cmk:sign of the cloud",
                "Statement[0].Resource[0]: nothing here is a resource kms:*:*:alias:x of the cloud",
            ]
        );
        let deny = review(r#"{"Effect":"Deny","Action":["kms:cmk:sign","obs:*"]}"#);
        assert_eq!((deny.refusals.len(), deny.warnings.len()), (1, 0));
        let partly = review(r#"{"Effect":"Deny","Action":["kms:cmk:sign","kms:cmk:get"]}"#);
        assert_eq!((partly.refusals.len(), partly.warnings.len()), (0, 1));
    }

    #[test]
    fn published_policies_are_stored_as_they_are() {
        for policy in [
            r#"{"Sid":"ReadForPlan","Effect":"Allow","Action":["iam:securityPolicies:get*","iam:projects:list*","iam:roles:list"]}"#,
            r#"{"Effect":"Allow","Action":"csms:secret:getVersion","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":["iam:agencies:*","iam:tokens:assume","iam:groups:*","iam:credentials:*","iam:mfa:*","iam:projects:*","iam:users:*","iam:securitypolicies:*"]}"#,
        ] {
            assert!(review(policy).refusals.is_empty(), "{policy}: {:?}", review(policy).refusals);
        }
    }

    #[test]
    fn a_service_that_cannot_exist_is_refused() {
        for effect in ["Allow", "Deny"] {
            let review = review(&format!(
                r#"{{"Effect":"{effect}","Action":[" csms:secret:getVersion","сsms:secret:get"," *","csms :*",":secret:get","1x:a:b","obs:bucket:get ","csms:secret:get\u200b","-*:a:b"],
                "Resource":["csms:*:*:secretName:prod-db ","csms:local 1:*:secretName:x","csms:*:*:secretName:pröd*","obs:r/1:*:bucket:x"," csms:*:*:secretName:x","iam::*:user: bob","ecs:*:*:instance:x"]}}"#
            ));
            let places = |list: &str| -> Vec<String> {
                let of_list = |line: &String| line.contains(list);
                lines(&review.refusals).into_iter().filter(of_list).collect()
            };
            let (actions, resources) = (places(".Action["), places(".Resource["));
            assert_eq!((actions.len(), resources.len(), review.warnings.len()), (9, 6, 0), "{:?}", review.refusals);
            assert_eq!(
                actions[1],
                "Statement[0].Action[1]: no service is called \"сsms\": names of services have letters, digits and -, and no U+0441"
            );
            assert_eq!(
                resources[0],
                "Statement[0].Resource[0]: no resource matches \"csms:*:*:secretName:prod-db \"; write csms:*:*:secretName:<name>"
            );
        }
    }

    #[test]
    fn an_unknown_service_that_resembles_one_of_ours_is_a_warning_that_names_it() {
        let review = review(
            r#"{"Effect":"Deny","Action":["csmss:secret:get","CMSS:secret:get","functiongrap:*","x-y:a:b"],"Resource":["scms:*:*:secretName:x","km:*:*:KeyId:y"]}"#,
        );
        assert!(review.refusals.is_empty(), "{:?}", review.refusals);
        assert_eq!(
            lines(&review.warnings),
            [
                "Statement[0].Action[0]: the service csmss is not known; the nearest is csms",
                "Statement[0].Action[1]: the service CMSS is not known; the nearest is csms",
                "Statement[0].Action[2]: the service functiongrap is not known; the nearest is functiongraph",
                "Statement[0].Resource[0]: the service scms is not known; the nearest is csms",
                "Statement[0].Resource[1]: the service km is not known; the nearest is kms",
            ]
        );
    }

    #[test]
    fn services_of_the_cloud_are_stored_without_a_word() {
        let policies = cloud_names("service").map(|service| {
            format!(r#"{{"Effect":"Deny","Action":["{service}:a:b"],"Resource":["{service}:*:*:a:x y/ü"]}}"#)
        });
        for statement in policies {
            assert_eq!(review(&statement), PolicyReview::default(), "{statement}");
        }
    }

    #[test]
    fn a_condition_that_no_action_of_its_statement_can_meet_is_refused() {
        let of = |action: &str, condition: &str| {
            review(&format!(
                r#"{{"Effect":"Deny","Action":["{action}"],"Condition":{{"StringLike":{{"{condition}":"*"}}}}}}"#
            ))
        };
        for (action, key) in [
            ("kms:*", "csms:type"),
            ("csms::listTasks", "csms:Type"),
            ("csms:secret:create", "g:ResourceTag/stage"),
            ("csms:secret:get", "g:RequestTag/stage"),
            ("csms:secret:listVersion", "csms:VersionId"),
            ("iam:*", "g:EnterpriseProjectId"),
            ("functiongraph:*", "csms:KmsKeyId"),
        ] {
            let refusals = lines(&of(action, key).refusals);
            assert_eq!(refusals.len(), 1, "{action} {key}");
            assert!(refusals[0].starts_with("Statement[0].Condition.StringLike: "), "{refusals:?}");
        }
        for (action, key) in [
            ("*", "csms:Type"),
            ("csms:*", "g:RequestTag/x"),
            ("kms:*", "g:ResourceTag/stage"),
            ("kms:dek:crypto", "csms:KmsKeyId"),
            ("csms:secretVersion:get", "csms:VersionId"),
            ("csms:tag:create", "g:TagKeys"),
            ("iam:users:*", "g:UserName"),
            ("cts:trace:list", "g:UserId"),
            ("obs:*", "csms:Type"),
        ] {
            assert_eq!(of(action, key), PolicyReview::default(), "{action} {key}");
        }
    }

    const KEY: &str = "0b1c2d3e-0000-4000-8000-00000000000f";

    fn here() -> Site {
        Site { regions: ["home", "away"].map(String::from).to_vec(), account: Some(String::from("d1")) }
    }

    /// What is said of a Deny and of an Allow of the same: how much of it is refused, and how much is doubtful.
    fn counts(rest: &str) -> [(usize, usize); 2] {
        ["Deny", "Allow"].map(|effect| {
            let review = check(&read(&format!(r#"{{"Effect":"{effect}",{rest}}}"#)), None, &here());
            (review.refusals.len(), review.warnings.len())
        })
    }

    #[test]
    fn a_deny_of_what_cannot_be_is_refused_and_an_allow_of_it_is_a_warning() {
        let long = format!("csms:*:*:secretName:{}", "s".repeat(65));
        for (action, resource) in [
            ("kms:*", "KMS:*:*:KeyId:k2"),
            ("csms:secret:getVersion", "KMS:*:*:KeyId:*"),
            ("csms:*", "obs:*:*:bucket:x"),
            ("obs:*", "csms:*:*:secretName:x"),
            ("functiongraph:*", "functiongraph:*:*:function:bad"),
            ("csms:*", "csms:hoem:*:secretName:prod-*"),
            ("csms:*", "csms:*:d2:secretName:prod-*"),
            ("iam:*", "iam:home:*:user:bob"),
            ("csms:*", &long),
            ("csms:*", "csms:*:*:secretName:${csms:Tpye}"),
            ("csms:*", "csms:*:*:secretName:${g:UserName"),
        ] {
            let rest = format!(r#""Action":["{action}"],"Resource":["{resource}"]"#);
            assert_eq!(counts(&rest), [(1, 0), (0, 1)], "{rest}");
        }
        for (action, condition) in [
            ("csms:*", r#"{"StringEquals":{"csms:KmsKeyId":"k2"}}"#),
            ("csms:*", r#"{"StringNotEquals":{"csms:Type":"common"}}"#),
            ("csms:*", r#"{"StringEquals":{"csms:Type":["COMMON","RDS_FG"]}}"#),
            ("csms:secret:getVersion", r#"{"StringEquals":{"csms:VersionId":"latest"}}"#),
            ("*", r#"{"StringEquals":{"g:SourceIp":"127.0.0.0/8"}}"#),
            ("*", r#"{"Bool":{"g:MFAPresent":true}}"#),
            ("*", r#"{"StringNotEquals":{"g:MFAPresent":false}}"#),
            ("*", r#"{"StringEquals":{"g:DomainId":"d2"}}"#),
            ("*", r#"{"StringNotEquals":{"g:DomainId":["d1"]}}"#),
            ("csms:*", r#"{"StringEquals":{"g:ResourceTag/stage ":"x"}}"#),
            ("kms:*", r#"{"StringEquals":{"g:UserName":"${csms:Type}"}}"#),
        ] {
            let rest = format!(r#""Action":["{action}"],"Condition":{condition}"#);
            assert_eq!(counts(&rest), [(1, 0), (0, 1)], "{rest}");
        }
        let apart = format!(
            r#""Action":["csms:*","kms:*"],"Resource":["KMS:*:*:KeyId:{KEY}"],"Condition":{{"StringEquals":{{"csms:Type":"COMMON"}}}}"#
        );
        assert_eq!(counts(&apart), [(1, 0), (0, 1)]);
    }

    #[test]
    fn a_list_is_not_denied_by_the_names_of_what_it_lists() {
        let review = review(
            r#"{"Effect":"Deny","Action":["csms:secret:get","csms:secret:list"],"Resource":["csms:*:*:secretName:prod-*"]}"#,
        );
        assert_eq!(
            lines(&review.refusals),
            ["Statement[0].Action[1]: csms:secret:list is judged on all resources of its type together; \
                 write csms:*:*:secretName:*, or leave Resource out"]
        );
        for (action, resource) in [
            ("csms::createEvent", "csms:*:*:secretName:prod-*"),
            ("csms:secret:list", "csms:*:*:secretName:${g:UserName}"),
            ("kms:cmk:create", &format!("kms:*:*:KeyId:{KEY}")),
            ("iam:users:listUsersV5", "iam:*:*:user:bob"),
            ("cts:trace:list", "cts:*:*:trace:x"),
            ("functiongraph:function:list", "functiongraph:*:*:function:default/f"),
        ] {
            let rest = format!(r#""Action":["{action}"],"Resource":["{resource}"]"#);
            assert_eq!(counts(&rest), [(1, 0), (0, 1)], "{rest}");
        }
        for (action, resource) in [
            ("csms:secret:list", "csms:home:${g:DomainId}:secretName:*"),
            ("csms:secret:list", "csms:*:*:secretName:x\",\"*"),
            ("csms:secret:list*", "csms:*:*:secretName:prod-*"),
            ("csms::listTasks", "csms:*:*:secretName:prod-*"),
            ("kms:alias:list", &format!("kms:*:*:KeyId:{KEY}")),
            ("csms:secret:create", "csms:*:*:secretName:prod-*"),
        ] {
            let rest = format!(r#""Action":["{action}"],"Resource":["{resource}"]"#);
            assert_eq!(counts(&rest), [(0, 0); 2], "{rest}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused_whatever_the_effect() {
        for rest in [
            r#""Action":["csms:*"],"Condition":{"StringEquals":{}}"#,
            r#""Action":["*"],"Condition":{"StringLike":{"g:CurrentTime":"2026-*"}}"#,
            r#""Action":["*"],"Condition":{"IpAddress":{"g:UserName":"1.2.3.4"}}"#,
            r#""Action":["csms:*"],"Condition":{"Bool":{"csms:Type":"true"}}"#,
            r#""Action":["*"],"Condition":{"DateLessThan":{"g:UserName":"2026-01-02T03:04:05Z"}}"#,
            r#""Action":["csms:*"],"Resource":["urn:csms:*:*:secretName:on-*"]"#,
            r#""Action":["kms:*"],"Resource":["KMS:*:*:KeyId:alias/k2"]"#,
        ] {
            assert_eq!(counts(rest), [(1, 0), (1, 0)], "{rest}");
        }
    }

    #[test]
    fn what_requests_can_meet_is_stored_without_a_word() {
        let upper = KEY.to_uppercase();
        for rest in [
            format!(r#""Action":["kms:*"],"Resource":["KMS:*:*:KeyId:{upper}"]"#),
            format!(r#""Action":["csms:*"],"Condition":{{"StringEquals":{{"csms:KmsKeyId":"{upper}"}}}}"#),
            r#""Action":["csms:secret:*","kms:cmk:decryptDataKey"],"Resource":["CSMS:*:*:secretName:*"]"#.into(),
            r#""Action":["csms:*","obs:*"],"Resource":["csms:away:d1:secretName:x","obs:*:*:bucket:x"]"#.into(),
            r#""Action":["*"],"Resource":["obs:*:*:bucket:${g:UserName}"]"#.into(),
            r#""Action":["OBS:bucket:get"],"Resource":["obs:*:*:bucket:${obs:Key}"]"#.into(),
            r#""Action":["csms:*"],"Resource":["csms:*:*:secretName:${g:UserName}-*","csms:*:*:secretName:${*}"]"#
                .into(),
            r#""Action":["iam:*"],"Resource":["iam::*:user:${g:UserName, 'nobody'}","iam:*:policy:*"]"#.into(),
            r#""Action":["iam:users:attachPolicyV5"],"Resource":["iam::d1:policy:*","iam::d1:user:*"]"#.into(),
            r#""Action":["sts:agencies:assume"],"Resource":["iam::*:agency:deploy"]"#.into(),
            r#""Action":["iam:*"],"Resource":["iam::${g:DomainId}:agency:x"]"#.into(),
            r#""Action":["*"],"Condition":{"StringEquals":{"g:DomainId":"d1"}}"#.into(),
            r#""Action":["csms:*"],"Condition":{"StringEquals":{"g:ResourceTag/owner":"${g:UserName}"}}"#.into(),
            r#""Action":["*"],"Condition":{"Bool":{"g:MFAPresent":[false]},"IpAddress":{"g:SourceIp":"192.0.2.0/24"}}"#
                .into(),
        ] {
            assert_eq!(counts(&rest), [(0, 0); 2], "{rest}");
        }
        // A policy for several installations.
        let both = r#""Action":["csms:*"],"Resource":["csms:home:*:secretName:x","csms:far:*:secretName:x"]"#;
        assert_eq!(counts(both), [(0, 1); 2]);
    }

    /// Values of the random conditions. Those that the keys may have, requests have.
    const VALUES: [&str; 26] = [
        "alice",
        "stage",
        "prod",
        "COMMON",
        "common",
        "RDS_FG",
        "*-FG",
        "k2",
        "0B1C2D3E-0000-4000-8000-00000000000F",
        "v1",
        "V1",
        "latest",
        "0",
        "true",
        "false",
        "False",
        "d1",
        "192.0.2.7",
        "192.0.2.0/24",
        "2001:DB8::1",
        "2026-01-02T03:04:05Z",
        "${g:UserName}",
        "${g:TagKeys}",
        "${foo",
        "${g:TagKeys, 'prod'}",
        "*",
    ];

    const USER_ID: &str = "0123456789abcdef0123456789abcde0";
    /// One that begins and ends as a value does.
    const OTHER_USER_ID: &str = "d1000000000000000000000000000ad1";

    /// A request in which all texts that its right knows are the same, as far as they may be.
    fn request(right: &Right, text: &str, is_first: bool) -> RequestContext {
        let known = |kind, value: &str| right.judges(kind).then(|| String::from(value));
        let tags = |kind| match known(kind, text) {
            Some(text) if !text.contains('*') => {
                Vec::from([(String::from("stage"), text.clone()), (text, String::new())])
            }
            _ => Vec::new(),
        };
        let word = text.to_ascii_lowercase();
        let is_short = word.len() <= 8 && word.chars().all(|character| character.is_ascii_alphanumeric());
        let key = if is_short { format!("{word:0<8}-0000-4000-8000-{word:0>12}") } else { String::from(KEY) };
        RequestContext {
            now: Some(UnixMillis::new(if is_first { 1_767_323_045_000 } else { 1_767_323_046_000 })),
            user_name: Some(String::from(text)),
            user_id: Some(String::from(USER_ID)),
            domain_id: Some(String::from("d1")),
            source_ip: if is_first { "192.0.2.7" } else { "2001:db8::1" }.parse().ok(),
            secure_transport: Some(is_first),
            mfa_present: Some(false),
            secret_type: known(ConditionKind::SecretType, if is_first { "COMMON" } else { "RDS-FG" }),
            kms_key_id: known(ConditionKind::KmsKeyId, &key),
            is_key_left_out: false,
            version_id: known(ConditionKind::VersionId, if is_first { "v1" } else { "v10" }),
            enterprise_project_id: known(ConditionKind::EnterpriseProjectId, &fold_enterprise_project(text)),
            resource_tags: tags(ConditionKind::ResourceTag),
            request_tags: tags(ConditionKind::RequestTag),
        }
    }

    /// Requests of a right: by users of all names, by an agency, at the first time there is, from an address that is not known, and for what does not exist.
    fn requests(right: &Right) -> Vec<RequestContext> {
        let texts = VALUES.into_iter().chain([USER_ID, "2999-01-02T03:04:05Z"]);
        // What a pattern is for, too.
        let texts = texts.flat_map(|text| [String::from(text), text.replace('*', "x")]);
        let mut all: Vec<_> =
            texts.flat_map(|text| [true, false].map(|is_first| request(right, &text, is_first))).collect();
        let unspecified = "0.0.0.0".parse().ok();
        let alice = request(right, "alice", true);
        all.extend([
            RequestContext { user_name: None, user_id: None, ..alice.clone() },
            RequestContext { user_id: Some(String::from(OTHER_USER_ID)), ..alice.clone() },
            RequestContext { source_ip: None, ..alice.clone() },
            RequestContext { now: Some(UnixMillis::new(0)), ..alice.clone() },
            RequestContext { source_ip: unspecified, ..alice.clone() },
            RequestContext { resource_tags: Vec::new(), request_tags: Vec::new(), ..alice.clone() },
            RequestContext {
                now: alice.now,
                user_name: alice.user_name,
                domain_id: alice.domain_id,
                secure_transport: Some(true),
                mfa_present: Some(false),
                ..RequestContext::default()
            },
        ]);
        all
    }

    /// Whether a policy denies some request.
    fn denies_something(policy: &Policy) -> bool {
        let policies = core::slice::from_ref(policy);
        let is_denied = |right: &Right, context: &RequestContext| {
            let (service, kinds) = right.resources();
            let region = if service == "iam" { "" } else { "home" };
            let user = context.user_name.as_deref().unwrap_or("nobody");
            kinds.iter().any(|kind| {
                let names = match *kind {
                    _ if !right.is_about_one() => Vec::from(["*".into()]),
                    "secretName" => Vec::from(["prod-1".into(), "db".into(), format!("{user}-x")]),
                    "KeyId" => Vec::from([String::from(KEY)]),
                    "function" => Vec::from(["default/f".into()]),
                    "user" => Vec::from(["bob".into(), String::from(user)]),
                    _ => Vec::from(["some".into()]),
                };
                names.iter().any(|name| {
                    let resource = format!("{service}:{region}:d1:{kind}:{name}");
                    decide(policies, right.actions, &resource, context) == Some(Effect::Deny)
                })
            })
        };
        rights().any(|right| requests(&right).iter().any(|context| is_denied(&right, context)))
    }

    /// A condition with an operator, a key and a value that may or may not go together.
    fn condition() -> impl Strategy<Value = String> {
        let operator = select(&[
            "StringEquals",
            "StringNotEquals",
            "StringLike",
            "StringEqualsIgnoreCase",
            "StringStartWith",
            "StringEndWithIfExists",
            "ForAnyValue:StringLike",
            "ForAllValues:StringNotLike",
            "Bool",
            "IpAddress",
            "NotIpAddress",
            "DateLessThanEquals",
            "DateGreaterThan",
            "Null",
        ]);
        let key = select(&[
            "g:CurrentTime",
            "g:UserName",
            "g:UserId",
            "g:DomainId",
            "g:SourceIp",
            "g:SecureTransport",
            "g:MFAPresent",
            "csms:Type",
            "csms:KmsKeyId",
            "csms:VersionId",
            "g:EnterpriseProjectId",
            "g:ResourceTag/stage",
            "g:RequestTag/stage",
            "g:ResourceTag/_sys_x",
            "g:TagKeys",
        ]);
        let value = select(&VALUES);
        (operator, key, value).prop_map(|(operator, key, value)| format!(r#"{{"{operator}":{{"{key}":"{value}"}}}}"#))
    }

    fn denied() -> impl Strategy<Value = String> {
        let action = select(&[
            "*",
            "csms:*",
            "csms:secret:getVersion",
            "csms:secret:list",
            "csms:tag:create",
            "csms::listTasks",
            "KMS:*",
            "kms:cmk:get",
            "iam:*",
            "iam:agencies:assume",
            "functiongraph:*",
            "cts:*",
        ]);
        let resource = proptest::option::of(select(&[
            "*",
            "csms:*:*:secretName:prod-*",
            "CSMS:home:d1:secretname:db",
            "csms:hoem:*:secretName:db",
            "csms:*:d2:secretName:db",
            "csms:*:*:secretName:${g:UserName}-*",
            "csms:*:*:secretName:${g:TagKeys}",
            "kms:*:*:KeyId:0B1C2D3E-0000-4000-8000-00000000000F",
            "kms:*:*:KeyId:k2",
            "functiongraph:*:*:function:bad",
            "functiongraph:*:*:function:default/*",
            "iam::*:user:${g:UserName}",
            "iam:home:*:user:bob",
            "iam::*:agency:*",
            "urn:csms:*:*:secretName:db",
        ]));
        (action, resource, proptest::option::of(condition())).prop_map(|(action, resource, condition)| {
            let resource = resource.map(|resource| format!(r#","Resource":["{resource}"]"#)).unwrap_or_default();
            let condition = condition.map(|condition| format!(r#","Condition":{condition}"#)).unwrap_or_default();
            format!(r#"{{"Effect":"Deny","Action":["{action}"]{resource}{condition}}}"#)
        })
    }

    #[test]
    fn a_pattern_that_is_longer_than_anything_is_refused_by_its_length() {
        let stars = |count: usize| format!("csms:{}x", "*a".repeat(count));
        let (action, resource) = (stars(MAX_ACTION_PATTERN), stars(MAX_RESOURCE_PATTERN));
        let statement = format!(r#"{{"Effect":"Deny","Action":["*","{action}"],"Resource":["*","{resource}"]}}"#);
        assert_eq!(
            lines(&review(&statement).refusals),
            [
                "Statement[0].Action[1]: a pattern for actions has at most 128 characters",
                "Statement[0].Resource[1]: a pattern for resources has at most 1024 characters",
            ]
        );
    }

    #[test]
    fn the_same_text_as_before_is_never_refused() {
        let stored = read(r#"{"Effect":"Deny","Action":["csms:secret:getVersions"]}"#);
        let same = check(&stored, Some(&stored), &Site::default());
        assert_eq!((same.refusals.len(), same.warnings.len()), (0, 1));
        let impossible =
            read(r#"{"Effect":"Deny","Action":[" csms:secret:get"],"Resource":["csms:*:*:secretName:x "]}"#);
        let kept = check(&impossible, Some(&impossible), &Site::default());
        assert_eq!((kept.refusals.len(), kept.warnings.len()), (0, 2));
        let other = read(r#"{"Effect":"Deny","Action":["csms:secret:getVersionz"]}"#);
        assert_eq!(check(&other, Some(&stored), &Site::default()).refusals.len(), 1);
    }

    #[test]
    fn every_name_of_the_cloud_is_of_a_service_that_is_served_and_not_here() {
        for action in cloud_names("action") {
            assert!(!actions().any(|known| known.eq_ignore_ascii_case(action)), "{action}");
            assert!(served(action.split(':').next().unwrap()).is_some(), "{action}");
        }
        for line in cloud_names("type") {
            let (service, kind) = line.split_once(' ').unwrap();
            let (_, kinds) = served(service).unwrap();
            assert!(!kinds.iter().any(|known| known.eq_ignore_ascii_case(kind)), "{line}");
        }
        for service in cloud_names("service") {
            assert!(served(service).is_none(), "{service}");
            let resembles = SERVICES.iter().any(|(known, _)| distance(service, known) <= TYPING_ERROR);
            assert!(resembles, "{service} needs no line");
        }
        let understood = |line: &str| {
            line.is_empty()
                || line.starts_with('#')
                || ["action ", "type ", "service "].iter().any(|word| line.starts_with(word))
        };
        assert!(CLOUD_NAMES.lines().all(understood));
    }

    #[test]
    fn changes_are_counted() {
        for (from, to, changes) in
            [("", "abc", 3), ("abc", "", 3), ("ABC", "abc", 0), ("kitten", "sitting", 3), ("密钥", "密", 1)]
        {
            assert_eq!(distance(from, to), changes, "{from} {to}");
        }
    }

    proptest! {
        #[test]
        fn the_distance_is_symmetric_and_bounded(a in "[ab]{0,6}", b in "[ab]{0,6}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert!(distance(&a, &b) <= a.len().max(b.len()));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
        }

        #[test]
        fn for_every_deny_that_is_stored_there_is_a_request_that_it_denies(statement in denied()) {
            // A value that the reader refuses, such as a time that is none.
            if let Ok(policy) = Policy::parse(&format!(r#"{{"Version":"5.0","Statement":[{statement}]}}"#)) {
                let review = check(&policy, None, &here());
                prop_assert!(!review.refusals.is_empty() || denies_something(&policy), "{} {:?}", statement, review);
            }
        }

        #[test]
        fn the_names_of_every_right_are_stored(index in 0_usize..500) {
            let all: Vec<_> = actions().collect();
            let action = all[index % all.len()];
            let statement = format!(r#"{{"Effect":"Deny","Action":["{action}"]}}"#);
            prop_assert_eq!(review(&statement), PolicyReview::default());
        }
    }
}
