/**
 * What the guides show of media features is run as it stands, and is the same in both languages.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ConnectionType, OpenVidu, RecordingLayout } from 'openvidu-node-client';
import { startMjpegCamera } from '../harness/cameras.mjs';
import {
  assertSameInBoth,
  block,
  guides,
  left,
  node,
  settings,
  settingsIn,
  shell,
} from '../harness/guides.mjs';
import { Recogniser, say } from '../harness/recogniser.mjs';
import { startRtmp } from '../harness/rtmp.mjs';
import { secret, startServer } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';
import { Device } from '../harness/whip.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const recogniser = await Recogniser.start();
const speech = block('speech-to-text', 'TO_TEXT=vosk', { 2700: recogniser.port });
const { scenario } = suite(settings(speech), {
  camera: join(here, '../fixtures/person.mjpeg'),
  microphone: say('Hello everybody. Welcome.'),
});

/** Those of features; others show what is of an installation. */
const features = [
  'broadcast',
  'filters',
  'ip-cameras',
  'speech-to-text',
  'transcoding',
  'virtual-background',
  'whip',
];

test('guides show the same in both languages', () => {
  assert.deepEqual(
    features.filter((feature) => !guides.includes(feature)),
    [],
  );
  for (const feature of features) assertSameInBoth(feature);
});

const skip = !existsSync('/usr/bin/apt-get') && 'this is not Debian';
test('packages that guides name are there', { skip }, async () => {
  for (const guide of ['filters', 'ip-cameras']) {
    // As if they were installed, for which nobody has to be root.
    const commands = block(guide, 'apt-get install').replace('sudo ', '');
    await shell(commands.replace('apt-get install', 'apt-get --simulate install'));
  }
});

test('settings are taken as shown', async () => {
  const reference = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');
  for (const shown of features.flatMap(settingsIn)) {
    const values = settings(shown.replaceAll(',…', '').replaceAll('…', 'KEY'));
    for (const key of Object.keys(values)) assert.ok(reference.includes(`\`${key}\``), key);
    const server = await startServer(values);
    server.assertHealthy();
    await server.stop();
  }
});

/** A session of somebody's with openvidu-node-client. */
async function serverSide(server, id) {
  const openvidu = new OpenVidu(server.url, secret);
  openvidu.enableProdMode();
  await openvidu.fetch();
  return { openvidu, session: openvidu.activeSessions.find(({ sessionId }) => sessionId === id) };
}

scenario('filters', async ({ server, call }) => {
  const room = await call();
  const { session } = await serverSide(server, room.id);
  const shown = block('filters', 'allowedFilters');
  const { token } = await node(`${shown} return connection;`, { session });
  const ann = await room.join('ann', { token });
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  await ann.do('run', block('filters', 'saturation'));
  for (const reason of ['applyFilter', 'execFilterMethod', 'removeFilter']) {
    await bob.event('streamPropertyChanged', { property: 'filter', reason });
  }
  await ann.do('applyFilter', 'ZBarFilter', {});
  await ann.do('run', block('filters', 'CodeFound'));
});

scenario('IP cameras', async ({ server, call }, context) => {
  const mjpeg = await startMjpegCamera();
  context.after(() => mjpeg.stop());
  const room = await call();
  const ann = await room.join('ann');
  const { session } = await serverSide(server, room.id);
  const shown = block('ip-cameras', 'createConnection', {
    'rtsp://user:password@192.0.2.7:554/live': mjpeg.uri,
  });
  const meanwhile = async () => {
    const { connectionId } = await ann.event('streamCreated');
    await ann.sees(connectionId, { audio: false });
  };
  await node(shown, { session, ConnectionType, meanwhile });
  await ann.event('streamDestroyed');

  const here = { 'http://localhost:4443': server.url, MY_SECRET: secret };
  const post = block('ip-cameras', 'IPCAM","rtsp', {
    ...here,
    'http://192.0.2.8/video.mjpg': mjpeg.uri,
  });
  const camera = JSON.parse(await shell(post, { SESSION: room.id }));
  assert.equal(camera.type, 'IPCAM');
  await ann.sees(camera.id, { audio: false });
  const get = await shell(block('ip-cameras', 'webRtcStats', here), { SESSION: room.id });
  const { content } = JSON.parse(get).connections;
  const { events } = content.find(({ id }) => id === camera.id).publishers[0];
  assert.equal(events.at(-1).state, 'START');
});

