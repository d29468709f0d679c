/** What application servers and operators are told of a call: webhooks and the CDR file of the real binary. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../harness/folder.mjs';
import { RawClient } from '../harness/rawclient.mjs';
import { restOk } from '../harness/rest.mjs';
import { startServer } from '../harness/server.mjs';

const offer = readFileSync(new URL('../fixtures/offer.sdp', import.meta.url), 'utf8');

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'madang-events-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** An application's endpoint. */
class Receiver {
  requests = [];
  #looks = new Set();

  /** `status(n)` is how the n-th request is answered; undefined: never. */
  static async start(status = () => 200) {
    const receiver = new Receiver();
    receiver.http = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
      const { method, url, rawHeaders } = request;
      receiver.requests.push({ method, url, rawHeaders, body, event: JSON.parse(body) });
      for (const look of receiver.#looks) look();
      const answer = status(receiver.requests.length - 1);
      if (answer) response.writeHead(answer).end();
    });
    receiver.http.listen(0, '127.0.0.1');
    await once(receiver.http, 'listening');
    receiver.url = `http://127.0.0.1:${receiver.http.address().port}/hook?app=1`;
    return receiver;
  }

  get events() {
    return this.requests.map(({ event }) => event);
  }

  /** Waits until there are `count` events. */
  received(count) {
    return new Promise((done, fail) => {
      const names = () => this.events.map(({ event }) => event).join(', ');
      const timer = setTimeout(() => fail(new Error(`only ${names()}`)), 20_000);
      const look = () => {
        if (this.requests.length < count) return;
        clearTimeout(timer);
        this.#looks.delete(look);
        done(this.events);
      };
      this.#looks.add(look);
      look();
    });
  }

  stop() {
    this.http.closeAllConnections();
    this.http.close();
  }
}

const settings = (receiver, name) => ({
  OPENVIDU_WEBHOOK: 'true',
  OPENVIDU_WEBHOOK_ENDPOINT: receiver.url,
  OPENVIDU_WEBHOOK_HEADERS: '["X-Key: abc","Authorization: Basic Zm9vOmJhcg=="]',
  OPENVIDU_CDR: 'true',
  OPENVIDU_CDR_PATH: join(folder, name),
});

function cdr(name) {
  const files = readdirSync(join(folder, name));
  assert.match(files.join(), /^CDR\.\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.log$/);
  const text = readFileSync(join(folder, name, files[0]), 'utf8');
  return text.trimEnd().split('\n');
}

/** Somebody joins, with a description of themselves. */
async function enter(server, session, data = '') {
  const path = `/openvidu/api/sessions/${session}/connection`;
  const connection = await restOk(server, 'POST', path, { data });
  const client = await RawClient.open(server);
  const { error } = await client.join({ id: session }, connection.token);
  assert.equal(error, undefined);
  return { client, id: connection.id };
}

async function publish({ client }) {
  const { result, error } = await client.publish(offer);
  assert.equal(error, undefined);
  return result.id;
}

test('a call is told in order, the same to the webhook and in the CDR file', async () => {
  const receiver = await Receiver.start();
  const server = await startServer(settings(receiver, 'call'));
  try {
    await restOk(server, 'POST', '/openvidu/api/sessions', { customSessionId: 'room' });
    const ann = await enter(server, 'room', 'server data');
    const bob = await enter(server, 'room');
    const stream = await publish(ann);
    const received = await bob.client.request('receiveVideoFrom', {
      sender: stream,
      sdpOffer: offer.replaceAll('a=sendonly', 'a=recvonly').replace(/a=(msid:|ssrc).*\r\n/g, ''),
    });
    assert.equal(received.error, undefined);
    await ann.client.request('sendMessage', {
      message: JSON.stringify({ to: [bob.id], type: 'signal:chat', data: 'hi' }),
    });
    await ann.client.request('leaveRoom', {});
    await restOk(server, 'DELETE', '/openvidu/api/sessions/room');

    const events = await receiver.received(11);
    assert.deepEqual(
      events.map(({ event, connection, connectionId, reason }) =>
        [event, connection, { [ann.id]: 'ann', [bob.id]: 'bob' }[connectionId], reason]
          .filter(Boolean)
          .join(' '),
      ),
      [
        'sessionCreated',
        'participantJoined ann',
        'participantJoined bob',
        'webrtcConnectionCreated OUTBOUND ann',
        'webrtcConnectionCreated INBOUND bob',
        'signalSent',
        'webrtcConnectionDestroyed INBOUND bob disconnect',
        'webrtcConnectionDestroyed OUTBOUND ann disconnect',
        'participantLeft ann disconnect',
        'participantLeft bob sessionClosedByServer',
        'sessionDestroyed sessionClosedByServer',
      ],
    );
    assert.deepEqual(Object.keys(events[0]), [
      'sessionId',
      'uniqueSessionId',
      'timestamp',
      'event',
    ]);
    assert.equal(events[0].uniqueSessionId, `room_${events[0].timestamp}`);
    assert.deepEqual(events.map((e) => Object.keys(e).length).slice(0, 6), [4, 11, 11, 13, 14, 8]);
    assert.equal(events[1].serverData, 'server data');
    assert.match(events[1].ip, /^(::ffff:)?127\.0\.0\.1$|^::1$/);
    assert.equal(events[4].receivingFrom, ann.id);
    assert.deepEqual([events[5].from, events[5].type, events[5].data], [ann.id, 'chat', 'hi']);

    const [first] = receiver.requests;
    assert.equal(`${first.method} ${first.url}`, 'POST /hook?app=1');
    assert.deepEqual(first.rawHeaders.slice(0, 8), [
      'X-Key',
      'abc',
      'Authorization',
      'Basic Zm9vOmJhcg==',
      'Content-Type',
      'application/json',
      'Content-Length',
      String(Buffer.byteLength(first.body)),
    ]);

    const lines = receiver.requests.map(({ body, event: { event } }) => {
      const fields = body.replace(`,"event":"${event}"}`, '}');
      return `{"${event}":${fields}}`;
    });
    server.assertHealthy();
    // It has written everything then.
    await server.stop();
    assert.deepEqual(cdr('call'), lines);
  } finally {
    await server.stop();
    receiver.stop();
  }
});

