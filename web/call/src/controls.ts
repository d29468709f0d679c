/** Round buttons that switch something on and off, and what keeps them in step with the call. */

import type { Call } from './call';
import { canShareScreen } from './devices';
import { el, type Icon, icon } from './dom';
import { type Text, text } from './texts';

interface Switch {
  on: Icon;
  off: Icon;
  turnOn: Text;
  turnOff: Text;
  /** Of its class in the style sheet. */
  name: string;
  key: string;
  state: (call: Call) => boolean;
  toggle: (call: Call) => Promise<void>;
}

const microphone: Switch = {
  on: 'microphone',
  off: 'microphoneOff',
  turnOn: 'microphoneOn',
  turnOff: 'microphoneOff',
  name: 'microphone',
  key: 'm',
  state: (call) => call.microphoneOn,
  toggle: (call) => call.toggleMicrophone(),
};
const camera: Switch = {
  on: 'camera',
  off: 'cameraOff',
  turnOn: 'cameraOn',
  turnOff: 'cameraOff',
  name: 'camera',
  key: 'v',
  state: (call) => call.cameraOn,
  toggle: (call) => call.toggleCamera(),
};
const screen: Switch = {
  on: 'screen',
  off: 'screen',
  turnOn: 'screenStart',
  turnOff: 'screenStop',
  name: 'screen',
  key: 's',
  state: (call) => call.sharing,
  toggle: (call) => call.toggleScreen(),
};

const captions: Switch = {
  on: 'captions',
  off: 'captions',
  turnOn: 'captionsOn',
  turnOff: 'captionsOff',
  name: 'captions',
  key: 'c',
  state: (call) => call.captioning,
  toggle: (call) => call.toggleCaptions(),
};

export class Controls {
  readonly element = el('div', { class: 'controls', role: 'toolbar' });
  private readonly buttons = new Map<Switch, HTMLButtonElement>();
  private readonly onKey = (event: KeyboardEvent) => this.key(event);

  /** `inCall` adds screen sharing and captions, which have no meaning in the lobby. */
  constructor(
    private readonly call: Call,
    inCall: boolean,
    private readonly afterToggle: () => void,
  ) {
    const offered = [microphone, camera];
    if (inCall && canShareScreen()) offered.push(screen);
    if (inCall && call.canCaption) offered.push(captions);
    for (const which of offered) {
      const button = el('button', {
        type: 'button',
        class: `round ${which.name}`,
        onclick: () => this.toggle(which),
      });
      this.buttons.set(which, button);
      this.element.append(button);
    }
    document.addEventListener('keydown', this.onKey);
    this.refresh();
  }

  refresh(): void {
    for (const [which, button] of this.buttons) {
      const on = which.state(this.call);
      const words = text(on ? which.turnOff : which.turnOn);
      button.replaceChildren(icon(on ? which.on : which.off));
      button.setAttribute('aria-label', words);
      button.setAttribute('aria-pressed', String(on));
      button.title = `${words} (${which.key.toUpperCase()})`;
    }
  }

  close(): void {
    document.removeEventListener('keydown', this.onKey);
  }

  private async toggle(which: Switch): Promise<void> {
    await which.toggle(this.call);
    this.refresh();
    this.afterToggle();
  }

  private key(event: KeyboardEvent): void {
    const typing = event.target instanceof HTMLInputElement;
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const which = [...this.buttons.keys()].find((s) => s.key === event.key.toLowerCase());
    if (which) void this.toggle(which);
  }
}
