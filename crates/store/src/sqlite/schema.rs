//! Brings the file's schema up to date: numbered SQL files, each applied once, in order. Only a server and a move to another
//! store do so; commands require the schema of their own release.

use rusqlite::{Connection, TransactionBehavior};

use super::failure::During as _;
use crate::error::{Cause, StoreError, newer_schema, older_schema};

/// Migration number n is the n-th entry.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_initial.sql"),
    include_str!("../../migrations/0002_task_age.sql"),
    include_str!("../../migrations/0003_entries.sql"),
    include_str!("../../migrations/0004_access.sql"),
    include_str!("../../migrations/0005_audit.sql"),
    include_str!("../../migrations/0006_outbox.sql"),
    include_str!("../../migrations/0007_last_use.sql"),
    include_str!("../../migrations/0008_key_times.sql"),
    include_str!("../../migrations/0009_audit_search.sql"),
    include_str!("../../migrations/0010_bound_rows.sql"),
    include_str!("../../migrations/0011_key_rotation.sql"),
    include_str!("../../migrations/0012_key_ends.sql"),
    include_str!("../../migrations/0013_chain_key.sql"),
    include_str!("../../migrations/0014_audit_columns.sql"),
    include_str!("../../migrations/0015_agencies.sql"),
    include_str!("../../migrations/0016_bound_secrets.sql"),
    include_str!("../../migrations/0017_audit_checkpoint.sql"),
    include_str!("../../migrations/0018_audit_sink.sql"),
    include_str!("../../migrations/0019_secret_search.sql"),
    include_str!("../../migrations/0020_keyring.sql"),
    include_str!("../../migrations/0021_log_number.sql"),
];
const DOING: &str = "bringing the schema up to date";
/// Marks a file as ours: `csms` in ASCII.
const APPLICATION_ID: i64 = 0x6373_6d73;

/// Applies the migrations that the file lacks, all in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    apply(connection, MIGRATIONS)
}

/// Requires that the file has exactly the schema of this release, and changes nothing: a server of another release may have
/// it open.
///
/// # Errors
/// [`StoreError::Unavailable`] with both numbers for an older or newer schema.
pub(super) fn require(connection: &Connection) -> Result<(), StoreError> {
    let applied = applied(connection, MIGRATIONS)?;
    if applied < MIGRATIONS.len() { Err(older_schema(applied, MIGRATIONS.len())) } else { Ok(()) }
}

/// How many of the migrations the file has.
fn applied(connection: &Connection, migrations: &[&str]) -> Result<usize, StoreError> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).during(DOING);
    let (application, version, content) =
        (number("application_id")?, number("user_version")?, number("schema_version")?);
    let is_new = version == 0 && content == 0;
    if !is_new && application != APPLICATION_ID {
        return Err(StoreError::Corrupt(Cause::new("the file is a database of another program")));
    }
    usize::try_from(version)
        .ok()
        .filter(|applied| *applied <= migrations.len())
        .ok_or_else(|| newer_schema(version, migrations.len()))
}

