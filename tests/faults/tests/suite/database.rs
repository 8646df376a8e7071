//! The shared store while its database misbehaves: locks that others hold, sessions that end, a server that stands still.
//!
//! Whatever happens, the connections of a server stay within its limit, reads go on where they can, what was acknowledged is
//! there, and all is well again once the cause is gone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use csms_client::{Client, CreateVersionBody};
use csms_faults::{
    CONNECTIONS, Database, Writers, client, create, create_many, eventually, get, healthz_becomes, is_long, log_in,
    name, read, refused_for, require_all,
};
use csms_testbed::{Server, postgres::DATABASE, server::Options};
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;

/// Clients that write at the same time, more than there are connections.
const WRITERS: usize = 24;

/// Connections beyond the limit that may be seen for a moment: those that carry a request to cancel.
const MORE: i64 = 4;

const CONNECTIONS_OF_SERVERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'csms'";

/// Runs writers against a server while somebody holds a lock, and requires everything that is said above.
async fn while_held(lock: &str, reads_go_on: bool) {
    let database = Database::start().await;
    let server = Server::start(database.options()).await.unwrap();
    let client = client(&server);
    create_many(&client, "kept", 3).await;
    let holder = database.postgres.admin().await.unwrap();
    holder.batch_execute(&format!("BEGIN; {lock}")).await.unwrap();
    let writers = Writers::begin(&client, "w", WRITERS);
    let most = i64::try_from(CONNECTIONS).unwrap() + MORE;
    let watch = database.postgres.admin().await.unwrap();
    let mut reads = 0;
    eventually("every writer was refused", async || {
        let connections: i64 = watch.query_one(CONNECTIONS_OF_SERVERS, &[]).await.unwrap().get(0);
        assert!(connections <= most, "{connections} connections");
        if reads_go_on {
            assert_eq!(read(&client, "kept-0").await.unwrap(), "kept-0");
            assert_eq!(get(&server, "/healthz").await.0, 200);
            reads += 1;
        }
        writers.all_refused()
    })
    .await;
    // A read that waited for the lock would take as long as the refusals.
    assert!(!reads_go_on || reads > 5, "{reads} reads while the lock was held");
    holder.batch_execute("ROLLBACK").await.unwrap();
    writers.go_on().await;
    require_all(&client, &writers.end().await).await;
    let left = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'csms' AND (state LIKE 'idle in%' OR wait_event_type = 'Lock')";
    eventually("nothing is left behind", async || database.number(left).await == 0).await;
}

