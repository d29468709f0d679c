/**
 * The worst moments of a server, with unmodified clients in calls: it is killed, or a rule about one session panics. What
 * applications and clients are told, and who notices nothing.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Browsers } from '../harness/browsers.mjs';
import { openRoom } from '../harness/call.mjs';
import { RawClient } from '../harness/rawclient.mjs';
import { rest, restOk } from '../harness/rest.mjs';
import { faultyBinary, startServer } from '../harness/server.mjs';
import { startSite } from '../harness/site.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'madang-killed-'));
const cdr = join(scratch, 'cdr');
const world = { participants: new Set(), call: (properties) => openRoom(world, properties) };

/** What the application was told. */
const told = [];
const application = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  told.push(JSON.parse(body));
  response.writeHead(200).end();
  application.emit('told');
});

/** Waits until it was told something like this. */
async function toldOf(like) {
  const signal = AbortSignal.timeout(45_000);
  while (!told.some(like)) {
    await once(application, 'told', { signal }).catch(() => {
      throw new Error(`only ${JSON.stringify(told)}`);
    });
  }
}

let settings;

before(async () => {
  application.listen(0, '127.0.0.1');
  await once(application, 'listening');
  settings = {
    MADANG_DATA_DIR: join(scratch, 'data'),
    OPENVIDU_CDR: 'true',
    OPENVIDU_CDR_PATH: cdr,
    OPENVIDU_WEBHOOK: 'true',
    OPENVIDU_WEBHOOK_ENDPOINT: `http://127.0.0.1:${application.address().port}/`,
  };
  world.browsers = new Browsers();
  world.site = await startSite();
});

