/**
 * What the parts of the element have in common. They have no shadow of their own: one style sheet, slots and `::part`
 * reach all of them.
 */

import { LitElement } from 'lit';
import type { Say } from '../texts';

export class Part extends LitElement {
  static override properties: Record<string, object> = { say: { attribute: false } };
  declare say: Say;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}

/** Once, although the script may be loaded twice. */
export function define(name: string, part: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, part);
}
