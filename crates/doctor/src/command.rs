//! `madang doctor`: examines the server of the settings here, or another one from outside, and prints what it finds.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use protocol::checkup::{Checkup, Leg, RequestAsSeen, SelfDescription, Verdict};
use rustls::pki_types::CertificateDer;
use settings::{Config, ConfigError};

use super::certificate::{self, Trust};
use super::connection::{RequestAuthor, ServerAddress, THOROUGH, Unreachable};
use super::{API, AUTHORITY, Finding, Language, SEEN, clock, examine, now};

/// Whom to ask for the time, unless told otherwise.
pub const TIME_SERVER: &str = "pool.ntp.org";
const NTP_PORT: u16 = 123;
/// What a clock may be wrong by. Credentials of relays are valid for much longer, but a clock that is more wrong than this
/// is not kept right by anybody.
const TOLERATED_MS: i64 = 10_000;

/// What was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The server to be examined from outside; `None`: the one of the settings here.
    pub url: Option<String>,
    /// Of what is found.
    pub language: Language,
    /// The report as JSON instead of text.
    pub json: bool,
    /// A file with an authority that is trusted, too (PEM or DER).
    pub trust: Option<PathBuf>,
    /// Whether the secret is sent to a server whose certificate is not trusted.
    pub insecure: bool,
    /// Whom to ask for the time: `host` or `host:port`.
    pub ntp: String,
}

/// With its port, which may have been left out.
fn time_server(host: &str) -> String {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:{NTP_PORT}") }
}

/// Does it; `settings` are needed where no URL is given. Returns what is to be printed, and whether nothing has failed.
///
/// # Errors
/// Nothing could be examined.
pub async fn run(
    options: &Options,
    settings: impl FnOnce() -> Result<Config, ConfigError>,
) -> Result<(String, bool), Box<dyn std::error::Error>> {
    let checkup = checkup(options, settings).await?;
    let text =
        if options.json { serde_json::to_string_pretty(&checkup)? + "\n" } else { page(&checkup, options.language) };
    Ok((text, checkup.healthy))
}

/// What was found, for whoever puts it into a text of their own ([`page`]).
///
/// # Errors
/// As [`run`].
pub async fn checkup(
    options: &Options,
    settings: impl FnOnce() -> Result<Config, ConfigError>,
) -> Result<Checkup, Box<dyn std::error::Error>> {
    let options = &Options { ntp: time_server(&options.ntp), ..options.clone() };
    let visit = Visit::prepare(options, settings)?;
    let findings = visit.examine(options).await;
    let checks = findings.into_iter().map(|report| report.check(options.language)).collect();
    Ok(Checkup::new(visit.place.url(), now(), checks))
}

/// Found here, or told by the server in the language it was asked in.
enum Report {
    OfHere(Finding),
    OfServer(protocol::checkup::Check),
}

impl Report {
    fn check(self, language: Language) -> protocol::checkup::Check {
        match self {
            Self::OfHere(finding) => finding.in_words(language),
            Self::OfServer(check) => check,
        }
    }
}

/// Where to look, and as whom.
struct Visit {
    place: ServerAddress,
    authorization: String,
    /// Told by `--trust`.
    given: Vec<CertificateDer<'static>>,
    /// The server is on this machine and what it says comes straight from it.
    here: bool,
}

impl Visit {
    fn prepare(
        options: &Options,
        settings: impl FnOnce() -> Result<Config, ConfigError>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let given = match &options.trust {
            Some(path) => {
                certificates::verified::read(path).map_err(|error| format!("--trust {}: {error}", path.display()))?
            }
            None => vec![],
        };
        let (place, secret) = match &options.url {
            Some(url) => {
                let secret = std::env::var("OPENVIDU_SECRET").ok().filter(|secret| !secret.is_empty());
                let place = ServerAddress::parse(url)?;
                (place, secret.map_or_else(|| client::prompt::secret("OPENVIDU_SECRET: "), Ok)?)
            }
            None => {
                let config = settings()?;
                if config.server_port == 0 {
                    return Err("SERVER_PORT=0 says nothing about where the server is; use --url".into());
                }
                let ip = match config.madang_listen {
                    ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
                    ip => ip,
                };
                let place = ServerAddress { secure: false, host: ip.to_string(), port: config.server_port };
                (place, config.openvidu_secret.expose().to_owned())
            }
        };
        let authorization = format!("Basic {}", STANDARD.encode(format!("OPENVIDUAPP:{secret}")));
        Ok(Self { place, authorization, given, here: options.url.is_none() })
    }

    async fn examine(&self, options: &Options) -> Vec<Report> {
        let (server, skew) = match self.describe(options).await {
            Ok(described) => described,
            Err(findings) => return findings.into_iter().map(Report::OfHere).collect(),
        };
        let own = self.authority_of_machine().await;
        // If nothing is set, clients use what the application uses, as we do.
        let place = ServerAddress::parse(&server.public_url).ok().filter(|_| server.address_is_set);
        let place = place.unwrap_or_else(|| self.place.clone());
        let trust = Trust::new(&self.given, own.as_slice());
        let (mut findings, ahead) = tokio::join!(examine(&server, &place, &trust), clock::ahead_of(&options.ntp));
        findings.push(Finding::Answers { url: self.place.url() });
        findings.push(self.clock(skew, ahead, options));
        let told = findings.into_iter().map(Report::OfHere);
        told.chain(server.checks.into_iter().map(Report::OfServer)).collect()
    }

