//! The shell blocks of the book that stand below `<!-- run -->` do what their page says: bash runs those of a page in order, in a
//! directory of its own, against a private server and private databases.
//!
//! What a page takes for granted is there: credentials, files with logins, and the rotated secret that `cargo xtask up` leaves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![allow(clippy::print_stderr, reason = "a test that is left out says why")]

use core::time::Duration;
use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use csms_testbed::{
    MySqlServer, Postgres, Server, mysql, postgres, roots,
    server::{Options, binary},
    tls::TlsMode,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

/// The line above a block that is run. It shows nowhere.
const MARK: &str = "<!-- run -->";

/// Longest wait for the blocks of one page, which take seconds.
const WITHIN: Duration = Duration::from_secs(240);

/// A block and the number of its first line.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    line: usize,
    text: String,
}

/// The blocks of a page that are run.
///
/// # Panics
/// A mark that no shell block follows, so that none is left out by mistake.
fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim() != MARK {
            continue;
        }
        let next = lines.next().map(|(_, line)| line);
        assert_eq!(next, Some("```sh"), "line {}: no shell block follows the mark", number + 1);
        let text: Vec<_> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        found.push(Block { line: number + 3, text: text.join("\n") });
    }
    found
}

fn book() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www/docs/src")
}

/// Server and directory for one page.
struct World {
    server: Server,
    directory: TempDir,
}

impl World {
    /// `None`, and a word about it, without the rotation function.
    async fn open() -> Option<Self> {
        let server = Server::start(Options::default()).await.unwrap();
        if server.credentials().rotation_func_urn.is_none() {
            eprintln!("left out: the rotation function does not lie beside the server (cargo xtask up --once)");
            return None;
        }
        let world = Self { server, directory: TempDir::new().unwrap() };
        let credentials = fs::read(world.server.credentials_path()).unwrap();
        fs::create_dir(world.path("data")).unwrap();
        for file in ["credentials.json", "data/credentials.json"] {
            fs::write(world.path(file), &credentials).unwrap();
        }
        fs::write(world.path("value.txt"), "a value").unwrap();
        Some(world)
    }

