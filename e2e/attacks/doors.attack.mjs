/** Who guesses the secret, forges a request of a logged-in browser, speaks for others, or climbs from REST to the machine. */

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { rest } from '../harness/rest.mjs';
import { secret } from '../harness/server.mjs';
import { many, target } from './harness.mjs';

const { attack } = target({ MADANG_TRUSTED_PROXIES: 'loopback' });

const basic = (password) => `Basic ${Buffer.from(`OPENVIDUAPP:${password}`).toString('base64')}`;

/** The status of one request, on a connection of its own: fetch would add headers of its own. */
function ask(server, method, path, headers, body = undefined) {
  return new Promise((done, fail) => {
    const options = { host: '127.0.0.1', port: server.port, method, path, headers, agent: false };
    const asked = request(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () => done({ status: answer.statusCode, text }));
    });
    asked.on('error', fail);
    asked.end(body);
  });
}

attack('guess the secret from everywhere, near and far', async ({ server, tried, peak }) => {
  const guess = (password, from) => {
    const authorization = basic(password);
    return ask(server, 'GET', '/openvidu/api/config', {
      authorization,
      ...(from && { 'X-Real-IP': from }),
    });
  };
  for (const from of ['192.0.2.66', undefined]) {
    const count = many(2000, 300);
    const begun = performance.now();
    const answers = await Promise.all(
      Array.from({ length: count }, (_, number) => guess(`guess-${number}`, from)),
    );
    tried(count);
    const listened = answers.filter(({ status }) => status === 401).length;
    // 100 at once and one a second, of which ten are promised to those who wait.
    const due = 112 + (performance.now() - begun) / 1000;
    assert.ok(listened >= 100 && listened <= due, `${listened} of ${count} were looked at`);
    assert.equal(listened + answers.filter(({ status }) => status === 429).length, count);
    peak();
  }
  assert.equal((await guess(secret, '192.0.2.67')).status, 200, 'others are not held up');
});

attack('make a logged-in browser send what changes something', async ({ server, tried }) => {
  const authorization = basic(secret);
  const foreign = { authorization, Origin: 'https://evil.example.org' };
  const before = (await rest(server, 'GET', '/openvidu/api/status')).body.restartCounter;
  const kinds = [
    'application/x-www-form-urlencoded',
    'text/plain',
    'multipart/form-data; boundary=x',
  ];
  const paths = ['restart', 'sessions', 'tokens', 'signal', 'recordings/start', 'media-nodes'];
  for (const path of paths.map((path) => `/openvidu/api/${path}`)) {
    for (const body of ['', '{}', 'a=b', '{"OPENVIDU_CDR":"=false"}']) {
      for (const kind of [undefined, ...kinds]) {
        const headers = { ...foreign, ...(kind && { 'Content-Type': kind }) };
        const length = { 'Content-Length': Buffer.byteLength(body) };
        const { status } = await ask(server, 'POST', path, { ...headers, ...length }, body);
        assert.ok([403, 415].includes(status), `${path} ${kind} ${body}: ${status}`);
        tried();
      }
    }
  }
  assert.equal((await rest(server, 'GET', '/openvidu/api/status')).body.restartCounter, before);
});

attack('climb from the secret to the machine by a restart', async ({ server, tried }) => {
  const settings = {
    MADANG_CHROMIUM: '/bin/sh',
    MADANG_TRANSCODER: '/bin/sh',
    MADANG_HELPER_USER: 'root',
    OPENVIDU_RECORDING_PATH: '/etc',
    OPENVIDU_RECORDING_CUSTOM_LAYOUT: '/',
    OPENVIDU_CDR_PATH: '/etc/cron.d',
    MADANG_DATA_DIR: '/root',
    MADANG_OWNCERT_DIR: '/root/.ssh',
    MADANG_ACME_ROOT: '/etc/shadow',
    OPENVIDU_SECRET: 'mine',
    COTURN_SHARED_SECRET_KEY: 'mine',
    MADANG_TRUSTED_PROXIES: '0.0.0.0/0',
    MADANG_ALLOW_MY_SECRET: 'true',
    ALLOWED_ACCESS_TO_RESTAPI: 'all',
  };
  for (const [name, value] of Object.entries(settings)) {
    const answer = await rest(server, 'POST', '/openvidu/api/restart', { [name]: value });
    assert.equal(answer.status, 400, name);
    assert.match(JSON.stringify(answer.body.errors), new RegExp(`${name} cannot be changed`));
    tried();
  }
});
