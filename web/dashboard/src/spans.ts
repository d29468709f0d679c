/** A session's time as lanes, one for each person, and its entries as one list. Pure. */

import type { Entry, Level, Participant, SessionDetail } from './protocol';

export interface Span {
  from: number;
  to: number;
}

export interface Lane {
  person: Participant;
  /** Between joining and leaving; null: never came. */
  present: Span | null;
  /** Its socket was lost and has not come back. */
  lost: Span | null;
  /** Media arrived or left on some leg. */
  media: Span[];
  /** Something was wrong. */
  troubled: (Span & { level: Level; text: string })[];
  /** Entries that are more than information. */
  marks: Entry[];
}

/** The time that the chart shows. */
export function extent(session: SessionDetail, now: number): Span {
  const from = session.createdAt;
  return { from, to: Math.max(session.endedAt ?? now, from + 1000) };
}

export function lane(person: Participant, { from, to }: Span): Lane {
  const end = Math.min(person.leftAt ?? to, to);
  const within = (span: Span): Span => ({
    from: Math.max(span.from, from),
    to: Math.max(Math.min(span.to, end), Math.max(span.from, from)),
  });
  const present = person.joinedAt === null ? null : within({ from: person.joinedAt, to: end });
  const lost = person.lostAt === null ? null : within({ from: person.lostAt, to: end });
  return {
    person,
    present,
    lost,
    media: joined(
      [...person.publishes, ...person.receives].flatMap((leg) => {
        const connected = leg.state === 'flowing' || leg.state === 'connected';
        if (connected) return [within({ from: leg.since, to: end })];
        // Of a leg that has ended, what was measured tells when it carried something.
        const carried = leg.chart.filter(([, bps]) => bps > 0).map(([at]) => at);
        const [first, last] = [carried[0], carried.at(-1)];
        return first === undefined || last === undefined ? [] : [within({ from: first, to: last })];
      }),
    ),
    troubled: [...troublesOf(person.entries, end), ...findingsOf(person, end)].map((trouble) => ({
      ...trouble,
      ...within(trouble),
    })),
    marks: person.entries.filter(({ level }) => level !== 'info'),
  };
}

/** Which entries tell that a trouble is over. One that is not here is a moment, and has a mark only. */
const OVER: Record<string, string[]> = {
  'socket-lost': ['socket-back', 'came-back', 'left'],
  cut: ['connected', 'closed', 'left'],
  silent: ['heard', 'closed', 'left'],
  still: ['first-key-frame', 'heard', 'camera', 'closed', 'left'],
  paused: ['resumed', 'closed', 'left'],
  quality: ['quality', 'left'],
};

/** From an entry that tells of lasting trouble to the one that tells of its end. */
function troublesOf(entries: Entry[], end: number): Lane['troubled'] {
  return entries.flatMap(({ at, code, level, stream, text }, index) => {
    const over = OVER[code];
    if (level === 'info' || over === undefined) return [];
    const ends = entries
      .slice(index + 1)
      .find((later) => over.includes(later.code) && (later.stream ?? stream) === stream);
    return [{ from: at, to: ends?.at ?? end, level, text }];
  });
}

function findingsOf(person: Participant, end: number): Lane['troubled'] {
  return person.findings
    .filter(({ level }) => level !== 'info')
    .map(({ since, level, sentence }) => ({ from: since, to: end, level, text: sentence }));
}

/** Spans that touch become one. */
export function joined(spans: Span[]): Span[] {
  const result: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else result.push({ ...span });
  }
  return result;
}

/** Where a time is in the span, in percent. */
export function percent(at: number, { from, to }: Span): number {
  return Math.min(100, Math.max(0, ((at - from) / (to - from)) * 100));
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200];

/** Round times since the start for the axis, about as many as asked for. */
export function ticks({ from, to }: Span, wanted: number): number[] {
  const seconds = (to - from) / 1000;
  const step = STEPS_S.find((candidate) => seconds / candidate <= wanted) ?? 86_400;
  // None at the very end, where its words would not fit.
  const count = Math.floor((seconds * 0.95) / step) + 1;
  return Array.from({ length: count }, (_, index) => from + index * step * 1000);
}

/** An entry, and whose it is: nobody's if it is about the session. */
export interface Told {
  entry: Entry;
  person: Participant | null;
}

export interface Filter {
  /** A connection; `session`: what is about nobody; empty: everything. */
  person: string;
  stream: string;
  level: 'all' | 'warning' | 'bad';
}

/** Everything that happened, the earliest first. */
export function told(session: SessionDetail, { person, stream, level }: Filter): Told[] {
  const all: Told[] = [
    ...session.entries.map((entry) => ({ entry, person: null })),
    ...session.people.flatMap((who) => who.entries.map((entry) => ({ entry, person: who }))),
  ];
  return all
    .filter(
      (one) =>
        (person === '' || (one.person?.connection ?? 'session') === person) &&
        (stream === '' || one.entry.stream === stream) &&
        (level === 'all' || one.entry.level === 'bad' || one.entry.level === level),
    )
    .sort((a, b) => a.entry.at - b.entry.at);
}
