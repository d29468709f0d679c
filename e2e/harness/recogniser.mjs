/** A recogniser of speech as teams run one (../recogniser), and speech for it. */

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const limit = 45_000;

/** Those of this file that nobody has stopped. */
const running = new Set();
after(() => Promise.all([...running].map((recogniser) => recogniser.stop())));

export class Recogniser {
  /** Streams that began and that ended. */
  begun = 0;
  ended = 0;
  #watchers = new Set();
  #said = '';

  /** Starts one, on the port of one that is gone or on a free one. */
  static async start(port = 0) {
    const recogniser = new Recogniser(port);
    await recogniser.until(() => recogniser.port);
    return recogniser;
  }

  constructor(port) {
    // Debian's own Python, for which there is PocketSphinx.
    this.process = spawn('/usr/bin/python3', [join(here, '../recogniser/server.py'), `${port}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stderr.setEncoding('utf8').on('data', (text) => {
      this.#said = (this.#said + text).slice(-4000);
    });
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      if (line === 'begins') this.begun += 1;
      else if (line === 'ends') this.ended += 1;
      else this.port = Number(line.replace('port ', ''));
      this.#look();
    });
    this.gone = new Promise((done) => this.process.once('close', done));
    this.gone.then(() => this.#look());
    running.add(this);
  }

  get address() {
    return `ws://127.0.0.1:${this.port}`;
  }

  #look() {
    for (const look of [...this.#watchers]) look();
  }

  /** Waits until `holds` of it. */
  until(holds) {
    return new Promise((done, fail) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        settle(value);
      };
      const look = () => {
        if (holds()) end(done);
        else if (this.process.exitCode !== null)
          end(fail, new Error(`the recogniser ended: ${this.#said}`));
      };
      const timer = setTimeout(
        () => end(fail, new Error(`never: ${holds}; ${this.begun} begun, ${this.ended} ended`)),
        limit,
      );
      this.#watchers.add(look);
      look();
    });
  }

  /** At once, as by a crash. */
  async stop() {
    this.process.kill('SIGKILL');
    await this.gone;
    running.delete(this);
  }
}

/** A WAV file in which somebody says this, with silence around it; it is gone when the tests of the file are over. */
export function say(text) {
  const folder = mkdtempSync(join(tmpdir(), 'madang-speech-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const [spoken, padded] = [join(folder, 'spoken.wav'), join(folder, 'padded.wav')];
  execFileSync('espeak-ng', ['-v', 'en-us+f3', '-s', '140', '-w', spoken, text]);
  const around = ['-af', 'adelay=1000,apad=pad_dur=2', '-ar', '48000', '-ac', '1'];
  execFileSync('ffmpeg', ['-v', 'error', '-i', spoken, ...around, padded]);
  return padded;
}
