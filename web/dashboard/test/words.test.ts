import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause } from '../src/connection';
import {
  bitrate,
  bytes,
  dayEnd,
  dayStart,
  duration,
  offset,
  permille,
  withoutPassword,
} from '../src/format';
import { route, sessionLink, storyLink } from '../src/route';
import { preferred, text, worded } from '../src/text';
import { en } from '../src/texts/en';
import { ko } from '../src/texts/ko';

test('figures have units that fit them', () => {
  assert.equal(bitrate(0), '0 bit/s');
  assert.equal(bitrate(999), '999 bit/s');
  assert.equal(bitrate(1200), '1.2 kbit/s');
  assert.equal(bitrate(950_000), '950 kbit/s');
  assert.equal(bitrate(12_300_000_000), '12 Gbit/s');
  assert.equal(bytes(1536), '1.5 KB');
  assert.equal(bytes(-1), '0 B');
  assert.equal(permille(4), '0.4 %');
  assert.equal(permille(123), '12 %');
});

test('times are read as on a clock', () => {
  assert.equal(duration(7_900), '0:07');
  assert.equal(duration(3_723_000), '1:02:03');
  assert.equal(duration(-5), '0:00');
  assert.equal(offset(8_350, 1_000), '+0:07.3');
  assert.equal(offset(0, 1_500), '−0:01.5');
  assert.equal(offset(3_601_000, 1_000), '+1:00:00', 'no tenths after ten minutes');
});

test('passwords of cameras are not shown', () => {
  assert.equal(withoutPassword('rtsp://me:p@ss@192.0.2.7:554/a@b'), 'rtsp://…@192.0.2.7:554/a@b');
  assert.equal(withoutPassword('rtsp://192.0.2.7/a@b'), 'rtsp://192.0.2.7/a@b');
});

test('days include both of their ends, and no day is no limit', () => {
  assert.equal(dayEnd('2026-03-01') > dayStart('2026-03-01'), true);
  assert.equal(dayEnd('2026-03-01'), dayStart('2026-03-02'));
  assert.ok(Number.isNaN(dayStart('')) && Number.isNaN(dayEnd('')));
});

test('both languages say the same things with the same values', () => {
  assert.deepEqual(Object.keys(ko).sort(), Object.keys(en).sort());
  const values = (words: string) => [...words.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    assert.deepEqual(values(ko[key]), values(en[key]), key);
    assert.notEqual(ko[key], '', key);
  }
});

test('the language is what was chosen, otherwise the browser’s', () => {
  assert.equal(preferred('en', ['ko-KR']), 'en');
  assert.equal(preferred(null, ['fr', 'ko-KR']), 'ko');
  assert.equal(preferred('xx', ['fr']), 'en');
});

test('values go into texts, and codes without a word stay themselves', () => {
  assert.equal(text('ofMany', { n: 3, all: 4 }), '3 of 4');
  assert.equal(worded('reason_', 'disconnect'), en.reason_disconnect);
  assert.equal(worded('reason_', 'newOne'), 'newOne');
});

test('addresses name views, and survive odd ids', () => {
  assert.deepEqual(route(''), { view: 'live' });
  assert.deepEqual(route('#/nowhere'), { view: 'live' });
  assert.deepEqual(route('#/history'), { view: 'history' });
  assert.deepEqual(route(sessionLink('a/b ü%')), { view: 'session', id: 'a/b ü%' });
  assert.deepEqual(route(storyLink('a_1')), { view: 'story', key: 'a_1' });
  assert.deepEqual(route('#/sessions/%E0%A4%A'), { view: 'session', id: '%E0%A4%A' });
});

test('pauses between attempts grow, stay bounded, and differ', () => {
  const mid = (attempt: number) => pause(attempt, 0.5);
  assert.ok(mid(0) < mid(1) && mid(1) < mid(3));
  assert.equal(mid(5), mid(500));
  assert.ok(pause(3, 0) < pause(3, 1));
});
