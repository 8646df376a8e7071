//! The adapters against real servers: what is accepted, rejected and unknown, and what a changed password means.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;

use csms_core::rotation::{
    Account, Engine, Probe,
    message::{mysql as of_mysql, postgresql as of_postgresql},
    plan::{Cause, Change},
};
use csms_rotate::{Answer, By, Databases, Limits, NewPassword, SqlDatabases};
use csms_rotation_tests::{Database, Protection, database::account, on};
use csms_testbed::TlsMode;
use mysql_async::prelude::Queryable;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    time::Instant,
};

const PASSWORD: &str = "First-password-1";
const NEW_PASSWORD: &str = "Second~password^2";

async fn probe(account: &Account) -> Answer<Probe> {
    SqlDatabases::default().probe(account, Instant::now() + Duration::from_secs(30)).await
}

async fn finding(account: &Account) -> Probe {
    probe(account).await.finding
}

async fn set(login: &Account, password: &str) -> Change {
    let account = login.trying(password);
    let new = NewPassword { by: By::Itself(login), account: &account, keep_old: true, host: None, seen: None };
    SqlDatabases::default().set_password(new, Instant::now() + Duration::from_secs(30)).await.finding
}

async fn start_with_login(engine: Engine) -> Database {
    let database = Database::start(engine).await.unwrap();
    database.create_login("app", PASSWORD).await.unwrap();
    database
}

async fn right_wrong_and_unknown_are_told_apart(engine: Engine) {
    let mut database = start_with_login(engine).await;
    let right = database.account("app", PASSWORD);
    assert_eq!(finding(&right).await, Probe::Accepted);
    assert_eq!(finding(&database.account("app", "wrong")).await, Probe::Refused);
    assert_eq!(finding(&database.account("nobody", PASSWORD)).await, Probe::Refused);

    let hurried = SqlDatabases::new(Limits { login: Duration::from_millis(300), ..Limits::default() });
    database.pause().unwrap();
    let answer = hurried.probe(&right, Instant::now() + Duration::from_secs(30)).await;
    assert_eq!(answer.finding, Probe::Unknown(Cause::Unreachable));
    database.resume().unwrap();

    database.stop().await.unwrap();
    let answer = probe(&right).await;
    assert_eq!(answer, Answer::plain(Probe::Unknown(Cause::Unreachable)), "and no more than that");
    let change = set(&right, NEW_PASSWORD).await;
    assert_eq!(change, Change::NotDone(Cause::Unreachable));
    database.start_again().await.unwrap();
    assert!(database.can_log_in("app", PASSWORD).await.unwrap());
}

async fn an_account_changes_its_own_password(engine: Engine) {
    let database = start_with_login(engine).await;
    let odd = r#"it's "odd" \ `and` $1 — ünï'; --"#;
    let mut login = database.account("app", PASSWORD);
    for next in [NEW_PASSWORD, odd, "plain"] {
        // Twice, as after an answer that was lost.
        assert_eq!(set(&login, next).await, Change::Done, "{next}");
        let former = login;
        login = database.account("app", next);
        assert_eq!(set(&login, next).await, Change::Done, "{next}");
        assert_eq!(finding(&login).await, Probe::Accepted, "{next}");
        assert_eq!(finding(&former).await, Probe::Refused, "{next}");
        assert!(database.can_log_in("app", next).await.unwrap(), "{next}");
    }
}

async fn a_change_needs_the_login(engine: Engine) {
    let database = start_with_login(engine).await;
    let change = set(&database.account("app", "wrong"), NEW_PASSWORD).await;
    assert_eq!(change, Change::NotDone(Cause::NoLogin));
    assert!(database.can_log_in("app", PASSWORD).await.unwrap());
}

async fn no_password_reaches_a_log_of_the_server(engine: Engine) {
    let database = start_with_login(engine).await;
    database.log_every_statement().await.unwrap();
    assert_eq!(set(&database.account("app", PASSWORD), NEW_PASSWORD).await, Change::Done);
    let log = database.statement_log().await;
    let statement = if engine == Engine::PostgreSql { "ALTER ROLE \"app\"" } else { "SET PASSWORD" };
    assert!(log.contains(statement), "the change is logged, so the log was looked at:\n{log}");
    for password in [PASSWORD, NEW_PASSWORD] {
        assert!(!log.contains(password), "{log}");
    }
}

