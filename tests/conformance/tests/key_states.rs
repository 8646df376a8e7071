//! Two servers on one PostgreSQL database: the state of a key that one of them changes counts for the other too, whether the
//! servers keep their keys themselves or another server keeps them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use csms_conformance::world::{Answer, World};
use csms_testbed::{
    Postgres, Server,
    postgres::{ADMIN, DATABASE},
    server::Options,
};
use serde_json::{Value, json};

/// Longest wait for a change to be seen; it takes a second at most on a machine that is not busy.
const WITHIN: Duration = Duration::from_secs(60);

/// Two servers on the database, with the first user's keys in both directories.
struct Pair {
    servers: [Server; 2],
    _postgres: Postgres,
    _directory: tempfile::TempDir,
}

impl Pair {
    async fn start(adapt: impl Fn(Options) -> Options) -> Self {
        let (postgres, directory) = (Postgres::start().await.unwrap(), tempfile::tempdir().unwrap());
        let start = async |data: &Path| {
            let options = Options { data: Some(data.to_owned()), ..Options::default() };
            let address = format!("postgres://{ADMIN}@127.0.0.1:{}/{DATABASE}", postgres.port());
            let options =
                options.argument("--store").argument(address).variable("PGPASSWORD", postgres.admin_password());
            Server::start(adapt(options)).await.unwrap()
        };
        let [one, other] = ["one", "other"].map(|name| directory.path().join(name));
        let first = start(&one).await;
        fs::create_dir(&other).unwrap();
        for file in ["root.key", "credentials.json"] {
            // Copying keeps the mode. A root key is there only when the servers keep their keys themselves.
            if one.join(file).exists() {
                fs::copy(one.join(file), other.join(file)).unwrap();
            }
        }
        let second = start(&other).await;
        Self { servers: [first, second], _postgres: postgres, _directory: directory }
    }

    fn worlds(&self) -> [World; 2] {
        [World::of(&self.servers[0]), World::of(&self.servers[1])]
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/{}/{rest}", self.servers[0].project_id())
    }
}

fn kms(world: &World, project: &str, operation: &str, body: &Value) -> Value {
    let answer = world.call("POST", &format!("/v1.0/{project}/kms/{operation}"), body);
    assert_eq!(answer.status, 200, "{operation}: {answer:?}");
    answer.body
}

/// Reads until the answer has this code, which is `no code` for a value.
fn wait_for(world: &World, target: &str, code: &str) -> Answer {
    let deadline = Instant::now() + WITHIN;
    loop {
        let answer = world.call("GET", target, &Value::Null);
        if answer.code() == code {
            return answer;
        }
        assert!(Instant::now() < deadline, "never {code}: {answer:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Disables and enables a key with `change` and looks at the value on both servers, and at what must not suffer.
fn a_disabled_key_counts_on_both(pair: &Pair, key: &str, change: impl Fn(&str)) {
    let worlds = pair.worlds();
    let body = json!({ "name": "db", "secret_string": "correct horse", "kms_key_id": key });
    let made = worlds[0].call("POST", &pair.path("secrets"), &body);
    assert_eq!(made.status, 200, "{made:?}");
    let latest = pair.path("secrets/db/versions/latest");
    for world in &worlds {
        let read = world.call("GET", &latest, &Value::Null);
        assert_eq!(read.body["version"]["secret_string"], "correct horse", "{read:?}");
    }
    change("disable-key");
    for world in &worlds {
        assert_eq!(wait_for(world, &latest, "CSMS.0401").status, 400);
        // It stays so, and nothing else is touched.
        assert_eq!(world.call("GET", &latest, &Value::Null).code(), "CSMS.0401");
        assert_eq!(world.call("GET", &pair.path("secrets/db"), &Value::Null).status, 200);
    }
    change("enable-key");
    for world in &worlds {
        assert_eq!(wait_for(world, &latest, "no code").body["version"]["secret_string"], "correct horse");
    }
}

#[tokio::test]
async fn a_key_disabled_on_one_server_makes_values_unreadable_on_the_other() {
    let pair = Pair::start(|options| options).await;
    let [first, _] = pair.worlds();
    let project = pair.servers[0].project_id().to_owned();
    let made = kms(&first, &project, "create-key", &json!({ "key_alias": "own" }));
    let key = made["key_info"]["key_id"].as_str().unwrap().to_owned();
    a_disabled_key_counts_on_both(&pair, &key, |operation| {
        kms(&first, &project, operation, &json!({ "key_id": key }));
    });
}

#[tokio::test]
async fn a_key_disabled_in_the_kms_of_both_servers_makes_values_unreadable_on_both() {
    let keeper = Server::start(Options::default()).await.unwrap();
    let (world, project) = (World::of(&keeper), keeper.project_id().to_owned());
    let create = |alias: &str| {
        let made = kms(&world, &project, "create-key", &json!({ "key_alias": alias }));
        made["key_info"]["key_id"].as_str().unwrap().to_owned()
    };
    let (root, own) = (create("root"), create("own"));
    let pair = Pair::start(|options| {
        let flags = [
            ("--kms-endpoint", keeper.url()),
            ("--kms-project-id", &project),
            ("--kms-default-key", &root),
            ("--kms-recheck", "1"),
        ];
        let options = flags.iter().fold(options, |options, (name, value)| options.argument(name).argument(value));
        let credentials = keeper.credentials();
        options
            .variable("CSMS_KMS_ACCESS_KEY", credentials.access_key.as_str())
            .variable("CSMS_KMS_SECRET_KEY", credentials.secret_key.as_str())
    })
    .await;
    a_disabled_key_counts_on_both(&pair, &own, |operation| {
        kms(&world, &project, operation, &json!({ "key_id": own }));
    });
}
