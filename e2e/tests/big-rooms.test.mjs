/** Big rooms: of many publishers only those who speak, and who is pinned. */

import assert from 'node:assert/strict';
import { restOk } from '../harness/rest.mjs';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite();

/** Waits until pictures of exactly these come. */
async function seesOnly(viewer, publishers, chosen) {
  const others = publishers.filter((publisher) => !chosen.includes(publisher));
  for (const publisher of others) await viewer.do('silent', publisher.id, 'frames');
  const frames = (publisher) => viewer.do('inbound', publisher.id).then((totals) => totals.frames);
  const before = await Promise.all(others.map(frames));
  for (const publisher of chosen) {
    await viewer.receives(publisher, ({ now, before }) => now.frames >= before.frames + 15);
  }
  assert.deepEqual(await Promise.all(others.map(frames)), before);
}

scenario(
  'a viewer gets the pictures of two of five: of who speaks, and of who is pinned',
  async ({ call }) => {
    const room = await call({ lastN: 2, loudest: 2 });
    const shown = await room.show();
    assert.deepEqual([shown.lastN, shown.loudest], [2, 2]);
    const viewer = await room.join('viewer', { role: 'SUBSCRIBER' });
    const publishers = [];
    for (const name of ['ann', 'bob', 'cat', 'dan', 'eva']) {
      const publisher = await room.join(name, { auto: false });
      await publisher.publish({ publishAudio: false });
      await viewer.event('streamCreated', { connectionId: publisher.id });
      publishers.push(publisher);
    }
    const [ann, bob, cat, dan, eva] = publishers;
    await seesOnly(viewer, publishers, [ann, bob]);

    // Ann, who has been silent the longest, makes room for whoever speaks.
    await eva.do('replaceTrack', 'audio');
    await eva.do('publishAudio', true);
    await viewer.sees(eva);
    await seesOnly(viewer, publishers, [bob, eva]);
    await eva.do('publishAudio', false);
    await dan.do('replaceTrack', 'audio');
    await dan.do('publishAudio', true);
    await viewer.sees(dan);
    await seesOnly(viewer, publishers, [dan, eva]);

    const pin = (pinned) =>
      restOk(room.world.server, 'PATCH', `${room.path}/connection/${viewer.id}`, { pinned });
    assert.deepEqual((await pin([cat.streamId])).pinned, [cat.streamId]);
    await seesOnly(viewer, publishers, [cat, dan, eva]);
    assert.equal((await pin([])).pinned, undefined);
    await seesOnly(viewer, publishers, [dan, eva]);
  },
);
