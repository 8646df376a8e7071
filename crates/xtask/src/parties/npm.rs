//! The npm packages that are bundled into the console: what its lock file has beside the tools that build and test it.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Ecosystem, Library, Texts};
use crate::www;

#[derive(Deserialize)]
struct Lock {
    packages: BTreeMap<String, Package>,
}

#[derive(Deserialize)]
struct Package {
    version: Option<String>,
    license: Option<String>,
    #[serde(default)]
    dev: bool,
}

/// The packages of the console. Their texts are below `www/node_modules`, once they have been installed.
pub(super) fn bundled() -> Result<Vec<Library>> {
    let file = www::source().join("package-lock.json");
    let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let lock: Lock = serde_json::from_slice(&text).with_context(|| format!("{} is not as expected", file.display()))?;
    let shipped = lock.packages.into_iter().filter(|(path, package)| !path.is_empty() && !package.dev);
    Ok(shipped.map(|(path, package)| library(&path, package)).collect())
}

fn library(path: &str, package: Package) -> Library {
    Library {
        ecosystem: Ecosystem::Npm,
        // A package may lie below one that needs another version of it.
        name: path.rsplit("node_modules/").next().unwrap_or(path).to_owned(),
        version: package.version.unwrap_or_default(),
        licence: package.license,
        is_ours: false,
        texts: Texts::In(www::source().join(path)),
    }
}
