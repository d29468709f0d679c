/**
 * The networks that people are in, each with a real call through it: moving video both ways. The server has its defaults.
 * Which way media took, and how long it took to come, is written to `results/network.md`; `ROUNDS` asks for more than one
 * joining of each kind.
 */

import assert from 'node:assert/strict';
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
  serverAddress,
  translate,
} from './networks.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;

const rounds = Number(process.env.ROUNDS ?? 1);

/** Chromium takes now the one, now the other. */
const overTcp = ['tcp', 'relayOverTcp'];

const udpBlocked = (net) =>
  behindRouter(net, (outside) => translate(outside) + filter('meta l4proto udp drop'));

/** Leaves a client the relay and nothing else. From 2.31 on an application could ask for it itself. */
const relayOnly = () => {
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super({ ...configuration, iceTransportPolicy: 'relay' });
    }
  };
};

const cells = [
  {
    name: 'open',
    build(net) {
      const { server, client } = behindRouter(net, () => '');
      server.route('10.0.0.0/24', '198.51.100.254');
      return { server, client };
    },
    ways: ['udp'],
  },
  {
    name: 'port-restricted NAT',
    build: (net) => behindRouter(net, (outside) => translate(outside)),
    ways: ['udp'],
  },
  {
    name: 'symmetric NAT',
    build: (net) =>
      behindRouter(net, (outside) => translate(outside, 'masquerade random,fully-random')),
    ways: ['udp'],
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
    ways: ['udp'],
  },
  { name: 'UDP blocked', build: udpBlocked, ways: overTcp },
  {
    name: 'UDP blocked, no relay, Firefox',
    build: udpBlocked,
    settings: { MADANG_TURN_ALLOCATIONS: '0' },
    client: { browser: 'firefox' },
    // It asks nobody whether to go on with a certificate that it does not trust.
    trusted: [serverAddress],
    ways: ['tcp'],
  },
  {
    name: 'UDP blocked, openvidu-browser 2.20.0',
    build: udpBlocked,
    client: { version: '2.20.0' },
    // It knows no relay but that over UDP.
    ways: ['tcp'],
  },
  {
    name: 'relay only, openvidu-browser 2.20.0',
    build: (net) => behindRouter(net, (outside) => translate(outside)),
    client: { version: '2.20.0', before: relayOnly },
    ways: ['relayOverUdp'],
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
            `oifname "${outside}" tcp dport 4443 accept`,
            'drop',
          ),
      ),
    ways: overTcp,
  },
  {
    name: 'only TLS on 443, all else dropped',
    async build(net) {
      const machines = behindRouter(
        net,
        () => `
          table ip redirection {
            chain in {
              type nat hook prerouting priority dstnat;
              iifname "c1" tcp dport 443 redirect to :8443
            }
          }
          ${filter('drop')}`,
      );
      const proxy = join(here, 'tls-only-proxy.mjs');
      await net.serve(machines.router, proxy, 8443, serverAddress, 443);
      return machines;
    },
    settings: { SERVER_PORT: '443' },
    host: 'call.madang.test',
    trusted: ['call.madang.test'],
    before: ({ client }) => {
      const ask = (url) => {
        const options = 'NODE_TLS_REJECT_UNAUTHORIZED=0';
        client.exec(
          'env',
          options,
          process.execPath,
          '-e',
          `fetch('${url}').then(() => {}, () => process.exit(1))`,
        );
      };
      ask(`https://${serverAddress}/`);
      assert.throws(() => ask(`http://${serverAddress}:443/`), 'what is no TLS is cut');
    },
    ways: ['relayOverTls'],
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
    ways: blocked ? overTcp : ['udp'],
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
    ways: blocked ? overTcp : ['udp'],
  })),
];

const rows = [];
for (const cell of cells) {
  const {
    name,
    build,
    address = serverAddress,
    host = address,
    trusted,
    client,
    ways,
    before,
  } = cell;
  const settings = { DOMAIN_OR_PUBLIC_IP: host, ...cell.settings };
  const names = host === address ? {} : { [host]: address };
  inNetwork(name, { build, settings, names, trusted }, async (world, machines) => {
    before?.(machines);
    const room = await openRoom(world);
    const ann = await room.join('ann', client);
    await ann.publish();
    const times = [];
    const taken = new Set();
    for (let round = 0; round < rounds; round++) {
      const bob = await room.open('bob', client);
      const start = performance.now();
      await bob.enter();
      await bob.do('firstFrame', ann.id);
      times.push(performance.now() - start);
      await bob.publish();
      await Promise.all([ann.sees(bob), bob.sees(ann)]);
      for (const way of await goesOver([ann, bob], ways, address)) taken.add(way);
      await bob.close();
    }
    rows.push({ name, taken, times });
  });
}

const titles = {
  udp: 'UDP',
  tcp: 'TCP',
  relayOverUdp: 'relay over UDP',
  relayOverTcp: 'relay over TCP',
  relayOverTls: 'relay over TLS',
};

after(() => {
  if (rows.length === 0) return;
  const seconds = (time) => `${(time / 1000).toFixed(1)} s`;
  const lines = rows.map(({ name, taken, times }) => {
    const sorted = times.toSorted((a, b) => a - b);
    const range = rounds > 1 ? ` (${seconds(sorted[0])} to ${seconds(sorted.at(-1))})` : '';
    const path = [...taken].map((way) => titles[way]).join(', ');
    return `| ${name} | ${path} | ${seconds(sorted[rounds >> 1])}${range} |`;
  });
  const head = ['| Network | Media over | Joining to first picture |', '|---|---|---|'];
  const results = join(here, '../results');
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, 'network.md'), `${[...head, ...lines].join('\n')}\n`);
});
