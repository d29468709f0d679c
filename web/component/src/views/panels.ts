/** What opens beside the stage: the frame of it, and those contents that have no state of their own. */

import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { RecordingInfo } from '../api';
import type { Call } from '../call/call';
import { reason } from '../call/failure';
import type { Participant } from '../call/participant';
import { icon } from '../icons';
import type { Say, Text } from '../texts';

/** A panel, with the button that closes it. */
export function panel(
  say: Say,
  name: string,
  title: string,
  content: unknown,
  close: () => void,
): TemplateResult {
  return html`<aside class="panel ${name}" part="panel ${name}-panel" aria-label=${title}>
    <header>
      <h2 tabindex="-1">${title}</h2>
      <button type="button" class="icon-button" aria-label=${say('close')} title=${say('close')}
        @click=${close}>${icon('close')}</button>
    </header>
    <div class="content">${content}</div>
  </aside>`;
}

/** Everybody who is there. */
export function people(say: Say, call: Call, canMute: boolean): TemplateResult {
  const all = [...call.participants.values()].filter(({ screen }) => !screen);
  const order = all.sort(
    (a, b) => Number(b.local) - Number(a.local) || Number(b.hand) - Number(a.hand),
  );
  return html`<ul class="participants">
    ${repeat(
      order,
      ({ id }) => id,
      (one) => html`<li>
        <span class="name">${one.name}${one.local ? ` (${say('you')})` : ''}</span>
        ${one.hand ? mark('hand', say('raised')) : nothing}
        ${one.microphone ? nothing : mark('microphoneOff', say('muted'))}
        ${one.local ? nothing : actions(say, call, one, canMute)}
      </li>`,
    )}
  </ul>`;
}

function actions(say: Say, call: Call, one: Participant, canMute: boolean): unknown {
  const { id, name, silenced } = one;
  const mute = say(silenced ? 'unmuteHere' : 'muteHere', { name });
  const remove = say('remove', { name });
  return html`${
    canMute
      ? html`<button type="button" class="icon-button" aria-pressed=${String(silenced)}
          aria-label=${mute} title=${mute} @click=${() => call.silence(id, !silenced)}>
          ${icon(silenced ? 'soundOff' : 'sound')}
        </button>`
      : nothing
  }
  ${
    call.isModerator
      ? html`<button type="button" class="icon-button" aria-label=${remove} title=${remove}
          @click=${() => call.remove(id)}>${icon('leave')}</button>`
      : nothing
  }`;
}

function mark(which: 'hand' | 'microphoneOff', words: string): TemplateResult {
  return html`<span class="sign ${which}" role="img" aria-label=${words}>${icon(which)}</span>`;
}

/** What the panel of activities is about. */
export interface Activities {
  /** `null`: is not shown. */
  recording: {
    id: string | null;
    canChange: boolean;
    list: RecordingInfo[];
    error: unknown;
    toggle: () => void;
    play: (id: string) => void;
    download: (id: string) => void;
    remove: (id: string) => void;
  } | null;
  broadcast: {
    on: boolean;
    error: unknown;
    start: (url: string) => void;
    stop: () => void;
  } | null;
}

export function activities(say: Say, { recording, broadcast }: Activities): TemplateResult {
  return html`${
    recording
      ? html`<section>
        <h3>${icon('record')} ${say('recording')}</h3>
        <p>${say(recording.id ? 'recordingNow' : 'recordingOff')}</p>
        ${failed(recording.error)}
        ${
          recording.canChange
            ? html`<button type="button" class="primary" @click=${recording.toggle}>
              ${say(recording.id ? 'recordingStop' : 'recordingStart')}
            </button>`
            : nothing
        }
        ${
          recording.list.length
            ? html`<h4>${say('recordings')}</h4>
              <ul class="recordings">${recording.list.map((one) => recorded(say, one, recording))}</ul>`
            : nothing
        }
      </section>`
      : nothing
  }
  ${broadcast ? broadcasting(say, broadcast) : nothing}`;
}

function recorded(
  say: Say,
  { id = '', name = id, status, createdAt }: RecordingInfo,
  does: NonNullable<Activities['recording']>,
): TemplateResult {
  const button = (words: Text, which: 'play' | 'download' | 'trash', act: (id: string) => void) =>
    html`<button type="button" class="icon-button" aria-label=${say(words, { name })}
      title=${say(words, { name })} @click=${() => act(id)}>${icon(which)}</button>`;
  const isReady = status === undefined || status === 'ready';
  return html`<li>
    <span class="name">${name}
      <small>${createdAt ? new Date(createdAt).toLocaleString() : status}</small></span>
    ${isReady ? button('recordingPlay', 'play', does.play) : nothing}
    ${isReady ? button('recordingDownload', 'download', does.download) : nothing}
    ${does.canChange && isReady ? button('recordingDelete', 'trash', does.remove) : nothing}
  </li>`;
}

function broadcasting(say: Say, does: NonNullable<Activities['broadcast']>): TemplateResult {
  const start = (event: Event) => {
    event.preventDefault();
    const url = new FormData(event.target as HTMLFormElement).get('url');
    if (url) does.start(String(url));
  };
  return html`<section>
    <h3>${icon('broadcast')} ${say('broadcast')}</h3>
    ${failed(does.error)}
    ${
      does.on
        ? html`<button type="button" class="primary" @click=${does.stop}>
          ${say('broadcastStop')}
        </button>`
        : html`<form @submit=${start}>
          <label class="field">
            <span>${say('broadcastUrl')}</span>
            <input name="url" type="url" required placeholder="rtmp://" />
          </label>
          <button type="submit" class="primary">${say('broadcastStart')}</button>
        </form>`
    }
  </section>`;
}

function failed(error: unknown): unknown {
  // `<openvidu-webcomponent>` has 'false' for none.
  if (!error || error === 'false') return nothing;
  return html`<p class="trouble" role="alert">${icon('warning')}<span>${reason(error)}</span></p>`;
}
