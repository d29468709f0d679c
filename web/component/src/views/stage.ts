/** The stage: everybody's tile, alike or with some of them large. Tiles never move in the document, or their pictures would stop. */

import { html } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Layout } from '../api';
import type { Participant } from '../call/participant';
import { arrange, type Box } from './layout';
import { define, Part } from './part';
import './tile';
import type { TileShows } from './tile';

export class Stage extends Part {
  static override properties = {
    ...Part.properties,
    participants: { attribute: false },
    mode: { attribute: false },
    pinned: { attribute: false },
    lastSpeaker: { attribute: false },
    speaker: { attribute: false },
    shows: { attribute: false },
    size: { state: true },
  };
  declare participants: Participant[];
  declare mode: Layout;
  declare pinned: string | null;
  declare lastSpeaker: string | null;
  declare speaker: string;
  declare shows: TileShows;
  declare size: { width: number; height: number };

  private readonly observer = new ResizeObserver(([{ contentRect }]) => {
    this.size = { width: contentRect.width, height: contentRect.height };
  });

  constructor() {
    super();
    this.size = { width: 0, height: 0 };
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.observer.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.observer.disconnect();
  }

  protected override render() {
    const shown = this.participants.filter((one) => !one.screen || one.stream);
    const large = this.large(shown);
    const order = [...shown].sort((a, b) => rank(a, large) - rank(b, large));
    const boxes = arrange(order.length, large.size, this.size.width, this.size.height);
    const places = new Map(order.map(({ id }, at) => [id, boxes[at]]));
    return repeat(
      shown,
      ({ id }) => id,
      (participant) => html`<madang-call-tile
        class="tile" part="tile" role="group" aria-label=${participant.name}
        style=${placed(places.get(participant.id))}
        .say=${this.say}
        .participant=${participant}
        .speaker=${this.speaker}
        .shows=${this.shows}
        .pinned=${this.pinned === participant.id}
      ></madang-call-tile>`,
    );
  }

  /** Who stands out: who is pinned, or else shared screens, or else whoever speaks. */
  private large(shown: Participant[]): Set<string> {
    if (shown.some(({ id }) => id === this.pinned)) return new Set([this.pinned as string]);
    const screens = shown.filter(({ screen }) => screen);
    if (screens.length) return new Set(screens.map(({ id }) => id));
    if (this.mode === 'grid' || shown.length < 2) return new Set();
    const speaker =
      shown.find(({ id }) => id === this.lastSpeaker) ?? shown.find(({ local }) => !local);
    return new Set(speaker ? [speaker.id] : []);
  }
}

define('madang-call-stage', Stage);

function rank({ id, local }: Participant, large: Set<string>): number {
  if (large.has(id)) return 0;
  return local ? 1 : 2;
}

function placed(box: Box | undefined): string {
  if (!box?.width) return 'visibility:hidden';
  return `transform:translate(${box.x}px,${box.y}px);width:${box.width}px;height:${box.height}px`;
}
