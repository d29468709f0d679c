import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changed } from '../src/changes';
import type { Leg } from '../src/protocol';
import { Store } from '../src/store';
import { detail, leg, person } from './made';

const entry = (at: number) => ({ at, code: 'made', level: 'info' as const, text: String(at) });

test('people and legs who have not changed stay the same objects', () => {
  const before = detail([
    person('ann', { publishes: [leg()] }),
    person('bob', { receives: [leg(), leg({ stream: 'other' })] }),
  ]);
  const receives = { length: 2, changed: [{ place: 1, audioBps: 9 }] };
  const after = changed(before, { people: [{ connection: 'bob', quality: 1, receives }] });
  const [ann, bob] = after.people;
  assert.equal(ann, before.people[0]);
  assert.equal(bob?.quality, 1);
  assert.equal(bob?.receives[0], before.people[1]?.receives[0]);
  assert.deepEqual(
    bob?.receives.map(({ stream, audioBps }) => [stream, audioBps]),
    [
      ['str_CAM_a', 0],
      ['other', 9],
    ],
  );
});

test('charts and timelines grow at their ends, and lose what is old', () => {
  const chart: Leg['chart'] = [
    [1, 10, null, null],
    [2, 20, null, null],
  ];
  const before = {
    ...detail([person('ann', { publishes: [leg({ chart })] })]),
    entries: [1, 2, 3, 4].map(entry),
  };
  const after = changed(before, {
    entries: { keep: 1, skip: 1, drop: 1, added: [entry(5), entry(6)] },
    people: [
      {
        connection: 'ann',
        publishes: {
          length: 1,
          changed: [
            { place: 0, chart: { keep: 0, skip: 1, drop: 0, added: [[3, 30, null, null]] } },
          ],
        },
      },
    ],
  });
  assert.deepEqual(
    after.entries.map(({ at }) => at),
    [1, 3, 5, 6],
  );
  assert.deepEqual(
    after.people[0]?.publishes[0]?.chart.map(([at]) => at),
    [2, 3],
  );
});

test('somebody new comes with everything, and whoever is gone goes', () => {
  const { entries, publishes, receives, ...bob } = person('bob');
  const after = changed(detail([person('ann')]), { people: [bob], gone: ['ann'] });
  assert.deepEqual(after.people, [{ ...bob, entries, publishes, receives }]);
});

test('changes of a session that is not watched are dropped', () => {
  const store = new Store();
  store.watch('room');
  store.take({ kind: 'changes', id: 'room', changes: { participants: 9 } }, 0);
  const shown = () => store.session?.participants ?? null;
  assert.equal(shown(), null, 'nothing is known yet');
  store.take({ kind: 'session', session: detail([]) }, 0);
  store.take({ kind: 'changes', id: 'elsewhere', changes: { participants: 9 } }, 0);
  assert.equal(shown(), 2);
  store.take({ kind: 'changes', id: 'room', changes: { participants: 9 } }, 0);
  assert.equal(shown(), 9);
});
