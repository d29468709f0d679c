//! The socket to a job's process, of messages ([`protocol::job`]).

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::job::{FromJob, JSON, LONGEST, MEDIA, MediaPacket, ToJob};
use protocol::media::MediaKind;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use sfu::{LocalPacket, SenderReport, TapCodec, TapPacket};
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

/// Bytes in the kernel, if it lets us: a large key frame, and some.
const BUFFER: usize = 4 << 20;
/// Messages read in one go.
const BATCH: usize = 64;

/// Our end.
#[derive(Debug)]
pub(crate) struct Link {
    socket: AsyncFd<OwnedFd>,
    buffer: Vec<u8>,
    /// How long it may take nothing.
    patience: Duration,
    /// The process has ended in the middle of something.
    was_reset: bool,
}

/// What came in one go.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) words: Vec<FromJob>,
    pub(crate) packets: Vec<LocalPacket>,
}

impl Link {
    /// Both ends; the other one is for the process, which hangs if it takes nothing for `patience`.
    pub(crate) fn pair(patience: Duration) -> io::Result<(Self, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, theirs) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        for end in [&ours, &theirs] {
            // Less is enough for words, and packets may be lost.
            let _ = rustix::net::sockopt::set_socket_send_buffer_size_force(end, BUFFER)
                .or_else(|_| rustix::net::sockopt::set_socket_send_buffer_size(end, BUFFER));
        }
        #[expect(
            deprecated,
            reason = "unsound with what changes its number or closes it early: an `OwnedFd` does neither"
        )]
        let socket = AsyncFd::new(ours)?;
        Ok((Self { socket, buffer: vec![0; LONGEST], patience, was_reset: false }, theirs))
    }

    /// Waits for room. An error says that the process is gone; [`io::ErrorKind::TimedOut`]: that it hangs.
    pub(crate) async fn say(&self, words: &ToJob) -> io::Result<()> {
        let mut message = vec![JSON];
        serde_json::to_writer(&mut message, words)?;
        self.write(&message).await
    }

    /// The same. While it waits, what comes after it waits in the job's queue.
    pub(crate) async fn send(&self, input: u16, packet: &TapPacket) -> io::Result<()> {
        let mut message = Vec::with_capacity(packet.payload.len() + 64);
        outgoing(input, packet).write(&mut message);
        self.write(&message).await
    }

    async fn write(&self, message: &[u8]) -> io::Result<()> {
        loop {
            let mut ready = timeout(self.patience, self.socket.writable()).await.map_err(io::Error::from)??;
            let sent = ready.try_io(|socket| Ok(rustix::net::send(socket, message, SendFlags::NOSIGNAL)?));
            if let Ok(sent) = sent {
                return sent.map(drop);
            }
        }
    }

    /// What has come, at least one message. `None`: nothing will come any more.
    pub(crate) async fn receive(&mut self) -> Option<Received> {
        let Self { socket, buffer, patience: _, was_reset } = self;
        let mut received = Received::default();
        loop {
            let mut ready = socket.readable().await.ok()?;
            for _ in 0..BATCH {
                let read = ready.try_io(|socket| Ok(rustix::net::recv(socket, &mut buffer[..], RecvFlags::empty())?.0));
                match read {
                    // It ended without reading all that it was sent: what it said before is there still, after this error.
                    Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset && !*was_reset => {
                        *was_reset = true
                    }
                    Ok(Ok(0) | Err(_)) if received.is_empty() => return None,
                    Ok(Ok(0) | Err(_)) | Err(_) => break,
                    Ok(Ok(length)) => received.take(buffer.get(..length).unwrap_or_default()),
                }
            }
            if !received.is_empty() {
                return Some(received);
            }
        }
    }
}

impl Received {
    fn is_empty(&self) -> bool {
        self.words.is_empty() && self.packets.is_empty()
    }

    fn take(&mut self, message: &[u8]) {
        match message.split_first() {
            Some((&JSON, words)) => match serde_json::from_slice(words) {
                Ok(words) => self.words.push(words),
                Err(error) => tracing::warn!(%error, "a job says what cannot be understood"),
            },
            Some((&MEDIA, _)) => self.packets.extend(MediaPacket::read(message).map(incoming)),
            _ => tracing::warn!("a job says what cannot be understood"),
        }
    }
}

fn incoming(packet: MediaPacket<'_>) -> LocalPacket {
    LocalPacket {
        kind: packet.kind,
        source: (packet.source ^ packet.source >> 32) as u32,
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        marker: packet.marker,
        quarter_turns: packet.quarter_turns,
        level: packet.level,
        captured: (packet.captured_us > 0).then(|| i128::from(packet.captured_us) * 1000),
        payload: packet.payload.into(),
    }
}

fn outgoing(input: u16, packet: &TapPacket) -> MediaPacket<'_> {
    let (kind, codec, rate) = match packet.codec {
        TapCodec::Opus => (MediaKind::Audio, None, 48_000),
        TapCodec::Video(codec) => (MediaKind::Video, Some(codec), 90_000),
    };
    MediaPacket {
        input,
        kind,
        codec,
        marker: packet.marker,
        quarter_turns: packet.quarter_turns.unwrap_or(0) & 3,
        level: packet.level,
        source: u64::from(packet.source.generation) << 32 | u64::from(packet.source.ssrc),
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        captured_us: packet.report.map_or(0, |report| captured(report, packet.timestamp, rate)),
        arrived_us: arrived(packet.arrival),
        payload: &packet.payload,
    }
}

/// Microseconds since 1970 on the publisher's clock; 0 if it says nonsense.
fn captured(report: SenderReport, timestamp: u32, rate: i128) -> u64 {
    let ticks = i128::from(timestamp.wrapping_sub(report.timestamp) as i32);
    u64::try_from((report.ntp_nanos + ticks * 1_000_000_000 / rate) / 1000).unwrap_or(0)
}

fn arrived(at: Instant) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.saturating_sub(at.elapsed()).as_micros()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_takes_nothing_is_not_waited_for_for_ever() {
        let (link, _theirs) = Link::pair(Duration::from_millis(1)).unwrap();
        let words = ToJob::Execute { request: 1, method: "x".repeat(LONGEST / 2), params: serde_json::Value::Null };
        let error = loop {
            if let Err(error) = link.say(&words).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
