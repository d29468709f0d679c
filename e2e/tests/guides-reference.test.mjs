/**
 * What the guides tell of calls that work and calls that do not: sentences, codes, timelines and answers are those of the program,
 * and none is left out.
 */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Browsers } from '../harness/browsers.mjs';
import { openRoom } from '../harness/call.mjs';
import { Dashboard } from '../harness/dashboard.mjs';
import { assertSameInBoth, block, blocks, left, shell } from '../harness/guides.mjs';
import { RawClient } from '../harness/rawclient.mjs';
import { restOk } from '../harness/rest.mjs';
import { sentences, source } from '../harness/sentences.mjs';
import { binary, secret, startServer } from '../harness/server.mjs';
import { startSite } from '../harness/site.mjs';

const docs = new URL('../../docs/', import.meta.url);
const read = (file) => readFileSync(new URL(file, docs), 'utf8');
const both = (guide) => [`${guide}.md`, `${guide}.ko.md`];
const guides = [
  'how-a-call-works',
  'troubleshooting',
  'errors',
  'events',
  'from-openvidu',
  'one-machine',
  'deploy',
];
const offer = readFileSync(new URL('../fixtures/offer.sdp', import.meta.url), 'utf8');

const world = { participants: new Set() };
before(async () => {
  world.server = await startServer();
});
after(async () => {
  await world.browsers?.stop();
  world.site?.stop();
  await world.server.stop();
});
const here = () => ({ 'http://localhost:4443': world.server.url, MY_SECRET: secret });

/** Rows of a guide's tables: their cells. */
const rows = (file) =>
  Array.from(read(file).matchAll(/^\| (.*) \|$/gm), ([, row]) => row.split(' | '));

/** Of each line of a block a pattern: `…` is anything, and so are addresses, ports and keys. */
function patterns(text) {
  return text
    .trimEnd()
    .split('\n')
    .map((line) =>
      line
        .trim()
        .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
        .replaceAll('…', '.*')
        .replaceAll(/\d+(\\\.\d+){3}(:\d+)?/g, '\\S+')
        .replaceAll(/localhost:\d+/g, '\\S+')
        .replaceAll(/ (40000|443) /g, ' \\d+ ')
        .replaceAll(/[0-9a-f]{20,}/g, '[0-9a-f]+')
        .replaceAll(/([0-9A-F]{2}:){3,}/g, '[0-9A-F:]+'),
    )
    .map((line) => new RegExp(`^${line}$`));
}

/** Each line of the block is among `lines`, in this order. */
function saidInOrder(text, lines) {
  let from = 0;
  for (const pattern of patterns(text)) {
    const found = lines.findIndex((line, n) => n >= from && pattern.test(line));
    assert.ok(found >= 0, `${pattern} after line ${from} of\n${lines.join('\n')}`);
    from = found + 1;
  }
}

