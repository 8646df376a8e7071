//! Passwords set through the management API. The endpoint here stands in for the cloud's, which cannot run in a test: it
//! checks the signature, the path and the body, and applies the change to a real database.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use csms_core::{
    ProjectId, RotationConfig, RotationMode, SecretName,
    rotation::{DryRunReport, Engine, FailureCode, RotationEvent},
    sign::{Authorization, SignedRequest, payload_hash, verify},
    stage,
    target::TargetRules,
};
use csms_rotate::{ManagedDatabases, Product, Signer, SqlDatabases, Unobserved, dry_run, rotate};
use csms_rotation_tests::{Database, MemorySecret, Place};
use csms_testbed::{Postgres, TlsMode, postgres};
use getrandom::SysRng;
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::Instant};

const PROJECT: &str = "0123456789abcdef0123456789abcdef";
const INSTANCE: &str = "4d7bd0f9a1e04e2ab7a9e8c5d3f20b1ain01";
const FIRST: &str = "First-password-1";
const STALE: &str = "Not-the-password-9";
const KEEPER: &str = "Keeper-password-3";
const SECRET_KEY: &str = "the-secret-key";

/// The stand-in for the management service.
#[derive(Clone)]
struct Cloud {
    database: Arc<Database>,
    /// The requests that were executed or refused, without their passwords.
    heard: Arc<Mutex<Vec<String>>>,
    /// Answered instead of carrying anything out.
    refusal: Option<StatusCode>,
}

async fn serve(
    State(cloud): State<Cloud>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let header = |name: &str| headers.get(name).map(axum::http::HeaderValue::as_bytes);
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let hash = payload_hash(&body);
    let request = SignedRequest {
        method: method.as_str(),
        path: uri.path(),
        query: "",
        date: text("x-sdk-date"),
        payload_hash: &hash,
    };
    let authorization = Authorization::parse(text("authorization"));
    let signed =
        authorization.is_some_and(|authorization| verify(&authorization, SECRET_KEY.as_bytes(), &request, header));
    if !signed || text("x-security-token") != "the-token" {
        return (StatusCode::UNAUTHORIZED, json!({ "error_code": "APIGW.0301", "error_msg": "signature" }).to_string());
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    let (user, name) = match &body["users"] {
        Value::Array(users) => {
            (&users[0], format!("{}@{}", users[0]["name"].as_str().unwrap(), users[0]["host"].as_str().unwrap()))
        }
        _ => (&body, body["name"].as_str().unwrap().to_owned()),
    };
    cloud.heard.lock().unwrap().push(format!("{method} {} {name}", uri.path()));
    if let Some(status) = cloud.refusal {
        return (status, json!({ "error_code": "DBS.200001", "error_msg": format!("{user}") }).to_string());
    }
    let (name, password) = (user["name"].as_str().unwrap(), user["password"].as_str().unwrap());
    let sql = match cloud.database.engine() {
        Engine::PostgreSql => format!("ALTER ROLE {name} PASSWORD '{password}'"),
        Engine::MySql | Engine::MariaDb => {
            let host = user["host"].as_str().unwrap_or("%");
            format!("ALTER USER {name}@'{host}' IDENTIFIED BY '{password}'")
        }
    };
    cloud.database.execute(&sql).await.unwrap();
    (StatusCode::OK, json!({ "resp": "successful" }).to_string())
}

struct Scene {
    database: Arc<Database>,
    heard: Arc<Mutex<Vec<String>>>,
    endpoint: String,
    secret: MemorySecret,
}

impl Scene {
    async fn new(engine: Engine, refusal: Option<StatusCode>) -> Self {
        Self::on(Database::start(engine).await.unwrap(), refusal).await
    }

    /// An account whose stored password is right.
    async fn on(database: Database, refusal: Option<StatusCode>) -> Self {
        let database = Arc::new(database);
        database.create_login("app", FIRST).await.unwrap();
        let heard = Arc::default();
        let cloud = Cloud { database: Arc::clone(&database), heard: Arc::clone(&heard), refusal };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(serve).with_state(cloud)).await });
        let secret = MemorySecret::default();
        secret.add(&database.value("app", FIRST), stage::CURRENT);
        Self { database, heard, endpoint, secret }
    }

    fn databases(&self, product: Product, secret_key: &str) -> ManagedDatabases {
        let signer = Signer {
            access_key: "AK".to_owned(),
            secret_key: secret_key.to_owned().into(),
            security_token: Some("the-token".to_owned().into()),
        };
        let project = ProjectId::parse(PROJECT).unwrap();
        let (sql, rules) = (SqlDatabases::default(), TargetRules::default());
        ManagedDatabases::new(product, &self.endpoint, project, INSTANCE, signer, sql, rules).unwrap()
    }

    async fn rotate(&self, product: Product, secret_key: &str) -> Result<csms_core::VersionId, csms_rotate::Failure> {
        self.rotate_by(&event(""), product, secret_key).await
    }

    async fn rotate_by(
        &self,
        event: &RotationEvent,
        product: Product,
        secret_key: &str,
    ) -> Result<csms_core::VersionId, csms_rotate::Failure> {
        let databases = self.databases(product, secret_key);
        rotate(event, &self.secret, &databases, &mut SysRng, soon(), &mut Unobserved).await
    }

    async fn look(&self, event: &RotationEvent, product: Product) -> DryRunReport {
        dry_run(event, &self.secret, &self.databases(product, SECRET_KEY), &mut SysRng, soon()).await
    }

    /// The dry run and the rotation end with these words, and nothing reaches the management service.
    async fn is_left_alone(&self, event: &RotationEvent, product: Product, words: &str) {
        let foretold = self.look(event, product).await;
        assert!(!foretold.would_succeed, "{foretold:?}");
        let failure = self.rotate_by(event, product, SECRET_KEY).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::NeedsOperator, "{}", failure.message);
        assert!(failure.message.english().contains(words), "{}", failure.message);
        assert_eq!(foretold.error_msg, Some(failure.message.english()));
        assert!(self.heard.lock().unwrap().is_empty());
        assert_eq!(Place::Here.logs_in(&self.database, "app", FIRST).await, Some(true));
    }

    /// Another SYSCURRENT version, different in this.
    fn store(&self, password: &str, change: impl FnOnce(&mut Value)) {
        let mut value = self.database.value("app", password);
        change(&mut value);
        self.secret.add(&value, stage::CURRENT);
    }

    async fn add_admin(&self) {
        self.database.create_login("keeper", KEEPER).await.unwrap();
        let rights = match self.database.engine() {
            Engine::PostgreSql => "ALTER ROLE keeper SUPERUSER",
            Engine::MySql | Engine::MariaDb => "GRANT ALL ON *.* TO keeper@'%' WITH GRANT OPTION",
        };
        self.database.execute(rights).await.unwrap();
        self.secret.add_admin("keeper", &self.database.value("keeper", KEEPER));
    }
}

