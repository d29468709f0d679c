/**
 * Virtual backgrounds: `publisher.applyFilter('VB:…')` of the unmodified client, which loads our script. The
 * camera shows a person on the right half of the picture.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite } from '../harness/suite.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const { scenario } = suite({}, { camera: join(here, '../fixtures/person.mjpeg') });

/** Parts of the picture's width and height. */
const behind = [
  [0.93, 0.3],
  [0.3, 0.5],
];
const face = [0.575, 0.2];
const chest = [0.6, 0.7];
/** The wall on the left of the camera's picture. */
const wall = [56, 148, 85];
const skin = [253, 219, 192];

const camera = { resolution: '640x480', frameRate: 30 };

/** Calls the publisher of the page; an error of the client becomes one with its name before the message. */
const call = (participant, method, ...args) =>
  participant.page.evaluate(
    async ([method, args]) => {
      try {
        const publisher = window.agent.publisher();
        if (method === 'update') await publisher.stream.filter.execMethod(...args);
        else await publisher.stream[method](...args);
      } catch ({ name, message }) {
        throw new Error(`${name}: ${message}`);
      }
    },
    [method, args],
  );

/** What the first video of the page shows at these points. */
const pixels = (participant, points) =>
  participant.page.evaluate((points) => {
    const video = document.querySelector('video');
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0);
    return points.map(([x, y]) => [
      ...context.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1)
        .data,
    ]);
  }, points);

/** As the original's test has it. */
const isRed = ([r, g, b]) => r > 250 && g < 10 && b < 40;
const isBlue = ([, , b]) => b > 240;
/** After an encoder had it. */
const near = (pixel, colour, by = 40) => colour.every((c, i) => Math.abs(pixel[i] - c) <= by);

/** Waits until the points look like that, and says how. */
async function until(participant, points, holds) {
  const deadline = Date.now() + 30_000;
  let seen;
  do {
    seen = await pixels(participant, points);
    if (seen.every(holds)) return seen;
    await participant.page.evaluate(() => new Promise((done) => setTimeout(done, 50)));
  } while (Date.now() < deadline);
  assert.fail(`${participant.name} sees ${JSON.stringify(seen)}`);
}

/** The first picture that there is after the track was replaced: until then the element is black. */
const first = (participant, points) =>
  until(participant, points, (pixel) => pixel.slice(0, 3).some((c) => c > 0));

/** Video elements and containers that the client or our script has added to the page. */
const hidden = ({ page }) =>
  page.evaluate(() => document.querySelectorAll('[id^="virtual-background-"]').length);

async function pair(world, options = {}) {
  const room = await world.call();
  const ann = await room.join('ann', options);
  const bob = await room.join('bob');
  await ann.publish(camera);
  await bob.event('streamCreated');
  await bob.receives(ann, ({ now }) => now.frames > 5);
  return { room, ann, bob };
}

scenario('the person stands before a blur, an image and another one', async (world) => {
  const { room, ann, bob } = await pair(world);
  assert.match(ann.token, /&edition=pro$/);
  await until(ann, [behind[1]], (pixel) => near(pixel, wall));

  // The options are the application's own object.
  await call(ann, 'applyFilter', 'VB:blur', { command: 'nothing of ours' });
  await assert.rejects(call(ann, 'applyFilter', 'VB:blur'), /There is already a filter applied/);
  const sharp = await first(ann, [face, behind[1]]);
  assert.ok(near(sharp[0], skin) && near(sharp[1], wall), JSON.stringify(sharp));
  await call(ann, 'removeFilter');
  await assert.rejects(call(ann, 'removeFilter'), /has no filter applied/);
  assert.equal(await hidden(ann), 0);

  const missing = { url: `${world.site.plain('red')}/../../nothing.png` };
  const refused = /VIRTUAL_BACKGROUND_ERROR: Error loading background image/;
  await assert.rejects(call(ann, 'applyFilter', 'VB:image', missing), refused);
  await assert.rejects(call(ann, 'applyFilter', 'VB:image', {}), refused);
  await assert.rejects(call(ann, 'applyFilter', 'VB:other'), /Unknown Virtual Background filter/);
  await ann.page.waitForFunction(() => !document.querySelector('[id^="virtual-background-"]'));

  await call(ann, 'applyFilter', 'VB:image', { url: world.site.plain('red') });
  const red = await first(ann, [...behind, face, chest]);
  assert.ok(red.slice(0, 2).every(isRed), JSON.stringify(red));
  assert.ok(near(red[2], skin) && !isRed(red[3]), JSON.stringify(red));
  await until(bob, behind, (pixel) => near(pixel, [255, 0, 0], 60));
  await until(bob, [face], (pixel) => near(pixel, skin, 60));

  await assert.rejects(call(ann, 'update', 'other', {}), /Unknown Virtual Background method/);
  await assert.rejects(call(ann, 'update', 'update', '{ url: '), /Wrong params syntax/);
  await assert.rejects(call(ann, 'update', 'update', missing), refused);
  await assert.rejects(
    call(ann, 'update', 'update', { maskRadius: 2 }),
    /"maskRadius" must be a number from 0 to 1/,
  );
  await until(ann, behind, isRed);
  await call(ann, 'update', 'update', { url: world.site.plain('blue') });
  await until(ann, behind, isBlue);
  await until(bob, behind, (pixel) => near(pixel, [0, 0, 255], 60));
  await call(ann, 'update', 'update', { lightWrapping: 1, backgroundCoverage: 0.2, maskRadius: 1 });

  await call(ann, 'removeFilter');
  await until(ann, [behind[1]], (pixel) => near(pixel, wall));
  await until(bob, [behind[1]], (pixel) => near(pixel, wall, 60));
  assert.equal(await hidden(ann), 0);

  // All of it is the browser's own business.
  assert.equal(await bob.count('streamPropertyChanged'), 0);
  const { content } = (await room.show()).connections;
  assert.equal(content.find(({ connectionId }) => connectionId === ann.id).status, 'active');
});

