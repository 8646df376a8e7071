//! Whom outgoing TLS connections trust: the certificate authorities of the system, and those that the operator names.
//!
//! One rule for every connection that csms opens: the command line, the client, rotation functions, and the server's calls of
//! other services and of its database. Verification cannot be switched off here. Knows nothing of names, settings or servers.

use std::{
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use thiserror::Error;

/// The variable that names further authorities: a PEM file, or the PEM text itself.
pub const CA_VARIABLE: &str = "CSMS_CA";

/// What every PEM text has.
const PEM_BEGIN: &str = "-----BEGIN ";

/// Why authorities cannot be trusted.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("cannot read the certificates in {path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// A text that is not PEM, or holds no certificate.
    #[error("there is no certificate in PEM form where certificate authorities are named")]
    NoCertificate,
    /// A certificate that is none of an authority.
    #[error("a certificate of the named authorities cannot be used: {0}")]
    Unusable(rustls::Error),
    /// The library cannot be set up.
    #[error("cannot set up TLS: {0}")]
    SetUp(rustls::Error),
}

/// The PEM text that `named` stands for: itself, or what is in the file of that name.
///
/// # Errors
/// A file that cannot be read as text, and a text without a certificate, or with one that is none of an authority.
pub fn authorities(named: &str) -> Result<String, TlsError> {
    let pem = if named.contains(PEM_BEGIN) { named.to_owned() } else { authorities_in(Path::new(named))? };
    only(&pem)?;
    Ok(pem)
}

/// The PEM text in a file.
///
/// # Errors
/// A file that cannot be read as text, and a text without a certificate, or with one that is none of an authority.
pub fn authorities_in(file: &Path) -> Result<String, TlsError> {
    let unreadable = |error| TlsError::Unreadable { path: file.display().to_string(), error };
    let pem = fs::read_to_string(file).map_err(unreadable)?;
    only(&pem)?;
    Ok(pem)
}

/// The certificates in a PEM text: at least one.
///
/// # Errors
/// [`TlsError::NoCertificate`].
pub fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    certificates.ok().filter(|certificates| !certificates.is_empty()).ok_or(TlsError::NoCertificate)
}

/// The authorities of the system and those in `pem`.
///
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` name others than the system's own. A system without any, such as an image from scratch
/// or the platform of a function, trusts Mozilla's.
///
/// # Errors
/// A text without a certificate, or with one that is none of an authority.
pub fn roots(pem: Option<&str>) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = Arc::clone(system());
    add(&mut roots, pem)?;
    Ok(roots)
}

/// The authorities in `pem` and no others.
///
/// # Errors
/// As [`roots`].
pub fn only(pem: &str) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = Arc::new(RootCertStore::empty());
    add(&mut roots, Some(pem))?;
    Ok(roots)
}

/// Adds to a copy, unless nothing is added.
fn add(roots: &mut Arc<RootCertStore>, pem: Option<&str>) -> Result<(), TlsError> {
    for certificate in pem.map(certificates).transpose()?.unwrap_or_default() {
        Arc::make_mut(roots).add(certificate).map_err(TlsError::Unusable)?;
    }
    Ok(())
}

/// What clients need: ring, [`roots`], and no certificate of their own.
///
/// # Errors
/// As [`roots`], and a library that cannot be set up.
pub fn client_config(pem: Option<&str>) -> Result<ClientConfig, TlsError> {
    config_with(roots(pem)?)
}

/// The same with other roots.
///
/// # Errors
/// A library that cannot be set up.
pub fn config_with(roots: Arc<RootCertStore>) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::SetUp)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The system's authorities, read once.
fn system() -> &'static Arc<RootCertStore> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    SYSTEM.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // What cannot be read or parsed is left out, as OpenSSL does: the others are still there.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(if roots.is_empty() {
            RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
        } else {
            roots
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::io::Write as _;

    use super::*;

    fn authority() -> String {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn named_authorities_come_to_those_of_the_system() {
        let without = roots(None).unwrap().len();
        assert!(without > 0);
        assert_eq!(roots(Some(&(authority() + &authority()))).unwrap().len(), without + 2);
        assert_eq!(only(&authority()).unwrap().len(), 1);
    }

    #[test]
    fn authorities_are_named_by_a_file_or_by_the_text_itself() {
        let pem = authority();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(pem.as_bytes()).unwrap();
        assert_eq!(authorities(file.path().to_str().unwrap()).unwrap(), pem);
        assert_eq!(authorities(&pem).unwrap(), pem);
    }

    #[test]
    fn what_names_no_certificate_is_refused() {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let empty = tempfile::NamedTempFile::new().unwrap();
        for named in [key.as_str(), empty.path().to_str().unwrap()] {
            assert!(matches!(authorities(named), Err(TlsError::NoCertificate)), "{named}");
        }
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(authorities(broken), Err(TlsError::Unusable(_))));
        let missing = authorities("/nowhere/ca.pem").unwrap_err().to_string();
        assert!(missing.contains("/nowhere/ca.pem"), "{missing}");
    }
}
