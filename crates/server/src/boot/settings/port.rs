//! Settings of the port: TLS, proxies in front, and how many connections there may be.

use std::path::PathBuf;

use super::SettingsError;
use crate::http::{
    connections::ConnectionLimits,
    peers::{ProxyNetwork, TrustedProxies},
    tls::TlsFiles,
};

/// The port's settings, as flags and file have them.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) trusted_proxies: Vec<ProxyNetwork>,
    pub(super) proxy_protocol: bool,
    pub(super) max_connections: Option<usize>,
    pub(super) max_connections_per_peer: Option<usize>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) tls_client_ca: Option<PathBuf>,
}

/// The port's settings.
#[derive(Clone, Debug, Default)]
pub struct PortSettings {
    /// Proxies that are believed.
    pub proxies: TrustedProxies,
    /// Most connections, if it is not left to the number of file descriptors.
    pub max_connections: Option<usize>,
    /// Most unproven connections of one peer, if it is not left to that of all.
    pub max_connections_per_peer: Option<usize>,
    /// Files of the certificate and its key; without them the port speaks clear text.
    pub tls: Option<TlsFiles>,
}

impl PortSettings {
    /// The limits of connections where `descriptors` files may be open.
    #[must_use]
    pub fn limits(&self, descriptors: u64) -> ConnectionLimits {
        let limits = match self.max_connections {
            Some(total) => ConnectionLimits::for_total(total),
            None => ConnectionLimits::for_descriptors(descriptors),
        };
        let per_peer = self.max_connections_per_peer.unwrap_or(limits.per_peer);
        ConnectionLimits { per_peer: per_peer.min(limits.total), ..limits }
    }
}

impl Given {
    pub(super) fn resolve(self) -> Result<PortSettings, SettingsError> {
        if self.proxy_protocol && self.trusted_proxies.is_empty() {
            return Err(SettingsError::value("proxy_protocol", "needs trusted_proxy to be set".to_owned()));
        }
        for (name, value) in
            [("max_connections", self.max_connections), ("max_connections_per_peer", self.max_connections_per_peer)]
        {
            if value == Some(0) {
                return Err(SettingsError::value(name, "must be at least 1".to_owned()));
            }
        }
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => {
                Some(TlsFiles { certificate, key, client_authorities: self.tls_client_ca })
            }
            (Some(_), None) => return Err(SettingsError::value("tls_cert", "needs tls_key to be set".to_owned())),
            (None, Some(_)) => return Err(SettingsError::value("tls_key", "needs tls_cert to be set".to_owned())),
            (None, None) if self.tls_client_ca.is_some() => {
                return Err(SettingsError::value("tls_client_ca", "needs tls_cert and tls_key to be set".to_owned()));
            }
            (None, None) => None,
        };
        Ok(PortSettings {
            proxies: TrustedProxies { networks: self.trusted_proxies, proxy_protocol: self.proxy_protocol },
            max_connections: self.max_connections,
            max_connections_per_peer: self.max_connections_per_peer,
            tls,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_settings_or_follow_from_each_other() {
        let limits = |max_connections, max_connections_per_peer| {
            PortSettings { max_connections, max_connections_per_peer, ..PortSettings::default() }.limits(1024)
        };
        assert_eq!(limits(None, None), ConnectionLimits { total: 768, per_peer: 96 });
        assert_eq!(limits(Some(80), None), ConnectionLimits { total: 80, per_peer: 10 });
        assert_eq!(limits(Some(80), Some(5)), ConnectionLimits { total: 80, per_peer: 5 });
        assert_eq!(limits(Some(80), Some(500)), ConnectionLimits { total: 80, per_peer: 80 });
    }
}
