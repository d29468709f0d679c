//! Elements of GStreamer as functions: a buffer goes in, whatever it makes comes out before the call returns. No clock,
//! no queue and no thread but a codec's own: what comes out depends on what went in alone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;

use crate::CompositionError;

type Outputs = Arc<Mutex<VecDeque<StageOutput>>>;

/// What came out.
#[derive(Clone, Debug)]
pub(crate) struct StageOutput {
    /// What is in the buffer.
    pub(crate) caps: gst::Caps,
    pub(crate) buffer: gst::Buffer,
}

/// A chain of elements, with one input and one output.
#[derive(Debug)]
pub(crate) struct Stage {
    elements: gst::Bin,
    input: gst::Pad,
    /// Links do not keep it.
    output: gst::Pad,
    outputs: Outputs,
}

impl Stage {
    /// Elements as `gst-launch` describes them; `caps` of what goes in.
    pub(crate) fn new(description: &str, caps: &gst::Caps) -> Result<Self, CompositionError> {
        let unusable = |why: &dyn std::fmt::Display| CompositionError::Codec(format!("{description}: {why}"));
        let elements = gst::parse::bin_from_description(description, true).map_err(|error| unusable(&error))?;
        let outputs = Outputs::default();
        let input = gst::Pad::builder(gst::PadDirection::Src).build();
        let output = output_pad(&outputs)?;
        let linked = || -> Option<()> {
            input.link(&elements.static_pad("sink")?).ok()?;
            elements.static_pad("src")?.link(&output).ok()?;
            input.set_active(true).ok()?;
            output.set_active(true).ok()?;
            elements.set_state(gst::State::Playing).ok()?;
            Some(())
        };
        linked().ok_or_else(|| unusable(&"it cannot be started"))?;
        input.push_event(gst::event::StreamStart::new("madang"));
        if !input.push_event(gst::event::Caps::new(caps)) {
            return Err(unusable(&format!("it does not take {caps}")));
        }
        input.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        Ok(Self { elements, input, output, outputs })
    }

    /// An error says that it takes nothing any more.
    pub(crate) fn push(&mut self, buffer: gst::Buffer) -> Result<(), CompositionError> {
        self.input.push(buffer).map_err(|error| CompositionError::Codec(error.to_string()))?;
        Ok(())
    }

    /// Goes the way of buffers.
    pub(crate) fn send(&mut self, event: gst::Event) {
        self.input.push_event(event);
    }

    /// Makes it give out what it kept back. Nothing goes in any more.
    pub(crate) fn finish(&mut self) {
        self.input.push_event(gst::event::Eos::new());
    }

    pub(crate) fn pop(&mut self) -> Option<StageOutput> {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Of elements that are thrown away nobody wants to know how they stopped.
        let _ = self.input.set_active(false);
        let _ = self.elements.set_state(gst::State::Null);
        let _ = self.output.set_active(false);
    }
}

fn output_pad(outputs: &Outputs) -> Result<gst::Pad, CompositionError> {
    let outputs = Arc::clone(outputs);
    let chain = move |pad: &gst::Pad, _: Option<&gst::Object>, buffer: gst::Buffer| {
        let caps = pad.current_caps().ok_or(gst::FlowError::NotNegotiated)?;
        outputs.lock().unwrap_or_else(PoisonError::into_inner).push_back(StageOutput { caps, buffer });
        Ok(gst::FlowSuccess::Ok)
    };
    let always = gst::PadPresence::Always;
    // Whatever comes, and may change to.
    let template = gst::PadTemplate::new("output", gst::PadDirection::Sink, always, &gst::Caps::new_any());
    let template = template.map_err(|error| CompositionError::Codec(error.to_string()))?;
    Ok(gst::Pad::builder_from_template(&template).chain_function(chain).build())
}
