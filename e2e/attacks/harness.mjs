/**
 * Attacks on the running program, each with an ordinary call beside it: two Chromium tabs with the unmodified client, whose
 * pictures are watched while it lasts. An attack fails if the server dies or panics, if the call beside it loses a
 * participant or its picture, or if what the attack itself asserts does not hold.
 *
 * With ATTACK=full they take minutes and their figures count (`make attack`); without, they are small and part of the tests.
 */

import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Browsers } from '../harness/browsers.mjs';
import { openRoom } from '../harness/call.mjs';
import { startServer } from '../harness/server.mjs';
import { startSite } from '../harness/site.mjs';

/** Whether there is time for many. */
export const isFull = process.env.ATTACK === 'full';

/** How many of something to try. */
export const many = (full, short) => (isFull ? full : short);

const results = new URL('../results/', import.meta.url).pathname;
const file = join(results, 'attacks.jsonl');

/** Resident memory in MiB, open descriptors. */
export function burden(server) {
  const { pid } = server.child;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    memory: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 102.4) / 10,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/**
 * One server for the attacks of a file. `settings` are its environment variables. Gives `attack(name, run)`, which calls
 * `run({ server, call, tried, peak })`: `call` opens rooms, `tried(n)` counts what was tried, `peak()` looks at the memory.
 */
export function target(settings = {}) {
  const world = { participants: new Set(), call: (properties) => openRoom(world, properties) };

  before(async () => {
    world.browsers = new Browsers();
    world.site = await startSite();
    world.server = await startServer(settings);
    const room = await world.call();
    world.ann = await room.join('ann');
    world.bob = await room.join('bob');
    await world.ann.publish();
    await world.bob.sees(world.ann);
    world.beside = room;
  });

  after(async () => {
    await world.browsers?.stop();
    world.site?.stop();
    await world.server?.stop();
  });

  function attack(name, run, timeout = isFull ? 1_200_000 : 240_000) {
    test(name, { timeout }, async (context) => {
      const { server, ann, bob } = world;
      const since = server.output.length;
      let inputs = 0;
      let highest = 0;
      const peak = () => {
        highest = Math.max(highest, burden(server).memory);
      };
      const first = burden(server);
      await bob.do('watch', ann.id);
      try {
        await run({
          server,
          peak,
          call: world.call,
          tried: (count = 1) => {
            inputs += count;
          },
        });
        peak();
        server.assertHealthy();
        // Nobody was thrown out, and pictures go on coming.
        assert.equal((await world.beside.show()).connections.numberOfElements, 2);
        await bob.sees(ann);
      } catch (error) {
        context.diagnostic(`server: ${server.output.slice(since).slice(-6000)}`);
        throw error;
      }
      const { pictures, longestGap } = await bob.do('watchedPictures', ann.id);
      const last = burden(server);
      mkdirSync(results, { recursive: true });
      const line = {
        name,
        full: isFull,
        inputs,
        memory: { before: first.memory, highest, after: last.memory },
        descriptors: { before: first.descriptors, after: last.descriptors },
        beside: { pictures, longestGap: Math.round(longestGap) },
      };
      appendFileSync(file, `${JSON.stringify(line)}\n`);
      context.diagnostic(JSON.stringify(line));
    });
  }

  return { attack, world };
}
