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
/// The main entry's module without optimisation, for `cargo xtask up`.
const LOCAL_MODULE: &[&str] = &[
    "build",
    "--package",
    "csms-wasm",
    "--lib",
    "--no-default-features",
    "--features",
    MODULES[0].1,
    "--target",
    TARGET,
];

/// The binding generator, a program of `csms-wasm-tools`.
const BINDGEN: &str = "bindgen";

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

/// Builds a program of `csms-wasm-tools` and returns where it is.
pub(crate) async fn tool(step: &Step, name: &str) -> Result<PathBuf> {
    cargo::run(step, &["build", "--package", "csms-wasm-tools", "--features", name, "--bin", name], &[]).await?;
    Ok(cargo::metadata().await?.target_directory.join("debug").join(name))
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
    let bindgen = tool(step, BINDGEN).await?;
    let source = source();
    node::install(step, &source).await?;
    let lib = source.join("lib");
    remove(&lib)?;
    for (name, features) in MODULES {
        let module = compile(step, name, features).await?;
        optimise(step, &bindings(step, &bindgen, &module, &lib, name).await?).await?;
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

/// Builds the code of the main entry into `directory`, without types, from a module that is not optimised. It is quick to build, and
/// nothing of it is where the package is packed or installed.
pub(crate) async fn build_local(step: &Step, directory: &Path) -> Result<()> {
    let source = source();
    let compile = async {
        let bindgen = tool(step, BINDGEN).await?;
        cargo::run(step, LOCAL_MODULE, &[]).await?;
        Ok(bindgen)
    };
    // The one waits for the network, the other for the processor.
    let (bindgen, ()) = tokio::try_join!(compile, node::install(step, &source))?;
    let module = cargo::metadata().await?.target_directory.join(TARGET).join("debug/csms_wasm.wasm");
    let (whole, _) = MODULES[0];
    remove(directory)?;
    bindings(step, &bindgen, &module, directory, whole).await?;
    let bundle = Program::node(&source.join("bundle.mjs")).argument(directory).argument(whole);
    bundle.within(&source).run(step).await
}

/// Removes a directory, if it is there.
fn remove(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    Ok(())
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

/// Writes a module and its bindings into `lib`, and returns where the module is.
async fn bindings(step: &Step, bindgen: &Path, module: &Path, lib: &Path, name: &str) -> Result<PathBuf> {
    let out_name = format!("{name}_bindings");
    Program::new(bindgen).argument(module).argument(lib).argument(&out_name).run(step).await?;
    let types = lib.join(format!("{out_name}_bg.wasm.d.ts"));
    fs::remove_file(&types).with_context(|| format!("cannot remove {}", types.display()))?;
    let (generated, placed) = (lib.join(format!("{out_name}_bg.wasm")), lib.join(format!("{name}.wasm")));
    fs::rename(&generated, &placed).with_context(|| format!("cannot rename {}", generated.display()))?;
    Ok(placed)
}

/// Optimises a module in its place.
async fn optimise(step: &Step, module: &Path) -> Result<()> {
    // For speed: AES is a third slower when this step optimises for size, which saves one part in a hundred.
    let optimiser = Program::node(&source().join("node_modules/binaryen/bin/wasm-opt")).arguments(OPTIMISATION);
    optimiser.arguments(FEATURES).argument(module).argument("-o").argument(module).run(step).await
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
