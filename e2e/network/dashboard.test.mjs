/** Faults of networks and of addresses, and what the dashboard says of them. */

import assert from 'node:assert/strict';
import { openRoom } from '../harness/call.mjs';
import { Dashboard } from '../harness/dashboard.mjs';
import { behindRouter, filter, inNetwork, serverAddress, translate } from './networks.mjs';
import { twoClients } from './viewers.mjs';

const settings = {
  DOMAIN_OR_PUBLIC_IP: serverAddress,
  OPENVIDU_ENTERPRISE_MEDIA_SERVER: 'kurento',
};
const noOtherWay = { MADANG_ICE_TCP: 'off', MADANG_TURN_ALLOCATIONS: '0' };
/** Datagrams are told apart by their first byte (RFC 7983). */
const LARGE_MEDIA = 'ip saddr 10.0.0.0/24 meta l4proto udp @th,64,8 >= 128 meta length > 600 drop';
const DTLS = 'meta l4proto udp @th,64,8 >= 20 @th,64,8 <= 63 drop';

/** Somebody publishes through a router with rules of its own, and this is found of it. */
function fault(name, code, { rules = () => '', set = {}, check = () => {} }) {
  inNetwork(
    name,
    {
      build: (net) => behindRouter(net, (outside) => `${translate(outside)}\n${rules(outside)}`),
      settings: { ...settings, ...set },
    },
    async (world) => {
      const room = await openRoom(world);
      const dashboard = await Dashboard.open(world.server);
      dashboard.watch(room.id);
      const ann = await room.join('ann');
      await ann.publish();
      check(await dashboard.finding(ann, code), dashboard.person(ann.id));
      dashboard.close();
    },
  );
}

fault('UDP is blocked and there is no other way', 'blocked', {
  rules: () => filter('meta l4proto udp drop'),
  set: noOtherWay,
  check: ({ sentence, advice }) => {
    assert.match(sentence, /No packet of ann's browser has reached the server/);
    assert.match(advice, /UDP 40000/);
  },
});

fault('an address is offered that leads nowhere', 'wrong-address', {
  set: { ...noOtherWay, MADANG_MEDIA_ADDRESSES: '192.168.77.7' },
  check: ({ sentence, advice }) => {
    assert.match(sentence, /192\.168\.77\.7:40000/);
    assert.match(advice, /DOMAIN_OR_PUBLIC_IP/);
  },
});

fault('DTLS does not get through', 'not-encrypted', {
  rules: () => filter(DTLS),
  set: noOtherWay,
  check: (_, person) => assert.ok(person.entries.some(({ code }) => code === 'reached')),
});

fault('packets as large as those of pictures are lost on the way', 'no-key-frame', {
  rules: () => filter(LARGE_MEDIA),
  set: noOtherWay,
  check: ({ lacks }) => assert.equal(lacks, 'picture'),
});

inNetwork(
  'a narrow line, one that loses packets, one that is cut',
  { build: twoClients, settings: { ...settings, OPENVIDU_ENTERPRISE_MEDIA_SERVER: 'mediasoup' } },
  async (world, machines) => {
    const { narrow, router } = machines;
    const room = await openRoom(world);
    const dashboard = await Dashboard.open(world.server);
    dashboard.watch(room.id);
    const phone = await room.join('phone');
    await phone.publish({ resolution: '640x480', frameRate: 15 });
    const viewer = await room.join('viewer', { role: 'SUBSCRIBER' });
    await viewer.sees(phone);

    narrow('60kbit');
    const { about, lacks } = await dashboard.finding(viewer, 'bandwidth', 90);
    assert.deepEqual([about, lacks], [phone.id, 'picture']);
    narrow(undefined);
    await dashboard.healed(viewer, 'bandwidth');

    router.rules(filter('meta l4proto udp ip saddr 10.0.0.0/24 numgen random mod 100 < 25 drop'));
    await dashboard.finding(phone, 'lossy-uplink');
    router.exec('nft', 'delete', 'table', 'inet', 'filter');
    await dashboard.healed(phone, 'lossy-uplink');

    router.rules(filter('ip saddr 10.0.0.0/24 drop', 'ip daddr 10.0.0.0/24 drop'));
    await dashboard.until('that it is gone', () => {
      const codes = dashboard.person(phone.id)?.findings.map(({ code }) => code) ?? [];
      return (
        ['silent', 'cut', 'away'].some((code) => codes.includes(code)) ||
        dashboard.person(phone.id)?.leftAt
      );
    });
    dashboard.close();
  },
);
