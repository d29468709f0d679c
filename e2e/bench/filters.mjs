/**
 * What a filter costs, and how much later a picture is seen through it: `node bench/filters.mjs [WIDTHxHEIGHT] [SECONDS]`. One
 * Chromium publishes and receives, so that both ends have one clock; the picture turns from dark to bright and back, and the change
 * is looked for at the other end. CPU is that of the filter's process alone.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { Browsers } from '../harness/browsers.mjs';
import { openRoom } from '../harness/call.mjs';
import { startServer } from '../harness/server.mjs';
import { startSite } from '../harness/site.mjs';

const [size = '1280x720', seconds = '20'] = process.argv.slice(2);
const commands = ['videobalance saturation=0.0', 'videoflip method=vertical-flip', 'agingtv'];

const world = { participants: new Set(), browsers: new Browsers(), site: await startSite() };
world.server = await startServer();
const room = await openRoom(world, {});
const kurentoOptions = { allowedFilters: ['GStreamerFilter'] };
const ann = await room.join('ann', { kurentoOptions });
const bob = await room.join('bob');
await ann.publish({ resolution: size, frameRate: 30 });
await bob.sees(ann);
await ann.do('blink', ...size.split('x').map(Number));

const wait = (s) => new Promise((done) => setTimeout(done, s * 1000));

/** CPU seconds of the processes that the server has started. */
function spent() {
  const own = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const stats = own.flatMap((pid) => {
    try {
      return [
        readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' '),
      ];
    } catch {
      return [];
    }
  });
  const ours = stats.filter((fields) => Number(fields[1]) === world.server.child.pid);
  return ours.reduce((sum, fields) => sum + (Number(fields[11]) + Number(fields[12])) / 100, 0);
}

async function measure(name) {
  await wait(3);
  const [cpu, began] = [spent(), performance.now()];
  const before = await bob.do('inbound', ann.id);
  const blinks = ann.do('blinks', Number(seconds));
  const seen = await bob.do('seenBlinks', ann.id, Number(seconds));
  const took = (performance.now() - began) / 1000;
  const [used, after] = [(spent() - cpu) / took, await bob.do('inbound', ann.id)];
  const rate = Math.round((after.frames - before.frames) / took);
  const made = await blinks;
  const delays = made
    .map((at) => seen.find((then) => then >= at) - at)
    .filter((delay) => delay < 900)
    .sort((a, b) => a - b);
  const median = Math.round(delays[delays.length >> 1]);
  console.log(
    `${name.padEnd(34)} ${used.toFixed(2)} CPU s/s   ${after.width}x${after.height} at ${rate}/s   seen after ${median} ms (${delays.length} times)`,
  );
}

await measure('no filter');
for (const command of commands) {
  await ann.do('applyFilter', 'GStreamerFilter', { command });
  await measure(command);
  await ann.do('removeFilter');
}
await world.browsers.stop();
world.site.stop();
await world.server.stop();
