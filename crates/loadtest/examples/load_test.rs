//! The load test alone, without the server's program around it:
//!
//!     OPENVIDU_SECRET=… cargo run --release -p loadtest --example load_test -- --help

use clap::Parser;
use loadtest::{Options, Target};
use tokio::sync::watch;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() {
    let options = Line::parse().options;
    let url = options.url.clone().unwrap_or_else(|| "http://localhost:4443".to_owned());
    let secret = std::env::var("OPENVIDU_SECRET").unwrap_or_else(|_| "MY_SECRET".to_owned());
    let (_stop, stopped) = watch::channel(false);
    match loadtest::run(&options, &Target { url, secret }, stopped, |progress| eprintln!("{progress}")).await {
        Ok(report) => {
            print!("{report}");
            report.shortcomings().iter().for_each(|shortcoming| println!("! {shortcoming}"));
        }
        Err(error) => eprintln!("{error}"),
    }
}
