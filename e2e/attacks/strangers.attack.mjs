/** What somebody without a place in a session can hold: sockets, halves of frames, connections. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { RawClient } from '../harness/rawclient.mjs';
import { burden, many, target } from './harness.mjs';

const { attack } = target();

/** Waits until the memory is at most a fifth above what it was. */
async function givenBack(server, before) {
  for (let i = 0; i < 600; i++) {
    if (burden(server).memory <= before * 1.2) return;
    await pause(100);
  }
  assert.fail(`${burden(server).memory} MiB are still taken, of ${before} before`);
}

/** A WebSocket as bytes, of some client of a proxy. */
async function openSocket(server, number) {
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(
    'GET /openvidu HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      `X-Real-IP: 10.1.${Math.floor(number / 250)}.${number % 250}\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const [head] = await once(socket, 'data');
  assert.match(String(head), /^HTTP\/1.1 101 /);
  return socket;
}

/** The head of a client's text frame with a mask of zeros. */
function frameHead(length) {
  const head = Buffer.alloc(14);
  head[0] = 0x81;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

attack('idle sockets, opened and closed', async ({ server, tried, peak }) => {
  // What is needed once is there.
  for (const socket of [await openSocket(server, 0), await openSocket(server, 1)]) socket.destroy();
  const before = burden(server).memory;
  const count = many(5_000, 500);
  const sockets = [];
  for (let i = 0; i < count; i++) {
    sockets.push(await openSocket(server, i));
    tried();
  }
  peak();
  const each = ((burden(server).memory - before) * 1024) / count;
  assert.ok(each <= 16, `${each} KiB for each socket`);
  for (const socket of sockets) socket.destroy();
  await givenBack(server, before);
});

attack('sockets that greet and send a megabyte', async ({ server, tried, peak }) => {
  const count = many(1_000, 100);
  const before = burden(server).memory;
  const clients = [];
  for (let i = 0; i < count; i++) {
    const client = await RawClient.open(server, { headers: { 'X-Real-IP': `10.2.0.${i % 250}` } });
    assert.equal((await client.request('connect', {})).result.value, 'OK');
    client.say('x'.repeat(1024 * 1024));
    clients.push(client);
    tried();
  }
  peak();
  for (const client of clients) assert.ok([1009, 1006].includes((await client.closed).code));
  await givenBack(server, before);
});

attack('halves of frames', async ({ server, tried, peak }) => {
  const before = burden(server).memory;
  const sockets = [];
  for (let i = 0; i < many(1_000, 200); i++) {
    const socket = await openSocket(server, i);
    socket.write(frameHead(2 * 1024 * 1024));
    socket.write(Buffer.alloc(32 * 1024, 'x'));
    sockets.push(socket);
    tried();
  }
  peak();
  // 30 s are a message's time; a socket that is not ended by then never is.
  await Promise.all(sockets.map((socket) => socket.destroyed || once(socket, 'close')));
  await givenBack(server, before);
});

attack('more connections than there are descriptors for', async ({ server, tried, peak }) => {
  const sockets = [];
  const count = many(15_000, 1_000);
  for (let i = 0; i < count; i++) {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    sockets.push(socket);
    tried();
  }
  peak();
  for (const socket of sockets) socket.destroy();
  for (const unwanted of ['cannot accept', 'cannot list', 'media addresses have changed']) {
    assert.ok(!server.output.includes(unwanted), unwanted);
  }
});