/// An event with further members of its configuration.
fn event(more: &str) -> RotationEvent {
    let config = format!(r#"{{"InstanceId":"i","SecretSubType":"SingleUser"{more}}}"#);
    let event = RotationEvent::new(SecretName::parse("db").unwrap(), RotationMode::SingleUser);
    RotationEvent { rotation_config: Some(RotationConfig::parse(&config).unwrap()), ..event }
}

const WITH_ADMIN: &str = r#","AdminSecret":"keeper""#;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn the_service_sets_the_password_and_a_login_proves_it(engine: Engine, product: Product, heard: &str) {
    let scene = Scene::new(engine, None).await;
    let report = scene.look(&event(""), product).await;
    assert!(report.would_succeed && scene.heard.lock().unwrap().is_empty(), "{report:?}");

    scene.rotate(product, SECRET_KEY).await.unwrap();
    let current = scene.secret.account(stage::CURRENT).unwrap();
    assert!(scene.database.can_log_in("app", current.password()).await.unwrap());
    assert!(!scene.database.can_log_in("app", FIRST).await.unwrap());
    assert_eq!(*scene.heard.lock().unwrap(), [heard]);
}

#[tokio::test]
async fn rds_for_postgresql_sets_the_password() {
    let heard = format!("POST /v3/{PROJECT}/instances/{INSTANCE}/db_user/resetpwd app");
    the_service_sets_the_password_and_a_login_proves_it(Engine::PostgreSql, Product::Rds, &heard).await;
}

#[tokio::test]
async fn rds_for_mariadb_sets_the_password() {
    let heard = format!("POST /v3/{PROJECT}/instances/{INSTANCE}/db_user/resetpwd app");
    the_service_sets_the_password_and_a_login_proves_it(Engine::MariaDb, Product::Rds, &heard).await;
}

#[tokio::test]
async fn taurusdb_sets_the_password() {
    let heard = format!("PUT /v3/{PROJECT}/instances/{INSTANCE}/db-users/password app@%");
    the_service_sets_the_password_and_a_login_proves_it(Engine::MariaDb, Product::TaurusDb, &heard).await;
}

