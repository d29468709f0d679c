//! Spans as a collector reads them: OTLP 1, in protobuf.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValueKind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource as ResourceMessage;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as SpanMessage, Status};
use prost::Message as _;

use crate::span::{Attribute, Span, Value};

/// What this server is called.
const NAME: &str = "madang";
/// Bits of `Span.flags`: the trace is recorded, and it is known whether the parent is of another process.
const SAMPLED: u32 = 1;
const KNOWN_WHETHER_REMOTE: u32 = 1 << 8;
const IS_REMOTE: u32 = 1 << 9;

/// Who tells spans.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resource {
    /// As operators call it.
    pub service: String,
    /// Of this program.
    pub version: &'static str,
    /// Another one for each start.
    pub instance: String,
}

/// The body of a request to a collector.
pub(crate) fn request(resource: &Resource, spans: Vec<Span>) -> Bytes {
    let Resource { service, version, instance } = resource;
    let attributes: [(_, Value); 3] = [
        ("service.name", service.as_str().into()),
        ("service.version", (*version).into()),
        ("service.instance.id", instance.as_str().into()),
    ];
    let scope = InstrumentationScope { name: NAME.to_owned(), version: (*version).to_owned(), ..Default::default() };
    let spans = spans.into_iter().map(message).collect();
    let resource_spans = ResourceSpans {
        resource: Some(ResourceMessage { attributes: pairs(attributes), ..Default::default() }),
        scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..Default::default() }],
        ..Default::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec().into()
}

/// How many spans a collector did not want of those that it has answered with success. What cannot be read says nothing of that.
pub(crate) fn rejected(answer: &[u8]) -> u64 {
    let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
    answer.partial_success.and_then(|partial| u64::try_from(partial.rejected_spans).ok()).unwrap_or_default()
}

fn message(span: Span) -> SpanMessage {
    let kind = if span.is_request { SpanKind::Server } else { SpanKind::Internal };
    let remote = if span.parent_is_remote { IS_REMOTE } else { 0 };
    let events = span.events.into_iter().map(|event| Event {
        time_unix_nano: event.at,
        name: event.name.to_owned(),
        attributes: pairs(event.attributes),
        dropped_attributes_count: 0,
    });
    SpanMessage {
        trace_id: span.trace.bytes().to_vec(),
        span_id: span.id.bytes().to_vec(),
        parent_span_id: span.parent.map(|parent| parent.bytes().to_vec()).unwrap_or_default(),
        flags: SAMPLED | KNOWN_WHETHER_REMOTE | remote,
        name: span.name.to_owned(),
        kind: kind.into(),
        start_time_unix_nano: span.from,
        end_time_unix_nano: span.until,
        events: events.collect(),
        status: span.error.map(|message| Status { message, code: StatusCode::Error.into() }),
        attributes: pairs(span.attributes),
        ..Default::default()
    }
}

fn pairs(attributes: impl IntoIterator<Item = Attribute>) -> Vec<KeyValue> {
    let kind = |value| match value {
        Value::Text(text) => AnyValueKind::StringValue(text),
        Value::Number(number) => AnyValueKind::IntValue(number),
        Value::Flag(flag) => AnyValueKind::BoolValue(flag),
    };
    let pair = |(key, value): Attribute| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(kind(value)) }),
        ..Default::default()
    };
    attributes.into_iter().map(pair).collect()
}
