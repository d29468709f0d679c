//! Filters of streams: put on, called, listened to, taken off.
//!
//! A filter is a job ([`protocol::job::JobSpec::Filter`]) between the publisher and the publication that everybody takes the stream
//! from. One that is put on a running stream takes its place when its first picture is there; until then subscribers see the
//! stream as it was. One that a stream is published with is there first. A filter that breaks for good stays: nothing is seen until
//! somebody takes it off, since what it was to hide must not be shown.
//!
//! A camera has no client whose media could come from behind the filter: what pulls it publishes there instead, and the filter takes
//! its place at the publication. It pulls no camera that nobody wants.

use std::collections::{BTreeMap, BTreeSet};

use protocol::event::{Event, FilterEvent};
use protocol::filter::{Filter, FilterCall, printed};
use protocol::id::{JobId, MediaRequestId, PublicationId, RouterId, StreamId, TapId};
use protocol::job::{FilterSpec, FromJob, JobCommand, JobEnd, JobNews, JobSpec, ToJob};
use protocol::media::{Kinds, LocalFormats, MediaOperation};
use serde_json::Value;

use crate::client::{Origin, Seat};
use crate::command::{FilterAction, FilterCommand, FilterRequest, PublishedFilter, StreamProperties};
use crate::context::Context;
use crate::id::ParticipantId;
use crate::jobs::JobPurpose;
use crate::media::{MediaAgreement, MediaRequest, MediaResult, MediaTask};
use crate::publish::Publishing;
use crate::request::{DONE, Decision, Response};
use crate::session::Session;
use crate::stream::{self, Stream};
use crate::{Effect, Notification, Refusal, Registry, Reply, Time};

/// The number of a filter's one input.
const INPUT: u16 = 1;
/// Told by the process when it knows what to do.
const MADE: u64 = 0;
/// Which events a kind of filter tells of.
const EVENTS: &[(&str, &str)] = &[("ZBarFilter", "CodeFound")];

/// A filter of a stream.
#[derive(Debug)]
pub(crate) struct StreamFilter {
    job: JobId,
    /// The publisher's.
    router: RouterId,
    tap: TapId,
    /// What the publisher sends, once the filter is in between. What a camera sends is there from the beginning.
    behind: PublicationId,
    is_between: bool,
    is_of_camera: bool,
    /// What comes out of it, as far as it is known.
    formats: Option<LocalFormats>,
    /// Who waits for its first picture.
    awaited: Option<MediaRequestId>,
    /// Why nothing comes out of it any more.
    broken: Option<String>,
    /// By event.
    listeners: BTreeMap<String, BTreeSet<ParticipantId>>,
}

impl StreamFilter {
    /// Whose process starts.
    fn start(
        filter: &Filter,
        kinds: Kinds,
        (router, publication): (RouterId, PublicationId),
        purpose: JobPurpose,
        is_of_camera: bool,
        cx: &mut Context,
    ) -> Box<Self> {
        let spec = JobSpec::Filter {
            filter: FilterSpec { kind: filter.kind.clone(), options: filter.options.clone() },
            video: kinds.video,
            audio: kinds.audio,
            images: cx.settings.filter_images.clone(),
        };
        // Of a client's publication nothing local is taken before the filter is in between.
        let job = cx.start_job(purpose, spec, (!is_of_camera).then_some((router, publication)));
        let (tap, behind) = (cx.ids.tap(), cx.ids.publication());
        Box::new(Self {
            job,
            router,
            tap,
            behind,
            is_between: false,
            is_of_camera,
            formats: None,
            awaited: None,
            broken: None,
            listeners: BTreeMap::new(),
        })
    }

    /// It gets what the publisher sends: a client as everybody knows it, a camera behind the filter.
    fn listen(&self, publication: PublicationId, properties: &StreamProperties, cx: &mut Context) {
        let source = if self.is_of_camera { self.behind } else { publication };
        let input = properties.job_input(INPUT, stream::kinds(properties));
        cx.add_job_input(self.job, (self.router, source), self.tap, input);
    }

