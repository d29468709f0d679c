/**
 * The drivers of the load test against the real servers, each for three seconds: those that are
 * installed; the others are skipped, and say what is missing. In the network of network.sh.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { servers, start } from './servers.mjs';

const run = promisify(execFile);
const madang = process.env.MADANG ?? 'madang';

for (const [name, server] of Object.entries(servers(madang))) {
  const missing = server.missing();
  test(`rooms of ${name} deliver everything to everybody`, { skip: missing || false }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'peers-test-'));
    const file = join(folder, 'report.json');
    const running = await start(server, 0);
    try {
      const where = ['load-test', '--url', running.url, ...server.test.words];
      const what = ['--rooms', '2', '--publishers', '3', '--subscribers', '2', '--duration', '3'];
      const less = ['--video-bitrate', '300', '--json', file];
      const environment = { env: { ...process.env, ...server.test.environment } };
      // It fails if anything was lost, or came to somebody else.
      await run(madang, [...where, ...what, ...less], environment);
      const report = JSON.parse(readFileSync(file, 'utf8'));
      assert.deepEqual([report.legs.with_media, report.legs.expected], [24, 24]);
      assert.equal(report.packets.duplicated, 0);
      assert.equal(report.joins.first_picture_ms.count, 24);
    } finally {
      await running.stop();
      rmSync(folder, { recursive: true });
    }
  });
}
