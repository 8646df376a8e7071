//! For every operation, every resource it touches, both effects, six ways to tell it and every trick: the server
//! decides as the reference evaluator does.

use csms_hostile::{Decision, decide, normalised};
use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::{
    report::Class,
    support::Answer,
    touches::{Need, Row, Shown, Touch},
    world::{ADDRESS, Asked, World, policy},
};

/// How a policy tells the touched resource from others.
#[derive(Clone, Copy, Debug)]
enum By {
    Name,
    Tag,
    Key,
    Type,
    Version,
    /// By nothing of its own: by where the request comes from, and from which account.
    Address,
}

const BY: [By; 6] = [By::Name, By::Tag, By::Key, By::Type, By::Version, By::Address];

/// What is done to slip past a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trick {
    Plain,
    /// The policy names the action, and the request the things, by other names that they have.
    Alias,
    /// A member of the body is repeated.
    Repeated,
    /// The body has members that the operation does not read.
    Unread,
    /// The policy is written in another case.
    OtherCase,
}

impl Trick {
    const ALL: [Self; 5] = [Self::Plain, Self::Alias, Self::Repeated, Self::Unread, Self::OtherCase];

    const fn class(self) -> &'static str {
        match self {
            Self::Plain => "Every operation and resource, baseline",
            Self::Alias => "Every operation and resource, other names of the same",
            Self::Repeated => "Every operation and resource, repeated member",
            Self::Unread => "Every operation and resource, members that are not read",
            Self::OtherCase => "Every operation and resource, policy in another case",
        }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Refused,
    LetThrough,
    Malformed,
}

/// What an answer says of the rights of the caller.
pub(crate) fn outcome(answer: &Answer, shown: &Shown) -> Outcome {
    match answer.code() {
        "CSMS.0302" | "KMS.0302" | "PAP5.0001" => Outcome::Refused,
        // Of the operations on secrets: the caller may not use the key. One that does not exist is no refusal of a right.
        "CSMS.0401" if answer.body.to_string().contains("policies do not allow") => Outcome::Refused,
        "CSMS.0004" | "KMS.0004" => Outcome::Malformed,
        code if code.starts_with("IAM.") && answer.body.to_string().contains("is repeated") => Outcome::Malformed,
        _ => match shown {
            Shown::ByCode => Outcome::LetThrough,
            Shown::ByAbsence(name) => {
                let deleted = answer.body["success_secrets"].as_array();
                let is_deleted = deleted.is_some_and(|deleted| deleted.iter().any(|found| found == name));
                if is_deleted { Outcome::LetThrough } else { Outcome::Refused }
            }
        },
    }
}

/// What the reference evaluator expects of a request under policies.
fn expected(world: &World, policies: &[Value], touches: &[Touch]) -> Outcome {
    let is_let_through = touches.iter().all(|touch| {
        let mut facts = touch.facts.clone();
        facts.insert(normalised("g:SourceIp"), vec![ADDRESS.to_string()]);
        facts.insert(normalised("g:DomainId"), vec![world.domain.clone()]);
        match (decide(policies, touch.actions, &touch.resource, &facts), touch.need) {
            (Decision::Allowed, _) | (Decision::Silent, Need::NoDeny) => true,
            (Decision::Silent, Need::Allow) | (Decision::Denied, _) => false,
        }
    });
    if is_let_through { Outcome::LetThrough } else { Outcome::Refused }
}

/// A statement about one touched resource, by one of its properties.
fn statement(world: &World, effect: &str, touch: &Touch, by: By, trick: Trick) -> Value {
    // The name in force is the first; the last is the oldest.
    let name = if trick == Trick::Alias { touch.actions.last() } else { touch.actions.first() };
    let mut action = (*name.unwrap()).to_owned();
    let mut resource = touch.resource.clone();
    if trick == Trick::OtherCase {
        action = action.to_uppercase();
        let parts: Vec<_> = resource.splitn(5, ':').collect();
        // The identifier of a key has no case, other names have.
        let name = if parts[3] == "KeyId" { parts[4].to_uppercase() } else { parts[4].to_owned() };
        resource = [&parts[0].to_uppercase(), parts[1], parts[2], &parts[3].to_lowercase(), &name].join(":");
    }
    let key_of = |key: &str| if trick == Trick::OtherCase { key.to_uppercase() } else { key.to_owned() };
    let equals = |key: String, value: &str| json!({ "StringEquals": { key: [value] } });
    let mut statement = json!({ "Effect": effect, "Action": [action] });
    match by {
        By::Name => statement["Resource"] = json!([resource]),
        // The name of a tag has case.
        By::Tag => statement["Condition"] = equals(key_of("g:ResourceTag") + "/stage", "production"),
        By::Key => {
            let key = if trick == Trick::OtherCase { world.k2.to_uppercase() } else { world.k2.clone() };
            statement["Condition"] = equals(key_of("csms:KmsKeyId"), &key);
        }
        By::Type => statement["Condition"] = equals(key_of("csms:Type"), "COMMON"),
        By::Version => statement["Condition"] = equals(key_of("csms:VersionId"), "v1"),
        By::Address => {
            statement["Condition"] = json!({
                "IpAddress": { key_of("g:SourceIp"): [format!("{ADDRESS}/24")] },
                "StringEquals": { key_of("g:DomainId"): [world.domain] },
            });
        }
    }
    statement
}

