/**
 * The servers that are compared: whether one is installed, and how it is started afresh. All are on
 * 10.9.0.1, the address of network.sh, have one UDP port for media (Janus: one for each peer
 * connection, as it is made), and log only what is wrong.
 */

import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const here = import.meta.dirname;
const address = '10.9.0.1';
const secret = 'a-secret-for-a-network-without-a-way-out';
const livekit = process.env.LIVEKIT ?? join(here, 'build/livekit-server');
const mediasoup = join(here, 'mediasoup');
const worker =
  process.env.MEDIASOUP_WORKER_BIN ??
  join(mediasoup, 'node_modules/mediasoup/worker/out/Release/mediasoup-worker');

/** The first line of what a program says of its version. */
function version(program, ...words) {
  const { stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  return `${stdout}${stderr}`.trim().split('\n')[0];
}

function janus(loops) {
  return {
    missing: () =>
      spawnSync('janus', ['--version']).error && 'janus is not installed (apt-get install janus)',
    version: () => version('janus', '--version'),
    port: 8188,
    test: { words: ['--server', 'janus'], environment: {} },
    start(folder) {
      cpSync(join(here, 'janus'), folder, { recursive: true });
      if (loops > 0) {
        const file = join(folder, 'janus.jcfg');
        const configuration = readFileSync(file, 'utf8');
        writeFileSync(file, configuration.replace('general: {', `$&\n\tevent_loops = ${loops}`));
      }
      return spawn('janus', ['-F', folder, '-N', '-L', '/dev/null'], { stdio: 'ignore' });
    },
  };
}

/** By name. `madang`: the program, which is also the one that tests. */
export function servers(madang) {
  return {
    madang: {
      missing: () => !existsSync(madang) && `${madang} is not built`,
      version: () => version(madang, '--version'),
      port: 4443,
      test: { words: ['--server', 'openvidu'], environment: { OPENVIDU_SECRET: secret } },
      start: (cwd) =>
        spawn(madang, {
          cwd,
          stdio: 'ignore',
          env: {
            ...process.env,
            SERVER_PORT: '4443',
            MADANG_UDP_PORT: '4440',
            MADANG_MEDIA_ADDRESSES: address,
            OPENVIDU_SECRET: secret,
            RUST_LOG: 'warn',
          },
        }),
    },
    janus: janus(0),
    // Its better configuration: threads are shared by peer connections instead of one each.
    'janus-loops': janus(2),
    livekit: {
      missing: () => !existsSync(livekit) && `${livekit} is not there (bench/peers/install.sh)`,
      version: () => version(livekit, '--version'),
      port: 7880,
      test: {
        words: ['--server', 'livekit'],
        environment: {
          LIVEKIT_API_KEY: 'peers',
          LIVEKIT_API_SECRET: 'a-key-for-a-network-without-a-way-out',
        },
      },
      start: () =>
        spawn(livekit, ['--config', join(here, 'livekit/livekit.yaml')], { stdio: 'ignore' }),
    },
    mediasoup: {
      missing() {
        if (!existsSync(join(mediasoup, 'node_modules/mediasoup'))) {
          return 'mediasoup is not installed (bench/peers/install.sh)';
        }
        return !existsSync(worker) && `${worker} is not there: name one in MEDIASOUP_WORKER_BIN`;
      },
      version() {
        const file = join(mediasoup, 'node_modules/mediasoup/package.json');
        return `mediasoup ${JSON.parse(readFileSync(file, 'utf8')).version}`;
      },
      port: 8190,
      test: { words: ['--server', 'mediasoup'], environment: {} },
      start: () =>
        spawn(process.execPath, [join(mediasoup, 'server.mjs'), address, '8190', '8191'], {
          stdio: ['ignore', 'ignore', 'inherit'],
          env: { ...process.env, MEDIASOUP_WORKER_BIN: worker },
        }),
      /** Media is the worker's, a child of Node: what Node uses is told apart. */
      measured: (pid) =>
        Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]),
    },
  };
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

function listens(port) {
  return new Promise((done) => {
    const socket = connect({ host: address, port });
    socket.once('connect', () => done(true)).once('error', () => done(false));
    socket.once('close', () => socket.destroy());
    socket.once('connect', () => socket.end());
  });
}

/** Of a process, in milliseconds; its threads that are gone count. */
export function cpuTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export function memory(pid) {
  return Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}

/** A fresh process; `settle`: milliseconds for what a server does after its start. */
export async function start(server, settle) {
  const folder = mkdtempSync(join(tmpdir(), 'peers-'));
  const began = Date.now();
  const child = server.start(folder);
  const ended = new Promise((done) => child.once('close', done).once('error', done));
  const stop = async () => {
    child.kill('SIGTERM');
    // Janus does not always end by itself.
    const limit = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(limit);
    rmSync(folder, { recursive: true, force: true });
  };
  while (!(await listens(server.port))) {
    if (child.exitCode !== null || child.pid === undefined || Date.now() - began > 30_000) {
      await stop();
      throw new Error('the server did not start');
    }
    await pause(20);
  }
  const startedMs = Date.now() - began;
  await pause(settle);
  const measured = server.measured?.(child.pid) ?? child.pid;
  return { url: `http://${address}:${server.port}`, pid: child.pid, measured, startedMs, stop };
}
