//! `csms backup` and `csms restore`: one secret with all its versions, as the sealed blob of the service.
//!
//! The blob is for the installation that made it; nothing here can open it.

use std::path::{Path, PathBuf};

use clap::Args;
use csms_core::SecretName;

use crate::{
    complete::secrets,
    connection::Connection,
    failure::CliError,
    input,
    new_file::write_new,
    output::{Output, print},
    secret::{describe, name},
};

/// Greatest length of a blob in bytes (UploadSecretBlob), with a line end.
const LONGEST: u64 = 5_242_880 + 2;

/// Arguments of `csms backup`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Name of the secret
    #[arg(value_parser = name, add = secrets())]
    name: SecretName,

    /// File to write, which must not be there yet; `-` is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    file: PathBuf,

    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    output: Output,
}

impl Arguments {
    /// Whether a program reads what is printed.
    pub(crate) fn is_json(&self) -> bool {
        self.output.is_json()
    }
}

/// Writes the backup.
pub(crate) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let client = arguments.connection.client().await?;
    let about = |error: CliError| error.about(format!("secret {}", arguments.name));
    let answer = client.backup(&arguments.name).await.map_err(|error| about(error.into()))?;
    let line = format!("{}\n", answer.secret_blob);
    if arguments.file == Path::new("-") {
        return print(line.as_bytes());
    }
    write_new(&arguments.file, line.as_bytes()).map_err(about)?;
    arguments.output.sentence(&format!("{} is written to {}", arguments.name, arguments.file.display()))
}

/// Arguments of `csms restore`.
#[derive(Args, Debug)]
pub struct Source {
    /// File that `csms backup` wrote; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,

    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    output: Output,
}

impl Source {
    /// What the command is about.
    fn subject(&self) -> String {
        if self.file == Path::new("-") {
            "backup on standard input".to_owned()
        } else {
            format!("backup {}", self.file.display())
        }
    }

    /// Whether a program reads what is printed.
    pub(crate) fn is_json(&self) -> bool {
        self.output.is_json()
    }
}

/// Brings the secret of a backup back.
pub(crate) async fn restore(arguments: Source) -> Result<(), CliError> {
    let bytes = input::read_source(&arguments.file, LONGEST)?;
    let about = |error: CliError| error.about(arguments.subject());
    let blob = core::str::from_utf8(&bytes);
    let blob = blob.map_err(|_| about(CliError::usage("this is not a backup: it is not text")))?;
    let client = arguments.connection.client().await?;
    let answer = client.restore_backup(blob.trim_end()).await.map_err(|error| about(error.into()))?;
    arguments.output.changed("the secret is restored", &answer, |facts| describe(&answer.secret, facts))
}