scenario('broadcast', async ({ server, call }) => {
  const rtmp = await startRtmp(undefined, block('broadcast', 'live on'));
  try {
    const room = await call();
    const ann = await room.join('ann');
    await ann.publish();
    const { openvidu } = await serverSide(server, room.id);
    const target = `${rtmp.url}/test`;
    const shown = block('broadcast', 'startBroadcast', {
      'rtmps://live.example.com/app/STREAM_KEY': target,
    });
    // What ffplay would show.
    const look = ['-v', 'error', '-nostdin', '-i', target, '-frames:v', '5', '-f', 'null', '-'];
    const meanwhile = () => promisify(execFile)('ffmpeg', look, { timeout: 60_000 });
    await node(shown, { openvidu, sessionId: room.id, RecordingLayout, meanwhile });
    await ann.event('broadcastStopped');
  } finally {
    await rtmp.stop();
  }
});

scenario('speech to text', async ({ server, call }) => {
  const { id } = JSON.parse(
    await shell(`curl -u OPENVIDUAPP:${secret} ${server.url}/openvidu/api/media-nodes`),
  ).content[0];
  const load = { 'https://example.org': server.url, MY_SECRET: secret, 'media_…': id };
  await shell(block('speech-to-text', 'speech-to-text/load', load));

  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish({ videoSource: false });
  await bob.sees(ann, { video: false });
  const [listen, stop] = block('speech-to-text', 'session.on(').split('// …');
  await bob.do('run', listen);
  const { text } = await bob.event('shown', { connectionId: ann.id, isLast: true });
  assert.match(text, /\w/);
  await bob.do('run', stop);
});

scenario('virtual background', async ({ call, site }) => {
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish();
  const images = {
    'https://example.org/beach.jpg': site.plain('red'),
    'https://example.org/forest.jpg': site.plain('blue'),
  };
  await ann.do('run', block('virtual-background', 'VB:blur', images));
  assert.equal(await ann.do('hasFilter'), 'VB:image');
});

scenario('WHIP', async (world) => {
  const { server } = world;
  const room = await world.call({ customSessionId: 'room-1' });
  const ann = await room.join('ann');
  const there = { 'https://call.example.org': server.url };
  const made = JSON.parse(
    await shell(block('whip', '"role": "PUBLISHER"', there), { SECRET: secret }),
  );
  const token = new URL(made.token).searchParams.get('token');
  const device = await Device.open(world, 'camera');
  await device.do('run', block('whip', 'WHIPClient', { ...there, 'tok_…': token }));
  await ann.sees(made.id);
});

scenario('transcoding', async ({ server }) => {
  const here = { 'http://localhost:4443': server.url, MY_SECRET: secret };
  const session = JSON.parse(await shell(block('transcoding', 'allowTranscoding', here)));
  assert.deepEqual(
    [session.id, session.forcedVideoCodec, session.allowTranscoding],
    ['room-h264', 'H264', true],
  );
});

test('nothing else is shown', () => {
  const not = {
    // Somebody else's images.
    'speech-to-text': ['docker run'],
    // FFmpeg 8 and the plug-in `rswebrtc`, which Debian 12 does not have; FFmpeg's part of it is in `whip.test.mjs`.
    whip: ['ffmpeg -re', 'gst-launch-1.0 videotestsrc'],
  };
  for (const feature of features) assert.deepEqual(left(feature), not[feature] ?? [], feature);
});
