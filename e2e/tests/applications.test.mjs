/**
 * The guides for applications, as they stand: each back end is started by its guide's commands and hands out a front end that was built
 * by its guide's commands, and two people see each other in it.
 */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { startBackEnd } from '../harness/backend.mjs';
import { assertSameInBoth, block, left, quoted, settings, shell } from '../harness/guides.mjs';
import { restOk } from '../harness/rest.mjs';
import { freeTcpPort, secret } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';
import { moves, pages, tile } from '../harness/visitor.mjs';
import { eventually } from '../harness/whip.mjs';

const repository = join(import.meta.dirname, '../..');
const built = join(repository, 'examples/front-ends/dist');
const guides = ['first-call', 'back-end', 'front-end'];

const expressPort = await freeTcpPort();
const webhook = block('back-end', 'OPENVIDU_WEBHOOK=', { 5000: expressPort });
const { scenario } = suite(settings(webhook));
const { page, visit } = pages(scenario);

before(
  async () => {
    const commands = `cd '${repository}'\n${block('front-end', 'npm run build')}`;
    await shell(commands, {
      npm_config_prefer_offline: 'true',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
    });
  },
  { timeout: 600_000 },
);

test('guides show the same in both languages', () => {
  for (const guide of guides) assertSameInBoth(guide);
});

const button = (page, name) => page.getByRole('button', { name, exact: true });

async function enter(world, backEnd, front, room, name) {
  const one = await visit(world, `${backEnd.url}/${front}/index.html?room=${room}`);
  await one.getByLabel('Your name').fill(name);
  await button(one, 'Join').click();
  await button(one, 'Leave').waitFor();
  return one;
}

/** All that the small call of the guides does. */
async function livesThrough(world, backEnd, front, room) {
  const ann = await enter(world, backEnd, front, room, 'Ann');
  const bob = await enter(world, backEnd, front, room, 'Bob');
  await Promise.all([moves(ann, 'Bob'), moves(bob, 'Ann'), moves(ann, 'Ann')]);
  const path = `/openvidu/api/sessions/${room}`;
  /** What the server knows of what Ann sends. */
  const sent = async () => {
    const { content } = await restOk(world.server, 'GET', `${path}/connection`);
    return content.find(({ serverData }) => JSON.parse(serverData).name === 'Ann').publishers[0];
  };
  await button(ann, 'Mute').click();
  await eventually('muted', sent, ({ mediaOptions }) => mediaOptions.audioActive === false);
  await button(ann, 'Unmute').click();
  await button(ann, 'Hide camera').click();
  await eventually('hidden', sent, ({ mediaOptions }) => mediaOptions.videoActive === false);
  await button(ann, 'Show camera').click();
  await button(ann, 'Share screen').click();
  await moves(bob, 'Ann (screen)');
  assert.equal(await tile(ann, 'Ann (screen)').count(), 0);
  await button(ann, 'Stop sharing').click();
  await tile(bob, 'Ann (screen)').waitFor({ state: 'detached' });
  await button(ann, 'Leave').click();
  await button(ann, 'Join').waitFor();
  await tile(bob, 'Ann').waitFor({ state: 'detached' });
  await restOk(world.server, 'DELETE', path);
  await bob.getByText('The call was closed.').waitFor();
  await Promise.all([ann.close(), bob.close()]);
}

/** Until `use` is done with it. */
async function withBackEnd(world, commands, ready, { port, ...options }, use) {
  const backEnd = await startBackEnd(commands, ready, {
    server: world.server,
    port: port ?? (await freeTcpPort()),
    pages: built,
    ...options,
  });
  try {
    await use(backEnd);
  } finally {
    await backEnd.stop();
  }
}

page('Express hands out React and plain HTML, and hears what happens', async (world) => {
  const commands = block('back-end', 'npm start');
  const options = { port: expressPort };
  await withBackEnd(world, commands, /http:\/\/localhost/, options, async (express) => {
    await livesThrough(world, express, 'react', 'express-react');
    await express.said(/Ann is in express-react\n/);
    await express.said(/express-react is over: sessionClosedByServer\n/);
    await livesThrough(world, express, 'html', 'express-html');
  });
});

const patience = 600_000;

page(
  'Spring Boot hands out Angular',
  async (world) => {
    const commands = block('back-end', 'spring-boot:run');
    await withBackEnd(world, commands, /Started Application/, {}, async (spring) => {
      await livesThrough(world, spring, 'angular', 'spring-angular');
    });
  },
  patience,
);

page(
  'Flask hands out Vue',
  async (world) => {
    const port = await freeTcpPort();
    const commands = block('back-end', 'flask run', { 5000: port });
    await withBackEnd(world, commands, /Running on/, { port }, async (flask) => {
      await livesThrough(world, flask, 'vue', 'flask-vue');
    });
  },
  patience,
);

page('a first call, with tokens by curl', async (world) => {
  const here = { 'http://localhost:4443': world.server.url, MY_SECRET: secret };
  const curl = async (guide, word) => {
    const answer = await shell(block(guide, word, here));
    return answer && JSON.parse(answer);
  };
  await curl('first-call', '"customSessionId":"garden"');
  const tokens = [];
  for (let i = 0; i < 2; i++) tokens.push((await curl('first-call', '"role":"PUBLISHER"')).token);

  const folder = await mkdtemp(join(tmpdir(), 'madang-first-call-'));
  await writeFile(join(folder, 'index.html'), block('first-call', '<!doctype html>'));
  const port = await freeTcpPort();
  const commands = block('first-call', 'http.server', { 5000: port });
  await withBackEnd(world, commands, /Serving HTTP/, { port, folder }, async (site) => {
    const [ann, bob] = await Promise.all(tokens.map((token) => enterWith(world, site, token)));
    await Promise.all([plays(ann, 2), plays(bob, 2)]);

    await curl('back-end', '"customSessionId":"kitchen"');
    const { token } = await curl('back-end', '\\"name\\":\\"Ann\\"');
    const cook = await enterWith(world, site, token);
    await plays(cook, 1);
    const { content } = await curl('back-end', 'kitchen/connection\n');
    assert.deepEqual(
      content.map(({ serverData }) => serverData),
      ['{"name":"Ann"}'],
    );
    await curl('back-end', 'DELETE');
    // Its picture was openvidu-browser's.
    await cook.locator('video').waitFor({ state: 'detached' });
  });
  await rm(folder, { recursive: true });
});

const client = createRequire(import.meta.url).resolve(
  'ovb-2.32.2/static/js/openvidu-browser-2.32.2.min.js',
);

/** The page of the first call. Its script comes from where it says, which tests cannot reach. */
async function enterWith(world, site, token) {
  const one = await visit(world, 'about:blank');
  await one.route('https://cdn.jsdelivr.net/npm/openvidu-browser@2.32.2/static/js/*', (route) =>
    route.fulfill({ path: client, contentType: 'text/javascript' }),
  );
  await one.goto(`${site.url}/#${token}`);
  return one;
}

/** Waits until so many videos play. */
const plays = (page, count) =>
  page.waitForFunction((count) => {
    const videos = [...document.querySelectorAll('video')];
    return (
      videos.filter(({ videoWidth, currentTime }) => videoWidth && currentTime > 0).length === count
    );
  }, count);

test('nothing else is shown', () => {
  const not = {
    // Tests have a server that is built.
    'first-call': ['make run\n'],
  };
  for (const guide of guides) {
    quoted(guide);
    assert.deepEqual(left(guide), not[guide] ?? [], guide);
  }
});
