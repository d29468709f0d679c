/** Cameras: GStreamer's RTSP server in a process of its own, and a server of MJPEG as cheap cameras have it. */

import { execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const program = new URL('../engines/rtsp/camera.py', import.meta.url).pathname;
const patience = 45_000;

/** An RTSP server; `mounts` and the rest of `options` as in ../engines/rtsp/camera.py. */
export class RtspCamera {
  #events = [];
  #waiting = new Set();

  static async start(mounts, options = {}) {
    const camera = new RtspCamera({ ...options, mounts });
    camera.port = (await camera.event('ready')).port;
    return camera;
  }

  constructor(options) {
    // Debian's own Python, to which its packages belong.
    this.process = spawn('/usr/bin/python3', [program, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.ended = new Promise((done) => this.process.once('close', done));
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      this.#events.push(JSON.parse(line));
      for (const look of [...this.#waiting]) look();
    });
  }

  uri(path, user = '') {
    return `rtsp://${user}127.0.0.1:${this.port}${path}`;
  }

  /** How often something has happened. */
  count(name) {
    return this.#events.filter(({ event }) => event === name).length;
  }

  /** Waits until something has happened, for the nth time. */
  event(name, nth = 1) {
    return new Promise((done, fail) => {
      const look = () => {
        const found = this.#events.filter(({ event }) => event === name);
        if (found.length < nth) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        done(found[nth - 1]);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        fail(new Error(`the camera never told ${name}: ${JSON.stringify(this.#events)}`));
      }, patience);
      this.#waiting.add(look);
      look();
    });
  }

  /** Throws everybody out. */
  kick() {
    this.process.stdin.write('kick\n');
  }

  async stop() {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}

/** A server that sends pictures of JPEG one after the other, as `multipart/x-mixed-replace`. */
export async function startMjpegCamera() {
  const arguments_ =
    '-v error -nostdin -f lavfi -i testsrc=size=320x240:rate=15 -frames:v 30 -f mjpeg -';
  const film = execFileSync('ffmpeg', arguments_.split(' '), { maxBuffer: 64 << 20 });
  const pictures = [];
  for (let at = 0; at >= 0; ) {
    const next = film.indexOf(Buffer.from([0xff, 0xd8, 0xff]), at + 1);
    pictures.push(film.subarray(at, next < 0 ? film.length : next));
    at = next;
  }
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=picture' });
    let n = 0;
    const timer = setInterval(() => {
      const picture = pictures[n++ % pictures.length];
      response.write(
        `--picture\r\nContent-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\n\r\n`,
      );
      response.write(picture);
      response.write('\r\n');
    }, 66);
    response.on('close', () => clearInterval(timer));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    uri: `http://127.0.0.1:${server.address().port}/video.mjpg`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
