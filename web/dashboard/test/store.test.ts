import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding, SessionSummary } from '../src/protocol';
import { listed, peopleInOrder, Store } from '../src/store';
import { detail, finding, leg, person, serverAt, summary } from './made';

const told = (sessions: SessionSummary[]) => listed(sessions, '', 'trouble').map(({ id }) => id);

test('changed sessions replace what was known, and gone ones go', () => {
  const store = new Store();
  store.begin();
  store.take({ kind: 'sessions', changed: [summary('a'), summary('b')], gone: [] }, 0);
  const before = store.sessions;
  store.take(
    { kind: 'sessions', changed: [summary('a', { participants: 7 })], gone: ['b_1000'] },
    0,
  );
  assert.deepEqual(
    [...store.sessions.values()].map((s) => [s.id, s.participants]),
    [['a', 7]],
  );
  assert.notEqual(store.sessions, before, 'a list that draws by identity sees the change');
});

test('a session that is gone may be named by its id, and come again in the same message', () => {
  const store = new Store();
  store.begin();
  store.take({ kind: 'sessions', changed: [summary('a')], gone: [] }, 0);
  const again = summary('a', { createdAt: 5000, key: 'a_5000' });
  store.take({ kind: 'sessions', changed: [again], gone: ['a'] }, 0);
  assert.deepEqual([...store.sessions.keys()], ['a_5000']);
});

test('the first list after a new connection replaces everything; until then the old one stays', () => {
  const store = new Store();
  store.begin();
  store.take({ kind: 'sessions', changed: [summary('old')], gone: [] }, 0);
  store.begin();
  assert.deepEqual([...store.sessions.keys()], ['old_1000']);
  assert.equal(store.complete, false);
  store.take({ kind: 'sessions', changed: [summary('new')], gone: [] }, 0);
  assert.deepEqual([...store.sessions.keys()], ['new_1000']);
});

test('what is told of a session that is no longer watched is dropped', () => {
  const store = new Store();
  store.watch('other');
  store.take({ kind: 'session', session: detail([]) }, 0);
  const shown = () => store.session?.id ?? null;
  assert.equal(shown(), null);
  store.watch('room');
  store.take({ kind: 'session', session: detail([]) }, 0);
  assert.equal(shown(), 'room');
});

test('of a watched session that ends, what was known stays beside where its story is', () => {
  const store = new Store();
  store.watch('room');
  store.take({ kind: 'session', session: detail([person('ann')]) }, 0);
  store.take({ kind: 'unknown', id: 'elsewhere', key: 'x' }, 0);
  assert.equal(store.missing, null);
  store.take({ kind: 'unknown', id: 'room', key: 'room_1000' }, 0);
  assert.deepEqual(store.missing, { key: 'room_1000' });
  assert.equal(store.session?.people.length, 1);
});

test('traffic is remembered for minutes, and forgotten when the server was started anew', () => {
  const store = new Store();
  for (let at = 0; at <= 400_000; at += 100_000) {
    store.take({ kind: 'server', server: serverAt(at) }, at);
  }
  assert.deepEqual(store.traffic.at, [100_000, 200_000, 300_000, 400_000]);
  store.take({ kind: 'server', server: serverAt(410_000, 405_000) }, 0);
  assert.deepEqual(store.traffic.at, [410_000]);
  assert.equal(store.traffic.sent.length, 1);
  assert.equal(store.ahead, 410_000);
});

test('sessions in trouble come first, then the newest; equal ones keep their places', () => {
  const sessions = [
    summary('fine', { createdAt: 9 }),
    summary('warned', { worst: 'warning' }),
    summary('bad', { worst: 'bad', createdAt: 1 }),
    summary('newer', { worst: 'bad', createdAt: 2 }),
    summary('b', { createdAt: 5 }),
    summary('a', { createdAt: 5 }),
  ];
  const order = ['newer', 'bad', 'warned', 'fine', 'a', 'b'];
  assert.deepEqual(told(sessions), order);
  assert.deepEqual(told([...sessions].reverse()), order);
});

test('a search finds by all of its words, in ids and names, in any case', () => {
  const sessions = [summary('Room-1', { names: ['김민준', 'Anna'] }), summary('room-2')];
  const found = (words: string) => listed(sessions, words, 'name').map(({ id }) => id);
  assert.deepEqual(found(' ROOM '), ['Room-1', 'room-2']);
  assert.deepEqual(found('anna room'), ['Room-1']);
  assert.deepEqual(found('민준'), ['Room-1']);
  assert.deepEqual(found('anna 2'), []);
});

test('names with numbers are in the order of the numbers', () => {
  const ids = ['room-10', 'room-9', 'room-1'].map((id) => summary(id));
  assert.deepEqual(
    listed(ids, '', 'name').map(({ id }) => id),
    ['room-1', 'room-9', 'room-10'],
  );
});

test('people: the worst findings first, who has left or never came last', () => {
  const withLevel = (level: Finding['level']) => ({ findings: [finding({ level })] });
  const people = [
    person('pending', { joinedAt: null, ...withLevel('bad') }),
    person('left', { leftAt: 9, ...withLevel('bad') }),
    person('late', { joinedAt: 3 }),
    person('early', { joinedAt: 2, publishes: [leg()] }),
    person('warned', withLevel('warning')),
    person('bad', { joinedAt: 9, ...withLevel('bad') }),
  ];
  assert.deepEqual(
    peopleInOrder(people).map(({ connection }) => connection),
    ['bad', 'warned', 'early', 'late', 'left', 'pending'],
  );
});
