/**
 * The networks that people are in, each with a real call through it: an unmodified openvidu-browser
 * in Chromium, moving video both ways. What each cell took is written to `results/network.md`.
 */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Browsers } from '../harness/browsers.mjs';
import { openRoom } from '../harness/call.mjs';
import { Namespaces, namespacesRefused } from '../harness/namespace.mjs';
import { startServer } from '../harness/server.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;

const serverAddress = '198.51.100.1';
const ports = { SERVER_PORT: '4443', MADANG_UDP_PORT: '40000' };

const translate = (device, how = 'masquerade') => `
  table ip translation {
    chain out {
      type nat hook postrouting priority srcnat;
      oifname "${device}" ${how}
    }
  }`;

const filter = (...rules) => `
  table inet filter {
    chain through {
      type filter hook forward priority filter;
      ${rules.join('\n      ')}
    }
  }`;

/** A server with a public address, and a client whose router has rules of its own. */
function behindRouter(net, rules) {
  const [server, router, client] = ['server', 'router', 'client'].map((name) => net.add(name));
  const outside = router.connect(server, '198.51.100.254/24', `${serverAddress}/24`);
  router.connect(client, '10.0.0.1/24', '10.0.0.2/24');
  client.route('default', '10.0.0.1');
  router.forward(rules(outside));
  return { server, client };
}

const cells = [
  {
    name: 'open',
    build(net) {
      const { server, client } = behindRouter(net, () => '');
      server.route('10.0.0.0/24', '198.51.100.254');
      return { server, client };
    },
    protocol: 'udp',
  },
  {
    name: 'port-restricted NAT',
    build: (net) => behindRouter(net, (outside) => translate(outside)),
    protocol: 'udp',
  },
  {
    name: 'symmetric NAT',
    build: (net) =>
      behindRouter(net, (outside) => translate(outside, 'masquerade random,fully-random')),
    protocol: 'udp',
  },
  {
    name: 'double NAT',
    build(net) {
      const { server, client: home } = behindRouter(net, (outside) => translate(outside));
      const client = net.add('inner');
      home.connect(client, '192.168.1.1/24', '192.168.1.2/24');
      client.route('default', '192.168.1.1');
      home.forward(translate('c0'));
      return { server, client };
    },
    protocol: 'udp',
  },
  {
    name: 'UDP blocked',
    build: (net) =>
      behindRouter(net, (outside) => translate(outside) + filter('meta l4proto udp drop')),
    protocol: 'tcp',
  },
  {
    name: 'only one TCP port out',
    build: (net) =>
      behindRouter(
        net,
        (outside) =>
          translate(outside) +
          filter(
            `iifname "${outside}" ct state established accept`,
            `oifname "${outside}" tcp dport ${ports.SERVER_PORT} accept`,
            'drop',
          ),
      ),
    protocol: 'tcp',
  },
  {
    name: 'IPv6 only',
    address: '2001:db8:1::1',
    build(net) {
      const [server, router, client] = ['server', 'router', 'client'].map((name) => net.add(name));
      router.connect(server, '2001:db8:1::2/64', '2001:db8:1::1/64');
      router.connect(client, '2001:db8:2::1/64', '2001:db8:2::2/64');
      server.route('default', '2001:db8:1::2');
      client.route('default', '2001:db8:2::1');
      router.forward();
      return { server, client };
    },
    protocol: 'udp',
  },
  {
    name: 'IPv6 only, UDP blocked',
    address: '2001:db8:1::1',
    build(net) {
      const [server, router, client] = ['server', 'router', 'client'].map((name) => net.add(name));
      router.connect(server, '2001:db8:1::2/64', '2001:db8:1::1/64');
      router.connect(client, '2001:db8:2::1/64', '2001:db8:2::2/64');
      server.route('default', '2001:db8:1::2');
      client.route('default', '2001:db8:2::1');
      router.forward(filter('meta l4proto udp drop'));
      return { server, client };
    },
    protocol: 'tcp',
  },
  ...['', ', UDP blocked'].map((blocked) => ({
    name: `server behind 1:1 NAT${blocked}`,
    build(net) {
      const { server: gateway, client } = behindRouter(
        net,
        (outside) => translate(outside) + (blocked ? filter('meta l4proto udp drop') : ''),
      );
      const server = net.add('inside');
      gateway.connect(server, '172.16.0.1/24', '172.16.0.2/24');
      server.route('default', '172.16.0.1');
      gateway.forward(`
        table ip translation {
          chain in {
            type nat hook prerouting priority dstnat;
            ip daddr ${serverAddress} dnat to 172.16.0.2
          }
          chain out {
            type nat hook postrouting priority srcnat;
            ip saddr 172.16.0.2 snat to ${serverAddress}
          }
        }`);
      return { server, client };
    },
    protocol: blocked ? 'tcp' : 'udp',
  })),
];

const refused = namespacesRefused();
if (refused) {
  console.error(
    `\n  NOT TESTED: no network namespaces (${refused}). Run as root, with nftables.\n`,
  );
}

const rows = [];
for (const cell of cells) {
  test(
    cell.name,
    { timeout: 240_000, skip: refused ? 'no network namespaces' : false },
    (context) => inNetwork(cell, context),
  );
}

async function inNetwork(cell, context) {
  const net = new Namespaces();
  const world = { participants: new Set() };
  try {
    const { server, client } = cell.build(net);
    const address = cell.address ?? serverAddress;
    world.server = await startServer({ DOMAIN_OR_PUBLIC_IP: address, ...ports }, server);
    world.server.url = `http://localhost:${await net.door(server, ports.SERVER_PORT)}`;
    const site = await net.serve(client, join(here, 'site.mjs'));
    world.site = { client: (version) => site.replace('VERSION', version) };
    world.browsers = new Browsers({ executable: net.wrapper(client, '/usr/bin/chromium') });
    rows.push({ cell: cell.name, ...(await callThrough(world, cell)) });
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
}

/** A call of two; how the media went, and how long the second one waited for the first picture. */
async function callThrough(world, { protocol, address = serverAddress }) {
  const room = await openRoom(world);
  const ann = await room.join('ann');
  await ann.publish();
  const bob = await room.open('bob');
  const before = performance.now();
  await bob.enter();
  await bob.do('firstFrame', ann.id);
  const firstFrame = performance.now() - before;
  await bob.publish();
  await Promise.all([ann.sees(bob), bob.sees(ann)]);

  const paths = [...(await ann.do('paths')), ...(await bob.do('paths'))];
  assert.equal(paths.length, 4, 'two publish, two subscribe');
  for (const path of paths) {
    assert.equal(path.protocol, protocol, JSON.stringify(path));
    assert.equal(path.address, address, JSON.stringify(path));
  }
  const [{ port }] = paths;
  return { path: `${protocol.toUpperCase()} ${port}`, firstFrame };
}

after(() => {
  if (rows.length === 0) return;
  const lines = rows.map(
    ({ cell, path, firstFrame }) => `| ${cell} | ${path} | ${(firstFrame / 1000).toFixed(1)} s |`,
  );
  const head = ['| Network | Media over | Joining to first picture |', '|---|---|---|'];
  const results = join(here, '../results');
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, 'network.md'), `${[...head, ...lines].join('\n')}\n`);
});
