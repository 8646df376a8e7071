//! A server whose keys another server keeps, through the Key Management Service's own API: what the state of a key there, its
//! absence and its silence mean here.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{Answer, Key, Server, open_with, settings};
use axum::http::StatusCode;
use csms_core::{KeyId, policy::Policy};
use csms_server::{
    auth::{cache::secret_key_purpose, key_pair::make_key_pair},
    boot::serve,
    boot::settings::Settings,
    clock::Clock,
    installation::{Credentials, make_id},
    keys::root::KmsSettings,
};
use csms_store::{AccessChange, AccessKeyRecord, Store, UserRecord};
use getrandom::SysRng;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

/// A server that others use as their KMS. It is asked through a socket by them, and without one by the test.
struct Kms {
    server: Server,
    front: Front,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

/// The address of a server that comes and goes. The port stays taken while there is none; connections end at once then.
#[derive(Clone)]
struct Front {
    address: SocketAddr,
    behind: Arc<Mutex<Option<SocketAddr>>>,
}

impl Front {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let front = Self { address: listener.local_addr().unwrap(), behind: Arc::default() };
        let behind = Arc::clone(&front.behind);
        tokio::spawn(async move {
            loop {
                let (mut outer, _) = listener.accept().await.unwrap();
                let target = *behind.lock().unwrap();
                tokio::spawn(async move {
                    if let Some(target) = target
                        && let Ok(mut inner) = TcpStream::connect(target).await
                    {
                        let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
                    }
                });
            }
        });
        front
    }
}

impl Kms {
    async fn start(data: &Path) -> Self {
        Self::start_behind(Front::open().await, data).await
    }

    async fn start_behind(front: Front, data: &Path) -> Self {
        let bound = serve::bind(&settings(data), Clock::default()).await.unwrap();
        let credentials: Credentials = serde_json::from_slice(&std::fs::read(&bound.credentials).unwrap()).unwrap();
        *front.behind.lock().unwrap() = Some(bound.url.strip_prefix("http://").unwrap().parse().unwrap());
        let server = Server::of(&bound.app, credentials);
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            let stop = async {
                let _ = stopped.await;
            };
            bound.run(stop, std::future::pending()).await.unwrap();
        });
        Self { server, front, stop, running }
    }

    /// Ends the server, and returns where it was.
    async fn stop(self) -> Front {
        let Self { server, front, stop, running } = self;
        *front.behind.lock().unwrap() = None;
        drop(stop);
        running.await.unwrap();
        let app = Arc::downgrade(&server.app);
        drop(server);
        // Its background tasks let go of the data a little later.
        let gone = async {
            while app.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
        front
    }

    /// Makes a user with this policy, and returns its key.
    async fn user(&self, name: &str, policy: Policy) -> Key {
        let (access_key, secret_key) = make_key_pair().unwrap();
        let identity = &self.server.app.identity;
        let user = UserRecord {
            id: make_id().unwrap(),
            name: name.to_owned(),
            domain_id: identity.domain_id.clone(),
            password_hash: None,
            projects: vec![identity.project_id.clone()],
            policies: vec![policy],
            attached: Vec::new(),
            enabled: true,
            details: csms_store::UserDetails::default(),
        };
        let sealed = {
            let purpose = secret_key_purpose(&access_key, &user.id);
            self.server.app.root.seal(&purpose, secret_key.as_bytes(), &mut SysRng).unwrap()
        };
        let key = AccessKeyRecord {
            access_key: access_key.clone(),
            sealed_secret_key: sealed,
            user_id: user.id.clone(),
            enabled: true,
            create_time: None,
            expires: None,
            last_use: None,
        };
        let changes = vec![AccessChange::PutUser(user), AccessChange::PutAccessKey(key)];
        self.server.app.store.change_access(changes, Vec::new()).await.unwrap();
        Key { access_key, secret_key: secret_key.to_string(), security_token: None }
    }

    async fn ask(&self, operation: &str, body: Value) -> Value {
        let path = format!("/v1.0/{}/kms/{operation}", self.server.credentials.project_id);
        let answer = self.server.call("POST", &path, body).await;
        assert!(answer.status.is_success(), "{operation}: {}", answer.body);
        answer.body
    }

    async fn create_key(&self, alias: &str) -> KeyId {
        let made = self.ask("create-key", json!({ "key_alias": alias })).await;
        KeyId::parse(made["key_info"]["key_id"].as_str().unwrap()).unwrap()
    }

    /// Settings of a server in `data` whose keys are kept here.
    fn settings_of_user(&self, data: &Path, default_key: &KeyId) -> Settings {
        let kms = KmsSettings {
            endpoint: format!("http://{}", self.front.address),
            project: self.server.app.identity.project_id.clone(),
            default_key: default_key.clone(),
            authorities: None,
            access_key: self.server.credentials.access_key.clone(),
            secret_key: self.server.credentials.secret_key.clone(),
            // Every use asks, so that nothing here depends on time.
            recheck: Duration::ZERO,
        };
        Settings { kms: Some(kms), ..settings(data) }
    }
}

