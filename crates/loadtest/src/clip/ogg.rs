//! Opus in Ogg (RFC 3533, RFC 7845): pages, and packets that may go over several of them.

use std::borrow::Cow;

use super::{FileFrame, Flaw, array};

const MAGIC: &[u8; 4] = b"OggS";
const HEADER: usize = 27;
/// In the header of a page: a packet goes on that began before it.
const CONTINUED: u8 = 1;
/// At 48 kHz: 120 ms (RFC 6716 §3.2.5).
const LONGEST: u32 = 5760;

/// Its packets of sound.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<FileFrame<'_>>, Flaw> {
    let packets = packets(bytes)?;
    let Some((at, head)) = packets.first() else {
        return Err(Flaw::at(0, "there must be a packet at least"));
    };
    if !head.starts_with(b"OpusHead") || head.len() < 19 {
        return Err(Flaw::at(*at, "the first packet must be that of Opus (OpusHead), with 19 bytes at least"));
    }
    if head[8] >> 4 != 0 {
        return Err(Flaw::at(*at, format!("the version must be below 16, and this is {}", head[8])));
    }
    if !(1..=2).contains(&head[9]) || head[18] != 0 {
        return Err(Flaw::at(*at, "there must be one channel or two, mapped as in a call (family 0)"));
    }
    match packets.get(1) {
        Some((_, tags)) if tags.starts_with(b"OpusTags") => {}
        Some((at, _)) => return Err(Flaw::at(*at, "the second packet must be OpusTags")),
        None => return Err(Flaw::at(bytes.len(), "OpusTags is missing")),
    }
    let rule = "a packet of Opus must say how long it is, and that is 120 milliseconds at most";
    packets
        .into_iter()
        .skip(2)
        .map(|(offset, packet)| {
            let ticks = ticks(&packet).ok_or_else(|| Flaw::at(offset, rule))?;
            Ok(FileFrame { offset, units: vec![packet], ticks })
        })
        .collect()
}

/// How long a packet lasts, by its configuration and how many frames it has (RFC 6716 §3.1, §3.2).
fn ticks(packet: &[u8]) -> Option<u32> {
    let first = *packet.first()?;
    let frame = match first >> 3 {
        configuration @ 0..12 => [480, 960, 1920, 2880][usize::from(configuration % 4)],
        configuration @ 12..16 => [480, 960][usize::from(configuration % 2)],
        configuration => [120, 240, 480, 960][usize::from(configuration % 4)],
    };
    let count = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1)? & 0x3f,
    };
    let ticks = frame * u32::from(count);
    (1..=LONGEST).contains(&ticks).then_some(ticks)
}

/// A packet, and its place.
type Packet<'a> = (usize, Cow<'a, [u8]>);

fn packets(bytes: &[u8]) -> Result<Vec<Packet<'_>>, Flaw> {
    let mut packets = vec![];
    // What has begun on a page and goes on on the next one.
    let mut open: Option<Packet<'_>> = None;
    let mut serial = None;
    let mut offset = 0;
    while offset < bytes.len() {
        let page = Page::read(&bytes[offset..]).map_err(|rule| Flaw::at(offset, rule))?;
        if *serial.get_or_insert(page.serial) != page.serial {
            return Err(Flaw::at(offset, "there must be one stream alone"));
        }
        if page.is_continued != open.is_some() {
            return Err(Flaw::at(offset, "a packet that goes on on the next page must do so, and no other"));
        }
        let mut at = offset + HEADER + page.lacing.len();
        let mut rest = page.body;
        for run in page.lacing.split_inclusive(|length| *length < 255) {
            let length = run.iter().map(|length| usize::from(*length)).sum();
            // The lacing and the body were compared.
            let (part, after) = rest.split_at(length);
            let packet = match open.take() {
                Some((begin, mut packet)) => {
                    packet.to_mut().extend_from_slice(part);
                    (begin, packet)
                }
                None => (at, Cow::Borrowed(part)),
            };
            if run.ends_with(&[255]) {
                open = Some(packet)
            } else {
                packets.push(packet)
            }
            (rest, at) = (after, at + length);
        }
        offset = at;
    }
    match open {
        Some((begin, _)) => Err(Flaw::at(begin, "the packet is cut off")),
        None => Ok(packets),
    }
}

/// A page, RFC 3533 §6.
struct Page<'a> {
    is_continued: bool,
    serial: u32,
    /// The lengths of the pieces of packets: less than 255 ends one.
    lacing: &'a [u8],
    body: &'a [u8],
}

impl<'a> Page<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let header: [u8; HEADER] = array(bytes, 0).ok_or("the header of a page is cut off")?;
        if !header.starts_with(MAGIC) || header[4] != 0 {
            return Err("a page of Ogg must begin here: OggS, version 0");
        }
        let cut_off = "the page is cut off";
        let (lacing, rest) = bytes[HEADER..].split_at_checked(header[26].into()).ok_or(cut_off)?;
        let length = lacing.iter().map(|length| usize::from(*length)).sum();
        let body = rest.get(..length).ok_or(cut_off)?;
        let sum = u32::from_le_bytes([header[22], header[23], header[24], header[25]]);
        // It is reckoned with nothing in its own place.
        let zeros = [0; 4];
        if checksum([&header[..22], &zeros, &header[26..], lacing, body]) != sum {
            return Err("the checksum of the page must be right");
        }
        let serial = u32::from_le_bytes([header[14], header[15], header[16], header[17]]);
        Ok(Self { is_continued: header[5] & CONTINUED != 0, serial, lacing, body })
    }
}

/// Polynomial 04c11db7, neither reflected nor inverted.
pub(super) fn checksum<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    let bytes = parts.into_iter().flatten();
    bytes.fold(0, |sum: u32, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| {
            let carry = if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            sum << 1 ^ carry
        })
    })
}
