//! SRTP and SRTCP (RFC 3711; with AES-GCM RFC 7714) of transports that send: media is sealed where it stands, RTCP goes
//! both ways. Media that comes in is the engine's.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, Algorithm, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use dimpl::SrtpProfile;

/// Of the two GCM profiles.
const GCM_TAG: usize = 16;
/// Of HMAC-SHA1-80.
const HMAC_TAG: usize = 10;
/// Fixed header of RTCP that stays in the clear: the first packet's, with its sender.
const RTCP_CLEAR: usize = 8;
/// The word behind an SRTCP packet: encrypted or not, and its number.
const RTCP_INDEX: usize = 4;
const ENCRYPTED: u32 = 1 << 31;
/// Numbers behind the newest one that are still told apart.
const REPLAY_WINDOW: u32 = 64;

/// What session keys are derived for (RFC 3711 §4.3.1).
#[derive(Clone, Copy)]
enum Purpose {
    Rtp,
    Rtcp,
}

/// Both directions of one association.
pub(super) struct Keys {
    pub(super) sending: Sealer,
    pub(super) receiving: RtcpOpener,
}

impl Keys {
    /// Of what the handshake exports (RFC 5764 §4.2). `None` if the profile is none of ours or the material too short.
    pub(super) fn new(profile: SrtpProfile, material: &[u8], are_client: bool) -> Option<Self> {
        let (key, salt) = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => (16, 14),
            SrtpProfile::AEAD_AES_128_GCM => (16, 12),
            SrtpProfile::AEAD_AES_256_GCM => (32, 12),
            _ => return None,
        };
        let (client_key, rest) = material.split_at_checked(key)?;
        let (server_key, rest) = rest.split_at_checked(key)?;
        let (client_salt, rest) = rest.split_at_checked(salt)?;
        let server_salt = rest.get(..salt)?;
        let client = Master { profile, key: client_key, salt: client_salt };
        let server = Master { profile, key: server_key, salt: server_salt };
        let (ours, theirs) = if are_client { (client, server) } else { (server, client) };
        Some(Self {
            sending: Sealer {
                rtp: ours.session(Purpose::Rtp).ok()?,
                rtcp: ours.session(Purpose::Rtcp).ok()?,
                rtcp_index: 0,
            },
            receiving: RtcpOpener { rtcp: theirs.session(Purpose::Rtcp).ok()?, seen: Senders::default() },
        })
    }
}

#[derive(Clone, Copy)]
struct Master<'a> {
    profile: SrtpProfile,
    key: &'a [u8],
    salt: &'a [u8],
}

impl Master<'_> {
    /// RFC 3711 §4.3.3; a salt of 12 bytes is filled up with zeros (RFC 7714 §11).
    fn derive<const N: usize>(&self, label: u8) -> Result<[u8; N], Unspecified> {
        let algorithm: &'static Algorithm = if self.key.len() == 32 { &AES_256 } else { &AES_128 };
        let mut block = [0; 16];
        block[..self.salt.len()].copy_from_slice(self.salt);
        block[7] ^= label;
        let mut derived = [0; N];
        counter_mode(&EncryptingKey::ctr(UnboundCipherKey::new(algorithm, self.key)?)?, block, &mut derived)?;
        Ok(derived)
    }

    fn session(&self, purpose: Purpose) -> Result<Cipher, Unspecified> {
        let first = match purpose {
            Purpose::Rtp => 0,
            Purpose::Rtcp => 3,
        };
        let salt_label = first + 2;
        Ok(match self.profile {
            SrtpProfile::AEAD_AES_256_GCM => Cipher::Gcm {
                key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.derive::<32>(first)?)?),
                salt: self.derive(salt_label)?,
            },
            SrtpProfile::AEAD_AES_128_GCM => Cipher::Gcm {
                key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &self.derive::<16>(first)?)?),
                salt: self.derive(salt_label)?,
            },
            _ => Cipher::Counter(Box::new(Counter {
                key: EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, &self.derive::<16>(first)?)?)?,
                authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.derive::<20>(first + 1)?),
                salt: self.derive(salt_label)?,
            })),
        })
    }
}

/// Session keys of one direction and protocol.
enum Cipher {
    Gcm { key: LessSafeKey, salt: [u8; 12] },
    Counter(Box<Counter>),
}

