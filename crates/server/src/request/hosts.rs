//! Checks `Host` and `Origin` of unauthenticated requests: which names and pages may reach the public parts.
//!
//! A page in a browser can reach a server on the same machine by a name that its owner points there (DNS rebinding), and can
//! send it a login. Signed requests and requests with a token are never judged here: a page has no key to sign with.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use axum::http::{HeaderMap, HeaderValue, Uri, header, uri::Authority};
use csms_api::ErrorCode;
use serde::Deserialize;

use crate::failure::Failure;

/// The origin of a page, as browsers write it: scheme, host and port, and nothing after them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CorsOrigin(HeaderValue);

/// Why a text is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnOrigin;

impl fmt::Display for NotAnOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be of the form https://HOST or http://HOST:PORT, in lower case and without a path")
    }
}

impl std::error::Error for NotAnOrigin {}

impl CorsOrigin {
    /// The origin as a header's value.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl FromStr for CorsOrigin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(NotAnOrigin)?;
        // A name, an address in brackets, a port: what a browser would not write would never match.
        let is_plain = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
        };
        if host.is_empty() || !host.bytes().all(is_plain) {
            return Err(NotAnOrigin);
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| NotAnOrigin)
    }
}

impl TryFrom<String> for CorsOrigin {
    type Error = NotAnOrigin;

    fn try_from(text: String) -> Result<Self, NotAnOrigin> {
        text.parse()
    }
}

/// A host that the server may be called by: a name or an address, without a port, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HostName(String);

/// Why a text is not a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAHost;

impl fmt::Display for NotAHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be a host's name or address, without a scheme and a port")
    }
}

impl std::error::Error for NotAHost {}

impl FromStr for HostName {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let authority: Authority = text.parse().map_err(|_| NotAHost)?;
        // An IPv6 address has brackets in an authority.
        let is_alone = authority.host() == text && authority.port().is_none();
        if is_alone { Ok(Self(text.to_ascii_lowercase())) } else { Err(NotAHost) }
    }
}

impl TryFrom<String> for HostName {
    type Error = NotAHost;

    fn try_from(text: String) -> Result<Self, NotAHost> {
        text.parse()
    }
}

/// The names and pages that may reach what is open to everybody.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// The hosts that are let in; any when the server does not listen on loopback.
    only: Option<Vec<HostName>>,
    origins: Vec<CorsOrigin>,
}

impl Hosts {
    /// The rule of a server that listens on `listen`, which others reach at `public_url`.
    #[must_use]
    pub fn new(listen: SocketAddr, public_url: &str, allowed: &[HostName], origins: &[CorsOrigin]) -> Self {
        let only = listen.ip().to_canonical().is_loopback().then(|| {
            let public: Option<Uri> = public_url.parse().ok();
            let public = public.as_ref().and_then(Uri::host).map(|host| HostName(host.to_ascii_lowercase()));
            allowed.iter().cloned().chain(public).collect()
        });
        Self { only, origins: origins.to_vec() }
    }

    /// Requires a `Host` that the server is known by. A request without one does not come from a browser.
    ///
    /// # Errors
    /// CSMS.0302, which names the setting that lets the host in.
    pub fn check_host(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let Some(only) = &self.only else { return Ok(()) };
        let is_known = |host: &HeaderValue| {
            authority(host).is_some_and(|authority| {
                let host = authority.host().to_ascii_lowercase();
                is_loopback_name(&host) || only.iter().any(|known| known.0 == host)
            })
        };
        // Of several, each counts: a proxy in front may have looked at another one.
        if headers.get_all(header::HOST).iter().all(is_known) {
            return Ok(());
        }
        let reason = "this server is not known by the request's Host; --allow-host (allow_host) lets a host in";
        Err(Failure::new(ErrorCode::Forbidden, reason))
    }

    /// Requires that a login was not sent by a foreign page: its `Host` is known, and its `Origin`, if it has one, is the
    /// server's own or one of `--allow-origin`. A proxy in front may change the scheme, so the scheme is not compared.
    ///
    /// # Errors
    /// CSMS.0302, which names the setting.
    pub fn check_login(&self, headers: &HeaderMap) -> Result<(), Failure> {
        self.check_host(headers)?;
        let host = headers.get(header::HOST).and_then(authority);
        let is_allowed = |origin: &HeaderValue| {
            self.origins.iter().any(|allowed| allowed.0 == *origin)
                || host.as_ref().is_some_and(|host| is_own(origin, host))
        };
        if headers.get_all(header::ORIGIN).iter().filter(|origin| !origin.is_empty()).all(is_allowed) {
            return Ok(());
        }
        let reason = "a page of this origin may not log in here; --allow-origin (allow_origin) lets it in";
        Err(Failure::new(ErrorCode::Forbidden, reason))
    }
}

fn authority(header: &HeaderValue) -> Option<Authority> {
    Authority::try_from(header.as_bytes()).ok().filter(|authority| !authority.as_str().contains('@'))
}

