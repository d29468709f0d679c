/** Commands of `madang` against a server, as people and scripts type them. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { binary, secret } from './server.mjs';

/** Runs one without a terminal; answers `status`, `out` and `error`. `settings`: its environment. */
export async function madang(server, args, { settings = {}, cwd } = {}) {
  const child = spawn(binary, args, {
    cwd: cwd ?? server.home,
    env: { PATH: process.env.PATH, OPENVIDU_URL: server.url, OPENVIDU_SECRET: secret, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', error: '' };
  for (const [name, stream] of [
    ['out', child.stdout],
    ['error', child.stderr],
  ]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said[name] += text;
    });
  }
  const [status] = await once(child, 'close');
  return { status, ...said };
}

/** What one prints that succeeds and complains of nothing. */
export async function done(server, args, options) {
  const { status, out, error } = await madang(server, args, options);
  if (status !== 0 || error !== '') {
    throw new Error(`madang ${args.join(' ')}: ${status}\n${out}${error}`);
  }
  return out;
}

/** The same as JSON: one document. */
export async function answer(server, args, options) {
  return JSON.parse(await done(server, [...args, '--json'], options));
}
