/**
 * Compares servers: the same scenarios, the same generator, the same checks, in turns, each row with a
 * fresh server process. `make bench-peers` runs it in the network of network.sh.
 *
 *     ROUNDS=5 DURATION=10 SCENARIOS="webinar rooms" PEERS="madang janus" RESULTS=folder
 *
 * Every row is kept with its whole report in RESULTS/rows.jsonl; the table is printed, and beside it.
 */

import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { isWhole, markdown } from './figures.mjs';
import { cpuTime, memory, servers, start } from './servers.mjs';

const settings = process.env;
const words = (text) => text.split(/[\s,]+/).filter(Boolean);
const madang = settings.MADANG ?? 'madang';
const rounds = Number(settings.ROUNDS || 5);
const duration = Number(settings.DURATION || 10);
const results = settings.RESULTS || join(import.meta.dirname, 'results');
/** Of a server, before anybody joins. */
const settle = 2000;

/** As words of `madang load-test`. */
const scenarios = {
  webinar: ['--scenario', 'webinar'],
  'webinar-200': ['--scenario', 'webinar', '--subscribers', '200'],
  rooms: ['--rooms', '2', '--publishers', '7'],
  audio: ['--scenario', 'audio'],
  storm: ['--scenario', 'storm'],
};
const known = servers(madang);
const asked = words(settings.SCENARIOS || 'webinar rooms audio storm');
const peers = words(settings.PEERS || Object.keys(known).join(' '));
for (const [kind, names, all] of [
  ['scenario', asked, scenarios],
  ['peer', peers, known],
]) {
  const unknown = names.find((name) => !(name in all));
  if (unknown) {
    console.error(`there is no ${kind} ${unknown}: ${Object.keys(all).join(', ')}`);
    process.exit(2);
  }
}
const present = peers.filter((peer) => {
  const missing = known[peer].missing();
  if (missing) console.error(`${peer} is left out: ${missing}`);
  return !missing;
});

/** What was wrong, if it ended so; the report is in `file`. */
function loadTest(server, running, scenario, file) {
  const line = ['load-test', '--url', running.url, ...server.test.words, ...scenarios[scenario]];
  // One thread: the other core is the server's.
  const options = [
    '--duration',
    duration,
    '--threads',
    1,
    '--pid',
    running.measured,
    '--json',
    file,
  ];
  return new Promise((done) => {
    const child = spawn(madang, [...line, ...options.map(String)], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...settings, ...server.test.environment },
      timeout: (duration + 180) * 1000,
    });
    let told = '';
    child.stderr.on('data', (data) => {
      told += data;
    });
    child.on('close', (code) => done(code === 0 ? undefined : told.trim() || `ended with ${code}`));
    child.on('error', (error) => done(error.message));
  });
}

async function measure(round, peer, scenario) {
  const server = known[peer];
  const file = join(results, 'report.json');
  const row = { round, peer, scenario, at: new Date().toISOString(), load: loadavg()[0] };
  try {
    const running = await start(server, settle);
    try {
      row.started_ms = running.startedMs;
      row.idle_kb = memory(running.measured);
      rmSync(file, { force: true });
      const before = cpuTime(running.pid);
      row.error = await loadTest(server, running, scenario, file);
      // Beside the process that is measured, if that is a child of the one that was started.
      if (running.measured !== running.pid) row.beside_cpu_ms = cpuTime(running.pid) - before;
      row.report = JSON.parse(readFileSync(file, 'utf8'));
    } finally {
      await running.stop();
    }
  } catch (error) {
    row.error ??= error.message;
  }
  rmSync(file, { force: true });
  return row;
}

mkdirSync(results, { recursive: true });
const file = join(results, 'rows.jsonl');
const machine = `${cpus().length} x ${cpus()[0].model}, Linux ${release()}`;
const versions = Object.fromEntries(present.map((peer) => [peer, known[peer].version()]));
writeFileSync(file, `${JSON.stringify({ machine, versions, rounds, duration })}\n`);
const rows = [];
for (let round = 1; round <= rounds; round += 1) {
  // The other way round every other time, so that who comes after whom does not matter.
  const order = round % 2 === 1 ? present : present.toReversed();
  for (const scenario of asked) {
    for (const peer of order) {
      const row = await measure(round, peer, scenario);
      rows.push(row);
      appendFileSync(file, `${JSON.stringify(row)}\n`);
      const cost = row.report?.server_process?.microseconds_per_packet.toFixed(2);
      const verdict = isWhole(row) ? `${cost} µs per packet` : `not counted: ${row.error}`;
      console.error(`round ${round} ${scenario} ${peer}: ${verdict}`);
    }
  }
}
// In the order in which they were named, whoever came first.
rows.sort((a, b) => present.indexOf(a.peer) - present.indexOf(b.peer));
const loads = rows.map((row) => row.load);
const table = [
  `${machine}; load average ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)};`,
  `${rounds} rounds of ${duration} s; median (least to most).`,
  Object.entries(versions)
    .map(([peer, version]) => `${peer}: ${version}`)
    .join('; '),
  '',
  markdown(rows),
].join('\n');
writeFileSync(join(results, 'table.md'), table);
console.log(table);
