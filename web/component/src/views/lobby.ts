/** Before the call: who are you, which room, and how do you look. */

import { html, nothing, type PropertyValues } from 'lit';
import { live } from 'lit/directives/live.js';
import type { Call } from '../call/call';
import { canCapture } from '../call/devices';
import { icon } from '../icons';
import './copy';
import './devices';
import { define, Part } from './part';
import { cameraButton, microphoneButton, type Pressed } from './toolbar';

/** What the person has decided. */
export interface Joining {
  room: string;
  name: string;
}

export class Lobby extends Part {
  static override properties = {
    ...Part.properties,
    call: { attribute: false },
    revision: { attribute: false },
    name: { attribute: false },
    room: { attribute: false },
    choosesRoom: { attribute: false },
    linkOf: { attribute: false },
    trouble: { attribute: false },
    joining: { attribute: false },
    pressed: { attribute: false },
    open: { state: true },
  };
  declare call: Call;
  /** Another one when something of `call` has changed. */
  declare revision: number;
  declare name: string;
  declare room: string;
  declare choosesRoom: boolean;
  /** The link to a room, where there is one. */
  declare linkOf: ((room: string) => string) | null;
  declare trouble: string | null;
  declare joining: boolean;
  declare pressed: Pressed;
  declare open: boolean;

  constructor() {
    super();
    this.open = false;
  }

  protected override render() {
    const { say, call, choosesRoom, linkOf, room } = this;
    return html`<section class="lobby" part="lobby">
      <div class="look">
        <div class="preview" role="group" aria-label=${say('preview')}>
          <video autoplay playsinline .muted=${true} class=${call.media.cameraOn ? '' : 'off'}
            aria-hidden="true"></video>
          <p class="hint" ?hidden=${call.media.cameraOn}>${icon('cameraOff')}</p>
          <div class="controls">
            ${microphoneButton(say, call, this.pressed)} ${cameraButton(say, call, this.pressed)}
          </div>
        </div>
        <details class="devices" ?open=${this.open}>
          <summary>${icon('settings')} ${say('devices')}</summary>
          <madang-call-devices .say=${say} .media=${call.media} .revision=${this.revision}>
          </madang-call-devices>
        </details>
      </div>
      <form class="card" @submit=${this.submit}>
        <h1><slot name="logo"></slot><slot name="title">${say('ready')}</slot></h1>
        ${choosesRoom ? html`<p class="tagline">${say('tagline')}</p>` : nothing}
        ${this.explained()}
        <label class="field">
          <span>${say('name')}</span>
          <input name="name" maxlength="64" autocomplete="nickname"
            placeholder=${say('namePlaceholder')} .value=${live(this.name)}
            @input=${this.typed('name')} />
        </label>
        ${
          choosesRoom
            ? html`<label class="field">
              <span>${say('room')}</span>
              <input name="room" maxlength="64" autocapitalize="off" spellcheck="false"
                autocomplete="off" .value=${live(room)} @input=${this.typed('room')} />
            </label>`
            : nothing
        }
        <button type="submit" class="primary" part="join-button" ?disabled=${this.joining}>
          ${say(this.joining ? 'joining' : 'join')}
        </button>
        ${
          linkOf
            ? html`<madang-call-copy .say=${say} .link=${linkOf(room)}></madang-call-copy>`
            : nothing
        }
        <slot name="lobby"></slot>
      </form>
    </section>`;
  }

  protected override firstUpdated(): void {
    // Beside the form there is room for them.
    this.open = this.clientWidth > 740;
    const name = this.querySelector<HTMLInputElement>('[name=name]');
    const button = this.querySelector<HTMLButtonElement>('.primary');
    // Not away from what the rest of the page is about.
    const idle = !document.activeElement || document.activeElement === document.body;
    if (idle) (this.name ? button : name)?.focus();
  }

  protected override updated(_: PropertyValues<this>): void {
    const video = this.querySelector('video');
    const { stream } = this.call.media;
    if (video && video.srcObject !== stream) video.srcObject = stream;
  }

  private explained() {
    const { say, trouble, linkOf, room } = this;
    if (trouble) {
      return html`<p class="trouble" role="alert">${icon('warning')}<span>${trouble}</span></p>`;
    }
    if (canCapture()) return nothing;
    const secure = new URL(linkOf?.(room) ?? location.href);
    secure.protocol = 'https:';
    return html`<p class="trouble" role="alert">
      ${icon('warning')}
      <span
        >${say('insecure')} <a href=${secure.href}>${say('openSecure')}</a>. ${say('openSecureHint')}</span
      >
    </p>`;
  }

  private typed(field: 'name' | 'room') {
    return (event: Event) => {
      this[field] = (event.target as HTMLInputElement).value;
    };
  }

  private submit(event: Event): void {
    event.preventDefault();
    const room = this.room.trim();
    if (this.choosesRoom && !room) {
      this.querySelector<HTMLInputElement>('[name=room]')?.focus();
      return;
    }
    const detail: Joining = { room, name: this.name.trim() };
    this.dispatchEvent(new CustomEvent('join', { detail }));
  }
}

define('madang-call-lobby', Lobby);
