//! A job in a process of its own, a publisher that sends to it, and what comes back.

use std::io::{Cursor, ErrorKind, Read};
use std::ops::RangeBounds;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use muxing::{Codec, Packet, SenderReport, Source, StreamFile};
use protocol::job::{FromJob, JSON, JobInput, JobSpec, LONGEST, MEDIA, MediaPacket, ToJob};
use protocol::media::{MediaKind, VideoCodec};
use socket2::{Domain, Socket, Type};
use testbed::encoder::encode_from;
use testbed::publisher::EncodedPacket;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_madang-transcoder");
/// Nothing here takes as long on any machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The publisher's clock is elsewhere.
const THEIR_OFFSET: Duration = Duration::from_secs(5000);

/// A process with its job. It ends, by force, when this is dropped.
pub(crate) struct RunningJob {
    child: Child,
    socket: Socket,
    pub(crate) said: Vec<FromJob>,
    pub(crate) sent: Vec<Sent>,
}

/// A packet that came out.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) kind: MediaKind,
    pub(crate) codec: Option<VideoCodec>,
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) captured_us: u64,
    pub(crate) payload: Vec<u8>,
}

impl Drop for RunningJob {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl RunningJob {
    pub(crate) fn begin(spec: JobSpec) -> Self {
        Self::begin_by(Command::new(PROGRAM), spec)
    }

    /// By a command that becomes [`PROGRAM`].
    pub(crate) fn begin_by(mut command: Command, spec: JobSpec) -> Self {
        let (ours, theirs) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None).unwrap();
        ours.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let child = command.arg("--job").stdin(Stdio::from(OwnedFd::from(theirs))).spawn().unwrap();
        let job = Self { child, socket: ours, said: vec![], sent: vec![] };
        job.tell(&ToJob::Begin { spec });
        job
    }

    /// Of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What its process has taken of a processor.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        // Behind the name, which may have anything in it: user and system time, in hundredths of a second.
        let fields: Vec<&str> = stat[stat.rfind(')').unwrap()..].split(' ').collect();
        [12, 13].iter().map(|at| fields[*at].parse::<f64>().unwrap() / 100.0).sum()
    }

    pub(crate) fn tell(&self, what: &ToJob) {
        let mut message = vec![JSON];
        serde_json::to_writer(&mut message, what).unwrap();
        self.socket.send(&message).unwrap();
    }

    pub(crate) fn add_input(&self, number: u16) {
        let input = JobInput {
            number,
            audio: true,
            video: true,
            audio_active: true,
            video_active: true,
            is_screen: false,
            name: None,
        };
        self.tell(&ToJob::AddInput { input });
    }

    /// Closes the socket, and waits for the end.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
        self.wait()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Takes what has come, for as long as `wanted` says.
    pub(crate) fn listen_until(&mut self, mut wanted: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !wanted(self) {
            assert!(begun.elapsed() < PATIENCE, "it does not come: {:?}", self.said);
            self.listen();
        }
    }

    pub(crate) fn has_said(&self, what: impl Fn(&FromJob) -> bool) -> bool {
        self.said.iter().any(what)
    }

    /// One message, if there is one soon.
    fn listen(&mut self) -> bool {
        let mut buffer = vec![0; LONGEST];
        let length = match (&self.socket).read(&mut buffer) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return false,
            // It ended without reading all that it was sent: what it said before comes after this.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return false,
            Err(error) => panic!("{error}"),
        };
        match buffer[..length].split_first() {
            Some((&JSON, words)) => self.said.push(serde_json::from_slice(words).unwrap()),
            Some((&MEDIA, _)) => {
                let packet = MediaPacket::read(&buffer[..length]).unwrap();
                assert_eq!(packet.input, 0);
                assert!(packet.payload.len() <= 1188 && !packet.payload.is_empty());
                self.sent.push(Sent {
                    kind: packet.kind,
                    codec: packet.codec,
                    sequence: packet.sequence,
                    timestamp: packet.timestamp,
                    marker: packet.marker,
                    captured_us: packet.captured_us,
                    payload: packet.payload.to_vec(),
                });
            }
            other => panic!("{other:?}"),
        }
        true
    }

    /// Sends a publisher's packets as time goes by, and listens. `each` is called before each of them, and says whether it arrives.
    pub(crate) fn publish(
        &mut self,
        number: u16,
        publisher: &mut Publisher,
        mut each: impl FnMut(&mut Self, &Outgoing) -> bool,
    ) {
        let begin = Instant::now();
        let begin_wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        for outgoing in publisher.packets() {
            while begin.elapsed() < outgoing.due {
                self.listen();
            }
            let arrives = each(self, &outgoing);
            if arrives {
                let packet = &outgoing.packet;
                let captured = begin_wall + packet.captured + THEIR_OFFSET;
                let mut message = vec![];
                MediaPacket {
                    input: number,
                    kind: outgoing.kind,
                    codec: outgoing.codec,
                    marker: packet.marker,
                    quarter_turns: publisher.quarter_turns,
                    level: (outgoing.kind == MediaKind::Audio).then_some(0x90),
                    source: publisher.source,
                    sequence: outgoing.sequence,
                    timestamp: outgoing.timestamp,
                    captured_us: captured.as_micros() as u64,
                    arrived_us: (begin_wall + begin.elapsed()).as_micros() as u64,
                    payload: &packet.payload,
                }
                .write(&mut message);
                self.socket.send(&message).unwrap();
            }
        }
        let over = Instant::now();
        // What is still on its way.
        while over.elapsed() < Duration::from_millis(500) {
            self.listen();
        }
    }

    /// What a receiver makes of all packets.
    pub(crate) fn film(&self) -> Film {
        self.film_of(..)
    }

    /// What a receiver makes of some of them.
    pub(crate) fn film_of(&self, part: impl RangeBounds<usize>) -> Film {
        Film::new(self.sent.iter().enumerate().filter(|(n, _)| part.contains(n)).map(|(_, sent)| sent))
    }
}

