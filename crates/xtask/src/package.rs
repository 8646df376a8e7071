//! `cargo xtask package`: the rotation function as a zip for FunctionGraph, and the npm package.
//!
//! The zip holds a `bootstrap` script and a static binary, both executable, without a directory.
//! Equal inputs give equal bytes: times are fixed and the order is given.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use csms_testbed::debian;
use flate2::Compression;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::architecture::{Architecture, X86_64};
use crate::parties::{self, Artefact};
use crate::progress::{Step, Steps};
use crate::{cargo, docs, elf, setup, wasm, www};

/// Build dist/rotate-database.zip, the npm tarball beside it, and what the server embeds: console, book and notices.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

const BINARY: &str = "rotate-database";
const FILE: &str = "rotate-database.zip";

/// A script, because FunctionGraph starts HTTP functions through a shell; see its custom runtime.
const BOOTSTRAP: &str = "#!/bin/sh\nexec \"${RUNTIME_CODE_ROOT:-$(dirname \"$0\")}/rotate-database\"\n";

/// Small, for uploads.
fn deflated() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).compression_level(Some(9))
}

/// A finished zip.
#[derive(Debug)]
pub(crate) struct Archive {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its size and the size of the binary in it, in words.
    pub(crate) sizes: String,
}

/// Runs `cargo xtask package`.
pub(crate) async fn run() -> Result<()> {
    let mut steps = Steps::new(setup::STEPS + 1 + www::STEPS + 1 + docs::STEPS);
    setup::prepare(&mut steps, &[debian::MUSL_TOOLS]).await?;
    let archive = steps
        .run("Package the function", async |step| {
            let archive = build(step).await?;
            let sizes = archive.sizes.clone();
            Ok((archive, sizes))
        })
        .await?;
    let npm = wasm::package(&mut steps).await?;
    www::build(&mut steps, &npm.tarball).await?;
    parties::embed(&mut steps).await?;
    docs::embed(&mut steps).await?;
    println!("{}\n{}", archive.path.display(), npm.tarball.display());
    Ok(())
}

/// Builds the function for FunctionGraph and writes the zip.
pub(crate) async fn build(step: &Step) -> Result<Archive> {
    let binary = compile(step, X86_64).await?;
    let zip = for_functiongraph(&binary, &parties::notices(Artefact::Function).await?)?;
    let directory = cargo::root().join("dist");
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let path = write(&directory, &zip)?;
    let sizes = format!("{} zip, {} static binary", size(zip.len()), size(binary.len()));
    Ok(Archive { path, sizes })
}

/// Compiles the function for an architecture and returns the program.
pub(crate) async fn compile(step: &Step, architecture: Architecture) -> Result<Vec<u8>> {
    architecture.cargo(step, &["build", "--package", BINARY, "--profile", "function"]).await?;
    let target = cargo::metadata().await?.target_directory;
    static_program(&target.join(architecture.target).join("function").join(BINARY))
}

/// Reads a program that has to run on any Linux of its architecture.
pub(crate) fn static_program(path: &Path) -> Result<Vec<u8>> {
    let program = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !elf::is_static(&program)? {
        bail!("{} is dynamically linked; it would not run everywhere", path.display());
    }
    Ok(program)
}

/// Packs the function's binary that plain `cargo build` left beside `server`, to run on this machine alone: it is linked
/// dynamically, not compressed, and without notices. Returns its size, in words.
pub(crate) fn place_local(server: &Path) -> Result<String> {
    let directory = server.parent().with_context(|| format!("{} is in no directory", server.display()))?;
    let built = directory.join(BINARY);
    let binary = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    write(
        directory,
        &archive(&binary, None, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))?,
    )?;
    Ok(size(binary.len()))
}

impl Archive {
    /// Copies the zip to where `server` looks for it: beside itself.
    pub(crate) fn place_beside(&self, server: &Path) -> Result<()> {
        let directory = server.parent().with_context(|| format!("{} is in no directory", server.display()))?;
        write(directory, &fs::read(&self.path)?).map(drop)
    }
}

/// Whoever reads the zip meanwhile sees the old one or the new one.
fn write(directory: &Path, zip: &[u8]) -> Result<PathBuf> {
    let path = directory.join(FILE);
    let unfinished = path.with_extension("zip.new");
    fs::write(&unfinished, zip).with_context(|| format!("cannot write {}", unfinished.display()))?;
    fs::rename(&unfinished, &path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn archive(binary: &[u8], notices: Option<&str>, options: SimpleFileOptions) -> Result<Vec<u8>> {
    zip(&[("bootstrap", BOOTSTRAP.as_bytes()), (BINARY, binary)], notices, options)
}

/// The function for FunctionGraph.
pub(crate) fn for_functiongraph(binary: &[u8], notices: &str) -> Result<Vec<u8>> {
    archive(binary, Some(notices), deflated())
}

/// A zip of programs, and the notices of what they are made of.
fn zip(programs: &[(&str, &[u8])], notices: Option<&str>, options: SimpleFileOptions) -> Result<Vec<u8>> {
    let options = options.last_modified_time(DateTime::default());
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in programs {
        zip.start_file(*name, options.unix_permissions(0o755))?;
        zip.write_all(content)?;
    }
    if let Some(notices) = notices {
        zip.start_file(parties::FILE, options.unix_permissions(0o644))?;
        zip.write_all(notices.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}

/// The function for the server that runs it on its own machine: its `bootstrap` is the binary, so it needs no shell.
pub(crate) fn self_starting(binary: &[u8], notices: &str, compression: Compression) -> Result<Vec<u8>> {
    let options = if compression == Compression::none() {
        SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
    } else {
        deflated()
    };
    zip(&[("bootstrap", binary)], Some(notices), options)
}

/// A size in bytes as a person reads it: `812 B`, `3.4 MB`.
pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use zip::ZipArchive;

    use super::*;

    #[test]
    fn the_zip_holds_two_executable_files_at_its_root_and_the_notices() {
        let mut zip = ZipArchive::new(Cursor::new(archive(b"binary", Some("notices"), deflated()).unwrap())).unwrap();
        let mut entries = Vec::new();
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            entries.push((entry.name().unwrap().into_owned(), entry.unix_mode().unwrap() & 0o777, content));
        }
        assert_eq!(
            entries,
            [
                ("bootstrap".to_owned(), 0o755, BOOTSTRAP.to_owned()),
                ("rotate-database".to_owned(), 0o755, "binary".to_owned()),
                (parties::FILE.to_owned(), 0o644, "notices".to_owned())
            ]
        );
    }

    #[test]
    fn equal_binaries_give_equal_zips() {
        let zip = || archive(b"binary", Some("notices"), deflated()).unwrap();
        assert_eq!(zip(), zip());
    }

    #[test]
    fn the_bootstrap_starts_the_binary_beside_it_from_anywhere() {
        let code = tempfile::tempdir().unwrap();
        for (name, content) in [("bootstrap", BOOTSTRAP), (BINARY, "#!/bin/sh\necho started\n")] {
            let path = code.path().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for root in [None, Some(code.path())] {
            let mut command = Command::new(code.path().join("bootstrap"));
            command.current_dir("/").env_remove("RUNTIME_CODE_ROOT");
            if let Some(root) = root {
                command.env("RUNTIME_CODE_ROOT", root);
            }
            assert_eq!(command.output().unwrap().stdout, b"started\n");
        }
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        assert_eq!([812, 34_567, 3_456_789].map(size), ["812 B", "34.5 kB", "3.4 MB"]);
    }
}