/// Whether a host means this machine wherever it is asked for.
fn is_loopback_name(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.to_canonical().is_loopback())
}

/// Whether an origin has the host and the port of `Host`, where the port of the scheme may be left out.
fn is_own(origin: &HeaderValue, host: &Authority) -> bool {
    let Some((scheme, origin)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else { return false };
    let Ok(origin) = origin.parse::<Authority>() else { return false };
    let default = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return false,
    };
    let port = |authority: &Authority| authority.port_u16();
    let same_port = match (port(&origin), port(host)) {
        (Some(origin), Some(host)) => origin == host,
        (None, None) => true,
        (Some(only), None) | (None, Some(only)) => only == default,
    };
    same_port && origin.host().eq_ignore_ascii_case(host.host())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "127.0.0.1:7070";

    fn hosts(listen: &str) -> Hosts {
        let allowed = ["csms.internal".parse().unwrap()];
        let origins = ["https://console.example.com".parse().unwrap()];
        Hosts::new(listen.parse().unwrap(), "https://csms.example.com:8443", &allowed, &origins)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn an_origin_has_a_scheme_a_host_and_perhaps_a_port() {
        for text in
            ["https://console.example.com", "http://localhost:5173", "http://127.0.0.1:8080", "https://[::1]:443"]
        {
            assert!(text.parse::<CorsOrigin>().is_ok(), "{text}");
        }
        for text in
            ["", "*", "null", "console.example.com", "https://", "https://a/", "https://a/b", "ftp://a", "https://A"]
        {
            assert_eq!(text.parse::<CorsOrigin>(), Err(NotAnOrigin), "{text}");
        }
    }

    #[test]
    fn of_several_hosts_each_has_to_be_known() {
        let hosts = hosts(LOOPBACK);
        assert!(hosts.check_host(&headers(&[("host", "127.0.0.1"), ("host", "localhost")])).is_ok());
        for several in [["127.0.0.1", "evil.example"], ["evil.example", "127.0.0.1"]] {
            assert!(hosts.check_host(&headers(&several.map(|host| ("host", host)))).is_err(), "{several:?}");
        }
    }

    #[test]
    fn a_host_has_no_scheme_and_no_port() {
        for text in ["csms.example.com", "CSMS.example.com", "192.0.2.1", "[2001:db8::1]"] {
            assert!(text.parse::<HostName>().is_ok(), "{text}");
        }
        for text in ["", "https://csms.example.com", "csms.example.com:7070", "user@host", "a b", "a/b"] {
            assert_eq!(text.parse::<HostName>(), Err(NotAHost), "{text}");
        }
    }

    #[test]
    fn a_server_on_loopback_takes_loopback_names_its_public_one_and_those_that_are_allowed() {
        let hosts = hosts(LOOPBACK);
        for host in [
            "127.0.0.1:7070",
            "127.1.2.3",
            "localhost",
            "LocalHost:9",
            "[::1]:7070",
            "csms.example.com",
            "CSMS.example.com:1",
            "csms.internal",
        ] {
            assert!(hosts.check_host(&headers(&[("host", host)])).is_ok(), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "192.0.2.1", "", "a b", "x@localhost", "127.0.0.1.evil"]
        {
            let refused = hosts.check_host(&headers(&[("host", host)])).unwrap_err();
            assert!(refused.error.message.contains("--allow-host"), "{host}");
        }
        assert!(hosts.check_host(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn a_server_that_others_reach_takes_any_host() {
        assert!(hosts("0.0.0.0:7070").check_host(&headers(&[("host", "anything.example")])).is_ok());
    }

    #[test]
    fn a_login_of_a_page_has_the_servers_own_origin_or_an_allowed_one() {
        let hosts = hosts(LOOPBACK);
        for (host, origin) in [
            ("localhost:7070", "http://localhost:7070"),
            ("csms.example.com", "https://csms.example.com"),
            ("csms.example.com", "https://csms.example.com:443"),
            ("csms.example.com:8443", "https://CSMS.example.com:8443"),
            ("csms.example.com:8443", "http://csms.example.com:8443"),
            ("localhost:7070", "https://console.example.com"),
        ] {
            assert!(hosts.check_login(&headers(&[("host", host), ("origin", origin)])).is_ok(), "{origin}");
        }
        for (host, origin) in [
            ("localhost:7070", "https://evil.example"),
            ("localhost:7070", "http://localhost:7071"),
            ("localhost:7070", "http://localhost"),
            ("localhost:7070", "null"),
            ("localhost:7070", "file://localhost:7070"),
        ] {
            let refused = hosts.check_login(&headers(&[("host", host), ("origin", origin)])).unwrap_err();
            assert!(refused.error.message.contains("--allow-origin"), "{origin}");
        }
        assert!(hosts.check_login(&headers(&[("host", "localhost")])).is_ok());
        assert!(hosts.check_login(&headers(&[("origin", "http://localhost")])).is_err());
    }
}
