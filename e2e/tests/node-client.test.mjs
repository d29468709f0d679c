/** openvidu-node-client 2.32.2, unmodified: what it says about sessions and connections. */

import assert from 'node:assert/strict';
import { OpenVidu, OpenViduRole } from 'openvidu-node-client';
import { secret } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite();

const client = (server, password = secret) => {
  const openvidu = new OpenVidu(server.url, password);
  openvidu.enableProdMode();
  return openvidu;
};

/**
 * After its own calls the client compares two notations of one thing (another order of keys, a role
 * it did not update) and reports a change that no server made: one fetch evens that out.
 */
const settled = (what) => what.fetch();

scenario('a session is created, found, and closed', async ({ server }) => {
  const openvidu = client(server);
  const session = await openvidu.createSession({ customSessionId: 'board-room' });
  assert.equal(session.getSessionId(), 'board-room');
  assert.ok(session.createdAt > 0);
  assert.equal(session.properties.mediaMode, 'ROUTED');
  assert.deepEqual(
    openvidu.activeSessions.map((s) => s.sessionId),
    ['board-room'],
  );
  await settled(openvidu);
  assert.equal(await openvidu.fetch(), false);

  // A second one of that name is the same one: the client turns 409 into a fetch.
  const again = await client(server).createSession({ customSessionId: 'board-room' });
  assert.equal(again.createdAt, session.createdAt);

  await session.close();
  assert.deepEqual(openvidu.activeSessions, []);
  await assert.rejects(session.fetch(), { message: '404' });
  await assert.rejects(session.close(), { message: '404' });
});

scenario('another client learns of sessions by fetch', async ({ server }) => {
  const [one, two] = [client(server), client(server)];
  const session = await one.createSession();
  assert.equal(await two.fetch(), true);
  assert.ok(two.activeSessions.some((s) => s.sessionId === session.sessionId));
  assert.equal(await two.fetch(), false);
  await session.close();
  assert.equal(await two.fetch(), true);
  assert.equal(await two.fetch(), false);
});

scenario('connections are created, changed and removed', async ({ server }) => {
  const openvidu = client(server);
  const session = await openvidu.createSession();
  await settled(session);
  assert.equal(await session.fetch(), false);

  const connection = await session.createConnection({
    role: OpenViduRole.MODERATOR,
    data: 'server data',
    record: false,
  });
  assert.match(connection.connectionId, /^con_/);
  assert.match(connection.token, /^ws:\/\/localhost:\d+\?sessionId=.+&token=tok_/);
  assert.equal(connection.status, 'pending');
  assert.equal(connection.connectionProperties.role, 'MODERATOR');
  assert.equal(connection.connectionProperties.data, 'server data');
  assert.equal(connection.connectionProperties.record, false);
  assert.equal(await session.fetch(), false);
  assert.equal(session.connections.length, 1);
  assert.equal(session.activeConnections.length, 0);

  const changed = await session.updateConnection(connection.connectionId, {
    role: OpenViduRole.SUBSCRIBER,
    record: true,
  });
  assert.equal(changed.connectionProperties.role, 'SUBSCRIBER');
  assert.equal(changed.connectionProperties.record, true);
  await settled(session);
  assert.equal(await session.fetch(), false);

  await session.forceDisconnect(connection);
  assert.equal(session.connections.length, 0);
  await assert.rejects(session.forceDisconnect(connection), { message: '404' });
  await assert.rejects(session.updateConnection(connection.connectionId, {}), { message: '404' });
  await assert.rejects(session.createConnection({ role: 'KING' }), { message: '400' });
  await session.close();
  await assert.rejects(session.createConnection(), { message: '404' });
});

scenario('the deprecated token still lets somebody in', async ({ server, call }) => {
  const room = await call();
  const openvidu = client(server);
  await openvidu.fetch();
  const session = openvidu.activeSessions.find((s) => s.sessionId === room.id);
  const token = await session.generateToken({ role: OpenViduRole.PUBLISHER, data: 'old way' });
  const ann = await room.join('ann', { token });
  assert.equal(ann.role, 'PUBLISHER');
});

scenario('fetch tells what happened in the call, once', async ({ server, call }) => {
  const room = await call();
  const openvidu = client(server);
  await openvidu.fetch();
  const session = openvidu.activeSessions.find((s) => s.sessionId === room.id);

  const ann = await room.join('ann');
  const bob = await room.join('bob');
  assert.equal(await session.fetch(), true);
  assert.equal(await session.fetch(), false);
  assert.equal(await openvidu.fetch(), false);

  await ann.publish();
  await bob.sees(ann);
  assert.equal(await session.fetch(), true);
  assert.equal(await session.fetch(), false);
  const [seenAnn, seenBob] = [ann, bob].map((p) =>
    session.activeConnections.find((c) => c.connectionId === p.id),
  );
  assert.equal(seenAnn.publishers[0].streamId, ann.streamId);
  assert.equal(seenAnn.publishers[0].hasVideo, true);
  assert.deepEqual(seenBob.subscribers, [ann.streamId]);
  assert.equal(seenAnn.clientData, '{"clientData":"ann"}');
  assert.match(seenAnn.platform, /Chrome/);

  await session.forceUnpublish(seenAnn.publishers[0]);
  await bob.event('streamDestroyed', { reason: 'forceUnpublishByServer' });
  assert.equal(await session.fetch(), false);
  await assert.rejects(session.forceUnpublish(ann.streamId), { message: '404' });

  await session.forceDisconnect(ann.id);
  await ann.event('sessionDisconnected', { reason: 'forceDisconnectByServer' });
  assert.equal(await session.fetch(), false);
  await session.close();
  await bob.event('sessionDisconnected', { reason: 'sessionClosedByServer' });
});

scenario('a role changed by the application binds at once', async ({ server, call }) => {
  const room = await call();
  const openvidu = client(server);
  await openvidu.fetch();
  const session = openvidu.activeSessions.find((s) => s.sessionId === room.id);
  const ann = await room.join('ann', { role: 'SUBSCRIBER' });
  await ann.refuses('publish', [], /OPENVIDU_PERMISSION_DENIED/);
  await session.fetch();
  await session.updateConnection(ann.id, { role: OpenViduRole.PUBLISHER });
  await settled(session);
  assert.equal(await session.fetch(), false);
  await ann.event('connectionPropertyChanged', { property: 'role', newValue: 'PUBLISHER' });
  const { connections } = await room.show();
  assert.equal(connections.content[0].role, 'PUBLISHER');
});

scenario('a wrong secret and a bad property come back as their status', async ({ server }) => {
  await assert.rejects(client(server, 'wrong').fetch(), { message: '401' });
  await assert.rejects(client(server, 'wrong').createSession(), { message: '401' });
  const bad = client(server).createSession({ mediaMode: 'NOT_EXISTS' });
  await assert.rejects(bad, { message: '400' });
});

scenario('recording answers that it is switched off', async ({ server, call }) => {
  const room = await call();
  await room.join('ann');
  const openvidu = client(server);
  await assert.rejects(openvidu.startRecording(room.id), { message: '501' });
  await assert.rejects(openvidu.listRecordings(), { message: '501' });
});
