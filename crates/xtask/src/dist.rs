//! `cargo xtask dist`: what users install, made from a static server and its rotation function for each architecture: an archive, a
//! Debian and an RPM package, an OCI image, the function for FunctionGraph, the list of libraries (SBOM) and their notices, and the
//! checksums of all. The book is in the server.
//!
//! It signs and publishes nothing. Equal programs give equal bytes.

mod commands;
mod image;
mod packages;
mod sbom;
mod tarball;

use std::{fs, io::Write as _, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use commands::Extras;
use csms_testbed::debian;
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use tarball::Tarball;

use crate::{
    architecture::{ALL, Architecture},
    cargo, docs, package,
    parties::{self, Artefact},
    progress::Steps,
    setup, wasm, www,
};

/// Build the archives, packages and images that users install, for x86-64 and aarch64, into dist/.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Only for the architecture with this name (`uname -m`)
    #[arg(long, value_name = "MACHINE", value_parser = ALL.map(|architecture| architecture.machine), conflicts_with = "local")]
    only: Option<String>,
    /// Pack what `cargo build` has made for this machine, into target/dist: quick, to try the packages; not for others
    #[arg(long)]
    local: bool,
}

/// What is packed.
struct Contents {
    version: String,
    /// When the source was committed, RFC 3339: the only time in what is made.
    created: String,
    architecture: Architecture,
    csms: Vec<u8>,
    /// The zip of the rotation function that the server runs itself.
    function: Vec<u8>,
    /// The zip of the rotation function for FunctionGraph; `None` where it would not run there.
    functiongraph: Option<Vec<u8>>,
    /// The licence, and the notices of others.
    copyright: String,
    extras: Extras,
    sbom: String,
    /// How much time may be spent to make things small.
    compression: Compression,
}

/// Runs `cargo xtask dist`.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let architectures: Vec<_> = match &arguments.only {
        _ if arguments.local => Architecture::of_this_machine().into_iter().collect(),
        Some(only) => ALL.into_iter().filter(|architecture| architecture.machine == only).collect(),
        None => ALL.to_vec(),
    };
    let before = if arguments.local { 0 } else { EMBEDDED };
    let for_each = if arguments.local { 2 } else { 5 };
    let mut steps = Steps::new(before + 1 + for_each * architectures.len() + 1);
    let target = cargo::metadata().await?.target_directory;
    let directory = if arguments.local { target.join("dist") } else { cargo::root().join("dist") };
    if !arguments.local {
        embedded(&mut steps).await?;
    }
    let parties = steps
        .run("Libraries of others", async |_| {
            let parties = parties::find(Artefact::Server).await?;
            let number = parties.require_licences()?;
            Ok((parties, format!("{number} libraries, every licence known")))
        })
        .await?;
    let (version, created) = (env!("CARGO_PKG_VERSION").to_owned(), commit_time()?);
    let copyright = parties.notices()?;
    let sbom = sbom::document(&parties, &version, &created)?;
    let of_function = parties::notices(Artefact::Function).await?;
    let mut made = Vec::new();
    for architecture in architectures {
        let compression = if arguments.local { Compression::none() } else { Compression::best() };
        let programs = if arguments.local {
            local(&mut steps).await?
        } else {
            let programs = programs(&mut steps, architecture).await?;
            if programs.extras.notices != copyright {
                bail!(
                    "the server does not print the notices of its libraries; another build embedded its own meanwhile"
                );
            }
            programs
        };
        let functiongraph = || package::for_functiongraph(&programs.function, &of_function);
        let contents = Contents {
            version: version.clone(),
            created: created.clone(),
            architecture,
            functiongraph: if arguments.local { None } else { Some(functiongraph()?) },
            function: package::self_starting(&programs.function, &of_function, compression)?,
            csms: programs.csms,
            copyright: copyright.clone(),
            extras: programs.extras,
            sbom: sbom.clone(),
            compression,
        };
        let names = steps
            .run(&format!("Pack for {}", architecture.machine), async |_| {
                let to = directory.clone();
                let names = tokio::task::spawn_blocking(move || write(&contents, &to)).await??;
                let told = names.join(", ");
                Ok((names, told))
            })
            .await?;
        made.extend(names);
    }
    steps.run("Checksums", async |_| Ok(((), sums(&directory, &made)?))).await?;
    println!("{}", directory.display());
    Ok(())
}

