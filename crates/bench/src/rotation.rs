//! `rotation`: due secrets of one PostgreSQL and one MySQL, rotated by a server with its scheduler and its function, beside a bare
//! loop that makes the same logins and sends the same statements with the same drivers, as many at a time.
//!
//! Logins and statements are counted by the databases themselves. The time of a rotation is that of its attempt, from the steps
//! of its task; waiting for a turn is not in it. The bare loop has no secret to read and none to write.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use csms_client::{Client, CreateSecretBody, Credentials, ListTasksQuery};
use csms_core::{ProjectId, RotationPeriod, SecretName, UnixMillis};
use csms_kms::{DerivedKey, RootKey};
use csms_store::{RowKey, SqliteSettings, SqliteStore, Store};
use csms_testbed::{
    MySqlServer, Postgres, TlsMode,
    mysql::{self, Release},
    postgres,
    server::{Options, Server},
};
use mysql_async::{OptsBuilder, SslOpts, prelude::Queryable};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{cpu, table};

/// Passwords of the accounts at first.
const FIRST: &str = "First-password-1";

/// Passwords that the bare loop sets.
const NEXT: &str = "Second-password-2";

/// What every session with MySQL begins with.
const SESSION: &str = "SET NAMES utf8mb4, sql_mode = 'NO_BACKSLASH_ESCAPES', autocommit = 1, \
    sql_select_limit = 18446744073709551615, max_join_size = 18446744073709551615, sql_big_selects = 1, \
    sql_safe_updates = 0, sql_quote_show_create = 1, lc_messages = 'en_US', max_execution_time = 0";

/// How long all rotations of an engine may take.
const WITHIN: Duration = Duration::from_secs(1800);

/// How often it is looked whether they are over.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Tasks of one page of the list.
const PAGE: u16 = 500;

/// Measure rotations of due secrets beside a bare loop of their logins and statements.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The release build of `csms`, with `rotate-database.zip` beside it.
    #[arg(long, env = "CSMS_BIN")]
    csms: PathBuf,
    /// Due secrets of each engine.
    #[arg(long, default_value_t = 1000)]
    secrets: usize,
    /// Rotations at a time, at most 250; the server has a quarter of its permits for one database, and gets four times as many.
    #[arg(long, default_value_t = 8)]
    concurrency: usize,
}

/// A database server that is measured.
enum Database {
    PostgreSql(Postgres),
    MySql(MySqlServer),
}

/// What the server itself has counted so far.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    logins: usize,
    statements: usize,
}

impl Database {
    async fn start(engine: &str) -> Result<Self> {
        let tls = TlsMode::Offered;
        Ok(match engine {
            "mysql" => {
                let setup = mysql::Setup { tls, ..mysql::Setup::new(Release::MySql) };
                Self::MySql(MySqlServer::start_with(setup).await?)
            }
            _ => {
                // The log counts; both sides pay for it.
                let settings = ["log_statement=all", "log_connections=on"].map(str::to_owned).into();
                let setup =
                    postgres::Setup { release: postgres::Release::Newer, tls, settings, ..postgres::Setup::default() };
                Self::PostgreSql(Postgres::start_with(setup).await?)
            }
        })
    }

