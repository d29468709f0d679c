/** How pages look: pictures of them in `results/looks/`, for somebody to look at, and what `axe-core` says of each. */

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { results } from './visitor.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const looks = join(results, 'looks');
mkdirSync(looks, { recursive: true });

export const screens = {
  wide: { viewport: { width: 1280, height: 760 } },
  phone: { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true },
};

/** Photographs a page, whole or what the window shows, and lets nothing pass that is serious. */
export async function look(page, name, faults, { fullPage = false } = {}) {
  // Everything has arrived where it moves to.
  await page.evaluate(() => {
    const root = document.querySelector('madang-call')?.shadowRoot ?? document;
    const moving = root.getAnimations().filter(({ effect }) => {
      return effect.getComputedTiming().iterations !== Infinity;
    });
    return Promise.all(moving.map(({ finished }) => finished.catch(() => {})));
  });
  await page.screenshot({ path: join(looks, `${name}.png`), fullPage });
  // Not beside the window: a phone shows as much of a page as there is, smaller.
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  const overflow = width - page.viewportSize().width;
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
