/**
 * This machine's Debian once more, in namespaces of its own: what is installed, written and opened there is seen by nobody else,
 * and gone at the end. Needs root.
 */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** An overlay in memory over the whole system, with a loopback and nothing else. */
const SETUP = `
  mount -t tmpfs tmpfs "$1"
  mkdir "$1/upper" "$1/work" "$1/root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
  mount -t proc proc "$1/root/proc"
  mount --bind /dev "$1/root/dev"
  mount -t tmpfs tmpfs "$1/root/run"
  mount -t tmpfs tmpfs "$1/root/tmp"
  ip link set lo up
  echo ready
  exec cat`;

export class DebianRoot {
  #holder;
  #folder = mkdtempSync(join(tmpdir(), 'madang-debian-'));

  /** The reason if it cannot be made here. */
  static async open() {
    const it = new DebianRoot();
    it.#holder = spawn(
      'unshare',
      ['--mount', '--net', '--propagation', 'private', 'sh', '-ec', SETUP, 'sh', it.#folder],
      { stdio: 'pipe' },
    );
    let said = '';
    it.#holder.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    const ready = await new Promise((done) => {
      it.#holder.stdout.once('data', () => done(true));
      it.#holder.once('close', () => done(false)).once('error', () => done(false));
    });
    if (ready) return { root: it };
    rmSync(it.#folder, { recursive: true });
    return { refused: said.trim() || 'unshare is missing' };
  }

  /** Where its files are seen from outside. */
  path(inside) {
    return join(`/proc/${this.#holder.pid}/root`, this.#folder, 'root', inside);
  }

  /** Copies files into its /tmp. */
  take(...files) {
    this.#run(['cp', ...files, join(this.#folder, 'root/tmp')]);
    return files.map((file) => join('/tmp', basename(file)));
  }

  /** Runs a command as root; what it prints. */
  run(...command) {
    return this.#run(['chroot', join(this.#folder, 'root'), ...command]);
  }

  /** Whether it succeeds. */
  succeeds(...command) {
    return (
      spawnSync('nsenter', this.#enter(['chroot', join(this.#folder, 'root'), ...command]))
        .status === 0
    );
  }

  /** Starts a program, with this environment and no other, as a user who may open any port and nothing more. */
  start(user, folder, environment, program) {
    const capabilities = ['inh-caps', 'ambient-caps', 'bounding-set'].map(
      (set) => `--${set}=-all,+net_bind_service`,
    );
    const identity = [`--reuid=${user}`, `--regid=${user}`, '--init-groups', '--no-new-privs'];
    const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const inside = ['env', `--chdir=${folder}`, '-i', ...settings, program];
    const command = ['chroot', join(this.#folder, 'root'), 'setpriv', ...identity, ...capabilities];
    return spawn('nsenter', this.#enter([...command, ...inside]), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** What the server in there answers to a request. */
  fetch(url, authorization) {
    const module = `
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
      const response = await fetch(process.argv[1], { headers: { authorization: process.argv[2] } });
      console.log(JSON.stringify({ status: response.status, body: await response.text() }));`;
    const node = [
      process.execPath,
      '--no-warnings',
      '--input-type=module',
      '-e',
      module,
      url,
      authorization,
    ];
    return JSON.parse(this.#run(node));
  }

  close() {
    this.#holder.stdin.end();
    return new Promise((done) => {
      this.#holder.once('close', () => {
        rmSync(this.#folder, { recursive: true });
        done();
      });
    });
  }

  #enter(command) {
    return ['--target', String(this.#holder.pid), '--mount', '--net', ...command];
  }

  #run(command) {
    const { status, stdout, stderr } = spawnSync('nsenter', this.#enter(command), {
      encoding: 'utf8',
    });
    if (status !== 0)
      throw new Error(`${command.join(' ')} failed (${status}):\n${stdout}${stderr}`);
    return stdout;
  }
}
