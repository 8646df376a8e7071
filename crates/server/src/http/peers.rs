//! Finds the client behind trusted proxies: `X-Forwarded-For` and the PROXY protocol.
//!
//! Any client can send such a header, so it counts only on connections from the networks that the operator names.

use std::{fmt, io, net::IpAddr, str::FromStr};

use axum::http::{HeaderMap, HeaderName};
use csms_core::network::Network;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The addresses that a request went through, the nearest to this server last.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The scheme that the client used.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Begins a header of version 2 of the PROXY protocol.
const SIGNATURE_V2: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Longest header of version 1, with its line break.
const LONGEST_V1: usize = 107;

/// Most bytes of a header of version 2 after its first 16: addresses and extensions.
const LONGEST_V2: usize = 2048;

/// A network of proxies: an address, or a block of them in CIDR form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ProxyNetwork(Network);

/// Why a text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANetwork;

impl fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be an address such as 127.0.0.1, or a network such as 10.0.0.0/8 or fd00::/8")
    }
}

impl std::error::Error for NotANetwork {}

impl FromStr for ProxyNetwork {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        Network::parse(text).map(Self).ok_or(NotANetwork)
    }
}

impl TryFrom<String> for ProxyNetwork {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse()
    }
}

/// The proxies that are believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    /// Where they are.
    pub networks: Vec<ProxyNetwork>,
    /// Whether their connections begin with a header of the PROXY protocol.
    pub proxy_protocol: bool,
}

impl TrustedProxies {
    /// Whether an address is a trusted proxy's.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.0.contains(address))
    }

    /// The address that a request on a connection from `address` comes from: the right-most one that is not a trusted
    /// proxy's, as far as proxies report it.
    #[must_use]
    pub fn peer(&self, address: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut peer = address.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let reported = headers.get_all(FORWARDED_FOR).iter().rev();
        let reported = reported.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        for text in reported {
            // What a trusted proxy does not understand, it cannot vouch for: the peer is the last that is known.
            let Some(address) = std::str::from_utf8(text).ok().and_then(|text| parse_address(text.trim())) else {
                break;
            };
            peer = address;
            if !self.contains(peer) {
                break;
            }
        }
        peer
    }

    /// Whether the client's transport was encrypted, as the last proxy reports for a connection from `address`; `None` where no trusted
    /// one says anything.
    #[must_use]
    pub fn reports_tls(&self, address: IpAddr, headers: &HeaderMap) -> Option<bool> {
        let last = headers.get_all(FORWARDED_PROTO).iter().next_back()?;
        let scheme = last.as_bytes().rsplit(|byte| *byte == b',').next()?.trim_ascii();
        (!scheme.is_empty() && self.contains(address)).then(|| scheme.eq_ignore_ascii_case(b"https"))
    }
}

/// An address as `X-Forwarded-For` has it, perhaps with a port.
fn parse_address(text: &str) -> Option<IpAddr> {
    let alone = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = alone.parse().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// Reads the header of the PROXY protocol, version 1 or 2, with which a connection begins, and nothing after it. Returns
/// the client's address, or `None` for a connection of the proxy itself.
///
/// # Errors
/// A connection that begins otherwise, or ends.
pub async fn read_proxy_header(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).await?;
    if begin == SIGNATURE_V2 {
        return read_v2(stream).await;
    }
    let mut line = begin.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= LONGEST_V1 {
            return Err(malformed());
        }
        line.push(stream.read_u8().await?);
    }
    let line = std::str::from_utf8(&line).map_err(|_| malformed())?;
    let mut words = line.trim_end().split(' ');
    match (words.next(), words.next(), words.next()) {
        (Some("PROXY"), Some("UNKNOWN"), _) => Ok(None),
        (Some("PROXY"), Some("TCP4" | "TCP6"), Some(source)) => {
            source.parse().map(|address: IpAddr| Some(address.to_canonical())).map_err(|_| malformed())
        }
        _ => Err(malformed()),
    }
}