/// AES in counter mode with HMAC-SHA1, for clients that have no better.
struct Counter {
    key: EncryptingKey,
    authentication: hmac::Key,
    salt: [u8; 14],
}

impl Cipher {
    const fn tag(&self) -> usize {
        match self {
            Self::Gcm { .. } => GCM_TAG,
            Self::Counter(_) => HMAC_TAG,
        }
    }
}

/// AES in counter mode, which is its own inverse.
fn counter_mode(key: &EncryptingKey, block: [u8; 16], contents: &mut [u8]) -> Result<(), Unspecified> {
    key.less_safe_encrypt(contents, EncryptionContext::Iv128(FixedLength::from(block))).map(drop)
}

/// The nonce of AES-GCM: RFC 7714 §8.1 with roll-over count and number, §9.1 with an RTCP index.
fn gcm_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = *salt;
    let ssrc = ssrc.to_be_bytes();
    let index = index.to_be_bytes();
    for (byte, value) in nonce[2..].iter_mut().zip(ssrc.iter().chain(&index[2..])) {
        *byte ^= value;
    }
    Nonce::assume_unique_for_key(nonce)
}

/// The first block of AES-CM: RFC 3711 §4.1.1.
fn counter_block(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut block = [0; 16];
    block[..14].copy_from_slice(salt);
    let ssrc = ssrc.to_be_bytes();
    let index = index.to_be_bytes();
    for (byte, value) in block[4..14].iter_mut().zip(ssrc.iter().chain(&index[2..])) {
        *byte ^= value;
    }
    block
}

/// What is sent.
pub(super) struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    rtcp_index: u32,
}

impl Sealer {
    /// Bytes that follow each RTP packet.
    pub(super) const fn tag(&self) -> usize {
        self.rtp.tag()
    }

    /// Seals a packet in place: its header, its payload and room for the tag. `index` is its number with the count of
    /// roll-overs, used once for each source.
    pub(super) fn rtp(&self, packet: &mut [u8], header: usize, ssrc: u32, index: u64) -> Result<(), Unspecified> {
        let body = packet.len().checked_sub(self.tag()).filter(|end| *end >= header).ok_or(Unspecified)?;
        let (contents, tag) = packet.split_at_mut(body);
        match &self.rtp {
            Cipher::Gcm { key, salt } => {
                let (header, payload) = contents.split_at_mut(header);
                let sealed =
                    key.seal_in_place_separate_tag(gcm_nonce(salt, ssrc, index), Aad::from(&*header), payload)?;
                tag.copy_from_slice(sealed.as_ref());
            }
            Cipher::Counter(counter) => {
                let Counter { key, authentication, salt } = &**counter;
                counter_mode(key, counter_block(salt, ssrc, index), &mut contents[header..])?;
                let mut context = hmac::Context::with_key(authentication);
                context.update(contents);
                context.update(&((index >> 16) as u32).to_be_bytes());
                tag.copy_from_slice(&context.sign().as_ref()[..HMAC_TAG]);
            }
        }
        Ok(())
    }

    /// Seals a compound packet; it gets longer.
    pub(super) fn rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Unspecified> {
        let index = self.rtcp_index;
        self.rtcp_index = (index + 1) & !ENCRYPTED;
        let word = (ENCRYPTED | index).to_be_bytes();
        let ssrc = sender(packet).ok_or(Unspecified)?;
        match &self.rtcp {
            Cipher::Gcm { key, salt } => {
                let aad = rtcp_aad(packet, word);
                let nonce = gcm_nonce(salt, ssrc, u64::from(index));
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), &mut packet[RTCP_CLEAR..])?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&word);
            }
            Cipher::Counter(counter) => {
                let Counter { key, authentication, salt } = &**counter;
                counter_mode(key, counter_block(salt, ssrc, u64::from(index)), &mut packet[RTCP_CLEAR..])?;
                packet.extend_from_slice(&word);
                let tag = hmac::sign(authentication, packet);
                packet.extend_from_slice(&tag.as_ref()[..HMAC_TAG]);
            }
        }
        Ok(())
    }
}

/// Who sent a compound packet.
fn sender(packet: &[u8]) -> Option<u32> {
    packet.get(4..RTCP_CLEAR)?.try_into().ok().map(u32::from_be_bytes)
}

