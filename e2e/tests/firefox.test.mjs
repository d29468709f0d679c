/** Debian's Firefox ESR in a call with Chromium. */

import { suite } from '../harness/suite.mjs';

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
