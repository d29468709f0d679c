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
  const magic = Buffer.from([0x21, 0x12, 0xa4, 0x42]);
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
  await bob.receives(liar, 'now.frames === 0 && now.audioBytes === 0');
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
