/**
 * Search in Korean. mdBook's index keeps words as they stand between spaces, with a search that takes Hangul for no letters: nothing
 * is found. Here a word is found by any part of it, so by a noun in a compound, and whatever particle follows; `words.js` is the
 * same for what is asked for.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const HANGUL = /[가-힣]/;
const FIELDS = ['title', 'body', 'breadcrumbs'];

/** A library that mdBook hands out with its pages, with our words in it. */
function library(code) {
  const module = { exports: {} };
  new Function('module', 'exports', code)(module, module.exports);
  const words = readFileSync(join(import.meta.dirname, 'words.js'), 'utf8');
  new Function('elasticlunr', words)(module.exports);
  return module.exports;
}

/** The index as mdBook wrote it, made anew. `code` is elasticlunr. */
export function koreanIndex(script, code) {
  const quoted = /^window\.search = Object\.assign\(window\.search, JSON\.parse\('(.*)'\)\);$/s;
  const made = JSON.parse(
    quoted.exec(script)[1].replaceAll(/\\(.)/gs, (_, character) => character),
  );
  const elasticlunr = library(code);
  const index = elasticlunr((index) => {
    index.setRef('id');
    for (const field of FIELDS) index.addField(field);
    index.pipeline.reset();
    index.pipeline.add(elasticlunr.Pipeline.registeredFunctions.hangul);
  });
  const { docs } = made.index.documentStore;
  for (const doc of Object.values(docs)) {
    const parts = FIELDS.map((field) => [field, withEndings(doc[field])]);
    index.addDoc({ id: doc.id, ...Object.fromEntries(parts) });
  }
  const whole = index.toJSON();
  // What is shown of a page is its text as it is.
  whole.documentStore.docs = docs;
  return `window.search = Object.assign(window.search, ${JSON.stringify({ ...made, index: whole })});`;
}

/** Each word with what is left of it from each of its syllables on: the search finds words by their beginnings. */
function withEndings(text) {
  const words = text.split(/[\s\p{P}\p{S}]+/u).filter((word) => word && HANGUL.test(word));
  const endings = words.flatMap((word) => {
    const syllables = [...word];
    return syllables
      .map((_, at) => syllables.slice(at).join(''))
      .filter((ending, at) => at > 0 && ending.length > 1 && HANGUL.test(ending[0]));
  });
  return [text, ...words, ...endings].join(' ');
}
