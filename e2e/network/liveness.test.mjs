/**
 * What befalls a call without anybody's fault: media or signalling is cut off, a computer sleeps, a phone goes to another network.
 * The application does nothing about it; the unmodified client and the server must. What was measured is written to
 * `results/liveness.md`. With `LIVENESS=full` troubles last as long as docs/benchmarks.md says.
 */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { openRoom } from '../harness/call.mjs';
import { filter, inNetwork, serverAddress } from './networks.mjs';
import { elsewhere, openedIn, pause, twoClients } from './viewers.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const full = process.env.LIVENESS === 'full';

/** Everything of this protocol between the phone and the server is lost for so long. */
async function cutOff({ router }, protocol, seconds) {
  router.rules(
    filter(
      `ip saddr 10.0.0.0/24 meta l4proto ${protocol} drop`,
      `ip daddr 10.0.0.0/24 meta l4proto ${protocol} drop`,
    ),
  );
  await pause(seconds);
  router.exec('nft', 'delete', 'table', 'inet', 'filter');
}

function isBrowser(pid) {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('chromium');
  } catch {
    // It has ended since.
    return false;
  }
}

/** Stops the browser on a machine, as its lid does. */
async function sleep({ client }, seconds) {
  const browsers = String(client.exec('ip', 'netns', 'pids', client.name))
    .split('\n')
    .filter(Boolean)
    .map(Number)
    .filter((pid) => isBrowser(pid));
  for (const pid of browsers) process.kill(pid, 'SIGSTOP');
  await pause(seconds);
  for (const pid of browsers) process.kill(pid, 'SIGCONT');
}

/** Another network with another address. */
function move({ client }) {
  client.ip('address', 'flush', 'dev', 'c0', 'scope', 'global');
  client.ip('address', 'add', '10.0.0.77/24', 'dev', 'c0');
  client.route('default', '10.0.0.1');
}

const rows = [];

inNetwork(
  'a call goes on after troubles of the network',
  {
    build: twoClients,
    // One way for media alone, so that it can be cut off.
    settings: { DOMAIN_OR_PUBLIC_IP: serverAddress, MADANG_ICE_TCP: 'off' },
  },
  async (world, machines) => {
    const office = await elsewhere(world, machines);
    try {
      const room = await openRoom(world);
      const desk = await (await openedIn(office, room)).join('desk');
      const phone = await room.join('phone');
      await Promise.all([desk.publish(), phone.publish()]);
      const both = () => Promise.all([desk.sees(phone), phone.sees(desk)]);
      await both();

      /** How long it takes until they see each other again, and who has noticed what. */
      const trouble = async (name, happens, { leaves }) => {
        const counts = () =>
          Promise.all(
            [
              [desk, 'streamDestroyed'],
              [desk, 'connectionDestroyed'],
              [phone, 'sessionDisconnected'],
              [phone, 'streamDestroyed'],
            ].map(([one, event]) => one.count(event)),
          );
        const before = await counts();
        await happens();
        const over = performance.now();
        await both();
        const seconds = (performance.now() - over) / 1000;
        const more = (await counts()).map((count, index) => count - before[index]);
        assert.deepEqual(more, leaves ? [1, 1, 0, 0] : [0, 0, 0, 0], name);
        const data = `after ${name}`;
        const heard = phone.event('signal', { data });
        await desk.do('signal', { data, type: 'test' });
        await heard;
        rows.push(
          `| ${name} | ${seconds.toFixed(1)} s | ${leaves ? 'left and came back' : 'nothing'} |`,
        );
      };

      const media = full ? 30 : 12;
      await trouble(`no media for ${media} s`, () => cutOff(machines, 'udp', media), {});
      assert.ok((await phone.count('exception', { exception: 'ICE_CONNECTION_DISCONNECTED' })) > 0);

      const signalling = full ? 60 : 20;
      await desk.do('watch', phone.id);
      await trouble(
        `no signalling for ${signalling} s`,
        () => cutOff(machines, 'tcp', signalling),
        {},
      );
      await phone.event('reconnected');
      const { longestGap } = await desk.do('watchedPictures', phone.id);
      assert.ok(
        longestGap < 5000,
        `a picture stood for ${longestGap} ms while only signalling was lost`,
      );

      // Longer than it takes to miss its pings, and the time in which it would never have been away.
      const asleep = full ? 60 : 40;
      await trouble(`asleep for ${asleep} s`, () => sleep(machines, asleep), { leaves: true });

      await trouble('another network', () => move(machines), {});
    } finally {
      await office.browsers.stop();
    }
  },
);

after(() => {
  if (rows.length === 0) return;
  const head = [
    '| What | Everybody sees everybody after | What others were told |',
    '|---|---|---|',
  ];
  const results = join(here, '../results');
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, 'liveness.md'), `${[...head, ...rows].join('\n')}\n`);
});
