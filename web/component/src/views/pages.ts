/** Who stands on which page of the stage where there are more people than fit. It knows nothing of elements. */

import type { Participant } from '../call/participant';
import { arrange } from './layout';

/** So many pictures at a time are people still told apart on, and devices keep up with. */
const most = 12;
/** How wide a tile is at least, in pixels: among equals on an upright stage and on another one, and beside a large one. */
const least = { upright: 150, wide: 220, strip: 100 };

/** How many tiles fit on the stage, with so many of them large. */
export function capacity(large: number, width: number, height: number): number {
  const wanted = large ? least.strip : height > width ? least.upright : least.wide;
  for (let count = most; count > large + 1; count--) {
    const boxes = arrange(count, large, width, height);
    if (boxes.slice(large).every((box) => box.width >= wanted)) return count;
  }
  return large + 1;
}

/**
 * Everybody keeps their place, but who speaks comes to the first page: instead of whoever has not spoken there for the longest
 * time. The person is always on it.
 */
export class Places {
  private order: string[] = [];
  /** When somebody spoke last: the greater, the later. */
  private readonly spoke = new Map<string, number>();
  private turn = 0;

  /** `first`: how many the first page has. */
  of(people: Participant[], first: number): Participant[] {
    const there = new Map(people.map((one) => [one.id, one]));
    const kept = this.order.filter((id) => there.has(id));
    const known = new Set(kept);
    const added = people.filter(({ id }) => !known.has(id)).map(({ id }) => id);
    this.order = [...kept, ...added].sort((a, b) => own(there.get(b)) - own(there.get(a)));
    for (const id of this.spoke.keys()) if (!there.has(id)) this.spoke.delete(id);
    const speaking = people.filter((one) => one.speaking && one.microphone && !one.local);
    for (const { id } of speaking) {
      this.turn += 1;
      this.spoke.set(id, this.turn);
    }
    for (const { id } of speaking) this.bring(id, first, there);
    return this.order.map((id) => there.get(id) as Participant);
  }

  private bring(id: string, first: number, there: Map<string, Participant>): void {
    const from = this.order.indexOf(id);
    if (from < first) return;
    let to = -1;
    for (let at = first - 1; at >= 0; at--) {
      const one = there.get(this.order[at]);
      if (!one || one.local || one.speaking) continue;
      if (to < 0 || this.since(at) < this.since(to)) to = at;
    }
    if (to < 0) return;
    [this.order[from], this.order[to]] = [this.order[to], this.order[from]];
  }

  private since(at: number): number {
    return this.spoke.get(this.order[at]) ?? 0;
  }
}

const own = (one: Participant | undefined) => Number(one?.local === true);
