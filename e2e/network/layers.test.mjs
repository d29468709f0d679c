/**
 * Streams with layers: an application asks for them with `scalabilityMode`, and whoever is behind a narrow network gets those
 * that it carries, of the one stream that the others get whole. What was measured is written to `results/layers.md`.
 */

import assert from 'node:assert/strict';
import { openRoom } from '../harness/call.mjs';
import { scaled } from '../harness/scaled.mjs';
import { inNetwork, serverAddress } from './networks.mjs';
import { during, elsewhere, openedIn, pause, results, twoClients } from './viewers.mjs';

const note = results('layers');

// The others take minutes: `LAYERS=full`.
const cases = [
  { codec: 'VP9', mode: 'L3T3_KEY', narrow: '300kbit', sizes: true },
  { codec: 'AV1', mode: 'L3T3_KEY', narrow: '300kbit', sizes: true },
  { codec: 'AV1', mode: 'L1T3', narrow: '600kbit', sizes: false, isLong: true },
  { codec: 'VP9', mode: 'L1T3', narrow: '600kbit', sizes: false, isLong: true },
  { codec: 'VP9', mode: 'L1T3', narrow: '300kbit', sizes: false, isLong: true },
].filter(({ isLong }) => !isLong || process.env.LAYERS === 'full');

for (const { codec, mode, narrow: rate, sizes } of cases) {
  inNetwork(
    `what is too much for a viewer is left out of the stream: ${codec} ${mode}, ${rate}`,
    { build: twoClients, settings: { DOMAIN_OR_PUBLIC_IP: serverAddress } },
    async (world, machines) => {
      const { narrow } = machines;
      const wide = await elsewhere(world, machines);
      try {
        const room = await openRoom(world, { forcedVideoCodec: codec === 'AV1' ? 'NONE' : codec });
        const options = { auto: false, before: [scaled, { mode, codec }] };
        const ann = await (await openedIn(wide, room)).join('ann', options);
        await ann.publish({ resolution: '1280x720', frameRate: 15 });
        const desk = await (await openedIn(wide, room)).join('desk');
        const phone = await room.join('phone');
        const [seen] = await Promise.all([desk.sees(ann), phone.sees(ann)]);
        assert.equal(seen.codec, `video/${codec}`);
        const sent = (await ann.do('sent')).find((stream) => stream.kind === 'video');
        assert.equal(sent.scalabilityMode, mode, JSON.stringify(sent));
        await desk.receives(ann, ({ now }) => now.width >= 640);
        await phone.receives(ann, ({ now }) => now.width >= 640);
        await pause(5);
        const best = await during(phone, ann, 5);
        note(`${codec} ${mode}`, best);

        narrow(rate);
        await pause(8);
        const [small, other] = await Promise.all([during(phone, ann, 15), during(desk, ann, 15)]);
        note(`${codec} ${mode}, ${rate}`, small);
        note(`${codec} ${mode}, the other viewer`, other);
        assert.ok(small.heard > 0.9, `sound: ${JSON.stringify(small)}`);
        assert.ok(small.pictures > 2, `pictures: ${JSON.stringify(small)}`);
        assert.ok(small.frozen < 0.3, `freezes: ${JSON.stringify(small)}`);
        if (sizes) assert.ok(small.width < other.width, JSON.stringify([small, other]));
        assert.ok(
          other.width >= 640 && other.pictures > small.pictures / 2 && other.frozen < 0.1,
          `the other one: ${JSON.stringify(other)}`,
        );

        narrow(undefined);
        await phone.receives(
          ann,
          ({ now, before }) => now.width >= 640 && now.frames > before.frames,
        );
        await pause(4);
        note(`${codec} ${mode}, no limit any more`, await during(phone, ann, 5));
      } finally {
        await wide.browsers.stop();
      }
    },
  );
}