async fn a_refused_login_alone_is_no_reason_to_ask_the_service(engine: Engine) {
    let scene = Scene::new(engine, None).await;
    scene.store(STALE, |_| {});
    scene.is_left_alone(&event(""), Product::Rds, "Do not reset").await;
    // The administrator shows that the password is wrong.
    scene.add_admin().await;
    let by_admin = event(WITH_ADMIN);
    let foretold = scene.look(&by_admin, Product::Rds).await;
    assert!(foretold.would_succeed && scene.heard.lock().unwrap().is_empty(), "{foretold:?}");
    scene.rotate_by(&by_admin, Product::Rds, SECRET_KEY).await.unwrap_or_else(|failure| panic!("{}", failure.message));
    let current = scene.secret.account(stage::CURRENT).unwrap();
    assert!(scene.database.can_log_in("app", current.password()).await.unwrap());
    assert_eq!(scene.heard.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_login_of_postgresql_alone_is_no_reason_to_ask_the_service() {
    a_refused_login_alone_is_no_reason_to_ask_the_service(Engine::PostgreSql).await;
}

#[tokio::test]
async fn a_refused_login_of_mariadb_alone_is_no_reason_to_ask_the_service() {
    a_refused_login_alone_is_no_reason_to_ask_the_service(Engine::MariaDb).await;
}

#[tokio::test]
async fn a_right_password_that_is_refused_for_want_of_tls_is_left_alone() {
    let scene = Scene::on(Database::start_with(Engine::MariaDb, TlsMode::Offered).await.unwrap(), None).await;
    scene.database.execute("ALTER USER app@'%' REQUIRE SSL").await.unwrap();
    scene.store(FIRST, |value| value["tls"] = "disable".into());
    let failure = scene.rotate(Product::Rds, SECRET_KEY).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::NeedsOperator, "{}", failure.message);
    assert!(scene.heard.lock().unwrap().is_empty());
    scene.add_admin().await;
    scene.is_left_alone(&event(WITH_ADMIN), Product::Rds, "SYSCURRENT holds the account's password").await;
}

#[tokio::test]
async fn a_server_that_lets_anybody_in_is_left_alone() {
    let rules = vec!["host all app 127.0.0.1/32 trust".to_owned()];
    let setup = postgres::Setup { rules, ..postgres::Setup::default() };
    let scene = Scene::on(Database::PostgreSql(Postgres::start_with(setup).await.unwrap()), None).await;
    scene.is_left_alone(&event(""), Product::Rds, "accepts any password").await;
}

#[tokio::test]
async fn the_account_that_the_function_s_logins_lead_to_is_the_one_that_is_set() {
    let scene = Scene::new(Engine::MariaDb, None).await;
    let narrow = format!("CREATE USER app@'127.0.0.%' IDENTIFIED BY '{FIRST}'");
    scene.database.execute(&narrow).await.unwrap();
    scene.database.execute("GRANT ALL ON app.* TO app@'127.0.0.%'").await.unwrap();
    scene.database.execute("ALTER USER app@'%' IDENTIFIED BY 'Of-another-team-7'").await.unwrap();
    let of_all = || async { scene.database.hashes().await.remove("app@%") };
    let before = of_all().await;
    scene.is_left_alone(&event(r#","Host":"%""#), Product::TaurusDb, "leads to app@127.0.0.%").await;
    scene.is_left_alone(&event(""), Product::Rds, "RDS is given the name of an account without its host").await;
    scene.rotate(Product::TaurusDb, SECRET_KEY).await.unwrap_or_else(|failure| panic!("{}", failure.message));
    let heard = format!("PUT /v3/{PROJECT}/instances/{INSTANCE}/db-users/password app@127.0.0.%");
    assert_eq!(*scene.heard.lock().unwrap(), [heard]);
    assert_eq!(of_all().await, before, "the other account of the name is as it was");
}

#[tokio::test]
async fn a_signature_that_is_wrong_changes_nothing_and_needs_an_operator() {
    let scene = Scene::new(Engine::PostgreSql, None).await;
    let failure = scene.rotate(Product::Rds, "another-key").await.unwrap_err();
    assert_eq!(failure.code, FailureCode::NeedsOperator, "{}", failure.message);
    assert!(failure.message.english().contains("HTTP 401, APIGW.0301"), "{}", failure.message);
    assert!(scene.database.can_log_in("app", FIRST).await.unwrap());
}

#[tokio::test]
async fn passwords_that_the_service_refuses_are_replaced_and_never_told() {
    let scene = Scene::new(Engine::PostgreSql, Some(StatusCode::BAD_REQUEST)).await;
    let failure = scene.rotate(Product::Rds, SECRET_KEY).await.unwrap_err();
    assert_eq!(scene.heard.lock().unwrap().len(), 3, "three candidates");
    assert_eq!(failure.code, FailureCode::NeedsOperator);
    assert!(failure.message.english().contains("DBS.200001"), "{}", failure.message);
    let candidate = scene.secret.account(stage::PENDING).unwrap();
    assert!(!failure.message.english().contains(candidate.password()));
    assert!(scene.database.can_log_in("app", FIRST).await.unwrap());
}
