//! Agencies: what lets the service invoke functions, and lets functions act.
//!
//! In the cloud an agency is a role that the account lends to a service. This server gives its functions temporary keys for each
//! rotation without one, so nothing depends on an agency: it is a durable record, under the cloud's names, that an authorised
//! user has agreed. Consoles and scripts that look for agencies before they create a secret find them.

use csms_api::{
    request::rotation::{read_agency_body, read_agency_query},
    response::rotation::{AgencyInfo, CreateAgencyResponse, ShowAgencyResponse},
};
use csms_core::{SecretType, UnixMillis};
use csms_store::{ChangeError, Entry, EntryChange, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    gate::{
        access::{Kind, Need},
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
    installation::make_id,
};

/// The agencies of the cloud's services. They trust a service, so no user can assume them, and `csms agency` makes none of
/// these names.
pub const BUILT_IN: [&str; 3] = [
    "CSMSAccessFunctionGraph",
    "FunctionGraphAgencyForRotateRDSByCSMSV3",
    "FunctionGraphAgencyForRotateGaussDBByCSMSV3",
];

/// An agency that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Agency {
    id: String,
    create_time: UnixMillis,
}

impl Entry for Agency {
    const KIND: &'static str = "agency";
}

/// The agencies of a type of secrets: that of the service, which invokes the function, and that of the function. The name
/// of the last one for GaussDB-FG is ours; the cloud's is not published.
const fn names(kind: SecretType) -> [&'static str; 2] {
    let [service, rds, gauss] = BUILT_IN;
    match kind {
        SecretType::GaussDbFg => [service, gauss],
        SecretType::RdsFg | SecretType::Common => [service, rds],
    }
}

/// The identifier of the agency, made now unless it exists.
async fn make(call: &Call, name: &str) -> Result<String, Failure> {
    let fresh = Agency { id: make_id()?, create_time: call.app.clock.now() };
    let ensure = move |present: Option<Agency>| {
        Ok::<_, Failure>(match present {
            Some(agency) => (EntryChange::Keep, agency.id),
            None => (EntryChange::Put(fresh.clone()), fresh.id),
        })
    };
    match call.app.store.change_entry(&call.project, name, ensure).await {
        // Another made it at the same time.
        Err(ChangeError::Store(StoreError::Conflict(_))) => {
            let made = call.app.store.entry::<Agency>(&call.project, name).await?;
            made.map(|agency| agency.id).ok_or_else(|| Failure::internal("an agency was made and is not there"))
        }
        made => Ok(made?),
    }
}

/// CreateAgency: what exists stays as it is. One that cannot be made does not keep the others from being made.
///
/// # Errors
/// Every problem of the request.
pub fn create(call: Call, body: Body) -> Result<Prepared, Failure> {
    let kind = read_agency_body(body.object()?)?;
    Ok(Prepared::new(vec![call.all(Kind::Secret)], async move {
        let mut agencies = Vec::new();
        for name in names(kind) {
            let (agency_id, error_msg) = match make(&call, name).await {
                Ok(id) => (Some(id), None),
                Err(failure) => {
                    tracing::error!(agency = name, cause = ?failure.cause, "an agency was not made");
                    (None, Some(failure.error.message))
                }
            };
            agencies.push(AgencyInfo { agency_name: name.to_owned(), agency_id, error_msg });
        }
        Answer::json(&CreateAgencyResponse { agencies })
    }))
}

/// ShowAgency
///
/// # Errors
/// Every problem of the parameters.
pub fn show(call: Call) -> Result<Prepared, Failure> {
    let kind = read_agency_query(call.query())?;
    Ok(Prepared::new(vec![call.all(Kind::Secret).needs(Need::NoDeny)], async move {
        let mut granted = true;
        for name in names(kind) {
            granted &= call.app.store.entry::<Agency>(&call.project, name).await?.is_some();
        }
        Answer::json(&ShowAgencyResponse { agency_granted: granted.to_string() })
    }))
}
