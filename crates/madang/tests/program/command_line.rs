//! What the program says about itself and about mistakes, and with which exit status.

use std::process::{Command, Output};

use serde_json::Value;

use crate::MADANG;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const UNREACHABLE: i32 = 5;
const INVALID_SETTINGS: i32 = 78;

/// In a folder without settings.
fn madang(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(MADANG);
    command.env_clear().envs(settings.iter().copied()).current_dir(folder.path()).args(arguments).output().unwrap()
}

/// Standard output of a success that says nothing else.
fn told(arguments: &[&str]) -> String {
    let output = madang(arguments, &[]);
    assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a failure that says nothing else.
fn refused(arguments: &[&str], status: i32) -> String {
    let output = madang(arguments, &[]);
    assert!(output.status.code() == Some(status) && output.stdout.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn help_teaches_the_commands_and_the_settings() {
    for asked in ["--help", "-h", "help"] {
        let help = told(&[asked]);
        assert!(help.starts_with("Madang: video calls for OpenVidu 2 applications\n"), "{help}");
        for words in ["Usage: madang", "\n  config ", "\n  OPENVIDU_SECRET [MY_SECRET]\n", "in the folder DOTENV_PATH"]
        {
            assert!(help.contains(words), "{words}: {help}");
        }
    }
    let help = told(&["doctor", "--help"]);
    assert!(help.contains("--trust <FILE>") && help.contains("pool.ntp.org"), "{help}");
    assert_eq!(told(&["help", "doctor"]), help);
    #[cfg(unix)]
    assert!(told(&["install", "-h"]).contains("--unit-folder <FOLDER>"));
}

#[test]
fn the_version_is_told() {
    for asked in ["--version", "-V", "version"] {
        assert_eq!(told(&[asked]), concat!("madang ", env!("CARGO_PKG_VERSION"), "\n"));
    }
}

#[test]
fn a_mistake_is_named_with_what_may_be_meant() {
    let error = refused(&["conifg"], USAGE);
    assert!(error.starts_with("madang: ") && error.contains("'conifg'") && error.contains("'config'"), "{error}");
    let error = refused(&["doctor", "--jsn"], USAGE);
    assert!(error.contains("'--jsn'") && error.contains("'--json'") && error.contains("--help"), "{error}");
    for (arguments, named) in [
        (&["doctor", "--lang", "de"][..], "'de'"),
        (&["doctor", "--url"], "--url"),
        (&["config", "now"], "'now'"),
        (&["install", "a", "b"], "'b'"),
    ] {
        let error = refused(arguments, USAGE);
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn wrong_settings_have_a_status_of_their_own() {
    for arguments in [&["config"][..], &[], &["doctor"], &["session", "list"]] {
        let output = madang(arguments, &[("OPENVIDU_CDR", "maybe")]);
        assert_eq!(output.status.code(), Some(INVALID_SETTINGS), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("* Property OPENVIDU_CDR=maybe. "), "{output:?}");
    }
    let output = madang(&["config", "--json"], &[("OPENVIDU_CDR", "maybe")]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &document["error"]["kind"]), (Some(INVALID_SETTINGS), &"settings".into()));
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[cfg(unix)]
#[test]
fn without_an_installation_its_script_says_so() {
    for words in [&["openvidu"][..], &["openvidu", "help"], &["openvidu", "start"], &["supervise"]] {
        assert!(refused(words, FAILURE).contains("nothing is installed"), "{words:?}");
    }
}

#[test]
fn a_load_test_that_cannot_be_is_told_what_it_lacks() {
    let help = told(&["load-test", "--help"]);
    assert!(help.contains("--max-loss <PERCENT>") && help.contains("--simulcast"), "{help}");
    let layers_elsewhere = ["load-test", "--url", "http://127.0.0.1:1", "--server", "janus", "--simulcast"];
    let error = refused(&layers_elsewhere, USAGE);
    assert!(error.contains("--simulcast is for --server openvidu"), "{error}");
    // Nobody listens on port 1 of this machine.
    let test = ["load-test", "--url", "http://127.0.0.1:1"];
    let error = refused(&test, USAGE);
    assert!(error.contains("OPENVIDU_SECRET must be set"), "{error}");
    let output = madang(&test, &[("OPENVIDU_SECRET", "something")]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(UNREACHABLE));
    assert!(error.starts_with("madang: no server answers at http://127.0.0.1:1 "), "{error}");
    assert!(!error.contains("something"), "{error}");
}

#[test]
fn settings_in_force_are_told_to_programs_without_secrets() {
    let output = madang(&["config", "--json"], &[("OPENVIDU_SECRET", "hush-hush"), ("MADANG_LAST_N", "9")]);
    let text = String::from_utf8(output.stdout).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let setting = |name: &str| {
        let mut all = document["settings"].as_array().unwrap().iter();
        all.find(|setting| setting["name"] == name).unwrap_or_else(|| panic!("{name}: {text}"))
    };
    assert_eq!(setting("MADANG_LAST_N")["value"], "9");
    assert_eq!(setting("MADANG_LAST_N")["source"], "environment");
    assert_eq!(setting("OPENVIDU_SECRET")["value"], Value::Null);
    assert!(!text.contains("hush-hush"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_report_can_be_had_without_an_installation_and_betrays_nothing() {
    let settings = [("OPENVIDU_SECRET", "hush-hush"), ("SERVER_PORT", "1")];
    let report = madang(&["report", "--ntp", "127.0.0.1:9"], &settings);
    let text = String::from_utf8(report.stdout).unwrap();
    assert!(report.status.success(), "{text}");
    for words in
        ["==== Version ====\n\nMadang version:", "* SERVER_PORT=1\n", "==== Doctor ====", "No server answers at"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    let json = madang(&["report", "--json", "--ntp", "127.0.0.1:9"], &settings);
    let document: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["doctor"]["healthy"], false);
    assert!(document["settings"].as_array().unwrap().len() > 50);
    assert!(!text.contains("hush-hush") && !document.to_string().contains("hush-hush"));
}

/// In a real bash, as somebody presses the tab key.
#[cfg(unix)]
#[test]
fn bash_completes_commands_options_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("completions");
    std::fs::write(&script, told(&["completions", "bash"])).unwrap();
    let completed = |line: &[&str]| {
        const PRESS: &str = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); \
            _madang madang \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let mut bash = Command::new("bash");
        let output = bash.args(["--norc", "-c", PRESS, "bash"]).arg(&script).args(line).output().unwrap();
        assert!(output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(completed(&["madang", "recor"]), "recording\n");
    assert_eq!(completed(&["madang", "recording", "st"]), "start\nstop\n");
    assert_eq!(completed(&["madang", "session", "create", "--rec"]), "--recording-mode\n");
    assert_eq!(completed(&["madang", "connection", "create", "--role", "MOD"]), "MODERATOR\n");
    for shell in ["zsh", "fish"] {
        assert!(told(&["completions", shell]).contains("recording-mode"), "{shell}");
    }
    assert!(refused(&["completions", "tcsh"], USAGE).contains("bash, zsh, fish"));
}
