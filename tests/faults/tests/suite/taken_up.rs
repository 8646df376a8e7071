//! A server that is killed in a rotation and back at once goes on with it: it does not wait for the end of its own lease.

use csms_client::ListTasksQuery;
use csms_faults::{Database, client, eventually, name, rotated::Rotated};
use csms_testbed::{Server, server::Options};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_back_goes_on_with_its_own_rotation_at_once() {
    let (database, rotated) = (Database::start().await, Rotated::start().await);
    let data = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(data.path().to_owned()), ..database.options() };
    let server = Server::start(options()).await.unwrap();
    rotated.create_secret(&server, "account").await;
    // The new password cannot be set until this ends.
    let holder = rotated.server().admin().await.unwrap();
    holder.batch_execute("BEGIN; LOCK TABLE pg_authid IN SHARE ROW EXCLUSIVE MODE").await.unwrap();
    let task = client(&server).rotate_secret(&name("account")).await.unwrap().rotation_task_id;
    let leased = "SELECT count(*) FROM tasks WHERE lease_holder IS NOT NULL";
    eventually("the rotation runs", async || database.number(leased).await == 1).await;

    server.kill().await.unwrap();
    let server = Server::start(options()).await.unwrap();
    eventually("it is taken up", async || server.log().contains("rotations of this server's last run go on at once"))
        .await;
    holder.batch_execute("ROLLBACK").await.unwrap();
    let client = client(&server);
    eventually("the rotation succeeds", async || {
        let query = ListTasksQuery { task_id: Some(&task), ..ListTasksQuery::default() };
        client.list_tasks(query).await.is_ok_and(|found| found.tasks.iter().all(|task| task.task_status == "SUCCESS"))
    })
    .await;
    let shown = client.show_version(&name("account"), "latest").await.unwrap();
    let value: Value = serde_json::from_str(shown.version.secret_string.as_ref().unwrap()).unwrap();
    assert!(rotated.lets_in("account", value["password"].as_str().unwrap()).await);
}
