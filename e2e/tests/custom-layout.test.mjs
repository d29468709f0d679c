/**
 * Recordings that show a page of the application's: unmodified openvidu-browser in a Chromium that the server starts, and
 * what ffmpeg finds in the files. Processes are killed in between.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { Browsers } from '../harness/browsers.mjs';
import { openRoom } from '../harness/call.mjs';
import { RawClient } from '../harness/rawclient.mjs';
import { decode, programs, settled, streams, wasTold } from '../harness/recordings.mjs';
import { rest, restOk } from '../harness/rest.mjs';
import { binary, secret, startServer } from '../harness/server.mjs';
import { bundlePath, startSite } from '../harness/site.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'madang-layout-'));
const [folder, layouts, cdr] = ['recordings', 'layouts', 'cdr'].map((name) => join(scratch, name));
const settings = {
  OPENVIDU_RECORDING: 'true',
  OPENVIDU_RECORDING_PATH: folder,
  OPENVIDU_RECORDING_CUSTOM_LAYOUT: layouts,
  OPENVIDU_CDR: 'true',
  OPENVIDU_CDR_PATH: cdr,
};
const [width, height] = [640, 360];

/** Blue; whoever is in the session is seen in its left half. */
const page = join(import.meta.dirname, '../fixtures/layout');

const world = { participants: new Set(), call: (properties) => openRoom(world, properties) };
const elsewhere = createServer((request, response) => {
  elsewhere.asked ??= request.url;
  response.writeHead(200, { 'Content-Type': 'text/html' });
  response.end('<!doctype html><body style="background: #f00">');
});

