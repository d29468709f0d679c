//! The socket to the server: whole messages of [`protocol::job`], in both directions.
//!
//! Packets of media never wait for room: what finds none is dropped and counted, by whichever thread made it. What is said
//! (JSON) is said by the main loop alone and waits, since it is little and must not get lost; a server that takes none for seconds
//! is gone.

use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use protocol::job::{FromJob, JSON, LONGEST, MEDIA, MediaPacket, ToJob};
use socket2::Socket;

/// Beyond it a server that does not read is taken for dead.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Bytes that the kernel is asked to keep for us, so that a key frame finds room.
const BUFFER: usize = 4 << 20;
/// `MSG_DONTWAIT` of Linux.
const DO_NOT_WAIT: i32 = 0x40;

/// The process's end. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Link(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    socket: Socket,
    dropped: AtomicU64,
    /// Nobody hears us any more.
    is_broken: AtomicBool,
}

/// What came.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    Said(Box<ToJob>),
    Media(MediaPacket<'a>),
    /// Nothing, within the time that was given.
    Nothing,
    /// The server has ended the job.
    End,
}

impl Link {
    /// Of a connected socket of type `SOCK_SEQPACKET`. Reading waits for `patience` at most.
    pub(crate) fn new(socket: OwnedFd, patience: Duration) -> io::Result<Self> {
        let socket = Socket::from(socket);
        // The server may have made both ends alike.
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(LONGEST_WAIT))?;
        // As much as the machine allows.
        let _ = socket.set_send_buffer_size(BUFFER);
        Ok(Self(Arc::new(Shared { socket, dropped: AtomicU64::new(0), is_broken: AtomicBool::new(false) })))
    }

    /// The next message, if it comes soon. What cannot be read is logged and passed over: the server may be newer.
    pub(crate) fn read<'a>(&self, buffer: &'a mut [u8; LONGEST]) -> io::Result<Incoming<'a>> {
        if self.0.is_broken.load(Ordering::Relaxed) {
            return Ok(Incoming::End);
        }
        let length = match (&self.0.socket).read(buffer) {
            Ok(0) => return Ok(Incoming::End),
            Ok(length) => length,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) =>
            {
                return Ok(Incoming::Nothing);
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Incoming::End),
            Err(error) => return Err(error),
        };
        let message = &buffer[..length];
        match message {
            [MEDIA, ..] => Ok(MediaPacket::read(message).map_or(Incoming::Nothing, Incoming::Media)),
            [JSON, words @ ..] => match serde_json::from_slice(words) {
                Ok(said) => Ok(Incoming::Said(Box::new(said))),
                Err(error) => {
                    eprintln!("a message of the server cannot be read: {error}");
                    Ok(Incoming::Nothing)
                }
            },
            _ => Ok(Incoming::Nothing),
        }
    }

    /// Says something. If that fails, [`Link::read`] says that it is over.
    pub(crate) fn tell(&self, what: &FromJob) {
        let mut message = vec![JSON];
        let written = serde_json::to_writer(&mut message, what).map_err(io::Error::from);
        if let Err(error) = written.and_then(|()| self.0.socket.send(&message)) {
            eprintln!("the server does not listen: {error}");
            self.0.is_broken.store(true, Ordering::Relaxed);
        }
    }

    /// Sends a message of media, as [`MediaPacket::write`] makes it.
    pub(crate) fn send_media(&self, message: &[u8]) {
        if self.0.socket.send_with_flags(message, DO_NOT_WAIT).is_err() {
            self.count_dropped(1);
        }
    }

    /// Packets or pictures were left out because there was no time or room for them.
    pub(crate) fn count_dropped(&self, count: u64) {
        self.0.dropped.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}
