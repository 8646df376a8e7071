//! Which hosts the server and its rotation function may connect to on behalf of others: the databases that secrets name, and
//! webhooks.
//!
//! It decides about a host and one address that it resolved to. It does not resolve: the caller resolves once, asks here, and
//! connects to the address that was judged.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use crate::{
    network::Network,
    problem::{Rule, Violation},
};

/// User variable of a rotation function with the entries of the allow list, separated by commas.
pub const ALLOW_VARIABLE: &str = "CSMS_TARGET_ALLOW";

/// User variable of a rotation function with the entries of the deny list, separated by commas.
pub const DENY_VARIABLE: &str = "CSMS_TARGET_DENY";

/// Networks that hold no database and no webhook, but services that trust whoever shares a machine or a link with them:
/// link-local addresses, the metadata services of clouds, and "this host", which leads to the loopback interface.
const REFUSED_BY_DEFAULT: [&str; 10] = [
    "0.0.0.0/8",
    "169.254.0.0/16",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "192.0.0.192/32",
    "::/128",
    "fe80::/10",
    "fec0::/10",
    "fd00:ec2::/32",
    "fd20:ce::254/128",
];

/// IPv6 prefixes below which an IPv4 address stands that the connection reaches through a translator, each with the first octet
/// of that address: NAT64 (RFC 6052), the beginning of its local prefix (RFC 8215), IPv4-translated (RFC 2765) and the deprecated
/// IPv4-compatible addresses, and 6to4 (RFC 3056).
const EMBEDDING: [(&str, usize); 5] =
    [("64:ff9b::/96", 12), ("64:ff9b:1::/96", 12), ("::ffff:0:0:0/96", 12), ("::/96", 12), ("2002::/16", 2)];

/// One entry of a list: a network, a host name, or all names below a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPattern {
    /// An address or a network in CIDR form.
    Network(Network),
    /// A host name, in lower case and without a final dot.
    Host(String),
    /// Every name below a domain, written `*.example.com`; the domain itself is not one of them.
    Below(String),
}

/// A host name as it is compared: without case, and without the dot of a fully qualified name.
fn plain(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

impl FromStr for TargetPattern {
    type Err = Violation;

    fn from_str(text: &str) -> Result<Self, Violation> {
        if let Some(network) = Network::parse(text) {
            return Ok(Self::Network(network));
        }
        let (name, make): (&str, fn(String) -> Self) = match text.strip_prefix("*.") {
            Some(domain) => (domain, Self::Below),
            None => (text, Self::Host),
        };
        let name = plain(name);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        // A name of digits alone is an address that was written wrongly, such as 10.0.0.0/33 or 10.0.0.
        let is_name = name.len() <= 253
            && name.split('.').all(is_label)
            && name.rsplit('.').next().is_some_and(|last| !last.bytes().all(|b| b.is_ascii_digit()));
        if is_name {
            Ok(make(name))
        } else {
            Err(Violation::new(
                Rule::Pattern,
                "an address, a network such as 10.0.0.0/8, a host name, or *.example.com",
            ))
        }
    }
}

impl TargetPattern {
    fn matches(&self, host: &str, address: IpAddr) -> bool {
        match self {
            Self::Network(network) => network.contains(address),
            Self::Host(name) => name == host,
            Self::Below(domain) => host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.')),
        }
    }
}

/// Why a target may not be connected to. For the operator's log; the owner of a secret learns only that the target is not
/// reachable, because the reason describes the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetRefusal {
    /// An entry of the deny list matches.
    Denied(IpAddr),
    /// The address is link-local, of a metadata service or of "this host", and the allow list does not name it.
    Reserved(IpAddr),
    /// There is an allow list, and nothing in it matches.
    NotAllowed(IpAddr),
}

impl fmt::Display for TargetRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(address) => write!(f, "the deny list of targets names {address} or its host"),
            Self::Reserved(address) => {
                write!(f, "{address} is link-local, of a metadata service or of no host, and no entry allows it")
            }
            Self::NotAllowed(address) => write!(f, "no entry of the allow list of targets names {address} or its host"),
        }
    }
}

impl core::error::Error for TargetRefusal {}

/// The operator's lists. Without entries everything is allowed but link-local addresses, metadata services and "this host".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetRules {
    allow: Vec<TargetPattern>,
    deny: Vec<TargetPattern>,
}

impl TargetRules {
    /// Rules from lists. When `allow` has entries, everything else is refused; `deny` wins over `allow`.
    #[must_use]
    pub const fn new(allow: Vec<TargetPattern>, deny: Vec<TargetPattern>) -> Self {
        Self { allow, deny }
    }

    /// Reads both lists, entries separated by commas, as the variables of functions hold them.
    ///
    /// # Errors
    /// [`Rule::Pattern`] for the first entry that is neither an address, a network nor a name.
    pub fn parse(allow: &str, deny: &str) -> Result<Self, Violation> {
        let list = |text: &str| {
            text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::parse).collect::<Result<_, _>>()
        };
        Ok(Self { allow: list(allow)?, deny: list(deny)? })
    }

    /// Whether a connection to `address`, which `host` resolved to, is allowed. `host` may be a literal address.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn judge(&self, host: &str, address: IpAddr) -> Result<(), TargetRefusal> {
        let host = plain(host);
        let address = address.to_canonical();
        // Each address that packets may end at counts against the target, and one of them is enough.
        let reached = || [Some(address), embedded(address)].into_iter().flatten();
        if reached().any(|address| self.deny.iter().any(|entry| entry.matches(&host, address))) {
            return Err(TargetRefusal::Denied(address));
        }
        if reached().any(|address| self.is_reserved(address)) {
            return Err(TargetRefusal::Reserved(address));
        }
        if self.allow.is_empty() || self.allow.iter().any(|entry| entry.matches(&host, address)) {
            Ok(())
        } else {
            Err(TargetRefusal::NotAllowed(address))
        }
    }

    /// Whether the address is refused by default and no entry names it or a part of that network. A wide entry such as
    /// `0.0.0.0/0` does not mean metadata services, and neither does a name, whose owner decides what it resolves to.
    fn is_reserved(&self, address: IpAddr) -> bool {
        REFUSED_BY_DEFAULT.iter().filter_map(|text| Network::parse(text)).any(|reserved| {
            reserved.contains(address)
                && !self.allow.iter().any(|entry| match entry {
                    TargetPattern::Network(network) => network.contains(address) && network.is_within(reserved),
                    TargetPattern::Host(_) | TargetPattern::Below(_) => false,
                })
        })
    }
}

