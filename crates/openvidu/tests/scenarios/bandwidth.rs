//! Limits of what pictures take: the deployment's, and each of them replaced by a connection's own.

use protocol::media::{BitrateLimits, MediaOperation};
use protocol::model::{ConnectionProperties, KurentoOptions};
use session::{Settings, VideoBandwidth};

use crate::call::{Call, settings};
use crate::subscribe::reconnect;

const DEPLOYMENT: VideoBandwidth = VideoBandwidth { max_recv: 1000, min_recv: 300, max_send: 800, min_send: 200 };

fn call() -> Call {
    Call::with(Settings { video_bandwidth: DEPLOYMENT, ..settings() })
}

fn with(kurento_options: KurentoOptions) -> ConnectionProperties {
    ConnectionProperties { kurento_options: Some(kurento_options), ..ConnectionProperties::default() }
}

/// Those of all that was published so far.
fn published(call: &Call) -> Vec<BitrateLimits> {
    let limits = call.worker.commands.iter().filter_map(|command| match &command.op {
        MediaOperation::Publish { bitrate, .. } => Some(*bitrate),
        _ => None,
    });
    limits.collect()
}

/// Those of all that was subscribed to so far.
fn received(call: &Call) -> Vec<BitrateLimits> {
    let limits = call.worker.commands.iter().filter_map(|command| match &command.op {
        MediaOperation::Subscribe { reception, .. } => Some(reception.bitrate),
        _ => None,
    });
    limits.collect()
}

#[test]
fn connections_have_the_limits_of_the_deployment() {
    let mut call = call();
    call.join("ann").join_with("bob", with(KurentoOptions::default())).publish("ann").subscribe("bob", "ann");
    assert_eq!(published(&call), [BitrateLimits::kbps(300, 1000)]);
    assert_eq!(received(&call), [BitrateLimits::kbps(200, 800)]);
}

#[test]
fn each_limit_is_replaced_by_that_of_the_connection() {
    let limited = |change: fn(&mut KurentoOptions)| {
        let mut options = KurentoOptions::default();
        change(&mut options);
        let mut call = call();
        call.join("ann").join_with("bob", with(options)).publish("ann").publish("bob").subscribe("bob", "ann");
        assert_eq!(published(&call)[0], BitrateLimits::kbps(300, 1000), "others keep theirs");
        (published(&call)[1], received(&call)[0])
    };
    let (recv, send) = (BitrateLimits::kbps(300, 1000), BitrateLimits::kbps(200, 800));
    assert_eq!(limited(|own| own.video_max_recv_bandwidth = Some(500)), (BitrateLimits::kbps(300, 500), send));
    assert_eq!(limited(|own| own.video_min_recv_bandwidth = Some(100)), (BitrateLimits::kbps(100, 1000), send));
    assert_eq!(limited(|own| own.video_max_send_bandwidth = Some(500)), (recv, BitrateLimits::kbps(200, 500)));
    assert_eq!(limited(|own| own.video_min_send_bandwidth = Some(100)), (recv, BitrateLimits::kbps(100, 800)));
    assert_eq!(limited(|own| own.video_max_recv_bandwidth = Some(0)), (BitrateLimits::kbps(300, 0), send), "none");
    assert_eq!(limited(|own| own.video_max_send_bandwidth = Some(-5)), (recv, BitrateLimits::kbps(200, 0)), "none");
    assert_eq!(limited(|own| own.video_max_recv_bandwidth = Some(100)).0, BitrateLimits::kbps(100, 100));
}

#[test]
fn they_hold_for_what_is_published_anew() {
    let mut call = call();
    let options = KurentoOptions { video_max_recv_bandwidth: Some(500), ..KurentoOptions::default() };
    call.join_with("ann", with(options)).publish("ann");
    let stream = call.stream("ann");
    call.request("ann", reconnect(&stream, Some("new offer"), None));
    assert_eq!(published(&call), [BitrateLimits::kbps(300, 500); 2]);
}
