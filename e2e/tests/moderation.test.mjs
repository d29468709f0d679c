/** Roles, and what moderators and the application may do to others. */

import assert from 'node:assert/strict';
import { rest } from '../harness/rest.mjs';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite();

scenario('a subscriber cannot publish', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann', { role: 'SUBSCRIBER' });
  const bob = await room.join('bob');
  assert.equal(ann.role, 'SUBSCRIBER');
  await ann.refuses('publish', [], /OPENVIDU_PERMISSION_DENIED/);
  await bob.publish();
  await ann.sees(bob);
});

scenario('a publisher cannot force anybody', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann', { role: 'PUBLISHER' });
  const bob = await room.join('bob');
  await bob.publish();
  await ann.sees(bob);
  await ann.refuses('forceUnpublish', [bob.id], /OPENVIDU_PERMISSION_DENIED/);
  await ann.refuses('forceDisconnect', [bob.id], /OPENVIDU_PERMISSION_DENIED/);
  await ann.sees(bob);
});

scenario('a moderator ends a stream, and its owner may publish again', async ({ call }) => {
  const room = await call();
  const chair = await room.join('chair', { role: 'MODERATOR' });
  const bob = await room.join('bob');
  const first = await bob.publish();
  await chair.sees(bob);
  await chair.do('forceUnpublish', bob.id);
  const reason = 'forceUnpublishByUser';
  await chair.event('streamDestroyed', { streamId: first, reason });
  await bob.event('publisherDestroyed', { reason });
  await bob.publish();
  await chair.sees(bob);
});

scenario('a moderator removes somebody from the session', async ({ call }) => {
  const room = await call();
  const chair = await room.join('chair', { role: 'MODERATOR' });
  const bob = await room.join('bob');
  const eve = await room.join('eve');
  await bob.publish();
  await eve.sees(bob);
  await chair.do('forceDisconnect', bob.id);
  const reason = 'forceDisconnectByUser';
  await bob.event('sessionDisconnected', { reason });
  await eve.event('streamDestroyed', { connectionId: bob.id, reason });
  await eve.event('connectionDestroyed', { connectionId: bob.id, reason });
  await chair.event('connectionDestroyed', { connectionId: bob.id, reason });
  assert.equal((await room.show()).connections.numberOfElements, 2);
});

scenario('the application ends a stream, then a connection, by REST', async ({ call, server }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await bob.publish();
  await ann.sees(bob);
  const stream = await rest(server, 'DELETE', `${room.path}/stream/${bob.streamId}`);
  assert.equal(stream.status, 204);
  await ann.event('streamDestroyed', { reason: 'forceUnpublishByServer' });
  await bob.event('publisherDestroyed', { reason: 'forceUnpublishByServer' });
  const connection = await rest(server, 'DELETE', `${room.path}/connection/${bob.id}`);
  assert.equal(connection.status, 204);
  await bob.event('sessionDisconnected', { reason: 'forceDisconnectByServer' });
  await ann.event('connectionDestroyed', { reason: 'forceDisconnectByServer' });
});

scenario('closing the session by REST ends it for everybody', async ({ call, server }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  assert.equal((await rest(server, 'DELETE', room.path)).status, 204);
  await ann.event('sessionDisconnected', { reason: 'sessionClosedByServer' });
  await bob.event('sessionDisconnected', { reason: 'sessionClosedByServer' });
  assert.equal((await rest(server, 'GET', room.path)).status, 404);
});

scenario('a token is accepted once', async ({ call }) => {
  const room = await call();
  const token = await room.token();
  await room.join('ann', { token });
  const thief = await room.open('thief', { token });
  await assert.rejects(thief.enter(), /401/);
  const stranger = await room.open('stranger', { token: `${token}x` });
  await assert.rejects(stranger.enter(), /401/);
});
