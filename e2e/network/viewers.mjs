/** Two machines of viewers: the way to one of them may be narrow. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { Browsers } from '../harness/browsers.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const site = join(here, 'site.mjs');

/** Two clients behind one router; `narrow` sets what the way to the first one carries. */
export function twoClients(net) {
  const [server, router, client, other] = ['server', 'router', 'client', 'other'].map((name) =>
    net.add(name),
  );
  router.connect(server, '198.51.100.254/24', '198.51.100.1/24');
  const way = router.connect(client, '10.0.0.1/24', '10.0.0.2/24');
  router.connect(other, '10.0.1.1/24', '10.0.1.2/24');
  for (const [machine, via] of [
    [server, '198.51.100.254'],
    [client, '10.0.0.1'],
    [other, '10.0.1.1'],
  ]) {
    machine.route('default', via);
  }
  router.forward();
  const narrow = (rate) => {
    const limit = rate ? ['tbf', 'rate', rate, 'burst', '4kb', 'latency', '300ms'] : ['pfifo'];
    router.exec('tc', 'qdisc', 'replace', 'dev', way, 'root', ...limit);
  };
  return { net, server, router, client, other, narrow };
}

/** The same world for whoever is on the other machine. */
export async function elsewhere(world, { net, other }) {
  const address = await net.serve(other, site);
  const browsers = new Browsers({
    wrap: (program) => net.wrapper(other, program),
    debuggingPort: () => net.door(other),
  });
  return { ...world, browsers, site: { client: (v) => address.replace('VERSION', v) } };
}

export const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/** What came from somebody in so many seconds. */
export async function during(viewer, publisher, seconds) {
  const before = await viewer.do('inbound', publisher.id);
  await pause(seconds);
  const now = await viewer.do('inbound', publisher.id);
  const more = (key) => now[key] - before[key];
  return {
    width: now.width,
    pictures: more('frames') / seconds,
    frozen: more('frozen') / seconds,
    heard: 1 - more('concealed') / Math.max(more('samples'), 1),
    kilobits: ((more('videoBytes') + more('audioBytes')) * 8) / seconds / 1000,
  };
}

/** The same room for those who are in another world. */
export async function openedIn(world, room) {
  return Object.assign(Object.create(Object.getPrototypeOf(room)), room, { world });
}

/** Takes what was measured (see `during`); at the end it is a table in `results/NAME.md`. */
export function results(name) {
  const rows = [];
  after(() => {
    if (rows.length === 0) return;
    const number = (value, digits = 0) => (value === undefined ? '' : value.toFixed(digits));
    const share = (value) => (value === undefined ? '' : `${number(value * 100)} %`);
    const lines = rows.map(
      ({ what, width = '', pictures, frozen, heard, kilobits }) =>
        `| ${what} | ${width} | ${number(pictures, 1)} | ${share(frozen)} | ${share(heard)} | ${number(kilobits)} |`,
    );
    const head = [
      '| | Width | Pictures a second | Frozen | Sound that came | kbit/s |',
      '|---|---|---|---|---|---|',
    ];
    const folder = join(here, '../results');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${name}.md`), `${[...head, ...lines].join('\n')}\n`);
  });
  return (what, found = {}) => rows.push({ what, ...found });
}