    /// What the server says of itself, and how far its clock is ahead of ours, in ms.
    async fn describe(&self, options: &Options) -> Result<(SelfDescription, i64), Vec<Finding>> {
        let url = self.place.url();
        let not_reached = |why: Unreachable| vec![Finding::NotReached { url: url.clone(), why }];
        let answer = self.place.ask(Method::GET, SEEN, &RequestAuthor::ANYBODY).await.map_err(not_reached)?;
        if serde_json::from_slice::<RequestAsSeen>(&answer.body).is_err() {
            return Err(vec![Finding::NotMadang { url, status: answer.status }]);
        }
        let line = self.place.open().await.map_err(not_reached)?;
        // Of this very connection, on which the secret goes out.
        if self.place.secure && !options.insecure {
            let trust = Trust::new(&self.given, &[]);
            let seen = certificate::judge(&line.chain, &self.place.host, None, &trust, SystemTime::now());
            if seen.judge() == (Leg::Certificate, Verdict::Failed) {
                return Err(vec![seen, Finding::SecretHeldBack { url }]);
            }
        }
        let language = if options.language == Language::Korean { "ko" } else { "en" };
        let asker = RequestAuthor { authorization: Some(&self.authorization), language, patience: THOROUGH };
        let before = clock::now();
        let answer = line.ask(&self.place, Method::GET, API, &asker).await.map_err(not_reached)?;
        let ours = i64::midpoint(before, clock::now());
        match answer.status {
            200 => {}
            401 | 429 => return Err(vec![Finding::SecretWrong { url }]),
            403 => return Err(vec![Finding::AccessDenied { url }]),
            status => return Err(vec![Finding::NotMadang { url, status }]),
        }
        match serde_json::from_slice::<SelfDescription>(&answer.body) {
            Ok(server) => {
                let theirs = i64::try_from(server.time).unwrap_or(i64::MAX);
                Ok((server, theirs.saturating_sub(ours)))
            }
            Err(_) => Err(vec![Finding::NotMadang { url, status: answer.status }]),
        }
    }

    /// What this machine's own server has signed its certificate with.
    async fn authority_of_machine(&self) -> Option<CertificateDer<'static>> {
        if !self.here {
            return None;
        }
        let answer = self.place.ask(Method::GET, AUTHORITY, &RequestAuthor::ANYBODY).await.ok()?;
        (answer.status == 200).then(|| CertificateDer::from(answer.body.to_vec()))
    }

    /// `skew`: how far the server's clock is ahead of ours; `ahead`: how far ours is ahead of the right time.
    fn clock(&self, skew: i64, ahead: Option<i64>, options: &Options) -> Finding {
        let (ms, by) = match ahead {
            Some(ahead) => (skew.saturating_add(ahead), Some(options.ntp.clone())),
            None if self.here => return Finding::ClockUnknown { by: options.ntp.clone() },
            None => (skew, None),
        };
        if ms.abs() <= TOLERATED_MS { Finding::ClockRight { ms, by } } else { Finding::ClockWrong { ms, by } }
    }
}

/// For people.
pub fn page(checkup: &Checkup, language: Language) -> String {
    let korean = language == Language::Korean;
    let mut text = format!("Madang doctor: {}\n\n", checkup.server);
    for check in &checkup.checks {
        let verdict = match (check.verdict, korean) {
            (Verdict::Ok, _) => "ok",
            (Verdict::Warning, false) => "WARNING",
            (Verdict::Failed, false) => "FAILED",
            (Verdict::Skipped, false) => "-",
            (Verdict::Warning, true) => "주의",
            (Verdict::Failed, true) => "실패",
            (Verdict::Skipped, true) => "-",
        };
        // A Korean letter is two columns wide.
        let width = 8 - if korean { verdict.chars().filter(|letter| !letter.is_ascii()).count() } else { 0 };
        let _ = writeln!(text, "  {verdict:<width$} {:<12} {}", name(check.leg), check.finding);
        for line in check.advice.iter().flat_map(|advice| advice.lines()) {
            let _ = writeln!(text, "                      → {line}");
        }
    }
    let summary = match (checkup.healthy, korean) {
        (true, false) => "Nothing has failed.",
        (false, false) => "Something has failed: see FAILED above.",
        (true, true) => "실패한 항목이 없습니다.",
        (false, true) => "실패한 항목이 있습니다. 위의 '실패'를 보세요.",
    };
    text + "\n" + summary + "\n"
}

/// As in JSON.
fn name(leg: Leg) -> String {
    serde_json::to_value(leg).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_server_has_the_usual_port_unless_it_has_another() {
        assert_eq!(time_server("127.0.0.1:99"), "127.0.0.1:99");
        assert_eq!(time_server("time.example.org"), "time.example.org:123");
    }

    #[test]
    fn the_language_is_that_of_the_locale() {
        for (name, language) in [
            ("ko_KR.UTF-8", Language::Korean),
            ("ko", Language::Korean),
            ("en_US", Language::English),
            ("C", Language::English),
        ] {
            assert_eq!(Language::of(name), language);
        }
    }
}
