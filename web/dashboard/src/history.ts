/** Sessions that have ended: found by words and days, opened, and exported. */

import { html, nothing } from 'lit';
import { asked, get } from './api';
import { dayEnd, dayStart } from './format';
import type { SessionSummary } from './protocol';
import { sessionLink, storyLink } from './route';
import { names, people, reason, stars, times, trouble } from './sessionrow';
import { text } from './text';
import { View } from './view';

interface Answer {
  sessions: SessionSummary[];
  more: boolean;
}

const PAGE = 50;
/** Who types is not asked for at each letter. */
const PAUSE_MS = 250;

/** What is looked for, as the server wants it. Days include both ends. */
export function query(words: string, from: string, to: string): Record<string, string | number> {
  const [start, end] = [dayStart(from), dayEnd(to)];
  return {
    text: words.trim(),
    ...(Number.isNaN(start) ? {} : { from: start }),
    ...(Number.isNaN(end) ? {} : { to: end }),
  };
}

class History extends View {
  static override properties = {
    sessions: { state: true },
    more: { state: true },
    error: { state: true },
    loading: { state: true },
  };

  declare sessions: SessionSummary[];
  declare more: boolean;
  declare error: string | null;
  declare loading: boolean;

  private words = '';
  private from = '';
  private to = '';
  private newest = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.sessions = [];
    this.more = false;
    this.error = null;
    this.loading = true;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.load(false);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }

  /** The first page, or the one after what is shown. */
  private async load(further: boolean): Promise<void> {
    this.newest += 1;
    const mine = this.newest;
    this.loading = true;
    const before = further ? (this.sessions.at(-1)?.key ?? null) : null;
    try {
      const looked = { ...query(this.words, this.from, this.to), before, limit: PAGE };
      const { sessions, more } = await get<Answer>('dashboard/api/history', looked);
      if (mine !== this.newest) return;
      const known = new Set(further ? this.sessions.map(({ key }) => key) : []);
      const added = sessions.filter(({ key }) => !known.has(key));
      this.sessions = further ? [...this.sessions, ...added] : sessions;
      this.more = more;
      this.error = null;
    } catch (error) {
      if (mine !== this.newest) return;
      this.error = (error as Error).message;
    }
    this.loading = false;
  }

  private changed(what: 'words' | 'from' | 'to', event: Event): void {
    this[what] = (event.target as HTMLInputElement).value;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load(false), PAUSE_MS);
    // What is exported is what is looked for.
    this.requestUpdate();
  }

  override render() {
    const all = asked('dashboard/api/history.json', query(this.words, this.from, this.to));
    return html`<div class="bar">
        <h1>${text('history')}</h1>
        <input
          type="search"
          aria-label=${text('searchHistory')}
          placeholder=${text('searchHistory')}
          @input=${(event: Event) => this.changed('words', event)}
        />
        <label class="inline"
          >${text('fromDay')}<input type="date" @change=${(event: Event) => this.changed('from', event)}
        /></label>
        <label class="inline"
          >${text('toDay')}<input type="date" @change=${(event: Event) => this.changed('to', event)}
        /></label>
        <a class="button" data-action="export" href=${all} download="madang-history.json"
          >${text('exportAll')}</a
        >
      </div>
      ${this.error === null ? nothing : html`<p class="trouble" role="alert">${this.error}</p>`}
      ${
        this.sessions.length === 0
          ? html`<p class="empty">${text(this.loading ? 'loading' : 'nothingFound')}</p>`
          : this.table()
      }
      ${
        this.more
          ? html`<button class="more" ?disabled=${this.loading} @click=${() => this.load(true)}>
              ${text('more')}
            </button>`
          : nothing
      }`;
  }

  private table() {
    return html`<div class="table stories card" role="table" aria-label=${text('history')} aria-busy=${this.loading}>
      <div role="rowgroup" class="head">
        <div role="row" class="tr">
          <span role="columnheader">${text('trouble')}</span>
          <span role="columnheader">${text('session')}</span>
          <span role="columnheader">${text('people')}</span>
          <span role="columnheader">${text('streams')}</span>
          <span role="columnheader">${text('since')}</span>
          <span role="columnheader">${text('endedBy')}</span>
        </div>
      </div>
      <div role="rowgroup">
        ${this.sessions.map((session) => {
          const link = session.endedAt === null ? sessionLink(session.id) : storyLink(session.key);
          return html`<div
            role="row"
            class="tr"
            data-session=${session.id}
            data-key=${session.key}
            @click=${(event: MouseEvent) => {
              if (!(event.target as Element).closest('a')) location.hash = link;
            }}
          >
            <span role="cell">${trouble(session)}</span>
            <span role="cell" class="name"
              ><a href=${link}>${session.id}</a>
              ${stars(session)} <span class="names">${names(session)}</span></span
            >
            <span role="cell" class="number"
              >${people(session)}</span
            >
            <span role="cell" class="number"
              >${session.published} <span class="soft">→ ${session.received}</span></span
            >
            <span role="cell" class="times">${times(session, Date.now())}</span>
            <span role="cell" class="soft"
              >${session.endedAt === null ? text('stillRuns') : reason(session.reason)}</span
            >
          </div>`;
        })}
      </div>
    </div>`;
  }
}

customElements.define('dash-history', History);
