/**
 * The text in `docs/` as a source for mdBook, one folder for each language. In the repository `X.md` is English and `X.ko.md` Korean;
 * here both are `X.md`, so that a page has the same name in both. What has no Korean twin is in the Korean guides in English.
 */

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { chapters, front, parts, title } from './contents.mjs';

const repository = join(import.meta.dirname, '../..');
const docs = join(repository, 'docs');

const texts = readdirSync(docs).filter((file) => file.endsWith('.md'));
const englishTexts = texts.filter((file) => !file.endsWith('.ko.md'));

/** Chapters without a text. */
export const missing = chapters.filter((chapter) => !texts.includes(`${chapter}.md`));

/** Texts that are in no part. */
export const unlisted = englishTexts
  .map((file) => file.slice(0, -'.md'.length))
  .filter((chapter) => !chapters.includes(chapter));

/** What is not in the site is shown with its place in the repository. */
const inRepository = { en: ' in the repository', ko: ', 저장소 안' };

/** Whatever is wrong with the texts; the build goes on, to find the rest. */
export function stage(language, folder) {
  const troubles = [];
  mkdirSync(folder, { recursive: true });
  const titles = new Map();
  for (const chapter of chapters.filter((chapter) => !missing.includes(chapter))) {
    const twin = `${chapter}.ko.md`;
    const file = language === 'ko' && texts.includes(twin) ? twin : `${chapter}.md`;
    const text = readFileSync(join(docs, file), 'utf8');
    const isForeign = language === 'ko' && file !== twin;
    // mdBook's search would take an element's name for the element.
    const heading = /^# (.+)$/m.exec(text)[1].replaceAll(/`<([a-z-]+)>`/g, '$1');
    titles.set(chapter, isForeign ? `${heading} (영문)` : heading);
    troubles.push(...wrongQuotes(file, text));
    writeFileSync(join(folder, `${chapter}.md`), page(text, file, language, troubles));
  }
  // Pictures, and what is to be downloaded.
  for (const other of readdirSync(docs).filter((name) => !name.endsWith('.md'))) {
    cpSync(join(docs, other), join(folder, other), { recursive: true });
  }
  writeFileSync(join(folder, 'SUMMARY.md'), summary(language, titles));
  return troubles;
}

function summary(language, titles) {
  const entry = (chapter) => `[${titles.get(chapter)}](${chapter}.md)`;
  const listed = ({ title, chapters }) => {
    const entries = chapters.filter((chapter) => titles.has(chapter)).map((c) => `- ${entry(c)}`);
    return `# ${title[language]}\n\n${entries.join('\n')}\n`;
  };
  return [`# ${title[language]}\n`, `${entry(front)}\n`, ...parts.map(listed)].join('\n');
}

/** Code is left alone. The line with the other language is in every page's bar, and what a block was taken from is seen in it. */
function page(text, file, language, troubles) {
  const parted = text.split(/^(```[\s\S]*?^```$)/m);
  return parted
    .map((part, at) => {
      if (at % 2 === 1) return part;
      return part
        .replace(/^\*\[(한국어|English)\]\([^)]*\)\*\n+/m, '')
        .replaceAll(/^<!-- \S+ -->\n/gm, '')
        .replaceAll(/\[((?:`[^`]*`|[^\]`])*)\]\(([^)\s]+)\)/g, (link, words, target) =>
          linked(link, words, target, file, language, troubles),
        );
    })
    .join('');
}

function linked(link, words, target, file, language, troubles) {
  if (/^(https?:|#)/.test(target)) return link;
  const [path, anchor] = target.split('#');
  const there = normalize(join(docs, path));
  if (!existsSync(there)) {
    const chapter = path.replace(/(\.ko)?\.md$/, '');
    // Told once, by the test of the whole.
    if (missing.includes(chapter)) return words;
    troubles.push(`docs/${file}: there is no ${target}`);
    return words;
  }
  if (dirname(there) !== docs || !path.endsWith('.md')) {
    if (there.startsWith(join(docs, '/'))) return link;
    const named = relative(repository, there);
    const place = `\`${named}\``;
    if (words === named) return `${place}${inRepository[language]}`;
    return words.includes(place) ? words : `${words} (${place}${inRepository[language]})`;
  }
  const page = path.replace(/\.ko\.md$/, '.md');
  // A heading of the English text, which the Korean one has under another name.
  if (
    language === 'ko' &&
    anchor &&
    page === path &&
    texts.includes(path.replace('.md', '.ko.md'))
  ) {
    return `[${words}](../en/${path.replace('.md', '.html')}#${anchor})`;
  }
  return `[${words}](${page}${anchor === undefined ? '' : `#${anchor}`})`;
}

/** `<!-- FILE -->` before a block of code: it must be lines of that file of the repository, further to the left perhaps. */
export function wrongQuotes(file, text) {
  const quotes = text.matchAll(/^<!-- (\S+) -->\n```\w+\n([\s\S]*?)^```$/gm);
  return Array.from(quotes)
    .filter(([, source, block]) => {
      const path = join(repository, source);
      if (!existsSync(path)) return true;
      const lines = `\n${readFileSync(path, 'utf8')}`;
      return !['', '  ', '    ', '      '].some((indent) =>
        lines.includes(`\n${block.replaceAll(/^(?=.)/gm, indent)}`),
      );
    })
    .map(([, source]) => `docs/${file}: what it shows of ${source} is not in that file`);
}
