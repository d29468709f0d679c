//! ICE that begins anew on a peer connection that goes on (RFC 8445 §9): for clients that cannot make another one, because they have
//! nobody to offer it to.

use protocol::id::TransportId;
use protocol::media::{IceCredentials, MediaOperation};

use crate::client::Origin;
use crate::context::Context;
use crate::id::ParticipantId;
use crate::media::{MediaAgreement, MediaRequest, MediaResult, MediaTask};
use crate::request::{Decision, Response};
use crate::session::Session;
use crate::{Refusal, Reply, Time};

impl Session {
    /// `endpoint` names the peer connection as with candidates.
    pub(crate) fn restart_ice(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        endpoint: &str,
        credentials: IceCredentials,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let publisher = self.active(endpoint).ok_or(Refusal::NothingToRestart)?;
        let publisher = (publisher != who).then_some(publisher);
        let own = self.present_mut(who)?;
        let router = own.room;
        let transport = own.peer_connection_mut(publisher).ok_or(Refusal::NothingToRestart)?.transport;
        let (id, remote_ufrag) = (cx.ids.media_request(), credentials.ufrag.clone());
        cx.effects.media(router, MediaOperation::RestartIce { request: id, transport, credentials });
        let task = MediaTask::RestartIce { publisher, transport, remote_ufrag };
        cx.await_media(id, MediaRequest { origin, seat: self.seat(who), router, task }, now)
    }

    pub(crate) fn ice_restarted(
        &mut self,
        who: ParticipantId,
        publisher: Option<ParticipantId>,
        transport: TransportId,
        remote_ufrag: String,
        result: MediaResult,
    ) -> Decision {
        let Ok(MediaAgreement::Restarted { credentials, candidates }) = result else {
            return Err(Refusal::NothingToRestart);
        };
        let peer_connection = self.present_mut(who)?.peer_connection_mut(publisher);
        let restarted = peer_connection.filter(|peer_connection| peer_connection.transport == transport);
        restarted.ok_or(Refusal::NothingToRestart)?.restarted(remote_ufrag);
        Ok(Response::Reply(Reply::IceRestarted { credentials, candidates }))
    }
}
