//! Templates of rotation functions: source text in Python for FunctionGraph's event functions, put together of parts in
//! `crates/server/templates/`.
//!
//! A function made of it resets passwords through the management API of RDS or TaurusDB. It needs no packages and cannot log
//! in to a database, so it proves nothing by a login; `rotate-database` does.

use csms_api::{request::rotation::TemplateQuery, response::rotation::FunctionTemplatesResponse};
use csms_core::RotationMode;

use crate::{
    failure::Failure,
    gate::{
        access::{Kind, Need},
        answer::Answer,
        service::{Call, Prepared},
    },
};

const ROTATION: &str = include_str!("../../../templates/rotation.py");
const SINGLE_USER: &str = include_str!("../../../templates/single_user.py");
const MULTI_USER: &str = include_str!("../../../templates/multi_user.py");
const RDS: &str = include_str!("../../../templates/rds.py");
const TAURUSDB: &str = include_str!("../../../templates/taurusdb.py");

/// The line of the first part that the others take the place of.
const PLACE: &str = "# (which account, and how its password is set)\n";

/// The source text of a function.
#[must_use]
pub fn source(query: TemplateQuery) -> String {
    let mode = match query.mode {
        RotationMode::SingleUser => SINGLE_USER,
        RotationMode::MultiUser => MULTI_USER,
    };
    let reset = match query.engine {
        // The management API of RDS is the same for all engines; the text says for which one it was asked.
        Some(engine) => RDS.replace("\"ENGINE\"", &format!("\"{}\"", engine.as_str())),
        None => TAURUSDB.to_owned(),
    };
    ROTATION.replacen(PLACE, &format!("{mode}\n{reset}"), 1)
}

/// ShowSecretFunctionTemplates
///
/// # Errors
/// Every problem of the parameters.
pub fn show(call: &Call) -> Result<Prepared, Failure> {
    let query = TemplateQuery::read(call.query())?;
    Ok(Prepared::new(vec![call.all(Kind::Secret).needs(Need::NoDeny)], async move {
        Answer::json(&FunctionTemplatesResponse { function_templates: source(query) })
    }))
}
