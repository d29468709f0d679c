//! What one transport is sent of one publication: a forwarder each for audio and video, and whether it waits for a key
//! frame. It sends nothing itself.

use std::time::{Duration, Instant};

use protocol::id::PublicationId;
use protocol::media::{LayerLimit, PicturePause, Reception, VideoCodec};

use crate::forwarder::Forwarder;
use crate::layer_selector::{LayerActivity, LayerSelector};
use crate::layered_frame::Aim;
use crate::packet::{MediaKind, OutgoingHeader, Packet};
use crate::selection::Choice;

/// How long a key frame is asked for without a packet coming in. After that the next packet asks again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sound has one layer.
const SOUND: Aim = Aim { stream: 0, spatial: 0, temporal: 0 };

/// Subscriber (or loop-back) side of a publication.
#[derive(Debug)]
pub(crate) struct Consumer {
    pub(crate) publication: PublicationId,
    /// Its transport is up.
    pub(crate) connected: bool,
    reception: Reception,
    allotment: Allotment,
    /// Its sound is sent with the frames before it, where both sides have that.
    pub(crate) redundant: bool,
    choice: Choice,
    audio: Option<Forwarder>,
    video: Option<VideoTrack>,
}

/// What of a picture the way to the subscriber carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Allotment {
    /// Nobody has looked, or can.
    Everything,
    /// No layer above these.
    UpTo {
        /// Size of the picture.
        spatial: u8,
        /// Frames per second.
        temporal: u8,
    },
    /// No picture.
    Nothing,
}

#[derive(Debug)]
struct VideoTrack {
    forwarder: Forwarder,
    selector: LayerSelector,
    /// The layer that is to be forwarded; differs from the forwarder's until a key frame comes.
    target: Option<usize>,
    /// The same, as the forwarder takes it.
    aim: Option<Aim>,
    waiting_since: Option<Instant>,
}

impl Consumer {
    pub(crate) fn new(
        publication: PublicationId,
        has_audio: bool,
        video: Option<VideoCodec>,
        first_sequences: [u16; 2],
    ) -> Self {
        Self {
            publication,
            connected: false,
            reception: Reception::default(),
            allotment: Allotment::Everything,
            redundant: true,
            choice: Choice::ALL,
            audio: has_audio.then(|| Forwarder::new(48_000, false, first_sequences[0])),
            video: video.map(|codec| VideoTrack {
                forwarder: Forwarder::new(90_000, codec == VideoCodec::Vp8, first_sequences[1]),
                selector: LayerSelector::default(),
                target: None,
                aim: None,
                waiting_since: None,
            }),
        }
    }

    /// How much is wanted, from the beginning on.
    pub(crate) fn wanting(self, reception: Reception) -> Self {
        Self { reception, ..self }
    }

    /// Nothing is left out of the best stream.
    pub(crate) fn whole(self) -> Self {
        let whole = |track: VideoTrack| VideoTrack { forwarder: track.forwarder.whole(), ..track };
        Self { video: self.video.map(whole), ..self }
    }

    /// How much is wanted has changed. A picture that goes on after a pause needs a key frame.
    pub(crate) fn change(&mut self, wanted: Reception, layers: &[LayerActivity], generation: u32, now: Instant) {
        let had_pictures = self.takes_video();
        self.reception = wanted;
        if let Some(audio) = self.audio.as_mut().filter(|_| wanted.audio_paused) {
            audio.interrupt();
        }
        self.picture_changed(had_pictures, layers, generation, now);
    }

    /// What of the picture the path carries has changed.
    pub(crate) fn allot(&mut self, allotment: Allotment, layers: &[LayerActivity], generation: u32, now: Instant) {
        let had_pictures = self.takes_video();
        self.allotment = allotment;
        self.picture_changed(had_pictures, layers, generation, now);
    }

