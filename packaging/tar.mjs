/**
 * Archives whose bytes follow from what is in them alone: sorted, with one time for all, and owners that are said. What `tar`
 * writes depends on the machine, and layers of images need other owners than whoever packs them.
 */

import { execFileSync } from 'node:child_process';

const BLOCK = 512;

/**
 * A tar archive (POSIX ustar) of `entries`, `{ path, data, mode, uid, gid }`: a path that ends in `/` is a folder's, and a link
 * has `link` instead of `data`. `time` is in seconds.
 */
export function tar(entries, time) {
  const sorted = [...entries].sort((one, other) => (one.path < other.path ? -1 : 1));
  const blocks = [];
  for (const entry of sorted) {
    const data = Buffer.from(entry.data ?? '');
    blocks.push(header(entry, data.length, time), data, padding(data.length));
  }
  blocks.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(blocks);
}

/** The same, compressed. */
export const tarGz = (entries, time, level) => gzip(tar(entries, time), level);

/** Compressed, without time and name. By the program, which takes two in a hundred off what Node's zlib makes of ours. */
export const gzip = (data, level) =>
  execFileSync('gzip', ['-n', `-${level}`], { input: data, maxBuffer: Number.POSITIVE_INFINITY });

/** The folders that lead to these entries, which belong to root. */
export function withFolders(entries) {
  const known = new Set(entries.map((entry) => entry.path));
  const folders = new Set();
  for (const { path } of entries) {
    const parts = path.replace(/\/$/, '').split('/').slice(0, -1);
    parts.forEach((_, index) => {
      folders.add(`${parts.slice(0, index + 1).join('/')}/`);
    });
  }
  const missing = [...folders].filter((path) => !known.has(path));
  return [...missing.map((path) => ({ path, mode: 0o755 })), ...entries];
}

function header({ path, mode, link, uid = 0, gid = 0 }, size, time) {
  if (Buffer.byteLength(path) > 100) throw new Error(`too long for an archive: ${path}`);
  const kind = link ? '2' : path.endsWith('/') ? '5' : '0';
  const block = Buffer.alloc(BLOCK);
  const octal = (value, length) => `${value.toString(8).padStart(length - 1, '0')}\0`;
  block.write(path, 0);
  block.write(octal(link ? 0o777 : mode, 8), 100);
  block.write(octal(uid, 8), 108);
  block.write(octal(gid, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(time, 12), 136);
  // The checksum is counted as if it were spaces.
  block.fill(' ', 148, 156);
  block.write(kind, 156);
  block.write(link ?? '', 157);
  block.write('ustar\x0000', 257);
  block.write(octal(0, 8), 329);
  block.write(octal(0, 8), 337);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

const padding = (size) => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
