/** The dashboard's page in a browser: what one sees, and what one does. Pictures of it are in `results/dashboard`. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { rest, restOk } from '../harness/rest.mjs';
import { secret, startServer } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const results = join(here, '../results/dashboard');
mkdirSync(results, { recursive: true });

const { scenario } = suite(
  { OPENVIDU_RECORDING: 'true', OPENVIDU_RECORDING_PATH: '/tmp/madang-dashboard' },
  { ownOrigin: true },
);

/** Somebody who opens the page with the secret. */
async function open({ browsers, server }, route = '', options = {}) {
  const httpCredentials = { username: 'OPENVIDUAPP', password: secret };
  const page = await browsers.page('chromium', { httpCredentials, locale: 'en-US', ...options });
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(`${server.url}/dashboard/${route}`);
  return { page, problems };
}

async function twoPeople(call) {
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish();
  const bob = await room.join('bob');
  await bob.publish();
  await Promise.all([ann.sees(bob), bob.sees(ann)]);
  return { room, ann, bob };
}

scenario('a session, who sees whom, and why not', async (world) => {
  const { room, ann } = await twoPeople(world.call);
  const { page, problems } = await open(world);
  await page.locator(`[data-session="${room.id}"]`).click();
  await page.locator(`[data-connection="${ann.id}"]`).first().waitFor();
  await page.locator('[data-entry="first-key-frame"]').first().waitFor();
  await ann.do('publishVideo', false);
  const finding = page.locator('[data-finding="camera-off"]').first();
  await finding.waitFor({ state: 'attached' });
  assert.match(await finding.textContent(), /ann/);
  await page.screenshot({ path: join(results, 'session.png'), fullPage: true });
  assert.deepEqual(problems, []);
});

scenario('Korean, dark, on a phone', async (world) => {
  const { room, ann } = await twoPeople(world.call);
  const options = { locale: 'ko-KR', colorScheme: 'dark', viewport: { width: 390, height: 844 } };
  const { page, problems } = await open(world, `#/sessions/${room.id}`, options);
  await page.locator(`[data-connection="${ann.id}"]`).first().waitFor();
  await page.locator('[data-entry="joined"]').first().waitFor({ state: 'attached' });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `${width} px wide`);
  assert.match(await page.locator('body').innerText(), /세션/);
  await page.screenshot({ path: join(results, 'phone-ko-dark.png'), fullPage: true });
  assert.deepEqual(problems, []);
});

scenario('somebody is thrown out, and the session closed', async (world) => {
  const { room, ann, bob } = await twoPeople(world.call);
  const { page } = await open(world, `#/sessions/${room.id}`);
  await page.locator(`[data-connection="${bob.id}"] [data-action="disconnect"]`).first().click();
  await page.locator('[data-action="confirm"]').click();
  await bob.event('sessionDisconnected', { reason: 'forceDisconnectByServer' });
  await page.locator('[data-action="close-session"]').first().click();
  await page.locator('[data-action="confirm"]').click();
  await ann.event('sessionDisconnected', { reason: 'sessionClosedByServer' });
  assert.equal((await rest(world.server, 'GET', room.path)).status, 404);
});

scenario('whoever watches is seen by nobody, and goes with the view', async (world) => {
  const { room } = await twoPeople(world.call);
  const { page } = await open(world, `#/sessions/${room.id}`);
  await page.locator('[data-action="watch"]').first().click();
  await page.locator('[data-watching]').first().waitFor();
  await page.waitForFunction(() => {
    const all = (root) =>
      [...root.querySelectorAll('*')].flatMap((e) => [
        e,
        ...(e.shadowRoot ? all(e.shadowRoot) : []),
      ]);
    return (
      all(document).filter((e) => e.localName === 'video' && e.videoWidth > 0 && e.currentTime > 1)
        .length >= 2
    );
  });
  assert.equal((await restOk(world.server, 'GET', room.path)).connections.numberOfElements, 2);
  await page.screenshot({ path: join(results, 'watching.png') });
});

