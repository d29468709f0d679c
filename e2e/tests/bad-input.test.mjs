/** Nonsense at every door while a call is on: the call goes on, and the nonsense gets a clear answer. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { RawClient } from '../harness/rawclient.mjs';
import { rest } from '../harness/rest.mjs';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite();

/** What every STUN message has at the same place. */
const magic = Buffer.from([0x21, 0x12, 0xa4, 0x42]);

/** Two people in a call, and the question whether they still are. */
async function aCall(call) {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await Promise.all([ann.publish(), bob.publish()]);
  const goesOn = () => Promise.all([ann.sees(bob), bob.sees(ann)]);
  await goesOn();
  return { room, ann, bob, goesOn };
}

scenario('garbage datagrams change nothing', async ({ call, server }) => {
  const { goesOn } = await aCall(call);
  const socket = createSocket('udp4');
  // The first byte decides who reads it: STUN, DTLS, TURN channel, RTP, and nobody.
  const firsts = [0x00, 0x01, 0x14, 0x16, 0x17, 0x40, 0x4f, 0x80, 0x90, 0xbf, 0xff];
  for (let i = 0; i < 2000; i++) {
    const datagram = randomBytes(i % 5 === 0 ? i % 40 : 20 + ((i * 37) % 1400));
    if (datagram.length) datagram[0] = firsts[i % firsts.length];
    if (datagram.length >= 20 && i % 3 === 0) {
      // A STUN header that is right up to its attributes.
      datagram.writeUInt16BE(0x0001, 0);
      datagram.writeUInt16BE((datagram.length - 20) & ~3, 2);
      magic.copy(datagram, 4);
    }
    await new Promise((done) => socket.send(datagram, server.udpPort, '127.0.0.1', done));
  }
  socket.close();
  await goesOn();
});

/** A STUN message; attributes are `[type, value]`. */
function stun(type, attributes) {
  const parts = attributes.map(([kind, value]) => {
    const bytes = Buffer.from(value);
    const head = Buffer.from([kind >> 8, kind & 0xff, bytes.length >> 8, bytes.length & 0xff]);
    return Buffer.concat([head, bytes, Buffer.alloc(-bytes.length & 3)]);
  });
  const body = Buffer.concat(parts);
  const head = Buffer.from([type >> 8, type & 0xff, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([head, magic, randomBytes(12), body]);
}

/** What somebody sends who wants the relay and has no right to it. */
function badRequest(i) {
  const [username, transport, integrity, realm, nonce] = [0x06, 0x19, 0x08, 0x14, 0x15];
  const udp = [transport, [17, 0, 0, 0]];
  const user = [username, `${i % 2 ? 9_999_999_999 : 1}:flood`];
  const signed = [integrity, randomBytes(20)];
  switch (i % 6) {
    case 0:
      return stun(0x0001, []);
    case 1:
      return stun(0x0003, [udp]);
    case 2:
      return stun(0x0003, [udp, user, [realm, 'elsewhere'], [nonce, 'A'.repeat(16)], signed]);
    case 3:
      return stun(0x0004, [user, [realm, 'openvidu'], [nonce, randomBytes(16)], signed]);
    case 4:
      return Buffer.concat([Buffer.from([0x40, i & 0xff, 0, 100]), randomBytes(100)]);
    default:
      return stun(0x0016, [
        [0x12, randomBytes(8)],
        [0x13, randomBytes(900)],
      ]);
  }
}

/** Sends many such datagrams to both ports, from many addresses; how many bytes were sent and answered. */
async function flood({ udpPort, turnPort }) {
  const bytes = { sent: 0, answered: 0 };
  const sockets = await Promise.all(
    Array.from({ length: 64 }, async (_, i) => {
      const socket = createSocket('udp4');
      socket.on('message', (answer) => {
        bytes.answered += answer.length;
      });
      socket.bind(0, `127.9.0.${1 + (i >> 1)}`);
      await once(socket, 'listening');
      return socket;
    }),
  );
  for (let count = 0; count < 50_000; count += sockets.length) {
    const batch = sockets.map((socket, i) => {
      const datagram = badRequest(count + i);
      bytes.sent += datagram.length;
      const port = (count >> 3) % 2 ? udpPort : turnPort;
      return new Promise((done) => socket.send(datagram, port, '127.0.0.1', done));
    });
    await Promise.all(batch);
  }
  for (const socket of sockets) socket.close();
  return bytes;
}

scenario('a flood of requests for the relay leaves calls alone', async ({ call, server }) => {
  const room = await call();
  const ann = await room.join('ann', { rtc: { iceTransportPolicy: 'relay' } });
  const bob = await room.join('bob');
  await Promise.all([ann.publish(), bob.publish()]);
  const goesOn = () => Promise.all([ann.sees(bob), bob.sees(ann)]);
  await goesOn();
  // Handshakes that nobody goes on with, over TCP meanwhile.
  const halves = Array.from({ length: 100 }, () => {
    const socket = connect(server.port, '127.0.0.1').on('error', () => {});
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    return socket;
  });
  const during = (async () => {
    await goesOn();
    const eve = await room.join('eve', { rtc: { iceTransportPolicy: 'relay' } });
    await Promise.all([eve.sees(ann), eve.sees(bob)]);
    await goesOn();
  })();
  const [{ sent, answered }] = await Promise.all([flood(server), during]);
  for (const socket of halves) socket.destroy();
  assert.ok(answered < sent, `${answered} bytes for ${sent}`);
  await goesOn();
});

scenario('garbage on the TCP port changes nothing', async ({ call, server }) => {
  const { goesOn } = await aCall(call);
  const nonsense = [
    randomBytes(4096),
    Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff, ...randomBytes(600)]),
    'GET /openvidu HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    'POST /openvidu/api/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n',
    Buffer.alloc(0),
  ];
  for (const bytes of nonsense) {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.end(bytes);
    socket.resume();
    await new Promise((done) => {
      socket.on('close', done);
      // A server may also let a silent peer wait: that is no trouble to anybody.
      socket.setTimeout(3_000, () => socket.destroy());
    });
  }
  await goesOn();
});

