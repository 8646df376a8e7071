//! The mark that a data directory keeps of its installation, so that a store that is missing, empty or another's is not
//! taken for a first start.
//!
//! It holds nothing that a start needs: without it, a store that is there is used and gets a mark.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use csms_store::{AnyStore, Store};
use serde::{Deserialize, Serialize};

use super::{DOMAIN_ID, InstallationError};
use crate::identity::Identity;

/// File name of the mark in the data directory.
const FILE: &str = "installation.json";

/// Which installation a data directory belongs to.
#[derive(Serialize, Deserialize)]
pub struct Mark {
    domain_id: String,
    project_id: String,
    #[serde(skip)]
    file: PathBuf,
}

impl Mark {
    /// Reads the mark of a data directory, if it has one.
    ///
    /// # Errors
    /// A mark that cannot be read.
    pub fn read(directory: &Path) -> Result<Option<Self>, InstallationError> {
        let file = directory.join(FILE);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(InstallationError::Mark(file, error)),
        };
        match serde_json::from_slice::<Self>(&text) {
            Ok(mark) => Ok(Some(Self { file, ..mark })),
            Err(error) => Err(InstallationError::Mark(file, error.into())),
        }
    }

    /// Requires that the embedded store is there, before anything opens it and so makes it.
    ///
    /// # Errors
    /// [`InstallationError::Missing`] when there is no such file or it is empty.
    pub fn require_file(&self, database: &Path) -> Result<(), InstallationError> {
        match database.metadata() {
            Ok(metadata) if metadata.len() > 0 => Ok(()),
            Ok(_) => Err(self.missing(format!("{} is empty", database.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(self.missing(format!("there is no {}", database.display())))
            }
            // Opening it will say what is wrong.
            Err(_) => Ok(()),
        }
    }

    /// Requires that the store is the one of this installation.
    ///
    /// # Errors
    /// [`InstallationError::Missing`] when the store is empty, [`InstallationError::Foreign`] when it is another's; failures of
    /// the store.
    pub async fn require_store(&self, store: &AnyStore) -> Result<(), InstallationError> {
        match store.meta(DOMAIN_ID).await? {
            None => Err(self.missing("the store is empty".to_owned())),
            Some(found) if found == self.domain_id.as_bytes() => Ok(()),
            Some(found) => Err(InstallationError::Foreign {
                found: String::from_utf8_lossy(&found).into_owned(),
                expected: self.domain_id.clone(),
                mark: self.file.clone(),
            }),
        }
    }

    fn missing(&self, what: String) -> InstallationError {
        InstallationError::Missing { what, project: self.project_id.clone(), mark: self.file.clone() }
    }

    /// Marks the data directory with this installation. A failure is only logged: the server runs without a mark.
    pub fn keep(directory: &Path, identity: &Identity) {
        let file = directory.join(FILE);
        let mark = Self {
            domain_id: identity.domain_id.clone(),
            project_id: identity.project_id.to_string(),
            file: file.clone(),
        };
        if Self::read(directory).ok().flatten().is_some_and(|kept| kept.domain_id == mark.domain_id) {
            return;
        }
        if let Err(error) = mark.write() {
            tracing::warn!(file = %file.display(), %error, "the data directory stays without a mark of its installation");
        }
    }

    fn write(&self) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        // Servers on a shared store may have one directory, and write the same.
        let draft = self.file.with_extension(format!("json.{}", std::process::id()));
        let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let written = out.write_all(&text).and_then(|()| out.sync_all()).and_then(|()| fs::rename(&draft, &self.file));
        if written.is_err() {
            // Nothing more can be done about a draft that cannot be removed.
            let _ = fs::remove_file(&draft);
        }
        written
    }
}
