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
import { Browsers } from '../harness/browsers.mjs';
import { startCaddy } from '../harness/caddy.mjs';
import { openRoom } from '../harness/call.mjs';
import { examine, found } from '../harness/doctor.mjs';
import { block, left, settings, shell } from '../harness/guides.mjs';
import { fromGuide } from '../harness/nginx.mjs';
import { restOk } from '../harness/rest.mjs';
import { binary, freeTcpPort, secret, startServer } from '../harness/server.mjs';
import { startSite } from '../harness/site.mjs';

// Certificates of the proxies in front are made here.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

const docs = new URL('../../docs/', import.meta.url);

/** A place for an installation, which is stopped in the end. */
function place(context) {
  const home = mkdtempSync(join(tmpdir(), 'madang-installed-'));
  const folder = join(home, 'openvidu');
  context.after(async () => {
    if (existsSync(join(folder, 'madang'))) await shell(`${folder}/openvidu stop`);
    rmSync(home, { recursive: true, force: true });
  });
  return { home, folder };
}

/** Lines of its `.env`, in place of those that set the same. */
function change(folder, lines) {
  const file = join(folder, '.env');
  const set = new Set(lines.map((line) => line.split('=')[0]));
  const kept = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !set.has(line.split('=')[0]));
  writeFileSync(file, `${[...kept, ...lines].join('\n')}\n`);
}

/** Commands of the guides for this folder. Nobody has to be root for them, and this machine's systemd hears of nothing. */
const inside = (folder) => (commands) =>
  commands
    .replaceAll('/opt/openvidu', folder)
    .replaceAll('sudo ', '')
    .replace('madang install', `${binary} install --no-systemd`);

/** Ports that nobody else has, whoever runs this. */
const freePorts = async () => [
  `HTTPS_PORT=${await freeTcpPort()}`,
  `HTTP_PORT=${await freeTcpPort()}`,
  'MADANG_UDP_PORT=0',
  'COTURN_PORT=0',
];

