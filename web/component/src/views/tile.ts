/** One participant on the stage: picture or initial, name, and the marks on it. */

import { html, nothing, type PropertyValues } from 'lit';
import type { Participant } from '../call/participant';
import { icon } from '../icons';
import { define, Part } from './part';

/** What an application may switch off. */
export interface TileShows {
  name: boolean;
  sound: boolean;
  buttons: boolean;
}

export class Tile extends Part {
  static override properties = {
    ...Part.properties,
    participant: { attribute: false },
    speaker: { attribute: false },
    shows: { attribute: false },
    pinned: { attribute: false },
  };
  declare participant: Participant;
  /** The id of a loudspeaker. */
  declare speaker: string;
  declare shows: TileShows;
  declare pinned: boolean;

  private video: HTMLVideoElement | null = null;

  protected override render() {
    const { say, participant, shows, pinned } = this;
    const { name, local, screen, microphone, quality, hand, silenced } = participant;
    const title = this.spokenTitle();
    const pin = say(pinned ? 'unpin' : 'pin', { name: title });
    return html`
      <span class="initial" aria-hidden="true">${[...name][0]?.toUpperCase() ?? '·'}</span>
      <video autoplay playsinline part="video" aria-label=${title}></video>
      <div class="marks">
        ${
          hand
            ? html`<span class="mark raised" role="img" aria-label=${say('raised')}>${icon('hand')}</span>`
            : nothing
        }
        ${quality === null || screen ? nothing : bars(quality, say('quality', { n: quality }))}
      </div>
      ${
        shows.buttons
          ? html`<button type="button" class="pin" aria-pressed=${String(pinned)} aria-label=${pin}
              title=${pin} @click=${this.pin}>${icon('pin')}</button>`
          : nothing
      }
      <div class="who" ?hidden=${!shows.name && (microphone || screen)}>
        <span class="muted" role="img" aria-label=${say('muted')} ?hidden=${microphone || screen}
          >${icon('microphoneOff')}</span
        >
        ${silenced ? icon('soundOff') : nothing}
        <span class="caption" ?hidden=${!shows.name}
          >${local && !screen ? `${name} (${say('you')})` : title}</span
        >
      </div>
    `;
  }

  protected override willUpdate(): void {
    const { name, local, screen, camera, speaking, microphone } = this.participant;
    const { shows } = this;
    this.classList.toggle('local', local);
    this.classList.toggle('screen', screen);
    this.classList.toggle('dark', !camera);
    this.classList.toggle('speaking', shows.sound && speaking && microphone);
    this.dataset.id = this.participant.id;
    this.style.setProperty('--hue', String(hueOf(name)));
  }

  protected override updated(changed: PropertyValues<this>): void {
    const { local, silenced, stream } = this.participant;
    const video = this.querySelector('video');
    if (!video) return;
    const before = changed.get('participant') as Participant | undefined;
    if (this.video !== video || before?.stream !== stream) {
      if (this.video !== video) video.addEventListener('loadedmetadata', () => this.play(video));
      this.video = video;
      if (stream) stream.addVideoElement(video);
      else video.srcObject = null;
    }
    // One's own voice must not come back from the loudspeaker.
    video.muted = local || silenced;
    if (changed.has('speaker') && this.speaker && 'setSinkId' in video) {
      void video.setSinkId(this.speaker).catch(() => {});
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    if (this.video) this.video.srcObject = null;
  }

  private spokenTitle(): string {
    const { name, local, screen } = this.participant;
    if (!screen) return name;
    return local ? this.say('yourScreen') : this.say('screenOf', { name });
  }

  private pin(): void {
    this.dispatchEvent(new CustomEvent('pin', { detail: this.participant.id, bubbles: true }));
  }

  private play(video: HTMLVideoElement): void {
    video.play().catch((error: DOMException) => {
      if (error.name !== 'NotAllowedError') return;
      this.dispatchEvent(new CustomEvent('blocked', { detail: video, bubbles: true }));
    });
  }
}

define('madang-call-tile', Tile);

function bars(quality: number, words: string) {
  const state = quality <= 1 ? 'poor' : quality <= 3 ? 'fair' : 'good';
  return html`<span class="mark quality ${state}" role="img" aria-label=${words} title=${words}>
    ${[1, 2, 3, 4, 5].map((bar) => html`<i class=${bar <= quality ? 'lit' : ''}></i>`)}
  </span>`;
}

/** From teal over blue to rose: the hues on which white letters read well. */
function hueOf(name: string): number {
  let sum = 7;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 997;
  return 165 + (sum % 185);
}
