/**
 * Broadcasts: unmodified openvidu-browser in Chromium, openvidu-node-client, the real transcoder, and nginx as an RTMP server,
 * in whose files ffmpeg looks for colours and tones.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { OpenVidu, RecordingLayout } from 'openvidu-node-client';
import { until } from '../harness/folder.mjs';
import { colours, decode, programs, settled, streams } from '../harness/recordings.mjs';
import { rest, restOk } from '../harness/rest.mjs';
import { middle, startRtmp, tone } from '../harness/rtmp.mjs';
import { freeTcpPort, secret } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'madang-broadcast-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const [cdr, layouts, recordings] = ['cdr', 'layouts', 'recordings'].map((name) =>
  join(scratch, name),
);
mkdirSync(cdr);

const { scenario } = suite({
  OPENVIDU_CDR: 'true',
  OPENVIDU_CDR_PATH: cdr,
  OPENVIDU_RECORDING: 'true',
  OPENVIDU_RECORDING_PATH: recordings,
  OPENVIDU_RECORDING_CUSTOM_LAYOUT: layouts,
  MADANG_BROADCAST_PATIENCE: '20',
});

const client = (server) => {
  const openvidu = new OpenVidu(server.url, secret);
  openvidu.enableProdMode();
  return openvidu;
};

/** Events of broadcasts so far. */
function told() {
  const files = readdirSync(cdr).filter((file) => file.startsWith('CDR.'));
  const lines = files.flatMap((file) =>
    readFileSync(join(cdr, file), 'utf8').trimEnd().split('\n'),
  );
  const events = lines.filter(Boolean).flatMap((line) => Object.entries(JSON.parse(line)));
  return events.filter(([name]) => name.startsWith('broadcast'));
}

const start = (server, session, broadcastUrl, more) =>
  rest(server, 'POST', '/openvidu/api/broadcast/start', { session, broadcastUrl, ...more });

const isBroadcast = async (server, id) =>
  (await rest(server, 'GET', `/openvidu/api/sessions/${id}`)).body.broadcasting;

/** Pink, and nearly nothing else. */
const isPink = ([red, green, blue]) => red > 150 && green < 120 && blue > 90 && red > blue;

/** Somebody who is seen and heard for what it is. */
async function painter(room, name) {
  const ann = await room.join(name);
  await ann.publish();
  await ann.do('replaceTrack', 'video');
  await ann.do('replaceTrack', 'audio');
  return ann;
}

scenario('what is broadcast looks and sounds as the room does', async ({ server, call }) => {
  const rtmp = await startRtmp();
  try {
    const openvidu = client(server);
    await assert.rejects(openvidu.startBroadcast('stage', rtmp.url), { message: '404' });
    const room = await call({ customSessionId: 'stage' });
    await openvidu.fetch();
    await assert.rejects(openvidu.startBroadcast('stage', rtmp.url, {}), { message: '406' });
    const ann = await painter(room, 'ann');
    const bob = await room.join('bob');
    await bob.publish();
    // Without the key of a stream, as in OpenVidu's own tests.
    await openvidu.startBroadcast('stage', rtmp.url, {
      resolution: '640x360',
      frameRate: 15,
      recordingLayout: RecordingLayout.BEST_FIT,
    });
    await Promise.all([ann, bob].map((one) => one.event('broadcastStarted')));
    assert.equal(await isBroadcast(server, 'stage'), true);
    await assert.rejects(openvidu.startBroadcast('stage', rtmp.url, {}), { message: '409' });
    await ann.do('sentFrames', 20);
    // From here on ann has all of it.
    await bob.do('unpublish');
    await ann.do('sentFrames', 60);
    await openvidu.stopBroadcast('stage');
    await Promise.all([ann, bob].map((one) => one.event('broadcastStopped')));
    await assert.rejects(openvidu.stopBroadcast('stage'), { message: '409' });
    assert.equal(await isBroadcast(server, 'stage'), false);

    const [film, ...others] = await rtmp.wholeFiles();
    assert.deepEqual(others, []);
    assert.deepEqual(streams(film), ['aac,0/0', 'h264,640,360,15/1']);
    decode(film);
    const colour = middle(film);
    assert.ok(isPink(colour), `the middle is ${colour}`);
    const [heard, other] = [440, 700].map((frequency) => tone(film, frequency));
    assert.ok(heard > 0.02 && other < heard / 10, `440 Hz: ${heard}, 700 Hz: ${other}`);

    await until(cdr, () => told().length === 2);
    const [[began, opened], [ended, closed]] = told();
    assert.deepEqual([began, ended], ['broadcastStarted', 'broadcastStopped']);
    const { reason, startTime, duration, ...same } = closed;
    assert.deepEqual([reason, startTime], ['broadcastStoppedByServer', opened.timestamp]);
    assert.ok(duration >= 2, `${duration} s`);
    assert.deepEqual({ ...same, timestamp: 0 }, { ...opened, timestamp: 0 });
    assert.deepEqual(
      [opened.broadcastUrl, opened.resolution, opened.hasAudio, opened.hasVideo],
      [rtmp.url, '640x360', true, true],
    );
  } finally {
    await rtmp.stop();
  }
});

