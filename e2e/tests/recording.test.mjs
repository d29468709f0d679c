/** Individual recordings: unmodified openvidu-browser in Chromium, openvidu-node-client, and what is on the disk. */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { OpenVidu, Recording } from 'openvidu-node-client';
import { decode, individual, play, wasTold } from '../harness/recordings.mjs';
import { rest, restOk } from '../harness/rest.mjs';
import { secret } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'madang-recordings-'));
const folder = join(scratch, 'recordings');
const cdr = join(scratch, 'cdr');
after(() => rmSync(scratch, { recursive: true, force: true }));

const { scenario, world } = suite({
  OPENVIDU_RECORDING: 'true',
  OPENVIDU_RECORDING_PATH: folder,
  OPENVIDU_RECORDING_NOTIFICATION: 'publisher_moderator',
  OPENVIDU_CDR: 'true',
  OPENVIDU_CDR_PATH: cdr,
});

const { INDIVIDUAL } = Recording.OutputMode;

const client = (server) => {
  const openvidu = new OpenVidu(server.url, secret);
  openvidu.enableProdMode();
  return openvidu;
};

/** Waits until this much more of a stream has been sent. */
const sent = (participant, frames) => participant.do('sentFrames', frames);

scenario(
  'two publishers, one of whom publishes again, become three files',
  async ({ server, call }) => {
    const openvidu = client(server);
    const room = await call({ customSessionId: 'interview' });
    const ann = await room.join('ann', { data: 'host' });
    const bob = await room.join('bob');
    const cat = await room.join('cat', { role: 'SUBSCRIBER' });
    const first = await ann.publish();
    const other = await bob.publish();
    await cat.sees(ann);

    const started = await openvidu.startRecording(room.id, {
      outputMode: INDIVIDUAL,
      name: 'talk',
    });
    assert.deepEqual(
      [started.id, started.properties.name, started.status, started.url, started.size],
      ['interview', 'talk', 'started', null, 0],
    );
    assert.deepEqual(await pick(ann.event('recordingStarted')), {
      id: 'interview',
      recording: 'talk',
    });
    assert.equal((await room.show()).recording, true);
    assert.equal((await openvidu.getRecording('interview')).status, 'started');
    await sent(ann, 30);
    await ann.do('unpublish');
    const second = await ann.publish();
    await cat.sees(ann);
    await sent(ann, 30);

    const stopped = await openvidu.stopRecording('interview');
    assert.deepEqual([stopped.status, stopped.properties.name], ['ready', 'talk']);
    assert.equal(stopped.url, `${server.url}/openvidu/recordings/interview/talk.zip`);
    const end = await pick(bob.event('recordingStopped'));
    assert.deepEqual(end, {
      id: 'interview',
      recording: 'talk',
      reason: 'recordingStoppedByServer',
    });
    assert.equal(await cat.count('recordingStarted'), 0, 'subscribers are not told');

    const { sync, files } = individual(folder, stopped, scratch);
    assert.deepEqual(
      files.map(({ name }) => name).sort(),
      [first, second, other].map((id) => `${id}.webm`).sort(),
    );
    for (const file of files) {
      assert.deepEqual([file.video, file.audio, file.typeOfVideo], ['vp8', 'opus', 'CAMERA']);
      const mine = file.streamId === other ? bob : ann;
      assert.equal(file.connectionId, mine.id);
      assert.equal(file.clientData, JSON.stringify({ clientData: mine.name }));
      assert.equal(file.serverData, mine === ann ? 'host' : '');
      decode(file.path);
    }
    const [one, two] = [first, second].map((id) => files.find((file) => file.streamId === id));
    assert.ok(one.endTimeOffset < two.startTimeOffset, 'the second one begins after the first one');
    assert.equal(sync.createdAt, stopped.createdAt);
    await wasTold(cdr, 'interview', [
      'started',
      'stopped recordingStoppedByServer',
      'ready recordingStoppedByServer',
    ]);

    // Anew: the next id; and one ends with its session.
    const again = await openvidu.startRecording(room.id, {
      outputMode: INDIVIDUAL,
      hasVideo: false,
    });
    assert.deepEqual([again.id, again.properties.name], ['interview~1', 'interview~1']);
    await sent(bob, 15);
    await restOk(server, 'DELETE', room.path);
    const list = await openvidu.listRecordings();
    const closed = list.find(({ id }) => id === 'interview~1');
    assert.deepEqual([closed.status, closed.properties.hasVideo], ['ready', false]);
    assert.deepEqual(
      individual(folder, closed, scratch).files.map(({ audio, video }) => [audio, video]),
      [
        ['opus', undefined],
        ['opus', undefined],
      ],
    );
    assert.ok(list.some(({ id }) => id === 'interview'));
    await openvidu.deleteRecording('interview');
    assert.equal(existsSync(join(folder, 'interview')), false);
    await assert.rejects(openvidu.getRecording('interview'), { message: '404' });
  },
);

const pick = async (event) => {
  const { id, recording, reason } = await event;
  return reason === undefined ? { id, recording } : { id, recording, reason };
};

