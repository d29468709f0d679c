/** What is said, as lines at the bottom of the stage: one for each who speaks, the newest last. */

import { el } from './dom';

/** A line is gone so long after its last change. */
const shown = 7_000;
const most = 3;

interface Line {
  element: HTMLElement;
  words: HTMLElement;
  timer: number;
  final: boolean;
}

export class Captions {
  readonly element = el('div', { class: 'spoken', hidden: true });
  private readonly lines = new Map<string, Line>();

  /** `id` is of the speaker. */
  say(id: string, name: string, words: string, final: boolean): void {
    const line = this.lines.get(id) ?? this.begin(id, name);
    // Something new begins: the line moves to the end.
    if (line.final) this.element.append(line.element);
    line.final = final;
    line.words.textContent = words;
    window.clearTimeout(line.timer);
    line.timer = window.setTimeout(() => this.end(id), shown);
    this.element.hidden = false;
  }

  clear(): void {
    for (const id of [...this.lines.keys()]) this.end(id);
  }

  private begin(id: string, name: string): Line {
    const [oldest] = this.lines.keys();
    if (oldest !== undefined && this.lines.size >= most) this.end(oldest);
    const words = el('span', {});
    const element = el('p', {}, el('b', {}, name), ' ', words);
    this.element.append(element);
    const line = { element, words, timer: 0, final: false };
    this.lines.set(id, line);
    return line;
  }

  private end(id: string): void {
    const line = this.lines.get(id);
    if (!line) return;
    window.clearTimeout(line.timer);
    line.element.remove();
    this.lines.delete(id);
    this.element.hidden = this.lines.size === 0;
  }
}
