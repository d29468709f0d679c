/** One session, as it runs or as it was: what is wrong, the people, who sees whom, and what happened. */

import { html, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { sessionActions } from './actions';
import { asked, get } from './api';
import { live } from './connection';
import { findings } from './findings';
import { duration, moment } from './format';
import { icon, levelIcon } from './icon';
import './leg';
import { type Chosen, legOf } from './leg';
import './matrix';
import './person';
import type { SessionDetail } from './protocol';
import { pageLink, storyLink } from './route';
import { doings, reason, stars } from './sessionrow';
import { peopleInOrder } from './store';
import { language, text } from './text';
import './timeline';
import { Fetched, Follow, View } from './view';

/** What both have: the session, drawn. */
abstract class SessionView extends View {
  static override properties = { chosen: { state: true } };

  declare chosen: Chosen | null;

  constructor() {
    super();
    this.chosen = null;
  }

  private readonly open = (connection: string, stream: string) => {
    this.chosen = { connection, stream };
  };

  private readonly follow = (connection: string) => {
    this.querySelector('dash-timeline')?.only(connection);
  };

  protected content(session: SessionDetail, now: number, running: boolean) {
    const people = peopleInOrder(session.people);
    const came = people.filter(({ joinedAt }) => joinedAt !== null);
    const here = came.filter(({ leftAt }) => leftAt === null);
    return html`${findings(session, now, this.open)}
      <section aria-labelledby="people-title">
        <h2 id="people-title">
          ${text('people')}
          <span class="soft">${session.endedAt === null ? `${here.length}/${came.length}` : came.length}</span>
        </h2>
        <div class="people">
          ${repeat(
            people,
            ({ connection }) => connection,
            (person) =>
              html`<dash-person
                .sessionId=${session.id}
                .person=${person}
                .running=${running}
                .open=${this.open}
                .follow=${this.follow}
              ></dash-person>`,
          )}
        </div>
      </section>
      <dash-matrix .people=${session.people} .ended=${session.endedAt !== null} .open=${this.open}></dash-matrix>
      <dash-timeline .session=${session} .now=${now}></dash-timeline>
      ${
        this.chosen !== null && legOf(session, this.chosen) !== null
          ? html`<dash-leg
              .session=${session}
              .chosen=${this.chosen}
              .closed=${() => {
                this.chosen = null;
              }}
            ></dash-leg>`
          : nothing
      }`;
  }

  protected heading(session: SessionDetail, now: number) {
    const { endedAt, createdAt } = session;
    return html`<h1>${session.id}</h1>
      <p class="small soft facts-line">
        ${doings(session)} ${stars(session)}
        <span>${text('createdAt', { time: moment(createdAt, language()) })}</span>
        <span>
          ${
            endedAt === null
              ? text('runsFor', { time: duration(now - createdAt) })
              : text('lasted', { time: duration(endedAt - createdAt) })
          }
        </span>
        ${session.reason === null ? nothing : html`<span>${reason(session.reason)}</span>`}
      </p>`;
  }
}

const back = (page: 'live' | 'history') =>
  html`<a class="back" href=${pageLink(page)}>${icon('back')}${text(page === 'live' ? 'allSessions' : 'history')}</a>`;

/** One that runs, told by the server as it changes. */
class RunningSession extends SessionView {
  static override properties = {
    ...SessionView.properties,
    sessionId: {},
    watching: { state: true },
  };

  declare sessionId: string;
  declare watching: boolean;

  readonly changes = new Follow(this, live);

  constructor() {
    super();
    this.watching = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    live.watch(this.sessionId);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    if (live.store.watched === this.sessionId) live.watch(null);
  }

  override render() {
    const { session, missing, ahead, server } = live.store;
    if (session === null) {
      return html`${back('live')}${missing === null ? html`<p class="empty">${text('connecting')}</p>` : this.absent(missing.key)}`;
    }
    const now = Date.now() + ahead;
    const running = session.endedAt === null && missing === null;
    const watch = () => {
      this.watching = !this.watching;
      // Who looks at tiles must not wait for openvidu-browser by then.
      if (this.watching) void import('./watch');
    };
    return html`${back('live')}
      <header class="session-head">
        <div>${this.heading(session, now)}</div>
        ${running ? sessionActions(session, this.watching, watch, server?.recordingEnabled ?? true) : nothing}
      </header>
      ${running ? nothing : this.absent(missing?.key ?? session.key)}
      ${this.watching && running ? html`<dash-watch .sessionId=${session.id}></dash-watch>` : nothing}
      ${this.content(session, now, running)}`;
  }

  private absent(key: string | undefined) {
    return html`<p class="trouble" role="status">
      ${levelIcon('info')}
      <span>
        ${text('sessionGone')}
        ${key === undefined ? nothing : html`<a href=${storyLink(key)}>${text('openStory')}</a>`}
      </span>
    </p>`;
  }
}

/** One of the history. */
class Story extends SessionView {
  static override properties = { ...SessionView.properties, key: {} };

  declare key: string;

  readonly story = new Fetched<SessionDetail>(this);

  private get path(): string {
    return `dashboard/api/history/${encodeURIComponent(this.key)}`;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.story.ask(() => get<SessionDetail>(this.path));
  }

  override render() {
    const { value: session, error } = this.story;
    if (session === null) {
      return html`${back('history')}
        <p class=${error === null ? 'empty' : 'trouble'}>${error ?? text('loading')}</p>`;
    }
    const now = session.endedAt ?? Date.now() + live.store.ahead;
    return html`${back('history')}
      <header class="session-head">
        <div>${this.heading(session, now)}</div>
        <div class="buttons">
          <a class="button" data-action="export" href=${asked(this.path)} download="${session.key}.json"
            >${text('exportOne')}</a
          >
        </div>
      </header>
      ${this.content(session, now, false)}`;
  }
}

customElements.define('dash-session', RunningSession);
customElements.define('dash-story', Story);
