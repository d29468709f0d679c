//! What receivers say, out of RTCP packets: transport-wide arrivals (draft-holmer-rmcat-transport-wide-cc-extensions-01),
//! whose packets a library reads, and the maximum bit rate that they estimate (draft-alvestrand-rmcat-remb-03), which is
//! read here. Nothing here panics, whatever a stranger sends.

use rtcp_types::Twcc;

use crate::bitrate::Bitrate;

/// Microseconds of a tick of the reference time…
const REFERENCE_TICK: i64 = 64_000;
/// …of which there are so many before it begins anew…
const REFERENCE_TURN: i64 = 1 << 24;
/// …and of a tick of a packet's delta.
const DELTA_TICK: i64 = 250;

/// The receiver's clock of one transport: makes one time out of the reference times, which come round after twelve days.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ArrivalClock {
    /// Ticks, counted on over the turns.
    reference: Option<i64>,
}

impl ArrivalClock {
    /// The number of each packet that is spoken of, and when it arrived, in microseconds. Ends where the packet is broken.
    pub(crate) fn read<'a>(&mut self, twcc: &Twcc<'a>) -> impl Iterator<Item = (u16, Option<u64>)> + use<'a> {
        let mut at = self.unwrap(twcc.reference_time()).saturating_mul(REFERENCE_TICK);
        twcc.packets().map_while(move |packet| {
            let (sequence, status) = packet.ok()?;
            let arrival = match status {
                rtcp_types::TwccPacketStatus::NotReceived => None,
                rtcp_types::TwccPacketStatus::Received { delta } => {
                    at = at.saturating_add(i64::from(delta) * DELTA_TICK);
                    Some(at.unsigned_abs())
                }
            };
            Some((sequence, arrival))
        })
    }

    fn unwrap(&mut self, reference: u32) -> i64 {
        let reference = i64::from(reference);
        let unwrapped = match self.reference {
            // One turn above zero: no arrival is negative, even if the first deltas are.
            None => reference + REFERENCE_TURN,
            Some(last) => {
                let ahead = (reference - last).rem_euclid(REFERENCE_TURN);
                let ahead = if ahead > REFERENCE_TURN / 2 { ahead - REFERENCE_TURN } else { ahead };
                (last + ahead).max(REFERENCE_TURN / 2)
            }
        };
        self.reference = Some(unwrapped);
        unwrapped
    }
}

/// Why a payload-specific feedback packet holds no REMB.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RembError {
    /// Other application layer feedback.
    #[error("unique identifier is not `REMB`")]
    Identifier,
    /// Fewer bytes than its fields, or than the sources that it counts.
    #[error("length {actual} is below {expected} bytes")]
    Length {
        /// Bytes needed.
        expected: usize,
        /// Bytes there.
        actual: usize,
    },
}

/// Receiver Estimated Maximum Bitrate: what a receiver without transport-wide feedback believes that its path carries, for
/// all the streams that it names together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remb<'a> {
    bitrate: Bitrate,
    sources: &'a [u8],
}

/// Bytes before the sources.
const FIXED: usize = 8;

impl<'a> Remb<'a> {
    /// Type of feedback in an RTCP packet of type 206: application layer feedback (RFC 4585 §6.4).
    pub const FORMAT: u8 = 15;

    /// Reads the feedback control information, which is what follows the two SSRCs of the packet.
    pub fn parse(information: &'a [u8]) -> Result<Self, RembError> {
        let short = |expected| RembError::Length { expected, actual: information.len() };
        let Some((fixed, sources)) = information.split_first_chunk::<FIXED>() else {
            return Err(short(FIXED));
        };
        let [b'R', b'E', b'M', b'B', count, high, middle, low] = *fixed else {
            return Err(RembError::Identifier);
        };
        let mantissa = u64::from(high & 3) << 16 | u64::from(middle) << 8 | u64::from(low);
        let exponent = u32::from(high >> 2);
        let bits = u128::from(mantissa) << exponent;
        let bitrate = Bitrate::bps(u64::try_from(bits).unwrap_or(u64::MAX));
        let length = usize::from(count) * 4;
        let sources = sources.get(..length).ok_or_else(|| short(FIXED + length))?;
        Ok(Self { bitrate, sources })
    }

    /// The most that the streams should take.
    pub fn bitrate(&self) -> Bitrate {
        self.bitrate
    }

    /// The streams that it is about.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + 'a {
        self.sources.as_chunks().0.iter().map(|ssrc| u32::from_be_bytes(*ssrc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remb_is_read() {
        // 2.5 Mbit/s as 156250 * 2^4.
        let wire = [b'R', b'E', b'M', b'B', 2, 4 << 2 | 2, 0x62, 0x5a, 0, 0, 0, 7, 0x80, 0, 0, 9];
        let remb = Remb::parse(&wire).unwrap();
        assert_eq!(remb.bitrate(), Bitrate::kbps(2500));
        assert_eq!(remb.ssrcs().collect::<Vec<_>>(), [7, 0x8000_0009]);
        assert_eq!(Remb::parse(&wire[..15]), Err(RembError::Length { expected: 16, actual: 15 }));
        assert_eq!(Remb::parse(&wire[..7]), Err(RembError::Length { expected: 8, actual: 7 }));
        assert_eq!(Remb::parse(b"LNTF\0\0\0\0"), Err(RembError::Identifier));
        assert_eq!(Remb::parse(b"REMB\0\xff\xff\xff").unwrap().bitrate(), Bitrate::MAX);
    }

    #[test]
    fn the_reference_time_comes_round() {
        let mut clock = ArrivalClock::default();
        let first = clock.unwrap((1 << 24) - 1);
        assert_eq!(clock.unwrap(1), first + 2);
        assert_eq!(clock.unwrap((1 << 24) - 2), first - 1);
        assert_eq!(clock.unwrap(1 << 23), first + 1 - (1 << 23));
    }
}
