/** After the call: why it is over, the way back, and how it was, if somebody wants to know. */

import { html, nothing } from 'lit';
import type { Ending } from '../api';
import { reason } from '../call/failure';
import { icon } from '../icons';
import type { Text } from '../texts';
import { define, Part } from './part';

const endings: Record<Ending, Text> = {
  left: 'leftRoom',
  removed: 'removed',
  closed: 'closed',
  lost: 'lost',
};

/** How it was: one to five stars, and perhaps a sentence. */
export type Send = (said: { stars: number; words?: string }) => Promise<void>;

/** As the server has it. */
const mostWords = 500;

export class Left extends Part {
  static override properties = {
    ...Part.properties,
    why: { attribute: false },
    canRejoin: { attribute: false },
    hasLobby: { attribute: false },
    send: { attribute: false, hasChanged: (now: unknown, before: unknown) => !now !== !before },
    given: { state: true },
    told: { state: true },
    failure: { state: true },
  };
  declare why: Ending;
  declare canRejoin: boolean;
  declare hasLobby: boolean;
  /** `null`: nobody is asked. */
  declare send: Send | null;
  declare given: number;
  /** Words were sent, too. */
  declare told: boolean;
  declare failure: string | null;

  constructor() {
    super();
    this.given = 0;
    this.told = false;
    this.failure = null;
  }

  protected override render() {
    const { say } = this;
    const tell = (name: string) => () => this.dispatchEvent(new CustomEvent(name));
    return html`<section class="over" part="left">
      <h1 tabindex="-1">${say(endings[this.why])}</h1>
      ${
        this.canRejoin
          ? html`<div class="ways">
            <button type="button" class="primary" @click=${tell('rejoin')}>${say('rejoin')}</button>
            ${
              this.hasLobby
                ? html`<button type="button" class="quiet" @click=${tell('home')}>
                  ${say('home')}
                </button>`
                : nothing
            }
          </div>`
          : nothing
      }
      ${this.send ? this.rating(this.send) : nothing}
      <slot name="left"></slot>
    </section>`;
  }

  protected override firstUpdated(): void {
    this.querySelector('h1')?.focus();
  }

  private rating(send: Send) {
    const { say, given, told, failure } = this;
    const isGiven = given > 0 && !failure;
    return html`${
      isGiven
        ? html`<p class="rated" role="status">${say('thanks')}</p>`
        : html`<div class="rating" role="group" aria-label=${say('rate')}>
            <p>${say('rate')}</p>
            ${[1, 2, 3, 4, 5].map(
              (n) => html`<button type="button" class="star ${n <= given ? 'lit' : ''}"
                aria-label=${say('stars', { n })} @click=${() => this.rate(send, n)}>${icon('star')}</button>`,
            )}
          </div>`
    }
    ${failure ? html`<p role="alert">${failure}</p>` : nothing}
    ${
      isGiven && !told
        ? html`<form class="words" @submit=${(event: SubmitEvent) => this.tell(send, event)}>
            <label for="madang-words">${say('words')}</label>
            <textarea id="madang-words" rows="2" maxlength=${mostWords}></textarea>
            <button type="submit" class="quiet">${say('sendWords')}</button>
          </form>`
        : nothing
    }`;
  }

  private async rate(send: Send, stars: number): Promise<void> {
    await this.sent(() => send({ stars }));
    this.given = stars;
    // Where the focus was there is something else now.
    await this.updateComplete;
    this.querySelector('textarea')?.focus();
  }

  private async tell(send: Send, event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const words = this.querySelector('textarea')?.value.trim();
    if (words) await this.sent(() => send({ stars: this.given, words }));
    this.told = !this.failure;
  }

  private async sent(sending: () => Promise<void>): Promise<void> {
    try {
      await sending();
      this.failure = null;
    } catch (error) {
      this.failure = this.say('rateFailed', { why: reason(error) });
    }
  }
}

define('madang-call-left', Left);
