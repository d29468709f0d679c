/**
 * Packages of npm: one for each platform with the program inside, and the one that people name, of which npm installs the
 * platform's as an optional dependency. Nothing is downloaded and no script runs when they are installed.
 */

import { readFileSync } from 'node:fs';
import { tarGz } from './tar.mjs';

/** How npm calls the architectures. */
const CPUS = { amd64: 'x64', arm64: 'arm64' };
const LAUNCHER = '@madang/server';

const file = (name) => readFileSync(new URL(`npm/${name}`, import.meta.url));

/** The package for one architecture, as `{ name, data }`. */
export function platformPackage({ program, architecture, version, time, level, licences }) {
  const cpu = CPUS[architecture];
  const about = {
    name: `${LAUNCHER}-linux-${cpu}`,
    version,
    description: `The program of ${LAUNCHER} for Linux on ${cpu}`,
    license: 'Apache-2.0',
    os: ['linux'],
    cpu: [cpu],
    files: ['bin', 'licences.txt'],
    // The program must be a file, not a part of an archive.
    preferUnplugged: true,
  };
  return packed(about, time, level, [
    { path: 'bin/madang', data: program, mode: 0o755 },
    { path: 'licences.txt', data: licences, mode: 0o644 },
    { path: 'README.md', data: `# ${about.name}\n\n${about.description}.\n`, mode: 0o644 },
  ]);
}

/** The package that people name. */
export function launcherPackage({ version, time, level, license }) {
  const names = Object.values(CPUS).map((cpu) => `${LAUNCHER}-linux-${cpu}`);
  const about = {
    name: LAUNCHER,
    version,
    description: 'Madang, a server for video calls that speaks the OpenVidu 2 protocol',
    license: 'Apache-2.0',
    type: 'module',
    engines: { node: '>=18' },
    bin: { madang: 'bin/madang.js' },
    files: ['bin'],
    optionalDependencies: Object.fromEntries(names.map((name) => [name, version])),
  };
  return packed(about, time, level, [
    { path: 'bin/madang.js', data: file('madang.js'), mode: 0o755 },
    { path: 'README.md', data: file('README.md'), mode: 0o644 },
    { path: 'LICENSE', data: license, mode: 0o644 },
  ]);
}

/** As `npm pack` does, but the same bytes whichever npm there is. */
function packed(about, time, level, files) {
  const manifest = {
    path: 'package.json',
    data: `${JSON.stringify(about, null, 2)}\n`,
    mode: 0o644,
  };
  const inside = [manifest, ...files].map((entry) => ({ ...entry, path: `package/${entry.path}` }));
  const name = `${about.name.replace('@', '').replace('/', '-')}-${about.version}.tgz`;
  return { name, data: tarGz(inside, time, level) };
}
