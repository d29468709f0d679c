/** One stream on its way between a client and the server, in all figures, beside the session that it belongs to. */

import { html, nothing } from 'lit';
import './chart';
import { bitrate, bytes, clock, duration, permille } from './format';
import { icon, levelIcon } from './icon';
import { findingAbout, SIGNS, standing, tone } from './legs';
import type { Leg, Participant, SessionDetail } from './protocol';
import { language, text, worded } from './text';
import { View } from './view';

export interface Chosen {
  connection: string;
  stream: string;
}

/** The leg at one person's end: the one they publish, or the one they receive. */
export function legOf(session: SessionDetail, { connection, stream }: Chosen) {
  const person = session.people.find((one) => one.connection === connection);
  if (!person) return null;
  const last = (legs: Leg[]) => legs.findLast((leg) => leg.stream === stream);
  const own = last(person.publishes);
  const leg = own ?? last(person.receives);
  return leg ? { person, leg, own: own !== undefined } : null;
}

class LegView extends View {
  static override properties = {
    session: { attribute: false },
    chosen: { attribute: false },
    closed: { attribute: false, hasChanged: () => false },
  };

  declare session: SessionDetail;
  declare chosen: Chosen;
  declare closed: () => void;

  override render() {
    const found = legOf(this.session, this.chosen);
    return html`<dialog class="side" aria-labelledby="leg-title" @close=${() => this.closed()}>
      ${found === null ? nothing : this.content(found.person, found.leg, found.own)}
    </dialog>`;
  }

  protected override firstUpdated(): void {
    this.querySelector('dialog')?.showModal();
  }

  private content(person: Participant, leg: Leg, own: boolean) {
    const publisher = this.session.people.find(({ connection }) => connection === leg.from);
    const finding = findingAbout(person, leg.stream);
    const stands = standing(leg);
    return html`<header>
        <h2 id="leg-title">
          ${
            own
              ? text('legOwn', { name: person.name })
              : text('legOther', { name: person.name, other: publisher?.name ?? leg.from })
          }
        </h2>
        <button class="bare" aria-label=${text('close')} @click=${this.shut}>${icon('close')}</button>
      </header>
      <p class="state">
        <span class="cell ${tone(leg, finding)}" aria-hidden="true">${SIGNS[stands]}</span>
        <span>
          <b>${text(`leg_${stands}`)}</b> ${text(`legmeans_${stands}`)}
          <span class="soft">
            ${text('sinceTime', { time: clock(leg.since, language()) })}
            ${leg.reason === null ? nothing : html`· ${worded('reason_', leg.reason)}`}
          </span>
        </span>
      </p>
      ${
        finding
          ? html`<div class="finding ${finding.level}">
              ${levelIcon(finding.level)}
              <div>
                <p class="sentence">${finding.sentence}</p>
                <p class="advice">${finding.advice}</p>
              </div>
            </div>`
          : nothing
      }
      ${facts(leg)} ${leg.chart.length > 1 ? charts(leg) : html`<p class="empty">${text('noChart')}</p>`}`;
  }

  private readonly shut = () => this.querySelector('dialog')?.close();
}

/** Longer values get a line of their own. */
const LONG = 16;

function facts(leg: Leg) {
  const rows: [string, string | null][] = [
    [text('source'), leg.source === '' ? null : worded('source_', leg.source)],
    [text('sound'), media(leg.hasAudio, leg.audioActive, leg.audioBps)],
    [text('picture'), media(leg.hasVideo, leg.videoActive, leg.videoBps)],
    [text('pause'), leg.pause === null ? null : worded('pause_', leg.pause)],
    [text('codec'), leg.codec],
    [text('layer'), leg.layer],
    [text('path'), path(leg)],
    [text('lost'), leg.lostPermille === null ? null : permille(leg.lostPermille)],
    [text('roundTrip'), leg.roundTripMs === null ? null : `${Math.round(leg.roundTripMs)} ms`],
    [text('jitter'), leg.jitterMs === null ? null : `${Math.round(leg.jitterMs)} ms`],
    [text('estimate'), leg.estimateBps === null ? null : bitrate(leg.estimateBps)],
    [text('freezes'), freezes(leg)],
    [text('bytes'), bytes(leg.bytes)],
    [text('streamId'), leg.stream],
  ];
  return html`<dl class="facts">
    ${rows
      .filter(([, value]) => value !== null)
      .map(
        ([name, value]) =>
          html`<div><dt>${name}</dt><dd class=${(value?.length ?? 0) > LONG ? 'long' : ''}>${value}</dd></div>`,
      )}
  </dl>`;
}

function media(has: boolean, active: boolean, bps: number): string {
  if (!has) return text('notInStream');
  return active ? bitrate(bps) : text('switchedOff');
}

function path({ path: way }: Leg): string | null {
  if (way === null) return null;
  const relayed = way.relayed ? ` · ${text('relayed')}` : '';
  return `${way.protocol.toUpperCase()} · ${way.remote} → ${way.local}${relayed}`;
}

function freezes({ freezes: count, frozenMs, hasVideo }: Leg): string | null {
  if (!hasVideo) return null;
  return count === 0 ? text('none') : text('frozen', { n: count, time: duration(frozenMs) });
}

function charts(leg: Leg) {
  const at = leg.chart.map(([time]) => time);
  const one = (
    name: string,
    colour: string,
    column: 1 | 2 | 3,
    format: (value: number) => string,
  ) => {
    const values = leg.chart.map((sample) => sample[column]);
    if (values.every((value) => value === null)) return nothing;
    return html`<dash-chart
      .name=${name}
      .lines=${[{ name: '', colour }]}
      .data=${[at, values]}
      .format=${format}
      .height=${110}
      together="leg"
    ></dash-chart>`;
  };
  return html`${one(text('rate'), '--out', 1, bitrate)}
  ${one(text('lost'), '--bad-line', 2, permille)}
  ${one(text('roundTrip'), '--in', 3, (ms) => `${Math.round(ms)} ms`)}`;
}

customElements.define('dash-leg', LegView);
