//! Signals: short texts from one client, or from the application, to some or all.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::event::{Event, SignalSent};
use protocol::id::ConnectionId;

use crate::command::{ClientSignal, ServerSignal};
use crate::context::Context;
use crate::id::ParticipantId;
use crate::registry::SignalRefusal;
use crate::request::{DONE, Decision};
use crate::session::Session;
use crate::{Notification, Refusal, Time};

/// An entry of `to` that names nobody.
enum NoAddressee {
    Missing,
    Unknown,
}

/// A signal on its way.
struct Delivery {
    from: Option<ConnectionId>,
    /// As clients get it.
    kind: Option<String>,
    /// As applications are told of it; none: they are not.
    reported_kind: Option<Option<String>>,
    data: Option<String>,
}

impl Session {
    /// Everybody who is addressed gets it, then the sender its answer. Every role may send.
    pub(crate) fn signal_from_client(
        &mut self,
        who: ParticipantId,
        signal: ClientSignal,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        self.hear(who, signal.bytes(), cx, now)?;
        let addressees = self.addressees(&signal.to).map_err(|fault| match fault {
            NoAddressee::Missing => Refusal::AddresseeMissing,
            NoAddressee::Unknown => Refusal::UnknownAddressee,
        })?;
        let from = Some(self.present(who)?.connection.clone());
        let ClientSignal { kind, data, reported_kind, .. } = signal;
        let delivery = Delivery { from, kind, reported_kind: reported_kind.map(Some), data };
        self.deliver(&addressees, delivery, cx, now);
        DONE
    }

    /// Counts what a participant makes others hear.
    pub(crate) fn hear(&mut self, who: ParticipantId, bytes: usize, cx: &Context, now: Time) -> Result<(), Refusal> {
        let Some(limits) = &cx.settings.signals else { return Ok(()) };
        let participant = self.present_mut(who)?;
        let heard = participant.voice.speak(bytes, limits, now);
        if heard.is_err() && participant.voice.is_news(now) {
            let connection = participant.connection.clone();
            tracing::warn!(session = %self.id, %connection, bytes, ?limits, "signals beyond the limits are refused");
        }
        heard
    }

    pub(crate) fn signal_from_server(
        &mut self,
        signal: ServerSignal,
        cx: &mut Context,
        now: Time,
    ) -> Result<(), SignalRefusal> {
        if self.participants().next().is_none() {
            return Err(SignalRefusal::NobodyThere);
        }
        let addressees = self.addressees(&signal.to).map_err(|_| SignalRefusal::UnknownAddressee)?;
        let ServerSignal { kind, data, .. } = signal;
        let delivery = Delivery { from: None, reported_kind: Some(kind.clone()), kind, data };
        self.deliver(&addressees, delivery, cx, now);
        Ok(())
    }

    /// Everybody addressed gets the signal. Applications are told of it, unless it comes from a client that gave it no
    /// type.
    fn deliver(&self, addressees: &BTreeSet<ParticipantId>, signal: Delivery, cx: &mut Context, now: Time) {
        let Delivery { from, kind, reported_kind, data } = signal;
        let addressees: Vec<_> = addressees.iter().filter_map(|id| self.participant(*id)).collect();
        let event = reported_kind.map(|kind| SignalSent {
            stamp: self.stamp(now),
            from: from.clone(),
            to: addressees.iter().map(|participant| participant.connection.clone()).collect(),
            kind,
            data: data.clone(),
        });
        let notification = Arc::new(Notification::Signal { from, kind, data });
        for participant in addressees {
            cx.notify(participant.client, &notification);
        }
        if let Some(event) = event {
            cx.effects.event(Event::SignalSent(event));
        }
    }

    /// Nobody named means everybody, the sender and hidden participants included. One that does not exist spoils the list;
    /// one that is named twice gets the signal once.
    fn addressees(&self, to: &[Option<String>]) -> Result<BTreeSet<ParticipantId>, NoAddressee> {
        if to.is_empty() {
            return Ok(self.participants().map(|(id, _)| id).collect());
        }
        to.iter()
            .map(|entry| {
                let connection = entry.as_deref().ok_or(NoAddressee::Missing)?;
                self.active(connection).ok_or(NoAddressee::Unknown)
            })
            .collect()
    }
}
