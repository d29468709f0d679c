/** More people in a room of the page at `/` than fit on the screen: pages, whose pictures are sent, and who is heard. */

import assert from 'node:assert/strict';
import { look, screens } from '../harness/looks.mjs';
import { suite } from '../harness/suite.mjs';
import { joinAs, moves, pages, tile } from '../harness/visitor.mjs';

const { scenario } = suite({}, { ownOrigin: true });
const { page, visit } = pages(scenario);

const count = 14;
/** The names: from A on. */
const guest = (n) => `Guest ${String.fromCharCode(64 + n)}`;

/** In a page of their own: so many come to the room and publish, and watch nobody. They say nothing before they are told to. */
async function come([url, room, count]) {
  const constraints = { width: 160, height: 120, frameRate: 5 };
  const camera = await navigator.mediaDevices.getUserMedia({ video: constraints });
  // Not the microphone's beeps: a page with many pictures listens too seldom to hear so short ones.
  const context = new AudioContext();
  const voice = context.createMediaStreamDestination();
  const tone = context.createOscillator();
  tone.connect(voice);
  tone.start();
  await context.resume();
  window.publishers = [];
  for (let i = 1; i <= count; i++) {
    const name = `Guest ${String.fromCharCode(64 + i)}`;
    const response = await fetch(`${url}/call/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ room, name }),
    });
    const openvidu = new window.OpenVidu();
    openvidu.enableProdMode();
    const session = openvidu.initSession();
    await session.connect((await response.json()).token, { clientData: name });
    const publisher = await openvidu.initPublisherAsync(undefined, {
      videoSource: camera.getVideoTracks()[0].clone(),
      audioSource: voice.stream.getAudioTracks()[0].clone(),
      publishAudio: false,
      mirror: false,
    });
    await session.publish(publisher);
    window.publishers.push(publisher);
  }
}

/** In the page at `/`: waits until pictures of exactly those arrive that are on the screen, and sound of everybody. */
async function receivesWhatIsSeen() {
  const call = document.querySelector('madang-call');
  const totals = async () => {
    const all = new Map();
    for (const { stream, remote } of call.session.streamManagers) {
      if (!remote) continue;
      const of = { sound: 0, picture: 0 };
      const stats = await stream.getRTCPeerConnection().getStats();
      for (const { type, kind, packetsReceived } of stats.values()) {
        if (type === 'inbound-rtp') of[kind === 'audio' ? 'sound' : 'picture'] += packetsReceived;
      }
      all.set(stream.connection.connectionId, of);
    }
    return all;
  };
  const shown = () =>
    [...call.shadowRoot.querySelectorAll('.tile:not(.local)')]
      .filter((tile) => getComputedStyle(tile).visibility === 'visible')
      .map(({ dataset }) => dataset.id)
      .sort();
  for (;;) {
    const before = await totals();
    await new Promise((done) => setTimeout(done, 1500));
    const after = await totals();
    const grown = (what) =>
      [...after].filter(([id, of]) => of[what] > (before.get(id)?.[what] ?? 0)).map(([id]) => id);
    const fits = grown('picture').sort().join() === shown().join();
    if (fits && grown('sound').length === after.size) return shown().length;
  }
}

for (const [size, each] of [
  ['wide', 12],
  ['phone', 6],
]) {
  page(`${count} others, ${size}`, async (world) => {
    const faults = [];
    const room = `big ${size}`;
    const ann = await visit(world, `/?room=${room}`, screens[size]);
    await joinAs(ann, 'Ann');
    const others = await world.browsers.page();
    try {
      await others.goto(world.site.client('2.32.2'));
      await others.evaluate(come, [world.server.url, room, count]);
      const all = Math.ceil((count + 1) / each);
      const at = (page) => ann.getByRole('status', { name: `Page ${page} of ${all}` });
      await at(1).waitFor();
      await ann.locator('.count', { hasText: String(count + 1) }).waitFor();
      assert.equal(await ann.evaluate(receivesWhatIsSeen), each - 1);
      await moves(ann, guest(1));
      await look(ann, `pages-1-${size}`, faults);

      await ann.getByRole('button', { name: 'Next page' }).click();
      await at(2).waitFor();
      await moves(ann, guest(each));
      await tile(ann, guest(1)).waitFor({ state: 'hidden' });
      await ann.evaluate(receivesWhatIsSeen);
      await look(ann, `pages-2-${size}`, faults);

      // Whoever speaks comes to the first page.
      await ann.getByRole('button', { name: 'Previous page' }).click();
      await at(1).waitFor();
      await tile(ann, guest(count)).waitFor({ state: 'hidden' });
      await others.evaluate(() => window.publishers.at(-1).publishAudio(true));
      await tile(ann, guest(count)).waitFor({ state: 'visible' });
      await moves(ann, guest(count));
      assert.equal(await ann.evaluate(receivesWhatIsSeen), each - 1);
    } finally {
      await others.close();
    }
    await ann.locator('nav.pages').waitFor({ state: 'detached' });
    assert.deepEqual(faults, []);
  });
}
