//! Searches of secrets, as statements of the file.

use csms_core::{ProjectId, Secret};
use rusqlite::{
    Connection, params_from_iter,
    types::{Value, ValueRef},
};

use super::{failure::During as _, secrets};
use crate::{
    bound::Binding,
    error::StoreError,
    find::{Dialect, Found, Lookup, Search, SecretFilter, TAGS, Window, bounds, next_tags, rarest, tells_apart},
    record::Page,
    row,
    search::{Parameter, Statement},
};

const SEARCHING: &str = "searching secrets";

/// Parts of a compound statement are in its order, if an index can have them so.
const DIALECT: Dialect = Dialect { parameter: '?', merged: str::to_owned, usage: "usage" };

/// The parameters of a statement as SQLite takes them.
pub(super) fn values(parameters: Vec<Parameter>) -> impl Iterator<Item = Value> {
    parameters.into_iter().map(|parameter| match parameter {
        Parameter::Number(number) => Value::Integer(number),
        Parameter::Text(text) => Value::Text(text),
    })
}

/// Reads the rows of a statement. It is not kept: searches in the same words are rare.
fn rows<T>(
    db: &Connection,
    Statement { sql, parameters }: Statement,
    mut read: impl FnMut(&rusqlite::Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = db.prepare(&sql).during(SEARCHING)?;
    let mut rows = statement.query(params_from_iter(values(parameters))).during(SEARCHING)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().during(SEARCHING)? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// Where the fewest names have to be looked at.
fn lookup<'s>(db: &Connection, search: &'s Search<'_>) -> Result<Lookup<'s>, StoreError> {
    let lookups = search.lookups();
    if lookups.len() == 1 {
        return Ok(rarest(lookups, &[]));
    }
    let mut counts = Vec::new();
    for bound in bounds(&lookups) {
        counts = rows(db, search.comparison(&lookups, bound, &DIALECT), |row| {
            Ok((row.get(0).during(SEARCHING)?, row.get(1).during(SEARCHING)?))
        })?;
        if tells_apart(&counts, bound) {
            break;
        }
    }
    Ok(rarest(lookups, &counts))
}

/// As [`crate::Store::find_secrets`].
pub(super) fn find(
    db: &Connection,
    binding: Binding<'_>,
    project: &ProjectId,
    filter: &SecretFilter,
    window: Window<'_>,
) -> Result<Page<Secret>, StoreError> {
    let Some(search) = Search::of(project, filter)? else { return Ok(row::page(Vec::new(), window.limit)) };
    let page = search.page(&lookup(db, &search)?, window, &DIALECT);
    let found = rows(db, page, |row| row::secret(secrets::stored(row, 0)?, project, binding))?;
    Ok(row::page_by_name(found, window.limit))
}

/// As [`crate::Store::find_and_count_secrets`].
pub(super) fn find_and_count(
    db: &Connection,
    binding: Binding<'_>,
    project: &ProjectId,
    filter: &SecretFilter,
    window: Window<'_>,
) -> Result<Found, StoreError> {
    let none = || Found { page: row::page(Vec::new(), window.limit), total: 0 };
    let Some(search) = Search::of(project, filter)? else { return Ok(none()) };
    let statement = search.counted_page(&lookup(db, &search)?, window, &DIALECT);
    let rows = rows(db, statement, |row| {
        let is_found = row.get_ref(0).during(SEARCHING)? != ValueRef::Null;
        let secret = if is_found { Some(row::secret(secrets::stored(row, 0)?, project, binding)?) } else { None };
        Ok((secret, row.get(4).during(SEARCHING)?))
    })?;
    let total = row::count(rows.first().map_or(0, |(_, total)| *total))?;
    let found = rows.into_iter().filter_map(|(secret, _)| secret).collect();
    Ok(Found { page: row::page_by_name(found, window.limit), total })
}

/// As [`crate::Store::count_secrets`].
pub(super) fn count(db: &Connection, project: &ProjectId, filter: &SecretFilter) -> Result<u64, StoreError> {
    let Some(search) = Search::of(project, filter)? else { return Ok(0) };
    let counts = rows(db, search.count(&lookup(db, &search)?, &DIALECT), |row| row.get(0).during(SEARCHING))?;
    row::count(counts.first().copied().unwrap_or(0))
}

/// As [`crate::Store::project_tags`].
pub(super) fn tags(db: &Connection, project: &ProjectId) -> Result<Vec<(String, String)>, StoreError> {
    let mut tags: Vec<(String, String)> = Vec::new();
    loop {
        let (key, value) = tags.last().cloned().unwrap_or_default();
        let parameters = [project.as_str().to_owned(), key, value].map(Parameter::Text).to_vec();
        let next = rows(db, Statement { sql: next_tags(&DIALECT), parameters }, |row| {
            Ok((row.get(0).during(SEARCHING)?, row.get(1).during(SEARCHING)?))
        })?;
        let is_end = next.len() < TAGS;
        tags.extend(next);
        if is_end {
            return Ok(tags);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use csms_core::UnixMillis;

    use super::*;
    use crate::{
        SqliteSettings, SqliteStore, Store as _,
        find::samples,
        search::AuditFilter,
        sqlite::{connect, schema},
    };

    #[test]
    fn searches_of_the_audit_trail_do_not_wait_for_those_of_secrets() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("csms.db"), SqliteSettings::default()).unwrap();
        let _searching = store.0.secret_searches.try_acquire().unwrap();
        let all = AuditFilter::between(UnixMillis::new(0), UnixMillis::new(1), 1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let found = runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(60), store.find_audit_records(&all)).await });
        assert_eq!(found.unwrap().unwrap(), []);
    }

    #[test]
    fn of_parts_that_many_names_have_the_rarest_is_looked_up() {
        let directory = tempfile::tempdir().unwrap();
        let mut db = connect::for_writing(&directory.path().join("csms.db"), Duration::ZERO).unwrap();
        schema::migrate(&mut db).unwrap();
        let project = ProjectId::parse("0".repeat(32)).unwrap();
        db.execute("INSERT INTO search_projects VALUES (1, ?1)", [project.as_str()]).unwrap();
        for (trigram, names) in [("abc", 3_000), ("bcd", 1_500), ("cde", 3_000)] {
            let names = format!(
                "WITH RECURSIVE names (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM names WHERE n < {names})
                 INSERT INTO secret_trigrams SELECT 1, '{trigram}', printf('abcde%05d', n) FROM names"
            );
            db.execute(&names, []).unwrap();
        }
        let filter = SecretFilter { names: vec!["abcde".to_owned()], ..SecretFilter::default() };
        let search = Search::of(&project, &filter).unwrap().unwrap();
        assert_eq!(lookup(&db, &search).unwrap(), Lookup::Trigram("bcd"));
    }

    #[test]
    fn searches_look_names_up_in_an_index_and_sort_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut db = connect::for_writing(&directory.path().join("csms.db"), Duration::ZERO).unwrap();
        schema::migrate(&mut db).unwrap();
        for (Statement { sql, parameters }, indexes) in samples(&DIALECT) {
            let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps =
                statement.query_map(params_from_iter(values(parameters)), |row| row.get::<_, String>(3)).unwrap();
            let steps: Vec<_> = steps.map(Result::unwrap).collect();
            // Results of parts of the statement are read to their end, which is what they are for.
            let parts = ["page", "few", "fitting", "total", "listed", "CONSTANT"];
            let whole = |step: &&String| {
                step.strip_prefix("SCAN ")
                    .is_some_and(|what| !what.split(' ').next().is_some_and(|name| parts.contains(&name)))
            };
            assert_eq!(steps.iter().find(whole), None, "{sql}\n{steps:#?}");
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{sql}\n{steps:#?}");
            for index in indexes {
                // SQLite does not name the tables that are indexes by themselves.
                let used = |step: &String| step.contains(index) || step.starts_with("SEARCH found USING PRIMARY KEY");
                assert!(steps.iter().any(used), "{index}: {sql}\n{steps:#?}");
            }
        }
    }
}
