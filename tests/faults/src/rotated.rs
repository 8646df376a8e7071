//! A PostgreSQL whose accounts are rotated.

use csms_client::CreateSecretBody;
use csms_testbed::{Postgres, Server, postgres::DATABASE};
use serde_json::{Value, json};

use crate::{client, eventually};

/// The first password of every account.
const FIRST: &str = "First-password-1";

/// The server.
#[derive(Debug)]
pub struct Rotated(Postgres);

impl Rotated {
    /// Starts one.
    pub async fn start() -> Self {
        Self(Postgres::start().await.expect("PostgreSQL starts"))
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// The process.
    #[must_use]
    pub const fn server(&self) -> &Postgres {
        &self.0
    }

    /// Creates an account and returns the value of a secret that opens it.
    pub async fn create_account(&self, name: &str) -> Value {
        self.0.create_login(name, FIRST).await.expect("an account is created");
        json!({
            "engine": "postgresql",
            "host": "127.0.0.1",
            "port": self.port(),
            "dbname": DATABASE,
            "username": name,
            "password": FIRST,
            "tls": "disable",
        })
    }

    /// Creates an account, and on a server a secret of the same name that the server's own function rotates.
    pub async fn create_secret(&self, server: &Server, name: &str) {
        let value = self.create_account(name).await.to_string();
        let config = json!({ "InstanceId": "local", "SecretSubType": "SingleUser" }).to_string();
        // `cargo xtask package` makes the function, beside the server.
        let function = server.credentials().rotation_func_urn.as_deref().expect("a rotation function");
        let body = CreateSecretBody {
            name,
            secret_string: Some(&value),
            secret_type: Some("RDS-FG"),
            rotation_config: Some(&config),
            rotation_func_urn: Some(function),
            ..CreateSecretBody::default()
        };
        client(server).create_secret(&body).await.expect("a secret is created");
    }

    /// Whether an account logs in. Waits while the server recovers from a crash.
    pub async fn lets_in(&self, name: &str, password: &str) -> bool {
        let mut is_let_in = None;
        eventually("the server accepts or refuses a login", async || {
            is_let_in = self.0.can_log_in(name, password, DATABASE).await.ok();
            is_let_in.is_some()
        })
        .await;
        is_let_in == Some(true)
    }
}