async fn read_v2(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let (version_and_command, family) = (stream.read_u8().await?, stream.read_u8().await?);
    let length = usize::from(stream.read_u16().await?);
    if length > LONGEST_V2 {
        return Err(malformed());
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    match (version_and_command, family >> 4) {
        // LOCAL: the proxy's own, such as a check of health.
        (0x20, _) => Ok(None),
        (0x21, 1) => rest.first_chunk::<4>().map(|source| Some(IpAddr::from(*source))).ok_or_else(malformed),
        (0x21, 2) => {
            let source = rest.first_chunk::<16>().ok_or_else(malformed)?;
            Ok(Some(IpAddr::from(*source).to_canonical()))
        }
        (0x21, _) => Ok(None),
        _ => Err(malformed()),
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the connection does not begin with a header of the PROXY protocol")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies() -> TrustedProxies {
        let networks = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"];
        let networks = networks.map(|network| network.parse().unwrap()).to_vec();
        TrustedProxies { networks, proxy_protocol: false }
    }

    fn peer(address: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        proxies().peer(address.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_peer_is_the_right_most_address_that_is_not_a_trusted_proxys() {
        for (address, forwarded, expected) in [
            ("192.0.2.9", &["198.51.100.1"][..], "192.0.2.9"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["6.6.6.6, 198.51.100.1, 10.1.1.1,10.2.2.2"], "198.51.100.1"),
            ("127.0.0.1", &["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            ("127.0.0.1", &["6.6.6.6, unknown, 10.2.2.2"], "10.2.2.2"),
            ("127.0.0.1", &["6.6.6.6, "], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1:443"], "198.51.100.1"),
            ("fd00::1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("fd00::1", &["2001:db8::1"], "2001:db8::1"),
        ] {
            assert_eq!(peer(address, forwarded), expected, "{address} {forwarded:?}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_can_report_that_the_client_used_tls() {
        for (address, scheme, expected) in [
            ("127.0.0.1", "https", Some(true)),
            ("127.0.0.1", "http, https", Some(true)),
            ("127.0.0.1", "https, http", Some(false)),
            ("127.0.0.1", "http", Some(false)),
            ("127.0.0.1", "https, ", None),
            ("192.0.2.9", "https", None),
        ] {
            let headers = HeaderMap::from_iter([(FORWARDED_PROTO, scheme.parse().unwrap())]);
            assert_eq!(proxies().reports_tls(address.parse().unwrap(), &headers), expected, "{address} {scheme}");
        }
        assert_eq!(proxies().reports_tls(IpAddr::from([127, 0, 0, 1]), &HeaderMap::new()), None);
    }

    #[test]
    fn a_network_is_an_address_or_a_block() {
        for text in ["127.0.0.1", "10.0.0.0/8", "::1", "fd00::/8"] {
            assert!(text.parse::<ProxyNetwork>().is_ok(), "{text}");
        }
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0/8", "*"] {
            assert_eq!(text.parse::<ProxyNetwork>(), Err(NotANetwork), "{text}");
        }
    }

    /// The address of a header, with the bytes that follow it.
    async fn header(header: &[u8]) -> io::Result<(Option<String>, String)> {
        let mut stream = [header, b"GET /"].concat();
        let mut stream = stream.as_mut_slice() as &[u8];
        let address = read_proxy_header(&mut stream).await?;
        Ok((address.map(|address| address.to_string()), String::from_utf8_lossy(stream).into_owned()))
    }

    #[tokio::test]
    async fn a_proxy_header_names_the_client_and_leaves_the_request() {
        let v2 = |command: u8, family: u8, addresses: &[u8]| {
            let length = u8::try_from(addresses.len()).unwrap();
            [&SIGNATURE_V2, &[command, family, 0, length][..], addresses].concat()
        };
        let v6: [u8; 36] = std::array::from_fn(|index| if index == 15 { 7 } else { 0 });
        for (bytes, expected) in [
            (b"PROXY TCP4 192.0.2.1 127.0.0.1 5 80\r\n".to_vec(), Some("192.0.2.1")),
            (b"PROXY TCP6 2001:db8::1 ::1 5 80\r\n".to_vec(), Some("2001:db8::1")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (v2(0x21, 0x11, &[192, 0, 2, 1, 127, 0, 0, 1, 0, 5, 0, 80]), Some("192.0.2.1")),
            (v2(0x21, 0x11, &[192, 0, 2, 1, 127, 0, 0, 1, 0, 5, 0, 80, 4, 0, 1, 9]), Some("192.0.2.1")),
            (v2(0x21, 0x21, &v6), Some("::7")),
            (v2(0x20, 0x00, &[]), None),
        ] {
            let (address, rest) = header(&bytes).await.unwrap();
            assert_eq!((address.as_deref(), rest.as_str()), (expected, "GET /"));
        }
    }

    #[tokio::test]
    async fn a_connection_that_does_not_begin_with_a_proxy_header_is_refused() {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(200));
        for bytes in [
            b"GET / HTTP/1.1\r\n\r\n".as_slice(),
            b"PROXY TCP4 nowhere 127.0.0.1 5 80\r\n",
            b"PROXY TCP9 192.0.2.1 127.0.0.1 5 80\r\n",
            long.as_bytes(),
            &[&SIGNATURE_V2[..], &[0x21, 0x11, 0, 2, 1, 2]].concat(),
            &[&SIGNATURE_V2[..], &[0x31, 0x11, 0, 0]].concat(),
        ] {
            assert!(header(bytes).await.is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
