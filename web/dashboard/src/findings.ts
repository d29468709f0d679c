/** Why somebody has no picture or no sound: sentences of the server, the worst first, each with what to do. */

import { html, nothing } from 'lit';
import { duration } from './format';
import { icon, levelIcon } from './icon';
import type { Finding, SessionDetail } from './protocol';
import { badness, peopleInOrder } from './store';
import { text } from './text';

/** Opens the leg that a finding is about. */
export type OpenLeg = (connection: string, stream: string) => void;

export function findings(session: SessionDetail, now: number, open: OpenLeg) {
  const people = peopleInOrder(session.people);
  const end = session.endedAt ?? now;
  const of = (wanted: (finding: Finding) => boolean) =>
    people
      .map((person) => ({ person, found: person.findings.filter(wanted) }))
      .filter(({ found }) => found.length > 0);
  const wrong = of(({ level }) => level !== 'info');
  const explained = of(({ level }) => level === 'info');
  const names = new Map(session.people.map(({ connection, name }) => [connection, name]));
  const one = ({ person, found }: (typeof wrong)[0]) => html`<article class="card">
    <h3>
      <a href="#" @click=${(event: Event) => goTo(event, person.connection)}>${person.name}</a>
      ${person.leftAt === null ? nothing : html`<span class="small soft">${text('presence_left')}</span>`}
    </h3>
    <ul class="plain">
      ${[...found]
        .sort((a, b) => badness(b.level) - badness(a.level))
        .map((finding) =>
          line(finding, names, end, () => {
            if (finding.stream !== null) open(person.connection, finding.stream);
          }),
        )}
    </ul>
  </article>`;
  const count = explained.reduce((sum, { found }) => sum + found.length, 0);
  return html`<section class="findings" aria-labelledby="findings-title">
    <h2 id="findings-title">${text('whyTitle')}</h2>
    <p class="offscreen" role="status">${wrong.map(announced).join(' ')}</p>
    <div>
      ${
        wrong.length === 0
          ? html`<p class="fine-words">
              ${icon('check')}${text(session.endedAt === null ? 'allFine' : 'allWasFine')}
            </p>`
          : wrong.map(one)
      }
    </div>
    ${
      count === 0
        ? nothing
        : html`<details ?open=${wrong.length === 0}>
            <summary>${text('explained', { n: count })}</summary>
            ${explained.map(one)}
          </details>`
    }
  </section>`;
}

/** What is read aloud when it changes: not how long it lasts, which changes each second. */
const announced = ({ found }: { found: Finding[] }) =>
  found.map(({ sentence }) => sentence).join(' ');

function line(finding: Finding, names: Map<string, string>, now: number, open: () => void) {
  const other = finding.about === null ? undefined : names.get(finding.about);
  return html`<li class="finding ${finding.level}" data-finding=${finding.code}>
    ${levelIcon(finding.level)}
    <div>
      <p class="small">
        ${finding.lacks === null ? nothing : html`<b class="lacks">${text(`lacks_${finding.lacks}`)}</b>`}
        ${other === undefined ? nothing : html`<span>${text('concerning', { name: other })}</span>`}
        <span class="soft">${text('forSoLong', { time: duration(now - finding.since) })}</span>
      </p>
      <p class="sentence">${finding.sentence}</p>
      <p class="advice">${finding.advice}</p>
      ${
        finding.stream === null
          ? nothing
          : html`<button class="link" @click=${open}>${text('showLeg')}</button>`
      }
    </div>
  </li>`;
}

/** To the row of a person. The address stays that of the session. */
function goTo(event: Event, connection: string): void {
  event.preventDefault();
  const row = document.querySelector<HTMLElement>(`[data-connection="${CSS.escape(connection)}"]`);
  row?.scrollIntoView({ block: 'center' });
  row?.focus();
}
