/** What the page at `/` offers in a call besides pictures and sound. */

import assert from 'node:assert/strict';
import jsQR from 'jsqr';
import { rest } from '../harness/rest.mjs';
import { suite } from '../harness/suite.mjs';
import { joinAs, moves, pages, shot, tile } from '../harness/visitor.mjs';

const { scenario } = suite(
  { OPENVIDU_PRO_NETWORK_QUALITY: 'true', OPENVIDU_PRO_NETWORK_QUALITY_INTERVAL: '1' },
  { ownOrigin: true, cameras: 3 },
);
const { page, visit } = pages(scenario);

/** Ann and Bob in a room, who see each other. */
async function meet(world, room, options = {}) {
  const ann = await visit(world, `/?room=${room}`, options);
  await joinAs(ann, 'Ann');
  const bob = await visit(world, `/?room=${room}`, options);
  await joinAs(bob, 'Bob');
  await Promise.all([moves(ann, 'Bob'), moves(bob, 'Ann')]);
  return { ann, bob };
}

const button = (page, name) => page.getByRole('button', { name, exact: true });
const write = async (page, words) => {
  await page.getByLabel('Message to everybody').fill(words);
  await page.keyboard.press('Enter');
};

page('what is written is read by everybody, and who was elsewhere is told', async (world) => {
  const { ann, bob } = await meet(world, 'chat');
  await button(ann, 'Chat').click();
  await write(ann, 'Hello <b>Bob</b>, see https://example.org/a?b=c');
  await ann.locator('.message.own', { hasText: 'Hello <b>Bob</b>' }).waitFor();
  await bob.getByRole('button', { name: 'Chat, 1 unread' }).waitFor();
  await bob.getByRole('button', { name: 'Chat, 1 unread' }).click();
  const message = bob.locator('.message', { hasText: 'Ann' });
  await message.getByText('Hello <b>Bob</b>').waitFor();
  const link = message.getByRole('link');
  assert.equal(await link.getAttribute('href'), 'https://example.org/a?b=c');
  await write(bob, 'Read.');
  await ann.locator('.message:not(.own)', { hasText: 'Read.' }).waitFor();
  await shot(ann, 'chat');
  // The field had the focus from the start, and what it is typed into is no shortcut.
  await bob.keyboard.type('mvs');
  assert.equal(await bob.getByLabel('Message to everybody').inputValue(), 'mvs');
  await bob.keyboard.press('Escape');
  await bob.locator('.panel').waitFor({ state: 'detached' });
  const focused = await bob.evaluate(
    () => document.activeElement.shadowRoot.activeElement.ariaLabel,
  );
  assert.equal(focused, 'Chat', 'the focus is back where it was');
  assert.equal(await tile(ann, 'Bob').getByLabel('Microphone is off').count(), 1);
  await tile(ann, 'Bob').getByLabel('Microphone is off').waitFor({ state: 'hidden' });
});

page('a raised hand is seen, by who comes later, too', async (world) => {
  const { ann, bob } = await meet(world, 'hands');
  await ann.keyboard.press('h');
  await tile(bob, 'Ann').getByLabel('Hand raised').waitFor();
  await bob.getByText('Ann raised a hand.').waitFor();
  const cas = await visit(world, '/?room=hands');
  await joinAs(cas, 'Cas');
  await tile(cas, 'Ann').getByLabel('Hand raised').waitFor();
  await button(cas, 'Participants').click();
  await cas.locator('.participants li', { hasText: 'Ann' }).getByLabel('Hand raised').waitFor();
  assert.equal(await cas.locator('.participants li').count(), 3);
  await shot(cas, 'participants');
  await button(ann, 'Lower hand').click();
  await tile(bob, 'Ann').getByLabel('Hand raised').waitFor({ state: 'detached' });
});

page('somebody is large: who speaks, or who is pinned', async (world) => {
  const { ann } = await meet(world, 'layouts');
  const width = async (name) => (await tile(ann, name).boundingBox()).width;
  assert.equal(await width('Ann'), await width('Bob'));
  await button(ann, 'Show the speaker large').click();
  await ann.waitForFunction(() => {
    const tiles = document.querySelector('madang-call').shadowRoot.querySelectorAll('.tile');
    const [one, other] = [...tiles].map((tile) => tile.offsetWidth);
    return Math.max(one, other) > 2 * Math.min(one, other);
  });
  assert.ok((await width('Bob')) > 2 * (await width('Ann')));
  await moves(ann, 'Bob');
  await tile(ann, 'Ann').hover();
  await button(ann, 'Pin Ann').click();
  await ann.waitForFunction(() => {
    const { shadowRoot } = document.querySelector('madang-call');
    return shadowRoot.querySelector('.tile.local').offsetWidth > 700;
  });
  await Promise.all([moves(ann, 'Ann'), moves(ann, 'Bob')]);
  await shot(ann, 'pinned');
  await button(ann, 'Unpin Ann').click();
  await button(ann, 'Show everybody alike').click();
  await ann.waitForFunction(() => {
    const tiles = document.querySelector('madang-call').shadowRoot.querySelectorAll('.tile');
    return tiles[0].offsetWidth === tiles[1].offsetWidth;
  });
});