async fn tls_is_verified_unless_disabled_by_name(engine: Engine) {
    let (database, stranger) = tokio::try_join!(
        Database::start_with(engine, TlsMode::Required),
        Database::start_with(engine, TlsMode::Offered)
    )
    .unwrap();
    database.create_login("app", PASSWORD).await.unwrap();
    let value = |protection| database.value_with("app", PASSWORD, &protection);
    let authority = database.authority().unwrap().to_owned();

    let trusted = account(&value(Protection::Authority(authority.clone())));
    assert_eq!(finding(&trusted).await, Probe::Accepted);
    assert_eq!(set(&trusted, PASSWORD).await, Change::Done);

    let unknown_tls = Probe::Unknown(Cause::Tls);
    let strangers = stranger.authority().unwrap().to_owned();
    let untrusted = probe(&account(&value(Protection::Authority(strangers)))).await;
    assert_eq!(untrusted.finding, unknown_tls);
    assert!(untrusted.detail_text().contains("UnknownIssuer"), "{}", untrusted.detail_text());
    assert_eq!(finding(&account(&value(Protection::PublicRoots))).await, unknown_tls);
    let plain = probe(&account(&value(Protection::Disabled))).await;
    if engine == Engine::PostgreSql {
        assert_eq!(plain.finding, Probe::Unknown(Cause::Barred));
    } else {
        // MariaDB says the same as of a wrong password.
        assert_eq!(plain.finding, Probe::Refused);
        assert!(
            plain.detail_text().starts_with("error 1045: ") && plain.detail_text().contains("TLS"),
            "{}",
            plain.detail_text()
        );
    }

    // The certificate names 127.0.0.1 and localhost, not this address.
    let forwarder = forward("127.0.0.2:0", database.port()).await;
    let mut misnamed = value(Protection::Authority(authority));
    misnamed["host"] = "127.0.0.2".into();
    misnamed["port"] = forwarder.into();
    let refused = probe(&account(&misnamed)).await;
    assert_eq!(refused.finding, unknown_tls);
    assert!(refused.detail_text().contains("not valid for name"), "{}", refused.detail_text());
    assert!(refused.detail_text().contains("verify-ca"), "the way out is named: {}", refused.detail_text());
    let mut named = misnamed.clone();
    named["tls_server_name"] = "localhost".into();
    assert_eq!(finding(&account(&named)).await, Probe::Accepted);
    misnamed["tls"] = "verify-ca".into();
    assert_eq!(finding(&account(&misnamed)).await, Probe::Accepted);
    misnamed["tls_server_name"] = "other.invalid".into();
    assert_eq!(finding(&account(&misnamed)).await, Probe::Accepted, "the name is not looked at");
    misnamed["tls_ca"] = stranger.authority().unwrap().into();
    assert_eq!(finding(&account(&misnamed)).await, unknown_tls, "the chain is verified all the same");
}

async fn tls_is_not_given_up_for_a_server_without_it(engine: Engine) {
    let (database, other) =
        tokio::try_join!(Database::start(engine), Database::start_with(engine, TlsMode::Offered)).unwrap();
    database.create_login("app", PASSWORD).await.unwrap();
    for protection in [Protection::PublicRoots, Protection::Authority(other.authority().unwrap().to_owned())] {
        let account = account(&database.value_with("app", PASSWORD, &protection));
        assert_eq!(finding(&account).await, Probe::Unknown(Cause::TlsNotOffered));
        assert_eq!(set(&account, NEW_PASSWORD).await, Change::NotDone(Cause::TlsNotOffered));
    }
}

/// Passes connections on to a port of 127.0.0.1, for as long as the test lives. Returns its own port.
async fn forward(address: &str, port: u16) -> u16 {
    let listener = TcpListener::bind(address).await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let mut to = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut from, &mut to).await });
        }
    });
    own
}

