//! `madang dev`: nothing has to be set, and what is set wins.

use std::path::Path;
use std::process::Command;

use testbed::program::RunningProgram;

use crate::madang;

fn dev(folder: &Path) -> Command {
    let mut command = madang(folder);
    command.env_remove("MADANG_HELPER_USER").env("COTURN_PORT", "0").arg("dev");
    command
}

/// What `madang session list` prints of the server on this port, whose settings are in this folder.
fn sessions(folder: &Path, port: u16, secret: &str) -> std::process::Output {
    let mut command = madang(folder);
    command.env("OPENVIDU_URL", format!("http://127.0.0.1:{port}")).env("OPENVIDU_SECRET", secret);
    command.args(["session", "list"]).output().unwrap()
}

#[test]
fn a_server_to_try_things_with_says_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = RunningProgram::start(dev(folder.path()));
    server.prints("/dashboard/ (user OPENVIDUAPP, password MY_SECRET)");
    server.prints("everybody knows it, and your network may use it");
    server.prints("madang call");
    let listed = sessions(folder.path(), server.address.port(), "MY_SECRET");
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "There is no session.\n", "{listed:?}");
}

#[test]
fn a_secret_of_ones_own_wins_and_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "OPENVIDU_SECRET=hush-hush\n").unwrap();
    let mut server = RunningProgram::start(dev(folder.path()));
    server.prints("password your OPENVIDU_SECRET");
    // Neither by the environment nor by chance.
    assert!(sessions(folder.path(), server.address.port(), "hush-hush").status.success());
    let other = tempfile::tempdir().unwrap();
    assert_eq!(sessions(other.path(), server.address.port(), "MY_SECRET").status.code(), Some(4));
    assert!(!server.stop().contains("hush-hush"));
}
