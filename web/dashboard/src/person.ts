/** One person of a session: where they stand, what they publish and receive, and what may be done about it. */

import { html, nothing } from 'lit';
import { personActions } from './actions';
import { bitrate, bytes, clock } from './format';
import { icon, levelIcon } from './icon';
import { arriving, current, findingAbout, presence, rate, SIGNS, standing, tone } from './legs';
import type { Leg, Participant } from './protocol';
import { badness } from './store';
import { language, text, worded } from './text';
import { View } from './view';

class Person extends View {
  static override properties = {
    sessionId: {},
    person: { attribute: false },
    running: { type: Boolean },
    open: { attribute: false, hasChanged: () => false },
    follow: { attribute: false, hasChanged: () => false },
  };

  declare sessionId: string;
  declare person: Participant;
  /** Whether the session is one that runs, so that something can be done. */
  declare running: boolean;
  /** Shows a leg. */
  declare open: (connection: string, stream: string) => void;
  /** Shows what happened to this person. */
  declare follow: (connection: string) => void;

  override render() {
    const { person } = this;
    const worst = person.findings.reduce<Participant['findings'][0] | null>(
      (found, next) => (badness(next.level) > badness(found?.level ?? null) ? next : found),
      null,
    );
    const received = arriving(person.receives);
    const state = presence(person);
    return html`<article
      class="person card ${state} ${worst?.level ?? ''}"
      data-connection=${person.connection}
      data-state=${state}
      tabindex="-1"
      aria-label=${person.name}
    >
      <div class="who">
        <h3>
          ${worst && worst.level !== 'info' ? levelIcon(worst.level) : nothing}${person.name}
          ${person.kind === 'camera' ? html`<span class="chip">${icon('camera')}${text('kindCamera')}</span>` : nothing}
        </h3>
        <p class="small soft">
          <span class="presence ${state}">${text(`presence_${state}`)}</span>
          ${state === 'pending' ? '·' : nothing} ${this.when()}
        </p>
        <p class="small soft">
          ${[worded('role_', person.role), person.platform, person.ip].filter(Boolean).join(' · ')}
        </p>
      </div>
      <dl class="streams">
        <div>
          <dt>${text('quality')}</dt>
          <dd>${quality(state === 'left' ? null : person.quality)}</dd>
        </div>
        <div class="publishes">
          <dt>${text('publishes')}</dt>
          <dd>
            ${
              person.publishes.length === 0
                ? html`<span class="soft">${text('nothing')}</span>`
                : current(person.publishes).map((leg) => this.published(leg))
            }
          </dd>
        </div>
        <div>
          <dt>${text('receives')}</dt>
          <dd>
            ${
              received.all === 0
                ? html`<span class="soft">${text('nothing')}</span>`
                : html`<b class=${received.arrive < received.all ? 'few' : ''}
                      >${text('ofMany', { n: received.arrive, all: received.all })}</b
                    >
                    ${state === 'left' ? nothing : bitrate(person.receives.reduce((sum, leg) => sum + rate(leg), 0))}`
            }
          </dd>
        </div>
      </dl>
      <div class="buttons">
        <button @click=${() => this.follow(person.connection)} data-action="timeline">
          ${text('timeline')}
        </button>
        ${this.running && state !== 'left' ? personActions(this.sessionId, person) : nothing}
      </div>
      ${this.said()} ${this.data()}
    </article>`;
  }

  /** How it was, in the person's own words. */
  private said() {
    const { feedback } = this.person;
    if (!feedback) return nothing;
    const { at, stars, words } = feedback;
    return html`<p class="said ${stars <= 2 ? 'few' : ''}" data-stars=${stars}>
      <span aria-hidden="true">${'★'.repeat(stars)}${'☆'.repeat(5 - stars)}</span>
      <span class="offscreen">${text('starsGiven', { n: stars })}</span>
      ${words === '' ? nothing : html`<q>${words}</q>`}
      <time class="small soft" datetime=${new Date(at).toISOString()}>${clock(at, language())}</time>
    </p>`;
  }

  private when() {
    const { tokenMadeAt, joinedAt, leftAt, lostAt, reason } = this.person;
    const at = (time: number) => clock(time, language());
    const parts = [];
    if (joinedAt !== null && leftAt !== null) parts.push(`${at(joinedAt)}–${at(leftAt)}`);
    else if (joinedAt !== null) parts.push(text('joinedAt', { time: at(joinedAt) }));
    else if (tokenMadeAt !== null) parts.push(text('tokenMadeAt', { time: at(tokenMadeAt) }));
    if (lostAt !== null && leftAt === null) parts.push(text('lostAt', { time: at(lostAt) }));
    if (reason !== null) parts.push(worded('reason_', reason));
    return parts.join(' · ');
  }

  private published(leg: Leg) {
    const { person } = this;
    const found = findingAbout(person, leg.stream);
    const stands = standing(leg);
    const sound = leg.hasAudio && leg.audioActive;
    const picture = leg.hasVideo && leg.videoActive;
    return html`<button
      class="chip leg ${tone(leg, found)}"
      @click=${() => this.open(person.connection, leg.stream)}
    >
      <span class="sign" aria-hidden="true">${SIGNS[stands]}</span>
      ${worded('source_', leg.source)}
      <span class="offscreen">${text(`leg_${stands}`)}</span>
      ${leg.hasAudio ? html`${icon(sound ? 'microphone' : 'microphoneOff')}<span class="offscreen">${text(sound ? 'soundOn' : 'soundOff')}</span>` : nothing}
      ${leg.hasVideo ? html`${icon(picture ? 'camera' : 'cameraOff')}<span class="offscreen">${text(picture ? 'pictureOn' : 'pictureOff')}</span>` : nothing}
      ${leg.state === 'closed' ? bytes(leg.bytes) : bitrate(rate(leg))}
    </button>`;
  }

  /** What the application has said about this person, for who looks for one of its users. */
  private data() {
    const { clientData, serverData, connection } = this.person;
    const rows: [string, string][] = [
      [text('connectionId'), connection],
      ['clientData', clientData],
      ['serverData', serverData],
    ];
    return html`<details class="data">
      <summary>${text('details')}</summary>
      <dl class="facts">
        ${rows
          .filter(([, value]) => value !== '')
          .map(([name, value]) => html`<div><dt>${name}</dt><dd><code>${value}</code></dd></div>`)}
      </dl>
    </details>`;
  }
}

/** 0 to 5 as bars, and in words. */
function quality(value: number | null) {
  if (value === null) return html`<span class="soft">–</span>`;
  const kind = value >= 4 ? 'good' : value >= 2 ? 'warning' : 'bad';
  return html`<span class="quality ${kind}">
    <span class="bars" aria-hidden="true"
      >${[1, 2, 3, 4, 5].map((bar) => html`<i class=${bar <= value ? 'full' : ''}></i>`)}</span
    >
    ${value}/5<span class="offscreen"> ${text(`quality_${kind}`)}</span>
  </span>`;
}

customElements.define('dash-person', Person);
