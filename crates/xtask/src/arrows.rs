//! `cargo xtask arrows`: the dependencies between the crates of this repository and between the rooms of the server, checked.
//!
//! [`ALLOWED`] is the one table of what may depend on what. Development dependencies are free: tests may look at everything. A
//! permission that nobody uses is an error, so the table says what is. The rooms of the server have a table of their own, and
//! `debug_text` keeps Rust's own form of values out of what people read.

mod debug_text;
mod rooms;

use std::fs;

use anyhow::{Result, bail};

use crate::cargo::{self, Metadata, Package};

/// Check that crates depend on each other only as the architecture allows.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// A member of the workspace and the members it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    // The rules, and the shapes on the wire.
    ("csms-core", &[]),
    // Whom connections trust; everything that opens one asks it.
    ("csms-tls", &[]),
    ("csms-api", &["csms-core"]),
    // What executes the rules; none of it knows the wire.
    ("csms-kms", &["csms-core"]),
    ("csms-store", &["csms-core", "csms-tls"]),
    ("csms-rotate", &["csms-core", "csms-tls"]),
    ("functiongraph-runtime", &[]),
    // What speaks the wire.
    ("csms-client", &["csms-core", "csms-api", "csms-tls"]),
    ("csms-cli", &["csms-core", "csms-api", "csms-client", "csms-tls"]),
    ("csms-wasm", &["csms-core", "csms-api"]),
    // The server's own code uses no client; `csms-cli` is in its list because both are in one binary.
    (
        "csms-server",
        &[
            "csms-core",
            "csms-api",
            "csms-kms",
            "csms-store",
            "csms-rotate",
            "csms-tls",
            "csms-cli",
            "functiongraph-runtime",
        ],
    ),
    ("rotate-database", &["csms-core", "csms-rotate", "csms-client", "csms-tls", "functiongraph-runtime"]),
    // Tools and tests. Only tests depend on the server.
    ("csms-wasm-tools", &[]),
    ("csms-testbed", &[]),
    ("csms-fuzz", &["csms-core", "csms-api", "csms-kms"]),
    ("csms-bench", &["csms-core", "csms-kms", "csms-store", "csms-client", "csms-testbed"]),
    ("csms-book", &[]),
    ("launch", &[]),
    ("xtask", &["csms-api", "csms-core", "csms-testbed"]),
    ("csms-conformance", EVERYTHING),
    ("csms-faults", EVERYTHING),
    ("csms-hostile", EVERYTHING),
    ("csms-rotation-tests", EVERYTHING),
];

const EVERYTHING: &[&str] = &[
    "csms-core",
    "csms-api",
    "csms-kms",
    "csms-store",
    "csms-rotate",
    "csms-client",
    "csms-server",
    "csms-testbed",
    "functiongraph-runtime",
    "rotate-database",
];

/// Crates that the code map does not list by their names: it has a section for the tools, and tests have their own documents.
const TESTS_AND_TOOLS: &[&str] = &[
    "csms-wasm-tools",
    "csms-book",
    "launch",
    "xtask",
    "rotate-database",
    "csms-conformance",
    "csms-rotation-tests",
    "csms-hostile",
    "csms-faults",
];

/// Everything the core may use from elsewhere: no clock, no randomness, no input or output, no `std`.
const CORE: &str = "csms-core";
const CORE_LIBRARIES: &[&str] = &[
    "aes-gcm",
    "aes-kw",
    "base64ct",
    "hex",
    "hmac",
    "p256",
    "pbkdf2",
    "primeorder",
    "rand_core",
    "serde",
    "serde_json",
    "sha2",
    "sm3",
    "subtle",
    "thiserror",
    "zeroize",
];

/// Runs `cargo xtask arrows`.
pub(crate) async fn run() -> Result<()> {
    println!("{}", check().await?);
    Ok(())
}

/// What a reader should know when all is well; an error names every wrong arrow.
pub(crate) async fn check() -> Result<String> {
    let metadata = cargo::metadata().await?;
    let mut violations = violations(&metadata);
    violations.extend(unused(&metadata));
    violations.extend(rooms::check(&cargo::root().join("crates/server/src"))?);
    violations.extend(debug_text::check(cargo::root())?);
    let map = fs::read_to_string(cargo::root().join("crates/README.md"))?;
    violations.extend(rooms::missing_from_map(&map));
    let unmapped = metadata.packages.iter().filter(|package| !map.contains(&format!("`{}`", package.name)));
    violations.extend(
        unmapped
            .filter(|package| !TESTS_AND_TOOLS.contains(&package.name.as_str()))
            .map(|package| format!("crates/README.md does not name {}", package.name)),
    );
    if !violations.is_empty() {
        bail!("the arrows are wrong:\n  {}", violations.join("\n  "));
    }
    Ok(format!("{} crates and {} rooms of the server, as agreed", metadata.packages.len(), rooms::count()))
}

