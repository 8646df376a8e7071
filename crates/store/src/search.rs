//! Searches of the audit trail: what may be asked for, and the statement that asks for it.
//!
//! Time, actor and subject stand in columns of their own, which the indexes have. What narrows a search further is read from
//! the documents: both databases can look into JSON, each in its own words.

use csms_core::UnixMillis;

/// The columns of a record, in the order in which stores read them.
pub(crate) const COLUMNS: &str = "number, secret, document, link, key_number, time, actor, subject";

/// What is not archived. The sum keeps databases from looking for numbers instead of times.
const NOT_ARCHIVED: &str = "number + 0 > (SELECT number FROM audit_checkpoint WHERE singleton = 1)";

/// Which records to find, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFilter {
    /// From this time on.
    pub from: UnixMillis,
    /// Up to this time.
    pub to: UnixMillis,
    /// Only records before this one: its time and number.
    pub before: Option<(UnixMillis, u64)>,
    /// Only records of this project, and of what belongs to none.
    pub project: Option<String>,
    /// Only what this one did, by name.
    pub actor: Option<String>,
    /// Only records about the secret, key, user, access key or policy of this name.
    pub subject: Option<String>,
    /// Only records about the secret or key of this identifier.
    pub subject_id: Option<String>,
    /// Only these actions, or all but these.
    pub actions: Option<Actions>,
    /// Only what succeeded, or only what failed.
    pub succeeded: Option<bool>,
    /// Most records.
    pub limit: u16,
}

impl AuditFilter {
    /// Everything in a span of time.
    #[must_use]
    pub const fn between(from: UnixMillis, to: UnixMillis, limit: u16) -> Self {
        Self {
            from,
            to,
            before: None,
            project: None,
            actor: None,
            subject: None,
            subject_id: None,
            actions: None,
            succeeded: None,
            limit,
        }
    }
}

/// Some actions, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actions {
    /// These.
    Among(Vec<String>),
    /// All but these.
    Except(Vec<String>),
}

/// How a database looks into a record.
pub(crate) struct Dialect {
    /// Before the number of a parameter.
    pub(crate) parameter: char,
    /// A member of the document that is a text.
    pub(crate) member: fn(&str) -> String,
}

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Parameter {
    Number(i64),
    Text(String),
}

/// A statement and its parameters.
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Parameter>,
}

impl Statement {
    /// What finds the records of a filter. Texts of the filter become parameters, never part of the statement.
    pub(crate) fn of(filter: &AuditFilter, dialect: &Dialect) -> Self {
        let Dialect { parameter, member } = dialect;
        let mut parameters = Vec::new();
        let mut add = |value: Parameter| {
            parameters.push(value);
            format!("{parameter}{}", parameters.len())
        };
        let millis = |time: UnixMillis| Parameter::Number(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let to = filter.before.map_or(filter.to, |(time, _)| filter.to.min(time));
        let mut conditions = vec![format!("time >= {}", add(millis(filter.from)))];
        conditions.push(NOT_ARCHIVED.to_owned());
        conditions.push(format!("time <= {}", add(millis(to))));
        if let Some((at, number)) = filter.before {
            let number = Parameter::Number(i64::try_from(number).unwrap_or(i64::MAX));
            let (at, number) = (add(millis(at)), add(number));
            conditions.push(format!("(time < {at} OR number < {number})"));
        }
        if let Some(project) = &filter.project {
            let found = member("project");
            conditions.push(format!("({found} IS NULL OR {found} = {})", add(Parameter::Text(project.clone()))));
        }
        if let Some(actor) = &filter.actor {
            conditions.push(format!("actor = {}", add(Parameter::Text(actor.clone()))));
        }
        if let Some(wanted) = &filter.subject {
            conditions.push(format!("subject = {}", add(Parameter::Text(wanted.clone()))));
        }
        if let Some(id) = &filter.subject_id {
            let found = format!("coalesce({}, {})", member("secret_id"), member("key"));
            conditions.push(format!("{found} = {}", add(Parameter::Text(id.clone()))));
        }
        if let Some(actions) = &filter.actions {
            let (word, names) = match actions {
                Actions::Among(names) => ("IN", names),
                Actions::Except(names) => ("NOT IN", names),
            };
            let names: Vec<_> = names.iter().map(|name| add(Parameter::Text(name.clone()))).collect();
            match (names.is_empty(), actions) {
                (true, Actions::Among(_)) => conditions.push("1 = 0".to_owned()),
                (true, Actions::Except(_)) => {}
                (false, _) => conditions.push(format!("{} {word} ({})", member("action"), names.join(", "))),
            }
        }
        if let Some(succeeded) = filter.succeeded {
            let word = if succeeded { "=" } else { "<>" };
            conditions.push(format!("{} {word} 'OK'", member("outcome")));
        }
        let limit = add(Parameter::Number(filter.limit.into()));
        let conditions = conditions.join(" AND ");
        let sql =
            format!("SELECT {COLUMNS} FROM audit WHERE {conditions} ORDER BY time DESC, number DESC LIMIT {limit}");
        Self { sql, parameters }
    }
}
