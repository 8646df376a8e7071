//! Embeds the built console (`console/`, made from `www/` by `cargo xtask`) into the binary, if it has been built.
//!
//! Each file comes twice, plain and compressed by gzip (`<name>.gz`). Plain `cargo build` needs no Node: without a
//! built console the table is empty, and the server says how to get one.
use std::{
    env,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=console");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("console");
    let mut table = String::from("&[\n");
    for file in files(&root)? {
        let name = file.strip_prefix(&root)?.display().to_string();
        writeln!(
            table,
            "    ({name:?}, include_bytes!({file:?}), include_bytes!({:?})),",
            file.with_added_extension("gz")
        )?;
    }
    table.push(']');
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("console.rs"), table)?;
    Ok(())
}
