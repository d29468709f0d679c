/**
 * As many jobs with media as may run: whatever wants another one is refused, each kind in its own words, and the calls beside it
 * lose nothing.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { rest, restOk } from '../harness/rest.mjs';
import { binary, secret } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const lang = 'en-US';
const { scenario } = suite({
  MADANG_JOBS: '1',
  // Where subscribers may have pictures transcoded.
  OPENVIDU_ENTERPRISE_MEDIA_SERVER: 'kurento',
  OPENVIDU_PRO_SPEECH_TO_TEXT: 'vosk',
  // Nobody is asked there.
  MADANG_VOSK_SERVERS: `[${lang}=ws://127.0.0.1:9]`,
});

const refused = /As many jobs with media run as may \(setting MADANG_JOBS\)/;
const ROUNDS = 5;

/** A call of three beside everything else, whose packets are counted. */
async function startCall(server) {
  const before = new Set((await sessions(server)).map(({ id }) => id));
  const options = ['--url', server.url, '--publishers', '3', '--video-bitrate', '500'];
  const child = spawn(binary, ['load-test', ...options, '--duration', '200'], {
    env: { ...process.env, OPENVIDU_SECRET: secret },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const closed = once(child, 'close');
  const isGoingOn = ({ id, connections }) =>
    !before.has(id) &&
    connections.content.filter(({ subscribers }) => subscribers.length === 2).length === 3;
  while (!(await sessions(server)).some(isGoingOn)) {
    assert.equal(child.exitCode, null, output);
    await setTimeout(50);
  }
  return {
    /** It has gone on up to now, and nothing was lost. */
    async end() {
      assert.equal(child.exitCode, null, output);
      child.kill('SIGINT');
      const [code] = await closed;
      assert.equal(code, 0, output);
      return output;
    },
    kill: () => child.kill('SIGKILL'),
  };
}

const sessions = async (server) => (await restOk(server, 'GET', '/openvidu/api/sessions')).content;

scenario('beyond the last job every kind is refused, and calls go on', async (world, context) => {
  const { server, call } = world;
  const room = await call({ forcedVideoCodec: 'H264', allowTranscoding: true });
  const kurentoOptions = { allowedFilters: ['GStreamerFilter'] };
  const ann = await room.join('ann', { kurentoOptions });
  const bob = await room.join('bob', { kurentoOptions });
  await Promise.all([ann.publish(), bob.publish()]);
  await Promise.all([ann.sees(bob), bob.sees(ann)]);
  // The one that there may be.
  await ann.do('applyFilter', 'GStreamerFilter', { command: 'videobalance saturation=0.0' });
  const { id: mediaNode } = (await restOk(server, 'GET', '/openvidu/api/media-nodes')).content[0];
  const api = '/openvidu/api';
  const beside = await startCall(server);
  context.after(() => beside.kill());

  for (let round = 0; round < ROUNDS; round++) {
    await bob.refuses('applyFilter', ['GStreamerFilter', { command: 'agingtv' }], refused);

    const broadcast = { session: room.id, broadcastUrl: 'rtmp://127.0.0.1:9/live/key' };
    const started = await rest(server, 'POST', `${api}/broadcast/start`, broadcast);
    assert.deepEqual([started.status, refused.test(started.body.message)], [503, true]);

    const language = { lang, mediaNode: { id: mediaNode } };
    const loaded = await rest(server, 'POST', `${api}/speech-to-text/load`, language);
    assert.deepEqual([loaded.status, refused.test(loaded.body.message)], [503, true]);
    await bob.refuses('subscribeToSpeech', [ann.id, lang], /RESOURCE_EXHAUSTED: As many jobs/);

    // It joins, and is tried again when there may be room.
    const camera = {
      type: 'IPCAM',
      rtspUri: 'rtsp://127.0.0.1:9/',
      onlyPlayWithSubscribers: false,
    };
    const cam = await restOk(server, 'POST', `${room.path}/connection`, camera);
    await bob.event('streamCreated', { connectionId: cam.id });
    await restOk(server, 'DELETE', `${room.path}/connection/${cam.id}`);
  }
  const codecs = await ann.page.evaluate(() =>
    RTCRtpSender.getCapabilities('video').codecs.map(({ mimeType }) => mimeType),
  );
  if (codecs.includes('video/H264')) {
    // Headless Firefox has none.
    const fox = await room.join('fox', { browser: 'firefox', auto: false });
    await fox.event('streamCreated', { connectionId: ann.id });
    await fox.refuses('subscribe', [ann.id], /800/);
  }
  context.diagnostic(await beside.end());
  assert.equal((await room.show()).broadcasting, false);
  await Promise.all([ann.sees(bob), bob.sees(ann)]);

  // There is room for another one as soon as that is gone.
  await ann.do('removeFilter');
  await bob.do('applyFilter', 'GStreamerFilter', { command: 'videobalance saturation=0.0' });
  await ann.sees(bob);
});
