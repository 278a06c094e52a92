//! Which IP addresses belong to the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::domain::Network;

/// IPv4 ranges that are not the public internet (IANA special-purpose registry).
const CLOSED_V4: [Network; 16] = [
    v4([0, 0, 0, 0], 8),       // "this network"
    v4([10, 0, 0, 0], 8),      // private
    v4([100, 64, 0, 0], 10),   // carrier-grade NAT
    v4([127, 0, 0, 0], 8),     // loopback
    v4([169, 254, 0, 0], 16),  // link-local, cloud metadata
    v4([172, 16, 0, 0], 12),   // private
    v4([192, 0, 0, 0], 24),    // protocol assignments
    v4([192, 0, 2, 0], 24),    // documentation
    v4([192, 31, 196, 0], 24), // AS112
    v4([192, 88, 99, 0], 24),  // 6to4 relays
    v4([192, 168, 0, 0], 16),  // private
    v4([198, 18, 0, 0], 15),   // benchmarks
    v4([198, 51, 100, 0], 24), // documentation
    v4([203, 0, 113, 0], 24),  // documentation
    v4([224, 0, 0, 0], 4),     // multicast
    v4([240, 0, 0, 0], 4),     // reserved, broadcast
];

/// Global unicast is `2000::/3`; these parts of it are not, because they carry or name something else.
const CLOSED_V6: [Network; 6] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),         // Teredo, benchmarks, ORCHID
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),     // documentation
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),         // 6to4, holds an IPv4 address
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), // AS112
    v6([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16),         // 6bone, returned
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),         // documentation
];

const GLOBAL_V6: Network = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Whether an address may be connected to without being asked for by name in the settings.
///
/// Everything outside `2000::/3` is closed for IPv6: loopback, link-local, unique local, multicast, and every form that
/// carries an IPv4 address (mapped `::ffff:`, compatible `::`, NAT64 `64:ff9b::`), whose inside a router and not we would
/// judge. A network that reaches IPv4 only through NAT64 names `64:ff9b::/96` in `allow_addresses`.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => !CLOSED_V4.iter().any(|closed| closed.contains(address)),
        IpAddr::V6(v6) => {
            v6.to_ipv4_mapped().is_none()
                && GLOBAL_V6.contains(address)
                && !CLOSED_V6.iter().any(|closed| closed.contains(address))
        }
    }
}

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Network {
    Network::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8) -> Network {
    Network::new(IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "1.1.1.1 8.8.8.8 192.0.1.1 100.128.0.1 172.32.0.1 198.20.0.1 223.255.255.255 \
        2606:4700:4700::1111 2a01:4f8::1 2001:4860:4860::8888";

    const CLOSED: &str = "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 \
        169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.168.1.1 192.88.99.1 198.18.0.1 \
        198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 \
        :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::127.0.0.1 64:ff9b::8.8.8.8 \
        64:ff9b:1::1 100::1 2001::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808::1 \
        3ffe::1 3fff::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1";

    #[test]
    fn only_the_public_internet_is_public() {
        for (addresses, expected) in [(PUBLIC, true), (CLOSED, false)] {
            for address in addresses.split_whitespace() {
                assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
            }
        }
    }
}