/// A scripted pooler that refuses every login with this code, as PgDog and pgpool-II do: unlike a server, it names no routine.
async fn refusing_pooler(code: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let length = client.read_u32().await.unwrap_or(4).saturating_sub(4);
            let mut startup = vec![0; usize::try_from(length).unwrap()];
            let fields = format!("SFATAL\0VFATAL\0C{code}\0Mrefused\0\0");
            let length = u32::try_from(fields.len()).unwrap() + 4;
            let refusal = [b"E".as_slice(), &length.to_be_bytes(), fields.as_bytes()].concat();
            // A client that has left is the test's own business.
            if client.read_exact(&mut startup).await.is_ok() {
                let _ = client.write_all(&refusal).await;
            }
        }
    });
    own
}

/// A scripted server of the MySQL family that admits nobody from here: it does not see connection errors of its own machine, where
/// tests are.
async fn server_that_has_blocked_this_host() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let error = [&[0xff], 1129_u16.to_le_bytes().as_slice(), b"Host 'client' is blocked"].concat();
            let head = [u8::try_from(error.len()).unwrap(), 0, 0, 0];
            // A client that has left is the test's own business.
            let _ = client.write_all(&[head.as_slice(), &error].concat()).await;
        }
    });
    own
}

#[tokio::test]
async fn a_host_that_the_server_has_blocked_is_not_the_account_s_affair() {
    let value = serde_json::json!({
        "engine": "mysql", "host": "127.0.0.1", "port": server_that_has_blocked_this_host().await, "username": "app",
        "password": PASSWORD, "tls": "disable",
    });
    let answer = probe(&account(&value)).await;
    assert_eq!(answer.finding, Probe::Unknown(Cause::HostBlocked), "{answer:?}");
    let said = Cause::HostBlocked.to_string() + &Cause::HostBlocked.remedy().unwrap().english();
    assert!(said.contains("of any account") && said.contains("FLUSH HOSTS"), "{said}");
}

#[tokio::test]
async fn a_refusal_that_names_no_routine_is_a_pooler_s_whatever_its_code() {
    for code in ["08P01", "28P01", "28000", "3D000", "42501", "XX000", "58000"] {
        let value = serde_json::json!({
            "engine": "postgresql", "host": "127.0.0.1", "port": refusing_pooler(code).await, "username": "app",
            "password": PASSWORD, "tls": "disable",
        });
        let login = account(&value);
        assert_eq!(finding(&login).await, Probe::Unknown(Cause::Pooler), "{code}");
        assert_eq!(set(&login, NEW_PASSWORD).await, Change::NotDone(Cause::Pooler), "{code}");
    }
}

on!(PostgreSql, postgresql:
    right_wrong_and_unknown_are_told_apart,
    an_account_changes_its_own_password,
    a_change_needs_the_login,
    no_password_reaches_a_log_of_the_server,
    tls_is_verified_unless_disabled_by_name,
    tls_is_not_given_up_for_a_server_without_it,
);

on!(MariaDb, mariadb:
    right_wrong_and_unknown_are_told_apart,
    an_account_changes_its_own_password,
    a_change_needs_the_login,
    no_password_reaches_a_log_of_the_server,
    tls_is_verified_unless_disabled_by_name,
    tls_is_not_given_up_for_a_server_without_it,
);

#[tokio::test]
async fn the_certificate_that_mysql_generates_is_verified_by_its_chain() {
    let (server, stranger) = tokio::join!(
        Database::start_with(Engine::MySql, TlsMode::Generated),
        Database::start_with(Engine::PostgreSql, TlsMode::Offered)
    );
    let (server, stranger) = (server.unwrap(), stranger.unwrap());
    server.create_login("app", PASSWORD).await.unwrap();
    let mut value = server.value("app", PASSWORD);
    let by_name = probe(&account(&value)).await;
    assert_eq!(by_name.finding, Probe::Unknown(Cause::Tls));
    assert!(by_name.detail_text().contains("verify-ca"), "{}", by_name.detail_text());
    value["tls"] = "verify-ca".into();
    let by_chain = account(&value);
    assert_eq!(finding(&by_chain).await, Probe::Accepted);
    assert_eq!(set(&by_chain, NEW_PASSWORD).await, Change::Done);
    value["tls_ca"] = stranger.authority().unwrap().into();
    assert_eq!(finding(&account(&value)).await, Probe::Unknown(Cause::Tls));
}

