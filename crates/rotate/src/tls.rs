//! The one TLS configuration: rustls with ring, Mozilla's roots and the account's own certificates, host names verified.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject};

/// A configuration that trusts the public roots and the certificates of `ca` (PEM).
///
/// # Errors
/// A sentence about `ca` when it holds no usable certificate.
pub(crate) fn client_config(ca: Option<&str>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in CertificateDer::pem_slice_iter(ca.unwrap_or_default().as_bytes()) {
        let certificate = certificate.map_err(|_| "tls_ca is not readable PEM".to_owned())?;
        roots.add(certificate).map_err(|error| format!("tls_ca: {error}"))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Makes ring the provider of drivers that build their own configuration, unless the process has chosen one.
pub(crate) fn choose_provider() {
    if CryptoProvider::get_default().is_none() {
        // Another thread may have been faster; then there is one, which is all that is wanted.
        let _ = ring::default_provider().install_default();
    }
}

/// The TLS failure behind an error of a driver, if that is what it is.
pub(crate) fn failure_behind(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    chain(error).find_map(|cause| {
        let wrapped = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let direct = cause.downcast_ref::<rustls::Error>();
        wrapped.and_then(|inner| inner.downcast_ref::<rustls::Error>()).or(direct).map(ToString::to_string)
    })
}

/// The kind of the I/O error behind an error of a driver, if there is one.
pub(crate) fn io_kind_behind(error: &(dyn std::error::Error + 'static)) -> Option<std::io::ErrorKind> {
    chain(error).find_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind)
}

fn chain<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_certificate_is_refused() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(client_config(Some(broken)).unwrap_err().starts_with("tls_ca"));
    }

    #[test]
    fn public_roots_are_trusted_without_a_certificate_of_one_s_own() {
        assert!(client_config(None).is_ok());
    }

    #[test]
    fn a_tls_failure_is_found_behind_an_io_error() {
        let inner = rustls::Error::General("no".into());
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, inner);
        assert!(failure_behind(&error).is_some());
        assert!(failure_behind(&std::io::Error::from(std::io::ErrorKind::ConnectionRefused)).is_none());
    }
}
