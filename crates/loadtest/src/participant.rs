//! The whole life of one emulated participant, in the words of its server: it joins, publishes, subscribes to whoever publishes,
//! until it is told to leave. Media is carried elsewhere ([`crate::generator`]).

use std::sync::Arc;

use tokio::sync::watch;

use crate::member::{Member, ParticipantError, Seat, Stage};
use crate::target::Protocol;
use crate::{janus, livekit, mediasoup, openvidu};

/// Until `leave` says so. Whoever would say it may be gone: that is the same.
pub(crate) async fn take_part(
    stage: Arc<Stage>,
    seat: Seat,
    leave: watch::Receiver<bool>,
) -> Result<(), ParticipantError> {
    let protocol = stage.protocol;
    let mut member = Member::new(stage, seat);
    let lived = match protocol {
        Protocol::Openvidu => openvidu::participant::live(&mut member, leave).await,
        Protocol::Janus => janus::participant::live(&mut member, leave).await,
        Protocol::Livekit => livekit::participant::live(&mut member, leave).await,
        Protocol::Mediasoup => mediasoup::live(&mut member, leave).await,
    };
    // What an error has left.
    member.close_peers();
    lived
}
