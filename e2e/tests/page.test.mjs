/** The page at `/`, used as a person uses it. Leaves screenshots in `results/`. */

import assert from 'node:assert/strict';
import { startRelay } from '../harness/relay.mjs';
import { rest } from '../harness/rest.mjs';
import { suite } from '../harness/suite.mjs';
import { joinAs, moves, pages, shot, tile } from '../harness/visitor.mjs';

const { scenario } = suite({}, { ownOrigin: true });

const { page, visit } = pages(scenario);

/** Until `allowCamera()` the browser's question about camera and microphone stays unanswered. */
function askAboutCamera() {
  const devices = navigator.mediaDevices;
  const open = devices.getUserMedia.bind(devices);
  const answer = new Promise((allow) => {
    window.allowCamera = allow;
  });
  window.opened = [];
  devices.getUserMedia = async (constraints) => {
    await answer;
    const stream = await open(constraints);
    window.opened.push(stream.getTracks());
    return stream;
  };
}

page('two tabs meet in a room', async (world) => {
  const ann = await visit(world, '/');
  await ann.locator('.preview video').evaluate(async (video) => {
    while (!video.videoWidth) await new Promise((done) => setTimeout(done, 50));
  });
  await shot(ann, 'lobby');
  await joinAs(ann, 'Ann', 'garden');
  assert.match(ann.url(), /\?room=garden$/);
  await ann.getByText('You are the first one here').waitFor();

  const bob = await visit(world, '/?room=garden', { colorScheme: 'dark' });
  assert.equal(await bob.getByLabel('Room').inputValue(), 'garden');
  await joinAs(bob, 'Bob');
  await Promise.all([moves(ann, 'Bob'), moves(bob, 'Ann'), moves(bob, 'Bob')]);
  assert.equal(await bob.locator('.count').textContent(), '2');
  await shot(ann, 'call-light');
  await shot(bob, 'call-dark');

  await ann.getByRole('button', { name: 'Turn microphone off' }).click();
  await tile(bob, 'Ann').getByLabel('Microphone is off').waitFor();
  await ann.getByRole('button', { name: 'Turn camera off' }).click();
  await bob.locator('.tile.dark', { hasText: 'Ann' }).waitFor();
  await shot(bob, 'call-muted');
  await ann.getByRole('button', { name: 'Turn camera on' }).click();
  await bob.locator('.tile:not(.dark)', { hasText: 'Ann' }).waitFor();
  await moves(bob, 'Ann');
  await ann.keyboard.press('m');
  await tile(bob, 'Ann').getByLabel('Microphone is off').waitFor({ state: 'hidden' });

  await ann.getByRole('button', { name: 'Leave' }).click();
  await tile(bob, 'Ann').waitFor({ state: 'detached' });
  await ann.getByRole('heading', { name: 'You left the room.' }).waitFor();
  await shot(ann, 'left');
  await ann.getByRole('button', { name: 'Rejoin' }).click();
  await Promise.all([moves(bob, 'Ann'), moves(ann, 'Bob')]);
});

page('who joins before the camera is open is seen once it is', async (world) => {
  const bob = await visit(world, '/?room=early');
  await joinAs(bob, 'Bob');
  const ann = await visit(world, '/?room=early', { before: askAboutCamera });
  await joinAs(ann, 'Ann');
  await bob.locator('.tile.dark', { hasText: 'Ann' }).waitFor();
  await moves(ann, 'Bob');
  await ann.evaluate(() => window.allowCamera());
  await Promise.all([moves(bob, 'Ann'), moves(ann, 'Ann')]);
});

page('who leaves before the camera is open leaves no camera on', async (world) => {
  const ann = await visit(world, '/?room=brief', { before: askAboutCamera });
  await joinAs(ann, 'Ann');
  await ann.getByRole('button', { name: 'Leave' }).click();
  await ann.getByRole('button', { name: 'Rejoin' }).waitFor();
  await ann.evaluate(() => window.allowCamera());
  await ann.waitForFunction(() => window.opened[0]?.every((track) => track.readyState === 'ended'));
  await ann.getByRole('button', { name: 'Back to the start' }).click();
  await ann.locator('.preview video:not(.off)').waitFor();
});

page('a shared screen is large and everybody sees it', async (world) => {
  const ann = await visit(world, '/?room=show');
  await joinAs(ann, 'Ann');
  const bob = await visit(world, '/?room=show');
  await joinAs(bob, 'Bob');
  await moves(bob, 'Ann');
  await ann.getByRole('button', { name: 'Share screen' }).click();
  await moves(bob, 'Ann’s screen');
  await tile(ann, 'Your screen').waitFor();
  // The sharer does not receive their own screen as somebody else's.
  assert.equal(await ann.locator('.tile.screen').count(), 1);
  assert.equal(await bob.locator('.count').textContent(), '2');
  const screen = await bob.locator('.tile.screen').boundingBox();
  const person = await tile(bob, 'Bob').boundingBox();
  assert.ok(screen.width > 2 * person.width);
  await shot(bob, 'screen');
  await ann.getByRole('button', { name: 'Stop sharing' }).click();
  await bob.locator('.tile.screen').waitFor({ state: 'detached' });
  await moves(bob, 'Ann');
});

