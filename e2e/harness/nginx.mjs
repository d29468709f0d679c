/**
 * Debian's nginx in front of a server: a configuration as an operator has it, of which only ports, paths and the name of the
 * certificate's files are changed.
 */

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freeTcpPort } from './server.mjs';

const program = ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].find(existsSync) ?? 'nginx';

/** The name that is in the configurations; browsers take every name below `localhost` for this machine. */
export const name = 'call.localhost';

/** The configuration that the guide shows. */
export function fromGuide() {
  const guide = readFileSync(new URL('../../docs/one-machine.md', import.meta.url), 'utf8');
  return /```nginx\n([^`]+)```/.exec(guide)[1];
}

/**
 * Starts nginx on `port` with `configuration`. `serverPort` and `applicationPort` stand behind it.
 * Directives of the configuration that it leaves out have short defaults: see `defaultTimeout`.
 */
export async function startNginx(configuration, { port, serverPort, applicationPort }) {
  const home = mkdtempSync(join(tmpdir(), 'madang-nginx-'));
  // nginx gives up root for its workers.
  chmodSync(home, 0o755);
  const certificate = join(home, 'certificate.pem');
  const key = join(home, 'key.pem');
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`].concat([
      '-keyout',
      key,
      '-out',
      certificate,
    ]),
    { stdio: 'pipe' },
  );
  const redirectPort = await freeTcpPort();
  const slowPort = await freeTcpPort();
  // Takes connections and never answers.
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const vhosts = configuration
    .replaceAll('call.example.org;', `${name};`)
    .replaceAll(/(127\.0\.0\.1|localhost):5443/g, `127.0.0.1:${serverPort}`)
    .replaceAll('127.0.0.1:5442', `127.0.0.1:${applicationPort}`)
    .replaceAll('listen 443', `listen ${port}`)
    .replaceAll('listen 80', `listen ${redirectPort}`)
    .replaceAll(/\/etc\/ssl\/\S+\/fullchain\.pem/g, certificate)
    .replaceAll(/\/etc\/ssl\/\S+\/privkey\.pem/g, key)
    .replaceAll('/opt/openvidu/', `${home}/`);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const file = join(home, 'nginx.conf');
  writeFileSync(
    file,
    `pid ${home}/nginx.pid;
error_log ${home}/error.log info;
events {}
http {
  access_log ${home}/access.log;
  ${paths.map((path) => `${path}_temp_path ${home}/${path};`).join('\n  ')}
  proxy_read_timeout 2s;
  server {
    listen 127.0.0.1:${slowPort};
    location / { proxy_pass http://127.0.0.1:${silent.address().port}; }
  }
${vhosts}
}
`,
  );
  // Returns when its ports are open.
  const run = (...more) =>
    execFileSync(program, ['-p', home, '-c', file, ...more], { stdio: 'pipe' });
  run();
  return {
    home,
    url: `https://localhost:${port}`,
    redirectUrl: `http://localhost:${redirectPort}`,
    log: () => readFileSync(join(home, 'error.log'), 'utf8'),
    /** Resolves when nginx has given up an upstream that says nothing: what has no timeout of its own ends so. */
    async defaultTimeout() {
      const { status } = await fetch(`http://127.0.0.1:${slowPort}/`);
      if (status !== 504) throw new Error(`nginx answered ${status}`);
    },
    /** Takes the configuration anew, as after the renewal of a certificate. */
    reload: () => run('-s', 'reload'),
    stop() {
      run('-s', 'stop');
      silent.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
