//! The command line: what can be asked for, and how that is explained. What comes of it is in `main` and in
//! [`installation`](crate::installation).

#[cfg(unix)]
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use doctor::Language;
use settings::report;

/// What scripts go by; docs/command-line.md explains it.
const EXIT_STATUSES: &str = "\
Exit status:
  0   done
  1   failed, or something was found (doctor, load-test)
  2   the command line cannot be understood, or something is missing in it
  3   what was named is not there
  4   the server refuses
  5   no server answers, or its certificate is not trusted
  78  the settings cannot be used";

/// Madang: video calls for OpenVidu 2 applications
///
/// Without a command it starts the server.
#[derive(Parser, PartialEq, Debug)]
#[command(name = "madang", version, args_override_self = true)]
#[command(after_help = format!("{EXIT_STATUSES}\n\n{}", report::help()), subcommand_help_heading = "Commands")]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand, PartialEq, Debug)]
pub(crate) enum Command {
    /// Starts the server; the same as without a command
    Serve,
    /// Starts a server to try things with: on port 4443, with the secret MY_SECRET, for this network
    ///
    /// The environment and the file .env win over that.
    Dev,
    #[command(flatten)]
    Ask(commands::Command),
    /// Prints the settings in force and checks them
    Config(ConfigArguments),
    /// Examines the running server and says what to do
    ///
    /// Looks at it leg by leg: address, ports, certificate, WebSocket, media over UDP and TCP, relay, clock, limits. The
    /// server is the one whose settings are here (.env and the environment). The exit status is 1 if anything has failed.
    Doctor(DoctorArguments),
    /// Lets emulated participants join a server, send and receive, and tells what was delivered
    ///
    /// They speak OpenVidu's protocols and WebRTC as browsers do; what they send is synthetic. The server is the one whose
    /// settings are here (.env and the environment), unless a URL is given. The exit status is 1 if anything was lost or anybody
    /// has failed.
    LoadTest(Box<loadtest::Options>),
    /// Calculates what sessions of a given shape need, how many fit on a machine, and what is the limit
    ///
    /// Nothing is measured: it is a model, fitted to measurements, and docs/scaling.md says by how much it may be wrong. For
    /// example, how many rooms of seven fit: madang capacity --participants 7 --cores 2 --memory 4G --network 1G
    Capacity(Box<capacity::Options>),
    /// Prints a report for those who help you: versions, machine, settings, what the doctor finds, end of the log; secrets are masked
    #[cfg(unix)]
    Report(ReportArguments),
    /// Prints the reference of all settings (Markdown)
    Reference,
    /// Prints a script that lets a shell complete commands and options
    ///
    /// For bash: source <(madang completions bash)
    Completions {
        /// Which shell
        #[arg(value_parser = shells())]
        shell: Shell,
    },
    /// Makes an installation in /opt/openvidu, or brings the program in one up to date
    ///
    /// In an existing one, .env and whatever else is there stays as it is.
    #[cfg(unix)]
    Install(InstallArguments),
    /// What the script `./openvidu` of an installation is asked for; read by [`ScriptLine`].
    #[cfg(unix)]
    #[command(hide = true, disable_help_flag = true)]
    Openvidu {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// Not for people: what `openvidu start` leaves running.
    #[cfg(unix)]
    #[command(hide = true)]
    Supervise,
    /// As --version
    #[command(hide = true)]
    Version,
}

impl Command {
    /// Whether the standard output has JSON, and so must what is told of a failure.
    pub(crate) fn prints_json(&self) -> bool {
        match self {
            Self::Config(arguments) => arguments.json,
            Self::Doctor(arguments) => arguments.json,
            Self::LoadTest(options) => options.prints_json(),
            Self::Capacity(options) => options.json,
            #[cfg(unix)]
            Self::Report(arguments) => arguments.json,
            #[cfg(unix)]
            Self::Install(arguments) => arguments.json,
            _ => false,
        }
    }
}

/// Those that are tested.
fn shells() -> impl TypedValueParser<Value = Shell> {
    PossibleValuesParser::new(["bash", "zsh", "fish"]).map(|name| match name.as_str() {
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => Shell::Bash,
    })
}

/// Options of `config`.
#[derive(Args, Clone, Copy, PartialEq, Eq, Debug)]
#[command(args_override_self = true)]
pub(crate) struct ConfigArguments {
    /// Prints them as JSON, with where each stands and what it means
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of the report.
#[cfg(unix)]
#[derive(Args, Clone, PartialEq, Eq, Debug)]
#[command(args_override_self = true)]
pub(crate) struct ReportArguments {
    /// Writes it to FILE, readable by its owner only
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Compares the clock with this time server
    #[arg(long, value_name = "HOST[:PORT]", default_value = doctor::command::TIME_SERVER)]
    pub(crate) ntp: String,
}

/// Options of the doctor.
#[derive(Args, Clone, PartialEq, Eq, Debug)]
#[command(args_override_self = true)]
pub(crate) struct DoctorArguments {
    /// Examines the server at URL instead, from here; its secret is taken from OPENVIDU_SECRET, or asked for
    #[arg(long)]
    url: Option<String>,
    /// Language of what is found; otherwise that of LC_ALL, LC_MESSAGES or LANG
    #[arg(long, value_enum)]
    lang: Option<SpokenLanguage>,
    /// Prints the report as JSON
    #[arg(long)]
    json: bool,
    /// Also trusts the authority in FILE (PEM or DER), such as /trust/madang.crt of the server
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Sends the secret even to a server whose certificate is not trusted
    #[arg(long)]
    insecure: bool,
    /// Compares the clock with this time server
    #[arg(long, value_name = "HOST[:PORT]", default_value = doctor::command::TIME_SERVER)]
    ntp: String,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum SpokenLanguage {
    En,
    Ko,
}

impl DoctorArguments {
    /// What the doctor is told.
    pub(crate) fn options(self) -> doctor::command::Options {
        let language = match self.lang {
            Some(SpokenLanguage::En) => Language::English,
            Some(SpokenLanguage::Ko) => Language::Korean,
            None => language_of_environment(),
        };
        doctor::command::Options {
            url: self.url,
            language,
            json: self.json,
            trust: self.trust,
            insecure: self.insecure,
            ntp: self.ntp,
        }
    }
}

/// As programs do (POSIX, "Environment Variables").
fn language_of_environment() -> Language {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let name = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    Language::of(&name.unwrap_or_default())
}

/// Options of the installation.
#[cfg(unix)]
#[derive(Args, Clone, PartialEq, Eq, Debug)]
#[command(args_override_self = true)]
pub(crate) struct InstallArguments {
    /// Where
    #[arg(default_value = "/opt/openvidu")]
    pub(crate) folder: PathBuf,
    /// Lets systemd run the server; default: if this is root and systemd runs this machine
    #[arg(long, overrides_with = "no_systemd")]
    systemd: bool,
    /// Leaves systemd alone
    #[arg(long)]
    no_systemd: bool,
    /// The user that the server runs as under systemd; made if missing
    #[arg(long, value_name = "NAME", default_value = "openvidu")]
    pub(crate) user: String,
    /// Prints what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Only writes the unit, there, and neither enables it nor makes a user: for packages
    #[arg(long, value_name = "FOLDER")]
    pub(crate) unit_folder: Option<PathBuf>,
}

#[cfg(unix)]
impl InstallArguments {
    /// Whether systemd shall run the server, if anything was said about it.
    pub(crate) fn systemd(&self) -> Option<bool> {
        match (self.systemd, self.no_systemd) {
            (false, false) => None,
            (wanted, _) => Some(wanted),
        }
    }
}

/// OpenVidu 2 platform (Madang)
#[cfg(unix)]
#[derive(Parser, PartialEq, Eq, Debug)]
#[command(name = "openvidu", bin_name = "./openvidu", subcommand_value_name = "command")]
pub(crate) struct ScriptLine {
    #[command(subcommand)]
    command: ScriptCommand,
}

#[cfg(unix)]
impl ScriptLine {
    /// What the script was asked for.
    pub(crate) fn read(words: Vec<OsString>) -> Result<ScriptCommand, clap::Error> {
        let name = OsString::from("./openvidu");
        Self::try_parse_from(std::iter::once(name).chain(words)).map(|line| line.command)
    }
}

/// What operators know from the original's script.
#[cfg(unix)]
#[derive(Subcommand, PartialEq, Eq, Debug)]
pub(crate) enum ScriptCommand {
    /// Starts the server and waits until it is ready
    Start,
    /// Stops it
    Stop,
    /// Stops it and starts it again, with the settings that .env has now
    Restart,
    /// Shows its log
    Logs(LogArguments),
    /// The same: there is no separate media server
    KmsLogs(LogArguments),
    /// Shows the settings in force and checks them
    Config,
    /// Examines the running server, leg by leg, and says what to do
    ///
    /// Looks at it leg by leg: address, ports, certificate, WebSocket, media over UDP and TCP, relay, clock, limits. The
    /// server is the one whose settings are here (.env and the environment). The exit status is 1 if anything has failed.
    Doctor(DoctorArguments),
    /// Shows versions and how the server is run
    Version,
    /// Writes a file for those who help you; secrets are masked
    Report {
        /// Compares the clock with this time server
        #[arg(long, value_name = "HOST[:PORT]", default_value = doctor::command::TIME_SERVER)]
        ntp: String,
    },
    /// Tells how
    Upgrade {
        /// Ignored: nothing is fetched from here.
        #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

#[cfg(unix)]
#[derive(Args, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LogArguments {
    /// Goes on with what comes
    #[arg(short, long)]
    pub(crate) follow: bool,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    use super::*;

    fn parsed(line: &str) -> Result<Option<Command>, clap::Error> {
        CommandLine::try_parse_from(["madang"].into_iter().chain(line.split_whitespace())).map(|line| line.command)
    }

    fn doctor(line: &str) -> doctor::command::Options {
        match parsed(&format!("doctor {line}")) {
            Ok(Some(Command::Doctor(arguments))) => arguments.options(),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_definitions_fit_together() {
        CommandLine::command().debug_assert();
        #[cfg(unix)]
        ScriptLine::command().debug_assert();
    }

    #[test]
    fn options_of_the_doctor_are_read_and_wrong_ones_named() {
        let options = doctor("--url https://a --lang=ko --json --ntp time.example.org");
        assert_eq!(options.url.as_deref(), Some("https://a"));
        assert!(options.json && !options.insecure && options.language == Language::Korean);
        assert_eq!(options.ntp, "time.example.org");
        assert_eq!(doctor("").ntp, "pool.ntp.org");
        // The last one counts.
        assert_eq!(doctor("--ntp a --ntp b --json --json").ntp, "b");
        for (wrong, named) in [("--url", "--url"), ("--lang de", "'de'"), ("--secret x", "'--secret'")] {
            let error = parsed(&format!("doctor {wrong}")).unwrap_err().to_string();
            assert!(error.contains(named), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_what_may_be_meant() {
        for (wrong, meant) in [
            ("instal", "install"),
            ("conifg", "config"),
            ("doctor --jsn", "--json"),
            ("install --unit-foldr x", "--unit-folder"),
        ] {
            let error = parsed(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("'{meant}'")), "{wrong}: {error}");
        }
    }

    #[test]
    fn help_lists_the_commands_and_the_settings() {
        for asked in ["--help", "-h", "help"] {
            let help = parsed(asked).unwrap_err();
            assert_eq!(help.kind(), ErrorKind::DisplayHelp);
            let help = help.to_string();
            for words in ["  doctor  ", "  install  ", "  OPENVIDU_SECRET [", "from the file .env"] {
                assert!(help.contains(words), "{words}: {help}");
            }
            assert!(!help.contains("supervise"), "{help}");
        }
    }

    #[test]
    fn options_of_the_load_test_are_read_and_wrong_ones_named() {
        let options = |line: &str| match parsed(&format!("load-test {line}")) {
            Ok(Some(Command::LoadTest(options))) => options,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(options("--rooms 3 --publishers 7 --max-loss 0.1").shape().legs(), 3 * 42);
        assert_eq!(options("--scenario webinar --scenario audio").scenario, loadtest::Scenario::Audio);
        assert_eq!(options("").server, loadtest::Protocol::Openvidu);
        assert_eq!(options("--server livekit").server, loadtest::Protocol::Livekit);
        for (wrong, named) in [
            ("--scenario x", "'x'"),
            ("--max-loss 101", "0 to 100"),
            ("--publisher 1", "'--publishers'"),
            ("--server kurento", "janus, livekit, mediasoup"),
        ] {
            let error = parsed(&format!("load-test {wrong}")).unwrap_err().to_string();
            assert!(error.contains(named), "{wrong}: {error}");
        }
    }

    #[test]
    fn options_of_the_calculation_are_read_and_wrong_ones_named() {
        let options = |line: &str| match parsed(&format!("capacity {line}")) {
            Ok(Some(Command::Capacity(options))) => options,
            other => panic!("{line}: {other:?}"),
        };
        let call =
            options("--participants 8 --publishers 2 --video 2.5M --audio 0 --recording --relayed 10").call().unwrap();
        assert_eq!((call.legs(), call.recording, call.relayed), (14, capacity::Recording::Individual, 0.1));
        assert_eq!(options("--recording=composed").call().unwrap().recording, capacity::Recording::Composed);
        assert_eq!(options("--cores 4 --memory 4G").machine().unwrap().memory_bytes, Some(4_000_000_000));
        for (wrong, named) in [("--video x", "1500k"), ("--recording=x", "'x'"), ("--room 1", "'--rooms'")] {
            let error = parsed(&format!("capacity {wrong}")).unwrap_err().to_string();
            assert!(error.contains(named), "{wrong}: {error}");
        }
        for (wrong, named) in [
            ("--participants 0", "--participants"),
            ("--participants 3 --publishers 4", "4 of 3"),
            ("--rooms 0", "--rooms"),
            ("--video 200M", "--video"),
            ("--audio 2M", "--audio"),
            ("--frame-rate 0", "--frame-rate"),
            ("--video 0 --simulcast", "--simulcast"),
            ("--relayed 101", "--relayed"),
            ("--relayed NaN", "--relayed"),
        ] {
            let error = options(wrong).call().unwrap_err().to_string();
            assert!(error.contains(named), "{wrong}: {error}");
        }
        for (wrong, named) in [("--cores 0", "--cores"), ("--memory 4", "--memory"), ("--network 1k", "--network")] {
            let error = options(wrong).machine().unwrap_err().to_string();
            assert!(error.contains(named), "{wrong}: {error}");
        }
    }

    #[cfg(unix)]
    fn install(line: &str) -> Result<InstallArguments, clap::Error> {
        parsed(&format!("install {line}")).map(|command| match command {
            Some(Command::Install(arguments)) => arguments,
            other => panic!("{line}: {other:?}"),
        })
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_and_the_options_may_come_in_any_order() {
        let arguments = install("--user video /srv/video --no-systemd").unwrap();
        assert_eq!((arguments.folder.to_str(), arguments.systemd()), (Some("/srv/video"), Some(false)));
        assert_eq!(arguments.user, "video");
        let arguments = install("").unwrap();
        assert_eq!((arguments.folder.as_path(), arguments.systemd()), (Path::new("/opt/openvidu"), None));
        // The last one counts.
        assert_eq!(install("--no-systemd --systemd").unwrap().systemd(), Some(true));
        assert_eq!(install("--systemd --no-systemd").unwrap().systemd(), Some(false));
        for line in ["--user", "--nonsense", "a b"] {
            assert!(install(line).is_err(), "{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_words_of_the_script_are_its_own() {
        let words = |line: &str| match parsed(&format!("openvidu {line}")) {
            Ok(Some(Command::Openvidu { words })) => words,
            other => panic!("{line}: {other:?}"),
        };
        let script = |line: &str| ScriptLine::read(words(line));
        assert_eq!(script("logs -f").unwrap(), ScriptCommand::Logs(LogArguments { follow: true }));
        assert_eq!(script("kms-logs").unwrap(), ScriptCommand::KmsLogs(LogArguments { follow: false }));
        assert!(matches!(script("upgrade 2.32.2 --now").unwrap(), ScriptCommand::Upgrade { .. }));
        assert!(script("doctor --help").unwrap_err().to_string().contains("Usage: ./openvidu doctor"));
        for line in ["", "help", "--help"] {
            assert!(script(line).unwrap_err().to_string().contains("Usage: ./openvidu"), "{line}");
        }
    }
}
