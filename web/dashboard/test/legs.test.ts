import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arriving, current, matrix, presence, standing, tone } from '../src/legs';
import { finding, leg, person } from './made';

test('a leg that flows is told apart by what it lacks', () => {
  assert.equal(standing(leg()), 'flowing');
  assert.equal(standing(leg({ lostPermille: 49 })), 'flowing');
  assert.equal(standing(leg({ lostPermille: 50 })), 'lossy');
  assert.equal(standing(leg({ pause: 'bandwidth', lostPermille: 90 })), 'paused');
  assert.equal(standing(leg({ audioActive: false, videoActive: false })), 'off');
  assert.equal(standing(leg({ hasAudio: false, videoActive: false })), 'off');
  assert.equal(standing(leg({ audioActive: false })), 'flowing');
});

test('before it flows a leg is in the state the server says', () => {
  for (const state of ['asked', 'refused', 'negotiated', 'reached', 'cut'] as const) {
    const over = { state, pause: 'bandwidth', audioActive: false, videoActive: false };
    assert.equal(standing(leg(over)), state);
  }
});

test('a finding says more than a state', () => {
  assert.equal(tone(leg(), undefined), 'good');
  assert.equal(tone(leg(), finding({ level: 'warning' })), 'warning');
  assert.equal(tone(leg({ state: 'negotiated' }), finding({ level: 'bad' })), 'bad');
  assert.equal(tone(leg({ state: 'cut' }), finding({ level: 'warning' })), 'bad');
  assert.equal(tone(leg({ state: 'closed' }), finding({ level: 'bad' })), 'bad');
  assert.equal(tone(leg({ state: 'closed' }), undefined), 'idle');
  assert.equal(tone(leg({ pause: 'notChosen' }), undefined), 'idle');
  assert.equal(tone(leg({ pause: 'bandwidth' }), undefined), 'warning');
});

test('who sees whom: a row for each receiver, a column for each stream', () => {
  const ann = person('ann', { publishes: [leg(), leg({ stream: 'str_SCR_a', source: 'SCREEN' })] });
  const bob = person('bob', { receives: [leg({ state: 'negotiated' })] });
  const camera = person('cam', {
    kind: 'camera',
    publishes: [leg({ stream: 'ipc', from: 'cam' })],
  });
  const { columns, rows } = matrix([ann, bob, camera], false);
  assert.deepEqual(
    columns.map(({ stream, oneOfMany }) => [stream, oneOfMany]),
    [
      ['str_CAM_a', true],
      ['str_SCR_a', true],
      ['ipc', false],
    ],
  );
  assert.deepEqual(
    rows.map(({ person: { connection } }) => connection),
    ['ann', 'bob'],
  );
  const [own, others] = rows.map(({ cells }) => cells.map((cell) => cell.leg?.state ?? null));
  assert.deepEqual(own, ['flowing', 'flowing', null]);
  assert.deepEqual(others, ['negotiated', null, null]);
  assert.deepEqual(
    rows[0]?.cells.map((cell) => cell.own),
    [true, true, false],
  );
});

test('the last attempt for a stream counts', () => {
  const ann = person('ann', { publishes: [leg({ state: 'closed' }), leg()] });
  const bob = person('bob', { receives: [leg({ state: 'cut' }), leg({ state: 'asked' })] });
  const { columns, rows } = matrix([ann, bob], false);
  assert.equal(columns.length, 1);
  assert.equal(rows[1]?.cells[0]?.leg?.state, 'asked');
});

test('who has left, has not come, or has ended a stream is left out unless asked for', () => {
  const people = [
    person('ann', { publishes: [leg({ state: 'closed' })] }),
    person('bob', { leftAt: 9, publishes: [leg({ stream: 'b', state: 'closed' })] }),
    person('eve', { joinedAt: null, kind: 'pending' }),
  ];
  assert.deepEqual(matrix(people, false).columns, []);
  assert.deepEqual(
    matrix(people, true).columns.map(({ stream }) => stream),
    ['str_CAM_a', 'b'],
  );
  assert.equal(matrix(people, true).rows.length, 2);
});

test('a finding is at the cell of its stream', () => {
  const why = finding({ stream: 'str_CAM_a' });
  const ann = person('ann', { publishes: [leg()] });
  const bob = person('bob', { receives: [leg()], findings: [finding(), why] });
  const { rows } = matrix([ann, bob], false);
  assert.equal(rows[0]?.cells[0]?.finding, undefined);
  assert.equal(rows[1]?.cells[0]?.finding, why);
});

test('what arrives is counted among what is open, and of who has left among what there was', () => {
  const flowed = leg({ state: 'closed', stream: 'b' });
  const legs = [leg(), leg({ state: 'negotiated' }), flowed];
  assert.deepEqual(arriving(legs), { arrive: 1, all: 2 });
  assert.deepEqual(arriving([leg({ state: 'closed', flowed: false }), flowed]), {
    arrive: 1,
    all: 2,
  });
  assert.deepEqual(arriving([]), { arrive: 0, all: 0 });
});

test('where somebody stands', () => {
  assert.equal(presence(person('a', { joinedAt: null })), 'pending');
  assert.equal(presence(person('a')), 'here');
  assert.equal(presence(person('a', { lostAt: 5 })), 'lost');
  assert.equal(presence(person('a', { lostAt: 5, leftAt: 6 })), 'left');
});

test('what is published now is shown, and of who has stopped the last thing', () => {
  const before = leg({ stream: 'a', state: 'closed' });
  const last = leg({ stream: 'b', state: 'closed' });
  const now = leg({ stream: 'c' });
  assert.deepEqual(current([before, now, last]), [now]);
  assert.deepEqual(current([before, last]), [last]);
  assert.deepEqual(current([]), []);
});

test('of a leg that has ended it stays to be seen whether anything came', () => {
  assert.equal(standing(leg({ state: 'closed', flowed: true })), 'flowed');
  assert.equal(standing(leg({ state: 'closed', flowed: false })), 'empty');
});
