/**
 * Sound that survives losses: browsers that can send each frame twice (RED), and hold in each what helps when the one before is
 * lost (FEC). Without adaptation a server sends the second ones to everybody who reads them.
 */

import assert from 'node:assert/strict';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite({ MADANG_ADAPTATION: 'false' });

/** In the page of somebody who does not read RED: it is not there in what the server offers. */
function withoutRed() {
  const original = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const lines = description.sdp
      .split('\r\n')
      .filter((line) => !/^a=(rtpmap|fmtp):63 /.test(line));
    const sdp = lines.join('\r\n').replace(/^(m=audio .*) 63$/m, '$1');
    return original.call(this, { type: description.type, sdp });
  };
}

/** Bytes of a packet of sound, over four seconds. */
async function size(who, other) {
  const before = await who.do('inbound', other.id);
  const now = await who.receives(
    other,
    ({ now, before }) => now.audioPackets >= before.audioPackets + 200,
  );
  return (now.audioBytes - before.audioBytes) / (now.audioPackets - before.audioPackets);
}

scenario(
  'Chromium sends each frame twice, and who does not read that gets one',
  async ({ call }) => {
    const room = await call();
    const ann = await room.join('ann');
    const bob = await room.join('bob');
    const dan = await room.join('dan', { before: withoutRed });
    const fox = await room.join('fox', { browser: 'firefox' });
    await Promise.all([ann.publish(), fox.publish({ videoSource: false })]);
    await Promise.all([
      bob.sees(ann),
      dan.sees(ann),
      fox.sees(ann),
      ann.sees(fox, { video: false }),
      bob.sees(fox, { video: false }),
    ]);
    const offered = await bob.do('remoteDescription', ann.id);
    assert.match(offered, /^m=audio \d+ \S+ 111 63\r$/m);
    assert.match(offered, /^a=fmtp:111 .*useinbandfec=1/m);
    assert.match(offered, /^a=fmtp:63 111\/111\r$/m);
    assert.doesNotMatch(await dan.do('remoteDescription', ann.id), /red\/48000/);
    assert.doesNotMatch(await bob.do('remoteDescription', fox.id), /red\/48000/);
    // Statistics call both Opus; what tells them apart is their size.
    const [twice, once] = await Promise.all([size(bob, ann), size(dan, ann)]);
    assert.ok(twice > 1.4 * once, `${twice} and ${once} bytes`);
  },
);
