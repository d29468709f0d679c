//! This machine, as a cluster would know it: one media node, which is inside the server.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use rand::Rng as _;
use rand::distr::Alphanumeric;

use settings::{Config, bracketed};

/// In the folder for what the server keeps.
const ID_FILE: &str = "node-id";
const PREFIX: &str = "media_";
const RANDOM_PART: usize = 10;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// `media_…`; the same after a restart.
    pub(crate) id: String,
    /// Where media is received, as clients on the network see it.
    pub(crate) ip: IpAddr,
    /// Where signalling is received.
    pub(crate) uri: String,
}

impl Node {
    /// `config` with the port really bound; `ip` is how the local network reaches this machine.
    pub(crate) fn new(config: &Config, ip: IpAddr) -> Self {
        let uri = format!("ws://{}:{}/openvidu", bracketed(ip), config.server_port);
        Self { id: id(&config.madang_data_dir), ip, uri }
    }
}

/// Made once and kept.
fn id(folder: &Path) -> String {
    let file = folder.join(ID_FILE);
    if let Some(kept) = fs::read_to_string(&file).ok().map(|text| text.trim().to_owned()).filter(|id| is_id(id)) {
        return kept;
    }
    let random: String = rand::rng().sample_iter(Alphanumeric).take(RANDOM_PART).map(char::from).collect();
    let id = format!("{PREFIX}{random}");
    if let Err(error) = fs::create_dir_all(folder).and_then(|()| durable::replace(&file, &id)) {
        tracing::warn!(folder = %folder.display(), %error, "the id of this node cannot be kept");
    }
    id
}

fn is_id(text: &str) -> bool {
    text.strip_prefix(PREFIX)
        .is_some_and(|random| random.len() == RANDOM_PART && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_kept_and_made_anew_only_if_it_is_spoilt() {
        let folder = tempfile::tempdir().unwrap();
        let first = id(folder.path());
        assert!(is_id(&first), "{first}");
        assert_eq!(id(folder.path()), first);
        fs::write(folder.path().join(ID_FILE), "media_../../x").unwrap();
        let second = id(folder.path());
        assert!(is_id(&second) && second != first && id(folder.path()) == second);
    }
}
