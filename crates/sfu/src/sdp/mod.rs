//! The part of SDP (RFC 8866, JSEP RFC 8829) that one audio and one video section need: reading a browser's offer or
//! answer, choosing what is taken from it, writing our own. It is *not* a general SDP library: attributes nobody here
//! acts on are skipped, data channels and renegotiation do not exist.

mod bandwidth;
mod choose;
pub(crate) mod extension;
mod format;
mod parse;
mod write;

pub(crate) use bandwidth::Bandwidth;
pub(crate) use choose::{
    Accepted, PublishPlan, SubscribePlan, check_answer, plan_publish, plan_server_offer, plan_subscribe,
};
pub(crate) use format::{AudioFormat, VideoFormat};
pub(crate) use write::{LocalTransport, OutgoingIds, write_offer, write_publish_answer, write_subscribe_answer};

/// An offer of a browser has some 8 kB; with every codec and many candidates 20 kB.
const MAX_LENGTH: usize = 128 * 1024;
/// Clients have one audio and one video section; a few more are answered as rejected.
const MAX_SECTIONS: usize = 16;
/// Per section and for each repeated attribute.
const MAX_ATTRIBUTES: usize = 256;
/// Of mids and rids. RFC 8851 §10 allows 255 letters for a rid; mids are tokens, in practice UUIDs at most.
const MAX_NAME: usize = 255;
/// Simulcast layers; browsers send three.
const MAX_LAYERS: usize = 8;

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
    /// SHA-256 of the certificate.
    pub(crate) fingerprint: [u8; 32],
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
    pub(crate) extensions: Vec<(u16, String)>,
    /// Packets may have them in the two-byte form (RFC 8285 §6).
    pub(crate) is_mixed: bool,
    /// Rids of `a=simulcast:send`, in order; alternatives and pauses are dropped.
    pub(crate) simulcast_send: Vec<String>,
    /// In order of appearance, without repetition.
    pub(crate) ssrcs: Vec<u32>,
    /// `a=ssrc-group:FID`: media, retransmission.
    pub(crate) fid: Vec<(u32, u32)>,
    ufrag: Option<String>,
    pwd: Option<String>,
    fingerprint: Option<Fingerprint>,
    setup: Option<Setup>,
    candidates: Vec<String>,
    /// `a=rtcp-fb:*`, for every payload type.
    feedback: Vec<String>,
}

/// An offer or an answer.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) sections: Vec<Section>,
    /// Mids of the (first) BUNDLE group.
    pub(crate) bundle: Vec<String>,
    /// `a=ice-lite`.
    pub(crate) ice_lite: bool,
    /// See [`Section::is_mixed`].
    is_mixed: bool,
    ufrag: Option<String>,
    pwd: Option<String>,
    fingerprint: Option<Fingerprint>,
    setup: Option<Setup>,
}

/// What a section or a description says of the other side's certificate. Several lines are alternatives (RFC 8122 §5): one
/// that can be verified is enough, wherever it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Fingerprint {
    Sha256([u8; 32]),
    /// Only hashes that are not used here.
    Other,
}

impl Description {
    /// How to reach the other side for a section and for what is bundled with it. Attributes of the session are the
    /// fallback (Firefox writes its fingerprint there), and for a section that exists only in the bundle, which needs
    /// none of its own (RFC 9143 §6), those of the first one there that does.
    pub(crate) fn transport(&self, of: &Section) -> Result<RemoteTransport, SdpError> {
        let has_own = |section: &&Section| section.ufrag.is_some() && section.port != 0;
        let bundled = || self.sections.iter().filter(|section| self.are_bundled(of, section));
        let section = [of].into_iter().find(has_own).or_else(|| bundled().find(has_own)).unwrap_or(of);
        let ufrag = section.ufrag.clone().or_else(|| self.ufrag.clone());
        let pwd = section.pwd.clone().or_else(|| self.pwd.clone());
        let fingerprint = section.fingerprint.as_ref().or(self.fingerprint.as_ref());
        let fingerprint = match fingerprint.ok_or_else(|| SdpError::new("a=fingerprint is missing"))? {
            Fingerprint::Sha256(bytes) => *bytes,
            Fingerprint::Other => return Err(SdpError::new("a=fingerprint: one of them must be sha-256")),
        };
        Ok(RemoteTransport {
            ufrag: ufrag.ok_or_else(|| SdpError::new("a=ice-ufrag is missing"))?,
            pwd: pwd.ok_or_else(|| SdpError::new("a=ice-pwd is missing"))?,
            fingerprint,
            setup: section.setup.or(self.setup).unwrap_or(Setup::ActPass),
            candidates: bundled().flat_map(|s| s.candidates.iter().cloned()).collect(),
        })
    }

    /// Whether two sections share a transport. Without a group that has both, each has its own (RFC 9143 §7).
    pub(crate) fn are_bundled(&self, one: &Section, other: &Section) -> bool {
        one.mid == other.mid || (self.is_bundled(one) && self.is_bundled(other))
    }

    /// Whether a section is in the group that was offered.
    pub(crate) fn is_bundled(&self, section: &Section) -> bool {
        self.bundle.contains(&section.mid)
    }

    /// A section with port 0 is rejected unless it is in the bundle (max-bundle, RFC 9143 §6).
    pub(crate) fn is_rejected(&self, section: &Section) -> bool {
        section.port == 0 && !self.is_bundled(section)
    }
}
