/**
 * Networks for tests: a server and a client with routers between them, and a call through them by
 * an unmodified openvidu-browser in Chromium.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Browsers } from '../harness/browsers.mjs';
import { Namespaces, namespacesRefused } from '../harness/namespace.mjs';
import { startServer } from '../harness/server.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;

export const serverAddress = '198.51.100.1';
export const ports = { SERVER_PORT: '4443', MADANG_UDP_PORT: '40000' };

export const translate = (device, how = 'masquerade') => `
  table ip translation {
    chain out {
      type nat hook postrouting priority srcnat;
      oifname "${device}" ${how}
    }
  }`;

export const filter = (...rules) => `
  table inet filter {
    chain through {
      type filter hook forward priority filter;
      ${rules.join('\n      ')}
    }
  }`;

/** A server with a public address, and a client whose router has rules of its own. */
export function behindRouter(net, rules) {
  const [server, router, client] = ['server', 'router', 'client'].map((name) => net.add(name));
  const outside = router.connect(server, '198.51.100.254/24', `${serverAddress}/24`);
  router.connect(client, '10.0.0.1/24', '10.0.0.2/24');
  client.route('default', '10.0.0.1');
  router.forward(rules(outside));
  return { server, router, client };
}

/** What a gateway does that gives a machine inside its own public address. */
export const oneToOne = (inside, outside) => `
  table ip translation {
    chain in {
      type nat hook prerouting priority dstnat;
      ip daddr ${outside} dnat to ${inside}
    }
    chain out {
      type nat hook postrouting priority srcnat;
      ip saddr ${inside} snat to ${outside}
    }
  }`;

const refused = namespacesRefused();
if (refused) {
  console.error(
    `\n  NOT TESTED: no network namespaces (${refused}). Run as root, with nftables.\n`,
  );
}

/**
 * A test in networks of its own. `build` makes them and names the machines of `server` and
 * `client`; `settings` are the server's, `names` what Chromium's DNS would tell; `run` is given what a scenario is given, and them.
 */
export function inNetwork(name, { build, settings, names }, run) {
  const skip = refused ? 'no network namespaces' : false;
  test(name, { timeout: 240_000, skip }, async (context) => {
    const net = new Namespaces();
    const world = { participants: new Set() };
    try {
      const machines = await build(net);
      const { server, client } = machines;
      world.server = await startServer({ ...ports, ...settings }, server);
      world.server.url = `http://localhost:${await net.door(server, ports.SERVER_PORT)}`;
      const site = await net.serve(client, join(here, 'site.mjs'));
      world.site = { client: (version) => site.replace('VERSION', version) };
      const executable = net.wrapper(client, '/usr/bin/chromium');
      world.browsers = new Browsers({ executable, names });
      await run(world, machines);
      world.server.assertHealthy();
    } catch (error) {
      for (const { name, troubles } of world.participants) {
        for (const trouble of troubles.slice(-10)) context.diagnostic(`${name}: ${trouble}`);
      }
      context.diagnostic(`server: ${world.server?.tail()}`);
      throw error;
    } finally {
      await world.browsers?.stop();
      await world.server?.stop();
      net.removeAll();
    }
  });
}

/**
 * Everything of these participants goes to `address` over `protocol`, straight or through a relay
 * that they reach over `relay`; to which port.
 */
export async function goesOver(participants, protocol, address, relay = undefined) {
  // What is absent does not come across as undefined.
  const relayed = relay ? { candidateType: 'relay', relayProtocol: relay } : {};
  const expected = { protocol, address, ...relayed };
  const all = await Promise.all(participants.map((p) => p.do('pathsLike', expected)));
  const paths = all.flat();
  if (!relay) assert.ok(paths.every(({ candidateType }) => candidateType !== 'relay'));
  return paths[0].port;
}
