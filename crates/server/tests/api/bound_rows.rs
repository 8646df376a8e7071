//! Who can write the database but has no root key gets no rights by it: users, access keys, policies, secrets, KMS keys and entries
//! of projects are bound to their rows.

use crate::support::{self, Key, Server};
use std::{path::Path, process::Command};

use axum::http::StatusCode;
use csms_server::auth::cache::{UNBOUND_SECRET_KEY, secret_key_purpose};
use csms_store::Store as _;
use getrandom::SysRng;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

/// A server with a secret `crown`, and a user who may only list secrets.
struct Attacked {
    directory: tempfile::TempDir,
    server: Server,
    mallory: Key,
}

const LISTS: &str = r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:secret:list"]}]}"#;

impl Attacked {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = support::open(directory.path()).await.unwrap();
        let ok = async |method: &str, path: &str, body: Value| {
            let answer = server.call(method, path, body).await;
            assert!(answer.status.is_success(), "{method} {path}: {}", answer.body);
            answer.body
        };
        ok("POST", &server.path("secrets"), json!({ "name": "crown", "secret_string": "jewels" })).await;
        let policy = json!({ "policy_name": "lists", "policy_document": LISTS });
        let policy = ok("POST", "/v5/policies", policy).await["policy"]["policy_id"].as_str().unwrap().to_owned();
        let user = ok("POST", "/v5/users", json!({ "name": "mallory", "enabled": true })).await;
        let user = user["user"]["user_id"].as_str().unwrap().to_owned();
        ok("POST", &format!("/v5/policies/{policy}/attach-user"), json!({ "user_id": user })).await;
        let made = ok("POST", &format!("/v5/users/{user}/access-keys"), Value::Null).await;
        let text = |name: &str| made["access_key"][name].as_str().unwrap().to_owned();
        let mallory =
            Key { access_key: text("access_key_id"), secret_key: text("secret_access_key"), security_token: None };
        let attacked = Self { directory, server, mallory };
        assert_eq!(attacked.list(&attacked.mallory).await, StatusCode::OK);
        assert_eq!(attacked.read_crown(&attacked.mallory).await, StatusCode::FORBIDDEN);
        assert_eq!(attacked.verify(), Ok(()));
        attacked
    }

    /// Writes to the database behind the server's back.
    fn write(&self, sql: &str, parameters: impl rusqlite::Params) {
        let db = Connection::open(self.directory.path().join("csms.db")).unwrap();
        assert_eq!(db.execute(sql, parameters).unwrap(), 1, "{sql}");
        self.server.app.authenticator.forget();
    }

    fn document(&self, sql: &str) -> String {
        let db = Connection::open(self.directory.path().join("csms.db")).unwrap();
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    async fn list(&self, key: &Key) -> StatusCode {
        self.server.call_as(key, "GET", &self.server.path("secrets"), &Value::Null).await.status
    }

    async fn read_crown(&self, key: &Key) -> StatusCode {
        let path = self.server.path("secrets/crown/versions/latest");
        self.server.call_as(key, "GET", &path, &Value::Null).await.status
    }

    fn verify(&self) -> Result<(), String> {
        verify(self.directory.path())
    }

    /// Mallory is nobody, and the check names the row.
    async fn is_noticed(&self, row: &str) {
        assert_eq!(self.read_crown(&self.mallory).await, StatusCode::UNAUTHORIZED);
        let reason = self.verify().unwrap_err();
        assert!(reason.contains(row), "{reason}");
    }
}

/// Runs `csms audit verify` on the data in a directory.
fn verify(directory: &Path) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_csms"));
    let output =
        command.args(["audit", "verify", "--offline"]).env_clear().env("CSMS_DATA", directory).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8(output.stderr).unwrap()) }
}

#[tokio::test]
async fn an_access_key_does_not_move_to_another_user() {
    let attacked = Attacked::start().await;
    let key = attacked.mallory.access_key.clone();
    let sql = "UPDATE access_keys SET user_id = (SELECT id FROM users WHERE name = 'admin') WHERE access_key = ?1";
    attacked.write(sql, [&key]);
    attacked.is_noticed(&format!("the access key {key}")).await;
}

#[tokio::test]
async fn the_end_of_an_access_key_is_bound_and_its_last_use_is_not() {
    let attacked = Attacked::start().await;
    let key = attacked.mallory.access_key.clone();
    attacked.write("UPDATE access_keys SET last_used_time = 9999999999999 WHERE access_key = ?1", [&key]);
    assert_eq!((attacked.list(&attacked.mallory).await, attacked.verify()), (StatusCode::OK, Ok(())));
    attacked.write("UPDATE access_keys SET expires = 9999999999999 WHERE access_key = ?1", [&key]);
    attacked.is_noticed(&format!("the access key {key}")).await;
}

