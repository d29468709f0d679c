/**
 * All sessions, as a table of which only the part is drawn that can be seen: hundreds that change each second stay smooth.
 * The table has one stop for the Tab key; arrows move inside.
 */

import { html } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { live } from './connection';
import type { SessionSummary } from './protocol';
import { sessionLink } from './route';
import { doings, names, people, times, trouble } from './sessionrow';
import { listed, type Order } from './store';
import { type Text, text } from './text';
import { Follow, View } from './view';

/** Rows drawn above and below what can be seen. */
const AROUND = 8;
/** As the style sheet has them. */
const ROW = { wide: 46, narrow: 92 };

const orders: [Order, Text][] = [
  ['trouble', 'orderTrouble'],
  ['newest', 'orderNewest'],
  ['people', 'orderPeople'],
  ['name', 'orderName'],
];

class SessionList extends View {
  static override properties = { search: { state: true }, order: { state: true } };

  declare search: string;
  declare order: Order;

  readonly follow = new Follow(this, live);
  private readonly narrow = matchMedia('(max-width: 46rem)');
  /** First and last row that are drawn. */
  private from = 0;
  private to = 30;
  /** The key of the row that Tab leads to. */
  private current = '';
  private sessions: SessionSummary[] = [];
  private readonly look = () => {
    if (this.measure()) this.requestUpdate();
  };

  constructor() {
    super();
    this.search = '';
    this.order = 'trouble';
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('scroll', this.look, { passive: true });
    window.addEventListener('resize', this.look);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener('scroll', this.look);
    window.removeEventListener('resize', this.look);
  }

  private get row(): number {
    return this.narrow.matches ? ROW.narrow : ROW.wide;
  }

  /** Which rows the window shows. Tells whether those are others than before. */
  private measure(): boolean {
    const body = this.querySelector('.rows');
    if (!body) return false;
    const top = -body.getBoundingClientRect().top;
    const from = Math.max(0, Math.floor(top / this.row) - AROUND);
    const to = Math.ceil((top + window.innerHeight) / this.row) + AROUND;
    if (from === this.from && to === this.to) return false;
    this.from = from;
    this.to = Math.max(to, from + AROUND);
    return true;
  }

  override render() {
    const { sessions, complete } = live.store;
    this.sessions = listed(sessions.values(), this.search, this.order);
    const shown = this.sessions;
    const from = Math.min(this.from, Math.max(0, shown.length - AROUND));
    const drawn = shown.slice(from, this.to);
    const tab = drawn.some(({ key }) => key === this.current) ? this.current : drawn[0]?.key;
    return html`<section aria-labelledby="sessions-title">
      <div class="bar">
        <h2 id="sessions-title">${text('sessions')} <span class="soft">${shown.length}</span></h2>
        <input
          type="search"
          aria-label=${text('searchSessions')}
          placeholder=${text('searchSessions')}
          .value=${this.search}
          @input=${(event: InputEvent) => {
            this.search = (event.target as HTMLInputElement).value;
          }}
        />
        <select
          aria-label=${text('order')}
          @change=${(event: Event) => {
            this.order = (event.target as HTMLSelectElement).value as Order;
          }}
        >
          ${orders.map(
            ([order, words]) =>
              html`<option value=${order} ?selected=${order === this.order}>${text(words)}</option>`,
          )}
        </select>
      </div>
      ${
        shown.length === 0
          ? html`<p class="empty">${this.nothing(sessions.size, complete)}</p>`
          : html`<div
              class="table sessions card"
              role="table"
              aria-labelledby="sessions-title"
              aria-rowcount=${shown.length + 1}
              @keydown=${this.move}
            >
              <div role="rowgroup" class="head">
                <div role="row" aria-rowindex="1" class="tr">
                  <span role="columnheader">${text('trouble')}</span>
                  <span role="columnheader">${text('session')}</span>
                  <span role="columnheader">${text('people')}</span>
                  <span role="columnheader">${text('streams')}</span>
                  <span role="columnheader">${text('since')}</span>
                </div>
              </div>
              <div role="rowgroup" class="rows" style="height: ${shown.length * this.row}px">
                ${repeat(
                  drawn,
                  ({ key }) => key,
                  (session, index) => this.line(session, from + index, session.key === tab),
                )}
              </div>
            </div>`
      }
    </section>`;
  }

  private nothing(all: number, complete: boolean): string {
    if (all > 0) return text('nothingFound');
    return complete ? text('noSessions') : text('connecting');
  }

  private line(session: SessionSummary, index: number, tab: boolean) {
    const now = Date.now() + live.store.ahead;
    return html`<div
      role="row"
      class="tr"
      aria-rowindex=${index + 2}
      data-session=${session.id}
      style="transform: translateY(${index * this.row}px)"
      @click=${(event: MouseEvent) => {
        if (!(event.target as Element).closest('a')) location.hash = sessionLink(session.id);
      }}
    >
      <span role="cell">${trouble(session)}</span>
      <span role="cell" class="name">
        <a
          href=${sessionLink(session.id)}
          tabindex=${tab ? 0 : -1}
          @focus=${() => {
            this.current = session.key;
          }}
          >${session.id}</a
        >
        ${doings(session)}
        <span class="names">${names(session)}</span>
      </span>
      <span role="cell" class="number"
        >${people(session)}</span
      >
      <span role="cell" class="number"
        >${session.published}
        <span class="soft">→ ${session.received}</span></span
      >
      <span role="cell" class="times">${times(session, now)}</span>
    </div>`;
  }

  protected override updated(): void {
    // Where rows begin is known only once what is above them is drawn.
    if (this.measure()) this.requestUpdate();
  }

  private readonly move = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      Home: -this.sessions.length,
      End: this.sessions.length,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = this.sessions.findIndex(({ key }) => key === this.current);
    const next = Math.min(this.sessions.length - 1, Math.max(0, at + step));
    this.current = this.sessions[next]?.key ?? '';
    void this.show(next);
  };

  /** Scrolls a row into sight, draws it and gives it the focus. */
  private async show(index: number): Promise<void> {
    const body = this.querySelector('.rows');
    if (!body) return;
    const top = body.getBoundingClientRect().top + index * this.row;
    const [least, most] = [120, window.innerHeight - this.row - 16];
    if (top < least) window.scrollBy(0, top - least);
    if (top > most) window.scrollBy(0, top - most);
    this.measure();
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector<HTMLElement>(`[aria-rowindex="${index + 2}"] a`)?.focus({
      preventScroll: true,
    });
  }
}

customElements.define('dash-sessions', SessionList);