/// The IPv4 address in an IPv6 address that a translator connects to instead.
fn embedded(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(v6) = address else { return None };
    // ::1 and :: are addresses of their own.
    if v6 == Ipv6Addr::LOCALHOST || v6 == Ipv6Addr::UNSPECIFIED {
        return None;
    }
    let is_below = |prefix: &str| Network::parse(prefix).is_some_and(|network| network.contains(address));
    let (_, first) = EMBEDDING.iter().find(|(prefix, _)| is_below(prefix))?;
    let octets: [u8; 4] = v6.octets().get(*first..)?.first_chunk().copied()?;
    Some(IpAddr::V4(Ipv4Addr::from(octets)))
}

/// The entries as a variable of a function holds them.
#[must_use]
pub fn join(entries: &[TargetPattern]) -> String {
    entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

impl fmt::Display for TargetPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => write!(f, "{network}"),
            Self::Host(name) => f.write_str(name),
            Self::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(allow: &str, deny: &str, host: &str, address: &str) -> Result<(), TargetRefusal> {
        TargetRules::parse(allow, deny).unwrap().judge(host, address.parse().unwrap())
    }

    #[test]
    fn every_constant_network_is_one() {
        for text in REFUSED_BY_DEFAULT.iter().chain(EMBEDDING.iter().map(|(prefix, _)| prefix)) {
            assert!(Network::parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn without_lists_all_but_reserved_addresses_are_allowed() {
        for address in ["10.0.0.7", "127.0.0.1", "192.0.2.1", "::1", "2001:db8::1", "fd00::1", "100.100.100.201"] {
            assert_eq!(judge("", "", "db", address), Ok(()), "{address}");
        }
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "2002:a9fe:a9fe::1",
            "::169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
            "0.0.0.0",
            "::",
        ] {
            let refused = judge("", "", "db", address);
            assert!(matches!(refused, Err(TargetRefusal::Reserved(_))), "{address}: {refused:?}");
        }
    }

    #[test]
    fn a_reserved_address_is_allowed_only_by_an_entry_for_it() {
        assert_eq!(judge("169.254.169.254", "", "db", "169.254.169.254"), Ok(()));
        assert_eq!(judge("169.254.8.0/24", "", "db", "169.254.8.9"), Ok(()));
        for allow in ["0.0.0.0/0", "db", "*.example.com,db", "169.254.8.0/24"] {
            assert!(judge(allow, "", "db", "169.254.169.254").is_err(), "{allow}");
        }
    }

    #[test]
    fn an_allow_list_refuses_everything_else() {
        let allow = "10.0.0.0/8,*.example.com,db.local";
        for (host, address, allowed) in [
            ("x", "10.1.2.3", true),
            ("a.example.com", "192.0.2.1", true),
            ("A.B.Example.COM.", "192.0.2.1", true),
            ("db.local", "192.0.2.1", true),
            ("example.com", "192.0.2.1", false),
            ("badexample.com", "192.0.2.1", false),
            ("my-db.local", "192.0.2.1", false),
            ("x", "11.0.0.1", false),
        ] {
            assert_eq!(judge(allow, "", host, address).is_ok(), allowed, "{host} {address}");
        }
    }

    #[test]
    fn the_deny_list_wins() {
        assert_eq!(judge("10.0.0.0/8", "10.9.0.0/16", "db", "10.8.0.1"), Ok(()));
        assert!(matches!(judge("10.0.0.0/8", "10.9.0.0/16", "db", "10.9.0.1"), Err(TargetRefusal::Denied(_))));
        assert!(matches!(judge("10.0.0.0/8", "DB", "db.", "10.8.0.1"), Err(TargetRefusal::Denied(_))));
        assert!(matches!(judge("", "127.0.0.0/8", "db", "64:ff9b::7f00:1"), Err(TargetRefusal::Denied(_))));
        assert!(matches!(judge("169.254.1.1", "*.local", "a.local", "169.254.1.1"), Err(TargetRefusal::Denied(_))));
    }

    #[test]
    fn entries_are_written_as_they_are_read() {
        let text = "10.0.0.0/8,192.0.2.7/32,2001:db8::/32,db.local,*.example.com";
        let rules = TargetRules::parse(text, "").unwrap();
        assert_eq!(join(&rules.allow), text);
        assert_eq!(TargetRules::parse(&join(&rules.allow), ""), Ok(rules));
        assert_eq!(TargetRules::parse(" , db ,", ""), TargetRules::parse("db", ""));
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for text in ["10.0.0.0/33", "10.0.0", "*", "*.", "a b", "http://db", "db:5432", "a..b", "[::1]", "db*.local"] {
            assert!(TargetRules::parse(text, "").is_err(), "{text}");
        }
    }
}
