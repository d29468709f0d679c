/** Debian's Firefox ESR in a call with Chromium, and our own pages in it. */

import { secret } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';
import { moves, tile } from '../harness/visitor.mjs';

const { scenario } = suite();

scenario('Firefox and Chromium see and hear each other', async ({ call }) => {
  const room = await call();
  const fox = await room.join('fox', { browser: 'firefox' });
  const ann = await room.join('ann');
  await Promise.all([fox.publish(), ann.publish()]);
  await Promise.all([fox.sees(ann), ann.sees(fox)]);
});

scenario('Firefox joins late and sees who published before', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish();
  const fox = await room.join('fox', { browser: 'firefox' });
  await fox.sees(ann);
  await fox.do('leave');
  await ann.event('connectionDestroyed', { connectionId: fox.id, reason: 'disconnect' });
});

/** Once something is so in a page of Firefox. */
const until = (page, condition, ...args) =>
  page.waitForFunction(condition, { timeout: 45_000, polling: 100 }, ...args);

scenario('the page at / in Firefox: two people see and hear each other', async (world) => {
  const { browsers, server } = world;
  const fox = await browsers.page('firefox');
  const ann = await browsers.page('chromium', { locale: 'en-GB' });
  try {
    await fox.goto(`${server.url}/?room=fox&name=Fox&prejoin=false&lang=en`);
    await until(fox, () => document.querySelector('madang-call').shadowRoot.querySelector('.call'));
    await ann.goto(`${server.url}/?room=fox&name=Ann&prejoin=false&lang=en`);
    await moves(ann, 'Fox');
    // Firefox does not count the pictures of a live stream in the element.
    await until(fox, async () => {
      const { session, shadowRoot } = document.querySelector('madang-call');
      const ann = session.streamManagers.find(({ remote }) => remote);
      const stats = await ann.stream.getRTCPeerConnection().getStats();
      const decoded = [...stats.values()].some(({ framesDecoded }) => framesDecoded > 10);
      const video = shadowRoot.querySelector('.tile:not(.local) video');
      return decoded && video.videoWidth > 0 && video.currentTime > 1;
    });
    await fox.evaluate(() => {
      document.querySelector('madang-call').shadowRoot.querySelector('.round.leave').click();
    });
    await until(fox, () => document.querySelector('madang-call').shadowRoot.querySelector('.over'));
    await tile(ann, 'Fox').waitFor({ state: 'detached' });
  } finally {
    await Promise.all([fox.close(), ann.close()]);
  }
});

scenario(
  'the dashboard in Firefox: from the list to a session and what happened in it',
  async (world) => {
    const { browsers, call, server } = world;
    const room = await call();
    const ann = await room.join('ann');
    await ann.publish();
    const fox = await browsers.page('firefox');
    try {
      await fox.authenticate({ username: 'OPENVIDUAPP', password: secret });
      await fox.goto(`${server.url}/dashboard/`);
      const link = await fox.waitForSelector(`[data-session="${room.id}"] a`);
      await link.click();
      await fox.waitForSelector(`[data-connection="${ann.id}"] .chip.leg`);
      await fox.waitForSelector('[data-entry="first-key-frame"]');
      await ann.do('publishVideo', false);
      await fox.waitForSelector('[data-finding="camera-off"]');
      await fox.evaluate(() => document.querySelector('[data-action="disconnect"]').click());
      await (await fox.waitForSelector('[data-action="confirm"]')).click();
      await ann.event('sessionDisconnected', { reason: 'forceDisconnectByServer' });
    } finally {
      await fox.close();
    }
  },
);
