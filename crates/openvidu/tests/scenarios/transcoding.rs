//! Subscribers that do not take the publisher's codec.

use protocol::id::{JobId, PublicationId};
use protocol::job::{FromJob, JobEnd, JobNews, JobSpec};
use protocol::media::{LocalFormats, MediaFailure, MediaOperation, OutputVideo, VideoCodec};
use protocol::model::{ForcedVideoCodec, Role, SessionProperties};
use session::Settings;

use crate::call::{Call, ROOM, none, session_properties, settings};
use crate::message::{prepare, receive_with_answer, receive_with_offer};

/// Ann publishes in a session where that may be transcoded, Bob and Carol are there.
fn published() -> Call {
    published_in(Call::new(), SessionProperties { allow_transcoding: true, ..session_properties() })
}

fn published_in(mut call: Call, properties: SessionProperties) -> Call {
    call.registry.close_session(ROOM, call.now).unwrap();
    call.carry_out();
    call.create_session_with(SessionProperties { custom_session_id: ROOM.to_owned(), ..properties });
    call.join("ann").join_as("bob", Role::Subscriber).join_as("carol", Role::Subscriber).publish("ann").hush();
    call
}

fn not_taken(published: VideoCodec, taken: &[VideoCodec]) -> MediaFailure {
    MediaFailure::CodecNotTaken { published, taken: taken.to_vec() }
}

fn is_ready(call: &mut Call, job: JobId, codec: VideoCodec) {
    let video = Some(OutputVideo { codec, parameters: String::new() });
    call.job_reports(job, JobNews::Said(FromJob::Ready { audio: true, video }));
}

/// What was last said of a local publication.
fn described(call: &Call) -> (PublicationId, Option<LocalFormats>) {
    let local = call.worker.commands.iter().rev().find_map(|command| match &command.op {
        MediaOperation::PublishLocal { publication, formats } => Some((*publication, formats.clone())),
        _ => None,
    });
    local.expect("something is local")
}

/// The publication that somebody asked for last.
fn wanted(call: &Call) -> PublicationId {
    let wanted = call.worker.commands.iter().rev().find_map(|command| match command.op {
        MediaOperation::Subscribe { publication, .. } => Some(publication),
        _ => None,
    });
    wanted.expect("somebody subscribes")
}

#[test]
fn who_offers_without_the_codec_gets_another_one_by_one_job_for_all() {
    let mut call = published();
    let stream = call.stream("ann");
    for (name, first) in [("bob", true), ("carol", false)] {
        call.media_waits();
        call.request(name, receive_with_offer(&stream));
        call.media_fails(not_taken(VideoCodec::H264, &[VideoCodec::Av1, VideoCodec::Vp8]));
        let [(job, spec)] = &call.running_jobs()[..] else { panic!("{:?}", call.running_jobs()) };
        assert_eq!(*spec, JobSpec::Transcode { from: VideoCodec::H264, to: VideoCodec::Vp8, audio: true });
        let (publication, formats) = described(&call);
        assert_eq!(wanted(&call), publication);
        assert_eq!(formats.is_none(), first);
        is_ready(&mut call, *job, VideoCodec::Vp8);
        assert_eq!(described(&call).1.unwrap().video.unwrap().codec, VideoCodec::Vp8);
        call.media_answers();
        assert_eq!(call.inbox(name), ["answer answer-to-subscriber"]);
    }
    call.leave("bob");
    assert_eq!(call.running_jobs().len(), 1);
    call.leave("carol");
    none(call.running_jobs());
    let (publication, _) = described(&call);
    assert!(!call.worker.publications.contains_key(&publication.0));
}

#[test]
fn who_refuses_the_picture_is_offered_another_one() {
    let mut call = published();
    let stream = call.stream("ann");
    call.request("bob", prepare(&stream));
    call.media_waits();
    call.request("bob", receive_with_answer(&stream));
    call.hush();
    call.media_fails(not_taken(VideoCodec::Vp8, &[]));
    let [(job, spec)] = &call.running_jobs()[..] else { panic!("{:?}", call.running_jobs()) };
    assert_eq!(*spec, JobSpec::Transcode { from: VideoCodec::Vp8, to: VideoCodec::H264, audio: true });
    assert_eq!(wanted(&call), described(&call).0);
    is_ready(&mut call, *job, VideoCodec::H264);
    call.media_answers();
    let inbox = call.inbox("bob");
    assert_eq!(inbox[0], "ok");
    assert!(inbox[1].contains("offer-to-subscriber"), "{inbox:?}");
    call.request("bob", receive_with_answer(&stream));
    call.media_answers();
    assert_eq!(call.inbox("bob"), ["ok"]);
    // Who renews its peer connection gets the same.
    call.request("bob", prepare(&stream));
    assert_eq!(wanted(&call), described(&call).0);
    call.media_answers();
    call.leave("ann");
    none(call.running_jobs());
    assert_eq!(call.worker.publications.len(), 0);
}

#[test]
fn where_it_is_not_allowed_it_is_code_800() {
    let properties = session_properties();
    let no_kurento = Settings { transcodes: false, ..settings() };
    let any = SessionProperties { forced_video_codec: ForcedVideoCodec::None, ..session_properties() };
    for (call, properties, is_allowed) in [
        (Call::new(), properties.clone(), false),
        (Call::with(no_kurento), SessionProperties { allow_transcoding: true, ..properties }, false),
        (Call::new(), any, true),
    ] {
        let mut call = published_in(call, properties);
        let stream = call.stream("ann");
        call.media_waits();
        call.request("bob", receive_with_offer(&stream));
        call.media_fails(not_taken(VideoCodec::H264, &[VideoCodec::Vp8]));
        assert_eq!(call.running_jobs().len(), usize::from(is_allowed));
        assert_eq!(call.inbox("bob").iter().any(|line| line.contains("Code: 800")), !is_allowed);
    }
}

#[test]
fn what_is_taken_by_nothing_that_can_be_made_is_code_800() {
    let mut call = published();
    let stream = call.stream("ann");
    call.media_waits();
    call.request("bob", receive_with_offer(&stream));
    call.media_fails(not_taken(VideoCodec::Vp8, &[VideoCodec::Av1]));
    none(call.running_jobs());
    assert!(call.last("bob").contains("Code: 800"), "{}", call.last("bob"));
}

#[test]
fn without_a_transcoder_it_is_code_800_and_the_next_one_tries_again() {
    let mut call = published();
    let stream = call.stream("ann");
    for _ in 0..2 {
        call.media_waits();
        call.request("bob", receive_with_offer(&stream));
        call.media_fails(not_taken(VideoCodec::H264, &[VideoCodec::Vp8]));
        let [(job, _)] = call.running_jobs()[..] else { panic!("{:?}", call.running_jobs()) };
        let (publication, _) = described(&call);
        call.job_reports(job, JobNews::Ended(JobEnd::Unavailable("nothing there".to_owned())));
        assert!(!call.worker.publications.contains_key(&publication.0));
        call.media_fails(MediaFailure::UnknownPublication);
        assert!(call.last("bob").contains("Code: 800"), "{}", call.last("bob"));
        call.jobs.clear();
    }
}