test('guides show the same in both languages', () => {
  for (const guide of guides) {
    assertSameInBoth(guide);
    const [headings, same] = both(guide).map((file) => read(file).match(/^#+ /gm));
    assert.deepEqual(same, headings, guide);
  }
});

/** As GitHub and mdBook name a heading. */
const anchor = (heading) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

test('links of these guides lead somewhere', () => {
  const anchors = (file) =>
    Array.from(read(file).matchAll(/^#+ (.*)$/gm), ([, heading]) => anchor(heading));
  for (const file of guides.flatMap(both)) {
    for (const [, target] of read(file).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path, fragment] = target.split('#');
      assert.ok(existsSync(new URL(path || file, docs)), `${file}: ${target}`);
      if (!fragment) continue;
      assert.ok(anchors(path || file).includes(decodeURI(fragment)), `${file}: ${target}`);
    }
  }
});

test('drawings have a title and a description, fit, and are shown in both languages', async () => {
  world.browsers ??= new Browsers();
  const page = await world.browsers.page();
  const drawings = readdirSync(new URL('drawings/', docs));
  for (const drawing of drawings) {
    for (const file of both('how-a-call-works')) {
      assert.ok(read(file).includes(`](drawings/${drawing})`), `${drawing} in ${file}`);
    }
    await page.goto(new URL(`drawings/${drawing}`, docs).href);
    const told = await page.evaluate(() => {
      const { width, height } = document.documentElement.viewBox.baseVal;
      const outside = [...document.querySelectorAll('text')].filter((text) => {
        const box = text.getBBox();
        return box.x < 0 || box.y < 0 || box.x + box.width > width || box.y + box.height > height;
      });
      const named = document.documentElement.getAttribute('aria-labelledby').split(' ');
      return {
        outside: outside.map((text) => text.textContent),
        described: named.every((id) => document.getElementById(id)?.textContent.length > 20),
      };
    });
    assert.deepEqual(told, { outside: [], described: true }, drawing);
  }
  await page.close();
});

test('sentences of dashboard, doctor and log are those of the program', () => {
  const english = ['history/src/words/english.rs', 'doctor/src/english.rs'];
  const korean = ['history/src/words/korean.rs', 'doctor/src/korean.rs'];
  for (const [file, sources] of [
    ['troubleshooting.md', english],
    ['troubleshooting.ko.md', korean],
  ]) {
    const known = sources.flatMap(sentences);
    const quoted = Array.from(read(file).matchAll(/^> (.*)$/gm), ([, sentence]) => sentence);
    assert.ok(quoted.length > 30, `${quoted.length} in ${file}`);
    for (const sentence of quoted) {
      assert.ok(
        known.some((pattern) => pattern.test(sentence)),
        `${file}: ${sentence}`,
      );
    }
  }
  const log = source('delivery/src/webhooks/delivery.rs') + source('certificates/src/acme.rs');
  for (const file of both('troubleshooting')) {
    for (const line of [
      'the receiver of webhooks is away: events wait for it',
      'webhook not accepted: only 200 is',
      'no certificate from the authority; trying again later',
    ]) {
      assert.ok(log.includes(`"${line}"`) && read(file).includes(`\`${line}\``), line);
    }
  }
});

test('the doctor says what is shown', async () => {
  const command = block('troubleshooting', 'madang doctor --url http', here()).trim();
  block('troubleshooting', 'Nothing has failed.');
  for (const [file, language] of [
    ['troubleshooting.md', 'en'],
    ['troubleshooting.ko.md', 'ko'],
  ]) {
    const run = command.replace('madang doctor', `${binary} doctor --lang ${language}`);
    const lines = (await shell(`${run} --ntp 127.0.0.1:9`)).split('\n').map((line) => line.trim());
    const [shown] = blocks(file).filter(({ language }) => language === 'text');
    saidInOrder(shown.text, lines);
  }
});

test('an SDP is as shown', async () => {
  const made = block('how-a-call-works', 'customSessionId', here());
  const answers = (await shell(made.replaceAll('curl', '\ncurl'))).trim();
  const { token } = JSON.parse(answers.slice(answers.indexOf('}{') + 1));
  const client = await RawClient.open(world.server);
  assert.ok((await client.join({ id: 'room' }, token)).result);
  const { result } = await client.publish(offer);
  const lines = result.sdpAnswer.split('\r\n');
  for (const pattern of patterns(block('how-a-call-works', 'a=ice-lite'))) {
    assert.ok(
      lines.some((line) => pattern.test(line)),
      `${pattern} in\n${result.sdpAnswer}`,
    );
  }
  client.close();
});

test('a real call has the timeline that is shown', { timeout: 120_000 }, async () => {
  const server = await startServer({ OPENVIDU_WEBRTC_SIMULCAST: 'true' });
  world.browsers ??= new Browsers();
  world.site = await startSite();
  const rooms = { ...world, server };
  const room = await openRoom(rooms);
  const languages = ['en', 'ko'];
  const dashboards = await Promise.all(languages.map((one) => Dashboard.open(server, one)));
  try {
    for (const dashboard of dashboards) dashboard.watch(room.id);
    const ann = await room.join('ann');
    await ann.publish();
    const bob = await room.join('bob');
    await bob.publish();
    await bob.sees(ann);
    block('how-a-call-works', 'Joined from');
    for (const [n, file] of both('how-a-call-works').entries()) {
      const shown = blocks(file).find(({ text }) => text.startsWith('+0:'));
      const lines = shown.text
        .replaceAll(/^\+\S+ +/gm, '')
        .trimEnd()
        .split('\n');
      const wanted = lines.map((line) =>
        line
          .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
          .replaceAll(/\d+(\\\.\d+){3}(:\d+)?/g, '\\S+')
          .replace(/Chrome .* on Linux/, 'Chrome .* on Linux')
          .replace(/\b0(?=[ 을])/, '\\d'),
      );
      await dashboards[n].until(`all that ${file} shows`, (dashboard) => {
        const entries = dashboard.person(bob.id)?.entries ?? [];
        const texts = entries.map(({ text }) => text);
        return wanted.every((line) => texts.some((text) => new RegExp(`^${line}$`).test(text)));
      });
    }
    server.assertHealthy();
  } finally {
    for (const dashboard of dashboards) dashboard.close();
    for (const participant of world.participants) await participant.close();
    await server.stop();
  }
});

test('every error of REST is in the guide', async () => {
  const document = await restOk(world.server, 'GET', '/openvidu/api/openapi.json');
  /** What stands for every path, and the reasons of it that are not told by a row of their own. */
  const everywhere = [
    'A parameter is not a boolean',
    'A parameter breaks its rule',
    'The body is not a JSON object, or a parameter breaks its rule',
    'The body does not claim to be JSON',
    'The server is stopping',
  ];
  for (const file of both('errors')) {
    const told = new Set();
    for (const [first, second] of rows(file)) {
      const statuses = (second ?? '').split(', ').filter((status) => /^\d{3}$/.test(status));
      for (const [, path] of first.matchAll(/`([A-Z]+ \S+)`/g)) {
        for (const status of statuses) told.add(`${path} ${status}`);
      }
      if (/^\d{3}$/.test(first)) told.add(first);
    }
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, { responses = {} }] of Object.entries(operations)) {
        for (const [status, { description }] of Object.entries(responses)) {
          if (status < '400') continue;
          const short = path.replace('/openvidu/api', '');
          const own = description && !everywhere.includes(description);
          const wanted = own ? `${method.toUpperCase()} ${short} ${status}` : status;
          assert.ok(told.has(wanted), `${file}: ${wanted} (${description})`);
        }
      }
    }
  }
});

