//! TLS on the port: the certificate and its key from files, read again when the files change.
//!
//! A new pair that cannot be used leaves the old one in place, with an error in the log: an outdated certificate is better than no
//! server.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use x509_cert::{Certificate, der::Decode as _, ext::pkix::BasicConstraints};
use zeroize::Zeroizing;

/// How often the files are looked at.
const CHECK_INTERVAL: Duration = Duration::from_secs(3);

/// The files of a server's TLS, all in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those of the authorities in between.
    pub certificate: PathBuf,
    /// Its private key, which others must not be able to read.
    pub key: PathBuf,
    /// Authorities of clients' certificates; with them every client needs one.
    pub client_authorities: Option<PathBuf>,
}

/// Why the files cannot be used.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum TlsError {
    #[error("cannot read {path}", path = .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    #[error("{path} is not PEM, or has nothing of what is needed in it", path = .0.display())]
    Pem(PathBuf, #[source] rustls_pki_types::pem::Error),
    #[error("{path} has no certificate", path = .0.display())]
    NoCertificate(PathBuf),
    #[error("{path} has mode {1:04o}, which lets everybody read the key; run chmod 600 on it", path = .0.display())]
    KeyIsPublic(PathBuf, u32),
    #[error("the certificate and its key cannot be used")]
    Pair(#[from] rustls::Error),
    #[error("the authorities of clients cannot be used")]
    Clients(#[from] rustls::server::VerifierBuilderError),
}

/// What tells that a file is another or was changed.
type Stamp = Vec<Option<(SystemTime, u64, u64)>>;

/// TLS with the newest pair of the files that could be used.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    seen: Mutex<Stamp>,
    config: RwLock<Arc<ServerConfig>>,
    /// When the certificate ends, in seconds since 1970; 0 when it does not say.
    expiry: AtomicI64,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Files that cannot be read or used.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let seen = Mutex::new(stamp(&files));
        let config = RwLock::new(Arc::new(read(&files)?));
        let expiry = AtomicI64::new(expiry(&files.certificate));
        Ok(Self { files, seen, config, expiry })
    }

    /// When the certificate in use ends, in seconds since 1970; 0 when it does not say.
    #[must_use]
    pub fn expiry(&self) -> i64 {
        self.expiry.load(Ordering::Relaxed)
    }

    /// Whether the certificate is that of an authority (CA:TRUE), as `openssl req -x509` makes it. Clients that use rustls, as `csms` and
    /// the rotation functions do, refuse it as that of a server.
    #[must_use]
    pub fn is_authority(&self) -> bool {
        let certificate = CertificateDer::from_pem_file(&self.files.certificate).ok();
        let parsed = certificate.and_then(|der| Certificate::from_der(&der).ok());
        let constraints = parsed.and_then(|parsed| parsed.tbs_certificate.get::<BasicConstraints>().ok().flatten());
        constraints.is_some_and(|(_, constraints)| constraints.ca)
    }

    /// Accepts handshakes with the newest pair.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Reads the files again if they have changed since they were last looked at, or if `always`.
    pub fn reload(&self, always: bool) {
        let now = stamp(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now && !always {
            return;
        }
        *seen = now;
        let certificate = self.files.certificate.display();
        match read(&self.files) {
            Ok(config) => {
                *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                self.expiry.store(expiry(&self.files.certificate), Ordering::Relaxed);
                tracing::info!(%certificate, "the TLS certificate was read again");
            }
            Err(error) => {
                let error = crate::failure::Chain(&error).to_string();
                tracing::error!(%certificate, error, "the TLS files have changed and cannot be used; the old ones stay");
            }
        }
    }

    /// Looks at the files every few seconds and on SIGHUP, for as long as it is polled. `seen` learns each time when the
    /// certificate in use ends, in seconds since 1970.
    pub async fn watch(self: Arc<Self>, seen: impl Fn(i64)) {
        let mut hangup = signal(SignalKind::hangup())
            .inspect_err(|error| tracing::warn!(%error, "SIGHUP does not read the TLS files again"))
            .ok();
        loop {
            seen(self.expiry());
            let asked = tokio::select! {
                () = tokio::time::sleep(CHECK_INTERVAL) => false,
                asked = async {
                    match &mut hangup {
                        Some(hangup) => hangup.recv().await.is_some(),
                        None => std::future::pending().await,
                    }
                } => asked,
            };
            let tls = Arc::clone(&self);
            let _ = tokio::task::spawn_blocking(move || tls.reload(asked)).await;
        }
    }
}

/// When the first certificate of a file ends, in seconds since 1970; 0 when that cannot be read.
fn expiry(file: &Path) -> i64 {
    let certificate = CertificateDer::from_pem_file(file).ok();
    let parsed = certificate.and_then(|der| Certificate::from_der(&der).ok());
    let ends = parsed.map(|certificate| certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs());
    ends.and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or_default()
}

fn stamp(files: &TlsFiles) -> Stamp {
    let paths = [Some(&files.certificate), Some(&files.key), files.client_authorities.as_ref()];
    let stamp = |path: &PathBuf| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
    };
    paths.into_iter().flatten().map(stamp).collect()
}

fn read(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let certificates = certificates(&files.certificate)?;
    let unreadable = |error| TlsError::Unreadable(files.key.clone(), error);
    let mode = fs::metadata(&files.key).map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & 0o007 != 0 {
        return Err(TlsError::KeyIsPublic(files.key.clone(), mode));
    }
    let pem = Zeroizing::new(fs::read(&files.key).map_err(unreadable)?);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| TlsError::Pem(files.key.clone(), error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match &files.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in self::certificates(path)? {
                roots.add(certificate)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(certificates, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = fs::read(path).map_err(|error| TlsError::Unreadable(path.to_owned(), error))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| TlsError::Pem(path.to_owned(), error))?;
    if certificates.is_empty() { Err(TlsError::NoCertificate(path.to_owned())) } else { Ok(certificates) }
}
