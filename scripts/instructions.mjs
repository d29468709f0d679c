#!/usr/bin/env node
// Counts the instructions of what every packet and every join goes through, by callgrind, and compares them with those in the
// repository: unlike times they are the same whatever else the machine does. `make instructions`; with the argument `--write` the
// new counts take the place of the old ones, to be looked at in review.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// More than the order of hash tables and the addresses of memory make from run to run.
const TOLERANCE = 0.05;
// What is counted by each test program: the tests `instructions_of_…` of a module, within these functions of it.
const PROGRAMS = [
    {
        program: 'calls',
        module: 'costs::',
        within: ['calls::costs::forward', 'calls::costs::join'],
        measured: ['receiving', 'forwarding', 'joining'],
        kept: 'crates/sfu/tests/calls/instructions.json',
    },
    {
        program: 'costs',
        module: '',
        within: ['costs::carry'],
        measured: ['relaying_channel_data', 'relaying_indications'],
        kept: 'crates/turn/tests/instructions.json',
    },
];

// The libraries choose their instructions by the processor.
if (process.arch !== 'x64' || !/\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))) {
    console.log('Not counted: the counts in the repository are of x86-64 with AVX2.');
    process.exit(0);
}

// As the tests are built, so that nothing is built anew.
const tests = PROGRAMS.flatMap(({ program }) => ['--test', program]);
const build = ['test', '--release', '--workspace', ...tests, '--no-run', '--message-format=json'];
const messages = execFileSync('cargo', build, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 });
const artifacts = messages.split('\n').filter(Boolean).map((line) => JSON.parse(line));

function count({ program, module, within }, name) {
    const path = artifacts.findLast(({ executable, target }) => executable && target?.name === program).executable;
    const output = join(tmpdir(), `madang-callgrind-${process.pid}`);
    const toggles = within.map((name) => `--toggle-collect=${name}*`);
    const test = [path, '--exact', `${module}instructions_of_${name}`, '--nocapture', '--test-threads=1'];
    const run = spawnSync('valgrind', ['--tool=callgrind', `--callgrind-out-file=${output}`, ...toggles, ...test], { encoding: 'utf8' });
    rmSync(output, { force: true });
    const units = Number(/units (\d+)/.exec(run.stdout)?.[1]);
    const collected = Number(/Collected : (\d+)/.exec(run.stderr)?.[1]);
    if (run.status !== 0 || !(units > 0) || !(collected > 0)) {
        throw new Error(`${name}: ${run.error ?? run.stdout + run.stderr}`);
    }
    return Math.round(collected / units);
}

const slower = [];
for (const program of PROGRAMS) {
    const file = new URL(`../${program.kept}`, import.meta.url);
    const kept = JSON.parse(readFileSync(file, 'utf8'));
    const counts = Object.fromEntries(program.measured.map((name) => [name, count(program, name)]));
    for (const [name, now] of Object.entries(counts)) {
        const change = now / kept[name] - 1;
        // One that is not kept yet is no number.
        const isKept = change <= TOLERANCE;
        const word = !isKept ? 'SLOWER' : change < -TOLERANCE ? 'faster: keep it with --write' : '';
        if (!isKept) slower.push(`${name} in ${program.kept}`);
        console.log(`${name.padEnd(22)} ${String(now).padStart(9)} instructions, ${(change * 100).toFixed(1).padStart(5)} %  ${word}`);
    }
    if (process.argv.includes('--write')) writeFileSync(file, `${JSON.stringify(counts, null, 2)}\n`);
}
if (slower.length > 0 && !process.argv.includes('--write')) {
    console.error(`More than ${TOLERANCE * 100} % slower than what is kept: ${slower.join(', ')}.`);
    process.exit(1);
}
