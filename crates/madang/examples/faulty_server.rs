//! The server as `madang` runs it, with a defect on purpose: at every SIGUSR1 a rule about the session `FAULTY_SESSION` panics
//! in the control loop. For `e2e/tests/crash.test.mjs`, which has calls beside it.

use server::{Program, Server};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let session = std::env::var("FAULTY_SESSION")?;
    let (mut asked, mut stop) = (signal(SignalKind::user_defined1())?, signal(SignalKind::terminate())?);
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
            part = server.failed() => return Err(part.into()),
            _ = stop.recv() => break,
        }
    }
    server.stop().await;
    Ok(())
}
