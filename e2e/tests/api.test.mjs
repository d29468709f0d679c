/**
 * The REST API against its own OpenAPI document: Schemathesis makes requests from it, right and wrong ones, and looks at
 * every answer. What it may not complain of is in ../../tests/openapi/schemathesis.toml, with the reasons.
 * Needs Python. Longer, and each time with other requests: make api-fuzz FUZZ_SECONDS=600
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { secret, startServer } from '../harness/server.mjs';

const root = join(import.meta.dirname, '../..');
const seconds = Number(process.env.API_FUZZ_SECONDS ?? 0);

/** The same requests every time, so that a failure is one of the change that was made. */
const fixed = ['--generation-deterministic', '--max-examples', '15'];
const random = ['--max-time', String(seconds), '--max-examples', '1000'];

test('the API is as its own document says', { timeout: 600_000 + seconds * 2000 }, async () => {
  const server = await startServer({ OPENVIDU_CDR: 'true', OPENVIDU_CDR_PATH: './cdr' });
  try {
    const schemathesis = spawn(
      join(root, 'scripts/schemathesis.sh'),
      [
        ...['--config-file', join(root, 'tests/openapi/schemathesis.toml')],
        ...['run', `${server.url}/openvidu/api/openapi.json`, '--no-color'],
        ...(seconds > 0 ? random : fixed),
      ],
      { cwd: server.home, env: { ...process.env, MADANG_SECRET: secret } },
    );
    let output = '';
    for (const stream of [schemathesis.stdout, schemathesis.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    const [code] = await once(schemathesis, 'close');
    server.assertHealthy();
    assert.equal(code, 0, output);
    console.log(output.slice(output.lastIndexOf('= SUMMARY')));
  } finally {
    await server.stop();
  }
});
