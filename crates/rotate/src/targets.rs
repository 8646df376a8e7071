//! Resolves the host that rotations of an account use once and keeps the addresses that the operator's rules allow.
//!
//! The drivers connect to these addresses and resolve nothing themselves, so that a name cannot lead elsewhere between the
//! check and the connection. The name stays the one that a certificate has to prove.

use std::net::SocketAddr;

use csms_core::{rotation::Login, target::TargetRules};

/// Why there is no address to connect to, with the reason for the operator's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoTarget {
    /// The name does not resolve.
    Unresolved(String),
    /// The rules allow none of its addresses.
    Refused(String),
}

/// The addresses of a login's server that may be connected to, at least one.
///
/// # Errors
/// What stands in the way.
pub(crate) async fn resolve(rules: &TargetRules, login: &Login) -> Result<Vec<SocketAddr>, NoTarget> {
    let (host, port) = login.rotation_address();
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
}
