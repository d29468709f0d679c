/**
 * The guide to events: its receiver is run, a call in Chromium with all that makes events is told to it, and every example of the
 * guide has the keys of what came.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { ean13 } from '../harness/barcode.mjs';
import { Browsers } from '../harness/browsers.mjs';
import { openRoom } from '../harness/call.mjs';
import { startMjpegCamera } from '../harness/cameras.mjs';
import { block, blocks, left, settings } from '../harness/guides.mjs';
import { rest, restOk } from '../harness/rest.mjs';
import { startRtmp } from '../harness/rtmp.mjs';
import { source } from '../harness/sentences.mjs';
import { freeTcpPort, startServer } from '../harness/server.mjs';
import { startSite } from '../harness/site.mjs';

const languages = ['events.md', 'events.ko.md'];
const read = (file) => readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');

/** What the guide's receiver prints. */
class Receiver extends EventEmitter {
  told = [];

  static async start(home) {
    const receiver = new Receiver();
    const port = await freeTcpPort();
    receiver.port = port;
    const file = join(home, 'receiver.cjs');
    const listening = block('events', 'receiver.js', { 5001: port }).replace(
      `.listen(${port})`,
      `.listen(${port}, () => console.log('listening'))`,
    );
    writeFileSync(file, listening);
    const env = {
      ...process.env,
      NODE_PATH: new URL('../node_modules', import.meta.url).pathname,
    };
    receiver.process = spawn(process.execPath, [file], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: receiver.process.stdout });
    await once(lines, 'line');
    lines.on('line', (line) => {
      receiver.told.push(JSON.parse(line));
      receiver.emit('told');
    });
    return receiver;
  }

  async until(like) {
    const signal = AbortSignal.timeout(45_000);
    while (!this.told.some(like)) {
      await once(this, 'told', { signal }).catch(() => {
        throw new Error(`only ${this.told.map(({ event }) => event).join()}`);
      });
    }
  }
}

test('what the guide says of events is what comes', { timeout: 180_000 }, async (context) => {
  const home = mkdtempSync(join(tmpdir(), 'madang-told-'));
  context.after(() => rmSync(home, { recursive: true, force: true }));
  const receiver = await Receiver.start(home);
  context.after(() => receiver.process.kill());
  const names = Array.from(
    source('protocol/src/event/name.rs').matchAll(/^ +\w+ = "(\w+)",$/gm),
    ([, name]) => name,
  );
  const shown = settings(block('events', 'OPENVIDU_WEBHOOK=true', { 5001: receiver.port }));
  const configuration = {
    ...shown,
    OPENVIDU_WEBHOOK_EVENTS: `[${names}]`,
    OPENVIDU_RECORDING: 'true',
    OPENVIDU_RECORDING_PATH: join(home, 'recordings'),
    MADANG_DATA_DIR: join(home, 'data'),
  };
  const rtmp = await startRtmp();
  context.after(() => rtmp.stop());
  const camera = await startMjpegCamera();
  context.after(() => camera.stop());
  const site = await startSite();
  context.after(() => site.stop());
  const browsers = new Browsers();
  context.after(() => browsers.stop());
  const server = await startServer(configuration);
  const world = { participants: new Set(), browsers, site, server };

  const room = await openRoom(world);
  const ann = await room.join('ann', { kurentoOptions: { allowedFilters: ['ZBarFilter'] } });
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  const api = (path, body) => restOk(server, 'POST', `/openvidu/api/${path}`, body);
  await api('recordings/start', { session: room.id, outputMode: 'INDIVIDUAL' });
  await api('broadcast/start', { session: room.id, broadcastUrl: `${rtmp.url}/test` });
  await ann.do('signal', { type: 'chat', data: 'Hello' });
  await ann.do('showBars', ean13('4006381333931'));
  await ann.do('applyFilter', 'ZBarFilter', {});
  await ann.do('listenToFilter', 'CodeFound');
  await receiver.until(({ event }) => event === 'filterEventDispatched');
  await api(`recordings/stop/${room.id}`);
  await api('broadcast/stop', { session: room.id });
  const { id } = await api(`sessions/${room.id}/connection`, {
    type: 'IPCAM',
    rtspUri: camera.uri,
  });
  await bob.sees(id, { audio: false });
  await receiver.until(({ state }) => state === 'START');
  await bob.do('leave');
  await receiver.until(({ event }) => event === 'participantLeft');
  assert.equal((await rest(server, 'DELETE', room.path)).status, 204);
  await receiver.until(({ event }) => event === 'sessionDestroyed');

  // One that is open when the power fails.
  await openRoom(world, { customSessionId: 'open' });
  await receiver.until(({ sessionId }) => sessionId === 'open');
  server.child.kill('SIGKILL');
  await server.exited;
  const again = await startServer(configuration);
  await receiver.until(
    ({ event, sessionId }) => event === 'sessionDestroyed' && sessionId === 'open',
  );
  await again.stop();

  const keys = (event) => `${event.event} ${event.connection ?? ''}: ${Object.keys(event)}`;
  const came = new Set(receiver.told.map(keys));
  const told = new Set(receiver.told.map(({ event }) => event));
  for (const file of languages) {
    const lines = blocks(file)
      .filter(({ language }) => language === 'json')
      .flatMap(({ text }) => text.trim().split('\n'));
    const examples = lines.map((line) => JSON.parse(line));
    for (const example of examples) {
      assert.ok(came.has(keys(example)), `${file}: ${keys(example)} of\n${[...came].join('\n')}`);
    }
    const shown = new Set(examples.map(({ event }) => event));
    for (const name of told) assert.ok(shown.has(name), `${file}: an example of ${name}`);
    for (const name of names) assert.ok(read(file).includes(`\`${name}\``), `${file}: ${name}`);
  }

  // Nobody else's requests are believed.
  const stranger = await fetch(configuration.OPENVIDU_WEBHOOK_ENDPOINT, { method: 'POST' });
  assert.equal(stranger.status, 401);
});

test('every reason and every event of openvidu-browser is in the guide', () => {
  const reasons = Array.from(
    source('protocol/src/event/reason.rs').matchAll(/^ +\w+ = "(\w+)",$/gm),
    ([, reason]) => reason,
  );
  assert.ok(reasons.length > 12);
  const events = ['Session', 'StreamManager', 'Publisher'].flatMap((of) => {
    const path = `../node_modules/ovb-2.32.2/lib/OpenViduInternal/Events/EventMap/${of}EventMap.d.ts`;
    const text = readFileSync(new URL(path, import.meta.url), 'utf8');
    return Array.from(text.matchAll(/^ {4}(\w+): /gm), ([, event]) => event);
  });
  assert.ok(events.length > 25);
  for (const file of languages) {
    for (const word of [...reasons, ...events]) {
      assert.ok(read(file).includes(`\`${word}\``), `${file}: ${word}`);
    }
  }
});

test('nothing else is shown', () => assert.deepEqual(left('events'), []));
