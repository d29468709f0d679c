/**
 * Makes the guides that the server shows at `/docs` of the texts in `docs/`, in English and Korean: `node build.mjs MDBOOK`, with the
 * path of mdBook. Fails for whatever leads nowhere. A chapter that is not there yet is left out, and named.
 */

import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { languages, title } from './contents.mjs';
import { brokenLinks } from './links.mjs';
import { compress, finish, replace } from './pages.mjs';
import { missing, stage, unlisted } from './stage.mjs';

const here = import.meta.dirname;
const mdbook = resolve(process.argv[2]);
const staged = join(here, 'build/text');
const made = join(here, 'build/dist');

rmSync(join(here, 'build'), { recursive: true, force: true });
const troubles = unlisted.map((chapter) => `docs/${chapter}.md is in no part of contents.mjs`);
for (const language of languages) {
  const book = join(staged, language);
  troubles.push(...stage(language, join(book, 'src')));
  cpSync(join(here, 'theme'), join(book, 'theme'), { recursive: true });
  for (const file of ['site.css', 'site.js']) cpSync(join(here, file), join(book, file));
  writeFileSync(join(book, 'book.toml'), settings(language));
  execFileSync(mdbook, ['build', '--dest-dir', join(made, language), book], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, MDBOOK_LOG: 'warn' },
  });
  finish(language, join(made, language));
}
cpSync(join(here, 'licences.txt'), join(made, 'licences.txt'));
troubles.push(...brokenLinks(made));
if (missing.length > 0) console.warn(`Not there, and left out: ${missing.join(', ')}`);
if (troubles.length > 0) {
  console.error(troubles.join('\n'));
  process.exit(1);
}
compress(made);
replace(join(here, 'dist'), made);

function settings(language) {
  return `[book]
title = "${title[language]}"
language = "${language}"

[output.html]
default-theme = "light"
preferred-dark-theme = "navy"
additional-css = ["site.css"]
additional-js = ["site.js"]
no-section-label = true
input-404 = ""

[output.html.print]
enable = false

[output.html.fold]
enable = false

[output.html.search]
limit-results = 20
boost-title = 3
heading-split-level = 3
`;
}
