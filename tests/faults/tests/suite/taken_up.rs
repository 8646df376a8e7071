//! A rotation whose server is killed goes on soon: with the server that is back, which does not wait for the end of its own lease, or
//! with another one, whatever has become of the database's clock.

use csms_client::ListTasksQuery;
use csms_faults::{Database, client, eventually, name, rotated::Rotated};
use csms_testbed::{Server, server::Options};
use serde_json::Value;
use tempfile::TempDir;

/// A rotation that waits for its account when its server is killed.
struct Orphan {
    database: Database,
    rotated: Rotated,
    server: Server,
    data: TempDir,
    task: String,
    /// The connection whose transaction holds the account.
    holder: tokio_postgres::Client,
}

impl Orphan {
    async fn make() -> Self {
        let (database, rotated) = (Database::start().await, Rotated::start().await);
        let data = tempfile::tempdir().unwrap();
        let options = Options { data: Some(data.path().to_owned()), ..database.options() };
        let server = Server::start(options).await.unwrap();
        rotated.create_secret(&server, "account").await;
        // The new password cannot be set until this ends.
        let holder = rotated.server().admin().await.unwrap();
        holder.batch_execute("BEGIN; LOCK TABLE pg_authid IN SHARE ROW EXCLUSIVE MODE").await.unwrap();
        let task = client(&server).rotate_secret(&name("account")).await.unwrap().rotation_task_id;
        let leased = "SELECT count(*) FROM tasks WHERE lease_holder IS NOT NULL";
        eventually("the rotation runs", async || database.number(leased).await == 1).await;
        server.kill().await.unwrap();
        Self { database, rotated, server, data, task, holder }
    }

    /// Lets the rotation go on, and requires that it succeeds on this server.
    async fn succeeds_on(&self, server: &Server) {
        self.holder.batch_execute("ROLLBACK").await.unwrap();
        let client = client(server);
        eventually("the rotation succeeds", async || {
            let query = ListTasksQuery { task_id: Some(&self.task), ..ListTasksQuery::default() };
            let found = client.list_tasks(query).await;
            found.is_ok_and(|found| found.tasks.iter().all(|task| task.task_status == "SUCCESS"))
        })
        .await;
        let shown = client.show_version(&name("account"), "latest").await.unwrap();
        let value: Value = serde_json::from_str(shown.version.secret_string.as_ref().unwrap()).unwrap();
        assert!(self.rotated.lets_in("account", value["password"].as_str().unwrap()).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_back_goes_on_with_its_own_rotation_at_once() {
    let orphan = Orphan::make().await;
    let options = Options { data: Some(orphan.data.path().to_owned()), ..orphan.database.options() };
    let server = Server::start(options).await.unwrap();
    eventually("it is taken up", async || server.log().contains("rotations of this server's last run go on at once"))
        .await;
    orphan.succeeds_on(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_clock_is_set_back_keeps_no_rotation_for_a_dead_server() {
    let orphan = Orphan::make().await;
    // What a lease looks like when the clock that granted it is set back by a day.
    let set_back = "UPDATE tasks SET lease_expires = lease_expires + 86400000 WHERE lease_holder IS NOT NULL";
    orphan.database.postgres.execute(set_back).await.unwrap();
    let (other, _data) = orphan.database.beside(&orphan.server, None).await;
    orphan.succeeds_on(&other).await;
}
