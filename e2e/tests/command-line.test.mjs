/** The commands of the program against a server, beside a call in Chromium. */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { answer, done, madang } from '../harness/commands.mjs';
import { decode, unpack } from '../harness/recordings.mjs';
import { restOk } from '../harness/rest.mjs';
import { secret } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'madang-commands-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const { scenario } = suite({
  OPENVIDU_RECORDING: 'true',
  OPENVIDU_RECORDING_PATH: join(scratch, 'recordings'),
});

/** Exit statuses, as docs/command-line.md promises them. */
const [FAILED, USAGE, NOT_FOUND, REFUSED, UNREACHABLE] = [1, 2, 3, 4, 5];

/** Of a command that fails, and says so on the standard error alone. */
async function fails(server, status, args, words, options) {
  const said = await madang(server, args, options);
  assert.deepEqual([said.status, said.out], [status, ''], `${args.join(' ')}: ${said.error}`);
  assert.match(said.error, words);
  assert.ok(!said.error.includes(secret), said.error);
}

scenario('a call is looked at, recorded and ended', async ({ server, call }) => {
  assert.equal(await done(server, ['session', 'create', 'studio']), 'studio\n');
  const room = await call({ customSessionId: 'other' });
  assert.match(
    await done(server, ['session', 'list']),
    /^SESSION +AGE .*\n(studio|other) +\d+ s +0 /,
  );

  // One token each: the session is there, or is made.
  const token = (await done(server, ['token', 'studio', '--data', '{"name":"한별"}'])).trim();
  assert.match(token, /^wss?:\/\/localhost:\d+\?sessionId=studio&token=tok_\w+/);
  const ann = await room.join('ann', { token });
  const stream = await ann.publish();
  const bob = await room.join('bob', { token: (await done(server, ['token', 'studio'])).trim() });
  await bob.sees(ann);

  const shown = await done(server, ['session', 'show', 'studio']);
  const line = (id) => shown.split('\n').find((text) => text.startsWith(id)) ?? '';
  assert.match(line(ann.id), / active +ann +PUBLISHER +\d+ s +(127\.0\.0\.1|::1) +Chrom/);
  assert.match(line(stream), / ann +CAMERA +\d+ s +\d+x\d+, \d+ fps +on +1$/);
  // Programs get what the server says.
  const json = await answer(server, ['session', 'show', 'studio']);
  const path = '/openvidu/api/sessions/studio?pendingConnections=true';
  assert.deepEqual(json, await restOk(server, 'GET', path));
  const streams = await answer(server, ['stream', 'list', 'studio']);
  assert.deepEqual(
    streams.map(({ streamId }) => streamId),
    [stream],
  );

  const signal = ['session', 'signal', 'studio', 'hello', '--type', 'chat', '--to', ann.id];
  assert.equal(await done(server, signal), '');
  assert.equal((await ann.event('signal', { type: 'signal:chat' })).data, 'hello');

  const fast = ['recording', 'start', 'studio', '--frame-rate', '500'];
  await fails(server, REFUSED, fast, /'frameRate' must be from 1 to 120/);
  assert.equal(
    await done(server, [
      'recording',
      'start',
      'studio',
      '--output-mode',
      'individual',
      '--name',
      'talk',
    ]),
    'studio\n',
  );
  assert.match(await done(server, ['session', 'list']), /studio +\d+ s +2 +1 +yes/);
  await fails(server, REFUSED, ['recording', 'start', 'studio'], /is being recorded already/);
  await fails(
    server,
    REFUSED,
    ['recording', 'download', 'studio'],
    /has no file yet: it is started/,
  );
  await ann.do('sentFrames', 30);
  const stopped = await answer(server, ['recording', 'stop', 'studio']);
  assert.equal(stopped.status, 'ready');
  assert.match(
    await done(server, ['recording', 'list']),
    /studio +studio +ready +\d+ s +0:0\d +[\d.]+ [kM]B +INDIVIDUAL/,
  );

  const folder = mkdtempSync(join(scratch, 'download-'));
  const file = await answer(server, ['recording', 'download', 'studio'], { cwd: folder });
  assert.deepEqual(file, { file: 'talk.zip', size: statSync(join(folder, 'talk.zip')).size });
  assert.deepEqual(readdirSync(folder), ['talk.zip']);
  const unpacked = unpack(join(folder, 'talk.zip'), scratch);
  decode(join(unpacked, `${stream}.webm`));
  const download = ['recording', 'download', 'studio', folder];
  await fails(server, USAGE, download, /talk\.zip is there already; --force/);
  await done(server, [...download, '--force']);

  // Nobody can be asked here.
  const remove = ['recording', 'delete', 'studio'];
  await fails(server, USAGE, remove, /^madang: Delete recording 'studio' \(0:0\d, .*add --yes/);
  assert.equal(await done(server, [...remove, '--yes']), 'deleted studio\n');
  await fails(
    server,
    NOT_FOUND,
    ['recording', 'show', 'studio'],
    /no recording 'studio'; there is none at all/,
  );

  await done(server, ['stream', 'unpublish', 'studio', stream, '--yes']);
  assert.equal((await ann.event('publisherDestroyed')).reason, 'forceUnpublishByServer');
  const update = ['connection', 'update', 'studio', bob.id, '--role', 'subscriber'];
  assert.equal((await answer(server, update)).role, 'SUBSCRIBER');
  await done(server, ['connection', 'close', 'studio', bob.id, '--yes']);
  assert.equal((await bob.event('sessionDisconnected')).reason, 'forceDisconnectByServer');
  assert.equal(
    await done(server, ['session', 'close', 'studio', 'other', '--yes']),
    'closed studio\nclosed other\n',
  );
  assert.equal((await ann.event('sessionDisconnected')).reason, 'sessionClosedByServer');
  assert.equal(await done(server, ['session', 'list']), 'There is no session.\n');
});

scenario('a link leads into a call', async (world) => {
  const { server, browsers } = world;
  const link = await done(server, ['call', '한글 방', '--name', 'Ann', '--no-lobby']);
  assert.match(
    link,
    /^https?:\/\/localhost:\d+\/\?room=%ED%95%9C%EA%B8%80%20%EB%B0%A9&name=Ann&prejoin=false\n$/,
  );
  const page = await browsers.page();
  try {
    await page.goto(link.trim().replace(/^https:/, 'http:'));
    await page.waitForFunction(() => document.title === '한글 방 · Madang');
    const sessions = await answer(server, ['session', 'list']);
    const { id, connections } = sessions.content.find((session) => session.id.startsWith('call-'));
    assert.equal(connections.content[0].status, 'active');
    assert.match(await done(server, ['session', 'show', id]), / active +Ann +PUBLISHER /);
  } finally {
    await page.close();
  }
  const [one, other] = [await answer(server, ['call']), await answer(server, ['call'])];
  assert.notEqual(one.room, other.room);
});

scenario(
  'a mistake is answered with what was meant, and has a status',
  async ({ server, call }) => {
    await call({ customSessionId: 'garden' });
    const { id } = await answer(server, ['connection', 'create', 'garden', '--role', 'moderator']);
    const target = ['broadcast', 'start', 'garden', 'rtmp://127.0.0.1:9/live/key'];
    for (const [status, args, words] of [
      [USAGE, ['sesion', 'list'], /'session'/],
      [USAGE, ['session', 'list', '--jsno'], /'--json'/],
      [USAGE, ['session', 'create', '--codec', 'vp7'], /VP8, VP9, H264/],
      [USAGE, ['connection', 'update', 'garden', id], /--role/],
      [
        USAGE,
        ['session', 'list', '--url', 'localhost:4443'],
        /is https:\/\/localhost:4443 meant\?/,
      ],
      [
        USAGE,
        ['session', 'list', '--url', 'https://a', '--trust', '/nowhere'],
        /--trust \/nowhere/,
      ],
      [
        USAGE,
        ['session', 'close', 'garden'],
        /Close session 'garden' \(nobody is there\)\? .*add --yes/,
      ],
      [NOT_FOUND, ['session', 'show', 'gardn'], /no session 'gardn'; is 'garden' meant\?/],
      [NOT_FOUND, ['session', 'signal', 'Garden'], /is 'garden' meant\?/],
      [
        NOT_FOUND,
        ['connection', 'show', 'garden', id.slice(0, -3)],
        new RegExp(`is '${id}' meant\\?`),
      ],
      [NOT_FOUND, ['connection', 'close', 'gardn', id, '--yes'], /no session 'gardn'/],
      [
        NOT_FOUND,
        ['stream', 'unpublish', 'garden', 'str_x', '--yes'],
        /no stream 'str_x'; there is none/,
      ],
      [NOT_FOUND, ['recording', 'start', 'gardem'], /is 'garden' meant\?/],
      [NOT_FOUND, ['broadcast', 'stop', 'garden'], /is not being broadcast/],
      [REFUSED, ['session', 'create', 'garden'], /there is a session with this id already/],
      [REFUSED, ['session', 'create', 'a b'], /customSessionId/],
      [
        REFUSED,
        ['recording', 'start', 'garden', '--output-mode', 'INDIVIDUAL'],
        /nobody is in the session/,
      ],
      [REFUSED, ['connection', 'create', 'garden', '--camera', 'camera.local'], /rtspUri/],
      [REFUSED, target, /nobody is in the session/],
      [REFUSED, ['broadcast', 'start', 'garden', 'nowhere'], /'broadcastUrl' must be a URL/],
    ]) {
      await fails(server, status, args, words);
    }
    const wrong = { OPENVIDU_SECRET: 'another' };
    for (const args of [['session', 'list'], ['call']]) {
      await fails(server, REFUSED, args, /refuses the secret: OPENVIDU_SECRET/, {
        settings: wrong,
      });
    }
    const nobody = ['session', 'list', '--url', 'http://127.0.0.1:9'];
    await fails(server, UNREACHABLE, nobody, /no server answers at http:\/\/127\.0\.0\.1:9 /);
    // Programs get one document on the standard output, whatever it is.
    for (const [args, kind, exitStatus] of [
      [['session', 'show', 'gardn'], 'not-found', NOT_FOUND],
      [['session', 'list', '--jsno'], 'usage', USAGE],
      [['session', 'create', 'a b'], 'refused', REFUSED],
    ]) {
      const said = await madang(server, [...args, '--json']);
      const { error } = JSON.parse(said.out);
      assert.deepEqual(
        [said.status, said.error, error.kind, error.exitStatus],
        [exitStatus, '', kind, exitStatus],
      );
    }
  },
);

scenario(
  'a broadcast that nobody takes fails with what the server says',
  async ({ server, call }) => {
    const room = await call();
    const ann = await room.join('ann');
    await ann.publish();
    const said = await madang(server, [
      'broadcast',
      'start',
      room.id,
      'rtmp://127.0.0.1:9/live/key',
      '--json',
    ]);
    const { error } = JSON.parse(said.out);
    // Where there is no transcoder (501) it is refused.
    assert.ok([FAILED, REFUSED].includes(said.status), said.out);
    assert.deepEqual([error.exitStatus, error.message], [said.status, error.answer.message]);
    assert.deepEqual((await answer(server, ['broadcast', 'list'])).content, []);
  },
);

scenario(
  'a certificate that the server made itself is taken once it is trusted',
  async ({ server }) => {
    const settings = { OPENVIDU_URL: server.url.replace('http:', 'https:') };
    const list = ['session', 'list'];
    await fails(
      server,
      UNREACHABLE,
      list,
      /certificate .* not trusted .* secret was not sent.*--trust/,
      { settings },
    );
    const authority = join(scratch, 'madang.crt');
    const response = await fetch(`${server.url}/trust/madang.crt`);
    writeFileSync(authority, Buffer.from(await response.arrayBuffer()));
    const trusting = [...list, '--trust', authority];
    assert.match(await done(server, trusting, { settings }), /^SESSION |^There is no session/);
    await done(server, [...list, '--insecure'], { settings });
    // Not for another name.
    const settingsOfAnother = {
      OPENVIDU_URL: settings.OPENVIDU_URL.replace('localhost', '127.0.0.2'),
    };
    await fails(server, UNREACHABLE, trusting, /it is for another name/, {
      settings: settingsOfAnother,
    });
  },
);

scenario(
  'the server of the settings here needs no address, and .env may name another',
  async ({ server }) => {
    const folder = mkdtempSync(join(scratch, 'settings-'));
    const at = { cwd: folder, settings: { OPENVIDU_URL: '', OPENVIDU_SECRET: '' } };
    writeFileSync(join(folder, '.env'), `SERVER_PORT=${server.port}\nOPENVIDU_SECRET=${secret}\n`);
    // Tables have ages, which change between two looks.
    const list = ['session', 'list', '--json'];
    assert.equal(await done(server, list, at), await done(server, list));
    writeFileSync(join(folder, '.env'), `OPENVIDU_URL=${server.url}\nOPENVIDU_SECRET=${secret}\n`);
    assert.equal(await done(server, list, at), await done(server, list));
  },
);

scenario('a file that breaks off is not there', async ({ server }) => {
  const url = 'http://localhost/openvidu/recordings/garden/garden.mp4';
  const recording = { id: 'garden', status: 'ready', url };
  const broken = createServer((request, response) => {
    if (request.url.startsWith('/openvidu/api/')) {
      response.end(JSON.stringify(recording));
      return;
    }
    response.writeHead(200, { 'Content-Length': 1_000_000 });
    response.write(Buffer.alloc(500_000), () => response.destroy());
  });
  await new Promise((listening) => broken.listen(0, '127.0.0.1', listening));
  try {
    const folder = mkdtempSync(join(scratch, 'broken-'));
    writeFileSync(join(folder, 'garden.mp4'), 'the old one');
    const settings = { OPENVIDU_URL: `http://127.0.0.1:${broken.address().port}` };
    const download = ['recording', 'download', 'garden', '--force'];
    await fails(server, UNREACHABLE, download, /garden\.mp4 was not written/, {
      settings,
      cwd: folder,
    });
    assert.deepEqual(readdirSync(folder), ['garden.mp4']);
    assert.equal(readFileSync(join(folder, 'garden.mp4'), 'utf8'), 'the old one');
  } finally {
    broken.close();
  }
});
