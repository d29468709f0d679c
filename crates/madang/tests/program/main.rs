//! The real program, as a process of its own.

mod certificates;
mod command_line;
mod crash;
mod dev;
mod doctor;
mod env_files;
#[cfg(unix)]
mod installation;
mod log;
#[cfg(target_os = "linux")]
mod memory;
mod restart;

use std::path::Path;

/// The program that is tested.
const MADANG: &str = env!("CARGO_BIN_EXE_madang");

/// It, on loopback and free ports. Its `.env` would be in `folder`.
fn madang(folder: &Path) -> std::process::Command {
    testbed::program::on_loopback(Path::new(MADANG), folder)
}
