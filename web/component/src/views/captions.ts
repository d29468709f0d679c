/** What is said, as lines at the bottom of the stage: one for each who speaks, the newest last. */

import { html, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';

/** A line is gone so long after its last change. */
const shown = 7_000;
const most = 3;

interface Line {
  id: string;
  name: string;
  words: string;
  timer: number;
  final: boolean;
}

export class Captions {
  private lines: Line[] = [];

  constructor(private readonly changed: () => void) {}

  /** `id` is of the speaker. */
  say(id: string, name: string, words: string, final: boolean): void {
    let line = this.lines.find((line) => line.id === id);
    // Something new begins: the line moves to the end.
    if (!line || line.final) {
      this.lines = this.lines.filter((other) => other !== line);
      line ??= { id, name, words, timer: 0, final };
      this.lines.push(line);
    }
    window.clearTimeout(line.timer);
    const timer = window.setTimeout(() => this.end(id), shown);
    Object.assign(line, { name, words, final, timer });
    while (this.lines.length > most) window.clearTimeout(this.lines.shift()?.timer);
    this.changed();
  }

  clear(): void {
    for (const { timer } of this.lines) window.clearTimeout(timer);
    this.lines = [];
  }

  render(): TemplateResult {
    return html`<div class="spoken" part="captions" ?hidden=${!this.lines.length}>
      ${repeat(
        this.lines,
        ({ id }) => id,
        ({ name, words }) => html`<p><b>${name}</b> <span>${words}</span></p>`,
      )}
    </div>`;
  }

  private end(id: string): void {
    this.lines = this.lines.filter((line) => line.id !== id);
    this.changed();
  }
}
