/** The choice of camera, microphone and speaker, and how loud the microphone is. */

import { html, nothing } from 'lit';
import { canChooseSpeaker, type Kind, listDevices } from '../call/devices';
import type { Media } from '../call/media';
import type { Text } from '../texts';
import './meter';
import { define, Part } from './part';

export class Devices extends Part {
  static override properties = {
    ...Part.properties,
    media: { attribute: false },
    revision: { attribute: false },
    found: { state: true },
  };
  declare media: Media;
  /** Another one when something of `media` has changed. */
  declare revision: number;
  declare found: Record<Kind, MediaDeviceInfo[]> | null;

  private known: MediaStream | null = null;
  private readonly look = async () => {
    this.found = await listDevices();
  };

  constructor() {
    super();
    this.found = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    navigator.mediaDevices?.addEventListener('devicechange', this.look);
    void this.look();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    navigator.mediaDevices?.removeEventListener('devicechange', this.look);
  }

  protected override render() {
    const { found, media } = this;
    return html`
      ${this.choice('camera', found?.videoinput, media.chosen('camera'), (id) =>
        media.choose('camera', id),
      )}
      ${this.choice('microphone', found?.audioinput, media.chosen('microphone'), (id) =>
        media.choose('microphone', id),
      )}
      <madang-call-meter .say=${this.say} .stream=${media.stream}></madang-call-meter>
      ${
        canChooseSpeaker && found?.audiooutput.length
          ? this.choice('speaker', found.audiooutput, media.speaker, (id) =>
              media.chooseSpeaker(id),
            )
          : nothing
      }
    `;
  }

  protected override updated(): void {
    // Names are known once there is a permission.
    if (this.media.stream === this.known) return;
    this.known = this.media.stream;
    void this.look();
    this.querySelector('madang-call-meter')?.requestUpdate();
  }

  private choice(
    words: Text,
    devices: MediaDeviceInfo[] | undefined,
    chosen: string,
    choose: (id: string) => void,
  ) {
    const isKnown = devices?.some(({ deviceId }) => deviceId === chosen);
    const pick = (event: Event) => choose((event.target as HTMLSelectElement).value);
    return html`<label class="field">
      <span>${this.say(words)}</span>
      <select @change=${pick} ?disabled=${!devices?.length}>
        ${
          isKnown
            ? nothing
            : html`<option value="" selected>
                ${this.say(devices?.length ? 'usual' : 'noDevice')}
              </option>`
        }
        ${devices?.map(
          ({ deviceId, label }) =>
            html`<option value=${deviceId} ?selected=${deviceId === chosen}>${label}</option>`,
        )}
      </select>
    </label>`;
  }
}

define('madang-call-devices', Devices);

declare global {
  interface HTMLElementTagNameMap {
    'madang-call-meter': Part;
  }
}