    /// It takes the publisher's place. A camera has left that.
    fn interpose(&self, publication: PublicationId, cx: &mut Context) {
        let (job, router, behind) = (self.job, self.router, self.behind);
        if self.is_of_camera {
            cx.effects.push(Effect::Job(JobCommand::AddOutput { job, router, publication }));
        } else {
            cx.effects.media(router, MediaOperation::Interpose { publication, behind, taps: vec![self.tap] });
        }
    }

    /// Everything about it ends; who waits for it is for the caller.
    fn end(&self, publication: PublicationId, cx: &mut Context) {
        cx.stop_job(self.job);
        cx.effects.media(self.router, MediaOperation::RemoveTap { tap: self.tap });
        if self.is_of_camera {
            cx.effects.media(self.router, MediaOperation::ClosePublication { publication: self.behind });
        } else if self.is_between {
            cx.effects.media(self.router, MediaOperation::Withdraw { publication });
        }
    }

    /// Without a stream.
    pub(crate) fn discard(&self, cx: &mut Context) {
        cx.stop_job(self.job);
    }
}

impl Stream {
    /// What carries a camera's stream as it is pulled.
    pub(crate) fn unfiltered(&self) -> impl Iterator<Item = PublicationId> {
        let filter = self.filter.as_ref();
        let open = filter.is_none_or(|filter| !filter.is_between).then_some(self.publication);
        open.into_iter().chain(filter.map(|filter| filter.behind))
    }
}

impl Session {
    pub(crate) fn filter(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        request: FilterRequest,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let FilterRequest { stream, command } = request;
        let action = command.action();
        let publisher = self.publisher_of(&stream).map(|(publisher, _)| publisher);
        if !self.present(who)?.may_filter(&command, publisher == Some(who)) {
            return Err(Refusal::MayNotFilter { action });
        }
        if let FilterCommand::Apply { options: Err(why), .. } = command {
            return Err(Refusal::FilterOptions(why));
        }
        let Some(publisher) = publisher else {
            if action == FilterAction::RemoveListener {
                return DONE;
            }
            return Err(Refusal::UnknownFilteredStream { action, stream, session: self.id.clone() });
        };
        match command {
            FilterCommand::Apply { kind, options } => {
                let filter = Filter { kind, options: options.unwrap_or(Value::Null), last_call: None };
                self.apply_filter(origin, who, publisher, filter, cx, now)
            }
            FilterCommand::Execute(call) => self.call_filter(origin, who, publisher, call, cx, now),
            FilterCommand::Remove => self.remove_filter(origin, who, publisher, cx),
            FilterCommand::AddListener { event } => self.listen_to_filter(who, publisher, stream, event),
            FilterCommand::RemoveListener { event } => self.ignore_filter(who, publisher, stream, &event),
        }
    }

    fn apply_filter(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        publisher: ParticipantId,
        filter: Filter,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let (session, seat, filtered) = (self.id.clone(), self.seat(who), self.seat(publisher));
        let own = self.present_mut(publisher)?;
        let (connection, router, is_camera) = (own.connection.clone(), own.room, own.is_camera());
        let Some(stream) = &mut own.stream else { return Err(Refusal::NotPublishing { connection }) };
        if stream.filter.is_some() {
            return Err(Refusal::AlreadyFiltered { connection, session });
        }
        let purpose = JobPurpose::Filter { seat: filtered, preparing: None };
        let kinds = stream::kinds(&stream.description.properties);
        let mut applied = StreamFilter::start(&filter, kinds, (router, stream.publication), purpose, is_camera, cx);
        let (id, name, behind) = (cx.ids.media_request(), stream.id().clone(), applied.behind);
        applied.awaited = Some(id);
        stream.filter = Some(applied);
        if is_camera {
            self.publish_camera_as(publisher, behind, cx);
            self.route_camera(publisher, cx);
        }
        self.feed_filter(publisher, cx);
        let task = MediaTask::ApplyFilter { publisher, stream: name, filter };
        cx.await_media(id, MediaRequest { origin, seat, router, task }, now)
    }

