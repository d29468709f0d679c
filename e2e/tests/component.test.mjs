/**
 * `<madang-call>` in pages of applications: with tokens of their own, beside the original's components, and packed,
 * installed and built as the examples show.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import { blocks } from '../harness/guides.mjs';
import { restOk } from '../harness/rest.mjs';
import { suite } from '../harness/suite.mjs';
import { joinAs, moves, pages, shot, tile } from '../harness/visitor.mjs';
import { startWebroot } from '../harness/webroot.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const root = join(here, '../..');
const component = join(root, 'web/component');
const { scenario } = suite({ OPENVIDU_RECORDING: 'true' });
const { page, visit } = pages(scenario);
const run = promisify(execFile);

const scratch = mkdtempSync(join(tmpdir(), 'madang-component-'));
/** What users would install. */
let tarball;
let application;

before(async () => {
  assert.ok(existsSync(join(component, 'dist/madang-call.js')), 'run make web');
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--pack-destination', scratch], {
    cwd: component,
  });
  tarball = join(scratch, basename(stdout.trim().split('\n').at(-1)));
  application = await startWebroot(join(component, 'dist'), {
    '/page': () => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Application</title>
      <link rel="icon" href="data:,">
      <style>html, body, main { height: 100%; margin: 0 }</style>
      <script src="/madang-call.iife.js"></script><main></main>`,
  });
});

after(() => {
  application?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

async function session(world) {
  const { id } = await restOk(world.server, 'POST', '/openvidu/api/sessions', {});
  const token = async (role = 'PUBLISHER') => {
    const path = `/openvidu/api/sessions/${id}/connection`;
    return (await restOk(world.server, 'POST', path, { role })).token;
  };
  return { id, token };
}

/** A page of an application, with the element in it as its HTML says. */
async function embed(world, attributes, { content = '', listen = [] } = {}) {
  const one = await visit(world, `${application.url}/page`);
  await one.evaluate(
    ({ attributes, content, listen }) => {
      const call = document.createElement('madang-call');
      for (const [name, value] of Object.entries(attributes)) call.setAttribute(name, value);
      call.innerHTML = content;
      window.told = [];
      for (const name of listen) {
        call.addEventListener(name, ({ type, detail }) => {
          window.told.push([type, detail?.signal ? 'a session' : detail]);
        });
      }
      document.querySelector('main').append(call);
    },
    { attributes, content, listen },
  );
  return one;
}

const button = (page, name) => page.getByRole('button', { name, exact: true });

page('an element with tokens is as the original’s, by its names', async (world) => {
  const { id, token } = await session(world);
  const listen = [
    'onSessionCreated',
    'onParticipantCreated',
    'onJoinButtonClicked',
    'onJoined',
    'onToolbarMicrophoneButtonClicked',
    'onToolbarChatPanelButtonClicked',
    'onToolbarLeaveButtonClicked',
    'onEnded',
  ];
  const tokens = JSON.stringify({ webcam: await token(), screen: await token() });
  const attributes = {
    tokens,
    'participant-name': 'Ann',
    'audio-muted': 'true',
    'toolbar-screenshare-button': 'false',
    'stream-settings-button': 'false',
    'toolbar-fullscreen-button': 'false',
  };
  const content = `<button slot="toolbar-additional-buttons" onclick="this.textContent = 'Done'">Own</button>`;
  const ann = await embed(world, attributes, { content, listen });
  assert.equal(await ann.getByLabel('Room').count(), 0, 'the application has chosen it');
  await ann.getByRole('button', { name: 'Join' }).click();
  await ann.locator('.call').waitFor();
  const bob = await embed(world, {
    token: await token(),
    prejoin: 'false',
    'participant-name': 'Bob',
  });
  await Promise.all([moves(ann, 'Bob'), moves(bob, 'Ann')]);
  await tile(bob, 'Ann').getByLabel('Microphone is off').waitFor();
  assert.equal(await ann.getByRole('button', { name: 'Share screen' }).count(), 0);
  assert.equal(await ann.getByRole('button', { name: /^Pin/ }).count(), 0);
  assert.equal(await ann.getByRole('button', { name: 'Full screen' }).count(), 0);
  assert.equal(await bob.getByRole('button', { name: 'Full screen' }).count(), 1);
  assert.equal(
    await bob.getByRole('button', { name: 'Share screen' }).count(),
    0,
    'it has one token',
  );
  await button(ann, 'Own').click();
  await button(ann, 'Done').waitFor();
  await button(ann, 'Turn microphone on').click();
  await tile(bob, 'Ann').getByLabel('Microphone is off').waitFor({ state: 'hidden' });
  await button(ann, 'Chat').click();
  await shot(ann, 'component');
  await button(ann, 'Leave').click();
  await ann.getByRole('heading', { name: 'You left the room.' }).waitFor();
  assert.equal(
    await ann.getByRole('button', { name: 'Rejoin' }).count(),
    0,
    'its token is used up',
  );
  assert.deepEqual(await ann.evaluate(() => window.told), [
    ['onSessionCreated', 'a session'],
    ['onParticipantCreated', { id: '', nickname: 'Ann', local: true }],
    ['onJoinButtonClicked', null],
    ['onJoined', { sessionId: id, room: '', name: 'Ann' }],
    ['onToolbarMicrophoneButtonClicked', null],
    ['onToolbarChatPanelButtonClicked', null],
    ['onToolbarLeaveButtonClicked', null],
    ['onEnded', 'left'],
  ]);
  // Other tokens begin a new call.
  await ann.evaluate(
    (tokens) => {
      document.querySelector('madang-call').tokens = tokens;
    },
    { webcam: await token() },
  );
  await ann.getByRole('button', { name: 'Join' }).click();
  await moves(bob, 'Ann');
  // Taking the element away is leaving.
  await ann.evaluate(() => document.querySelector('madang-call').remove());
  await tile(bob, 'Ann').waitFor({ state: 'detached' });
});

page('moderators record, and put somebody out', async (world) => {
  const { id, token } = await session(world);
  const asked = [];
  const backend = await startWebroot(join(component, 'dist'), {
    '/page':
      () => `<!doctype html><html lang="en"><title>Application</title><link rel="icon" href="data:,">
      <style>html, body { height: 100%; margin: 0 }</style><script src="/madang-call.iife.js"></script>
      <madang-call prejoin="false" recording-endpoint="/record" feedback-endpoint="/stars"></madang-call>`,
    '/record': async (body) => {
      asked.push(body.action);
      assert.equal(body.sessionId, id);
      if (body.action === 'stop') {
        return restOk(world.server, 'POST', `/openvidu/api/recordings/stop/${body.recordingId}`);
      }
      const recording = { session: id, outputMode: 'INDIVIDUAL' };
      return restOk(world.server, 'POST', '/openvidu/api/recordings/start', recording);
    },
    '/stars': (body) => {
      asked.push(body);
    },
  });
  try {
    const enter = async (participantName, role) => {
      const one = await visit(world, `${backend.url}/page`);
      const options = { token: await token(role), participantName };
      await one.evaluate((o) => Object.assign(document.querySelector('madang-call'), o), options);
      await one.locator('.call').waitFor();
      return one;
    };
    const ann = await enter('Ann', 'MODERATOR');
    const bob = await enter('Bob', 'PUBLISHER');
    await Promise.all([moves(ann, 'Bob'), moves(bob, 'Ann')]);
    assert.equal(await bob.getByRole('button', { name: 'Start recording' }).count(), 0);
    await button(ann, 'Start recording').click();
    for (const one of [ann, bob]) await one.getByLabel('This call is being recorded.').waitFor();
    await button(ann, 'Activities').click();
    await ann.locator('.activities-panel, .panel.activities').waitFor();
    await shot(ann, 'component-recording');
    await ann.locator('.panel').getByRole('button', { name: 'Stop recording' }).click();
    for (const one of [ann, bob]) {
      await one.getByLabel('This call is being recorded.').waitFor({ state: 'detached' });
    }
    await button(ann, 'Participants').click();
    await button(ann, 'Remove Bob from the call').click();
    await bob.getByRole('heading', { name: 'You were removed from the room.' }).waitFor();
    await button(bob, '4 of 5 stars').click();
    await bob.getByText('Thank you. Your rating was sent.').waitFor();
    await bob.getByLabel('Anything you want to add?').fill('The sound was good');
    await button(bob, 'Send').click();
    await bob.getByLabel('Anything you want to add?').waitFor({ state: 'detached' });
    const said = { stars: 4, words: 'The sound was good', sessionId: id };
    assert.deepEqual(asked, ['start', 'stop', { stars: 4, sessionId: id }, said]);
  } finally {
    backend.stop();
  }
});

page('the guide’s page works as it stands, and is the same in both languages', async (world) => {
  const pageOf = (file) => blocks(file).find(({ language }) => language === 'html').text;
  const code = (text) => text.replaceAll(/ *\/\/ .*$/gm, '');
  assert.equal(code(pageOf('call-page.ko.md')), code(pageOf('call-page.md')));
  const { token } = await session(world);
  const site = await startWebroot(join(component, 'dist'), {
    '/lesson': () => pageOf('call-page.md'),
    '/api/lesson': async () => ({ webcam: await token(), screen: await token() }),
  });
  try {
    const ann = await visit(world, `${site.url}/lesson`);
    await ann.getByRole('button', { name: 'Join' }).click();
    const bob = await visit(world, `${site.url}/lesson`);
    await joinAs(bob, 'Bob');
    await Promise.all([moves(ann, 'Bob'), moves(bob, 'Ann')]);
    await ann.getByRole('button', { name: 'Share screen' }).waitFor();
  } finally {
    site.stop();
  }
});

page('openvidu-browser alone speaks with it in the words of the original', async (world) => {
  const room = await world.call();
  const cas = await room.join('cas');
  const token = await room.token();
  const ann = await embed(world, { token, prejoin: 'false', 'participant-name': 'Ann' });
  await ann.locator('.call').waitFor();
  await button(ann, 'Chat').click();
  await ann.getByLabel('Message to everybody').fill('Hello');
  await ann.keyboard.press('Enter');
  const heard = await cas.event('signal', { type: 'signal:chat' });
  assert.deepEqual(JSON.parse(heard.data), { message: 'Hello', nickname: 'Ann' });
  const said = JSON.stringify({ message: 'Hello, too', nickname: 'cas' });
  await cas.do('signal', { type: 'chat', data: said });
  await ann.locator('.message:not(.own)', { hasText: 'Hello, too' }).waitFor();
});

/** A folder with its dependencies and what is built of it. */
async function built(folder, name, packages = []) {
  const copy = join(scratch, name);
  const isSource = (path) => !/\/(node_modules|dist|\.angular)(\/|$)/.test(path);
  cpSync(folder, copy, { recursive: true, filter: isSource });
  const npm = (...given) => run('npm', given, { cwd: copy, maxBuffer: 1 << 26 });
  await npm('install', '--no-audit', '--no-fund', '--prefer-offline', '--no-progress', ...packages);
  await npm('run', 'build');
  return startWebroot(join(copy, 'dist'));
}

for (const example of ['html', 'react', 'vue', 'angular']) {
  page(
    `packed and installed it works in ${example}`,
    async (world) => {
      const site = await built(join(root, 'examples', example), example, [tarball]);
      try {
        const visitAs = (name) => {
          const query = new URLSearchParams({ server: world.server.url, name });
          return visit(world, `${site.url}/?${query}`);
        };
        const ann = await visitAs('Ann');
        await joinAs(ann, 'Ann');
        const bob = await visitAs('Bob');
        await joinAs(bob, 'Bob');
        await Promise.all([moves(ann, 'Bob'), moves(bob, 'Ann')]);
        await button(ann, 'Leave').click();
        await tile(bob, 'Ann').waitFor({ state: 'detached' });
        // The application is told.
        if (example === 'html') await ann.locator('.over').waitFor();
        else await ann.getByText('Goodbye.').waitFor();
      } finally {
        site.stop();
      }
    },
    600_000,
  );
}

page(
  'the original’s components see it, are seen, and chat with it',
  async (world) => {
    const site = await built(join(here, '../openvidu-angular'), 'original');
    try {
      const { token } = await session(world);
      const enter = async (name) => {
        const tokens = { webcam: await token(), screen: await token() };
        return visit(world, `${site.url}/?${new URLSearchParams({ ...tokens, name })}`);
      };
      const one = await enter('Una');
      const other = await enter('Olaf');
      const ann = await embed(world, {
        tokens: JSON.stringify({ webcam: await token(), screen: await token() }),
        prejoin: 'false',
        'participant-name': 'Ann',
      });
      await Promise.all([moves(ann, 'Una'), moves(ann, 'Olaf')]);
      // Two of theirs and one of ours, each of which plays.
      for (const page of [one, other]) {
        await page.waitForFunction(() => {
          const videos = [...document.querySelectorAll('video')];
          return videos.filter((video) => video.videoWidth && video.currentTime > 0).length >= 3;
        });
      }
      await one.locator('#chat-panel-btn').click();
      await one.locator('#chat-input').fill('From the original');
      await one.keyboard.press('Enter');
      await ann.getByRole('button', { name: /^Chat/ }).click();
      await ann.locator('.message', { hasText: 'From the original' }).waitFor();
      await ann.getByLabel('Message to everybody').fill('From Madang');
      await ann.keyboard.press('Enter');
      await one.getByText('From Madang').waitFor();
      // A screen of ours is a screen of the same participant there.
      await ann.getByRole('button', { name: 'Share screen' }).click();
      await other.waitForFunction(() => {
        const videos = [...document.querySelectorAll('video')];
        return videos.filter((video) => video.videoWidth && video.currentTime > 0).length >= 4;
      });
      await shot(one, 'original');
      await shot(ann, 'beside-original');
    } finally {
      site.stop();
    }
  },
  900_000,
);