scenario(
  'whose stream is recorded changes while it runs, and muting leaves no hole',
  async ({ server, call }) => {
    const openvidu = client(server);
    const room = await call({ customSessionId: 'toggled' });
    const ann = await room.join('ann');
    const bob = await room.join('bob');
    const stream = await ann.publish();
    await bob.publish();
    const off = { method: 'PATCH', path: `${room.path}/connection/${bob.id}` };
    await restOk(server, off.method, off.path, { record: false });
    await openvidu.startRecording(room.id, { outputMode: INDIVIDUAL });
    await sent(ann, 15);
    // Sound and pictures away and back.
    await ann.do('publishAudio', false);
    await ann.do('publishVideo', false);
    await bob.event('streamPropertyChanged', { property: 'videoActive', newValue: false });
    await restOk(server, off.method, off.path, { record: true });
    await sent(bob, 30);
    await restOk(server, off.method, off.path, { record: false });
    await ann.do('publishAudio', true);
    await ann.do('publishVideo', true);
    await restOk(server, off.method, off.path, { record: true });
    await bob.sees(ann);
    await sent(ann, 15);
    await sent(bob, 15);
    const stopped = await openvidu.stopRecording('toggled');
    const { files } = individual(folder, stopped, scratch);
    const names = files.map(({ name }) => name);
    const bobs = files.filter((file) => file.connectionId === bob.id);
    assert.deepEqual(
      bobs.map(({ name }) => name),
      [`${bobs[0].streamId}.webm`, `${bobs[0].streamId}-1.webm`],
    );
    assert.ok(names.includes(`${stream}.webm`));
    assert.ok(bobs[0].endTimeOffset <= bobs[1].startTimeOffset, 'one after the other');
    assert.ok(bobs[1].startTimeOffset < bobs[1].endTimeOffset);
    const [anns] = files.filter((file) => file.connectionId === ann.id);
    assert.ok(
      anns.startTimeOffset < bobs[0].startTimeOffset && anns.endTimeOffset > bobs[0].endTimeOffset,
    );
    for (const file of files) decode(file.path);
    for (const browser of ['chromium', 'firefox']) {
      const played = await play(world, browser, anns.path);
      assert.ok(Math.abs(played.duration - anns.duration) <= 50, `${browser}: ${played.duration}`);
      assert.ok(played.pictures > 0, browser);
    }
  },
);

scenario('a stream that reconnects goes on in its file', async ({ server, call }) => {
  const room = await call({ customSessionId: 'again' });
  const ann = await room.join('ann');
  const bob = await room.join('bob', { role: 'SUBSCRIBER' });
  const stream = await ann.publish();
  await bob.sees(ann);
  const start = { session: room.id, outputMode: 'INDIVIDUAL' };
  await restOk(server, 'POST', '/openvidu/api/recordings/start', start);
  await sent(ann, 20);
  await ann.do('reconnectStream');
  await sent(ann, 30);
  const stopped = await restOk(server, 'POST', '/openvidu/api/recordings/stop/again');
  const { files } = individual(folder, stopped, scratch);
  assert.deepEqual(
    files.map(({ name }) => name),
    [`${stream}.webm`],
  );
  // Both connections are in it.
  const decoded = decode(files[0].path).video;
  assert.ok(decoded >= 40, `${decoded} pictures`);
});

// Some by default; `make soak-recording` sets more.
const cycles = Number(process.env.RECORDING_CYCLES ?? 5);

scenario(
  'recordings start and stop again and again',
  async ({ server, call }) => {
    const room = await call({ customSessionId: 'soak' });
    const ann = await room.join('ann');
    await ann.publish();
    for (let n = 0; n < cycles; n += 1) {
      const outputMode = n % 2 === 0 ? 'INDIVIDUAL' : 'COMPOSED';
      const start = { session: room.id, outputMode, resolution: '640x360' };
      const started = await restOk(server, 'POST', '/openvidu/api/recordings/start', start);
      assert.equal(started.id, n === 0 ? 'soak' : `soak~${n}`);
      const stop = `/openvidu/api/recordings/stop/${started.id}`;
      const { status, size } = await restOk(server, 'POST', stop);
      assert.equal(status, 'ready');
      assert.ok(size > 0);
    }
  },
  240_000 + cycles * 5_000,
);

scenario(
  'a session that is always recorded starts with its first publisher',
  async ({ server, call }) => {
    const room = await call({
      customSessionId: 'always',
      recordingMode: 'ALWAYS',
      defaultRecordingProperties: { outputMode: 'INDIVIDUAL', name: 'all' },
    });
    const ann = await room.join('ann');
    assert.equal((await room.show()).recording, false);
    await ann.publish();
    assert.deepEqual(await pick(ann.event('recordingStarted')), { id: 'always', recording: 'all' });
    await sent(ann, 15);
    const { body, status } = await rest(server, 'POST', '/openvidu/api/recordings/stop/always');
    assert.deepEqual([status, body.status], [200, 'ready']);
    assert.equal(individual(folder, body, scratch).files.length, 1);
    // Not again in this session.
    await ann.do('unpublish');
    await ann.publish();
    assert.equal((await room.show()).recording, false);
  },
);
