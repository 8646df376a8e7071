//! `cargo xtask up`: a real rotation on this machine, and a server to go on with.
//!
//! Everything it starts is private to it and ends with it; a data directory that was named is kept.

pub(crate) mod bench;
pub(crate) mod database;
mod farewell;
mod service;

use std::convert::Infallible;
use std::fs;
use std::future::pending;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use csms_testbed::server::{Options, Server};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::progress::{Step, Steps};
use crate::{cargo, package, setup, www};
use database::{Database, Engine};
use farewell::Farewell;
use service::{Service, TaskStatus};

/// Rotate a real database password on this machine and leave the server running.
///
/// Builds the server and the rotation function, starts both with a private database, stores the
/// login of an account as a secret, rotates it through the API and proves by logging in that the
/// new password works and the old one is refused. Then it builds the console, which the running
/// server serves. Ctrl-C stops everything it started.
///
/// What it builds is quick to build; `cargo xtask package` and `cargo build --release` build what
/// is quick to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The database whose account is rotated.
    #[arg(long, value_enum, default_value_t = Engine::Postgresql)]
    engine: Engine,
    /// One account that gets a new password, or two accounts that take turns.
    #[arg(long, value_enum, default_value_t = Mode::Single)]
    mode: Mode,
    /// End after the proof instead of leaving the server running.
    #[arg(long)]
    once: bool,
    /// Where the server listens; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    listen: String,
    /// Keep the server's data in this directory instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    Single,
    Multi,
}

impl Mode {
    /// `SecretSubType` of the rotation configuration.
    fn sub_type(self) -> &'static str {
        match self {
            Self::Single => "SingleUser",
            Self::Multi => "MultiUser",
        }
    }
}

/// Steps up to the proof, and those of the console.
const STEPS: usize = 10;
const CONSOLE_STEPS: usize = 1 + www::STEPS;
/// How the lines begin that tell of the two ends; the measurement looks for them.
const PROVEN: &str = "The account has a new password";
const CONSOLE_READY: &str = "The console is at";

const TASK_WITHIN: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);

/// Runs `cargo xtask up`.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Dropping the demonstration stops what it started, wherever it was.
    tokio::select! {
        outcome = demonstrate(&arguments) => outcome,
        _ = interrupt.recv() => { println!("\nstopped"); Ok(()) }
        _ = terminate.recv() => { println!("\nstopped"); Ok(()) }
    }
}

async fn demonstrate(arguments: &Arguments) -> Result<()> {
    let total = STEPS + if arguments.once { 0 } else { CONSOLE_STEPS };
    let mut steps = Steps::remembered("up", total, include_str!("up/first_run.txt"));
    let (server, database) = start(&mut steps, arguments).await?;
    let service = Service::new(server.credentials());
    let secret = rotate(&mut steps, arguments, &service, &database).await.inspect_err(|_| {
        println!("\nThe end of the server's log:\n{}", server.log_tail());
    })?;

    println!("\n{PROVEN}, and the secret {secret} knows it.");
    if arguments.once {
        return Ok(());
    }
    println!("{}", Farewell { server: &server, database: &database, secret: &secret });
    let ended = async {
        let status = server.ended().await;
        bail!("the server ended ({status})\n{}", server.log_tail())
    };
    tokio::select! {
        outcome = ended => outcome,
        never = with_console(&mut steps, server.url()) => match never {},
    }
}

/// Builds the console for the server that runs, which serves it from then on. Without it the server is still of use, so that a
/// failure is told and no more.
async fn with_console(steps: &mut Steps, url: &str) -> Infallible {
    let built = async {
        setup::rust_targets(steps).await?;
        www::build_local(steps, &console().await?).await
    };
    match built.await {
        Ok(()) => println!("\n{CONSOLE_READY} {url}/. Ctrl-C stops everything."),
        Err(error) => println!(
            "\nThe console cannot be built: {error:#}\nThe server goes on without it. Ctrl-C stops everything."
        ),
    }
    pending().await
}

/// Sets up, builds and starts everything.
async fn start(steps: &mut Steps, arguments: &Arguments) -> Result<(Server, Database)> {
    setup::debian_packages(steps, arguments.engine.packages()).await?;
    let binary = steps
        .run("Build server and function", async |step| {
            cargo::run(step, &["build", "--bin", "csms", "--bin", "rotate-database"], &[]).await?;
            let path = cargo::metadata().await?.target_directory.join("debug/csms");
            let shown = cargo::shown(&path);
            Ok((path, shown))
        })
        .await?;
    package::place_local(&binary)?;
    let database = steps
        .run(arguments.engine.start_title(), async |_| {
            let database = Database::start(arguments.engine).await?;
            let address = database.address();
            Ok((database, address))
        })
        .await?;
    let server = steps
        .run("Start csms", async |_| {
            let options = Options {
                binary: Some(binary),
                data: arguments.data.clone(),
                listen: arguments.listen.clone(),
                ..Options::default()
            };
            let options = options.argument("--console").argument(prepare_console().await?);
            let server = Server::start(options).await?;
            let url = server.url().to_owned();
            Ok((server, url))
        })
        .await?;
    Ok((server, database))
}

