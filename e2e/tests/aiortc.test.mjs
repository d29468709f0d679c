/**
 * aiortc, unmodified: several fingerprints for each section, an answer that starts DTLS itself.
 * It is installed once, into a cache folder of its own.
 */

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Engine } from '../harness/engine.mjs';
import { suite } from '../harness/suite.mjs';

const root = new URL('../..', import.meta.url).pathname;

const { scenario } = suite();

scenario('aiortc and a browser see and hear each other', async ({ call }) => {
  const script = join(root, 'scripts/python.sh');
  const requirements = join(root, 'e2e/engines/aiortc/requirements.txt');
  const python = execFileSync(script, [requirements], { encoding: 'utf8' }).trim();
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish();
  const bob = await Engine.join(room, 'aiortc', [python, `${root}e2e/engines/aiortc/engine.py`]);
  await bob.publish();
  await bob.subscribe(ann);
  await Promise.all([ann.sees(bob), bob.sees()]);
});