page('a cut connection is shown and comes back', async (world) => {
  const relay = await startRelay(world.server.port);
  try {
    const ann = await visit(world, '/?room=cable');
    await joinAs(ann, 'Ann');
    const bob = await visit(world, `http://localhost:${relay.port}/?room=cable`);
    await joinAs(bob, 'Bob');
    await Promise.all([moves(ann, 'Bob'), moves(bob, 'Ann')]);
    relay.cut();
    await bob.getByText('Reconnecting…').waitFor();
    await shot(bob, 'reconnecting');
    relay.mend();
    await bob.getByText('Connected again').waitFor();
    await bob.getByText('Reconnecting…').waitFor({ state: 'hidden' });
    await moves(bob, 'Ann');
  } finally {
    relay.stop();
  }
});

page('the page works over TLS on the same port', async (world) => {
  const ann = await visit(world, '/?room=tls');
  await joinAs(ann, 'Ann');
  const bob = await visit(world, `https://localhost:${world.server.port}/?room=tls`);
  await joinAs(bob, 'Bob');
  await Promise.all([moves(ann, 'Bob'), moves(bob, 'Ann')]);
});

page('a closed room sends everybody back to the door', async (world) => {
  const ann = await visit(world, '/?room=closing');
  await joinAs(ann, 'Ann');
  const room = `call-${Buffer.from('closing').toString('base64url')}`;
  await rest(world.server, 'DELETE', `/openvidu/api/sessions/${room}`);
  await ann.getByRole('heading', { name: 'The room was closed.' }).waitFor();
  await ann.getByRole('button', { name: 'Back to the start' }).click();
  await joinAs(ann, 'Ann');
});

page('a phone shows the call upright', async (world) => {
  const phone = { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true };
  const ann = await visit(world, '/?room=phones', phone);
  await joinAs(ann, 'Ann');
  const bob = await visit(world, '/?room=phones', phone);
  await joinAs(bob, 'Bob');
  await Promise.all([moves(ann, 'Bob'), moves(bob, 'Ann')]);
  await shot(ann, 'phone');
  const overflow = await ann.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, 'nothing is wider than the phone');
});

page('the page speaks Korean to a Korean browser', async (world) => {
  const ann = await visit(world, '/', { locale: 'ko-KR' });
  await ann.getByRole('button', { name: '들어가기' }).waitFor();
  await ann.getByLabel('방').fill('우리 마당');
  await ann.getByLabel('이름').fill('안나');
  await ann.getByRole('button', { name: '들어가기' }).click();
  await ann.getByRole('button', { name: '나가기' }).waitFor();
  await tile(ann, '안나 (나)').waitFor();
  await ann.getByRole('heading', { name: '우리 마당' }).waitFor();
  const bob = await visit(world, new URL(ann.url()).search ? `/${new URL(ann.url()).search}` : '/');
  assert.equal(await bob.getByLabel('Room').inputValue(), '우리 마당');
  await joinAs(bob, 'Bob');
  await moves(bob, '안나');
});

page('somebody without a camera joins to watch', async (world) => {
  const ann = await visit(world, '/?room=watch');
  await joinAs(ann, 'Ann');
  const bob = await visit(world, '/?room=watch', {
    before: () => {
      navigator.mediaDevices.getUserMedia = () =>
        Promise.reject(new DOMException('Requested device not found', 'NotFoundError'));
    },
  });
  await bob.getByRole('alert').getByText('No camera or microphone was found').waitFor();
  await joinAs(bob, 'Bob');
  await moves(bob, 'Ann');
  await tile(ann, 'Bob').waitFor();
});

page('a refused camera is explained and joining is possible', async (world) => {
  const ann = await visit(world, '/', {
    before: () => {
      navigator.mediaDevices.getUserMedia = () =>
        Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
    },
  });
  await ann.getByRole('alert').getByText('not allowed to use the camera').waitFor();
  await shot(ann, 'denied');
  await joinAs(ann, 'Ann', 'refused');
});

page('a page that is not secure says so and shows the way', async (world) => {
  const ann = await visit(world, '/?room=safe', {
    before: () => Object.defineProperty(window, 'isSecureContext', { value: false }),
  });
  const link = ann.getByRole('alert').getByRole('link');
  assert.match(await link.getAttribute('href'), /^https:.*\?room=safe$/);
  await shot(ann, 'insecure');
});
