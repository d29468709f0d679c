/**
 * openvidu-java-client, unmodified, in five versions: ../java lives through a session with each.
 * Needs a JDK and Maven. One version: JAVA_CLIENTS=2.32.2 node --test tests/java-client.test.mjs
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runMaven } from '../harness/maven.mjs';
import { streams } from '../harness/recordings.mjs';
import { startRtmp } from '../harness/rtmp.mjs';
import { startServer } from '../harness/server.mjs';

/** What a deployment has to set for a client that cannot speak to the newest server as it is. */
const settings = {
  // Knows no codec rule MEDIA_SERVER_PREFERRED, the default of later servers.
  '2.20.0': { OPENVIDU_STREAMS_FORCED_VIDEO_CODEC: 'VP8' },
  '2.22.0': {},
  '2.25.0': {},
  '2.28.0': {},
  '2.32.2': {},
};

const knowsBroadcasts = (version) => Number(version.split('.')[1]) >= 26;

const versions = process.env.JAVA_CLIENTS?.split(',') ?? Object.keys(settings);

for (const version of versions) {
  test(`openvidu-java-client ${version} lives through a session`, {
    timeout: 600_000,
  }, async () => {
    const server = await startServer(settings[version]);
    const rtmp = await startRtmp();
    const options = [`-Dopenvidu.version=${version}`, `-Dbroadcast.target=${rtmp.url}/java`];
    if (!knowsBroadcasts(version)) options.push('-Dexcluded=**/BroadcastTest.java');
    try {
      // One after the other, and no build: a fresh machine downloads the client here.
      await runMaven('java', options, server);
      const films = await rtmp.wholeFiles();
      assert.equal(films.length, knowsBroadcasts(version) ? 1 : 0);
      for (const film of films) {
        const [sound, picture] = streams(film);
        // Its rate is a guess where there are few pictures.
        assert.ok(sound.startsWith('aac,') && picture.startsWith('h264,320,240,'), picture);
      }
    } finally {
      await rtmp.stop();
      await server.stop();
    }
  });
}
