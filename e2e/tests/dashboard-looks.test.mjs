/**
 * How the dashboard looks: every view of it, wide and on a phone, light and dark, in English and in Korean, while a call goes on
 * in which something is wrong, and beside sessions and a recording of before.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { look, screens } from '../harness/looks.mjs';
import { rest, restOk } from '../harness/rest.mjs';
import { secret } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';
import { moves } from '../harness/visitor.mjs';

const recordings = mkdtempSync(join(tmpdir(), 'madang-looks-'));
after(() => rmSync(recordings, { recursive: true, force: true }));
const settings = {
  OPENVIDU_RECORDING: 'true',
  OPENVIDU_RECORDING_PATH: recordings,
  OPENVIDU_PRO_NETWORK_QUALITY: 'true',
  OPENVIDU_PRO_NETWORK_QUALITY_INTERVAL: '5',
};
const { scenario } = suite(settings, { ownOrigin: true });

const idOf = (room) => `call-${Buffer.from(room).toString('base64url')}`;
const room = 'A lesson with a rather long name: 마당에서 만나요';
let call;
const guests = [];
after(() => Promise.all(guests.map((page) => page.close().catch(() => {}))));

/** People of a call that lasts as long as this file, a story, a recording, and somebody whose secret was wrong. */
async function prepare({ browsers, server }) {
  const guest = async (room, query) => {
    const page = await browsers.page('chromium', { locale: 'en-GB' });
    guests.push(page);
    await page.goto(`${server.url}/?${new URLSearchParams({ room, prejoin: 'false', ...query })}`);
    await page.locator('.call').waitFor();
    return page;
  };

  const unhappy = await guest('yesterday', { name: 'Eva' });
  const { body: sessions } = await rest(server, 'GET', '/openvidu/api/sessions');
  assert.deepEqual(
    sessions.content.map(({ id }) => id),
    [idOf('yesterday')],
  );
  await unhappy.locator('.tile video').waitFor();
  await unhappy.getByRole('button', { name: 'Leave' }).click();
  await unhappy.getByRole('button', { name: '2 of 5 stars' }).click();
  await unhappy.getByLabel('Anything you want to add?').fill('Nobody heard me for a while.');
  await unhappy.getByRole('button', { name: 'Send' }).click();
  await unhappy.getByLabel('Anything you want to add?').waitFor({ state: 'detached' });

  const ann = await guest(room, { name: 'Ann' });
  const bob = await guest(room, { name: '김민준', video: 'off' });
  await Promise.all([moves(ann, 'Ann'), moves(bob, 'Ann')]);
  const recording = { session: idOf(room), outputMode: 'INDIVIDUAL', name: 'lesson' };
  const { id } = await restOk(server, 'POST', '/openvidu/api/recordings/start', recording);
  await restOk(server, 'POST', `/openvidu/api/recordings/stop/${id}`);
  const Authorization = `Basic ${Buffer.from('OPENVIDUAPP:wrong').toString('base64')}`;
  await rest(server, 'GET', '/openvidu/api/sessions', undefined, { Authorization });
}

for (const [size, device] of Object.entries(screens)) {
  for (const colorScheme of ['light', 'dark']) {
    scenario(`${size}, ${colorScheme}`, async (world) => {
      call ??= prepare(world);
      await call;
      const faults = [];
      for (const locale of ['en-GB', 'ko-KR']) {
        const httpCredentials = { username: 'OPENVIDUAPP', password: secret };
        const options = { ...device, colorScheme, locale, httpCredentials };
        const page = await world.browsers.page('chromium', options);
        page.on('pageerror', (error) => faults.push(String(error)));
        await views(page, world.server.url, (view) => {
          const name = `dashboard-${view}-${size}-${colorScheme}-${locale.slice(0, 2)}`;
          return look(page, name, faults, { fullPage: true });
        });
        await page.close();
      }
      assert.deepEqual(faults, []);
    });
  }
}

/** Goes through all of them, and has each looked at when it is complete. */
async function views(page, url, seen) {
  const to = (route) => page.goto(`${url}/dashboard/#/${route}`);
  await to('');
  await page.locator('[data-incident="secret-wrong"]').waitFor();
  await page.locator(`[data-session="${idOf(room)}"]`).waitFor();
  await seen('live');

  await to(`sessions/${idOf(room)}`);
  await page
    .locator('[data-finding="without-picture"], [data-finding="camera-off"]')
    .first()
    .waitFor();
  await page.locator('[data-entry="first-key-frame"]').first().waitFor();
  await seen('session');
  // Somebody's path and charts, and what happened to nobody else.
  await page.locator('button.chip.leg').first().click();
  await page.locator('dialog.side .facts').waitFor();
  await seen('stream');
  await page.keyboard.press('Escape');
  await page.locator('[data-action="timeline"]').first().click();
  await seen('person');
  await page.locator('[data-action="disconnect"]').first().click();
  await page.locator('[data-action="confirm"]').waitFor();
  await seen('question');
  await page.keyboard.press('Escape');

  await to('history');
  const story = page.locator(`[data-key^="${idOf('yesterday')}_"]`);
  await story.waitFor();
  await seen('history');
  await story.click();
  await page.locator('[data-stars="2"]').waitFor();
  await seen('story');

  await to('recordings');
  await page.locator('[data-recording]').waitFor();
  await seen('recordings');
  await to('cameras');
  await page.locator('[data-action="add-camera"]').waitFor();
  await seen('cameras');
  await to('settings');
  await page.locator('[data-setting="SERVER_PORT"]').waitFor();
  await seen('settings');
  await to('doctor');
  await page.locator('[data-action="examine"]').click();
  await page.locator('[data-healthy]').waitFor();
  await seen('doctor');
}
