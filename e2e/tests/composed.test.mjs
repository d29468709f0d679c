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
import { decode, programs, settled, streams } from '../harness/recordings.mjs';
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
  MADANG_RECORDING_CAPTIONS: 'true',
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

/** The mean of red, green and blue of the parts of the last picture: black has none of them. */
function parts(file, across, down) {
  const pixels = execFileSync(
    'ffmpeg',
    [
      ...['-v', 'error', '-sseof', '-1', '-i', file, '-frames:v', '1'],
      ...['-vf', `reverse,scale=${across}:${down}:flags=area`],
      ...['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const mean = (colours) => colours.reduce((sum, colour) => sum + colour, 0) / colours.length;
  return Array.from({ length: across * down }, (_, part) =>
    mean(pixels.subarray(part * 3, part * 3 + 3)),
  );
}

const halves = (file) => parts(file, 2, 1);
const quarters = (file) => parts(file, 2, 2);

const transcoders = (server) => programs(server, 'madang-transcoder');

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
    const limits = readFileSync(`/proc/${transcoder}/limits`, 'utf8');
    assert.match(limits, /^Max address space +6442450944 +6442450944 +bytes/m);
    const manifest = readFileSync(join(folder, 'film', '.composition'), 'utf8');
    assert.match(manifest, /"hasCaptions":true/);
    assert.match(manifest, /"name":"ann"/);
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
    assert.deepEqual(streams(film), ['aac,0/0', `h264,${width},${height},15/1`]);
    decode(film);
    assert.ok(stopped.duration > 2, `${stopped.duration} s`);
    const bright = halves(film);
    assert.ok(
      bright.every((half) => half > 20),
      `left and right: ${bright}`,
    );
    const thumbnail = await fetch(`${server.url}/openvidu/recordings/film/film.jpg`);
    assert.equal(thumbnail.status, 200);
    assert.deepEqual(streams(join(folder, 'film', 'film.jpg')), ['mjpeg,480,270,25/1']);
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
    assert.deepEqual(streams(path(heard, 'webm')), ['opus,0/0']);
    decode(path(heard, 'webm'));
    assert.deepEqual(transcoders(server), []);

    // Clients know five layouts and no word for this one.
    const who = await openvidu.startRecording(room.id, {
      resolution: `${width}x${height}`,
      frameRate: 15,
      recordingLayout: RecordingLayout.CUSTOM,
      customLayout: 'builtin:speaker',
    });
    assert.match(readFileSync(join(folder, who.id, '.composition'), 'utf8'), /"layout":"SPEAKER"/);
    await ann.do('sentFrames', 20);
    const spoken = await openvidu.stopRecording(who.id);
    const listed = (await openvidu.listRecordings()).find(({ id }) => id === who.id);
    assert.deepEqual(
      [spoken.status, listed.properties.recordingLayout, listed.properties.customLayout],
      ['ready', 'CUSTOM', 'builtin:speaker'],
    );
    decode(path(spoken, 'mp4'));
  },
);

/** In the page: offers one codec before all others. */
function prefer(codec) {
  const { createOffer } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.createOffer = function (...options) {
    const all = RTCRtpSender.getCapabilities('video').codecs;
    const first = all.filter(({ mimeType }) => mimeType === `video/${codec}`);
    const rest = all.filter(({ mimeType }) => mimeType !== `video/${codec}`);
    const videos = this.getTransceivers().filter(({ sender }) => sender.track?.kind === 'video');
    for (const transceiver of videos) transceiver.setCodecPreferences([...first, ...rest]);
    return createOffer.apply(this, options);
  };
}

/** The codec of a stream's pictures, by its file while that grows. */
const recordedCodec = (id, stream) =>
  streams(join(folder, id, `${stream}.webm`)).find((line) => !line.startsWith('opus'));

scenario('a session that records itself has every codec in its picture', async ({ call }) => {
  const room = await call({
    customSessionId: 'always',
    recordingMode: 'ALWAYS',
    forcedVideoCodec: 'NONE',
    defaultRecordingProperties: { resolution: `${width}x${height}`, frameRate: 15 },
  });
  const publishers = [];
  for (const codec of ['VP8', 'VP9', 'H264', 'AV1']) {
    const one = await room.join(codec, { auto: false, before: [prefer, codec] });
    await one.publish({ resolution: '320x180' });
    publishers.push(one);
  }
  // Clients are told no name that is the id.
  assert.equal((await publishers[0].event('recordingStarted')).id, 'always');
  await Promise.all(publishers.map((one) => one.do('sentFrames', 30)));
  const codecs = publishers.map(({ streamId }) => recordedCodec('always', streamId).split(',')[0]);
  assert.deepEqual(codecs, ['vp8', 'vp9', 'h264', 'av1']);
  await restOk(world.server, 'DELETE', `/openvidu/api/sessions/${room.id}`);
  const ready = await settled(world.server, 'always', 'ready');
  assert.equal(ready.lost, undefined, 'it lacks nothing');
  const film = path(ready, 'mp4');
  decode(film);
  for (const [quarter, brightness] of quarters(film).entries()) {
    assert.ok(brightness > 20, `${publishers[quarter].name}: ${brightness}`);
  }
});

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
  const other = await world.call({ customSessionId: 'other' });
  await other.join('bob');
  const answers = await Promise.all([start(room.id), start(other.id)]);
  const statuses = answers.map(({ status }) => status);
  assert.deepEqual([...statuses].sort(), [200, 503], 'as many are composed as may be');
  if (statuses[0] === 503) {
    await restOk(world.server, 'POST', '/openvidu/api/recordings/stop/other');
    assert.equal((await start(room.id)).status, 200);
  }
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
    halves(film).every((half) => half > 20),
    'it goes up to the last second',
  );
  await restOk(world.server, 'DELETE', '/openvidu/api/recordings/killed');
});
