/** Calls as traces of OpenTelemetry, from the application's request to the first picture, and what they say when something fails. */

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { openRoom } from '../harness/call.mjs';
import { Collector } from '../harness/collector.mjs';
import { restOk } from '../harness/rest.mjs';
import { secret, startServer } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const collector = await Collector.start();
after(() => collector.stop());
// It is not up yet when the first spans come.
collector.refusals.push({ status: 503, headers: { 'Retry-After': '1' } });

const { scenario } = suite({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_HEADERS: 'x-key=of%20the%20collector',
  OTEL_SERVICE_NAME: 'calls',
});

const application = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };
const traceparent = (flags) => `00-${application.trace}-${application.span}-${flags}`;
const [INTERNAL, SERVER] = [1, 2];

/** As the server's clock tells times of media. */
const MILLISECOND = 1_000_000n;

async function token(server, room, flags) {
  const headers = { traceparent: traceparent(flags) };
  const body = { data: 'what the application says of somebody' };
  return (await restOk(server, 'POST', `${room.path}/connection`, body, headers)).token;
}

function named(spans, name) {
  const found = spans.filter((span) => span.name === name);
  assert.equal(found.length, 1, `${name} among ${spans.map((span) => span.name).join(', ')}`);
  return found[0];
}

/** Each inside of its parent, and one after the other. */
function assertInOrder(parent, steps) {
  let before = parent.from;
  for (const step of steps) {
    assert.equal(step.parent, parent.id, step.name);
    assert.ok(
      step.from >= parent.from && step.until <= parent.until,
      `${step.name} is in ${parent.name}`,
    );
    assert.ok(
      step.from >= before && step.until >= step.from,
      `${step.name} is after what was before`,
    );
    before = step.from;
  }
}

