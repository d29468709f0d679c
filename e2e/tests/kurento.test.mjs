/** The other dialect: a server that announces kurento lets the subscribers make the offers. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { programs } from '../harness/recordings.mjs';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite({ OPENVIDU_ENTERPRISE_MEDIA_SERVER: 'kurento' });

for (const version of ['2.20.0', '2.32.2']) {
  scenario(`two participants with ${version} see and hear each other`, async ({ call }) => {
    const room = await call();
    const ann = await room.join('ann', { version });
    const bob = await room.join('bob', { version });
    await Promise.all([ann.publish(), bob.publish()]);
    await Promise.all([ann.sees(bob), bob.sees(ann)]);
  });
}

scenario('a late joiner sees a picture', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish();
  const bob = await room.join('bob');
  await bob.sees(ann);
  await bob.do('unsubscribe', ann.id);
  await bob.do('subscribe', ann.id);
  await bob.sees(ann);
});

scenario('a publisher sees what the server sends back', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish({ subscribeToRemote: true });
  await ann.sees('self');
});

scenario('sound only and picture only are carried', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await Promise.all([ann.publish({ videoSource: false }), bob.publish({ audioSource: false })]);
  await Promise.all([bob.sees(ann, { video: false }), ann.sees(bob, { audio: false })]);
});

scenario(
  'who does not take the codec of a publisher gets its picture in another one',
  async ({ call, server }, context) => {
    const room = await call({ forcedVideoCodec: 'H264', allowTranscoding: true });
    const ann = await room.join('ann');
    const codecs = await ann.page.evaluate(() =>
      RTCRtpSender.getCapabilities('video').codecs.map((c) => c.mimeType),
    );
    if (!codecs.includes('video/H264')) return context.skip('this browser has no H264');
    const bob = await room.join('bob');
    await ann.publish();
    assert.equal((await bob.sees(ann)).codec, 'video/H264');
    // Headless Firefox has no H264.
    const fox = await room.join('fox', { browser: 'firefox' });
    assert.equal((await fox.sees(ann)).codec, 'video/VP8');
    const other = await room.join('other', { browser: 'firefox' });
    assert.equal((await other.sees(ann)).codec, 'video/VP8');
    const [job, ...more] = programs(server, 'madang-transcoder');
    assert.deepEqual(more, [], 'one for both');
    process.kill(job, 'SIGKILL');
    await server.said(/started anew/);
    assert.equal((await fox.sees(ann)).codec, 'video/VP8');
    assert.equal((await bob.sees(ann)).codec, 'video/H264');
    const ended = gone(programs(server, 'madang-transcoder')[0]);
    await fox.do('unsubscribe', ann.id);
    await other.close();
    await ended;
  },
);

/** Resolves once that process has ended. */
async function gone(pid) {
  while (existsSync(`/proc/${pid}`)) await setTimeout(20);
}