after(async () => {
  await world.browsers?.stop();
  world.site?.stop();
  elsewhere.close();
  await world.server?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const start = (properties) =>
  rest(world.server, 'POST', '/openvidu/api/recordings/start', {
    outputMode: 'COMPOSED',
    recordingLayout: 'CUSTOM',
    resolution: `${width}x${height}`,
    frameRate: 15,
    ...properties,
  });

const browsers = () => programs(world.server, '--remote-debugging-pipe');

/** Nobody may have taken note of its end yet. */
function isAlive(process) {
  try {
    return readFileSync(`/proc/${process}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

/** The mean colour of a part of the last picture. */
function colour(file, left, part) {
  return mean(['-sseof', '-1', '-i', file], `reverse,crop=${part}:${height}:${left}:0`);
}

/** The mean colour of the first picture of an input of ffmpeg behind a filter. */
function mean(input, filter) {
  const scaled = ['-vf', `${filter},scale=1:1:flags=area`, '-frames:v', '1'];
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
  return [...execFileSync('ffmpeg', ['-v', 'error', ...input, ...scaled, ...raw])].slice(0, 3);
}

/** Of its sound, dB. */
function loudness(file) {
  const filter = ['-af', 'volumedetect', '-vn', '-f', 'null', '-'];
  const { stderr } = spawnSync('ffmpeg', ['-i', file, ...filter], { encoding: 'utf8' });
  return Number(/max_volume: (\S+) dB/.exec(stderr)?.[1]);
}

const isBlue = ([red, green, blue]) => red < 50 && green < 50 && blue > 200;

test('a page that joined as recorder is the picture, although its browser is killed', {
  timeout: 240_000,
}, async () => {
  world.browsers = new Browsers();
  world.site = await startSite();
  mkdirSync(join(layouts, 'blue'), { recursive: true });
  world.server = await startServer(settings);
  const room = await world.call({ customSessionId: 'stage' });
  const ann = await room.join('ann');
  await ann.publish();

  const nothing = await start({ session: 'stage', customLayout: 'blue' });
  assert.equal(nothing.status, 500);
  assert.match(JSON.stringify(nothing.body), /index\.html/);
  cpSync(page, join(layouts, 'blue'), { recursive: true });
  copyFileSync(bundlePath('2.32.2'), join(layouts, 'blue', 'openvidu-browser.js'));
  const path = '/openvidu/layouts/blue/index.html';
  assert.equal((await fetch(world.server.url + path)).status, 401);
  const started = await start({ session: 'stage', customLayout: 'blue', name: 'show' });
  assert.equal(started.status, 200, JSON.stringify(started.body));
  assert.equal(started.body.status, 'started');

  await ann.do('sentFrames', 45);
  const [browser, ...others] = browsers();
  assert.deepEqual(others, []);
  assert.ok(!readFileSync(`/proc/${browser}/cmdline`, 'utf8').includes(secret));
  const connections = await restOk(world.server, 'GET', '/openvidu/api/sessions/stage/connection');
  assert.equal(connections.numberOfElements, 1, 'the recorder is hidden');
  process.kill(browser, 'SIGKILL');
  await world.server.said(/the page is opened again/);
  const again = join(folder, started.body.id, 'page-1.webm');
  while (!existsSync(again)) await ann.do('sentFrames', 5);
  await ann.do('sentFrames', 45);
  const places = [folder, join(world.server.home, 'data')];
  const { stdout } = spawnSync('grep', ['-rl', secret, ...places], { encoding: 'utf8' });
  assert.equal(stdout, '', 'the secret is not on the disk');

  const stopped = await restOk(
    world.server,
    'POST',
    `/openvidu/api/recordings/stop/${started.body.id}`,
  );
  assert.equal(stopped.status, 'ready');
  assert.deepEqual(browsers(), []);
  assert.deepEqual(readdirSync(join(folder, started.body.id)).sort(), [
    `.recording.${started.body.id}`,
    'show.mp4',
    `${started.body.id}.jpg`,
  ]);
  const film = join(folder, started.body.id, 'show.mp4');
  assert.deepEqual(streams(film), ['aac,0/0', `h264,${width},${height},15/1`]);
  decode(film);
  assert.ok(isBlue(colour(film, 330, 300)), `${colour(film, 330, 300)}`);
  assert.ok(!isBlue(colour(film, 0, 310)), `${colour(film, 0, 310)}`);
  assert.ok(loudness(film) > -40, `${loudness(film)} dB`);
  const still = join(folder, started.body.id, `${started.body.id}.jpg`);
  const [red, green, blue] = mean(['-i', still], 'crop=200:200:260:30');
  assert.ok(red < 15 && green < 15 && blue > 240, `the thumbnail is ${[red, green, blue]}`);
});

/** What such a page can do with what it got: see this session, and nothing else. */
async function onlyAsRecorder(pass) {
  const join = async (session, recorder) => {
    const client = await RawClient.open(world.server);
    const answer = await client.request('joinRoom', {
      token: '',
      session,
      platform: 'page',
      dashboard: false,
      metadata: '',
      secret: pass,
      recorder,
    });
    return { client, answer };
  };
  const visible = await join('red', false);
  assert.equal(visible.answer.error.code, 401);
  await restOk(world.server, 'POST', '/openvidu/api/sessions', { customSessionId: 'blue' });
  const astray = await join('blue', true);
  assert.equal(astray.answer.error.code, 401);
  const authorization = `Basic ${Buffer.from(`OPENVIDUAPP:${pass}`).toString('base64')}`;
  const api = `${world.server.url}/openvidu/api/sessions`;
  assert.equal((await fetch(api, { headers: { authorization } })).status, 401);
  const page = await join('red', true);
  assert.equal(page.answer.result.id, 'RECORDER', JSON.stringify(page.answer));
  assert.equal(page.answer.result.value.length, 1);
  const [{ id }] = page.answer.result.value;
  const evicted = await page.client.request('forceDisconnect', { connectionId: id });
  assert.ok(evicted.error, JSON.stringify(evicted));
  for (const { client } of [visible, astray, page]) client.close();
}

test('a page elsewhere is finished after the server was killed', { timeout: 240_000 }, async () => {
  await new Promise((done) => elsewhere.listen(0, '127.0.0.1', done));
  const address = `http://127.0.0.1:${elsewhere.address().port}/page?theme=red`;
  const room = await world.call({ customSessionId: 'red' });
  const ann = await room.join('ann');
  await ann.publish();
  const started = await start({ session: 'red', customLayout: address, hasAudio: false });
  assert.equal(started.status, 200, JSON.stringify(started.body));
  // A page of somebody else's is let in this once, under the name that pages know: it never gets the secret.
  const asked = new URLSearchParams(elsewhere.asked.split('?')[1]);
  assert.equal(elsewhere.asked.split('?')[0], '/page');
  assert.deepEqual([...asked.keys()], ['theme', 'sessionId', 'secret']);
  assert.equal(asked.get('sessionId'), 'red');
  const pass = asked.get('secret');
  assert.match(pass, /^pag_[A-Za-z0-9]{32}$/);
  await onlyAsRecorder(pass);
  const [browser] = browsers();
  await ann.do('sentFrames', 60);
  world.server.child.kill('SIGKILL');
  await world.server.exited;
  while (isAlive(browser)) await new Promise((done) => setImmediate(done));

  world.server = await startServer(settings);
  const ready = await settled(world.server, 'red', 'ready');
  const film = join(folder, 'red', 'red.mp4');
  assert.deepEqual(streams(film), [`h264,${width},${height},15/1`]);
  decode(film);
  assert.ok(ready.duration > 2, `${ready.duration} s`);
  const [red, green, blue] = colour(film, 0, width);
  assert.ok(red > 200 && green < 50 && blue < 50, `${[red, green, blue]}`);
  await wasTold(cdr, 'red', ['started', 'stopped nodeCrashed', 'ready nodeCrashed']);
});

/** User, group and environment of a process. */
function seen(process) {
  const status = readFileSync(`/proc/${process}/status`, 'utf8');
  const environment = readFileSync(`/proc/${process}/environ`, 'utf8').split('\0').filter(Boolean);
  return {
    ids: ['Uid', 'Gid'].map((name) =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1]),
    ),
    names: environment.map((pair) => pair.split('=')[0]),
  };
}

test('browser and transcoder run as whom they shall, without what the server knows', {
  timeout: 240_000,
  skip: process.getuid() !== 0 && 'only root can start programs as somebody else',
}, async () => {
  await world.server.stop();
  // Reachable for everybody, as in an installation: where it was built, it may be for its owner only.
  chmodSync(scratch, 0o755);
  const [program] = [binary, join(dirname(binary), 'madang-transcoder')].map((built) => {
    const installed = join(scratch, basename(built));
    copyFileSync(built, installed);
    return installed;
  });
  const data = join(scratch, 'data');
  const nobody = [65534, 65534];
  const asNobody = {
    ...settings,
    MADANG_DATA_DIR: data,
    MADANG_HELPER_USER: nobody.join(':'),
    COTURN_SHARED_SECRET_KEY: 'hush',
  };
  world.server = await startServer(asNobody, undefined, program);
  const room = await world.call({ customSessionId: 'dropped' });
  const ann = await room.join('ann');
  await ann.publish();
  const started = await start({ session: 'dropped', customLayout: 'blue' });
  assert.equal(started.status, 200, JSON.stringify(started.body));
  const helpers = [...browsers(), ...programs(world.server, join(folder, 'dropped'))];
  assert.ok(helpers.length >= 2, `${helpers}`);
  for (const helper of helpers) {
    const { ids, names } = seen(helper);
    assert.deepEqual(ids, nobody);
    assert.deepEqual(
      names.filter((name) => /^(MADANG|OPENVIDU|COTURN|SERVER)_/.test(name)),
      [],
    );
  }
  await ann.do('sentFrames', 45);
  const stop = '/openvidu/api/recordings/stop/dropped';
  const stopped = await restOk(world.server, 'POST', stop);
  assert.equal(stopped.status, 'ready');
  const film = join(folder, 'dropped', 'dropped.mp4');
  decode(film);
  assert.ok(isBlue(colour(film, 330, 300)), `${colour(film, 330, 300)}`);

  await world.server.stop();
  world.server = await startServer({ ...settings, MADANG_HELPER_USER: '' });
  const refusing = await world.call({ customSessionId: 'refused' });
  await refusing.join('ann');
  const refused = await start({ session: 'refused', customLayout: 'blue' });
  assert.equal(refused.status, 501, JSON.stringify(refused.body));
  assert.match(JSON.stringify(refused.body), /runs as root.*MADANG_HELPER_USER/);
});

test('without a browser the answer says what to install', { timeout: 60_000 }, async () => {
  await world.server.stop();
  world.server = await startServer({ ...settings, MADANG_CHROMIUM: '/nonexistent/chromium' });
  const room = await world.call({ customSessionId: 'none' });
  await room.join('ann');
  const refused = await start({ session: 'none' });
  assert.equal(refused.status, 501);
  assert.match(JSON.stringify(refused.body), /MADANG_CHROMIUM.*apt-get install chromium/);
});