scenario(
  'a call is a trace of each connection, and part of the one that the application has begun',
  async ({ call, server }) => {
    const room = await call();
    const ann = await room.join('ann', { token: await token(server, room, '01') });
    const bob = await room.join('bob');
    const left = await room.join('unseen', { token: await token(server, room, '00') });
    await ann.publish();
    await bob.sees(ann);
    // While the call goes on: what has ended is there.
    await collector.until("bob's picture", () =>
      collector.of(bob.id).some(({ name }) => name === 'subscribe'),
    );
    await Promise.all([ann, bob, left].map((person) => person.do('leave')));
    const all = (person) => collector.of(person.id).some(({ name }) => name === 'connection');
    await collector.until('the ends', () => all(ann) && all(bob));

    const spans = collector.of(ann.id);
    assert.ok(spans.every(({ trace }) => trace === application.trace));
    const request = named(spans, 'POST /openvidu/api/sessions/{session}/connection');
    assert.equal(request.parent, application.span);
    assert.equal(request.kind, SERVER);
    assert.equal(request.attributes['http.route'], '/openvidu/api/sessions/{session}/connection');
    const connection = named(spans, 'connection');
    assert.deepEqual([connection.parent, connection.kind], [request.id, INTERNAL]);
    const { attributes } = connection;
    assert.equal(attributes['openvidu.session.id'], room.id);
    assert.equal(attributes['openvidu.reason'], 'disconnect');
    const [joining, publishing] = [named(spans, 'joinRoom'), named(spans, 'publishVideo')];
    for (const rpc of [joining, publishing]) {
      assert.equal(rpc.kind, SERVER);
      assert.equal(rpc.attributes['rpc.system.name'], 'jsonrpc');
      assert.equal(rpc.attributes['rpc.method'], rpc.name);
      assert.ok(rpc.until > rpc.from);
    }
    assertInOrder(connection, [named(spans, 'token'), joining, publishing]);
    const publish = named(spans, 'publish');
    assert.equal(publish.parent, connection.id);
    assert.ok(publish.from + MILLISECOND >= publishing.from);
    assert.equal(publish.attributes['openvidu.stream.id'], ann.streamId);
    assert.equal(publish.attributes['network.transport'], 'udp');
    const steps = ['ICE', 'DTLS', 'first packet', 'first key frame'];
    assertInOrder(
      publish,
      steps.map((name) => named(spans, name)),
    );

    const others = collector.of(bob.id);
    assert.notEqual(others[0].trace, application.trace);
    assert.equal(named(others, 'connection').parent, named(others, request.name).id);
    assert.equal(named(others, request.name).parent, '', 'nobody has said what it is part of');
    const subscribe = named(others, 'subscribe');
    assert.equal(subscribe.attributes['openvidu.stream.id'], ann.streamId);
    assertInOrder(
      subscribe,
      ['answer', ...steps].map((name) => named(others, name)),
    );

    assert.deepEqual(collector.of(left.id), [], 'the application does not record its trace');
    assert.deepEqual(
      collector.spans.filter(({ error }) => error),
      [],
    );
    for (const { resource, flags, parent } of collector.spans) {
      assert.equal(resource['service.name'], 'calls');
      assert.equal(
        (flags & 0x200) !== 0,
        parent === application.span,
        'whether the parent is of another process',
      );
    }
    for (const { method, path, headers } of collector.requests) {
      assert.deepEqual([method, path], ['POST', '/v1/traces']);
      assert.equal(headers['content-type'], 'application/x-protobuf');
      assert.equal(headers['x-key'], 'of the collector');
    }
    // Nobody is named, and nothing is told that opens something.
    const told = JSON.stringify(collector.spans, (_, value) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
    for (const text of [
      secret,
      'tok_',
      'ann',
      'the application says',
      '127.0.0.1',
      'a=candidate',
      'ice-ufrag',
    ]) {
      assert.ok(!told.includes(text), text);
    }
    // Nothing came twice, though the first request was refused.
    assert.equal(new Set(collector.spans.map(({ id }) => id)).size, collector.spans.length);
    const metrics = await restOk(server, 'GET', '/metrics');
    const counted = /madang_trace_spans_total\{result="exported"\} (\d+)/.exec(metrics)[1];
    assert.equal(Number(counted), collector.spans.length);
    assert.match(metrics, /madang_trace_spans_total\{result="dropped"\} 0/);
  },
);

/** Of a browser whose datagrams reach nobody: it must use a relay, and has none. */
const blocked = { iceServers: [], iceTransportPolicy: 'relay' };

scenario('what fails is marked with the sentence that says why', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann', { rtc: blocked });
  ann.do('publish').catch(() => {});
  const failed = (name) => collector.of(ann.id).find((span) => span.name === name && span.error);
  const ice = await collector.until('the failure', () => failed('ICE'));
  assert.match(ice.error, new RegExp(ann.id));
  assert.equal(ice.attributes['error.type'], 'blocked');
  const publish = await collector.until('that of the peer connection', () => failed('publish'));
  assert.deepEqual([publish.error, publish.id], [ice.error, ice.parent]);
  assert.ok(!collector.of(ann.id).some(({ name }) => name === 'DTLS'));
  await ann.close();
  await restOk(room.world.server, 'DELETE', room.path);
  const connection = await collector.until('the end', () => failed('connection'));
  assert.equal(connection.error, ice.error);
  assert.ok(
    connection.events.some(
      ({ name, attributes }) => name === 'finding' && attributes['madang.finding'] === 'blocked',
    ),
  );
});

scenario(
  'a collector that is gone holds up neither a call nor the end of the server',
  async (world) => {
    const gone = await Collector.start();
    await gone.stop();
    const server = await startServer({ OTEL_EXPORTER_OTLP_ENDPOINT: gone.url });
    const room = await openRoom({ ...world, server });
    const ann = await room.join('ann');
    const bob = await room.join('bob');
    await ann.publish();
    await bob.sees(ann);
    await server.said(/traces do not reach the collector/);
    server.assertHealthy();
    await Promise.all([ann.close(), bob.close()]);
    await server.stop();
  },
);
