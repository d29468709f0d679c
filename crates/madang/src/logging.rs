//! The log of the program: to standard error, as `RUST_LOG` wants it, with a few things that it never shows.

use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Libraries that print what they carry at `trace`: tokens, secrets and what people say to each other.
const TALKATIVE: &[&str] = &["tungstenite", "tokio_tungstenite"];

/// From here on there is a log.
pub(crate) fn start() {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .finish()
        .with(filter_fn(is_shown))
        .init();
}

/// Whatever `RUST_LOG` says.
fn is_shown(record: &Metadata<'_>) -> bool {
    let library = record.target().split("::").next().unwrap_or_default();
    *record.level() < Level::TRACE || !TALKATIVE.contains(&library)
}
