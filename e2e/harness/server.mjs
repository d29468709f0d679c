/**
 * The real release binary, started on free ports for one test file. Watches what it says: a server
 * that died or panicked fails the test that was running.
 */

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after } from 'node:test';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
/** The program under test. */
export const binary = resolve(process.env.MADANG ?? join(here, '../../target/release/madang'));

export const secret = 'e2e_SECRET';

/** Servers of this file that nobody has stopped. One that a failed test left behind would keep the file from ending. */
const running = new Set();
after(() => Promise.all([...running].map((server) => server.stop())));

/** The same server with a defect on purpose: see `crates/madang/examples/faulty_server.rs`. */
export const faultyBinary = join(dirname(binary), 'examples/faulty_server');

/** Starts a server, perhaps in a network of its own; `settings` are environment variables. */
export async function startServer(settings = {}, namespace = undefined, program = binary) {
  if (!existsSync(program)) {
    throw new Error(`no server at ${program}: run 'make build', or set MADANG to the binary`);
  }
  const port = await freeTcpPort();
  const udpPort = await freeUdpPort();
  const turnPort = await freeUdpPort();
  const home = mkdtempSync(join(tmpdir(), 'madang-e2e-'));
  const started = performance.now();
  const start = namespace ? namespace.spawn.bind(namespace) : spawn;
  const child = start(program, [], {
    cwd: home,
    env: {
      ...process.env,
      SERVER_PORT: String(port),
      MADANG_UDP_PORT: String(udpPort),
      COTURN_PORT: String(turnPort),
      MADANG_DATA_DIR: join(home, 'data'),
      OPENVIDU_SECRET: secret,
      // Whoever runs the tests, though it be root.
      MADANG_HELPER_USER: `${process.getuid()}:${process.getgid()}`,
      RUST_BACKTRACE: '1',
      NO_COLOR: '1',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const server = new Server(child, { port, udpPort, turnPort, home });
  running.add(server);
  await server.ready();
  server.startedIn = performance.now() - started;
  return server;
}

class Server {
  output = '';
  #exit = null;
  #stopping = false;
  #heard = 0;
  #watchers = new Set();

  constructor(child, { port, udpPort, turnPort, home }) {
    this.child = child;
    this.port = port;
    this.udpPort = udpPort;
    this.turnPort = turnPort;
    this.home = home;
    this.url = `http://localhost:${port}`;
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text) => {
        // Whole lines: a piece of the other stream may come between two pieces of one.
        const end = text.lastIndexOf('\n') + 1;
        this.output += end > 0 ? rest + text.slice(0, end) : '';
        rest = end > 0 ? text.slice(end) : rest + text;
        for (const look of [...this.#watchers]) look();
      });
    }
    // Not before everything it printed was read.
    child.on('close', (code, signal) => {
      this.#exit = signal ?? `code ${code}`;
      for (const look of [...this.#watchers]) look();
    });
    this.exited = new Promise((done) => child.once('close', done));
  }

  /** Waits for the line that the original's tooling waits for, too. */
  ready() {
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`not ready in 30 s:\n${this.output}`)), 30_000);
      const look = () => {
        const ready = this.output.includes('OpenVidu is ready!');
        if (!ready && !this.#exit) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        if (ready) done();
        else fail(new Error(`the server ended (${this.#exit}):\n${this.output}`));
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Waits until it has printed a line like this since the last time. */
  said(pattern) {
    return new Promise((done, fail) => {
      const look = () => {
        const lines = this.output.slice(this.#heard).split('\n').slice(0, -1);
        const found = lines.findIndex((line) => pattern.test(line));
        if (found < 0 && !this.#exit) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        if (found < 0) return fail(new Error(`the server ended (${this.#exit}):\n${this.tail()}`));
        this.#heard += lines.slice(0, found + 1).join('\n').length;
        done();
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        fail(new Error(`never said ${pattern}:\n${this.tail()}`));
      }, 45_000);
      this.#watchers.add(look);
      look();
    });
  }

  /** Throws if the process ended by itself or a panic was printed. */
  assertHealthy() {
    if (this.#exit && !this.#stopping) {
      throw new Error(`the server ended (${this.#exit}):\n${this.tail()}`);
    }
    if (/panicked at/.test(this.output)) throw new Error(`the server panicked:\n${this.tail()}`);
  }

  /** The end of what it printed. */
  tail(lines = 60) {
    return this.output.trimEnd().split('\n').slice(-lines).join('\n');
  }

  async stop() {
    this.#stopping = true;
    if (!this.#exit) {
      this.child.kill('SIGTERM');
      const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
      await this.exited;
      clearTimeout(timer);
    }
    running.delete(this);
    rmSync(this.home, { recursive: true, force: true });
  }
}

/**
 * A port below those that the system gives to whoever asks for any, such as the browsers: they do not
 * take it between now and the start of the program that gets it.
 */
async function freePort(isFree) {
  for (;;) {
    // Browsers refuse to go to a few below 11000.
    const port = randomInt(11_000, 30_000);
    if (await isFree(port)) return port;
  }
}

export const freeTcpPort = () =>
  freePort(
    (port) =>
      new Promise((done) => {
        const probe = createServer().once('error', () => done(false));
        probe.listen(port, () => probe.close(() => done(true)));
      }),
  );

const freeUdpPort = () =>
  freePort(
    (port) =>
      new Promise((done) => {
        const probe = createSocket('udp4').once('error', () => done(false));
        probe.bind(port, () => probe.close(() => done(true)));
      }),
  );
