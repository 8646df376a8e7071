//! The command line: the tree of commands, what `--help` says of them, and how all of them end.
//!
//! What a command does is in [`crate::commands`], one module for each group.

use std::{io::Write, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    boot::settings::origin::Given,
    commands::{
        Failed, access, agency, audit, classified, completions, config, doctor, drill, keyring, licenses, man, migrate,
        policy, serve, snapshot, support_bundle, user,
    },
    version,
};

const EXAMPLES: &str = "\
Examples:
  csms serve                                 start in ./csms-data, on http://127.0.0.1:7070
  csms serve --listen 127.0.0.1:0            on a free port; the ready line on stdout has it
  csms serve --config /etc/csms.toml         settings from a file
  csms config check --config /etc/csms.toml  says what is wrong with them

The first start writes DIR/credentials.json (mode 0600): endpoint, project, access key and
secret key for any official SDK or signed request. Back up DIR/root.key apart from the data:
without it no value can be read.";

/// An open implementation of the Cloud Secret Management Service API
#[derive(Parser, Debug)]
#[command(
    name = "csms",
    version = version::VERSION,
    after_help = EXAMPLES,
    disable_help_subcommand = true,
    disable_version_flag = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Print the version
    #[arg(long, short = 'V')]
    pub version: bool,

    /// With --version: print commit, date and target, too
    #[arg(long, short = 'v', requires = "version")]
    pub verbose: bool,

    /// What to do
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Commands of `csms`.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the server until SIGTERM or Ctrl-C
    ///
    /// When it accepts connections it prints one JSON line on stdout:
    /// {"event":"ready","url":…,"project_id":…,"credentials":PATH,"version":…}. Logs go to stderr. SIGTERM lets running requests finish
    /// and ends with status 0; rotations that are still running go on at the next start.
    Serve(Box<Given>),

    /// Move the data of a server into a PostgreSQL database, for several servers to share
    ///
    /// Stop the server first. Every table is copied in one transaction, read back and compared row by row with the source; a
    /// difference, or anything else in the way, undoes all of it, and the command can simply be run again. The database must
    /// be empty: its user needs the right to make tables. The source is not changed. Values stay sealed, so the servers on
    /// the database need the same root key.
    ///
    /// Example: PGPASSWORD=… csms migrate --from sqlite:/var/lib/csms --to postgres://csms@db.example.com/csms
    Migrate(Box<migrate::Arguments>),

    /// Make, verify and restore snapshots of all data
    Snapshot(Box<snapshot::Arguments>),

    /// Show that a snapshot can be used: restore it into a temporary place and try everything in it
    ///
    /// It verifies the snapshot, opens every value and every secret key, follows the audit trail, and logs in to the databases of
    /// rotated secrets with the passwords that are SYSCURRENT in the snapshot, once each. It says before where it logs in, and
    /// asks on a terminal. It changes no password and writes nothing but the temporary copy below TMPDIR, whose values are sealed.
    Drill(Box<drill::Arguments>),

    /// Show and change the root key while the servers run
    ///
    /// Give it the flags, variables and settings file of `csms serve`, and run it as the same user, on any machine that reaches the
    /// store.
    Keyring(Box<keyring::Arguments>),

    /// Commands that use a running server
    #[command(flatten)]
    Use(Box<csms_cli::Command>),

    /// Manage users and their access keys
    User(Box<user::Arguments>),

    /// Manage policies
    Policy(Box<policy::Arguments>),

    /// Manage agencies, whose rights users may assume, in the data itself
    Agency(Box<agency::Arguments>),

    /// Apply users and policies from a file to the data itself
    Access(Box<access::Arguments>),

    /// Verify and list the audit trail
    Audit(Box<audit::Arguments>),

    /// Show and check the settings of `csms serve`
    Config(config::Arguments),

    /// Check what a server with these settings needs, and say what to do about what is missing
    ///
    /// Give it the flags, variables and settings file of `csms serve`, and run it as the same user. It looks at settings, data
    /// directory, root key, store, audit trail, clock, TLS certificate, rotation functions, the services that are named, and
    /// the running server. It changes no data.
    Doctor(Box<doctor::Arguments>),

    /// Collect what a maintainer needs to understand an installation into a directory, and no secret
    ///
    /// Give it the flags, variables and settings file of `csms serve`, and run it as the same user. It changes no data.
    SupportBundle(Box<support_bundle::Arguments>),

    /// Print a script that completes commands, flags and names of secrets in a shell
    Completions(completions::Arguments),

    /// Print the licence of csms and the notices of its libraries
    Licenses,

    /// Write a manual page for each command into a directory
    Man(man::Arguments),
}

/// Runs what the command line asks for, and says on stderr what went wrong.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let Some(command) = cli.command.filter(|_| !cli.version) else {
        // There is nobody left to read it when stdout is closed.
        let _ = std::io::stdout().write_all(version::text(cli.verbose).as_bytes());
        return ExitCode::SUCCESS;
    };
    let (is_json, outcome) = match command {
        Command::Serve(given) => (false, serve::run(*given)),
        Command::Config(arguments) => return config::run(&arguments),
        Command::Use(command) => return csms_cli::run(*command),
        Command::Doctor(arguments) => return ended(arguments.is_json(), doctor::run(*arguments)),
        Command::Drill(arguments) => return ended(arguments.is_json(), drill::run(&arguments)),
        Command::Keyring(arguments) => (arguments.is_json(), keyring::run(&arguments)),
        Command::Snapshot(arguments) => (arguments.is_json(), snapshot::run(&arguments)),
        Command::User(arguments) => match arguments.online() {
            Some(status) => return status,
            None => (arguments.is_json(), user::run(&arguments)),
        },
        Command::Policy(arguments) => match arguments.online() {
            Some(status) => return status,
            None => (arguments.is_json(), policy::run(&arguments)),
        },
        Command::Agency(arguments) => (arguments.is_json(), agency::run(&arguments)),
        Command::Access(arguments) => (arguments.is_json(), access::run(&arguments)),
        Command::Audit(arguments) => match arguments.online() {
            Some(status) => return status,
            None => (arguments.is_json(), audit::run(&arguments)),
        },
        Command::SupportBundle(arguments) => (arguments.is_json(), support_bundle::run(&arguments)),
        Command::Migrate(arguments) => (arguments.is_json(), migrate::run(&arguments)),
        Command::Completions(arguments) => (false, completions::run(&arguments)),
        Command::Licenses => (false, licenses::run()),
        Command::Man(arguments) => (false, man::run(&arguments, Cli::command())),
    };
    ended(is_json, outcome.map(|()| ExitCode::SUCCESS))
}

/// The status of a command that has ended, and on stderr what went wrong.
fn ended(is_json: bool, outcome: Result<ExitCode, Failed>) -> ExitCode {
    match outcome {
        Ok(status) => status,
        Err(failed) => csms_cli::ended(is_json, Err(classified(failed))),
    }
}