scenario(
  'what is broadcast is recorded, too, whatever becomes of the broadcast',
  async ({ server, call }) => {
    const rtmp = await startRtmp();
    try {
      const room = await call({ customSessionId: 'both' });
      const ann = await painter(room, 'ann');
      const size = { resolution: '320x240', frameRate: 15 };
      const begun = await start(server, room.id, `${rtmp.url}/k`, size);
      assert.equal(begun.status, 200, JSON.stringify(begun.body));
      const { id } = await restOk(server, 'POST', '/openvidu/api/recordings/start', {
        ...{ session: room.id, outputMode: 'COMPOSED', ...size },
      });
      await ann.do('sentFrames', 30);
      // Another one goes on.
      process.kill(programs(server, '--job')[0], 'SIGKILL');
      await server.said(/started anew/);
      await until(rtmp.home, () => rtmp.files().length === 2);
      await ann.do('sentFrames', 30);
      await restOk(server, 'POST', '/openvidu/api/broadcast/stop', { session: room.id });
      assert.equal((await room.show()).recording, true, 'it goes on without a broadcast');
      await ann.do('sentFrames', 30);
      await restOk(server, 'POST', `/openvidu/api/recordings/stop/${id}`);

      for (const film of await rtmp.wholeFiles()) {
        assert.ok(isPink(middle(film)), `${film}: ${middle(film)}`);
      }
      const recording = await settled(server, id, 'ready');
      assert.equal(recording.lost, undefined, 'nothing is missing in it');
      const file = join(recordings, id, `${id}.mp4`);
      assert.deepEqual(streams(file), ['aac,0/0', 'h264,320,240,15/1']);
      const pictures = colours(file);
      assert.ok(Math.abs(pictures.length - recording.duration * 15) <= 3, `${pictures.length}`);
      assert.ok(pictures.slice(15).every(isPink), `${pictures}`);
      const { content } = (await room.show()).connections;
      assert.equal(content.length, 1, 'nobody is seen who films');
    } finally {
      await rtmp.stop();
    }
  },
);

