/**
 * Networks for tests: a server and a client with routers between them, and a call through them by
 * an unmodified openvidu-browser in Chromium.
 */

import { join } from 'node:path';
import { test } from 'node:test';
import { startAuthority } from '../harness/authority.mjs';
import { Browsers } from '../harness/browsers.mjs';
import { Namespaces, namespacesRefused } from '../harness/namespace.mjs';
import { startServer } from '../harness/server.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;

export const serverAddress = '198.51.100.1';
export const ports = { SERVER_PORT: '4443', MADANG_UDP_PORT: '40000', COTURN_PORT: '3478' };

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
 * `client`; `settings` are the server's, `names` what the client finds by DNS, `trusted` those that the server has a
 * certificate for; `run` is given what a scenario is given, and them.
 */
export function inNetwork(name, { build, settings, names, trusted }, run) {
  const skip = refused ? 'no network namespaces' : false;
  test(name, { timeout: 240_000, skip }, async (context) => {
    const net = new Namespaces();
    const world = { participants: new Set() };
    const authority = trusted && startAuthority(...trusted);
    try {
      const machines = await build(net);
      const { server, client } = machines;
      if (names) await net.knows(client, names);
      const all = { ...ports, ...authority?.settings, ...settings };
      world.server = await startServer(all, server);
      world.server.url = `http://localhost:${await net.door(server, all.SERVER_PORT)}`;
      const site = await net.serve(client, join(here, 'site.mjs'));
      world.site = { client: (version) => site.replace('VERSION', version) };
      const wrap = (program) => net.wrapper(client, program);
      world.browsers = new Browsers({
        wrap,
        debuggingPort: () => net.door(client),
        trust: authority?.trust,
      });
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
      authority?.remove();
    }
  });
}

/** The ways that media may take: what the agent's `paths` tells of each. */
export const ways = {
  udp: { candidateType: 'direct', protocol: 'udp' },
  tcp: { candidateType: 'direct', protocol: 'tcp' },
  relayOverUdp: { candidateType: 'relay', relayProtocol: 'udp' },
  relayOverTcp: { candidateType: 'relay', relayProtocol: 'tcp' },
  relayOverTls: { candidateType: 'relay', relayProtocol: 'tls' },
};

/** Resolves when everything of these participants goes to `address`, by one of these ways; the names of those taken. */
export async function goesOver(participants, names, address) {
  const expected = names.map((name) => ({ ...ways[name], address }));
  const all = await Promise.all(participants.map((p) => p.do('pathsLike', expected)));
  const indices = new Set(all.flat().map(({ fits }) => fits));
  return names.filter((_, index) => indices.has(index));
}