    const fn engine(&self) -> &'static str {
        match self {
            Self::PostgreSql(_) => "postgresql",
            Self::MySql(_) => "mysql",
        }
    }

    fn port(&self) -> u16 {
        match self {
            Self::PostgreSql(server) => server.port(),
            Self::MySql(server) => server.port(),
        }
    }

    fn authority(&self) -> Result<&str> {
        let authority = match self {
            Self::PostgreSql(server) => server.authority(),
            Self::MySql(server) => server.authority(),
        };
        authority.context("a server with TLS")
    }

    async fn create(&self, user: &str) -> Result<()> {
        match self {
            Self::PostgreSql(server) => server.create_login(user, FIRST).await?,
            Self::MySql(server) => server.create_login(user, FIRST).await?,
        }
        Ok(())
    }

    async fn counts(&self) -> Result<Counts> {
        match self {
            Self::PostgreSql(server) => {
                let log = server.logs()?;
                let logins = log.matches("connection authorized: user=").count();
                Ok(Counts { logins, statements: log.matches("LOG:  statement: ").count() })
            }
            Self::MySql(server) => {
                let mut client = server.admin().await?;
                let rows: Vec<(String, usize)> =
                    client.query("SHOW GLOBAL STATUS WHERE Variable_name IN ('Connections', 'Questions')").await?;
                client.disconnect().await?;
                let of = |name: &str| rows.iter().find(|(known, _)| known == name).map_or(0, |(_, number)| *number);
                Ok(Counts { logins: of("Connections"), statements: of("Questions") })
            }
        }
    }

    /// One round of the bare loop: what a rotation says to the database.
    async fn bare(&self, user: &str) -> Result<()> {
        match self {
            Self::PostgreSql(_) => self.bare_postgresql(user).await,
            Self::MySql(_) => self.bare_mysql(user).await,
        }
    }

    async fn bare_postgresql(&self, user: &str) -> Result<()> {
        let settings = "SET LOCAL transaction_timeout = 0; SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL ROLE NONE; \
            SET LOCAL statement_timeout = 10000; SET LOCAL lock_timeout = 10000; \
            SET LOCAL idle_in_transaction_session_timeout = 10000; SET LOCAL quote_all_identifiers = off";
        let probe = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; {settings}; SELECT system_user, host(inet_client_addr()), \
             inet_client_port(), current_setting('credcheck.max_auth_failure', true), \
             current_setting('credcheck.whitelist_auth_failure', true)"
        );
        self.postgresql(user, FIRST, &[&probe]).await?;
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {settings}; SELECT current_user, pg_is_in_recovery(), \
             current_setting('server_version_num'), current_setting('password_encryption'), \
             current_setting('scram_iterations', true)"
        );
        // The hash is made by the server here, whose work for it is that of one login.
        let change = format!("ALTER ROLE {user} PASSWORD '{NEXT}'; COMMIT");
        self.postgresql(user, FIRST, &[&begin, &change]).await?;
        self.postgresql(user, NEXT, &[&probe]).await
    }

    async fn postgresql(&self, user: &str, password: &str, statements: &[&str]) -> Result<()> {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port()).user(user).password(password).dbname(postgres::DATABASE);
        config.ssl_mode(tokio_postgres::config::SslMode::Require);
        let (client, connection) = config.connect(tls(self.authority()?)?).await?;
        let work = async {
            for statement in statements {
                client.simple_query(statement).await?;
            }
            drop(client);
            Ok::<_, tokio_postgres::Error>(())
        };
        let (work, _) = tokio::join!(work, connection);
        Ok(work?)
    }

    async fn bare_mysql(&self, user: &str) -> Result<()> {
        let probe = [
            "SELECT CURRENT_USER(), 0 /*M!100402 + @@GLOBAL.max_password_errors */",
            "SHOW CREATE USER CURRENT_USER()",
        ];
        self.mysql(user, FIRST, &probe).await?;
        let change = format!("ALTER USER USER() IDENTIFIED BY '{NEXT}' REPLACE '{FIRST}'");
        let statements = [
            "SHOW CREATE USER CURRENT_USER()",
            "SELECT VERSION()",
            "SHOW GRANTS",
            "SET SESSION transaction_read_only = 0, lock_wait_timeout = 10",
            "SHOW GLOBAL VARIABLES WHERE Variable_name = 'log_raw' AND Value IN ('ON', '1')",
            &change,
        ];
        self.mysql(user, FIRST, &statements).await?;
        self.mysql(user, NEXT, &probe).await
    }

    async fn mysql(&self, user: &str, password: &str, statements: &[&str]) -> Result<()> {
        let roots = vec![self.authority()?.as_bytes().to_vec().into()];
        let options = OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.port())
            .user(Some(user))
            .pass(Some(password))
            .prefer_socket(false)
            .stmt_cache_size(0)
            // What the driver would ask for otherwise.
            .max_allowed_packet(Some(4 * 1024 * 1024))
            .wait_timeout(Some(28_800))
            .init(vec![SESSION])
            .ssl_opts(Some(SslOpts::default().with_root_certs(roots)));
        let mut conn = mysql_async::Conn::new(options).await?;
        for statement in statements {
            conn.query_drop(*statement).await?;
        }
        Ok(conn.disconnect().await?)
    }
}

/// The TLS of the function: ring, and a certificate that is verified.
fn tls(authority: &str) -> Result<tokio_postgres_rustls::MakeRustlsConnect> {
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(certificate?)?;
    }
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(tokio_postgres_rustls::MakeRustlsConnect::new(config))
}

/// What was measured of one side.
struct Measured {
    wall: Duration,
    /// CPU time of the processes that do it, without the database.
    cpu: Duration,
    times: Vec<Duration>,
    counts: Counts,
}