/// Something that is published.
pub(crate) struct Publisher {
    audio: Vec<EncodedPacket>,
    video: Vec<EncodedPacket>,
    codec: VideoCodec,
    pub(crate) source: u64,
    pub(crate) quarter_turns: u8,
    sequence: [u64; 2],
}

/// A packet on its way to the server.
pub(crate) struct Outgoing {
    pub(crate) kind: MediaKind,
    pub(crate) sequence: u64,
    codec: Option<VideoCodec>,
    timestamp: u32,
    packet: EncodedPacket,
    due: Duration,
}

impl Publisher {
    /// Two seconds of a picture of ffmpeg's and a tone.
    pub(crate) fn new(codec: VideoCodec, picture: &str, tone: u32) -> Self {
        Self::lasting(codec, picture, tone, 2)
    }

    pub(crate) fn lasting(codec: VideoCodec, picture: &str, tone: u32, seconds: u32) -> Self {
        Self::of(codec, picture, &format!("sine=frequency={tone}:sample_rate=48000"), seconds)
    }

    /// Any picture and sound of ffmpeg's.
    pub(crate) fn of(codec: VideoCodec, picture: &str, sound: &str, seconds: u32) -> Self {
        let audio = encode_from(Codec::Opus, sound, seconds);
        let video = encode_from(muxed(codec), picture, seconds);
        Self { audio, video, codec, source: 7, quarter_turns: 0, sequence: [1 << 33, 65_530] }
    }

    /// The number of the next packet of a kind.
    pub(crate) fn next_sequence(&self, kind: MediaKind) -> u64 {
        self.sequence[usize::from(kind == MediaKind::Video)]
    }

    fn packets(&mut self) -> Vec<Outgoing> {
        let mut all = vec![];
        for (kind, made) in [(MediaKind::Audio, &self.audio), (MediaKind::Video, &self.video)] {
            let is_video = kind == MediaKind::Video;
            let (rate, delay) = if is_video { (90, 60) } else { (48, 20) };
            let sequence = &mut self.sequence[usize::from(is_video)];
            for packet in made {
                let timestamp = (u32::MAX - 20_000).wrapping_add((packet.captured.as_micros() * rate / 1000) as u32);
                let due = packet.captured + Duration::from_millis(delay);
                let codec = is_video.then_some(self.codec);
                all.push(Outgoing { kind, sequence: *sequence, codec, timestamp, packet: packet.clone(), due });
                *sequence += 1;
            }
        }
        all.sort_by_key(|outgoing| outgoing.due);
        all
    }
}

