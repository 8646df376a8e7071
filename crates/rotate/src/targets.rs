//! Resolves a host once and keeps the addresses that the operator's rules allow.
//!
//! Drivers and clients connect to these addresses and resolve nothing themselves, so that a name cannot lead elsewhere between
//! the check and the connection. The name stays the one that a certificate has to prove.

use core::{
    fmt,
    net::{IpAddr, SocketAddr},
};
use std::sync::Arc;

use csms_core::{
    rotation::Login,
    target::{TargetRefusal, TargetRules},
};
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// Why there is no address to connect to, with the reason for the operator's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoTarget {
    /// The name does not resolve.
    Unresolved(String),
    /// The rules allow none of its addresses.
    Refused(String),
}

impl fmt::Display for NoTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved(reason) | Self::Refused(reason) => f.write_str(reason),
        }
    }
}

impl core::error::Error for NoTarget {}

/// The addresses of a login's server that may be connected to, at least one.
///
/// # Errors
/// What stands in the way.
pub(crate) async fn resolve(rules: &TargetRules, login: &Login) -> Result<Vec<SocketAddr>, NoTarget> {
    let (host, port) = login.rotation_address();
    resolve_host(rules, host, port).await
}

async fn resolve_host(rules: &TargetRules, host: &str, port: u16) -> Result<Vec<SocketAddr>, NoTarget> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found = found.map_err(|error| NoTarget::Unresolved(error.to_string()))?;
    let mut allowed = Vec::new();
    let mut refusal = NoTarget::Unresolved("the name has no address".to_owned());
    for address in found {
        match rules.judge(host, address.ip()) {
            Ok(()) if allowed.contains(&address) => {}
            Ok(()) => allowed.push(address),
            Err(refused) => refusal = NoTarget::Refused(refused.to_string()),
        }
    }
    if allowed.is_empty() { Err(refusal) } else { Ok(allowed) }
}

/// The resolver of an HTTP client that connects only to addresses that the operator's rules allow. It does not see literal
/// addresses; see [`judge_literal`].
#[derive(Clone, Debug)]
pub struct AllowedAddresses {
    rules: Arc<TargetRules>,
}

impl AllowedAddresses {
    /// A resolver by these rules.
    #[must_use]
    pub fn new(rules: TargetRules) -> Self {
        Self { rules: Arc::new(rules) }
    }
}

impl Resolve for AllowedAddresses {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.rules);
        Box::pin(async move {
            let allowed = resolve_host(&rules, name.as_str(), 0).await?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Judges the host of an address if it is a literal one, which no resolver sees.
///
/// # Errors
/// The rule that forbids it.
pub fn judge_literal(rules: &TargetRules, url: &Url) -> Result<(), TargetRefusal> {
    let host = url.host_str().unwrap_or_default();
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    literal.parse::<IpAddr>().map_or(Ok(()), |address| rules.judge(literal, address))
}

#[cfg(test)]
mod tests {
    use csms_core::rotation::Engine;

    use super::*;

    async fn resolved(deny: &str, host: &str) -> Result<Vec<SocketAddr>, NoTarget> {
        let rules = TargetRules::parse("", deny).unwrap();
        let login = Login {
            engine: Engine::PostgreSql,
            host: host.to_owned(),
            port: 5432,
            dbname: None,
            username: "app".to_owned(),
            rotation_host: None,
            rotation_port: None,
        };
        resolve(&rules, &login).await
    }

    #[tokio::test]
    async fn an_allowed_address_is_kept_and_a_refused_one_says_why() {
        assert_eq!(resolved("", "127.0.0.1").await, Ok(vec!["127.0.0.1:5432".parse().unwrap()]));
        let refusal = async |deny, host| match resolved(deny, host).await {
            Err(NoTarget::Refused(reason)) => reason,
            other => panic!("{other:?}"),
        };
        assert!(refusal("", "169.254.169.254").await.contains("metadata"));
        assert!(refusal("127.0.0.0/8", "127.0.0.1").await.contains("deny list"));
        assert!(matches!(resolved("", "absent.invalid").await, Err(NoTarget::Unresolved(_))));
    }

    #[tokio::test]
    async fn a_name_is_judged_by_the_addresses_it_resolves_to() {
        assert!(resolved("", "localhost").await.is_ok());
        assert!(resolved("127.0.0.0/8,::1", "localhost").await.is_err());
    }

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
