/** What people do in a call, with openvidu-browser 2.32.2. */

import assert from 'node:assert/strict';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite();

scenario('three participants all see and hear each other', async ({ call }) => {
  const room = await call();
  const everybody = [];
  for (const name of ['ann', 'bob', 'eve']) everybody.push(await room.join(name));
  await Promise.all(everybody.map((p) => p.publish()));
  for (const viewer of everybody) {
    await Promise.all(everybody.filter((p) => p !== viewer).map((p) => viewer.sees(p)));
  }
});

scenario('a late joiner learns who is there and sees a picture', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann', { data: 'from the server' });
  const silent = await room.join('silent');
  await ann.publish();
  await silent.sees(ann);
  const late = await room.join('late');
  const known = await late.event('connectionCreated', { connectionId: ann.id });
  assert.equal(known.data, '{"clientData":"ann"}%/%from the server');
  await late.event('connectionCreated', { connectionId: silent.id });
  await late.event('streamCreated', { streamId: ann.streamId, typeOfVideo: 'CAMERA' });
  await late.sees(ann);
  await ann.event('connectionCreated', { connectionId: late.id });
});

scenario('a subscriber unsubscribes and subscribes again', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  await bob.do('unsubscribe', ann.id);
  await bob.do('subscribe', ann.id);
  await bob.sees(ann);
});

scenario('a subscriber switches picture and sound off and on by themselves', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  await bob.do('subscribeToVideo', ann.id, false);
  await bob.sees(ann, { video: false });
  await bob.do('subscribeToVideo', ann.id, true);
  await bob.sees(ann);
  await bob.do('subscribeToAudio', ann.id, false);
  await bob.sees(ann, { audio: false });
  await bob.do('subscribeToAudio', ann.id, true);
  await bob.sees(ann);
});

scenario('muting is told to the others, and to those who come later', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);

  await ann.do('publishVideo', false);
  const told = { property: 'videoActive', newValue: false, reason: 'publishVideo' };
  await bob.event('streamPropertyChanged', { ...told, connectionId: ann.id });
  await ann.do('publishAudio', false);
  await bob.event('streamPropertyChanged', { property: 'audioActive', newValue: false });

  const { connections } = await room.show();
  const published = connections.content.find((c) => c.id === ann.id).publishers[0];
  assert.equal(published.mediaOptions.videoActive, false);
  assert.equal(published.mediaOptions.audioActive, false);

  await ann.do('publishVideo', true);
  await ann.do('publishAudio', true);
  await bob.event('streamPropertyChanged', { property: 'audioActive', newValue: true });
  await bob.sees(ann);
});

scenario('the camera is freed while muted and comes back', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  await ann.do('publishVideo', false, true);
  await bob.event('streamPropertyChanged', { property: 'videoActive', newValue: false });
  await bob.do('silent', ann.id, 'frames');
  await ann.do('publishVideo', true);
  await bob.sees(ann);
});

scenario('a replaced track reaches the subscriber', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  await ann.do('replaceTrack', 'video');
  await bob.event('streamPropertyChanged', { property: 'videoTrack', reason: 'trackReplaced' });
  // The new picture is magenta where the fake camera is green.
  await bob.receives(ann, ({ mean }) => mean[0] > mean[1] + 40);
  await ann.do('replaceTrack', 'audio');
  await bob.event('streamPropertyChanged', { property: 'audioTrack', reason: 'trackReplaced' });
  await bob.sees(ann);
});

scenario('a screen is shared from a second connection', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  const screen = await room.join('ann', { auto: false });
  await screen.publish({ videoSource: 'screen', audioSource: false, resolution: '640x480' });
  assert.match(screen.streamId, /^str_SCR_/);
  await bob.event('streamCreated', { connectionId: screen.id, typeOfVideo: 'SCREEN' });
  await Promise.all([bob.sees(ann), bob.sees(screen, { audio: false })]);
});

scenario('somebody publishes sound only', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish({ videoSource: false });
  assert.match(ann.streamId, /^str_MIC_/);
  await bob.event('streamCreated', { connectionId: ann.id, hasAudio: true, hasVideo: false });
  await bob.sees(ann, { video: false });
});

scenario('somebody publishes a picture only', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish({ audioSource: false });
  await bob.event('streamCreated', { connectionId: ann.id, hasAudio: false, hasVideo: true });
  await bob.sees(ann, { audio: false });
});

scenario('a publisher sees what the server sends back', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish({ subscribeToRemote: true });
  await ann.sees('self');
});

scenario('unpublishing and publishing again makes a new stream', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  const first = await ann.publish();
  await bob.sees(ann);
  await ann.do('unpublish');
  await bob.event('streamDestroyed', { streamId: first, reason: 'unpublish' });
  const second = await ann.publish();
  assert.notEqual(second, first);
  await bob.event('streamCreated', { streamId: second });
  await bob.sees(ann);
});

scenario('leaving is told to the others and ends the stream', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  await ann.do('leave');
  await ann.event('sessionDisconnected', { reason: 'disconnect' });
  await bob.event('streamDestroyed', { streamId: ann.streamId, reason: 'disconnect' });
  await bob.event('connectionDestroyed', { connectionId: ann.id, reason: 'disconnect' });
  const { connections } = await room.show();
  assert.deepEqual(
    connections.content.filter((c) => c.status === 'active').map((c) => c.id),
    [bob.id],
  );
});
