/**
 * How smoothly the page at `/` shows rooms of several sizes: pictures that the browser paints, tasks that keep the page's
 * own thread for longer than 50 ms, and pictures of each participant that are decoded. The others are in one more page,
 * each with a session of their own, and do not watch. Prints a table of docs/benchmarks.md.
 */

import { Browsers } from '../harness/browsers.mjs';
import { startServer } from '../harness/server.mjs';
import { startSite } from '../harness/site.mjs';
import { joinAs, shot } from '../harness/visitor.mjs';

const seconds = Number(process.env.SECONDS ?? 10);
const sizes = (process.env.SIZES ?? '2,6,12').split(',').map(Number);

/** In the page of the others: as many as that come to the room and publish. */
async function come([url, room, count]) {
  const constraints = { width: 320, height: 240, frameRate: 15 };
  const camera = await navigator.mediaDevices.getUserMedia({ video: constraints, audio: true });
  const [picture] = camera.getVideoTracks();
  const [sound] = camera.getAudioTracks();
  for (let i = 1; i <= count; i++) {
    const response = await fetch(`${url}/call/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ room, name: `Guest ${i}` }),
    });
    const openvidu = new window.OpenVidu();
    openvidu.enableProdMode();
    const session = openvidu.initSession();
    await session.connect((await response.json()).token, { clientData: `Guest ${i}` });
    const publisher = await openvidu.initPublisherAsync(undefined, {
      videoSource: picture.clone(),
      audioSource: sound.clone(),
      mirror: false,
    });
    await session.publish(publisher);
  }
}

/** In the page at `/`, for so many seconds. */
async function measure(seconds) {
  const { shadowRoot } = document.querySelector('madang-call');
  const videos = [...shadowRoot.querySelectorAll('.tile:not(.local) video')];
  const decoded = () => videos.map((video) => video.getVideoPlaybackQuality().totalVideoFrames);
  const long = [];
  const observer = new PerformanceObserver((list) => {
    long.push(...list.getEntries().map(({ duration }) => duration));
  });
  observer.observe({ entryTypes: ['longtask'] });
  let painted = 0;
  let running = true;
  const paint = () => {
    painted += 1;
    if (running) requestAnimationFrame(paint);
  };
  const [before, start] = [decoded(), performance.now()];
  requestAnimationFrame(paint);
  await new Promise((done) => setTimeout(done, seconds * 1000));
  running = false;
  observer.disconnect();
  const lasted = (performance.now() - start) / 1000;
  const rates = decoded().map((frames, i) => (frames - before[i]) / lasted);
  return {
    painted: painted / lasted,
    long: long.length,
    longest: Math.max(0, ...long),
    slowest: Math.min(...rates),
    mean: rates.reduce((sum, rate) => sum + rate, 0) / rates.length,
  };
}

const server = await startServer();
const site = await startSite();
const browsers = new Browsers();

try {
  console.log(
    '| In the room | painted/s | long tasks in all | longest, ms | scripts, % of the time | decoded/s and participant | the slowest |',
  );
  console.log('|---|---|---|---|---|---|---|');
  for (const size of sizes) {
    const room = `room of ${size}`;
    const page = await browsers.page('chromium', { viewport: { width: 1280, height: 760 } });
    await page.goto(`${server.url}/?room=${room}&lang=en`);
    await joinAs(page, 'Ann');
    const others = await browsers.page();
    await others.goto(site.client('2.32.2'));
    await others.evaluate(come, [server.url, room, size - 1]);
    await page.waitForFunction((count) => {
      const { shadowRoot } = document.querySelector('madang-call');
      const videos = [...shadowRoot.querySelectorAll('.tile:not(.local) video')];
      return videos.filter((video) => video.videoWidth && video.currentTime > 1).length === count;
    }, size - 1);
    // Once in front of the others: what is behind paints less.
    await page.bringToFront();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Performance.enable');
    const spent = async () => {
      const { metrics } = await devtools.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'ScriptDuration').value;
    };
    const before = await spent();
    const it = await page.evaluate(measure, seconds);
    const scripts = (100 * ((await spent()) - before)) / seconds;
    await shot(page, `room-of-${size}`);
    const cells = [
      size,
      it.painted.toFixed(0),
      it.long,
      it.longest.toFixed(0),
      scripts.toFixed(1),
      it.mean.toFixed(1),
      it.slowest.toFixed(1),
    ];
    console.log(`| ${cells.join(' | ')} |`);
    await Promise.all([page.close(), others.close()]);
  }
} finally {
  await browsers.stop();
  site.stop();
  await server.stop();
}
