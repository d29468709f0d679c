/** A button that copies a link and says so for a moment. */

import { html } from 'lit';
import { icon } from '../icons';
import { define, Part } from './part';

export class CopyLink extends Part {
  static override properties = {
    ...Part.properties,
    link: { attribute: false },
    copied: { state: true },
  };
  declare link: string;
  declare copied: boolean;

  private timer = 0;

  constructor() {
    super();
    this.copied = false;
  }

  protected override render() {
    return html`<button type="button" class="quiet copy" @click=${this.copy}>
      ${icon(this.copied ? 'check' : 'link')}
      <span aria-live="polite">${this.say(this.copied ? 'copied' : 'copyLink')}</span>
    </button>`;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }

  private async copy(): Promise<void> {
    await copy(this.link);
    this.copied = true;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.copied = false;
    }, 2500);
  }
}

define('madang-call-copy', CopyLink);

/** `navigator.clipboard` exists in secure contexts only; the old way works everywhere. */
async function copy(words: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(words);
  } catch {
    const field = document.createElement('textarea');
    field.style.cssText = 'position:fixed;left:-999px';
    field.value = words;
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }
}
