/** What the server has told so far. Pure: messages go in, the whole state is there to be read. */

import { changed } from './changes';
import type { FromServer, Participant, Server, SessionDetail, SessionSummary } from './protocol';

/** At which times, and the bits in a second then. */
export interface Traffic {
  at: number[];
  received: number[];
  sent: number[];
}

/** How long the page remembers the traffic of the server. */
const REMEMBERED_MS = 5 * 60_000;

export class Store {
  server: Server | null = null;
  /** How far the server's clock is ahead of this one. */
  ahead = 0;
  traffic: Traffic = { at: [], received: [], sent: [] };
  /** By key: an id may come again. */
  sessions = new Map<string, SessionSummary>();
  /** Which session the page asked for; null: none. */
  watched: string | null = null;
  session: SessionDetail | null = null;
  /** The watched session is not there; where its story is. */
  missing: { key?: string } | null = null;
  /** Whether all sessions have been told since the connection began. */
  complete = false;

  /** A new connection: what comes now is everything, and replaces what is shown once it is there. */
  begin(): void {
    this.complete = false;
  }

  /** Something else is watched from now on. */
  watch(id: string | null): void {
    if (id === this.watched) return;
    this.watched = id;
    this.session = null;
    this.missing = null;
  }

  take(message: FromServer, localNow: number): void {
    switch (message.kind) {
      case 'server':
        this.server = message.server;
        this.ahead = message.server.now - localNow;
        this.remember(message.server);
        break;
      case 'sessions':
        this.takeSessions(message.changed, message.gone);
        break;
      case 'session':
        if (message.session.id !== this.watched) break;
        this.session = message.session;
        this.missing = null;
        break;
      case 'changes':
        if (message.id !== this.watched || this.session === null) break;
        this.session = changed(this.session, message.changes);
        break;
      case 'unknown':
        if (message.id === this.watched) this.missing = { key: message.key };
        break;
    }
  }

  private takeSessions(changed: SessionSummary[], gone: string[]): void {
    // A new map each time: who draws the list sees by it that there is something to draw.
    const sessions = this.complete ? new Map(this.sessions) : new Map<string, SessionSummary>();
    this.complete = true;
    const away = new Set(gone);
    if (away.size > 0) {
      for (const [key, { id }] of sessions) {
        if (away.has(key) || away.has(id)) sessions.delete(key);
      }
    }
    for (const session of changed) sessions.set(session.key, session);
    this.sessions = sessions;
  }

  private remember({ now, receivedBps, sentBps, startedAt }: Server): void {
    const { at, received, sent } = this.traffic;
    // A server that was started anew has a past of its own.
    const from = at.findIndex((time) => time >= Math.max(now - REMEMBERED_MS, startedAt));
    const keep = <T>(list: T[]) => (from < 0 ? [] : list.slice(from));
    this.traffic = {
      at: [...keep(at), now],
      received: [...keep(received), receivedBps],
      sent: [...keep(sent), sentBps],
    };
  }
}

export type Order = 'trouble' | 'newest' | 'people' | 'name';

const WORSE = { bad: 3, warning: 2, info: 1 } as const;

/** How bad, for sorting: 0 is fine. */
export const badness = (level: SessionSummary['worst']): number => (level ? WORSE[level] : 0);

/** Those that have the words somewhere, in the wanted order. Equal ones keep a place of their own, so that nothing jumps. */
export function listed(
  sessions: Iterable<SessionSummary>,
  search: string,
  order: Order,
): SessionSummary[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = ({ id, names }: SessionSummary) => {
    if (words.length === 0) return true;
    const where = `${id} ${names.join(' ')}`.toLowerCase();
    return words.every((word) => where.includes(word));
  };
  const newest = (a: SessionSummary, b: SessionSummary) =>
    b.createdAt - a.createdAt || (a.key < b.key ? -1 : 1);
  const by: Record<Order, (a: SessionSummary, b: SessionSummary) => number> = {
    trouble: (a, b) => badness(b.worst) - badness(a.worst),
    newest: () => 0,
    people: (a, b) => b.participants - a.participants,
    name: (a, b) => a.id.localeCompare(b.id, undefined, { numeric: true }),
  };
  return [...sessions].filter(fits).sort((a, b) => by[order](a, b) || newest(a, b));
}

/** Who is there before who has left, and those before who never came; the worst findings first; then as they came. */
export function peopleInOrder(people: Participant[]): Participant[] {
  const worst = (person: Participant) =>
    Math.max(0, ...person.findings.map(({ level }) => badness(level)));
  const came = ({ joinedAt, tokenMadeAt }: Participant) => joinedAt ?? tokenMadeAt ?? 0;
  const place = ({ joinedAt, leftAt }: Participant) =>
    joinedAt === null ? 2 : Number(leftAt !== null);
  return [...people].sort(
    (a, b) => place(a) - place(b) || worst(b) - worst(a) || came(a) - came(b),
  );
}