scenario(
  'words that are no request are ignored, wrong requests are answered',
  async ({ call, server }) => {
    const { room, goesOn } = await aCall(call);
    const client = await RawClient.open(server);
    for (const words of [
      '',
      'hello',
      '{',
      '[]',
      'null',
      '42',
      '"x"',
      '{"jsonrpc":"2.0"}',
      '[{"id":1}]',
    ]) {
      client.say(words);
    }
    assert.deepEqual((await client.request('ping', { interval: 5000 })).result, { value: 'pong' });

    const early = await client.request('publishVideo', {});
    assert.equal(early.error.code, 803);
    const nobody = await client.request('joinRoom', {
      token: 'nonsense',
      session: room.id,
      platform: '',
      metadata: '',
      secret: '',
      recorder: false,
    });
    assert.equal(nobody.error.code, 401);
    assert.match(nobody.error.message, /is not valid. Code: 401$/);

    assert.ok((await client.join(room, await room.token())).result.id);
    assert.ok((await client.request('noSuchMethod', {})).error, 'an unknown method is answered');
    for (const method of ['publishVideo', 'receiveVideoFrom', 'onIceCandidate', 'sendMessage']) {
      const { error } = await client.request(method, {});
      assert.equal(error.code, -1, `${method} without parameters`);
      assert.match(error.message, new RegExp(method));
    }
    for (const params of [[], 'text', 7, { sdpOffer: { a: 1 }, doLoopback: 'perhaps' }]) {
      assert.equal((await client.request('publishVideo', params)).error.code, -1);
    }
    assert.equal((await client.request('sendMessage', { message: '{"to":5}' })).error.code, 600);
    client.close();
    await goesOn();
  },
);

scenario('bad session descriptions are refused', async ({ call, server }) => {
  const { room, goesOn } = await aCall(call);
  const client = await RawClient.open(server);
  await client.join(room, await room.token());
  const offer = (sdpOffer) =>
    client.request('publishVideo', {
      sdpOffer,
      doLoopback: false,
      hasAudio: true,
      hasVideo: true,
      typeOfVideo: 'CAMERA',
    });
  const head = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n';
  const line = (i) =>
    `m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:${i}\r\na=sendonly\r\na=rtcp-mux\r\n` +
    'a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n' +
    `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\na=rtpmap:96 VP8/90000\r\n`;
  const many = head + Array.from({ length: 200 }, (_, i) => line(i)).join('');
  for (const sdp of ['', 'v=0', 'nonsense', randomBytes(3000).toString('latin1'), head, many]) {
    const { error } = await offer(sdp);
    assert.ok(error, `refused: ${sdp.slice(0, 40)}`);
    assert.match(error.message, /Code: \d+$|publishVideo/);
  }
  // The refused ones left nothing behind.
  assert.equal(client.notifications('participantPublished').length, 0);
  assert.equal(
    (await room.show()).connections.content.filter((c) => c.publishers.length).length,
    2,
  );
  client.close();
  await goesOn();
});

scenario('an oversized message ends its own socket only', async ({ call, server }) => {
  const { room, ann, goesOn } = await aCall(call);
  const client = await RawClient.open(server);
  const { result } = await client.join(room, await room.token());
  await ann.event('connectionCreated', { connectionId: result.id });
  client.say(
    JSON.stringify({ jsonrpc: '2.0', method: 'ping', id: 9, params: { x: 'y'.repeat(3 << 20) } }),
  );
  await client.closed;
  await goesOn();
  await ann.event('connectionDestroyed', { connectionId: result.id, reason: 'networkDisconnect' });
});

scenario('a publisher whose fingerprint lies is not heard', async ({ call }) => {
  const { room, bob, goesOn } = await aCall(call);
  const liar = await room.open('liar', { auto: false });
  await liar.page.evaluate(() => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (data) {
      const lie = Array(32).fill('00').join(':');
      return send.call(this, String(data).replace(/(fingerprint:sha-256 )[0-9A-F:]+/g, `$1${lie}`));
    };
  });
  await liar.enter();
  await liar.publish();
  await bob.event('streamCreated', { connectionId: liar.id });
  await goesOn();
  await goesOn();
  await bob.receives(liar, ({ now }) => now.frames === 0 && now.audioBytes === 0);
});

scenario('wrong bodies by REST get a clear answer', async ({ call, server }) => {
  const { goesOn } = await aCall(call);
  const send = (body, type = 'application/json') =>
    fetch(`${server.url}/openvidu/api/sessions`, {
      method: 'POST',
      headers: { Authorization: `Basic ${btoa('OPENVIDUAPP:e2e_SECRET')}`, 'Content-Type': type },
      body,
    });
  for (const body of [
    '{',
    '[',
    'text',
    '{"customSessionId":999}',
    '{"mediaMode":[]}',
    `"${'x'.repeat(2 << 20)}"`,
  ]) {
    const response = await send(body).catch((error) => error);
    if (response instanceof Error) continue; // The body was not read to its end.
    assert.ok(
      response.status >= 400 && response.status < 500,
      `${body.slice(0, 20)}: ${response.status}`,
    );
  }
  assert.equal((await rest(server, 'GET', '/openvidu/api/no-such-thing')).status, 404);
  assert.equal((await rest(server, 'DELETE', '/openvidu/api/sessions')).status, 405);
  await goesOn();
});
