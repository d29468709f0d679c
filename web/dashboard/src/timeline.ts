/** What happened in a session: the lanes of everybody, and below them every entry in the order of time. */

import { html, nothing } from 'lit';
import { clock, moment, offset } from './format';
import { levelIcon } from './icon';
import { lanes } from './lanes';
import type { SessionDetail } from './protocol';
import { type Filter, type Told, told } from './spans';
import { language, text, worded } from './text';
import { View } from './view';

/** So many entries are drawn before somebody asks for the rest. */
const MOST = 200;

class Timeline extends View {
  static override properties = {
    session: { attribute: false },
    now: { type: Number },
    filter: { state: true },
    all: { state: true },
  };

  declare session: SessionDetail;
  /** The server's clock. */
  declare now: number;
  declare filter: Filter;
  declare all: boolean;

  constructor() {
    super();
    this.filter = { person: '', stream: '', level: 'all' };
    this.all = false;
  }

  /** Only what happened to one person. */
  only(connection: string): void {
    this.filter = { person: connection, stream: '', level: 'all' };
    this.scrollIntoView({ block: 'start' });
    void this.updateComplete.then(() =>
      this.querySelector<HTMLElement>('.entries')?.focus({ preventScroll: true }),
    );
  }

  override render() {
    const { session, filter } = this;
    const entries = told(session, filter);
    const drawn = this.all ? entries : entries.slice(-MOST);
    return html`<section aria-labelledby="timeline-title" class="timeline">
      <h2 id="timeline-title">${text('timeline')}</h2>
      ${session.incomplete ? html`<p class="trouble">${levelIcon('warning')}<span>${text('incomplete')}</span></p>` : nothing}
      <div class="card">
        ${lanes(session, session.people, this.now, filter.person, (person) => {
          this.filter = { ...filter, person };
        })}
      </div>
      ${this.filters()}
      ${
        drawn.length < entries.length
          ? html`<button
              class="link"
              @click=${() => {
                this.all = true;
              }}
            >
              ${text('showEarlier', { n: entries.length - drawn.length })}
            </button>`
          : nothing
      }
      ${
        entries.length === 0
          ? html`<p class="empty">${text('nothingHappened')}</p>`
          : html`<ol class="entries plain card" tabindex="0" aria-label=${text('timeline')}>
              ${drawn.map((one) => this.entry(one))}
            </ol>`
      }
    </section>`;
  }

  private entry({ entry, person }: Told) {
    return html`<li
      class=${entry.level}
      data-entry=${entry.code}
      data-of=${person?.connection ?? nothing}
    >
      <time
        datetime=${new Date(entry.at).toISOString()}
        title=${moment(entry.at, language())}
      >
        ${offset(entry.at, this.session.createdAt)}
        <span class="soft">${clock(entry.at, language())}</span>
      </time>
      ${levelIcon(entry.level)}<span class="offscreen">${text(`level_${entry.level}`)}</span>
      <span><b>${person?.name ?? text('session')}</b> ${entry.text}</span>
    </li>`;
  }

  private filters() {
    const { people } = this.session;
    const { filter } = this;
    const choose = (name: keyof Filter) => (event: Event) => {
      const { value } = event.target as HTMLSelectElement;
      this.filter = { ...filter, [name]: value, ...(name === 'person' ? { stream: '' } : {}) };
    };
    const option = (value: string, words: string, chosen: string) =>
      html`<option value=${value} .selected=${value === chosen}>${words}</option>`;
    const streams = people
      .filter(({ connection }) => filter.person === '' || connection === filter.person)
      .flatMap((person) =>
        [...person.publishes, ...(filter.person === '' ? [] : person.receives)].map((leg) => {
          const from = people.find(({ connection }) => connection === leg.from) ?? person;
          return [leg.stream, `${from.name} (${worded('source_', leg.source)})`] as const;
        }),
      );
    return html`<div class="bar">
      <label class="field"
        ><span>${text('person')}</span
        ><select @change=${choose('person')}>
          ${option('', text('everybody'), filter.person)}
          ${option('session', text('onlySession'), filter.person)}
          ${people.map(({ connection, name }) => option(connection, name, filter.person))}
        </select></label
      >
      <label class="field"
        ><span>${text('stream')}</span
        ><select @change=${choose('stream')}>
          ${option('', text('allStreams'), filter.stream)}
          ${[...new Map(streams)].map(([stream, words]) => option(stream, words, filter.stream))}
        </select></label
      >
      <label class="field"
        ><span>${text('level')}</span
        ><select @change=${choose('level')}>
          ${option('all', text('levelAll'), filter.level)}
          ${option('warning', text('levelWarning'), filter.level)}
          ${option('bad', text('levelBad'), filter.level)}
        </select></label
      >
    </div>`;
  }
}

customElements.define('dash-timeline', Timeline);

declare global {
  interface HTMLElementTagNameMap {
    'dash-timeline': Timeline;
  }
}
