/**
 * Prints the figures of docs/benchmarks.md: time from `POST /sessions` to the first decoded frame,
 * memory idle and per participant, start-up time, size of the binary. Not a test: nothing fails.
 *
 *     make bench
 */

import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Browsers } from '../harness/browsers.mjs';
import { openRoom } from '../harness/call.mjs';
import { binary, startServer } from '../harness/server.mjs';
import { startSite } from '../harness/site.mjs';

const rounds = Number(process.env.ROUNDS ?? 9);
const participants = Number(process.env.PARTICIPANTS ?? 8);

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const show = (what, value, unit) => console.log(`${what.padEnd(52)} ${value} ${unit}`);

/** Resident memory of the server in MiB. */
const resident = (server) => {
  const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024;
};

const starts = [];
for (let i = 0; i < 7; i++) {
  const server = await startServer();
  starts.push(server.startedIn);
  await server.stop();
}

const browsers = new Browsers();
const world = {
  browsers,
  participants: new Set(),
  site: await startSite(),
  server: await startServer(),
};
try {
  const idle = resident(world.server);

  // The pages and the camera are open before the clock starts, as with a preview: the figure is
  // about the call, not about loading.
  const firstFrames = [];
  for (let i = 0; i <= rounds; i++) {
    const [ann, bob] = [await browsers.page(), await browsers.page()];
    for (const page of [ann, bob]) await page.goto(world.site.client('2.32.2'));
    await ann.evaluate(() => window.agent.openCamera());
    const before = performance.now();
    const room = await openRoom(world);
    const tokens = await Promise.all([room.token(), room.token()]);
    const enter = (page, token) =>
      page.evaluate((t) => window.agent.join({ token: t, data: '' }), token);
    const [{ connectionId }] = await Promise.all([enter(ann, tokens[0]), enter(bob, tokens[1])]);
    const published = ann.evaluate(() => window.agent.publish({ opened: true }));
    await bob.evaluate((id) => window.agent.firstFrame(id), connectionId);
    // The first round warms the browser up.
    if (i > 0) firstFrames.push(performance.now() - before);
    await published;
    await Promise.all([ann.close(), bob.close()]);
  }

  // One publisher per room and one viewer: what a participant costs without a crowd's fan-out.
  const before = resident(world.server);
  const everybody = [];
  for (let i = 0; i < participants / 2; i++) {
    const room = await openRoom(world);
    const [one, two] = [await room.join(`a${i}`), await room.join(`b${i}`)];
    await Promise.all([one.publish(), two.publish()]);
    await Promise.all([one.sees(two), two.sees(one)]);
    everybody.push(one, two);
  }
  const perParticipant = (resident(world.server) - before) / everybody.length;

  show('POST /sessions to first decoded frame (median)', median(firstFrames).toFixed(0), 'ms');
  show(
    `  of ${firstFrames.length} rounds, fastest and slowest`,
    `${Math.min(...firstFrames).toFixed(0)}, ${Math.max(...firstFrames).toFixed(0)}`,
    'ms',
  );
  show('start of the process to ready (median of 7)', median(starts).toFixed(0), 'ms');
  show('resident memory, idle', idle.toFixed(1), 'MiB');
  show(
    `  more per participant, ${everybody.length} in pairs, sending and receiving`,
    perParticipant.toFixed(2),
    'MiB',
  );
  // The build keeps line numbers for backtraces; what is published is stripped of them.
  const stripped = join(world.server.home, 'stripped');
  execFileSync('strip', ['-o', stripped, binary]);
  show('size of the binary, stripped', (statSync(stripped).size / 2 ** 20).toFixed(1), 'MiB');
} finally {
  await browsers.stop();
  world.site.stop();
  await world.server.stop();
}