impl Measured {
    fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.wall.as_secs_f64()
    }

    fn at(&self, share: usize) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() * share / 100).copied().unwrap_or_default()
    }

    fn row(&self, name: &str) -> Vec<String> {
        let each = |number: usize| format!("{:.1}", number as f64 / self.times.len() as f64);
        vec![
            name.to_owned(),
            format!("{:.1}", self.per_second()),
            table::millis(self.at(50)),
            table::millis(self.at(99)),
            each(self.counts.logins),
            each(self.counts.statements),
            table::millis(self.cpu / u32::try_from(self.times.len()).unwrap_or(u32::MAX)),
        ]
    }
}

/// Does `work` for each number, so many at a time, and returns what it returned.
async fn for_each<T: Send + 'static, F: Future<Output = Result<T>> + Send + 'static>(
    numbers: usize,
    at_a_time: usize,
    work: impl Fn(usize) -> F,
) -> Result<Vec<T>> {
    let (mut running, mut next, mut done) = (JoinSet::new(), 0, Vec::with_capacity(numbers));
    loop {
        while next < numbers && running.len() < at_a_time {
            running.spawn(work(next));
            next += 1;
        }
        let Some(ended) = running.join_next().await else { return Ok(done) };
        done.push(ended??);
    }
}

/// What was counted since `before`, without the login and the statements of the counting itself.
fn since(before: Counts, after: Counts, database: &Database) -> Counts {
    // Of the two looks at MySQL's counters, the second one is in them.
    let (logins, statements) = if matches!(database, Database::MySql(_)) { (1, 3) } else { (0, 0) };
    let less = |after: usize, before: usize, own: usize| after.saturating_sub(before).saturating_sub(own);
    Counts {
        logins: less(after.logins, before.logins, logins),
        statements: less(after.statements, before.statements, statements),
    }
}

/// Makes the accounts of both sides, so that both are measured on a server with as many.
async fn make_accounts(database: &Arc<Database>, secrets: usize) -> Result<()> {
    for side in ["bare", "app"] {
        for_each(secrets, 8, |number| {
            let database = Arc::clone(database);
            async move { database.create(&format!("{side}{number}")).await }
        })
        .await?;
    }
    Ok(())
}

async fn bare(database: &Arc<Database>, arguments: &Arguments) -> Result<Measured> {
    let before = database.counts().await?;
    let (begun, cpu) = (Instant::now(), cpu::of_tree(std::process::id())?);
    let times = for_each(arguments.secrets, arguments.concurrency, |number| {
        let database = Arc::clone(database);
        async move {
            let begun = Instant::now();
            database.bare(&format!("bare{number}")).await?;
            Ok(begun.elapsed())
        }
    });
    let times = times.await?;
    let (wall, cpu) = (begun.elapsed(), cpu::of_tree(std::process::id())?.saturating_sub(cpu));
    let counts = since(before, database.counts().await?, database);
    Ok(Measured { wall, cpu, times, counts })
}

/// A running server and a client of it.
async fn client(server: &Server) -> Result<Client> {
    let project = ProjectId::parse(server.project_id()).ok().context("a project")?;
    let keys = Credentials::key_pair(&server.credentials().access_key, &server.credentials().secret_key);
    Ok(Client::new(server.url(), project, keys)?)
}

