//! What is known of a request before it is read: its identifier, where it comes from, and whether its transport was encrypted.
//!
//! The port finds these facts out; the gate and the audit trail use them. Knows nothing of operations and rights.

pub mod hosts;
pub mod path;

use std::{
    cell::RefCell,
    net::{IpAddr, Ipv6Addr},
};

use axum::http::{HeaderName, HeaderValue};

/// Header that carries the identifier of a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Random bytes of an identifier.
const ID_BYTES: usize = 16;

thread_local! {
    /// Random bytes for further identifiers: the system is asked once for many of them.
    static DRAWN: RefCell<Vec<[u8; ID_BYTES]>> = const { RefCell::new(Vec::new()) };
}

/// Draws the bytes of an identifier.
fn draw() -> [u8; ID_BYTES] {
    DRAWN.with_borrow_mut(|drawn| {
        if drawn.is_empty() {
            drawn.resize(64, [0; ID_BYTES]);
            // Without randomness the identifier is all zeros: a request without one would be worse.
            let _ = getrandom::fill(drawn.as_flattened_mut());
        }
        drawn.pop().unwrap_or_default()
    })
}

/// Makes the identifier of a request: 32 random hexadecimal digits, so that it says nothing of other requests.
#[must_use]
pub fn make_request_id() -> HeaderValue {
    let random = draw();
    let mut text = [0_u8; 32];
    let encoded = hex::encode_to_slice(random, &mut text).ok();
    encoded.and_then(|()| HeaderValue::from_bytes(&text).ok()).unwrap_or(HeaderValue::from_static("0"))
}

/// The address that a request comes from: the other end of its connection, or the one that a trusted proxy reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What limits count as one peer: an IPv4 address, or the /64 of an IPv6 address, which one customer has as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerNetwork(IpAddr);

impl Peer {
    /// The network that limits and slow-downs count for this peer.
    #[must_use]
    pub fn network(self) -> PeerNetwork {
        PeerNetwork(match self.0.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// Whether a request was encrypted on its way: by this server's TLS, or by a trusted proxy's as it reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secure(pub bool);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn network(address: &str) -> PeerNetwork {
        Peer(address.parse().unwrap()).network()
    }

    #[test]
    fn an_identifier_has_32_hexadecimal_digits_and_does_not_follow_from_another() {
        let ids: HashSet<String> = (0..100).map(|_| make_request_id().to_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), 100);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())));
        let halves: HashSet<&str> = ids.iter().flat_map(|id| [&id[..16], &id[16..]]).collect();
        assert_eq!(halves.len(), 200);
    }

    #[test]
    fn peers_count_by_address_and_by_the_64_bits_of_an_ipv6_network() {
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }
}
