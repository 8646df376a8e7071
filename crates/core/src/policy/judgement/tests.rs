//! Judgements against `decide` over every way to complete the question.

use alloc::{format, vec};

use proptest::{collection, prelude::*, sample::select};

use super::*;
use crate::policy::{Conditions, decide, secret_resource};

/// Kinds of keys that the random policies ask about.
const KINDS: [ConditionKind; 4] =
    [ConditionKind::SecretType, ConditionKind::UserName, ConditionKind::ResourceTag, ConditionKind::TagKeys];

/// Values of the random contexts. No policy names the last one.
const VALUES: [Option<&str>; 6] = [None, Some("*"), Some("a"), Some("a*"), Some("ab"), Some("zz")];

/// Names of the random resources. No pattern names the last one.
const NAMES: [&str; 4] = ["a", "ab", "bb", "zz"];

const ACTION: [&str; 2] = ["csms:secret:get", "csms:old:get"];

fn put(context: &mut RequestContext, kind: ConditionKind, value: Option<&str>) {
    let owned = value.map(String::from);
    match kind {
        ConditionKind::SecretType => context.secret_type = owned,
        ConditionKind::UserName => context.user_name = owned,
        ConditionKind::ResourceTag => {
            context.resource_tags = owned.into_iter().map(|value| (String::from("t"), value)).collect();
        }
        ConditionKind::TagKeys => context.request_tags = owned.into_iter().map(|key| (key, String::new())).collect(),
        other => unreachable!("{other:?}"),
    }
}

fn context(values: [Option<&str>; 4]) -> RequestContext {
    let mut context = RequestContext::default();
    for (kind, value) in KINDS.into_iter().zip(values) {
        put(&mut context, kind, value);
    }
    context
}

fn completions(known: &RequestContext, unknown: &[ConditionKind]) -> Vec<RequestContext> {
    let mut all = vec![known.clone()];
    for kind in unknown {
        let complete = |context: &RequestContext| {
            let context = context.clone();
            VALUES.map(|value| {
                let mut context = context.clone();
                put(&mut context, *kind, value);
                context
            })
        };
        all = all.iter().flat_map(complete).collect();
    }
    all
}

