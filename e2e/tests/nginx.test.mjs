/** Behind the operator's own nginx, over HTTPS with a certificate that nobody knows. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { OpenVidu } from 'openvidu-node-client';
import { Browsers } from '../harness/browsers.mjs';
import { openRoom } from '../harness/call.mjs';
import { fromGuide, name, startNginx } from '../harness/nginx.mjs';
import { RawClient } from '../harness/rawclient.mjs';
import { rest, restOk } from '../harness/rest.mjs';
import { freeTcpPort, secret, startServer } from '../harness/server.mjs';
import { startSite } from '../harness/site.mjs';

// As the clients of application servers do, which accept any certificate.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

const locationByLocation = readFileSync(
  new URL('../fixtures/nginx-locations.conf', import.meta.url),
  'utf8',
);

/** What stands behind nginx, and nginx. */
class Installation {
  participants = new Set();

  static async start(configuration) {
    const it = new Installation();
    it.folder = mkdtempSync(join(tmpdir(), 'madang-behind-'));
    it.port = await freeTcpPort();
    it.site = await startSite();
    it.madang = await startServer({
      DOMAIN_OR_PUBLIC_IP: name,
      HTTPS_PORT: String(it.port),
      OPENVIDU_CDR: 'true',
      OPENVIDU_CDR_PATH: it.folder,
    });
    it.nginx = await startNginx(configuration, {
      port: it.port,
      serverPort: it.madang.port,
      applicationPort: Number(new URL(it.site.client('')).port),
    });
    // Everything that is asked for goes through nginx.
    it.server = { url: it.nginx.url };
    return it;
  }

  /** Events of one kind so far. */
  events(kind) {
    const files = readdirSync(this.folder).filter((file) => file.startsWith('CDR.'));
    const lines = files.flatMap((file) =>
      readFileSync(join(this.folder, file), 'utf8').trimEnd().split('\n'),
    );
    return lines.map((line) => JSON.parse(line)[kind]).filter(Boolean);
  }

  async stop() {
    this.nginx?.stop();
    await this.madang?.stop();
    this.site?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

let guide;
let classic;
let browsers;

before(async () => {
  browsers = new Browsers();
  guide = await Installation.start(fromGuide());
  guide.browsers = browsers;
  // The application's page comes through nginx, too.
  guide.site.client = (version) => `https://${name}:${guide.port}/client?version=${version}`;
  classic = await Installation.start(locationByLocation);
});

after(async () => {
  await browsers?.stop();
  await guide?.stop();
  await classic?.stop();
});

function scenario(title, run) {
  test(title, { timeout: 240_000 }, async (context) => {
    try {
      await run();
      guide.madang.assertHealthy();
      classic.madang.assertHealthy();
    } catch (error) {
      for (const { nginx, madang } of [guide, classic]) {
        context.diagnostic(`nginx: ${nginx.log().slice(-3000)}`);
        context.diagnostic(`server: ${madang.tail()}`);
      }
      throw error;
    } finally {
      await Promise.all([...guide.participants].map((p) => p.close().catch(() => {})));
      guide.participants.clear();
    }
  });
}

scenario('a call through nginx goes on while nginx takes its configuration anew', async () => {
  const room = await openRoom(guide);
  const ann = await room.join('ann');
  const bob = await room.join('bob', { version: '2.20.0' });
  assert.match(ann.token, new RegExp(`^wss://${name}:${guide.port}\\?sessionId=`));
  await ann.publish();
  await bob.sees(ann);
  guide.nginx.reload();
  await bob.publish();
  await ann.sees(bob);
  await ann.do('signal', { type: 'chat', data: 'still here' });
  assert.equal((await bob.event('signal')).data, 'still here');
  assert.equal(await ann.count('reconnecting'), 0);
});

scenario('an application server finds everything behind nginx', async () => {
  for (const { nginx, port } of [guide, classic]) {
    const openvidu = new OpenVidu(nginx.url, secret);
    const session = await openvidu.createSession({ customSessionId: 'room' });
    const { token } = await session.createConnection({ data: 'x'.repeat(9000) });
    assert.match(token, new RegExp(`^wss://${name}:${port}\\?sessionId=room&token=tok_`));
    await session.fetch();
    assert.equal(session.connections.length, 1);
    await session.close();
  }
});

scenario('every path leads to the server that has it', async () => {
  for (const installation of [guide, classic]) {
    const get = (path) => rest(installation.server, 'GET', path);
    assert.match((await get('/client?version=2.32.2')).body, /agent\.js/);
    assert.equal((await get('/openvidu/accept-certificate')).status, 200);
    assert.equal((await get('/openvidu/cdr')).status, 200);
    const url = (await get('/openvidu/api/config/openvidu-publicurl')).body;
    assert.equal(url, `https://${name}:${installation.port}/`);
    const wrong = await fetch(`${installation.nginx.url}/openvidu/api/sessions`);
    assert.equal(wrong.status, 401);
    assert.equal(wrong.headers.get('www-authenticate'), 'Basic realm="Realm"');
    // Not the application's 404, which has no body.
    for (const path of ['/dashboard', '/openvidu/recordings/nothing/nothing.mp4']) {
      const answer = await fetch(`${installation.nginx.url}${path}`);
      assert.notEqual(answer.headers.get('x-content-type-options'), null, path);
    }
  }
  const answer = await fetch(`${guide.nginx.redirectUrl}/a?b`, { redirect: 'manual' });
  assert.equal(answer.status, 301);
  mkdirSync(join(guide.nginx.home, 'custom-layout'));
  writeFileSync(join(guide.nginx.home, 'custom-layout/index.html'), 'layout');
  assert.equal((await rest(guide.server, 'GET', '/openvidu/layouts/index.html')).body, 'layout');
});

scenario('a silent socket stays open, and events have the address of the client', async () => {
  for (const installation of [guide, classic]) {
    const { id } = await restOk(installation.server, 'POST', '/openvidu/api/sessions', {});
    const path = `/openvidu/api/sessions/${id}/connection`;
    const { token } = await restOk(installation.server, 'POST', path, {});
    const client = await RawClient.open(installation.server, {
      url: `wss://localhost:${installation.port}/openvidu?sessionId=x`,
      localAddress: '127.0.0.5',
    });
    assert.equal((await client.join({ id }, token)).error, undefined);
    await installation.nginx.defaultTimeout();
    const { result } = await client.request('ping', { interval: 5000 });
    assert.equal(result.value, 'pong');
    const [connection] = (await restOk(installation.server, 'GET', path)).content;
    assert.equal(connection.ip, '127.0.0.5');
    assert.equal(installation.events('participantJoined').at(-1).ip, '127.0.0.5');
    client.close();
  }
});
