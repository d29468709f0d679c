/** Bytes that mean nothing, on every port that anybody can reach. */

import { randomBytes, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { RawClient } from '../harness/rawclient.mjs';
import { many, target } from './harness.mjs';

const { attack } = target();

/** Sends datagrams to a port, each made anew; in parts, so that the receiver's buffer takes them. */
async function datagrams(port, count, make) {
  const socket = createSocket('udp4');
  const send = (bytes) =>
    new Promise((done, fail) =>
      socket.send(bytes, port, '127.0.0.1', (error) => (error ? fail(error) : done())),
    );
  for (let i = 0; i < count; i++) await send(make(i));
  socket.close();
}

/** Begins as RTP, RTCP, DTLS, STUN or nothing at all does. */
function packet() {
  const bytes = randomBytes(randomInt(1, 1400));
  bytes[0] = [0x80, 0x81, 0x16, 0x14, 0x00, 0x01, 0x40, 0xff][randomInt(8)];
  if (bytes[0] < 2 && bytes.length >= 20) {
    bytes.writeUInt32BE(0x2112a442, 4);
    bytes.writeUInt16BE((bytes.length - 20) & ~3, 2);
  }
  return bytes;
}

attack('datagrams without meaning, at the port of the media', async ({ server, tried }) => {
  const count = many(500_000, 20_000);
  await datagrams(server.udpPort, count, packet);
  tried(count);
});

attack('datagrams without meaning, at the port of TURN', async ({ server, tried }) => {
  const count = many(500_000, 20_000);
  await datagrams(server.turnPort, count, packet);
  tried(count);
});

attack('bytes without meaning, at the port of HTTP', async ({ server, tried }) => {
  const count = many(5_000, 200);
  for (let i = 0; i < count; i++) {
    const socket = connect(server.port, '127.0.0.1');
    const closed = new Promise((done) => socket.once('close', done));
    socket.on('error', () => {}).resume();
    socket.end(
      i % 2 ? packet() : `GET / HTTP/1.1\r\n${randomBytes(50).toString('latin1')}\r\n\r\n`,
    );
    await closed;
    tried();
  }
});

attack('frames without meaning, at the WebSocket', async ({ server, tried }) => {
  const values = [
    'null',
    '[]',
    '{}',
    '0',
    '""',
    '{"jsonrpc":"2.0"}',
    '{"id":{},"method":[]}',
    '\u0000',
    '{',
  ];
  const methods = [
    'joinRoom',
    'publishVideo',
    'receiveVideoFrom',
    'onIceCandidate',
    'sendMessage',
    'connect',
    'x',
  ];
  const count = many(2_000, 100);
  for (let i = 0; i < count; i++) {
    const client = await RawClient.open(server);
    for (const value of values) client.say(value);
    for (const method of methods) {
      const params = {
        token: 'x'.repeat(randomInt(2_000)),
        sender: [],
        sdpOffer: { a: 1 },
        message: null,
      };
      client.say(JSON.stringify({ jsonrpc: '2.0', id: i, method, params }));
    }
    client.say(randomBytes(100));
    await client.close();
    tried(values.length + methods.length + 1);
  }
});