scenario('what has ended is in the history', async (world) => {
  const { room, ann } = await twoPeople(world.call);
  await rest(world.server, 'DELETE', room.path);
  const { page, problems } = await open(world, '#/history');
  const row = page.locator(`[data-key^="${room.id}_"]`).first();
  // It is written within a moment.
  for (;;) {
    if (
      await row.waitFor({ timeout: 3000 }).then(
        () => true,
        () => false,
      )
    )
      break;
    await page.reload();
  }
  await row.click();
  await page.locator(`[data-connection="${ann.id}"]`).first().waitFor();
  await page.locator('[data-entry="left"]').first().waitFor({ state: 'attached' });
  await page.screenshot({ path: join(results, 'history.png'), fullPage: true });
  assert.deepEqual(problems, []);
});

scenario('settings without secrets, and the doctor', async (world) => {
  const { page, problems } = await open(world, '#/settings');
  await page.locator('[data-setting="SERVER_PORT"]').waitFor();
  const text = await page.locator('body').innerText();
  assert.ok(!text.includes(secret));
  assert.match(text, /OPENVIDU_SECRET/);
  assert.deepEqual(problems, []);
});

scenario('a clock that is wrong is told', async (world) => {
  const { browsers, server } = world;
  const httpCredentials = { username: 'OPENVIDUAPP', password: secret };
  const page = await browsers.page('chromium', { httpCredentials, locale: 'en-US' });
  await page.addInitScript(() => {
    const now = Date.now;
    Date.now = () => now() + 10 * 60_000;
  });
  await page.goto(`${server.url}/dashboard/`);
  await page.locator('[data-incident="clock"]').waitFor();
});

scenario('how a call was is asked, kept with whoever says so, and told', async (world) => {
  const { browsers, server } = world;
  const guest = async (name, query = '') => {
    const page = await browsers.page('chromium', { locale: 'en-GB' });
    await page.goto(`${server.url}/?room=talk&prejoin=false&name=${name}${query}`);
    await page.locator('.call').waitFor();
    return page;
  };
  const [ann, bob, eva] = await Promise.all([
    guest('Ann'),
    guest('Bob'),
    guest('Eva', '&feedback=off'),
  ]);
  for (const page of [ann, bob, eva]) {
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.locator('.over').waitFor();
  }
  assert.equal(await eva.locator('.star').count(), 0);
  await ann.getByRole('button', { name: '5 of 5 stars' }).click();
  await ann.getByText('Thank you.').waitFor();
  await bob.getByRole('button', { name: '2 of 5 stars' }).click();
  await bob.getByLabel('Anything you want to add?').fill('소리가 <b>끊겼어요</b>');
  await bob.getByRole('button', { name: 'Send' }).click();
  await bob.getByLabel('Anything you want to add?').waitFor({ state: 'detached' });

  const room = `call-${Buffer.from('talk').toString('base64url')}`;
  // It is written within a moment.
  for (;;) {
    const path = `/dashboard/api/history?text=${room}`;
    const [found] = (await restOk(server, 'GET', path)).sessions;
    if (found?.feedback?.count === 2) break;
  }
  const { page, problems } = await open(world, '#/history');
  const row = page.locator(`[data-key^="${room}_"]`);
  await row.getByText('Rated by 2: at least 2 of 5 stars, 3.5 on average').waitFor();
  await row.click();
  await page.locator('[data-stars="2"]').getByText('소리가 <b>끊겼어요</b>').waitFor();
  await page.locator('[data-stars="5"]').waitFor();
  assert.deepEqual(problems, []);
  const [story] = await restOk(server, 'GET', `/dashboard/api/history.json?text=${room}`);
  const { feedback, people, published } = story;
  assert.deepEqual(feedback, { count: 2, lowest: 2, mean: 3.5 });
  assert.equal(published, 3);
  assert.deepEqual(people.map(({ name, feedback }) => [name, feedback?.stars]).sort(), [
    ['Ann', 5],
    ['Bob', 2],
    ['Eva', undefined],
  ]);
  await Promise.all([ann, bob, eva].map((one) => one.close()));
});

scenario('where no history is kept nobody is asked how it was', async ({ server }) => {
  const place = (of) => rest(of, 'POST', '/call/token', { room: 'kept' });
  assert.ok((await place(server)).body.feedback);
  const forgetful = await startServer({ MADANG_HISTORY_DAYS: '0' });
  assert.equal((await place(forgetful)).body.feedback, undefined);
  await forgetful.stop();
});
