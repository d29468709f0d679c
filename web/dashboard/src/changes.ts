/** Puts what has changed of a session into what is known of it. Pure; what has not changed stays the same objects. */

import type {
  Leg,
  LegsChanges,
  Participant,
  ParticipantChanges,
  SessionChanges,
  SessionDetail,
  Splice,
} from './protocol';

export function changed(before: SessionDetail, changes: SessionChanges): SessionDetail {
  const { people, gone, entries, ...others } = changes;
  return {
    ...before,
    ...others,
    entries: spliced(before.entries, entries),
    people: people || gone ? peopleAfter(before.people, people ?? [], gone ?? []) : before.people,
  };
}

function peopleAfter(
  before: Participant[],
  changes: ParticipantChanges[],
  gone: string[],
): Participant[] {
  const people = new Map(before.map((person) => [person.connection, person]));
  for (const connection of gone) people.delete(connection);
  for (const change of changes) {
    const { connection } = change;
    people.set(connection, personAfter(people.get(connection), change));
  }
  return [...people.values()];
}

function personAfter(
  before: Participant | undefined,
  { publishes, receives, entries, ...others }: ParticipantChanges,
): Participant {
  return {
    // Of somebody new all is told.
    ...(before as Participant),
    ...others,
    entries: spliced(before?.entries, entries),
    publishes: legsAfter(before?.publishes, publishes),
    receives: legsAfter(before?.receives, receives),
  };
}

function legsAfter(before: Leg[] = [], changes?: LegsChanges): Leg[] {
  if (!changes) return before;
  const legs = before.slice(0, changes.length);
  for (const { place, chart, ...others } of changes.changed) {
    const known = legs[place];
    legs[place] = { ...(known as Leg), ...others, chart: spliced(known?.chart, chart) };
  }
  return legs;
}

function spliced<T>(before: T[] = [], splice?: Splice<T>): T[] {
  if (!splice) return before;
  const { keep, skip, drop, added } = splice;
  const end = before.length - drop;
  return [...before.slice(0, keep), ...before.slice(keep + skip, end), ...added];
}
