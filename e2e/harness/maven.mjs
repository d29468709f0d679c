/** Runs the tests of a Maven project beside this folder against a running server. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { secret } from './server.mjs';

/** Fails with everything that Maven and the server said. */
export async function runMaven(project, options, server) {
  const maven = spawn('mvn', ['-B', '-q', ...options, 'test'], {
    cwd: new URL(`../${project}`, import.meta.url),
    env: { ...process.env, MADANG_URL: server.url, MADANG_SECRET: secret },
  });
  let output = '';
  for (const stream of [maven.stdout, maven.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const [code] = await once(maven, 'close');
  assert.equal(code, 0, `${output}\nserver:\n${server.tail()}`);
  server.assertHealthy();
}
