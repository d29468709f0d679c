//! How much the pictures of a connection may take: the deployment's limits, each of which its `kurentoOptions` may replace.
//!
//! "Receive" and "send" are the server's, as in the names of OpenVidu's settings and in what the original did: what a
//! client publishes is received. (Its documentation of `kurentoOptions` has it the other way round.) How they are kept is the
//! media workers' business.

use protocol::media::BitrateLimits;
use protocol::model::KurentoOptions;

use crate::connection::{Access, Participant};

/// In kbit/s and for each stream; 0 is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VideoBandwidth {
    /// From a client to the server.
    pub max_recv: u32,
    /// From a client to the server.
    pub min_recv: u32,
    /// From the server to a client.
    pub max_send: u32,
    /// From the server to a client.
    pub min_send: u32,
}

impl VideoBandwidth {
    /// With those that a connection was given in place of the deployment's.
    fn replaced_by(self, options: &KurentoOptions) -> Self {
        // Negative numbers are accepted by REST, as by the original.
        let either = |own: Option<i32>, ours| own.map_or(ours, |kbps| u32::try_from(kbps).unwrap_or(0));
        Self {
            max_recv: either(options.video_max_recv_bandwidth, self.max_recv),
            min_recv: either(options.video_min_recv_bandwidth, self.min_recv),
            max_send: either(options.video_max_send_bandwidth, self.max_send),
            min_send: either(options.video_min_send_bandwidth, self.min_send),
        }
    }
}

impl Participant {
    /// Of what it publishes.
    pub(crate) fn published_bitrate(&self, deployment: VideoBandwidth) -> BitrateLimits {
        let limits = self.video_bandwidth(deployment);
        BitrateLimits::kbps(limits.min_recv, limits.max_recv)
    }

    /// Of each stream that it receives.
    pub(crate) fn received_bitrate(&self, deployment: VideoBandwidth) -> BitrateLimits {
        let limits = self.video_bandwidth(deployment);
        BitrateLimits::kbps(limits.min_send, limits.max_send)
    }

    fn video_bandwidth(&self, deployment: VideoBandwidth) -> VideoBandwidth {
        match &self.access {
            Access::Token { properties, .. } => {
                properties.kurento_options.as_ref().map_or(deployment, |options| deployment.replaced_by(options))
            }
            Access::Secret(_) | Access::Viewer | Access::Camera(_) => deployment,
            // A recording's page is ours, and shall show the best there is.
            Access::Page(_) => VideoBandwidth::default(),
        }
    }
}
