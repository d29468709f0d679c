import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWhole, markdown, median, spread } from './figures.mjs';

const quantiles = { p50: 1, p95: 2, p99: 3 };
const row = (round, peer, cost, packets = {}) => ({
  round,
  peer,
  scenario: 'webinar',
  report: {
    packets: { lost: 0, misdirected: 0, received_per_second: 11_500, ...packets },
    legs: { expected: 50, with_media: 50 },
    failures: [],
    delay_ms: quantiles,
    joins: { first_packet_ms: quantiles, first_picture_ms: quantiles },
    server_process: { microseconds_per_packet: cost, memory_kb_per_leg: 150, cpu_ms_per_join: 2 },
    generator: { cpu_percent: 40 },
  },
});

test('a median is the middle, or between the two', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(spread([1, 2, 30]), '2.00 (1.00 to 30.0)');
  assert.equal(spread([]), '');
});

test('ratios are of the same round, and rounds with loss do not count', () => {
  const rows = [
    row(1, 'madang', 5),
    row(1, 'janus', 20),
    row(2, 'madang', 10),
    row(2, 'janus', 30),
    row(3, 'janus', 1000, { lost: 1 }),
    // Nothing to compare it with.
    row(4, 'janus', 25),
  ];
  const lines = markdown(rows).split('\n');
  const janus = lines.find((line) => line.startsWith('| janus'));
  assert.match(
    janus,
    /^\| janus \| 3 of 4 \| 11500 \| 3\.50 \(3\.00 to 4\.00\) \| 25\.0 \(20\.0 to 30\.0\) \|/,
  );
  const madang = lines.find((line) => line.startsWith('| madang'));
  assert.match(madang, /^\| madang \| 2 of 2 \| 11500 \| {2}\| 7\.50/);
});

test('what was not counted is left empty', () => {
  const talk = row(1, 'madang', 5);
  talk.report.joins.first_picture_ms = { count: 0, p50: 0, p95: 0 };
  assert.match(markdown([talk]), /\| 1\.00 \| {2}\| {2}\| 40\.0 \|/);
});

test('a row without a report is not whole', () => {
  assert.equal(isWhole({ error: 'the server did not start' }), false);
  assert.equal(isWhole(row(1, 'janus', 1, { misdirected: 2 })), false);
  assert.equal(isWhole(row(1, 'janus', 1)), true);
});
