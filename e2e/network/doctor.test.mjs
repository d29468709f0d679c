/** The doctor in networks that let something through and something not. */

import assert from 'node:assert/strict';
import { examine, found, usePage } from '../harness/doctor.mjs';
import { behindRouter, filter, inNetwork, ports, serverAddress, translate } from './networks.mjs';

const settings = { DOMAIN_OR_PUBLIC_IP: serverAddress, COTURN_PORT: '3478' };
const plain = `http://${serverAddress}:${ports.SERVER_PORT}`;

const network = (...rules) => ({
  build: (net) =>
    behindRouter(net, (outside) => translate(outside) + (rules.length ? filter(...rules) : '')),
  settings,
});

const verdicts = (report, wanted) =>
  report.checks.filter(({ verdict }) => verdict === wanted).map(({ leg }) => leg);

/** The page over HTTPS: only there browsers give what a call needs. */
async function usePageIn({ browsers }) {
  const page = await browsers.page('chromium', { locale: 'en-GB' });
  await page.goto(`https://${serverAddress}:${ports.SERVER_PORT}/openvidu/doctor`);
  const seen = await usePage(page);
  await page.close();
  return seen;
}

inNetwork(
  'through an open network everything is found well, from the server and from outside',
  network(),
  async (world, { server, client }) => {
    const here = await examine([], { namespace: server, settings: { ...ports, ...settings } });
    assert.deepEqual(verdicts(here, 'failed'), [], JSON.stringify(here, null, 2));
    // Signed by the server itself, which its own doctor knows.
    assert.equal(found(here, 'certificate').verdict, 'warning');
    const outside = await examine(['--url', plain], { namespace: client });
    for (const leg of [
      'server',
      'address',
      'port',
      'web-socket',
      'udp',
      'tcp',
      'turn-udp',
      'turn-tcp',
    ]) {
      assert.equal(found(outside, leg).verdict, 'ok', JSON.stringify(outside, null, 2));
    }
    assert.equal(
      found(outside, 'certificate').verdict,
      'failed',
      'nobody outside knows who signed it',
    );
    const { verdicts: seen, text } = await usePageIn(world);
    for (const leg of ['udp', 'turn-udp', 'turn-tcp']) assert.equal(seen[leg], 'ok', text);
  },
);

inNetwork(
  'where UDP is blocked both say so',
  network('meta l4proto udp drop'),
  async (world, { client }) => {
    const report = await examine(['--url', plain], { namespace: client });
    const udp = found(report, 'udp');
    assert.equal(udp.verdict, 'failed', JSON.stringify(report, null, 2));
    assert.match(udp.advice, /40000\/udp/);
    // By another way the relay is reached, so that calls work.
    assert.equal(found(report, 'turn-udp').verdict, 'warning');
    for (const leg of ['tcp', 'turn-tcp', 'web-socket']) {
      assert.equal(found(report, leg).verdict, 'ok', JSON.stringify(report, null, 2));
    }
    const { verdicts: seen, text } = await usePageIn(world);
    assert.equal(seen.udp, 'failed', text);
    assert.deepEqual([seen['turn-udp'], seen['turn-tcp']], ['warning', 'ok'], text);
    assert.match(text, /blocks UDP/);
  },
);

inNetwork(
  'a port that cannot be reached, and large datagrams that are dropped, are named',
  network('udp length > 1000 drop', 'ip daddr 198.51.100.1 tcp dport 4444 drop'),
  async (_world, { client }) => {
    const report = await examine(['--url', plain], { namespace: client });
    assert.match(found(report, 'udp').finding, /1200 bytes do not/);
    assert.match(found(report, 'udp').advice, /MTU/);
    const other = await examine(['--url', `http://${serverAddress}:4444`], { namespace: client });
    assert.deepEqual(verdicts(other, 'failed'), ['server']);
    assert.match(found(other, 'server').finding, /nobody answers/);
  },
);