scenario('a target that is not there is told in the words of ffmpeg', async ({ server, call }) => {
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish();
  const port = await freeTcpPort();
  for (const [url, ...words] of [
    [`rtmps://127.0.0.1:${port}/live`, 'Cannot open connection', 'Connection refused'],
    // The server's own port speaks TLS, with a certificate that nobody vouches for.
    [`rtmps://127.0.0.1:${server.port}/live`, 'Unacceptable TLS certificate', 'Input/output error'],
    ['rtmp://not.exists', 'Cannot open connection', 'Input/output error'],
    ['schemefail://127.0.0.1/live', 'Protocol not found'],
  ]) {
    const refused = await start(server, room.id, url);
    const { message } = refused.body;
    assert.equal(refused.status, 500, message);
    for (const word of words.slice(0, -1)) assert.ok(message.includes(word), message);
    assert.ok(message.includes(`${url}: ${words.at(-1)}`), message);
    // The key of a channel is in the address.
    assert.ok(!server.output.includes(url), 'the address is in the log');
  }
  assert.equal(await isBroadcast(server, room.id), false);
  assert.equal(await ann.count('broadcastStarted'), 0);
});

scenario('of fifteen who start one at once, one does', async ({ server, call }) => {
  const rtmp = await startRtmp();
  try {
    const room = await call();
    const ann = await painter(room, 'ann');
    const before = told().length;
    const sound = { hasVideo: false };
    const starts = Array.from({ length: 15 }, () => start(server, room.id, `${rtmp.url}/k`, sound));
    const statuses = (await Promise.all(starts)).map(({ status }) => status).sort();
    assert.deepEqual(statuses, [200, ...Array(14).fill(409)]);
    await ann.do('sentFrames', 40);
    // With the last one who leaves.
    await ann.do('leave');
    await until(cdr, () => told().length === before + 2);
    assert.equal(told().at(-1)[1].reason, 'lastParticipantLeft');
    const [film] = await rtmp.wholeFiles();
    assert.deepEqual(streams(film), ['aac,0/0']);
    assert.ok(tone(film, 440) > 0.02);
  } finally {
    await rtmp.stop();
  }
});

scenario(
  'a target that comes back is gone on with, and one that stays away is not',
  async ({ server, call }) => {
    const rtmp = await startRtmp();
    try {
      const room = await call();
      const ann = await painter(room, 'ann');
      const before = told().length;
      const begun = await start(server, room.id, `${rtmp.url}/k`, { resolution: '320x240' });
      assert.equal(begun.status, 200, JSON.stringify(begun.body));
      await rtmp.kill();
      await server.said(/target takes nothing/);
      await rtmp.start();
      await until(rtmp.home, () => rtmp.files().length === 2);
      await ann.do('sentFrames', 40);
      await rtmp.kill();
      await ann.event('broadcastStopped');
      assert.equal(await isBroadcast(server, room.id), false);
      await until(cdr, () => told().length === before + 2);
      assert.equal(told().at(-1)[1].reason, 'automaticStop');
      const colour = middle(rtmp.files()[1]);
      assert.ok(isPink(colour), `the middle is ${colour}`);
    } finally {
      await rtmp.stop();
    }
  },
);

scenario('a page of the application is the picture', async ({ server, call }) => {
  mkdirSync(join(layouts, 'red'), { recursive: true });
  writeFileSync(
    join(layouts, 'red', 'index.html'),
    '<!doctype html><body style="background: #f00">',
  );
  const rtmp = await startRtmp();
  try {
    const openvidu = client(server);
    const room = await call({ customSessionId: 'page' });
    const ann = await room.join('ann');
    await ann.publish();
    await openvidu.fetch();
    const custom = {
      recordingLayout: RecordingLayout.CUSTOM,
      resolution: '640x360',
      frameRate: 15,
    };
    await assert.rejects(
      openvidu.startBroadcast('page', rtmp.url, { ...custom, customLayout: 'nowhere' }),
      { message: '500' },
    );
    await openvidu.startBroadcast('page', rtmp.url, { ...custom, customLayout: 'red' });
    // Behind what was sent before the page was there.
    await ann.do('sentFrames', 200);
    await openvidu.stopBroadcast('page');
    const film = (await rtmp.wholeFiles()).at(-1);
    const [red, green, blue] = middle(film);
    assert.ok(red > 200 && green < 50 && blue < 50, `the middle is ${[red, green, blue]}`);
  } finally {
    await rtmp.stop();
  }
});
