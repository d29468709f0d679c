//! Settings that speak of addresses: ranges of them, who may come in, and what an address is called outside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::value::{Parsed, TextList};

/// An address and the number of its leading bits that count (RFC 4632 §3.1, RFC 4291 §2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressRange {
    address: IpAddr,
    prefix: u32,
}

impl AddressRange {
    /// One address.
    pub fn host(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: bits(address) }
    }

    /// `prefix` = number of bits; more than the address has count as all of them.
    pub fn new(address: IpAddr, prefix: u32) -> Self {
        Self { address, prefix: prefix.min(bits(address)) }
    }

    /// Whether `ip` belongs to it. IPv4 and IPv4 inside IPv6 are the same.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                let outside = 32 - self.prefix;
                (u64::from(own.to_bits()) >> outside) == (u64::from(ip.to_bits()) >> outside)
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                let differing = own.to_bits() ^ ip.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

const fn bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => Ipv4Addr::BITS,
        IpAddr::V6(_) => Ipv6Addr::BITS,
    }
}

impl std::str::FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let Some((address, prefix)) = text.split_once('/') else { return text.parse().ok().map(Self::host) };
            let (address, prefix): (IpAddr, u32) = (address.parse().ok()?, prefix.parse().ok()?);
            (prefix <= bits(address)).then_some(Self { address, prefix })
        };
        parsed().ok_or_else(|| {
            format!("'{text}' is not a valid IP Address (IPv4 or IPv6) or range of them, such as 198.51.100.0/24")
        })
    }
}

/// Who may send requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccessList {
    /// Everybody.
    All,
    /// Those in one of these ranges.
    Only(Vec<AddressRange>),
}

pub(super) fn access_list(text: &str) -> Parsed<AccessList> {
    match text.trim() {
        "" | "all" => Ok(AccessList::All),
        listed => listed.split(',').map(|entry| entry.trim().parse()).collect::<Result<_, _>>().map(AccessList::Only),
    }
}

/// Proxies that are believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustedProxies(Vec<AddressRange>);

impl TrustedProxies {
    /// Whether a connection from there is one of theirs.
    pub fn has(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(ip))
    }
}

impl std::str::FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut ranges = vec![];
        for word in text.split(',').map(str::trim) {
            match word {
                "" | "none" => {}
                "loopback" => ranges.extend(parsed(&["127.0.0.0/8", "::1"])),
                // RFC 1918, RFC 4193.
                "private" => ranges.extend(parsed(&["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"])),
                range => ranges.push(range.parse().map_err(|rule| format!("{rule}, loopback, private or none"))?),
            }
        }
        Ok(Self(ranges))
    }
}

fn parsed(ranges: &[&str]) -> Vec<AddressRange> {
    ranges.iter().filter_map(|range| range.parse().ok()).collect()
}

pub(super) fn trusted_proxies(text: &str) -> Parsed<TrustedProxies> {
    text.parse()
}

/// What an address of this machine is called by those outside of a 1:1 NAT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicAddress {
    /// As the network interface has it.
    pub private: IpAddr,
    /// As others reach it.
    pub public: IpAddr,
}

pub(super) fn public_addresses(text: &str) -> Parsed<Vec<PublicAddress>> {
    let TextList(pairs) = text.parse()?;
    pairs.iter().map(|pair| public_address(pair)).collect()
}

/// `private:public`; IPv6 in brackets.
fn public_address(pair: &str) -> Parsed<PublicAddress> {
    let invalid = || format!("Not valid ip pair in MEDIA_NODES_PUBLIC_IPS: {pair}");
    let end = if pair.starts_with('[') { pair.find("]:").map(|end| end + 1) } else { pair.find(':') };
    let (private, public) = pair.split_at(end.ok_or_else(invalid)?);
    let ip = |text: &str| {
        let unbracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        unbracketed.parse::<IpAddr>().ok().filter(|ip| !ip.is_unspecified()).ok_or_else(invalid)
    };
    Ok(PublicAddress { private: ip(private.trim())?, public: ip(public[1..].trim())? })
}

/// Where clients find a TURN server beside this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TurnAddress {
    /// At the public address of this server.
    Public,
    /// At the IPv4 address found at the start.
    FoundV4,
    /// At the IPv6 address found at the start.
    FoundV6,
    /// Here.
    Ip(IpAddr),
}

