/**
 * IP cameras, as the tutorial `openvidu-ipcameras` uses them: connections by REST and openvidu-node-client, subscribers with
 * unmodified openvidu-browser in Chromium, against real servers of RTSP and MJPEG, and against none.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { ConnectionType, OpenVidu } from 'openvidu-node-client';
import { RtspCamera, startMjpegCamera } from '../harness/cameras.mjs';
import { individual, programs, settled, streams } from '../harness/recordings.mjs';
import { rest, restOk } from '../harness/rest.mjs';
import { secret } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'madang-cameras-'));
const folder = join(scratch, 'recordings');
after(() => rmSync(scratch, { recursive: true, force: true }));

const { scenario } = suite({ OPENVIDU_RECORDING: 'true', OPENVIDU_RECORDING_PATH: folder });

/** Starts a camera for one scenario. */
async function rtsp(context, mounts, options) {
  const camera = await RtspCamera.start(mounts, options);
  context.after(() => camera.stop());
  return camera;
}

const connect = (room, properties) =>
  restOk(room.world.server, 'POST', `${room.path}/connection`, { type: 'IPCAM', ...properties });

const green = '([r, g, b]) => g > 100 && r < 90 && b < 90';
const grey = { command: 'videobalance saturation=0.0' };
const isGrey = '([r, g, b]) => Math.max(r, g, b) - Math.min(r, g, b) <= 3';