pub(crate) fn muxed(codec: VideoCodec) -> Codec {
    match codec {
        VideoCodec::Vp8 => Codec::Vp8,
        VideoCodec::Vp9 => Codec::Vp9,
        VideoCodec::H264 => Codec::H264,
        VideoCodec::Av1 => Codec::Av1,
    }
}

/// What packets look and sound like, as ffmpeg decodes them.
pub(crate) struct Film {
    /// The average of each, red, green and blue.
    pub(crate) pictures: Vec<[u8; 3]>,
    /// Of one channel, 48 000 a second.
    pub(crate) sound: Vec<i16>,
    file: Vec<u8>,
}

impl Film {
    fn new<'a>(packets: impl Iterator<Item = &'a Sent>) -> Self {
        let mut bytes = Cursor::new(vec![]);
        let mut file = StreamFile::new(&mut bytes, true, true);
        let mut now = Duration::ZERO;
        let mut has_sound = false;
        for sent in packets {
            has_sound |= sent.kind == MediaKind::Audio;
            let arrival = Duration::from_micros(sent.captured_us) + Duration::from_millis(100);
            now = now.max(arrival);
            let packet = Packet {
                codec: sent.codec.map_or(Codec::Opus, muxed),
                source: Source { generation: 1, ssrc: 1 },
                sequence: sent.sequence,
                timestamp: sent.timestamp,
                marker: sent.marker,
                quarter_turns: None,
                payload: Arc::from(&sent.payload[..]),
                arrival,
                report: Some(SenderReport {
                    ntp_nanos: i128::from(sent.captured_us) * 1000,
                    timestamp: sent.timestamp,
                }),
            };
            file.handle_packet(packet, now).unwrap();
        }
        file.finish(now).unwrap();
        let file = bytes.into_inner();
        let mut sound = vec![];
        if has_sound {
            sound = ffmpeg(&file, &["-map", "0:a", "-f", "s16le", "-ac", "1", "-ar", "48000"]);
        }
        let pictures =
            ffmpeg(&file, &["-map", "0:v?", "-vf", "scale=1:1:flags=area", "-f", "rawvideo", "-pix_fmt", "rgb24"]);
        Self {
            pictures: pictures.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]).collect(),
            sound: sound.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect(),
            file,
        }
    }

    /// Pictures as they are, in RGB of this size.
    pub(crate) fn scaled(&self, width: u32, height: u32) -> Vec<Vec<u8>> {
        // In RGB: of pictures this small there is hardly any colour otherwise.
        let filter = format!("format=rgb24,scale={width}:{height}:flags=area");
        let bytes = ffmpeg(&self.file, &["-map", "0:v", "-vf", &filter, "-f", "rawvideo", "-pix_fmt", "rgb24"]);
        bytes.chunks_exact((width * height * 3) as usize).map(<[u8]>::to_vec).collect()
    }

    /// Pixels of the first picture.
    pub(crate) fn size(&self) -> (u32, u32) {
        let bytes = ffmpeg(&self.file, &["-map", "0:v", "-frames:v", "1", "-f", "image2", "-c:v", "bmp"]);
        // Of a bitmap, in its header.
        let number = |at: usize| i32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()).unsigned_abs();
        (number(18), number(22))
    }

    /// How strongly a frequency is in the sound between two times in seconds: 1 is a tone of full volume.
    pub(crate) fn tone(&self, frequency: f64, from: f64, until: f64) -> f64 {
        let samples = &self.sound[(from * 48_000.0) as usize..(until * 48_000.0) as usize];
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            let angle = n as f64 / 48_000.0 * frequency * std::f64::consts::TAU;
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        2.0 * re.hypot(im) / samples.len() as f64 / 32_768.0
    }
}

fn ffmpeg(file: &[u8], arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mkv");
    std::fs::write(&path, file).unwrap();
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-threads", "1", "-i"]).arg(&path).args(arguments).arg("-");
    let output = command.output().expect("ffmpeg is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

pub(crate) fn is_near(color: [u8; 3], expected: [u8; 3], tolerance: u8) -> bool {
    color.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= tolerance)
}
