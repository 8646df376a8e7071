//! Calls from the server to other services: TLS, and requests signed as the cloud's services want them.
//!
//! Timeouts and the meaning of answers are the callers'.

use std::sync::Arc;

use csms_core::{
    UnixMillis,
    sign::{Signer, host_header},
};
use reqwest::{Client, RequestBuilder, Url};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use crate::failure::Failure;

/// TLS with ring, the public roots and the authorities in `pem`; verification cannot be switched off.
///
/// # Errors
/// Certificates that cannot be read.
pub(crate) fn tls(pem: Option<&str>) -> Result<rustls::ClientConfig, Failure> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = pem {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(certificate.map_err(|error| Failure::internal(error.to_string()))?).map_err(Failure::internal)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(Failure::internal)?.with_root_certificates(roots).with_no_client_auth())
}

/// A signed POST of JSON.
pub(crate) fn signed_post(
    http: &Client,
    url: Url,
    signer: &Signer<'_>,
    body: Vec<u8>,
    now: UnixMillis,
) -> RequestBuilder {
    let host = host_header(url.scheme(), url.host_str().unwrap_or_default(), url.port());
    let headers = signer.json_headers("POST", host, url.path(), &body, now);
    headers.into_iter().fold(http.post(url).body(body), |call, (name, value)| call.header(name, value))
}
