/**
 * What a virtual background costs the browser: frames per second of the picture that is sent, the time until it
 * is there, and how long the page's own thread was kept waiting at most. Prints a table of docs/benchmarks.md.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browsers } from '../harness/browsers.mjs';
import { openRoom } from '../harness/call.mjs';
import { startServer } from '../harness/server.mjs';
import { startSite } from '../harness/site.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const seconds = Number(process.env.SECONDS ?? 10);

const person = join(here, '../fixtures/person.mjpeg');
const folder = mkdtempSync(join(tmpdir(), 'madang-bench-'));
const wide = join(folder, 'person.mjpeg');
const fill = 'scale=1280:-1,crop=1280:720:0:0';
execFileSync('ffmpeg', ['-v', 'error', '-i', person, '-vf', fill, '-q:v', '3', wide]);

const server = await startServer();
const site = await startSite();

/** Without tracks of frames, as in Firefox and Safari. */
function withoutTracks() {
  delete window.MediaStreamTrackProcessor;
  delete window.MediaStreamTrackGenerator;
}

/** In the page: applies the filter, if any, and looks at what it makes. */
async function measure([type, options, seconds]) {
  const publisher = window.agent.publisher();
  const start = performance.now();
  if (type) await publisher.stream.applyFilter(type, options);
  const ready = performance.now() - start;

  let longest = 0;
  let last = performance.now();
  const ticks = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 4);
  const video = publisher.videos[0].video;
  const made = () => video.getVideoPlaybackQuality().totalVideoFrames;
  const before = { made: made(), sent: await window.agent.framesSent(), at: performance.now() };
  await new Promise((done) => setTimeout(done, seconds * 1000));
  const lasted = (performance.now() - before.at) / 1000;
  const result = {
    ready,
    longest,
    size: `${video.videoWidth} × ${video.videoHeight}`,
    made: (made() - before.made) / lasted,
    sent: ((await window.agent.framesSent()) - before.sent) / lasted,
  };
  clearInterval(ticks);
  if (type) await publisher.stream.removeFilter();
  return result;
}

async function measureAll(resolution, camera, before) {
  const world = { participants: new Set(), browsers: new Browsers({ camera }), site, server };
  try {
    const room = await openRoom(world);
    const ann = await room.join('ann', { before });
    await ann.publish({ resolution, frameRate: 30 });
    await ann.do('sentFrames', 30);
    const image = { url: site.plain('red') };
    for (const [words, type, options] of [
      ['none', null, null],
      ['blur, first', 'VB:blur', {}],
      ['blur', 'VB:blur', {}],
      ['image', 'VB:image', image],
    ]) {
      const it = await ann.page.evaluate(measure, [type, options, seconds]);
      const cells = [type ? it.ready.toFixed(0) : '', it.made.toFixed(1), it.sent.toFixed(1)];
      const picture = `${it.size}${before ? ', frame by frame' : ''}`;
      console.log(`| ${[picture, words, ...cells, it.longest.toFixed(0)].join(' | ')} |`);
    }
  } finally {
    await world.browsers.stop();
  }
}

try {
  console.log(
    '| Picture | Background | first picture, ms | made/s | sent/s | longest wait of the page, ms |',
  );
  console.log('|---|---|---|---|---|---|');
  await measureAll('640x480', person);
  await measureAll('1280x720', wide);
  await measureAll('640x480', person, withoutTracks);
} finally {
  site.stop();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
