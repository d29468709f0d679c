/** What operators are told: why somebody has no picture or no sound, what happened to whom, and what has ended. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browsers } from '../harness/browsers.mjs';
import { openRoom, Room } from '../harness/call.mjs';
import { Dashboard, login } from '../harness/dashboard.mjs';
import { rest } from '../harness/rest.mjs';
import { startServer } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite({ OPENVIDU_ENTERPRISE_MEDIA_SERVER: 'kurento' });

/** As if the person had refused the browser's question. */
function refuseDevices() {
  navigator.mediaDevices.getUserMedia = () =>
    Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
}

/** Stops all tabs of a browser, as a phone does that puts them to sleep, or lets them go on. */
async function signalTabs(browsers, signal) {
  const devtools = await (await browsers.chromium()).newBrowserCDPSession();
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  const tabs = processInfo.filter(({ type }) => type === 'renderer');
  assert.ok(tabs.length > 0);
  for (const { id } of tabs) process.kill(id, signal);
  await devtools.detach();
}

async function watching(server, room) {
  const dashboard = await Dashboard.open(server);
  dashboard.watch(room.id);
  return dashboard;
}

scenario(
  'microphone and camera that are off are told, and that they are on again',
  async ({ call, server }) => {
    const room = await call();
    const dashboard = await watching(server, room);
    const ann = await room.join('ann');
    const bob = await room.join('bob');
    await ann.publish();
    await bob.sees(ann);
    await ann.do('publishAudio', false);
    const { sentence, lacks } = await dashboard.finding(ann, 'muted');
    assert.equal(lacks, 'sound');
    assert.match(sentence, /ann/);
    await ann.do('publishVideo', false);
    await dashboard.finding(ann, 'camera-off');
    await ann.do('publishAudio', true);
    await ann.do('publishVideo', true);
    await dashboard.healed(ann, 'camera-off');
    await dashboard.healed(ann, 'muted');

    const told = dashboard.person(ann.id);
    const codes = told.entries.map(({ code }) => code);
    const order = [
      'invited',
      'joined',
      'publishing',
      'reached',
      'connected',
      'first-key-frame',
      'camera',
    ];
    const places = order.map((code) => codes.indexOf(code));
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
      codes.join(' '),
    );
    assert.ok(
      places.every((place) => place >= 0),
      codes.join(' '),
    );
    await dashboard.until('figures', () => {
      const leg = dashboard.person(bob.id)?.receives[0];
      return (
        leg?.state === 'flowing' && leg.videoBps > 0 && leg.path.protocol === 'UDP' && leg.codec
      );
    });
    dashboard.close();
  },
);

scenario(
  'who was refused a camera, who may only watch, and whose page does not subscribe',
  async ({ call, server }) => {
    const room = await call();
    const dashboard = await watching(server, room);
    const ann = await room.join('ann');
    await ann.publish();
    const shy = await room.join('shy', { before: refuseDevices });
    await shy.refuses('publish', [], /DEVICE_ACCESS_DENIED/);
    const viewer = await room.join('viewer', { role: 'SUBSCRIBER' });
    const deaf = await room.join('deaf', { role: 'SUBSCRIBER', auto: false });
    await viewer.sees(ann);
    const { sentence, advice } = await dashboard.finding(shy, 'publishes-nothing');
    assert.match(sentence, /camera or microphone/);
    assert.match(advice, /allowed to use the camera/);
    await dashboard.finding(viewer, 'only-watches');
    const missing = await dashboard.finding(deaf, 'not-subscribed');
    assert.equal(missing.about, ann.id);
    assert.match(missing.sentence, /ann/);
    const summary = dashboard.sessions.get(room.id);
    assert.equal(summary.participants, 4);
    dashboard.close();
  },
);

scenario('a tab that is put to sleep is told, and that it woke up', async (world) => {
  const room = await world.call();
  const dashboard = await watching(world.server, room);
  const bob = await room.join('bob');
  const sleepy = new Browsers();
  try {
    const elsewhere = new Room({ ...world, browsers: sleepy }, room.id);
    const ann = await elsewhere.join('ann');
    await ann.publish();
    await bob.sees(ann);
    await signalTabs(sleepy, 'SIGSTOP');
    const { sentence, advice, lacks } = await dashboard.finding(ann, 'silent');
    assert.equal(lacks, 'both');
    assert.match(sentence, /Nothing comes from ann any more: .* tab was suspended/);
    assert.match(advice, /Bring the tab to the front/);
    await signalTabs(sleepy, 'SIGCONT');
    await dashboard.healed(ann, 'silent');
    await bob.sees(ann);
  } finally {
    await signalTabs(sleepy, 'SIGCONT');
    await sleepy.stop();
  }
  dashboard.close();
});

scenario('a browser without the codec', async ({ call, server }) => {
  const room = await call({ forcedVideoCodec: 'H264' });
  const dashboard = await watching(server, room);
  const ann = await room.join('ann');
  await ann.publish();
  // Headless Firefox has no H264.
  const fox = await room.join('fox', { browser: 'firefox', auto: false });
  await fox.refuses('subscribe', [ann.id], /.*/);
  const { sentence, about } = await dashboard.finding(fox, 'subscriber-lacks-codec');
  assert.equal(about, ann.id);
  assert.match(sentence, /H264/);
  dashboard.close();
});