/// The programs of an architecture.
struct Programs {
    csms: Vec<u8>,
    function: Vec<u8>,
    extras: Extras,
}

/// Builds the programs of this machine.
async fn local(steps: &mut Steps) -> Result<Programs> {
    steps
        .run("Build for this machine", async |step| {
            let arguments = ["build", "--bin", "csms", "--bin", "rotate-database"];
            cargo::run(step, &arguments, &[]).await?;
            let built = cargo::metadata().await?.target_directory.join("debug");
            let csms = built.join("csms");
            let function = stripped(&built.join("rotate-database"))?;
            let programs = Programs { extras: Extras::of(&csms, None)?, csms: stripped(&csms)?, function };
            Ok((programs, cargo::shell(&arguments, &[])))
        })
        .await
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A program without what only debuggers read, which is most of what plain `cargo build` makes.
fn stripped(path: &Path) -> Result<Vec<u8>> {
    let out = tempfile::NamedTempFile::new()?;
    let status = Command::new("strip").arg("-o").arg(out.path()).arg(path).status();
    let status = status.context("cannot run strip; it is in the Debian package binutils")?;
    if !status.success() {
        bail!("strip failed for {} ({status})", path.display());
    }
    read(out.path())
}

/// How many steps [`embedded`] takes.
const EMBEDDED: usize = setup::STEPS + 2 + www::STEPS + docs::STEPS;

/// Builds what the servers of all architectures have in them: the console, the book, and the notices of libraries.
async fn embedded(steps: &mut Steps) -> Result<()> {
    setup::prepare(steps, &[debian::PYTHON_VENV]).await?;
    let npm = wasm::package(steps).await?;
    www::build(steps, &npm.tarball).await?;
    parties::embed(steps).await?;
    docs::embed(steps).await
}

/// Builds the static programs of an architecture, in four steps; the server has shown that it starts.
async fn programs(steps: &mut Steps, architecture: Architecture) -> Result<Programs> {
    setup::prepare_for(steps, architecture).await?;
    let function = steps
        .run("Build the function", async |step| {
            let program = package::compile(step, architecture).await?;
            let size = package::size(program.len());
            Ok((program, size))
        })
        .await?;
    steps
        .run("Build the server", async |step| {
            architecture.cargo(step, &["build", "--release", "--bin", "csms"]).await?;
            let target = cargo::metadata().await?.target_directory;
            let path = target.join(architecture.target).join("release/csms");
            let (csms, extras) = (package::static_program(&path)?, Extras::of(&path, architecture.runner())?);
            let size = package::size(csms.len());
            Ok((Programs { csms, function, extras }, size))
        })
        .await
}

/// When the present commit was made.
fn commit_time() -> Result<String> {
    let mut command = Command::new("git");
    command.args(["log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd"]).env("TZ", "UTC");
    let output = command.current_dir(cargo::root()).output().context("cannot run git")?;
    if !output.status.success() {
        bail!("git does not say when the source was committed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Writes everything but the checksums, and returns the names.
fn write(contents: &Contents, directory: &Path) -> Result<Vec<String>> {
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let (version, machine) = (&contents.version, contents.architecture.machine);
    let stem = format!("csms-{version}-linux-{machine}");
    let functiongraph = format!("rotate-database-{version}-linux-{machine}.zip");
    let mut made = Vec::new();
    for (name, content) in [
        (format!("{stem}.tar.gz"), archive(contents, &stem)?),
        (format!("{stem}.oci.tar"), image::build(contents)?),
        (format!("{stem}.spdx.json"), contents.sbom.clone().into_bytes()),
    ]
    .into_iter()
    .chain(contents.functiongraph.clone().map(|zip| (functiongraph, zip)))
    {
        fs::write(directory.join(&name), content).with_context(|| format!("cannot write {name}"))?;
        made.push(name);
    }
    made.extend(packages::build(contents, directory, &packages::KINDS)?);
    Ok(made)
}

/// The archive for machines without a package manager that is served.
fn archive(contents: &Contents, stem: &str) -> Result<Vec<u8>> {
    let mut tar = Tarball::new();
    tar.directory(stem, 0o755, 0)?;
    tar.file(&format!("{stem}/csms"), 0o755, &contents.csms)?;
    tar.file(&format!("{stem}/rotate-database.zip"), 0o644, &contents.function)?;
    tar.file(&format!("{stem}/copyright"), 0o644, contents.copyright.as_bytes())?;
    for (directory, files) in [("man1", &contents.extras.manual), ("completions", &contents.extras.completions)] {
        tar.directory(&format!("{stem}/{directory}"), 0o755, 0)?;
        for (name, content) in files {
            tar.file(&format!("{stem}/{directory}/{name}"), 0o644, content)?;
        }
    }
    let mut compressed = GzBuilder::new().mtime(0).write(Vec::new(), contents.compression);
    compressed.write_all(&tar.finish()?)?;
    Ok(compressed.finish()?)
}

/// Writes `SHA256SUMS`, which `sha256sum --check` reads.
fn sums(directory: &Path, names: &[String]) -> Result<String> {
    let mut lines = String::new();
    for name in names {
        let digest = hex::encode(Sha256::digest(fs::read(directory.join(name))?));
        lines.push_str(&format!("{digest}  {name}\n"));
    }
    fs::write(directory.join("SHA256SUMS"), lines)?;
    Ok("SHA256SUMS".to_owned())
}

#[cfg(test)]
use crate::architecture::X86_64;

#[cfg(test)]
impl Contents {
    /// With the programs that `cargo build` has made; `None`, and a word about it, when they are not there.
    fn built() -> Option<Self> {
        let server = csms_testbed::server::binary().ok();
        let function = server.as_deref().and_then(|server| stripped(&server.with_file_name("rotate-database")).ok());
        let (Some(server), Some(function)) = (server, function) else {
            eprintln!("left out: build the programs first (cargo build --bin csms --bin rotate-database)");
            return None;
        };
        let function = package::self_starting(&function, "the notices", Compression::none()).unwrap();
        let extras = Extras::of(&server, None).unwrap();
        Some(Self { csms: stripped(&server).unwrap(), function, extras, ..Self::of_test() })
    }

    fn of_test() -> Self {
        Self {
            version: "1.2.3".to_owned(),
            created: "2026-01-01T00:00:00Z".to_owned(),
            architecture: X86_64,
            csms: b"the server".to_vec(),
            function: b"the function".to_vec(),
            functiongraph: Some(b"the function for FunctionGraph".to_vec()),
            copyright: "the notices".to_owned(),
            extras: Extras::of_test(),
            sbom: "{}".to_owned(),
            compression: Compression::none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::AARCH64;

    #[test]
    fn every_file_names_its_version_and_architecture() {
        let directory = tempfile::tempdir().unwrap();
        let contents = Contents { architecture: AARCH64, ..Contents::of_test() };
        let made = write(&contents, directory.path()).unwrap();
        assert_eq!(
            made,
            [
                "csms-1.2.3-linux-aarch64.tar.gz",
                "csms-1.2.3-linux-aarch64.oci.tar",
                "csms-1.2.3-linux-aarch64.spdx.json",
                "rotate-database-1.2.3-linux-aarch64.zip",
                "csms_1.2.3_arm64.deb",
                "csms-1.2.3.aarch64.rpm"
            ]
        );
    }

    #[test]
    fn two_runs_give_the_same_bytes_and_the_checksums_hold() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for directory in [&one, &other] {
            let made = write(&Contents::of_test(), directory.path()).unwrap();
            sums(directory.path(), &made).unwrap();
        }
        let sums = |directory: &tempfile::TempDir| fs::read_to_string(directory.path().join("SHA256SUMS")).unwrap();
        assert_eq!(sums(&one), sums(&other));
        let checked =
            Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(one.path()).output();
        assert!(checked.unwrap().status.success());
    }
}
