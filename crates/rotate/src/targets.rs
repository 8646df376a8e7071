//! Resolves the host of an account once and keeps the addresses that the operator's rules allow.
//!
//! The drivers connect to these addresses and resolve nothing themselves, so that a name cannot lead elsewhere between the
//! check and the connection. The name stays the one that a certificate has to prove.

use std::net::IpAddr;

use csms_core::{rotation::Login, target::TargetRules};

/// The addresses of a login's host that may be connected to, at least one.
///
/// # Errors
/// What stands in the way, for the operator's log.
pub(crate) async fn resolve(rules: &TargetRules, login: &Login) -> Result<Vec<IpAddr>, String> {
    let host = login.host.as_str();
    let found = tokio::net::lookup_host((host, login.port)).await.map_err(|error| error.to_string())?;
    let mut allowed = Vec::new();
    let mut refusal = "the name has no address".to_owned();
    for address in found.map(|address| address.ip()) {
        match rules.judge(host, address) {
            Ok(()) if allowed.contains(&address) => {}
            Ok(()) => allowed.push(address),
            Err(refused) => refusal = refused.to_string(),
        }
    }
    if allowed.is_empty() { Err(refusal) } else { Ok(allowed) }
}

#[cfg(test)]
mod tests {
    use csms_core::rotation::Engine;

    use super::*;

    async fn resolved(deny: &str, host: &str) -> Result<Vec<IpAddr>, String> {
        let rules = TargetRules::parse("", deny).unwrap();
        let login = Login {
            engine: Engine::PostgreSql,
            host: host.to_owned(),
            port: 5432,
            dbname: None,
            username: "app".to_owned(),
        };
        resolve(&rules, &login).await
    }

    #[tokio::test]
    async fn an_allowed_address_is_kept_and_a_refused_one_says_why() {
        assert_eq!(resolved("", "127.0.0.1").await, Ok(vec!["127.0.0.1".parse().unwrap()]));
        assert!(resolved("", "169.254.169.254").await.unwrap_err().contains("metadata"));
        assert!(resolved("127.0.0.0/8", "127.0.0.1").await.unwrap_err().contains("deny list"));
    }

    #[tokio::test]
    async fn a_name_is_judged_by_the_addresses_it_resolves_to() {
        assert!(resolved("", "localhost").await.is_ok());
        assert!(resolved("127.0.0.0/8,::1", "localhost").await.is_err());
    }
}
