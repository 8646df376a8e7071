//! The crates that are linked into programs and modules of this repository, as `cargo metadata` says.
//!
//! What is only built or tested with is left out. Features are those of the whole workspace, so that a crate may be listed that
//! only another program uses.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{Ecosystem, Library};
use crate::cargo;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Clone, Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// The packages `roots` and every crate that is linked into them for any of the targets.
pub(super) async fn linked(roots: &[&str], targets: &[&str]) -> Result<Vec<Library>> {
    let mut command = cargo::command();
    command.args(["metadata", "--format-version", "1", "--locked"]);
    command.args(targets.iter().flat_map(|target| ["--filter-platform", target]));
    let output = command.stderr(Stdio::inherit()).output().await.context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed ({})", output.status);
    }
    below(roots, &serde_json::from_slice(&output.stdout).context("cargo metadata is not as expected")?)
}

fn below(roots: &[&str], metadata: &Metadata) -> Result<Vec<Library>> {
    let packages: BTreeMap<_, _> = metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<_, _> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let begin = metadata.packages.iter().filter(|package| roots.contains(&package.name.as_str()));
    let mut open: Vec<_> = begin.map(|package| package.id.as_str()).collect();
    if open.len() != roots.len() {
        bail!("the workspace lacks one of the packages {}", roots.join(", "));
    }
    let mut found = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !found.insert(id) {
            continue;
        }
        let node = nodes.get(id).with_context(|| format!("{id} is not resolved"))?;
        let linked = node.deps.iter().filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        open.extend(linked.map(|dependency| dependency.pkg.as_str()));
    }
    Ok(found.iter().filter_map(|id| packages.get(id)).map(|package| library(package)).collect())
}

fn library(package: &Package) -> Library {
    Library {
        ecosystem: Ecosystem::Cargo,
        name: package.name.clone(),
        version: package.version.clone(),
        licence: package.license.clone(),
        is_ours: package.source.is_none(),
        texts: super::Texts::In(package.manifest_path.parent().map(PathBuf::from).unwrap_or_default()),
    }
}
