//! The server as `madang` runs it, with defects on purpose, for `e2e/tests/crash.test.mjs`, which has calls beside it. At every
//! SIGUSR1 a rule about the session `FAULTY_SESSION` panics in the control loop, at every SIGUSR2 whatever a media worker
//! does when it next writes to its log.

use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use server::{Program, Server};
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt};

static BREAKS_MEDIA: AtomicBool = AtomicBool::new(false);

/// What a panic leaves behind, and panics again when it is thrown away: else only one transport would be lost.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a defect, on purpose");
    }
}

/// Where the next line of a media worker ends it.
struct Trap;

impl<S: Subscriber> Layer<S> for Trap {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        let is_media = thread::current().name().is_some_and(|name| name.starts_with("media-"));
        if is_media && BREAKS_MEDIA.swap(false, Ordering::Relaxed) {
            panic_any(Bomb);
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Media workers hardly write anything above this level.
    let trap = Trap.with_filter(dynamic_filter_fn(|_, _| BREAKS_MEDIA.load(Ordering::Relaxed)));
    let log = fmt::layer().with_writer(std::io::stderr).with_filter(LevelFilter::INFO);
    tracing_subscriber::registry().with(log).with(trap).init();
    let session = std::env::var("FAULTY_SESSION")?;
    let (mut asked, mut stop) = (signal(SignalKind::user_defined1())?, signal(SignalKind::terminate())?);
    let mut media = signal(SignalKind::user_defined2())?;
    let program = Program::of_process();
    let config = server::load_settings(&program.sources())?;
    let server = Server::start_in(program, config).await?;
    println!("{}", server.banner());
    loop {
        tokio::select! {
            _ = asked.recv() => {
                let session = session.clone();
                let met = server.control().call(move |registry, _| {
                    let found = registry.session(&session, session::snapshot::Include::default());
                    assert!(found.is_none(), "a defect, on purpose");
                });
                tracing::info!(panicked = met.await.is_err(), "asked for a defect");
            }
            _ = media.recv() => BREAKS_MEDIA.store(true, Ordering::Relaxed),
            part = server.failed() => return Err(part.into()),
            _ = stop.recv() => break,
        }
    }
    server.stop().await;
    Ok(())
}
