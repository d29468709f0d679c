//! What time it is elsewhere: one question by SNTP (RFC 4330). The machine's clock is never set here.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

/// For the name and for the answer, each. Where there is no way out, nobody shall wait long for this.
const PATIENCE: Duration = Duration::from_secs(2);
/// Seconds from 1900, where NTP begins, to 1970.
const ERA: u64 = 2_208_988_800;
const PACKET: usize = 48;
/// Version 4, client (RFC 4330 §4).
const QUESTION: u8 = 0x23;
const MODE: u8 = 7;
const SERVER: u8 = 4;

/// How far our clock is ahead of the one at `server` (`host:port`), in ms. `None` if nobody answers.
pub(super) async fn ahead_of(server: &str) -> Option<i64> {
    let addresses: Vec<_> = timeout(PATIENCE, lookup_host(server)).await.ok()?.ok()?.collect();
    // One of each family: many machines have names of both and a way out for one.
    let of = |ipv4: bool| addresses.iter().copied().find(move |address| address.is_ipv4() == ipv4);
    let at = |address: Option<SocketAddr>| async move { timeout(PATIENCE, ask(address?)).await.ok()?.ok()? };
    let (v4, v6) = tokio::join!(at(of(true)), at(of(false)));
    v4.or(v6)
}

async fn ask(server: SocketAddr) -> std::io::Result<Option<i64>> {
    let any: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    // It comes back as it was, and nobody else can know it.
    let cookie: [u8; 8] = rand::random();
    let mut question = [0; PACKET];
    question[0] = QUESTION;
    question[40..].copy_from_slice(&cookie);
    let sent = now();
    socket.send(&question).await?;
    let mut answer = [0; 512];
    loop {
        let length = socket.recv(&mut answer).await?;
        if let Some(theirs) = read(&answer[..length], cookie) {
            let ours = (sent + now()) / 2;
            return Ok(Some(ours - theirs));
        }
    }
}

/// The middle of when it received and when it sent, ms since 1970; `None` if it is not the answer, or of somebody who does
/// not know the time.
fn read(answer: &[u8], cookie: [u8; 8]) -> Option<i64> {
    let answer: &[u8; PACKET] = answer.first_chunk()?;
    let stratum = answer[1];
    if answer[0] & MODE != SERVER || answer[24..32] != cookie || !(1..=15).contains(&stratum) {
        return None;
    }
    let [received, sent] = [32, 40].map(|at| stamp(&answer[at..at + 8]));
    Some(i64::midpoint(received?, sent?))
}

/// ms since 1970. The era that began in 1900 ends in 2036; the next one is told by its first bit.
fn stamp(bytes: &[u8]) -> Option<i64> {
    let (seconds, fraction) = bytes.split_at_checked(4)?;
    let [seconds, fraction] =
        [seconds, fraction].map(|four| four.try_into().ok().map(|four| u64::from(u32::from_be_bytes(four))));
    let (seconds, fraction) = (seconds?, fraction?);
    let seconds = if seconds >> 31 == 1 { seconds } else { seconds + (1 << 32) };
    i64::try_from((seconds.checked_sub(ERA)?) * 1000 + ((fraction * 1000) >> 32)).ok()
}

/// ms since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(cookie: [u8; 8], seconds: u32) -> [u8; PACKET] {
        let mut answer = [0; PACKET];
        (answer[0], answer[1]) = (0x24, 2);
        answer[24..32].copy_from_slice(&cookie);
        for at in [32, 40] {
            answer[at..at + 4].copy_from_slice(&seconds.to_be_bytes());
            answer[at + 4] = 0x80;
        }
        answer
    }

    #[test]
    fn only_the_answer_of_somebody_who_knows_the_time_is_believed() {
        let cookie = *b"a cookie";
        let good = answer(cookie, (ERA + 1_700_000_000) as u32);
        assert_eq!(read(&good, cookie), Some(1_700_000_000_500));
        assert_eq!(read(&answer(cookie, 0), cookie), Some(((1 << 32) - ERA as i64) * 1000 + 500), "2036");
        assert_eq!(read(&good, *b"another!"), None);
        for end in 0..PACKET {
            assert_eq!(read(&good[..end], cookie), None);
        }
        for (at, value) in [(0, 0x23), (1, 0), (1, 16)] {
            let mut wrong = good;
            wrong[at] = value;
            assert_eq!(read(&wrong, cookie), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_is_read_or_not(answer: Vec<u8>, at in 0_usize..64) {
            let mut answer = answer;
            // So that more than the first look is reached.
            answer.resize(answer.len().max(at), 0x24);
            let cookie = answer.get(24..32).map_or([0; 8], |bytes| bytes.try_into().unwrap());
            let _ = read(&answer, cookie);
        }
    }
}
