/**
 * WHIP and WHEP with clients that are not ours, beside unmodified openvidu-browser: what goes in one way comes out the other, and a
 * device is a connection like any other.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { OpenVidu, Recording } from 'openvidu-node-client';
import { decode, individual } from '../harness/recordings.mjs';
import { restOk } from '../harness/rest.mjs';
import { secret } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';
import { bareToken, Device, eventually, Ffmpeg } from '../harness/whip.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'madang-whip-'));
const folder = join(scratch, 'recordings');
after(() => rmSync(scratch, { recursive: true, force: true }));

const { scenario } = suite({
  OPENVIDU_RECORDING: 'true',
  OPENVIDU_RECORDING_PATH: folder,
  // One candidate: `whip-whep` puts commas between those of a restart, which browsers do not read.
  MADANG_MEDIA_ADDRESSES: '127.0.0.1',
  MADANG_ICE_TCP: 'off',
});

/** The one connection of a room that REST shows besides these participants. */
async function other(room, ...participants) {
  const { connections } = await room.show();
  const known = participants.map(({ id }) => id);
  const [found, ...more] = connections.content.filter(({ id }) => !known.includes(id));
  assert.equal(more.length, 0);
  return found;
}

/** Waits until nobody but these participants is in a room. */
const alone = (room, ...participants) =>
  eventually(
    'who is there',
    async () => (await room.show()).connections.content.map(({ id }) => id).sort(),
    (there) =>
      there.join() ===
      participants
        .map(({ id }) => id)
        .sort()
        .join(),
  );

scenario('what whip-whep publishes, openvidu-browser sees and hears', async (world) => {
  const room = await world.call();
  const ann = await room.join('ann');
  const camera = await Device.open(world, 'camera');
  const token = await bareToken(room, { data: 'a camera' });
  const resource = await camera.do('publish', `${world.server.url}/whip/${room.id}`, token);
  const shown = await other(room, ann);
  assert.equal(resource, `${world.server.url}/whip/${room.id}/connection/${shown.id}`);
  assert.match(shown.platform, /Chrome/);
  assert.equal(shown.serverData, 'a camera');
  assert.equal(shown.publishers.length, 1);
  await ann.sees(shown.id);
  // Candidates were told one after the other, and taken.
  await eventually(
    'what was trickled',
    () => camera.answers,
    (answers) => answers.includes('PATCH 204'),
  );
  assert.deepEqual(
    camera.answers.filter((answer) => !/^POST 201$|^PATCH 204$/.test(answer)),
    [],
  );

  await camera.do('stop');
  await ann.event('streamDestroyed');
  await ann.event('connectionDestroyed', { connectionId: shown.id });
  await alone(room, ann);
});

scenario('what openvidu-browser publishes, whip-whep plays until it ends', async (world) => {
  const room = await world.call();
  const [ann, bob] = [await room.join('ann'), await room.join('bob')];
  await ann.publish();
  await bob.publish();
  const screen = await Device.open(world, 'screen');
  const token = await bareToken(room, { role: 'SUBSCRIBER' });
  await screen.do('play', `${world.server.url}/whep/${room.id}/${bob.streamId}`, token);
  const { subscribers, publishers } = await other(room, ann, bob);
  assert.deepEqual([subscribers.map(({ streamId }) => streamId), publishers], [[bob.streamId], []]);
  await screen.sees();
  await bob.do('unpublish');
  await alone(room, ann, bob);
  await eventually(
    'the page sees it',
    () => screen.do('state'),
    (state) => state !== 'connected',
  );
});

scenario('media goes on while ICE begins anew, in both directions', async (world) => {
  const room = await world.call();
  const ann = await room.join('ann');
  const [camera, screen] = [await Device.open(world, 'camera'), await Device.open(world, 'screen')];
  const { url } = world.server;
  await camera.do('publish', `${url}/whip/${room.id}`, await bareToken(room));
  await screen.do('play', `${url}/whep/${room.id}`, await bareToken(room));
  await screen.sees();
  for (const device of [camera, screen]) {
    const before = await device.do('etag');
    await device.do('restart');
    await eventually(
      'the restart',
      () => device.do('etag'),
      (etag) => etag !== before,
    );
    assert.ok(device.answers.includes('PATCH 200'), device.answers.join());
    await screen.do('forget');
    await screen.sees();
    assert.equal(await device.do('state'), 'connected');
  }
  assert.equal((await room.show()).connections.numberOfElements, 3);
  assert.ok(ann.id);
});

scenario(
  'what FFmpeg publishes is seen, recorded, and ends by itself when it is killed',
  async (world) => {
    const room = await world.call({ customSessionId: 'broadcast' });
    const openvidu = new OpenVidu(world.server.url, secret);
    openvidu.enableProdMode();
    const ann = await room.join('ann');
    const endpoint = `${world.server.url}/whip/${room.id}`;
    const first = await Ffmpeg.publish(world, endpoint, await bareToken(room));
    const shown = await other(room, ann);
    assert.match(shown.platform, /^Lavf/);
    await ann.sees(shown.id);

    await openvidu.startRecording(room.id, { outputMode: Recording.OutputMode.INDIVIDUAL });
    await ann.receives(shown, ({ now, before }) => now.frames >= before.frames + 45);
    const stopped = await openvidu.stopRecording('broadcast');
    const { files } = individual(folder, stopped, scratch);
    assert.equal(files.length, 1);
    assert.deepEqual(
      [files[0].connectionId, files[0].video, files[0].audio],
      [shown.id, 'h264', 'opus'],
    );
    decode(files[0].path);

    await first.stop();
    await ann.event('connectionDestroyed', { connectionId: shown.id, reason: 'disconnect' });

    const second = await Ffmpeg.publish(world, endpoint, await bareToken(room));
    const again = await other(room, ann);
    await ann.sees(again.id);
    await second.close();
    await ann.event('connectionDestroyed', { connectionId: again.id, reason: 'networkDisconnect' });
    await alone(room, ann);
  },
);

scenario('a token lets one device in', async (world) => {
  const room = await world.call();
  const ann = await room.join('ann');
  const [camera, another] = [
    await Device.open(world, 'camera'),
    await Device.open(world, 'another'),
  ];
  const token = await bareToken(room);
  const endpoint = `${world.server.url}/whip/${room.id}`;
  await camera.do('publish', endpoint, token);
  await assert.rejects(another.do('publish', endpoint, token), /status 409/);
  await assert.rejects(another.do('publish', endpoint, 'tok_guessed'), /status 401/);
  const { id } = await other(room, ann);
  await ann.sees(id);
  // The application puts it out as anybody else.
  await restOk(world.server, 'DELETE', `${room.path}/connection/${id}`);
  await ann.event('connectionDestroyed', { connectionId: id, reason: 'forceDisconnectByServer' });
  await eventually(
    'the page sees it',
    () => camera.do('state'),
    (state) => state !== 'connected',
  );
});
