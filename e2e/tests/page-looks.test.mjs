/**
 * How the page at `/` looks: pictures of it in `results/looks/`, wide and on a phone, light and dark, in English and in
 * Korean, for somebody to look at; and what `axe-core` says of each.
 */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { suite } from '../harness/suite.mjs';
import { moves, pages, results } from '../harness/visitor.mjs';

const { scenario } = suite({ OPENVIDU_PRO_NETWORK_QUALITY: 'true' }, { ownOrigin: true });
const { page, visit } = pages(scenario);

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const looks = join(results, 'looks');
mkdirSync(looks, { recursive: true });

const wide = { viewport: { width: 1280, height: 760 } };
const phone = { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true };
const words = {
  'en-GB': {
    name: 'Your name',
    join: 'Join',
    leave: 'Leave',
    chat: 'Chat',
    more: 'More',
    people: 'Participants',
    background: 'Background',
    settings: 'Settings',
    message: 'Message to everybody',
    hello: 'Good morning! The agenda is at https://example.org/agenda',
  },
  'ko-KR': {
    name: '이름',
    join: '들어가기',
    leave: '나가기',
    chat: '채팅',
    more: '더 보기',
    people: '참여자',
    background: '배경',
    settings: '설정',
    message: '모두에게 보낼 메시지',
    hello: '안녕하세요! 안건은 https://example.org/agenda 에 있습니다',
  },
};

/** Photographs it, and lets nothing pass that is serious. */
async function look(page, name, faults) {
  // Everything has arrived where it moves to.
  await page.evaluate(() => {
    const { shadowRoot } = document.querySelector('madang-call');
    const moving = shadowRoot.getAnimations().filter(({ effect }) => {
      return effect.getComputedTiming().iterations !== Infinity;
    });
    return Promise.all(moving.map(({ finished }) => finished.catch(() => {})));
  });
  await page.screenshot({ path: join(looks, `${name}.png`) });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (overflow > 0) faults.push(`${name}: ${overflow} pixels are beside the screen`);
  // The policy of the page lets no other script in, but the debugger's.
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => window.axe.run(document));
  const named = passes.find(({ id }) => id === 'button-name')?.nodes ?? [];
  if (!named.length) faults.push(`${name}: no button was looked at, which all of these have`);
  for (const { id, impact, nodes } of violations) {
    if (impact !== 'serious' && impact !== 'critical') continue;
    for (const { target, failureSummary } of nodes) {
      faults.push(`${name}: ${id} ${JSON.stringify(target)} ${failureSummary}`);
    }
  }
}

for (const [size, device] of Object.entries({ wide, phone })) {
  for (const colorScheme of ['light', 'dark']) {
    for (const locale of Object.keys(words)) {
      page(`${size}, ${colorScheme}, ${locale}`, async (world) => {
        const say = words[locale];
        const faults = [];
        const name = (what) => `${what}-${size}-${colorScheme}-${locale.slice(0, 2)}`;
        const options = { ...device, colorScheme, locale };
        const room = locale === 'ko-KR' ? '우리 마당' : 'garden';
        const button = (which) => ann.getByRole('button', { name: which, exact: true });
        const ann = await visit(world, `/?room=${room}-${size}-${colorScheme}`, options);
        await ann.locator('.preview video:not(.off)').waitFor();
        await look(ann, name('lobby'), faults);
        await ann.getByLabel(say.name).fill('Ann');
        await ann.getByRole('button', { name: say.join }).click();
        await ann.locator('.call').waitFor();
        const bob = await visit(
          world,
          `/?room=${room}-${size}-${colorScheme}&prejoin=false&name=Bob&audio=off`,
          options,
        );
        await moves(ann, 'Bob');
        await bob.keyboard.press('h');
        await ann.locator('.mark.raised').waitFor();
        await ann.locator('.notice').first().waitFor({ state: 'detached' });
        await look(ann, name('call'), faults);

        await button(say.chat).click();
        await ann.getByLabel(say.message).fill(say.hello);
        await ann.keyboard.press('Enter');
        await ann.locator('.message').first().waitFor();
        await look(ann, name('chat'), faults);
        for (const panel of ['people', 'background', 'settings']) {
          if (size === 'phone') {
            await ann.keyboard.press('Escape');
            await button(say.more).click();
            if (panel === 'people') await look(ann, name('more'), faults);
            await ann.locator('.line', { hasText: say[panel] }).click();
          } else {
            await button(say[panel]).click();
          }
          await look(ann, name(panel), faults);
        }
        await ann.keyboard.press('Escape');
        await button(say.leave).click();
        await ann.locator('.over').waitFor();
        await look(ann, name('left'), faults);
        assert.deepEqual(faults, []);
      });
    }
  }
}