#[tokio::test]
async fn a_postgresql_role_that_may_not_log_in_is_no_wrong_password() {
    let database = start_with_login(Engine::PostgreSql).await;
    let account = database.account("app", PASSWORD);
    database.execute("ALTER ROLE app NOLOGIN").await.unwrap();
    let barred = Answer::detailed(
        Probe::Unknown(Cause::Barred),
        of_postgresql::sqlstate_meaning("28000", of_postgresql::may_not_log_in()),
    );
    assert_eq!(probe(&account).await, barred);
    database.execute("ALTER ROLE app LOGIN CONNECTION LIMIT 0").await.unwrap();
    assert_eq!(finding(&account).await, Probe::Unknown(Cause::Busy));
    database.execute("ALTER ROLE app CONNECTION LIMIT -1; REVOKE CONNECT ON DATABASE app FROM PUBLIC").await.unwrap();
    assert_eq!(finding(&account).await, Probe::Unknown(Cause::NoConnect));
}

#[tokio::test]
async fn settings_of_a_postgresql_role_do_not_stand_in_the_way() {
    let database = start_with_login(Engine::PostgreSql).await;
    let settings = "CREATE ROLE other NOLOGIN; GRANT other TO app; ALTER ROLE app SET role = other; \
                    ALTER ROLE app SET default_transaction_read_only = on";
    database.execute(settings).await.unwrap();
    assert_eq!(set(&database.account("app", PASSWORD), NEW_PASSWORD).await, Change::Done);
    assert!(database.can_log_in("app", NEW_PASSWORD).await.unwrap());
}

#[tokio::test]
async fn a_password_that_postgresql_checks_and_refuses_is_refused() {
    let mut database = start_with_login(Engine::PostgreSql).await;
    database.execute("ALTER SYSTEM SET shared_preload_libraries = 'passwordcheck'").await.unwrap();
    database.start_again().await.unwrap();
    let login = database.account("app", PASSWORD);
    // Of a verifier the library can tell one thing: whether it is the user's name.
    assert_eq!(set(&login, "app").await, Change::RefusedCandidate);
    assert_eq!(finding(&login).await, Probe::Accepted);
    assert_eq!(set(&login, NEW_PASSWORD).await, Change::Done);
}

#[tokio::test]
async fn a_change_that_waits_is_given_up_by_postgresql_itself() {
    let database = start_with_login(Engine::PostgreSql).await;
    let Database::PostgreSql(server) = &database else { unreachable!() };
    let mut blocker = server.admin().await.unwrap();
    let blocking = blocker.transaction().await.unwrap();
    // Lets logins read and changes wait.
    blocking.batch_execute("LOCK TABLE pg_authid IN SHARE MODE").await.unwrap();
    let answer = change_within(Duration::from_millis(200), &database.account("app", PASSWORD)).await;
    assert_eq!(answer.finding, Change::Unknown(Cause::TimedOut));
    assert!(answer.detail_text().starts_with("SQLSTATE"), "the server itself has given up: {answer:?}");
    blocking.rollback().await.unwrap();
    assert!(database.can_log_in("app", PASSWORD).await.unwrap());
}

#[tokio::test]
async fn a_change_that_waits_is_given_up_by_mariadb_itself() {
    let database = start_with_login(Engine::MariaDb).await;
    let Database::MySql(server) = &database else { unreachable!() };
    let mut blocker = server.admin().await.unwrap();
    blocker.query_drop("FLUSH TABLES WITH READ LOCK").await.unwrap();
    let answer = change_within(Duration::from_millis(200), &database.account("app", PASSWORD)).await;
    assert_eq!(answer, Answer::detailed(Change::Unknown(Cause::TimedOut), of_mysql::error(1969_u16)));
    blocker.query_drop("UNLOCK TABLES").await.unwrap();
    blocker.disconnect().await.unwrap();
    assert!(database.can_log_in("app", PASSWORD).await.unwrap());
}

