//! `madang call`: a link to a room of the page at `/` (docs/call-page.md).

use clap::Args;
use rand::Rng as _;
use serde_json::json;

use crate::server::{Server, segment};
use crate::{ExitStatus, Failure, ServerArguments, Told};

/// Letters of a room's or a person's name, as the page has it.
const LONGEST: usize = 64;
/// Without those that are taken for each other when read out.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// See the module.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct CallArguments {
    /// The room; whoever names the same one is in the same call [default: one is made up]
    #[arg(value_parser = name)]
    room: Option<String>,
    /// How the participant is called
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// Language of the page, en or ko [default: that of the browser]
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<String>,
    /// Straight into the call, without the lobby where devices are chosen
    #[arg(long)]
    no_lobby: bool,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

pub(crate) async fn run(arguments: &CallArguments, server: &mut Server) -> Result<Told, Failure> {
    // First, since a page says nothing of a wrong secret.
    let public = server.text("/openvidu/api/config/openvidu-publicurl").await?;
    if !server.has_page("/").await? {
        let message = format!("{} has no page for calls (setting MADANG_CALL_PAGE, or built without it)", server.url());
        return Err(Failure::new(ExitStatus::Refused, message));
    }
    let room = arguments.room.clone().unwrap_or_else(invented);
    let url = link(public.trim().trim_end_matches('/'), &room, arguments);
    Ok(Told { json: json!({ "url": url, "room": room }), text: format!("{url}\n") })
}

fn link(public: &str, room: &str, arguments: &CallArguments) -> String {
    let mut url = format!("{public}/?room={}", segment(room));
    let mut option = |name: &str, value: &str| url.push_str(&format!("&{name}={}", segment(value)));
    if let Some(name) = &arguments.name {
        option("name", name);
    }
    if let Some(lang) = &arguments.lang {
        option("lang", lang);
    }
    if arguments.no_lobby {
        option("prejoin", "false");
    }
    url
}

/// That nobody guesses.
fn invented() -> String {
    let mut rng = rand::rng();
    let part = |_| (0..4).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect::<String>();
    (0..3).map(part).collect::<Vec<_>>().join("-")
}

fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = (1..=LONGEST).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(format!("must have 1 to {LONGEST} printable characters")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_what_was_said_in_whatever_script() {
        let arguments = CallArguments {
            room: None,
            name: Some("김 마당".to_owned()),
            lang: Some("ko".to_owned()),
            no_lobby: true,
            server: ServerArguments::default(),
        };
        let url = link("https://call.example.org", "a&b", &arguments);
        let name = "%EA%B9%80%20%EB%A7%88%EB%8B%B9";
        assert_eq!(url, format!("https://call.example.org/?room=a%26b&name={name}&lang=ko&prejoin=false"));
    }

    #[test]
    fn rooms_that_are_made_up_differ_and_are_easy_to_read_out() {
        let (one, other) = (invented(), invented());
        assert!(one != other && one.len() == 14 && one.split('-').count() == 3, "{one} {other}");
    }

    #[test]
    fn names_are_printable_and_not_too_long() {
        assert_eq!(name(" 마당 ").as_deref(), Ok("마당"));
        for wrong in ["", "  ", "a\u{1b}b", &"x".repeat(65)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }
}
