#!/usr/bin/env node
// Counts the instructions of what every packet and every join goes through, by callgrind, and compares them with those in the
// repository: unlike times they are the same whatever else the machine does. `make instructions`; with the argument `--write` the
// new counts take the place of the old ones, to be looked at in review.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const KEPT = new URL('../crates/sfu/tests/calls/instructions.json', import.meta.url);
// More than the order of hash tables and the addresses of memory make from run to run.
const TOLERANCE = 0.05;
const MEASURED = ['receiving', 'forwarding', 'joining'];
const WITHIN = ['forward', 'join'].map((name) => `--toggle-collect=calls::costs::${name}*`);

// The libraries choose their instructions by the processor.
if (process.arch !== 'x64' || !/\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))) {
    console.log('Not counted: the counts in the repository are of x86-64 with AVX2.');
    process.exit(0);
}

// As the tests are built, so that nothing is built anew.
const build = ['test', '--release', '--workspace', '--test', 'calls', '--no-run', '--message-format=json'];
const messages = execFileSync('cargo', build, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 });
const artifacts = messages.split('\n').filter(Boolean).map((line) => JSON.parse(line));
const program = artifacts.findLast(({ executable, target }) => executable && target?.name === 'calls').executable;

function count(name) {
    const output = join(tmpdir(), `madang-callgrind-${process.pid}`);
    const test = [program, '--exact', `costs::instructions_of_${name}`, '--nocapture', '--test-threads=1'];
    const run = spawnSync('valgrind', ['--tool=callgrind', `--callgrind-out-file=${output}`, ...WITHIN, ...test], { encoding: 'utf8' });
    rmSync(output, { force: true });
    const units = Number(/units (\d+)/.exec(run.stdout)?.[1]);
    const collected = Number(/Collected : (\d+)/.exec(run.stderr)?.[1]);
    if (run.status !== 0 || !(units > 0) || !(collected > 0)) {
        throw new Error(`${name}: ${run.error ?? run.stdout + run.stderr}`);
    }
    return Math.round(collected / units);
}

const kept = JSON.parse(readFileSync(KEPT, 'utf8'));
const counts = Object.fromEntries(MEASURED.map((name) => [name, count(name)]));
let slower = 0;
for (const [name, now] of Object.entries(counts)) {
    const change = now / kept[name] - 1;
    slower += change > TOLERANCE;
    const word = change > TOLERANCE ? 'SLOWER' : change < -TOLERANCE ? 'faster: keep it with --write' : '';
    console.log(`${name.padEnd(12)} ${String(now).padStart(9)} instructions, ${(change * 100).toFixed(1).padStart(5)} %  ${word}`);
}
if (process.argv.includes('--write')) {
    writeFileSync(KEPT, `${JSON.stringify(counts, null, 2)}\n`);
} else if (slower > 0) {
    console.error(`More than ${TOLERANCE * 100} % slower than what is kept in crates/sfu/tests/calls/instructions.json.`);
    process.exit(1);
}
