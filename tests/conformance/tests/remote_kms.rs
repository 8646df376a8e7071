//! A server process whose keys another server process keeps: started by its flags, killed, and left alone by its KMS.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::process::Command;

use csms_conformance::world::World;
use csms_testbed::{
    Server,
    server::{Options, binary},
};
use serde_json::{Value, json};

#[tokio::test]
async fn values_outlive_kill_nine_and_are_kept_from_whoever_has_the_data_alone() {
    let kms = Server::start(Options::default()).await.unwrap();
    let keys = World::of(&kms);
    let create_key = format!("/v1.0/{}/kms/create-key", kms.project_id());
    let made = keys.call("POST", &create_key, &json!({ "key_alias": "csms" }));
    let key = made.body["key_info"]["key_id"].as_str().unwrap().to_owned();
    // The file that the first start of the KMS wrote has what is needed, and the right mode.
    let credentials = kms.credentials_path().to_str().unwrap().to_owned();
    let flags = [
        ("--kms-endpoint", kms.url()),
        ("--kms-project-id", kms.project_id()),
        ("--kms-default-key", &key),
        ("--kms-credentials-file", &credentials),
    ];
    let mut options = Options::default().argument("--kms-recheck").argument("0");
    for (name, value) in flags {
        options = options.argument(name).argument(value);
    }
    let mut server = Server::start(options).await.unwrap();
    let secrets = format!("/v1/{}/secrets", server.project_id());
    let body = json!({ "name": "db", "secret_string": "correct horse" });
    let made = World::of(&server).call("POST", &secrets, &body);
    assert_eq!((made.status, made.body["secret"]["kms_key_id"].as_str()), (200, Some(key.as_str())), "{made:?}");
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    let latest = format!("{secrets}/db/versions/latest");
    let read = World::of(&server).call("GET", &latest, &Value::Null);
    assert_eq!(read.body["version"]["secret_string"], "correct horse", "{read:?}");
    assert!(!server.data().join("root.key").exists());

    // Commands that open the data need the KMS as the server does.
    let verify = |flags: &[(&str, &str)]| {
        let mut command = Command::new(binary().unwrap());
        command.args(["audit", "verify", "--offline", "--data"]).arg(server.data());
        for (name, value) in flags {
            command.args([name, value]);
        }
        command.output().unwrap()
    };
    let verified = verify(&flags);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let refused = verify(&[]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("--kms-endpoint"), "{told}");

    kms.kill().await.unwrap();
    let read = World::of(&server).call("GET", &latest, &Value::Null);
    assert_eq!((read.status, read.code()), (503, "CSMS.0402"));
    let shown = World::of(&server).call("GET", &format!("{secrets}/db"), &Value::Null);
    assert_eq!(shown.status, 200, "{shown:?}");
    assert!(!server.log().contains(&kms.credentials().secret_key));
}
