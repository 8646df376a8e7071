//! A certificate authority that no system knows, as files, and a server that it certifies.

#![allow(clippy::missing_errors_doc, clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use csms_testbed::{Server, server::Options, tls::Identity};
use tempfile::TempDir;

/// The PEM files of an authority and of a server that it certifies.
#[derive(Debug)]
pub struct Authority {
    directory: TempDir,
}

impl Authority {
    /// A new authority.
    #[must_use]
    pub fn generate() -> Self {
        let identity = Identity::generate().unwrap();
        let directory = TempDir::new().unwrap();
        for (name, pem) in [("ca", &identity.authority), ("cert", &identity.certificate), ("key", &identity.key)] {
            let path = directory.path().join(format!("{name}.pem"));
            fs::write(&path, pem).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self { directory }
    }

    /// What a client has to trust.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.path("ca")
    }

    /// A server with a certificate of this authority.
    pub async fn serve(&self, options: Options) -> Server {
        let options = options.argument("--tls-cert").argument(self.path("cert"));
        Server::start(options.argument("--tls-key").argument(self.path("key"))).await.unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.pem"))
    }
}
