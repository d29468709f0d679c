/** Debian's Caddy in front of a server, with a configuration as an operator has it: only ports, the name and the certificate are changed. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freeTcpPort } from './server.mjs';

/** Starts it; resolves when its ports are open. Certificates are not fetched from anybody. */
export async function startCaddy(configuration, { name, port, serverPort, applicationPort }) {
  const home = mkdtempSync(join(tmpdir(), 'madang-caddy-'));
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((file) => join(home, file));
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  const files = ['-subj', `/CN=${name}`, '-keyout', key, '-out', certificate];
  execFileSync('openssl', [...request, ...files], { stdio: 'pipe' });
  const admin = await freeTcpPort();
  const site = configuration
    .replace('call.example.org {', `${name}:${port} {\n\ttls ${certificate} ${key}`)
    .replace('127.0.0.1:5443', `127.0.0.1:${serverPort}`)
    .replace('127.0.0.1:5442', `127.0.0.1:${applicationPort}`);
  const file = join(home, 'Caddyfile');
  writeFileSync(file, `{\n\tadmin localhost:${admin}\n\tauto_https disable_redirects\n}\n${site}`);
  const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
  const child = spawn('caddy', ['run', '--config', file], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines = [];
  await new Promise((done, fail) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      if (line.includes('serving initial configuration')) done();
    });
    child.once('error', fail);
    child.once('close', (code) => fail(new Error(`Caddy ended (${code}):\n${lines.join('\n')}`)));
  });
  return {
    url: `https://localhost:${port}`,
    log: () => lines.join('\n'),
    /** Takes the configuration anew, as after a change of it. */
    reload: () =>
      execFileSync('caddy', ['reload', '--force', '--config', file], { env, stdio: 'pipe' }),
    async stop() {
      child.removeAllListeners('close');
      const ended = once(child, 'close');
      child.kill();
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}
