/**
 * How the page at `/` looks: pictures of it in `results/looks/`, wide and on a phone, light and dark, in English and in
 * Korean, for somebody to look at; and what `axe-core` says of each.
 */

import assert from 'node:assert/strict';
import { look, screens } from '../harness/looks.mjs';
import { suite } from '../harness/suite.mjs';
import { moves, pages } from '../harness/visitor.mjs';

const { scenario } = suite({ OPENVIDU_PRO_NETWORK_QUALITY: 'true' }, { ownOrigin: true });
const { page, visit } = pages(scenario);

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

for (const [size, device] of Object.entries(screens)) {
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
        await ann.locator('.star').nth(3).click();
        await ann.locator('.words textarea').waitFor();
        await look(ann, name('rated'), faults);
        assert.deepEqual(faults, []);
      });
    }
  }
}
