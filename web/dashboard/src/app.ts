/** The frame: where one is, whether what is shown is how it is now, and the view that the address names. */

import { html, nothing } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import { logOut } from './api';
import './cameras';
import { live } from './connection';
import './doctor';
import './history';
import { icon } from './icon';
import './live';
import { notices } from './notices';
import './recordings';
import { type Page, pageLink, type Route, route } from './route';
import './session';
import './settings';
import { language, languages, setLanguage, type Text, text } from './text';
import { nextTheme, theme, themes } from './theme';
import { Follow, View } from './view';

const pages: Page[] = ['live', 'history', 'recordings', 'cameras', 'settings', 'doctor'];

class App extends View {
  static override properties = { route: { state: true }, connected: { state: true } };

  declare route: Route;
  declare connected: boolean;

  readonly words = new Follow(this, languages);
  readonly colours = new Follow(this, themes);
  private readonly look = () => {
    this.route = route(location.hash);
    window.scrollTo(0, 0);
    // Readers of screens are told where they are, as after a page that was loaded.
    void this.updateComplete.then(() => this.querySelector('main')?.focus({ preventScroll: true }));
  };
  private readonly listen = () => {
    this.connected = live.connected;
  };

  constructor() {
    super();
    this.route = route(location.hash);
    this.connected = true;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('hashchange', this.look);
    live.addEventListener('change', this.listen);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener('hashchange', this.look);
    live.removeEventListener('change', this.listen);
  }

  override render() {
    // Before the first answer nothing is shown that could be old.
    const stale = !this.connected && live.store.server !== null;
    return html`<a class="skip" href="#main" @click=${this.skip}>${text('skip')}</a>
      <div class="stuck">
      <header class="top">
        <a class="brand" href="#/"><img src="./icon.svg" alt="" width="24" height="24" />Madang</a>
        <nav aria-label=${text('navigation')}>
          ${pages.map((page) => this.link(page))}
        </nav>
        <div class="tools">
          <button
            class="bare"
            data-action="theme"
            title=${text(`theme_${theme()}`)}
            aria-label=${text(`theme_${theme()}`)}
            @click=${nextTheme}
          >
            ${icon('theme')}
          </button>
          <button
            class="bare"
            data-action="language"
            lang=${language() === 'en' ? 'ko' : 'en'}
            @click=${() => setLanguage(language() === 'en' ? 'ko' : 'en')}
          >
            ${language() === 'en' ? '한국어' : 'English'}
          </button>
          <button class="bare" data-action="logout" @click=${leave}>${text('logout')}</button>
        </div>
      </header>
      <div role="status" aria-live="assertive">
        ${
          stale
            ? html`<p class="stale" data-disconnected>
                ${icon('warning')}<span>${text('disconnected')}</span>
                <button @click=${() => live.retry()}>${text('retry')}</button>
              </p>`
            : nothing
        }
      </div>
      </div>
      <main id="main" tabindex="-1" class=${stale && told(this.route) ? 'dim' : ''}>
        ${keyed(`${language()} ${JSON.stringify(this.route)}`, this.view())}
      </main>
      <dash-notices></dash-notices>`;
  }

  private link(page: Page) {
    const { view } = this.route;
    const here =
      view === page ||
      (view === 'session' && page === 'live') ||
      (view === 'story' && page === 'history');
    return html`<a href=${pageLink(page)} aria-current=${here ? 'page' : nothing}>${text(page as Text)}</a>`;
  }

  private view() {
    const at = this.route;
    switch (at.view) {
      case 'live':
        return html`<dash-live></dash-live>`;
      case 'session':
        return html`<dash-session .sessionId=${at.id}></dash-session>`;
      case 'story':
        return html`<dash-story .key=${at.key}></dash-story>`;
      case 'history':
        return html`<dash-history></dash-history>`;
      case 'recordings':
        return html`<dash-recordings></dash-recordings>`;
      case 'cameras':
        return html`<dash-cameras></dash-cameras>`;
      case 'settings':
        return html`<dash-settings></dash-settings>`;
      case 'doctor':
        return html`<dash-doctor></dash-doctor>`;
    }
  }

  protected override updated(): void {
    const at = this.route;
    const name = 'id' in at ? at.id : 'key' in at ? at.key : text(at.view);
    document.title = `${name} · Madang`;
  }

  private readonly skip = (event: Event) => {
    event.preventDefault();
    this.querySelector('main')?.focus();
  };
}

/** Whether a view shows what the WebSocket tells. */
const told = ({ view }: Route) => view === 'live' || view === 'session';

function leave(): void {
  logOut().catch((error: Error) => notices.say(error.message, true));
}

customElements.define('dash-app', App);
