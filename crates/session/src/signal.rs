//! Signals: short texts from one client, or from the application by REST, to some or all.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::error::ErrorCode;
use protocol::id::ConnectionId;
use protocol::rpc::{RpcError, ServerNotification, Signal};

use crate::Registry;
use crate::client::Seat;
use crate::id::ParticipantId;
use crate::registry::{ServerSignal, SignalRefusal};
use crate::request::{Answered, DONE};
use crate::session::Session;

/// An entry of `to` that names nobody.
enum NoAddressee {
    Null,
    Unknown,
}

impl Registry {
    /// Everybody who is addressed gets it, then the sender its answer. Every role may send.
    pub(crate) fn send_message(&mut self, seat: &Seat, message: &str) -> Answered {
        let signal = Signal::parse(message).map_err(|fault| RpcError::new(fault.code, fault.message))?;
        let Some(session) = self.sessions.get(&seat.session) else { return DONE };
        let addressees = addressees(session, &signal.to).map_err(|fault| {
            let what = match fault {
                NoAddressee::Null => "null",
                NoAddressee::Unknown => "some connectionId does not exist in this session",
            };
            RpcError::new(ErrorCode::SignalToInvalid, format_args!("Signal \"to\" field invalid format: {what}"))
        })?;
        let from = self.connection_of(seat);
        self.deliver(seat.session.as_str(), &addressees, signal.data, signal.kind, from);
        DONE
    }

    pub(crate) fn signal_from_server(&mut self, session: &str, signal: ServerSignal) -> Result<(), SignalRefusal> {
        let entry = self.sessions.get(session).ok_or(SignalRefusal::UnknownSession)?;
        if entry.participants().next().is_none() {
            return Err(SignalRefusal::NobodyThere);
        }
        let addressees = addressees(entry, &signal.to).map_err(|_| SignalRefusal::UnknownAddressee)?;
        self.deliver(session, &addressees, signal.data, signal.kind, None);
        Ok(())
    }

    fn deliver(
        &mut self,
        session: &str,
        addressees: &BTreeSet<ParticipantId>,
        data: Option<String>,
        kind: Option<String>,
        from: Option<ConnectionId>,
    ) {
        let Some(session) = self.sessions.get(session) else { return };
        let notification = Arc::new(ServerNotification::SendMessage { data, kind, from });
        for participant in addressees.iter().filter_map(|id| session.participant(*id)) {
            self.clients.notify(participant.client, &notification);
        }
    }
}

/// Nobody named means everybody, the sender and hidden participants included. One that does not exist spoils the list;
/// one that is named twice gets the signal once.
fn addressees(session: &Session, to: &[Option<String>]) -> Result<BTreeSet<ParticipantId>, NoAddressee> {
    if to.is_empty() {
        return Ok(session.participants().map(|(id, _)| id).collect());
    }
    to.iter()
        .map(|entry| {
            let connection = entry.as_deref().ok_or(NoAddressee::Null)?;
            session.active(connection).ok_or(NoAddressee::Unknown)
        })
        .collect()
}
