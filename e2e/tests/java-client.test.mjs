/**
 * openvidu-java-client, unmodified, in five versions: ../java lives through a session with each.
 * Needs a JDK and Maven. One version: JAVA_CLIENTS=2.32.2 node --test tests/java-client.test.mjs
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { secret, startServer } from '../harness/server.mjs';

/** What a deployment has to set for a client that cannot speak to the newest server as it is. */
const settings = {
  // Knows no codec rule MEDIA_SERVER_PREFERRED, the default of later servers.
  '2.20.0': { OPENVIDU_STREAMS_FORCED_VIDEO_CODEC: 'VP8' },
  '2.22.0': {},
  '2.25.0': {},
  '2.28.0': {},
  '2.32.2': {},
};

const versions = process.env.JAVA_CLIENTS?.split(',') ?? Object.keys(settings);

for (const version of versions) {
  test(`openvidu-java-client ${version} lives through a session`, {
    timeout: 600_000,
  }, async () => {
    const server = await startServer(settings[version]);
    try {
      // One after the other, and no build: a fresh machine downloads the client here.
      const maven = spawn('mvn', ['-B', '-q', `-Dopenvidu.version=${version}`, 'test'], {
        cwd: new URL('../java', import.meta.url),
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
    } finally {
      await server.stop();
    }
  });
}
