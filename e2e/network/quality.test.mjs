/**
 * A line that loses packets, as people and operators see it: the event of an unmodified client, `webRtcStats` and `/metrics`.
 */

import assert from 'node:assert/strict';
import { openRoom } from '../harness/call.mjs';
import { restOk } from '../harness/rest.mjs';
import { behindRouter, inNetwork, serverAddress } from './networks.mjs';

/** Of what goes from the client to the server, one packet in five. */
const losing = `
  table inet loss {
    chain through {
      type filter hook forward priority filter;
      ip daddr ${serverAddress} meta l4proto udp numgen random mod 100 < 20 drop
    }
  }`;

const open = (net) => {
  const machines = behindRouter(net, () => '');
  machines.server.route('10.0.0.0/24', '198.51.100.254');
  return machines;
};

const settings = {
  DOMAIN_OR_PUBLIC_IP: serverAddress,
  OPENVIDU_PRO_NETWORK_QUALITY: 'true',
  OPENVIDU_PRO_NETWORK_QUALITY_INTERVAL: '1',
};

/** The next level of somebody's network that `fits`; everybody is told the same. */
async function told(participants, { id }, fits) {
  for (;;) {
    const name = 'networkQualityLevelChanged';
    const all = await Promise.all(participants.map((p) => p.event(name, { connectionId: id })));
    const [first, ...others] = all.map(({ newValue, oldValue }) => ({ newValue, oldValue }));
    for (const other of others) assert.deepEqual(other, first);
    assert.ok(Number.isInteger(first.newValue) && first.newValue >= 0 && first.newValue <= 5);
    if (fits(first)) return first;
  }
}

/** Values by series. */
function series(text) {
  const lines = text.split('\n').filter((line) => line && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

inNetwork(
  'everybody learns that the line of a publisher loses packets',
  { build: open, settings },
  async (world, { router }) => {
    const room = await openRoom(world);
    const ann = await room.join('ann');
    const bob = await room.join('bob');
    const everybody = [ann, bob];
    await ann.publish();
    await bob.sees(ann);

    const first = await told(everybody, ann, () => true);
    assert.equal(first.oldValue, undefined);
    assert.ok(first.newValue >= 1);
    if (first.newValue < 5) await told(everybody, ann, ({ newValue }) => newValue === 5);

    router.rules(losing);
    const worse = await told(everybody, ann, ({ newValue }) => newValue === 1);
    assert.ok(worse.oldValue > 1);
    assert.equal(await bob.count('networkQualityLevelChanged', { connectionId: bob.id }), 0);

    const shown = await restOk(world.server, 'GET', `${room.path}?webRtcStats=true`);
    const of = ({ id }) =>
      shown.connections.content.find(({ connectionId }) => connectionId === id);
    const [publisher] = of(ann).publishers;
    const { statistics } = publisher;
    assert.match(publisher.localCandidate, new RegExp(` ${serverAddress} 40000 typ host$`));
    assert.match(publisher.remoteCandidate, / 10\.0\.0\.2 \d+ typ prflx$/);
    assert.deepEqual(
      [statistics.connected, statistics.protocol, statistics.relayed],
      [true, 'udp', false],
    );
    assert.equal(statistics.networkQuality, 1);
    const rtp = Object.fromEntries(statistics.received.map((stream) => [stream.kind, stream]));
    assert.equal(rtp.audio.codec, 'OPUS');
    assert.ok(['VP8', 'VP9', 'H264', 'AV1'].includes(rtp.video.codec), rtp.video.codec);
    for (const { kind, loss, bitrate, packets } of [rtp.audio, rtp.video]) {
      assert.ok(loss > 0.02 && loss < 0.5, `${kind} loses ${loss}`);
      assert.ok(bitrate > 1000 && packets > 5, `${kind}: ${bitrate} bit/s, ${packets} packets`);
    }
    assert.ok(statistics.roundTripTime >= 0, 'Chromium answers reports of the receiver');
    assert.ok(statistics.totals.nacks > 0);
    const [subscriber] = of(bob).subscribers;
    assert.equal(subscriber.statistics.layer, 0);
    assert.ok(
      subscriber.statistics.sent.some(({ kind, bitrate }) => kind === 'video' && bitrate > 0),
    );

    const refused = await fetch(`${world.server.url}/metrics`);
    assert.equal(refused.status, 401);
    const metrics = series(await restOk(world.server, 'GET', '/metrics'));
    const value = (name) => metrics.get(name) ?? assert.fail(`${name} is missing`);
    assert.equal(value('madang_network_quality_publishers{level="1"}'), 1);
    assert.equal(value('madang_streams{direction="received",kind="video"}'), 1);
    assert.ok(value('madang_media_bytes_total{direction="in",kind="video"}') > 10_000);
    assert.ok(value('madang_media_nacks_total{direction="in",kind="video"}') > 0);
    const losses = 'madang_media_loss_ratio';
    const labels = 'direction="in",kind="audio"';
    const quiet = value(`${losses}_bucket{${labels},le="0.05"}`);
    assert.ok(
      value(`${losses}_count{${labels}}`) > quiet,
      'some periods lost more than a twentieth',
    );

    router.exec('nft', 'delete', 'table', 'inet', 'loss');
    const better = await told(everybody, ann, ({ newValue }) => newValue === 5);
    assert.ok(better.oldValue < 5);
    await bob.sees(ann);
  },
);
