//! `csms man`: manual pages of every command, written into a directory.

use std::{fs, path::PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;
use csms_cli::Output;

use super::Failed;
use crate::version;

const EXAMPLES: &str = "\
Examples:
  csms man /usr/local/share/man/man1    then: man csms-secret-create";

/// Arguments of `csms man`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Directory to write to; it is made when it is not there
    directory: PathBuf,
}

/// Writes a page for a command and each one below it.
///
/// # Errors
/// A directory or file that cannot be written.
pub fn run(arguments: &Arguments, mut command: Command) -> Result<(), Failed> {
    fs::create_dir_all(&arguments.directory)
        .map_err(|error| format!("cannot make {}: {error}", arguments.directory.display()))?;
    command.build();
    let mut pages = Vec::new();
    collect(&command, "csms", &mut pages);
    for (name, page) in &pages {
        let file = arguments.directory.join(format!("{name}.1"));
        fs::write(&file, page).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    let place = arguments.directory.display();
    Ok(Output::default().sentence(&format!("{} manual pages are written to {place}", pages.len()))?)
}

fn collect(command: &Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) {
    // What variables hold on this machine is not part of a manual.
    let page = command.clone().display_name(name.to_owned()).mut_args(|argument| argument.hide_env_values(true));
    let man = Man::new(page).source(format!("csms {}", version::VERSION)).manual("csms");
    let mut text = Vec::new();
    // A vector takes everything.
    let _ = man.render(&mut text);
    pages.push((name.to_owned(), text));
    for below in command.get_subcommands() {
        collect(below, &format!("{name}-{}", below.get_name()), pages);
    }
}
