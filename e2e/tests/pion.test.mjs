/**
 * Pion, unmodified, with two kinds of certificates. It has no codecs: ffmpeg makes what it sends and decodes what it
 * receives.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import { Engine } from '../harness/engine.mjs';
import { suite } from '../harness/suite.mjs';

const run = promisify(execFile);
const source = new URL('../engines/pion', import.meta.url).pathname;

const { scenario } = suite();

let folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'madang-pion-'));
  const go = { cwd: source, env: { ...process.env, GOTOOLCHAIN: 'local' } };
  await run('go', ['build', '-o', join(folder, 'engine'), '.'], go);
  const ffmpeg = (...words) => run('ffmpeg', ['-v', 'error', ...words], { cwd: folder });
  const picture = 'testsrc=size=320x240:rate=15:duration=4';
  const vp8 = ['-c:v', 'libvpx', '-deadline', 'realtime', '-g', '15', '-b:v', '300k'];
  await ffmpeg('-f', 'lavfi', '-i', picture, ...vp8, 'picture.ivf');
  // One packet on each page, which is what Pion's reader hands on.
  const opus = ['-c:a', 'libopus', '-page_duration', '20000'];
  await ffmpeg('-f', 'lavfi', '-i', 'sine=frequency=440:duration=4', ...opus, 'sound.ogg');
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** How many different pictures there are in a file, and how loud the sound is in another. */
async function decoded() {
  const ffmpeg = (...words) => run('ffmpeg', ['-hide_banner', ...words], { cwd: folder });
  const hashes = await ffmpeg('-v', 'error', '-i', 'received.ivf', '-f', 'framemd5', '-');
  const pictures = new Set(hashes.stdout.match(/[0-9a-f]{32}$/gm));
  const { stderr } = await ffmpeg('-i', 'received.ogg', '-af', 'volumedetect', '-f', 'null', '-');
  return { pictures: pictures.size, decibels: Number(stderr.match(/max_volume: (\S+) dB/)[1]) };
}

for (const [what, certificate] of [
  ['of its own making', []],
  ['on P-521', ['p521']],
]) {
  scenario(
    `Pion with a certificate ${what} and a browser see and hear each other`,
    async ({ call }) => {
      const room = await call();
      const ann = await room.join('ann');
      await ann.publish();
      const command = [join(folder, 'engine'), ...certificate];
      const bob = await Engine.join(room, 'Pion', command, { cwd: folder });
      await bob.publish();
      await bob.subscribe(ann);
      await Promise.all([
        ann.sees(bob),
        bob.received(({ frames, packets }) => frames >= 100 && packets >= 100),
      ]);
      await bob.close();
      const { pictures, decibels } = await decoded();
      assert.ok(pictures >= 5, `${pictures} different pictures`);
      assert.ok(decibels > -60, `${decibels} dB`);
    },
  );
}
