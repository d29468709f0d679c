/** What all parts of the page share: elements without a shadow, so that one style sheet and one order of headings serve all. */

import { LitElement, type ReactiveController } from 'lit';

export class View extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}

/** Draws an element again whenever something says that it has changed. */
export class Follow implements ReactiveController {
  private readonly draw: () => void;

  constructor(
    host: LitElement,
    private readonly source: EventTarget,
  ) {
    this.draw = () => host.requestUpdate();
    host.addController(this);
  }

  hostConnected(): void {
    this.source.addEventListener('change', this.draw);
  }

  hostDisconnected(): void {
    this.source.removeEventListener('change', this.draw);
  }
}

/** Something that is fetched once and drawn when it is there. */
export class Fetched<T> implements ReactiveController {
  value: T | null = null;
  error: string | null = null;
  running = false;
  private newest = 0;

  constructor(private readonly host: LitElement) {
    host.addController(this);
  }

  hostConnected(): void {}

  /** Only the answer to the last question counts. */
  async ask(question: () => Promise<T>): Promise<void> {
    this.newest += 1;
    const mine = this.newest;
    this.running = true;
    this.error = null;
    this.host.requestUpdate();
    try {
      const value = await question();
      if (mine === this.newest) this.value = value;
    } catch (error) {
      if (mine === this.newest) this.error = (error as Error).message;
    }
    if (mine !== this.newest) return;
    this.running = false;
    this.host.requestUpdate();
  }
}
