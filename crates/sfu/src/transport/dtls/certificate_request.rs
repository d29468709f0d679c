//! Asks clients for RSA certificates as well. The DTLS library asks for ECDSA only (`CertificateRequest`, RFC 5246 §7.4.4),
//! and a client whose certificate is RSA (GStreamer's, old gateways) then sends none. What the library writes has no
//! setting, so this message is written again in the three places where it shows: in the datagram, and in the transcript of
//! the handshake, which is hashed and which the client signs. Both sides so have the same transcript, which is what makes
//! it a handshake; whether a signature is right is decided in `signatures.rs`.
//!
//! A library that asks for RSA by itself makes this file superfluous: its message is left alone.

use std::borrow::Cow;

/// `HandshakeType`.
const CERTIFICATE_REQUEST: u8 = 13;
/// `ClientCertificateType`.
const RSA_SIGN: u8 = 1;
/// `SignatureScheme`: RSA-PSS and PKCS #1 with SHA-256, PKCS #1 with SHA-384 and SHA-512.
const RSA_SCHEMES: [[u8; 2]; 4] = [[8, 4], [4, 1], [5, 1], [6, 1]];

/// `ContentType` of a record.
const HANDSHAKE: u8 = 22;
/// Type, version, epoch, sequence number, length.
const RECORD_HEADER: usize = 13;
/// Type, length, sequence number, offset and length of the fragment.
const MESSAGE_HEADER: usize = 12;

/// The datagram as it is to be sent.
pub(super) fn in_datagram(datagram: &[u8]) -> Cow<'_, [u8]> {
    let mut written = Vec::with_capacity(datagram.len() + 16);
    let mut rest = datagram;
    while let Some((header, body, behind)) = record(rest) {
        // Whatever has another epoch than the first is encrypted.
        let plain = header[0] == HANDSHAKE && header[3..5] == [0, 0];
        let body = if plain { in_messages(body) } else { Cow::Borrowed(body) };
        written.extend_from_slice(&header[..RECORD_HEADER - 2]);
        written.extend_from_slice(&(body.len() as u16).to_be_bytes());
        written.extend_from_slice(&body);
        rest = behind;
    }
    if rest.is_empty() { Cow::Owned(written) } else { Cow::Borrowed(datagram) }
}

/// The messages of a handshake, one after the other, as they are sent. Anything else stays what it is.
pub(super) fn in_messages(messages: &[u8]) -> Cow<'_, [u8]> {
    let mut offset = 0;
    while let Some((header, body, _)) = message(&messages[offset..]) {
        let is_whole = header[1..4] == header[9..12] && header[6..9] == [0, 0, 0];
        if header[0] == CERTIFICATE_REQUEST
            && is_whole
            && let Some(asking) = with_rsa(body)
        {
            let end = offset + MESSAGE_HEADER + body.len();
            let length = &(asking.len() as u32).to_be_bytes()[1..];
            let parts =
                [&messages[..offset], &header[..1], length, &header[4..9], length, &asking[..], &messages[end..]];
            return Cow::Owned(parts.concat());
        }
        offset += MESSAGE_HEADER + body.len();
    }
    Cow::Borrowed(messages)
}

/// Header, fragment and what follows.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(RECORD_HEADER)?;
    let (body, rest) = rest.split_at_checked(u16::from_be_bytes([header[11], header[12]]).into())?;
    Some((header, body, rest))
}

/// Header, fragment and what follows.
fn message(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(MESSAGE_HEADER)?;
    let length = u32::from_be_bytes([0, header[9], header[10], header[11]]);
    let (body, rest) = rest.split_at_checked(length as usize)?;
    Some((header, body, rest))
}

/// The body of a `CertificateRequest` with RSA behind what it has. `None` if it cannot be read, or asks for RSA already.
fn with_rsa(body: &[u8]) -> Option<Vec<u8>> {
    let (count, rest) = body.split_first()?;
    let (types, rest) = rest.split_at_checked((*count).into())?;
    let (length, rest) = rest.split_at_checked(2)?;
    let (schemes, authorities) = rest.split_at_checked(u16::from_be_bytes([length[0], length[1]]).into())?;
    if types.contains(&RSA_SIGN) {
        return None;
    }
    let rsa = RSA_SCHEMES.concat();
    let length = u16::try_from(schemes.len() + rsa.len()).ok()?.to_be_bytes();
    Some([&[count.checked_add(1)?][..], types, &[RSA_SIGN], &length, schemes, &rsa, authorities].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the library writes it: ECDSA, with SHA-256 and SHA-384, no authorities.
    const REQUEST: [u8; 10] = [1, 64, 0, 4, 4, 3, 5, 3, 0, 0];
    const ASKING: [u8; 19] = [2, 64, 1, 0, 12, 4, 3, 5, 3, 8, 4, 4, 1, 5, 1, 6, 1, 0, 0];

    fn handshake(kind: u8, sequence: u8, body: &[u8]) -> Vec<u8> {
        let length = [0, 0, body.len() as u8];
        [&[kind][..], &length, &[0, sequence], &[0, 0, 0], &length, body].concat()
    }

    fn in_record(kind: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 7][..], &(body.len() as u16).to_be_bytes(), body].concat()
    }

    #[test]
    fn rsa_is_asked_for_behind_what_is_asked_for() {
        let (hello, done) = (handshake(2, 0, b"hello"), handshake(14, 4, b""));
        let flight = |request: &[u8]| [&hello[..], &handshake(CERTIFICATE_REQUEST, 3, request), &done].concat();
        assert_eq!(in_messages(&flight(&REQUEST)), flight(&ASKING));
        assert!(matches!(in_messages(&flight(&ASKING)), Cow::Borrowed(_)), "once is enough");
        let records = |request: &[u8]| {
            let asking = in_record(HANDSHAKE, 0, &handshake(CERTIFICATE_REQUEST, 3, request));
            [&in_record(HANDSHAKE, 0, &hello)[..], &asking, &in_record(HANDSHAKE, 0, &done)].concat()
        };
        assert_eq!(in_datagram(&records(&REQUEST)), records(&ASKING));
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let request = handshake(CERTIFICATE_REQUEST, 3, &REQUEST);
        let others: [&[u8]; 5] = [b"", b"abc", &[0; 100], &handshake(11, 1, &REQUEST), &request[..request.len() - 1]];
        for other in others {
            assert_eq!(in_messages(other), other);
            for (kind, epoch) in [(HANDSHAKE, 0), (20, 0), (23, 1)] {
                assert_eq!(in_datagram(&in_record(kind, epoch, other)), in_record(kind, epoch, other));
            }
        }
        let encrypted = in_record(HANDSHAKE, 1, &request);
        assert_eq!(in_datagram(&encrypted), encrypted);
        let cut = &in_record(HANDSHAKE, 0, &request)[..30];
        assert_eq!(in_datagram(cut), cut);
        let mut part = request.clone();
        part[3] += 1;
        assert_eq!(in_messages(&part), &part[..], "a fragment");
    }

    #[test]
    fn no_bytes_are_too_strange() {
        let whole = in_record(HANDSHAKE, 0, &handshake(CERTIFICATE_REQUEST, 3, &REQUEST));
        for at in 0..whole.len() {
            for bits in 1..=255 {
                let mut bent = whole.clone();
                bent[at] ^= bits;
                in_datagram(&bent);
                in_messages(&bent[RECORD_HEADER.min(at)..]);
            }
        }
    }
}
