//! Every route leaves its metric, and every route that changes, uses or reads something secret leaves its record, also when the
//! caller is nobody.

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};
use csms_api::{Operation, cts::CtsOperation, eps::EpsOperation, iam::IamOperation, kms::KmsOperation};
use csms_server::{
    gate::service::{Audited, Service},
    services::{functiongraph::FunctionOperation, iam::tokens::TokenOperation, permissions::PermissionOperation},
};
use csms_store::Store as _;
use libtest_mimic::Failed;
use serde_json::Value;

use crate::{
    report::Class,
    support::Key,
    touches::{self, Row},
    world::{Asked, World, policy},
};

/// The lines of `/metrics` that count requests.
async fn counted(world: &World) -> BTreeSet<String> {
    let text = world.server.app.metrics.text();
    text.lines().filter(|line| line.starts_with("csms_requests_total")).map(str::to_owned).collect()
}

/// Actors, actions and outcomes in the audit trail.
async fn recorded(world: &World) -> BTreeSet<[String; 3]> {
    world.server.app.trail.flush().await.unwrap();
    let records = world.server.app.store.audit_records(0, 60_000, None).await.unwrap();
    let read = records.iter().map(|record| {
        let record: Value = serde_json::from_str(&record.document).unwrap();
        ["actor", "action", "outcome"].map(|name| record[name].as_str().unwrap_or_default().to_owned())
    });
    read.collect()
}

/// One route: the name of its operation, a request, and whether a success belongs in the trail.
struct Route {
    name: &'static str,
    asked: Asked,
    is_recorded: bool,
}

fn routes(world: &World) -> Vec<Route> {
    fn of<S: Service>(operation: S, rows: Vec<Row>) -> Vec<Route> {
        let is_recorded = operation.audited() != Audited::No;
        let name = operation.specification().name;
        rows.into_iter().map(|row| Route { name, asked: row.asked, is_recorded }).collect()
    }
    let mut all = Vec::new();
    all.extend(Operation::ALL.iter().flat_map(|it| of(*it, touches::of_secrets(world, *it))));
    all.extend(KmsOperation::ALL.iter().flat_map(|it| of(*it, touches::of_keys(world, *it))));
    all.extend(IamOperation::ALL.iter().flat_map(|it| of(*it, touches::of_account(world, *it))));
    all.extend(CtsOperation::ALL.iter().flat_map(|it| of(*it, touches::of_traces(world, *it))));
    all.extend(FunctionOperation::ALL.iter().flat_map(|it| of(*it, touches::of_functions(world, *it))));
    all.extend(EpsOperation::ALL.iter().flat_map(|it| of(*it, touches::of_moves(world, *it))));
    let others = TokenOperation::ALL.iter().map(|it| (it.specification(), it.audited()));
    let others = others.chain(PermissionOperation::ALL.iter().map(|it| (it.specification(), it.audited())));
    all.extend(others.map(|(row, audited)| {
        let path = row.path.replace("{project_id}", &world.home);
        let asked = Asked { method: row.method.as_str(), path, body: "{}".to_owned() };
        Route { name: row.name, asked, is_recorded: audited != Audited::No }
    }));
    all
}

/// Asks every route as nobody, with a wrong signature, without rights and with all.
pub(crate) async fn every_route_leaves_them() -> Result<(), Failed> {
    let world = World::start().await;
    let mut metrics = Class::new("Every route leaves its metric");
    let mut records = Class::new("Every use, change and refusal leaves its record");
    world.give(&[policy(&serde_json::json!([{ "Effect": "Allow", "Action": ["obs:*"] }]))]).await;
    let wrong = Key { secret_key: "guess".to_owned(), ..world.caller.clone() };
    let admin = world.server.key();
    for route in routes(&world) {
        let Asked { method, path, body } = &route.asked;
        let open = Request::builder().method(*method).uri(path).header("host", "localhost");
        let open = world.server.send(open.body(Body::from(body.clone())).unwrap()).await;
        let answers = [
            ("nobody", open),
            ("a wrong signature", world.ask_as(&wrong, &route.asked).await),
            ("no rights", world.ask(&route.asked).await),
            ("all rights", world.ask_as(&admin, &route.asked).await),
        ];
        let (lines, trail) = (counted(&world).await, recorded(&world).await);
        for (who, answer) in answers {
            let status = answer.status.as_u16();
            let has_labels = |line: &String| {
                line.contains(&format!("operation=\"{}\"", route.name))
                    && line.contains(&format!("status=\"{status}\""))
            };
            metrics.case(lines.iter().any(has_labels), || format!("{} {status} by {who} has no metric", route.name));
            let outcome = if answer.status.is_success() || answer.code() == "none" { "OK" } else { answer.code() };
            let is_refusal = matches!(status, 401 | 403);
            if !(route.is_recorded || is_refusal) {
                continue;
            }
            // Outcomes are codes of the server; some services translate them for their callers.
            let is_there = trail.iter().any(|[actor, action, recorded]| {
                let is_actor = match who {
                    "all rights" => actor == "admin",
                    "no rights" => actor == "mallory",
                    _ => actor != "admin" && actor != "mallory",
                };
                // A login is nobody's until it has succeeded.
                (is_actor || route.name == "CreateToken")
                    && action == route.name
                    && (recorded == outcome || (!answer.status.is_success() && recorded != "OK"))
            });
            records.case(is_there, || format!("{} {status} {outcome} by {who} has no record", route.name));
        }
    }
    let (metrics, records) = (metrics.finish(), records.finish());
    metrics.and(records)
}
