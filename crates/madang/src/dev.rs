//! `madang dev`: the server for an afternoon on one's own machine. Nothing has to be set, and whoever is near may try it.

use std::collections::BTreeMap;

use server::{Program, Server};
use settings::{Config, bracketed};

use crate::{CommandResult, serve};

/// The port of every tutorial.
const PORT: &str = "4443";
/// Its secret.
const SECRET: &str = "MY_SECRET";

/// Serves. The environment and the file `.env` win over what is set here.
pub(crate) async fn run() -> CommandResult {
    let mut environment = defaults();
    for (name, value) in std::env::vars_os() {
        let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) else { continue };
        // What is empty is what nobody has set, for those that need something.
        if !(value.is_empty() && environment.contains_key(&name)) {
            environment.insert(name, value);
        }
    }
    serve::run(Program::new(environment, &Program::folder_of_process()), welcome).await
}

fn defaults() -> BTreeMap<String, String> {
    let mut defaults = BTreeMap::new();
    let mut set = |name: &str, value: String| defaults.insert(name.to_owned(), value);
    set("SERVER_PORT", PORT.to_owned());
    set("OPENVIDU_SECRET", SECRET.to_owned());
    // Phones in the same network, too.
    set("MADANG_ALLOW_MY_SECRET", "true".to_owned());
    // Helper programs are whoever has started this, be it root in a container.
    #[cfg(unix)]
    set("MADANG_HELPER_USER", format!("{}:{}", rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw()));
    defaults
}

/// What one wants to know in the first minute, below what every server says.
fn welcome(server: &Server) -> String {
    let candidates = server.media_candidates();
    let addresses: Vec<_> = candidates.udp.iter().map(|address| bracketed(address.ip())).collect();
    let reachable = candidates.udp.iter().zip(&addresses).filter(|(address, _)| !address.ip().is_loopback());
    let hosts: Vec<_> = reachable.map(|(_, host)| host.as_str()).collect();
    lines(server.settings(), &hosts)
}

/// `hosts`: addresses in the network, as they stand in a URL.
fn lines(config: &Config, hosts: &[&str]) -> String {
    let port = config.server_port;
    let is_known = config.openvidu_secret.is_for_development();
    let mut lines = vec![];
    if config.madang_dashboard {
        let password = if is_known { SECRET } else { "your OPENVIDU_SECRET" };
        lines
            .push(("Dashboard", format!("http://localhost:{port}/dashboard/ (user OPENVIDUAPP, password {password})")));
    }
    for host in hosts {
        lines.push(("On a phone", format!("http://{host}:{port}/trust first, then https://{host}:{port}/")));
    }
    lines.push(match (is_known, config.madang_allow_my_secret) {
        (true, true) => ("Secret", format!("{SECRET}: everybody knows it, and your network may use it")),
        (true, false) => ("Secret", format!("{SECRET}: it counts from this machine only")),
        (false, _) => ("Secret", "your own".to_owned()),
    });
    lines.push(("Commands", "madang call, madang session list, madang doctor; madang --help has all".to_owned()));
    lines.push(("REST, described", format!("http://localhost:{port}/openvidu/api/openapi.json")));
    lines.iter().map(|(what, value)| format!("  {what:<18}{value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_things_are_and_never_a_secret_of_ones_own() {
        let config = Config { madang_allow_my_secret: true, ..Config::default() };
        let text = lines(&config, &["192.0.2.7"]);
        for words in [
            "4443/dashboard/ (user OPENVIDUAPP, password MY_SECRET)",
            "http://192.0.2.7:4443/trust first",
            "your network may use it",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let own =
            Config { openvidu_secret: "hush-hush".parse().unwrap(), madang_dashboard: false, ..Config::default() };
        let text = lines(&own, &[]);
        assert!(!text.contains("hush") && !text.contains("dashboard") && text.contains("your own"), "{text}");
    }
}
