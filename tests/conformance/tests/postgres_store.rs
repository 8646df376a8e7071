//! The behaviour suite on PostgreSQL, and what only a store on a database server can meet: restarts, a server that stands
//! still, lost connections, several replicas, TLS, and rows that others have changed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
        mpsc::channel,
    },
    time::Duration,
};

use csms_core::{
    SecretId, UnixMillis, VersionId,
    secret::Counterpart,
    tag::{Tag, TagFilter, TagKey, TagValue},
};
use csms_store::{
    AnyStore, ChangeError, Draft, Entry, EntryChange, PostgresSettings, PostgresStore, ReadError, Remedy, RowKey,
    SecretFilter, SecretUse, SqliteSettings, SqliteStore, Store, StoreError, Window,
    suite::{add_version, common, name, project, put, sealed},
};
use csms_testbed::{
    PgBouncer, Postgres, TlsMode, pgbouncer,
    postgres::{ADMIN, DATABASE, Setup},
    roots,
};
use getrandom::SysRng;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

/// The server of all tests that leave it alone; it ends with the last of them.
static SHARED: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());

/// Names of databases.
static NUMBER: AtomicU32 = AtomicU32::new(1);

async fn shared() -> Arc<Postgres> {
    let mut shared = SHARED.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(Postgres::start().await.unwrap());
    *shared = Arc::downgrade(&server);
    server
}

fn settings(server: &Postgres, database: &str) -> PostgresSettings {
    let address = format!("postgres://{ADMIN}@127.0.0.1:{}/{database}", server.port());
    let password = Some(server.admin_password().to_owned().into());
    PostgresSettings { password, max_connections: 8, timeout: Duration::from_secs(30), ..PostgresSettings::at(address) }
}