    /// What of the publication is given has changed.
    pub(crate) fn choose(&mut self, choice: Choice, layers: &[LayerActivity], generation: u32, now: Instant) {
        let had_pictures = self.takes_video();
        self.choice = choice;
        if let Some(audio) = self.audio.as_mut().filter(|_| !choice.sound) {
            audio.interrupt();
        }
        self.picture_changed(had_pictures, layers, generation, now);
    }

    /// What of the publication is given, in a room where subscribers get some only.
    pub(crate) fn choice(&self) -> Choice {
        self.choice
    }

    /// See [`Allotment`].
    pub(crate) fn allotment(&self) -> Allotment {
        self.allotment
    }

    /// How much is wanted.
    pub(crate) fn reception(&self) -> Reception {
        self.reception
    }

    /// There is sound, which may be paused.
    pub(crate) fn has_audio(&self) -> bool {
        self.audio.is_some()
    }

    /// There are pictures, which may be paused.
    pub(crate) fn has_video(&self) -> bool {
        self.video.is_some()
    }

    /// More than the smallest picture is of use, whatever the network carries now.
    pub(crate) fn wants_large_picture(&self) -> bool {
        self.has_video() && self.wants_video() && self.reception.limit.spatial != Some(0)
    }

    /// There are pictures, and not of a screen.
    pub(crate) fn has_camera(&self) -> bool {
        self.has_video() && !self.reception.is_screen
    }

    /// Pictures are wanted, and it is their turn.
    pub(crate) fn wants_video(&self) -> bool {
        !self.reception.video_paused && self.choice.picture
    }

    fn picture_changed(&mut self, had_pictures: bool, layers: &[LayerActivity], generation: u32, now: Instant) {
        let (takes_video, limit) = (self.takes_video(), self.limit());
        if let Some(video) = &mut self.video {
            if !takes_video {
                video.forwarder.interrupt();
                video.waiting_since = None;
            } else if !had_pictures {
                video.waiting_since = Some(now);
            }
            video.choose(layers, generation, limit, now);
        }
    }

    fn limit(&self) -> LayerLimit {
        let most = |wanted: Option<u8>, most: u8| Some(wanted.map_or(most, |wanted| wanted.min(most)));
        let wanted = self.reception.limit;
        match self.allotment {
            Allotment::UpTo { spatial, temporal } => {
                LayerLimit { spatial: most(wanted.spatial, spatial), temporal: most(wanted.temporal, temporal) }
            }
            Allotment::Everything | Allotment::Nothing => wanted,
        }
    }

    /// Pictures are wanted, and there may be some.
    pub(crate) fn takes_video(&self) -> bool {
        self.video.is_some() && self.wants_video() && self.allotment != Allotment::Nothing
    }

    /// Why there is no picture, if that is our doing.
    pub(crate) fn pause(&self) -> Option<PicturePause> {
        self.video.as_ref()?;
        match self.allotment {
            _ if self.reception.video_paused => Some(PicturePause::Unwanted),
            _ if !self.choice.picture => Some(PicturePause::NotChosen),
            Allotment::Nothing => Some(PicturePause::Bandwidth),
            Allotment::Everything | Allotment::UpTo { .. } => None,
        }
    }

    /// Pictures that it was given have not left and will not: they go on with a key frame.
    pub(crate) fn lost_pictures(&mut self, now: Instant) {
        let takes_video = self.takes_video();
        if let Some(video) = &mut self.video {
            video.forwarder.interrupt();
            video.waiting_since = takes_video.then_some(now);
        }
    }

    /// The transport is up.
    pub(crate) fn start(&mut self, layers: &[LayerActivity], generation: u32, now: Instant) {
        self.connected = true;
        self.restart_video(layers, generation, now);
    }

    /// A key frame is needed to go on: at the start, or because the publisher's transport was replaced.
    pub(crate) fn restart_video(&mut self, layers: &[LayerActivity], generation: u32, now: Instant) {
        let (takes_video, limit) = (self.takes_video(), self.limit());
        if let Some(video) = &mut self.video {
            if takes_video {
                video.waiting_since = Some(now);
            }
            video.choose(layers, generation, limit, now);
        }
    }

