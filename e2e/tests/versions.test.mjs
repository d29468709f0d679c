/** Every supported generation of openvidu-browser, unmodified, calls and is called. */

import { suite } from '../harness/suite.mjs';

const { scenario } = suite();

for (const version of ['2.20.0', '2.25.0', '2.28.0', '2.32.2']) {
  scenario(`two participants with ${version} see and hear each other`, async ({ call }) => {
    const room = await call();
    const ann = await room.join('ann', { version });
    const bob = await room.join('bob', { version });
    await Promise.all([ann.publish(), bob.publish()]);
    await Promise.all([ann.sees(bob), bob.sees(ann)]);
  });
}

scenario('the oldest and the newest client are in one call', async ({ call }) => {
  const room = await call();
  const old = await room.join('old', { version: '2.20.0' });
  const young = await room.join('young', { version: '2.32.2' });
  await Promise.all([old.publish(), young.publish()]);
  await Promise.all([old.sees(young), young.sees(old)]);
});
