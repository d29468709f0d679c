/**
 * coturn's own test client against the relay: allocations, permissions, channels and indications.
 * What it sends must come back from its peer. The relay leads to our media only, so the peer is the
 * echo service (RFC 862) that an allocation finds at ports 7 and 8 of our addresses.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite();

/** Runs the client with credentials made from the server's secret, or from another one. */
function uclient(server, options, secret) {
  const kept = () => readFileSync(join(server.home, 'data', 'turn.secret'), 'utf8');
  const port = options.includes('-t') ? server.port : server.turnPort;
  const common = ['-c', '-p', port, '-u', 'e2e', '-W', secret ?? kept()];
  const words = [...common, ...options, '127.0.0.1'].map(String);
  return new Promise((done) => {
    execFile('turnutils_uclient', words, { timeout: 120_000 }, (error, stdout, stderr) =>
      done({ failed: error !== null, output: stdout + stderr }),
    );
  });
}

const echo = ['-e', '127.0.0.1', '-r', 7];

for (const [what, options] of [
  ['by channels', []],
  ['by indications', ['-s']],
  ['with padded channel data', ['-D']],
  ['asking for unfragmented datagrams', ['-g']],
  ['over TCP', ['-t']],
  ['in the largest datagrams of media', ['-l', 1200]],
]) {
  scenario(`what is sent ${what} comes back through the relay`, async ({ server }) => {
    const { output } = await uclient(server, [...echo, '-m', 5, '-n', 40, ...options]);
    assert.match(output, /tot_send_msgs=200, tot_recv_msgs=200\b/, output);
    assert.match(output, /Total lost packets 0 /, output);
  });
}

scenario('the media port relays as well', async ({ server }) => {
  const { output } = await uclient(server, [...echo, '-p', server.udpPort, '-n', 20]);
  assert.match(output, /tot_send_msgs=20, tot_recv_msgs=20\b/, output);
});

scenario('any other peer is refused', async ({ server }) => {
  for (const peer of [
    ['-e', '127.0.0.2', '-r', server.udpPort],
    ['-e', '127.0.0.1', '-r', server.port],
  ]) {
    const { failed, output } = await uclient(server, [...peer, '-n', 1]);
    assert.ok(failed);
    assert.match(output, /channel bind: error 403/, output);
  }
});

scenario('credentials made from another secret are refused', async ({ server }) => {
  const { failed, output } = await uclient(server, [...echo, '-n', 1], 'guessed');
  assert.ok(failed);
  assert.match(output, /Cannot complete Allocation/, output);
});

scenario('its tests of bad requests and bad protocol leave the server well', async ({ server }) => {
  await uclient(server, [...echo, '-m', 3, '-n', 5, '-N', '-R', '-G', '-B']);
  const { output } = await uclient(server, [...echo, '-m', 2, '-n', 10]);
  assert.match(output, /tot_send_msgs=20, tot_recv_msgs=20\b/, output);
});
