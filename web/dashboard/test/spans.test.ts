import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '../src/protocol';
import { extent, joined, lane, percent, ticks, told } from '../src/spans';
import { detail, finding, leg, person } from './made';

const entry = (at: number, level: Entry['level'], stream?: string): Entry => ({
  at,
  code: `c${at}`,
  level,
  text: `t${at}`,
  ...(stream === undefined ? {} : { stream }),
});
const span = { from: 1000, to: 11_000 };

test('a chart ends now, or when the session did', () => {
  assert.deepEqual(extent(detail([]), 61_000), { from: 1000, to: 61_000 });
  assert.deepEqual(extent(detail([], { endedAt: 21_000 }), 61_000), { from: 1000, to: 21_000 });
  assert.deepEqual(extent(detail([]), 1000), { from: 1000, to: 2000 }, 'never nothing');
});

test('a lane says when somebody was there, and media with them', () => {
  const drawn = lane(person('ann', { joinedAt: 2000, publishes: [leg({ since: 4000 })] }), span);
  assert.deepEqual(drawn.present, { from: 2000, to: 11_000 });
  assert.deepEqual(drawn.media, [{ from: 4000, to: 11_000 }]);
  assert.deepEqual(drawn.troubled, []);
});

test('of a leg that has ended, measurements say when it carried something', () => {
  const chart = [2000, 3000, 4000, 5000].map(
    (at) => [at, at === 2000 ? 0 : 9, null, null] as [number, number, null, null],
  );
  const ended = leg({ state: 'closed', since: 5500, chart });
  const { media } = lane(person('ann', { leftAt: 6000, receives: [ended] }), span);
  assert.deepEqual(media, [{ from: 3000, to: 5000 }]);
});

test('trouble lasts until the entry that tells of its end, for the same stream, or to the end', () => {
  const happened = (at: number, code: string, level: Entry['level'], stream?: string) => ({
    ...entry(at, level, stream),
    code,
  });
  const entries = [
    happened(2000, 'silent', 'bad', 'x'),
    happened(3000, 'heard', 'info', 'y'),
    happened(3500, 'layer', 'info', 'x'),
    happened(4000, 'heard', 'info', 'x'),
    happened(5000, 'socket-lost', 'warning'),
    happened(6000, 'froze', 'warning', 'x'),
  ];
  const { troubled, marks } = lane(person('ann', { leftAt: 9000, entries }), span);
  const drawn = troubled.map(({ from, to, level }) => [from, to, level]);
  assert.deepEqual(drawn, [
    [2000, 4000, 'bad'],
    [5000, 9000, 'warning'],
  ]);
  assert.deepEqual(
    marks.map(({ at }) => at),
    [2000, 5000, 6000],
    'a moment has a mark only',
  );
});

test('whoever leaves has no trouble any more', () => {
  const entries = [
    { ...entry(2000, 'bad', 'x'), code: 'cut' },
    { ...entry(4000, 'info'), code: 'left' },
  ];
  const { troubled } = lane(person('ann', { entries }), span);
  assert.deepEqual(
    troubled.map(({ from, to }) => [from, to]),
    [[2000, 4000]],
  );
});

test('findings are trouble since they are there, and nothing is drawn outside of the chart', () => {
  const findings = [finding({ since: 500 }), finding({ level: 'info' })];
  const { troubled, lost } = lane(person('ann', { lostAt: 20_000, findings }), span);
  assert.deepEqual(
    troubled.map(({ from, to }) => [from, to]),
    [[1000, 11_000]],
  );
  assert.equal(lost && lost.to >= lost.from, true);
});

test('who never came has an empty lane', () => {
  assert.equal(lane(person('ann', { joinedAt: null }), span).present, null);
});

test('spans that touch become one', () => {
  const spans = [
    { from: 5, to: 6 },
    { from: 1, to: 3 },
    { from: 3, to: 4 },
    { from: 1, to: 2 },
  ];
  assert.deepEqual(joined(spans), [
    { from: 1, to: 4 },
    { from: 5, to: 6 },
  ]);
});

test('places are percents, and inside', () => {
  assert.equal(percent(6000, span), 50);
  assert.equal(percent(0, span), 0);
  assert.equal(percent(99_000, span), 100);
});

test('ticks are round times since the start', () => {
  assert.deepEqual(
    ticks({ from: 500, to: 60_500 }, 6),
    [500, 10_500, 20_500, 30_500, 40_500, 50_500],
  );
  assert.ok(ticks({ from: 0, to: 400 * 86_400_000 }, 6).length > 0, 'even for a year');
});

test('entries of all are one list in the order of time, which can be narrowed', () => {
  const session = detail(
    [
      person('ann', { entries: [entry(2000, 'bad', 'x'), entry(5000, 'info')] }),
      person('bob', { entries: [entry(3000, 'warning', 'x')] }),
    ],
    { entries: [entry(1000, 'info'), entry(4000, 'warning')] },
  );
  const all = { person: '', stream: '', level: 'all' } as const;
  const at = (over: object) => told(session, { ...all, ...over }).map((one) => one.entry.at);
  assert.deepEqual(at({}), [1000, 2000, 3000, 4000, 5000]);
  assert.deepEqual(at({ person: 'ann' }), [2000, 5000]);
  assert.deepEqual(at({ person: 'session' }), [1000, 4000]);
  assert.deepEqual(at({ stream: 'x' }), [2000, 3000]);
  assert.deepEqual(at({ level: 'warning' }), [2000, 3000, 4000]);
  assert.deepEqual(at({ level: 'bad' }), [2000]);
});