    /// The filter of a stream gets what its publisher sends.
    fn feed_filter(&self, publisher: ParticipantId, cx: &mut Context) {
        if let Some(stream) = self.participant(publisher).and_then(|own| own.stream.as_ref())
            && let Some(filter) = &stream.filter
        {
            filter.listen(stream.publication, &stream.description.properties, cx);
        }
    }

    /// The stream of a publisher, if it is still this one.
    fn filtered(&mut self, publisher: ParticipantId, name: &StreamId) -> Option<&mut Stream> {
        self.participant_mut(publisher)?.stream.as_mut().filter(|stream| stream.id() == name)
    }

    /// What was waited for is there, or comes too late.
    pub(crate) fn filter_applied(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        (publisher, name, filter): (ParticipantId, StreamId, Filter),
        result: &MediaResult,
        cx: &mut Context,
    ) -> Decision {
        if result.is_err() {
            self.drop_filter(publisher, &name, cx);
            return Err(Refusal::FilterFailed { why: "the filter did not start in time".to_owned() });
        }
        let action = FilterAction::Apply;
        let Some(stream) = self.filtered(publisher, &name) else {
            let (stream, session) = (name.as_str().to_owned(), self.id.clone());
            return Err(Refusal::UnknownFilteredStream { action, stream, session });
        };
        stream.description.filter = Some(filter.clone());
        cx.reply(origin, Ok(Reply::Done));
        self.tell_filter(publisher, Some(who), action, cx);
        Ok(Response::Given)
    }

    /// Without a word to anybody.
    fn drop_filter(&mut self, publisher: ParticipantId, name: &StreamId, cx: &mut Context) {
        if let Some(stream) = self.filtered(publisher, name) {
            stream.description.filter = None;
            let publication = stream.publication;
            let Some(filter) = stream.filter.take() else { return };
            filter.end(publication, cx);
            if filter.is_of_camera {
                self.route_camera(publisher, cx);
                self.publish_camera_as(publisher, publication, cx);
            }
        }
    }

    fn tell_filter(
        &self,
        publisher: ParticipantId,
        except: Option<ParticipantId>,
        action: FilterAction,
        cx: &mut Context,
    ) {
        let Some(own) = self.participant(publisher) else { return };
        let (connection, Some(stream)) = (own.connection.clone(), &own.stream) else { return };
        let (stream, filter) = (stream.id().clone(), stream.description.filter.clone());
        self.broadcast(except, Notification::FilterChanged { connection, stream, filter, action }, cx);
    }

    /// The filter that somebody wants something of.
    fn applied_filter(&mut self, publisher: ParticipantId) -> Result<(&StreamId, &Filter, &mut StreamFilter), Refusal> {
        let session = self.id.clone();
        let own = self.present_mut(publisher)?;
        let connection = own.connection.clone();
        let Some(stream) = &mut own.stream else { return Err(Refusal::NotPublishing { connection }) };
        match (&stream.description.filter, &mut stream.filter) {
            (Some(described), Some(applied)) => Ok((&stream.description.id, described, applied)),
            _ => Err(Refusal::NoFilter { connection, session }),
        }
    }

    fn call_filter(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        publisher: ParticipantId,
        call: FilterCall,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let seat = self.seat(who);
        let (name, _, filter) = self.applied_filter(publisher)?;
        if let Some(why) = &filter.broken {
            return Err(Refusal::FilterFailed { why: why.clone() });
        }
        let (id, job, stream) = (cx.ids.media_request(), filter.job, name.clone());
        let message = ToJob::Execute { request: id.0, method: call.method.clone(), params: call.params.clone() };
        cx.effects.push(Effect::Job(JobCommand::Tell { job, message }));
        let router = self.present(publisher)?.room;
        let task = MediaTask::CallFilter { publisher, stream, call };
        cx.await_media(id, MediaRequest { origin, seat, router, task }, now)
    }

