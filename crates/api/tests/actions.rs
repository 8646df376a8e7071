//! The cloud's table of actions, older names and condition keys against what the operations here go by.

use csms_api::{
    Operation,
    kms::KmsOperation,
    policy_check,
    vocabulary::{GLOBAL_CONDITIONS, actions},
};
use csms_core::policy::{ConditionKey, ConditionKind, Policy, RequestContext, allows};

const TABLE: &str = include_str!("actions.txt");

/// Words of the lines that begin with `sort`.
fn lines(sort: &str) -> Vec<Vec<&'static str>> {
    let words = TABLE.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    words.filter(|words| words[0] == sort).map(|words| words[1..].to_vec()).collect()
}

/// The actions of the operation of this name, and the condition keys that are judged for it.
fn operation(name: &str) -> (&'static [&'static str], Vec<ConditionKind>) {
    let secrets = Operation::from_name(name).map(|known| (known.specification().actions, known.conditions()));
    let keys = || KmsOperation::from_name(name).map(|known| (known.specification().actions, known.conditions()));
    let (actions, own) = secrets.or_else(keys).unwrap_or_else(|| panic!("no operation {name}"));
    (actions, [own, &GLOBAL_CONDITIONS].concat())
}

#[test]
fn an_operation_goes_by_the_cloud_s_action_and_every_older_name() {
    let table = lines("action");
    assert!(table.len() > 40, "{}", table.len());
    for words in table {
        let (names, _) = operation(words[0]);
        assert_eq!(names[0], words[1], "{}", words[0]);
        for name in &words[1..] {
            for written in [(*name).to_owned(), name.to_uppercase(), name.to_lowercase()] {
                let policies = [Policy::allow(vec![written.clone()], None)];
                let context = RequestContext::default();
                assert!(allows(&policies, names, "csms:r:d:secretName:x", &context), "{} by {written}", words[0]);
                let review = policy_check::check(&policies[0], None, &policy_check::Site::default());
                assert_eq!(review, policy_check::PolicyReview::default(), "{written}");
            }
        }
    }
}

/// Stored policies may name them, so none may go.
#[test]
fn the_names_that_were_used_here_before_are_still_known() {
    for name in [
        "csms:tag:batchUpdate",
        "csms:tag:create",
        "csms:tag:delete",
        "csms:tag:list",
        "csms:tag:listProject",
        "csms:tag:listResources",
        "csms:event:listRecords",
        "csms:task:list",
        "csms:checker:check",
        "csms:checker:getConfig",
        "csms:agency:get",
        "csms:functionTemplate:get",
        "csms:secret:listReplicaRegions",
        "kms:cmk:crypto",
        "kms:dek:create",
        "kms:dek:encrypt",
        "kms:dek:decrypt",
        "functiongraph:function:invoke",
    ] {
        assert!(actions().any(|known| known == name), "{name}");
    }
}

#[test]
fn the_condition_keys_of_the_cloud_s_actions_are_judged() {
    for words in lines("condition") {
        let (_, judged) = operation(words[0]);
        for key in &words[1..] {
            let parsed = ConditionKey::parse(key).unwrap_or_else(|| panic!("no condition key {key}"));
            assert!(judged.contains(&parsed.kind()), "{key} of {}", words[0]);
        }
    }
}

#[test]
fn exactly_the_listed_operations_need_no_action() {
    let mut free: Vec<_> = lines("free").into_iter().map(|words| words[0]).collect();
    let mut known: Vec<_> = Operation::ALL
        .iter()
        .filter(|operation| operation.needs_no_action())
        .map(|operation| operation.specification().name)
        .collect();
    free.sort_unstable();
    known.sort_unstable();
    assert_eq!(known, free);
}

#[test]
fn what_is_said_of_all_actions_on_secrets_covers_their_tags() {
    let policies = [Policy::allow(vec!["csms:secret:*".to_owned()], None)];
    for name in
        ["CreateSecretTag", "DeleteSecretTag", "BatchCreateOrDeleteTags", "ListSecretTags", "ListResourceInstances"]
    {
        let (names, _) = operation(name);
        assert!(allows(&policies, names, "csms:r:d:secretName:x", &RequestContext::default()), "{name}");
    }
}
