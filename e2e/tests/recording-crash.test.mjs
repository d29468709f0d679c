/** Recordings at the worst moment: the server is killed, the disk is full. Real processes, a real disk, a real browser. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Browsers } from '../harness/browsers.mjs';
import { openRoom } from '../harness/call.mjs';
import { decode, individual, wasTold } from '../harness/recordings.mjs';
import { rest, restOk } from '../harness/rest.mjs';
import { startServer } from '../harness/server.mjs';
import { startSite } from '../harness/site.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'madang-crash-'));
const folder = join(scratch, 'recordings');
const cdr = join(scratch, 'cdr');
const settings = {
  OPENVIDU_RECORDING: 'true',
  OPENVIDU_RECORDING_PATH: folder,
  OPENVIDU_CDR: 'true',
  OPENVIDU_CDR_PATH: cdr,
};

const world = { participants: new Set(), call: (properties) => openRoom(world, properties) };

before(async () => {
  mkdirSync(folder);
  world.browsers = new Browsers();
  world.site = await startSite();
});

after(async () => {
  await world.browsers?.stop();
  world.site?.stop();
  await world.server?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const start = (room) =>
  restOk(world.server, 'POST', '/openvidu/api/recordings/start', {
    session: room.id,
    outputMode: 'INDIVIDUAL',
  });

/** Waits until REST shows a recording in this state. */
async function settled(id, status) {
  const deadline = Date.now() + 45_000;
  while (Date.now() < deadline) {
    const { body } = await rest(world.server, 'GET', `/openvidu/api/recordings/${id}`);
    if (body?.status === status) return body;
  }
  throw new Error(`${id} never became ${status}:\n${world.server.tail()}`);
}

test('a recording survives kill -9 up to its last second', { timeout: 240_000 }, async () => {
  world.server = await startServer(settings);
  const room = await world.call({ customSessionId: 'killed' });
  const ann = await room.join('ann');
  const stream = await ann.publish();
  await start(room);
  const before = await ann.do('framesSent');
  await ann.do('sentFrames', 60);
  const sent = (await ann.do('framesSent')) - before;
  world.server.child.kill('SIGKILL');
  await world.server.exited;
  const left = readdirSync(join(folder, 'killed')).sort();
  assert.deepEqual(left, ['.recording.killed', `.stream.${stream}`, `${stream}.webm`]);

  world.server = await startServer(settings);
  const ready = await settled('killed', 'ready');
  // It is ready as soon as its archive is; what the archive was made of goes before anybody is told.
  await wasTold(cdr, 'killed', ['started', 'stopped nodeCrashed', 'ready nodeCrashed']);
  const { files } = individual(folder, ready, scratch);
  assert.equal(files.length, 1);
  // A second of 15 pictures, and what was on its way.
  const decoded = decode(files[0].path).video;
  assert.ok(decoded >= sent - 25, `${decoded} of ${sent} pictures`);
  await world.server.stop();
});

test('a server that is stopped ends its recordings first', { timeout: 240_000 }, async () => {
  world.server = await startServer(settings);
  const room = await world.call({ customSessionId: 'stopped' });
  const ann = await room.join('ann');
  await ann.publish();
  await start(room);
  await ann.do('sentFrames', 20);
  world.server.child.kill('SIGTERM');
  await world.server.exited;
  const path = join(folder, 'stopped', '.recording.stopped');
  const recording = JSON.parse(readFileSync(path, 'utf8'));
  assert.equal(recording.status, 'ready');
  assert.equal(individual(folder, recording, scratch).files.length, 1);
  await wasTold(cdr, 'stopped', [
    'started',
    'stopped openviduServerStopped',
    'ready openviduServerStopped',
  ]);
});

/** Why there can be no small disk here; empty if there can. */
function mountRefused() {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', scratch], {
      stdio: 'pipe',
    });
    return '';
  } catch (error) {
    return String(error.stderr ?? error).trim() || 'unknown';
  }
}

/** A server whose recordings are on a small disk of their own. */
const startOnSmallDisk = (size) =>
  startServer(settings, {
    spawn: (program, _, options) => {
      const mount = `mount -t tmpfs -o size=${size} tmpfs "$OPENVIDU_RECORDING_PATH" && exec "$0"`;
      return spawn('unshare', ['--mount', 'sh', '-c', mount, program], options);
    },
  });

test('a full disk ends the recording and not the call', { timeout: 240_000 }, async (context) => {
  const refused = mountRefused();
  if (refused) return context.skip(`no disk of our own: ${refused}`);
  // Room for some seconds.
  world.server = await startOnSmallDisk('200k');
  const room = await world.call({ customSessionId: 'full' });
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  await bob.publish();
  await start(room);
  const { reason } = await ann.event('recordingStopped');
  assert.equal(reason, 'automaticStop');
  await world.server.said(/No space left on device/);
  await bob.sees(ann);
  await ann.sees(bob);
  assert.equal((await room.show()).recording, false);
  await settled('full', 'failed');
  world.server.assertHealthy();
  // There is room again, and so are recordings.
  await restOk(world.server, 'DELETE', '/openvidu/api/recordings/full');
  assert.equal((await start(room)).id, 'full');
  const stopped = await restOk(world.server, 'POST', '/openvidu/api/recordings/stop/full');
  assert.equal(stopped.status, 'ready');
  await world.server.stop();
});

test('a full disk while composing, too', { timeout: 240_000 }, async (context) => {
  const refused = mountRefused();
  if (refused) return context.skip(`no disk of our own: ${refused}`);
  world.server = await startOnSmallDisk('20m');
  const room = await world.call({ customSessionId: 'composed' });
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  await bob.publish();
  await restOk(world.server, 'POST', '/openvidu/api/recordings/start', {
    session: room.id,
    resolution: '320x180',
    frameRate: 15,
  });
  // The disk as the server sees it.
  const disk = join('/proc', String(world.server.child.pid), 'root', folder);
  const film = join(disk, 'composed', 'composed.mp4');
  const begun = statSync(film).size;
  while (statSync(film).size < begun + 10_000) await ann.do('sentFrames', 5);
  assert.throws(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(20 << 20)), /ENOSPC/);
  const { reason } = await ann.event('recordingStopped');
  assert.equal(reason, 'automaticStop');
  await bob.sees(ann);
  await ann.sees(bob);
  const failed = await settled('composed', 'failed');
  assert.equal(failed.duration, 0);
  assert.match(world.server.output, /No space left on device/);
  assert.ok(decode(film).video >= 15, 'a second of it can be seen');
  world.server.assertHealthy();
  // There is room again, and so are recordings.
  rmSync(join(disk, 'filler'));
  await restOk(world.server, 'DELETE', '/openvidu/api/recordings/composed');
  assert.equal((await start(room)).id, 'composed');
  const stopped = await restOk(world.server, 'POST', '/openvidu/api/recordings/stop/composed');
  assert.equal(stopped.status, 'ready');
  await world.server.stop();
});
