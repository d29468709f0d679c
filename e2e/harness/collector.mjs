/** A collector of OpenTelemetry's traces: reads OTLP with OpenTelemetry's own messages, and keeps every span. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import root from '@opentelemetry/otlp-transformer/build/src/generated/root.js';

const { ExportTraceServiceRequest } = root.opentelemetry.proto.collector.trace.v1;

export class Collector {
  /** All, with their resource. */
  spans = [];
  /** Of each request: its headers. */
  requests = [];
  /** Answers to the next requests, instead of success. */
  refusals = [];
  #watchers = new Set();

  static async start() {
    const collector = new Collector();
    collector.http = createServer((request, response) => collector.#take(request, response));
    collector.http.listen(0, '127.0.0.1');
    await once(collector.http, 'listening');
    collector.url = `http://127.0.0.1:${collector.http.address().port}`;
    return collector;
  }

  async #take(request, response) {
    const pieces = await request.toArray();
    this.requests.push({ method: request.method, path: request.url, headers: request.headers });
    const refusal = this.refusals.shift();
    if (refusal) {
      response.writeHead(refusal.status, refusal.headers).end();
      return;
    }
    const { resourceSpans } = ExportTraceServiceRequest.decode(Buffer.concat(pieces));
    for (const { resource, scopeSpans } of resourceSpans) {
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push(new Received(span, read(resource.attributes)));
      }
    }
    response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end();
    for (const look of [...this.#watchers]) look();
  }

  /** Of a connection: all that has come so far. */
  of(connection) {
    const one = this.spans.find((span) => span.attributes['openvidu.connection.id'] === connection);
    return one ? this.spans.filter((span) => span.trace === one.trace) : [];
  }

  /** Waits until `find` finds something among what has come. */
  until(what, find, limit = 60_000) {
    return new Promise((done, fail) => {
      const look = () => {
        const found = find();
        if (!found) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        done(found);
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        fail(
          new Error(
            `never came: ${what}; there are ${this.spans.map(({ name }) => name).join(', ')}`,
          ),
        );
      }, limit);
      this.#watchers.add(look);
      look();
    });
  }

  async stop() {
    this.http.closeAllConnections();
    this.http.close();
  }
}

class Received {
  constructor(span, resource) {
    // A root has no parent.
    const hex = (bytes) => Buffer.from(bytes ?? []).toString('hex');
    this.trace = hex(span.traceId);
    this.id = hex(span.spanId);
    this.parent = hex(span.parentSpanId);
    this.name = span.name;
    this.kind = span.kind;
    this.flags = span.flags;
    this.from = BigInt(span.startTimeUnixNano.toString());
    this.until = BigInt(span.endTimeUnixNano.toString());
    this.attributes = read(span.attributes);
    this.events = span.events.map(({ name, attributes }) => ({
      name,
      attributes: read(attributes),
    }));
    /** Set if it is an error. */
    this.error = span.status?.code === 2 ? span.status.message : undefined;
    this.resource = resource;
  }
}

const read = (pairs) =>
  Object.fromEntries(
    pairs.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? Number(value.intValue),
    ]),
  );