/// What RFC 7714 §9.2 authenticates in the clear. The packet has a header.
fn rtcp_aad(packet: &[u8], word: [u8; RTCP_INDEX]) -> [u8; RTCP_CLEAR + RTCP_INDEX] {
    let mut aad = [0; RTCP_CLEAR + RTCP_INDEX];
    aad[..RTCP_CLEAR].copy_from_slice(&packet[..RTCP_CLEAR]);
    aad[RTCP_CLEAR..].copy_from_slice(&word);
    aad
}

/// RTCP that comes.
pub(super) struct RtcpOpener {
    rtcp: Cipher,
    seen: Senders,
}

impl RtcpOpener {
    /// Puts what a datagram says into `plain`, which is reused. `None` if it is not authentic, or was there before.
    pub(super) fn open(&mut self, datagram: &[u8], plain: &mut Vec<u8>) -> Option<()> {
        plain.clear();
        let ssrc = sender(datagram)?;
        let tag = self.rtcp.tag();
        let contents = datagram.len().checked_sub(tag + RTCP_INDEX).filter(|length| *length >= RTCP_CLEAR)?;
        match &self.rtcp {
            Cipher::Gcm { key, salt } => {
                let word: [u8; RTCP_INDEX] = *datagram.last_chunk()?;
                let index = encrypted_index(word)?;
                self.seen.is_new(ssrc, index).then_some(())?;
                plain.extend_from_slice(&datagram[..datagram.len() - RTCP_INDEX]);
                let aad = Aad::from(rtcp_aad(datagram, word));
                let nonce = gcm_nonce(salt, ssrc, u64::from(index));
                key.open_in_place(nonce, aad, &mut plain[RTCP_CLEAR..]).ok()?;
                plain.truncate(contents);
                self.seen.note(ssrc, index);
            }
            Cipher::Counter(counter) => {
                let Counter { key, authentication, salt } = &**counter;
                let (signed, tag) = datagram.split_at(datagram.len() - tag);
                let index = encrypted_index(*signed.last_chunk()?)?;
                self.seen.is_new(ssrc, index).then_some(())?;
                let expected = hmac::sign(authentication, signed);
                aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..HMAC_TAG], tag).ok()?;
                plain.extend_from_slice(&signed[..contents]);
                counter_mode(key, counter_block(salt, ssrc, u64::from(index)), &mut plain[RTCP_CLEAR..]).ok()?;
                self.seen.note(ssrc, index);
            }
        }
        Some(())
    }
}

/// Everybody encrypts RTCP here.
fn encrypted_index(word: [u8; RTCP_INDEX]) -> Option<u32> {
    let word = u32::from_be_bytes(word);
    (word & ENCRYPTED != 0).then_some(word & !ENCRYPTED)
}

/// Sources of RTCP that are remembered, of one client.
const MAX_SENDERS: usize = 16;

/// Which numbers came from whom: each source counts for itself (RFC 3711 §3.2.3). Chromium's receivers of sound and of pictures, and
/// who reports arrivals, are several.
#[derive(Default)]
struct Senders(Vec<(u32, Replay)>);

impl Senders {
    fn is_new(&self, ssrc: u32, index: u32) -> bool {
        self.0.iter().find(|(known, _)| *known == ssrc).is_none_or(|(_, replay)| replay.is_new(index))
    }

    /// Of a packet that is authentic.
    fn note(&mut self, ssrc: u32, index: u32) {
        let known = self.0.iter().position(|(known, _)| *known == ssrc);
        let at = known.unwrap_or_else(|| {
            if self.0.len() == MAX_SENDERS {
                self.0.remove(0);
            }
            self.0.push((ssrc, Replay::default()));
            self.0.len() - 1
        });
        self.0[at].1.note(index);
    }
}

/// Which numbers came (RFC 3711 §3.3.2).
#[derive(Default)]
struct Replay {
    /// One more than the newest.
    next: u32,
    /// Bit n: the one n before the newest.
    seen: u64,
}

impl Replay {
    fn is_new(&self, index: u32) -> bool {
        if index >= self.next {
            return true;
        }
        let age = self.next - 1 - index;
        age < REPLAY_WINDOW && self.seen & (1 << age) == 0
    }

