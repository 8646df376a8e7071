//! Requests about agencies and templates of rotation functions.

use alloc::{string::String, vec::Vec};

use csms_core::{Problem, RotationMode, Rule, SecretType, Violation};
use serde_json::Value;

use super::query::Parameters;
use crate::fields::Fields;

/// A database engine that a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateEngine {
    /// MySQL, and MariaDB, whose API is the same.
    MySql,
    /// PostgreSQL.
    PostgreSql,
    /// Microsoft SQL Server.
    SqlServer,
}

impl TemplateEngine {
    /// Every engine.
    pub const ALL: [Self; 3] = [Self::MySql, Self::PostgreSql, Self::SqlServer];

    /// The word of `engine`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MySql => "mysql",
            Self::PostgreSql => "postgresql",
            Self::SqlServer => "sqlserver",
        }
    }
}

/// A type of secrets that functions rotate.
fn rotated_type(text: &str) -> Result<SecretType, Violation> {
    let known = SecretType::from_word(text).filter(|kind| kind.is_rotated());
    known.ok_or(Violation::new(Rule::Choice, "RDS-FG, GaussDB-FG"))
}

/// Reads the body of CreateAgency: the type of the secrets whose functions it is for.
///
/// # Errors
/// Every problem it has.
pub fn read_agency_body(body: Value) -> Result<SecretType, Vec<Problem>> {
    let mut fields = Fields::of(body)?;
    fields.require("secret_type");
    let kind = fields.parsed("secret_type", |text| rotated_type(&text));
    fields.finish(kind)
}

/// Reads the parameters of ShowAgency.
///
/// # Errors
/// Every problem they have.
pub fn read_agency_query(pairs: &[(String, String)]) -> Result<SecretType, Vec<Problem>> {
    let mut parameters = Parameters::of(pairs);
    parameters.require("secret_type");
    let kind = parameters.parsed("secret_type", rotated_type).unwrap_or(SecretType::RdsFg);
    parameters.finish(kind)
}

/// Which template ShowSecretFunctionTemplates is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateQuery {
    /// How many accounts take turns.
    pub mode: RotationMode,
    /// The engine of an RDS-FG secret; `None` for GaussDB-FG.
    pub engine: Option<TemplateEngine>,
}

impl TemplateQuery {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Every problem they have.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut parameters = Parameters::of(pairs);
        parameters.require("secret_type");
        parameters.require("secret_sub_type");
        let kind = parameters.parsed("secret_type", rotated_type);
        let mode = parameters.parsed("secret_sub_type", |text| match text {
            "SingleUser" => Ok(RotationMode::SingleUser),
            "MultiUser" => Ok(RotationMode::MultiUser),
            _ => Err(Violation::new(Rule::Choice, "SingleUser, MultiUser")),
        });
        let engine = parameters.parsed("engine", |text| {
            let known = TemplateEngine::ALL.into_iter().find(|engine| engine.as_str() == text);
            known.ok_or(Violation::new(Rule::Choice, "mysql, postgresql, sqlserver"))
        });
        match (kind, parameters.has("engine")) {
            (Some(SecretType::RdsFg), false) => {
                parameters.report(Violation::new(Rule::Required, "").at("engine"));
            }
            (Some(SecretType::GaussDbFg), true) => {
                parameters.report(Violation::new(Rule::Forbidden, "secret_type: GaussDB-FG").at("engine"));
            }
            _ => {}
        }
        parameters.finish(Self { mode: mode.unwrap_or(RotationMode::SingleUser), engine })
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<TemplateQuery, Vec<Problem>> {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        TemplateQuery::read(&pairs)
    }

    #[test]
    fn an_engine_belongs_to_rds_alone() {
        let rds = [("secret_type", "RDS-FG"), ("secret_sub_type", "SingleUser")];
        let gauss = [("secret_type", "GaussDB-FG"), ("secret_sub_type", "MultiUser")];
        let engine = ("engine", "postgresql");
        assert_eq!(read(&[rds[0], rds[1], engine]).unwrap().engine, Some(TemplateEngine::PostgreSql));
        assert_eq!(read(&rds).unwrap_err()[0].path, "engine");
        assert_eq!(read(&gauss).unwrap(), TemplateQuery { mode: RotationMode::MultiUser, engine: None });
        assert_eq!(read(&[gauss[0], gauss[1], engine]).unwrap_err()[0].violation.rule, Rule::Forbidden);
    }

    #[test]
    fn every_problem_is_told_at_once() {
        assert_eq!(read(&[]).unwrap_err().len(), 2);
        assert_eq!(read(&[("secret_type", "COMMON"), ("secret_sub_type", "x"), ("engine", "x")]).unwrap_err().len(), 3);
    }
}