/// Locks that writes wait for and reads do not.
const LOCKS: [&str; 3] = [
    "SELECT * FROM audit_head FOR UPDATE",
    "SELECT * FROM project_usage FOR UPDATE",
    "LOCK TABLE secrets, secret_values, audit IN SHARE ROW EXCLUSIVE MODE",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_against_writes_takes_no_more_connections_and_no_reads() {
    // Each takes as long as the longest wait of a write.
    let locks = if is_long() { &LOCKS[..] } else { &LOCKS[..1] };
    for lock in locks {
        while_held(lock, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_held_against_everybody_takes_no_more_connections() {
    while_held("LOCK TABLE secrets IN ACCESS EXCLUSIVE MODE", false).await;
}

/// Clients that add versions, each to a secret of its own, until they are dropped.
struct VersionWriters {
    added: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl VersionWriters {
    async fn begin(client: &Client, prefix: &str, number: usize) -> Self {
        create_many(client, prefix, number).await;
        let added = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for number in 0..number {
            let (client, added) = (client.clone(), Arc::clone(&added));
            let secret = name(&format!("{prefix}-{number}"));
            tasks.spawn(async move {
                let body = CreateVersionBody { secret_string: Some("value"), ..CreateVersionBody::default() };
                loop {
                    if client.create_version(&secret, &body).await.is_ok() {
                        added.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        Self { added, _tasks: tasks }
    }

    /// Versions that are added in this time.
    async fn during(&self, time: Duration) -> usize {
        let before = self.added.load(Ordering::SeqCst);
        tokio::time::sleep(time).await;
        self.added.load(Ordering::SeqCst) - before
    }
}

/// Sessions of servers that wait for a row or table, the head of the audit trail aside. Whoever lengthens the file of a table holds
/// up the others for that moment (`extend`): that is no row, and no transaction is waited for.
const WAITS: &str = "SELECT concat(wait_event, ': ', query) FROM pg_stat_activity
     WHERE usename = 'csms' AND wait_event_type = 'Lock' AND wait_event <> 'extend' AND query NOT LIKE '%audit_head%'";

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_wait_for_no_row_of_each_other_but_the_head() {
    let database = Database::start().await;
    let first = Server::start(database.options()).await.unwrap();
    let (second, _data) = database.beside(&first, None).await;
    let one = VersionWriters::begin(&client(&first), "one", 8).await;
    let other = VersionWriters::begin(&client(&second), "other", 8).await;
    let watch = database.postgres.admin().await.unwrap();
    for sample in 0..100 {
        let waits = watch.query(WAITS, &[]).await.unwrap();
        let waits: Vec<String> = waits.iter().map(|row| row.get(0)).collect();
        assert_eq!(waits, Vec::<String>::new(), "in sample {sample}");
    }
    for writers in [&one, &other] {
        eventually("both write", async || writers.added.load(Ordering::SeqCst) > 10).await;
    }
}

/// Longest pause of a server's writes when another one stops inside a transaction. A short run has other tests beside it.
fn longest_pause() -> Duration {
    Duration::from_secs(if is_long() { 3 } else { 8 })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_inside_a_transaction_holds_up_another_for_seconds_at_most() {
    let database = Database::start().await;
    let first = Server::start(database.options()).await.unwrap();
    let (second, _data) = database.beside(&first, None).await;
    let one = VersionWriters::begin(&client(&first), "one", 4).await;
    let holder = database.postgres.admin().await.unwrap();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'csms' AND wait_event_type = 'Lock'";
    let inside = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'csms' AND state = 'idle in transaction'";
    let stopped = Pid::from_raw(i32::try_from(first.id()).unwrap()).unwrap();
    eventually("the first server stands still inside a transaction", async || {
        holder.batch_execute("BEGIN; SELECT * FROM audit_head FOR UPDATE").await.unwrap();
        eventually("the first server waits for the head", async || database.number(waiting).await > 0).await;
        // It gets the head while it cannot go on, unless it has sent all of its transaction already.
        kill_process(stopped, Signal::STOP).unwrap();
        holder.batch_execute("ROLLBACK").await.unwrap();
        for _ in 0..50 {
            if database.number(inside).await > 0 {
                return true;
            }
        }
        kill_process(stopped, Signal::CONT).unwrap();
        false
    })
    .await;
    let begun = Instant::now();
    create(&client(&second), "written").await.unwrap();
    let pause = begun.elapsed();
    assert!(pause <= longest_pause(), "{pause:?}");
    kill_process(stopped, Signal::CONT).unwrap();
    eventually("the first server writes again", async || create(&client(&first), "again").await.is_ok()).await;
    drop(one);
}

/// How a row is held, and what other writes keep of their rate meanwhile. Other tests run beside a short run and take their turns
/// on the processor, so only the long one is exact.
struct Holding {
    /// How long it is held, and is free in between.
    span: Duration,
    /// How often it is held: a minute altogether in a long run.
    times: usize,
    /// How often at most. What is measured on a busy machine is measured again before it counts.
    most: usize,
    /// The least part of the rate that the others keep.
    least: f64,
}

impl Holding {
    /// The longest wait of a write ends within a span of the long run.
    const LONG: Self = Self { span: Duration::from_secs(12), times: 5, most: 15, least: 0.8 };
    const SHORT: Self = Self { span: Duration::from_millis(1_500), times: 3, most: 9, least: 0.3 };
}

fn median(ratios: &[f64]) -> f64 {
    let mut sorted = ratios.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

#[allow(clippy::print_stdout, reason = "the figure is for whoever runs the suite")]
#[tokio::test(flavor = "multi_thread")]
async fn writes_to_other_secrets_keep_their_rate_while_one_is_held() {
    let database = Database::start().await;
    let server = Server::start(database.options()).await.unwrap();
    let client = client(&server);
    create_many(&client, "held", 1).await;
    let writers = VersionWriters::begin(&client, "w", 16).await;
    eventually("the writers write", async || writers.added.load(Ordering::SeqCst) > 100).await;
    let holder = database.postgres.admin().await.unwrap();
    let Holding { span, times, most, least } = if is_long() { Holding::LONG } else { Holding::SHORT };
    let mut ratios = Vec::new();
    // Each span is compared with those right before and after it, in which the machine has as much else to do.
    let mut before = writers.during(span).await;
    while ratios.len() < times || (median(&ratios) < least && ratios.len() < most) {
        holder.batch_execute("BEGIN; SELECT * FROM secrets WHERE name = 'held-0' FOR UPDATE").await.unwrap();
        let mut waiting = JoinSet::new();
        for _ in 0..4 {
            let client = client.clone();
            waiting.spawn(async move {
                let body = CreateVersionBody { secret_string: Some("value"), ..CreateVersionBody::default() };
                // Refused for as long as the row is held.
                while client.create_version(&name("held-0"), &body).await.is_err() {}
            });
        }
        let during = writers.during(span).await;
        assert_eq!(waiting.try_join_next().map(|ended| ended.is_ok()), None, "nobody changes what is held");
        holder.batch_execute("ROLLBACK").await.unwrap();
        waiting.join_all().await;
        let after = writers.during(span).await;
        ratios.push(2.0 * during as f64 / (before + after) as f64);
        before = after;
    }
    let ratio = median(&ratios);
    println!("while a row was held for {times} × {span:?}, writes kept {ratio:.2} of their rate: {ratios:.2?}");
    assert!(ratio >= least, "{ratio:.2} of the rate: {ratios:.2?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_the_database_ends_lose_nothing() {
    let database = Database::start().await;
    let server = Server::start(database.options()).await.unwrap();
    let client = client(&server);
    let writers = Writers::begin(&client, "w", 8);
    for _ in 0..3 {
        writers.go_on().await;
        database.end_connections().await;
    }
    writers.go_on().await;
    require_all(&client, &writers.end().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_a_role_that_could_only_read_are_not_kept() {
    let database = Database::start().await;
    let server = Server::start(database.options()).await.unwrap();
    let client = client(&server);
    create_many(&client, "kept", 1).await;
    database.postgres.execute("ALTER ROLE csms SET default_transaction_read_only = on").await.unwrap();
    database.end_connections().await;
    let refused = create(&client, "refused").await.unwrap_err();
    assert_eq!(refused.status(), Some(503), "{refused}");
    database.postgres.execute("ALTER ROLE csms RESET default_transaction_read_only").await.unwrap();
    eventually("a write succeeds", async || create(&client, "after").await.is_ok()).await;
    for number in 0..20 {
        create(&client, &format!("later-{number}")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stands_still_is_reported_and_used_again() {
    let database = Database::start().await;
    let server = Server::start(database.options()).await.unwrap();
    let client = client(&server);
    let writers = Writers::begin(&client, "w", 8);
    writers.go_on().await;
    database.postgres.pause().unwrap();
    healthz_becomes(&server, 503).await;
    database.postgres.resume().unwrap();
    healthz_becomes(&server, 200).await;
    writers.go_on().await;
    require_all(&client, &writers.end().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_restarts_is_used_again() {
    let mut database = Database::start().await;
    let server = Server::start(database.options()).await.unwrap();
    let client = client(&server);
    let token = log_in(&server).await;
    let writers = Writers::begin(&client, "w", 8);
    writers.go_on().await;
    database.postgres.stop().await.unwrap();
    healthz_becomes(&server, 503).await;
    assert!((1..=60).contains(&refused_for(&server, &token).await));
    let refused = create(&client, "refused").await.unwrap_err();
    assert_eq!(refused.status(), Some(503), "{refused}");
    database.postgres.start_again().await.unwrap();
    writers.go_on().await;
    require_all(&client, &writers.end().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_free_connection_uses_those_it_gets_later() {
    let database = Database::start().await;
    let server = Server::start(database.options()).await.unwrap();
    let client = client(&server);
    create_many(&client, "kept", 1).await;
    database.postgres.execute("ALTER ROLE csms CONNECTION LIMIT 0").await.unwrap();
    database.end_connections().await;
    let refused = create(&client, "refused").await.unwrap_err();
    assert_eq!(refused.status(), Some(503), "{refused}");
    healthz_becomes(&server, 503).await;
    database.postgres.execute("ALTER ROLE csms CONNECTION LIMIT -1").await.unwrap();
    healthz_becomes(&server, 200).await;
    eventually("a write succeeds", async || create(&client, "after").await.is_ok()).await;
    assert_eq!(read(&client, "kept-0").await.unwrap(), "kept-0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_does_not_wait_for_the_disk_loses_nothing_when_the_database_crashes() {
    let database = Database::start().await;
    database.postgres.execute("ALTER ROLE csms SET synchronous_commit = off").await.unwrap();
    let server = Server::start(database.options()).await.unwrap();
    let client = client(&server);
    let writers = Writers::begin(&client, "w", 8);
    for _ in 0..3 {
        writers.go_on().await;
        // All of its sessions end when one is killed, and it recovers from its log.
        let session = "SELECT min(pid)::BIGINT FROM pg_stat_activity WHERE usename = 'csms'";
        let session = i32::try_from(database.number(session).await).unwrap();
        kill_process(Pid::from_raw(session).unwrap(), Signal::KILL).unwrap();
    }
    writers.go_on().await;
    require_all(&client, &writers.end().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_behind_what_was_seen_of_it_is_reported_at_the_start() {
    let database = Database::start().await;
    let data = tempfile::tempdir().unwrap();
    let on = |name: &str| Options { data: Some(data.path().to_owned()), ..database.options_on(name) };
    let server = Server::start(on(DATABASE)).await.unwrap();
    create_many(&client(&server), "kept", 1).await;
    server.terminate().await.unwrap();
    assert!(!server.log().contains("behind what this server has seen"), "{}", server.log_tail());
    // As a standby that did not get what came later.
    database.copy("standby").await;
    let server = Server::start(on(DATABASE)).await.unwrap();
    create_many(&client(&server), "lost", 1).await;
    server.terminate().await.unwrap();
    let server = Server::start(on("standby")).await.unwrap();
    assert!(server.log().contains("behind what this server has seen"), "{}", server.log_tail());
    assert_eq!(read(&client(&server), "kept-0").await.unwrap(), "kept-0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_back_under_a_running_server_is_reported_once() {
    let database = Database::start().await;
    let server = Server::start(database.options()).await.unwrap();
    let client = client(&server);
    create_many(&client, "kept", 1).await;
    // A standby that did not get what came later takes over: while the server stands still, since it connects again at once.
    server.pause().unwrap();
    database.copy("standby").await;
    server.resume().unwrap();
    create_many(&client, "lost", 1).await;
    let seen = || {
        let text = std::fs::read(server.data().join("last-seen.json")).ok()?;
        serde_json::from_slice::<serde_json::Value>(&text).ok()?["head"]["number"].as_i64()
    };
    let newest = "SELECT number FROM audit_head";
    eventually("the newest head is seen", async || seen() >= Some(database.number(newest).await)).await;
    server.pause().unwrap();
    database.end_connections().await;
    for renamed in [format!("{DATABASE} RENAME TO former"), format!("standby RENAME TO {DATABASE}")] {
        database.postgres.execute_in("postgres", &format!("ALTER DATABASE {renamed}")).await.unwrap();
    }
    server.resume().unwrap();
    let words = "behind what this server has seen";
    eventually("the loss is in the log", async || server.log().contains(words)).await;
    eventually("writes go on", async || create(&client, "after").await.is_ok()).await;
    assert_eq!(read(&client, "kept-0").await.unwrap(), "kept-0");
    assert_eq!(read(&client, "lost-0").await.unwrap_err().status(), Some(404));
    assert_eq!(server.log().matches(words).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_to_the_database_of_another_installation_takes_no_writes_there() {
    let database = Database::start().await;
    database.create("others").await;
    let (server, other) = tokio::join!(Server::start(database.options()), Server::start(database.options_on("others")));
    let (server, other) = (server.unwrap(), other.unwrap());
    let (client, other_client) = (client(&server), client(&other));
    create(&client, "kept").await.unwrap();
    create(&other_client, "theirs").await.unwrap();
    for paused in [&server, &other] {
        paused.pause().unwrap();
    }
    database.end_connections().await;
    let rename = async |from: &str, to: &str| {
        database.postgres.execute_in("postgres", &format!("ALTER DATABASE {from} RENAME TO {to}")).await.unwrap();
    };
    rename(DATABASE, "former").await;
    rename("others", DATABASE).await;
    server.resume().unwrap();
    // The access key is known without a question to the database.
    for number in 0..20 {
        assert_eq!(create(&client, &format!("lost-{number}")).await.unwrap_err().status(), Some(503));
    }
    healthz_becomes(&server, 503).await;
    server.pause().unwrap();
    database.end_connections().await;
    rename(DATABASE, "others").await;
    rename("former", DATABASE).await;
    for resumed in [&server, &other] {
        resumed.resume().unwrap();
    }
    eventually("writes go on", async || create(&client, "after").await.is_ok()).await;
    assert_eq!(read(&client, "kept").await.unwrap(), "kept");
    eventually("the other goes on", async || create(&other_client, "after").await.is_ok()).await;
    assert_eq!(other_client.show_secret(&name("lost-0")).await.unwrap_err().status(), Some(404));
    for server in [&server, &other] {
        assert!(!server.log().contains("behind what this server has seen"), "{}", server.log_tail());
    }
}
