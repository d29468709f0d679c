/**
 * One test file: a server, the browsers and a web site, shared by its scenarios. Every scenario
 * ends with the question whether the server is still well.
 */

import { after, before, test } from 'node:test';
import { Browsers } from './browsers.mjs';
import { openRoom } from './call.mjs';
import { startServer } from './server.mjs';
import { startSite } from './site.mjs';

/** `settings` are environment variables of the server, `browsers` the options of [`Browsers`]. */
export function suite(settings = {}, browsers = {}) {
  const world = { participants: new Set(), call: (properties) => openRoom(world, properties) };

  before(async () => {
    world.browsers = new Browsers(browsers);
    world.site = await startSite();
    world.server = await startServer(settings);
  });

  after(async () => {
    await world.browsers?.stop();
    world.site?.stop();
    await world.server?.stop();
  });

  /** A test with a name that reads as a statement. */
  function scenario(name, run, timeout = 240_000) {
    test(name, { timeout }, async (context) => {
      const since = world.server.output.length;
      try {
        await run(world, context);
        world.server.assertHealthy();
      } catch (error) {
        for (const participant of world.participants) {
          for (const trouble of participant.troubles.slice(-10)) {
            context.diagnostic(`${participant.name}: ${trouble}`);
          }
        }
        context.diagnostic(`server: ${world.server.output.slice(since).slice(-6000)}`);
        throw error;
      } finally {
        await Promise.all([...world.participants].map((p) => p.close().catch(() => {})));
        world.participants.clear();
      }
    });
  }

  return { scenario, world };
}
