/**
 * Composed recordings: unmodified openvidu-browser in Chromium, openvidu-node-client, the real transcoder, and what
 * ffmpeg finds in the files. Processes are killed in between.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { OpenVidu, Recording, RecordingLayout } from 'openvidu-node-client';
import { decode } from '../harness/recordings.mjs';
import { rest, restOk } from '../harness/rest.mjs';
import { secret, startServer } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'madang-composed-'));
const folder = join(scratch, 'recordings');
after(() => rmSync(scratch, { recursive: true, force: true }));

const settings = {
  OPENVIDU_RECORDING: 'true',
  OPENVIDU_RECORDING_PATH: folder,
  OPENVIDU_RECORDING_PUBLIC_ACCESS: 'true',
};
const { scenario, world } = suite(settings);

const { COMPOSED, COMPOSED_QUICK_START } = Recording.OutputMode;
const [width, height] = [640, 360];

const client = (server) => {
  const openvidu = new OpenVidu(server.url, secret);
  openvidu.enableProdMode();
  return openvidu;
};

const path = ({ id, properties, name }, extension) =>
  join(folder, id, `${properties?.name ?? name}.${extension}`);

/** Codecs, size and rate, as ffprobe says them. */
const probe = (file) =>
  execFileSync(
    'ffprobe',
    [
      ...['-v', 'error', '-of', 'csv=p=0'],
      ...['-show_entries', 'stream=codec_name,width,height,r_frame_rate', file],
    ],
    { encoding: 'utf8' },
  )
    .trim()
    .split('\n')
    .map((line) => line.replace(/,+$/, ''))
    .sort();

/** The mean of red, green and blue of both halves of a picture, some seconds from its end. */
function halves(file, fromEnd) {
  const arguments_ = ['-v', 'error', '-sseof', `-${fromEnd}`, '-i', file, '-frames:v', '1'];
  const pixels = execFileSync(
    'ffmpeg',
    [...arguments_, '-vf', 'scale=2:1:flags=area', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  return [pixels.subarray(0, 3), pixels.subarray(3, 6)].map((half) =>
    Math.round(half.reduce((sum, value) => sum + value, 0) / 3),
  );
}

/** Ids of the transcoders that a server has started. */
const transcoders = (server) =>
  readdirSync('/proc')
    .filter((id) => /^\d+$/.test(id))
    .filter((id) => {
      try {
        const status = readFileSync(`/proc/${id}/status`, 'utf8');
        const program = readFileSync(`/proc/${id}/cmdline`, 'utf8');
        return (
          status.includes(`PPid:\t${server.child.pid}\n`) && program.includes('madang-transcoder')
        );
      } catch {
        return false;
      }
    })
    .map(Number);

/** Waits until REST shows a recording in this state. */
async function settled(server, id, status) {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const { body } = await rest(server, 'GET', `/openvidu/api/recordings/${id}`);
    if (body?.status === status) return body;
  }
  throw new Error(`${id} never became ${status}:\n${server.tail()}`);
}

/** Waits until a recording has these files: sources go only after it says that it is ready. */
async function files(id, expected) {
  const deadline = Date.now() + 30_000;
  const found = () => readdirSync(join(folder, id)).sort();
  while (Date.now() < deadline && found().length !== expected.length) {
    await rest(world.server, 'GET', `/openvidu/api/recordings/${id}`);
  }
  assert.deepEqual(found(), expected);
}

scenario(
  'two publishers are one picture, although a transcoder is killed',
  async ({ server, call }) => {
    const openvidu = client(server);
    const room = await call({ customSessionId: 'film' });
    const ann = await room.join('ann');
    const bob = await room.join('bob');
    await ann.publish();
    await bob.publish();
    await ann.sees(bob);
    const started = await openvidu.startRecording(room.id, {
      outputMode: COMPOSED,
      name: 'talk',
      resolution: `${width}x${height}`,
      frameRate: 15,
      recordingLayout: RecordingLayout.BEST_FIT,
    });
    assert.deepEqual([started.id, started.status], ['film', 'started']);
    assert.equal((await ann.event('recordingStarted')).recording, 'talk');
    await ann.do('sentFrames', 20);
    const [transcoder, ...others] = transcoders(server);
    assert.deepEqual(others, []);
    process.kill(transcoder, 'SIGKILL');
    await ann.do('sentFrames', 40);
    const stopped = await openvidu.stopRecording('film');
    assert.deepEqual(
      [stopped.status, stopped.properties.hasAudio, stopped.properties.hasVideo],
      ['ready', true, true],
    );
    assert.equal(stopped.url, `${server.url}/openvidu/recordings/film/talk.mp4`);
    assert.deepEqual(readdirSync(join(folder, 'film')).sort(), [
      '.recording.film',
      'film.jpg',
      'talk.mp4',
    ]);
    const film = path(stopped, 'mp4');
    assert.deepEqual(probe(film), ['aac,0/0', `h264,${width},${height},15/1`]);
    decode(film);
    assert.ok(stopped.duration > 2, `${stopped.duration} s`);
    const bright = halves(film, 0.5);
    assert.ok(
      bright.every((half) => half > 20),
      `left and right: ${bright}`,
    );
    const thumbnail = await fetch(`${server.url}/openvidu/recordings/film/film.jpg`);
    assert.equal(thumbnail.status, 200);
    assert.deepEqual(probe(join(folder, 'film', 'film.jpg')), ['mjpeg,480,270,25/1']);
    const part = await fetch(stopped.url, { headers: { Range: 'bytes=0-99' } });
    assert.equal(part.status, 206);

    // Sound only, at once after that.
    const sound = await openvidu.startRecording(room.id, {
      outputMode: COMPOSED_QUICK_START,
      hasVideo: false,
    });
    await ann.do('sentFrames', 20);
    const heard = await openvidu.stopRecording(sound.id);
    assert.deepEqual([heard.status, heard.properties.hasVideo], ['ready', false]);
    assert.deepEqual(probe(path(heard, 'webm')), ['opus,0/0']);
    decode(path(heard, 'webm'));
    assert.deepEqual(transcoders(server), []);

    const custom = await rest(server, 'POST', '/openvidu/api/recordings/start', {
      session: room.id,
      recordingLayout: 'CUSTOM',
    });
    assert.equal(custom.status, 501);
  },
);

scenario('a server that is killed finishes its composition at its next start', async () => {
  world.server.child.kill('SIGKILL');
  await world.server.exited;
  world.server = await startServer({ ...settings, MADANG_COMPOSITIONS: '1' });
  const room = await world.call({ customSessionId: 'killed' });
  const ann = await room.join('ann');
  await ann.publish();
  const start = (id) =>
    rest(world.server, 'POST', '/openvidu/api/recordings/start', {
      session: id,
      resolution: `${width}x${height}`,
      frameRate: 15,
    });
  assert.equal((await start(room.id)).status, 200);
  const other = await world.call({ customSessionId: 'other' });
  await other.join('bob');
  assert.equal((await start(other.id)).status, 503, 'as many are composed as may be');
  await ann.do('sentFrames', 60);
  world.server.child.kill('SIGKILL');
  await world.server.exited;

  world.server = await startServer(settings);
  const ready = await settled(world.server, 'killed', 'ready');
  await files('killed', ['.recording.killed', 'killed.jpg', 'killed.mp4']);
  const film = path(ready, 'mp4');
  decode(film);
  assert.ok(ready.duration > 2, `${ready.duration} s`);
  assert.ok(
    halves(film, 0.5).every((half) => half > 20),
    'it goes up to the last second',
  );
  await restOk(world.server, 'DELETE', '/openvidu/api/recordings/killed');
});
