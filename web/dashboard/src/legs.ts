/** What the legs of a session come to: how one stands, and who sees whom. Pure. */

import type { Finding, Leg, Participant } from './protocol';

export type Tone = 'good' | 'warning' | 'bad' | 'idle';

/** More lost than this is seen and heard. */
const MUCH_LOST_PERMILLE = 50;

/** How a leg stands: its state, what is to be said of one whose packets flow, or what became of one that has ended. */
export type Standing =
  | Exclude<Leg['state'], 'closed'>
  | 'paused'
  | 'lossy'
  | 'off'
  | 'flowed'
  | 'empty';

export function standing(leg: Leg): Standing {
  if (leg.state === 'closed') return leg.flowed ? 'flowed' : 'empty';
  if (leg.state !== 'flowing' && leg.state !== 'connected') return leg.state;
  if (leg.pause !== null) return 'paused';
  const silent = !(leg.hasAudio && leg.audioActive) && !(leg.hasVideo && leg.videoActive);
  if (silent) return 'off';
  if (leg.state === 'flowing' && (leg.lostPermille ?? 0) >= MUCH_LOST_PERMILLE) return 'lossy';
  return leg.state;
}

/** Beside the colour: steps on the way are counted, ends have a sign. */
export const SIGNS: Record<Standing, string> = {
  asked: '1',
  negotiated: '2',
  reached: '3',
  connected: '4',
  flowing: '✓',
  lossy: '≈',
  paused: 'Ⅱ',
  off: '○',
  cut: '!',
  refused: '✕',
  flowed: '–',
  empty: '∅',
};

const TONES: Record<Standing, Tone> = {
  asked: 'warning',
  negotiated: 'warning',
  reached: 'warning',
  connected: 'warning',
  flowing: 'good',
  lossy: 'warning',
  paused: 'idle',
  off: 'idle',
  cut: 'bad',
  refused: 'bad',
  flowed: 'idle',
  empty: 'warning',
};

/** Its colour. A finding about it says more than its state does. */
export function tone(leg: Leg, finding: Finding | undefined): Tone {
  if (finding?.level === 'bad') return 'bad';
  if (leg.pause === 'bandwidth') return 'warning';
  const own = TONES[standing(leg)];
  return finding?.level === 'warning' && own !== 'bad' ? 'warning' : own;
}

/** The finding about one stream, for whoever receives or publishes it. */
export const findingAbout = (person: Participant, stream: string): Finding | undefined =>
  person.findings.find((finding) => finding.stream === stream);

export interface Column {
  stream: string;
  publisher: Participant;
  leg: Leg;
  /** Whether the publisher has others beside it, so that its source is to be named. */
  oneOfMany: boolean;
}

export interface Cell {
  column: Column;
  /** Who is at the other end; the publisher's own leg on the diagonal. */
  person: Participant;
  leg: Leg | null;
  own: boolean;
  finding: Finding | undefined;
}

export interface Matrix {
  columns: Column[];
  rows: { person: Participant; cells: Cell[] }[];
}

/** Who sees whom: a row for who receives, a column for each stream. `gone` includes who has left and what has ended. */
export function matrix(people: Participant[], gone: boolean): Matrix {
  const here = people.filter(
    (person) => person.joinedAt !== null && (gone || person.leftAt === null),
  );
  const columns = here.flatMap((publisher) => {
    const legs = latest(publisher.publishes).filter((leg) => gone || leg.state !== 'closed');
    return legs.map((leg) => ({
      stream: leg.stream,
      publisher,
      leg,
      oneOfMany: legs.length > 1,
    }));
  });
  const rows = here
    .filter((person) => person.kind !== 'camera')
    .map((person) => {
      const received = new Map(person.receives.map((leg) => [leg.stream, leg]));
      const cells = columns.map((column) => {
        const own = column.publisher.connection === person.connection;
        const leg = own ? column.leg : (received.get(column.stream) ?? null);
        return { column, person, leg, own, finding: findingAbout(person, column.stream) };
      });
      return { person, cells };
    });
  return { columns, rows };
}

/** What somebody publishes now; of who does not any more, what it was at last. The server keeps earlier ones, too. */
export function current(legs: Leg[]): Leg[] {
  const open = latest(legs).filter(({ state }) => state !== 'closed');
  return open.length > 0 ? open : legs.slice(-1);
}

/** The last leg of each stream. */
function latest(legs: Leg[]): Leg[] {
  return [...new Map(legs.map((leg) => [leg.stream, leg])).values()];
}

/** How many streams arrive, of those that are meant to; of who receives none any more, how many had arrived. */
export function arriving(legs: Leg[]): { arrive: number; all: number } {
  const open = legs.filter(({ state }) => state !== 'closed');
  const counted = open.length > 0 ? open : latest(legs);
  const arrive = counted.filter((leg) => leg.state === 'flowing' || standing(leg) === 'flowed');
  return { arrive: arrive.length, all: counted.length };
}

export const rate = (leg: Leg): number => leg.audioBps + leg.videoBps;

/** Where somebody stands. */
export type Presence = 'pending' | 'here' | 'lost' | 'left';

export function presence({ joinedAt, lostAt, leftAt }: Participant): Presence {
  if (leftAt !== null) return 'left';
  if (joinedAt === null) return 'pending';
  return lostAt === null ? 'here' : 'lost';
}
