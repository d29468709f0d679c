//! A pipeline that runs on the clock of this machine: a running time of 0 is [`LivePipeline::epoch`]. So times of frames are the
//! same in everything that a job takes in and gives out.

use std::fmt::Display;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gst::prelude::*;

use super::JobError;

/// A GStreamer pipeline, started when it is made. Elements are put into it while it runs.
#[derive(Debug)]
pub(crate) struct LivePipeline {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    epoch: Duration,
}

impl LivePipeline {
    pub(crate) fn start() -> Result<Self, JobError> {
        let pipeline = gst::Pipeline::new();
        let clock = gst::SystemClock::obtain();
        pipeline.use_clock(Some(&clock));
        // Running time begins now, whenever its elements are ready.
        pipeline.set_start_time(gst::ClockTime::NONE);
        pipeline.set_base_time(clock.time());
        let epoch = now();
        let bus = pipeline.bus().ok_or_else(|| JobError::Broken("a pipeline without a bus".to_owned()))?;
        pipeline.set_state(gst::State::Playing).map_err(|error| JobError::Broken(format!("a pipeline: {error}")))?;
        Ok(Self { pipeline, bus, epoch })
    }

    /// Puts an element in, and starts it.
    pub(crate) fn add(&self, element: &impl IsA<gst::Element>) -> Result<(), JobError> {
        let failed = |error: gst::glib::BoolError| JobError::Broken(error.to_string());
        self.pipeline.add(element).map_err(failed)?;
        play(element)
    }

    /// Puts elements in, each linked to the next, and starts the last of them first.
    pub(crate) fn add_chain(&self, elements: &[&gst::Element]) -> Result<(), JobError> {
        let failed = |error: gst::glib::BoolError| JobError::Broken(error.to_string());
        self.pipeline.add_many(elements).map_err(failed)?;
        gst::Element::link_many(elements).map_err(failed)?;
        elements.iter().rev().try_for_each(|element| play(*element))
    }

    /// Stops an element, and takes it out.
    pub(crate) fn remove(&self, element: &impl IsA<gst::Element>) {
        // Of what is thrown away nobody wants to know how it stopped.
        let _ = element.set_state(gst::State::Null);
        let _ = self.pipeline.remove(element);
    }

    /// Since 1970.
    pub(crate) fn epoch(&self) -> Duration {
        self.epoch
    }

    /// What an element has said.
    pub(crate) fn pop_message(&self) -> Option<gst::Message> {
        self.bus.pop()
    }
}

impl Drop for LivePipeline {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Not what the pipeline is at the moment: while some element finds out what comes, it pauses.
fn play(element: &impl IsA<gst::Element>) -> Result<(), JobError> {
    let element = element.upcast_ref();
    let started = element.set_state(gst::State::Playing);
    started.map(drop).map_err(|error| JobError::Broken(format!("{}: {error}", element.name())))
}

/// An element's complaint, with its name.
pub(crate) fn complaint(error: &gst::message::Error) -> String {
    let source = error.src().map(|source| source.name().to_string()).unwrap_or_default();
    format!("{source}: {}", error.error())
}

/// Since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// One chain of elements as `gst-launch` describes them, as one element with the pads `sink` and `src`, as far as the chain is open
/// at its ends.
pub(crate) fn chain(description: &str) -> Result<gst::Bin, JobError> {
    let impossible = |error: &dyn Display| JobError::Impossible(format!("{description}: {error}"));
    let chain = gst::parse::bin_from_description(description, false).map_err(|error| impossible(&error))?;
    for (name, direction) in [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)] {
        if let Some(end) = chain.children().iter().find_map(|element| end(element, direction)) {
            let ghost =
                gst::GhostPad::builder_with_target(&end).map_err(|error| impossible(&error))?.name(name).build();
            chain.add_pad(&ghost).map_err(|error| impossible(&error))?;
        }
    }
    Ok(chain)
}

/// The pad of an element that nothing of its chain is linked to on that side. Others may have further pads there that stay open, as
/// an overlay's for text.
fn end(element: &gst::Element, direction: gst::PadDirection) -> Option<gst::Pad> {
    let pads = || element.pads().into_iter().filter(|pad| pad.direction() == direction);
    pads().next().filter(|_| pads().all(|pad| !pad.is_linked()))
}

/// A pad that such a chain has.
pub(crate) fn pad(element: &impl IsA<gst::Element>, name: &str) -> Result<gst::Pad, JobError> {
    element.static_pad(name).ok_or_else(|| JobError::Broken(format!("{} has no pad {name}", name_of(element))))
}

/// Links two elements, over the pads `src` and `sink`.
pub(crate) fn link(from: &impl IsA<gst::Element>, to: &impl IsA<gst::Element>) -> Result<(), JobError> {
    let linked = pad(from, "src")?.link(&pad(to, "sink")?);
    linked.map(|_| ()).map_err(|error| JobError::Broken(format!("{} and {}: {error}", name_of(from), name_of(to))))
}

fn name_of(element: &impl IsA<gst::Element>) -> gst::glib::GString {
    element.upcast_ref::<gst::Element>().name()
}
