#!/usr/bin/env node
/**
 * Packs programs that are there: archives, Debian packages, packages of npm, images, and what belongs to them. The same programs
 * and the same time give the same bytes.
 *
 *   pack.mjs --out FOLDER --program amd64=FILE [--program arm64=FILE] [--transcoder amd64=FILE] [--quick]
 *
 * The time of everything is SOURCE_DATE_EPOCH. `--quick` compresses little, for tests.
 */

import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { serverPackage, transcoderPackage } from './debian.mjs';
import { dockerArchive, image, writeLayout } from './image.mjs';
import { licences } from './licences.mjs';
import { launcherPackage, platformPackage } from './npm.mjs';
import { tarGz } from './tar.mjs';

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
/** How Rust calls the architectures, to find what is linked on them. */
const TARGETS = { amd64: 'x86_64-unknown-linux-musl', arm64: 'aarch64-unknown-linux-musl' };
/** This machine's. */
const HERE = { x64: 'amd64', arm64: 'arm64' }[process.arch];

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    program: { type: 'string', multiple: true, default: [] },
    transcoder: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
  },
});
const time = Number(process.env.SOURCE_DATE_EPOCH);
if (!values.out || values.program.length === 0) fail('--out and --program are needed');
if (!Number.isInteger(time) || time <= 0)
  fail('SOURCE_DATE_EPOCH must say the time of what is packed, in seconds');

const out = resolve(values.out);
const version = /^\[workspace\.package\]\nversion = "(.+)"/m.exec(text('Cargo.toml'))[1];
const common = { version, time, changes: text('CHANGELOG.md'), level: values.quick ? 1 : 9 };

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const programs = named(values.program);
const installer = programs.find(({ architecture }) => architecture === HERE)?.file;
if (!installer)
  fail(`none of the programs is for this machine (${HERE}), and one of them must run here`);
const images = [];
for (const { architecture, file } of programs) {
  const program = readFileSync(file);
  const licensing = licences(root, 'madang', TARGETS[architecture]);
  const options = { ...common, architecture, program, installer, licences: licensing };
  put(
    `madang-${version}-linux-${architecture}.tar.gz`,
    tarGz(
      [
        { path: 'madang', data: program, mode: 0o755 },
        { path: 'licences.txt', data: licensing, mode: 0o644 },
      ],
      time,
      common.level,
    ),
  );
  serverPackage(out, options);
  const npm = platformPackage(options);
  put(npm.name, npm.data);
  const built = image(options);
  put(`madang-image-${version}-${architecture}.tar`, dockerArchive(built, time));
  images.push(built);
}
for (const { architecture, file } of named(values.transcoder)) {
  const program = readFileSync(file);
  const licensing = licences(root, 'transcoder', 'x86_64-unknown-linux-gnu');
  transcoderPackage(out, { ...common, architecture, program, licences: licensing });
}
const launcher = launcherPackage({ ...common, license: text('LICENSE') });
put(launcher.name, launcher.data);
writeLayout(join(out, 'oci'), images);
put('compose.yaml', text('packaging/compose.yaml').replaceAll('VERSION', version));
copyFileSync(join(root, 'packaging/install.sh'), join(out, 'install.sh'));
chmodSync(join(out, 'install.sh'), 0o755);

const packages = files();
const sums = packages.map((name) => `${digest(name)}  ${name}\n`);
put('SHA256SUMS', sums.join(''));
for (const name of packages) {
  console.log(`${(statSync(join(out, name)).size / 1e6).toFixed(1).padStart(7)} MB  ${name}`);
}

function named(pairs) {
  return pairs.map((pair) => {
    const [architecture, file] = pair.split(/=(.*)/s);
    if (!(architecture in TARGETS) || !file) fail(`${pair}: must be amd64=FILE or arm64=FILE`);
    return { architecture, file: resolve(file) };
  });
}

/** The single files; the layout names its own digests. */
function files() {
  const entries = readdirSync(out, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();
}

function digest(name) {
  return createHash('sha256')
    .update(readFileSync(join(out, name)))
    .digest('hex');
}

function put(name, data) {
  writeFileSync(join(out, name), data);
}

function text(name) {
  return readFileSync(join(root, name), 'utf8');
}

function fail(reason) {
  console.error(`pack.mjs: ${reason}`);
  process.exit(2);
}
