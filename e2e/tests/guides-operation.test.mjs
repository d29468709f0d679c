/** What the guides say of installing and moving is done in a folder of the test's own, as it stands. */

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { block, left, shell } from '../harness/guides.mjs';
import { binary, freeTcpPort } from '../harness/server.mjs';

const docs = new URL('../../docs/', import.meta.url);

/** A folder as OpenVidu CE 2.32 has it, with the settings of its operator; its containers are not there, so its script only says what it did. */
async function openviduFolder(context) {
  const home = mkdtempSync(join(tmpdir(), 'madang-openvidu-'));
  context.after(() => rmSync(home, { recursive: true, force: true }));
  const folder = join(home, 'openvidu');
  for (const name of ['owncert', 'recordings', 'custom-layout', 'coturn', 'certificates']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  const ports = { https: await freeTcpPort(), http: await freeTcpPort() };
  const shipped = readFileSync(new URL('../../tests/env/ce-2.32.env', import.meta.url), 'utf8');
  const filled = shipped
    .replace(/^DOMAIN_OR_PUBLIC_IP=.*$/m, 'DOMAIN_OR_PUBLIC_IP=call.localhost')
    .replace(/^OPENVIDU_SECRET=.*$/m, 'OPENVIDU_SECRET=0p3n-V1du_Secret')
    .replace(/^# ?HTTPS_PORT=.*$/m, `HTTPS_PORT=${ports.https}`)
    .replace(/^# ?HTTP_PORT=.*$/m, `HTTP_PORT=${ports.http}`)
    .concat('COTURN_MIN_PORT=57001\nKMS_DOCKER_ENV_GST_DEBUG=3\n');
  assert.ok(filled.includes(`\nHTTPS_PORT=${ports.https}\n`), 'a line for HTTPS_PORT');
  writeFileSync(join(folder, '.env'), filled);
  writeFileSync(join(folder, 'openvidu'), `#!/bin/sh\necho "$1" >> ${home}/done\n`);
  chmodSync(join(folder, 'openvidu'), 0o755);
  return { home, folder, ports, env: filled };
}

test('an installation of OpenVidu CE is moved here and back', {
  timeout: 90_000,
}, async (context) => {
  const { home, folder, ports, env } = await openviduFolder(context);
  const here = (commands) =>
    commands
      .replaceAll('/opt/openvidu', folder)
      .replaceAll('sudo ', '')
      .replace('madang install', `${binary} install --no-systemd`);
  // Ports that .env does not name: of UDP any free ones.
  const environment = { MADANG_UDP_PORT: '0', COTURN_PORT: '0', NO_COLOR: '1' };
  const output = await shell(here(block('from-openvidu', 'cp -a')), environment);
  context.after(() => shell(`${folder}/openvidu stop || true`, environment));
  for (const line of [
    ...block('from-openvidu', 'kept as it is').trimEnd().split('\n'),
    ...block('from-openvidu', 'has no effect').trimEnd().split('\n'),
  ]) {
    assert.ok(output.includes(`${line}\n`), `${line} in\n${output}`);
  }
  assert.match(output, /OpenVidu is ready!/);
  assert.equal(readFileSync(join(folder, '.env'), 'utf8'), env);
  assert.equal(readFileSync(join(folder, '../openvidu.before/.env'), 'utf8'), env);
  const asked = await fetch(`http://localhost:${ports.https}/openvidu/api/config`, {
    headers: { authorization: `Basic ${btoa('OPENVIDUAPP:0p3n-V1du_Secret')}` },
  });
  const { OPENVIDU_PUBLICURL } = await asked.json();
  assert.equal(OPENVIDU_PUBLICURL, `https://call.localhost:${ports.https}`);

  await shell(here(block('from-openvidu', 'openvidu.old openvidu')), environment);
  await assert.rejects(fetch(`http://localhost:${ports.https}/`), 'it has stopped');
  assert.equal(readFileSync(join(home, 'done'), 'utf8'), 'stop\nstart\n');
  assert.ok(!existsSync(join(folder, 'openvidu.old')));
});

test('settings that the guide names are those that there are', () => {
  const reference = readFileSync(new URL('settings.md', docs), 'utf8');
  for (const file of ['from-openvidu.md', 'from-openvidu.ko.md']) {
    const text = readFileSync(new URL(file, docs), 'utf8');
    for (const [, name] of text.matchAll(/`((?:OPENVIDU|MADANG|COTURN)_[A-Z_\d]+)(?:=[^`]*)?`/g)) {
      assert.ok(reference.includes(`\`${name}\``), `${file}: ${name}`);
    }
  }
});

test('nothing else is shown', () => assert.deepEqual(left('from-openvidu'), []));
