//! What a client wants of its session, as commands of it.

use protocol::id::StreamId;
use session::command::{Join, Publish, StreamProperties};
use session::{ClientCommand, Prospect};

use crate::{Direction, Offer, Problem};

/// Characters of what a client says it runs on.
const MAX_PLATFORM: usize = 256;

/// What the owner of a token does with its offer. `wanted` is the stream that the client names, if it does.
pub fn command(
    prospect: &Prospect,
    direction: Direction,
    wanted: Option<&str>,
    offer: Offer,
) -> Result<ClientCommand, Problem> {
    match direction {
        Direction::Publish if !prospect.may_publish => {
            Err(Problem::forbidden("The token is a subscriber's: it may not publish"))
        }
        Direction::Publish => Ok(publish(offer)),
        Direction::Play => {
            let stream = choose(&prospect.streams, wanted)?.as_str().to_owned();
            Ok(ClientCommand::Subscribe { stream, offer: offer.sdp })
        }
    }
}

/// The one that is wanted, or without a word about it the one that has been there longest.
fn choose<'a>(streams: &'a [StreamId], wanted: Option<&str>) -> Result<&'a StreamId, Problem> {
    match wanted {
        Some(wanted) => {
            let found = streams.iter().find(|stream| stream.as_str() == wanted);
            found.ok_or_else(|| Problem::not_found("There is no such stream in the session").tried_later())
        }
        None => streams.first().ok_or_else(|| Problem::not_found("Nobody publishes in the session").tried_later()),
    }
}

/// Whoever has the token comes in. `agent` is what its program calls itself.
pub fn join(session: &str, token: &str, agent: &str) -> ClientCommand {
    ClientCommand::Join(Box::new(Join {
        session: session.to_owned(),
        token: token.to_owned(),
        token_as_sent: token.to_owned(),
        secret: String::new(),
        hidden: None,
        client_data: String::new(),
        platform: agent.chars().filter(|letter| !letter.is_control()).take(MAX_PLATFORM).collect(),
        client_version: None,
    }))
}

fn publish(offer: Offer) -> ClientCommand {
    let Offer { sdp, kinds } = offer;
    let properties = StreamProperties {
        has_audio: kinds.audio,
        has_video: kinds.video,
        audio_active: kinds.audio.then_some(true),
        video_active: kinds.video.then_some(true),
        // What it films is not told: OpenVidu's word for tracks of an application's own.
        type_of_video: kinds.video.then(|| "CUSTOM".to_owned()),
        frame_rate: None,
        video_dimensions: None,
    };
    ClientCommand::Publish(Box::new(Publish { offer: sdp, loopback: false, properties, filter: false }))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::offer::tests::OFFER;

    fn asked(prospect: &Prospect, direction: Direction, wanted: Option<&str>) -> Result<ClientCommand, StatusCode> {
        let sdp = match direction {
            Direction::Publish => OFFER.to_owned(),
            Direction::Play => OFFER.replace("sendonly", "recvonly"),
        };
        let offer = Offer::parse(sdp.as_bytes(), direction).unwrap();
        command(prospect, direction, wanted, offer).map_err(|problem| problem.status)
    }

    fn played(prospect: &Prospect, wanted: Option<&str>) -> Result<String, StatusCode> {
        match asked(prospect, Direction::Play, wanted)? {
            ClientCommand::Subscribe { stream, .. } => Ok(stream),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_may_publishes_what_it_offers() {
        let prospect = Prospect { may_publish: true, streams: vec![] };
        let Ok(ClientCommand::Publish(publish)) = asked(&prospect, Direction::Publish, None) else { panic!() };
        assert_eq!((publish.offer.as_str(), publish.loopback), (OFFER, false));
        assert!(publish.properties.has_audio && publish.properties.has_video && !publish.properties.is_screen());
        let subscriber = Prospect { may_publish: false, ..prospect };
        assert_eq!(asked(&subscriber, Direction::Publish, None), Err(StatusCode::FORBIDDEN));
    }

    #[test]
    fn what_is_played_is_named_or_the_longest_there() {
        let nothing = Prospect { may_publish: false, streams: vec![] };
        assert_eq!(played(&nothing, None), Err(StatusCode::NOT_FOUND));
        let two = Prospect { may_publish: false, streams: vec!["str_CAM_a_con_b".into(), "str_CAM_c_con_d".into()] };
        assert_eq!(played(&two, None).unwrap(), "str_CAM_a_con_b");
        assert_eq!(played(&two, Some("str_CAM_c_con_d")).unwrap(), "str_CAM_c_con_d");
        assert_eq!(played(&two, Some("con_d")), Err(StatusCode::NOT_FOUND), "a stream, not whose it is");
    }

    #[test]
    fn the_platform_is_short_and_printable() {
        let ClientCommand::Join(join) = join("room", "tok_A1", &format!("OBS\n{}", "x".repeat(1000))) else { panic!() };
        assert!(join.platform.starts_with("OBSx") && join.platform.len() == MAX_PLATFORM);
    }
}
