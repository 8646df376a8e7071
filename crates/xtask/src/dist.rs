//! `cargo xtask dist`: what users install, made from one static server and its rotation function: an archive, a Debian and an RPM
//! package, an OCI image, the list of libraries (SBOM) and their notices, and the checksums of all. The book is in the server.
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
    cargo, docs, elf, package,
    parties::{self, Artefact},
    progress::{Step, Steps},
    setup, wasm, www,
};

/// Build the archive, packages and image that users install, into dist/.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Pack what `cargo build` has made for this machine, into target/dist: quick, to try the packages; not for others
    #[arg(long)]
    local: bool,
}

/// The names of a processor's architecture.
#[derive(Clone, Copy, Debug)]
struct Architecture {
    /// `uname -m`.
    machine: &'static str,
    debian: &'static str,
    oci: &'static str,
}

const X86_64: Architecture = Architecture { machine: "x86_64", debian: "amd64", oci: "amd64" };

/// What is packed.
struct Contents {
    version: String,
    /// When the source was committed, RFC 3339: the only time in what is made.
    created: String,
    architecture: Architecture,
    csms: Vec<u8>,
    /// The zip of the rotation function that the server runs itself.
    function: Vec<u8>,
    /// The licence, and the notices of others.
    copyright: String,
    extras: Extras,
    sbom: String,
    /// How much time may be spent to make things small.
    compression: Compression,
}

/// Runs `cargo xtask dist`.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let of_programs = if arguments.local { 1 } else { setup::STEPS + 3 + www::STEPS + docs::STEPS };
    let mut steps = Steps::new(of_programs + 3);
    let target = cargo::metadata().await?.target_directory;
    let (csms, function, directory) = if arguments.local {
        let built = target.join("debug");
        steps.run("Build for this machine", async |step| Ok(((), local(step).await?))).await?;
        (built.join("csms"), built.join("rotate-database"), target.join("dist"))
    } else {
        programs(&mut steps).await?;
        let built = target.join(setup::FUNCTION_TARGET);
        (built.join("release/csms"), built.join("function/rotate-database"), cargo::root().join("dist"))
    };
    let parties = steps
        .run("Libraries of others", async |_| {
            let parties = parties::find(Artefact::Server).await?;
            let number = parties.require_licences()?;
            Ok((parties, format!("{number} libraries, every licence known")))
        })
        .await?;
    let copyright = parties.notices()?;
    let extras = Extras::of(&csms)?;
    if !arguments.local && extras.notices != copyright {
        bail!("the server does not print the notices of its libraries; another build was embedding its own meanwhile");
    }
    let of_function = parties::notices(Artefact::Function).await?;
    let read = |path: &Path| if arguments.local { stripped(path) } else { read(path) };
    let (csms, function) = (read(&csms)?, read(&function)?);
    let are_static = elf::is_static(&csms)? && elf::is_static(&function)?;
    if !arguments.local && !are_static {
        bail!("a program is dynamically linked; it would not run everywhere");
    }
    let compression = if arguments.local { Compression::none() } else { Compression::best() };
    let (version, created) = (env!("CARGO_PKG_VERSION").to_owned(), commit_time()?);
    let contents = Contents {
        sbom: sbom::document(&parties, &version, &created)?,
        version,
        created,
        architecture: X86_64,
        csms,
        function: package::self_starting(&function, &of_function, compression)?,
        compression,
        copyright,
        extras,
    };
    let made = steps
        .run("Pack", async |_| {
            let to = directory.clone();
            let made = tokio::task::spawn_blocking(move || write(&contents, &to)).await??;
            let names = made.join(", ");
            Ok((made, names))
        })
        .await?;
    steps.run("Checksums", async |_| Ok(((), sums(&directory, &made)?))).await?;
    println!("{}", directory.display());
    Ok(())
}

/// Builds the programs of this machine.
async fn local(step: &Step) -> Result<String> {
    let arguments = ["build", "--bin", "csms", "--bin", "rotate-database"];
    cargo::run(step, &arguments, &[]).await?;
    Ok(cargo::shell(&arguments, &[]))
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

/// Builds the static programs, the server with the console in it.
async fn programs(steps: &mut Steps) -> Result<()> {
    setup::prepare(steps, &[debian::MUSL_TOOLS, debian::PYTHON_VENV]).await?;
    steps
        .run("Package the function", async |step| {
            let archive = package::build(step).await?;
            Ok(((), archive.sizes))
        })
        .await?;
    let npm = wasm::package(steps).await?;
    www::build(steps, &npm.tarball).await?;
    parties::embed(steps).await?;
    docs::embed(steps).await?;
    let arguments = ["build", "--release", "--bin", "csms", "--target", setup::FUNCTION_TARGET];
    steps
        .run("Build the server", async |step| {
            cargo::run(step, &arguments, &[]).await?;
            Ok(((), cargo::shell(&arguments, &[])))
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
    let stem = format!("csms-{}-linux-{}", contents.version, contents.architecture.machine);
    let mut made = Vec::new();
    for (name, content) in [
        (format!("{stem}.tar.gz"), archive(contents, &stem)?),
        (format!("{stem}.oci.tar"), image::build(contents)?),
        (format!("{stem}.spdx.json"), contents.sbom.clone().into_bytes()),
    ] {
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
        let extras = Extras::of(&server).unwrap();
        Some(Self { csms: stripped(&server).unwrap(), function, extras, ..Self::of_test() })
    }

    fn of_test() -> Self {
        Self {
            version: "1.2.3".to_owned(),
            created: "2026-01-01T00:00:00Z".to_owned(),
            architecture: X86_64,
            csms: b"the server".to_vec(),
            function: b"the function".to_vec(),
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