    pub(crate) fn filter_called(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        (publisher, name, call): (ParticipantId, StreamId, FilterCall),
        result: &MediaResult,
        cx: &mut Context,
    ) -> Decision {
        if result.is_err() {
            return Err(Refusal::FilterFailed { why: "the filter did not answer in time".to_owned() });
        }
        let described = self.filtered(publisher, &name).and_then(|stream| stream.description.filter.as_mut());
        if let Some(described) = described {
            described.last_call = Some(call);
        }
        cx.reply(origin, Ok(Reply::Done));
        self.tell_filter(publisher, Some(who), FilterAction::Execute, cx);
        Ok(Response::Given)
    }

    fn remove_filter(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        publisher: ParticipantId,
        cx: &mut Context,
    ) -> Decision {
        let name = self.applied_filter(publisher)?.0.clone();
        self.drop_filter(publisher, &name, cx);
        cx.reply(origin, Ok(Reply::Done));
        self.tell_filter(publisher, Some(who), FilterAction::Remove, cx);
        Ok(Response::Given)
    }

    fn listen_to_filter(
        &mut self,
        who: ParticipantId,
        publisher: ParticipantId,
        stream: String,
        event: String,
    ) -> Decision {
        let (_, described, filter) = self.applied_filter(publisher)?;
        if !EVENTS.contains(&(described.kind.as_str(), event.as_str())) {
            return Err(Refusal::UnknownFilterEvent { stream, kind: described.kind.clone(), event });
        }
        filter.listeners.entry(event).or_default().insert(who);
        DONE
    }

    fn ignore_filter(&mut self, who: ParticipantId, publisher: ParticipantId, stream: String, event: &str) -> Decision {
        let (_, described, filter) = self.applied_filter(publisher)?;
        let Some(listeners) = filter.listeners.get_mut(event) else {
            return Err(Refusal::NoFilterListener { stream, kind: described.kind.clone() });
        };
        listeners.remove(&who);
        if listeners.is_empty() {
            filter.listeners.remove(event);
        }
        DONE
    }

    /// Whether a stream may be published with what was asked for.
    pub(crate) fn check_published_filter(
        &self,
        who: ParticipantId,
        asked: Option<&PublishedFilter>,
    ) -> Result<Option<Filter>, Refusal> {
        match asked {
            None => Ok(None),
            Some(PublishedFilter::Unreadable(why)) => Err(Refusal::PublishedFilterUnreadable { why: why.clone() }),
            Some(PublishedFilter::Described(filter)) => {
                let own = self.present(who)?;
                if own.may_publish_filtered(&filter.kind) {
                    return Ok(Some(filter.clone()));
                }
                let (connection, kind) = (own.connection.clone(), filter.kind.clone());
                Err(Refusal::MayNotPublishFiltered { connection, kind })
            }
        }
    }

    /// The filter of a stream that is to be published once the filter is there.
    pub(crate) fn prepare_filter(
        &self,
        origin: Origin,
        who: ParticipantId,
        filter: &Filter,
        mut publishing: Publishing,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let router = self.present(who)?.room;
        let id = cx.ids.media_request();
        let purpose = JobPurpose::Filter { seat: self.seat(who), preparing: Some(id) };
        let kinds = stream::kinds(&publishing.request.properties);
        publishing.filter =
            Some(StreamFilter::start(filter, kinds, (router, publishing.publication), purpose, false, cx));
        let task = MediaTask::PrepareFilter(publishing);
        cx.await_media(id, MediaRequest { origin, seat: self.seat(who), router, task }, now)
    }

    /// A stream was published with its filter, which is between from the first picture on.
    pub(crate) fn begin_filter(&mut self, who: ParticipantId, cx: &mut Context) {
        self.feed_filter(who, cx);
        self.interpose_filter(who, cx);
    }

