/**
 * Viewers in Chromium and Firefox behind one line that is narrow, loses packets, or is cut for a moment. What was measured is written
 * to `results/lossy.md`.
 */

import assert from 'node:assert/strict';
import { openRoom } from '../harness/call.mjs';
import { filter, inNetwork, serverAddress } from './networks.mjs';
import { during, elsewhere, openedIn, pause, results, twoClients } from './viewers.mjs';

const note = results('lossy');

/** What becomes of packets of media between the viewers and the server, each way. */
const media = (fate) =>
  filter(...['saddr', 'daddr'].map((end) => `ip ${end} 10.0.0.0/24 meta l4proto udp ${fate} drop`));

inNetwork(
  'three viewers in two browsers share one line, lose packets, and are cut off for a moment',
  {
    build: twoClients,
    settings: {
      DOMAIN_OR_PUBLIC_IP: serverAddress,
      OPENVIDU_WEBRTC_SIMULCAST: 'true',
      // Firefox asks nobody whether a certificate is to be trusted.
      FORCE_PLAIN_HTTP: 'true',
    },
  },
  async (world, machines) => {
    const { router, narrow } = machines;
    const studio = await elsewhere(world, machines);
    try {
      const room = await openRoom(world);
      const ann = await (await openedIn(studio, room)).join('ann', { auto: false });
      await ann.publish({ resolution: '1280x720', frameRate: 15, videoSimulcast: true });
      const viewers = [
        await room.join('phone'),
        await room.join('tablet'),
        await room.join('fox', { browser: 'firefox' }),
      ];
      await Promise.all(viewers.map((viewer) => viewer.sees(ann)));

      const all = async (what, seconds, { pictures, heard }) => {
        const found = await Promise.all(viewers.map((viewer) => during(viewer, ann, seconds)));
        for (const [index, one] of found.entries()) {
          const { name } = viewers[index];
          note(`${what}: ${name}`, one);
          assert.ok(one.pictures > pictures, `${what}: ${name} ${JSON.stringify(one)}`);
          assert.ok(one.heard > heard, `${what}: ${name} ${JSON.stringify(one)}`);
        }
      };

      narrow('1mbit');
      await pause(6);
      await all('1 Mbit/s for all three', 10, { pictures: 2, heard: 0.85 });
      narrow(undefined);
      await Promise.all(
        viewers.map((viewer) => viewer.receives(ann, ({ now }) => now.width >= 1280)),
      );
      await pause(6);

      router.rules(media('numgen random mod 100 < 5'));
      await pause(2);
      await all('5 % lost each way', 10, { pictures: 5, heard: 0.85 });
      router.exec('nft', 'delete', 'table', 'inet', 'filter');

      router.rules(media(''));
      await pause(3);
      router.exec('nft', 'delete', 'table', 'inet', 'filter');
      const over = performance.now();
      const back = viewers.map(async (viewer) => {
        await viewer.receives(ann, ({ now, before }) => now.frames > before.frames + 2);
        return (performance.now() - over) / 1000;
      });
      for (const [index, seconds] of (await Promise.all(back)).entries()) {
        note(`3 s without media: ${viewers[index].name} goes on after ${seconds.toFixed(1)} s`);
      }
      await Promise.all(viewers.map((viewer) => viewer.sees(ann)));
    } finally {
      await studio.browsers.stop();
    }
  },
);
