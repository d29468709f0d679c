//! The secret of all tutorials, `MY_SECRET`: whoever can reach a server that has it could use its REST API. So it counts
//! from this machine alone, unless the operator says otherwise (MADANG_ALLOW_MY_SECRET).

use settings::Config;

use crate::client_address::Sender;

/// What others are told.
pub(crate) const KNOWN_SECRET: &str = "OPENVIDU_SECRET is MY_SECRET, which everybody knows: with it this server listens to its \
    own machine only. Set a secret of your own; or for development MADANG_ALLOW_MY_SECRET=true";

/// See the module.
pub(crate) trait AdmitsSecret {
    /// Whether the secret counts when it comes from there.
    fn admits_secret_of(&self, sender: &Sender) -> bool;
}

impl AdmitsSecret for Config {
    fn admits_secret_of(&self, sender: &Sender) -> bool {
        !self.openvidu_secret.is_for_development() || self.madang_allow_my_secret || sender.is_this_machine()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn admits(secret: &str, allowed: bool, from: &str) -> bool {
        let secret = secret.parse().unwrap();
        let config = Config { openvidu_secret: secret, madang_allow_my_secret: allowed, ..Config::default() };
        config.admits_secret_of(&Sender::direct(SocketAddr::new(from.parse().unwrap(), 1)))
    }

    #[test]
    fn what_everybody_knows_counts_from_here_only() {
        for here in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(admits("MY_SECRET", false, here), "{here}");
        }
        for elsewhere in ["192.168.0.7", "172.17.0.2", "203.0.113.5", "2001:db8::1"] {
            assert!(!admits("MY_SECRET", false, elsewhere), "{elsewhere}");
            assert!(admits("MY_SECRET", true, elsewhere) && admits("another", false, elsewhere), "{elsewhere}");
        }
    }
}
