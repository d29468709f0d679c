/** What somebody with a place in a session can make others hear, and the disk take. */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { RawClient } from '../harness/rawclient.mjs';
import { burden, many, target } from './harness.mjs';

const cdr = mkdtempSync(join(tmpdir(), 'madang-cdr-'));
/** Takes what it is sent and never answers. */
const silent = createServer((request) => request.resume());
await new Promise((done) => silent.listen(0, '127.0.0.1', done));
after(() => {
  silent.closeAllConnections();
  silent.close();
  rmSync(cdr, { recursive: true });
});

const { attack } = target({
  OPENVIDU_CDR: 'true',
  OPENVIDU_CDR_PATH: cdr,
  OPENVIDU_WEBHOOK: 'true',
  OPENVIDU_WEBHOOK_ENDPOINT: `http://127.0.0.1:${silent.address().port}/`,
});

const onDisk = () =>
  readdirSync(cdr).reduce((bytes, name) => bytes + statSync(join(cdr, name)).size, 0);

/** One who has joined a room of its own. */
async function insider({ server, call }) {
  const room = await call();
  const client = await RawClient.open(server);
  const joined = await client.join(room, await room.token());
  assert.ok(joined.result, JSON.stringify(joined));
  return client;
}

function signal(length) {
  const data = 'x'.repeat(length);
  return { message: JSON.stringify({ to: [], type: 'signal:x', data }) };
}

for (const [what, length] of [
  ['signals of a megabyte', 1_000_000],
  ['signals as long as they may be', 150_000],
  ['short signals', 10],
]) {
  attack(what, async (world) => {
    const client = await insider(world);
    const before = { memory: burden(world.server).memory, disk: onDisk() };
    const count = many(8_000, 800);
    let refused = 0;
    for (let i = 0; i < count; i++) {
      const answer = await client.request('sendMessage', signal(length));
      if (answer.error) {
        assert.ok([600, 802].includes(answer.error.code), JSON.stringify(answer));
        refused += 1;
      }
      world.tried();
    }
    world.peak();
    assert.ok(refused > 0, 'some were too many');
    assert.equal((await client.request('ping', {})).result.value, 'pong');
    const memory = burden(world.server).memory - before.memory;
    const disk = (onDisk() - before.disk) / 1024 / 1024;
    assert.ok(memory < 64, `${memory} MiB of memory`);
    assert.ok(disk < 64, `${disk} MiB of disk`);
    client.close();
  });
}
