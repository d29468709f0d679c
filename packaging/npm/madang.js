#!/usr/bin/env node
/** Starts the program out of the package for this platform, with the same arguments, and ends as it does. */

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';

const platform = `${process.platform}-${process.arch}`;
const holder = `@madang/server-${platform}`;

function find() {
  try {
    return createRequire(import.meta.url).resolve(`${holder}/bin/madang`);
  } catch {
    const reason = ['linux-x64', 'linux-arm64'].includes(platform)
      ? `The package ${holder} is missing. It is an optional dependency: install without --omit=optional, and on the machine (or with the --cpu and --os) that it shall run on.`
      : `There is no program for ${platform}, only for linux-x64 and linux-arm64. On other systems run the container image, or build it from source.`;
    console.error(`madang: ${reason}`);
    process.exit(1);
  }
}

const child = spawn(find(), process.argv.slice(2), { stdio: 'inherit' });
// Whoever ends this process means the server. From a terminal both are told; that one ends first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) => {
  console.error(`madang: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
