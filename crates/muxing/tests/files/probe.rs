//! What Debian's ffmpeg finds in a file.

use std::path::Path;
use std::process::Command;

/// One track.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Track {
    pub(crate) codec: String,
    pub(crate) size: (u32, u32),
    /// Decoded.
    pub(crate) frames: u64,
}

/// A file.
#[derive(Debug, Default)]
pub(crate) struct Probed {
    pub(crate) tracks: Vec<Track>,
    /// Seconds.
    pub(crate) duration: f64,
}

pub(crate) fn probe(path: &Path) -> Probed {
    let entries = "stream=codec_name,width,height,nb_read_frames:format=duration";
    let text = run("ffprobe", &["-v", "error", "-count_frames", "-show_entries", entries, "-of", "default"], path);
    let mut probed = Probed::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else {
            if line == "[STREAM]" {
                probed.tracks.push(Track::default());
            }
            continue;
        };
        let Some(track) = probed.tracks.last_mut() else {
            continue;
        };
        match key {
            "codec_name" => track.codec = value.to_owned(),
            "width" => track.size.0 = value.parse().unwrap(),
            "height" => track.size.1 = value.parse().unwrap(),
            "nb_read_frames" => track.frames = value.parse().unwrap(),
            "duration" => probed.duration = value.parse().unwrap(),
            _ => {}
        }
    }
    probed
}

/// Times of the packets of a track, `a` or `v`, in seconds.
pub(crate) fn times(path: &Path, track: &str) -> Vec<f64> {
    let select = ["-v", "error", "-select_streams", track, "-show_entries", "packet=pts_time", "-of", "csv=p=0"];
    run("ffprobe", &select, path).lines().map(|line| line.trim_end_matches(',').parse().unwrap()).collect()
}

/// Runs a tool on a file; whatever it complains of is an error.
fn run(tool: &str, arguments: &[&str], path: &Path) -> String {
    let output = Command::new(tool).args(arguments).arg(path).output();
    let output = output.unwrap_or_else(|error| panic!("{tool} (Debian: ffmpeg): {error}"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{tool}: {complaints}");
    String::from_utf8(output.stdout).unwrap()
}
