/**
 * The guides as the server shows them at `/docs/`: in the reader's language, with nothing from elsewhere, found by a search also in
 * Korean; and what they look like, in `results/docs/`, with what `axe-core` says of it.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { brokenLinks } from '../../web/guides/links.mjs';
import { missing, unlisted, wrongQuotes } from '../../web/guides/stage.mjs';
import { suite } from '../harness/suite.mjs';
import { pages, results } from '../harness/visitor.mjs';

const { scenario } = suite({}, { ownOrigin: true });
const { page, visit } = pages(scenario);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const looks = join(results, 'docs');
mkdirSync(looks, { recursive: true });

test('every guide has its place, and every place its guide', () => {
  assert.deepEqual({ missing, unlisted }, { missing: [], unlisted: [] });
});

test('what leads nowhere is found', () => {
  const folder = mkdtempSync(join(tmpdir(), 'madang-links-'));
  const link = (target) => `<a href="${target}">there</a>`;
  const right = ['b.html', 'b.html#here', '#top', 'https://example.org/x', './'];
  const wrong = ['c.html', 'b.html#gone', '#gone', 'en/'];
  writeFileSync(join(folder, 'index.html'), `<p id="top">${[...right, ...wrong].map(link)}`);
  writeFileSync(join(folder, 'b.html'), '<p id="here">&lt;a href="not-a-link">');
  const broken = brokenLinks(folder);
  rmSync(folder, { recursive: true });
  assert.deepEqual(
    broken,
    wrong.map((target) => `index.html: ${target}`),
  );

  const quote = (lines) => `<!-- examples/html/package.json -->\n\`\`\`json\n${lines}\n\`\`\`\n`;
  assert.deepEqual(wrongQuotes('x.md', quote('"private": true,')), []);
  for (const lines of ['"private": false,', '"private"', 'private": true,']) {
    assert.equal(wrongQuotes('x.md', quote(lines)).length, 1, lines);
  }
});

scenario('the guides are shown in the reader’s language', async ({ server }) => {
  const get = (path, headers) => fetch(`${server.url}${path}`, { headers, redirect: 'manual' });
  for (const path of ['/docs', '/docs/']) {
    for (const [wanted, folder] of [
      ['ko-KR,ko;q=0.9,en;q=0.8', '/docs/ko/'],
      ['de,en', '/docs/en/'],
    ]) {
      const response = await get(path, { 'accept-language': wanted });
      assert.deepEqual([response.status, response.headers.get('location')], [302, folder]);
      assert.match(response.headers.get('vary'), /^accept-language\b/);
    }
  }
  assert.equal((await get('/docs/ko')).headers.get('location'), '/docs/ko/');
  assert.equal((await get('/docs/ko/nothing.html')).status, 404);

  const front = await get('/docs/ko/');
  assert.equal(front.status, 200);
  assert.equal(front.headers.get('content-encoding'), 'gzip');
  assert.equal(front.headers.get('cache-control'), 'no-cache');
  assert.match(front.headers.get('content-security-policy'), /script-src 'self';/);
  const html = await front.text();
  assert.match(html, /<html lang="ko"/);
  const plain = await get('/docs/ko/', { 'accept-encoding': 'identity' });
  assert.equal(plain.headers.get('content-encoding'), null);
  assert.equal(await plain.text(), html);
  const known = { 'if-none-match': front.headers.get('etag') };
  assert.equal((await get('/docs/ko/', known)).status, 304);

  const [, script] = /<script src="(book-[\da-f]{8}\.js)"/.exec(html);
  const kept = (await get(`/docs/ko/${script}`)).headers.get('cache-control');
  assert.equal(kept, 'public, max-age=31536000, immutable');
});

const texts = {
  en: {
    locale: 'en-GB',
    language: '한국어',
    toggle: 'Toggle Table of Contents',
    search: 'Toggle Searchbar',
    asked: { webhook: 'Back ends', reconnecting: 'Front ends' },
  },
  ko: {
    locale: 'ko-KR',
    language: 'English',
    toggle: '목차 열고 닫기',
    search: '검색',
    // As it stands, with a particle, and the latter half of a word.
    asked: { 토큰: '첫 통화', 세션을: '첫 통화', 웹훅으로: '백엔드', 소거: '프런트엔드' },
  },
};

/** The search begins when a key goes up. */
async function ask(page, text) {
  await page.locator('#mdbook-searchbar').fill(text);
  await page.locator('#mdbook-searchbar').press('End');
}

for (const [language, words] of Object.entries(texts)) {
  page(`a search finds what is asked for in ${language}`, async (world) => {
    const one = await visit(world, '/docs/', { locale: words.locale });
    const troubles = [];
    // Whatever the policy refuses.
    one.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
    await one.reload();
    assert.ok(one.url().endsWith(`/docs/${language}/`));
    await one.getByRole('button', { name: words.search, exact: true }).click();
    for (const [asked, page] of Object.entries(words.asked)) {
      await ask(one, asked);
      await one.locator('#mdbook-searchresults a', { hasText: page }).first().waitFor();
    }
    await ask(one, 'qqqq');
    await one.locator('#mdbook-searchresults-header', { hasText: "'qqqq'" }).waitFor();
    assert.equal(await one.locator('#mdbook-searchresults li').count(), 0);
    await one.goto(`${world.server.url}/docs/${language}/call-page.html`);
    await one.getByRole('link', { name: words.language, exact: true }).click();
    const other = language === 'en' ? 'ko' : 'en';
    await one.waitForURL(`**/docs/${other}/call-page.html`);
    assert.deepEqual(troubles, []);
  });
}

const looked = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 800 } };

page('pages can be read, by everybody', async (world) => {
  const faults = [];
  for (const [language, { locale, toggle }] of Object.entries(texts)) {
    for (const colorScheme of ['light', 'dark']) {
      for (const [size, viewport] of Object.entries(looked)) {
        const options = { viewport, colorScheme, locale, hasTouch: size === 'phone' };
        const one = await visit(world, `/docs/${language}/`, options);
        for (const chapter of ['index', 'front-end', 'settings']) {
          await one.goto(`${world.server.url}/docs/${language}/${chapter}.html`);
          const name = `${chapter}-${size}-${colorScheme}-${language}`;
          await one.screenshot({ path: join(looks, `${name}.png`) });
          const overflow = await one.evaluate(
            () => document.documentElement.scrollWidth - innerWidth,
          );
          if (overflow > 0) faults.push(`${name}: ${overflow} px too wide`);
          if (size === 'wide') faults.push(...(await seriousFaults(one, name)));
        }
        if (size === 'phone') {
          await one.locator(`label[aria-label="${toggle}"]`).click();
          await one.locator('#mdbook-sidebar a', { hasText: 'WHIP' }).waitFor();
          await one.evaluate(() =>
            Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => {}))),
          );
          await one.screenshot({
            path: join(looks, `contents-${size}-${colorScheme}-${language}.png`),
          });
        }
        await one.close();
      }
    }
  }
  assert.deepEqual(faults, []);
});

async function seriousFaults(page, name) {
  // The policy of the page lets nobody put a script into it but a debugger.
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() =>
    window.axe.run(document, { resultTypes: ['violations'] }),
  );
  assert.ok(passes.length > 10, `${name}: nothing was looked at`);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${name}: ${id}: ${nodes
          .slice(0, 3)
          .map((node) => node.html)
          .join(' ')}`,
    );
}