scenario('a camera that is given back and taken again is before the same image', async (world) => {
  const { ann, bob } = await pair(world);
  await call(ann, 'applyFilter', 'VB:image', { url: world.site.plain('red') });
  await call(ann, 'update', 'update', { url: world.site.plain('blue') });
  await until(bob, behind, (pixel) => near(pixel, [0, 0, 255], 60));
  await ann.do('publishVideo', false, true);
  assert.equal(await hidden(ann), 0);
  await ann.do('publishVideo', true);
  await until(ann, behind, isBlue);
  await until(bob, behind, (pixel) => near(pixel, [0, 0, 255], 60));
  await ann.do('leave');
  assert.equal(await hidden(ann), 0);
});

scenario('a page that is not drawn, in a browser without tracks of frames', async (world) => {
  const { ann, bob } = await pair(world, {
    before: () => {
      delete window.MediaStreamTrackProcessor;
      delete window.MediaStreamTrackGenerator;
      window.requestAnimationFrame = () => 0;
    },
  });
  await call(ann, 'applyFilter', 'VB:image', { url: world.site.plain('red') });
  await until(bob, behind, (pixel) => near(pixel, [255, 0, 0], 60));
  await until(bob, [face], (pixel) => near(pixel, skin, 60));
  await call(ann, 'update', 'update', { url: world.site.plain('blue') });
  await until(bob, behind, (pixel) => near(pixel, [0, 0, 255], 60));
  await ann.do('sentFrames', 30);
  await call(ann, 'removeFilter');
  await until(bob, [behind[1]], (pixel) => near(pixel, wall, 60));
});

scenario('what cannot be loaded is told at once, and the camera goes on', async (world) => {
  const { ann, bob } = await pair(world);
  await ann.page.route(/\.tflite$/, (route) => route.abort());
  await ann.page.evaluate(() => {
    const clone = MediaStream.prototype.clone;
    window.clones = [];
    MediaStream.prototype.clone = function () {
      const made = clone.call(this);
      window.clones.push(made);
      return made;
    };
  });
  const failed = /VIRTUAL_BACKGROUND_ERROR: .*\.tflite.* cannot be loaded/;
  await assert.rejects(call(ann, 'applyFilter', 'VB:blur'), failed);
  assert.equal(await hidden(ann), 0);
  // Nobody else would stop the copy of the camera that was made for it.
  const copies = await ann.page.evaluate(() =>
    window.clones.flatMap((stream) => stream.getTracks().map((track) => track.readyState)),
  );
  assert.ok(copies.length > 0 && copies.every((state) => state === 'ended'), String(copies));
  await until(bob, [behind[1]], (pixel) => near(pixel, wall, 60));
  await ann.page.unroute(/\.tflite$/);
  await call(ann, 'applyFilter', 'VB:image', { url: world.site.plain('red') });
  await until(bob, behind, (pixel) => near(pixel, [255, 0, 0], 60));
});