page('the link leads others here, and phones can read its code', async (world) => {
  const ann = await visit(world, '/?room=우리 마당&name=Ann&theme=dark');
  await ann.getByRole('button', { name: 'Join' }).click();
  await button(ann, 'Invite').click();
  const link = await ann.locator('.invitation .link').textContent();
  assert.equal(link, `${world.server.url}/?room=${encodeURIComponent('우리 마당')}`);
  await shot(ann, 'invite');
  const code = await ann.getByRole('img', { name: 'QR code of the link' }).screenshot();
  const { width, height, red } = await ann.evaluate(async (png) => {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const { width, height, data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return { width, height, red: [...data].filter((_, at) => at % 4 === 0) };
  }, code.toString('base64'));
  const pixels = Uint8ClampedArray.from(red.flatMap((value) => [value, value, value, 255]));
  assert.equal(jsQR(pixels, width, height)?.data, link);
});

page('the address says how one comes in', async (world) => {
  const query = 'room=direct&prejoin=false&video=off&audio=off&name=Ann&lang=ko&layout=speaker';
  const ann = await visit(world, `/?${query}`, {
    before: () => {
      window.asked = 0;
      const { mediaDevices } = navigator;
      const open = mediaDevices.getUserMedia.bind(mediaDevices);
      mediaDevices.getUserMedia = (constraints) => {
        window.asked += 1;
        return open(constraints);
      };
    },
  });
  await ann.locator('.call').waitFor();
  assert.equal(await ann.evaluate(() => window.asked), 0, 'no device is touched');
  await button(ann, '모두 같은 크기로 보기').waitFor();
  const bob = await visit(world, '/?room=direct');
  await joinAs(bob, 'Bob');
  await bob.locator('.tile.dark', { hasText: 'Ann' }).waitFor();
  await button(ann, '카메라 켜기').click();
  await moves(bob, 'Ann');
  assert.equal(await tile(bob, 'Ann').getByLabel('Microphone is off').count(), 1);
  await button(ann, '마이크 켜기').click();
  await tile(bob, 'Ann').getByLabel('Microphone is off').waitFor({ state: 'hidden' });
  await moves(bob, 'Ann');
});

page('another camera and microphone take over in the call', async (world) => {
  const { ann, bob } = await meet(world, 'switch');
  const used = (page) =>
    page.evaluate(() => {
      const { shadowRoot } = document.querySelector('madang-call');
      const stream = shadowRoot.querySelector('.tile.local video').srcObject;
      return stream.getTracks().map((track) => track.getSettings().deviceId);
    });
  const before = await used(ann);
  await button(ann, 'Settings').click();
  for (const label of ['Camera', 'Microphone']) {
    const select = ann.getByRole('combobox', { name: label });
    const chosen = await select.inputValue();
    const values = await select.locator('option').evaluateAll((all) => all.map((o) => o.value));
    const other = values.findLast((value) => value && value !== chosen && value !== 'default');
    // The picture of Chromium's second fake camera stands still.
    assert.ok(other, `there is another ${label}`);
    await select.selectOption(other);
    await ann.waitForFunction((id) => {
      const { shadowRoot } = document.querySelector('madang-call');
      const stream = shadowRoot.querySelector('.tile.local video').srcObject;
      return stream.getTracks().some((track) => track.getSettings().deviceId === id);
    }, other);
  }
  await shot(ann, 'settings');
  assert.ok((await used(ann)).every((id) => !before.includes(id)));
  await Promise.all([moves(bob, 'Ann'), moves(ann, 'Ann')]);
});

page('the meter shows that the microphone hears something', async (world) => {
  const ann = await visit(world, '/');
  await ann.locator('.level').waitFor();
  // The fake microphone beeps.
  await ann.waitForFunction(() => {
    const { shadowRoot } = document.querySelector('madang-call');
    const { transform } = shadowRoot.querySelector('.level i').style;
    return Number(/scaleX\((.*)\)/.exec(transform)?.[1]) > 0.3;
  });
});

page('how good somebody’s connection is stands on the picture', async (world) => {
  const { ann } = await meet(world, 'quality');
  await tile(ann, 'Bob')
    .getByLabel(/Connection: \d of 5/)
    .waitFor();
});

page('somebody is muted for oneself alone', async (world) => {
  const { ann, bob } = await meet(world, 'quiet');
  await button(ann, 'Participants').click();
  assert.equal(
    await ann.getByRole('button', { name: /^Remove/ }).count(),
    0,
    'for moderators only',
  );
  await button(ann, 'Mute Bob for me').click();
  await button(ann, 'Hear Bob again').waitFor();
  const isMuted = (page, name) =>
    tile(page, name)
      .locator('video')
      .evaluate((v) => v.muted);
  assert.equal(await isMuted(ann, 'Bob'), true);
  assert.equal(await isMuted(bob, 'Ann'), false);
});

page('a refused token leads back to the lobby, with the reason', async (world) => {
  const room = 'taken';
  const id = `call-${Buffer.from(room).toString('base64url')}`;
  await rest(world.server, 'POST', '/openvidu/api/sessions', { customSessionId: id });
  const ann = await visit(world, `/?room=${room}`);
  await ann.getByLabel('Your name').fill('Ann');
  await ann.getByRole('button', { name: 'Join' }).click();
  await ann.getByRole('alert').getByText('This room belongs to an application').waitFor();
  await joinAs(ann, 'Ann', 'free');
});