#[tokio::test]
async fn a_sealed_secret_key_does_not_open_in_another_row() {
    let attacked = Attacked::start().await;
    let admin = attacked.server.key().access_key;
    let sql =
        "UPDATE access_keys SET sealed_secret_key = (SELECT sealed_secret_key FROM access_keys WHERE access_key = ?1)
         WHERE access_key = ?2";
    attacked.write(sql, [&attacked.mallory.access_key, &admin]);
    let pretender = Key { access_key: admin.clone(), ..attacked.mallory.clone() };
    assert_eq!(attacked.read_crown(&pretender).await, StatusCode::UNAUTHORIZED);
    assert!(attacked.verify().unwrap_err().contains(&format!("the access key {admin}")));
}

/// Replaces a document with its checksum, as somebody would who knows the format.
fn edited(attacked: &Attacked, table: &str, name: &str, from: &str, to: &str) {
    let text = attacked.document(&format!("SELECT document FROM {table} WHERE name = '{name}'"));
    assert!(text.contains(from), "{text}");
    let text = text.replace(from, to);
    let sql = format!("UPDATE {table} SET document = ?1, checksum = ?2 WHERE name = ?3");
    attacked.write(&sql, params![text, crc32fast::hash(text.as_bytes()), name]);
}

#[tokio::test]
async fn a_user_does_not_get_another_policy() {
    let attacked = Attacked::start().await;
    edited(&attacked, "users", "mallory", r#""attached":["lists"]"#, r#""attached":["Administrator"]"#);
    attacked.is_noticed("the user ").await;
}

#[tokio::test]
async fn a_policy_does_not_allow_more() {
    let attacked = Attacked::start().await;
    edited(&attacked, "policies", "lists", "csms:secret:list", "*");
    attacked.is_noticed("the policy lists").await;
}

#[tokio::test]
async fn an_older_row_and_a_missing_one_are_found_by_the_check() {
    let attacked = Attacked::start().await;
    let columns = "SELECT document || '|' || checksum || '|' || hex(mac) FROM users WHERE name = 'mallory'";
    let older = attacked.document(columns);
    let id = attacked.document("SELECT id FROM users WHERE name = 'mallory'");
    let disabled = attacked.server.call("PUT", &format!("/v5/users/{id}"), json!({ "enabled": false })).await;
    assert_eq!(disabled.status, StatusCode::OK, "{}", disabled.body);
    assert_eq!(attacked.verify(), Ok(()));
    let [mac, checksum, document] = older.rsplitn(3, '|').collect::<Vec<_>>().try_into().unwrap();
    let sql = "UPDATE users SET document = ?1, checksum = ?2, mac = ?3 WHERE name = 'mallory'";
    attacked.write(sql, params![document, checksum.parse::<i64>().unwrap(), hex::decode(mac).unwrap()]);
    let reason = attacked.verify().unwrap_err();
    assert!(reason.contains(&format!("the row of the user {id} is not the newest one")), "{reason}");
    attacked.write("DELETE FROM access_keys WHERE access_key = ?1", [&attacked.mallory.access_key]);
    let reason = attacked.verify().unwrap_err();
    assert!(
        reason.contains(&format!("the row of the access key {} is missing", attacked.mallory.access_key)),
        "{reason}"
    );
}

impl Attacked {
    /// Calls the API as the administrator, who succeeds.
    async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.server.call(method, path, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.body);
        answer.body
    }

    /// What the administrator gets, behind a change that has all readers look at the file again.
    async fn status(&self, method: &str, path: &str, body: Value) -> StatusCode {
        let name = format!("n-{}", csms_core::identity::make_uuid(&mut SysRng).unwrap());
        self.done("POST", &self.server.path("secrets"), json!({ "name": name, "secret_string": "x" })).await;
        self.server.call(method, path, body).await.status
    }

    fn kms(&self, operation: &str) -> String {
        format!("/v1.0/{}/kms/{operation}", self.server.app.identity.project_id)
    }

    /// Makes a KMS key and returns its identifier.
    async fn make_key(&self, alias: &str) -> String {
        let made = self.done("POST", &self.kms("create-key"), json!({ "key_alias": alias })).await;
        made["key_info"]["key_id"].as_str().unwrap().to_owned()
    }

    async fn use_key(&self, key: &str) -> StatusCode {
        let body = json!({ "key_id": key, "key_spec": "AES_256" });
        self.server.app.keys.forget(&self.server.app.identity.project_id, &csms_core::KeyId::parse(key).unwrap());
        self.status("POST", &self.kms("create-datakey"), body).await
    }
}

