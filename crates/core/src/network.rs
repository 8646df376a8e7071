//! Blocks of IP addresses in CIDR form.
//!
//! It resolves no names and knows no scopes.

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A block of addresses; one address is a block of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Bits before the IPv4 address in an IPv4-mapped IPv6 address.
const MAPPED_PREFIX: u8 = 96;

impl Network {
    /// Parses an address, or an address and the length of the prefix that counts: `192.0.2.7`, `192.0.2.0/24`,
    /// `2001:db8::/32`. Bits behind the prefix do not count. A block of IPv4-mapped addresses is the block of IPv4
    /// addresses; a shorter IPv6 prefix, such as `::/0`, has no IPv4 address in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let length = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u8 = match prefix {
            None => length,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.len() <= 3 => {
                digits.parse().ok().filter(|prefix| *prefix <= length)?
            }
            Some(_) => return None,
        };
        let mapped = match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().zip(prefix.checked_sub(MAPPED_PREFIX)),
            IpAddr::V4(_) => None,
        };
        Some(match mapped {
            Some((v4, prefix)) => Self { address: IpAddr::V4(v4), prefix },
            None => Self { address, prefix },
        })
    }

    /// Whether the address is in the block. An IPv4-mapped IPv6 address is the IPv4 address.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(block), IpAddr::V4(address)) => self.v4(block) == self.v4(address),
            (IpAddr::V6(block), IpAddr::V6(address)) => self.v6(block) == self.v6(address),
            _ => false,
        }
    }

    /// Whether every address of this block is in `other`.
    #[must_use]
    pub fn is_within(self, other: Self) -> bool {
        self.prefix >= other.prefix && other.contains(self.address)
    }

    /// The bits that count.
    fn v4(self, address: Ipv4Addr) -> u32 {
        u32::from(address).checked_shr(32_u32.saturating_sub(self.prefix.into())).unwrap_or(0)
    }

    /// The bits that count.
    fn v6(self, address: Ipv6Addr) -> u128 {
        u128::from(address).checked_shr(128_u32.saturating_sub(self.prefix.into())).unwrap_or(0)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        Network::parse(network).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_block_has_the_addresses_that_share_its_prefix() {
        for (network, address, expected) in [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.77/24", "192.0.2.1", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "::ffff:192.0.2.7", false),
            ("192.0.2.0/24", "::ffff:192.0.2.7", true),
            ("::ffff:192.0.2.0/120", "192.0.2.7", true),
            ("::ffff:0.0.0.0/96", "203.0.113.9", true),
        ] {
            assert_eq!(contains(network, address), expected, "{network} {address}");
        }
    }

    #[test]
    fn a_block_is_within_an_equal_or_a_wider_one() {
        for (inner, outer, expected) in [
            ("192.0.2.0/24", "192.0.2.0/24", true),
            ("192.0.2.7", "192.0.2.0/24", true),
            ("192.0.2.0/24", "192.0.2.7", false),
            ("192.0.3.7", "192.0.2.0/24", false),
            ("0.0.0.0/0", "169.254.0.0/16", false),
            ("::/0", "0.0.0.0/0", false),
        ] {
            let (inner, outer) = (Network::parse(inner).unwrap(), Network::parse(outer).unwrap());
            assert_eq!(inner.is_within(outer), expected, "{inner:?} {outer:?}");
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in [
            "",
            "/",
            "192.0.2.0/",
            "192.0.2.0/33",
            "192.0.2.0/+8",
            "192.0.2.0/-1",
            "192.0.2/24",
            "::/129",
            "::1/0128",
            "x",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn membership_is_equality_of_the_leading_bits(block: u32, address: u32, prefix in 0_u8..=32) {
            let text = alloc::format!("{}/{prefix}", Ipv4Addr::from(block));
            let same = (0..prefix).all(|bit| (block ^ address) & (0x8000_0000 >> bit) == 0);
            prop_assert_eq!(Network::parse(&text).unwrap().contains(IpAddr::V4(Ipv4Addr::from(address))), same);
        }

        #[test]
        fn the_same_holds_for_ipv6(block: u128, flipped in 0_u8..128, prefix in 0_u8..=128) {
            let text = alloc::format!("{}/{prefix}", Ipv6Addr::from(block));
            let address = Ipv6Addr::from(block ^ (1_u128 << (127 - flipped)));
            prop_assert_eq!(Network::parse(&text).unwrap().contains(IpAddr::V6(address)), flipped >= prefix);
        }
    }
}