    /// A filter takes its publisher's place, unless it has it: whether it had.
    fn interpose_filter(&mut self, publisher: ParticipantId, cx: &mut Context) -> Option<bool> {
        let filter = self.participant_mut(publisher)?.stream.as_mut()?.filter.as_mut()?;
        let was_between = std::mem::replace(&mut filter.is_between, true);
        if !was_between {
            self.route_camera(publisher, cx);
            let stream = self.participant(publisher)?.stream.as_ref()?;
            stream.filter.as_ref()?.interpose(stream.publication, cx);
        }
        Some(was_between)
    }

    /// The publisher has a new peer connection: if its media worker has begun anew, nothing is between any more.
    pub(crate) fn resume_filter(&mut self, who: ParticipantId, cx: &mut Context) {
        let Some(stream) = self.participant(who).and_then(|own| own.stream.as_ref()) else { return };
        let Some(filter) = stream.filter.as_ref() else { return };
        let router = filter.router;
        let kinds = stream::kinds(&stream.description.properties);
        let (publication, behind, tap) = (stream.publication, filter.behind, filter.tap);
        let tapped = if filter.is_between { behind } else { publication };
        if filter.is_between {
            cx.effects.media(router, MediaOperation::Interpose { publication, behind, taps: vec![] });
        }
        let (audio, video) = (kinds.audio, kinds.video);
        cx.effects.media(router, MediaOperation::SetTap { tap, publication: tapped, audio, video });
    }

    /// The stream of a filter ends.
    pub(crate) fn release_filter(&self, stream: &Stream, cx: &mut Context) {
        let Some(filter) = &stream.filter else { return };
        filter.end(stream.publication, cx);
        if let Some(id) = filter.awaited {
            let (action, name, session) = (FilterAction::Apply, stream.id().as_str().to_owned(), self.id.clone());
            cx.abandon_media(id, Err(Refusal::UnknownFilteredStream { action, stream: name, session }));
        }
    }

    /// The process says what comes out of it.
    fn filter_ready(
        &mut self,
        publisher: ParticipantId,
        job: JobId,
        formats: LocalFormats,
        cx: &mut Context,
    ) -> Option<MediaRequestId> {
        self.participant(publisher)?.stream.as_ref()?.filter.as_ref().filter(|filter| filter.job == job)?;
        let was_between = self.interpose_filter(publisher, cx)?;
        let stream = self.participant_mut(publisher)?.stream.as_mut()?;
        let filter = stream.filter.as_mut()?;
        let publication = stream.publication;
        // What takes the publisher's place is described with that, and again only if it is something else.
        let is_news = match &filter.formats {
            Some(known) => *known != formats,
            None => !was_between || filter.is_of_camera,
        };
        // Of a camera that is off it knows nothing yet; then it stays as it was announced.
        let kinds = stream::kinds(&stream.description.properties);
        if formats.video.is_some() == kinds.video {
            filter.formats = Some(formats.clone());
            if is_news {
                cx.effects.media(filter.router, MediaOperation::PublishLocal { publication, formats: Some(formats) });
            }
        }
        filter.awaited.take()
    }

    fn filter_found(
        &self,
        publisher: ParticipantId,
        job: JobId,
        (event, data): (String, Vec<(String, String)>),
        cx: &mut Context,
        now: Time,
    ) {
        let Some((own, stream)) = self.participant(publisher).and_then(|own| Some((own, own.stream.as_ref()?))) else {
            return;
        };
        let (Some(filter), Some(described)) = (&stream.filter, &stream.description.filter) else { return };
        let Some(listeners) = filter.listeners.get(&event).filter(|_| filter.job == job) else { return };
        let (connection, name, kind) = (own.connection.clone(), stream.id().clone(), described.kind.clone());
        let data: Vec<_> = data
            .into_iter()
            .chain(
                [("source", name.as_str()), ("type", &event), ("tags", "[]")]
                    .map(|(a, b)| (a.to_owned(), b.to_owned())),
            )
            .collect();
        cx.effects.event(Event::FilterEventDispatched(FilterEvent {
            stamp: self.stamp(now),
            participant_id: connection.clone(),
            connection_id: connection.clone(),
            stream_id: name.clone(),
            filter_type: kind.clone(),
            event_type: event.clone(),
            data: printed(&data),
        }));
        let found = Notification::FilterFound { connection, stream: name, kind, event, data }.into();
        for listener in listeners.iter().filter_map(|listener| self.participant(*listener)) {
            cx.notify(listener.client, &found);
        }
    }