test('a server that is told to stop tells of the end of every session first', async () => {
  const receiver = await Receiver.start();
  const server = await startServer(settings(receiver, 'stop'));
  try {
    await restOk(server, 'POST', '/openvidu/api/sessions', { customSessionId: 'room' });
    const ann = await enter(server, 'room');
    await server.stop();
    const told = receiver.events.map(({ event, reason }) => `${event} ${reason ?? ''}`.trim());
    assert.deepEqual(told, [
      'sessionCreated',
      'participantJoined',
      'participantLeft openviduServerStopped',
      'sessionDestroyed openviduServerStopped',
    ]);
    assert.equal(cdr('stop').length, 4);
    await ann.client.closed;
    const [evicted] = ann.client.notifications('participantEvicted');
    assert.equal(evicted.params.reason, 'openviduServerStopped');
  } finally {
    await server.stop();
    receiver.stop();
  }
});

test('what was told is in the CDR file although the process was killed', async () => {
  const receiver = await Receiver.start();
  const server = await startServer(settings(receiver, 'kill'));
  try {
    for (const id of ['one', 'two', 'three']) {
      await restOk(server, 'POST', '/openvidu/api/sessions', { customSessionId: id });
    }
    await receiver.received(3);
    await until(join(folder, 'kill'), () => cdr('kill').length === 3);
    server.child.kill('SIGKILL');
    await server.exited;
    const sessions = cdr('kill').map((line) => JSON.parse(line).sessionCreated.sessionId);
    assert.deepEqual(sessions, ['one', 'two', 'three']);
  } finally {
    await server.stop();
    receiver.stop();
  }
});

test('a receiver that never answers slows nobody down', async () => {
  const receiver = await Receiver.start(() => undefined);
  const server = await startServer(settings(receiver, 'hang'));
  try {
    for (let n = 0; n < 100; n++) {
      await restOk(server, 'POST', '/openvidu/api/sessions', { customSessionId: `room-${n}` });
    }
    const events = await receiver.received(1);
    assert.deepEqual(
      events.map(({ sessionId }) => sessionId),
      ['room-0'],
    );
    server.assertHealthy();
  } finally {
    await server.stop();
    receiver.stop();
  }
});

test('other statuses than 200 are not tried again, and redirects not followed', async () => {
  const answers = [302, 500, 201, 200];
  const receiver = await Receiver.start((n) => answers[n] ?? 200);
  const server = await startServer(settings(receiver, 'status'));
  try {
    for (const id of ['a', 'b', 'c', 'd']) {
      await restOk(server, 'POST', '/openvidu/api/sessions', { customSessionId: id });
    }
    const events = await receiver.received(4);
    assert.equal(events.map(({ sessionId }) => sessionId).join(), 'a,b,c,d');
  } finally {
    await server.stop();
    receiver.stop();
  }
});

test('settings that cannot work end the start with the name of the setting', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  for (const [wrong, words] of [
    [{ OPENVIDU_CDR: 'true', OPENVIDU_CDR_PATH: join(file, 'cdr') }, /OPENVIDU_CDR_PATH/],
    [{ OPENVIDU_WEBHOOK: 'true' }, /OPENVIDU_WEBHOOK_ENDPOINT.*Cannot be empty/],
    [{ OPENVIDU_WEBHOOK: 'true', OPENVIDU_WEBHOOK_ENDPOINT: 'x' }, /OPENVIDU_WEBHOOK_ENDPOINT/],
    [{ OPENVIDU_WEBHOOK_EVENTS: '[sessionBorn]' }, /Event 'sessionBorn' does not exist/],
  ]) {
    await assert.rejects(startServer(wrong), words);
  }
});