scenario(
  'a token that is used twice, a session that is gone, a wrong secret, a certificate that nobody knows',
  async ({ call, server }) => {
    const dashboard = await Dashboard.open(server);
    const room = await call();
    const token = await room.token();
    await room.join('ann', { token });
    const second = await room.open('second', { token });
    await assert.rejects(second.enter());
    await dashboard.incident('token-refused');
    const closed = await call();
    const late = await closed.open('late');
    await rest(server, 'DELETE', closed.path);
    await assert.rejects(late.enter());
    await dashboard.incident('session-unknown');
    const answer = await rest(server, 'GET', '/openvidu/api/sessions', undefined, {
      Authorization: `Basic ${Buffer.from('OPENVIDUAPP:wrong').toString('base64')}`,
    });
    assert.equal(answer.status, 401);
    await dashboard.incident('secret-wrong');

    // One that does not look away.
    const home = mkdtempSync(join(tmpdir(), 'madang-home-'));
    const careful = new Browsers({ trust: { home } });
    try {
      const page = await careful.page();
      await assert.rejects(page.goto(server.url.replace('http:', 'https:')), /CERT/);
      const { sentence } = await dashboard.incident('certificate-refused');
      assert.match(sentence, /does not trust/);
    } finally {
      await careful.stop();
      rmSync(home, { recursive: true, force: true });
    }
    dashboard.close();
  },
);

scenario('whoever looks in is seen by nobody', async ({ call, server }) => {
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish();
  const cookie = await login(server);
  const path = `/dashboard/api/sessions/${room.id}/view`;
  const headers = { Authorization: '', cookie };
  const { body } = await rest(server, 'POST', path, undefined, headers);
  const viewer = await room.join('viewer', { token: body.token });
  await viewer.sees(ann);
  assert.equal((await room.show()).connections.numberOfElements, 1);
  const again = await room.open('again', { token: body.token });
  await assert.rejects(again.enter(), 'it lets one in, once');
  assert.equal(
    (await rest(server, 'POST', '/dashboard/api/sessions/none/view', undefined, headers)).status,
    404,
  );
});

scenario(
  'a cookie opens the API to our own pages only, until it is given back',
  async ({ server }) => {
    const cookie = await login(server);
    const get = async (headers) =>
      (
        await rest(server, 'GET', '/openvidu/api/sessions', undefined, {
          Authorization: '',
          ...headers,
        })
      ).status;
    assert.equal(await get({ cookie }), 200);
    assert.equal(await get({ cookie, 'sec-fetch-site': 'same-origin' }), 200);
    for (const foreign of [
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      assert.equal(await get({ cookie, ...foreign }), 401, JSON.stringify(foreign));
    }
    assert.equal(await get({ cookie: 'madang_dashboard=made-up' }), 401);
    assert.equal(
      (await rest(server, 'POST', '/dashboard/logout', undefined, { Authorization: '', cookie }))
        .status,
      204,
    );
    assert.equal(await get({ cookie }), 401);
  },
);

scenario('what has ended is found again, also after the server was killed', async (world) => {
  const settings = { MADANG_DATA_DIR: `${world.server.home}/killed` };
  const first = await startServer(settings);
  const call = { ...world, server: first, participants: world.participants };
  const room = await openRoom(call, { customSessionId: 'lesson' });
  const ann = await room.join('ann');
  await ann.publish();
  const bob = await room.join('bob');
  await bob.sees(ann);
  const dashboard = await Dashboard.open(first);
  await dashboard.until('the session', () => dashboard.sessions.get('lesson'));
  await rest(first, 'DELETE', '/openvidu/api/sessions/lesson');
  await dashboard.until('its end', () => !dashboard.sessions.has('lesson'));
  const cookie = await login(first);
  const find = async (server, headers, text) =>
    (await rest(server, 'GET', `/dashboard/api/history?text=${text}`, undefined, headers)).body
      .sessions;
  for (;;) {
    // It is written within a moment, and not before it is on the disk.
    const [found] = await find(first, { Authorization: '', cookie }, 'ANN');
    if (!found) continue;
    assert.deepEqual(found.names, ['ann', 'bob']);
    assert.equal(found.reason, 'sessionClosedByServer');
    break;
  }
  dashboard.close();
  const ended = once(first.child, 'exit');
  first.child.kill('SIGKILL');
  await ended;

  const second = await startServer(settings);
  const [found] = await find(second, {}, 'lesson');
  const { body: story } = await rest(
    second,
    'GET',
    `/dashboard/api/history/${found.key}?language=ko`,
  );
  assert.equal(story.people.length, 2);
  assert.match(story.people[0].entries[0].text, /토큰/);
  const { body: all } = await rest(second, 'GET', '/dashboard/api/history.json');
  assert.deepEqual(
    all.map(({ id }) => id),
    ['lesson'],
  );
  await second.stop();
});
