/** What is written, and the field to write in. */

import { html, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Call, Message } from '../call/call';
import { icon } from '../icons';
import { define, Part } from './part';

export class Chat extends Part {
  static override properties = {
    ...Part.properties,
    call: { attribute: false },
    count: { attribute: false },
  };
  declare call: Call;
  /** Of messages, all time. */
  declare count: number;

  private following = true;

  protected override render() {
    const { say, call } = this;
    const time = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
    return html`
      <div class="messages" role="log" aria-live="polite" tabindex="0" aria-label=${say('chat')}>
        ${call.messages.length ? '' : html`<p class="empty">${say('chatEmpty')}</p>`}
        ${repeat(
          call.messages,
          ({ id }) => id,
          (message) => shown(message, time.format(message.at)),
        )}
      </div>
      <form class="write" @submit=${this.send}>
        <input name="words" autocomplete="off" maxlength="4000" aria-label=${say('chatInput')}
          placeholder=${say('chatInput')} />
        <button type="submit" class="icon-button" aria-label=${say('send')} title=${say('send')}>
          ${icon('send')}
        </button>
      </form>
    `;
  }

  protected override willUpdate(): void {
    // Who has scrolled back reads on there.
    const list = this.querySelector('.messages');
    this.following = !list || list.scrollTop + list.clientHeight > list.scrollHeight - 40;
  }

  protected override updated(changed: PropertyValues<this>): void {
    const list = this.querySelector('.messages');
    if (list && changed.has('count') && this.following) list.scrollTop = list.scrollHeight;
  }

  private async send(event: Event): Promise<void> {
    event.preventDefault();
    const field = this.querySelector('input') as HTMLInputElement;
    const words = field.value.trim();
    if (!words) return;
    field.value = '';
    // What could not be sent can be sent again.
    if (!(await this.call.write(words)) && !field.value) field.value = words;
  }
}

define('madang-call-chat', Chat);

function shown({ local, name, words }: Message, time: string): TemplateResult {
  return html`<div class="message ${local ? 'own' : ''}">
    <p class="from"><b>${name}</b> <time>${time}</time></p>
    <p class="words">${linked(words)}</p>
  </div>`;
}

/** Addresses in it can be followed. */
function linked(words: string): (string | TemplateResult)[] {
  return words
    .split(/(https?:\/\/[^\s<>"]+)/)
    .map((part, at) =>
      at % 2 ? html`<a href=${part} target="_blank" rel="noopener noreferrer">${part}</a>` : part,
    );
}
