/** What the server was set to, where each value comes from and what it means. Nothing is changed here. */

import { html, nothing } from 'lit';
import { get } from './api';
import { levelIcon } from './icon';
import type { Setting } from './protocol';
import { text, worded } from './text';
import { Fetched, View } from './view';

interface Answer {
  settings: Setting[];
  warnings: string[];
}

class Settings extends View {
  static override properties = { search: { state: true }, own: { state: true } };

  declare search: string;
  /** Only what differs from the defaults. */
  declare own: boolean;

  readonly answer = new Fetched<Answer>(this);

  constructor() {
    super();
    this.search = '';
    this.own = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.answer.ask(() => get<Answer>('dashboard/api/settings'));
  }

  override render() {
    const { value, error } = this.answer;
    const words = this.search.toLowerCase();
    const shown = (value?.settings ?? []).filter(
      ({ name, meaning, isDefault }) =>
        (!this.own || !isDefault) && `${name} ${meaning}`.toLowerCase().includes(words),
    );
    const groups = [...new Set(shown.map(({ group }) => group))];
    return html`<div class="bar">
        <h1>${text('settings')} <span class="soft">${shown.length}</span></h1>
        <input
          type="search"
          aria-label=${text('search')}
          placeholder=${text('search')}
          @input=${(event: InputEvent) => {
            this.search = (event.target as HTMLInputElement).value;
          }}
        />
        <label class="check"
          ><input
            type="checkbox"
            .checked=${this.own}
            @change=${(event: Event) => {
              this.own = (event.target as HTMLInputElement).checked;
            }}
          />${text('onlyOwn')}</label
        >
      </div>
      <p class="soft">${text('settingsWhat')}</p>
      ${error === null ? nothing : html`<p class="trouble" role="alert">${error}</p>`}
      ${(value?.warnings ?? []).map(
        (warning) =>
          html`<p class="finding warning">${levelIcon('warning')}<span>${warning}</span></p>`,
      )}
      ${shown.length === 0 && error === null ? html`<p class="empty">${text(value === null ? 'loading' : 'nothingFound')}</p>` : nothing}
      ${groups.map(
        (group) =>
          html`<section class="card settings" aria-label=${group}>
            <h2>${group}</h2>
            <dl>
              ${shown.filter((setting) => setting.group === group).map(line)}
            </dl>
          </section>`,
      )}`;
  }
}

function line({ name, value, isDefault, source, meaning, warning }: Setting) {
  return html`<div class=${isDefault ? '' : 'own'} data-setting=${name}>
    <dt><code>${name}</code></dt>
    <dd>
      <span class="value"
        >${
          value === null
            ? html`<span aria-hidden="true">••••••••</span><span class="offscreen">${text('secret')}</span>`
            : value === ''
              ? html`<span class="soft">${text('empty')}</span>`
              : html`<code>${value}</code>`
        }</span
      >
      <span class="chip">${worded('from_', source)}</span>
      <p>${meaning}</p>
      ${warning === undefined ? nothing : html`<p class="finding warning">${levelIcon('warning')}<span>${warning}</span></p>`}
    </dd>
  </div>`;
}

customElements.define('dash-settings', Settings);