scenario('a server that was built without it says so at once', async (world) => {
  const { ann, bob } = await pair(world);
  const path = join(here, '../../crates/server/src/http/pages/virtual_background_missing.js');
  await ann.page.route(/openvidu-virtual-background\.js/, (route) => route.fulfill({ path }));
  const refused = /VIRTUAL_BACKGROUND_ERROR: Virtual backgrounds were not built into this server/;
  await assert.rejects(call(ann, 'applyFilter', 'VB:blur'), refused);
  await assert.rejects(call(ann, 'applyFilter', 'VB:image', { url: '/' }), refused);
  await until(bob, [behind[1]], (pixel) => near(pixel, wall, 60));
});

scenario('before the call it takes a token among the options', async (world) => {
  const room = await world.call();
  const token = await room.token();
  const ann = await room.open('ann');
  await ann.do('openCamera', camera);
  await assert.rejects(call(ann, 'applyFilter', 'VB:blur', {}), /"token" property available/);
  await call(ann, 'applyFilter', 'VB:image', { token, url: world.site.plain('red') });
  await until(ann, behind, isRed);
  await ann.enter();
  const bob = await room.join('bob');
  await ann.publish({ opened: true });
  await bob.event('streamCreated');
  await until(bob, behind, (pixel) => near(pixel, [255, 0, 0], 60));
});

scenario('two of them, one after the other, load the script once', async (world) => {
  const { ann } = await pair(world);
  const loaded = [];
  ann.page.on('request', (request) => {
    if (request.url().includes('/virtual-background/'))
      loaded.push(new URL(request.url()).pathname);
  });
  await call(ann, 'applyFilter', 'VB:blur');
  await call(ann, 'removeFilter');
  await ann.page.evaluate(() => {
    const script = document.createElement('script');
    script.src = document.querySelector('script[src*="virtual-background"]').src;
    window.before = window.VirtualBackground;
    return new Promise((done) => {
      script.onload = done;
      document.body.append(script);
    });
  });
  assert.ok(await ann.page.evaluate(() => window.before === window.VirtualBackground));
  await call(ann, 'applyFilter', 'VB:blur');
  const model = loaded.filter((path) => path.endsWith('.tflite'));
  assert.ok(
    model.length > 0 && loaded.every((path) => path.startsWith('/openvidu/virtual-background/')),
  );
});

scenario('Firefox does it, too', async (world) => {
  const room = await world.call();
  const ann = await room.join('ann', { browser: 'firefox' });
  const bob = await room.join('bob');
  await ann.publish(camera);
  await bob.event('streamCreated');
  // The client asks for the script by HTTPS only, and this browser does not know the certificate.
  await ann.page.evaluate(
    ([server, token]) =>
      new Promise((done, fail) => {
        const script = document.createElement('script');
        const path = '/openvidu/virtual-background/openvidu-virtual-background.js';
        script.src = `${server}${path}?token=${encodeURIComponent(btoa(token))}`;
        script.onload = done;
        script.onerror = () => fail(new Error('the script was not loaded'));
        document.body.append(script);
      }),
    [world.server.url, ann.token],
  );
  await call(ann, 'applyFilter', 'VB:image', { url: world.site.plain('red') });
  // Its camera shows a pattern, and nobody.
  await until(bob, behind, (pixel) => near(pixel, [255, 0, 0], 60));
  await call(ann, 'update', 'update', { url: world.site.plain('blue') });
  await until(bob, behind, (pixel) => near(pixel, [0, 0, 255], 60));
  await call(ann, 'removeFilter');
});

scenario('its files may be loaded from anywhere, compressed, and are kept', async (world) => {
  const room = await world.call();
  const token = encodeURIComponent(Buffer.from(await room.token()).toString('base64'));
  const root = `${world.server.url}/openvidu/virtual-background/`;
  const script = await fetch(`${root}openvidu-virtual-background.js?token=${token}`);
  assert.equal(script.status, 200);
  const [program] = /assets\/[\w.-]+\.wasm/.exec(await script.text());
  const answer = await fetch(root + program);
  assert.equal(answer.headers.get('content-type'), 'application/wasm');
  assert.equal(answer.headers.get('content-encoding'), 'gzip');
  assert.equal(answer.headers.get('access-control-allow-origin'), '*');
  assert.match(answer.headers.get('cache-control'), /immutable/);
  assert.ok(WebAssembly.validate(await answer.arrayBuffer()));
  const plain = await fetch(root + program, { headers: { 'Accept-Encoding': 'identity' } });
  assert.equal(plain.headers.get('content-encoding'), null);
  assert.ok(WebAssembly.validate(await plain.arrayBuffer()));
});
