//! How full the disks are that this server writes to. Asked for when somebody looks; on systems without `statvfs` there is nothing.

use std::path::Path;

use settings::Config;

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Disk {
    /// What is written there.
    pub(super) holds: &'static str,
    /// Bytes that this process may still write.
    pub(super) free: u64,
    /// Bytes in all.
    pub(super) size: u64,
}

/// Of every folder that is written to, if it is there already.
pub(crate) fn look(config: &Config) -> Vec<Disk> {
    let mut folders = vec![("data", config.madang_data_dir.as_path())];
    if config.openvidu_cdr {
        folders.push(("cdr", &config.openvidu_cdr_path));
    }
    if config.openvidu_recording {
        folders.push(("recordings", &config.openvidu_recording_path));
    }
    folders.into_iter().filter_map(|(holds, folder)| disk(holds, folder)).collect()
}

#[cfg(unix)]
fn disk(holds: &'static str, folder: &Path) -> Option<Disk> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Some(Disk { holds, free: bytes(disk.f_bavail), size: bytes(disk.f_blocks) })
}

#[cfg(not(unix))]
fn disk(_: &'static str, _: &Path) -> Option<Disk> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_is_part_of_what_there_is_and_what_is_not_there_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { madang_data_dir: folder.path().to_owned(), ..Config::default() };
        (config.openvidu_cdr, config.openvidu_recording) = (false, true);
        config.openvidu_recording_path = folder.path().join("not/there");
        let disks = look(&config);
        assert!(matches!(disks[..], [Disk { holds: "data", free, size }] if 0 < free && free <= size), "{disks:?}");
    }
}
