//! The npm package: built, packed, measured. `cargo xtask package` and `cargo xtask test` call this.
//!
//! The steps are Cargo, the binding generator from our own lock file, `wasm-opt` from the npm package `binaryen`, the
//! TypeScript compiler and a bundler; the last three are pinned by `crates/wasm/npm/package-lock.json`.

pub(crate) mod bench;
pub(crate) mod node;
pub(crate) mod suites;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cargo;
use crate::parties::{self, Artefact};
use crate::progress::{Step, Steps};
use node::Program;

/// The target of the modules.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// As a `cdylib` alone: beside an `rlib`, Cargo leaves link-time optimisation out.
const MODULE: &[&str] = &[
    "rustc",
    "--package",
    "csms-wasm",
    "--lib",
    "--crate-type",
    "cdylib",
    "--no-default-features",
    "--profile",
    "wasm",
    "--target",
    TARGET,
];
/// The modules of the package and the features that each is built with: the whole for the main entry, parts for the others.
const MODULES: [(&str, &str); 4] = [
    ("csms", "standalone,rules,signing,jwe"),
    ("csms-client", "standalone,signing"),
    ("csms-jwe", "standalone,jwe"),
    ("csms-rules", "standalone,rules"),
];
const TOOLS: &[&str] = &["build", "--package", "csms-wasm-tools", "--features", "tools", "--bins"];

/// How `wasm-opt` optimises.
const OPTIMISATION: [&str; 2] = ["-O3", "--converge"];

/// What every engine that the package names has had for years; `wasm-opt` has to be told.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// The packed package.
#[derive(Debug)]
pub(crate) struct Package {
    /// The tarball in `dist/`.
    pub(crate) tarball: PathBuf,
    /// Its sizes, in words.
    pub(crate) sizes: String,
}

/// Where the package's sources are.
pub(crate) fn source() -> PathBuf {
    cargo::root().join("crates/wasm/npm")
}

/// Builds the binding generator and the test runner, and returns the directory they are in.
pub(crate) async fn tools(step: &Step) -> Result<PathBuf> {
    cargo::run(step, TOOLS, &[]).await?;
    Ok(cargo::metadata().await?.target_directory.join("debug"))
}

/// Builds the package as one step.
pub(crate) async fn package(steps: &mut Steps) -> Result<Package> {
    steps
        .run("Package for npm", async |step| {
            let package = build(step).await?;
            let sizes = package.sizes.clone();
            Ok((package, sizes))
        })
        .await
}

/// Builds the package and packs it into `dist/`.
pub(crate) async fn build(step: &Step) -> Result<Package> {
    let tools = tools(step).await?;
    let source = source();
    node::install(step, &source).await?;
    let lib = source.join("lib");
    if lib.exists() {
        fs::remove_dir_all(&lib).with_context(|| format!("cannot remove {}", lib.display()))?;
    }
    for (name, features) in MODULES {
        let module = compile(step, name, features).await?;
        bindings(step, &tools, &module, &lib, name).await?;
    }
    // The sources import the bindings of the whole by this name.
    fs::rename(lib.join("csms_bindings.d.ts"), lib.join("bindings.d.ts"))
        .context("there are no types of the bindings")?;
    Program::node(&source.join("node_modules/typescript/bin/tsc")).within(&source).run(step).await?;
    Program::node(&source.join("bundle.mjs")).within(&source).run(step).await?;
    let notices = parties::notices(Artefact::NpmPackage).await?;
    let (license, others) = (source.join("LICENSE"), source.join(parties::FILE));
    fs::copy(cargo::root().join("LICENSE"), &license).context("cannot copy the license")?;
    fs::write(&others, notices).context("cannot write the notices")?;
    let package = pack(step, &source).await;
    for copy in [license, others] {
        fs::remove_file(&copy).with_context(|| format!("cannot remove {}", copy.display()))?;
    }
    package
}

/// What the compiler is told besides the profile: SHA-2 without unrolled rounds, and no path of this machine in the
/// places that panics name.
async fn rust_flags() -> Result<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let registry = home.context("there is no home directory")?.join("registry/src");
    let mut flags = vec!["--cfg".to_owned(), "sha2_backend_soft=\"compact\"".to_owned()];
    let mut hide = |path: &Path| flags.push(format!("--remap-path-prefix={}=.", path.display()));
    for entry in fs::read_dir(&registry).with_context(|| format!("cannot read {}", registry.display()))? {
        hide(&entry?.path());
    }
    hide(cargo::root());
    Ok(flags.join(" "))
}

/// Compiles a module and returns where it is. Each has a target directory, since Cargo gives all of them one name; a new one begins
/// with what the first module, the whole, has compiled of other packages.
async fn compile(step: &Step, name: &str, features: &str) -> Result<PathBuf> {
    let targets = cargo::metadata().await?.target_directory;
    let target = targets.join(name);
    let (whole, _) = MODULES[0];
    if !target.exists() && name != whole {
        seed(step, &targets.join(whole), &target).await?;
    }
    let directory = target.display().to_string();
    let arguments = [MODULE, &["--features", features, "--target-dir", &directory]].concat();
    let flags = rust_flags().await?;
    cargo::run(step, &arguments, &[("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", &flags)]).await?;
    Ok(target.join(TARGET).join("wasm/csms_wasm.wasm"))
}

/// Copies a target directory without what Cargo remembers of the module itself: it has other features and is compiled again.
async fn seed(step: &Step, from: &Path, to: &Path) -> Result<()> {
    let unfinished = to.with_extension("new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).with_context(|| format!("cannot remove {}", unfinished.display()))?;
    }
    // With the times of the files, by which Cargo knows what is current.
    Program::new("cp").argument("-a").argument(from).argument(&unfinished).run(step).await?;
    let memory = unfinished.join(TARGET).join("wasm/.fingerprint");
    for entry in fs::read_dir(&memory).with_context(|| format!("cannot read {}", memory.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("csms-wasm-") {
            fs::remove_dir_all(entry.path()).with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    fs::rename(&unfinished, to).with_context(|| format!("cannot create {}", to.display()))
}

/// Writes a module and its bindings into `lib`.
async fn bindings(step: &Step, tools: &Path, module: &Path, lib: &Path, name: &str) -> Result<()> {
    let out_name = format!("--out-name={name}_bindings");
    let options = [
        "--target=web",
        &out_name,
        "--omit-default-module-path",
        "--remove-name-section",
        "--remove-producers-section",
        "--experimental-reset-state-function",
    ];
    let generator = Program::new(tools.join("bindgen")).arguments(options);
    generator.argument("--out-dir").argument(lib).argument(module).run(step).await?;
    let (raw, small) = (lib.join(format!("{name}_bindings_bg.wasm")), lib.join(format!("{name}.wasm")));
    // For speed: AES is a third slower when this step optimises for size, which saves one part in a hundred.
    let optimiser = Program::node(&source().join("node_modules/binaryen/bin/wasm-opt")).arguments(OPTIMISATION);
    optimiser.arguments(FEATURES).argument(&raw).argument("-o").argument(&small).run(step).await?;
    for file in [raw, lib.join(format!("{name}_bindings_bg.wasm.d.ts"))] {
        fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(())
}

async fn pack(step: &Step, source: &Path) -> Result<Package> {
    let directory = cargo::root().join("dist");
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let name = Program::npm()
        .arguments(["pack", "--silent", "--ignore-scripts", "--pack-destination"])
        .argument(&directory)
        .within(source)
        .output(step)
        .await?;
    let tarball = directory.join(name.trim());
    let sizes = suites::sizes(step).await?;
    Ok(Package { tarball, sizes })
}
