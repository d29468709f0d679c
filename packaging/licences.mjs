/** The licences of everything that is in a program, with their texts: who hands a program on hands on these. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const TEXT = /^(licen[cs]e|copying|notice|copyright|unlicense)/i;
/** Libraries in C have their sources, and their texts, in a folder of their crate. */
const INSIDE = { 'aws-lc-sys': 'aws-lc', 'tikv-jemalloc-sys': 'jemalloc' };
/** What the pages in the program are made of, as their builds list it. */
const PAGES = ['call', 'background', 'dashboard'];

/** The text for the program of the crate `name`, built for `target`. */
export function licences(root, name, target) {
  const ours = readFileSync(join(root, 'LICENSE'), 'utf8');
  const parts = [`${name} is licensed as follows.\n\n${ours}`];
  const texts = new Map();
  for (const found of used(root, name, target)) {
    const folder = dirname(found.manifest_path);
    const folders = [folder, ...(INSIDE[found.name] ? [join(folder, INSIDE[found.name])] : [])];
    const files = folders.flatMap((folder) =>
      readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isFile() && TEXT.test(entry.name))
        .map((entry) => readFileSync(join(folder, entry.name), 'utf8').trim())
        .sort(),
    );
    const title = `${found.name} ${found.version} (${found.license ?? 'see its text'})`;
    for (const text of files.length > 0 ? files : ['']) {
      const key = createHash('sha256').update(text.replace(/\s+/g, ' ')).digest('hex');
      const same = texts.get(key) ?? { text, titles: [] };
      same.titles.push(title);
      texts.set(key, same);
    }
  }
  // Alike beside alike, which is compressed best.
  const sorted = [...texts.values()].sort((one, other) => (one.text < other.text ? -1 : 1));
  for (const { text, titles } of sorted) {
    parts.push(
      `${[...new Set(titles)].join('\n')}\n\n${text || 'They come without a text of their own.'}\n`,
    );
  }
  for (const page of name === 'madang' ? PAGES : []) {
    const file = join(root, `web/${page}/dist/licences.txt`);
    if (existsSync(file)) parts.push(readFileSync(file, 'utf8'));
  }
  return parts.join(`\n${'-'.repeat(80)}\n\n`);
}

/** The packages of others that are linked into it. */
function used(root, name, target) {
  const described = execFileSync(
    'cargo',
    ['metadata', '--format-version=1', '--locked', '--filter-platform', target],
    { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const { packages, resolve } = JSON.parse(described);
  const byId = new Map(packages.map((found) => [found.id, found]));
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const seen = new Set();
  const visit = (id) => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      if (kinds.some(({ kind }) => kind === null)) visit(pkg);
    }
  };
  visit(packages.find((found) => found.name === name && found.source === null).id);
  return [...seen]
    .map((id) => byId.get(id))
    .filter((found) => found.source !== null)
    .sort((one, other) =>
      one.name < other.name || (one.name === other.name && one.version < other.version) ? -1 : 1,
    );
}