pub(super) fn turn_address(text: &str) -> Parsed<TurnAddress> {
    match text {
        "" => Ok(TurnAddress::Public),
        "auto-ipv4" => Ok(TurnAddress::FoundV4),
        "auto-ipv6" => Ok(TurnAddress::FoundV6),
        _ => text.parse().map(TurnAddress::Ip).map_err(|_| {
            format!("Is not a valid IP Address (IPv4 or IPv6): '{text}' is neither of them, nor auto-ipv4 or auto-ipv6")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &str, ip: &str) -> bool {
        range.parse::<AddressRange>().unwrap().contains(ip.parse().unwrap())
    }

    #[test]
    fn a_range_holds_what_shares_its_leading_bits() {
        assert!(holds("198.51.100.0/24", "198.51.100.255") && !holds("198.51.100.0/24", "198.51.101.0"));
        assert!(holds("198.51.100.77/24", "198.51.100.1"), "bits behind the prefix do not count");
        assert!(holds("198.51.100.7", "198.51.100.7") && !holds("198.51.100.7", "198.51.100.6"));
        assert!(holds("0.0.0.0/0", "203.0.113.9") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("::/0", "2001:db8::1") && !holds("::/0", "203.0.113.9"));
        assert!(holds("::1/128", "::1") && !holds("::1", "::2"));
        assert!(holds("198.51.100.0/24", "::ffff:198.51.100.9"), "IPv4 as a socket for both families shows it");
    }

    #[test]
    fn what_is_no_range_is_named() {
        for text in ["198.51.100.0/33", "::1/129", "198.51.100", "host", "198.51.100.0/", "198.51.100.0/-1", "/8", ""] {
            let rule = text.parse::<AddressRange>().unwrap_err();
            assert!(rule.contains(&format!("'{text}'")), "{rule}");
        }
        let rule = access_list("198.51.100.1, 198.51.100.0/24,nonsense").unwrap_err();
        assert!(rule.starts_with("'nonsense' is not a valid IP Address"), "{rule}");
    }

    #[test]
    fn an_empty_list_lets_everybody_in() {
        assert_eq!(access_list(""), Ok(AccessList::All));
        assert_eq!(access_list("all"), Ok(AccessList::All));
        assert!(matches!(access_list("198.51.100.1, 198.51.100.0/24"), Ok(AccessList::Only(list)) if list.len() == 2));
        assert!(access_list("198.51.100.1,").is_err());
    }

    #[test]
    fn proxies_are_ranges_or_words_for_them() {
        let has = |text: &str, ip: &str| text.parse::<TrustedProxies>().unwrap().has(ip.parse().unwrap());
        for ip in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert!(has("loopback", ip) && !has("private", ip) && !has("none", ip) && !has("", ip), "{ip}");
        }
        for ip in ["10.1.2.3", "172.18.0.3", "192.168.0.1", "fd00::1"] {
            assert!(has("loopback, private", ip) && !has("loopback", ip), "{ip}");
        }
        assert!(has("loopback,203.0.113.0/24", "203.0.113.9") && !has("private", "203.0.113.9"));
        let rule = "loopback, nginx".parse::<TrustedProxies>().unwrap_err();
        assert!(rule.starts_with("'nginx' is not a valid IP Address") && rule.ends_with("private or none"), "{rule}");
    }

    #[test]
    fn pairs_of_addresses_are_read_in_both_families() {
        let pair = |private: &str, public: &str| PublicAddress {
            private: private.parse().unwrap(),
            public: public.parse().unwrap(),
        };
        assert_eq!(public_addresses("[]"), Ok(vec![]));
        assert_eq!(
            public_addresses(r#"["10.0.0.5:203.0.113.5", "[fd00::5]:[2001:db8::5]"]"#),
            Ok(vec![pair("10.0.0.5", "203.0.113.5"), pair("fd00::5", "2001:db8::5")])
        );
        assert_eq!(public_addresses("[10.0.0.5:203.0.113.5]"), Ok(vec![pair("10.0.0.5", "203.0.113.5")]));
        for text in ["[10.0.0.5]", "[10.0.0.5:]", "[:1.2.3.4]", "[a:b]", "[10.0.0.5:0.0.0.0]", "[[::1]]"] {
            let rule = public_addresses(text).unwrap_err();
            assert!(rule.starts_with("Not valid ip pair in MEDIA_NODES_PUBLIC_IPS"), "{text}: {rule}");
        }
    }
}