#[tokio::test]
async fn a_secret_gets_no_other_name_tag_or_place() {
    for (from, to, name) in [
        (r#""name":"crown""#, r#""name":"mine""#, "mine"),
        (r#""failed_rotations":0"#, r#""failed_rotations":0,"tags":[{"key":"stage","value":"open"}]"#, "crown"),
    ] {
        let attacked = Attacked::start().await;
        let text = attacked.document("SELECT document FROM secrets WHERE name = 'crown'");
        assert!(text.contains(from), "{text}");
        let text = text.replacen(from, to, 1);
        let sql = "UPDATE secrets SET name = ?1, document = ?2, checksum = ?3 WHERE name = 'crown'";
        attacked.write(sql, params![name, text, crc32fast::hash(text.as_bytes())]);
        let path = attacked.server.path(&format!("secrets/{name}/versions/latest"));
        assert_eq!(attacked.status("GET", &path, Value::Null).await, StatusCode::INTERNAL_SERVER_ERROR);
        let list = attacked.server.path("secrets");
        assert_eq!(attacked.status("GET", &list, Value::Null).await, StatusCode::INTERNAL_SERVER_ERROR);
    }
    // The whole row of another secret, with its right MAC.
    let attacked = Attacked::start().await;
    let body = json!({ "name": "dull", "secret_string": "stone" });
    attacked.done("POST", &attacked.server.path("secrets"), body).await;
    attacked.write(
        "UPDATE secrets SET (document, checksum, mac) = (SELECT document, checksum, mac FROM secrets WHERE name = 'crown')
         WHERE name = 'dull'",
        [],
    );
    let path = attacked.server.path("secrets/dull/versions/latest");
    assert_eq!(attacked.status("GET", &path, Value::Null).await, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_key_gets_no_other_state_alias_owner_or_grant() {
    let grant = r#"{"grants":[{"id":"g","grantee":"mallory","operations":["create-datakey"],"issuer":"","retiring":"",
        "name":"","create_time":1}]}"#;
    for (set, is_enabled) in [
        ("state = 'ENABLED'".to_owned(), false),
        ("alias = 'csms/default2'".to_owned(), true),
        ("project = 'ffffffffffffffffffffffffffffffff'".to_owned(), true),
        (format!("details = '{grant}'"), true),
    ] {
        let attacked = Attacked::start().await;
        let key = attacked.make_key("mine").await;
        if is_enabled {
            assert_eq!(attacked.use_key(&key).await, StatusCode::OK);
        } else {
            attacked.done("POST", &attacked.kms("disable-key"), json!({ "key_id": key })).await;
            assert_ne!(attacked.use_key(&key).await, StatusCode::OK);
        }
        assert_eq!(attacked.verify(), Ok(()));
        attacked.write(&format!("UPDATE kms_keys SET {set} WHERE id = ?1"), [&key]);
        assert_eq!(attacked.use_key(&key).await, StatusCode::INTERNAL_SERVER_ERROR, "{set}");
        let reason = attacked.verify().unwrap_err();
        assert!(reason.contains(&format!("the KMS key {key}")), "{reason}");
    }
}

#[tokio::test]
async fn an_older_key_and_a_missing_one_are_found_by_the_check() {
    let attacked = Attacked::start().await;
    let key = attacked.make_key("mine").await;
    let db = Connection::open(attacked.directory.path().join("csms.db")).unwrap();
    let columns = "SELECT state, mac FROM kms_keys WHERE id = ?1";
    let (state, mac): (String, Vec<u8>) = db.query_row(columns, [&key], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    attacked.done("POST", &attacked.kms("disable-key"), json!({ "key_id": key })).await;
    assert_eq!(attacked.verify(), Ok(()));
    attacked.write("UPDATE kms_keys SET state = ?1, mac = ?2 WHERE id = ?3", params![state, mac, key]);
    let reason = attacked.verify().unwrap_err();
    assert!(reason.contains(&format!("the row of the KMS key {key} is not the newest one")), "{reason}");
    attacked.write("DELETE FROM kms_keys WHERE id = ?1", [&key]);
    let reason = attacked.verify().unwrap_err();
    assert!(reason.contains(&format!("the row of the KMS key {key} is missing")), "{reason}");
}

#[tokio::test]
async fn an_event_gets_no_other_target() {
    let attacked = Attacked::start().await;
    let project = attacked.server.app.identity.project_id.clone();
    let topic = format!("urn:smn:r:{project}:ours");
    let notification = json!({ "target_type": "SMN", "target_id": topic, "target_name": "t" });
    let event = json!({
        "name": "told", "event_types": ["SECRET_VERSION_CREATED"], "state": "ENABLED", "notification": notification,
    });
    attacked.done("POST", &attacked.server.path("csms/events"), event).await;
    edited(&attacked, "entries", "told", ":ours", ":theirs");
    let path = attacked.server.path("csms/events/told");
    assert_eq!(attacked.status("GET", &path, Value::Null).await, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn the_mark_of_an_older_release_that_is_put_back_is_found_by_the_check() {
    let attacked = Attacked::start().await;
    let key = attacked.make_key("mine").await;
    let (root, path) = (attacked.server.app.root.clone(), attacked.directory.path().join("csms.db"));
    let Attacked { directory, server, .. } = attacked;
    drop(server);
    // As a release left it that bound users, access keys and policies alone.
    let db = Connection::open(&path).unwrap();
    let older = root.seal("root_key_check", b"csms bound rows 1", &mut SysRng).unwrap();
    let put_back = || {
        let sql = "UPDATE secrets SET mac = NULL; UPDATE kms_keys SET mac = NULL; UPDATE entries SET mac = NULL";
        db.execute_batch(sql).unwrap();
        db.execute("UPDATE meta SET value = ?1 WHERE key = 'root_key_check'", [&older]).unwrap();
    };
    put_back();
    // The trail of that release names no KMS keys, and has no record of the conversion; here it names some, which makes no
    // difference.
    let server = support::open(directory.path()).await.unwrap();
    let read = server.call("GET", &server.path("secrets/crown/versions/latest"), Value::Null).await;
    assert_eq!(read.status, StatusCode::OK, "{}", read.body);
    assert_eq!(verify(directory.path()), Ok(()));
    drop(server);

    put_back();
    db.execute("UPDATE kms_keys SET state = 'DISABLED' WHERE id = ?1", [&key]).unwrap();
    drop(support::open(directory.path()).await.unwrap());
    let reason = verify(directory.path()).unwrap_err();
    assert!(reason.contains("converts old rows again (BindSecretRows)"), "{reason}");
}

#[tokio::test]
async fn what_an_older_release_wrote_is_bound_once_and_never_again() {
    let attacked = Attacked::start().await;
    let (root, path) = (attacked.server.app.root.clone(), attacked.directory.path().join("csms.db"));
    let (mallory, admin) = (attacked.mallory.clone(), attacked.server.key());
    let Attacked { directory, server, .. } = attacked;
    drop(server);
    // As an older release left it: without MACs, secret keys sealed for any row, and its own mark.
    let db = Connection::open(&path).unwrap();
    db.execute_batch("UPDATE users SET mac = NULL; UPDATE access_keys SET mac = NULL; UPDATE policies SET mac = NULL")
        .unwrap();
    let unbind = |key: &Key| {
        let sql = "SELECT user_id, sealed_secret_key FROM access_keys WHERE access_key = ?1";
        let (user, sealed): (String, Vec<u8>) =
            db.query_row(sql, [&key.access_key], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let opened = root.open(&secret_key_purpose(&key.access_key, &user), &sealed).unwrap();
        let sealed = root.seal(UNBOUND_SECRET_KEY, &opened, &mut SysRng).unwrap();
        let sql = "UPDATE access_keys SET sealed_secret_key = ?1 WHERE access_key = ?2";
        db.execute(sql, params![sealed, key.access_key]).unwrap();
    };
    unbind(&mallory);
    unbind(&admin);
    let mark: Vec<u8> =
        db.query_row("SELECT value FROM meta WHERE key = 'root_key_check'", [], |row| row.get(0)).unwrap();
    let older = root.seal("root_key_check", b"csms", &mut SysRng).unwrap();
    let put_mark = |mark: &[u8]| db.execute("UPDATE meta SET value = ?1 WHERE key = 'root_key_check'", [mark]).unwrap();
    put_mark(&older);

    let server = support::open(directory.path()).await.unwrap();
    let list = async |server: &Server, key: &Key| {
        server.call_as(key, "GET", &server.path("secrets"), &Value::Null).await.status
    };
    assert_eq!((list(&server, &mallory).await, list(&server, &admin).await), (StatusCode::OK, StatusCode::OK));
    assert_eq!(verify(directory.path()), Ok(()));
    let rows = server.app.store.access_rows().await.unwrap();
    assert!(rows.iter().all(|row| row.mac.as_deref() != Some("not valid")), "{rows:?}");
    drop(server);

    // A row without a MAC is not taken any more.
    db.execute("UPDATE access_keys SET mac = NULL WHERE access_key = ?1", [&mallory.access_key]).unwrap();
    assert_ne!(mark, older);
    let server = support::open(directory.path()).await.unwrap();
    assert_eq!(list(&server, &mallory).await, StatusCode::UNAUTHORIZED);
    assert_eq!(list(&server, &admin).await, StatusCode::OK);
}