async fn create(server: &Server, name: &str, key: Option<&KeyId>) -> Answer {
    let body = json!({ "name": name, "secret_string": "correct horse", "kms_key_id": key });
    server.call("POST", &server.path("secrets"), body).await
}

async fn read(server: &Server, name: &str) -> Answer {
    server.call("GET", &server.path(&format!("secrets/{name}/versions/latest")), Value::Null).await
}

/// Why a server with these settings does not start.
async fn refusal(settings: &Settings) -> String {
    let error = open_with(settings).await.err().unwrap();
    csms_server::failure::Chain(&error).to_string()
}

#[tokio::test]
async fn values_survive_both_servers_and_no_root_key_is_on_the_disk() {
    let (kms_data, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kms = Kms::start(kms_data.path()).await;
    let (root, own) = (kms.create_key("root").await, kms.create_key("own").await);
    let settings = kms.settings_of_user(data.path(), &root);
    let server = open_with(&settings).await.unwrap();
    for (name, key) in [("plain", None), ("db", Some(&own))] {
        let made = create(&server, name, key).await;
        let expected = key.unwrap_or(&root);
        assert_eq!(made.body["secret"]["kms_key_id"], expected.as_str(), "{}", made.body);
    }
    let access_key = server.key().access_key;
    drop(server);
    let front = kms.stop().await;
    let kms = Kms::start_behind(front, kms_data.path()).await;
    let server = open_with(&settings).await.unwrap();
    assert_eq!(server.key().access_key, access_key);
    for name in ["plain", "db"] {
        assert_eq!(read(&server, name).await.body["version"]["secret_string"], "correct horse");
    }
    assert!(!data.path().join("root.key").exists());
    kms.stop().await;
}

#[tokio::test]
async fn a_key_disabled_there_makes_its_values_unreadable_and_nothing_else() {
    let (kms_data, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kms = Kms::start(kms_data.path()).await;
    let (root, own) = (kms.create_key("root").await, kms.create_key("own").await);
    let server = open_with(&kms.settings_of_user(data.path(), &root)).await.unwrap();
    assert_eq!(create(&server, "db", Some(&own)).await.status, StatusCode::OK);
    assert_eq!(create(&server, "plain", None).await.status, StatusCode::OK);

    kms.ask("disable-key", json!({ "key_id": own })).await;
    let refused = read(&server, "db").await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "CSMS.0401"));
    let added = server.call("POST", &server.path("secrets/db/versions"), json!({ "secret_string": "x" })).await;
    assert_eq!((added.status, added.code()), (StatusCode::BAD_REQUEST, "CSMS.0401"));
    for rest in ["secrets", "secrets/db", "secrets/db/versions", "secrets/db/stages/SYSCURRENT"] {
        let answer = server.call("GET", &server.path(rest), Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{rest}");
    }
    assert_eq!(read(&server, "plain").await.status, StatusCode::OK);
    kms.ask("enable-key", json!({ "key_id": own })).await;
    assert_eq!(read(&server, "db").await.status, StatusCode::OK);
    kms.stop().await;
}

#[tokio::test]
async fn a_key_in_use_is_not_asked_for_again_before_its_time() {
    let (kms_data, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kms = Kms::start(kms_data.path()).await;
    let root = kms.create_key("root").await;
    let mut settings = kms.settings_of_user(data.path(), &root);
    settings.kms.as_mut().unwrap().recheck = Duration::from_secs(3600);
    let server = open_with(&settings).await.unwrap();
    assert_eq!(create(&server, "db", None).await.status, StatusCode::OK);
    kms.stop().await;
    assert_eq!(read(&server, "db").await.status, StatusCode::OK);
}

#[tokio::test]
async fn values_wait_for_a_service_that_is_down_and_all_else_works() {
    let (kms_data, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kms = Kms::start(kms_data.path()).await;
    let root = kms.create_key("root").await;
    let server = open_with(&kms.settings_of_user(data.path(), &root)).await.unwrap();
    assert_eq!(create(&server, "db", None).await.status, StatusCode::OK);
    let front = kms.stop().await;
    // All who wait for the key are told what the first one was.
    let answers = futures_util::future::join_all((0..8).map(|_| read(&server, "db"))).await;
    for answer in answers {
        assert_eq!((answer.status, answer.code()), (StatusCode::SERVICE_UNAVAILABLE, "CSMS.0402"));
    }
    assert_eq!(server.call("GET", &server.path("secrets/db"), Value::Null).await.status, StatusCode::OK);
    let kms = Kms::start_behind(front, kms_data.path()).await;
    assert_eq!(read(&server, "db").await.status, StatusCode::OK);
    kms.stop().await;
}

#[tokio::test]
async fn a_start_says_what_to_do_about_a_key_it_cannot_use() {
    let (kms_data, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kms = Kms::start(kms_data.path()).await;
    let root = kms.create_key("root").await;
    let settings = kms.settings_of_user(data.path(), &root);

    let mut wrong = settings.clone();
    wrong.kms.as_mut().unwrap().secret_key = "wrong".to_owned().into();
    let told = refusal(&wrong).await;
    assert!(told.contains("CSMS_KMS_SECRET_KEY") && told.contains("APIGW.0301"), "{told}");
    let mut absent = settings.clone();
    absent.kms.as_mut().unwrap().default_key = KeyId::make(&mut SysRng).unwrap();
    let told = refusal(&absent).await;
    assert!(told.contains("--kms-default-key") && told.contains("KMS.0005"), "{told}");

    drop(open_with(&settings).await.unwrap());
    kms.ask("disable-key", json!({ "key_id": root })).await;
    let told = refusal(&settings).await;
    assert!(told.contains("enable the key there") && told.contains(root.as_str()), "{told}");
    kms.ask("enable-key", json!({ "key_id": root })).await;
    drop(open_with(&settings).await.unwrap());

    let front = kms.stop().await;
    let told = refusal(&settings).await;
    assert!(told.contains("--kms-endpoint") && told.contains(&front.address.to_string()), "{told}");
}

#[tokio::test]
async fn data_with_a_root_key_of_its_own_and_data_without_are_not_mixed_up() {
    let (kms_data, data, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kms = Kms::start(kms_data.path()).await;
    let root = kms.create_key("root").await;
    drop(open_with(&settings(data.path())).await.unwrap());
    let told = refusal(&kms.settings_of_user(data.path(), &root)).await;
    assert!(told.contains("start without --kms-endpoint"), "{told}");
    drop(open_with(&kms.settings_of_user(other.path(), &root)).await.unwrap());
    let told = refusal(&settings(other.path())).await;
    assert!(told.contains("start with --kms-endpoint"), "{told}");
    assert!(!other.path().join("root.key").exists());
    kms.stop().await;
}

#[tokio::test]
async fn a_user_there_needs_the_rights_to_data_keys_and_no_others() {
    let (kms_data, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kms = Kms::start(kms_data.path()).await;
    let (root, other) = (kms.create_key("root").await, kms.create_key("other").await);
    let identity = &kms.server.app.identity;
    let resource = csms_core::policy::key_resource(&identity.region, &identity.domain_id, root.as_str());
    let rights = ["kms:cmk:createDataKey", "kms:cmk:decryptDataKey"].map(str::to_owned).to_vec();
    let user = kms.user("csms", Policy::allow(rights, Some(vec![resource]))).await;
    let mut settings = kms.settings_of_user(data.path(), &root);
    let of_user = settings.kms.as_mut().unwrap();
    (of_user.access_key, of_user.secret_key) = (user.access_key, user.secret_key.into());
    let server = open_with(&settings).await.unwrap();
    assert_eq!(create(&server, "db", None).await.status, StatusCode::OK);
    let refused = create(&server, "elsewhere", Some(&other)).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "CSMS.0401"));
    settings.kms.as_mut().unwrap().default_key = other;
    let fresh = tempfile::tempdir().unwrap();
    let told = refusal(&Settings { data: fresh.path().to_owned(), ..settings }).await;
    assert!(told.contains("kms:cmk:decryptDataKey"), "{told}");
    kms.stop().await;
}

#[tokio::test]
async fn callers_need_the_right_to_a_key_there_as_to_one_kept_here() {
    let (kms_data, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kms = Kms::start(kms_data.path()).await;
    let (root, own) = (kms.create_key("root").await, kms.create_key("own").await);
    let server = open_with(&kms.settings_of_user(data.path(), &root)).await.unwrap();
    assert_eq!(create(&server, "db", Some(&own)).await.status, StatusCode::OK);
    assert_eq!(create(&server, "plain", None).await.status, StatusCode::OK);
    let reader = server.temporary(Policy::allow(vec!["csms:*".to_owned()], None));
    for (name, code) in [("db", "CSMS.0401"), ("plain", "none")] {
        let path = server.path(&format!("secrets/{name}/versions/latest"));
        assert_eq!(server.call_as(&reader, "GET", &path, &Value::Null).await.code(), code, "{name}");
    }
    kms.stop().await;
}

#[tokio::test]
async fn a_server_whose_keys_are_elsewhere_keeps_none_itself() {
    let (kms_data, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kms = Kms::start(kms_data.path()).await;
    let root = kms.create_key("root").await;
    let server = open_with(&kms.settings_of_user(data.path(), &root)).await.unwrap();
    let path = format!("/v1.0/{}/kms/create-key", server.credentials.project_id);
    let refused = server.call("POST", &path, json!({ "key_alias": "here" })).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::NOT_FOUND, "APIGW.0101"));
    assert_eq!(create(&server, "db", None).await.status, StatusCode::OK);
    assert_eq!(server.app.store.keys(&server.app.identity.project_id).await.unwrap(), []);
    kms.stop().await;
}

#[tokio::test]
async fn servers_that_start_together_agree_on_one_root_key() {
    let (kms_data, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kms = Kms::start(kms_data.path()).await;
    let root = kms.create_key("root").await;
    let settings = kms.settings_of_user(data.path(), &root);
    let store: csms_store::AnyStore =
        csms_store::SqliteStore::open(&data.path().join("csms.db"), csms_store::SqliteSettings::default())
            .unwrap()
            .into();
    let clock = Clock::default();
    let opened = (0..6).map(|_| csms_server::keys::root::open(settings.root_key_source(), &store, &clock));
    let opened = futures_util::future::join_all(opened).await;
    let keys: Vec<_> = opened.into_iter().map(|opened| opened.unwrap().root.derive_numbered("x").key).collect();
    assert!(keys.iter().all(|key| *key == keys[0]));
    kms.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_key_that_is_kept_there_is_replaced_by_another_data_key() {
    let (kms_data, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kms = Kms::start(kms_data.path()).await;
    let root = kms.create_key("root").await;
    let settings = kms.settings_of_user(data.path(), &root);
    let remote = settings.kms.as_ref().unwrap();
    let keyring = async |action: &str| {
        // Servers that a test drops have not said so.
        let db = rusqlite::Connection::open(data.path().join("csms.db")).unwrap();
        db.execute("UPDATE servers SET expires = 0", []).unwrap();
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_csms"));
        command.args(["keyring", action, "--data"]).arg(data.path());
        command.args(["--kms-endpoint", &remote.endpoint, "--kms-project-id", remote.project.as_str()]);
        command.args(["--kms-default-key", remote.default_key.as_str()]);
        command.env("CSMS_KMS_ACCESS_KEY", &remote.access_key).env("CSMS_KMS_SECRET_KEY", remote.secret_key.as_str());
        let ended = command.output().await.unwrap();
        assert!(ended.status.success(), "{action}: {}", String::from_utf8_lossy(&ended.stderr));
    };
    let server = open_with(&settings).await.unwrap();
    assert_eq!(create(&server, "db", None).await.status, StatusCode::OK);
    let first = server.app.keyring.fingerprint().to_owned();
    drop(server);
    keyring("rotate").await;
    let server = open_with(&settings).await.unwrap();
    assert_eq!((server.app.root.current(), server.app.root.oldest()), (2, 1));
    assert_ne!(server.app.keyring.fingerprint(), first);
    assert_eq!(read(&server, "db").await.body["version"]["secret_string"], "correct horse");
    drop(server);
    keyring("retire").await;
    let server = open_with(&settings).await.unwrap();
    assert_eq!((server.app.root.current(), server.app.root.oldest()), (2, 2));
    assert_eq!(read(&server, "db").await.body["version"]["secret_string"], "correct horse");
    // And once more, beside what the first rotation left.
    drop(server);
    keyring("rotate").await;
    keyring("retire").await;
    let server = open_with(&settings).await.unwrap();
    assert_eq!((server.app.root.current(), server.app.root.oldest()), (3, 3));
    assert_eq!(read(&server, "db").await.body["version"]["secret_string"], "correct horse");
    kms.stop().await;
}
