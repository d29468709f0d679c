//! A page of the application's as an input of a job: a browser shows and captures it in a thread of its own, and what comes out
//! goes to the job like the packets of a publisher.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use muxing::{Codec, FileFrame, LiveWebm};
use protocol::id::{JobId, RouterId, TapId};
use protocol::job::{FromJob, JobNews, JobReport};
use protocol::media::VideoCodec;
use sfu::{SenderReport, TapCodec, TapPacket, TapSource};
use tokio::sync::mpsc;
use webpage::{PageOptions, PageRecording};

use crate::route::Routes;

/// How soon an end is noticed.
const TICK: Duration = Duration::from_millis(100);
/// A browser that says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(15);
/// Bytes of a payload: what goes over the link in one message, and not over a network.
const LARGEST: usize = 32 << 10;
/// Of the descriptor before a payload of VP8 (RFC 7741): the first of a frame.
const FIRST: u8 = 0x10;

/// A page on its way, or being shown. When this is dropped that ends.
#[derive(Debug)]
pub(crate) struct Page(Arc<AtomicBool>);

impl Drop for Page {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a page is for.
#[derive(Debug)]
pub(crate) struct Showing {
    pub(crate) job: JobId,
    pub(crate) router: RouterId,
    pub(crate) tap: TapId,
    pub(crate) options: PageOptions,
    pub(crate) routes: Routes,
    pub(crate) reports: mpsc::Sender<JobReport>,
}

impl Showing {
    pub(crate) fn begin(self) -> std::io::Result<Page> {
        let is_over = Arc::<AtomicBool>::default();
        let page = Page(is_over.clone());
        thread::Builder::new().name("page".to_owned()).spawn(move || {
            let result = self.show(&is_over);
            if let Err(why) = result
                && !is_over.load(Ordering::Relaxed)
            {
                self.report(FromJob::PageLost { why });
            }
        })?;
        Ok(page)
    }

    fn show(&self, is_over: &Arc<AtomicBool>) -> Result<(), String> {
        let told = |error: webpage::PageError| format!("the page cannot be shown: {error}");
        let mut browser = PageRecording::start(&self.options, is_over.clone()).map_err(told)?;
        let mut packets = Packets::new(self.router, self.tap);
        let mut webm = LiveWebm::default();
        let (mut heard, mut is_shown) = (Instant::now(), false);
        while !is_over.load(Ordering::Relaxed) {
            let Some(piece) = browser.next(TICK).map_err(told)? else {
                if heard.elapsed() > SILENCE {
                    return Err("the browser hangs".to_owned());
                }
                continue;
            };
            heard = Instant::now();
            webm.push(&piece).map_err(|error| format!("the page cannot be shown: {error}"))?;
            while let Some(frame) = webm.poll_frame() {
                packets.of(&frame, |packet| drop(self.routes.send(packet)));
                if !is_shown && frame.codec == Codec::Vp8 {
                    is_shown = true;
                    self.report(FromJob::PageShown);
                }
            }
        }
        // It is asked in vain if it hangs, and ended then.
        let _ = browser.stop();
        Ok(())
    }

    fn report(&self, said: FromJob) {
        // A server that stops listens to nobody.
        let _ = self.reports.blocking_send(JobReport { job: self.job, news: JobNews::Said(said) });
    }
}

/// Makes packets of frames.
#[derive(Debug)]
struct Packets {
    router: RouterId,
    tap: TapId,
    /// When the browser began, nanoseconds since 1970.
    begin: i128,
    /// Of sound, and of pictures.
    sequences: [u64; 2],
}

impl Packets {
    fn new(router: RouterId, tap: TapId) -> Self {
        let begin = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { router, tap, begin: begin.as_nanos().cast_signed(), sequences: [0; 2] }
    }

    fn of(&mut self, frame: &FileFrame, mut send: impl FnMut(TapPacket)) {
        let (codec, kind, rate) = match frame.codec {
            Codec::Opus => (TapCodec::Opus, 0, 48),
            Codec::Vp8 => (TapCodec::Video(VideoCodec::Vp8), 1, 90),
            // Browsers are asked for these two.
            Codec::Vp9 | Codec::H264 | Codec::Av1 => return,
        };
        let timestamp = (frame.time * rate) as u32;
        let report = SenderReport { ntp_nanos: self.begin + i128::from(frame.time) * 1_000_000, timestamp };
        let parts = if kind == 0 { 1 } else { frame.data.len().div_ceil(LARGEST).max(1) };
        for part in 0..parts {
            let payload = match kind {
                0 => Arc::from(&frame.data[..]),
                _ => {
                    let end = ((part + 1) * LARGEST).min(frame.data.len());
                    let mut payload = vec![if part == 0 { FIRST } else { 0 }];
                    payload.extend_from_slice(&frame.data[part * LARGEST..end]);
                    Arc::from(payload)
                }
            };
            send(TapPacket {
                router: self.router,
                tap: self.tap,
                codec,
                source: TapSource { generation: 1, ssrc: 1 + kind as u32 },
                sequence: self.sequences[kind],
                timestamp,
                marker: part + 1 == parts,
                quarter_turns: None,
                level: None,
                payload,
                arrival: Instant::now(),
                report: Some(report),
            });
            self.sequences[kind] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use payload::starts_key_frame;
    use protocol::id::WorkerId;

    use super::*;

    #[test]
    fn frames_become_packets_that_can_be_put_together_again() {
        let mut packets = Packets::new(RouterId { worker: WorkerId(0), number: 1 }, TapId(7));
        let mut sent = vec![];
        let mut frame = FileFrame { codec: Codec::Vp8, time: 40, key: true, data: vec![0; 2 * LARGEST + 5] };
        frame.data[LARGEST] = 1;
        packets.of(&frame, |packet| sent.push(packet));
        packets.of(&FileFrame { codec: Codec::Opus, time: 41, key: true, data: vec![3] }, |packet| sent.push(packet));
        let of: Vec<_> = sent.iter().map(|packet| (packet.sequence, packet.timestamp, packet.marker)).collect();
        assert_eq!(of, [(0, 3600, false), (1, 3600, false), (2, 3600, true), (0, 1968, true)]);
        assert!(starts_key_frame(Codec::Vp8, &sent[0].payload) && !starts_key_frame(Codec::Vp8, &sent[1].payload));
        let whole: Vec<u8> = sent[..3].iter().flat_map(|packet| packet.payload[1..].to_vec()).collect();
        assert_eq!((whole, &sent[3].payload[..]), (frame.data, &[3][..]));
    }
}
