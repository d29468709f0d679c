/**
 * What an open dashboard costs a connection: bytes in a second on `/dashboard/live`, while a session of so many is watched
 * (each publishes and receives all others, emulated by `madang load-test`). Prints a row of docs/benchmarks.md.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Dashboard } from '../harness/dashboard.mjs';
import { binary, secret, startServer } from '../harness/server.mjs';

const people = Number(process.env.PEOPLE ?? 20);
const seconds = Number(process.env.SECONDS ?? 60);
/** So long it goes on before it is looked at: charts fill up in four minutes. */
const before = Number(process.env.BEFORE ?? 100);
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

const server = await startServer();
const call = ['--url', server.url, '--publishers', people, '--duration', before + seconds + 60];
const media = ['--video-bitrate', 60, '--frame-rate', 5, '--max-loss', 100];
const load = spawn(binary, ['load-test', ...call, ...media].map(String), {
  env: { ...process.env, OPENVIDU_SECRET: secret },
  stdio: 'ignore',
});
try {
  const dashboard = await Dashboard.open(server);
  await dashboard.until('a session', () => dashboard.sessions.size > 0);
  const [id] = dashboard.sessions.keys();
  const sizes = { server: 0, sessions: 0, session: 0, changes: 0 };
  let first = 0;
  let counted = false;
  dashboard.socket.on('message', (text) => {
    const { kind } = JSON.parse(String(text));
    if (kind === 'session') first ||= text.length;
    if (counted) sizes[kind] += text.length;
  });
  await dashboard.until('everybody', () => {
    const session = dashboard.sessions.get(id);
    return session?.participants === people && session.received === people * (people - 1);
  });
  await pause(before);
  dashboard.watch(id);
  await dashboard.until('all of it', () => dashboard.session?.people.length === people);
  counted = true;
  const start = performance.now();
  await pause(seconds);
  const took = (performance.now() - start) / 1000;
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
  const rate = kilobytes((sizes.session + sizes.changes) / took);
  console.log(
    `| ${people} | ${kilobytes(first)} | ${rate}/s | ${kilobytes((sizes.server + sizes.sessions) / took)}/s |`,
  );
  dashboard.close();
} finally {
  load.kill('SIGTERM');
  if (load.exitCode === null && load.signalCode === null) await once(load, 'exit');
  await server.stop();
}
