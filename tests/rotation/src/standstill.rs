//! Functions that stand still at a chosen step of the first attempt until a test lets them go on; the files are those of
//! `rotate_database::fault`.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test support module")]

use core::time::Duration;
use std::{fs, path::PathBuf};

use csms_core::{SecretName, rotation::RotationReply};
use tempfile::TempDir;
use tokio::time::Instant;

/// Longest wait for a function: a busy machine starts many at once.
const WITHIN: Duration = Duration::from_secs(120);

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The directory of such functions' files. It ends with this.
#[derive(Debug)]
pub struct Standstill(TempDir);

impl Default for Standstill {
    fn default() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }
}

impl Standstill {
    /// The directory, for [`rotate_database::fault::HOLD_IN`].
    #[must_use]
    pub fn directory(&self) -> String {
        self.0.path().display().to_string()
    }

    /// Has the function of a secret stand still at a place such as `set-password#1:before`.
    pub fn ask(&self, name: &str, place: &str) {
        fs::write(self.0.path().join(name).with_extension("hold"), place).expect("a file can be written");
    }

    /// Waits until the function of a secret stands still.
    pub async fn reached(&self, name: &SecretName) {
        self.wait_for(name, "reached").await;
    }

    /// Lets the function of a secret go on.
    pub fn release(&self, name: &SecretName) {
        fs::write(self.file(name, "released"), "").expect("a file can be written");
    }

    /// Waits until the function of a secret has ended its attempt after it went on, and returns its reply, which may have
    /// reached nobody.
    pub async fn ended(&self, name: &SecretName) -> RotationReply {
        let text = fs::read(self.wait_for(name, "ended").await).expect("the reply can be read");
        RotationReply::parse(&text).expect("a reply")
    }

    async fn wait_for(&self, name: &SecretName, ending: &str) -> PathBuf {
        let (file, deadline) = (self.file(name, ending), Instant::now() + WITHIN);
        while !file.exists() {
            assert!(Instant::now() < deadline, "the function of {name} is not {ending}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        file
    }

    fn file(&self, name: &SecretName, ending: &str) -> PathBuf {
        self.0.path().join(name.as_str()).with_extension(ending)
    }
}
