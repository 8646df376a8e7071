//! A server that speaks as much of MySQL's protocol as a rotation needs. It stands in for MySQL 8, which Debian does not have:
//! it knows one account, its primary and its second password, and the statements that change them.
//!
//! It checks logins (`mysql_native_password`) and understands no other statements; what it says of itself is up to the test.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test support module")]

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

const SCRAMBLE: [u8; 20] = *b"abcdefghijklmnopqrst";

/// The one account and the server around it.
#[derive(Clone, Debug)]
pub struct Account {
    /// What `SELECT VERSION()` says.
    pub version: String,
    /// What `SHOW GRANTS` says.
    pub grants: Vec<String>,
    /// `password_require_current`.
    pub requires_current: bool,
    /// The password.
    pub primary: String,
    /// The one kept beside it.
    pub second: Option<String>,
}

/// A running server with the account `app`. It ends with this.
#[derive(Debug)]
pub struct FakeMySql {
    port: u16,
    account: Arc<Mutex<Account>>,
    work: JoinHandle<()>,
}

impl FakeMySql {
    /// Starts a server.
    pub async fn start(account: Account) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let account = Arc::new(Mutex::new(account));
        let shared = Arc::clone(&account);
        let work = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let session = Session { stream, sequence: 0, account: Arc::clone(&shared) };
                tokio::spawn(session.serve());
            }
        });
        Self { port, account, work }
    }

    /// The account as it is now.
    #[must_use]
    pub fn account(&self) -> Account {
        self.account.lock().expect("no test has panicked").clone()
    }

    /// The value of a secret for the account.
    #[must_use]
    pub fn value(&self, password: &str) -> Value {
        json!({ "engine": "mysql", "host": "127.0.0.1", "port": self.port, "username": "app", "password": password, "tls": "disable" })
    }
}

impl Drop for FakeMySql {
    fn drop(&mut self) {
        self.work.abort();
    }
}

struct Session {
    stream: TcpStream,
    sequence: u8,
    account: Arc<Mutex<Account>>,
}

impl Session {
    /// Serves until the client leaves; a connection that breaks has ended as well.
    async fn serve(mut self) {
        let _ = self.talk().await;
    }

    async fn talk(&mut self) -> std::io::Result<()> {
        self.send(&greeting(&self.account().version)).await?;
        let login = self.receive().await?;
        if !self.lets_in(&login) {
            return self.send(&error(1045, "Access denied")).await;
        }
        self.send(&OK).await?;
        loop {
            let command = self.receive().await?;
            match command.split_first() {
                Some((3, query)) => {
                    let answer = self.answer(&String::from_utf8_lossy(query));
                    for packet in answer {
                        self.send(&packet).await?;
                    }
                }
                Some((1, _)) | None => return Ok(()),
                Some(_) => self.send(&OK).await?,
            }
        }
    }

    fn account(&self) -> Account {
        self.account.lock().expect("no test has panicked").clone()
    }

    fn lets_in(&self, login: &[u8]) -> bool {
        let Some(rest) = login.get(32..) else { return false };
        let Some(end) = rest.iter().position(|byte| *byte == 0) else { return false };
        let (name, rest) = rest.split_at(end);
        let response = rest.get(2..22);
        let account = self.account();
        let passwords = [Some(account.primary), account.second];
        name == b"app" && passwords.into_iter().flatten().any(|password| response == Some(&scrambled(&password)[..]))
    }

    fn answer(&self, query: &str) -> Vec<Vec<u8>> {
        let account = self.account();
        let row = |text: &str| rows(&[vec![text.to_owned()]]);
        if query.contains("@@") {
            let value = |name: &str| if name.contains("max_allowed_packet") { "67108864" } else { "28800" };
            return rows(&[query.split("@@").skip(1).map(|name| value(name).to_owned()).collect()]);
        }
        match query {
            "SHOW CREATE USER CURRENT_USER()" => {
                row("CREATE USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 'x' REQUIRE NONE")
            }
            "SELECT VERSION()" => row(&account.version),
            "SHOW GRANTS" => rows(&account.grants.iter().map(|grant| vec![grant.clone()]).collect::<Vec<_>>()),
            set if set.starts_with("SET SESSION ") => vec![OK.to_vec()],
            change => vec![self.change(change)],
        }
    }

