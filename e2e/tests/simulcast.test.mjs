/** Publishers that send several sizes at once. */

import assert from 'node:assert/strict';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite({ OPENVIDU_WEBRTC_SIMULCAST: 'true' });

scenario('a subscriber receives the best layer of a simulcast publisher', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish({ resolution: '1280x720', videoSimulcast: true });
  await bob.sees(ann);
  await bob.receives(
    ann,
    ({ now, before }) => now.width >= 640 && now.height >= 360 && now.frames > before.frames,
  );
  const layers = (await ann.do('sent')).filter((s) => s.kind === 'video' && s.rid);
  assert.ok(layers.length >= 2, `the publisher sends layers: ${JSON.stringify(layers)}`);
  // Whoever comes later gets a key frame of that layer, too.
  const late = await room.join('late');
  await late.sees(ann);
  await late.receives(ann, ({ now }) => now.width >= 640);
});
