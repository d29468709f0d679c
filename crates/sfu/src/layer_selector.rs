//! Which simulcast layer a subscriber gets: the best one that is really being sent. Bandwidth is not considered yet; a
//! layer is only left when it has fallen silent while a smaller one goes on, never because everything is silent (a
//! muted camera).

use std::time::{Duration, Instant};

/// A layer without packets this long is not gone to.
const RECENT: Duration = Duration::from_millis(500);
/// A layer is silent if it missed this many frames that another one had…
const MISSED_FRAMES: u64 = 8;
/// …and was quiet at least this long (a retransmission or a large key frame may hold it up),…
const QUIET: Duration = Duration::from_millis(400);
/// …or if it was quiet this long while another one sent anything (screen shares have few frames).
const SILENT: Duration = Duration::from_secs(2);

/// What is known of a layer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LayerActivity {
    pub(crate) last_packet: Option<Instant>,
    /// Ends of frames seen.
    pub(crate) frames: u64,
    /// Where it is: a stream of simulcast, or a layer within the one stream.
    pub(crate) stream: usize,
    pub(crate) spatial: u8,
}

impl LayerActivity {
    /// Nothing is known of it yet.
    pub(crate) fn of_stream(stream: usize) -> Self {
        Self { stream, ..Self::default() }
    }
}

/// The choice for one subscriber.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LayerSelector {
    /// Frames of all layers together when the current one last had a packet: what it has missed since.
    seen: Option<(Instant, u64)>,
}

impl LayerSelector {
    /// The layer to forward, by index; `current` until there is reason to change.
    pub(crate) fn choose(&mut self, layers: &[LayerActivity], current: Option<usize>, now: Instant) -> Option<usize> {
        let recent = |layer: &LayerActivity| layer.last_packet.is_some_and(|at| now.duration_since(at) < RECENT);
        let best_recent = layers.iter().rposition(recent);
        let Some(current) = current.filter(|c| *c < layers.len()) else {
            return best_recent;
        };
        if best_recent.is_some_and(|best| best > current) {
            return best_recent;
        }
        let Some(last) = layers[current].last_packet else {
            return best_recent.or(Some(current));
        };
        let others: u64 = layers[..current].iter().map(|l| l.frames).max().unwrap_or(0);
        let missed = match self.seen {
            Some((at, frames)) if at == last => others.saturating_sub(frames),
            _ => {
                self.seen = Some((last, others));
                0
            }
        };
        let quiet = now.duration_since(last);
        let silent = quiet >= QUIET && missed >= MISSED_FRAMES || quiet >= SILENT && missed > 0;
        if silent { best_recent.or(Some(current)) } else { Some(current) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(start: Instant, sent: &[(Option<u64>, u64)]) -> Vec<LayerActivity> {
        sent.iter()
            .map(|(ms, frames)| LayerActivity {
                last_packet: ms.map(|ms| start + Duration::from_millis(ms)),
                frames: *frames,
                ..LayerActivity::default()
            })
            .collect()
    }

    #[test]
    fn the_best_layer_with_recent_packets_is_chosen() {
        let start = Instant::now();
        let mut selector = LayerSelector::default();
        let now = start + Duration::from_millis(100);
        assert_eq!(selector.choose(&layers(start, &[(Some(90), 3), (Some(95), 3), (None, 0)]), None, now), Some(1));
        assert_eq!(
            selector.choose(&layers(start, &[(Some(90), 3), (Some(95), 3), (Some(99), 1)]), Some(1), now),
            Some(2)
        );
        assert_eq!(selector.choose(&layers(start, &[(None, 0), (None, 0)]), None, now), None);
    }

    #[test]
    fn a_silent_layer_is_left_only_when_another_goes_on() {
        let start = Instant::now();
        let mut selector = LayerSelector::default();
        let mut frames = 0;
        let mut choice = Some(1);
        for ms in (0..3000).step_by(33) {
            frames += 1;
            let now = start + Duration::from_millis(ms);
            choice = selector.choose(&layers(start, &[(Some(ms), frames), (Some(0), 1)]), choice, now);
            if ms < 400 {
                assert_eq!(choice, Some(1), "too early at {ms}");
            }
        }
        assert_eq!(choice, Some(0));

        let mut selector = LayerSelector::default();
        for s in 0..60 {
            let now = start + Duration::from_secs(s);
            assert_eq!(selector.choose(&layers(start, &[(Some(0), 9), (Some(0), 9)]), Some(1), now), Some(1));
        }
    }
}