    /// With a PostgreSQL, files with logins to it, and the rotated secret that `cargo xtask up` leaves.
    async fn with_postgresql() -> Option<(Self, Postgres)> {
        let world = Self::open().await?;
        let database = Postgres::start().await.unwrap();
        for (account, file) in [("app", "app.json"), ("shop_a", "login.json"), ("shop_b", "second-login.json")] {
            database.create_login(account, &first(account)).await.unwrap();
            let login = json!({ "engine": "postgresql", "host": "127.0.0.1", "port": database.port(), "dbname": postgres::DATABASE,
                                "username": account, "password": first(account), "tls": "disable" });
            fs::write(world.path(file), login.to_string()).unwrap();
        }
        let setup = "csms secret create demo-postgresql --value-file app.json --type RDS-FG \
                     --rotation-func-urn \"$(jq -r .rotation_func_urn credentials.json)\" \
                     --rotation-config '{\"InstanceId\":\"demo\",\"SecretSubType\":\"SingleUser\"}'\n\
                     csms secret rotate demo-postgresql --wait\nrm app.json";
        let output = world.run(setup).await;
        assert!(output.status.success(), "{}", shown(&output));
        Some((world, database))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a script that ends at its first failure.
    async fn run(&self, script: &str) -> Output {
        let file = self.path("page.sh");
        fs::write(&file, format!("set -euo pipefail\n{script}\n")).unwrap();
        let programs = binary().unwrap().parent().unwrap().to_owned();
        let path = env::split_paths(&env::var_os("PATH").unwrap()).fold(vec![programs], |mut all, next| {
            all.push(next);
            all
        });
        let mut command = Command::new("bash");
        command.arg(&file).current_dir(self.directory.path()).stdin(Stdio::null()).kill_on_drop(true);
        command.env("PATH", env::join_paths(path).unwrap());
        command.env("CSMS_CREDENTIALS", self.server.credentials_path()).env("PASSWORD", "a password");
        timeout(WITHIN, command.output()).await.unwrap().unwrap()
    }

    /// Runs the marked blocks of a page in order, and returns what they printed.
    async fn page(&self, name: &str) -> String {
        let page = fs::read_to_string(book().join(name)).unwrap();
        let mut script = String::new();
        for Block { line, text } in blocks(&page) {
            writeln!(script, "echo '--- {name}, line {line}'\n{text}").unwrap();
        }
        assert!(!script.is_empty(), "{name} has no block to run");
        let output = self.run(&script).await;
        assert!(output.status.success(), "{}", shown(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The password that a secret holds now, which is a new one of this account.
    async fn new_password(&self, secret: &str, account: &str) -> String {
        let output = self.run(&format!("csms secret get {secret} --value")).await;
        let login: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(login["username"], account);
        let password = login["password"].as_str().unwrap();
        assert_ne!(password, first(account));
        password.to_owned()
    }

    /// Whether the login that a secret holds now is that of an account, and opens the database.
    async fn logs_in(&self, database: &Postgres, secret: &str, account: &str) -> bool {
        let password = self.new_password(secret, account).await;
        database.can_log_in(account, &password, postgres::DATABASE).await.unwrap()
    }
}

/// The password that a page's account has at first.
fn first(account: &str) -> String {
    format!("first-{account}")
}

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn the_tutorial_rotates_the_password_of_its_account_again() {
    for page in ["tutorial.md", "zh/tutorial.md"] {
        let Some((world, database)) = World::with_postgresql().await else { return };
        let printed = world.page(page).await;
        assert!(printed.contains(&format!("app at 127.0.0.1:{}", database.port())), "{printed}");
        assert!(printed.contains("v3"), "{printed}");
        assert!(world.logs_in(&database, "demo-postgresql", "app").await);
    }
}

#[tokio::test]
async fn the_page_about_postgresql_stores_and_rotates_a_login() {
    for page in ["how-to/rotate-postgresql.md", "zh/how-to/rotate-postgresql.md"] {
        let Some((world, database)) = World::with_postgresql().await else { return };
        world.page(page).await;
        assert!(world.logs_in(&database, "shop-db", "shop_a").await);
        assert!(!world.path("login.json").exists(), "the page shreds it");
    }
}

/// Each language on one engine: what the pages run is the same.
#[tokio::test]
async fn the_page_about_mysql_and_mariadb_stores_and_rotates_a_login() {
    let cases = [
        ("how-to/rotate-mysql.md", mysql::Release::MySql, "mysql"),
        ("zh/how-to/rotate-mysql.md", mysql::Release::MariaDb, "mariadb"),
    ];
    for (page, release, engine) in cases {
        let setup = mysql::Setup { tls: TlsMode::Offered, ..mysql::Setup::new(release) };
        let Some(database) = roots::if_provided(MySqlServer::start_with(setup).await).unwrap() else { continue };
        let Some(world) = World::open().await else { return };
        database.create_login("shop", &first("shop")).await.unwrap();
        let login = json!({ "engine": engine, "host": "127.0.0.1", "port": database.port(), "dbname": mysql::DATABASE,
                            "username": "shop", "password": first("shop"), "tls_ca": database.authority() });
        fs::write(world.path("login.json"), login.to_string()).unwrap();
        world.page(page).await;
        let password = world.new_password("shop-db", "shop").await;
        assert!(database.can_log_in("shop", &password, mysql::DATABASE).await.unwrap());
        assert!(!world.path("login.json").exists(), "the page shreds it");
    }
}

#[tokio::test]
async fn the_commands_of_the_page_about_clients_work_in_their_order() {
    let Some((world, _database)) = World::with_postgresql().await else { return };
    world.page("how-to/clients.md").await;
    assert!(world.path("demo.backup").exists());
}

#[test]
fn every_page_with_a_mark_is_run_by_a_test_above() {
    let run = [
        "how-to/clients.md",
        "how-to/rotate-mysql.md",
        "how-to/rotate-postgresql.md",
        "tutorial.md",
        "zh/how-to/rotate-mysql.md",
        "zh/how-to/rotate-postgresql.md",
        "zh/tutorial.md",
    ];
    let mut marked = Vec::new();
    let mut open = vec![book()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "md")
                && !blocks(&fs::read_to_string(&path).unwrap()).is_empty()
            {
                marked.push(path.strip_prefix(book()).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    marked.sort();
    assert_eq!(marked, run);
}

#[test]
fn the_blocks_below_marks_are_found_with_their_lines() {
    let page = "text\n\n<!-- run -->\n```sh\none\ntwo\n```\n\n```sh\nnot this\n```\n<!-- run -->\n```sh\nthree\n```\n";
    let expected = [(5, "one\ntwo"), (14, "three")].map(|(line, text)| Block { line, text: text.to_owned() });
    assert_eq!(blocks(page), expected);
    let result = std::panic::catch_unwind(|| blocks("<!-- run -->\n```text\none\n```\n"));
    assert!(result.is_err(), "a mark that leads to nothing is a mistake");
}