    fn note(&mut self, index: u32) {
        if index >= self.next {
            let ahead = index + 1 - self.next;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.next = index + 1;
        } else {
            self.seen |= 1 << (self.next - 1 - index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILES: [SrtpProfile; 3] =
        [SrtpProfile::AES128_CM_SHA1_80, SrtpProfile::AEAD_AES_128_GCM, SrtpProfile::AEAD_AES_256_GCM];

    fn hex(text: &str) -> Vec<u8> {
        let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        text.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    /// Both sides of one association.
    fn ends(profile: SrtpProfile) -> (Keys, Keys) {
        let material: Vec<u8> = (0..profile.keying_material_len() as u8).collect();
        (Keys::new(profile, &material, true).unwrap(), Keys::new(profile, &material, false).unwrap())
    }

    #[test]
    fn session_keys_are_those_of_rfc_3711_appendix_b_3() {
        let key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        let master = Master { profile: SrtpProfile::AES128_CM_SHA1_80, key: &key, salt: &salt };
        assert_eq!(master.derive::<16>(0).unwrap()[..], hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(master.derive::<14>(2).unwrap()[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(master.derive::<20>(1).unwrap()[..], hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    #[test]
    fn a_packet_is_sealed_as_in_rfc_7714_section_16_1() {
        let cipher = Cipher::Gcm {
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &hex("000102030405060708090a0b0c0d0e0f")).unwrap()),
            salt: hex("517569642070726f2071756f").try_into().unwrap(),
        };
        let other = ends(SrtpProfile::AEAD_AES_128_GCM).0.sending;
        let sealer = Sealer { rtp: cipher, ..other };
        let header = "8040f17b 8041f8d3 5501a0b2";
        let payload = "47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573";
        let mut packet = [hex(header), hex(payload), vec![0; GCM_TAG]].concat();
        sealer.rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b).unwrap();
        let sealed = "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833
                      899d7f27 beb16a91 52cf765e e4390cce";
        assert_eq!(packet, [hex(header), hex(sealed)].concat());
    }

    #[test]
    fn rtcp_is_opened_once_by_the_other_side_and_by_nobody_else() {
        for profile in PROFILES {
            let (mut client, mut server) = ends(profile);
            let plain: Vec<u8> = [&[0x80, 201, 0, 7, 1, 2, 3, 4][..], &[9; 24]].concat();
            let mut opened = Vec::new();
            for round in 0..3 {
                let mut packet = plain.clone();
                client.sending.rtcp(&mut packet).unwrap();
                assert_ne!(packet[8..32], plain[8..], "{profile}");
                for end in 0..packet.len() {
                    assert_eq!(server.receiving.open(&packet[..end], &mut opened), None, "cut at {end}");
                    let mut damaged = packet.clone();
                    damaged[end] ^= 1;
                    assert_eq!(server.receiving.open(&damaged, &mut opened), None, "damaged at {end}");
                }
                assert_eq!(client.receiving.open(&packet, &mut opened), None, "our own keys");
                assert_eq!(server.receiving.open(&packet, &mut opened), Some(()), "{profile}, {round}");
                assert_eq!(opened, plain);
                assert_eq!(server.receiving.open(&packet, &mut opened), None, "a second time");
            }
        }
    }

    #[test]
    fn each_source_of_rtcp_counts_for_itself() {
        let mut seen = Senders::default();
        (0..200).for_each(|index| seen.note(1, index));
        assert!(seen.is_new(2, 0) && seen.is_new(1, 200) && !seen.is_new(1, 199));
        seen.note(2, 0);
        assert!(!seen.is_new(2, 0) && seen.is_new(2, 1));
        (3..100).for_each(|ssrc| seen.note(ssrc, 7));
        assert_eq!(seen.0.len(), MAX_SENDERS);
    }

    #[test]
    fn late_rtcp_is_taken_and_very_late_is_not() {
        let mut replay = Replay::default();
        for index in [5, 3, 100, 4, 37] {
            let is_new = replay.is_new(index);
            assert_eq!(is_new, index != 4, "{index}");
            if is_new {
                replay.note(index);
            }
        }
        assert!(!replay.is_new(37) && !replay.is_new(36) && replay.is_new(38) && replay.is_new(101));
    }

    #[test]
    fn material_that_is_too_short_is_refused() {
        for profile in PROFILES {
            for length in 0..profile.keying_material_len() {
                assert!(Keys::new(profile, &vec![0; length], true).is_none());
            }
        }
    }
}
