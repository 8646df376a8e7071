//! Calls from the server to other services: TLS, and requests signed as the cloud's services want them.
//!
//! Timeouts and the meaning of answers are the callers'.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use csms_core::{
    UnixMillis,
    sign::{Signer, host_header},
    target::{TargetRefusal, TargetRules},
};
use reqwest::{
    Client, RequestBuilder, Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use crate::failure::Failure;

/// TLS that trusts the system's authorities and those in `pem`.
///
/// # Errors
/// Certificates that cannot be used.
pub(crate) fn tls(pem: Option<&str>) -> Result<rustls::ClientConfig, Failure> {
    csms_tls::client_config(pem).map_err(Failure::internal)
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

/// Resolves names and keeps the addresses that the operator's rules allow, so that the address that was judged is the one that
/// is connected to.
#[derive(Clone, Debug)]
pub(crate) struct AllowedAddresses {
    rules: Arc<TargetRules>,
}

impl AllowedAddresses {
    pub(crate) fn new(rules: TargetRules) -> Self {
        Self { rules: Arc::new(rules) }
    }
}

impl Resolve for AllowedAddresses {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.rules);
        Box::pin(async move {
            let host = name.as_str();
            let mut allowed: Vec<SocketAddr> = Vec::new();
            let mut refusal = None;
            for address in tokio::net::lookup_host((host, 0)).await? {
                match rules.judge(host, address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(refused) => refusal = Some(refused),
                }
            }
            match refusal {
                Some(refusal) if allowed.is_empty() => Err(refusal.into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// Judges the host of an address if it is a literal one, which no resolver sees.
///
/// # Errors
/// The rule that forbids it.
pub(crate) fn judge_literal(rules: &TargetRules, url: &Url) -> Result<(), TargetRefusal> {
    let host = url.host_str().unwrap_or_default();
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    literal.parse::<IpAddr>().map_or(Ok(()), |address| rules.judge(literal, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_address_is_judged_however_it_is_written() {
        let judged = |url: &str| judge_literal(&TargetRules::default(), &url.parse().unwrap());
        for url in [
            "http://169.254.169.254/",
            "https://[fe80::1]/",
            "https://[::ffff:169.254.169.254]/",
            "http://0xa9fea9fe/",
            "http://2852039166/",
        ] {
            assert!(judged(url).is_err(), "{url}");
        }
        for url in ["http://127.0.0.1:9/", "https://hooks.example/", "https://[2001:db8::1]/"] {
            assert!(judged(url).is_ok(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_leads_only_to_allowed_addresses() {
        let resolve = async |deny: &str| {
            let resolver = AllowedAddresses::new(TargetRules::parse("", deny).unwrap());
            resolver.resolve("localhost".parse().unwrap()).await.map(Iterator::count).ok()
        };
        assert!(resolve("").await.is_some_and(|count| count > 0));
        assert_eq!(resolve("127.0.0.0/8,::1").await, None);
    }
}
