//! The ZIP of an individual recording: its files as they are, and a JSON file that says how they belong together.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use protocol::recording::RecordingView;
use serde::Serialize;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::store::{StreamNote, is_zero};

/// Read at a time.
const PIECE: usize = 1024 * 1024;
/// From here on sizes need more than the 32 bits of the original format.
const LARGE: u64 = u32::MAX as u64;

/// One file for the archive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) note: StreamNote,
    /// Its name, in the folder and in the archive.
    pub(super) file: String,
}

/// `NAME.json`. Keys and their order are the original's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Contents<'a> {
    created_at: u64,
    id: &'a str,
    name: &'a str,
    session_id: &'a str,
    files: Vec<Stream<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stream<'a> {
    name: &'a str,
    connection_id: &'a str,
    stream_id: &'a str,
    size: u64,
    client_data: &'a str,
    server_data: &'a str,
    has_audio: bool,
    has_video: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    type_of_video: Option<&'a str>,
    /// ms after the recording's creation, or after the first packet, if a camera sent that before.
    start_time_offset: u64,
    end_time_offset: u64,
    /// Not in the original, and only there if something is missing.
    #[serde(skip_serializing_if = "is_zero")]
    dropped_packets: u64,
}

/// Writes the archive of what is in `folder`, with texts by their names. Gives up when `stop` is set.
pub(super) fn write(
    target: impl Write + Seek,
    folder: &Path,
    view: &RecordingView,
    entries: &[Entry],
    texts: &[(String, String)],
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut zip = ZipWriter::new(target);
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for entry in entries {
        zip.start_file(entry.file.as_str(), stored.large_file(entry.note.size >= LARGE))?;
        let file = File::open(folder.join(&entry.file))?;
        copy(&mut file.take(entry.note.size), &mut zip, stop)?;
    }
    for (name, text) in texts {
        zip.start_file(name.as_str(), stored)?;
        zip.write_all(text.as_bytes())?;
    }
    zip.start_file(format!("{}.json", view.name), stored)?;
    zip.write_all(contents(view, entries)?.as_bytes())?;
    zip.finish()?.flush()
}

fn copy(from: &mut impl Read, to: &mut impl Write, stop: &AtomicBool) -> io::Result<()> {
    let mut from = BufReader::with_capacity(PIECE, from);
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "the server stops"));
        }
        let piece = io::BufRead::fill_buf(&mut from)?;
        if piece.is_empty() {
            return Ok(());
        }
        to.write_all(piece)?;
        let length = piece.len();
        io::BufRead::consume(&mut from, length);
    }
}

fn contents(view: &RecordingView, entries: &[Entry]) -> io::Result<String> {
    let first = entries.iter().map(|entry| entry.note.start_time).min();
    let origin = first.map_or(view.created_at, |first| first.min(view.created_at));
    let files = entries.iter().map(|Entry { note, file }| Stream {
        name: file,
        connection_id: &note.connection_id,
        stream_id: &note.stream_id,
        size: note.size,
        client_data: &note.client_data,
        server_data: &note.server_data,
        has_audio: note.has_audio,
        has_video: note.has_video,
        type_of_video: note.type_of_video.as_deref().filter(|_| note.has_video),
        start_time_offset: note.start_time - origin,
        end_time_offset: note.end_time.saturating_sub(origin),
        dropped_packets: note.dropped_packets,
    });
    let contents = Contents {
        created_at: view.created_at,
        id: &view.id,
        name: &view.name,
        session_id: &view.session_id,
        files: files.collect(),
    };
    Ok(serde_json::to_string_pretty(&contents)?)
}

#[cfg(test)]
mod tests {
    use std::io::SeekFrom;

    use protocol::event::RecordingStatus;
    use protocol::model::OutputMode;
    use protocol::recording::RecordingLosses;

    use super::*;

    /// Leaves holes where zeros are written.
    struct Sparse(File);

    impl Write for Sparse {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // As many as are read at a time, compared as a whole: there are four thousand of them.
            static ZEROS: [u8; PIECE] = [0; PIECE];
            if ZEROS.get(..bytes.len()) != Some(bytes) {
                return self.0.write(bytes);
            }
            self.0.seek(SeekFrom::Current(bytes.len() as i64))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Sparse {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    fn entry(file: &str, size: u64) -> Entry {
        let note = StreamNote {
            name: file.to_owned(),
            connection_id: "con_1".to_owned(),
            stream_id: file.to_owned(),
            client_data: String::new(),
            server_data: String::new(),
            start_time: 1000,
            end_time: 3000,
            duration: 2000,
            size,
            has_audio: true,
            has_video: false,
            type_of_video: Some("CAMERA".to_owned()),
            dropped_packets: 7,
        };
        Entry { note, file: file.to_owned() }
    }

    fn view() -> RecordingView {
        RecordingView {
            id: "room".to_owned(),
            object: "recording".to_owned(),
            name: "mine".to_owned(),
            output_mode: OutputMode::Individual,
            composition: None,
            session_id: "room".to_owned(),
            unique_session_id: None,
            media_node: None,
            created_at: 1200,
            size: 0,
            duration: 0.0,
            url: None,
            has_audio: true,
            has_video: true,
            subtitles: None,
            status: RecordingStatus::Stopped,
            lost: RecordingLosses::default(),
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_may_be_larger_than_four_gigabytes() {
        let folder = tempfile::tempdir().unwrap();
        let size = (1 << 32) + 5;
        // The quickest file of this size.
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("large")).unwrap();
        std::fs::write(folder.path().join("small"), "small").unwrap();
        let path = folder.path().join("zip");
        let target = Sparse(File::create(&path).unwrap());
        let entries = [entry("large", size), entry("small", 5)];
        write(target, folder.path(), &view(), &entries, &[], &AtomicBool::new(false)).unwrap();
        let mut zip = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(zip.by_name("large").unwrap().size(), size);
        assert_eq!(io::read_to_string(zip.by_name("small").unwrap()).unwrap(), "small");
    }

    #[test]
    fn what_is_missing_is_told_and_what_is_not_there_is_not() {
        let text = contents(&view(), &[entry("str_a.webm", 5)]).unwrap();
        let expected = r#"{
  "createdAt": 1200,
  "id": "room",
  "name": "mine",
  "sessionId": "room",
  "files": [
    {
      "name": "str_a.webm",
      "connectionId": "con_1",
      "streamId": "str_a.webm",
      "size": 5,
      "clientData": "",
      "serverData": "",
      "hasAudio": true,
      "hasVideo": false,
      "startTimeOffset": 0,
      "endTimeOffset": 2000,
      "droppedPackets": 7
    }
  ]
}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn it_gives_up_when_the_server_stops() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "text").unwrap();
        let mut target = io::Cursor::new(vec![]);
        let result = write(&mut target, folder.path(), &view(), &[entry("file", 4)], &[], &AtomicBool::new(true));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::Interrupted);
    }
}
