/** What the program can say, as its sources have it: a text of Rust as a pattern of what comes of it. */

import { readFileSync } from 'node:fs';

const crates = new URL('../../crates/', import.meta.url);

export const source = (path) => readFileSync(new URL(path, crates), 'utf8');

const escaped = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Patterns of all texts in a file, with anything where something is put in. */
export function sentences(path) {
  const texts = source(path).matchAll(/"((?:[^"\\]|\\[\s\S])*)"/g);
  return Array.from(texts, ([, text]) => {
    const joined = text.replaceAll(/\\\n\s*/g, '').replaceAll('\\"', '"');
    const parts = joined.split(/\{[^{}]*\}/).map(escaped);
    return { words: parts.join('').length, pattern: new RegExp(`^${parts.join('.*')}$`) };
  })
    .filter(({ words }) => words > 5)
    .map(({ pattern }) => pattern);
}
