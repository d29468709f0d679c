/** The first view: how the server is doing, what goes wrong outside of sessions, and all sessions. */

import { html, nothing } from 'lit';
import './chart';
import { live } from './connection';
import { bitrate, bytes, duration, moment } from './format';
import { levelIcon } from './icon';
import type { Incident, Server } from './protocol';
import './sessionlist';
import { language, text } from './text';
import { Follow, View } from './view';

const lines = () => [
  { name: text('bitsIn'), colour: '--in' },
  { name: text('bitsOut'), colour: '--out' },
];

/** Less than this is the way of a message, or harmless. */
const CLOCKS_DIFFER_MS = 60_000;

class LiveView extends View {
  readonly follow = new Follow(this, live);

  override render() {
    const { server, traffic, ahead } = live.store;
    return html`<h1 class="offscreen">${text('live')}</h1>
      ${
        server === null
          ? html`<p class="empty">${text('connecting')}</p>`
          : html`${figures(server)} ${clock(ahead)} ${incidents(server.incidents)}
              <section class="card traffic" aria-label=${text('traffic')}>
                <dash-chart
                  .name=${text('traffic')}
                  .lines=${lines()}
                  .data=${[traffic.at, traffic.received, traffic.sent]}
                  .format=${bitrate}
                  .height=${130}
                ></dash-chart>
              </section>`
      }
      <dash-sessions></dash-sessions>`;
  }
}

function figures(server: Server) {
  const load = server.cores > 0 ? server.cpu / server.cores : 0;
  const figure = (name: string, value: string, more = '', bad = false) =>
    html`<div class="figure ${bad ? 'bad' : ''}">
      <dt>${name}</dt>
      <dd>${value}${more ? html` <small>${more}</small>` : nothing}</dd>
    </div>`;
  return html`<dl class="figures">
    ${figure(text('sessions'), String(server.sessions))}
    ${figure(text('people'), String(server.participants))}
    ${figure(text('streams'), String(server.published), text('receivedTimes', { n: server.received }))}
    ${figure(text('bitsIn'), bitrate(server.receivedBps))}
    ${figure(text('bitsOut'), bitrate(server.sentBps))}
    ${figure('CPU', `${Math.round(load * 100)} %`, text('cores', { n: server.cores }), load > 0.85)}
    ${figure(text('memory'), bytes(server.memory))}
    ${figure(text('recordings'), server.recordingEnabled ? String(server.recordings) : text('off'))}
    ${figure(text('runningFor'), duration(server.now - server.startedAt), server.version)}
  </dl>`;
}

/** Certificates and passwords of the relay are good for a time only: clocks that differ break both. */
function clock(ahead: number) {
  if (Math.abs(ahead) < CLOCKS_DIFFER_MS) return nothing;
  const of = { difference: duration(Math.abs(ahead)) };
  return html`<div class="finding warning" data-incident="clock" role="status">
    ${levelIcon('warning')}
    <div>
      <p class="sentence">${text(ahead > 0 ? 'clockAhead' : 'clockBehind', of)}</p>
      <p class="advice">${text('clockAdvice')}</p>
    </div>
  </div>`;
}

function incidents(all: Incident[]) {
  return html`<section class="incidents" aria-label=${text('incidents')}>
    <p class="offscreen" role="status">${all.map(({ sentence }) => sentence).join(' ')}</p>
    ${
      all.length === 0
        ? nothing
        : html`<h2>${text('incidents')}</h2>
            <ul class="plain">
              ${all.map(
                (incident) => html`<li class="finding warning" data-incident=${incident.code}>
                  ${levelIcon('warning')}
                  <div>
                    <p class="sentence">${incident.sentence}</p>
                    <p class="advice">${incident.advice}</p>
                    <p class="small">
                      ${text('incidentTimes', {
                        n: incident.count,
                        since: moment(incident.since, language()),
                        ip: incident.ip,
                      })}
                    </p>
                  </div>
                </li>`,
              )}
            </ul>`
    }
  </section>`;
}

customElements.define('dash-live', LiveView);
