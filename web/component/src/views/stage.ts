/**
 * The stage: everybody's tile, alike or with some of them large, on pages if there are many. Tiles never move in the document, or
 * their pictures would stop; those of other pages are hidden, and go on being heard.
 */

import { html, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Layout } from '../api';
import type { Participant } from '../call/participant';
import { icon } from '../icons';
import { arrange, type Box } from './layout';
import { capacity, Places } from './pages';
import { define, Part } from './part';
import './tile';
import type { TileShows } from './tile';

/** Of the buttons that turn pages, with the space around them; as the style sheet has them. */
const turnerHeight = 48;

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
    page: { state: true },
  };
  declare participants: Participant[];
  declare mode: Layout;
  declare pinned: string | null;
  declare lastSpeaker: string | null;
  declare speaker: string;
  declare shows: TileShows;
  declare size: { width: number; height: number };
  /** From 0; there may be fewer by now. */
  declare page: number;

  private readonly places = new Places();
  private visible = '';

  private readonly observer = new ResizeObserver(([{ contentRect }]) => {
    this.size = { width: contentRect.width, height: contentRect.height };
  });

  constructor() {
    super();
    this.size = { width: 0, height: 0 };
    this.page = 0;
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
    const { order, page, pages, height } = this.paged(shown, large);
    const boxes = arrange(order.length, large.size, this.size.width, height);
    const places = new Map(order.map(({ id }, at) => [id, boxes[at]]));
    this.tell(order);
    return html`${repeat(
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
    )}
    ${pages > 1 ? this.turner(page, pages) : nothing}`;
  }

  /** Who is on the page that is shown, in which order; large ones are on each. */
  private paged(shown: Participant[], large: Set<string>) {
    const { width, height } = this.size;
    const first = shown.filter(({ id }) => large.has(id));
    const others = shown.filter(({ id }) => !large.has(id));
    const room = capacity(large.size, width, height) - large.size;
    // Before it is on the screen nobody knows what fits.
    if (!width || others.length <= room) {
      const order = this.places.of(others, others.length);
      return { order: [...first, ...order], page: 0, pages: 1, height };
    }
    const less = height - turnerHeight;
    const each = capacity(large.size, width, less) - large.size;
    const pages = Math.ceil(others.length / each);
    const page = Math.min(this.page, pages - 1);
    const order = this.places.of(others, each).slice(page * each, (page + 1) * each);
    return { order: [...first, ...order], page, pages, height: less };
  }

  private turner(page: number, pages: number) {
    const { say } = this;
    const turn = (to: number, words: string, drawing: 'previous' | 'next') => html`<button
      type="button" class="icon-button" aria-label=${words} title=${words}
      ?disabled=${to < 0 || to >= pages} @click=${() => this.turn(to)}>${icon(drawing)}</button>`;
    return html`<nav class="pages" part="pages" aria-label=${say('pages')}>
      ${turn(page - 1, say('pagePrevious'), 'previous')}
      <span role="status" aria-label=${say('pageOf', { n: page + 1, all: pages })}>${page + 1} / ${pages}</span>
      ${turn(page + 1, say('pageNext'), 'next')}
    </nav>`;
  }

  private turn(to: number): void {
    this.page = to;
  }

  /** Whose pictures are seen, whenever that changes. */
  private tell(order: Participant[]): void {
    const ids = order.map(({ id }) => id);
    const visible = [...ids].sort().join();
    if (visible === this.visible) return;
    this.visible = visible;
    this.dispatchEvent(new CustomEvent('visible', { detail: new Set(ids) }));
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

function placed(box: Box | undefined): string {
  if (!box?.width) return 'visibility:hidden';
  return `transform:translate(${box.x}px,${box.y}px);width:${box.width}px;height:${box.height}px`;
}
