/** One session in a list: of those that run, and of those in the history. */

import { html, nothing } from 'lit';
import { clock, duration, moment } from './format';
import { icon, levelIcon } from './icon';
import type { SessionSummary } from './protocol';
import { language, text, worded } from './text';

/** Names that are shown; the others are counted. */
const NAMES = 4;

/** What is wrong, as a sign with a number. */
export function trouble({ worst, troubled }: SessionSummary) {
  if (worst === null || worst === 'info') {
    return html`<span class="fine">${icon('check')}<span class="offscreen">${text('nobodyTroubled')}</span></span>`;
  }
  return html`<span class="troubled ${worst}">${levelIcon(worst)}<b aria-hidden="true">${troubled}</b><span class="offscreen">${text('troubledPeople', { n: troubled })}</span></span>`;
}

/** Recording and broadcasting, as chips. */
export function doings({ recording, broadcasting }: SessionSummary) {
  return html`${recording ? html`<span class="chip on">${icon('record')}<span>${text('recordingNow')}</span></span>` : nothing}${
    broadcasting
      ? html`<span class="chip on">${icon('broadcast')}<span>${text('broadcastingNow')}</span></span>`
      : nothing
  }`;
}

export function names({ names: all, participants }: SessionSummary): string {
  const shown = all.slice(0, NAMES).join(', ');
  const more = Math.max(participants, all.length) - Math.min(NAMES, all.length);
  return more > 0 && shown !== '' ? text('andMore', { names: shown, n: more }) : shown;
}

/** How many, in words where no head of the table says it. */
export const people = ({ participants }: SessionSummary) =>
  html`${participants}<span class="unit">${text(participants === 1 ? 'personUnit' : 'peopleUnit')}</span>`;

/** When it began, and how long it lasts or lasted. */
export function times({ createdAt, endedAt }: SessionSummary, now: number) {
  const today = new Date(createdAt).toDateString() === new Date(now).toDateString();
  const began = today ? clock(createdAt, language()) : moment(createdAt, language());
  return html`<time datetime=${new Date(createdAt).toISOString()}>${began}</time>
    <span class="soft">${duration((endedAt ?? now) - createdAt)}</span>`;
}

/** The stars that people have given: the fewest, and how many on average. */
export function stars({ feedback }: SessionSummary) {
  if (!feedback) return nothing;
  const { count, lowest, mean } = feedback;
  const words = text('starsOf', { n: count, lowest, mean });
  return html`<span class="chip stars ${lowest <= 2 ? 'few' : ''}" title=${words}>
    <span aria-hidden="true">★ ${lowest === mean ? mean : `${lowest} · ⌀ ${mean}`}</span><span class="offscreen">${words}</span>
  </span>`;
}

export const reason = (why: string | null): string => (why === null ? '' : worded('reason_', why));
