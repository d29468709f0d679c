/** Video codecs, chosen by the session and by default. */

import assert from 'node:assert/strict';
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