    /// Nothing comes out of it any more.
    fn filter_ended(
        &mut self,
        publisher: ParticipantId,
        job: JobId,
        why: &JobEnd,
        cx: &mut Context,
    ) -> Option<(MediaRequestId, Refusal)> {
        let own = self.participant_mut(publisher)?;
        let (client, stream) = (own.client, own.stream.as_mut()?);
        let name = stream.id().clone();
        let filter = stream.filter.as_mut().filter(|filter| filter.job == job)?;
        if let Some(id) = filter.awaited {
            let refusal = match why {
                JobEnd::Unavailable(why) => {
                    Refusal::FilterUnavailable { stream: name.as_str().to_owned(), why: why.clone() }
                }
                JobEnd::Overloaded(why) | JobEnd::Failed(why) => Refusal::FilterFailed { why: why.clone() },
            };
            self.drop_filter(publisher, &name, cx);
            return Some((id, refusal));
        }
        filter.broken = Some(why.to_string());
        let kind = stream.description.filter.as_ref().map(|filter| filter.kind.clone()).unwrap_or_default();
        tracing::warn!(session = %self.id, stream = %name, %why, "a filter is broken");
        cx.notify(client, &Notification::MediaBroken { error: format!("{kind}: {why}") }.into());
        None
    }
}

impl Registry {
    /// Something has become of a filter's job.
    pub(crate) fn filter_reported(
        &mut self,
        job: JobId,
        seat: Seat,
        preparing: Option<MediaRequestId>,
        news: JobNews,
        now: Time,
    ) {
        let publisher = seat.participant;
        let found = self.sessions.get_mut(&seat.session);
        match news {
            JobNews::Said(FromJob::Executed { request: MADE, error: None }) => {
                if let Some(id) = preparing {
                    let purpose = JobPurpose::Filter { seat, preparing: None };
                    self.cx.change_purpose(job, purpose);
                    self.complete_media(id, Ok(MediaAgreement::Accepted), now);
                }
            }
            JobNews::Said(FromJob::Executed { request, error }) => match error {
                None => self.complete_media(MediaRequestId(request), Ok(MediaAgreement::Accepted), now),
                Some(why) => self.refuse_media(MediaRequestId(request), Refusal::FilterFailed { why }),
            },
            JobNews::Said(FromJob::Ready { audio, video }) => {
                let formats = LocalFormats { audio, video };
                let awaited = found.and_then(|session| session.filter_ready(publisher, job, formats, &mut self.cx));
                if let Some(id) = awaited {
                    self.complete_media(id, Ok(MediaAgreement::Accepted), now);
                }
            }
            JobNews::Said(FromJob::Found { event, data }) => {
                if let Some(session) = found {
                    session.filter_found(publisher, job, (event, data), &mut self.cx, now);
                }
            }
            JobNews::Said(_) | JobNews::Restarting { .. } => {}
            JobNews::Ended(why) => {
                if let Some(id) = preparing {
                    let connection = found.and_then(|session| Some(session.participant(publisher)?.connection.clone()));
                    let refusal = match (why, connection) {
                        (JobEnd::Unavailable(why), Some(connection)) => {
                            Refusal::PublishedFilterUnavailable { connection, why }
                        }
                        (why, _) => Refusal::FilterFailed { why: why.to_string() },
                    };
                    self.refuse_media(id, refusal);
                } else if let Some((id, refusal)) =
                    found.and_then(|session| session.filter_ended(publisher, job, &why, &mut self.cx))
                {
                    self.refuse_media(id, refusal);
                }
                self.cx.forget_job(job);
            }
        }
    }
}
