/** Before the call: who are you, which room, and how do you look. */

import type { Call } from './call';
import { Controls } from './controls';
import { canCapture } from './devices';
import { el, icon } from './dom';
import { linkTo, roomOfAddress, showRoomInAddress, tidyRoom } from './room';
import { copyButton } from './share';
import { text } from './texts';

const nameKey = 'madang.name';

export class Lobby {
  private readonly video = el('video', { autoplay: true, playsinline: true, muted: true });
  private readonly hint = el('p', { class: 'hint' }, text('starting'));
  private readonly trouble = el('p', { class: 'trouble', role: 'alert', hidden: true });
  private readonly name = field('name', text('name'), text('namePlaceholder'));
  private readonly room = field('room', text('room'), '');
  private readonly button = el('button', { type: 'submit', class: 'primary' }, text('join'));
  private readonly controls: Controls;
  readonly element: HTMLElement;

  constructor(
    private readonly call: Call,
    private readonly onJoin: (room: string, name: string) => Promise<void>,
    supported: boolean,
  ) {
    this.controls = new Controls(call, false, () => this.preview());
    this.video.muted = true;
    this.name.input.value = localStorage.getItem(nameKey) ?? '';
    this.name.input.setAttribute('autocomplete', 'nickname');
    this.room.input.value = roomOfAddress();
    this.room.input.autocapitalize = 'off';
    this.room.input.spellcheck = false;
    this.element = el(
      'section',
      { class: 'lobby' },
      el(
        'div',
        { class: 'preview', role: 'group', 'aria-label': text('preview') },
        this.video,
        this.hint,
        this.controls.element,
      ),
      el(
        'form',
        { class: 'card', onsubmit: (event) => this.submit(event) },
        el('h1', {}, logo(), 'Madang'),
        el('p', { class: 'tagline' }, text('tagline')),
        this.trouble,
        this.name.label,
        this.room.label,
        this.button,
        copyButton(() => linkTo(tidyRoom(this.room.input.value))),
      ),
    );
    if (!supported) this.explain(text('unsupported'));
    else if (!canCapture()) this.explainInsecure();
    void call.openDevices();
  }

  focus(): void {
    (this.name.input.value ? this.button : this.name.input).focus();
  }

  explain(words: string): void {
    this.trouble.replaceChildren(icon('warning'), el('span', {}, words));
    this.trouble.hidden = false;
  }

  /** Shows what the camera sees, or says that it is off. */
  preview(): void {
    const { publisher, cameraOn } = this.call;
    if (publisher && this.video.srcObject !== publisher.stream.getMediaStream()) {
      this.video.srcObject = publisher.stream.getMediaStream();
    }
    this.video.classList.toggle('off', !cameraOn);
    this.hint.hidden = cameraOn;
    this.hint.replaceChildren(icon('cameraOff'));
    this.controls.refresh();
  }

  close(): void {
    this.controls.close();
    this.video.srcObject = null;
    this.element.remove();
  }

  private explainInsecure(): void {
    const secure = new URL(linkTo(tidyRoom(this.room.input.value)));
    secure.protocol = 'https:';
    this.trouble.replaceChildren(
      icon('warning'),
      el(
        'span',
        {},
        `${text('insecure')} `,
        el('a', { href: secure.href }, text('openSecure')),
        ` — ${text('openSecureHint')}`,
      ),
    );
    this.trouble.hidden = false;
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    const room = tidyRoom(this.room.input.value);
    const name = this.name.input.value.trim() || text('someone');
    if (!room) return this.room.input.focus();
    localStorage.setItem(nameKey, this.name.input.value.trim());
    showRoomInAddress(room);
    this.button.disabled = true;
    this.button.textContent = text('joining');
    await this.onJoin(room, name);
  }
}

function field(name: string, label: string, placeholder: string) {
  const input = el('input', { name, placeholder, maxlength: '64' });
  return { input, label: el('label', {}, el('span', {}, label), input) };
}

function logo(): HTMLElement {
  return el('img', { src: '/icon.svg', alt: '', width: '36', height: '36' });
}
