//! `cargo xtask`: compiles the program `xtask`, for `up` with the server and the function in the same build, and becomes it.
//!
//! `xtask` has the libraries of a database client. In a build of its own they would be compiled before anything of the server is, and
//! the second build would end with a processor that has nothing to do. This program has no dependencies, so that it is there at once.
#![allow(clippy::print_stderr, reason = "what a command line tool says is its interface")]

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use launch::are_flags_of_up;

/// The command that goes on with the server and the function, and their programs.
const UP: (&str, [&str; 4]) = ("up", ["--bin", "csms", "--bin", "rotate-database"]);

fn main() -> ExitCode {
    match launch() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: cannot start the tasks: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Comes back only if the tasks cannot be compiled or started.
fn launch() -> io::Result<ExitCode> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let tasks = env::current_exe()?.with_file_name("xtask");
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--bin", "xtask"]);
    let (up, programs) = UP;
    if arguments.split_first().is_some_and(|(command, flags)| command == up && are_flags_of_up(flags)) {
        build.args(programs);
    }
    if tasks.exists() {
        build.arg("--quiet");
    } else {
        eprintln!("The first time, everything is compiled, which takes some minutes.");
    }
    if !build.status()?.success() {
        // Cargo has said why.
        return Ok(ExitCode::FAILURE);
    }
    Err(Command::new(tasks).args(arguments).exec())
}
