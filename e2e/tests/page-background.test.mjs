/** The choice of backgrounds in the page at `/`, with a person before the camera. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from '../harness/suite.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const camera = join(here, '../fixtures/person.mjpeg');
const { scenario } = suite({}, { ownOrigin: true, camera });
const results = join(here, '../results');
mkdirSync(results, { recursive: true });

/** The wall on the left of the camera's picture. */
const wall = [56, 148, 85];
const behind = [0.2, 0.5];
/** Below the hair: skin in every direction. */
const face = [0.575, 0.2];
const isWall = (pixel) => near(pixel, wall);
const isRed = (pixel) => near(pixel, [255, 0, 0]);
const near = (pixel, colour) => colour.every((c, i) => Math.abs(pixel[i] - c) <= 60);

async function enter(world, name, viewport = { width: 1280, height: 760 }) {
  const page = await world.browsers.page('chromium', { viewport, locale: 'en-GB' });
  // Closed with the scenario.
  world.participants.add({ name, troubles: [], close: () => page.close() });
  page.errors = [];
  page.on('pageerror', (error) => page.errors.push(String(error)));
  await page.goto(`${world.server.url}/?room=studio`);
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Join' }).click();
  await page.locator('.call').waitFor();
  return page;
}

/** Waits until the picture of somebody looks like that at a point. */
async function until(page, name, point, holds) {
  const video = page.locator('.tile', { hasText: name }).locator('video');
  await video.waitFor();
  const deadline = Date.now() + 30_000;
  let pixel;
  do {
    pixel = await video.evaluate(async (video, [x, y]) => {
      await new Promise((done) => setTimeout(done, 50));
      if (!video.videoWidth) return [0, 0, 0];
      const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
      const context = canvas.getContext('2d');
      context.drawImage(video, 0, 0);
      return [...context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data];
    }, point);
    if (holds(pixel)) return;
  } while (Date.now() < deadline);
  assert.fail(`${name} is shown as ${pixel}`);
}

const choose = async (page, words) => {
  await page.getByRole('button', { name: 'Background' }).click();
  await page.getByRole('button', { name: words, exact: true }).click();
  await page.getByRole('button', { name: words, exact: true, pressed: true }).waitFor();
  await page.keyboard.press('Escape');
};

/** A file of the person's. */
const bring = async (page, file) => {
  await page.getByRole('button', { name: 'Background' }).click();
  await page.getByLabel('Own picture…').setInputFiles(file);
  await page.keyboard.press('Escape');
};

scenario('somebody stands before a picture of their own', async (world) => {
  const ann = await enter(world, 'Ann');
  const bob = await enter(world, 'Bob', { width: 390, height: 800 });
  await until(bob, 'Ann', behind, isWall);

  await choose(ann, 'Dawn');
  await until(bob, 'Ann', behind, (pixel) => !isWall(pixel));
  await until(bob, 'Ann', face, (pixel) => near(pixel, [236, 203, 182]));
  await ann.getByRole('button', { name: 'Background' }).click();
  await ann.screenshot({ path: join(results, 'background.png') });
  await ann.keyboard.press('Escape');

  const red = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64" fill="red"/></svg>`;
  const mimeType = 'image/svg+xml';
  await bring(ann, { name: 'red.svg', mimeType, buffer: Buffer.from(red) });
  await until(bob, 'Ann', behind, isRed);
  await until(ann, 'Ann', behind, isRed);

  await ann.getByRole('button', { name: 'Turn camera off' }).click();
  await bob.locator('.tile.dark', { hasText: 'Ann' }).waitFor();
  assert.ok(await ann.getByRole('button', { name: 'Background' }).isDisabled());
  await ann.getByRole('button', { name: 'Turn camera on' }).click();
  await bob.locator('.tile:not(.dark)', { hasText: 'Ann' }).waitFor();
  await until(bob, 'Ann', behind, isRed);

  await choose(ann, 'Blur');
  await until(bob, 'Ann', behind, isWall);
  await choose(ann, 'None');
  await until(ann, 'Ann', behind, isWall);

  await bob.getByRole('button', { name: 'More' }).click();
  await bob.getByRole('button', { name: 'Background' }).click();
  await bob.screenshot({ path: join(results, 'background-phone.png') });
  const menu = await bob.locator('.backgrounds').boundingBox();
  assert.ok(menu.x >= 0 && menu.x + menu.width <= 390, 'the choice fits a phone');
  assert.deepEqual([...ann.errors, ...bob.errors], []);
});

scenario('a picture that is none is told, and the one before stays', async (world) => {
  const ann = await enter(world, 'Ann');
  await choose(ann, 'Night');
  await until(ann, 'Ann', behind, (pixel) => !isWall(pixel));
  const buffer = Buffer.from('this is no picture');
  await bring(ann, { name: 'none.png', mimeType: 'image/png', buffer });
  await ann.getByText('The background could not be changed').waitFor();
  await ann.getByRole('button', { name: 'Background' }).click();
  await ann.getByRole('button', { name: 'Night', pressed: true }).waitFor();
  await until(ann, 'Ann', behind, (pixel) => !isWall(pixel));
});
