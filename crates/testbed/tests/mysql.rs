//! A private MariaDB answers login questions truthfully, and tells "no" from "no answer".

use csms_testbed::mysql::{Release, Setup};
use csms_testbed::{Error, MySqlServer, TlsMode, Transport, mysql};

const USER: &str = "o'brien \"app\"";
const PASSWORD: &str = "it's\\a \"word\"";

#[tokio::test]
async fn a_login_is_accepted_with_its_password_only() {
    let server = MySqlServer::start(Release::MariaDb).await.unwrap();
    server.create_login(USER, PASSWORD).await.unwrap();
    assert!(server.can_log_in(USER, PASSWORD, mysql::DATABASE).await.unwrap());
    assert!(!server.can_log_in(USER, "wrong", mysql::DATABASE).await.unwrap());
    assert!(!server.can_log_in("nobody", PASSWORD, mysql::DATABASE).await.unwrap());
}

#[tokio::test]
async fn a_changed_password_replaces_the_old_one() {
    let server = MySqlServer::start(Release::MariaDb).await.unwrap();
    server.create_login("app", "old").await.unwrap();
    server.execute("ALTER USER app@'%' IDENTIFIED BY 'new'").await.unwrap();
    assert!(server.can_log_in("app", "new", mysql::DATABASE).await.unwrap());
    assert!(!server.can_log_in("app", "old", mysql::DATABASE).await.unwrap());
}

#[tokio::test]
async fn instances_side_by_side_know_nothing_of_each_other() {
    let (one, other) = tokio::join!(MySqlServer::start(Release::MariaDb), MySqlServer::start(Release::MariaDb));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_ne!(one.port(), other.port());
    one.create_login("app", "word").await.unwrap();
    assert!(!other.can_log_in("app", "word", mysql::DATABASE).await.unwrap());
}

#[tokio::test]
async fn a_stopped_server_is_unreachable_and_keeps_its_accounts() {
    let mut server = MySqlServer::start(Release::MariaDb).await.unwrap();
    let port = server.port();
    server.create_login("app", "word").await.unwrap();
    server.stop().await.unwrap();
    let error = server.can_log_in("app", "word", mysql::DATABASE).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    server.start_again().await.unwrap();
    assert_eq!(server.port(), port);
    assert!(server.can_log_in("app", "word", mysql::DATABASE).await.unwrap());
}

#[tokio::test]
async fn a_paused_server_gives_no_answer_until_it_is_resumed() {
    let server = MySqlServer::start(Release::MariaDb).await.unwrap();
    server.create_login("app", "word").await.unwrap();
    server.pause().unwrap();
    let error = server.can_log_in("app", "word", mysql::DATABASE).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    server.resume().unwrap();
    assert!(server.can_log_in("app", "word", mysql::DATABASE).await.unwrap());
}

#[tokio::test]
async fn only_a_client_that_trusts_the_right_authority_gets_through() {
    let server =
        MySqlServer::start_with(Setup { tls: TlsMode::Required, ..Setup::new(Release::MariaDb) }).await.unwrap();
    let stranger =
        MySqlServer::start_with(Setup { tls: TlsMode::Offered, ..Setup::new(Release::MariaDb) }).await.unwrap();
    server.create_login("app", "word").await.unwrap();
    let over = async |transport: &Transport| server.can_log_in_over(transport, "app", "word", mysql::DATABASE).await;

    let trusted = Transport::Tls(server.authority().unwrap().to_owned());
    assert!(over(&trusted).await.unwrap());
    let unknown = Transport::Tls(stranger.authority().unwrap().to_owned());
    let error = over(&unknown).await.unwrap_err();
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    assert!(!over(&Transport::Plain).await.unwrap(), "a plain connection was let in");
}

#[tokio::test]
async fn offered_tls_still_lets_plain_connections_in() {
    let server =
        MySqlServer::start_with(Setup { tls: TlsMode::Offered, ..Setup::new(Release::MariaDb) }).await.unwrap();
    server.create_login("app", "word").await.unwrap();
    for transport in [Transport::Plain, Transport::Tls(server.authority().unwrap().to_owned())] {
        assert!(server.can_log_in_over(&transport, "app", "word", mysql::DATABASE).await.unwrap());
    }
}

#[tokio::test]
async fn a_refused_statement_gives_the_servers_reason() {
    let server = MySqlServer::start(Release::MariaDb).await.unwrap();
    let error = server.execute("SELECT * FROM nowhere").await.unwrap_err();
    assert!(matches!(&error, Error::Statement { detail, .. } if detail.contains("nowhere")), "{error}");
}
