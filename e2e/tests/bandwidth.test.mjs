/** Limits of what pictures take, by `kurentoOptions` of a connection, and layers that nobody watches. */

import assert from 'node:assert/strict';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite({ OPENVIDU_WEBRTC_SIMULCAST: 'true' });

scenario('a publisher sends no more than its connection may', async ({ call }) => {
  const room = await call();
  const camera = { resolution: '640x480', frameRate: 30, videoSimulcast: false };
  const held = await room.join('held', { kurentoOptions: { videoMaxRecvBandwidth: 300 } });
  await held.publish(camera);
  const free = await room.join('free');
  await free.publish(camera);
  await free.sees(held);
  // The same picture takes more where it may.
  await free.do('sendsLike', '(rates) => rates.only > 350');
  const { only } = await held.do('sendingRates', 10);
  assert.ok(only > 50 && only <= 330, `${only} kbit/s`);
});

scenario('a subscriber gets the layers within its limit, and others the best', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish({ resolution: '1280x720', frameRate: 30, videoSimulcast: true });
  const held = await room.join('held', { kurentoOptions: { videoMaxSendBandwidth: 200 } });
  const free = await room.join('free');
  await held.sees(ann);
  await free.receives(ann, ({ now }) => now.width >= 640);
  await held.receives(
    ann,
    ({ now, before }) => now.width === 320 && now.frames > before.frames + 60,
  );
  // Nobody else is given less because of it.
  await free.receives(
    ann,
    ({ now, before }) => now.width >= 640 && now.frames > before.frames + 60,
  );
});

scenario('layers that nobody watches stop, and are back for who comes', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish({ resolution: '1280x720', frameRate: 30, videoSimulcast: true });
  await ann.do('sendsLike', '({ rdiv2 }) => rdiv2 > 50');
  await ann.do('sendsLike', '({ rdiv4, rdiv2, rdiv1 }) => rdiv4 > 20 && !(rdiv2 + rdiv1 > 0)');
  const bob = await room.join('bob');
  await bob.sees(ann);
  await bob.receives(ann, ({ now }) => now.width >= 640);
});
