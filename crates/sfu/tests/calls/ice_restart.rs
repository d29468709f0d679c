//! Clients that begin ICE anew on a transport that goes on.

use std::time::Duration;

use protocol::id::TransportId;
use protocol::media::{IceCredentials, MediaEvent, MediaFailure, MediaOperation, TransportObservation, VideoCodec};
use str0m::IceCreds;

use crate::call::{Call, browser, ms};

const UFRAG: &str = "anew";
const PASSWORD: &str = "a/password/of/the/client";

/// Tells the unit, and has what it answered.
fn restart(call: &mut Call, transport: TransportId) -> Result<IceCredentials, MediaFailure> {
    let request = call.request_id();
    let credentials = IceCredentials { ufrag: UFRAG.to_owned(), password: PASSWORD.to_owned() };
    call.command(MediaOperation::RestartIce { request, transport, credentials });
    match call.settled(request) {
        MediaEvent::Restarted { credentials, candidates, .. } => {
            assert_eq!(candidates.len(), 2, "UDP and TCP");
            Ok(credentials.clone())
        }
        MediaEvent::Failed { why, .. } => Err(why.clone()),
        other => panic!("{other:?}"),
    }
}

/// The same, and the client goes by its new credentials.
fn begin_anew(call: &mut Call, client: usize) {
    let ours = restart(call, call.clients[client].transport).unwrap();
    let mut api = call.clients[client].rtc.direct_api();
    api.set_local_ice_credentials(IceCreds { ufrag: UFRAG.to_owned(), pass: PASSWORD.to_owned() });
    api.set_remote_ice_credentials(IceCreds { ufrag: ours.ufrag, pass: ours.password });
    call.clients[client].next = call.now;
}

#[test]
fn media_goes_on_by_another_way_in_both_directions() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe_offering(browser(), ann).unwrap();
    call.connect();
    call.start_video(ann, VideoCodec::Vp8, None);
    call.run(ms(1000));
    for (client, address) in [(ann, "198.51.100.1:9"), (bob, "198.51.100.2:9")] {
        begin_anew(&mut call, client);
        call.move_client(client, address.parse().unwrap());
    }
    let before = call.video_of(bob).len();
    call.run(ms(3000));
    let video = call.video_of(bob);
    assert!(video.len() > before + 100, "{} packets after {before}", video.len());
    for client in [ann, bob] {
        let transport = call.clients[client].transport;
        assert!(!call.has_seen(transport, &TransportObservation::Disconnected));
        let address = call.clients[client].address;
        let is_new =
            |seen: &&TransportObservation| matches!(seen, TransportObservation::Path(path) if path.remote == address);
        let told = call.observed(transport).iter().any(is_new);
        assert!(told || client == ann, "what goes to a publisher is reports alone");
    }
}

#[test]
fn who_begins_anew_and_never_asks_has_gone() {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe_offering(browser(), ann).unwrap();
    call.connect();
    let transport = call.clients[bob].transport;
    restart(&mut call, transport).unwrap();
    call.run(Duration::from_secs(29));
    assert!(!call.has_seen(transport, &TransportObservation::Disconnected));
    call.run(Duration::from_secs(2));
    assert!(call.has_seen(transport, &TransportObservation::Disconnected));
}

#[test]
fn there_is_nothing_to_begin_anew_on_a_transport_that_is_gone() {
    let mut call = Call::new();
    assert_eq!(restart(&mut call, TransportId(404)).unwrap_err(), MediaFailure::UnknownTransport);
}
