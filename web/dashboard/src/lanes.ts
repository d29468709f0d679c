/** A session's time as a chart: a lane for each person, with when they were there, connected, and troubled. */

import { html, nothing } from 'lit';
import { clock, duration } from './format';
import type { Participant, SessionDetail } from './protocol';
import { extent, type Lane, lane, percent, type Span, ticks } from './spans';
import { language, text } from './text';

const TICKS = 6;

/** `choose` is told whose lane was pressed. */
export function lanes(
  session: SessionDetail,
  people: Participant[],
  now: number,
  chosen: string,
  choose: (connection: string) => void,
) {
  const span = extent(session, now);
  const at = (time: number) => `left: ${percent(time, span)}%`;
  return html`<div class="lanes">
    <div class="lane axis" aria-hidden="true">
      <span></span>
      <div class="track">
        ${ticks(span, TICKS).map(
          (time) => html`<span class="tick" style=${at(time)}>${duration(time - span.from)}</span>`,
        )}
      </div>
    </div>
    ${people
      .filter(({ kind }) => kind !== 'pending')
      .map((person) => one(lane(person, span), span, person.connection === chosen, choose))}
    <ul class="legend plain">
      <li><i class="present"></i>${text('lanePresent')}</li>
      <li><i class="media"></i>${text('laneMedia')}</li>
      <li><i class="troubled warning"></i>${text('laneWarning')}</li>
      <li><i class="troubled bad"></i>${text('laneBad')}</li>
      <li><i class="lost"></i>${text('laneLost')}</li>
    </ul>
  </div>`;
}

function one(
  { person, present, lost, media, troubled, marks }: Lane,
  span: Span,
  chosen: boolean,
  choose: (connection: string) => void,
) {
  const place = ({ from, to }: Span) =>
    `left: ${percent(from, span)}%; width: ${percent(to, span) - percent(from, span)}%`;
  const time = (ms: number) => clock(ms, language());
  const words = [
    person.name,
    present === null
      ? text('presence_pending')
      : text('laneFromTo', {
          from: time(present.from),
          to: person.leftAt === null ? '…' : time(person.leftAt),
        }),
    marks.length === 0 ? text('laneNoTrouble') : text('laneTroubles', { n: marks.length }),
  ].join(', ');
  return html`<button
    class="lane"
    aria-label=${words}
    aria-pressed=${chosen}
    @click=${() => choose(chosen ? '' : person.connection)}
  >
    <span class="lane-name">${person.name}</span>
    <span class="track">
      ${present ? html`<i class="present" style=${place(present)}></i>` : nothing}
      ${media.map((part) => html`<i class="media" style=${place(part)}></i>`)}
      ${troubled.map(
        (part) =>
          html`<i class="troubled ${part.level}" style=${place(part)} title=${part.text}></i>`,
      )}
      ${lost ? html`<i class="lost" style=${place(lost)}></i>` : nothing}
      ${marks.map(
        ({ at, level, text: what }) =>
          html`<i
            class="mark ${level}"
            style="left: ${percent(at, span)}%"
            title="${time(at)} ${what}"
          ></i>`,
      )}
    </span>
  </button>`;
}
