//! Pictures in another codec for subscribers that cannot take the publisher's: one job for each stream and codec, however many
//! receive it, and only while somebody does. Sound is never transcoded: everybody has Opus.
//!
//! What a client can take it says in its offer, or, where we offer, by refusing the picture; then it is offered the stream
//! anew as after a loss (`healing`).

use protocol::id::{JobId, PublicationId, TapId};
use protocol::job::{FromJob, JobNews, JobSpec};
use protocol::media::{Kinds, LocalFormats, MediaOperation, VideoCodec};
use protocol::model::ForcedVideoCodec;

use crate::Registry;
use crate::client::Seat;
use crate::context::Context;
use crate::id::ParticipantId;
use crate::jobs::JobPurpose;
use crate::session::Session;
use crate::stream::Stream;

/// Into what can be transcoded while a call goes on, best first.
const TARGETS: [VideoCodec; 2] = [VideoCodec::Vp8, VideoCodec::H264];
/// In the job.
const INPUT: u16 = 0;

/// A stream in another codec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Transcoding {
    pub(crate) codec: VideoCodec,
    /// Local, in the publisher's room.
    publication: PublicationId,
    job: JobId,
    tap: TapId,
}

impl Stream {
    /// What carries it in that codec; `None`: as it is published.
    pub(crate) fn publication_in(&self, codec: Option<VideoCodec>) -> Option<PublicationId> {
        let Some(codec) = codec else { return Some(self.publication) };
        self.transcodings.iter().find(|transcoding| transcoding.codec == codec).map(|it| it.publication)
    }
}

impl Session {
    /// The codec that a subscriber gets instead, if there is one; it is seen to that there is. `taken`: what it says that it takes, if it
    /// says so.
    pub(crate) fn transcode(
        &mut self,
        publisher: ParticipantId,
        published: VideoCodec,
        taken: &[VideoCodec],
        cx: &mut Context,
    ) -> Option<VideoCodec> {
        let properties = &self.properties;
        let is_allowed = properties.allow_transcoding || properties.forced_video_codec == ForcedVideoCodec::None;
        if !is_allowed || !cx.settings.transcodes {
            return None;
        }
        let is_taken = |codec: &VideoCodec| *codec != published && (taken.is_empty() || taken.contains(codec));
        let codec = TARGETS.into_iter().find(is_taken)?;
        let seat = self.seat(publisher);
        let owner = self.participant_mut(publisher)?;
        let (room, stream) = (owner.room, owner.stream.as_mut()?);
        if stream.publication_in(Some(codec)).is_some() {
            return Some(codec);
        }
        let kinds = Kinds { audio: stream.description.properties.has_audio, video: true };
        let input = stream.description.properties.job_input(INPUT, kinds);
        let (publication, tap) = (cx.ids.publication(), cx.ids.tap());
        let spec = JobSpec::Transcode { from: published, to: codec, audio: kinds.audio };
        let job = cx.start_job(JobPurpose::Transcoding { seat, codec }, spec, Some((room, publication)));
        stream.transcodings.push(Transcoding { codec, publication, job, tap });
        cx.effects.media(room, MediaOperation::PublishLocal { publication, formats: None });
        cx.add_job_input(job, (room, stream.publication), tap, input);
        Some(codec)
    }

    /// Ends what nobody receives (any more).
    pub(crate) fn review_transcodings(&mut self, publisher: ParticipantId, cx: &mut Context) {
        let stream = self.participant(publisher).and_then(|owner| owner.stream.as_ref());
        // Most streams have none, and then nobody need be looked at.
        if stream.is_none_or(|stream| stream.transcodings.is_empty()) {
            return;
        }
        let received = self.participants().filter_map(|(_, other)| other.subscriptions.get(&publisher)?.codec);
        let mut needed: Vec<VideoCodec> = received.collect();
        needed.extend(cx.media.codecs_wanted(&self.id, publisher));
        let Some(owner) = self.participant_mut(publisher) else { return };
        let (room, Some(stream)) = (owner.room, &mut owner.stream) else { return };
        let unused: Vec<_> = stream.transcodings.extract_if(.., |it| !needed.contains(&it.codec)).collect();
        for transcoding in unused {
            cx.effects.media(room, MediaOperation::RemoveTap { tap: transcoding.tap });
            self.end_transcoding(transcoding, cx);
        }
    }

    /// With the stream that it is made of, or before.
    pub(crate) fn end_transcoding(&self, transcoding: Transcoding, cx: &mut Context) {
        cx.stop_job(transcoding.job);
        self.in_all_rooms(&MediaOperation::ClosePublication { publication: transcoding.publication }, cx);
    }
}

impl Registry {
    /// Something has become of the job that transcodes somebody's stream.
    pub(crate) fn transcoding_reported(&mut self, seat: &Seat, codec: VideoCodec, news: JobNews) {
        let Some(session) = self.sessions.get_mut(&seat.session) else { return };
        let Some(owner) = session.participant_mut(seat.participant) else { return };
        let (room, Some(stream)) = (owner.room, &mut owner.stream) else { return };
        let Some(at) = stream.transcodings.iter().position(|transcoding| transcoding.codec == codec) else { return };
        match news {
            JobNews::Said(FromJob::Ready { audio, video }) => {
                let (publication, formats) = (stream.transcodings[at].publication, Some(LocalFormats { audio, video }));
                self.cx.effects.media(room, MediaOperation::PublishLocal { publication, formats });
            }
            JobNews::Ended(why) => {
                tracing::warn!(session = %seat.session, stream = %stream.id(), %why, "a stream cannot be transcoded");
                let transcoding = stream.transcodings.remove(at);
                self.cx.effects.media(room, MediaOperation::RemoveTap { tap: transcoding.tap });
                self.cx.forget_job(transcoding.job);
                session.end_transcoding(transcoding, &mut self.cx);
            }
            JobNews::Said(_) | JobNews::Restarting { .. } => {}
        }
    }
}