/** A folder as OpenVidu CE 2.32 has it, with the settings of its operator; its containers are not there, so its script only says what it did. */
async function openviduFolder(context) {
  const { home, folder } = place(context);
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
  const here = inside(folder);
  // Ports that .env does not name: of UDP any free ones.
  const environment = { MADANG_UDP_PORT: '0', COTURN_PORT: '0', NO_COLOR: '1' };
  const output = await shell(here(block('from-openvidu', 'cp -a')), environment);
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

test('one machine is installed as shown', { timeout: 90_000 }, async (context) => {
  const { folder } = place(context);
  const here = inside(folder);
  await shell(here(block('one-machine', 'madang install\n').replace('\n', ` ${folder}\n`)));
  const shown = block('one-machine', 'CERTIFICATE_TYPE', { 'call.example.org': 'call.localhost' });
  change(folder, [
    ...shown.trimEnd().split('\n'),
    ...(await freePorts()),
    // An authority that is not there: it works with a certificate of its own meanwhile.
    'MADANG_ACME_DIRECTORY=https://127.0.0.1:1/directory',
  ]);
  // The doctor does not find the name, as it should: only browsers know it.
  const commands = here(block('one-machine', 'openvidu doctor')).replace(
    'doctor',
    'doctor --insecure --ntp 127.0.0.1:9 || true',
  );
  const output = await shell(commands, { NO_COLOR: '1' });
  assert.match(output, /OpenVidu is ready!/);
  assert.match(output, / ok +server /);
  assert.match(output, /The name call\.localhost is not known here/);
});

test('a laptop has it in a folder of its own', { timeout: 60_000 }, async (context) => {
  const { home, folder } = place(context);
  const shown = block('deploy', 'install ~/openvidu', { 'target/release/madang': binary });
  const [install, start] = shown.trim().split('\n');
  await shell(`${install} --no-systemd`, { HOME: home });
  change(folder, await freePorts());
  assert.match(await shell(start, { HOME: home }), /OpenVidu is ready!/);
});

test('a call goes through Caddy, and on when it takes its configuration anew', {
  timeout: 120_000,
}, async (context) => {
  const name = 'localhost';
  const port = await freeTcpPort();
  const site = await startSite();
  context.after(() => site.stop());
  const shown = settings(block('one-machine', 'SERVER_PORT=5443\n'));
  assert.deepEqual(Object.keys(shown), ['DOMAIN_OR_PUBLIC_IP', 'HTTPS_PORT', 'SERVER_PORT']);
  const server = await startServer({ DOMAIN_OR_PUBLIC_IP: name, HTTPS_PORT: String(port) });
  context.after(() => server.stop());
  const caddy = await startCaddy(block('one-machine', 'reverse_proxy'), {
    name,
    port,
    serverPort: server.port,
    applicationPort: Number(new URL(site.client('')).port),
  });
  context.after(() => caddy.stop());
  const browsers = new Browsers();
  context.after(() => browsers.stop());
  const url = `https://${name}:${port}`;
  const world = {
    participants: new Set(),
    browsers,
    server: { url },
    site: { client: (version) => `${url}/client?version=${version}` },
  };

  const there = { 'https://call.example.org': `-k ${url}` };
  const made = block('one-machine', 'OPENVIDUAPP:$OPENVIDU_SECRET', there);
  const answers = await shell(made, { OPENVIDU_SECRET: secret });
  assert.match(answers, new RegExp(`"token":"wss://${name}:${port}\\?sessionId=room&token=tok_`));

  const room = await openRoom(world);
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  caddy.reload();
  // Debian 12's cuts them.
  for (const person of [ann, bob]) await person.event('reconnected');
  await bob.publish();
  await ann.sees(bob);
  const [connection] = (await restOk(world.server, 'GET', `${room.path}/connection`)).content;
  assert.match(connection.ip, /^(127\.0\.0\.1|::1)$/);
  server.assertHealthy();

  const report = await examine(['--url', url, '--insecure']);
  for (const leg of ['address', 'port', 'web-socket', 'proxy', 'udp']) {
    assert.equal(found(report, leg).verdict, 'ok', JSON.stringify(found(report, leg)));
  }
});

test('nginx is in nginx.test.mjs, as shown', () => {
  assert.equal(fromGuide(), block('one-machine', 'proxy_set_header'));
});

const mayRule = process.getuid() === 0 && existsSync('/usr/sbin/nft');
test('nftables takes the rules', { skip: !mayRule && 'needs root and nft' }, async () => {
  const rules = block('one-machine', 'flush ruleset');
  await shell(`unshare -n /usr/sbin/nft --check --file - <<'END'\n${rules}END`);
});

test('Compose reads its file, and the server starts with its environment', async (context) => {
  const text = block('one-machine', 'network_mode');
  const folder = mkdtempSync(join(tmpdir(), 'madang-compose-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'compose.yaml');
  writeFileSync(file, text);
  const read = `docker-compose --file ${file} config`;
  const whole = await shell(read, { OPENVIDU_SECRET: secret });
  assert.match(whole, new RegExp(`OPENVIDU_SECRET: ${secret}`));
  await assert.rejects(shell(read, { OPENVIDU_SECRET: '' }), /OPENVIDU_SECRET/);

  const environment = Object.fromEntries(
    Array.from(text.matchAll(/^ {6}([A-Z_]+): "?([^"\n]*)"?$/gm), ([, key, value]) => [key, value]),
  );
  assert.equal(environment.SERVER_PORT, '5443');
  const own = { OPENVIDU_SECRET: secret, MADANG_DATA_DIR: join(folder, 'data') };
  const port = String(await freeTcpPort());
  const server = await startServer({ ...environment, ...own, SERVER_PORT: port });
  assert.match(server.output, /https:\/\/call\.example\.org\/$/m);
  await server.stop();
});

test('systemd takes the unit', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'madang-unit-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const unit = join(folder, 'madang.service');
  const text = block('one-machine', '[Service]', { '/usr/local/bin/madang': binary });
  writeFileSync(unit, text);
  const said = await shell(`systemd-analyze verify ${unit} 2>&1`);
  assert.doesNotMatch(said, /madang\.service/);
});

test('settings that the guides name are those that there are', () => {
  const reference = readFileSync(new URL('settings.md', docs), 'utf8');
  for (const file of ['from-openvidu', 'one-machine'].flatMap((guide) => [
    `${guide}.md`,
    `${guide}.ko.md`,
  ])) {
    const text = readFileSync(new URL(file, docs), 'utf8');
    for (const [, name] of text.matchAll(/`((?:OPENVIDU|MADANG|COTURN)_[A-Z_\d]+)(?:=[^`]*)?`/g)) {
      assert.ok(reference.includes(`\`${name}\``), `${file}: ${name}`);
    }
  }
});

test('nothing else is shown', () => {
  // It builds everything, which the tests do before anything else.
  const not = { deploy: ['make run\n'] };
  for (const guide of ['from-openvidu', 'one-machine', 'deploy']) {
    assert.deepEqual(left(guide), not[guide] ?? [], guide);
  }
});
