/** The choice of what stands behind the person. */

import { html } from 'lit';
import dawn from '../backgrounds/dawn.svg?inline';
import night from '../backgrounds/night.svg?inline';
import room from '../backgrounds/room.svg?inline';
import type { Background } from '../call/background';
import type { Media } from '../call/media';
import type { Text } from '../texts';
import { define, Part } from './part';

const images: [url: string, words: Text][] = [
  [dawn, 'backgroundDawn'],
  [room, 'backgroundRoom'],
  [night, 'backgroundNight'],
];

/** The person's own picture: its address lives as long as the call, of which there may be several in a page. */
const own = new WeakMap<Media, string>();

export class Backgrounds extends Part {
  static override properties = {
    ...Part.properties,
    media: { attribute: false },
    revision: { attribute: false },
  };
  declare media: Media;
  /** Another one when something of `media` has changed. */
  declare revision: number;

  protected override render() {
    const { say } = this;
    return html`<div class="backgrounds">
      ${this.choice('none', say('backgroundNone'))} ${this.choice('blur', say('backgroundBlur'))}
      ${images.map(([url, words]) => this.choice({ url }, say(words), url))}
      <label class="own">
        <span>${say('backgroundOwn')}</span>
        <input type="file" accept="image/*" @change=${this.upload} />
      </label>
    </div>`;
  }

  private choice(background: Background, words: string, picture?: string) {
    const { media } = this;
    return html`<button type="button" aria-pressed=${String(isSame(background, media.background))}
      ?disabled=${!media.cameraOn || media.changingBackground}
      @click=${() => media.setBackground(background)}>
      ${picture ? html`<img src=${picture} alt="" />` : ''}<span>${words}</span>
    </button>`;
  }

  private upload(event: Event): void {
    const input = event.target as HTMLInputElement;
    const [file] = input.files ?? [];
    if (!file) return;
    const before = own.get(this.media);
    const url = URL.createObjectURL(file);
    own.set(this.media, url);
    void this.media.setBackground({ url }).then(() => before && URL.revokeObjectURL(before));
    // The same file may be chosen again.
    input.value = '';
  }
}

define('madang-call-backgrounds', Backgrounds);

function isSame(one: Background, other: Background): boolean {
  if (typeof one === 'object' && typeof other === 'object') return one.url === other.url;
  return one === other;
}
