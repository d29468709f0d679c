/** Short sentences that come and go at the top, read out by screen readers. */

import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { icon } from '../icons';

const most = 4;

interface Notice {
  id: number;
  words: string;
  bad: boolean;
  timer: number;
}

export class Notices {
  private notices: Notice[] = [];
  private kept: string | null = null;
  private last = 0;

  constructor(private readonly changed: () => void) {}

  /** Shows a sentence; trouble stays longer. */
  say(words: string, bad: boolean): void {
    this.last += 1;
    const id = this.last;
    const timer = window.setTimeout(() => this.end(id), bad ? 12_000 : 3_500);
    this.notices = [...this.notices, { id, words, bad, timer }].slice(-most);
    this.changed();
  }

  /** A sentence that stays until it is taken back with `null`. */
  keep(words: string | null): void {
    this.kept = words;
    this.changed();
  }

  clear(): void {
    for (const { timer } of this.notices) window.clearTimeout(timer);
    this.notices = [];
    this.kept = null;
  }

  render(): TemplateResult {
    return html`<div class="notices" part="notices" role="status" aria-live="polite">
      ${
        this.kept
          ? html`<p class="notice kept"><span class="spinner"></span>${this.kept}</p>`
          : nothing
      }
      ${repeat(
        this.notices,
        ({ id }) => id,
        ({
          id,
          words,
          bad,
        }) => html`<p class="notice ${bad ? 'bad' : ''}" @click=${() => this.end(id)}>
          ${bad ? icon('warning') : nothing}<span>${words}</span>
        </p>`,
      )}
    </div>`;
  }

  private end(id: number): void {
    this.notices = this.notices.filter((notice) => notice.id !== id);
    this.changed();
  }
}