    /// The layer to ask a key frame of because this subscriber decodes nothing (its own request).
    pub(crate) fn video_layer(&self) -> Option<usize> {
        let video = self.video.as_ref()?;
        video.forwarder.layer().or(video.target)
    }

    /// The layer whose key frame it waits for, while it makes sense to ask again. The inner `None` means any layer.
    pub(crate) fn awaits(&self, now: Instant) -> Option<Option<usize>> {
        let video = self.video.as_ref().filter(|_| self.connected)?;
        let since = video.waiting_since?;
        (now.duration_since(since) < PATIENCE).then_some(video.target)
    }

    /// Hands on what this subscriber gets of `packets`. Returns the layer a key frame is needed of, if it cannot go on
    /// without.
    pub(crate) fn forward(
        &mut self,
        packets: &[Packet],
        layers: &[LayerActivity],
        generation: u32,
        now: Instant,
        mut send: impl FnMut(&Packet, OutgoingHeader),
    ) -> Option<usize> {
        let audio_paused = self.reception.audio_paused || !self.choice.sound;
        let (video_paused, limit) = (!self.takes_video(), self.limit());
        let redundant = self.redundant;
        if let Some(video) = &mut self.video {
            video.choose(layers, generation, limit, now);
        }
        let mut saw_target = false;
        for packet in packets {
            match packet.kind {
                MediaKind::Audio => {
                    let audio = self.audio.as_mut().filter(|_| !audio_paused);
                    if let Some(header) = audio.and_then(|f| f.forward(packet, Some(SOUND))) {
                        send(packet, OutgoingHeader { redundant, ..header });
                    }
                }
                MediaKind::Video => {
                    let Some(video) = self.video.as_mut().filter(|_| !video_paused) else {
                        continue;
                    };
                    saw_target |= video.target == Some(packet.layer());
                    let Some(header) = video.forwarder.forward(packet, video.aim) else {
                        continue;
                    };
                    if packet.key_frame_start {
                        video.waiting_since = None;
                    }
                    send(packet, header);
                }
            }
        }
        let video = self.video.as_mut().filter(|_| !video_paused)?;
        if video.target.is_none() || video.current(generation) == video.target || video.falls_by_itself(generation) {
            return None;
        }
        video.waiting_since.get_or_insert(now);
        video.target.filter(|_| saw_target)
    }
}

impl VideoTrack {
    /// The layer being forwarded, if it is of the publisher's present transport.
    fn current(&self, generation: u32) -> Option<usize> {
        self.forwarder.current().filter(|source| source.generation == generation)?;
        self.forwarder.layer()
    }

    /// It goes to a smaller picture of the same stream, without a key frame as far as is known.
    fn falls_by_itself(&self, generation: u32) -> bool {
        let is_above = self.current(generation).zip(self.target).is_some_and(|(current, target)| current > target);
        let is_same = self.forwarder.current().zip(self.aim).is_some_and(|(current, aim)| current.layer == aim.stream);
        is_above && is_same && !self.forwarder.is_stuck()
    }

    fn choose(&mut self, layers: &[LayerActivity], generation: u32, limit: LayerLimit, now: Instant) {
        let allowed = limit.spatial.map_or(layers.len(), |highest| layers.len().min(usize::from(highest) + 1));
        // What is forwarded above the limit goes on until there is something below.
        let chosen = self.selector.choose(&layers[..allowed], self.current(generation), now);
        // A choice made earlier is kept over a pause between frames.
        self.target = chosen.or(self.target.filter(|t| *t < allowed));
        let temporal = limit.temporal.unwrap_or(u8::MAX);
        let target = self.target.and_then(|target| layers.get(target));
        self.aim = target.map(|layer| Aim { stream: layer.stream, spatial: layer.spatial, temporal });
    }
}
