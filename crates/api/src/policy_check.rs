//! Checks a policy before it is stored: refuses names that no operation, resource or condition has.
//!
//! A misspelt Deny would be stored and deny nothing. It does not check stored policies when they are read, and does not judge
//! whether a policy is wise.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use csms_core::policy::{Effect, Policy, Statement, action_matches, is_of_region, resource_may_name};

use crate::vocabulary::{Right, SERVICES, actions, rights};

/// Names of the cloud that nothing here has, so that a policy from there is not refused for them. Each line is `action` and
/// an action; `type`, a service and a type of its resources; or `service` and a service whose name resembles one of ours.
const CLOUD_NAMES: &str = include_str!("policy_check/cloud_names.txt");

/// How many changes of a service's name a typing error may take.
const TYPING_ERROR: usize = 2;

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

/// Checks a policy that is to be stored. `previous` is the stored policy that it replaces: one that is the same is kept
/// whatever it says, so that an access file that was accepted once is accepted again.
#[must_use]
pub fn check(policy: &Policy, previous: Option<&Policy>) -> PolicyReview {
    let mut review = PolicyReview::default();
    for (index, statement) in policy.statement.iter().enumerate() {
        check_statement(&format!("Statement[{index}]"), statement, &mut review);
    }
    if previous == Some(policy) {
        review.warnings.append(&mut review.refusals);
    }
    review
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
    /// Nothing, and why.
    Nothing(String),
}

fn check_statement(place: &str, statement: &Statement, review: &mut PolicyReview) {
    let actions: Vec<_> = statement.action.iter().map(|pattern| meaning_of_action(pattern)).collect();
    report(&format!("{place}.Action"), statement.effect, actions, review);
    if let Some(patterns) = &statement.resource {
        let resources = patterns.iter().map(|pattern| meaning_of_resource(pattern)).collect();
        report(&format!("{place}.Resource"), statement.effect, resources, review);
    }
    let named: Vec<Right> = rights().filter(|right| statement.names_action(right.actions)).collect();
    for (operator, key) in statement.condition.keys() {
        if !named.is_empty() && !named.iter().any(|right| right.judges(key.kind())) {
            review.refusals.push(Finding {
                place: format!("{place}.Condition.{operator}"),
                message: format!("{key} is not known of any request with the actions of this statement"),
            });
        }
    }
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

/// A text in quotes, with escapes for what cannot be seen.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

fn meaning_of_action(pattern: &str) -> Meaning {
    if actions().any(|action| action_matches(pattern, action)) {
        return Meaning::Here;
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
    let known = actions().filter(|action| action.split(':').next() == Some(service));
    let (nearest, pattern) = (nearest(pattern, known), shown(pattern));
    Meaning::Nothing(format!("no operation has the action {pattern}; the nearest is {nearest}"))
}

/// Which characters names of a served type may have.
fn of_name(kind: &str) -> fn(char) -> bool {
    match kind {
        // No secret here has a dot, but the cloud's own may.
        "secretName" | "KeyId" => |character| character.is_ascii_alphanumeric() || "-_.".contains(character),
        // Users, policies, agencies and functions.
        _ => |character| character.is_alphanumeric() || " -_.+=,@/".contains(character),
    }
}

/// Whether a pattern matches some resource of a served type. No name begins or ends with white space.
fn may_be_here(pattern: &str, service: &str, kind: &str) -> bool {
    let name = pattern.rsplit(':').next().unwrap_or_default();
    name.trim() == name && resource_may_name(pattern, service, kind, of_name(kind))
}

fn meaning_of_resource(pattern: &str) -> Meaning {
    let kinds = SERVICES.into_iter().flat_map(|(service, kinds)| kinds.iter().map(move |kind| (service, *kind)));
    if kinds.into_iter().any(|(service, kind)| may_be_here(pattern, service, kind)) {
        return Meaning::Here;
    }
    let mut segments = pattern.split(':');
    let (service, region) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let kind = segments.nth(1);
    if service.is_empty() || !pattern.contains(':') {
        let form = "resources have the form service:region:domain:type:name";
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
    if of_cloud.any(|kind| resource_may_name(pattern, service, kind, |_| true)) {
        return Meaning::Cloud(format!("nothing here is a resource {pattern} of the cloud"));
    }
    let nearest = nearest(kind.unwrap_or_default(), kinds.iter().copied());
    let pattern = shown(pattern);
    Meaning::Nothing(format!("no resource matches {pattern}; write {service}:*:*:{nearest}:<name>"))
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

    use proptest::prelude::*;

    use super::*;

    fn review(statement: &str) -> PolicyReview {
        check(&read(statement), None)
    }

    fn read(statements: &str) -> Policy {
        Policy::parse(&format!(r#"{{"Version":"5.0","Statement":[{statements}]}}"#)).unwrap()
    }

    fn lines(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
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
                r#"{{"Effect":"Deny","Action":["{action}"],"Condition":{{"StringEquals":{{"{condition}":"x"}}}}}}"#
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
            assert!(refusals[0].starts_with("Statement[0].Condition.StringEquals: "), "{refusals:?}");
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

    #[test]
    fn the_same_text_as_before_is_never_refused() {
        let stored = read(r#"{"Effect":"Deny","Action":["csms:secret:getVersions"]}"#);
        let same = check(&stored, Some(&stored));
        assert_eq!((same.refusals.len(), same.warnings.len()), (0, 1));
        let impossible =
            read(r#"{"Effect":"Deny","Action":[" csms:secret:get"],"Resource":["csms:*:*:secretName:x "]}"#);
        let kept = check(&impossible, Some(&impossible));
        assert_eq!((kept.refusals.len(), kept.warnings.len()), (0, 2));
        let other = read(r#"{"Effect":"Deny","Action":["csms:secret:getVersionz"]}"#);
        assert_eq!(check(&other, Some(&stored)).refusals.len(), 1);
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
        fn the_names_of_every_right_are_stored(index in 0_usize..500) {
            let all: Vec<_> = actions().collect();
            let action = all[index % all.len()];
            let statement = format!(r#"{{"Effect":"Deny","Action":["{action}"]}}"#);
            prop_assert_eq!(review(&statement), PolicyReview::default());
        }
    }
}
