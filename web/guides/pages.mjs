/**
 * What mdBook has made, as it is served: with a way to the other language, with the scripts in files, since our pages may run no
 * others, and with what a reader of Korean reads in Korean.
 */

import { createHash } from 'node:crypto';
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { koreanIndex } from './search.mjs';

/** The same page of the other one: its folder, the language's own name, and what the link is. */
const other = {
  en: { to: 'ko', name: '한국어', label: '이 페이지를 한국어로 보기' },
  ko: { to: 'en', name: 'English', label: 'This page in English' },
};

/** mdBook's own words. */
const korean = {
  'Keyboard shortcuts</h2>': '단축키</h2>',
  'Press <kbd>←</kbd> or <kbd>→</kbd> to navigate between chapters':
    '<kbd>←</kbd>, <kbd>→</kbd>: 앞뒤 장으로',
  'Press <kbd>S</kbd> or <kbd>/</kbd> to search in the book': '<kbd>S</kbd>, <kbd>/</kbd>: 검색',
  'Press <kbd>?</kbd> to show this help': '<kbd>?</kbd>: 이 도움말 보기',
  'Press <kbd>Esc</kbd> to hide this help': '<kbd>Esc</kbd>: 닫기',
  'aria-label="Table of contents"': 'aria-label="목차"',
  'title="Toggle Table of Contents" aria-label="Toggle Table of Contents"':
    'title="목차 열고 닫기" aria-label="목차 열고 닫기"',
  'title="Change theme" aria-label="Change theme"': 'title="색상 바꾸기" aria-label="색상 바꾸기"',
  'aria-label="Themes"': 'aria-label="색상"',
  '>Auto</button>': '>자동</button>',
  '>Light</button>': '>밝게</button>',
  '>Dark</button>': '>어둡게</button>',
  'title="Search (`/`)" aria-label="Toggle Searchbar"': 'title="검색 (`/`)" aria-label="검색"',
  'placeholder="Search this book ..."': 'placeholder="가이드에서 검색"',
  'aria-label="Search"': 'aria-label="검색"',
  'aria-label="Page navigation"': 'aria-label="앞뒤 장"',
};

const koreanSearcher = {
  "count + ' search result for \\'' + searchterm + '\\':'":
    "'\\'' + searchterm + '\\' 검색 결과 ' + count + '건'",
  "'No search results for \\'' + searchterm + '\\'.'":
    "'\\'' + searchterm + '\\' 검색 결과가 없습니다.'",
  "count + ' search results for \\'' + searchterm + '\\':'":
    "'\\'' + searchterm + '\\' 검색 결과 ' + count + '건'",
};

/** All of `replaced` are in the text, or mdBook has become another one. */
function withAll(text, replaced, what) {
  return Object.entries(replaced).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`${what} has no ${from}`);
    return text.replaceAll(from, () => to);
  }, text);
}

const hash = (text) => createHash('sha256').update(text).digest('hex').slice(0, 8);

/** Changes what mdBook has left in `folder`. */
export function finish(language, folder) {
  const files = readdirSync(folder);
  const named = (start) => files.find((file) => file.startsWith(start));
  const renamed = new Map();
  /** A file with another text has another name, since browsers keep it for ever. */
  const rewrite = (file, change) => {
    const text = change(readFileSync(join(folder, file), 'utf8'));
    const name = file.replace(/-[\da-f]{8}\./, `-${hash(text)}.`);
    rmSync(join(folder, file));
    writeFileSync(join(folder, name), text);
    renamed.set(file, name);
  };
  const toc = named('toc-');
  // A heading of a part is a list's item already.
  rewrite(toc, (text) =>
    text.replaceAll(/<li class="part-title">(.*?)<\/li>/g, '<span class="part-title">$1</span>'),
  );
  if (language === 'ko') {
    const code = readFileSync(join(folder, named('elasticlunr-')), 'utf8');
    rewrite(named('searchindex-'), (text) => koreanIndex(text, code));
    rewrite(named('searcher-'), (text) => withAll(text, koreanSearcher, 'searcher.js'));
  }
  const words = readFileSync(join(import.meta.dirname, 'words.js'), 'utf8');
  const wordsFile = `words-${hash(words)}.js`;
  if (language === 'ko') writeFileSync(join(folder, wordsFile), words);
  for (const file of files.filter((file) => file.endsWith('.html') && file !== 'toc.html')) {
    let text = readFileSync(join(folder, file), 'utf8');
    for (const [from, to] of renamed) text = text.replaceAll(from, to);
    if (language === 'ko') {
      text = text.replace(
        /<script src="searcher-/,
        `<script src="${wordsFile}"></script>\n        $&`,
      );
    }
    text = page(text, file, language);
    text = text.replaceAll(/<script>([\s\S]*?)<\/script>/g, (_, script) => {
      const name = `page-${hash(script)}.js`;
      if (!existsSync(join(folder, name))) writeFileSync(join(folder, name), `${script.trim()}\n`);
      return `<script src="${name}"></script>`;
    });
    writeFileSync(join(folder, file), text);
  }
  for (const left of ['.nojekyll', '404.html']) rmSync(join(folder, left), { force: true });
}

function page(html, file, language) {
  const { to, name, label } = other[language];
  const common = {
    '<div class="right-buttons">':
      `<div class="right-buttons">\n<a class="language" href="../${to}/${file}" hreflang="${to}" ` +
      `lang="${to}" title="${label}">${name}</a>`,
    '>Navy</button>': '>Dark</button>',
    '<label id="mdbook-sidebar-toggle"':
      '<label id="mdbook-sidebar-toggle" role="button" tabindex="0"',
    // The page's heading is its own.
    '<h1 class="menu-title">': '<div class="menu-title">',
    'placeholder="Search this book ..."': 'placeholder="Search this book ..." aria-label="Search"',
    'aria-describedby="searchresults-header"': 'aria-describedby="mdbook-searchresults-header"',
    '<iframe class="sidebar-iframe-outer" src="toc.html"></iframe>':
      '<a href="toc.html">Contents</a>',
  };
  let text = withAll(html, common, file);
  // What may be wider than the page is scrolled by keys, too.
  text = text.replaceAll(/<div class="table-wrapper"|<pre><code(?= |>)/g, '$& tabindex="0"');
  text = text.replace(/(<div class="menu-title">.*?)<\/h1>/, '$1</div>');
  for (const theme of ['rust', 'coal', 'ayu']) {
    const item = new RegExp(`<li role="none"><button[^>]*id="mdbook-theme-${theme}">.*?</li>`);
    text = text.replace(item, '');
  }
  if (language !== 'ko') return text;
  return withAll(text, korean, file)
    .replaceAll(/"Previous chapter"/g, '"이전 장"')
    .replaceAll(/"Next chapter"/g, '"다음 장"');
}

const COMPRESSIBLE = ['.html', '.js', '.css', '.json', '.svg', '.txt'];

/** What gains by it is there compressed alone: the program that embeds it is downloaded. */
export function compress(folder) {
  for (const entry of readdirSync(folder, { recursive: true })) {
    const path = join(folder, entry);
    if (!COMPRESSIBLE.includes(extname(path)) || !statSync(path).isFile()) continue;
    const bytes = readFileSync(path);
    const packed = gzipSync(bytes, { level: 9 });
    if (packed.length >= bytes.length) continue;
    writeFileSync(`${path}.gz`, packed);
    rmSync(path);
  }
}

/** Takes the place of what was there, at once. */
export function replace(folder, by) {
  rmSync(folder, { recursive: true, force: true });
  renameSync(by, folder);
}
