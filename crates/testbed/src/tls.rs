//! Certificates for instances that speak TLS, and how a client reaches them.
//!
//! Each instance has a certificate authority of its own, so a client that trusts one of them
//! proves that it verifies: every other instance must be refused.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

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
    /// Plain and TLS connections, with the certificate that MySQL generates for itself: it carries no names.
    Generated,
}

/// How a login reaches a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Without TLS.
    Plain,
    /// TLS, verified against this certificate authority (PEM) and the address 127.0.0.1.
    Tls(String),
    /// The same, with a client certificate.
    Mutual {
        /// The certificate authority, PEM.
        authority: String,
        /// The client's certificate, PEM.
        certificate: String,
        /// Its private key, PEM.
        key: String,
    },
}

/// The certificates of one instance, in PEM.
#[derive(Clone)]
pub struct Identity {
    /// What a client has to trust.
    pub authority: String,
    /// The server's certificate for `localhost` and 127.0.0.1.
    pub certificate: String,
    /// The server's private key.
    pub key: String,
    /// The certificate and the private key of a client.
    client: Option<(String, String)>,
}

impl Identity {
    /// A new authority, and what it certifies.
    ///
    /// # Errors
    /// When the library that makes certificates fails.
    pub fn generate() -> Result<Self> {
        // A name of its own, so that clients see an unknown authority and not a forged signature.
        let name = format!("Testbed authority {}", hex::encode(random::<8>()?));
        Self::issue(&name)
            .map_err(|error| Error::Malformed { what: "certificate request".into(), detail: error.to_string() })
    }

    /// A certificate that the server has made itself, signed by this authority.
    pub(crate) fn foreign(authority: String) -> Self {
        Self { authority, certificate: String::new(), key: String::new(), client: None }
    }

    /// The certificate and the private key of a client.
    pub(crate) fn client(&self) -> Option<(&str, &str)> {
        self.client.as_ref().map(|(certificate, key)| (certificate.as_str(), key.as_str()))
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
        let issuer = Issuer::new(authority, authority_key);
        let certificate = server.signed_by(&key, &issuer)?;
        let mut client = CertificateParams::new(Vec::new())?;
        client.distinguished_name.push(DnType::CommonName, "app");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client_key = KeyPair::generate()?;
        let client_certificate = client.signed_by(&client_key, &issuer)?;
        Ok(Self {
            authority: authority_certificate.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            client: Some((client_certificate.pem(), client_key.serialize_pem())),
        })
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// A client configuration that trusts only the certificates in `authority` (PEM); with a certificate and a key (PEM), it
/// shows them.
pub(crate) fn client_config(authority: &str, own: Option<(&str, &str)>) -> Result<ClientConfig> {
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
    let config = config.with_root_certificates(roots);
    let Some((certificate, key)) = own else { return Ok(config.with_no_client_auth()) };
    let certificates = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<std::result::Result<_, _>>();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| malformed(chain(&error)))?;
    config
        .with_client_auth_cert(certificates.map_err(|error| malformed(chain(&error)))?, key)
        .map_err(|error| malformed(chain(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instance_has_an_authority_of_its_own() {
        let [one, other] = [(); 2].map(|()| Identity::generate().unwrap());
        assert_ne!(one.authority, other.authority);
        assert!(client_config(&one.authority, None).is_ok());
    }

    #[test]
    fn an_authority_without_a_certificate_is_refused() {
        let error = client_config("no PEM here", None).unwrap_err();
        assert!(error.to_string().contains("no certificate"), "{error}");
    }

    #[test]
    fn a_private_key_is_not_shown_for_debugging() {
        let identity = Identity::generate().unwrap();
        assert_eq!(format!("{identity:?}"), "Identity { .. }");
    }
}
