/**
 * Watching a session as a viewer whom nobody sees: openvidu-browser joins with a token of the dashboard, and whoever leaves
 * the view leaves the session. A chunk of its own, which only who watches loads.
 */

import { html, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import {
  OpenVidu,
  type Session,
  type SessionDisconnectedEvent,
  type StreamEvent,
  type Subscriber,
} from 'openvidu-browser';
import { post } from './api';
import { live } from './connection';
import { icon } from './icon';
import { text, worded } from './text';
import { View } from './view';

interface Tile {
  subscriber: Subscriber;
  connection: string;
  source: string;
}

class Watch extends View {
  static override properties = {
    sessionId: {},
    tiles: { state: true },
    error: { state: true },
    joined: { state: true },
    sound: { state: true },
  };

  declare sessionId: string;
  declare tiles: Tile[];
  declare error: string | null;
  declare joined: boolean;
  /** Browsers play sound only to who has pressed something; and a room that is watched need not be heard. */
  declare sound: boolean;

  private session: Session | null = null;
  private readonly leave = () => this.session?.disconnect();

  constructor() {
    super();
    this.tiles = [];
    this.error = null;
    this.joined = false;
    this.sound = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('pagehide', this.leave);
    void this.join();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener('pagehide', this.leave);
    this.leave();
    this.session = null;
  }

  private async join(): Promise<void> {
    // An element that was in the page before its chunk was loaded learns only now whose it is.
    await this.updateComplete;
    try {
      const path = `dashboard/api/sessions/${encodeURIComponent(this.sessionId)}/view`;
      const { token } = await post<{ token: string }>(path);
      // Meanwhile the view may have been left.
      if (!this.isConnected) return;
      const openvidu = new OpenVidu();
      openvidu.enableProdMode();
      const session = openvidu.initSession();
      this.session = session;
      session.on('streamCreated', ({ stream }: StreamEvent) => this.add(session, stream));
      session.on('streamDestroyed', ({ stream }: StreamEvent) => {
        this.tiles = this.tiles.filter(
          ({ subscriber }) => subscriber.stream.streamId !== stream.streamId,
        );
      });
      session.on('sessionDisconnected', ({ reason }: SessionDisconnectedEvent) => {
        this.tiles = [];
        this.error = text('watchEnded', { why: worded('reason_', reason) });
      });
      await session.connect(token);
      this.joined = true;
      if (!this.isConnected) session.disconnect();
    } catch (error) {
      this.error = text('watchFailed', { why: (error as Error).message });
    }
  }

  private add(session: Session, stream: StreamEvent['stream']): void {
    const subscriber = session.subscribe(stream, undefined, (error) => {
      if (error) this.error = text('watchFailed', { why: error.message });
    });
    const { connectionId } = stream.connection;
    const source = stream.typeOfVideo ?? 'CAMERA';
    this.tiles = [...this.tiles, { subscriber, connection: connectionId, source }];
  }

  override render() {
    return html`<section class="watch" aria-labelledby="watch-title" data-watching=${this.joined}>
      <div class="bar">
        <h2 id="watch-title">${text('watching')}</h2>
        <button
          aria-pressed=${this.sound}
          @click=${() => {
            this.sound = !this.sound;
          }}
        >
          ${icon(this.sound ? 'microphone' : 'microphoneOff')}${text(this.sound ? 'mute' : 'listen')}
        </button>
      </div>
      <p class="small soft">${text('watchingHidden')}</p>
      ${this.error === null ? nothing : html`<p class="trouble" role="alert">${this.error}</p>`}
      ${this.joined && this.tiles.length === 0 && this.error === null ? html`<p class="empty">${text('nobodyPublishes')}</p>` : nothing}
      <div class="tiles">
        ${repeat(
          this.tiles,
          ({ subscriber }) => subscriber.stream.streamId,
          (tile) => this.tile(tile),
        )}
      </div>
    </section>`;
  }

  private tile({ connection, source, subscriber }: Tile) {
    const person = live.store.session?.people.find((one) => one.connection === connection);
    return html`<figure class="tile" data-stream=${subscriber.stream.streamId}>
      <video autoplay playsinline .muted=${!this.sound}></video>
      <figcaption>${person?.name ?? connection}${source === 'SCREEN' ? ` (${worded('source_', source)})` : nothing}</figcaption>
    </figure>`;
  }

  protected override updated(): void {
    for (const { subscriber } of this.tiles) {
      const selector = `[data-stream="${CSS.escape(subscriber.stream.streamId)}"] video`;
      const video = this.querySelector<HTMLVideoElement>(selector);
      if (!video) continue;
      // A video that openvidu-browser was given it keeps up with by itself; once is enough.
      if (!subscriber.videos.some((known) => known.video === video)) {
        subscriber.addVideoElement(video);
      }
      video.muted = !this.sound;
    }
  }
}

customElements.define('dash-watch', Watch);
