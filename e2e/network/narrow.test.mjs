/**
 * Viewers on narrow networks beside others on wide ones: each gets what its own carries, with an unmodified client. What was
 * measured is written to `results/narrow.md`.
 */

import assert from 'node:assert/strict';
import { openRoom } from '../harness/call.mjs';
import { inNetwork, serverAddress } from './networks.mjs';
import { during, elsewhere, openedIn, pause, results, twoClients } from './viewers.mjs';

const note = results('narrow');

for (const { name, simulcast } of [
  { name: 'simulcast', simulcast: true },
  { name: 'one layer', simulcast: false },
]) {
  const settings = {
    DOMAIN_OR_PUBLIC_IP: serverAddress,
    OPENVIDU_WEBRTC_SIMULCAST: String(simulcast),
  };
  inNetwork(
    `each viewer gets what its network carries: ${name}`,
    { build: twoClients, settings },
    async (world, machines) => {
      const { narrow } = machines;
      const wide = await elsewhere(world, machines);
      try {
        const room = await openRoom(world);
        const ann = await (await openedIn(wide, room)).join('ann', { auto: false });
        await ann.publish({ resolution: '1280x720', frameRate: 15, videoSimulcast: simulcast });
        const desk = await (await openedIn(wide, room)).join('desk');
        const phone = await room.join('phone');
        await Promise.all([desk.sees(ann), phone.sees(ann)]);
        await desk.receives(ann, ({ now }) => now.width >= 640);
        await phone.receives(ann, ({ now }) => now.width >= 640);

        narrow('300kbit');
        if (simulcast) {
          await phone.receives(
            ann,
            ({ now, before }) => now.width <= 480 && now.frames > before.frames,
          );
        }
        await pause(6);
        const [small, best] = await Promise.all([during(phone, ann, 15), during(desk, ann, 15)]);
        note(`${name}, 300 kbit/s`, small);
        note(`${name}, the other viewer`, best);
        assert.ok(small.heard > 0.9, `sound at 300 kbit/s: ${JSON.stringify(small)}`);
        assert.ok(best.width >= 640 && best.pictures > 3, `the other one: ${JSON.stringify(best)}`);
        if (simulcast) assert.ok(small.pictures > 2, `pictures: ${JSON.stringify(small)}`);

        narrow('100kbit');
        await pause(6);
        const least = await during(phone, ann, 10);
        note(`${name}, 100 kbit/s`, least);
        assert.ok(least.heard > 0.85, `sound at 100 kbit/s: ${JSON.stringify(least)}`);

        narrow(undefined);
        const recovery = performance.now();
        await phone.receives(
          ann,
          ({ now, before }) => now.width >= 640 && now.frames > before.frames,
        );
        const seconds = (performance.now() - recovery) / 1000;
        note(
          `${name}, ${seconds.toFixed(1)} s until the best was back`,
          await during(phone, ann, 5),
        );
      } finally {
        await wide.browsers.stop();
      }
    },
  );
}
