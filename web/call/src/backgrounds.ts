/** The button that opens the choice of backgrounds, and the choice. */

import type { Background } from './background';
import type { Call } from './call';
import { el, icon } from './dom';
import { type Text, text } from './texts';

const images: [file: string, words: Text][] = [
  ['dawn', 'backgroundDawn'],
  ['room', 'backgroundRoom'],
  ['night', 'backgroundNight'],
];

export class Backgrounds {
  private readonly button = el('button', {
    type: 'button',
    class: 'round background',
    title: text('background'),
    'aria-label': text('background'),
    'aria-expanded': 'false',
    onclick: () => this.open(Boolean(this.menu.hidden)),
  });
  private readonly menu = el('div', {
    class: 'backgrounds',
    role: 'group',
    'aria-label': text('background'),
    hidden: true,
  });
  readonly element = el('div', { class: 'choice' }, this.button, this.menu);
  private readonly choices: [HTMLButtonElement, Background][] = [];
  /** The person's own picture: the address lives as long as the call. */
  private own: string | null = null;
  private readonly onKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape') this.open(false);
  };
  private readonly onClick = (event: Event) => {
    if (!this.element.contains(event.target as Node)) this.open(false);
  };

  constructor(private readonly call: Call) {
    this.button.append(icon('background'));
    this.add('none', text('backgroundNone'));
    this.add('blur', text('backgroundBlur'));
    for (const [file, words] of images) {
      const url = `/backgrounds/${file}.svg`;
      this.add({ url }, text(words), el('img', { src: url, alt: '' }));
    }
    const file = el('input', {
      type: 'file',
      accept: 'image/*',
      onchange: () => this.upload(file),
    });
    this.menu.append(el('label', { class: 'own' }, el('span', {}, text('backgroundOwn')), file));
    document.addEventListener('keydown', this.onKey);
    document.addEventListener('click', this.onClick);
    this.refresh();
  }

  refresh(): void {
    this.element.hidden = !this.call.offersBackgrounds;
    // Without a picture there is nothing behind anybody.
    this.button.disabled = !this.call.cameraOn || this.call.changingBackground;
    if (!this.call.cameraOn) this.open(false);
    this.button.setAttribute('aria-pressed', String(this.call.background !== 'none'));
    for (const [choice, background] of this.choices) {
      choice.disabled = this.button.disabled;
      choice.setAttribute('aria-pressed', String(isSame(background, this.call.background)));
    }
  }

  close(): void {
    document.removeEventListener('keydown', this.onKey);
    document.removeEventListener('click', this.onClick);
    if (this.own) URL.revokeObjectURL(this.own);
  }

  private add(background: Background, words: string, picture?: HTMLElement): void {
    const choice = el(
      'button',
      { type: 'button', onclick: () => this.choose(background) },
      picture,
      el('span', {}, words),
    );
    this.choices.push([choice, background]);
    this.menu.append(choice);
  }

  private upload(input: HTMLInputElement): void {
    const [file] = input.files ?? [];
    if (!file) return;
    const before = this.own;
    const url = URL.createObjectURL(file);
    this.own = url;
    void this.choose({ url }).then(() => before && URL.revokeObjectURL(before));
    // The same file may be chosen again.
    input.value = '';
  }

  private async choose(background: Background): Promise<void> {
    await this.call.setBackground(background);
    this.refresh();
  }

  private open(open: boolean): void {
    this.menu.hidden = !open;
    this.button.setAttribute('aria-expanded', String(open));
  }
}

function isSame(one: Background, other: Background): boolean {
  if (typeof one === 'object' && typeof other === 'object') return one.url === other.url;
  return one === other;
}
