//! The load test alone, without the server's program around it:
//!
//!     OPENVIDU_SECRET=… cargo run --release -p loadtest --example load_test -- --help

use clap::Parser;
use loadtest::{Credentials, LoadTestError, Options, Target};
use tokio::sync::watch;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() {
    if let Err(error) = test(&Line::parse().options).await {
        eprintln!("{error}");
    }
}

async fn test(options: &Options) -> Result<(), LoadTestError> {
    let url = options.url.clone().unwrap_or_else(|| "http://localhost:4443".to_owned());
    let target = Target { url, credentials: Credentials::from_environment(options.server)? };
    let (_stop, stopped) = watch::channel(false);
    let report = loadtest::run(options, &target, stopped, |progress| eprintln!("{progress}")).await?;
    print!("{report}");
    report.shortcomings().iter().for_each(|shortcoming| println!("! {shortcoming}"));
    Ok(())
}