/// A policy that allows all but the touched resource, which it denies; or one that allows the others, and the touched resource
/// by one of its properties alone.
fn policy_about(world: &World, effect: &str, row: &Row, touched: usize, by: By, trick: Trick) -> Value {
    let touch = &row.touches[touched];
    let mut statements = vec![statement(world, effect, touch, by, trick)];
    if effect == "Deny" {
        statements.push(json!({ "Effect": "Allow", "Action": ["*"] }));
    } else {
        let others = row.touches.iter().enumerate().filter(|(index, _)| *index != touched);
        statements.extend(others.map(
            |(_, other)| json!({ "Effect": "Allow", "Action": [other.actions.first()], "Resource": [other.resource] }),
        ));
    }
    policy(&json!(statements))
}

/// The request with a trick; `None` where the trick does not apply.
fn tricked(world: &World, row: &Row, touch: &Touch, trick: Trick) -> Option<Asked> {
    let asked = row.asked.clone();
    match trick {
        Trick::Plain | Trick::OtherCase => Some(asked),
        Trick::Alias => match &row.alias {
            Some(alias) => Some(alias.clone()),
            None => (touch.actions.len() > 1).then_some(asked),
        },
        Trick::Repeated if row.reads_body => {
            // The first member again, by an escape, so that only a reader of JSON sees that it is the same.
            let body: Value = serde_json::from_str(&asked.body).unwrap();
            let (name, value) = body.as_object().and_then(|members| members.iter().next())?;
            let first = name.chars().next()?;
            let escaped = format!("\\u{:04x}{}", u32::from(first), &name[first.len_utf8()..]);
            Some(Asked { body: asked.body.replacen('{', &format!("{{\"{escaped}\":{value},"), 1), ..asked })
        }
        Trick::Repeated => None,
        Trick::Unread => {
            let mut body: Value =
                if asked.body.is_empty() { json!({}) } else { serde_json::from_str(&asked.body).unwrap() };
            let members = body.as_object_mut()?;
            let takes_key = matches!(row.operation, "CreateSecret" | "UpdateSecret" | "CreateSecretReplica");
            if !takes_key {
                members.insert("kms_key_id".to_owned(), world.k1.clone().into());
            }
            let names =
                ["secret_name", "resource_tag", "csms:Type", "csms:KmsKeyId", "g:ResourceTag/stage", "tags_of_it"];
            for name in names {
                members.insert(name.to_owned(), world.other().into());
            }
            Some(Asked { body: body.to_string(), ..asked })
        }
    }
}

/// Tries every case of the rows that `rows` makes of a world.
///
/// # Errors
/// Every case in which the server does not decide as the evaluator.
pub(crate) async fn all(world: &mut World, rows: impl Fn(&World) -> Vec<Row>) -> Result<(), Failed> {
    let mut problems = Vec::new();
    for trick in Trick::ALL {
        let mut class = Class::new(trick.class());
        for index in 0..rows(world).len() {
            for touched in 0..rows(world)[index].touches.len() {
                for by in BY {
                    for effect in ["Allow", "Deny"] {
                        let row = &rows(world)[index];
                        try_one(world, row, touched, effect, by, trick, &mut class).await;
                        if row.spoils && world.is_spoilt {
                            world.renew().await;
                        }
                    }
                }
            }
        }
        if let Err(problem) = class.finish() {
            problems.push(problem.message().unwrap_or_default().to_owned());
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n\n").into()) }
}

async fn try_one(world: &mut World, row: &Row, touched: usize, effect: &str, by: By, trick: Trick, class: &mut Class) {
    let Some(asked) = tricked(world, row, &row.touches[touched], trick) else { return };
    let policies = [policy_about(world, effect, row, touched, by, trick)];
    let wanted = expected(world, &policies, &row.touches);
    world.give(&policies).await;
    let answer = world.ask(&asked).await;
    let got = outcome(&answer, &row.shown);
    world.is_spoilt = got == Outcome::LetThrough;
    if got == Outcome::LetThrough
        && let Some(repair) = &row.repair
        && answer.status.is_success()
    {
        let body = serde_json::from_str(&repair.body).unwrap_or(Value::Null);
        world.done(repair.method, &repair.path, body).await;
    }
    let held = match trick {
        // Nothing is done, whatever the rights; who has none may be told so instead. A move that cannot be read is taken for one of
        // a secret, to which the right to a key is none.
        Trick::Repeated => {
            let may_be_refused = wanted == Outcome::Refused || row.operation == "MigrateResource";
            got == Outcome::Malformed || (got == Outcome::Refused && may_be_refused)
        }
        _ => got == wanted,
    };
    class.case(held, || {
        let Asked { method, path, body } = &asked;
        format!(
            "{} {by:?} {effect} {trick:?} of {}\n  policy {}\n  {method} {path} {body}\n  expected {wanted:?}, got {got:?}: {} {}",
            row.operation, row.touches[touched].resource, policies[0], answer.status, answer.body
        )
    });
}