after(async () => {
  await world.browsers?.stop();
  world.site?.stop();
  await world.server?.stop();
  application.closeAllConnections();
  application.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** The events of the newest file. */
function newestFile() {
  const file = readdirSync(cdr).sort().at(-1);
  const lines = readFileSync(join(cdr, file), 'utf8').trimEnd().split('\n');
  return lines.map((line) => Object.entries(JSON.parse(line))[0]);
}

const gist = ({ event, reason, connection = '' }) => [event, reason, connection].join(' ').trim();

test('kill -9 with a call: the next start tells what was lost', { timeout: 240_000 }, async () => {
  world.server = await startServer(settings);
  const room = await world.call({ customSessionId: 'killed' });
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  await toldOf(({ connection }) => connection === 'INBOUND');
  const began = told.splice(0);
  world.server.child.kill('SIGKILL');
  await world.server.exited;

  world.server = await startServer(settings);
  await toldOf(({ event }) => event === 'sessionDestroyed');
  assert.deepEqual(told.map(gist), [
    'nodeCrashed',
    'webrtcConnectionDestroyed nodeCrashed INBOUND',
    'webrtcConnectionDestroyed nodeCrashed OUTBOUND',
    'participantLeft nodeCrashed',
    'participantLeft nodeCrashed',
    'sessionDestroyed nodeCrashed',
  ]);
  assert.deepEqual(told[0].sessionIds, ['killed']);
  // Each end says what its beginning said, and since when.
  for (const end of told.slice(1, 5)) {
    const name = end.event === 'participantLeft' ? 'participantJoined' : 'webrtcConnectionCreated';
    const isBeginning = (event) =>
      event.event === name &&
      event.connectionId === end.connectionId &&
      event.streamId === end.streamId;
    const { event, timestamp, ...rest } = began.find(isBeginning);
    const { event: _, timestamp: at, startTime, duration, reason, ...same } = end;
    assert.deepEqual(same, rest);
    assert.equal(startTime, timestamp);
    assert.equal(duration, Math.floor((at - startTime) / 1000));
  }
  // Within the second it is the same file.
  const inFile = newestFile()
    .slice(-told.length)
    .map(([event, fields]) => ({ ...fields, event }));
  assert.deepEqual(inFile, told);
  await world.server.stop();
});

test('a panic about one session ends it for everybody in it, and no other call', {
  timeout: 240_000,
}, async () => {
  told.splice(0);
  const faulty = { ...settings, FAULTY_SESSION: 'broken' };
  world.server = await startServer(faulty, undefined, faultyBinary);
  const broken = await world.call({ customSessionId: 'broken' });
  const sound = await world.call({ customSessionId: 'sound' });
  const dan = await broken.join('dan');
  await dan.publish();
  const ann = await sound.join('ann');
  const bob = await sound.join('bob');
  await ann.publish();
  await bob.sees(ann);
  await bob.do('watch', ann.id);
  world.server.child.kill('SIGUSR1');

  await dan.event('sessionDisconnected', { reason: 'nodeCrashed' });
  await toldOf(({ event, sessionId }) => event === 'sessionDestroyed' && sessionId === 'broken');
  const ends = told.filter(({ reason }) => reason);
  assert.deepEqual(ends.map(gist), [
    'webrtcConnectionDestroyed nodeCrashed OUTBOUND',
    'participantLeft nodeCrashed',
    'sessionDestroyed nodeCrashed',
  ]);
  assert.ok(ends.every(({ sessionId }) => sessionId === 'broken'));
  const { status } = await rest(world.server, 'GET', '/openvidu/api/sessions/broken');
  assert.equal(status, 404);

  // The others see each other all the while, and somebody new can come.
  const cat = await sound.join('cat');
  await cat.sees(ann);
  await bob.sees(ann);
  assert.ok((await bob.do('watchedPictures', ann.id)).pictures > 0);
  assert.equal(await bob.count('streamDestroyed'), 0);
  const again = await world.call({ customSessionId: 'broken' });
  await (await again.join('eve')).publish();
  await world.server.stop();
});

test('a media worker that panics: the call goes on by itself', { timeout: 240_000 }, async (t) => {
  for (const [mediaServer, workers] of [
    ['mediasoup', '1'],
    ['kurento', '2'],
  ]) {
    const faulty = { ...settings, FAULTY_SESSION: '-', MADANG_WORKERS: workers };
    faulty.MADANG_SESSION_SPAN = '1';
    faulty.OPENVIDU_ENTERPRISE_MEDIA_SERVER = mediaServer;
    world.server = await startServer(faulty, undefined, faultyBinary);
    const room = await world.call();
    const ann = await room.join('ann');
    const bob = await room.join('bob');
    const cat = await room.join('cat');
    const everybody = [ann, bob, cat];
    await ann.publish();
    await bob.publish();
    const allSee = () => Promise.all([bob.sees(ann), ann.sees(bob), cat.sees(ann), cat.sees(bob)]);
    await allSee();
    world.server.child.kill('SIGUSR2');
    const broken = performance.now();
    await world.server.said(/the media worker panicked/);
    await allSee();
    t.diagnostic(
      `${mediaServer}: everybody sees everybody after ${Math.round(performance.now() - broken)} ms`,
    );
    for (const one of everybody) {
      for (const name of ['streamDestroyed', 'sessionDisconnected', 'connectionDestroyed']) {
        assert.equal(await one.count(name), 0, `${one.name}: ${name}`);
      }
      await one.close();
    }
    await world.server.stop();
  }
});

test('of a thousand who vanish nobody stays', { timeout: 240_000 }, async () => {
  world.server = await startServer({ MADANG_DATA_DIR: settings.MADANG_DATA_DIR });
  const rooms = await Promise.all(Array.from({ length: 20 }, () => world.call()));
  const vanish = async (room) => {
    for (let n = 0; n < 50; n += 1) {
      const client = await RawClient.open(world.server);
      const { error } = await client.join(room, await room.token());
      assert.equal(error, undefined);
      // Without a word, and without the closing of a WebSocket.
      client.close();
    }
  };
  await Promise.all(rooms.map(vanish));
  const sessions = async () => {
    const all = await restOk(world.server, 'GET', '/openvidu/api/sessions');
    return all.numberOfElements;
  };
  const signal = AbortSignal.timeout(60_000);
  while ((await sessions()) > 0) {
    await setTimeout(500, undefined, { signal });
  }
  // Nor what the server keeps of them.
  const metrics = await restOk(world.server, 'GET', '/metrics');
  assert.match(metrics, /^madang_sockets 0$/m);
  await world.server.stop();
});
