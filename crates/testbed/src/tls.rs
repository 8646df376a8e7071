//! Certificates for instances that speak TLS, and how a client reaches them.
//!
//! Each instance has a certificate authority of its own, so a client that trusts one of them
//! proves that it verifies: every other instance must be refused.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::error::{Error, Result, chain};
use crate::port::random;

/// Whether an instance speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Plain connections only.
    #[default]
    Off,
    /// Plain and TLS connections.
    Offered,
    /// TLS connections only; a plain one is refused.
    Required,
}

/// How a login reaches a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Without TLS.
    Plain,
    /// TLS, verified against this certificate authority (PEM) and the address 127.0.0.1.
    Tls(String),
}

/// The certificates of one instance, in PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    /// What a client has to trust.
    pub(crate) authority: String,
    /// The server's certificate for `localhost` and 127.0.0.1.
    pub(crate) certificate: String,
    /// The server's private key.
    pub(crate) key: String,
}

impl Identity {
    pub(crate) fn generate() -> Result<Self> {
        // A name of its own, so that clients see an unknown authority and not a forged signature.
        let name = format!("Testbed authority {}", hex::encode(random::<8>()?));
        Self::issue(&name)
            .map_err(|error| Error::Malformed { what: "certificate request".into(), detail: error.to_string() })
    }

    fn issue(name: &str) -> std::result::Result<Self, rcgen::Error> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.distinguished_name.push(DnType::CommonName, name);
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = KeyPair::generate()?;
        let authority_certificate = authority.self_signed(&authority_key)?;

        let mut server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &Issuer::new(authority, authority_key))?;
        Ok(Self { authority: authority_certificate.pem(), certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// A client configuration that trusts only the certificates in `authority` (PEM).
pub(crate) fn client_config(authority: &str) -> Result<ClientConfig> {
    let malformed = |detail: String| Error::Malformed { what: "certificate authority".into(), detail };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        let certificate = certificate.map_err(|error| malformed(error.to_string()))?;
        roots.add(certificate).map_err(|error| malformed(chain(&error)))?;
    }
    if roots.is_empty() {
        return Err(malformed("no certificate in it".into()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| malformed(chain(&error)))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instance_has_an_authority_of_its_own() {
        let [one, other] = [(); 2].map(|()| Identity::generate().unwrap());
        assert_ne!(one.authority, other.authority);
        assert!(client_config(&one.authority).is_ok());
    }

    #[test]
    fn an_authority_without_a_certificate_is_refused() {
        let error = client_config("no PEM here").unwrap_err();
        assert!(error.to_string().contains("no certificate"), "{error}");
    }

    #[test]
    fn a_private_key_is_not_shown_for_debugging() {
        let identity = Identity::generate().unwrap();
        assert_eq!(format!("{identity:?}"), "Identity { .. }");
    }
}
