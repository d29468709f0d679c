/**
 * Older openvidu-node-clients, unmodified: each lives through a whole session. What the newest one
 * shows in more depth is in node-client.test.mjs.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { RawClient } from '../harness/rawclient.mjs';
import { rest } from '../harness/rest.mjs';
import { secret, startServer } from '../harness/server.mjs';

const require = createRequire(import.meta.url);
const offer = readFileSync(new URL('../fixtures/offer.sdp', import.meta.url), 'utf8');

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

/** Somebody in the call, as far as an application server can see: signalling without media. */
async function enter(session, connection) {
  const client = await RawClient.open(server);
  const joined = await client.join({ id: session.sessionId }, connection.token);
  assert.equal(joined.error, undefined);
  return client;
}

async function publish(client) {
  const published = await client.publish(offer, {
    videoActive: false,
    typeOfVideo: 'SCREEN',
    frameRate: 15,
    videoDimensions: '{"width":320,"height":240}',
  });
  assert.equal(published.error, undefined);
  return published.result.id;
}

for (const version of ['2.20.2', '2.24.0', '2.28.0']) {
  const { OpenVidu } = require(`ovn-${version}`);
  const client = (password = secret) => {
    const openvidu = new OpenVidu(server.url, password);
    openvidu.enableProdMode?.();
    return openvidu;
  };

  test(`openvidu-node-client ${version} lives through a session`, async () => {
    const openvidu = client();
    const id = `node-${version.replaceAll('.', '-')}`;
    const session = await openvidu.createSession({ customSessionId: id });
    assert.equal(session.getSessionId(), id);
    // After a creation the client keeps the properties in another order than after a fetch, and
    // takes that for a change.
    await session.fetch();
    assert.equal(await session.fetch(), false);
    await openvidu.fetch();
    assert.equal(await openvidu.fetch(), false);
    const again = await client().createSession({ customSessionId: id });
    await again.fetch();
    assert.equal(again.createdAt, session.createdAt);

    const connection = await session.createConnection({ role: 'MODERATOR', data: 'server data' });
    assert.equal(connection.status, 'pending');
    assert.match(connection.token, /token=tok_/);
    assert.equal(await session.fetch(), false);
    const changed = await session.updateConnection(connection.connectionId, {
      role: 'PUBLISHER',
      record: false,
    });
    assert.equal(changed.connectionProperties.role, 'PUBLISHER');
    // The client forgets to change its own second copy of the role.
    await session.fetch();
    assert.equal(await session.fetch(), false);

    const ann = await enter(session, connection);
    assert.equal(await session.fetch(), true);
    assert.equal(await session.fetch(), false);
    const stream = await publish(ann);
    assert.equal(await session.fetch(), true);
    assert.equal(await session.fetch(), false);
    assert.equal(await openvidu.fetch(), false);
    const [active] = session.activeConnections;
    assert.equal(active.connectionId, connection.connectionId);
    assert.equal(active.serverData, 'server data');
    assert.equal(active.platform, 'raw');
    assert.equal(active.publishers[0].streamId, stream);
    assert.equal(active.publishers[0].typeOfVideo, 'SCREEN');
    assert.equal(active.publishers[0].videoActive, false);
    assert.equal(active.publishers[0].frameRate, 15);

    const sent = await rest(server, 'POST', '/openvidu/api/signal', { session: id, data: 'hi' });
    assert.equal(sent.status, 200);

    await session.forceUnpublish(active.publishers[0]);
    assert.equal(session.activeConnections[0].publishers.length, 0);
    assert.equal(await session.fetch(), false);
    const bob = await session.createConnection();
    await session.forceDisconnect(bob);
    await session.forceDisconnect(connection.connectionId);
    assert.equal(session.activeConnections.length, 0);
    // It was the last one, so the session ended with it.
    await assert.rejects(session.fetch(), { message: '404' });
    ann.close();
  });

  test(`openvidu-node-client ${version} reports failures as their status`, async () => {
    await assert.rejects(client('wrong').createSession(), { message: '401' });
    const session = await client().createSession();
    await assert.rejects(session.createConnection({ role: 'KING' }), { message: '400' });
    await assert.rejects(session.forceDisconnect('con_unknown'), { message: '404' });
    await assert.rejects(session.forceUnpublish('str_unknown'), { message: '404' });
    await assert.rejects(client().startRecording(session.sessionId), { message: '501' });
    assert.match(await session.generateToken(), /token=tok_/);
    await session.close();
    await assert.rejects(session.fetch(), { message: '404' });
    await assert.rejects(session.createConnection(), { message: '404' });
    server.assertHealthy();
  });
}
