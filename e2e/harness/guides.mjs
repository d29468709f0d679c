/** What guides show, to be run as it stands: only addresses, secrets and names of others are replaced. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const docs = new URL('../../docs/', import.meta.url);
const AsyncFunction = (async () => {}).constructor;

/** Names of those that there are in both languages. */
export const guides = readdirSync(docs)
  .filter((file) => file.endsWith('.ko.md'))
  .map((file) => file.slice(0, -'.ko.md'.length));

/** Blocks that were asked for. */
const taken = new Set();

/** Blocks of a file: `{ language, text }`. */
export function blocks(file) {
  const text = readFileSync(new URL(file, docs), 'utf8');
  const found = text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm);
  return Array.from(found, ([, language, text]) => ({ language, text }));
}

/** One that contains `word`, with each key of `replaced` replaced by what it stands for. What is not in it would not be tested. */
export function block(guide, word, replaced = {}) {
  const fitting = blocks(`${guide}.md`).filter(({ text }) => text.includes(word));
  assert.equal(fitting.length, 1, `${guide}: ${word}`);
  let { text } = fitting[0];
  taken.add(text);
  for (const [shown, own] of Object.entries(replaced)) {
    assert.ok(text.includes(shown), `${guide}: ${shown} in\n${text}`);
    text = text.replaceAll(shown, own);
  }
  return text;
}

/** First words of the blocks that nobody has asked for. What is answered (`json`) is not one to be run. */
export const left = (guide) =>
  blocks(`${guide}.md`)
    .filter(({ language, text }) => language !== 'json' && !taken.has(text))
    .map(({ text }) => text.split(' ', 2).join(' '));

/** What a guide shows is the same in both languages, but for what is said in words: in comments, or by the program (`text`). */
export function assertSameInBoth(guide) {
  const code = ({ language, text }) =>
    language === 'text' ? '' : text.replaceAll(/\s+(\/\/|#) .*$/gm, '');
  const [english, korean] = [`${guide}.md`, `${guide}.ko.md`].map((file) =>
    blocks(file).map((block) => [block.language, code(block)]),
  );
  assert.deepEqual(korean, english, guide);
}

/** Blocks that are lines of a file of the repository: `make docs` fails if they are not. */
export function quoted(guide) {
  const text = readFileSync(new URL(`${guide}.md`, docs), 'utf8');
  const found = text.matchAll(/^<!-- (\S+) -->\n```\w+\n([\s\S]*?)^```$/gm);
  return Array.from(found, ([, file, block]) => {
    taken.add(block);
    return file;
  });
}

/** Runs commands; answers what they print. A request that is refused fails. */
export async function shell(commands, environment = {}) {
  const script = `set -eu; curl() { command curl -sS --fail-with-body "$@"; }\n${commands}`;
  const env = { ...process.env, ...environment };
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { env });
  return stdout;
}

/** Runs lines of an application's server, in which these names mean something; `meanwhile` where the guide leaves something out. */
export function node(lines, names) {
  const body = lines.replace('// …', 'await meanwhile();');
  return new AsyncFunction(...Object.keys(names), body)(...Object.values(names));
}

/** Blocks of nothing but lines of `.env`. */
export function settingsIn(guide) {
  const found = blocks(`${guide}.md`).map(({ text }) => text);
  const all = found.filter((text) => /^([A-Z_\d]+=.*\n)+$/.test(text));
  for (const text of all) taken.add(text);
  return all;
}

/** Lines of `.env` as an object. */
export const settings = (lines) => Object.fromEntries(lines.trim().split('\n').map(pair));

const pair = (line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)];
