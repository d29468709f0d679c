/** All recordings: to play, to keep, to stop, to delete. */

import { html, nothing } from 'lit';
import { deleteRecording, stopRecording } from './actions';
import { rest } from './api';
import { bytes, duration, moment } from './format';
import { icon } from './icon';
import { sessionLink } from './route';
import { language, text, worded } from './text';
import { Fetched, View } from './view';

interface Recording {
  id: string;
  name: string;
  outputMode: string;
  sessionId: string;
  createdAt: number;
  size: number;
  duration: number;
  url: string | null;
  hasAudio: boolean;
  hasVideo: boolean;
  status: string;
}

/** While one runs, how it stands is asked for so often. */
const AGAIN_MS = 5000;
const FOLDER = '/openvidu/recordings/';

/**
 * Where a recording is got from: from the server that this page came from, whatever name it has for the public. One in a
 * bucket has an address of its own.
 */
export function fileOf(url: string, here: string): string {
  const { pathname, href } = new URL(url, here);
  const at = pathname.indexOf(FOLDER);
  return at < 0 ? href : new URL(`..${pathname.slice(at)}`, new URL('./', here)).href;
}

class Recordings extends View {
  static override properties = { playing: { state: true }, search: { state: true } };

  declare playing: string | null;
  declare search: string;

  readonly list = new Fetched<{ items: Recording[] }>(this);
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly ask = () =>
    void this.list.ask(() => rest<{ items: Recording[] }>('GET', 'recordings'));

  constructor() {
    super();
    this.playing = null;
    this.search = '';
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.ask();
    this.timer = setInterval(() => {
      if (this.list.value?.items.some(running) && !document.hidden) this.ask();
    }, AGAIN_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  override render() {
    const { value, error } = this.list;
    const words = this.search.toLowerCase();
    const items = [...(value?.items ?? [])]
      .filter(({ id, name }) => `${id} ${name}`.toLowerCase().includes(words))
      .sort((a, b) => b.createdAt - a.createdAt);
    return html`<div class="bar">
        <h1>${text('recordings')} <span class="soft">${items.length}</span></h1>
        <input
          type="search"
          aria-label=${text('search')}
          placeholder=${text('search')}
          @input=${(event: InputEvent) => {
            this.search = (event.target as HTMLInputElement).value;
          }}
        />
        <button @click=${this.ask}>${text('refresh')}</button>
      </div>
      ${error === null ? nothing : html`<p class="trouble" role="alert">${error}</p>`}
      ${
        items.length === 0 && error === null
          ? html`<p class="empty">${text(value === null ? 'loading' : 'noRecordings')}</p>`
          : nothing
      }
      <ul class="plain rows-list">
        ${items.map((item) => this.line(item))}
      </ul>`;
  }

  private line(item: Recording) {
    const { id, status, url, outputMode, sessionId } = item;
    const file = url === null ? null : fileOf(url, location.href);
    const plays = file !== null && status === 'ready' && outputMode !== 'INDIVIDUAL';
    const playing = this.playing === id;
    return html`<li class="card row" data-recording=${id}>
      <div class="grow">
        <h2>
          ${item.name || id}
          <span class="chip ${tones[status] ?? ''}">${running(item) ? icon('record') : nothing}${worded('status_', status)}</span>
        </h2>
        <p class="small soft">
          ${moment(item.createdAt, language())} · ${worded('mode_', outputMode)} ·
          ${[item.hasVideo ? text('picture') : '', item.hasAudio ? text('sound') : ''].filter(Boolean).join(' + ')}
          ${item.duration > 0 ? html`· ${duration(item.duration * 1000)}` : nothing}
          ${item.size > 0 ? html`· ${bytes(item.size)}` : nothing} ·
          <a href=${sessionLink(sessionId)}>${sessionId}</a>
        </p>
      </div>
      <div class="buttons">
        ${
          plays
            ? html`<button
                data-action="play"
                aria-expanded=${playing}
                @click=${() => {
                  this.playing = playing ? null : id;
                }}
              >
                ${text(playing ? 'close' : 'play')}
              </button>`
            : nothing
        }
        ${file !== null && status === 'ready' ? html`<a class="button" data-action="download" href=${file} download>${text('download')}</a>` : nothing}
        ${
          running(item)
            ? html`<button
                data-action="stop-recording"
                ?disabled=${status === 'starting'}
                @click=${() => stopRecording(id, this.ask)}
              >
                ${text('stopRecording')}
              </button>`
            : html`<button
                class="danger"
                data-action="delete-recording"
                @click=${() => deleteRecording(id, this.ask)}
              >
                ${text('deleteRecording')}
              </button>`
        }
      </div>
      ${
        playing && file !== null
          ? html`<!-- What was said in a recording is not written down. -->
              <video class="player" controls autoplay src=${file} aria-label=${item.name || id}></video>`
          : nothing
      }
    </li>`;
  }
}

const running = ({ status }: Recording) => status === 'started' || status === 'starting';
const tones: Record<string, string> = { started: 'on', starting: 'on', failed: 'bad' };

customElements.define('dash-recordings', Recordings);
