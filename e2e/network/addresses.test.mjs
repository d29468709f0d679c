/** Which addresses the server offers, and how it notices that they have changed. */

import assert from 'node:assert/strict';
import { openRoom } from '../harness/call.mjs';
import { restOk } from '../harness/rest.mjs';
import { startServer } from '../harness/server.mjs';
import {
  behindRouter,
  goesOver,
  inNetwork,
  oneToOne,
  ports,
  serverAddress,
  translate,
} from './networks.mjs';

const laterAddress = '198.51.100.9';

/** Somebody whose token leads to `host`, as it does for applications that use this address. */
async function joinBy(host, room, name) {
  const { server } = room.world;
  const headers = { 'X-Forwarded-Host': `${host}:${ports.SERVER_PORT}` };
  const { token } = await restOk(server, 'POST', `${room.path}/connection`, {}, headers);
  return room.join(name, { token });
}

const remoteDescription = (participant, other) => participant.do('remoteDescription', other.id);

inNetwork(
  'an address that the machine gets later is offered, and one that it loses is not',
  {
    build(net) {
      const [server, client] = ['server', 'client'].map((name) => net.add(name));
      server.connect(client, `${serverAddress}/24`, '198.51.100.2/24');
      client.rules(`
        table inet filter {
          chain out {
            type filter hook output priority filter;
            ct state established accept
          }
        }`);
      return { server, client };
    },
    settings: { MADANG_ICE_TCP: 'off' },
  },
  async (world, { server, client }) => {
    const room = await openRoom(world);
    const ann = await joinBy(serverAddress, room, 'ann');
    await ann.publish();
    const bob = await joinBy(serverAddress, room, 'bob');
    await bob.sees(ann);
    await goesOver([ann, bob], ['udp'], serverAddress);

    server.ip('address', 'add', `${laterAddress}/24`, 'dev', 'c0');
    await world.server.said(/have changed.*198\.51\.100\.9:/);
    // New ways to the first address are shut, so that the later one must work; old ones stay.
    client.exec(
      ...'nft add rule inet filter out ip daddr 198.51.100.1 meta l4proto udp drop'.split(' '),
    );
    const eve = await joinBy(serverAddress, room, 'eve');
    await eve.sees(ann);
    await goesOver([eve], ['udp'], laterAddress);
    await bob.sees(ann);

    server.ip('address', 'del', `${laterAddress}/24`, 'dev', 'c0');
    await world.server.said(/have changed(?!.*198\.51\.100\.9:)/);
    await bob.do('unsubscribe', ann.id);
    await bob.do('subscribe', ann.id);
    const description = await remoteDescription(bob, ann);
    assert.match(description, /198\.51\.100\.1 40000 typ host/);
    assert.doesNotMatch(description, /198\.51\.100\.9/);
  },
);

inNetwork(
  'a server behind 1:1 NAT finds its public address by STUN',
  {
    build(net) {
      const {
        server: gateway,
        router,
        client,
      } = behindRouter(net, (outside) => translate(outside));
      const [server, stun] = ['inside', 'stun'].map((name) => net.add(name));
      gateway.connect(server, '172.16.0.1/24', '172.16.0.2/24');
      gateway.route('default', '198.51.100.254');
      server.route('default', '172.16.0.1');
      router.connect(stun, '203.0.113.1/24', '203.0.113.2/24');
      stun.route('default', '203.0.113.1');
      gateway.forward(oneToOne('172.16.0.2', serverAddress));
      return { server, client, stun };
    },
    settings: { MADANG_STUN_SERVERS: '203.0.113.2:40000' },
  },
  async (world, { stun }) => {
    // Any STUN server would do, and this is one. It starts late: it is asked again.
    const other = await startServer(ports, stun);
    try {
      await world.server.said(/have changed.*198\.51\.100\.1:40000/);
      const room = await openRoom(world);
      const ann = await joinBy(serverAddress, room, 'ann');
      await ann.publish();
      const bob = await joinBy(serverAddress, room, 'bob');
      await bob.sees(ann);
      await goesOver([ann, bob], ['udp'], serverAddress);
    } finally {
      await other.stop();
    }
  },
);