/** Of the last picture of a film, which may still grow; none if there is none yet. */
function colour(film) {
  const wanted = ['-sseof', '-1', '-i', film, '-frames:v', '1', '-vf', 'scale=1:1:flags=area'];
  const { status, stdout } = spawnSync('ffmpeg', [
    ...['-v', 'quiet', '-nostdin', ...wanted],
    ...['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
  ]);
  return status === 0 && stdout.length === 3 ? stdout : undefined;
}

/** Waits until no job runs any more. */
async function isIdle(server) {
  const deadline = Date.now() + 30_000;
  while (programs(server, '--job').length > 0) {
    assert.ok(Date.now() < deadline, 'the job ends');
    await rest(server, 'GET', '/openvidu/api/sessions');
  }
}

/** Waits until what is shown of a room's camera holds. */
async function shows(room, holds) {
  const deadline = Date.now() + 60_000;
  let camera;
  while (Date.now() < deadline) {
    const session = await restOk(room.world.server, 'GET', `${room.path}?webRtcStats=true`);
    camera = session.connections.content.find(({ type }) => type === 'IPCAM');
    if (holds(camera)) return camera;
  }
  throw new Error(`never: ${holds}; ${JSON.stringify(camera)}`);
}

scenario(
  'a camera is seen and heard while somebody watches, without being transcoded',
  async (world, context) => {
    const { call, server } = world;
    const camera = await rtsp(context, { '/live': { video: 'baseline', audio: 'pcma' } });
    const room = await call();
    const ann = await room.join('ann');
    const cam = await connect(room, {
      rtspUri: camera.uri('/live'),
      adaptativeBitrate: false,
      networkCache: 200,
      data: 'door',
    });
    assert.match(cam.id, /^ipc_IPCAM_rtsp_[A-Z0-9]{4}_127_0_0_1_\d+_live$/);
    const joined = await ann.event('connectionCreated', { connectionId: cam.id });
    assert.equal(joined.data, 'door');
    await ann.sees(cam.id);
    assert.match(await ann.do('remoteDescription', cam.id), /H264\/90000/);
    const [publisher] = (await room.show()).connections.content.find(
      ({ id }) => id === cam.id,
    ).publishers;
    assert.deepEqual(Object.keys(publisher), ['createdAt', 'streamId', 'rtspUri', 'mediaOptions']);
    assert.equal(Object.keys(publisher.mediaOptions).length, 11);
    // Somebody who comes later sees it soon, by the same pull.
    const bob = await room.join('bob');
    await bob.sees(cam.id);
    assert.equal(camera.count('play'), 1);
    // When the last one goes, the camera is left alone, and it stays in the room.
    await Promise.all([ann.do('leave'), bob.do('leave')]);
    await camera.event('closed');
    const shown = await shows(room, (one) => one.publishers[0].events.at(-1).state === 'STOP');
    assert.ok(shown.publishers[0].events.some(({ state }) => state === 'START'));
    await isIdle(server);
    const carol = await room.join('carol');
    await carol.sees(cam.id);
    assert.equal(camera.count('play'), 2);
  },
);

scenario(
  'sessions that name one camera share its pull, and each has filters of its own',
  async ({ call }, context) => {
    const camera = await rtsp(context, {
      '/live': { video: 'baseline', audio: 'pcma', pattern: 'green' },
    });
    const rooms = [await call(), await call()];
    const [ann, bob] = await Promise.all([
      rooms[0].join('ann'),
      rooms[1].join('bob', { role: 'MODERATOR' }),
    ]);
    const goesOn = () =>
      bob.receives({ id: second.id }, ({ now, before }) => now.frames > before.frames + 20);
    const source = { rtspUri: camera.uri('/live'), networkCache: 200 };
    const first = await connect(rooms[0], source);
    await ann.do('turns', first.id, green);
    const second = await connect(rooms[1], source);
    await bob.do('turns', second.id, green);
    assert.equal(camera.count('play'), 1);
    // Of one session alone.
    await bob.do('applyFilter', 'GStreamerFilter', grey, second.id);
    await bob.do('turns', second.id, isGrey);
    await goesOn();
    await ann.do('turns', first.id, green);
    await bob.do('removeFilter', second.id);
    await bob.do('turns', second.id, green);
    // One goes, and the other one goes on.
    await ann.do('leave');
    await goesOn();
    assert.deepEqual([camera.count('play'), camera.count('closed')], [1, 0]);
    await bob.do('leave');
    await camera.event('closed');
  },
);

scenario(
  'what browsers cannot take is transcoded: MJPEG over HTTP, with no sound',
  async ({ call }, context) => {
    const mjpeg = await startMjpegCamera();
    context.after(() => mjpeg.stop());
    const room = await call();
    const ann = await room.join('ann');
    const cam = await connect(room, { rtspUri: mjpeg.uri });
    await ann.sees(cam.id, { audio: false });
    assert.match(await ann.do('remoteDescription', cam.id), /VP8\/90000/);
  },
);

scenario(
  'a dead camera is in the room like any other and blocks nobody',
  async ({ call, server }) => {
    const room = await call();
    const ann = await room.join('ann');
    const cam = await connect(room, {
      rtspUri: 'rtsp://127.0.0.1:9/dead',
      onlyPlayWithSubscribers: false,
    });
    assert.equal(cam.ip, '127.0.0.1');
    const stream = await ann.event('streamCreated', { connectionId: cam.id });
    assert.ok(stream);
    const bob = await room.join('bob');
    await bob.publish();
    await ann.sees(bob);
    await shows(room, (one) => one.publishers[0].events.at(-1).state === 'INTERRUPTED');
    // Who subscribed got an answer, and waits for media alone.
    const subscribed = async () => {
      const shown = (await room.show()).connections.content.find(({ id }) => id === ann.id);
      return shown.subscribers.some(({ streamId }) => streamId.endsWith(cam.id));
    };
    const deadline = Date.now() + 30_000;
    while (!(await subscribed())) assert.ok(Date.now() < deadline, 'the subscription is answered');
    const path = `${room.path}/connection/${cam.id}`;
    assert.equal(
      (await rest(server, 'DELETE', `${room.path}/stream/${cam.publishers[0].streamId}`)).status,
      405,
    );
    assert.equal((await rest(server, 'DELETE', path)).status, 204);
    assert.equal(
      (await ann.event('streamDestroyed', { connectionId: cam.id })).reason,
      'forceDisconnectByServer',
    );
  },
);

scenario('a camera that goes away comes back', async ({ call }, context) => {
  const camera = await rtsp(
    context,
    { '/live': { video: 'main', transport: 'tcp' } },
    { auth: 'digest' },
  );
  const room = await call();
  const ann = await room.join('ann');
  const rtspUri = camera.uri('/live', 'eve:p%40ss%3Aword@');
  const cam = await connect(room, { rtspUri, networkCache: 100 });
  assert.equal(cam.rtspUri, rtspUri);
  assert.doesNotMatch(cam.id, /eve|ss/);
  await ann.sees(cam.id, { audio: false });
  camera.kick();
  await camera.event('play', 2);
  await ann.sees(cam.id, { audio: false });
  assert.doesNotMatch(room.world.server.output, /p%40ss|p@ss/);
});

scenario(
  'a moderator throws a camera out, and cannot end its stream alone',
  async ({ call }, context) => {
    const camera = await rtsp(context, { '/live': {} });
    const room = await call();
    const mod = await room.join('mod', { role: 'MODERATOR' });
    const cam = await connect(room, { rtspUri: camera.uri('/live'), networkCache: 100 });
    await mod.sees(cam.id, { audio: false });
    await mod.refuses('forceUnpublish', [cam.id], /Code: 10|cannot be unpublished/);
    await mod.do('forceDisconnect', cam.id);
    await mod.event('streamDestroyed', { connectionId: cam.id, reason: 'forceDisconnectByUser' });
    await camera.event('closed');
  },
);

scenario('a file of a recording is played, and recorded', async ({ call, server }) => {
  const film = join(folder, 'TestSession', 'audioVideo.mp4');
  mkdirSync(join(folder, 'TestSession'), { recursive: true });
  const source =
    '-f lavfi -i testsrc=size=640x360:rate=15 -f lavfi -i sine=frequency=440:sample_rate=48000';
  const coded = '-t 60 -c:v libx264 -preset ultrafast -profile:v high -pix_fmt yuv420p -c:a aac';
  execFileSync('ffmpeg', [
    '-v',
    'error',
    '-nostdin',
    ...source.split(' '),
    ...coded.split(' '),
    film,
  ]);
  const room = await call({ customSessionId: 'film' });
  const ann = await room.join('ann');
  const cam = await connect(room, { rtspUri: `file://${film}` });
  assert.equal(cam.ip, '127.0.0.1');
  await ann.sees(cam.id);
  const started = await restOk(server, 'POST', '/openvidu/api/recordings/start', {
    session: room.id,
    outputMode: 'INDIVIDUAL',
    name: 'camera',
  });
  await ann.receives({ id: cam.id }, ({ now, before }) => now.frames > before.frames + 45);
  await restOk(server, 'POST', `/openvidu/api/recordings/stop/${started.id}`);
  const recording = await settled(server, started.id, 'ready');
  const { files } = individual(folder, recording, scratch);
  assert.deepEqual(
    files.map(({ video, audio, typeOfVideo }) => [video, audio, typeOfVideo]),
    [['vp8', 'opus', 'IPCAM']],
  );
  assert.ok(files[0].duration > 1000, `${files[0].duration} ms`);
  // Elsewhere nothing is read.
  const elsewhere = await rest(server, 'POST', `${room.path}/connection`, {
    type: 'IPCAM',
    rtspUri: 'file:///etc/hostname',
  });
  assert.equal(elsewhere.status, 400);
});

scenario(
  'a composed recording shows a camera that nobody watches',
  async ({ call, server }, context) => {
    const camera = await rtsp(context, {
      '/live': { video: 'baseline', audio: 'aac', pattern: 'green' },
    });
    const room = await call({ customSessionId: 'composed' });
    await connect(room, { rtspUri: camera.uri('/live'), networkCache: 100 });
    assert.equal(camera.count('play'), 0);
    const started = await restOk(server, 'POST', '/openvidu/api/recordings/start', {
      session: room.id,
      outputMode: 'COMPOSED',
      resolution: '320x240',
      frameRate: 15,
    });
    await shows(room, (one) => one.publishers[0].events.at(-1).state === 'START');
    const film = join(folder, started.id, `${started.name}.mp4`);
    const deadline = Date.now() + 60_000;
    let green = 0;
    // What is composed by then lies behind what comes.
    await camera.event('play');
    while (green < 100) {
      assert.ok(Date.now() < deadline, 'the camera is in the film');
      green = colour(film)?.[1] ?? 0;
      await rest(server, 'GET', '/openvidu/api/sessions');
    }
    await restOk(server, 'POST', `/openvidu/api/recordings/stop/${started.id}`);
    await settled(server, started.id, 'ready');
    assert.deepEqual(streams(film), ['aac,0/0', 'h264,320,240,15/1']);
    await camera.event('closed');
  },
);

scenario('the node client makes cameras, and sees no change afterwards', async ({ server }) => {
  const openvidu = new OpenVidu(server.url, secret);
  openvidu.enableProdMode();
  const session = await openvidu.createSession();
  const camera = await session.createConnection({
    type: ConnectionType.IPCAM,
    rtspUri: 'rtsp://dummyurl.invalid',
    adaptativeBitrate: false,
    onlyPlayWithSubscribers: false,
    networkCache: 50,
  });
  assert.match(camera.connectionId, /^ipc_IPCAM_rtsp_[A-Z0-9]{4}_dummyurl_invalid$/);
  const { type, rtspUri, adaptativeBitrate, onlyPlayWithSubscribers, networkCache } =
    camera.connectionProperties;
  assert.deepEqual(
    [type, rtspUri, adaptativeBitrate, onlyPlayWithSubscribers, networkCache],
    ['IPCAM', 'rtsp://dummyurl.invalid', false, false, 50],
  );
  assert.equal(camera.status, 'active');
  assert.equal(camera.role, null);
  await session.fetch();
  assert.equal(await session.fetch(), false);
  const [publisher] = session.activeConnections[0].publishers;
  assert.deepEqual(
    [publisher.typeOfVideo, publisher.hasAudio, publisher.hasVideo],
    ['IPCAM', true, true],
  );
  await session.forceDisconnect(camera);
  assert.equal(await openvidu.fetch(), true, 'the session is over');
});