/// Every dependency that is not in the table, in words.
fn violations(metadata: &Metadata) -> Vec<String> {
    metadata.packages.iter().flat_map(of_package).collect()
}

/// Every permission that no dependency uses. Tests may use everything, so theirs are left out.
fn unused(metadata: &Metadata) -> Vec<String> {
    let is_used = |package: &Package, name: &str| {
        let mut dependencies = package.dependencies.iter();
        dependencies.any(|dependency| dependency.kind.as_deref() != Some("dev") && dependency.name == name)
    };
    let of = |(name, allowed): &(&str, &[&str])| {
        let package = metadata.packages.iter().find(|package| package.name == *name);
        let left = allowed.iter().filter(|other| package.is_some_and(|package| !is_used(package, other)));
        left.map(|other| format!("{name} may depend on {other} and does not; take the permission away"))
            .collect::<Vec<_>>()
    };
    ALLOWED.iter().filter(|(_, allowed)| *allowed != EVERYTHING).flat_map(of).collect()
}

fn of_package(package: &Package) -> Vec<String> {
    let name = &package.name;
    let Some((_, allowed)) = ALLOWED.iter().find(|(listed, _)| listed == name) else {
        return vec![format!("{name} is not in the table in crates/xtask/src/arrows.rs")];
    };
    let dependencies = package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
    dependencies
        .filter_map(|dependency| {
            let other = dependency.name.as_str();
            if dependency.path.is_some() && !allowed.contains(&other) {
                return Some(format!("{name} must not depend on {other}"));
            }
            let is_foreign_to_core = name == CORE && dependency.path.is_none() && !CORE_LIBRARIES.contains(&other);
            is_foreign_to_core.then(|| format!("{name} must not use the library {other}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::cargo::Dependency;

    fn member(name: &str, dependencies: Vec<Dependency>) -> Package {
        Package { name: name.into(), dependencies }
    }

    fn on(name: &str, kind: Option<&str>) -> Dependency {
        Dependency { name: name.into(), kind: kind.map(Into::into), path: Some(PathBuf::from(name)) }
    }

    fn found(packages: Vec<Package>) -> Vec<String> {
        violations(&Metadata { packages, target_directory: PathBuf::new() })
    }

    #[test]
    fn the_arrows_of_the_architecture_are_accepted() {
        let packages = vec![
            member("csms-core", vec![]),
            member("csms-api", vec![on("csms-core", None)]),
            member("csms-server", vec![on("csms-store", None), on("csms-api", None)]),
        ];
        assert_eq!(found(packages), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_against_the_architecture_is_named() {
        let packages = vec![member("csms-store", vec![on("csms-core", None), on("csms-api", None)])];
        assert_eq!(found(packages), ["csms-store must not depend on csms-api"]);
    }

    #[test]
    fn a_build_script_is_bound_by_the_arrows_too() {
        let packages = vec![member("csms-api", vec![on("csms-server", Some("build"))])];
        assert_eq!(found(packages), ["csms-api must not depend on csms-server"]);
    }

    #[test]
    fn tests_may_look_at_everything() {
        let packages = vec![member("csms-api", vec![on("csms-testbed", Some("dev"))])];
        assert_eq!(found(packages), Vec::<String>::new());
    }

    #[test]
    fn only_tests_depend_on_the_server() {
        let dependants = ALLOWED.iter().filter(|(_, allowed)| allowed.contains(&"csms-server")).map(|(name, _)| *name);
        assert_eq!(
            dependants.collect::<Vec<_>>(),
            ["csms-conformance", "csms-faults", "csms-hostile", "csms-rotation-tests"]
        );
    }

    #[test]
    fn a_new_crate_has_to_be_entered() {
        let found = found(vec![member("csms-new", vec![])]);
        assert!(found.len() == 1 && found[0].contains("csms-new is not in the table"), "{found:?}");
    }

    #[test]
    fn the_core_uses_no_library_that_is_not_listed() {
        let library = Dependency { name: "tokio".into(), kind: None, path: None };
        assert_eq!(found(vec![member("csms-core", vec![library])]), ["csms-core must not use the library tokio"]);
    }

    #[tokio::test]
    async fn this_repository_keeps_its_arrows() {
        assert_eq!(violations(&cargo::metadata().await.unwrap()), Vec::<String>::new());
    }
}
