//! What Debian's ffmpeg makes of a file.

use std::path::Path;
use std::process::Command;

use crate::room::{FRAME_RATE, HEIGHT, WIDTH};

/// A decoded file.
pub(crate) struct Film {
    /// RGB.
    pub(crate) pictures: Vec<Vec<u8>>,
    /// Of one channel, 48 000 a second.
    pub(crate) sound: Vec<i16>,
}

pub(crate) const RED: [u8; 3] = [255, 0, 0];
pub(crate) const BLUE: [u8; 3] = [0, 0, 255];
pub(crate) const GREEN: [u8; 3] = [0, 128, 0];
pub(crate) const BLACK: [u8; 3] = [0, 0, 0];

fn ffmpeg(path: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-threads", "1", "-i"]).arg(path).args(arguments).arg("-");
    let output = command.output().expect("ffmpeg is installed");
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "{}: {complaints}", path.display());
    output.stdout
}

/// What ffprobe says, as `key=value` lines.
pub(crate) fn probe(path: &Path) -> String {
    let mut command = Command::new("ffprobe");
    let entries = "stream=codec_name,width,height,pix_fmt,r_frame_rate:format=duration,format_name";
    let output = command.args(["-v", "error", "-show_entries", entries, "-of", "default=nw=1"]).arg(path).output();
    let output = output.expect("ffprobe is installed");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Seconds.
pub(crate) fn duration(path: &Path) -> f64 {
    let text = probe(path);
    text.lines().find_map(|line| line.strip_prefix("duration=")).unwrap().parse().unwrap()
}

impl Film {
    pub(crate) fn decode(path: &Path) -> Self {
        let text = probe(path);
        let mut film = Self { pictures: vec![], sound: vec![] };
        if text.contains("codec_name=h264") {
            let size = (WIDTH * HEIGHT * 3) as usize;
            let bytes = ffmpeg(path, &["-map", "0:v", "-f", "rawvideo", "-pix_fmt", "rgb24"]);
            film.pictures = bytes.chunks_exact(size).map(<[u8]>::to_vec).collect();
        }
        if text.contains("codec_name=aac") || text.contains("codec_name=opus") {
            let bytes = ffmpeg(path, &["-map", "0:a", "-f", "s16le", "-ac", "1", "-ar", "48000"]);
            film.sound = bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
        }
        film
    }

    /// At a time, in ms.
    pub(crate) fn pixel(&self, at: u64, x: u32, y: u32) -> [u8; 3] {
        let picture = &self.pictures[(at * u64::from(FRAME_RATE) / 1000) as usize];
        let first = ((y * WIDTH + x) * 3) as usize;
        [picture[first], picture[first + 1], picture[first + 2]]
    }

    pub(crate) fn is(&self, at: u64, (x, y): (u32, u32), colour: [u8; 3]) -> bool {
        self.pixel(at, x, y).iter().zip(colour).all(|(is, wanted)| is.abs_diff(wanted) < 50)
    }

    /// How many pixels of an area (left, top, right, bottom) are grey or white, not coloured or dark.
    pub(crate) fn pale(&self, at: u64, (left, top, right, bottom): (u32, u32, u32, u32)) -> usize {
        let pixels = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
        pixels.filter(|(x, y)| self.pixel(at, *x, *y).iter().all(|part| *part > 110)).count()
    }

    /// Every one of `expected`: ms, x, y and colour.
    pub(crate) fn expect(&self, expected: &[(u64, (u32, u32), [u8; 3])]) {
        for (at, (x, y), colour) in expected {
            let pixel = self.pixel(*at, *x, *y);
            assert!(self.is(*at, (*x, *y), *colour), "{pixel:?} instead of {colour:?} at {at} ms in {x},{y}");
        }
    }

    /// How much of a tone there is from `at` on, in 200 ms: its amplitude.
    pub(crate) fn tone(&self, at: u64, hertz: u32) -> f64 {
        let first = (at * 48) as usize;
        let part = &self.sound[first..first + 9600];
        let (mut sine, mut cosine) = (0.0, 0.0);
        for (n, sample) in part.iter().enumerate() {
            let angle = std::f64::consts::TAU * f64::from(hertz) * n as f64 / 48_000.0;
            sine += f64::from(*sample) * angle.sin();
            cosine += f64::from(*sample) * angle.cos();
        }
        2.0 * (sine * sine + cosine * cosine).sqrt() / part.len() as f64
    }

    /// When the picture's middle turns white, ms.
    pub(crate) fn flashes(&self) -> Vec<f64> {
        let is_white = |n: usize| {
            let at = (n as u64 * 1000).div_ceil(FRAME_RATE.into());
            self.pixel(at, WIDTH / 2, HEIGHT / 2)[0] > 128
        };
        let turns = (1..self.pictures.len()).filter(|n| is_white(*n) && !is_white(*n - 1));
        turns.map(|n| n as f64 * 1000.0 / f64::from(FRAME_RATE)).collect()
    }

    /// When sound sets in after silence, ms.
    pub(crate) fn beeps(&self) -> Vec<f64> {
        let mut quiet = 0;
        let mut beeps = Vec::new();
        for (n, sample) in self.sound.iter().enumerate() {
            if sample.unsigned_abs() > 1500 {
                if quiet > 9600 {
                    beeps.push(n as f64 / 48.0);
                }
                quiet = 0;
            } else {
                quiet += 1;
            }
        }
        beeps
    }
}
