/** Short sentences that come and go at the top of the page, read out by screen readers. */

import { el, icon } from './dom';

export class Notices {
  readonly element = el('div', { class: 'notices', role: 'status', 'aria-live': 'polite' });
  private banner: HTMLElement | null = null;

  /** Shows a sentence; trouble stays longer. */
  say(words: string, bad: boolean): void {
    const notice = el('p', { class: bad ? 'notice bad' : 'notice' }, bad && icon('warning'), words);
    notice.addEventListener('click', () => notice.remove());
    this.element.append(notice);
    while (this.element.childElementCount > 4) this.element.firstElementChild?.remove();
    window.setTimeout(() => notice.remove(), bad ? 12_000 : 3_500);
  }

  /** A sentence that stays until it is taken back with `null`. */
  keep(words: string | null): void {
    this.banner?.remove();
    this.banner = null;
    if (!words) return;
    this.banner = el('p', { class: 'notice kept' }, el('span', { class: 'spinner' }), words);
    this.element.prepend(this.banner);
  }
}
