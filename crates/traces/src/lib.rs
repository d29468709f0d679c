//! Calls as traces of OpenTelemetry: one for each connection, from the application's request for a token to the first picture,
//! and what went wrong on the way.
//!
//! They are made of the stories that `history` keeps anyhow: nothing is measured for them, but the requests ([`request`]). [`calls`]:
//! how stories become spans, one connection in `call`, one peer connection of it in `leg`; all pure. [`span`]: what a span is.
//! [`parent`]: the trace that an application has begun. [`exporter`]: the way to a collector, by OTLP, which may be slow or dead and
//! holds nobody up. Without a collector there is none of this.

mod call;
pub mod calls;
pub mod exporter;
mod ids;
mod leg;
mod otlp;
pub mod parent;
pub mod request;
pub mod span;

pub use calls::Calls;
pub use exporter::{Exporter, ExporterLimits, SpanCounts, SpanFigures, Spans};
pub use otlp::Resource;
