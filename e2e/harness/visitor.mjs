/** Somebody who uses the page at `/`, or `<madang-call>` in another page, as a person does. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
/** Where screenshots are left. */
export const results = join(here, '../results');
mkdirSync(results, { recursive: true });

export const shot = (page, name) => page.screenshot({ path: join(results, `${name}.png`) });

/** Of somebody; of a screen by its words. */
export const tile = (page, name) => page.locator('.tile', { hasText: name });

/** A scenario whose pages are closed at its end, photographed if it fails, and had no errors. */
export function pages(scenario) {
  let open = [];

  /** Opens an address like a fresh visitor. */
  const visit = async (world, address, { before, ...options } = {}) => {
    const page = await world.browsers.page('chromium', {
      viewport: { width: 1280, height: 760 },
      locale: 'en-GB',
      ...options,
    });
    open.push(page);
    page.errors = [];
    page.on('pageerror', (error) => page.errors.push(error.stack));
    if (before) await page.addInitScript(before);
    await page.goto(new URL(address, world.server.url).href);
    return page;
  };

  const page = (name, run, timeout) => {
    const whole = async (world, context) => {
      open = [];
      try {
        await run(world, context);
        for (const one of open) assert.deepEqual(one.errors, []);
      } catch (error) {
        await Promise.all(open.map((one, i) => shot(one, `failed-${i}`).catch(() => {})));
        throw error;
      } finally {
        await Promise.all(open.map((one) => one.close().catch(() => {})));
      }
    };
    scenario(name, whole, timeout);
  };

  return { page, visit };
}

export async function joinAs(page, name, room) {
  await page.getByLabel('Your name').fill(name);
  if (room) await page.getByLabel('Room').fill(room);
  await page.getByRole('button', { name: 'Join' }).click();
  await page.locator('.call').waitFor();
}

/** Waits until the tile's video shows a picture that moves. */
export async function moves(page, name) {
  const video = tile(page, name).locator('video');
  await video.waitFor();
  await video.evaluate(async (element) => {
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const prints = new Set();
    for (let i = 0; i < 400 && prints.size < 3; i++) {
      await new Promise((done) => setTimeout(done, 100));
      if (!element.videoWidth) continue;
      canvas.width = 64;
      canvas.height = 48;
      context.drawImage(element, 0, 0, 64, 48);
      const { data } = context.getImageData(0, 0, 64, 48);
      if (data.some((value, at) => at % 4 !== 3 && value > 40)) prints.add(data.join());
    }
    if (prints.size < 3) throw new Error(`no moving picture; ${element.videoWidth} wide`);
  });
}
