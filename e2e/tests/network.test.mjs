/** Tabs that crash and cables that are cut. */

import assert from 'node:assert/strict';
import { openRoom } from '../harness/call.mjs';
import { startRelay } from '../harness/relay.mjs';
import { startServer } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite();

scenario('a crashed tab leaves the call when its grace is over', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await bob.publish();
  await ann.sees(bob);
  await bob.page.goto('chrome://crash').catch(() => {});
  const reason = 'networkDisconnect';
  await ann.event('streamDestroyed', { connectionId: bob.id, reason });
  await ann.event('connectionDestroyed', { connectionId: bob.id, reason });
  assert.equal((await room.show()).connections.numberOfElements, 1);
});

scenario('a short cut of the socket loses nothing', async ({ call, server }) => {
  const relay = await startRelay(server.port);
  try {
    const room = await call();
    const ann = await room.join('ann');
    const bob = await room.join('bob', { relay });
    await Promise.all([ann.publish(), bob.publish()]);
    await Promise.all([ann.sees(bob), bob.sees(ann)]);

    relay.cut();
    await bob.event('reconnecting');
    // Media has its own path and goes on; what happens meanwhile is told later, in order.
    await ann.sees(bob);
    const eve = await room.join('eve');
    await eve.publish();
    await ann.do('signal', { type: 'missed', data: 'while you were away' });
    relay.mend();

    await bob.event('reconnected');
    await bob.event('connectionCreated', { connectionId: eve.id });
    await bob.event('streamCreated', { connectionId: eve.id });
    await bob.event('signal', { type: 'signal:missed' });
    await Promise.all([bob.sees(eve), bob.sees(ann), ann.sees(bob)]);
    await bob.do('signal', { type: 'back', data: '' });
    await ann.event('signal', { type: 'signal:back' });
    assert.equal(await ann.count('connectionDestroyed'), 0);
  } finally {
    relay.stop();
  }
});

scenario(
  'a long cut of the socket ends the participation where nobody may return',
  async (world) => {
    const server = await startServer({ MADANG_RETURN_WINDOW: '0' });
    const relay = await startRelay(server.port);
    try {
      const room = await openRoom({ ...world, server });
      const ann = await room.join('ann');
      const bob = await room.join('bob', { relay });
      await bob.publish();
      await ann.sees(bob);
      relay.cut();
      await bob.event('reconnecting');
      await ann.event('connectionDestroyed', { connectionId: bob.id, reason: 'networkDisconnect' });
      relay.mend();
      await bob.event('sessionDisconnected', { reason: 'networkDisconnect' });
      assert.equal((await room.show()).connections.numberOfElements, 1);
    } finally {
      relay.stop();
      await server.stop();
    }
  },
);
