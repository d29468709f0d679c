/** Clients that may use nothing but the relay: media goes through it both ways, in the server's memory. */

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { startAuthority } from '../harness/authority.mjs';
import { suite } from '../harness/suite.mjs';

// The relay over TLS is offered with a certificate that browsers trust.
const authority = startAuthority('localhost');
const { scenario } = suite(
  // A client's relay and its transports are in different workers more often than not.
  { ...authority.settings, DOMAIN_OR_PUBLIC_IP: 'localhost', MADANG_WORKERS: '3' },
  { trust: authority.trust },
);
after(authority.remove);

/** From 2.31 on an application can ask for it; before that only the browser can be made to. */
const rtc = { iceTransportPolicy: 'relay' };
const relayOnly = () => {
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super({ ...configuration, iceTransportPolicy: 'relay' });
    }
  };
};

/** Leaves the relays alone whose address matches. */
const only = (pattern) => [
  (source) => {
    const wanted = new RegExp(source);
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor({ iceServers, ...rest }) {
        const left = iceServers.filter(({ urls }) => wanted.test(urls));
        super({ ...rest, iceServers: left, iceTransportPolicy: 'relay' });
      }
    };
  },
  pattern,
];
const overEach = {
  udp: only('^turn:[^?]*$'),
  tcp: only('^turn:.*transport=tcp$'),
  tls: only('^turns:.*transport=tcp$'),
};

/**
 * Every peer connection of a participant goes through the relay and comes to the media port; over
 * `protocol`, or over whichever was first.
 */
async function assertRelayed(participant, { udpPort }, protocol) {
  const paths = await participant.do('paths');
  assert.ok(paths.length > 0);
  for (const { candidateType, relayProtocol, port } of paths) {
    assert.deepEqual([candidateType, port], ['relay', udpPort]);
    const expected = protocol ? [protocol] : ['udp', 'tcp', 'tls'];
    assert.ok(expected.includes(relayProtocol), relayProtocol);
  }
}

for (const browser of ['chromium', 'firefox']) {
  scenario(`${browser} publishes and subscribes through the relay alone`, async (world) => {
    const room = await world.call();
    const ann = await room.join('ann', { browser, rtc });
    const bob = await room.join('bob');
    await Promise.all([ann.publish(), bob.publish()]);
    await Promise.all([ann.sees(bob), bob.sees(ann)]);
    await assertRelayed(ann, world.server);
    const direct = await bob.do('paths');
    assert.ok(direct.every((path) => path.candidateType !== 'relay'));
  });
}

for (const browser of ['chromium', 'firefox']) {
  for (const [protocol, before] of Object.entries(overEach)) {
    scenario(
      `${browser} publishes and subscribes through the relay over ${protocol}`,
      async (world) => {
        const room = await world.call();
        const ann = await room.join('ann', { browser, before });
        const bob = await room.join('bob');
        await Promise.all([ann.publish(), bob.publish()]);
        await Promise.all([ann.sees(bob), bob.sees(ann)]);
        await assertRelayed(ann, world.server, protocol);
      },
    );
  }
}

scenario('two who are behind the relay see each other', async (world) => {
  const room = await world.call();
  const ann = await room.join('ann', { rtc });
  const bob = await room.join('bob', { rtc });
  await Promise.all([ann.publish(), bob.publish()]);
  await Promise.all([ann.sees(bob), bob.sees(ann)]);
  for (const participant of [ann, bob]) await assertRelayed(participant, world.server);
});

scenario('a client from before 2.31 finds the relay, too', async (world) => {
  const room = await world.call();
  const ann = await room.join('ann', { version: '2.25.0', before: relayOnly });
  const bob = await room.join('bob');
  await Promise.all([ann.publish(), bob.publish()]);
  await Promise.all([ann.sees(bob), bob.sees(ann)]);
  await assertRelayed(ann, world.server);
});