fn conditions(with_variables: bool) -> impl Strategy<Value = Conditions> {
    let operator = select(&[
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringStartWith",
        "StringLikeIfExists",
        "StringNotLikeIfExists",
        "ForAnyValue:StringNotLike",
        "ForAllValues:StringLike",
        "ForAllValues:StringNotLikeIfExists",
    ]);
    let key = select(&["csms:Type", "g:UserName", "g:ResourceTag/t", "g:TagKeys"]);
    let values = &["a", "a*", "*", "ab", "${g:UserName}", "${csms:Type, 'a'}*", "${*}", "${g:ResourceTag/t}"];
    let compare = (operator, key.clone(), select(&values[..if with_variables { 8 } else { 4 }]))
        .prop_map(|(operator, key, value)| format!(r#"{{"{operator}":{{"{key}":"{value}"}}}}"#));
    let null = (key, select(&[r#""true""#, r#""false""#, r#"["true","false"]"#]))
        .prop_map(|(key, value)| format!(r#"{{"Null":{{"{key}":{value}}}}}"#));
    let text = prop_oneof![1 => Just(String::from("{}")), 4 => compare, 1 => null];
    text.prop_map(|text| serde_json::from_str(&text).unwrap())
}

fn statement(with_variables: bool) -> impl Strategy<Value = Statement> {
    let action = select(&["csms:secret:get", "CSMS:*:GET", "csms:old:*", "csms:secret:list"]);
    let names = &["*", "a*", "ab", "?*", "*b", "${csms:Type}", "${g:UserName, 'a'}*", "${g:TagKeys}"];
    let name = select(&names[..if with_variables { 8 } else { 5 }]);
    let resource = proptest::option::of(name.prop_map(|name| vec![format!("csms:*:*:secretName:{name}")]));
    (select(&[Effect::Allow, Effect::Deny]), action, resource, conditions(with_variables)).prop_map(
        |(effect, action, resource, condition)| Statement {
            sid: None,
            effect,
            action: vec![String::from(action)],
            resource,
            condition,
        },
    )
}

fn policy(statements: Vec<Statement>) -> Policy {
    Policy { version: String::from("5.0"), statement: statements }
}

fn named(name: &str) -> String {
    secret_resource("r", "d", name)
}

fn values() -> impl Strategy<Value = [Option<&'static str>; 4]> {
    [select(&VALUES), select(&VALUES), select(&VALUES), select(&VALUES)]
}

/// Whether each completion is allowed.
fn outcomes(policies: &[Policy], names: &[&str], contexts: &[RequestContext]) -> Vec<bool> {
    let mut outcomes = Vec::new();
    for name in names {
        for context in contexts {
            outcomes.push(decide(policies, &ACTION, &named(name), context) == Some(Effect::Allow));
        }
    }
    outcomes
}

proptest! {
    #[test]
    fn with_everything_known_it_is_the_decision(
        statements in collection::vec(statement(true), 0..5), values in values(), name in select(&NAMES)
    ) {
        let (policies, context, resource) = ([policy(statements)], context(values), named(name));
        let allowed = decide(&policies, &ACTION, &resource, &context) == Some(Effect::Allow);
        let expected = if allowed { Judgement::Allowed } else { Judgement::Denied };
        prop_assert_eq!(judge(&policies, &ACTION, ResourceQuery::Named(&resource), &context, &[]), expected);
    }

    #[test]
    fn no_completion_contradicts_a_judgement(
        statements in collection::vec(statement(true), 0..5),
        values in values(),
        unknown in proptest::sample::subsequence(&KINDS[..], 0..=3),
        name in proptest::option::of(select(&NAMES)),
    ) {
        let (policies, known) = ([policy(statements)], context(values));
        let (resource, names) = name.map_or((named(""), &NAMES[..]), |name| (named(name), core::slice::from_ref(
            NAMES.iter().find(|known| **known == name).unwrap()
        )));
        let query = if name.is_some() { ResourceQuery::Named(&resource) } else { ResourceQuery::Unnamed(&resource) };
        let outcomes = outcomes(&policies, names, &completions(&known, &unknown));
        match judge(&policies, &ACTION, query, &known, &unknown) {
            Judgement::Allowed => prop_assert!(outcomes.iter().all(|allowed| *allowed)),
            Judgement::Denied => prop_assert!(outcomes.iter().all(|allowed| !allowed)),
            Judgement::Depends(on) => {
                prop_assert!(!on.is_empty());
                prop_assert!(name.is_none() || !on.iter().any(|word| word == RESOURCE));
            }
        }
    }

    /// One statement without variables is weighed exactly. Several may complement each other, which the judgement does not notice.
    #[test]
    fn what_a_judgement_depends_on_does_change_the_outcome(
        mut statement in statement(false), values in values(), unknown in proptest::sample::subsequence(&KINDS[..], 0..=3),
    ) {
        statement.effect = Effect::Allow;
        let (policies, known) = ([policy(vec![statement])], context(values));
        let outcomes = outcomes(&policies, &NAMES, &completions(&known, &unknown));
        let all = outcomes.iter().all(|allowed| *allowed);
        let any = outcomes.iter().any(|allowed| *allowed);
        match judge(&policies, &ACTION, ResourceQuery::Unnamed(&named("")), &known, &unknown) {
            Judgement::Depends(_) => prop_assert!(any && !all),
            _ => prop_assert!(all || !any),
        }
    }
}

fn read(text: &str) -> [Policy; 1] {
    [Policy::parse(&format!(r#"{{"Version":"5.0","Statement":[{text}]}}"#)).unwrap()]
}

fn ask(statements: &str, unknown: &[ConditionKind]) -> Judgement {
    let known = RequestContext { secret_type: Some(String::from("COMMON")), ..RequestContext::default() };
    judge(&read(statements), &ACTION, ResourceQuery::Unnamed(&named("")), &known, unknown)
}

#[test]
fn a_dependence_names_each_key_that_counts_once() {
    let tags = [ConditionKind::ResourceTag, ConditionKind::RequestTag];
    let allow = r#"{"Effect":"Allow","Action":["csms:*"],"Resource":["csms:*:*:secretName:a-*"],
        "Condition":{"StringEquals":{"G:resourcetag/Stage":"test"},"StringNotEquals":{"g:ResourceTag/Stage":"prod"}}}"#;
    let depends = |keys: &[&str]| Judgement::Depends(keys.iter().copied().map(String::from).collect());
    assert_eq!(ask(allow, &tags), depends(&["Resource", "g:ResourceTag/Stage"]));
    let deny = r#"{"Effect":"Deny","Action":["csms:*"],"Condition":{"Null":{"g:RequestTag/x":"false"}}}"#;
    assert_eq!(ask(&format!("{allow},{deny}"), &tags), depends(&["Resource", "g:RequestTag/x", "g:ResourceTag/Stage"]));
    let all = r#"{"Effect":"Allow","Action":["csms:*"]}"#;
    assert_eq!(ask(&format!("{allow},{deny},{all}"), &tags), depends(&["g:RequestTag/x"]));
}

#[test]
fn a_dependence_names_the_keys_of_variables() {
    let depends = |keys: &[&str]| Judgement::Depends(keys.iter().copied().map(String::from).collect());
    let by_tag =
        r#"{"Effect":"Allow","Action":["csms:*"],"Condition":{"StringEquals":{"csms:Type":"${g:ResourceTag/x}"}}}"#;
    assert_eq!(ask(by_tag, &[ConditionKind::ResourceTag]), depends(&["g:ResourceTag/x"]));
    let by_name = r#"{"Effect":"Allow","Action":["csms:*"],"Resource":["csms:*:*:secretName:${g:UserName}-*"]}"#;
    assert_eq!(ask(by_name, &[ConditionKind::UserName]), depends(&["Resource", "g:UserName"]));
    let named = |user: Option<&str>, unknown: &[ConditionKind]| {
        let known = RequestContext { user_name: user.map(String::from), ..RequestContext::default() };
        judge(&read(by_name), &ACTION, ResourceQuery::Named(&named("ab-db")), &known, unknown)
    };
    assert_eq!(named(None, &[ConditionKind::UserName]), depends(&["g:UserName"]));
    assert_eq!(named(None, &[]), Judgement::Denied);
    assert_eq!(named(Some("ab"), &[]), Judgement::Allowed);
    assert_eq!(named(Some("*"), &[]), Judgement::Denied);
}

#[test]
fn what_is_certain_is_not_reported_as_depending() {
    let tags = [ConditionKind::ResourceTag];
    for (statements, expected) in [
        ("", Judgement::Denied),
        (r#"{"Effect":"Deny","Action":["*"],"Condition":{"Null":{"g:ResourceTag/x":"true"}}}"#, Judgement::Denied),
        (
            r#"{"Effect":"Allow","Action":["*"],"Condition":{"Null":{"g:ResourceTag/x":"true"}}},
               {"Effect":"Deny","Action":["csms:*:get"]}"#,
            Judgement::Denied,
        ),
        (
            r#"{"Effect":"Allow","Action":["*"]},
               {"Effect":"Deny","Action":["*"],"Condition":{"StringEquals":{"g:ResourceTag/x":"y","csms:Type":"RDS-FG"}}}"#,
            Judgement::Allowed,
        ),
        (
            r#"{"Effect":"Allow","Action":["*"]},{"Effect":"Deny","Action":["*"],"Resource":["kms:*"]}"#,
            Judgement::Allowed,
        ),
    ] {
        if statements.is_empty() {
            let known = RequestContext::default();
            assert_eq!(judge(&[], &ACTION, ResourceQuery::Unnamed(&named("")), &known, &tags), expected);
        } else {
            assert_eq!(ask(statements, &tags), expected, "{statements}");
        }
    }
}
