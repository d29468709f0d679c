/** The stage: everybody's tile in a grid that fits the window; a shared screen takes the large part. */

import type { Participant } from './call';
import { el } from './dom';
import { bestFit } from './layout';
import { Tile } from './tile';

const gap = 10;
const ratio = 16 / 9;

export class Stage {
  private readonly screens = el('div', { class: 'screens' });
  private readonly people = el('div', { class: 'people' });
  readonly element = el('section', { class: 'stage' }, this.screens, this.people);
  private readonly tiles = new Map<string, Tile>();
  private readonly observer = new ResizeObserver(() => this.arrange());

  constructor(private readonly onBlocked: (video: HTMLVideoElement) => void) {
    this.observer.observe(this.screens);
    this.observer.observe(this.people);
    this.observer.observe(this.element);
  }

  show(participants: Iterable<Participant>): void {
    const shown = [...participants].filter((p) => !p.screen || p.stream);
    const ids = new Set(shown.map((p) => p.id));
    for (const [id, tile] of this.tiles) {
      if (ids.has(id)) continue;
      tile.remove();
      this.tiles.delete(id);
    }
    for (const participant of shown) {
      let tile = this.tiles.get(participant.id);
      if (!tile) {
        tile = new Tile(this.onBlocked);
        this.tiles.set(participant.id, tile);
        (participant.screen ? this.screens : this.people).append(tile.element);
      }
      tile.show(participant);
    }
    this.element.classList.toggle('sharing', this.screens.childElementCount > 0);
    this.arrange();
  }

  private arrange(): void {
    for (const box of [this.screens, this.people]) {
      const count = box.childElementCount;
      if (!count || !box.clientWidth) continue;
      // With a screen on stage the people are a strip, laid out by the style sheet alone.
      if (box === this.people && this.element.classList.contains('sharing')) {
        box.style.removeProperty('--tile');
        continue;
      }
      const upright = box.clientHeight > box.clientWidth && box === this.people;
      const shape = upright ? 1 : ratio;
      const { tile } = bestFit(count, box.clientWidth, box.clientHeight, gap, shape);
      box.style.setProperty('--tile', `${tile}px`);
      box.style.setProperty('--ratio', String(shape));
    }
  }
}
