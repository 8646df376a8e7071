//! Embeds the built console (`console/`, made from `www/` by `cargo xtask`) into the binary, if it has been built, with the book
//! and the notices beside it, and finds out which commit is built.
//!
//! Each file comes twice, plain and compressed by gzip (`<name>.gz`). Plain `cargo build` needs no Node: without a
//! built console the table is empty, and the server says how to get one.
use std::{
    env,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.with_added_extension("gz").is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// What git prints. `None` without git, without a repository, and when it fails.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Tells the crate its commit, date and target. Development builds do not ask git: they would be built again for every commit.
fn name_build() -> Result<(), Box<dyn std::error::Error>> {
    for variable in ["CSMS_COMMIT", "CSMS_COMMIT_DATE"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    // An archive that was unpacked inside another repository is not of that repository.
    let is_ours = || git(&["ls-files", "--error-unmatch", "build.rs"]).is_some();
    let from_git = env::var("PROFILE")? != "debug" && is_ours();
    if from_git {
        for file in ["HEAD", "logs/HEAD"] {
            if let Some(path) = git(&["rev-parse", "--git-path", file]) {
                println!("cargo::rerun-if-changed={path}");
            }
        }
    }
    let asked = |arguments: &[&str]| from_git.then(|| git(arguments)).flatten();
    let given = |name| env::var(name).ok().filter(|text| !text.is_empty());
    let commit =
        given("CSMS_COMMIT").or_else(|| asked(&["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]));
    let date = given("CSMS_COMMIT_DATE").or_else(|| asked(&["show", "--no-patch", "--format=%cs", "HEAD"]));
    let unknown = || "unknown".to_owned();
    println!("cargo::rustc-env=CSMS_BUILD_COMMIT={}", commit.unwrap_or_else(unknown));
    println!("cargo::rustc-env=CSMS_BUILD_DATE={}", date.unwrap_or_else(unknown));
    println!("cargo::rustc-env=CSMS_BUILD_TARGET={}", env::var("TARGET")?);
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=console");
    name_build()?;
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("console");
    let mut table = String::from("&[\n");
    for file in files(&root)? {
        let name = file.strip_prefix(&root)?.display().to_string();
        writeln!(
            table,
            "    File {{ name: {name:?}, plain: include_bytes!({file:?}), compressed: include_bytes!({:?}) }},",
            file.with_added_extension("gz")
        )?;
    }
    table.push(']');
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("embedded.rs"), table)?;
    Ok(())
}
