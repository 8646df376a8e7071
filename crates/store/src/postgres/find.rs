//! Searches of secrets, as statements of the database.

use csms_core::{ProjectId, Secret};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

use super::{failure::column, identities::can_be_held, secrets, session::Session};
use crate::{
    error::StoreError,
    find::{Dialect, Found, Lookup, Search, SecretFilter, TAGS, Window, bounds, next_tags, rarest, tells_apart},
    record::Page,
    row,
    search::{Parameter, Statement},
};

const SEARCHING: &str = "searching secrets";

/// Only the result of a statement that is ordered itself is merged without sorting.
const DIALECT: Dialect =
    Dialect { parameter: '$', merged: |names| format!("({names} ORDER BY name)"), usage: "project_usage" };

/// The rows that a statement finds.
async fn rows(session: &Session, Statement { sql, parameters }: &Statement) -> Result<Vec<Row>, StoreError> {
    // What cannot be held is not there to be found.
    let held = |parameter: &Parameter| !matches!(parameter, Parameter::Text(text) if !can_be_held(text));
    if !parameters.iter().all(held) {
        return Ok(Vec::new());
    }
    let typed: Vec<(&(dyn ToSql + Sync), Type)> = parameters
        .iter()
        .map(|parameter| match parameter {
            Parameter::Number(number) => (number as &(dyn ToSql + Sync), Type::INT8),
            Parameter::Text(text) => (text as &(dyn ToSql + Sync), Type::TEXT),
        })
        .collect();
    session.rows_once(sql, &typed, SEARCHING).await
}

/// Where the fewest names have to be looked at.
async fn lookup<'s>(session: &Session, search: &'s Search<'_>) -> Result<Lookup<'s>, StoreError> {
    let lookups = search.lookups();
    if lookups.len() == 1 {
        return Ok(rarest(lookups, &[]));
    }
    let pair = |row: &Row| Ok((column(row, 0, SEARCHING)?, column(row, 1, SEARCHING)?));
    let mut counts = Vec::new();
    for bound in bounds(&lookups) {
        let found = rows(session, &search.comparison(&lookups, bound, &DIALECT)).await?;
        counts = found.iter().map(pair).collect::<Result<Vec<_>, StoreError>>()?;
        if tells_apart(&counts, bound) {
            break;
        }
    }
    Ok(rarest(lookups, &counts))
}

/// As [`crate::Store::find_secrets`].
pub(super) async fn find(
    session: &Session,
    project: &ProjectId,
    filter: &SecretFilter,
    window: Window<'_>,
) -> Result<Page<Secret>, StoreError> {
    let Some(search) = Search::of(project, filter)? else { return Ok(row::page(Vec::new(), window.limit)) };
    let page = search.page(&lookup(session, &search).await?, window, &DIALECT);
    let binding = session.binding()?;
    let found = rows(session, &page).await?;
    let found = found.iter().map(|row| row::secret(secrets::stored(row)?, project, binding));
    Ok(row::page_by_name(found.collect::<Result<_, StoreError>>()?, window.limit))
}

/// As [`crate::Store::find_and_count_secrets`].
pub(super) async fn find_and_count(
    session: &Session,
    project: &ProjectId,
    filter: &SecretFilter,
    window: Window<'_>,
) -> Result<Found, StoreError> {
    let none = || Found { page: row::page(Vec::new(), window.limit), total: 0 };
    let Some(search) = Search::of(project, filter)? else { return Ok(none()) };
    let statement = search.counted_page(&lookup(session, &search).await?, window, &DIALECT);
    let binding = session.binding()?;
    let rows = rows(session, &statement).await?;
    let Some(first) = rows.first() else { return Ok(none()) };
    let total = row::count(column(first, 4, SEARCHING)?)?;
    let mut found = Vec::new();
    for row in &rows {
        if column::<Option<&str>>(row, 0, SEARCHING)?.is_some() {
            found.push(row::secret(secrets::stored(row)?, project, binding)?);
        }
    }
    Ok(Found { page: row::page_by_name(found, window.limit), total })
}

/// As [`crate::Store::count_secrets`].
pub(super) async fn count(session: &Session, project: &ProjectId, filter: &SecretFilter) -> Result<u64, StoreError> {
    let Some(search) = Search::of(project, filter)? else { return Ok(0) };
    let found = rows(session, &search.count(&lookup(session, &search).await?, &DIALECT)).await?;
    found.first().map_or(Ok(0), |row| row::count(column(row, 0, SEARCHING)?))
}

/// As [`crate::Store::project_tags`].
pub(super) async fn tags(session: &Session, project: &ProjectId) -> Result<Vec<(String, String)>, StoreError> {
    let (sql, mut tags) = (next_tags(&DIALECT), Vec::<(String, String)>::new());
    loop {
        let (key, value) = tags.last().cloned().unwrap_or_default();
        let next = session.rows(&sql, &[&project.as_str(), &key, &value], SEARCHING).await?;
        for row in &next {
            tags.push((column(row, 0, SEARCHING)?, column(row, 1, SEARCHING)?));
        }
        if next.len() < TAGS {
            return Ok(tags);
        }
    }
}

/// Statements of searches of every kind, with the number of their parameters and the indexes that they must use; for tests
/// that ask a database for its plans.
#[cfg(feature = "testing")]
#[must_use]
pub fn search_statements() -> Vec<(String, usize, Vec<&'static str>)> {
    let samples = crate::find::samples(&DIALECT).into_iter();
    samples.map(|(Statement { sql, parameters }, indexes)| (sql, parameters.len(), indexes)).collect()
}
