/**
 * Sound over a network that loses one packet in ten, each way: the browser of who speaks sends each frame twice (RED), and so does
 * the server while it sees losses. `SOUND=full` measures the same without. What was measured is written to `results/sound.md`.
 */

import assert from 'node:assert/strict';
import { openRoom } from '../harness/call.mjs';
import { filter, inNetwork, serverAddress } from './networks.mjs';
import { during, elsewhere, openedIn, pause, results, twoClients } from './viewers.mjs';

const note = results('sound');

for (const redundancy of process.env.SOUND === 'full' ? ['true', 'false'] : ['true']) {
  inNetwork(
    `sound over a network that loses 10 %, MADANG_AUDIO_REDUNDANCY=${redundancy}`,
    {
      build: twoClients,
      settings: { DOMAIN_OR_PUBLIC_IP: serverAddress, MADANG_AUDIO_REDUNDANCY: redundancy },
    },
    async (world, machines) => {
      const studio = await elsewhere(world, machines);
      try {
        const room = await openRoom(world);
        const ann = await (await openedIn(studio, room)).join('ann', { auto: false });
        await ann.publish({ resolution: '320x240', frameRate: 15 });
        const phone = await room.join('phone');
        await phone.sees(ann);
        note(`nothing lost, redundancy ${redundancy}`, await during(phone, ann, 5));
        const lost = ['saddr', 'daddr'].map(
          (end) => `ip ${end} 10.0.0.0/24 meta l4proto udp numgen random mod 100 < 10 drop`,
        );
        machines.router.rules(filter(...lost));
        // The server sees the losses first.
        await pause(4);
        const heard = await during(phone, ann, 15);
        note(`10 % lost each way, redundancy ${redundancy}`, heard);
        if (redundancy === 'true') assert.ok(heard.heard > 0.95, JSON.stringify(heard));
      } finally {
        await studio.browsers.stop();
      }
    },
  );
}
