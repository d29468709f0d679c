/** Sentences that come and go: what an action has done. */

import { html } from 'lit';
import { icon } from './icon';
import { text } from './text';
import { Follow, View } from './view';

const SHOWN_MS = 6000;
/** The newest ones; more would hide the page. */
const MOST = 3;

class Notices extends EventTarget {
  shown: { id: number; words: string; bad: boolean }[] = [];
  private count = 0;

  say(words: string, bad = false): void {
    this.count += 1;
    const id = this.count;
    this.shown = [...this.shown.slice(1 - MOST), { id, words, bad }];
    // What went wrong stays until it was read.
    if (!bad) setTimeout(() => this.remove(id), SHOWN_MS);
    this.dispatchEvent(new Event('change'));
  }

  remove(id: number): void {
    this.shown = this.shown.filter((notice) => notice.id !== id);
    this.dispatchEvent(new Event('change'));
  }
}

export const notices = new Notices();

class NoticesView extends View {
  readonly follow = new Follow(this, notices);

  override render() {
    return html`<div class="notices" role="status" aria-live="polite">
      ${notices.shown.map(
        ({ id, words, bad }) => html`<p class="notice ${bad ? 'bad' : ''}" data-notice>
          ${icon(bad ? 'warning' : 'check')}<span>${words}</span>
          <button class="bare" aria-label=${text('close')} @click=${() => notices.remove(id)}>
            ${icon('close')}
          </button>
        </p>`,
      )}
    </div>`;
  }
}

customElements.define('dash-notices', NoticesView);
