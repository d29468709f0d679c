/** Debian's nginx as an RTMP server that writes down what it gets, and what ffmpeg finds in that. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { colours } from './recordings.mjs';
import { freeTcpPort } from './server.mjs';

const program = ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].find(existsSync) ?? 'nginx';
const RATE = 48_000;

/** Its application is called `live`. `shown`: what a guide has for it, with the port of the protocol. */
export async function startRtmp(port, shown = undefined) {
  const rtmp = new Rtmp(port ?? (await freeTcpPort()), shown);
  await rtmp.start();
  return rtmp;
}

class Rtmp {
  constructor(port, shown) {
    this.port = port;
    this.shown = shown?.replace('1935', `127.0.0.1:${port}`);
    this.home = mkdtempSync(join(tmpdir(), 'madang-rtmp-'));
    this.url = `rtmp://127.0.0.1:${port}/live`;
  }

  /** Also again, after `kill`. */
  async start() {
    const file = join(this.home, 'nginx.conf');
    const user = process.getuid() === 0 ? 'user root;' : '';
    writeFileSync(
      file,
      `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
${user}
daemon off;
master_process off;
pid ${this.home}/nginx.pid;
error_log ${this.home}/error.log info;
events {}
${this.shown ?? this.#recorder()}
`,
    );
    this.child = spawn(program, ['-p', this.home, '-c', file, '-e', join(this.home, 'error.log')], {
      stdio: 'inherit',
    });
    while (!(await this.#listens())) {
      if (this.child.exitCode !== null) throw new Error('nginx with RTMP does not start');
    }
  }

  /** Writes everything down. */
  #recorder() {
    return `rtmp {
  server {
    listen 127.0.0.1:${this.port};
    application live {
      live on;
      record all;
      record_path ${this.home};
      record_unique on;
    }
  }
}`;
  }

  #listens() {
    return new Promise((done) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.once('connect', () => done(true) || socket.destroy());
      socket.once('error', () => setTimeout(done, 20, false));
    });
  }

  async kill() {
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  /** What was broadcast, one file for each connection, in their order. */
  files() {
    const films = readdirSync(this.home).filter((file) => file.endsWith('.flv'));
    const paths = films.map((file) => join(this.home, file));
    return paths.sort((a, b) => statSync(a).birthtimeMs - statSync(b).birthtimeMs);
  }

  /** The same once nobody sends any more. */
  async wholeFiles() {
    const folder = `/proc/${this.child.pid}/fd`;
    const isOpen = (fd) => {
      try {
        return readlinkSync(join(folder, fd)).endsWith('.flv');
      } catch {
        return false;
      }
    };
    while (readdirSync(folder).some(isOpen)) await new Promise((done) => setTimeout(done, 20));
    return this.files();
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.kill();
    rmSync(this.home, { recursive: true, force: true });
  }
}

const ffmpeg = (...more) =>
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', ...more, '-'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 30,
  });

/** The mean red, green and blue of a picture in the middle. */
export function middle(file) {
  const all = colours(file);
  return all[Math.floor(all.length / 2)];
}

/** How strong a tone is in the last two seconds, 1 being full volume. */
export function tone(file, frequency) {
  const sound = ffmpeg(...['-i', file, '-vn', '-ac', '1', '-ar', String(RATE), '-f', 's16le']);
  const samples = new Int16Array(sound.buffer, sound.byteOffset, sound.length >> 1).slice(
    -2 * RATE,
  );
  let [re, im] = [0, 0];
  for (const [n, sample] of samples.entries()) {
    const angle = (2 * Math.PI * frequency * n) / RATE;
    re += sample * Math.cos(angle);
    im += sample * Math.sin(angle);
  }
  return (2 * Math.hypot(re, im)) / samples.length / 32_768;
}
