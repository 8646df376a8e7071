//! Servers from private package roots start as ordinary users and state their versions.
//!
//! Where the archive does not provide a root, each test says so and [`every_root_is_there`] fails.

use csms_testbed::mysql::{self, Release, Setup};
use csms_testbed::{MySqlServer, PgBouncer, Postgres, TlsMode, Transport, pgbouncer, postgres, roots};

#[test]
fn every_root_is_there() {
    for recipe in roots::ALL {
        recipe.root().unwrap();
    }
}

#[tokio::test]
async fn mysql_starts_with_the_certificate_that_it_generates_for_itself() {
    let setup = Setup { tls: TlsMode::Generated, ..Setup::new(Release::MySql) };
    let Some(server) = roots::if_provided(MySqlServer::start_with(setup).await).unwrap() else { return };
    println!("MySQL {}", server.version().await.unwrap());
    server.create_login("app", "word").await.unwrap();
    assert!(server.can_log_in("app", "word", mysql::DATABASE).await.unwrap());
    assert!(!server.can_log_in("app", "wrong", mysql::DATABASE).await.unwrap());
    assert!(server.authority().unwrap().contains("BEGIN CERTIFICATE"));
}

#[tokio::test]
async fn a_newer_mariadb_knows_its_clients_by_their_certificates() {
    let setup = Setup { tls: TlsMode::Offered, ..Setup::new(Release::NewerMariaDb) };
    let Some(server) = roots::if_provided(MySqlServer::start_with(setup).await).unwrap() else { return };
    println!("MariaDB {}", server.version().await.unwrap());
    server
        .execute("CREATE USER app@'%' IDENTIFIED BY 'word' REQUIRE X509; GRANT ALL ON app.* TO app@'%'")
        .await
        .unwrap();
    let authority = server.authority().unwrap().to_owned();
    let (certificate, key) = server.client_certificate().unwrap();
    let mutual = Transport::Mutual { authority, certificate: certificate.to_owned(), key: key.to_owned() };
    assert!(server.can_log_in_over(&mutual, "app", "word", mysql::DATABASE).await.unwrap());
    assert!(!server.can_log_in("app", "word", mysql::DATABASE).await.unwrap());
}

#[tokio::test]
async fn a_newer_postgresql_has_credcheck_and_a_pooler() {
    let setup = postgres::Setup {
        release: postgres::Release::Newer,
        settings: vec!["shared_preload_libraries=credcheck".into()],
        ..postgres::Setup::default()
    };
    let Some(server) = roots::if_provided(Postgres::start_with(setup).await).unwrap() else { return };
    println!("PostgreSQL {}", server.version().await.unwrap());
    server.execute("CREATE EXTENSION credcheck").await.unwrap();
    server.create_login("app", "word").await.unwrap();
    assert!(server.can_log_in("app", "word", postgres::DATABASE).await.unwrap());
    for root in [roots::POSTGRESQL, roots::PGBOUNCER] {
        let setup = pgbouncer::Setup { root, ..pgbouncer::Setup::default() };
        let Some(pooler) = roots::if_provided(PgBouncer::start(&server, &setup).await).unwrap() else { return };
        println!("PgBouncer {}", pooler.version());
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(pooler.port()).user("app").password("word").dbname(postgres::DATABASE);
        assert!(config.connect(tokio_postgres::NoTls).await.is_ok());
    }
}
