/**
 * Clients of WHIP and WHEP that are not ours: the library `whip-whep` in a page of Chromium, and FFmpeg's muxer in a process of its
 * own.
 */

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;
/** Media may take so long to come on a busy machine. */
const patience = 60_000;

/** Waits until `look` gives something that `holds`. */
export async function eventually(what, look, holds) {
  const deadline = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (holds(found)) return found;
    if (Date.now() > deadline) throw new Error(`${what}: only ${JSON.stringify(found)}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}

/** A token of a room by REST, without the URL around it. */
export async function bareToken(room, properties) {
  return new URL(await room.token(properties)).searchParams.get('token');
}

/** A page with the library; of another origin than the server's, as those of applications are. */
export class Device {
  troubles = [];

  static async open(world, name) {
    const device = new Device(name, await world.browsers.page());
    world.participants.add(device);
    device.page.on('pageerror', (error) => device.troubles.push(String(error)));
    device.page.on('console', (message) => {
      if (message.type() === 'error') device.troubles.push(message.text());
    });
    // What the page asks of the server, and how it is answered.
    device.page.on('response', (response) => {
      const request = response.request();
      if (/\/wh[ie]p\//.test(request.url()) && request.method() !== 'OPTIONS')
        device.answers.push(`${request.method()} ${response.status()}`);
    });
    await device.page.goto(world.site.devices());
    await device.page.waitForFunction(() => window.device);
    return device;
  }

  answers = [];

  constructor(name, page) {
    this.name = name;
    this.page = page;
  }

  do(action, ...args) {
    return this.page.evaluate(([name, list]) => window.device[name](...list), [action, args]);
  }

  /** Different pictures, and sound that is none of silence. */
  sees() {
    return eventually(
      `${this.name} receives`,
      () => this.do('received'),
      ({ pictures, energy }) => pictures >= 5 && energy > 0,
    );
  }

  close() {
    return this.page.close();
  }
}

/** FFmpeg. */
export class Ffmpeg {
  troubles = [];
  name = 'FFmpeg';

  /** Starts it, and waits until its offer was taken. */
  static async publish(world, url, token) {
    const script = join(root, 'scripts/python.sh');
    const requirements = join(root, 'e2e/engines/ffmpeg/requirements.txt');
    const python = execFileSync(script, [requirements], { encoding: 'utf8' }).trim();
    // With GnuTLS it makes one on P-224 for itself, which hardly anybody reads.
    const folder = mkdtempSync(join(tmpdir(), 'madang-ffmpeg-'));
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', key, '-out', certificate, '-subj', '/CN=FFmpeg'];
    execFileSync('openssl', ['req', '-x509', ...curve, ...files], { stdio: 'ignore' });
    const program = join(root, 'e2e/engines/ffmpeg/whip.py');
    const ffmpeg = new Ffmpeg(python, [program, url, token, certificate, key]);
    ffmpeg.ended.then(() => rmSync(folder, { recursive: true, force: true }));
    world.participants.add(ffmpeg);
    await ffmpeg.publishing;
    return ffmpeg;
  }

  constructor(program, words) {
    this.process = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((done) => this.process.once('close', done));
    this.process.stderr.setEncoding('utf8').on('data', (text) => this.troubles.push(text));
    this.publishing = new Promise((done, fail) => {
      this.process.stdout.once('data', done);
      this.process.once('error', fail);
      this.process.once('close', (code) => fail(new Error(`${code}: ${this.troubles.join('')}`)));
    });
    // Whoever does not wait for it does not care.
    this.publishing.catch(() => {});
  }

  /** As a user does. */
  async stop() {
    this.process.kill('SIGTERM');
    await this.ended;
  }

  /** Without a word to the server. */
  async close() {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill('SIGKILL');
      await this.ended;
    }
  }
}
