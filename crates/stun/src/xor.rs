//! The value of XOR-MAPPED-ADDRESS and its like (RFC 8489 §14.2): disguised from boxes that rewrite addresses they see.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{COOKIE, TransactionId};

const IPV4: u8 = 1;
const IPV6: u8 = 2;
/// Bytes with an IPv4 and with an IPv6 address.
const SHORT: usize = 8;
const LONG: usize = 20;

pub(crate) fn read(value: &[u8], transaction: &TransactionId) -> Option<SocketAddr> {
    let ([_, family, high, low], ip) = value.split_first_chunk()?;
    let port = u16::from_be_bytes([*high, *low]) ^ (COOKIE >> 16) as u16;
    let ip: IpAddr = match *family {
        IPV4 => Ipv4Addr::from_bits(u32::from_be_bytes(ip.try_into().ok()?) ^ COOKIE).into(),
        IPV6 => Ipv6Addr::from_bits(u128::from_be_bytes(ip.try_into().ok()?) ^ mask(transaction)).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The value, and how many of the bytes it has.
pub(crate) fn write(address: SocketAddr, transaction: &TransactionId) -> ([u8; LONG], usize) {
    let [high, low] = (address.port() ^ (COOKIE >> 16) as u16).to_be_bytes();
    let mut value = [0; LONG];
    match address.ip() {
        IpAddr::V4(ip) => {
            value[..4].copy_from_slice(&[0, IPV4, high, low]);
            value[4..SHORT].copy_from_slice(&(ip.to_bits() ^ COOKIE).to_be_bytes());
            (value, SHORT)
        }
        IpAddr::V6(ip) => {
            value[..4].copy_from_slice(&[0, IPV6, high, low]);
            value[4..].copy_from_slice(&(ip.to_bits() ^ mask(transaction)).to_be_bytes());
            (value, LONG)
        }
    }
}

fn mask(transaction: &TransactionId) -> u128 {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(transaction);
    u128::from_be_bytes(mask)
}