/// Where the console of this command is: the server embeds only the one of `cargo xtask package`.
async fn console() -> Result<PathBuf> {
    Ok(cargo::metadata().await?.target_directory.join("up/console"))
}

/// Creates the directory of the console, with the book of `cargo xtask docs --embed` in it, and returns it.
async fn prepare_console() -> Result<PathBuf> {
    let console = console().await?;
    fs::create_dir_all(&console).with_context(|| format!("cannot create {}", console.display()))?;
    let book = console.join("docs");
    if !book.is_symlink() {
        symlink(www::built().join("docs"), &book).with_context(|| format!("cannot create {}", book.display()))?;
    }
    Ok(console)
}

/// Stores the login as a secret, rotates it and proves the outcome; returns the secret's name.
async fn rotate(steps: &mut Steps, arguments: &Arguments, service: &Service, database: &Database) -> Result<String> {
    let logins = steps
        .run("Create the account", async |_| {
            let names = match arguments.mode {
                Mode::Single => ["app"].as_slice(),
                Mode::Multi => &["app_a", "app_b"],
            };
            let mut logins = Vec::new();
            for name in names {
                logins.push(database.create_login(name).await?);
            }
            Ok((logins, names.join(" and ")))
        })
        .await?;
    let name = secret_name(arguments);
    steps
        .run("Create the secret", async |_| {
            let mut logins = logins.iter();
            let first = logins.next().context("no account was created")?;
            service.create_secret(&name, &database.value(first), arguments.mode.sub_type()).await?;
            for idle in logins {
                service.create_version(&name, &database.value(idle), "SYSPREVIOUS").await?;
            }
            Ok(((), format!("{name}, RDS-FG, {}", arguments.mode.sub_type())))
        })
        .await?;
    let task = steps
        .run("Rotate through the API", async |_| {
            let task = service.rotate(&name).await?;
            let detail = format!("task {task}");
            Ok((task, detail))
        })
        .await?;
    steps.run("Wait for the task", async |step| finished(step, service, &task).await).await?;

    // Of two accounts that take turns the idle one was changed: the last.
    let (changed, untouched) = logins.split_last().context("no account was created")?;
    steps
        .run("Log in with the new password", async |_| {
            let (version, login) = service.current_login(&name).await?;
            ensure!(login.user == changed.user, "{version} names the account {}, not {}", login.user, changed.user);
            ensure!(login.password != changed.password, "{version} still holds the old password");
            ensure!(database.accepts(&login).await?, "the database refuses the password of {version}");
            Ok(((), format!("accepted: {} with the password of {version}", login.user)))
        })
        .await?;
    steps
        .run("Log in with the old password", async |_| {
            ensure!(!database.accepts(changed).await?, "the database still accepts the old password");
            for login in untouched {
                ensure!(database.accepts(login).await?, "the account {} was locked out", login.user);
            }
            let others = untouched.iter().map(|login| format!("; still accepted: {}", login.user));
            Ok(((), format!("refused: {}{}", changed.user, others.collect::<String>())))
        })
        .await?;
    Ok(name)
}

/// Waits until the task has succeeded.
async fn finished(step: &Step, service: &Service, task: &str) -> Result<((), String)> {
    let deadline = Instant::now() + TASK_WITHIN;
    loop {
        match service.task(task).await? {
            TaskStatus::Success => return Ok(((), "SUCCESS".into())),
            TaskStatus::Failed { code, message } => bail!("the rotation failed: {code} {message}"),
            TaskStatus::Running { attempt } => step.note(&format!("attempt {attempt}")),
        }
        ensure!(Instant::now() < deadline, "the task is still running after {TASK_WITHIN:?}");
        sleep(POLL).await;
    }
}

/// A fresh server has no secrets yet; in a kept data directory each run needs a name of its own.
fn secret_name(arguments: &Arguments) -> String {
    let engine = arguments.engine.name();
    match arguments.data {
        None => format!("demo-{engine}"),
        Some(_) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            format!("demo-{engine}-{}", now.as_secs())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, builder::PossibleValue};
    use launch::{FLAGS_OF_UP, Value};

    use super::*;

    #[test]
    fn the_program_that_compiles_the_server_knows_the_flags() {
        let command = Arguments::augment_args(Command::new("up"));
        let told: Vec<_> =
            command.get_arguments().map(|flag| format!("--{}", flag.get_long().unwrap_or("?"))).collect();
        assert_eq!(told, FLAGS_OF_UP.map(|(flag, _)| flag));
        for (argument, (flag, value)) in command.get_arguments().zip(FLAGS_OF_UP) {
            let possible = argument.get_possible_values();
            let names: Vec<_> = possible.iter().map(PossibleValue::get_name).collect();
            let takes_value = argument.get_action().takes_values();
            match value {
                Value::None => assert!(!takes_value, "{flag}"),
                Value::OneOf(values) => assert_eq!(names, values, "{flag}"),
                Value::Any => assert!(takes_value && names.is_empty(), "{flag}"),
            }
        }
    }
}
