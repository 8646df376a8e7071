//! Calls from the server to other services: TLS, and requests signed as the cloud's services want them.
//!
//! Timeouts and the meaning of answers are the callers'.

use std::sync::Arc;

use csms_core::{
    UnixMillis,
    sign::{SignedRequest, authorize, format_date, host_header, payload_hash},
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

/// With which keys requests are signed.
pub(crate) struct Signer<'k> {
    pub(crate) access_key: &'k str,
    pub(crate) secret_key: &'k str,
}

/// A signed POST of JSON for a project.
pub(crate) fn signed_post(
    http: &Client,
    url: Url,
    signer: &Signer<'_>,
    project: &str,
    body: Vec<u8>,
    now: UnixMillis,
) -> RequestBuilder {
    let (date, hash) = (format_date(now), payload_hash(&body));
    let host = host_header(url.scheme(), url.host_str().unwrap_or_default(), url.port());
    let request = SignedRequest { method: "POST", path: url.path(), query: "", date: &date, payload_hash: &hash };
    let headers = [
        ("content-type", "application/json"),
        ("host", host.as_str()),
        ("x-project-id", project),
        ("x-sdk-date", date.as_str()),
    ];
    let authorization = authorize(signer.access_key, signer.secret_key.as_bytes(), &request, &headers);
    let call = http.post(url).header("authorization", authorization).body(body);
    headers.into_iter().fold(call, |call, (name, value)| call.header(name, value))
}
