//! What is looked at while a test runs: once a second how far it is, and while it is measured a sample.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::figures::{Counts, Look, per_cent};
use crate::generator::{Delays, no_delays};
use crate::member::Stage;
use crate::options::Shape;
use crate::process::ProcessMeter;
use crate::progress::Progress;
use crate::report::{Quantiles, Sample};

const SECOND: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Pulse<F> {
    stage: Arc<Stage>,
    shape: Shape,
    /// Of the server.
    meter: Option<ProcessMeter>,
    own: Option<ProcessMeter>,
    on_progress: F,
    phase: &'static str,
    phase_began: Instant,
    /// At the last beat.
    last: Look,
    is_measured: bool,
    /// While it was measured.
    pub(crate) delays: Delays,
    pub(crate) samples: Vec<Sample>,
}

impl<F: FnMut(&Progress)> Pulse<F> {
    pub(crate) fn new(stage: Arc<Stage>, shape: Shape, mut meter: Option<ProcessMeter>, on_progress: F) -> Self {
        let mut own = ProcessMeter::of(std::process::id());
        let last = look(&stage, &mut meter, &mut own);
        Self {
            stage,
            shape,
            meter,
            own,
            on_progress,
            phase: "",
            phase_began: last.at,
            last,
            is_measured: false,
            delays: no_delays(),
            samples: vec![],
        }
    }

    pub(crate) fn knows_server(&self) -> bool {
        self.meter.is_some()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts::of(&self.stage.generators)
    }

    pub(crate) fn look(&mut self) -> Look {
        look(&self.stage, &mut self.meter, &mut self.own)
    }

    /// Something else is done from now on, and not measured.
    pub(crate) fn begin(&mut self, phase: &'static str) {
        self.gather_delays();
        self.is_measured = false;
        self.last = self.look();
        (self.phase, self.phase_began) = (phase, self.last.at);
    }

    /// From now on samples and delays are kept, until something else begins.
    pub(crate) fn measure(&mut self) {
        self.is_measured = true;
    }

    /// Of what has come since this was last asked.
    fn gather_delays(&mut self) -> Delays {
        let mut recent = no_delays();
        for generator in &self.stage.generators {
            // All have the same bounds.
            let _ = recent.add(generator.take_delays());
        }
        if self.is_measured {
            let _ = self.delays.add(&recent);
        }
        recent
    }

    /// To be called often; something happens once a second.
    pub(crate) fn beat(&mut self) {
        let passed = self.last.at.elapsed();
        if passed < SECOND {
            return;
        }
        let (now, before) = (self.look(), self.last);
        self.last = now;
        let seconds = now.at.duration_since(before.at).as_secs_f64();
        let sample = Sample {
            second: now.at.duration_since(self.phase_began).as_secs_f64(),
            sent_per_second: (now.counts.sent - before.counts.sent) as f64 / seconds,
            received_per_second: (now.counts.received - before.counts.received) as f64 / seconds,
            layers_per_second: self.by_layer(before.counts, now.counts, seconds),
            missing: now.counts.missing,
            delay_ms: Quantiles::of(&self.gather_delays()),
            cpu_percent: self.knows_server().then(|| per_cent(now.cpu.saturating_sub(before.cpu), seconds)),
            memory_kb: self.knows_server().then_some(now.memory_kb),
        };
        let progress = Progress {
            phase: self.phase,
            seconds: now.at.duration_since(self.phase_began).as_secs(),
            joined: self.stage.tally.joined.load(Ordering::Relaxed),
            // With those who have come again.
            participants: self.shape.participants().max(self.stage.tally.attempted.load(Ordering::Relaxed)),
            legs_with_media: now.counts.complete,
            legs: self.shape.legs().max(self.stage.tally.legs.load(Ordering::Relaxed)),
            received_per_second: sample.received_per_second,
            missing: sample.missing,
            delay_p99_ms: sample.delay_ms.p99,
            server_cpu_percent: sample.cpu_percent,
        };
        (self.on_progress)(&progress);
        if self.is_measured {
            self.samples.push(sample);
        }
    }
}

impl<F> Pulse<F> {
    /// Nothing without simulcast.
    fn by_layer(&self, before: Counts, now: Counts, seconds: f64) -> Vec<f64> {
        let layers = if self.stage.media.simulcast { self.stage.media.layers().len() } else { 0 };
        let rate = |(now, before): (&u64, &u64)| (now - before) as f64 / seconds;
        now.by_layer.iter().zip(&before.by_layer).take(layers).map(rate).collect()
    }
}

fn look(stage: &Stage, server: &mut Option<ProcessMeter>, own: &mut Option<ProcessMeter>) -> Look {
    Look {
        at: Instant::now(),
        counts: Counts::of(&stage.generators),
        cpu: server.as_mut().map(ProcessMeter::used).unwrap_or_default(),
        own_cpu: own.as_mut().map(ProcessMeter::used),
        memory_kb: server.as_ref().map(ProcessMeter::memory_kb).unwrap_or_default(),
    }
}
