/**
 * Application servers without an OpenVidu client: what Express and Spring applications use for REST,
 * with credentials sent at once or after a 401. The Spring half is ../java-http.
 */

import assert from 'node:assert/strict';
import http from 'node:http';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { runMaven } from '../harness/maven.mjs';
import { secret, startServer } from '../harness/server.mjs';

const require = createRequire(import.meta.url);
const username = 'OPENVIDUAPP';
const basic = `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}`;

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

/** `send(method, path, body)` resolves to `{ status, data }`. */
async function livesThrough(id, send) {
  const created = await send('POST', '/sessions', { customSessionId: id });
  assert.equal(created.status, 200);
  assert.equal(created.data.id, id);
  const connection = await send('POST', `/sessions/${id}/connection`, { data: '안녕 마당' });
  assert.equal(connection.data.serverData, '안녕 마당');
  assert.equal((await send('POST', '/sessions', { customSessionId: id })).status, 409);
  assert.equal((await send('GET', `/sessions/${id}`)).status, 200);
  assert.equal((await send('DELETE', `/sessions/${id}`)).status, 204);
  assert.equal((await send('GET', `/sessions/${id}`)).status, 404);
}

test('axios with its auth option', async () => {
  const axios = require('axios').create({
    baseURL: `${server.url}/openvidu/api`,
    auth: { username, password: secret },
    validateStatus: () => true,
  });
  await livesThrough('axios', (method, url, data) => axios.request({ method, url, data }));
});

test('fetch with a header', async () => {
  await livesThrough('fetch', async (method, path, body) => {
    const response = await fetch(`${server.url}/openvidu/api${path}`, {
      method,
      headers: { authorization: basic, 'content-type': 'application/json; charset=utf-8' },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, data: text && JSON.parse(text) };
  });
});

test("Node's own client on one kept connection, a body in chunks, credentials after the 401", async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const attempt = (method, path, body, authorization) =>
    new Promise((done, failed) => {
      const request = http.request(`${server.url}/openvidu/api${path}`, {
        method,
        agent,
        headers: { ...(authorization && { authorization }), 'content-type': 'application/json' },
      });
      request.on('error', failed).on('response', async (response) => {
        let text = '';
        for await (const piece of response.setEncoding('utf8')) text += piece;
        const { statusCode: status, headers } = response;
        done({ status, headers, reused: request.reusedSocket, data: text && JSON.parse(text) });
      });
      if (body) request.write(JSON.stringify(body));
      request.end();
    });
  let first = true;
  await livesThrough('node', async (method, path, body) => {
    const refused = await attempt(method, path, body);
    assert.equal(refused.status, 401);
    assert.match(refused.headers['www-authenticate'], /^Basic /);
    assert.equal(refused.reused, !first);
    first = false;
    const answer = await attempt(method, path, body, basic);
    assert.equal(answer.reused, true);
    return answer;
  });
  agent.destroy();
});

test('the HTTP stacks of Spring', { timeout: 600_000 }, async () => {
  await runMaven('java-http', [], server);
});
