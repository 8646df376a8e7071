//! The check of rights and the operations agree: asked for actions and for whole requests, for callers who are allowed, denied,
//! allowed under a condition, and whose task has ended; in both regions.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::{
    generated::{Outcome, outcome},
    report::Class,
    touches::{Row, Shown},
    world::{Asked, World, policy},
};

/// The answer of the check of rights to the caller.
async fn check(world: &World, project: &str, body: Value) -> Value {
    let answer = world.ask(&Asked::new("POST", &format!("/v1/{project}/csms/permissions/check"), &body)).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
    answer.body
}

/// Policies of callers, by what they are.
fn callers(world: &World, row: &Row) -> [(&'static str, Value); 5] {
    let action = row.touches[0].actions[0];
    let region = |region: &str| {
        let resource = [format!("*:{region}:*:*:*"), "iam:*".to_owned()];
        json!([{ "Effect": "Allow", "Action": ["*"], "Resource": resource }])
    };
    let by_tag = json!({ "StringEquals": { "g:ResourceTag/stage": ["production"] } });
    let conditional = json!([
        { "Effect": "Allow", "Action": ["*"] },
        { "Effect": "Deny", "Action": ["csms:*"], "Condition": by_tag },
        { "Effect": "Deny", "Action": ["kms:*"], "Condition": { "StringEquals": { "csms:KmsKeyId": [world.k2] } } },
    ]);
    [
        ("allowed", json!([{ "Effect": "Allow", "Action": ["*"] }])),
        ("denied", json!([{ "Effect": "Allow", "Action": ["*"] }, { "Effect": "Deny", "Action": [action] }])),
        ("conditional", conditional),
        ("of the region home", region("home")),
        ("of the region away", region("away")),
    ]
}

/// Compares the check with the operations of the rows.
///
/// # Errors
/// Every request about which the two disagree.
pub(crate) async fn all(world: &mut World, rows: impl Fn(&World) -> Vec<Row>) -> Result<(), Failed> {
    let mut class = Class::new("The check of rights agrees with the operation, asked for requests");
    let mut actions = Class::new("The check of rights agrees with the operation, asked for actions");
    for index in 0..rows(world).len() {
        for caller in 0..5 {
            for in_home in [true, false] {
                let row = &rows(world)[index];
                let (name, statements) = &callers(world, row)[caller];
                // A request whose body names the project acts in that one, whichever its path is about.
                let names_home = ["\"project_id\":\"", "\"projects\":[\""]
                    .iter()
                    .any(|member| row.asked.body.contains(&format!("{member}{}\"", world.home)));
                let in_home = in_home || names_home;
                let project = if in_home { world.home.clone() } else { world.away.clone() };
                let path = row.asked.path.replace(&world.home, &project);
                let asked = Asked { path, ..row.asked.clone() };
                world.give(&[policy(statements)]).await;
                let body = serde_json::from_str(&asked.body).unwrap_or(Value::Null);
                let mut request = json!({ "method": asked.method, "path": asked.path });
                if !body.is_null() {
                    request["body"] = body;
                }
                let action = row.touches[0].actions[0];
                let told = check(world, &project, json!({ "actions": [action], "requests": [request] })).await;
                let answer = world.ask(&asked).await;
                let got = outcome(&answer, &Shown::ByCode);
                let was_allowed = told["requests"][0]["allowed"] == true;
                // A request that is wrong in itself is not allowed either, with the operation's own code.
                let code = told["requests"][0]["error_code"].as_str().unwrap_or("none");
                let agrees = if was_allowed { got == Outcome::LetThrough } else { code == answer.code() };
                let is_spoilt = got == Outcome::LetThrough && answer.status.is_success();
                let what = || {
                    format!(
                        "{} of a caller {name}, {project}: told {told}, got {} {}",
                        row.operation, answer.status, answer.body
                    )
                };
                class.case(agrees, what);
                // An action that is allowed, or denied, whatever the request: the operation may be refused for another one.
                let is_in = |list: &str| told[list].as_array().is_some_and(|list| list.iter().any(|it| it == action));
                let is_one_of_three = [is_in("allowed"), is_in("denied"), told["depends"][0]["action"] == action];
                // Where the first thing is not there, the others are not touched.
                let touches_all = row.touches.len() == 1 || answer.status.as_u16() != 404;
                let holds = is_one_of_three.iter().filter(|is| **is).count() == 1
                    && (!is_in("denied") || got != Outcome::LetThrough || row.shown != Shown::ByCode || !touches_all)
                    && (!is_in("allowed") || got != Outcome::Refused || row.touches.len() > 1);
                actions.case(holds, what);
                if is_spoilt {
                    if let Some(repair) = row.repair.as_ref().filter(|_| in_home) {
                        let body = serde_json::from_str(&repair.body).unwrap_or(Value::Null);
                        world.done(repair.method, &repair.path, body).await;
                    }
                    if row.spoils {
                        world.renew().await;
                    }
                }
            }
        }
    }
    let (requests, actions) = (class.finish(), actions.finish());
    requests.and(actions)
}
