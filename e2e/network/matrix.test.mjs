/**
 * The networks that people are in, each with a real call through it: moving video both ways. What
 * each one took is written to `results/network.md`.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { openRoom } from '../harness/call.mjs';
import {
  behindRouter,
  filter,
  goesOver,
  inNetwork,
  oneToOne,
  ports,
  serverAddress,
  translate,
} from './networks.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;

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
  ...['', ', UDP blocked'].map((blocked) => ({
    name: `IPv6 only${blocked}`,
    address: '2001:db8:1::1',
    // openvidu-browser cannot read a token with an IPv6 address in it.
    host: 'call.madang.test',
    build(net) {
      const [server, router, client] = ['server', 'router', 'client'].map((name) => net.add(name));
      router.connect(server, '2001:db8:1::2/64', '2001:db8:1::1/64');
      router.connect(client, '2001:db8:2::1/64', '2001:db8:2::2/64');
      server.route('default', '2001:db8:1::2');
      client.route('default', '2001:db8:2::1');
      router.forward(blocked ? filter('meta l4proto udp drop') : '');
      return { server, client };
    },
    protocol: blocked ? 'tcp' : 'udp',
  })),
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
      gateway.forward(oneToOne('172.16.0.2', serverAddress));
      return { server, client };
    },
    protocol: blocked ? 'tcp' : 'udp',
  })),
];

const rows = [];
for (const cell of cells) {
  const { name, build, address = serverAddress, host = address, protocol, relay } = cell;
  // Where the relay is there too, Chromium takes now the one, now the other.
  const direct = protocol === 'tcp' ? { MADANG_TURN_ALLOCATIONS: '0' } : {};
  const settings = { DOMAIN_OR_PUBLIC_IP: host, ...direct };
  const names = host === address ? {} : { [host]: `[${address}]` };
  inNetwork(name, { build, settings, names }, async (world) => {
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
    const port = await goesOver([ann, bob], protocol, address, relay);
    const path = relay ? `TURN over ${relay.toUpperCase()}` : `${protocol.toUpperCase()} ${port}`;
    rows.push({ name, path, firstFrame });
  });
}

after(() => {
  if (rows.length === 0) return;
  const lines = rows.map(
    ({ name, path, firstFrame }) => `| ${name} | ${path} | ${(firstFrame / 1000).toFixed(1)} s |`,
  );
  const head = ['| Network | Media over | Joining to first picture |', '|---|---|---|'];
  const results = join(here, '../results');
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, 'network.md'), `${[...head, ...lines].join('\n')}\n`);
});
