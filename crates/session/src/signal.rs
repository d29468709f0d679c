//! Signals: short texts from one client, or from the application by REST, to some or all.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::error::ErrorCode;
use protocol::event::{Event, SignalSent};
use protocol::id::{ConnectionId, SessionId};
use protocol::rpc::{RpcError, ServerNotification, Signal};

use crate::client::Seat;
use crate::id::ParticipantId;
use crate::registry::{ServerSignal, SignalRefusal};
use crate::request::{Answered, DONE};
use crate::session::Session;
use crate::{Registry, Time};

/// An entry of `to` that names nobody.
enum NoAddressee {
    Null,
    Unknown,
}

/// A signal on its way.
struct Delivery {
    from: Option<ConnectionId>,
    /// As clients get it.
    kind: Option<String>,
    /// As applications are told of it; none: they are not.
    told_kind: Option<Option<String>>,
    data: Option<String>,
}

impl Registry {
    /// Everybody who is addressed gets it, then the sender its answer. Every role may send.
    pub(crate) fn send_message(&mut self, seat: &Seat, message: &str, now: Time) -> Answered {
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
        let told_kind = signal.kind.as_deref().map(|kind| Some(SignalSent::kind_from_client(kind).to_owned()));
        let delivery = Delivery { from, kind: signal.kind, told_kind, data: signal.data };
        self.deliver(&seat.session, &addressees, delivery, now);
        DONE
    }

    pub(crate) fn signal_from_server(
        &mut self,
        session: &str,
        signal: ServerSignal,
        now: Time,
    ) -> Result<(), SignalRefusal> {
        let entry = self.sessions.get(session).ok_or(SignalRefusal::UnknownSession)?;
        if entry.participants().next().is_none() {
            return Err(SignalRefusal::NobodyThere);
        }
        let addressees = addressees(entry, &signal.to).map_err(|_| SignalRefusal::UnknownAddressee)?;
        let session = entry.id.clone();
        let told_kind = Some(signal.kind.clone());
        let delivery = Delivery { from: None, kind: signal.kind, told_kind, data: signal.data };
        self.deliver(&session, &addressees, delivery, now);
        Ok(())
    }

    /// Everybody addressed gets the signal. Applications are told of it, unless it comes from a client that gave it no
    /// type.
    fn deliver(&mut self, session: &SessionId, addressees: &BTreeSet<ParticipantId>, signal: Delivery, now: Time) {
        let Some(session) = self.sessions.get(session) else { return };
        let Delivery { from, kind, told_kind, data } = signal;
        let addressees: Vec<_> = addressees.iter().filter_map(|id| session.participant(*id)).collect();
        let event = told_kind.map(|kind| SignalSent {
            stamp: session.stamp(now),
            from: from.clone(),
            to: addressees.iter().map(|participant| participant.connection.clone()).collect(),
            kind,
            data: data.clone(),
        });
        let notification = Arc::new(ServerNotification::SendMessage { data, kind, from });
        for participant in addressees {
            self.clients.notify(participant.client, &notification);
        }
        if let Some(event) = event {
            self.emit(Event::SignalSent(event));
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
