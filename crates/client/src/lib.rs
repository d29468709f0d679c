//! The other side of a server: how programs of ours reach one, as an application's back end does.
//!
//! [`ServerAddress`] is where it is and whom its certificate must be signed by, [`RestClient`] asks its REST API, [`prompt`]
//! asks a person for the secret. The load test and the commands of the program stand on it.
//!
//! What is asked, and what the answers mean, is theirs. The doctor has connections of its own, since a certificate is what
//! it looks at, and so have webhooks, which post and read a status.

mod address;
pub mod prompt;
mod rest;

pub use address::{PATIENCE, ServerAddress, Stream, Trust};
pub use rest::{Answer, Download, RestClient};

/// Why a server cannot be asked, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be one of a server.
    #[error("the server's address {url:?} {rule}")]
    Url {
        /// As it was given.
        url: String,
        /// What it breaks.
        rule: String,
    },
    /// The file with an authority cannot be used.
    #[error("--trust {file}: {why}")]
    Authority {
        /// Its path.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answers, or the connection broke.
    #[error(
        "no server answers at {url} ({why}): is it running, is --url that of its SERVER_PORT, and is nothing in between?"
    )]
    Unreachable {
        /// Without a path.
        url: String,
        /// As far as it is known.
        why: String,
    },
    /// Nothing was sent to it.
    #[error(
        "the certificate of {url} is not trusted ({why}), so the secret was not sent. For a certificate that the server made \
         itself, download /trust/madang.crt from it, compare the fingerprint with the one in its log, and add --trust FILE; \
         --insecure takes any certificate"
    )]
    Untrusted {
        /// Without a path.
        url: String,
        /// What the certificate lacks.
        why: String,
    },
}
