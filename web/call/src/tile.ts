/** One participant on the stage: picture or initial, name, and the marks on it. */

import type { StreamManager } from 'openvidu-browser';
import type { Participant } from './call';
import { el, icon } from './dom';
import { text } from './texts';

export class Tile {
  readonly video = el('video', { autoplay: true, playsinline: true });
  private readonly initial = el('span', { class: 'initial', 'aria-hidden': 'true' });
  private readonly caption = el('span', { class: 'caption' });
  private readonly muted = el('span', { class: 'muted', role: 'img', 'aria-label': text('muted') });
  readonly element = el(
    'figure',
    { class: 'tile' },
    this.initial,
    this.video,
    el('figcaption', {}, this.muted, this.caption),
  );
  private stream: StreamManager | null = null;

  constructor(private readonly onBlocked: (video: HTMLVideoElement) => void) {
    this.muted.append(icon('microphoneOff'));
    this.video.addEventListener('loadedmetadata', () => this.play());
  }

  show(participant: Participant): void {
    const { name, local, screen, camera, microphone, speaking, stream } = participant;
    this.element.dataset.id = participant.id;
    this.element.classList.toggle('local', local);
    this.element.classList.toggle('screen', screen);
    this.element.classList.toggle('dark', !camera);
    this.element.classList.toggle('speaking', speaking && microphone);
    this.element.style.setProperty('--hue', String(hueOf(name)));
    this.initial.textContent = [...name][0]?.toUpperCase() ?? '·';
    if (screen) this.caption.textContent = local ? text('yourScreen') : text('screenOf', { name });
    else this.caption.textContent = local ? `${name} (${text('you')})` : name;
    this.muted.hidden = microphone || screen;
    // One's own voice must not come back from the loudspeaker.
    this.video.muted = local;
    if (stream !== this.stream) {
      this.stream = stream;
      if (stream) stream.addVideoElement(this.video);
      else this.video.srcObject = null;
      this.video.muted = local;
    }
  }

  remove(): void {
    this.video.srcObject = null;
    this.element.remove();
  }

  private play(): void {
    this.video.play().catch((error: DOMException) => {
      if (error.name === 'NotAllowedError') this.onBlocked(this.video);
    });
  }
}

/** From teal over blue to rose: the hues on which white letters read well. */
function hueOf(name: string): number {
  let sum = 7;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 997;
  return 165 + (sum % 185);
}