/// Makes the secrets of the accounts.
async fn make_secrets(database: &Arc<Database>, server: &Server, secrets: usize) -> Result<()> {
    let client = client(server).await?;
    let function = server.credentials().rotation_func_urn.clone();
    let function = function.context("rotate-database.zip beside the server; cargo xtask package makes it")?;
    for_each(secrets, 8, |number| {
        let (database, client, function) = (Arc::clone(database), client.clone(), function.clone());
        async move {
            let user = format!("app{number}");
            let value = json!({
                "engine": database.engine(), "host": "127.0.0.1", "port": database.port(), "dbname": postgres::DATABASE,
                "username": user, "password": FIRST, "tls_ca": database.authority()?,
            });
            let body = CreateSecretBody {
                name: &user,
                secret_string: Some(&value.to_string()),
                secret_type: Some("RDS-FG"),
                rotation_config: Some(r#"{"InstanceId":"bench","SecretSubType":"SingleUser"}"#),
                rotation_func_urn: Some(&function),
                ..CreateSecretBody::default()
            };
            client.create_secret(&body).await?;
            Ok(())
        }
    })
    .await?;
    Ok(())
}

/// Makes every secret long overdue, while the server is stopped.
async fn make_due(server: &Server, secrets: usize) -> Result<()> {
    let store = SqliteStore::open(&server.data().join("csms.db"), SqliteSettings::default())?;
    let root = std::fs::read_to_string(server.data().join("root.key"))?;
    let DerivedKey { number, key } = RootKey::from_hex(root.trim())?.derive_numbered(RowKey::PURPOSE);
    store.use_row_key(RowKey::new(number, key));
    let project = ProjectId::parse(server.project_id()).ok().context("a project")?;
    for number in 0..secrets {
        let name = SecretName::parse(format!("app{number}")).ok().context("a name")?;
        let due = |draft: &mut csms_store::Draft| {
            draft.secret.auto_rotation = true;
            draft.secret.rotation_period = RotationPeriod::parse("30d").ok();
            draft.secret.next_rotation_time = Some(UnixMillis::new(1));
            Ok::<_, std::convert::Infallible>(())
        };
        let changed = store.change_secret(&project, &name, false, due).await;
        changed.map_err(|error| anyhow::anyhow!("a secret cannot be made due: {error}"))?;
    }
    Ok(())
}

/// The time of each attempt, once as many tasks have succeeded as there are secrets.
async fn finished(server: &Server, secrets: usize, begun: Instant) -> Result<(Duration, Vec<Duration>)> {
    let client = client(server).await?;
    loop {
        let one = ListTasksQuery { status: Some("SUCCESS"), limit: Some(1), ..ListTasksQuery::default() };
        if client.list_tasks(one).await?.total >= secrets as u64 {
            break;
        }
        let failed = ListTasksQuery { status: Some("FAILED"), limit: Some(1), ..ListTasksQuery::default() };
        if let Some(task) = client.list_tasks(failed).await?.tasks.first() {
            bail!("a rotation failed: {:?}", task.task_error_msg);
        }
        ensure!(begun.elapsed() < WITHIN, "not over within {WITHIN:?}\n{}", server.log_tail());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let wall = begun.elapsed();
    let (mut times, mut marker) = (Vec::new(), None::<String>);
    loop {
        let query = ListTasksQuery {
            status: Some("SUCCESS"),
            limit: Some(PAGE),
            marker: marker.as_deref(),
            steps: true,
            ..ListTasksQuery::default()
        };
        let page = client.list_tasks(query).await?;
        for task in &page.tasks {
            let at = |step: &str| task.steps.iter().find(|known| known.step == step).map(|known| known.time);
            let (began, ended) = (at("attempt").context("an attempt")?, at("end").context("an end")?);
            times.push(Duration::from_millis(ended.saturating_sub(began)));
        }
        match page.next_marker {
            Some(next) => marker = Some(next),
            None => return Ok((wall, times)),
        }
    }
}

async fn rotations(database: &Arc<Database>, arguments: &Arguments) -> Result<Measured> {
    // A server has a quarter of its permits for one database.
    let concurrency = arguments.concurrency.saturating_mul(4).to_string();
    let options = Options { binary: Some(arguments.csms.clone()), ..Options::default() };
    let options = options.argument("--log").argument("error").argument("--rotation-concurrency").argument(concurrency);
    let mut server = Server::start(options).await?;
    make_secrets(database, &server, arguments.secrets).await?;
    server.terminate().await?;
    make_due(&server, arguments.secrets).await?;
    let before = database.counts().await?;
    let begun = Instant::now();
    server.restart().await?;
    let (wall, times) = finished(&server, arguments.secrets, begun).await?;
    let cpu = cpu::of_tree(server.id())?;
    let counts = since(before, database.counts().await?, database);
    ensure!(times.len() == arguments.secrets, "{} rotations of {} secrets", times.len(), arguments.secrets);
    Ok(Measured { wall, cpu, times, counts })
}

/// Runs the benchmark.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    // The driver of MySQL takes the provider of the process; a second choice changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (mut rows, mut ratios) = (Vec::new(), Vec::new());
    for engine in ["postgresql", "mysql"] {
        let database = Arc::new(Database::start(engine).await?);
        make_accounts(&database, arguments.secrets).await.with_context(|| format!("accounts of {engine}"))?;
        let bare = bare(&database, arguments).await.with_context(|| format!("the bare loop on {engine}"))?;
        let ours = rotations(&database, arguments).await.with_context(|| format!("rotations on {engine}"))?;
        rows.push(ours.row(&format!("{engine}, csms")));
        rows.push(bare.row(&format!("{engine}, bare loop")));
        ratios.push(format!("{engine}: {:.2} of the bare loop", ours.per_second() / bare.per_second()));
    }
    table::print(&["", "rotations/s", "p50, ms", "p99, ms", "logins each", "statements each", "CPU ms each"], &rows);
    println!("\n{}", ratios.join("\n"));
    println!("{} secrets of each engine, {} at a time.", arguments.secrets, arguments.concurrency);
    Ok(())
}