/// A change that the server, not the adapter, has to give up after `limit`.
async fn change_within(limit: Duration, login: &Account) -> Answer<Change> {
    let told = SqlDatabases::new(Limits { login: Duration::from_secs(60), change: limit });
    let account = login.trying(NEW_PASSWORD);
    let new = NewPassword { by: By::Itself(login), account: &account, keep_old: true, host: None, seen: None };
    told.set_password(new, Instant::now() + Duration::from_secs(120)).await
}

#[tokio::test]
async fn a_mariadb_account_that_may_not_log_in_is_no_wrong_password() {
    let database = start_with_login(Engine::MariaDb).await;
    let account = database.account("app", PASSWORD);
    database.execute("ALTER USER app@'%' ACCOUNT LOCK").await.unwrap();
    assert_eq!(probe(&account).await, Answer::detailed(Probe::Unknown(Cause::Locked), of_mysql::error(4151_u16)));
    database.execute("ALTER USER app@'%' ACCOUNT UNLOCK PASSWORD EXPIRE").await.unwrap();
    assert_eq!(finding(&account).await, Probe::Expired);
}

#[tokio::test]
async fn a_mariadb_account_with_a_second_way_in_keeps_it() {
    let database = Database::start(Engine::MariaDb).await.unwrap();
    let account =
        "CREATE USER app@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('First-password-1') OR unix_socket";
    database.execute(account).await.unwrap();
    database.execute("GRANT ALL ON app.* TO app@'%'").await.unwrap();
    assert_eq!(finding(&database.account("app", "wrong")).await, Probe::Refused);
    assert_eq!(set(&database.account("app", PASSWORD), NEW_PASSWORD).await, Change::Done);
    assert!(database.can_log_in("app", NEW_PASSWORD).await.unwrap());
}

#[tokio::test]
async fn a_mariadb_account_of_another_name_is_not_changed() {
    let database = start_with_login(Engine::MariaDb).await;
    database.execute("CREATE USER ''@'%' IDENTIFIED BY 'anybody'").await.unwrap();
    let ghost = database.account("ghost", "anybody");
    assert_eq!(finding(&ghost).await, Probe::Unknown(Cause::OtherAccount));
    assert_eq!(set(&ghost, NEW_PASSWORD).await, Change::NotDone(Cause::OtherAccount));
}

#[tokio::test]
async fn a_mariadb_that_checks_passwords_is_shown_them_only_if_it_logs_none() {
    let database = start_with_login(Engine::MariaDb).await;
    database.execute("INSTALL SONAME 'simple_password_check'").await.unwrap();
    let login = database.account("app", PASSWORD);
    assert_eq!(set(&login, NEW_PASSWORD).await, Change::NotDone(Cause::InClear), "there is no TLS");
    let by_name = |password: &str| {
        let mut value = database.value("app", password);
        value["allow_cleartext_password"] = true.into();
        account(&value)
    };
    assert_eq!(set(&by_name(PASSWORD), "weak").await, Change::RefusedCandidate);
    assert_eq!(set(&by_name(PASSWORD), NEW_PASSWORD).await, Change::Done);
    let login = database.account("app", NEW_PASSWORD);
    assert_eq!(finding(&login).await, Probe::Accepted);
    database.log_every_statement().await.unwrap();
    assert_eq!(set(&login, PASSWORD).await, Change::NotDone(Cause::InClear));
    assert!(!database.statement_log().await.contains(PASSWORD));
}

#[tokio::test]
async fn an_ed25519_account_of_mariadb_is_not_supported_and_not_touched() {
    let database = Database::start(Engine::MariaDb).await.unwrap();
    database.execute("INSTALL SONAME 'auth_ed25519'").await.unwrap();
    database.execute("CREATE USER app@'%' IDENTIFIED VIA ed25519 USING PASSWORD('First-password-1')").await.unwrap();
    assert_eq!(finding(&database.account("app", PASSWORD)).await, Probe::Unknown(Cause::Unsupported));
}
