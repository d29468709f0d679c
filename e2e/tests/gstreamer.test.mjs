/** GStreamer's webrtcbin as Debian has it: RSA certificates, and no bundle unless it is asked for one. */

import assert from 'node:assert/strict';
import { Engine } from '../harness/engine.mjs';
import { suite } from '../harness/suite.mjs';

// Debian's own Python, to which its packages belong.
const python = '/usr/bin/python3';
const program = new URL('../engines/gstreamer/engine.py', import.meta.url).pathname;

const { scenario } = suite();

scenario('webrtcbin and a browser see and hear each other', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish();
  const bob = await Engine.join(room, 'webrtcbin', [python, program, 'bundle']);
  await bob.publish();
  await bob.subscribe(ann);
  await Promise.all([ann.sees(bob), bob.sees()]);
});

scenario(
  'without a bundle webrtcbin is heard, and told that its picture is not taken',
  async ({ call }) => {
    const room = await call();
    const ann = await room.join('ann');
    const bob = await Engine.join(room, 'webrtcbin', [python, program]);
    const answer = await bob.publish();
    assert.doesNotMatch(answer, /a=group/);
    assert.match(answer, /^m=audio 9 /m);
    assert.match(answer, /^m=video 0 /m);
    // It announces both; the browser is told what there is, and so plays it.
    await ann.sees(bob, { video: false });
    assert.match(bob.streamId, /^str_MIC_/);
  },
);
