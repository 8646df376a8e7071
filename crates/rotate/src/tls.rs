//! The one TLS configuration: rustls with ring, the system's authorities and the account's own certificates, host names verified
//! unless the account says otherwise by name.

use std::{io::ErrorKind, sync::Arc};

use csms_core::rotation::{
    Message, Trust,
    message::{attempt, connection as say},
};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};

/// A configuration that trusts the public roots and the account's own, and shows the account's certificate if it has one.
///
/// # Errors
/// The member of the value that cannot be used.
pub(crate) fn client_config(trust: &Trust) -> Result<ClientConfig, Message> {
    let roots = csms_tls::roots(trust.ca.as_deref()).map_err(|error| say::tls_ca(error.to_string()))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| say::said(error.to_string()))?
        .with_root_certificates(Arc::clone(&roots));
    let mut config = match &trust.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).map_err(|_| say::tls_key())?;
            builder
                .with_client_auth_cert(certificates(&identity.certificate)?, key)
                .map_err(|error| say::tls_pair(error.to_string()))?
        }
    };
    if trust.any_name {
        let chain = WebPkiServerVerifier::builder_with_provider(roots, provider)
            .build()
            .map_err(|error| say::tls_ca(error.to_string()))?;
        config.dangerous().set_certificate_verifier(Arc::new(AnyName(chain)));
    }
    Ok(config)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, Message> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>();
    certificates.map_err(|_| say::tls_certificate())
}

/// Verifies the chain of a certificate and not its name (`verify-ca`).
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // The chain comes first, so a failure of the name says that the chain is good.
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Makes ring the provider of drivers that build their own configuration, unless the process has chosen one.
pub(crate) fn choose_provider() {
    if CryptoProvider::get_default().is_none() {
        // Another thread may have been faster; then there is one, which is all that is wanted.
        let _ = ring::default_provider().install_default();
    }
}

/// The TLS failure behind an error of a driver, if that is what it is, with the member of the value that mends it.
pub(crate) fn failure_behind(error: &(dyn std::error::Error + 'static)) -> Option<Message> {
    chain(error).find_map(|cause| {
        let wrapped = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let direct = cause.downcast_ref::<rustls::Error>();
        wrapped.and_then(|inner| inner.downcast_ref::<rustls::Error>()).or(direct).map(with_remedy)
    })
}

fn with_remedy(failure: &rustls::Error) -> Message {
    let said = say::said(failure.to_string());
    match failure {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            attempt::remedied(said, say::give_ca())
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => attempt::remedied(said, say::give_name()),
        _ => said,
    }
}

/// A kind of I/O error as a message.
pub(crate) fn said_of(kind: ErrorKind) -> Message {
    match kind {
        ErrorKind::ConnectionRefused => say::refused(),
        ErrorKind::ConnectionReset => say::reset(),
        ErrorKind::TimedOut => say::timed_out(),
        ErrorKind::UnexpectedEof => say::ended(),
        ErrorKind::HostUnreachable => say::host_unreachable(),
        ErrorKind::NetworkUnreachable => say::network_unreachable(),
        other => say::said(other.to_string()),
    }
}

/// The kind of the I/O error behind an error of a driver, if there is one.
pub(crate) fn io_kind_behind(error: &(dyn std::error::Error + 'static)) -> Option<ErrorKind> {
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
        let trust = Trust { ca: Some(broken.to_owned()), ..Trust::default() };
        assert_eq!(client_config(&trust).unwrap_err().code(), "tls.ca");
    }

    #[test]
    fn public_roots_are_trusted_without_a_certificate_of_one_s_own() {
        assert!(client_config(&Trust::default()).is_ok());
    }

    #[test]
    fn a_failure_names_the_member_that_mends_it() {
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(with_remedy(&unknown).english().ends_with("UnknownIssuer; put the CA's certificate into tls_ca"));
    }

    #[test]
    fn a_kind_of_error_reads_as_the_system_says_it() {
        for kind in [
            ErrorKind::ConnectionRefused,
            ErrorKind::ConnectionReset,
            ErrorKind::TimedOut,
            ErrorKind::UnexpectedEof,
            ErrorKind::HostUnreachable,
            ErrorKind::NetworkUnreachable,
            ErrorKind::BrokenPipe,
        ] {
            assert_eq!(said_of(kind).english(), kind.to_string());
        }
    }

    #[test]
    fn a_tls_failure_is_found_behind_an_io_error() {
        let inner = rustls::Error::General("no".into());
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, inner);
        assert!(failure_behind(&error).is_some());
        assert!(failure_behind(&std::io::Error::from(std::io::ErrorKind::ConnectionRefused)).is_none());
    }
}