/// A new database on the shared server.
async fn database() -> (PostgresSettings, Arc<Postgres>) {
    let server = shared().await;
    let database = format!("store_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    server.execute(&format!("CREATE DATABASE {database}")).await.unwrap();
    (settings(&server, &database), server)
}

/// Opens a store whose rows are bound by the suite's key.
async fn open(settings: &PostgresSettings) -> PostgresStore {
    let store = PostgresStore::open(settings).await.unwrap();
    store.use_row_key(csms_store::suite::row_key());
    store
}

async fn empty() -> (PostgresStore, Arc<Postgres>) {
    let (settings, server) = database().await;
    (open(&settings).await, server)
}

csms_store::store_suite!(postgres, crate::empty);

/// A connection to the store's own database.
async fn client_of(settings: &PostgresSettings, server: &Postgres) -> tokio_postgres::Client {
    let (_, database) = settings.url.rsplit_once('/').unwrap();
    let config = format!(
        "host=127.0.0.1 port={} user={ADMIN} password={} dbname={database}",
        server.port(),
        server.admin_password()
    );
    let (client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Runs SQL in the store's own database, behind its back.
async fn behind_its_back(settings: &PostgresSettings, server: &Postgres, sql: &str) {
    client_of(settings, server).await.batch_execute(sql).await.unwrap();
}

async fn read(store: &PostgresStore, text: &str) -> Result<Vec<u8>, ReadError<()>> {
    let found = store.secret_value(&project(), &name(text), None, |_| Ok(VersionId::FIRST)).await;
    found.map(|found| found.sealed)
}

async fn add(store: &PostgresStore, text: &str) -> Result<VersionId, ChangeError<()>> {
    store.change_secret(&project(), &name(text), false, |draft| Ok(add_version(draft))).await
}

#[tokio::test]
async fn replicas_that_start_together_share_one_schema() {
    let (settings, _server) = database().await;
    let opened = [(); 6].map(|()| {
        let settings = settings.clone();
        tokio::spawn(async move { PostgresStore::open(&settings).await })
    });
    let mut stores = Vec::new();
    for store in opened {
        let store = store.await.unwrap().unwrap();
        store.use_row_key(csms_store::suite::row_key());
        stores.push(store);
    }
    put(&stores[0], &common("db")).await;
    for store in &stores {
        assert_eq!(read(store, "db").await.unwrap(), sealed(&name("db"), VersionId::FIRST));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_all_replicas_count() {
    const CHANGES: u32 = 20;
    let (settings, _server) = database().await;
    let first = open(&settings).await;
    put(&first, &common("db")).await;
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let store = open(&settings).await;
        replicas.push(tokio::spawn(async move {
            for _ in 0..CHANGES {
                add(&store, "db").await.unwrap();
            }
        }));
    }
    for replica in replicas {
        replica.await.unwrap();
    }
    let secret = first.secret(&project(), &name("db")).await.unwrap().unwrap();
    assert_eq!(secret.next_version().number(), 3 * CHANGES + 2);
}

#[tokio::test]
async fn what_must_stay_quick_reads_no_whole_table_and_sorts_nothing() {
    let (settings, server) = database().await;
    drop(PostgresStore::open(&settings).await.unwrap());
    let client = client_of(&settings, &server).await;
    // Tables as small as these would be read whole, were it allowed; and a plan for all parameters is wanted.
    client.batch_execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan").await.unwrap();
    for (number, (sql, indexes)) in csms_store::QUICK_STATEMENTS.iter().enumerate() {
        client.batch_execute(&format!("PREPARE quick_{number} AS {sql}")).await.unwrap();
        let parameters = (1..=10).filter(|place| sql.contains(&format!("${place}"))).map(|_| "NULL");
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        let explain = format!("EXPLAIN EXECUTE quick_{number} ({parameters})").replace(" ()", "");
        let plan = client.simple_query(&explain).await.unwrap();
        let lines = plan.iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        let plan = lines.collect::<Vec<_>>().join("\n");
        assert!(indexes.iter().all(|index| plan.contains(index)), "{sql}\n{plan}");
        // What a claim or a clean-up has picked may be looked up in any way; how it is picked is what grows.
        let whole = plan.contains("Seq Scan on secrets") || plan.contains("Seq Scan on secret_values");
        assert!(!whole && !plan.contains("Sort Key"), "{sql}\n{plan}");
    }
}

#[tokio::test]
async fn searches_look_names_up_in_an_index_and_sort_nothing() {
    let (settings, server) = database().await;
    drop(PostgresStore::open(&settings).await.unwrap());
    let client = client_of(&settings, &server).await;
    // As many secrets as make a difference, some in two enterprise projects.
    let fill = r#"INSERT INTO secrets (id, project, name, document, checksum)
             SELECT n, repeat('0', 32), 'service-' || n || '-prod', format('{"enterprise_project_id":"%s","tags":'
                 || '[{"key":"env","value":"%s"},{"key":"team","value":"%s"}]}', n % 3, chr(97 + n % 26), n), 0
             FROM generate_series(1, 3000) AS n;
         ANALYZE; SET enable_seqscan = off; SET enable_sort = off"#;
    client.batch_execute(fill).await.unwrap();
    for (number, (sql, parameters, indexes)) in csms_store::search_statements().into_iter().enumerate() {
        client.batch_execute(&format!("PREPARE search_{number} AS {sql}")).await.unwrap();
        // Every parameter is a number as text, which limits take, too.
        let parameters = vec!["'5'"; parameters].join(", ");
        for mode in ["force_generic_plan", "force_custom_plan"] {
            let explain = format!("SET plan_cache_mode = {mode}; EXPLAIN EXECUTE search_{number} ({parameters})");
            let plan = client.simple_query(&explain).await.unwrap();
            let lines = plan.iter().filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            let plan = lines.collect::<Vec<_>>().join("\n");
            assert!(indexes.iter().all(|index| plan.contains(index)), "{sql}\n{plan}");
            // An index that two scans share comes ordered out of a merge, whose key is no sorting.
            let sorts = ["Sort  (", "Seq Scan on", "HashAggregate"].iter().find(|step| plan.contains(**step));
            assert_eq!(sorts, None, "{sql}\n{plan}");
        }
    }
}

#[tokio::test]
async fn what_a_server_of_an_older_release_writes_is_found() {
    let (settings, server) = database().await;
    let store = open(&settings).await;
    let count = async |names: &[&str], tag: &str| {
        let key = TagKey::parse(tag).unwrap();
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let tags = vec![TagFilter { key, values: Vec::new() }];
        store.count_secrets(&project(), &SecretFilter { names, tags, enterprise_project: None }).await.unwrap()
    };
    // It knows neither the tables nor the column.
    let insert = r#"INSERT INTO secrets (id, project, name, document, checksum)
        VALUES ('a', '0123456789abcdef0123456789abcdef', 'Old-db', '{"tags":[{"key":"env","value":"prod"}]}', 1)"#;
    behind_its_back(&settings, &server, insert).await;
    assert_eq!(count(&["OLD"], "env").await, 1);
    let update = r#"UPDATE secrets SET document = '{"tags":[{"key":"team","value":""}]}', checksum = 2"#;
    behind_its_back(&settings, &server, update).await;
    assert_eq!((count(&["old"], "env").await, count(&["old"], "team").await), (0, 1));
    behind_its_back(&settings, &server, "DELETE FROM secrets").await;
    assert_eq!(count(&[], "team").await, 0);
}

#[tokio::test]
async fn a_copy_in_a_file_finds_secrets_as_the_database_does() {
    let ((settings, _server), directory) = (database().await, tempfile::tempdir().unwrap());
    let store = open(&settings).await;
    let tag = Tag { key: TagKey::parse("env").unwrap(), value: TagValue::parse("prod").unwrap() };
    for text in ["Prod-a", "prod-b", "test-c"] {
        let mut secret = common(text);
        secret.tags = vec![tag.clone()];
        put(&store, &secret).await;
    }
    let path = directory.path().join("csms.db");
    csms_store::snapshot::copy(&AnyStore::Postgres(store), &path).await.unwrap();
    let copy = SqliteStore::open(&path, SqliteSettings::default()).unwrap();
    copy.use_row_key(csms_store::suite::row_key());
    let tags = vec![TagFilter { key: tag.key, values: vec![tag.value] }];
    let filter = SecretFilter { names: vec!["prod".to_owned()], tags, enterprise_project: Some("0".to_owned()) };
    let found = copy.find_secrets(&project(), &filter, Window { after: None, offset: 0, limit: 9 }).await.unwrap();
    let names: Vec<_> = found.items.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!(names, ["Prod-a", "prod-b"]);
}

#[tokio::test]
async fn secrets_from_before_the_tables_of_searches_are_found_after_the_upgrade() {
    let (settings, server) = database().await;
    let store = open(&settings).await;
    let mut tagged = common("Prod-db");
    tagged.tags = vec![Tag { key: TagKey::parse("env").unwrap(), value: TagValue::parse("正式").unwrap() }];
    put(&store, &tagged).await;
    let before = "DROP TRIGGER secrets_searchable ON secrets; DROP TRIGGER secrets_tagged ON secrets;
        DROP TRIGGER secrets_not_searchable ON secrets; DROP FUNCTION secrets_searchable; DROP FUNCTION secrets_tagged;
        DROP FUNCTION secrets_not_searchable; DROP FUNCTION trigrams_in; DROP FUNCTION tags_in;
        DROP TABLE search_projects, secret_trigrams, secret_tags; ALTER TABLE secrets DROP COLUMN tagged;
        DROP TABLE servers; ALTER TABLE audit_head DROP COLUMN least_key, DROP COLUMN key_print;
        UPDATE csms_schema SET version = 19";
    behind_its_back(&settings, &server, before).await;
    drop(store);
    let store = open(&settings).await;
    let filter = SecretFilter {
        names: vec!["prod".to_owned()],
        tags: vec![TagFilter { key: tagged.tags[0].key.clone(), values: vec![tagged.tags[0].value.clone()] }],
        enterprise_project: Some("0".to_owned()),
    };
    let window = Window { after: None, offset: 0, limit: 10 };
    assert_eq!(store.find_secrets(&project(), &filter, window).await.unwrap().items, [tagged]);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (settings, server) = database().await;
    open(&settings).await;
    behind_its_back(&settings, &server, "UPDATE csms_schema SET version = 99").await;
    let Err(StoreError::Unavailable(cause)) = PostgresStore::open(&settings).await else { panic!("not refused") };
    assert!(cause.to_string().contains("number 99"), "{cause}");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    let (settings, server) = database().await;
    behind_its_back(&settings, &server, "CREATE TABLE secrets (theirs TEXT)").await;
    for _ in 0..2 {
        assert!(matches!(PostgresStore::open(&settings).await, Err(StoreError::Corrupt(_))));
    }
    behind_its_back(&settings, &server, "INSERT INTO secrets (theirs) VALUES ('kept')").await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_without_repeating_it() {
    let (settings, _server) = database().await;
    let wrong = PostgresSettings { password: Some("hunter2".to_owned().into()), ..settings };
    let Err(error @ StoreError::Unavailable(_)) = PostgresStore::open(&wrong).await else { panic!("not refused") };
    let text = format!("{error:?}");
    assert!(text.contains("password authentication failed") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_damaged_document_is_an_error_and_never_another_secret() {
    let (settings, server) = database().await;
    let store = open(&settings).await;
    for text in ["a", "b", "c"] {
        put(&store, &common(text)).await;
    }
    let damage = "UPDATE secrets SET document = replace(document, '\"a\"', '\"x\"') WHERE name = 'a';
        UPDATE secrets SET document = (SELECT document FROM secrets WHERE name = 'c'),
            checksum = (SELECT checksum FROM secrets WHERE name = 'c'),
            mac = (SELECT mac FROM secrets WHERE name = 'c') WHERE name = 'b';
        DELETE FROM secret_values WHERE secret_id = (SELECT id FROM secrets WHERE name = 'c')";
    behind_its_back(&settings, &server, damage).await;
    for text in ["a", "b"] {
        let found = store.secret(&project(), &name(text)).await;
        assert!(matches!(found, Err(StoreError::Corrupt(_))), "{text}: {found:?}");
        let changed = add(&store, text).await;
        assert!(matches!(changed, Err(ChangeError::Store(StoreError::Corrupt(_)))), "{text}: {changed:?}");
    }
    assert!(matches!(read(&store, "c").await, Err(ReadError::Store(StoreError::Corrupt(_)))));
}

#[tokio::test]
async fn names_that_postgresql_cannot_hold_are_not_found() {
    let (store, _server) = empty().await;
    store.use_row_key(csms_store::suite::row_key());
    put(&store, &common("db")).await;
    assert_eq!(store.user("a\0").await.unwrap(), None);
    assert_eq!(store.user_by_name(Some("d\0"), "admin").await.unwrap(), None);
    assert_eq!(store.access_key("AK\0").await.unwrap(), None);
    assert_eq!(store.key_by_alias(&project(), "\0").await.unwrap(), None);
    assert_eq!(store.meta("\0").await.unwrap(), None);
    let page = store.list_secrets(&project(), Some("d\0z"), 10, None).await.unwrap();
    assert_eq!(page.items.len(), 1);
}

/// Ends all connections to the database but its own.
const END_ALL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_whose_connection_is_lost_before_the_commit_is_made_once_on_another() {
    let (settings, server) = database().await;
    let store = open(&settings).await;
    put(&store, &common("db")).await;
    let ((began, has_begun), (go_on, may_go_on)) = (channel(), channel::<()>());
    let changing = tokio::spawn({
        let store = store.clone();
        async move {
            let decide = move |draft: &mut Draft| {
                let added = add_version(draft);
                began.send(()).unwrap();
                tokio::task::block_in_place(|| may_go_on.recv().unwrap());
                Ok::<_, ()>(added)
            };
            store.change_secret(&project(), &name("db"), false, decide).await
        }
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    behind_its_back(&settings, &server, END_ALL).await;
    go_on.send(()).unwrap();
    assert_eq!(changing.await.unwrap().unwrap().number(), 2);
    assert_eq!(add(&store, "db").await.unwrap().number(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_whose_connection_is_lost_before_the_commit_is_made_once_on_another() {
    let (settings, server) = database().await;
    let store = open(&settings).await;
    let ((began, has_begun), (go_on, may_go_on)) = (channel(), channel::<()>());
    let changing = tokio::spawn({
        let store = store.clone();
        async move {
            let decide = move |_: Option<Note>| {
                began.send(()).unwrap();
                tokio::task::block_in_place(|| may_go_on.recv().unwrap());
                Ok::<_, ()>((EntryChange::Put(Note("text".to_owned())), 7))
            };
            store.change_entry(&project(), "note", vec![csms_store::suite::audit::entry(None, "a")], decide).await
        }
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    behind_its_back(&settings, &server, END_ALL).await;
    go_on.send(()).unwrap();
    assert_eq!(changing.await.unwrap().unwrap(), 7);
    assert_eq!(store.audit_records(0, 10, None).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_and_changes_go_on_when_the_server_ends_every_connection() {
    let (settings, server) = database().await;
    let store = open(&settings).await;
    put(&store, &common("db")).await;
    for round in 0..2 {
        // Several connections of the pool.
        let reads = futures_util::future::join_all((0..3).map(|_| read(&store, "db"))).await;
        assert!(reads.iter().all(Result::is_ok));
        behind_its_back(&settings, &server, END_ALL).await;
        assert_eq!(read(&store, "db").await.unwrap(), sealed(&name("db"), VersionId::FIRST));
        assert_eq!(add(&store, "db").await.unwrap().number(), round + 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_no_writes_is_left_with_the_first_that_does() {
    let (settings, server) = database().await;
    let (_, database) = settings.url.rsplit_once('/').unwrap();
    let store = open(&settings).await;
    put(&store, &common("db")).await;
    let read_only = format!("ALTER DATABASE {database} SET default_transaction_read_only = on");
    behind_its_back(&settings, &server, &read_only).await;
    behind_its_back(&settings, &server, END_ALL).await;
    assert!(matches!(add(&store, "db").await, Err(ChangeError::Store(StoreError::Unavailable(_)))));
    let writable = format!("BEGIN READ WRITE; ALTER DATABASE {database} RESET default_transaction_read_only; COMMIT");
    behind_its_back(&settings, &server, &writable).await;
    assert_eq!(add(&store, "db").await.unwrap().number(), 2);
}

#[tokio::test]
async fn a_server_that_says_nothing_does_not_keep_anybody_from_the_next() {
    let (settings, server) = database().await;
    // The kernel accepts connections, and nobody answers them.
    let frozen = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let both = format!("127.0.0.1:{},127.0.0.1:{}", frozen.local_addr().unwrap().port(), server.port());
    let address = settings.url.replace(&format!("127.0.0.1:{}", server.port()), &both);
    let store = open(&PostgresSettings { url: address.into(), ..settings }).await;
    put(&store, &common("db")).await;
}

#[tokio::test]
async fn a_standby_does_not_hide_why_the_first_server_cannot_be_used() {
    let ((settings, server), first) = (database().await, Postgres::start().await.unwrap());
    let (_, database) = settings.url.rsplit_once('/').unwrap();
    let read_only = format!("ALTER DATABASE {database} SET default_transaction_read_only = on");
    behind_its_back(&settings, &server, &read_only).await;
    // The password is the one of the other server.
    let both = format!("127.0.0.1:{},127.0.0.1:{}", first.port(), server.port());
    let address = settings.url.replace(&format!("127.0.0.1:{}", server.port()), &both);
    let refused = PostgresStore::open(&PostgresSettings { url: address.into(), ..settings }).await.unwrap_err();
    assert!(format!("{refused:?}").contains("password authentication failed"), "{refused:?}");
    assert!(matches!(refused, StoreError::Unavailable(cause) if cause.remedy() == Remedy::Settings));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_can_no_longer_write_is_not_used_again() {
    let (settings, server) = database().await;
    let address = format!("{}?target_session_attrs=any", settings.url.as_str());
    let store = open(&PostgresSettings { url: address.into(), ..settings.clone() }).await;
    put(&store, &common("db")).await;
    let (_, database) = settings.url.rsplit_once('/').unwrap();
    let read_only = format!("ALTER DATABASE {database} SET default_transaction_read_only = on");
    behind_its_back(&settings, &server, &read_only).await;
    behind_its_back(&settings, &server, END_ALL).await;
    futures_util::future::join_all((0..3).map(|_| read(&store, "db"))).await;
    let writable = format!("BEGIN READ WRITE; ALTER DATABASE {database} RESET default_transaction_read_only; COMMIT");
    behind_its_back(&settings, &server, &writable).await;
    // The sessions of the pool are still read-only.
    assert_eq!(add(&store, "db").await.unwrap().number(), 2);
}

/// A session that holds a lock, and lets go of it when it is told to.
async fn hold(settings: &PostgresSettings, server: &Postgres, sql: &str) -> tokio_postgres::Client {
    let client = client_of(settings, server).await;
    client.batch_execute(&format!("SET application_name = 'holder'; BEGIN; {sql}")).await.unwrap();
    client
}

/// How many connections the store has.
async fn connections(holder: &tokio_postgres::Client) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'csms'";
    holder.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_other_secrets_go_on_while_somebody_holds_one() {
    let (settings, server) = database().await;
    let store = open(&settings).await;
    for number in 0..9 {
        put(&store, &common(&format!("db-{number}"))).await;
    }
    let holder = hold(&settings, &server, "SELECT 1 FROM secrets WHERE name = 'db-0' FOR UPDATE").await;
    // More than there are connections want the one that is held.
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { add(&store, "db-0").await })
        })
        .collect();
    for round in 0..10 {
        let others = (1..9).map(|number| {
            let store = &store;
            async move { add(store, &format!("db-{number}")).await.unwrap().number() }
        });
        let added = futures_util::future::join_all(others).await;
        assert!(added.iter().all(|number| *number == round + 2), "{added:?}");
        assert_eq!(read(&store, "db-0").await.unwrap(), sealed(&name("db-0"), VersionId::FIRST));
        assert!(connections(&holder).await <= 8);
    }
    assert!(waiting.iter().all(|change| !change.is_finished()));
    holder.batch_execute("ROLLBACK").await.unwrap();
    let mut added = Vec::new();
    for change in waiting {
        added.push(change.await.unwrap().unwrap().number());
    }
    added.sort_unstable();
    assert_eq!(added, (2..22).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_use_of_a_held_secret_is_noted_later_and_waits_for_nobody() {
    let (settings, server) = database().await;
    let store = open(&settings).await;
    for secret in ["held", "free"] {
        put(&store, &common(secret)).await;
    }
    let used = |secret: &str| SecretUse { project: project(), secret: name(secret), time: UnixMillis::new(5_000) };
    let holder = hold(&settings, &server, "SELECT * FROM secrets WHERE name = 'held' FOR UPDATE").await;
    assert_eq!(store.note_uses(vec![used("held"), used("free")]).await.unwrap(), [used("held")]);
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(store.note_uses(vec![used("held")]).await.unwrap(), []);
    for secret in ["held", "free"] {
        let found = store.secret(&project(), &name(secret)).await.unwrap().unwrap();
        assert_eq!(found.last_used_time, Some(UnixMillis::new(5_000)), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_held_for_too_long_leaves_nothing_waiting() {
    for held in ["audit_head", "secrets WHERE name = 'db'"] {
        let (settings, server) = database().await;
        let settings = PostgresSettings { timeout: Duration::from_secs(4), ..settings };
        let store = open(&settings).await;
        put(&store, &common("db")).await;
        let holder = hold(&settings, &server, &format!("SELECT 1 FROM {held} FOR UPDATE")).await;
        let record = |draft: &mut Draft| {
            let added = add_version(draft);
            draft.put_audit(csms_store::suite::audit::entry(None, "a"));
            Ok::<_, ()>(added)
        };
        for _ in 0..2 {
            let refused = store.change_secret(&project(), &name("db"), false, record).await;
            assert!(matches!(refused, Err(ChangeError::Store(StoreError::Unavailable(_)))), "{held}: {refused:?}");
        }
        // The server itself gives up what nobody waits for any longer.
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while holder.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::task::yield_now().await;
        }
        holder.batch_execute("ROLLBACK").await.unwrap();
        let before = store.secret(&project(), &name("db")).await.unwrap().unwrap().next_version();
        assert_eq!(before.number(), 2, "{held}");
        assert_eq!(add(&store, "db").await.unwrap(), before, "{held}");
    }
}

/// Waits until so many sessions have waited for a lock for some time, which outlasts the short waits within groups.
async fn long_waits(holder: &tokio_postgres::Client, number: i64) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
         AND query_start < clock_timestamp() - interval '500 ms'";
    while holder.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) < number {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether two transactions have waited for each other, by the log of a server of one's own.
fn had_a_deadlock(server: &Postgres) -> bool {
    server.logs().unwrap().contains("deadlock detected")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_secrets_of_a_project_do_not_wait_for_each_other() {
    let server = Postgres::start().await.unwrap();
    let settings = settings(&server, DATABASE);
    let (one, two) = (open(&settings).await, open(&settings).await);
    let holder = hold(&settings, &server, "LOCK TABLE secret_values IN SHARE MODE").await;
    let creating = |store: &PostgresStore, text: &'static str| {
        let store = store.clone();
        tokio::spawn(async move { put(&store, &common(text)).await })
    };
    // The first one is created alone, since the project has no count yet.
    let first = creating(&one, "one");
    long_waits(&holder, 1).await;
    let count = format!("INSERT INTO project_usage (project, secrets) VALUES ('{}', 0)", project());
    behind_its_back(&settings, &server, &count).await;
    let second = creating(&two, "two");
    long_waits(&holder, 2).await;
    holder.batch_execute("ROLLBACK").await.unwrap();
    first.await.unwrap();
    second.await.unwrap();
    assert!(!had_a_deadlock(&server), "{}", server.logs().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_in_the_same_projects_do_not_wait_for_each_other() {
    let server = Postgres::start().await.unwrap();
    let settings = settings(&server, DATABASE);
    let (one, two) = (open(&settings).await, open(&settings).await);
    // Also where a change of the root key may come.
    let [first, second] = [7_u8, 8].map(|key| [key; 32].into());
    let announced = RowKey::with_others(1, first, [(2, second)]);
    one.use_row_key(announced.clone());
    two.use_row_key(announced);
    let regions = [("a".repeat(32), "one"), ("b".repeat(32), "two")];
    let counterparts = regions.clone().map(|(id, region)| csms_store::suite::replicas::in_project(&id, region));
    for text in ["forth", "back"] {
        put(&one, &common(text)).await;
    }
    let [a, b] = regions.map(|(id, _)| id);
    let first_use = format!("INSERT INTO search_projects (project) VALUES ('{a}'), ('{b}')");
    let holder = hold(&settings, &server, &first_use).await;
    let replicating = |store: &PostgresStore, text: &'static str, replicas: Vec<Counterpart>| {
        let store = store.clone();
        tokio::spawn(async move {
            let replicate = move |draft: &mut Draft| {
                for replica in replicas {
                    csms_store::suite::replicas::replicate(draft, replica, 10);
                }
                draft.put_audit(csms_store::suite::audit::entry(None, "replicas"));
                Ok::<_, ()>(())
            };
            store.change_secret(&project(), &name(text), true, replicate).await
        })
    };
    let [one_way, mut other_way] = [counterparts.to_vec(), counterparts.to_vec()];
    other_way.reverse();
    for replica in &mut other_way {
        replica.id = SecretId::make(&mut SysRng).unwrap();
    }
    let forth = replicating(&one, "forth", one_way);
    let back = replicating(&two, "back", other_way);
    long_waits(&holder, 2).await;
    holder.batch_execute("ROLLBACK").await.unwrap();
    forth.await.unwrap().unwrap();
    back.await.unwrap().unwrap();
    assert!(!had_a_deadlock(&server), "{}", server.logs().unwrap());
}

/// Has statements of a kind fail with an SQLSTATE as often as said.
fn failing(table: &str, event: &str, state: &str, times: u32) -> String {
    format!(
        "CREATE SEQUENCE failures; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('failures') <= {times} THEN RAISE EXCEPTION 'injected' USING ERRCODE = '{state}'; END IF;
             RETURN NEW; END $$;
         CREATE TRIGGER fail BEFORE {event} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION fail()"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_others_were_in_the_way_of_is_repeated_and_decided_once() {
    let statements = [("secrets", "UPDATE"), ("secret_values", "INSERT"), ("audit_head", "UPDATE")];
    for (table, event) in statements {
        let (settings, server) = database().await;
        let store = open(&settings).await;
        put(&store, &common("db")).await;
        behind_its_back(&settings, &server, &failing(table, event, "40001", 2)).await;
        let decided = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&decided);
        let decide = move |draft: &mut Draft| {
            counted.fetch_add(1, Ordering::Relaxed);
            draft.put_audit(csms_store::suite::audit::entry(None, "a"));
            Ok::<_, ()>(add_version(draft))
        };
        let added = store.change_secret(&project(), &name("db"), false, decide).await.unwrap();
        assert_eq!((added.number(), decided.load(Ordering::Relaxed)), (2, 1), "{event} {table}");
        assert_eq!(store.audit_records(0, 10, None).await.unwrap().len(), 1, "{event} {table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_others_were_in_the_way_of_is_repeated() {
    let (settings, server) = database().await;
    let store = open(&settings).await;
    put(&store, &common("db")).await;
    // As databases do that find such conflicts when a transaction ends.
    let at_the_end = failing("secret_values", "INSERT", "40001", 2)
        .replace("CREATE TRIGGER fail BEFORE", "CREATE CONSTRAINT TRIGGER fail AFTER")
        .replace("FOR EACH STATEMENT", "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW");
    behind_its_back(&settings, &server, &at_the_end).await;
    assert_eq!(add(&store, "db").await.unwrap().number(), 2);
    behind_its_back(&settings, &server, "ALTER SEQUENCE failures RESTART").await;
    put(&store, &common("other")).await;
    assert_eq!(read(&store, "other").await.unwrap(), sealed(&name("other"), VersionId::FIRST));
}

/// An entry of a project.
#[derive(Clone, Serialize, Deserialize)]
struct Note(String);

impl Entry for Note {
    const KIND: &str = "note";
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_decision_that_others_were_in_the_way_of_is_repeated_and_made_once() {
    let (settings, server) = database().await;
    let store = open(&settings).await;
    behind_its_back(&settings, &server, &failing("audit_head", "UPDATE", "40001", 0)).await;
    // Two failures each, which is one less than there are attempts.
    let again = async || {
        let twice = "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF nextval('failures') <= 2 THEN RAISE EXCEPTION 'injected' USING ERRCODE = '40001'; END IF;
                 RETURN NEW; END $$; ALTER SEQUENCE failures RESTART";
        behind_its_back(&settings, &server, twice).await;
    };
    let (calls, records) = (Arc::new(AtomicU32::new(0)), vec![csms_store::suite::audit::entry(None, "a")]);
    let called = || {
        let calls = Arc::clone(&calls);
        move || calls.fetch_add(1, Ordering::Relaxed)
    };

    again().await;
    let (call, noted) = (called(), records.clone());
    let change = move |_: Option<Note>| Ok::<_, ()>((EntryChange::Put(Note("text".to_owned())), call()));
    store.change_entry(&project(), "note", noted, change).await.unwrap();
    let note: Option<Note> = store.entry(&project(), "note").await.unwrap();
    assert_eq!(note.map(|Note(text)| text).as_deref(), Some("text"));

    again().await;
    let (call, decided) = (called(), records.clone());
    store.decide_access(move |_| Ok::<_, ()>((call(), Vec::new(), decided))).await.unwrap();

    again().await;
    let (call, decided) = (called(), records.clone());
    store.change_keys(&project(), move |_| Ok::<_, ()>((call(), decided))).await.unwrap();

    again().await;
    store.change_access(Vec::new(), records.clone()).await.unwrap();
    again().await;
    store.append_audit(records).await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    assert_eq!(store.audit_records(0, 10, None).await.unwrap().len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_that_others_were_in_the_way_of_are_repeated() {
    let (settings, server) = database().await;
    let store = open(&settings).await;
    behind_its_back(&settings, &server, &failing("tasks", "UPDATE", "40001", 2)).await;
    assert_eq!(store.claim_tasks("holder", Duration::from_secs(1), 1).await.unwrap(), []);
    let notifications = "ALTER SEQUENCE failures RESTART; CREATE TRIGGER fail BEFORE UPDATE ON notifications
         FOR EACH STATEMENT EXECUTE FUNCTION fail()";
    behind_its_back(&settings, &server, notifications).await;
    let (now, until) = (UnixMillis::new(1), UnixMillis::new(2));
    assert_eq!(store.claim_notifications(now, until, 1).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_the_database_refuses_takes_nothing_of_its_neighbours_along() {
    let (settings, server) = database().await;
    let store = open(&settings).await;
    for number in 0..4 {
        put(&store, &common(&format!("db-{number}"))).await;
    }
    behind_its_back(&settings, &server, "ALTER TABLE audit ADD CHECK (document NOT LIKE '%poison%')").await;
    let holder = hold(&settings, &server, "SELECT 1 FROM audit_head FOR UPDATE").await;
    // The first one waits for the head, and the others become one group behind it.
    let first = tokio::spawn({
        let store = store.clone();
        async move { store.append_audit(vec![csms_store::suite::audit::entry(None, "first")]).await }
    });
    let changes: Vec<_> = (0..4)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let word = if number == 2 { "poison" } else { "wine" };
                let decide = move |draft: &mut Draft| {
                    draft.put_audit(csms_store::suite::audit::entry(None, word));
                    Ok::<_, ()>(add_version(draft))
                };
                store.change_secret(&project(), &name(&format!("db-{number}")), false, decide).await
            })
        })
        .collect();
    holder.batch_execute("ROLLBACK").await.unwrap();
    first.await.unwrap().unwrap();
    for (number, change) in changes.into_iter().enumerate() {
        let changed = change.await.unwrap();
        assert_eq!(changed.is_ok(), number != 2, "{number}: {changed:?}");
    }
    assert_eq!(store.audit_records(0, 10, None).await.unwrap().len(), 4);
    let refused = store.secret(&project(), &name("db-2")).await.unwrap().unwrap();
    assert_eq!(refused.next_version().number(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_cannot_be_cancelled_costs_nobody_else_a_connection() {
    let (settings, server) = database().await;
    let settings = PostgresSettings { timeout: Duration::from_secs(3), ..settings };
    let store = open(&settings).await;
    put(&store, &common("db")).await;
    let stubborn = "CREATE FUNCTION stubborn() RETURNS trigger LANGUAGE plpgsql AS $$
             DECLARE ends TIMESTAMPTZ := clock_timestamp() + interval '9 s';
             BEGIN
                 WHILE clock_timestamp() < ends LOOP
                     BEGIN PERFORM pg_sleep(0.1); EXCEPTION WHEN query_canceled THEN NULL; END;
                 END LOOP;
                 RETURN NEW;
             END $$;
         CREATE TRIGGER stubborn BEFORE UPDATE ON secrets FOR EACH ROW EXECUTE FUNCTION stubborn()";
    behind_its_back(&settings, &server, stubborn).await;
    futures_util::future::join_all((0..4).map(|_| read(&store, "db"))).await;
    let watcher = client_of(&settings, &server).await;
    let of_the_store = async |condition: &str| {
        let sql = format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'csms'
                 AND {condition} ORDER BY pid"
        );
        let found = watcher.query(&sql, &[]).await.unwrap();
        found.iter().map(|row| row.get::<_, i32>(0)).collect::<Vec<_>>()
    };
    let before = of_the_store("true").await;
    assert!(before.len() > 1, "{before:?}");
    assert!(matches!(add(&store, "db").await, Err(ChangeError::Store(StoreError::Unavailable(_)))));
    let busy = of_the_store("state <> 'idle'").await;
    let ended = async { while of_the_store("true").await.iter().any(|pid| busy.contains(pid)) {} };
    tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap();
    let (left, others) = (of_the_store("true").await, before.iter().filter(|pid| !busy.contains(pid)));
    assert!(!busy.is_empty() && others.clone().all(|pid| left.contains(pid)), "{before:?} {busy:?} {left:?}");
}

#[tokio::test]
async fn a_dropped_change_releases_its_secret() {
    let (settings, _server) = database().await;
    let (store, other) = (open(&settings).await, open(&settings).await);
    put(&store, &common("db")).await;
    for round in 0..10 {
        // Dropped somewhere between connecting and committing, later in each round.
        let impatient = tokio::time::timeout(Duration::from_micros(400 * round), add(&store, "db"));
        drop(impatient.await);
        let before = other.secret(&project(), &name("db")).await.unwrap().unwrap().next_version();
        assert!(add(&other, "db").await.unwrap() >= before);
    }
    let values = |draft: &mut Draft| {
        let secret = &draft.secret;
        Ok::<_, ()>(secret.versions().iter().all(|v| draft.sealed(v.id) == Some(&sealed(&secret.name, v.id)[..])))
    };
    assert!(store.change_secret(&project(), &name("db"), true, values).await.unwrap());
}

#[tokio::test]
async fn a_server_that_stands_still_or_restarts_makes_the_store_unavailable_meanwhile() {
    let mut server = Postgres::start().await.unwrap();
    let settings = PostgresSettings { timeout: Duration::from_secs(2), ..settings(&server, DATABASE) };
    let store = open(&settings).await;
    put(&store, &common("db")).await;

    server.pause().unwrap();
    let standing_still = store.secret(&project(), &name("db")).await;
    assert!(matches!(standing_still, Err(StoreError::Unavailable(_))), "{standing_still:?}");
    assert!(matches!(add(&store, "db").await, Err(ChangeError::Store(StoreError::Unavailable(_)))));
    server.resume().unwrap();
    // Changes that nobody waited for any longer were given up, whole.
    let next = store.secret(&project(), &name("db")).await.unwrap().unwrap().next_version();
    assert_eq!(add(&store, "db").await.unwrap(), next);

    server.stop().await.unwrap();
    assert!(matches!(store.secret(&project(), &name("db")).await, Err(StoreError::Unavailable(_))));
    server.start_again().await.unwrap();
    assert_eq!(add(&store, "db").await.unwrap(), next.next());
}

#[tokio::test]
async fn a_server_with_tls_is_used_when_its_authority_is_trusted() {
    let server = Postgres::start_with(Setup { tls: TlsMode::Required, ..Setup::default() }).await.unwrap();
    let plain = settings(&server, DATABASE);
    let address = format!("{}?sslmode=require", plain.url.as_str());
    let unknown = PostgresSettings { url: address.into(), ..plain.clone() };
    let trusted = PostgresSettings { authorities: server.authority().map(ToOwned::to_owned), ..unknown.clone() };
    for refused in [plain, unknown] {
        assert!(matches!(PostgresStore::open(&refused).await, Err(StoreError::Unavailable(_))));
    }
    put(&open(&trusted).await, &common("db")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_keeps_prepared_statements_works_and_an_older_one_is_refused() {
    let (settings, server) = database().await;
    let (_, database) = settings.url.rsplit_once('/').unwrap();
    let behind = |port: u16| PostgresSettings {
        url: format!("postgres://{ADMIN}@127.0.0.1:{port}/{database}?sslmode=disable").into(),
        ..settings.clone()
    };
    let older = pgbouncer::Setup { root: roots::PGBOUNCER, ..pgbouncer::Setup::default() };
    let older = PgBouncer::start(&server, &older).await.unwrap();
    let refused = PostgresStore::open(&behind(older.port())).await;
    let Err(StoreError::Unavailable(cause)) = refused else { panic!("PgBouncer {} is not refused", older.version()) };
    assert!(cause.to_string().contains("PgBouncer 1.21"), "{cause}");

    let newer = PgBouncer::start(&server, &pgbouncer::Setup::default()).await.unwrap();
    let store = open(&behind(newer.port())).await;
    let numbers = 0..8_u32;
    for number in numbers.clone() {
        put(&store, &common(&format!("db-{number}"))).await;
    }
    let callers = numbers.map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let text = format!("db-{number}");
            let all = SecretFilter { names: vec!["DB-".to_owned()], ..SecretFilter::default() };
            for round in 0..10 {
                assert_eq!(store.count_secrets(&project(), &all).await.unwrap(), 8);
                assert_eq!(add(&store, &text).await.unwrap().number(), round + 2);
                assert_eq!(read(&store, &text).await.unwrap(), sealed(&name(&text), VersionId::FIRST));
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

#[tokio::test]
async fn one_server_delivers_to_the_audit_sink_until_its_lease_ends() {
    let (settings, _server) = database().await;
    let (one, two) = (open(&settings).await, open(&settings).await);
    let minute = Duration::from_secs(60);
    assert_eq!(one.claim_audit_sink("one", minute).await.unwrap(), Some(0));
    assert_eq!(two.claim_audit_sink("two", minute).await.unwrap(), None);
    assert!(one.advance_audit_sink("one", Duration::ZERO, 4).await.unwrap());
    assert_eq!(two.claim_audit_sink("two", minute).await.unwrap(), Some(4));
    assert!(!one.advance_audit_sink("one", minute, 5).await.unwrap());
    assert_eq!(one.claim_audit_sink("one", minute).await.unwrap(), None);
    assert_eq!(one.audit_sink().await.unwrap(), Some(4));
}
