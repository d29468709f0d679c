//! Who is told of a publisher's network, when, and in which words.

use std::time::Duration;

use protocol::media::{MediaKind, Pictures, StreamStatistics, TransportObservation, TransportStatistics};
use protocol::rpc::ClientRequest;
use session::{Notification, QualityLevel, Settings};

use crate::call::{Call, settings};
use crate::subscribe::reconnect;
use crate::worker::observed;

const PERIOD: Duration = Duration::from_secs(5);

pub(crate) fn loses(permille: u16) -> TransportObservation {
    let kind = MediaKind::Audio;
    let stream = StreamStatistics {
        kind,
        layer: None,
        rate_bps: 40_000,
        bytes: 25_000,
        packets: 250,
        lost_permille: Some(permille),
        jitter_us: Some(2_000),
        nacks: 0,
        key_frame_requests: 0,
        pictures: Pictures::default(),
    };
    TransportObservation::Statistics(TransportStatistics {
        period_ms: 5000,
        round_trip_us: Some(20_000),
        received: vec![stream],
        ..TransportStatistics::default()
    })
}

/// What a worker sees of the latest transport, a period later.
fn watch(call: &mut Call, what: TransportObservation) {
    let transport = call.worker.latest_transport();
    call.advance(PERIOD);
    call.registry.handle_media(observed(transport, what), call.now);
    call.carry_out();
}

fn switch(call: &mut Call, property: &str, on: bool) {
    let property = property.to_owned();
    let (new_value, reason) = (on.to_string(), String::new());
    call.request("ann", ClientRequest::StreamPropertyChanged { property, new_value, reason });
}

#[test]
fn everybody_learns_of_a_publishers_network_and_of_its_changes() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann");
    let everybody = |call: &mut Call, expected: &[&str]| {
        for name in ["ann", "bob"] {
            let heard: Vec<String> =
                call.inbox(name).into_iter().filter(|line| line.starts_with("networkQuality")).collect();
            assert_eq!(heard, expected, "{name}");
        }
    };
    watch(&mut call, loses(0));
    everybody(&mut call, &["networkQualityLevelChanged ann None 5"]);
    watch(&mut call, loses(0));
    everybody(&mut call, &[]);
    watch(&mut call, loses(100));
    everybody(&mut call, &["networkQualityLevelChanged ann Some(5) 2"]);
    watch(&mut call, loses(0));
    watch(&mut call, loses(0));
    everybody(&mut call, &[]);
    watch(&mut call, loses(0));
    everybody(&mut call, &["networkQualityLevelChanged ann Some(2) 5"]);
    watch(&mut call, TransportObservation::Disconnected);
    everybody(&mut call, &[]);
    call.advance(Duration::from_secs(2));
    everybody(&mut call, &["networkQualityLevelChanged ann Some(5) 0"]);
    // It is back with another peer connection.
    let stream = call.stream("ann");
    call.request("ann", reconnect(&stream, Some("new offer"), None));
    watch(&mut call, loses(40));
    everybody(&mut call, &["networkQualityLevelChanged ann Some(0) 4"]);
}

#[test]
fn the_first_one_has_no_old_value() {
    let frame = |old| {
        let (connection, new) = ("con_Ab1c".into(), QualityLevel::Bad);
        openvidu::notification::frame(&Notification::NetworkQualityChanged { connection, new, old })
    };
    let message = |params: &str| {
        let method = "networkQualityLevelChanged";
        format!(r#"{{"method":"{method}","params":{{"connectionId":"con_Ab1c",{params}}},"jsonrpc":"2.0"}}"#)
    };
    assert_eq!(frame(None), message(r#""newValue":1"#));
    assert_eq!(frame(Some(QualityLevel::Excellent)), message(r#""newValue":1,"oldValue":5"#));
}

#[test]
fn silence_counts_only_where_something_should_be_heard() {
    let mut call = Call::new();
    call.join("ann").publish("ann");
    watch(&mut call, loses(0));
    for property in ["audioActive", "videoActive"] {
        switch(&mut call, property, false);
    }
    call.inbox("ann");
    watch(&mut call, TransportObservation::Silent);
    assert_eq!(call.inbox("ann"), [""; 0], "both are off");
    switch(&mut call, "audioActive", true);
    call.inbox("ann");
    watch(&mut call, TransportObservation::Silent);
    assert_eq!(call.inbox("ann"), ["networkQualityLevelChanged ann Some(5) 0"]);
}

#[test]
fn who_closes_its_peer_connection_and_then_says_so_was_not_cut_off() {
    for leaves in [ClientRequest::UnpublishVideo, ClientRequest::LeaveRoom] {
        let mut call = Call::new();
        call.join("ann").join("bob").publish("ann");
        watch(&mut call, loses(0));
        watch(&mut call, TransportObservation::Disconnected);
        call.inbox("bob");
        call.request("ann", leaves);
        call.advance(Duration::from_secs(60));
        let heard = call.inbox("bob");
        assert!(!heard.iter().any(|line| line.starts_with("networkQuality")), "{heard:?}");
    }
    // Nor who has another one by then.
    let mut call = Call::new();
    call.join("ann").publish("ann");
    watch(&mut call, loses(0));
    watch(&mut call, TransportObservation::Disconnected);
    call.inbox("ann");
    let stream = call.stream("ann");
    call.request("ann", reconnect(&stream, Some("new offer"), None));
    let transport = call.worker.latest_transport();
    call.registry.handle_media(observed(transport, TransportObservation::Connected), call.now);
    call.advance(Duration::from_secs(60));
    let heard = call.inbox("ann");
    assert!(!heard.iter().any(|line| line.starts_with("networkQuality")), "{heard:?}");
}

#[test]
fn it_is_not_rated_where_that_is_off_and_not_for_what_is_received() {
    let mut call = Call::with(Settings { network_quality: None, ..settings() });
    call.join("ann").publish("ann");
    call.inbox("ann");
    watch(&mut call, loses(0));
    watch(&mut call, TransportObservation::Disconnected);
    call.advance(Duration::from_secs(60));
    assert_eq!(call.inbox("ann"), [""; 0]);
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann").subscribe("bob", "ann");
    call.inbox("ann");
    watch(&mut call, loses(500));
    assert_eq!(call.inbox("ann"), [""; 0], "a subscriber's network is its own affair");
    call.request("bob", ClientRequest::LeaveRoom);
}

#[test]
fn metrics_count_people_streams_and_levels() {
    let mut call = Call::new();
    call.join("ann").join("bob").publish("ann");
    watch(&mut call, loses(0));
    call.publish("bob").subscribe("bob", "ann");
    let figures = call.registry.media_figures();
    assert_eq!(figures.participants, 2);
    assert_eq!((figures.published.video, figures.received.video), (2, 1));
    assert_eq!(figures.qualities, [0, 0, 0, 0, 0, 1]);
    assert_eq!((figures.workers.len(), figures.workers[0].sessions, figures.workers[0].load), (1, 1, 5));
}
