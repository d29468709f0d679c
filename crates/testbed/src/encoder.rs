//! Packets of real encoders: Debian's ffmpeg, which makes RTP of all but AV1.

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use muxing::Codec;

use crate::publisher::EncodedPacket;

/// Two seconds of a test picture or tone.
pub fn encode(codec: Codec, size: &str) -> Vec<EncodedPacket> {
    if codec == Codec::Opus {
        return encode_from(codec, "sine=frequency=440:sample_rate=48000", 2);
    }
    encode_from(codec, &format!("testsrc=size={size}:rate=15"), 2)
}

/// So many seconds of what one of ffmpeg's filters makes.
pub fn encode_from(codec: Codec, source: &str, seconds: u32) -> Vec<EncodedPacket> {
    if codec == Codec::Av1 {
        return av1(source, seconds);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rtp");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut command = ffmpeg(codec, source, seconds);
    // A packet of sound is never divided.
    let size = if codec == Codec::Opus { "1200" } else { "500" };
    command.args(["-f", "rtp", "-packetsize", size, "-type", "datagram"]).arg(format!("unix:{}", path.display()));
    let mut child = command.stdout(Stdio::null()).spawn().expect("ffmpeg is installed");
    let packets = receive(&socket, &mut child);
    let first = u32::from_be_bytes(packets[0][4..8].try_into().unwrap());
    let rate = if codec == Codec::Opus { 48_000 } else { 90_000 };
    let made = |packet: &Vec<u8>| {
        let timestamp = u32::from_be_bytes(packet[4..8].try_into().unwrap());
        EncodedPacket {
            captured: Duration::from_nanos(u64::from(timestamp.wrapping_sub(first)) * 1_000_000_000 / rate),
            marker: packet[1] & 0x80 != 0,
            payload: packet[12..].to_vec(),
        }
    };
    packets.iter().map(made).collect()
}

/// A datagram socket of this kind holds the sender up rather than to lose anything.
fn receive(socket: &UnixDatagram, child: &mut Child) -> Vec<Vec<u8>> {
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut packets = Vec::new();
    let mut buffer = vec![0; 4096];
    loop {
        let has_ended = child.try_wait().unwrap();
        match socket.recv(&mut buffer) {
            // Not RTCP.
            Ok(length) if !(200..=204).contains(&buffer[1]) => packets.push(buffer[..length].to_vec()),
            Ok(_) => {}
            Err(_) if has_ended.is_some() => break,
            Err(_) => {}
        }
    }
    assert!(child.wait().unwrap().success() && !packets.is_empty());
    packets
}

fn ffmpeg(codec: Codec, source: &str, seconds: u32) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", source]);
    let arguments: &[&str] = match codec {
        Codec::Opus => &["-c:a", "libopus", "-ac", "2"],
        Codec::Vp8 => &["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "400k"],
        Codec::Vp9 => &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-strict", "-2"],
        Codec::H264 => &["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"],
        Codec::Av1 => &["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8"],
    };
    command.args(arguments).args(["-t", &seconds.to_string(), "-threads", "1", "-pix_fmt", "yuv420p"]);
    command
}

/// ffmpeg's pictures in our packets, one unit or a part of it each.
fn av1(source: &str, seconds: u32) -> Vec<EncodedPacket> {
    let mut command = ffmpeg(Codec::Av1, source, seconds);
    let output = command.args(["-f", "ivf", "-"]).output().expect("ffmpeg is installed");
    assert!(output.status.success());
    let mut rest = &output.stdout[32..];
    let mut packets = Vec::new();
    while let Some((header, after)) = rest.split_at_checked(12) {
        let length = u32::from_le_bytes(header[..4].try_into().unwrap()) as usize;
        let number = u64::from_le_bytes(header[4..].try_into().unwrap());
        let (picture, after) = after.split_at(length);
        av1_packets(picture, Duration::from_nanos(number * 1_000_000_000 / 15), &mut packets);
        rest = after;
    }
    packets
}

fn av1_packets(mut picture: &[u8], captured: Duration, packets: &mut Vec<EncodedPacket>) {
    let begin = packets.len();
    let mut is_new_sequence = false;
    while let Some(&header) = picture.first() {
        let mut at = 1;
        let mut size = 0;
        loop {
            size |= usize::from(picture[at] & 0x7f) << (7 * (at - 1));
            at += 1;
            if picture[at - 1] & 0x80 == 0 {
                break;
            }
        }
        let kind = header >> 3 & 0x0f;
        is_new_sequence |= kind == 1;
        // Without its size, and not at all if it is a delimiter.
        let unit = [&[header & !0x02][..], &picture[at..at + size]].concat();
        picture = &picture[at + size..];
        if kind == 2 {
            continue;
        }
        let parts: Vec<&[u8]> = unit.chunks(400).collect();
        for (n, part) in parts.iter().enumerate() {
            let flags = u8::from(n > 0) << 7 | u8::from(n + 1 < parts.len()) << 6 | 1 << 4;
            packets.push(EncodedPacket { captured, marker: false, payload: [&[flags][..], part].concat() });
        }
    }
    packets[begin].payload[0] |= u8::from(is_new_sequence) << 3;
    packets.last_mut().unwrap().marker = true;
}
