/** After the call: why it is over, the way back, and how it was, if somebody wants to know. */

import { html, nothing } from 'lit';
import type { Ending } from '../api';
import { reason } from '../call/failure';
import { icon } from '../icons';
import { post } from '../post';
import type { Text } from '../texts';
import { define, Part } from './part';

const endings: Record<Ending, Text> = {
  left: 'leftRoom',
  removed: 'removed',
  closed: 'closed',
  lost: 'lost',
};

export class Left extends Part {
  static override properties = {
    ...Part.properties,
    why: { attribute: false },
    canRejoin: { attribute: false },
    hasLobby: { attribute: false },
    endpoint: { attribute: false },
    sessionId: { attribute: false },
    given: { state: true },
    failure: { state: true },
  };
  declare why: Ending;
  declare canRejoin: boolean;
  declare hasLobby: boolean;
  /** Where stars are sent; without one nobody is asked for any. */
  declare endpoint: string;
  declare sessionId: string;
  declare given: number;
  declare failure: string | null;

  constructor() {
    super();
    this.given = 0;
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
      ${this.endpoint ? this.rating() : nothing}
      <slot name="left"></slot>
    </section>`;
  }

  protected override firstUpdated(): void {
    this.querySelector('h1')?.focus();
  }

  private rating() {
    const { say, given, failure } = this;
    if (given && !failure) return html`<p class="rated" role="status">${say('thanks')}</p>`;
    return html`<div class="rating" role="group" aria-label=${say('rate')}>
      <p>${say('rate')}</p>
      ${[1, 2, 3, 4, 5].map(
        (n) => html`<button type="button" class="star ${n <= given ? 'lit' : ''}"
          aria-label=${say('stars', { n })} @click=${() => this.rate(n)}>${icon('star')}</button>`,
      )}
      ${failure ? html`<p role="alert">${failure}</p>` : nothing}
    </div>`;
  }

  private async rate(stars: number): Promise<void> {
    try {
      const { sessionId } = this;
      await post(this.endpoint, { stars, sessionId });
      this.failure = null;
    } catch (error) {
      this.failure = this.say('rateFailed', { why: reason(error) });
    }
    this.given = stars;
  }
}

define('madang-call-left', Left);