test('every code, every end of a WebSocket and every name is in the guide', () => {
  const codes = Array.from(
    source('protocol/src/error.rs').matchAll(/Self::\w+ => (-?\d+),/g),
    ([, code]) => code,
  );
  assert.ok(codes.length > 20);
  const ends = Array.from(
    source('server/src/signalling/socket.rs').matchAll(/close_with\((\d+)/g),
    ([, code]) => `close ${code}`,
  );
  assert.ok(ends.length > 3);
  const names = ['Enums/OpenViduError', 'Events/ExceptionEvent'].flatMap((path) => {
    const file = `../node_modules/ovb-2.32.2/lib/OpenViduInternal/${path}.d.ts`;
    const text = readFileSync(new URL(file, import.meta.url), 'utf8');
    return Array.from(text.matchAll(/ = "(\w+)"/g), ([, name]) => `\`${name}\``);
  });
  assert.ok(names.length > 15);
  for (const file of both('errors')) {
    const first = rows(file).map(([cell]) => cell);
    for (const code of codes) assert.ok(first.includes(code), `${file}: ${code}`);
    for (const end of ends) {
      assert.ok(
        first.some((cell) => cell.startsWith(end)),
        `${file}: ${end}`,
      );
    }
    const all = first.join();
    for (const name of names) assert.ok(all.includes(name), `${file}: ${name}`);
  }
});

test('a refusal has the body that is shown, and a token that was used the words', async () => {
  const request = block('errors', 'SOMETIMES', here());
  const { stdout } = await shell(request).then(
    () => assert.fail('it was not refused'),
    (error) => error,
  );
  const answer = JSON.parse(stdout);
  const shown = JSON.parse(block('errors', '"timestamp"'));
  assert.deepEqual({ ...answer, timestamp: 0 }, { ...shown, timestamp: 0 });

  await restOk(world.server, 'POST', '/openvidu/api/sessions', { customSessionId: 'used' });
  const path = '/openvidu/api/sessions/used/connection';
  const { token } = await restOk(world.server, 'POST', path, {});
  const [first, second] = [await RawClient.open(world.server), await RawClient.open(world.server)];
  assert.ok((await first.join({ id: 'used' }, token)).result);
  const { error } = await second.join({ id: 'used' }, token);
  assert.equal(error.code, 401);
  const [pattern] = patterns(
    block('errors', 'Unable to join')
      .replace('room. Token', 'used. Token')
      .replace(/Token .* is/, 'Token … is'),
  );
  assert.match(error.message, pattern);
  for (const client of [first, second]) client.close();
});

test('nothing else is shown', () => {
  // Those of the others are in tests of their own.
  for (const guide of ['how-a-call-works', 'troubleshooting', 'errors']) {
    assert.deepEqual(left(guide), [], guide);
  }
});
