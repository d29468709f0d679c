/** Video codecs, chosen by the session and by default. */

import assert from 'node:assert/strict';
import { scaled } from '../harness/scaled.mjs';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite();

for (const codec of ['VP8', 'VP9', 'H264']) {
  scenario(`a session that forces ${codec} carries ${codec}`, async ({ call }, context) => {
    const room = await call({ forcedVideoCodec: codec });
    const ann = await room.join('ann');
    const bob = await room.join('bob');
    const mine = await ann.page.evaluate(() =>
      RTCRtpSender.getCapabilities('video').codecs.map((c) => c.mimeType),
    );
    if (!mine.includes(`video/${codec}`)) return context.skip(`this browser has no ${codec}`);
    await Promise.all([ann.publish(), bob.publish()]);
    const [seen] = await Promise.all([bob.sees(ann), ann.sees(bob)]);
    assert.equal(seen.codec, `video/${codec}`);
  });
}

scenario('a session that forces nothing carries what the browser prefers', async ({ call }) => {
  const room = await call({ forcedVideoCodec: 'NONE' });
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  assert.match((await bob.sees(ann)).codec, /^video\//);
});

scenario('AV1 in sizes is shown in its largest one', async ({ call }) => {
  const room = await call({ forcedVideoCodec: 'NONE' });
  const layers = { mode: 'L3T3_KEY', codec: 'AV1' };
  const ann = await room.join('ann', { auto: false, before: [scaled, layers] });
  await ann.publish({ resolution: '640x480', frameRate: 15 });
  for (const browser of ['chromium', 'firefox']) {
    const viewer = await room.join(browser, { browser });
    assert.equal((await viewer.sees(ann)).codec, 'video/AV1');
    await viewer.receives(
      ann,
      ({ now, before }) => now.width === 640 && now.frames > before.frames + 10,
    );
    await viewer.do('leave');
  }
  const sent = (await ann.do('sent')).find((stream) => stream.kind === 'video');
  // Of small pictures there are fewer.
  assert.match(sent.scalabilityMode, /^L[23]T3_KEY$/, JSON.stringify(sent));
});

/** Headless Firefox has no H264. */
const noH264 = /Error forcing codec: 'H264'/;

scenario(
  'who lacks the forced codec is told so, and everybody else goes on',
  async ({ call }, context) => {
    const room = await call({ forcedVideoCodec: 'H264' });
    const ann = await room.join('ann');
    const codecs = await ann.page.evaluate(() =>
      RTCRtpSender.getCapabilities('video').codecs.map((c) => c.mimeType),
    );
    if (!codecs.includes('video/H264')) return context.skip('this browser has no H264');
    const fox = await room.join('fox', { browser: 'firefox', auto: false });
    await fox.refuses('publish', [{}], noH264);
    await ann.publish();
    await fox.event('streamCreated', { connectionId: ann.id });
    await fox.refuses('subscribe', [ann.id], noH264);
    const bob = await room.join('bob');
    assert.equal((await bob.sees(ann)).codec, 'video/H264');
  },
);

scenario(
  'where it is allowed who lacks the forced codec publishes another one',
  async ({ call }) => {
    const room = await call({ forcedVideoCodec: 'H264', allowTranscoding: true });
    const ann = await room.join('ann');
    const fox = await room.join('fox', { browser: 'firefox' });
    await fox.publish();
    assert.equal((await ann.sees(fox)).codec, 'video/VP8');
  },
);
