//! The part of SDP (RFC 8866, JSEP RFC 8829) that one audio and one video section need: reading a browser's offer or
//! answer, choosing what is taken from it, writing our own. It is *not* a general SDP library: attributes nobody here
//! acts on are skipped, data channels and renegotiation do not exist.

mod choose;
mod format;
mod parse;
mod write;

pub(crate) use choose::{
    Accepted, OFFERED_AUDIO, OFFERED_VIDEO, PublishPlan, SubscribePlan, check_answer, plan_publish, plan_server_offer,
    plan_subscribe,
};
pub(crate) use format::{AudioFormat, VideoFormat};
pub(crate) use write::{LocalTransport, OutgoingIds, write_offer, write_publish_answer, write_subscribe_answer};

/// An offer of a browser has some 8 kB; with every codec and many candidates 20 kB.
const MAX_LENGTH: usize = 128 * 1024;
/// Clients have one audio and one video section; a few more are answered as rejected.
const MAX_SECTIONS: usize = 16;
/// Per section and for each repeated attribute.
const MAX_ATTRIBUTES: usize = 256;

/// What cannot be read, or breaks a rule. The text names the field.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SdpError(pub(crate) String);

impl SdpError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// `m=audio`, `m=video` or something that is always rejected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SectionKind {
    Audio,
    Video,
    Other,
}

/// Direction attribute, from the point of view of the one who wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    pub(crate) fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    pub(crate) fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// `a=setup`, RFC 8842.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Setup {
    ActPass,
    Active,
    Passive,
}

/// How to reach and verify the other side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RemoteTransport {
    pub(crate) ufrag: String,
    pub(crate) pwd: String,
    /// `sha-256`, lower case.
    pub(crate) hash: String,
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) setup: Setup,
    /// `candidate:…` lines.
    pub(crate) candidates: Vec<String>,
}

/// One payload type with all its attributes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Format {
    pub(crate) pt: u8,
    /// Lower case.
    pub(crate) name: String,
    pub(crate) clock_rate: u32,
    pub(crate) fmtp: String,
    pub(crate) feedback: Vec<String>,
}

impl Format {
    /// A `key=value` of the `fmtp`.
    pub(crate) fn parameter(&self, key: &str) -> Option<&str> {
        parameter(&self.fmtp, key)
    }
}

/// A `key=value` of an `fmtp`.
pub(crate) fn parameter<'a>(fmtp: &'a str, key: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|pair| {
        let (k, v) = pair.split_once('=')?;
        k.trim().eq_ignore_ascii_case(key).then(|| v.trim())
    })
}

/// One `m=` section.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) kind: SectionKind,
    /// As in the `m=` line: needed to write a rejected section.
    pub(crate) media: String,
    pub(crate) port: u16,
    pub(crate) protocol: String,
    pub(crate) payload_types: Vec<String>,
    pub(crate) mid: String,
    pub(crate) direction: Direction,
    pub(crate) formats: Vec<Format>,
    /// Identifier and URI.
    pub(crate) extensions: Vec<(u8, String)>,
    /// Rids of `a=simulcast:send`, in order; alternatives and pauses are dropped.
    pub(crate) simulcast_send: Vec<String>,
    /// In order of appearance, without repetition.
    pub(crate) ssrcs: Vec<u32>,
    /// `a=ssrc-group:FID`: media, retransmission.
    pub(crate) fid: Vec<(u32, u32)>,
    ufrag: Option<String>,
    pwd: Option<String>,
    fingerprint: Option<(String, Vec<u8>)>,
    setup: Option<Setup>,
    candidates: Vec<String>,
}

/// An offer or an answer.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) sections: Vec<Section>,
    /// Mids of the (first) BUNDLE group.
    pub(crate) bundle: Vec<String>,
    /// `a=ice-lite`.
    pub(crate) ice_lite: bool,
    ufrag: Option<String>,
    pwd: Option<String>,
    fingerprint: Option<(String, Vec<u8>)>,
    setup: Option<Setup>,
}

impl Description {
    /// Transport attributes of the bundled sections: those of the first section that is not rejected, with session
    /// level as fallback (Firefox writes its fingerprint there).
    pub(crate) fn transport(&self) -> Result<RemoteTransport, SdpError> {
        let section = self.sections.iter().find(|s| s.port != 0).or(self.sections.first());
        let section = section.ok_or_else(|| SdpError::new("no m= section"))?;
        let ufrag = section.ufrag.clone().or_else(|| self.ufrag.clone());
        let pwd = section.pwd.clone().or_else(|| self.pwd.clone());
        let (hash, fingerprint) = section
            .fingerprint
            .clone()
            .or_else(|| self.fingerprint.clone())
            .ok_or_else(|| SdpError::new("a=fingerprint is missing"))?;
        if hash != "sha-256" {
            return Err(SdpError::new("a=fingerprint must be sha-256"));
        }
        if fingerprint.len() != 32 {
            return Err(SdpError::new("a=fingerprint: sha-256 has 32 bytes"));
        }
        Ok(RemoteTransport {
            ufrag: ufrag.ok_or_else(|| SdpError::new("a=ice-ufrag is missing"))?,
            pwd: pwd.ok_or_else(|| SdpError::new("a=ice-pwd is missing"))?,
            hash,
            fingerprint,
            setup: section.setup.or(self.setup).unwrap_or(Setup::ActPass),
            candidates: self.sections.iter().flat_map(|s| s.candidates.iter().cloned()).collect(),
        })
    }

    /// A section with port 0 is rejected unless it is in the bundle (max-bundle, RFC 9143 §6).
    pub(crate) fn is_rejected(&self, section: &Section) -> bool {
        section.port == 0 && !self.bundle.contains(&section.mid)
    }
}