    /// `ALTER USER USER() IDENTIFIED BY '…' [REPLACE '…'] [RETAIN CURRENT PASSWORD]`; no password of a test has an apostrophe.
    fn change(&self, statement: &str) -> Vec<u8> {
        let parts: Vec<&str> = statement.split('\'').collect();
        let mut account = self.account.lock().expect("no test has panicked");
        let (password, replaced, retained) = match parts.as_slice() {
            ["ALTER USER USER() IDENTIFIED BY ", password, ""] => (*password, None, false),
            ["ALTER USER USER() IDENTIFIED BY ", password, " RETAIN CURRENT PASSWORD"] => (*password, None, true),
            ["ALTER USER USER() IDENTIFIED BY ", password, " REPLACE ", current, ""] => {
                (*password, Some(*current), false)
            }
            ["ALTER USER USER() IDENTIFIED BY ", password, " REPLACE ", current, " RETAIN CURRENT PASSWORD"] => {
                (*password, Some(*current), true)
            }
            _ => return error(1064, "syntax"),
        };
        match replaced {
            None if account.requires_current => return error(3892, "current password needed"),
            Some(current) if current != account.primary => return error(3891, "incorrect current password"),
            _ => {}
        }
        let former = std::mem::replace(&mut account.primary, password.to_owned());
        if retained {
            account.second = Some(former);
        }
        OK.to_vec()
    }

    async fn send(&mut self, payload: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(payload.len()).expect("a small packet").to_le_bytes();
        let mut packet = vec![length[0], length[1], length[2], self.sequence];
        packet.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.stream.write_all(&packet).await
    }

    async fn receive(&mut self) -> std::io::Result<Vec<u8>> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).await?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], 0]);
        self.sequence = head[3].wrapping_add(1);
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).await?;
        Ok(payload)
    }
}

const OK: [u8; 7] = [0, 0, 0, 2, 0, 0, 0];
const END: [u8; 5] = [0xfe, 0, 0, 2, 0];

fn greeting(version: &str) -> Vec<u8> {
    // Long passwords, long flags, databases, protocol 4.1, transactions, secure connections; plugins.
    let capabilities: u32 = 0x1 | 0x4 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x2_0000 | 0x8_0000;
    let [low, high] = [(capabilities & 0xffff) as u16, (capabilities >> 16) as u16].map(u16::to_le_bytes);
    let mut packet = vec![10];
    packet.extend_from_slice(version.as_bytes());
    packet.extend_from_slice(&[0, 1, 0, 0, 0]);
    packet.extend_from_slice(&SCRAMBLE[..8]);
    packet.push(0);
    packet.extend_from_slice(&low);
    packet.extend_from_slice(&[45, 2, 0]);
    packet.extend_from_slice(&high);
    packet.push(21);
    packet.extend_from_slice(&[0; 10]);
    packet.extend_from_slice(&SCRAMBLE[8..]);
    packet.push(0);
    packet.extend_from_slice(b"mysql_native_password\0");
    packet
}

/// What a client that knows the password answers to the greeting.
fn scrambled(password: &str) -> Vec<u8> {
    let once = Sha1::digest(password.as_bytes());
    let mask = Sha1::new().chain_update(SCRAMBLE).chain_update(Sha1::digest(once)).finalize();
    once.iter().zip(mask).map(|(a, b)| a ^ b).collect()
}

fn error(code: u16, text: &str) -> Vec<u8> {
    let mut packet = vec![0xff];
    packet.extend_from_slice(&code.to_le_bytes());
    packet.extend_from_slice(b"#HY000");
    packet.extend_from_slice(text.as_bytes());
    packet
}

fn text(value: &str) -> Vec<u8> {
    // Lengths of 251 and more have another form.
    let mut packet = vec![u8::try_from(value.len()).ok().filter(|length| *length < 251).expect("a short text")];
    packet.extend_from_slice(value.as_bytes());
    packet
}

fn rows(rows: &[Vec<String>]) -> Vec<Vec<u8>> {
    let columns = rows.first().map_or(1, Vec::len);
    let mut packets = vec![vec![u8::try_from(columns).expect("few columns")]];
    for _ in 0..columns {
        let mut column: Vec<u8> = ["def", "", "", "", "c", ""].iter().flat_map(|name| text(name)).collect();
        column.extend_from_slice(&[0x0c, 45, 0, 0xff, 0xff, 0, 0, 0xfd, 0, 0, 0, 0, 0]);
        packets.push(column);
    }
    packets.push(END.to_vec());
    packets.extend(rows.iter().map(|row| row.iter().flat_map(|value| text(value)).collect()));
    packets.push(END.to_vec());
    packets
}