fn apply(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).during(DOING)?;
    let applied = applied(&transaction, migrations)?;
    if applied == migrations.len() {
        return Ok(());
    }
    for (number, migration) in (1_i64..).zip(migrations).skip(applied) {
        transaction.execute_batch(migration).during(DOING)?;
        transaction.pragma_update(None, "user_version", number).during(DOING)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).during(DOING)?;
    transaction.commit().during(DOING)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> i64 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn only_missing_migrations_are_applied() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, &["CREATE TABLE one (x)"]).unwrap();
        apply(&mut connection, &["not applied again", "CREATE TABLE two (x)"]).unwrap();
        connection.execute_batch("INSERT INTO one VALUES (1); INSERT INTO two VALUES (2)").unwrap();
        assert_eq!(version(&connection), 2);
    }

    #[test]
    fn a_failing_migration_leaves_nothing_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(apply(&mut connection, &["CREATE TABLE one (x)", "no SQL"]).is_err());
        assert_eq!(version(&connection), 0);
        apply(&mut connection, &["CREATE TABLE one (x)"]).unwrap();
    }

    #[test]
    fn a_newer_schema_is_refused_with_both_numbers() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let Err(StoreError::Unavailable(cause)) = migrate(&mut connection) else { panic!("not refused") };
        assert!(cause.to_string().contains("number 99"), "{cause}");
    }

    #[test]
    fn a_command_requires_the_schema_of_its_release_and_changes_none() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, MIGRATIONS.split_last().unwrap().1).unwrap();
        let before = version(&connection);
        let Err(StoreError::Unavailable(cause)) = require(&connection) else { panic!("not refused") };
        assert!(cause.to_string().contains("an older release"), "{cause}");
        assert_eq!(version(&connection), before);
        migrate(&mut connection).unwrap();
        require(&connection).unwrap();
    }

    /// The rows of a table as texts, in order.
    fn rows(connection: &Connection, table: &str) -> Vec<String> {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let width = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let cell = |at| match row.get_ref(at).unwrap() {
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                other => other.as_str().unwrap().to_owned(),
            };
            let cells: Vec<_> = (0..width).map(cell).collect();
            Ok(cells.join(" "))
        };
        let mut rows: Vec<_> = statement.query_map([], row).unwrap().map(Result::unwrap).collect();
        rows.sort();
        rows
    }

    #[test]
    fn what_searches_look_into_is_the_same_whether_secrets_came_before_the_tables_or_after() {
        let insert = r#"INSERT INTO secrets (project, name, id, document, checksum) VALUES
            ('p', 'Prod-db', 'a', '{"enterprise_project_id":"0","tags":[{"key":"env","value":"prod"},{"key":"b","value":""}]}', 1),
            ('p', 'aaaaa', 'b', '{"enterprise_project_id":"other \u0000"}', 2),
            ('p', 'ab', 'c', 'damaged', 3), ('q', 'abc', 'd', '{}', 4);"#;
        let (before, after) = (MIGRATIONS.split_at(18).0, MIGRATIONS);
        let mut early = Connection::open_in_memory().unwrap();
        apply(&mut early, before).unwrap();
        early.execute_batch(insert).unwrap();
        apply(&mut early, after).unwrap();
        let mut late = Connection::open_in_memory().unwrap();
        migrate(&mut late).unwrap();
        late.execute_batch(insert).unwrap();
        for (table, count) in [("search_projects", 2), ("secret_trigrams", 7), ("secret_tags", 3)] {
            let found = rows(&early, table);
            assert_eq!((found.len(), &found), (count, &rows(&late, table)), "{table}");
        }
        late.execute_batch("DELETE FROM secrets").unwrap();
        for table in ["secret_trigrams", "secret_tags"] {
            assert_eq!(rows(&late, table), [""; 0], "{table}");
        }
    }

    #[test]
    fn only_a_change_of_tags_writes_them_again() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let change = |tag: &str, checksum: i64, tagged: Option<i64>| {
            let sql = "UPDATE secrets SET document = ?1, checksum = ?2, tagged = ?3 WHERE id = 'a'";
            let document = format!(r#"{{"tags":[{{"key":"{tag}","value":""}}]}}"#);
            connection.execute(sql, rusqlite::params![document, checksum, tagged]).unwrap();
            rows(&connection, "secret_tags").join(",")
        };
        let insert = "INSERT INTO secrets (project, name, id, document, checksum) VALUES ('p', 'n', 'a', '{}', 1)";
        connection.execute_batch(insert).unwrap();
        assert_eq!(change("new", 2, Some(2)), "");
        assert!(change("new", 3, None).contains("new"));
        // A writer that does not know of tags leaves an older checksum.
        assert!(change("newer", 4, Some(3)).contains("newer"));
    }

    #[test]
    fn a_database_of_another_program_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(migrate(&mut connection), Err(StoreError::Corrupt(_))));
    }
}
