//! The audit trail by requests: ListTraces of the Cloud Trace Service, on the same port.
//!
//! Shows records as traces; what a record says is decided in [`crate::audit`].

use csms_api::{
    ErrorCode,
    cts::{
        CtsOperation, ListTraces, ListTracesResponse, Service as TraceService, Trace, TraceDomain, TraceUser,
        TracesPage, marker,
    },
    iam::IamOperation,
    kms::KmsOperation,
    operation::Specification,
};
use csms_core::ProjectId;
use csms_store::{Actions, AuditFilter, AuditRecord, Store};
use serde_json::json;

use crate::{
    app::App,
    audit::{OK, Record},
    failure::Failure,
    gate::{
        access::Kind,
        answer::Answer,
        json::Body,
        service::{Audited, Call, Prepared, Scope, Service},
    },
};

/// Actions of commands on users, access keys and policies, as records name them.
const COMMANDS: [&str; 14] = [
    "CreateUser",
    "DeleteUser",
    "DisableUser",
    "EnableUser",
    "SetPassword",
    "AttachPolicy",
    "DetachPolicy",
    "CreateAccessKey",
    "DisableAccessKey",
    "EnableAccessKey",
    "DeleteAccessKey",
    "CreatePolicy",
    "UpdatePolicy",
    "DeletePolicy",
];

impl Service for CtsOperation {
    fn specification(self) -> Specification {
        Self::specification(self)
    }

    fn scope(self) -> Scope {
        Scope::Project
    }

    fn audited(self) -> Audited {
        Audited::No
    }

    fn kind(self) -> Kind {
        Kind::Trace
    }

    async fn prepare(self, call: Call, _body: Body) -> Result<Prepared, Failure> {
        match self {
            Self::ListTraces => {
                let asked = ListTraces::read(call.query(), call.app.clock.now())?;
                Ok(Prepared::new(vec![call.all(Kind::Trace)], async move { list(&call, asked).await }))
            }
        }
    }
}

/// The traces that are asked for.
async fn list(call: &Call, asked: ListTraces) -> Result<Answer, Failure> {
    let (app, project) = (&call.app, &call.project);
    // What this server has gathered and not written yet is part of the trail.
    app.trail.flush().await?;
    let (records, more) = match asked.trace_id {
        Some(number) => (one(app, number).await?, false),
        None => {
            let limit = usize::from(asked.limit);
            let mut records = app.store.find_audit_records(&filter(&asked, project)).await?;
            let more = records.len() > limit;
            records.truncate(limit);
            (records, more)
        }
    };
    let read: Vec<(u64, Record<'_>)> = records
        .iter()
        .map(|stored| Ok((stored.number, serde_json::from_str(&stored.document).map_err(Failure::internal)?)))
        .collect::<Result<_, Failure>>()?;
    let of_project = |record: &Record<'_>| record.project.is_none_or(|known| known == project.as_str());
    let next = read.last().filter(|_| more).map(|(number, record)| marker(record.time, *number));
    let traces: Vec<_> = read
        .iter()
        .filter(|(_, record)| of_project(record))
        .map(|(number, record)| describe(app, *number, record))
        .collect();
    let meta_data = TracesPage { count: traces.len(), marker: next };
    Answer::json(&ListTracesResponse { traces, meta_data })
}

/// The record of a number, if there is one.
async fn one(app: &App, number: u64) -> Result<Vec<AuditRecord>, Failure> {
    let Some(before) = number.checked_sub(1) else { return Ok(Vec::new()) };
    let mut records = app.store.audit_records(before, 1, None).await?;
    records.retain(|record| record.number == number);
    Ok(records)
}

/// The service that an action belongs to: the secrets' own, unless it is another's.
fn service_of(action: &str) -> TraceService {
    if KmsOperation::from_name(action).is_some() {
        TraceService::Kms
    } else if IamOperation::from_name(action).is_some() || COMMANDS.contains(&action) {
        TraceService::Iam
    } else {
        TraceService::Csms
    }
}

/// The actions of a service, as the store looks for them.
fn actions_of(service: TraceService) -> Actions {
    let kms = KmsOperation::ALL.iter().map(|operation| operation.specification().name);
    let iam = IamOperation::ALL.iter().map(|operation| operation.specification().name).chain(COMMANDS);
    match service {
        TraceService::Csms => Actions::Except(kms.chain(iam).map(str::to_owned).collect()),
        TraceService::Kms => Actions::Among(kms.map(str::to_owned).collect()),
        TraceService::Iam => Actions::Among(iam.map(str::to_owned).collect()),
    }
}

/// What to ask the store for: one record more than is answered, to know whether there are more.
fn filter(asked: &ListTraces, project: &ProjectId) -> AuditFilter {
    let actions = match (&asked.trace_name, asked.service) {
        (Some(name), Some(service)) if service_of(name) != service => Some(Actions::Among(Vec::new())),
        (Some(name), _) => Some(Actions::Among(vec![name.clone()])),
        (None, service) => service.map(actions_of),
    };
    AuditFilter {
        before: asked.before,
        project: Some(project.to_string()),
        actor: asked.user.clone(),
        subject: asked.resource_name.clone(),
        subject_id: asked.resource_id.clone(),
        actions,
        succeeded: asked.succeeded,
        ..AuditFilter::between(asked.from, asked.to, asked.limit + 1)
    }
}

fn describe(app: &App, number: u64, record: &Record<'_>) -> Trace {
    let service = service_of(record.action);
    let resource_type = match (service, record.secret, record.key) {
        (TraceService::Iam, _, _) if record.action.contains("AccessKey") => Some("accessKey"),
        (TraceService::Iam, _, _) if record.action.contains("Policy") && !record.action.contains("tach") => {
            Some("policy")
        }
        (TraceService::Iam, _, _) => Some("user"),
        (_, Some(_), _) => Some("secret"),
        (_, None, Some(_)) => Some("cmk"),
        (_, None, None) => None,
    };
    let succeeded = record.outcome == OK;
    let status = ErrorCode::ALL.iter().find(|code| code.as_str() == record.outcome).map(|code| code.status());
    let mut message = json!({ "outcome": record.outcome });
    if let Some(version) = record.version {
        message["version_id"] = version.to_string().into();
    }
    if let Some(agency) = record.agency {
        message["agency"] = agency.into();
    }
    if record.count > 1 {
        message["count"] = record.count.into();
    }
    let is_own = matches!(record.actor.as_ref(), "csms" | "command") && record.user_id.is_none();
    let text = |text: Option<&str>| text.map(str::to_owned);
    Trace {
        trace_id: number.to_string(),
        trace_name: record.action.to_owned(),
        trace_rating: if succeeded { "normal" } else { "warning" },
        trace_type: if is_own { "SystemAction" } else { "ApiCall" },
        service_type: service.as_str(),
        resource_type,
        resource_name: text(record.secret.or(record.key).or(record.target)),
        resource_id: text(record.secret_id.or(record.key)),
        user: TraceUser {
            id: text(record.user_id),
            name: record.actor.to_string(),
            user_name: record.actor.to_string(),
            domain: TraceDomain { id: app.identity.domain_id.clone(), name: app.identity.domain_name.clone() },
            account_id: app.identity.domain_id.clone(),
        },
        time: record.time.as_millis(),
        record_time: record.time.as_millis(),
        code: status.unwrap_or(if succeeded { 200 } else { 500 }).to_string(),
        read_only: matches!(record.action, "ShowSecretVersion" | "BatchGetSecretValue"),
        source_ip: record.source.map(|source| source.to_string()),
        request_id: text(record.request),
        message: message.to_string(),
    }
}
