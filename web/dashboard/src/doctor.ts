/** The server examines itself, leg by leg. What only a browser can try is at the page of its own. */

import { html, nothing } from 'lit';
import { address, rest } from './api';
import { moment } from './format';
import { icon } from './icon';
import { language, text, worded } from './text';
import { Fetched, View } from './view';

type Verdict = 'skipped' | 'ok' | 'warning' | 'failed';

interface Checkup {
  healthy: boolean;
  server: string;
  time: number;
  checks: { leg: string; verdict: Verdict; finding: string; advice?: string }[];
}

const GRAVITY: Record<Verdict, number> = { failed: 0, warning: 1, ok: 2, skipped: 3 };
const ICONS = { failed: 'bad', warning: 'warning', ok: 'check', skipped: 'info' } as const;

class Doctor extends View {
  readonly checkup = new Fetched<Checkup>(this);

  override render() {
    const { value, error, running } = this.checkup;
    const examine = () => this.checkup.ask(() => rest<Checkup>('POST', 'doctor', {}));
    return html`<div class="bar">
        <h1>${text('doctor')}</h1>
        <button class="primary" data-action="examine" ?disabled=${running} @click=${examine}>
          ${text(running ? 'examining' : 'examine')}
        </button>
        <a class="button" href="${address('openvidu/doctor')}?lang=${language()}" target="_blank" rel="noopener"
          >${text('doctorBrowser')}</a
        >
      </div>
      <p class="soft">${text('doctorWhat')}</p>
      ${error === null ? nothing : html`<p class="trouble" role="alert">${error}</p>`}
      <div aria-live="polite" aria-busy=${running}>${value === null ? nothing : result(value)}</div>`;
  }
}

function result({ healthy, server, time, checks }: Checkup) {
  return html`<p class=${healthy ? 'fine-words' : 'trouble'} data-healthy=${healthy}>
      ${icon(healthy ? 'check' : 'bad')}
      <span>
        ${text(healthy ? 'healthy' : 'unhealthy')}
        <span class="small">${server} · ${moment(time, language())}</span>
      </span>
    </p>
    <ul class="plain checks card">
      ${[...checks]
        .sort((a, b) => GRAVITY[a.verdict] - GRAVITY[b.verdict])
        .map(
          ({ leg, verdict, finding, advice }) =>
            html`<li class="check-line ${verdict}" data-leg=${leg} data-verdict=${verdict}>
              <span class="verdict">${icon(ICONS[verdict])}${text(`verdict_${verdict}`)}</span>
              <div>
                <h2>${worded('doctor_', leg)}</h2>
                <p>${finding}</p>
                ${advice === undefined ? nothing : html`<p class="advice">${advice}</p>`}
              </div>
            </li>`,
        )}
    </ul>`;
}

customElements.define('dash-doctor', Doctor);
